"""Checks at the door of public functions: axes are checked by name, and named in the message."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.errors import DtypeError, OptionError, ShapeError

FloatArray = NDArray[np.floating]
Axes = tuple[str, ...]

_FLOAT32 = np.dtype(np.float32)
_FLOATS = (np.dtype(np.float16), _FLOAT32, np.dtype(np.float64))


def as_floats(name: str, array: ArrayLike) -> FloatArray:
    """Return `array` as float16, float32 or float64; whole numbers become float64.

    Raises
    ------
    DtypeError
        If `array` is ragged or holds anything but real numbers.

    Examples
    --------
    >>> as_floats("query", [[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """
    try:
        given = np.asarray(array)
    except ValueError as error:
        raise DtypeError(f"{name} must be an array of real numbers, but its rows have different lengths.") from error
    if given.dtype in _FLOATS:
        return given
    if given.dtype.kind in "iu":
        return given.astype(np.float64)
    raise DtypeError(
        f"{name} must hold real numbers (float16, float32, float64 or integers), but it has dtype {given.dtype}. "
        f"Convert it first, for example with np.asarray({name}, dtype=np.float32)."
    )


def compute_dtype(*arrays: FloatArray) -> np.dtype[np.floating]:
    """Return the dtype to sum in: that of the widest array, and never less than float32."""
    return np.promote_types(np.result_type(*arrays), _FLOAT32)


def to_compute_dtype(*arrays: FloatArray) -> list[FloatArray]:
    """Return all `arrays` in the dtype to sum in; those that have it already are not copied."""
    dtype = compute_dtype(*arrays)
    return [array if array.dtype == dtype else array.astype(dtype) for array in arrays]


def matrix_product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return ``left @ right``, summed in float32 at least and left in that dtype."""
    left, right = to_compute_dtype(left, right)
    return left @ right


def to_dtype_of(result: FloatArray, *inputs: FloatArray) -> FloatArray:
    """Round `result` to the dtype of the widest input; what does not fit float16 becomes inf."""
    dtype = np.result_type(*inputs)
    if result.dtype == dtype:
        return result
    with np.errstate(over="ignore"):
        rounded: FloatArray = result.astype(dtype)
    return rounded


def describe(name: str, array: FloatArray, axes: Axes) -> str:
    """Say a shape in words: ``query (n_queries=4, d_k=3)``.

    Examples
    --------
    >>> describe("query", np.zeros((2, 4, 3)), ("n_queries", "d_k"))
    'query (2, n_queries=4, d_k=3)'
    """
    n_leading = array.ndim - len(axes)
    leading = [str(size) for size in array.shape[:n_leading]]
    named = [f"{axis}={size}" for axis, size in zip(axes, array.shape[n_leading:], strict=True)]
    return f"{name} ({', '.join(leading + named)})"


def require_axes(name: str, array: FloatArray, axes: Axes) -> None:
    """Raise `ShapeError` unless `array` has at least the named axes, as its last ones."""
    if array.ndim < len(axes):
        raise ShapeError(
            f"{name} must have shape (..., {', '.join(axes)}), but it has shape {array.shape}. "
            f"A single vector becomes one row with {name}[np.newaxis, :]."
        )


def require_same_size(
    axis: str, first: tuple[str, FloatArray, Axes], second: tuple[str, FloatArray, Axes], why: str
) -> None:
    """Raise `ShapeError` unless both arrays, given as (name, array, axes), are equally long along `axis`."""
    sizes = [array.shape[axes.index(axis) - len(axes)] for _, array, axes in (first, second)]
    if sizes[0] != sizes[1]:
        raise ShapeError(
            f"{first[0]} and {second[0]} disagree on {axis}: {sizes[0]} against {sizes[1]}. "
            f"You passed {describe(*first)} and {describe(*second)}. {why}"
        )


def require_broadcastable(names: str, *shapes: tuple[int, ...], why: str) -> tuple[int, ...]:
    """Return the shape that all `shapes` broadcast to, or raise `ShapeError` naming the arrays."""
    if len(set(shapes)) == 1:
        return shapes[0]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        listed = " and ".join(str(shape) for shape in shapes)
        raise ShapeError(f"{names} do not fit together: shapes {listed}. {why}") from error


def require_integer(name: str, number: object, *, minimum: int | None = None) -> int:
    """Return `number` as an int, or raise `OptionError` if it is no whole number or below `minimum`."""
    if type(number) is not int and (isinstance(number, bool) or not isinstance(number, int | np.integer)):
        raise OptionError(f"{name} must be a whole number, but it is {number!r}.")
    if minimum is not None and number < minimum:
        raise OptionError(f"{name} must be at least {minimum}, but it is {number}.")
    return int(number)


def require_number(name: str, number: object, *, positive: bool = False) -> float:
    """Return `number` as a finite float, or raise `OptionError`."""
    is_number = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
    if not is_number or not np.isfinite(number):  # type: ignore[call-overload]
        raise OptionError(f"{name} must be a finite number, but it is {number!r}.")
    if positive and number <= 0:  # type: ignore[operator]
        raise OptionError(f"{name} must be greater than 0, but it is {number!r}.")
    return float(number)  # type: ignore[arg-type]
