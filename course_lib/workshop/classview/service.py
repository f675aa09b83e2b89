"""What the class view answers: results come in, the page of the class and a learner's own row go out.

Who asks is said by an `Identity`, which for a real workshop is the Hub. Nobody but an instructor gets another's row; a
result belongs to the learner whose token brought it, whatever else it says.
"""

import asyncio
import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import Any, Protocol

from tornado.iostream import StreamClosedError
from tornado.web import Application, HTTPError, RequestHandler, StaticFileHandler

from course_lib.workshop.classview.results import Results, read_result
from course_lib.workshop.classview.room import Room, catalogue
from course_lib.workshop.classview.tables import as_csv
from course_lib.workshop.names import INSTRUCTOR
from course_lib.workshop.people import People

PAGE = Path(__file__).parent / "page"
MOST_RESULTS = 200
MOST_BYTES = 256 * 1024
# Changes are gathered for this long, so that two hundred learners at once make a few updates and not two hundred.
GATHER_SECONDS = 0.2
# A proxy may keep a page's connection open when the service behind it is gone; by its silence the page notices.
STILL_HERE_SECONDS = 2.0
# Then a page asks anew, and whether it may is looked at anew.
STREAM_SECONDS = 600.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Who:
    """Who asks."""

    account: str
    is_instructor: bool = False


class Identity(Protocol):
    """How the service learns who asks."""

    async def who(self, handler: RequestHandler) -> Who | None:
        """Return who asks, or None where nobody is signed in."""

    def sign_in(self, handler: RequestHandler) -> str:
        """Return the address to sign in at."""


@dataclass
class ClassView:
    """The state behind the answers.

    Attributes
    ----------
    results : Results
    people : People
    identity : Identity
    collect : callable or None
        ``collect()`` gives the learners' exercises as the bytes of a zip; None where they are out of reach.
    is_open : bool
        Streams end when it no longer is.
    """

    results: Results
    people: People
    identity: Identity
    collect: Callable[[], bytes] | None = None
    room: Room = field(default_factory=Room)
    is_open: bool = True
    _waiting: set[asyncio.Event] = field(default_factory=set)
    _people_seen: int = -1

    def load(self) -> None:
        """Reckon the room from everything that was ever kept."""
        self.look_who_is_here()
        for learner, found in self.results.everything():
            self.room.add(learner, [found])

    def look_who_is_here(self) -> None:
        """Take in who has joined since."""
        seen = self.people.changes()
        if seen != self._people_seen:
            self._people_seen = seen
            for person in self.people.everyone():
                if not person.account.startswith(INSTRUCTOR):
                    self.room.name(person.account, person.shown)
            self.tell()

    def keep(self, learner: str, contents: list[Any]) -> int:
        """Keep results of a learner; return how many were refused because they are no results."""
        self.look_who_is_here()
        now = self.results.clock()
        found = [one for content in contents if (one := read_result(content, now=now)) is not None]
        if not learner.startswith(INSTRUCTOR):  # who tries things out in front of the class is not of the class
            self.room.add(learner, self.results.keep(learner, found))
            self.tell()
        return len(contents) - len(found)

    def close(self) -> None:
        """Let the streams end, and close the files."""
        self.is_open = False
        self.tell()
        self.results.close()
        self.people.close()

    def tell(self) -> None:
        """Wake the pages that wait for something new."""
        for event in self._waiting:
            event.set()

    async def news(self, seconds: float) -> bool:
        """Wait until something is new; False where nothing was for so long."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(event)
        return True


class Answer(RequestHandler):
    """What all answers have in common: who asks is known before anything is done."""

    view: ClassView
    who: Who | None = None

    def initialize(self, view: ClassView) -> None:
        self.view = view

    def set_default_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        self.who = await self.view.identity.who(self)

    def somebody(self) -> Who:
        """Return who asks; refuse where nobody is signed in."""
        if self.who is None:
            raise HTTPError(HTTPStatus.FORBIDDEN, reason="Sign in first")
        return self.who

    def instructor(self) -> Who:
        """Return who asks, if it is an instructor; refuse otherwise."""
        if not self.somebody().is_instructor:
            raise HTTPError(HTTPStatus.FORBIDDEN, reason="For instructors only")
        return self.somebody()

    def body(self) -> Mapping[str, Any]:
        """Return what was sent, which must be a JSON object."""
        try:
            content = json.loads(self.request.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise HTTPError(HTTPStatus.BAD_REQUEST, reason="A JSON object is expected")
        return content

    def write_error(self, status_code: int, **_: Any) -> None:
        self.finish({"error": self._reason})


class Front(Answer):
    """The class for an instructor, their own row for a learner."""

    def get(self) -> None:
        if self.who is None:
            self.redirect(self.view.identity.sign_in(self))
            return
        page = "class.html" if self.who.is_instructor else "mine.html"
        self.set_header("Content-Type", "text/html; charset=utf-8")
        text = (PAGE / page).read_text(encoding="utf-8")
        token = self.xsrf_token
        self.finish(Template(text).substitute(xsrf=html.escape(token.decode() if isinstance(token, bytes) else token)))


class TakeResults(Answer):
    """Results, from the server of the learner that they are of."""

    def post(self) -> None:
        who, content = self.somebody(), self.body()
        if content.get("learner", who.account) != who.account:
            raise HTTPError(HTTPStatus.FORBIDDEN, reason="Results are taken for oneself only")
        results = content.get("results")
        if not isinstance(results, list) or len(results) > MOST_RESULTS:
            raise HTTPError(HTTPStatus.BAD_REQUEST, reason=f"A list of at most {MOST_RESULTS} results is expected")
        self.finish({"refused": self.view.keep(who.account, results)})


class Mine(Answer):
    """The row of who asks."""

    def get(self) -> None:
        self.view.look_who_is_here()
        self.finish(catalogue() | self.view.room.row(self.somebody().account))


class TheClass(Answer):
    """Everything that the instructor's page shows, at once; it comes with an ETag."""

    def get(self) -> None:
        self.instructor()
        self.finish(catalogue() | self.view.room.since(0))


