"""The key-value cache: while decoding, the keys and values of earlier tokens are kept, not made again (lesson 09)."""

import numpy as np
from numpy.typing import ArrayLike

from course_lib.errors import DtypeError, ShapeError
from course_lib.shapes import FloatArray, as_floats, describe, require_axes, require_integer, require_same_size

KEY_AXES = ("n_new", "d_k")
VALUE_AXES = ("n_new", "d_v")


class KeyValueCache:
    """Keep the keys and values of the tokens so far, so that each new token brings only its own.

    A query is needed once, when its token comes; keys and values are needed by every later query. Only they are kept.

    ``len(cache)`` is the number of keys kept, and before an append the `offset` for attention over what the append
    returns. ``cache.n_seen`` is the number of all tokens so far: the position of the next one.

    Room is made ahead, twice of what is needed, so an append copies what came before only now and then: a token costs
    the same on average however long the sequence is. With a window, memory stays the same, too.

    Parameters
    ----------
    window : int, optional
        How many keys before a new token to keep; None keeps all. Attention with ``is_causal=True, window=window``
        then gives what it gives without a cache.

    Returns
    -------
    KeyValueCache
        Empty; the first append settles leading axes, d_k, d_v and dtypes.

    Raises
    ------
    OptionError
        If `window` is no whole number of at least 0.

    References
    ----------
    Shazeer 2019, "Fast Transformer Decoding: One Write-Head is All You Need" (incremental decoding);
    the window as in Beltagy et al. 2020, "Longformer: The Long-Document Transformer", section 3.1.

    Examples
    --------
    >>> cache = KeyValueCache()
    >>> keys, values = cache.append([[1, 2]], [[5]])
    >>> keys, values = cache.append([[3, 4]], [[6]])
    >>> keys
    array([[1., 2.],
           [3., 4.]])
    >>> len(cache)
    2

    With a window of 1, each append returns the token before and the new ones:

    >>> cache = KeyValueCache(window=1)
    >>> for token in ([[1, 2]], [[3, 4]], [[5, 6]]):
    ...     keys, values = cache.append(token, token)
    >>> keys
    array([[3., 4.],
           [5., 6.]])
    >>> len(cache), cache.n_seen
    (1, 3)
    """

    def __init__(self, window: int | None = None) -> None:
        self.window = None if window is None else require_integer("window", window, minimum=0)
        self.clear()

    def clear(self) -> None:
        """Forget all tokens, and their shapes and dtypes; arrays that were returned stay as they are."""
        self._key_room: FloatArray | None = None
        self._value_room: FloatArray | None = None
        self._start = self._end = self._n_seen = 0  # the kept keys lie in rows _start .. _end - 1 of the room

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def n_seen(self) -> int:
        """The number of tokens appended so far, kept or not: the position of the next token."""
        return self._n_seen

    def __repr__(self) -> str:
        return f"KeyValueCache(window={self.window}) with {len(self)} of {self.n_seen} tokens"

    def append(self, key: ArrayLike, value: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Add the keys and values of new tokens and return all that the new queries may need.

        Parameters
        ----------
        key : array_like, shape (..., n_new, d_k)
        value : array_like, shape (..., n_new, d_v)

        Returns
        -------
        keys : ndarray, shape (..., n_kept + n_new, d_k)
        values : ndarray, shape (..., n_kept + n_new, d_v)
            The kept ones, at most `window`, and then the new ones. Both are read-only views: later appends do not
            change them.

        Raises
        ------
        ShapeError
            If `key` and `value` disagree on n_new, or an axis differs from that of the tokens before.
        DtypeError
            If an array does not hold real numbers, or has another dtype than the tokens before.
        """
        key, value = as_floats("key", key), as_floats("value", value)
        require_axes("key", key, KEY_AXES)
        require_axes("value", value, VALUE_AXES)
        require_same_size(
            "n_new", ("key", key, KEY_AXES), ("value", value, VALUE_AXES), "A new token brings one key and one value."
        )
        _check_fits("key", key, KEY_AXES, self._key_room)
        _check_fits("value", value, VALUE_AXES, self._value_room)
        return self._add(key, value)

    def _add(self, key: FloatArray, value: FloatArray) -> tuple[FloatArray, FloatArray]:
        n_new = key.shape[-2]
        begin, new = self._start, self._end
        if self._key_room is None or self._value_room is None or new + n_new > self._key_room.shape[-2]:
            kept, begin = slice(begin, new), 0
            new = len(self)
            self._key_room = _moved(self._key_room, kept, key, 2 * (new + n_new))
            self._value_room = _moved(self._value_room, kept, value, 2 * (new + n_new))
        end = new + n_new
        self._key_room[..., new:end, :] = key
        self._value_room[..., new:end, :] = value
        self._start = begin if self.window is None else max(begin, end - self.window)
        self._end, self._n_seen = end, self._n_seen + n_new
        return _read_only(self._key_room[..., begin:end, :]), _read_only(self._value_room[..., begin:end, :])


def _moved(room: FloatArray | None, kept: slice, new: FloatArray, capacity: int) -> FloatArray:
    """Return a larger room that begins with the kept rows; the old one stays as it is, for those who hold views."""
    *leading, _, size = new.shape
    larger = np.empty((*leading, capacity, size), new.dtype)
    if room is not None:
        larger[..., : kept.stop - kept.start, :] = room[..., kept, :]
    return larger


def _read_only(view: FloatArray) -> FloatArray:
    view.flags.writeable = False
    return view


def _check_fits(name: str, new: FloatArray, axes: tuple[str, ...], room: FloatArray | None) -> None:
    """Raise unless the new rows can stand below those of `room`."""
    if room is None:
        return
    if new.dtype != room.dtype:
        raise DtypeError(
            f"{name} has dtype {new.dtype}, but the cache holds {room.dtype} since its first append. "
            f"Convert it with {name}.astype(np.{room.dtype}), or clear() the cache."
        )
    if new.shape[:-2] != room.shape[:-2] or new.shape[-1] != room.shape[-1]:
        expected = ", ".join([*map(str, room.shape[:-2]), axes[0], f"{axes[1]}={room.shape[-1]}"])
        raise ShapeError(
            f"{name} must have shape ({expected}) like the tokens that the cache holds, but it has shape {new.shape}: "
            f"you passed {describe(name, new, axes)}. One cache serves one layer and one batch."
        )
