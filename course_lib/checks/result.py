"""What a check answers: a verdict, the confusion behind it, and a message for the learner."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Status = Literal["passed", "not_yet", "not_started", "broke"]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """One case in numbers, to be drawn: the input, what was expected, and what came.

    Attributes
    ----------
    case : str
        The case in words.
    arguments : mapping of str to object
        What the learner's function was called with, by argument name: arrays, numbers, lists.
    result : str
        The name of the returned array, such as ``weights``.
    axes : tuple of str
        The names of its last axes.
    expected : ndarray
    given : ndarray or None
        None where the learner's function returned no array.
    tolerance : float
        How far apart two numbers may be, as a part of the largest expected one.
    is_truth : bool
        Whether True and False are expected, and no numbers.
    dtype : str
        What the given array held before it was turned into float64, such as ``"int64"``.
    """

    case: str
    arguments: Mapping[str, object]
    result: str
    axes: tuple[str, ...]
    expected: Array
    given: Array | None
    tolerance: float
    is_truth: bool = False
    dtype: str = "float64"


@dataclass(frozen=True)
class Result:
    """The answer of `evaluate`.

    Attributes
    ----------
    status : {"passed", "not_yet", "not_started", "broke"}
        "broke" means that the check itself failed: our fault, never the learner's.
    confusion : str or None
        The id of the documented confusion that explains a wrong answer, such as ``"M06"``.
    message : str
        What the learner reads, one paragraph a line: what was asked and what came, why it is wrong, where to look.
    points, max_points : int
    program : str or None
        The named wrong program that behaves as the answer does.
    printed : str
        What the learner's function printed at its first call.
    evidence : Evidence or None
        The smallest case that failed.
    """

    status: Status
    confusion: str | None
    message: str
    points: int
    max_points: int
    name: str = ""
    program: str | None = None
    printed: str = field(default="", repr=False)
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Show itself at the end of a cell just as `check` shows it."""
        from course_lib.checks.showing.rendering import render_result

        return render_result(self)._repr_mimebundle_()

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.status == "passed"
