"""What the grader and a submission's process say to each other, and what the grader makes of it.

A process that dies takes nothing along that was marked before. The next question gets a new process, which runs the
cells again, but for a cell that took a process with it.
"""

import contextlib
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.checks.running.outcomes import Outcome, Problem
from course_lib.checks.tasks import Arguments
from course_lib.grading.assignments import Asked
from course_lib.grading.protocol import STOPPED_AFTER, Header, to_header
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.zygote import Worker, WorkerEnded
from course_lib.grading.submission import Submission

_GRACE = 1.0  # seconds that a process has to stop its own code, before it is stopped
_MOST_TEXT = 500
_MOST_PROCESSES = 40  # for one submission
_KINDS = ("array", "raised", "odd", "empty", "late")


class CallEnded(WorkerEnded):
    """The process went in one of several calls; `outcomes` are those of the calls before."""

    def __init__(self, ended: WorkerEnded, outcomes: list[Outcome]) -> None:
        super().__init__(ended.how, by_the_clock=ended.by_the_clock)
        self.outcomes = outcomes


class JailedAnswer:
    """Stands for a function that is inside; only the grader's runner can call it."""

    def __init__(self, asked: Asked, source: str) -> None:
        self.asked, self.source = asked, source

    def __call__(self, *_arguments: Any) -> Any:
        """Refuse: what is inside is called inside."""
        raise TypeError("this function is in the jail, and is called there")


@dataclass
class Conversation:
    """All that is said about one submission.

    Attributes
    ----------
    new_worker : callable
        Gives a process that is locked in.
    submission : Submission
    asked : sequence of Asked
        The tasks whose answers are looked for.
    limits : Limits
    seed : int
        What random numbers in the submission's own code start from.
    failed : dict
        By the number of a cell, from 1: what stopped it; 0 is the notebook as a whole.
    was_stopped : bool
        Whether the clock stopped anything.
    """

    new_worker: Callable[[], Worker]
    submission: Submission
    asked: Sequence[Asked]
    limits: Limits
    seed: int
    failed: dict[int, str] = field(default_factory=dict)
    was_stopped: bool = False
    printed: str = ""
    cpu_seconds: float = 0.0
    _worker: Worker | None = None
    _described: dict[str, Any] | None = None
    _fatal: set[int] = field(default_factory=set)
    _has_asked: bool = False
    _n_processes: int = 0

    def __post_init__(self) -> None:
        self._until = time.monotonic() + self.limits.seconds

    def found(self, asked: Asked) -> list[tuple[str, Any]]:
        """Return what the submission may mean as the answer of a task, each with where it was found."""
        if self._described is None:
            self._described = {}  # where looking at all at once ends the process, each is looked at by itself
            with contextlib.suppress(WorkerEnded):
                self._described = self._describe(self.asked)
        if asked.task not in self._described:
            self._described |= self._describe([asked])
        described = self._described.pop(asked.task)
        if not isinstance(described, list):
            return []
        pairs = [_answer(one, asked) for one in described[:2] if isinstance(one, dict)]
        return [pair for pair in pairs if pair[0] in ("claim", "name")]

    def _describe(self, several: Sequence[Asked]) -> dict[str, Any]:
        request = {"do": "describe", "asked": [[one.task, one.answer] for one in several]}
        ((header, _),) = self._exchange(request, [], _GRACE)
        found = header.get("found")
        if not isinstance(found, list) or len(found) != len(several):
            found = [None] * len(several)
        return {one.task: described for one, described in zip(several, found, strict=True)}

    def call(
        self, answer: JailedAnswer, through: str, given: Sequence[Arguments], seconds: float
    ) -> list[Outcome]:  # fmt: skip
        """Call a function inside, once with each of the given arguments, all calls together in at most `seconds`.

        Raises
        ------
        CallEnded
            Where a call took the process with it.
        """
        arrays: list[NDArray[Any]] = []
        request = {
            "do": "call", "task": answer.asked.task, "name": answer.asked.answer, "from": answer.source,
            "through": through, "seconds": seconds,
            "given": [[[name, to_header(value, arrays)] for name, value in one.items()] for one in given],
        }  # fmt: skip
        outcomes: list[Outcome] = []
        try:
            for one, came in zip(given, self._exchange(request, arrays, seconds, len(given)), strict=True):
                outcomes.append(_outcome(*came, names=tuple(one)))
                self.was_stopped = self.was_stopped or outcomes[-1].kind == "late"
        except WorkerEnded as ended:
            raise CallEnded(ended, outcomes) from None
        return outcomes

    def close(self) -> None:
        """End the process that is there."""
        worker, self._worker = self._worker, None
        self._described = None if self._described is None else {}  # another process may have other names
        if worker is not None:
            worker.close()
            self.cpu_seconds += worker.cpu_seconds

    def _exchange(
        self, request: Header, arrays: list[NDArray[Any]], seconds: float, n_answers: int = 1
    ) -> Iterator[tuple[Header, list[Any]]]:
        worker = self._ready_worker()
        if request["do"] == "call" and not self._has_asked:
            self._has_asked = True
            worker.printed()  # from here on, what is printed could carry inputs out
        try:
            wait = min(seconds, self._left()) + _GRACE
            until = time.monotonic() + wait
            worker.send(request, arrays, wait)
            for _ in range(n_answers):
                yield worker.receive(until - time.monotonic(), self.limits.answer_bytes)
        except WorkerEnded as ended:
            self._lost(ended)
            raise

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            self.was_stopped = True
            raise WorkerEnded(f"the notebook as a whole took longer than {self.limits.seconds:g} seconds")
        return left

    def _ready_worker(self) -> Worker:
        """Return a process in which the cells have run."""
        while self._worker is None:
            self._left()
            self._n_processes += 1
            if self._n_processes > _MOST_PROCESSES:
                raise WorkerEnded("it ended too many processes")
            self._worker = self.new_worker()
            try:
                self._run_cells(self._worker)
            except WorkerEnded as ended:
                self._lost(ended)
        return self._worker

    def _lost(self, ended: WorkerEnded) -> None:
        self.was_stopped = self.was_stopped or ended.by_the_clock
        self.close()

    def _run_cells(self, worker: Worker) -> None:
        """Run the cells; where one takes the process with it, it is left out from then on."""
        cells = [
            (number, cell.source)
            for number, cell in enumerate(self.submission.cells, start=1)
            if cell.kind == "code" and number not in self._fatal
        ]
        numbers = {number for number, _ in cells}
        running: int | None = None
        try:
            worker.send({
                "do": "cells", "seed": self.seed, "cells": cells, "cell_seconds": self.limits.cell_seconds,
                "most_body": self.limits.answer_bytes, "most_printed": self.limits.printed_characters,
            }, [], self._left())  # fmt: skip
            while True:
                header, _ = worker.receive(min(self.limits.cell_seconds, self._left()) + _GRACE, 0)
                if "failed" in header:
                    break
                running = next((number for number in numbers if number == header.get("cell")), running)
        except WorkerEnded as ended:
            if running is not None:
                self._fatal.add(running)
                self.failed[running] = ended.how
            raise
        finally:
            if not self.printed:
                self.printed = _clean(worker.printed().decode("utf-8", "replace"), 2 * self.limits.printed_characters)
        self._note_failures(header["failed"])

    def _note_failures(self, failed: Any) -> None:
        for one in failed if isinstance(failed, list) else []:
            if isinstance(one, list) and len(one) == 2 and type(one[0]) is int:
                self.failed.setdefault(one[0], _clean(one[1]))
                self.was_stopped = self.was_stopped or _clean(one[1]).startswith(STOPPED_AFTER)


