"""The specification: every step of attention in plain loops over single numbers, slow on purpose.

The array code of this package must agree with these functions. They use no NumPy arithmetic: one number at a time,
Python's own floats, `math.exp` and `math.fsum`. Arrays only carry numbers in and out.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = list[list[float]]


def project(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> NDArray[np.float64]:
    """Map every token through one matrix: component o of token t is ``sum_i x[t][i] * weight[i][o] + bias[o]``."""

    def one(x: Matrix, weight: Matrix) -> Matrix:
        n_in, n_out = len(weight), len(weight[0])
        add = [0.0] * n_out if bias is None else [float(b) for b in np.asarray(bias)]
        return [[math.fsum(row[i] * weight[i][o] for i in range(n_in)) + add[o] for o in range(n_out)] for row in x]

    return _over_leading_axes(one, x, weight)


def dot_product_scores(query: ArrayLike, key: ArrayLike) -> NDArray[np.float64]:
    """Compare every query with every key: ``scores[i][j] = sum_c query[i][c] * key[j][c]``."""
    return scaled_scores(query, key, scale=1.0)


def scaled_scores(query: ArrayLike, key: ArrayLike, *, scale: float | None = None) -> NDArray[np.float64]:
    """Compare every query with every key, times `scale`, which is ``1 / sqrt(d_k)`` unless given."""

    def one(query: Matrix, key: Matrix) -> Matrix:
        factor = 1 / math.sqrt(len(query[0])) if scale is None else scale
        return [[math.fsum(q * k for q, k in zip(q_i, k_j, strict=True)) * factor for k_j in key] for q_i in query]

    return _over_leading_axes(one, *_share_heads(query, key))


def softmax(scores: ArrayLike, *, temperature: float = 1.0) -> NDArray[np.float64]:
    """Turn each row of scores into weights: ``exp(s_j / T) / sum_k exp(s_k / T)``; a row of -inf gives zeros."""

    def one(scores: Matrix) -> Matrix:
        return [_softmax_of_row(row, temperature) for row in scores]

    return _over_leading_axes(one, scores)


def weighted_sum(weights: ArrayLike, value: ArrayLike) -> NDArray[np.float64]:
    """Mix the values by the weights: component c of output i is ``sum_j weights[i][j] * value[j][c]``."""

    def one(weights: Matrix, value: Matrix) -> Matrix:
        n_keys, d_v = len(value), len(value[0])
        return [[math.fsum(row[j] * value[j][c] for j in range(n_keys)) for c in range(d_v)] for row in weights]

    return _over_leading_axes(one, *_share_heads(weights, value))


def causal_mask(n_queries: int, n_keys: int | None = None, *, offset: int = 0) -> NDArray[np.bool_]:
    """Let query i attend to key j where ``j <= i + offset``."""
    n_keys = n_queries if n_keys is None else n_keys
    allowed = np.zeros((n_queries, n_keys), dtype=np.bool_)
    for i in range(n_queries):
        for j in range(n_keys):
            allowed[i, j] = may_attend(i, j, is_causal=True, offset=offset)
    return allowed


def may_attend(
    i: int, j: int, *, is_causal: bool = False, offset: int = 0, window: int | Sequence[int | None] | None = None
) -> bool:
    """Say whether the options let query i attend to key j; query i sits at position ``i + offset``."""
    position = i + offset
    if is_causal and j > position:
        return False
    if window is None:
        return True
    left, right = (window, window) if isinstance(window, int) else window
    return (left is None or j >= position - left) and (right is None or j <= position + right)


def attention_weights(
    query: ArrayLike,
    key: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: int | Sequence[int | None] | None = None,
    scale: float | None = None,
) -> NDArray[np.float64]:
    """Softmax of the scaled scores, after the masks: a forbidden pair's score is -inf, a float mask is added."""
    scores = scaled_scores(query, key, scale=scale)
    masks = np.broadcast_to(True if mask is None else np.asarray(mask), scores.shape)
    for index in np.ndindex(*scores.shape):
        *_, i, j = index
        if masks.dtype == np.bool_:
            allowed = bool(masks[index])
        else:
            allowed = True
            scores[index] = float(scores[index]) + float(masks[index])
        if not (allowed and may_attend(i, j, is_causal=is_causal, offset=offset, window=window)):
            scores[index] = -math.inf
    return softmax(scores)


def attention(query: ArrayLike, key: ArrayLike, value: ArrayLike, **options: Any) -> NDArray[np.float64]:
    """Let every query collect the values of the keys it matches; `options` as in `attention_weights`."""
    return weighted_sum(attention_weights(query, key, **options), value)


def self_attention(
    x: ArrayLike, w_query: ArrayLike, w_key: ArrayLike, w_value: ArrayLike, **options: Any
) -> NDArray[np.float64]:
    """Attention whose queries, keys and values all come from `x`; `options` as in `attention_weights`."""
    return attention(project(x, w_query), project(x, w_key), project(x, w_value), **options)


def _softmax_of_row(row: list[float], temperature: float) -> list[float]:
    largest = max(row, default=-math.inf)
    if largest == -math.inf:
        return [0.0 for _ in row]
    exponentials = [math.exp((s - largest) / temperature) for s in row]
    total = math.fsum(exponentials)
    return [e / total for e in exponentials]


def _share_heads(query: ArrayLike, other: ArrayLike) -> tuple[ArrayLike, ArrayLike]:
    """Give query head h the head ``h // group`` of `other`, where `query` has a multiple of its heads."""
    query, other = np.asarray(query), np.asarray(other)
    if min(query.ndim, other.ndim) < 3 or 1 in (query.shape[-3], other.shape[-3]):
        return query, other
    group = query.shape[-3] // other.shape[-3]
    return query, np.stack([other[..., h // group, :, :] for h in range(query.shape[-3])], axis=-3)


def _over_leading_axes(function: Callable[..., Matrix], *arrays: ArrayLike) -> NDArray[np.float64]:
    """Call `function` with plain lists for every index of the (broadcast) leading axes and stack what it returns."""
    given = [np.asarray(array, dtype=np.float64) for array in arrays]
    leading = np.broadcast_shapes(*(array.shape[:-2] for array in given))
    wide = [np.broadcast_to(array, leading + array.shape[-2:]) for array in given]
    results = [function(*(array[index].tolist() for array in wide)) for index in np.ndindex(*leading)]
    return np.asarray(results, dtype=np.float64).reshape(leading + np.shape(results[0]))
