"""Diagnostics: how spread out, how far and how varied the attention of heads is (lesson 10).

A weight says where attention goes, not why: a large weight is no proof that its token mattered.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray, as_floats, compute_dtype, require_axes, require_integer, to_dtype_of

WEIGHTS_AXES = ("n_queries", "n_keys")
HEAD_WEIGHTS_AXES = ("n_heads", "n_queries", "n_keys")


def attention_entropy(weights: ArrayLike) -> FloatArray:
    """Say how spread out each query's attention is: ``-sum_j w_ij ln w_ij``, in nats, with 0 ln 0 = 0.

    Parameters
    ----------
    weights : array_like, shape (..., n_queries, n_keys)

    Returns
    -------
    ndarray, shape (..., n_queries)
        From 0, all attention on one key, to ln(n_keys), the same on all. A fully masked query has 0.

    Raises
    ------
    ShapeError
        If `weights` has fewer than two axes.
    DtypeError
        If `weights` does not hold real numbers.
    OptionError
        If a weight is negative.

    References
    ----------
    Shannon 1948, "A Mathematical Theory of Communication", section 6; for attention heads in Clark et al. 2019,
    "What Does BERT Look At? An Analysis of BERT's Attention", section 3.

    Examples
    --------
    Two equal weights have entropy ln 2, four have twice that.

    >>> attention_entropy([[0.5, 0, 0.5, 0], [0.25, 0.25, 0.25, 0.25], [0, 0, 0, 1]]) / np.log(2)
    array([1., 2., 0.])
    >>> attention_entropy([[[0.5, 0.5], [1, 0]], [[0, 1], [0.5, 0.5]]]) / np.log(2)
    array([[1., 0.],
           [0., 1.]])
    """
    weights = _check_weights(weights, WEIGHTS_AXES)
    return to_dtype_of(_entropy(weights.astype(compute_dtype(weights), copy=False)), weights)


def mean_attention_distance(weights: ArrayLike, *, offset: int = 0) -> FloatArray:
    """Say how far each head looks: ``sum_ij w_ij |i + offset - j| / sum_ij w_ij``, in tokens.

    Parameters
    ----------
    weights : array_like, shape (..., n_queries, n_keys)
    offset : int
        The position of query 0 among the keys; with a cache, the number of keys that were there already.

    Returns
    -------
    ndarray, shape (...)
        One number for each head: the mean over its queries; a fully masked query does not count. 0 where nothing
        is attended to.

    Raises
    ------
    ShapeError
        If `weights` has fewer than two axes.
    DtypeError
        If `weights` does not hold real numbers.
    OptionError
        If a weight is negative, or `offset` is no whole number.

    References
    ----------
    Vig and Belinkov 2019, "Analyzing the Structure of Attention in a Transformer Language Model"; for images in
    Dosovitskiy et al. 2021, "An Image Is Worth 16x16 Words", section 4.5.

    Examples
    --------
    The first head looks at itself, the second half at itself and half at the other token.

    >>> mean_attention_distance([[[1, 0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]]])
    array([0. , 0.5])
    >>> mean_attention_distance([[[[0, 0, 1], [1, 0, 0]]], [[[0, 1, 0], [1, 0, 0]]]])
    array([[1.5],
           [1. ]])
    """
    weights = _check_weights(weights, WEIGHTS_AXES)
    n_queries, n_keys = weights.shape[-2:]
    query_positions = np.arange(n_queries)[:, np.newaxis] + require_integer("offset", offset)
    distance = np.abs(query_positions - np.arange(n_keys))
    exact = weights.astype(compute_dtype(weights), copy=False)
    return to_dtype_of(_ratio(np.sum(exact * distance, axis=(-2, -1)), np.sum(exact, axis=(-2, -1))), weights)


def head_diversity(weights: ArrayLike) -> FloatArray:
    """Say how differently the heads attend: the Jensen-Shannon divergence of their rows, from 0 to 1.

    ``(H(mean over heads of w_i) - mean over heads of H(w_i)) / ln(n_heads)`` with the entropy H, then the mean over
    the queries i: how much more spread out the heads are together than each is alone.

    Parameters
    ----------
    weights : array_like, shape (..., n_heads, n_queries, n_keys)

    Returns
    -------
    ndarray, shape (...)
        0 where all heads have the same weights, 1 where no two heads look at the same key. A query with no key to
        attend to does not count.

    Raises
    ------
    ShapeError
        If `weights` has fewer than three axes, or only one head.
    DtypeError
        If `weights` does not hold real numbers.
    OptionError
        If a weight is negative.

    References
    ----------
    Lin 1991, "Divergence Measures Based on the Shannon Entropy" (its generalised form, for several distributions);
    between attention heads in Clark et al. 2019, "What Does BERT Look At? An Analysis of BERT's Attention", section 6.

    Examples
    --------
    Two heads that agree, two that never look at the same key, and two that agree on the first query only.

    >>> first = [[1, 0, 0], [0, 0.5, 0.5]]
    >>> head_diversity([[first, first], [first, [[0, 0.5, 0.5], [1, 0, 0]]], [first, [[1, 0, 0], [1, 0, 0]]]])
    array([0. , 1. , 0.5])
    >>> head_diversity([[[first, first]], [[first, [[0, 1, 0], [1, 0, 0]]]]])
    array([[0.],
           [1.]])
    """
    weights = _check_weights(weights, HEAD_WEIGHTS_AXES)
    n_heads = weights.shape[-3]
    if n_heads < 2:
        raise ShapeError(f"weights must have two heads or more to compare, but it has shape {weights.shape}.")
    exact = weights.astype(compute_dtype(weights), copy=False)
    together = exact.mean(axis=-3)
    gained = _entropy(together) - _entropy(exact).mean(axis=-2)
    diversity = _ratio(gained.sum(axis=-1), together.sum(axis=(-2, -1))) / math.log(n_heads)
    return to_dtype_of(np.clip(diversity, 0, 1), weights)  # rounding may lead a little out of [0, 1]


def previous_token_score(weights: ArrayLike) -> FloatArray:
    """Say how much each head looks at the token just before: the mean over the queries i >= 1 of ``w_i,i-1``.

    Parameters
    ----------
    weights : array_like, shape (..., seq_len, seq_len)
        Self-attention: query i and key i are the same token.

    Returns
    -------
    ndarray, shape (...)
        One number for each head, 1 where every token but the first attends to the one before it and nothing else.

    Raises
    ------
    ShapeError
        If `weights` has fewer than two axes, is not square, or has one token only.
    DtypeError
        If `weights` does not hold real numbers.
    OptionError
        If a weight is negative.

    References
    ----------
    Clark et al. 2019, "What Does BERT Look At? An Analysis of BERT's Attention", section 3.1.

    Examples
    --------
    The first head always looks one token back, the second at itself half of the time.

    >>> heads = [[[1, 0, 0], [1, 0, 0], [0, 1, 0]], [[1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5]]]
    >>> previous_token_score([heads, heads])
    array([[1. , 0.5],
           [1. , 0.5]])
    """
    return _mean_at_distance(weights, 1, first=1)


def induction_score(weights: ArrayLike, period: int) -> FloatArray:
    """Say how much each head looks at what came next the last time: the mean over i >= period of ``w_i,i-period+1``.

    Meant for a block of `period` tokens that is repeated, each token once in a block. Token i then stood at
    i - period as well, and i - period + 1 is what followed it there: a head that looks there can copy it. Queries of
    the first block see nothing twice and do not count.

    Parameters
    ----------
    weights : array_like, shape (..., seq_len, seq_len)
        Self-attention: query i and key i are the same token.
    period : int
        The length of the block, below seq_len.

    Returns
    -------
    ndarray, shape (...)
        One number for each head, from 0 to 1.

    Raises
    ------
    ShapeError
        If `weights` has fewer than two axes, is not square, or has one token only.
    DtypeError
        If `weights` does not hold real numbers.
    OptionError
        If a weight is negative, or `period` is no whole number from 1 to seq_len - 1.

    References
    ----------
    Olsson et al. 2022, "In-context Learning and Induction Heads", section "Key Concepts" (prefix matching).

    Examples
    --------
    The tokens are A B A B. In the first head, the second A looks at the first B, and the second B at the second A; in
    the second head, one of the two does, half of the time.

    >>> first = [[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    >>> second = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1]]
    >>> induction_score([[first, second], [second, first]], 2)
    array([[1.  , 0.25],
           [0.25, 1.  ]])
    """
    period = require_integer("period", period, minimum=1)
    return _mean_at_distance(weights, period - 1, first=period)


def _mean_at_distance(weights: ArrayLike, distance: int, *, first: int) -> FloatArray:
    """Return the mean over the queries i >= first of the weight on key i - distance."""
    weights = _check_weights(weights, WEIGHTS_AXES)
    seq_len = weights.shape[-1]
    if weights.shape[-2] != seq_len or seq_len < 2:
        raise ShapeError(
            "weights must be square, each of two tokens or more being a query and a key, "
            f"but it has shape {weights.shape}."
        )
    if first >= seq_len:
        raise OptionError(
            f"period must be below seq_len={seq_len}, so that a token comes again, but it is {first}. "
            "Repeat the block of tokens at least once."
        )
    queries = np.arange(first, seq_len)
    given = weights[..., queries, queries - distance]
    return to_dtype_of(given.mean(axis=-1, dtype=compute_dtype(weights)), weights)


def _entropy(weights: FloatArray) -> FloatArray:
    logarithms = np.log(np.where(weights > 0, weights, 1))  # 0 ln 0 = 0
    entropy: FloatArray = -np.sum(weights * logarithms, axis=-1)
    return entropy + 0.0  # no -0.0


def _ratio(total: FloatArray, count: FloatArray) -> FloatArray:
    ratio: FloatArray = total / np.where(count == 0, 1, count)
    return ratio


def _check_weights(weights: ArrayLike, axes: tuple[str, ...]) -> FloatArray:
    weights = as_floats("weights", weights)
    require_axes("weights", weights, axes)
    if weights.size and weights.min() < 0:
        raise OptionError(
            f"weights must not be negative, but the smallest is {float(weights.min()):.4g}. "
            "Are these scores? softmax turns them into weights."
        )
    return weights
