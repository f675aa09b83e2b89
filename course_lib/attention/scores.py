"""Scores: how well each query matches each key (lesson 02)."""

import math

from numpy.typing import ArrayLike

from course_lib.attention.heads import repeat_kv
from course_lib.errors import ShapeError
from course_lib.shapes import (
    FloatArray,
    as_floats,
    matrix_product,
    require_axes,
    require_broadcastable,
    require_number,
    require_same_size,
    to_dtype_of,
)

QUERY_AXES = ("n_queries", "d_k")
KEY_AXES = ("n_keys", "d_k")


def dot_product_scores(query: ArrayLike, key: ArrayLike) -> FloatArray:
    """Compare every query with every key: ``scores[i, j] = q_i . k_j``.

    Parameters
    ----------
    query : array_like, shape (..., n_queries, d_k)
    key : array_like, shape (..., n_keys, d_k)
        Leading axes broadcast. Where `query` has more heads than `key`, groups of query heads share a key head.

    Returns
    -------
    ndarray, shape (..., n_queries, n_keys)
        Row i belongs to query i, column j to key j.

    Raises
    ------
    ShapeError
        If `query` and `key` disagree on d_k, or their leading axes do not fit.
    DtypeError
        If an array does not hold real numbers.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", equation 1 (Q K^T).

    Examples
    --------
    >>> dot_product_scores([[1, 0], [0, 2]], [[1, 1], [2, 0], [0, 3]])
    array([[1., 2., 0.],
           [2., 0., 6.]])
    """
    query, key = check_query_and_key(query, key)
    return to_dtype_of(matrix_product(query, key.swapaxes(-1, -2)), query, key)


def scaled_scores(query: ArrayLike, key: ArrayLike, *, scale: float | None = None) -> FloatArray:
    """Compare every query with every key, on a scale that does not depend on d_k: ``q_i . k_j / sqrt(d_k)``.

    With independent components of variance 1, a dot product has variance d_k; the scale brings it back to 1.

    Parameters
    ----------
    query : array_like, shape (..., n_queries, d_k)
    key : array_like, shape (..., n_keys, d_k)
    scale : float, optional
        The factor on the dot products; None means ``1 / sqrt(d_k)``.

    Returns
    -------
    ndarray, shape (..., n_queries, n_keys)

    Raises
    ------
    ShapeError
        If `query` and `key` disagree on d_k, or their leading axes do not fit.
    DtypeError
        If an array does not hold real numbers.
    OptionError
        If `scale` is not a finite number.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", equation 1 and footnote 4.

    Examples
    --------
    >>> scaled_scores([[1, 0, 1, 0], [0, 2, 0, 0]], [[1, 1, 1, 1], [4, 0, 0, 0]])
    array([[1., 2.],
           [1., 0.]])
    """
    query, key = check_query_and_key(query, key)
    # Scaled before rounding to the input's dtype, so that float16 products cannot overflow on the way.
    return to_dtype_of(scaled_products(query, key, scale), query, key)


def scaled_products(query: FloatArray, key: FloatArray, scale: float | None) -> FloatArray:
    """Return ``Q K^T * scale`` of a query and a key that fit, not rounded below float32."""
    products = matrix_product(query, key.swapaxes(-1, -2))
    products *= scale_factor(query, scale)
    return products


def scale_factor(query: FloatArray, scale: float | None) -> float:
    """Return `scale` if it is a finite number, and ``1 / sqrt(d_k)`` if it is None."""
    return 1 / math.sqrt(query.shape[-1]) if scale is None else require_number("scale", scale)


def check_query_and_key(query: ArrayLike, key: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both as float arrays whose axes fit, key heads repeated for their group of query heads."""
    query, key = as_floats("query", query), as_floats("key", key)
    require_axes("query", query, QUERY_AXES)
    require_axes("key", key, KEY_AXES)
    require_same_size(
        "d_k", ("query", query, QUERY_AXES), ("key", key, KEY_AXES),
        "A dot product needs two vectors of equal length; were both projected to the same d_k, and neither transposed?",
    )  # fmt: skip
    if query.shape[-1] == 0:
        raise ShapeError(
            f"query and key must have at least one component, but d_k is 0: query has shape {query.shape}."
        )
    if query.shape[:-2] != key.shape[:-2]:
        key = share_heads("query", query, "key", key)
        require_broadcastable(
            "The leading axes of query and key", query.shape[:-2], key.shape[:-2],
            why="They must be equal or 1; the number of query heads may also be a multiple of the key heads.",
        )  # fmt: skip
    return query, key


def share_heads(query_name: str, query: FloatArray, name: str, array: FloatArray) -> FloatArray:
    """Repeat the heads of a key or value (axis -3) where a group of query heads shares one (GQA)."""
    if query.ndim < 3 or array.ndim < 3 or array.shape[-3] in (1, query.shape[-3]) or query.shape[-3] == 1:
        return array  # equal, or ordinary broadcasting
    n_query_heads, n_heads = query.shape[-3], array.shape[-3]
    if n_heads == 0 or n_query_heads % n_heads:
        raise ShapeError(
            f"{query_name} has {n_query_heads} heads and {name} has {n_heads}, "
            f"but groups of heads can share a {name} head only where {n_query_heads} is a multiple of {n_heads}. "
            f"{query_name} has shape {query.shape}, {name} {array.shape}."
        )
    return repeat_kv(array, n_query_heads // n_heads)
