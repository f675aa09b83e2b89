"""What widgets check of what they are given: choices, and arrays that are only shown."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray, as_floats


def chosen(name: str, given: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return what was chosen in the usual order, or raise `OptionError` for what does not exist."""
    if any(choice not in known for choice in given):
        raise OptionError(f"{name} must name some of {', '.join(known)}, but it is {list(given)!r}.")
    return [choice for choice in known if choice in given]


def finite_array(name: str, array: ArrayLike, axes: Sequence[str], *, largest: float) -> FloatArray:
    """Return `array` in float64, with the named axes and finite numbers up to `largest`, or say what is wrong.

    Raises
    ------
    ShapeError
        If it has other axes, or one of length 0.
    DtypeError
        If it does not hold real numbers.
    OptionError
        If a number is not finite, or too large to show.
    """
    given = as_floats(name, array).astype(np.float64)
    if given.ndim != len(axes) or given.size == 0:
        listed = f"({', '.join(axes)}{',' * (len(axes) == 1)})"
        raise ShapeError(f"{name} must have shape {listed}, at least 1 along each axis, but it has {given.shape}.")
    if not np.all(np.isfinite(given)):
        raise OptionError(f"{name} must hold finite numbers, but it holds {given[~np.isfinite(given)][0]}.")
    if np.max(np.abs(given)) > largest:
        raise OptionError(
            f"{name} must stay between {-largest:g} and {largest:g} to be shown, "
            f"but its largest number is {np.max(np.abs(given)):g}."
        )
    return given
