"""Mark a submission: its code runs in the jail, and the checks of the notebooks decide out here.

For each task the answer is called with inputs that are drawn anew for every submission, from the grader's seed and the
submission's own digest. What is expected, and what a task is worth, never leaves this process.
"""

import hashlib
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from course_lib.checks.engine import evaluate, find_task
from course_lib.checks.judging import wording
from course_lib.checks.judging.trials import Trial, agree
from course_lib.checks.result import Result
from course_lib.checks.running.outcomes import Outcome, Problem
from course_lib.checks.running.runner import Through
from course_lib.checks.tasks import TOLERANCE, Arguments, FunctionTask, Task
from course_lib.errors import OptionError
from course_lib.grading.assignments import ASSIGNMENTS, Asked, Assignment, find_assignment
from course_lib.grading.conversation import CallEnded, Conversation
from course_lib.grading.sandbox.errors import SandboxError
from course_lib.grading.sandbox.folder import Folder, remove
from course_lib.grading.sandbox.levels import Level, find_level, jail_for
from course_lib.grading.sandbox.library import write_library
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.self_test import Tried, try_jail
from course_lib.grading.sandbox.view import SCRATCH
from course_lib.grading.sandbox.zygote import Worker, WorkerEnded, Zygote
from course_lib.grading.submission import Mark, Marked, Submission

__all__ = ["Level", "Limits", "Marker", "SandboxError"]

_MOST_ZYGOTES = 2
_SHARE_OF_A_PROCESSOR = 0.5
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")


