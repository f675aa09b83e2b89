"""What passes between the parts of the grader: a notebook as cells, and the marks that it got. No I/O."""

from dataclasses import dataclass
from typing import Literal

CellKind = Literal["code", "markdown", "raw"]
# As the checks say it, and "stopped": the code did not come to an end, or took the process with it.
MarkStatus = Literal["passed", "not_yet", "not_started", "broke", "stopped"]


@dataclass(frozen=True)
class Cell:
    """A cell as its author left it.

    Attributes
    ----------
    kind : {"code", "markdown", "raw"}
    source : str
    id : str or None
        None where it is missing, no text, or that of an earlier cell.
    grade_id : str or None
        As nbgrader wrote it; decides nothing here, and helps to find what a cell was made of.
    """

    kind: CellKind
    source: str
    id: str | None = None
    grade_id: str | None = None


@dataclass(frozen=True)
class Submission:
    """A notebook of a learner, read and not run.

    Attributes
    ----------
    learner : str
        Whose it is: the name of a folder or a file, as it came; hostile text until it is escaped.
    exercise : str
        The exercise that it is of, such as ``"07_multi_head"``.
    name : str
        The name of its file.
    digest : str
        The sha256 of its bytes, in hexadecimal digits.
    cells : tuple of Cell
    remarks : tuple of str
        What was odd and is held against nobody, such as a check cell that is gone; read by the instructor.
    """

    learner: str
    exercise: str
    name: str
    digest: str
    cells: tuple[Cell, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A file that cannot be marked, and why; it stands in the gradebook without points, and is told to everybody.

    Attributes
    ----------
    learner, name : str
    reason : str
        What is wrong with it and what to do, as the learner may read it.
    exercise : str
        The exercise, where the file's name tells it; '' where nothing does.
    digest : str
        The sha256 of its bytes; '' where they were not read.
    """

    learner: str
    name: str
    reason: str
    exercise: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Mark:
    """The verdict on one task.

    Attributes
    ----------
    task : str
    status : {"passed", "not_yet", "not_started", "broke", "stopped"}
    confusion : str or None
        The id of the documented confusion that explains a wrong answer.
    message : str
        What the learner reads, one paragraph a line.
    points, max_points : float
    program : str or None
        The named wrong program that behaves as the answer does, as `course_lib.checks.Result` has it.
    """

    task: str
    status: MarkStatus
    confusion: str | None
    message: str
    points: float
    max_points: float
    program: str | None = None


@dataclass(frozen=True)
class Marked:
    """What came out for a submission.

    The same digest and seed give the same, but for the seconds.

    Attributes
    ----------
    digest, exercise : str
    marks : tuple of Mark
        One for each task of the exercise, in its order.
    remarks : tuple of str
        Of the submission, and what was odd when it ran.
    printed : str
        What its cells printed before the first hidden input arrived, up to a cap.
    cpu_seconds, wall_seconds : float
    """

    digest: str
    exercise: str
    marks: tuple[Mark, ...]
    remarks: tuple[str, ...] = ()
    printed: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    @property
    def points(self) -> float:
        """The points of all tasks together."""
        return sum(mark.points for mark in self.marks)

    @property
    def max_points(self) -> float:
        """The most that there is to get."""
        return sum(mark.max_points for mark in self.marks)
