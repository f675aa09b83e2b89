"""Mark a class: from what was found to the gradebook, one result after the other.

The order in which results come is nobody's business: whatever the engine and the number of jobs, and however often it
was stopped and resumed, the same submissions give the same gradebook.
"""

import functools
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.grading.assignments import find_assignment
from course_lib.grading.collecting import Found
from course_lib.grading.engines import Executor, Outcome
from course_lib.grading.entries import Entry, Key
from course_lib.grading.gradebook import Gradebook
from course_lib.grading.serving import Options
from course_lib.grading.submission import Refused, Submission

_WHAT_MARKS = ("attention", "checks", "models")  # packages whose change may change a mark


@dataclass
class Summary:
    """What a run did.

    Attributes
    ----------
    counts : Counter
        How many were "marked", "refused", "unmarked", and "kept" from an earlier run.
    cpu_seconds, wall_seconds : float
        `cpu_seconds` are those of the submissions, the jail included.
    interrupted : bool
    """

    counts: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    interrupted: bool = False

    @property
    def problems(self) -> int:
        """How many could not be marked."""
        return self.counts["refused"] + self.counts["unmarked"]

    def as_data(self) -> dict[str, Any]:
        """Return the summary for a program to read."""
        named = {name: self.counts[name] for name in ("marked", "refused", "unmarked", "kept")}
        seconds = {"cpu_seconds": round(self.cpu_seconds, 3), "wall_seconds": round(self.wall_seconds, 3)}
        return {**named, **seconds, "interrupted": self.interrupted}


@functools.cache
def checks_digest() -> str:
    """Return what tells these checks from changed ones: marks of other checks are not kept by `resume`."""
    library = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(path for part in _WHAT_MARKS for path in (library / part).rglob("*.py")):
        digest.update(path.relative_to(library).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def settings_of(options: Options) -> str:
    """Say what marks depend on besides the submission."""
    return f"{options.words()}, checks {checks_digest()}"


def grade_all(
    found: Iterable[Found],
    gradebook: Gradebook,
    *,
    executor: Executor,
    options: Options,
    resume: bool = False,
    only: Iterable[str] = (),
    exercise: str | None = None,
    advance: Callable[[Entry | None], None] = lambda entry: None,
) -> Summary:
    """Mark what was found and write it down.

    Parameters
    ----------
    found : iterable of Found
    gradebook : Gradebook
    executor : Executor
    options : Options
        With what the executor marks; they tell which earlier results can be kept.
    resume : bool
        Keep what was marked with the same options and the same checks.
    only : iterable of str
        Learners and exercises, by name or number; the others are left as they are.
    exercise : str, optional
        What every notebook is taken for.
    advance : callable
        Called once for each file, with its entry, or with None where an earlier one is kept or it is left.

    Returns
    -------
    Summary
        Ctrl-C ends the run and is told in it; what was marked is kept.

    Raises
    ------
    GradingError
        The gradebook cannot be written any more, or the engine is gone; what was written is kept.
    """
    batch = _Batch(gradebook, settings_of(options), set(only), exercise, advance)
    batch.done = gradebook.done(batch.settings) if resume else set()
    started = time.monotonic()
    try:
        for outcome in executor.run(batch.submissions(found)):
            batch.finish(outcome)
    except KeyboardInterrupt:
        batch.summary.interrupted = True
    gradebook.settle()
    batch.summary.wall_seconds = time.monotonic() - started
    return batch.summary


@dataclass
class _Batch:
    gradebook: Gradebook
    settings: str
    only: set[str]
    exercise: str | None
    advance: Callable[[Entry | None], None]
    done: set[tuple[Key, str]] = field(default_factory=set)
    summary: Summary = field(default_factory=Summary)

    def submissions(self, found: Iterable[Found]) -> Iterator[Submission]:
        """Read what is to be marked; what is refused is written at once."""
        exercises = {one.name for one in map(find_assignment, self.only) if one is not None}
        for one in found:
            if self.only and one.learner not in self.only and not exercises:
                self.advance(None)
                continue
            read = one.read(exercise=self.exercise)
            if self.only and one.learner not in self.only and read.exercise not in exercises:
                self.advance(None)
            elif ((read.learner, read.name, read.digest), read.exercise) in self.done:
                self.summary.counts["kept"] += 1
                self.advance(None)
            elif isinstance(read, Refused):
                self._write(Entry.of_refused(read, self.settings))
            else:
                yield read

    def finish(self, outcome: Outcome) -> None:
        """Write what came out for a submission."""
        if outcome.marked is None:
            reason = f"The grader could not mark it, which is our fault and no one else's: {outcome.failure}."
            self._write(Entry.of_unmarked(outcome.submission, reason, self.settings))
        else:
            self.summary.cpu_seconds += outcome.marked.cpu_seconds
            self._write(Entry.of_marked(outcome.submission, outcome.marked, self.settings))

    def _write(self, entry: Entry) -> None:
        self.gradebook.write(entry)
        self.summary.counts[entry.kind] += 1
        self.advance(entry)


def unknown_names(only: Iterable[str], found: Iterable[Found]) -> list[str]:
    """Return the names that are neither a learner's nor an exercise's."""
    learners = {one.learner for one in found}
    return [name for name in only if name not in learners and find_assignment(name) is None]