class Marker:
    """Marks submissions one after the other; a context manager that owns the warm processes.

    Parameters
    ----------
    limits : Limits
    seed : int
        The same seed and the same bytes give the same marks.
    trust : bool
        Whether to run notebooks with the grader's own rights where this machine cannot shut them in.

    Raises
    ------
    SandboxError
        Where this machine cannot shut them in, and they are not trusted; the text says why.

    Examples
    --------
    with Marker() as marker:
        marked = marker.mark(submission)
    """

    def __init__(self, *, limits: Limits | None = None, seed: int = 0, trust: bool = False) -> None:
        self._limits, self._seed = limits or Limits(), seed
        found = find_level()
        if found.name == "none" and (not trust or sys.platform != "linux"):
            raise SandboxError(f"Notebooks from others are not run on this machine. {found.why}")
        self.level: Level = found
        self._kept = Folder()
        self._folder = self._kept.path
        self._zygotes: dict[str, Zygote] = {}
        self._tried: tuple[Tried, ...] | None = None  # until the first process has tried the jail

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the warm processes, and remove what they left."""
        for exercise in list(self._zygotes):
            self._zygotes.pop(exercise).close()
        self._kept.remove()

    def tested(self) -> tuple[Tried, ...]:
        """Return what was tried against the jail when it was started; start it, if need be.

        Raises
        ------
        SandboxError
            Where the jail cannot be started, or does not hold.
        """
        if self._tried is None:
            exercise = next(iter(ASSIGNMENTS.values()))
            self._zygote(exercise.name, exercise.lesson)
        return self._tried or ()

    def mark(self, submission: Submission) -> Marked:
        """Run a submission and mark each task of its exercise.

        Raises
        ------
        OptionError
            For an exercise that there is not.
        SandboxError
            Where the jail cannot be started; nothing of the submission has run then.
        """
        assignment = find_assignment(submission.exercise)
        if assignment is None:
            raise OptionError(f"There is no exercise {submission.exercise!r} to mark.")
        try:
            marked, is_doubtful = self._mark_once(submission, assignment)
        except SandboxError:  # the warm process was lost in the middle, such as when a machine runs out of memory
            lost = self._zygotes.pop(assignment.name, None)
            if lost is None:
                raise
            lost.close()
            marked, is_doubtful = self._mark_once(submission, assignment)
        if is_doubtful:
            again, _ = self._mark_once(submission, assignment)
            marked = replace(
                again, cpu_seconds=marked.cpu_seconds + again.cpu_seconds,
                wall_seconds=marked.wall_seconds + again.wall_seconds,
            )  # fmt: skip
        return marked

    def _mark_once(self, submission: Submission, assignment: Assignment) -> tuple[Marked, bool]:
        """Return the marks, and whether they are doubtful: the clock stopped what had hardly had a processor.

        On a machine that is busy, or that was asleep, an honest notebook can run out of time; it gets a second chance.
        """
        started, used = time.monotonic(), time.process_time()
        conversation = Conversation(
            lambda: self._worker(assignment.name, assignment.lesson), submission, assignment.asked, self._limits,
            self._number(submission, "cells"),
        )  # fmt: skip
        try:
            marks = tuple(self._mark(conversation, asked) for asked in assignment.asked)
        finally:
            conversation.close()
            self._clear_folders()
        seconds, taken = time.monotonic() - started, conversation.cpu_seconds
        notes = (f"Cell {number}: {how}" for number, how in sorted(conversation.failed.items()) if number)
        marked = Marked(
            submission.digest, assignment.name, marks, (*submission.remarks, *map(_settled, notes)),
            _settled(conversation.printed), taken + time.process_time() - used, seconds,
        )  # fmt: skip
        return marked, conversation.was_stopped and taken < _SHARE_OF_A_PROCESSOR * seconds

    def _number(self, submission: Submission, purpose: str) -> int:
        """Draw a number from the seed and the submission's bytes, another one for each purpose."""
        text = f"{self._seed}:{submission.digest}:{purpose}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")

    def _worker(self, exercise: str, lesson: int) -> Worker:
        for attempt in range(2):
            try:
                return self._zygote(exercise, lesson).fork(self._new_folder())
            except SandboxError:  # the warm process was lost; a new one takes its place
                lost = self._zygotes.pop(exercise, None)
                if lost is None or attempt:
                    raise
                lost.close()
        raise SandboxError("The jail could not be started.")

    def _zygote(self, exercise: str, lesson: int) -> Zygote:
        if exercise not in self._zygotes:
            while len(self._zygotes) >= _MOST_ZYGOTES:
                self._zygotes.pop(next(iter(self._zygotes))).close()
            library, scratch = self._folder / f"library-{lesson}", self._folder / f"scratch-{lesson}"
            if not library.exists():
                write_library(library, lesson)
            scratch.mkdir(exist_ok=True)
            (self._folder / "submissions").mkdir(exist_ok=True)
            jail = jail_for(self.level, str(library), str(scratch), self._limits)
            self._zygotes[exercise] = Zygote(jail, self._limits)
            if self._tried is None:
                self._tried = try_jail(self._zygotes[exercise], self._new_folder(), self.level, self._limits)
        return self._zygotes[exercise]

    def _new_folder(self) -> str:
        """Return the folder of a submission: its own in memory, or where the level has none, a new one here."""
        return SCRATCH if self.level.name == "full" else tempfile.mkdtemp(dir=self._folder / "submissions")

    def _clear_folders(self) -> None:
        if self.level.name != "full":
            for folder in (self._folder / "submissions").iterdir():
                remove(folder)

    def _mark(self, conversation: Conversation, asked: Asked) -> Mark:
        """Mark a task by the best of what may be meant: the last that was handed to `check`, and what has its name."""
        task = find_task(asked.task)
        if task is None:
            raise OptionError(f"There is no task {asked.task!r}.")
        best: Mark | None = None
        for source, answer in self._found(conversation, asked):
            mark = self._mark_answer(conversation, task, answer, f"{asked.task}:{source}")
            if best is None or _worth(mark) > _worth(best):
                best = mark
        if best is not None:
            return best
        return self._missing(conversation, task, asked)

    def _found(self, conversation: Conversation, asked: Asked) -> list[tuple[str, Any]]:
        try:
            return conversation.found(asked)
        except WorkerEnded as ended:
            conversation.failed.setdefault(0, ended.how)
            return []

    def _missing(self, conversation: Conversation, task: Task, asked: Asked) -> Mark:
        result = evaluate(task.name, ...)
        said = [result.message]
        if conversation.failed:
            number, how = min(conversation.failed.items())
            where = f"Cell {number} stopped" if number else "The notebook stopped"
            said.append(f"There is no `{asked.answer}` after the notebook ran. {where}: {how}")
        return _as_mark(replace(result, message="\n".join(said)))

    def _mark_answer(self, conversation: Conversation, task: Task, answer: Any, purpose: str) -> Mark:
        run = _JailRunner(conversation, self._limits.call_seconds)
        seed = self._number(conversation.submission, purpose)
        result = evaluate(task.name, answer, seed=seed, run=run)
        if result.passed and isinstance(task, FunctionTask):
            result = _asked_again(task, run, seed) or result
        if run.ended:
            how = f"Your function was called, and {run.ended}."
            return Mark(task.name, "stopped", None, f"{result.message.split(chr(10))[0]}\n{how}", 0, task.points)
        return _as_mark(result)


