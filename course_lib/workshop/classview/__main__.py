"""The class view as a program: ``python -m course_lib.workshop.classview``, as the Hub starts it.

The Hub looks only every half minute whether a service still runs. So what it starts does no more than start the class
view itself, and start it again in a moment should it ever die.
"""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.ioloop import PeriodicCallback

from course_lib.workshop.classview.results import Results
from course_lib.workshop.classview.service import MOST_BYTES, ClassView, application
from course_lib.workshop.classview.submissions import collect
from course_lib.workshop.people import People
from course_lib.workshop.settings import write_private

FOLDER = "COURSE_WORKSHOP"
LISTEN = "COURSE_CLASS_LISTEN"  # another address than the Hub's, where the Hub is on another machine
_WATCHED = "COURSE_CLASS_WATCHED"
_LOOK_MILLISECONDS = 1000
_PAUSES = (0.1, 0.5, 2.0, 5.0)


def cookie_secret(folder: Path) -> bytes:
    """Return the key of the page's cookies; kept, so that an open page outlives a restart."""
    file = folder / "class_cookie_secret"
    if not file.exists():
        write_private(file, secrets.token_hex(32))
    return bytes.fromhex(file.read_text(encoding="ascii"))


async def serve(folder: Path) -> None:
    """Serve until a signal says to stop, or the Hub that started this is gone."""
    from course_lib.workshop.hub.identity import HubIdentity

    identity = HubIdentity()
    exercises = sorted(path.stem for path in (folder / "course/exercises").glob("*.ipynb"))
    learners = folder / "learners"
    view = ClassView(
        results=Results(folder / "results.sqlite"),
        people=People(folder / "people.sqlite"),
        identity=identity,
        collect=partial(collect, learners, exercises) if learners.is_dir() else None,
    )
    view.load()
    prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    app = application(view, prefix=prefix, more=[identity.callback], cookie_secret=cookie_secret(folder))
    server = HTTPServer(app, xheaders=True, max_body_size=MOST_BYTES)
    where = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    server.listen(where.port or 80, os.environ.get(LISTEN, where.hostname or "127.0.0.1"))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    parent = os.getppid()

    def look() -> None:
        view.look_who_is_here()
        if os.getppid() != parent:  # the Hub was killed: the next one needs this place
            stop.set()

    looking = PeriodicCallback(look, _LOOK_MILLISECONDS)
    looking.start()
    await stop.wait()
    looking.stop()
    server.stop()
    view.close()
    await server.close_all_connections()


def watch() -> int:
    """Keep the class view running until a signal says to stop, or the Hub is gone; return its exit status."""
    parent, failures = os.getppid(), 0
    stopped: list[int] = []
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda number, _: stopped.append(number))
    while True:
        began = time.monotonic()
        child = subprocess.Popen(
            [sys.executable, "-m", "course_lib.workshop.classview"], env=os.environ | {_WATCHED: "1"}
        )
        while child.poll() is None:
            if stopped or os.getppid() != parent:
                child.terminate()
                return child.wait()
            time.sleep(0.1)
        if stopped:
            return child.returncode
        print(f"The class view ended ({child.returncode}) and is started again.", file=sys.stderr, flush=True)
        failures = failures + 1 if time.monotonic() - began < 10 else 0
        time.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])


if __name__ == "__main__":
    if os.environ.get(_WATCHED):
        asyncio.run(serve(Path(os.environ[FOLDER])))
    else:
        sys.exit(watch())
