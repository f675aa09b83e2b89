"""Positions: attention does not see the order of tokens; sinusoids, rotations and biases show it (lesson 08)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import (
    FloatArray,
    as_floats,
    compute_dtype,
    describe,
    require_axes,
    require_broadcastable,
    require_integer,
    require_number,
    to_dtype_of,
)

ROTATED_AXES = ("seq_len", "d_k")


def sinusoidal_positions(seq_len: int, d_model: int) -> NDArray[np.float64]:
    """Give every position a vector of its own, to be added to the token at that position.

    Components 2i and 2i + 1 of position p are ``sin(p w_i)`` and ``cos(p w_i)`` with ``w_i = 10000^(-2i / d_model)``:
    the hands of clocks that turn more and more slowly. An odd d_model ends with a sine that has no cosine.

    Parameters
    ----------
    seq_len : int
        Row p of the result, of shape (seq_len, d_model), belongs to position p.
    d_model : int

    Returns
    -------
    ndarray of float64, shape (seq_len, d_model)

    Raises
    ------
    OptionError
        If `seq_len` is no whole number of at least 0, or `d_model` none of at least 1.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.5.

    Examples
    --------
    >>> sinusoidal_positions(3, 4).round(2)
    array([[ 0.  ,  1.  ,  0.  ,  1.  ],
           [ 0.84,  0.54,  0.01,  1.  ],
           [ 0.91, -0.42,  0.02,  1.  ]])
    """
    seq_len = require_integer("seq_len", seq_len, minimum=0)
    d_model = require_integer("d_model", d_model, minimum=1)
    angles = np.arange(seq_len)[:, np.newaxis] * _frequencies(d_model, base=10_000.0)
    table = np.empty((seq_len, d_model))
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles[:, : d_model // 2])
    return table


def rotate(x: ArrayLike, positions: ArrayLike, *, base: float = 10_000.0, interleaved: bool = True) -> FloatArray:
    """Turn each pair of components by an angle that grows with the position (rotary position embedding).

    Pair i at position p turns by ``p * base^(-2i / d_k)``. Where query and key are both rotated, their dot product
    depends on the distance of their positions only. Angles are computed in float64, so far positions stay exact.

    Parameters
    ----------
    x : array_like, shape (..., seq_len, d_k)
        Queries or keys, split into heads; d_k is even.
    positions : array_like, shape (..., seq_len)
        The position of each token. Leading axes broadcast with those of `x`: for x of shape
        (batch, n_heads, seq_len, d_k), positions of a batch need an axis for the heads, ``positions[:, np.newaxis]``.
    base : float
        The larger, the more slowly the later pairs turn.
    interleaved : bool
        Which components are a pair: True = neighbours 2i and 2i + 1, as in the paper; False = i and i + d_k / 2, as
        in Llama. Trained weights fit one of the two only.

    Returns
    -------
    ndarray, shape (..., seq_len, d_k)
        Every vector keeps its length; position 0 leaves it as it is. The dtype is that of `x`.

    Raises
    ------
    ShapeError
        If d_k is odd, or `positions` does not have one position for each token.
    DtypeError
        If an array does not hold real numbers.
    OptionError
        If `base` is not a finite number above 0, or a position is not finite.

    References
    ----------
    Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", equation 34.

    Examples
    --------
    A quarter turn is pi / 2; the second token is at twice the position of the first.

    >>> rotate([[1, 0], [1, 0], [0, 2]], np.multiply([1, 2, 1], np.pi / 2)).round(3) + 0
    array([[ 0.,  1.],
           [-1.,  0.],
           [-2.,  0.]])
    """
    x, positions = as_floats("x", x), as_floats("positions", positions)
    _check_rotation(x, positions)
    base = require_number("base", base, positive=True)
    dtype, d_k = compute_dtype(x), x.shape[-1]
    angles = positions.astype(np.float64)[..., np.newaxis] * _frequencies(d_k, base)
    cos, sin = np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)
    pairs = (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(d_k // 2), slice(d_k // 2, None))
    first, second = (x[..., part].astype(dtype, copy=False) for part in pairs)
    leading = np.broadcast_shapes(x.shape[:-1], positions.shape)
    rotated = np.empty((*leading, d_k), dtype)
    rotated[..., pairs[0]] = first * cos - second * sin
    rotated[..., pairs[1]] = first * sin + second * cos
    return to_dtype_of(rotated, x)


def alibi_bias(n_heads: int, n_queries: int, n_keys: int, *, offset: int = 0) -> NDArray[np.float64]:
    """Make every head prefer near keys, each with a slope of its own: ``-m_h |i + offset - j|``, to add to the scores.

    With 2^k heads, the slopes fall by one factor from ``2^(-8 / n_heads)`` to ``2^-8``. For other numbers of heads, the
    next smaller power of two has its slopes, and the heads left over take every second slope of twice that power.
    The bias forbids nothing: for the paper's causal attention, pass it as `mask` together with ``is_causal=True``.
    Keys after the query are as far as those before it, so it also serves attention in both directions.

    Parameters
    ----------
    n_heads, n_queries, n_keys : int
    offset : int
        The position of query 0 among the keys; with a cache, the number of keys that were there already.

    Returns
    -------
    ndarray of float64, shape (n_heads, n_queries, n_keys)
        0 where query and key are at the same position, negative elsewhere.

    Raises
    ------
    OptionError
        If a size is negative, there is no head, or any argument is no whole number.

    References
    ----------
    Press et al. 2022, "Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation",
    section 3; slopes for other numbers of heads as in its published code.

    Examples
    --------
    >>> alibi_bias(8, 2, 3)[:2] + 0
    array([[[ 0.  , -0.5 , -1.  ],
            [-0.5 ,  0.  , -0.5 ]],
    <BLANKLINE>
           [[ 0.  , -0.25, -0.5 ],
            [-0.25,  0.  , -0.25]]])
    """
    n_heads = require_integer("n_heads", n_heads, minimum=1)
    n_queries = require_integer("n_queries", n_queries, minimum=0)
    n_keys = require_integer("n_keys", n_keys, minimum=0)
    query_positions = np.arange(n_queries)[:, np.newaxis] + require_integer("offset", offset)
    distance = np.abs(query_positions - np.arange(n_keys))
    bias: NDArray[np.float64] = _slopes(n_heads)[:, np.newaxis, np.newaxis] * -distance  # -0 is 0 in whole numbers
    return bias


def _frequencies(n_components: int, base: float) -> NDArray[np.float64]:
    """Return the angle that each pair of components turns by from one position to the next."""
    exponents = np.arange(0, n_components, 2) / n_components
    return np.power(base, -exponents)


def _slopes(n_heads: int) -> NDArray[np.float64]:
    power = 2 ** (n_heads.bit_length() - 1)  # the largest power of two that is not above n_heads
    slopes = 2.0 ** (-8 * np.arange(1, power + 1) / power)
    between = 2.0 ** (-8 * np.arange(1, 2 * power, 2) / (2 * power))
    return np.concatenate([slopes, between[: n_heads - power]])


def _check_rotation(x: FloatArray, positions: FloatArray) -> None:
    require_axes("x", x, ROTATED_AXES)
    if x.shape[-1] % 2:
        raise ShapeError(
            f"x must have an even d_k, because its components turn in pairs, but d_k={x.shape[-1]}: "
            f"you passed {describe('x', x, ROTATED_AXES)}."
        )
    if positions.ndim == 0 or positions.shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"positions must have shape (..., seq_len={x.shape[-2]}), one position for each row of x, but it has shape "
            f"{positions.shape}: you passed {describe('x', x, ROTATED_AXES)}."
        )
    require_broadcastable(
        "The leading axes of x and positions", x.shape[:-2], positions.shape[:-1],
        why="For one list of positions per sequence and several heads, write positions[:, np.newaxis].",
    )  # fmt: skip
    if not np.isfinite(positions).all():
        raise OptionError("positions must be finite, but one is infinite or NaN.")
