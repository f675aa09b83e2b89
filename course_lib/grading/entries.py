"""The rows of a gradebook: what became of each file that was handed in."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from course_lib.grading.submission import Mark, Marked, Refused, Submission

_MOST_CODE = 200_000  # characters of a submission's code that are kept for its feedback

Kind = Literal["marked", "refused", "unmarked"]
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Entry:
    """A submission and what became of it.

    Attributes
    ----------
    learner, name, digest, exercise : str
    kind : {"marked", "refused", "unmarked"}
        "unmarked" means that the grader itself failed on it: our fault, to be marked again.
    reason : str
        Why it was refused, or is unmarked.
    marks : tuple of Mark
    remarks : tuple of str
    printed : str
    code : tuple of str
        The sources of its code cells.
    settings : str
        What it was marked with: the seed and the checks.
    """

    learner: str
    name: str
    digest: str
    exercise: str
    kind: Kind
    reason: str = ""
    marks: tuple[Mark, ...] = ()
    remarks: tuple[str, ...] = ()
    printed: str = ""
    code: tuple[str, ...] = ()
    settings: str = ""

    @property
    def key(self) -> Key:
        """What tells it from every other."""
        return self.learner, self.name, self.digest

    @property
    def points(self) -> float:
        """The points of all tasks together."""
        return sum(mark.points for mark in self.marks)

    @property
    def max_points(self) -> float:
        """The most that there is to get."""
        return sum(mark.max_points for mark in self.marks)

    @classmethod
    def of_marked(cls, submission: Submission, marked: Marked, settings: str) -> Self:
        """Return the entry of a submission that was marked."""
        remarks = tuple(dict.fromkeys(submission.remarks + marked.remarks))
        return cls(
            submission.learner, submission.name, submission.digest, submission.exercise, "marked", "",
            marked.marks, remarks, marked.printed, _kept_code(submission), settings,
        )  # fmt: skip

    @classmethod
    def of_refused(cls, refused: Refused, settings: str) -> Self:
        """Return the entry of a file that could not be read."""
        named = (refused.learner, refused.name, refused.digest, refused.exercise)
        return cls(*named, "refused", refused.reason, settings=settings)

    @classmethod
    def of_unmarked(cls, submission: Submission, reason: str, settings: str) -> Self:
        """Return the entry of a submission on which the grader failed."""
        named = (submission.learner, submission.name, submission.digest, submission.exercise)
        code = _kept_code(submission)
        return cls(*named, "unmarked", reason, remarks=submission.remarks, code=code, settings=settings)


def _kept_code(submission: Submission) -> tuple[str, ...]:
    kept, room = [], _MOST_CODE
    for cell in submission.cells:
        if cell.kind == "code" and cell.source.strip() and room > 0:
            kept.append(cell.source[:room])
            room -= len(cell.source)
    return tuple(kept)


def best(entries: Iterable[Entry]) -> list[Entry]:
    """Return one entry for each learner and exercise: of several the one with the most points.

    A file that could not be read counts only where there is no other. Times decide nothing, since anybody can write
    any time into a file.
    """
    found: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        key = (entry.learner, entry.exercise)
        if key not in found or _rank(entry) > _rank(found[key]):
            found[key] = entry
    readable = {learner for (learner, exercise), entry in found.items() if exercise}
    return [entry for (learner, exercise), entry in sorted(found.items()) if exercise or learner not in readable]


def _rank(entry: Entry) -> tuple[bool, float]:
    return entry.kind == "marked", entry.points
