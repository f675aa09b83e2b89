"""Heads: one axis of components becomes two, and back; key and value heads shared by groups (lessons 07 and 11)."""

import numpy as np
from numpy.typing import ArrayLike

from course_lib.errors import ShapeError
from course_lib.shapes import FloatArray, as_floats, describe, require_axes, require_integer

TOKEN_AXES = ("seq_len", "d_model")
HEAD_AXES = ("n_heads", "seq_len", "d_k")
KV_HEAD_AXES = ("n_kv_heads", "seq_len", "d_k")


def split_heads(x: ArrayLike, n_heads: int) -> FloatArray:
    """Give every head its share of each token's components: head h gets components h d_k .. (h + 1) d_k - 1.

    The components are cut first, ``(seq_len, n_heads, d_k)``, and then the axes swapped. Reshaping at once to
    ``(n_heads, seq_len, d_k)`` would give heads parts of other tokens.

    Parameters
    ----------
    x : array_like, shape (..., seq_len, d_model)
        Usually a projection of the tokens: all heads' queries side by side.
    n_heads : int
        A divisor of d_model.

    Returns
    -------
    ndarray, shape (..., n_heads, seq_len, d_k)
        With d_k = d_model / n_heads; a view of `x` where NumPy can make one.

    Raises
    ------
    ShapeError
        If `x` has fewer than two axes, or d_model is no multiple of `n_heads`.
    DtypeError
        If `x` does not hold real numbers.
    OptionError
        If `n_heads` is no whole number above 0.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2.

    Examples
    --------
    >>> split_heads([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]], 2)
    array([[[ 1.,  2.],
            [ 5.,  6.],
            [ 9., 10.]],
    <BLANKLINE>
           [[ 3.,  4.],
            [ 7.,  8.],
            [11., 12.]]])
    """
    x, n_heads = as_floats("x", x), require_integer("n_heads", n_heads, minimum=1)
    require_axes("x", x, TOKEN_AXES)
    *leading, seq_len, d_model = x.shape
    if d_model % n_heads:
        raise ShapeError(
            f"d_model={d_model} cannot be split into n_heads={n_heads} heads of equal size: "
            f"you passed {describe('x', x, TOKEN_AXES)}. Choose a number of heads that divides {d_model}."
        )
    return np.swapaxes(x.reshape(*leading, seq_len, n_heads, d_model // n_heads), -3, -2)


def merge_heads(x: ArrayLike) -> FloatArray:
    """Lay the heads' components of each token side by side again: the inverse of `split_heads`.

    Parameters
    ----------
    x : array_like, shape (..., n_heads, seq_len, d_k)

    Returns
    -------
    ndarray, shape (..., seq_len, d_model)
        With d_model = n_heads * d_k.

    Raises
    ------
    ShapeError
        If `x` has fewer than three axes.
    DtypeError
        If `x` does not hold real numbers.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2 (Concat).

    Examples
    --------
    >>> merge_heads([[[1, 2], [5, 6], [9, 10]], [[3, 4], [7, 8], [11, 12]]])
    array([[ 1.,  2.,  3.,  4.],
           [ 5.,  6.,  7.,  8.],
           [ 9., 10., 11., 12.]])
    """
    x = as_floats("x", x)
    _require_head_axis("x", x, HEAD_AXES)
    *leading, n_heads, seq_len, d_k = x.shape
    return np.swapaxes(x, -3, -2).reshape(*leading, seq_len, n_heads * d_k)


def repeat_kv(x: ArrayLike, n_repeats: int) -> FloatArray:
    """Repeat every key or value head for its group of query heads: a, b become a, a, b, b.

    Query head h then meets key head ``h // n_repeats`` (grouped-query attention).

    Parameters
    ----------
    x : array_like, shape (..., n_kv_heads, seq_len, d_k)
        Keys or values, split into heads.
    n_repeats : int
        How many query heads share one head of `x`.

    Returns
    -------
    ndarray, shape (..., n_kv_heads * n_repeats, seq_len, d_k)

    Raises
    ------
    ShapeError
        If `x` has fewer than three axes.
    DtypeError
        If `x` does not hold real numbers.
    OptionError
        If `n_repeats` is no whole number above 0.

    References
    ----------
    Ainslie et al. 2023, "GQA: Training Generalized Multi-Query Transformer Models", section 2.2.

    Examples
    --------
    >>> repeat_kv([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], 2)[:, 0]
    array([[1., 2.],
           [1., 2.],
           [5., 6.],
           [5., 6.]])
    """
    x, n_repeats = as_floats("x", x), require_integer("n_repeats", n_repeats, minimum=1)
    _require_head_axis("x", x, KV_HEAD_AXES)
    return np.repeat(x, n_repeats, axis=-3)


def _require_head_axis(name: str, array: FloatArray, axes: tuple[str, ...]) -> None:
    if array.ndim < len(axes):
        raise ShapeError(
            f"{name} must have shape (..., {', '.join(axes)}), but it has shape {array.shape}. "
            f"One head alone becomes {name}[np.newaxis, :, :]."
        )
