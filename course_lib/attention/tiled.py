"""Attention block by block: the same answer, without ever holding all the scores (lesson 09).

The weights of a query need its largest score and the sum of its exponentials, but not all scores at once: both can be
carried along while the keys pass by in blocks. Where a later block brings a larger score, what was summed so far is
scaled down. That is the online softmax; memory then grows with the length of the sequence, not with its square.
"""

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.attention.dot_product import check_query_key_and_value
from course_lib.attention.masks import Window
from course_lib.attention.scores import scale_factor
from course_lib.attention.threads import count_processors, share_out
from course_lib.attention.tiles import Index, Tiles
from course_lib.shapes import FloatArray, require_integer

_FEWEST_SCORES_A_THREAD = 2**17
# Between exp(-40) and exp(40) nothing that is summed comes near overflow or underflow: no maximum has to be subtracted.
_SAFE_EXPONENT, _SAFE_VALUE = 40.0, 1e15
# Otherwise each row has a reference, which moves only when a score exceeds it by more than this.
_MOST_ABOVE_REFERENCE = 20.0


def tiled_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: Window | None = None,
    scale: float | None = None,
    block_size: int | None = None,
    n_threads: int | None = None,
) -> FloatArray:
    """Compute `attention` block by block, in memory that grows with n_queries + n_keys, not with their product.

    Blocks that the mask, the window or causality exclude are skipped. The result is the same, to the last bit, for any
    `n_threads`.

    Parameters
    ----------
    query : array_like, shape (..., n_heads, n_queries, d_k)
    key : array_like, shape (..., n_heads, n_keys, d_k)
    value : array_like, shape (..., n_heads, n_keys, d_v)
        Leading axes broadcast. Where `query` has more heads than `key`, groups of query heads share a key head.
    mask, is_causal, offset, window, scale
        As in `attention_weights`. Masks combine: all must allow.
    block_size : int, optional
        Queries and keys in a block, at most; None chooses blocks whose scores stay in a processor's own cache.
    n_threads : int, optional
        None uses every processor, but one thread for a small problem and where there are no threads.

    Returns
    -------
    ndarray, shape (..., n_heads, n_queries, d_v)
        The same as `attention`, to rounding.

    Raises
    ------
    ShapeError
        If two arrays disagree on an axis, or the mask does not broadcast to the scores.
    DtypeError
        If an array does not hold real numbers, or the mask is neither bool nor float.
    OptionError
        If an option is not as described.

    References
    ----------
    Milakov and Gimelshein 2018, "Online normalizer calculation for softmax", algorithm 3; Rabe and Staats 2021,
    "Self-attention Does Not Need O(n^2) Memory"; Dao et al. 2022, "FlashAttention", algorithm 1.

    Examples
    --------
    >>> tiled_attention([[0, 0], [9, 0]], [[0, 0], [0, 0], [0, 0]], [[3, 0], [0, 6], [0, 0]], block_size=2)
    array([[1., 2.],
           [1., 2.]])
    """
    query, key, value = check_query_key_and_value(query, key, value)
    tiles = Tiles(query, key, value, block_size)
    tiles.restrict(mask, is_causal, offset, window)
    factor = scale_factor(query, scale)
    enough = min(count_processors(), 1 + tiles.n_scores // _FEWEST_SCORES_A_THREAD)
    n_threads = enough if n_threads is None else require_integer("n_threads", n_threads, minimum=1)
    output = np.zeros((*tiles.leading, tiles.n_queries, tiles.d_v), np.result_type(query, key, value))
    bounds = _Bounds(tiles)
    share_out(tiles.strips(), lambda: _Worker(tiles, factor, bounds, output), n_threads)
    return output


class Exponentials(NamedTuple):
    """An exponential function, and the factor on its argument that makes it e ** x."""

    power: np.ufunc
    unit: float


@cache
def exponentials(dtype: np.dtype[np.floating]) -> Exponentials:
    """Return the faster of e ** x and 2 ** x on this processor: e ** x = 2 ** (x log2 e).

    With vector instructions 2 ** x takes about two thirds of the time of e ** x, and without them several times as
    long; NumPy says which it has. The factor costs nothing: it is folded into the queries, as the scale is.
    """
    introspect = getattr(np.lib, "introspect", None)  # not in the oldest NumPy that the course runs on
    if introspect is not None:
        targets = introspect.opt_func_info(func_name="^exp2$", signature=dtype.name).get("exp2", {})
        if any(not target["current"].startswith("baseline") for target in targets.values()):
            return Exponentials(np.exp2, math.log2(math.e))
    return Exponentials(np.exp, 1.0)


class _Worker:
    """One thread's buffers, used again for every strip of queries."""

    def __init__(self, tiles: Tiles, factor: float, bounds: "_Bounds", output: FloatArray) -> None:
        self.tiles, self.bounds, self.output = tiles, bounds, output
        self.factor = tiles.dtype.type(factor * exponentials(tiles.dtype).unit)
        self.scores = np.empty(tiles.strip_size * tiles.block_size, tiles.dtype)
        self.part = np.empty(tiles.strip_size * tiles.d_v, tiles.dtype)
        self.ones = np.ones(tiles.block_size, tiles.dtype)

    def __call__(self, strip: tuple[Index, slice]) -> None:
        """Compute the output of a strip: some queries of one head against all keys that they may attend to."""
        index, rows = strip
        tiles = self.tiles
        query = tiles.at(tiles.query, index)[rows].astype(tiles.dtype)
        query *= self.factor
        key, value = tiles.at(tiles.key, index), tiles.at(tiles.value, index)
        sums = _Sums(len(query), tiles.d_v, tiles.dtype)
        is_bounded = self.bounds.hold(index, query)
        for columns in tiles.columns(rows):
            seen = tiles.rows_that_see(rows, columns)
            masks = self._masks(index, seen, columns)
            if masks is None:
                continue
            own = slice(seen.start - rows.start, seen.stop - rows.start)
            scores = self._buffer(self.scores, own.stop - own.start, columns.stop - columns.start)
            np.matmul(query[own], _ready(key[columns], tiles.dtype).T, out=scores)
            if is_bounded:
                sums.power(scores, out=scores)
                for allowed in masks:
                    np.multiply(scores, allowed, out=scores)
            else:
                sums.rise(own, scores, masks)
            part = self._buffer(self.part, own.stop - own.start, tiles.d_v)
            np.matmul(scores, _ready(value[columns], tiles.dtype), out=part)
            mixed, total = sums.mixed[own], sums.total[own]  # views: `sums.mixed[own] += part` would copy back as well
            mixed += part
            total += np.dot(scores, self.ones[: scores.shape[1]])
        self.output[index][rows] = sums.quotient()

    def _masks(self, index: Index, rows: slice, columns: slice) -> list[NDArray[Any]] | None:
        """Return what restricts a block, an empty list where nothing does, and None where no pair is allowed."""
        band, mask = self.tiles.band(rows, columns), self.tiles.mask_block(index, rows, columns)
        masks = [] if band is None else [band]
        if mask is not None and mask.dtype == np.bool_:
            if not mask.any():
                return None
            return masks if mask.all() else [*masks, mask]
        return masks if mask is None else [*masks, mask]

    @staticmethod
    def _buffer(memory: FloatArray, n_rows: int, n_columns: int) -> FloatArray:
        return memory[: n_rows * n_columns].reshape(n_rows, n_columns)


class _Sums:
    """What is carried along for the queries of a strip: sums of exponentials above each row's reference."""

    def __init__(self, n_rows: int, d_v: int, dtype: np.dtype[np.floating]) -> None:
        self.total, self.mixed = np.zeros(n_rows, dtype), np.zeros((n_rows, d_v), dtype)
        self.reference = np.full(n_rows, -np.inf, dtype)  # -inf: no score was allowed so far
        self.power, self.unit = exponentials(dtype)

    def rise(self, rows: slice, scores: FloatArray, masks: list[NDArray[Any]]) -> None:
        """Turn a block's scores into exponentials above the reference, moving a reference that is too low."""
        for mask in masks:
            scores += _added(mask, scores.dtype, self.unit)
        reference = self.reference[rows]
        known = np.where(np.isneginf(reference), 0, reference)
        scores -= known[:, np.newaxis]
        most_above = _MOST_ABOVE_REFERENCE * self.unit
        if np.isneginf(reference).any() or not scores.max() <= most_above:
            above = scores.max(axis=-1)
            is_low = np.where(np.isneginf(reference), above > -np.inf, above > most_above)
            step = np.where(is_low, above, 0)
            scores -= step[:, np.newaxis]
            # Nothing was summed where the reference was -inf: there, the factor does not matter.
            factor = self.power(-np.maximum(step, 0))
            total, mixed = self.total[rows], self.mixed[rows]
            total *= factor
            mixed *= factor[:, np.newaxis]
            reference[is_low] = (known + step)[is_low]
        self.power(scores, out=scores)

    def quotient(self) -> FloatArray:
        """Return the weighted sums; zeros for a query that may attend to nothing."""
        quotient: FloatArray = self.mixed / np.where(self.total == 0, 1, self.total)[:, np.newaxis]
        return quotient


class _Bounds:
    """Whether no exponential of some scores can become too large or too small, since |q . k| <= |q| |k|."""

    def __init__(self, tiles: Tiles) -> None:
        self.tiles = tiles
        self.unit = exponentials(tiles.dtype).unit
        self.log_n_keys = float(np.log(max(tiles.n_keys, 1)))
        self.longest_key: dict[Index, float] = {}

    def hold(self, index: Index, query: FloatArray) -> bool:
        """Say whether the bounds hold for some queries, already scaled, at a leading index."""
        mask = self.tiles.mask
        if mask is not None and mask.dtype != np.bool_:
            return False
        if index not in self.longest_key:
            value = self.tiles.at(self.tiles.value, index)
            largest = max(float(value.max(initial=0)), -float(value.min(initial=0)))
            is_safe = largest == 0 or 1 / _SAFE_VALUE < largest < _SAFE_VALUE
            self.longest_key[index] = _longest(self.tiles.at(self.tiles.key, index)) if is_safe else np.inf
        return _longest(query) * self.longest_key[index] / self.unit + self.log_n_keys < _SAFE_EXPONENT


def _longest(vectors: FloatArray) -> float:
    """Return the length of the longest row; inf or NaN where a component is."""
    dtype = np.result_type(np.float32, vectors)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("nd,nd->n", vectors, vectors, dtype=dtype)
        return float(np.sqrt(squares.max(initial=0)))


def _added(mask: NDArray[Any], dtype: np.dtype[Any], unit: float) -> FloatArray:
    """Return what a mask adds to the scores: the float mask that was given, in their unit; else 0 or -inf."""
    added: FloatArray
    if mask.dtype == np.bool_:
        added = np.where(mask, dtype.type(0), dtype.type(-np.inf))
    else:
        with np.errstate(over="ignore"):  # -1e300 is -inf in float32, as meant
            added = mask.astype(dtype, copy=False) * dtype.type(unit)
    return added


def _ready(block: FloatArray, dtype: np.dtype[Any]) -> FloatArray:
    """Return a block in the form that the matrix product takes as it is."""
    if block.dtype == dtype and block.strides[-1] == block.itemsize:
        return block
    return np.ascontiguousarray(block, dtype)
