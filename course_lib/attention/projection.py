"""Learned linear maps: a token vector becomes a query, a key or a value (lesson 01)."""

from numpy.typing import ArrayLike

from course_lib.errors import ShapeError
from course_lib.shapes import (
    FloatArray,
    as_floats,
    matrix_product,
    require_axes,
    require_broadcastable,
    require_same_size,
    to_dtype_of,
)


def project(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> FloatArray:
    """Map every token vector through one weight matrix: ``x W + b``.

    The same map serves queries, keys and values; only the weight differs.

    Parameters
    ----------
    x : array_like, shape (..., seq_len, d_in)
        One token vector a row.
    weight : array_like, shape (..., d_in, d_out)
        The learned matrix, applied from the right. (PyTorch's ``nn.Linear`` stores its transpose.)
    bias : array_like, shape (d_out,), optional
        Added to every row.

    Returns
    -------
    ndarray, shape (..., seq_len, d_out)

    Raises
    ------
    ShapeError
        If ``x`` and ``weight`` disagree on d_in, or ``bias`` is not (d_out,).
    DtypeError
        If an array does not hold real numbers.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2 (the maps W^Q, W^K, W^V).

    Examples
    --------
    >>> project([[1, 0], [0, 2], [1, 1]], [[1, 2], [3, 4]])
    array([[1., 2.],
           [6., 8.],
           [4., 6.]])
    """
    x, weight = as_floats("x", x), as_floats("weight", weight)
    x_axes, weight_axes = ("seq_len", "d_in"), ("d_in", "d_out")
    require_axes("x", x, x_axes)
    require_axes("weight", weight, weight_axes)
    require_same_size(
        "d_in", ("x", x, x_axes), ("weight", weight, weight_axes),
        "Each row of x meets each column of weight; a weight stored as (d_out, d_in) must be transposed first.",
    )  # fmt: skip
    require_broadcastable(
        "The leading axes of x and weight", x.shape[:-2], weight.shape[:-2], why="Make them equal or 1."
    )
    arrays = [x, weight]
    if bias is not None:
        bias = as_floats("bias", bias)
        if bias.shape != weight.shape[-1:]:
            raise ShapeError(f"bias must have shape (d_out={weight.shape[-1]},), but it has shape {bias.shape}.")
        arrays.append(bias)
    projected = matrix_product(x, weight)
    if bias is not None:
        projected = projected + bias
    return to_dtype_of(projected, *arrays)
