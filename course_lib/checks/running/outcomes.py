"""What came of one call of an answer: an array, an exception, something odd, or nothing yet."""

import functools
import types
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from course_lib.checks.result import Array

_MOST_NUMBERS = 100_000

Kind = Literal["array", "raised", "odd", "empty", "late"]


@dataclass(frozen=True)
class Problem:
    """An exception in the learner's code, or in the call of it.

    Attributes
    ----------
    error, text : str
        The exception's class and what it says.
    function, line_number, line
        The learner's own line, counted from the ``def`` line of `function`; None and empty where the call itself
        failed.
    shapes : tuple of (str, tuple of int)
        The arrays that the line names, with the shapes that they had.
    """

    error: str
    text: str
    function: str = ""
    line_number: int | None = None
    line: str = ""
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of one call.

    Attributes
    ----------
    kind : {"array", "raised", "odd", "empty", "late"}
        "odd" is something other than an array of real numbers, "empty" an answer that is not written yet.
    array : ndarray or None
        As float64; True and False as 1 and 0.
    dtype : str
        What the array held as it came, such as ``"bool"``.
    problem : Problem or None
    detail : str
        What was odd or empty, in words.
    changed : tuple of str
        The arguments that the call changed.
    printed : str
    """

    kind: Kind
    array: Array | None = None
    problem: Problem | None = None
    detail: str = ""
    changed: tuple[str, ...] = ()
    printed: str = ""
    dtype: str = ""


class OddResultError(Exception):
    """Raised by a function that an answer is called through: what the answer returned, in words."""


def look_at(value: Any) -> Outcome:
    """Sort what a function returned into an array of float64, nothing yet, or something odd."""
    if value is None or value is Ellipsis or value is NotImplemented:
        return Outcome("empty", detail=repr(value))
    if isinstance(value, types.CoroutineType):
        value.close()  # or Python complains, sooner or later, that nobody waited for it
    for kinds, words in _ODD:
        if isinstance(value, kinds):
            return Outcome("odd", detail=words)
    if callable(value):
        return Outcome("odd", detail="a function (are its brackets missing?)")
    if isinstance(value, list | tuple) and _are_unlike_arrays(value):
        shapes = " and ".join(str(part.shape) for part in value[:3])
        return Outcome("odd", detail=f"{len(value)} arrays of shapes {shapes}, where one array is wanted")
    if isinstance(value, list | tuple) and len(value) > _MOST_NUMBERS:
        return _too_many(len(value))
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return Outcome("odd", detail="rows of different lengths, which make no array")
    return _look_at_array(array, type(value).__name__)


_ODD: tuple[tuple[Any, str], ...] = (
    ((str, bytes), "text"),
    ((dict,), "a dictionary"),
    ((set, frozenset), "a set, which has no order"),
    (
        (types.CoroutineType,),
        "a coroutine, which makes its numbers later (is there an `async` in front of `def`?)",
    ),
    (
        (types.GeneratorType, types.AsyncGeneratorType),
        "a generator, which makes its numbers later (is there a `yield`, or round brackets for square ones?)",
    ),
    ((np.ma.MaskedArray,), "a masked array, in which some numbers are hidden; a plain array is wanted"),
)


def _are_unlike_arrays(parts: "list[Any] | tuple[Any, ...]") -> bool:
    return all(isinstance(part, np.ndarray) for part in parts) and len({part.shape for part in parts}) > 1


def _too_many(count: int) -> Outcome:
    return Outcome("odd", detail=f"{count:,} numbers, far more than asked for")


def _look_at_array(array: NDArray[Any], came_as: str) -> Outcome:
    if array.dtype.kind == "O":
        if any(entry is Ellipsis or entry is None for entry in array.flat):
            return Outcome("empty", detail="...")
        return Outcome("odd", detail=f"Python objects ({came_as}) in place of an array of numbers")
    if array.dtype.kind == "c":
        return Outcome("odd", detail="complex numbers; attention is made of real ones")
    if array.dtype.kind in "US":
        return Outcome("odd", detail="an array of text")
    if array.dtype.kind not in "fiub":
        return Outcome("odd", detail=f"an array of dtype {array.dtype}, which does not hold numbers")
    if array.size > _MOST_NUMBERS:
        return _too_many(array.size)
    return Outcome("array", array=np.array(array, dtype=np.float64, subok=False), dtype=_name_of(array.dtype))


@functools.cache
def _name_of(dtype: np.dtype[Any]) -> str:
    return str(dtype)  # NumPy puts it together anew each time
