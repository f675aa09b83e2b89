"""KeyValueCache: the same as a full pass, however the sequence is cut, at a cost a token that does not grow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import random_array

from course_lib.attention import KeyValueCache, attention, loops, rotate

seeds = st.integers(0, 2**32 - 1)
cuts = st.lists(st.integers(1, 4), min_size=1, max_size=7)  # how many tokens each step brings
windows = st.none() | st.integers(0, 6)


def pieces(array, sizes):
    """Cut the sequence axis into pieces of the given sizes."""
    return np.split(array, np.cumsum(sizes)[:-1], axis=-2)


@settings(max_examples=300, deadline=None)
@given(seeds, cuts, windows, st.sampled_from([((), ()), ((2, 3), (2, 3)), ((2, 6), (2, 3))]))
def test_cache_gives_what_a_full_pass_gives(seed, sizes, window, axes):
    rng = np.random.default_rng(seed)
    query, key, value = (
        random_array(rng, *leading, sum(sizes), size)
        for leading, size in zip((axes[0], axes[1], axes[1]), (4, 4, 5), strict=True)
    )
    positions = np.arange(sum(sizes))
    options = {"is_causal": True, "window": window}
    whole = attention(rotate(query, positions), rotate(key, positions), value, **options)
    cache, outputs = KeyValueCache(window=window), []
    for q, k, v in zip(*(pieces(array, sizes) for array in (query, key, value)), strict=True):
        offset = len(cache)
        now = cache.n_seen + np.arange(q.shape[-2])
        keys, values = cache.append(rotate(k, now), v)
        outputs.append(attention(rotate(q, now), keys, values, offset=offset, **options))
    np.testing.assert_allclose(np.concatenate(outputs, axis=-2), whole, atol=1e-12)
    assert cache.n_seen == sum(sizes)


@settings(max_examples=300, deadline=None)
@given(seeds, cuts, windows, st.sampled_from([np.float16, np.float32, np.float64]))
def test_cache_agrees_with_the_plain_lists_and_never_changes_what_it_gave(seed, sizes, window, dtype):
    rng = np.random.default_rng(seed)
    key, value = random_array(rng, 2, sum(sizes), 3, dtype=dtype), random_array(rng, 2, sum(sizes), 4, dtype=dtype)
    cache, plain = KeyValueCache(window=window), loops.KeyValueCache(window=window)
    given = []
    for k, v in zip(pieces(key, sizes), pieces(value, sizes), strict=True):
        for returned, expected in zip(cache.append(k, v), plain.append(k, v), strict=True):
            given.append((returned, expected))
            assert returned.dtype == dtype
        assert (len(cache), cache.n_seen) == (len(plain), plain.n_seen)
    cache.clear()
    cache.append(key, value)
    for returned, expected in given:  # compared at the end: no later append has written into it
        np.testing.assert_array_equal(returned, expected)


def rooms_made(n_tokens, window=None):
    """Append one token at a time; count the arrays that were made for the keys, and the rows they have in all."""
    cache, rooms = KeyValueCache(window=window), {}
    for _ in range(n_tokens):
        keys, _ = cache.append(np.zeros((1, 2)), np.zeros((1, 3)))
        rooms[id(keys.base)] = keys.base  # kept, so that no id comes twice
    return len(rooms), sum(room.shape[-2] for room in rooms.values()), max(room.shape[-2] for room in rooms.values())


@pytest.mark.parametrize("n_tokens", [100, 1_000, 4_000])
def test_cache_makes_room_ahead_so_that_a_token_costs_the_same_in_the_end(n_tokens):
    n_rooms, n_rows, _ = rooms_made(n_tokens)
    assert n_rooms <= np.log2(n_tokens) + 2
    assert n_rows <= 5 * n_tokens  # every row is made, and copied, a bounded number of times


def test_cache_with_a_window_needs_memory_for_the_window_only():
    n_rooms, n_rows, largest = rooms_made(4_000, window=50)
    assert largest <= 2 * 51
    assert n_rooms <= 4_000 / 50 + 2
    assert n_rows <= 3 * 4_000


def test_cache_returns_views_that_cannot_be_written():
    cache = KeyValueCache()
    cache.append(np.ones((4, 2)), np.ones((4, 3)))
    for view in cache.append(np.ones((1, 2)), np.ones((1, 3))):
        assert view.base is not None
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 5


def test_cache_copies_what_it_is_given():
    cache, key = KeyValueCache(), np.ones((1, 2))
    cache.append(key, key)
    key[:] = 7
    keys, values = cache.append(key, key)
    np.testing.assert_array_equal(keys, [[1, 1], [7, 7]])
    np.testing.assert_array_equal(values, [[1, 1], [7, 7]])


def test_cache_forgets_shapes_and_dtypes_when_cleared():
    cache = KeyValueCache(window=2)
    cache.append(np.ones((5, 2)), np.ones((5, 3)))
    assert repr(cache) == "KeyValueCache(window=2) with 2 of 5 tokens"
    cache.clear()
    assert (len(cache), cache.n_seen) == (0, 0)
    keys, values = cache.append(np.ones((3, 1, 4), np.float32), np.ones((3, 1, 1), np.float16))
    assert (keys.shape, keys.dtype, values.dtype) == ((3, 1, 4), np.float32, np.float16)


def test_cache_takes_no_tokens_at_all():
    cache = KeyValueCache()
    keys, values = cache.append(np.ones((0, 2)), np.ones((0, 3)))
    assert (keys.shape, values.shape, len(cache)) == ((0, 2), (0, 3), 0)
    keys, _ = cache.append([[1, 2], [3, 4]], [[5], [6]] * np.ones((2, 3)))
    np.testing.assert_array_equal(keys, [[1, 2], [3, 4]])