def _answer(described: dict[str, Any], asked: Asked) -> tuple[str, Any]:
    """Return where an answer was found, and what stands for it out here."""
    source, kind = _clean(described.get("from")), described.get("is")
    if kind == "nothing":
        return source, None if described.get("what") == "None" else ...
    if kind == "text":
        return source, _clean(described.get("text"))
    if kind == "letters" and isinstance(described.get("letters"), list):
        return source, [_clean(letter) for letter in described["letters"]]
    if kind == "function":
        return source, JailedAnswer(asked, source)
    name = _clean(described.get("type"), 60)
    return source, type(name if name.isidentifier() else "object", (), {})()


def _outcome(header: Header, arrays: list[NDArray[Any]], *, names: tuple[str, ...]) -> Outcome:
    """Return what came of a call, as far as what was sent makes sense."""
    kind = header.get("kind")
    is_array = [array.dtype for array in arrays] == [np.float64]
    if kind not in _KINDS or is_array != (kind == "array"):
        return Outcome("odd", detail="something that is no array")
    changed = header.get("changed")
    return Outcome(
        kind, arrays[0] if is_array else None, _problem(header.get("problem")), _clean(header.get("detail")),
        tuple(name for name in names if isinstance(changed, list) and name in changed), "",
        _clean(header.get("dtype"), 20),
    )  # fmt: skip


def _problem(described: Any) -> Problem | None:
    if not isinstance(described, dict):
        return None
    number = described.get("line_number")
    return Problem(
        _clean(described.get("error"), 80) or "Exception", _clean(described.get("text")),
        _clean(described.get("function"), 80), number if type(number) is int and 0 < number < 100_000 else None,
        _clean(described.get("line"), 200), tuple(_shapes(described.get("shapes"))),
    )  # fmt: skip


def _shapes(described: Any) -> list[tuple[str, tuple[int, ...]]]:
    shapes = []
    for one in described[:10] if isinstance(described, list) else []:
        if isinstance(one, list) and len(one) == 2 and isinstance(one[1], list) and len(one[1]) <= 10:
            shape = tuple(size for size in one[1] if type(size) is int and 0 <= size < 1 << 40)
            shapes.append((_clean(one[0], 40), shape))
    return shapes


def _clean(text: Any, most: int = _MOST_TEXT) -> str:
    """Return text without what moves a cursor, turns the reading direction or is no character."""
    if not isinstance(text, str):
        return ""
    shown = text[:most]
    if shown.isprintable():  # as nearly all of it is, and then nothing has to go
        return shown
    return "".join(one if one in "\n\t" or unicodedata.category(one)[0] != "C" else "\ufffd" for one in shown)
