"""A learner's server on this machine: a user of their own, limits, a private copy of the course, a place in line."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

from jupyterhub.spawner import LocalProcessSpawner
from tornado import web
from traitlets import Any as AnyTrait
from traitlets import Unicode

from course_lib.checks.records.sharing import FOLDER as OUTBOX
from course_lib.workshop import limits, server
from course_lib.workshop.confine import Specification
from course_lib.workshop.names import INSTRUCTOR
from course_lib.workshop.people import Person, people_of
from course_lib.workshop.sending import ADDRESS

# A start takes some seconds of a processor. More at once than this are all slower than one after another.
STARTS_PER_PROCESSOR = 2
TURN_SECONDS = 120
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class CourseSpawner(LocalProcessSpawner):
    """Starts servers by `confine`, a few at a time."""

    workshop = AnyTrait(help="The Workshop that is run.").tag(config=True)
    class_view = Unicode(help="Where results go, with a slash at the end.").tag(config=True)

    _line: ClassVar[list["CourseSpawner"]] = []
    _starting: ClassVar[asyncio.Semaphore | None] = None

    def make_preexec_fn(self, name: str) -> None:
        """Return nothing: `confine` changes the user, after the limits are set."""

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Add the learner's own to what a server's environment holds."""
        home = self.workshop.home(self.user.name)
        return env | dict.fromkeys(_ONE_THREAD, "1") | {
            "HOME": str(home),
            "USER": self.user.name,
            "SHELL": "/bin/bash",
            "JUPYTER_PREFER_ENV_PATH": "1",
            "COURSE_PROGRESS": str(home / "course/.course/progress.json"),
            OUTBOX: str(home / "course/.course/outbox"),
            ADDRESS: self.class_view,
        }  # fmt: skip

    def get_args(self) -> list[str]:
        """Return the options of the server."""
        return [*super().get_args(), *server.options(idle_minutes=self.workshop.idle_minutes)]

    async def start(self) -> Any:
        """Start the server when it is its turn; the turn lasts until the server answers."""
        cls = type(self)
        if cls._starting is None:
            cls._starting = asyncio.Semaphore(STARTS_PER_PROCESSOR * (os.cpu_count() or 1))
        cls._line.append(self)
        try:
            async with cls._starting:
                cls._line.remove(self)
                return await self._start_now()
        finally:
            if self in cls._line:
                cls._line.remove(self)

    async def _start_now(self) -> Any:
        specification = self._specification(self._person())
        self.cmd = [
            sys.executable, "-m", "course_lib.workshop.confine", specification.as_text(),
            sys.executable, "-m", "course_lib.workshop.server",
        ]  # fmt: skip
        log = self.workshop.folder / "hub/logs" / f"{self.user.name}.log"
        with open(log, "wb") as file:
            self.popen_kwargs = {"stdout": file, "stderr": file, "stdin": subprocess.DEVNULL, "cwd": "/"}
            address = await super().start()
        end = time.monotonic() + TURN_SECONDS
        while self.proc.poll() is None and time.monotonic() < end and not await _answers(*address):
            await asyncio.sleep(0.1)
        return address  # whether it answers is for the Hub to see

    def _person(self) -> Person:
        """Return whose server this is; instructors get a place among the people when they first need one."""
        person = people_of(str(self.workshop.people)).find(self.user.name)
        if person is None and self.user.name.startswith(INSTRUCTOR):
            person, _ = people_of(str(self.workshop.people)).join(self.user.name, self.user.name)
        if person is None:
            raise web.HTTPError(403, f"Nobody joined as {self.user.name}: learners join at the entrance.")
        return person

    def _specification(self, person: Person) -> Specification:
        own = self.workshop
        group = None
        if own.limits.level == "cgroup":
            group = str(limits.make_group(person.account, own.limits.memory, own.limits.cpus))
        return Specification(
            home=str(own.home(person.account)), course=str(own.course), number=person.number,
            uid=own.uid(person.number), memory=own.limits.memory, cpus=own.limits.cpus, level=own.limits.level,
            group=group,
        )  # fmt: skip

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Say how many are before one."""
        while self in self._line:
            before = self._line.index(self) + 1
            yield {"progress": 10, "message": f"Many are starting at once. You are number {before} in line."}
            await asyncio.sleep(2)
        yield {"progress": 40, "message": "Your copy of the course is brought up to date, and JupyterLab starts."}

    async def stop(self, now: bool = False) -> None:
        """Stop the server and whatever its learner left running."""
        await super().stop(now=now)
        if self.workshop.limits.level == "cgroup":
            limits.end_group(self.user.name)
        person = people_of(str(self.workshop.people)).find(self.user.name)
        uid = None if person is None else self.workshop.uid(person.number)
        if uid is not None:
            end_all_of(uid)


async def _answers(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def end_all_of(uid: int) -> None:
    """End all processes of a learner's user, kernels and what they started; where the system lists processes."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == uid:
                os.kill(int(entry.name), signal.SIGKILL)
