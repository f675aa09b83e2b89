"""Where submissions are marked: processes on this machine. `dask_engine` has the other one, many machines."""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from course_lib.errors import GradingError
from course_lib.grading.serving import Options, marked_of, submission_as_line
from course_lib.grading.submission import Marked, Submission

MOST_TRIES = 2  # a submission on which two markers died is left to a person
_PATIENCE = 900.0  # seconds beyond the limit; a marker keeps its limits itself and answers long before


@dataclass(frozen=True)
class Outcome:
    """A submission with its marks, or with the reason why there are none."""

    submission: Submission
    marked: Marked | None
    failure: str = ""


class Executor(Protocol):
    """What `batch.grade_all` needs of an engine."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...

    def run(self, submissions: Iterable[Submission]) -> Iterator[Outcome]:
        """Yield an outcome for each submission, in any order; take submissions only as they are needed."""


def jobs_here() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Child:
    """A process of `serving`, and the submission that it is at.

    It is started with -P, so that no numpy.py in the folder where the instructor stands is imported.

    Raises
    ------
    GradingError
        The marker cannot stand here, for example since the isolation is not what untrusted work needs.
    """

    def __init__(self, options: Options) -> None:
        self.current: Submission | None = None
        self.since = 0.0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "course_lib.grading.serving"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._said, env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the parent, which ends its children in order
        )  # fmt: skip
        self._write(options.as_line())

    def await_ready(self) -> None:
        """Wait until the marker stands."""
        answer = self._read()
        if answer is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)  # for its last words
            self.kill()
            raise GradingError(f"The process that marks did not start. It said: {self._last_words()}")
        if "failed" in answer:
            self.close()
            raise GradingError(answer["failed"])

    @property
    def output(self) -> int:
        """The descriptor on which its answers come."""
        if self._process.stdout is None:
            raise GradingError("The process that marks has no output.")
        return self._process.stdout.fileno()

    def begin(self, submission: Submission) -> None:
        """Hand it a submission."""
        self.current, self.since = submission, time.monotonic()
        self._write(submission_as_line(submission))

    def finish(self) -> Outcome | None:
        """Wait for the answer; None if the process died over it."""
        answer, submission = self._read(), self.current
        self.current = None
        if answer is None or submission is None:
            return None
        if "marked" in answer:
            return Outcome(submission, marked_of(answer["marked"]))
        return Outcome(submission, None, str(answer.get("failed")))

    def close(self) -> None:
        """End it; its jail ends with it."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        if self.current is not None:
            self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def _write(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # it is dead, which its output will tell
            if self._process.stdin is not None:
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()

    def _read(self) -> dict[str, Any] | None:
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line.endswith(b"\n"):
            return None
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 2000))
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "nothing"


@dataclass
class _Queue:
    """What is to be marked: what a dead child left first, and one submission read ahead."""

    coming: Iterator[Submission]
    again: list[Submission] = field(default_factory=list)
    ahead: Submission | None = None
    deaths: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self) -> Submission | None:
        if self.again:
            return self.again.pop()
        taken = self.ahead if self.ahead is not None else next(self.coming, None)
        self.ahead = None
        return taken

    def look_ahead(self) -> None:
        if self.ahead is None:
            self.ahead = next(self.coming, None)

    def died(self, submission: Submission) -> Outcome | None:
        """Keep a submission for another try; after the last one say that there are no marks."""
        key = (submission.learner, submission.digest)
        self.deaths[key] = self.deaths.get(key, 0) + 1
        if self.deaths[key] < MOST_TRIES:
            self.again.append(submission)
            return None
        return Outcome(submission, None, f"{MOST_TRIES} processes that mark ended over it")


class LocalEngine:
    """Processes on this machine, each with a marker of its own.

    Parameters
    ----------
    options : Options
    jobs : int
        How many processes.
    """

    def __init__(self, options: Options, jobs: int) -> None:
        self.options, self.jobs = options, jobs
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        try:
            self._children = [Child(self.options) for _ in range(self.jobs)]
            for child in self._children:
                child.await_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        for child in self._children:
            child.close()
        self._children = []

    def run(self, submissions: Iterable[Submission]) -> Iterator[Outcome]:
        """Yield an outcome for each submission, in the order in which they end."""
        queue = _Queue(iter(submissions))
        with selectors.DefaultSelector() as waiting:
            for child in self._children:
                self._begin(child, queue, waiting)
            while waiting.get_map():
                queue.look_ahead()
                for child in _ended(waiting, _PATIENCE + 2 * (self.options.seconds or 0)):
                    submission = child.current
                    outcome = child.finish()
                    waiting.unregister(child.output)
                    if outcome is None and submission is not None:
                        child = self._another(child)
                        outcome = queue.died(submission)
                    self._begin(child, queue, waiting)
                    if outcome is not None:
                        yield outcome

    def _begin(self, child: Child, queue: _Queue, waiting: selectors.BaseSelector) -> None:
        submission = queue.take()
        if submission is not None:
            child.begin(submission)
            waiting.register(child.output, selectors.EVENT_READ, child)

    def _another(self, dead: Child) -> Child:
        dead.kill()
        self._children.remove(dead)
        dead.close()
        child = Child(self.options)
        self._children.append(child)
        child.await_ready()
        return child


def _ended(waiting: selectors.BaseSelector, patience: float) -> list[Child]:
    """Return the children that have answered or died; end one that is silent for far too long."""
    ready = [key.data for key, _ in waiting.select(timeout=30)]
    for key in list(waiting.get_map().values()):
        if key.data not in ready and time.monotonic() - key.data.since > patience:
            key.data.kill()  # its output ends, which the next round sees
    return ready
