"""Scaled dot-product attention: the weighted sum, and all steps in one function (lessons 04 and 05)."""

import numpy as np
from numpy.typing import ArrayLike

from course_lib.attention.masks import Window, apply_masks
from course_lib.attention.projection import project
from course_lib.attention.scores import check_query_and_key, scaled_products, share_heads
from course_lib.attention.softmax import normalised_exponentials
from course_lib.shapes import (
    FloatArray,
    as_floats,
    matrix_product,
    require_axes,
    require_broadcastable,
    require_same_size,
    to_compute_dtype,
    to_dtype_of,
)

WEIGHTS_AXES = ("n_queries", "n_keys")
VALUE_AXES = ("n_keys", "d_v")
# From here on a table of scores takes longer to write to memory and to read again than to compute block by block.
SCORES_TO_TILE = 2**16


def weighted_sum(weights: ArrayLike, value: ArrayLike) -> FloatArray:
    """Mix the values by the weights: ``output_i = sum_j weights[i, j] v_j``.

    Where a row of weights is positive and sums to 1, its output lies inside the convex hull of the values.

    Parameters
    ----------
    weights : array_like, shape (..., n_queries, n_keys)
    value : array_like, shape (..., n_keys, d_v)
        Leading axes broadcast. Where `weights` has more heads than `value`, groups of heads share a value head.

    Returns
    -------
    ndarray, shape (..., n_queries, d_v)

    Raises
    ------
    ShapeError
        If `weights` and `value` disagree on n_keys, or their leading axes do not fit.
    DtypeError
        If an array does not hold real numbers.

    References
    ----------
    Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", equation 5.

    Examples
    --------
    >>> weighted_sum([[0.5, 0.5, 0], [0, 0, 1]], [[2, 0], [0, 4], [6, 6]])
    array([[1., 2.],
           [6., 6.]])
    """
    weights = as_floats("weights", weights)
    require_axes("weights", weights, WEIGHTS_AXES)
    value = check_value(weights, value)
    return to_dtype_of(matrix_product(weights, value), weights, value)


