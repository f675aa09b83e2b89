"""How tiled attention cuts its problem: strips of queries, blocks of keys, and which of them may meet."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.attention.masks import BoolArray, Window, check_mask, check_window
from course_lib.shapes import FloatArray, compute_dtype, require_broadcastable, require_integer

Index = tuple[int, ...]

# A block of 640 x 384 scores in float32 takes 960 KiB: it stays in a processor's own cache from step to step.
_QUERIES_A_STRIP, _BYTES_A_ROW = 640, 4 * 384
_BANDS_TO_KEEP = 8


class Tiles:
    """The arrays of one call of `tiled_attention`, their masks, and the blocks they are cut into."""

    def __init__(self, query: FloatArray, key: FloatArray, value: FloatArray, block_size: int | None) -> None:
        self.query, self.key, self.value = query, key, value
        self.dtype = compute_dtype(query, key, value)
        self.n_queries, self.n_keys, self.d_v = query.shape[-2], key.shape[-2], value.shape[-1]
        self.leading = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
        wanted = (_QUERIES_A_STRIP, _BYTES_A_ROW // self.dtype.itemsize)
        if block_size is not None:
            wanted = (require_integer("block_size", block_size, minimum=1),) * 2
        self.strip_size = _even_part(self.n_queries, wanted[0])
        self.block_size = _even_part(self.n_keys, wanted[1])
        self.narrow = max(1, self.block_size // 2)
        self.mask: NDArray[Any] | None = None
        # A query at position p = i + offset sees keys p + lowest .. p + highest.
        self.offset, self.lowest, self.highest = 0, -math.inf, math.inf
        self._bands: dict[tuple[int, int, int], BoolArray] = {}

    @property
    def n_scores(self) -> int:
        """How many scores there are in all."""
        return int(math.prod(self.leading) * self.n_queries * self.n_keys)

    def restrict(self, mask: ArrayLike | None, is_causal: bool, offset: int, window: Window | None) -> None:
        """Take note of which key a query may attend to; raises as `combine_masks`."""
        if mask is not None:
            self.mask = check_mask(mask, self.n_queries, self.n_keys)
            scores = (*self.leading, self.n_queries, self.n_keys)
            require_broadcastable("The axes of mask and scores", self.mask.shape, scores, why="Make them equal or 1.")
            self.leading = np.broadcast_shapes(self.leading, self.mask.shape[:-2])
        self.offset = require_integer("offset", offset)
        left, right = (None, None) if window is None else check_window(window)
        self.lowest = -math.inf if left is None else -left
        self.highest = min(math.inf if right is None else right, 0 if is_causal else math.inf)

    def strips(self) -> list[tuple[Index, slice]]:
        """Return all strips of queries as (leading index, rows), the longest work first."""
        rows = _cut(0, self.n_queries, self.strip_size)
        rows.sort(key=lambda some: -len(self.columns(some)))
        return [(index, some) for some in rows for index in np.ndindex(*self.leading)]

    def columns(self, rows: slice) -> list[slice]:
        """Return the blocks of keys that some query of a strip may attend to, causality and window considered.

        Where all queries of the strip see the keys, the blocks are wide; at the edges of a band they are narrow, so
        that little is computed in vain.
        """
        first, last = self._clip(rows.start + self.lowest), self._clip(rows.stop + self.highest)
        all_first, all_last = self._clip(rows.stop - 1 + self.lowest), self._clip(rows.start + 1 + self.highest)
        if all_last <= all_first:
            return _cut(first, last, self.narrow)
        edges = _cut(first, all_first, self.narrow), _cut(all_last, last, self.narrow)
        return [*edges[0], *_cut(all_first, all_last, self.block_size), *edges[1]]

    def _clip(self, key: float) -> int:
        """Return the number of a key, given from offset 0, moved into the range of the keys there are."""
        return int(min(max(key + self.offset, 0), self.n_keys))

    def rows_that_see(self, rows: slice, columns: slice) -> slice:
        """Return the part of a strip whose queries may attend to some key of a block."""
        first = max(rows.start, columns.start - self.offset - self.highest)
        last = min(rows.stop, columns.stop - self.offset - self.lowest)
        return slice(int(first), int(last))

    def band(self, rows: slice, columns: slice) -> BoolArray | None:
        """Say which pairs of a block causality and window allow; None if they allow all."""
        nearest = columns.start - (rows.stop - 1) - self.offset
        furthest = columns.stop - 1 - rows.start - self.offset
        if self.lowest <= nearest and furthest <= self.highest:
            return None
        n_rows, n_columns = rows.stop - rows.start, columns.stop - columns.start
        corner = columns.start - rows.start - self.offset
        band = self._bands.get((corner, n_rows, n_columns))
        if band is None:  # the same few bands come back along the diagonal
            distance = np.arange(n_columns) + (corner - np.arange(n_rows)[:, np.newaxis])
            band = (self.lowest <= distance) & (distance <= self.highest)
            if len(self._bands) >= _BANDS_TO_KEEP:
                self._bands.clear()
            self._bands[corner, n_rows, n_columns] = band
        return band

    def mask_block(self, index: Index, rows: slice, columns: slice) -> NDArray[Any] | None:
        """Return the part of the given mask that falls on a block, or None if there is none."""
        if self.mask is None:
            return None
        own = self.at(np.atleast_2d(self.mask), index)
        return own[rows if own.shape[0] > 1 else slice(None), columns if own.shape[1] > 1 else slice(None)]

    def at(self, array: NDArray[Any], index: Index) -> NDArray[Any]:
        """Return the matrix of `array` at a leading index; an axis of size 1 serves all."""
        n_own = array.ndim - 2
        own = zip(index[len(index) - n_own :], array.shape, strict=False)
        matrix: NDArray[Any] = array[tuple(position if size > 1 else 0 for position, size in own)]
        return matrix


def _cut(first: int, last: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, last)) for start in range(first, last, size)]


def _even_part(length: int, wanted: int) -> int:
    """Return the length of equal parts of at most about `wanted`, so that no short one is left over."""
    n_parts = max(1, math.ceil(length / wanted))
    return max(1, math.ceil(length / n_parts))
