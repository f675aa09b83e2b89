"""A class view with an instructor before it and a made-up class in it, for tests in a browser."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from course_lib.checks.engine import LESSONS, TASKS
from course_lib.checks.tasks import ChoiceTask
from course_lib.workshop.classview.results import Found, Results
from course_lib.workshop.classview.service import ClassView, Who, application
from course_lib.workshop.people import People

PREFIX = "/services/class/"
MISTAKES = {"softmax": "M06", "scaled_scores": "M02", "split_heads": "M20", "masked_attention": "M12", "project": None}


class OneUser:
    """Everybody who asks is this user."""

    def __init__(self, account: str, is_instructor: bool) -> None:
        self._who = Who(account, is_instructor=is_instructor)

    async def who(self, handler: Any) -> Who:
        return self._who

    def sign_in(self, handler: Any) -> str:
        return "/"


class ClassRoom:
    """A class view in a thread of its own."""

    def __init__(self, folder: Path, *, account: str = "instructor", is_instructor: bool = True, port: int = 0) -> None:
        self._folder, self._identity = folder, OneUser(account, is_instructor)
        self.port = port
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(60)
        self.url = f"http://127.0.0.1:{self.port}{PREFIX}"

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        people, results = People(self._folder / "people.sqlite"), Results(self._folder / "results.sqlite")
        self.view = ClassView(results, people, self._identity)
        self.view.load()
        server = HTTPServer(application(self.view, prefix=PREFIX, cookie_secret="made up", xsrf_cookies=False))
        if self.port:
            server.listen(self.port, "127.0.0.1")
        else:
            socket, self.port = bind_unused_port()
            server.add_socket(socket)
        self._started.set()
        await self._stop.wait()
        server.stop()
        self.view.close()
        await server.close_all_connections()

    def keep(self, learner: str, *found: Found) -> None:
        """Let a learner's results come in."""

        async def taken() -> None:
            contents = [vars(one) for one in found]
            assert self.view.keep(learner, contents) == 0

        asyncio.run_coroutine_threadsafe(taken(), self._loop).result(60)

    def close(self) -> None:
        """Stop, as a service that is restarted does."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)


@contextmanager
def class_room(folder: Path, **options: Any) -> Iterator[ClassRoom]:
    """Give a class view, and stop it."""
    room = ClassRoom(folder, **options)
    try:
        yield room
    finally:
        room.close()


def fill(folder: Path, n_learners: int, *, now: float, seed: int = 0) -> None:
    """Make up a class in the middle of its work."""
    random, people, results = Random(seed), People(folder / "people.sqlite"), Results(folder / "results.sqlite")
    tasks = [task.name for task in TASKS.values() if task.lesson in LESSONS and not isinstance(task, ChoiceTask)]
    firsts = ("Ada", "Bo", "Chidi", "Dana", "Élise", "Farid", "Grace", "Hiro", "Ines", "Jon", "李雷", "Ольга")
    for number in range(n_learners):
        account, shown = f"learner-{number}", f"{firsts[number % len(firsts)]} {chr(65 + number % 26)}{number // 26}"
        with people._writing():  # a PIN for each would take a minute
            people._base.execute("INSERT INTO people VALUES (?, ?, ?, '', 0, 0)", (account, shown, number))
        found = []
        for place, task in enumerate(tasks[: random.randrange(6, 20)]):
            start = now - 3600 + 150 * place
            for attempt in range(random.choice((0, 0, 1, 1, 2, 4))):
                mistake = MISTAKES.get(task) if random.random() < 0.7 else None
                found.append((task, "not_yet", mistake, start + 30 * attempt))
            if random.random() < 0.75:
                found.append((task, "passed", None, start + random.randrange(20, 600)))
        results.keep(account, [Found(f"{random.getrandbits(128):032x}", *one) for one in found])
    people.close()
    results.close()
