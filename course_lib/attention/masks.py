"""Masks: which key a query may attend to (lesson 06)."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.errors import DtypeError, OptionError, ShapeError
from course_lib.shapes import FloatArray, require_broadcastable, require_integer

BoolArray = NDArray[np.bool_]
Window = int | tuple[int | None, int | None]


def causal_mask(n_queries: int, n_keys: int | None = None, *, offset: int = 0) -> BoolArray:
    """Let query i attend to keys 0 .. i + offset, that is, to the past and itself.

    Parameters
    ----------
    n_queries : int
    n_keys : int, optional
        None means as many as queries.
    offset : int
        The position of query 0 among the keys; with a cache, the number of keys that were there already.

    Returns
    -------
    ndarray of bool, shape (n_queries, n_keys)
        True = may attend.

    Raises
    ------
    OptionError
        If a size is negative or any argument is no whole number.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.3.

    Examples
    --------
    >>> causal_mask(2, 3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0]])
    >>> causal_mask(2, 3, offset=1).astype(int)
    array([[1, 1, 0],
           [1, 1, 1]])
    """
    n_queries = require_integer("n_queries", n_queries, minimum=0)
    n_keys = n_queries if n_keys is None else require_integer("n_keys", n_keys, minimum=0)
    return _distance(n_queries, n_keys, require_integer("offset", offset)) <= 0


def padding_mask(lengths: ArrayLike, n_keys: int) -> BoolArray:
    """Let nobody attend to padding: of a sequence of length n, keys 0 .. n - 1 are real tokens.

    The mask has one row a sequence. To mask scores it needs axes in between, one for each axis of the scores that is
    neither batch nor keys: ``mask[:, np.newaxis, np.newaxis, :]`` for scores of shape
    (batch, n_heads, n_queries, n_keys), ``mask[:, np.newaxis, :]`` for (batch, n_queries, n_keys).
    Without them, (batch, n_keys) would be read as (n_queries, n_keys).

    Parameters
    ----------
    lengths : array_like of int, shape (...)
        The number of real tokens of each sequence, usually of shape (batch,).
    n_keys : int
        The length that the sequences were padded to.

    Returns
    -------
    ndarray of bool, shape (..., n_keys)
        True = a real token, may be attended to.

    Raises
    ------
    DtypeError
        If `lengths` does not hold whole numbers.
    OptionError
        If a length is negative or above `n_keys`, or `n_keys` is no whole number of at least 0.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.3 (illegal connections are masked with -inf).

    Examples
    --------
    >>> padding_mask([3, 1], 4).astype(int)
    array([[1, 1, 1, 0],
           [1, 0, 0, 0]])
    """
    given = np.asarray(lengths)
    if given.dtype.kind not in "iu":
        raise DtypeError(f"lengths must hold whole numbers, one for each sequence, but it has dtype {given.dtype}.")
    n_keys = require_integer("n_keys", n_keys, minimum=0)
    for length in given[(given < 0) | (given > n_keys)]:
        raise OptionError(f"lengths must lie between 0 and n_keys={n_keys}, but one is {length}.")
    mask: BoolArray = np.arange(n_keys) < given[..., np.newaxis]
    return mask


def sliding_window_mask(n_queries: int, n_keys: int, window: Window, *, offset: int = 0) -> BoolArray:
    """Let each query attend to the keys near it only.

    Parameters
    ----------
    n_queries : int
    n_keys : int
    window : int or (left, right)
        A query at position p = i + offset sees keys p - left .. p + right; None on a side = no bound, w = (w, w).
    offset : int
        The position of query 0 among the keys; with a cache, the number of keys that were there already.

    Returns
    -------
    ndarray of bool, shape (n_queries, n_keys)
        True = may attend.

    Raises
    ------
    OptionError
        If a size is negative, `window` is not as described, or `offset` is no whole number.

    References
    ----------
    Beltagy et al. 2020, "Longformer: The Long-Document Transformer", section 3.1.

    Examples
    --------
    >>> sliding_window_mask(3, 4, 1).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1]])
    >>> sliding_window_mask(3, 4, (1, 0)).astype(int)
    array([[1, 0, 0, 0],
           [1, 1, 0, 0],
           [0, 1, 1, 0]])
    """
    n_queries = require_integer("n_queries", n_queries, minimum=0)
    n_keys = require_integer("n_keys", n_keys, minimum=0)
    left, right = check_window(window)
    distance = _distance(n_queries, n_keys, require_integer("offset", offset))
    inside = np.ones(distance.shape, dtype=np.bool_)
    if left is not None:
        inside &= distance >= -left
    if right is not None:
        inside &= distance <= right
    return inside


def combine_masks(
    n_queries: int,
    n_keys: int,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: Window | None = None,
) -> tuple[BoolArray | None, FloatArray | None]:
    """Join the masking options of `attention` into what is allowed and what is added to the scores.

    Returns
    -------
    allowed : ndarray of bool, shape (..., n_queries, n_keys), or None where nothing is forbidden
        True where every option allows the pair.
    added : ndarray of float, shape (..., n_queries, n_keys), or None
        The float mask.

    Raises
    ------
    ShapeError
        If `mask` does not broadcast to (..., n_queries, n_keys).
    DtypeError
        If `mask` is neither bool nor float.
    OptionError
        If `offset` or `window` is not as described.
    """
    offset = require_integer("offset", offset)
    allowed: BoolArray | None = None
    added: FloatArray | None = None
    if mask is not None:
        given = check_mask(mask, n_queries, n_keys)
        allowed, added = (given, None) if given.dtype == np.bool_ else (None, given)
    if is_causal:
        allowed = _both(allowed, causal_mask(n_queries, n_keys, offset=offset))
    if window is not None:
        allowed = _both(allowed, sliding_window_mask(n_queries, n_keys, window, offset=offset))
    return allowed, added


def apply_masks(
    scores: FloatArray,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: Window | None = None,
) -> FloatArray:
    """Return scores of shape (..., n_queries, n_keys) with -inf where a pair is forbidden, the float mask added.

    Raises as `combine_masks`, and `ShapeError` where the leading axes of `mask` and `scores` do not fit.
    """
    n_queries, n_keys = scores.shape[-2:]
    allowed, added = combine_masks(n_queries, n_keys, mask=mask, is_causal=is_causal, offset=offset, window=window)
    for part in (allowed, added):
        if part is not None:
            require_broadcastable("The axes of mask and scores", part.shape, scores.shape, why="Make them equal or 1.")
    if added is not None:
        with np.errstate(over="ignore"):  # a mask of -1e300 is -inf in float32, as meant
            scores = scores + added.astype(scores.dtype)
    return scores if allowed is None else np.where(allowed, scores, scores.dtype.type(-np.inf))


def check_window(window: Window) -> tuple[int | None, int | None]:
    """Return a window as (left, right), None for a side without bound; raise `OptionError` if it is none."""
    sides = window if isinstance(window, tuple | list) else (window, window)
    if len(sides) != 2:
        raise OptionError(f"window must be a whole number or (left, right), but it is {window!r}.")
    left, right = (None if side is None else require_integer("window", side, minimum=0) for side in sides)
    return left, right


def _distance(n_queries: int, n_keys: int, offset: int) -> NDArray[np.int64]:
    """Position of each key minus position of each query: negative in the past, 0 at itself."""
    return np.arange(n_keys)[np.newaxis, :] - (np.arange(n_queries)[:, np.newaxis] + offset)


def _both(allowed: BoolArray | None, other: BoolArray) -> BoolArray:
    return other if allowed is None else allowed & other


def check_mask(mask: ArrayLike, n_queries: int, n_keys: int) -> NDArray[Any]:
    """Return a mask as a bool or float array that broadcasts to (..., n_queries, n_keys), or raise."""
    given = np.asarray(mask)
    if given.dtype.kind not in "bf":
        raise DtypeError(
            f"mask must be bool (True = may attend) or float (added to the scores), but it has dtype {given.dtype}. "
            "Write mask.astype(bool) if 1 means 'may attend', and mask == 0 if 1 means 'blocked'."
        )
    for axis, size, expected in zip((-1, -2), given.shape[::-1], (n_keys, n_queries), strict=False):
        if size not in (1, expected):
            name = "n_keys" if axis == -1 else "n_queries"
            raise ShapeError(
                f"mask must broadcast to (..., n_queries={n_queries}, n_keys={n_keys}), but it has shape "
                f"{given.shape}: its axis {axis} must be {expected} ({name}) or 1."
            )
    return given