def _asked_again(task: FunctionTask, run: "_JailRunner", seed: int) -> Result | None:
    """Repeat the calls of an answer that has passed, in an order it cannot know; None if all come to the same."""
    made = [call for call in run.made if call.through == _name_of(task.through)]
    random.Random(seed).shuffle(made)
    for call, given in zip(made, run(made[0].answer, [call.arguments for call in made]), strict=True):
        if given.kind == "late":
            return wording.too_slow(task)
        if given.changed or not agree(call.outcome, given, TOLERANCE):
            return wording.forgetful(task, Trial(task.families[0], call.arguments, call.outcome, given))
    return None


@dataclass(frozen=True)
class _Call:
    """A call that was made, and what came of it."""

    answer: Any
    through: str
    arguments: Arguments
    outcome: Outcome


class _JailRunner:
    """Calls answers inside, for the checks; after the process was lost in a call, calls nothing any more."""

    asks_again = True  # all that was called, in `_asked_again`

    def __init__(self, conversation: Conversation, seconds: float) -> None:
        self._conversation, self._left = conversation, seconds
        self.ended = ""
        self.made: list[_Call] = []

    def __call__(self, answer: Any, given: Sequence[Arguments]) -> list[Outcome]:
        """Call `answer`, which is inside, with each of the given arguments; all at once, which costs half as much."""
        function, jailed = (answer.function, answer.func) if isinstance(answer, Through) else (None, answer)
        outcomes: list[Outcome] = []
        started = time.monotonic()
        if not self.ended and self._left > 0:
            try:
                outcomes = self._conversation.call(jailed, _name_of(function), given, self._left)
            except CallEnded as ended:
                outcomes, self.ended = ended.outcomes, ended.how
            finally:
                self._left -= time.monotonic() - started
        self.made += [
            _Call(answer, _name_of(function), *pair) for pair in zip(given, outcomes, strict=False)
        ]  # fmt: skip
        missing = Outcome("raised", problem=Problem("Stopped", self.ended)) if self.ended else Outcome("late")
        return outcomes + [missing] * (len(given) - len(outcomes))


def _name_of(way: Callable[..., Any] | None) -> str:
    """Return the name by which a way to call an answer is known inside."""
    return "" if way is None else way.__name__


def _worth(mark: Mark) -> tuple[float, bool]:
    return mark.points, mark.status == "passed"


def _as_mark(result: Result) -> Mark:
    return Mark(
        result.name, result.status, result.confusion, _settled(result.message), result.points, result.max_points,
        result.program,
    )  # fmt: skip


def _settled(text: str) -> str:
    """Return text without the addresses of objects, which are others in every run."""
    return _ADDRESS.sub("0x…", text)