class Stream(Answer):
    """The class as it is, and then every change, as server-sent events."""

    async def get(self) -> None:
        self.instructor()
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("X-Accel-Buffering", "no")
        loop = asyncio.get_running_loop()
        end, seen = loop.time() + STREAM_SECONDS, 0
        try:
            await self._send(catalogue() | self.view.room.since(0))
            seen = self.view.room.change
            while self.view.is_open and loop.time() < end:
                if self.view.room.change > seen:
                    update, seen = self.view.room.since(seen), self.view.room.change
                    await self._send(update)
                    await asyncio.sleep(GATHER_SECONDS)
                elif not await self.view.news(STILL_HERE_SECONDS):
                    self.write(": still here\n\n")
                    await self.flush()
        except StreamClosedError:
            return

    async def _send(self, content: Mapping[str, Any]) -> None:
        self.write(f"data: {json.dumps(content, separators=(',', ':'))}\n\n")
        await self.flush()

    def compute_etag(self) -> None:
        """Return none: what goes on has no end to compare."""


class Release(Answer):
    """Let a name be taken up again without its PIN."""

    def post(self) -> None:
        self.instructor()
        learner = self.body().get("learner")
        if not isinstance(learner, str) or not self.view.people.release(learner):
            raise HTTPError(HTTPStatus.NOT_FOUND, reason="Nobody has joined under this name")
        self.finish({"released": learner})


class Submissions(Answer):
    """The learners' exercise notebooks, as a zip that `course grade` takes."""

    async def get(self) -> None:
        self.instructor()
        if self.view.collect is None:
            raise HTTPError(HTTPStatus.NOT_FOUND, reason="The notebooks of this workshop are not on this machine")
        content = await asyncio.get_running_loop().run_in_executor(None, self.view.collect)
        self.set_header("Content-Type", "application/zip")
        self.set_header("Content-Disposition", 'attachment; filename="submissions.zip"')
        self.finish(content)


class Table(Answer):
    """The class as CSV."""

    def get(self) -> None:
        self.instructor()
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="class.csv"')
        self.finish(as_csv(self.view.room))


class PageFile(StaticFileHandler):
    """The page's own scripts and styles."""

    def set_extra_headers(self, path: str) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-cache")


def application(view: ClassView, *, prefix: str = "/", more: list[Any] | None = None, **settings: Any) -> Application:
    """Return the service as a tornado application, below `prefix`."""
    own = {"view": view}
    answers = {
        "": Front, "api/results": TakeResults, "api/mine": Mine, "api/class": TheClass, "api/stream": Stream,
        "api/release": Release, "submissions.zip": Submissions, "class.csv": Table,
    }  # fmt: skip
    handlers: list[Any] = [(f"{prefix}{path}", handler, own) for path, handler in answers.items()]
    files = (rf"{prefix}page/((?:\w+/)*\w+\.(?:js|css|svg))", PageFile, {"path": str(PAGE)})
    return Application([*handlers, files, *(more or ())], compress_response=True, **settings)