def check_query_key_and_value(
    query: ArrayLike, key: ArrayLike, value: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the three as float arrays whose axes fit, heads of keys and values repeated for their group of queries."""
    query, key, value = as_floats("query", query), as_floats("key", key), as_floats("value", value)
    if _all_axes_agree(query, key, value):  # one look; the checks by name cost as much as a small call's products
        return query, key, value
    query, key = check_query_and_key(query, key)
    leading = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
    weights_to_be = np.broadcast_to(np.float32(0), (*leading, query.shape[-2], key.shape[-2]))
    return query, key, check_value(weights_to_be, value)


def _all_axes_agree(query: FloatArray, key: FloatArray, value: FloatArray) -> bool:
    return (
        query.ndim == key.ndim == value.ndim >= 2
        and query.shape[-1] == key.shape[-1] > 0
        and query.shape[:-2] == key.shape[:-2]
        and key.shape[:-1] == value.shape[:-1]
    )


def check_value(weights: FloatArray, value: ArrayLike) -> FloatArray:
    """Return `value` as a float array that fits `weights`, its heads repeated for their group of query heads."""
    value = as_floats("value", value)
    require_axes("value", value, VALUE_AXES)
    require_same_size(
        "n_keys", ("weights", weights, WEIGHTS_AXES), ("value", value, VALUE_AXES),
        "Every key brings one value, so each row of weights has one weight for each row of value.",
    )  # fmt: skip
    value = share_heads("weights", weights, "value", value)
    require_broadcastable(
        "The leading axes of weights and value", weights.shape[:-2], value.shape[:-2], why="Make them equal or 1."
    )
    return value


def attention_weights(
    query: ArrayLike,
    key: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: Window | None = None,
    scale: float | None = None,
) -> FloatArray:
    """Say how much each query attends to each key: ``softmax(Q K^T / sqrt(d_k))``, row by row.

    Parameters
    ----------
    query : array_like, shape (..., n_heads, n_queries, d_k)
    key : array_like, shape (..., n_heads, n_keys, d_k)
        Leading axes broadcast. Where `query` has more heads than `key`, groups of query heads share a key head.
    mask : array_like, shape (..., n_queries, n_keys), optional
        bool: True = may attend. float: added to the scores.
    is_causal : bool
        Query i may attend to keys 0 .. i + offset only.
    offset : int
        The position of query 0 among the keys (decoding with a cache: the number of keys already there).
    window : int or (left, right), optional
        A query at position p = i + offset sees keys p - left .. p + right; None on a side = no bound.
    scale : float, optional
        The factor on the dot products; None means ``1 / sqrt(d_k)``.

    Returns
    -------
    ndarray, shape (..., n_heads, n_queries, n_keys)
        Every row sums to 1; a query that may attend to nothing has a row of zeros.

    Raises
    ------
    ShapeError
        If two arrays disagree on an axis, or the mask does not broadcast to the scores.
    DtypeError
        If an array does not hold real numbers, or the mask is neither bool nor float.
    OptionError
        If `offset`, `window` or `scale` is not as described.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", equation 1.

    Examples
    --------
    >>> attention_weights([[0, 0], [1, 0]], [[1, 0], [0, 5], [1, 7]], mask=[[True, True, False], [True, False, True]])
    array([[0.5, 0.5, 0. ],
           [0.5, 0. , 0.5]])
    """
    query, key = check_query_and_key(query, key)
    scores = scaled_products(query, key, scale)
    scores = apply_masks(scores, mask=mask, is_causal=is_causal, offset=offset, window=window)
    weights = normalised_exponentials(scores, out=scores)
    return to_dtype_of(weights, query, key)


def attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: Window | None = None,
    scale: float | None = None,
) -> FloatArray:
    """Let every query collect the values of the keys it matches: ``softmax(Q K^T / sqrt(d_k)) V``.

    Parameters
    ----------
    query : array_like, shape (..., n_heads, n_queries, d_k)
    key : array_like, shape (..., n_heads, n_keys, d_k)
    value : array_like, shape (..., n_heads, n_keys, d_v)
        Leading axes broadcast. Where `query` has more heads than `key`, groups of query heads share a key head.
    mask, is_causal, offset, window, scale
        As in `attention_weights`. Masks combine: all must allow.

    Returns
    -------
    ndarray, shape (..., n_heads, n_queries, d_v)
        A query that may attend to nothing gets zeros. float16, float32 and float64 stay what they are; sums are
        never made in less than float32.

    Raises
    ------
    ShapeError
        If two arrays disagree on an axis, or the mask does not broadcast to the scores.
    DtypeError
        If an array does not hold real numbers, or the mask is neither bool nor float.
    OptionError
        If `offset`, `window` or `scale` is not as described.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", equation 1.

    Examples
    --------
    >>> attention([[0, 0], [9, 0]], [[0, 0], [0, 0], [0, 0]], [[3, 0], [0, 6], [0, 0]])
    array([[1., 2.],
           [1., 2.]])
    """
    inputs = check_query_key_and_value(query, key, value)
    if inputs[0].shape[-2] * inputs[1].shape[-2] >= SCORES_TO_TILE:
        from course_lib.attention.tiled import tiled_attention  # which needs this module

        return tiled_attention(
            *inputs, mask=mask, is_causal=is_causal, offset=offset, window=window, scale=scale
        )  # fmt: skip
    query, key, value = to_compute_dtype(*inputs)
    scores = scaled_products(query, key, scale)
    scores = apply_masks(scores, mask=mask, is_causal=is_causal, offset=offset, window=window)
    weights = normalised_exponentials(scores, out=scores)
    return to_dtype_of(weights @ value, *inputs)


def self_attention(
    x: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    w_value: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: Window | None = None,
    scale: float | None = None,
) -> FloatArray:
    """Let the tokens of one sequence attend to each other: queries, keys and values all come from `x`.

    Parameters
    ----------
    x : array_like, shape (..., seq_len, d_model)
    w_query, w_key : array_like, shape (d_model, d_k)
    w_value : array_like, shape (d_model, d_v)
    mask, is_causal, offset, window, scale
        As in `attention_weights`.

    Returns
    -------
    ndarray, shape (..., seq_len, d_v)

    Raises
    ------
    ShapeError
        If a weight does not fit `x`, or w_query and w_key lead to different d_k.
    DtypeError
        If an array does not hold real numbers, or the mask is neither bool nor float.
    OptionError
        If `offset`, `window` or `scale` is not as described.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.3.

    Examples
    --------
    >>> self_attention([[1, 0], [0, 1]], [[0], [0]], [[5], [7]], [[2, 0], [0, 4]])
    array([[1., 2.],
           [1., 2.]])
    """
    return attention(
        project(x, w_query), project(x, w_key), project(x, w_value),
        mask=mask, is_causal=is_causal, offset=offset, window=window, scale=scale,
    )  # fmt: skip
