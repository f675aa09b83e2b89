"""Send what the learner's checks found to the class view: an extension of the learner's own server.

A check leaves a small file in the outbox (`course_lib.checks.records.sharing`). Here they are sent, oldest first, by
the token of the learner's server, and removed when the class view has said that they are safe. Until then they wait,
over restarts of the class view, of this server, and of the Hub.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.ioloop import PeriodicCallback

from course_lib.checks.records.sharing import FOLDER as OUTBOX

ADDRESS = "COURSE_CLASS_VIEW"
MOST_AT_ONCE = 50
LOOK_MILLISECONDS = 250
LONGEST_PAUSE = 32  # looks: eight seconds
_NO_RESULT = (400, 413)


class Sender:
    """Sends what is in an outbox.

    Parameters
    ----------
    outbox : Path
    address : str
        Of the class view, with a slash at its end.
    token : str
        Of the learner's server.
    """

    def __init__(self, outbox: Path, address: str, token: str) -> None:
        self.outbox = outbox
        self._address = f"{address}api/results"
        self._token = token
        self._pause = self._looks = 0
        self._is_sending = False

    async def look(self) -> None:
        """Send what waits; after a failure, look away for a while that doubles."""
        self._looks += 1
        if self._is_sending or self._looks < self._pause:
            return
        self._is_sending = True
        try:
            while await self.send():
                self._pause = 0
        except (OSError, HTTPClientError):
            self._pause = min(2 * self._pause or 2, LONGEST_PAUSE)
        finally:
            self._looks = 0
            self._is_sending = False

    async def send(self) -> int:
        """Send the oldest files; return how many went.

        Raises
        ------
        OSError, HTTPClientError
            Where the class view did not take them; they stay.
        """
        files = self._oldest()
        contents = [content for file in files if (content := self._read(file)) is not None]
        if not contents:
            return 0
        request = HTTPRequest(
            self._address,
            method="POST",
            body=json.dumps({"results": contents}),
            headers={"Authorization": f"token {self._token}", "Content-Type": "application/json"},
            request_timeout=20,
        )
        try:
            await AsyncHTTPClient().fetch(request)
        except HTTPClientError as error:
            if error.code not in _NO_RESULT:
                raise  # it is asleep, or does not know us yet: they wait
        for file in files:
            file.unlink(missing_ok=True)
        return len(files)

    def _oldest(self) -> list[Path]:
        try:
            names = sorted(entry.name for entry in os.scandir(self.outbox) if entry.name.endswith(".json"))
        except FileNotFoundError:
            return []
        return [self.outbox / name for name in names[:MOST_AT_ONCE]]

    @staticmethod
    def _read(file: Path) -> Any:
        """Return what is in a file; one that holds no JSON is removed, since it will never hold any."""
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            with suppress(OSError):
                file.unlink()
            return None


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "course_lib.workshop.sending"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Begin to send, where the server is one of a workshop."""
    outbox, address = os.environ.get(OUTBOX), os.environ.get(ADDRESS)
    token = os.environ.get("JUPYTERHUB_API_TOKEN")
    if outbox and address and token:
        sender = Sender(Path(outbox), address, token)
        looking = PeriodicCallback(sender.look, LOOK_MILLISECONDS)
        looking.start()
        server.log.info("What checks find is sent to the class view.")
