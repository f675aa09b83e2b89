"""tiled_attention: the same answer as the plain formula for every option and block size, in little memory."""

import threading
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import attention_inputs

from course_lib.attention import attention, attention_weights, loops, tiled, tiled_attention, weighted_sum
from course_lib.attention.threads import share_out
from course_lib.attention.tiles import Tiles
from course_lib.errors import OptionError, ShapeError

TOLERANCE = {np.dtype(np.float16): 4e-3, np.dtype(np.float32): 3e-6, np.dtype(np.float64): 1e-13}


def plain(query, key, value, **options):
    return weighted_sum(attention_weights(query, key, **options), value)


@settings(max_examples=400, deadline=None)
@given(attention_inputs(dtypes=(np.float16, np.float32, np.float64)), st.none() | st.integers(1, 9))
def test_tiled_agrees_with_the_plain_formula(inputs, block_size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        output = tiled_attention(*inputs.arrays, block_size=block_size, **inputs.options)
    expected = loops.tiled_attention(*inputs.arrays, **inputs.options)
    assert output.dtype == inputs.query.dtype
    tolerance = TOLERANCE[output.dtype]
    np.testing.assert_allclose(output, expected, rtol=10 * tolerance, atol=tolerance)


@settings(max_examples=100, deadline=None)
@given(attention_inputs(dtypes=(np.float64,)), st.integers(1, 9), st.sampled_from([30.0, 1e3, 1e150]))
def test_tiled_agrees_where_scores_are_too_large_for_exp(inputs, block_size, size):
    query = inputs.query * size
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        output = tiled_attention(query, inputs.key, inputs.value, block_size=block_size, **inputs.options)
    expected = plain(query, inputs.key, inputs.value, **inputs.options)
    np.testing.assert_allclose(output, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("size", [1.0, 40.0])
@pytest.mark.parametrize("options", [{}, {"is_causal": True, "offset": 3}, {"window": (50, 20)}])
def test_tiled_agrees_at_the_usual_block_sizes(size, options):
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal((2, n, 8)) for n in (1300, 1500, 1500))
    output = tiled_attention(size * query, key, value, **options)
    np.testing.assert_allclose(output, plain(size * query, key, value, **options), rtol=1e-10, atol=1e-11)


def test_tiled_is_identical_for_any_number_of_threads():
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal((3, 700, 16)).astype(np.float32) for _ in range(3))
    mask = rng.random((700, 700)) < 0.7
    for options in ({}, {"mask": mask}, {"is_causal": True}, {"scale": 9.0}):
        first = tiled_attention(query, key, value, block_size=64, n_threads=1, **options)
        for n_threads in (2, 3, 7):
            other = tiled_attention(query, key, value, block_size=64, n_threads=n_threads, **options)
            np.testing.assert_array_equal(other, first)


def test_tiled_never_holds_all_scores():
    rng = np.random.default_rng(0)
    peaks = []
    for n in (4096, 16384):
        query, key, value = (rng.standard_normal((n, 16)).astype(np.float32) for _ in range(3))
        tracemalloc.start()
        output = tiled_attention(query, key, value, n_threads=2)
        peaks.append(tracemalloc.get_traced_memory()[1] - output.nbytes)
        tracemalloc.stop()
    assert peaks[1] < 16 * 2**20
    assert peaks[1] < 1.2 * peaks[0], "four times the tokens need hardly more memory beyond the output"


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_blocks_cover_every_allowed_pair_once_and_little_else(data):
    n_queries, n_keys = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    side = st.none() | st.integers(0, 12)
    options = {
        "is_causal": data.draw(st.booleans()),
        "offset": data.draw(st.integers(-5, 20)),
        "window": data.draw(st.none() | st.tuples(side, side)),
    }
    tiles = Tiles(np.zeros((n_queries, 1)), np.zeros((n_keys, 1)), np.zeros((n_keys, 1)), data.draw(st.integers(1, 9)))
    tiles.restrict(None, **options)
    met = np.zeros((n_queries, n_keys), int)
    for _, rows in tiles.strips():
        for columns in tiles.columns(rows):
            seen = tiles.rows_that_see(rows, columns)
            assert rows.start <= seen.start < seen.stop <= rows.stop, "a block that nobody sees is not visited"
            band = tiles.band(seen, columns)
            met[seen, columns] += 1 if band is None else band
    allowed = [[loops.may_attend(i, j, **options) for j in range(n_keys)] for i in range(n_queries)]
    np.testing.assert_array_equal(met, allowed)


def test_tiled_visits_few_pairs_in_a_narrow_window():
    arrays = [np.zeros((8192, 1), np.float32)] * 3
    tiles = Tiles(*arrays, None)
    tiles.restrict(None, is_causal=False, offset=0, window=256)
    visited = 0
    for _, rows in tiles.strips():
        for columns in tiles.columns(rows):
            seen = tiles.rows_that_see(rows, columns)
            visited += (seen.stop - seen.start) * (columns.stop - columns.start)
    allowed = 8192 * 513
    assert visited < 1.4 * allowed


def test_tiled_keeps_a_bad_row_to_itself():
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal((n, 4)) for n in (6, 9, 9))
    expected = tiled_attention(query, key, value, block_size=3)
    query[2] = np.nan
    output = tiled_attention(query, key, value, block_size=3)
    assert np.isnan(output[2]).all()
    np.testing.assert_allclose(np.delete(output, 2, axis=0), np.delete(expected, 2, axis=0))


def test_tiled_without_keys_or_queries():
    np.testing.assert_array_equal(tiled_attention(np.ones((2, 3)), np.ones((0, 3)), np.ones((0, 5))), np.zeros((2, 5)))
    assert tiled_attention(np.ones((0, 3)), np.ones((4, 3)), np.ones((4, 5))).shape == (0, 5)


def test_tiled_takes_keys_that_do_not_lie_row_by_row_in_memory():
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal((5, 2, n)).T for n in (6, 7, 7))  # (n, heads, 5): last axis far apart
    query, key, value = (np.moveaxis(array, 0, 1) for array in (query, key, value))
    np.testing.assert_allclose(tiled_attention(query, key, value, block_size=3), plain(query, key, value))


def test_tiled_leaves_its_inputs_alone():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((n, 4)) for n in (6, 9, 9)]
    copies = [array.copy() for array in arrays]
    tiled_attention(*arrays, mask=rng.standard_normal((6, 9)), block_size=4)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_attention_hands_large_problems_over_with_the_same_result():
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal((4, n, 5)) for n in (1000, 1010, 1010))
    mask = rng.random((1000, 1010)) < 0.8
    tracemalloc.start()
    output = attention(query, key, value, mask=mask, is_causal=True, offset=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(output, plain(query, key, value, mask=mask, is_causal=True, offset=10), atol=1e-13)
    assert peak < 4 * 1000 * 1010 * 8, "the scores alone, all at once, take that much"


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        ({"block_size": 0}, OptionError, "block_size must be at least 1, but it is 0."),
        ({"block_size": 2.5}, OptionError, "block_size must be a whole number, but it is 2.5."),
        ({"n_threads": 0}, OptionError, "n_threads must be at least 1, but it is 0."),
        ({"scale": np.inf}, OptionError, "scale must be a finite number"),
        ({"window": -1}, OptionError, "window must be at least 0"),
        ({"mask": np.ones((2, 3, 4), bool)}, ShapeError, "mask must broadcast to (..., n_queries=4, n_keys=5)"),
    ],
)
def test_tiled_messages(options, kind, sentence):
    with pytest.raises(kind) as caught:
        tiled_attention(np.ones((4, 3)), np.ones((5, 3)), np.ones((5, 2)), **options)
    assert sentence in str(caught.value)


def test_share_out_does_every_piece_once_and_passes_an_error_on():
    done = []
    share_out(range(50), lambda: done.append, n_threads=4)
    assert sorted(done) == list(range(50))

    def fail(piece):
        if piece == 7:
            raise ValueError("piece 7")

    with pytest.raises(ValueError, match="piece 7"):
        share_out(range(50), lambda: fail, n_threads=3)


def test_share_out_gives_the_processors_back_even_from_several_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def blas_threads():
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

    before = blas_threads()
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((4, 300, 8)) for _ in range(3)]
    callers = [threading.Thread(target=tiled_attention, args=arrays, kwargs={"n_threads": 2}) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert blas_threads() == before


@pytest.mark.parametrize(("score", "holds"), [(37.0, True), (40.0, False)], ids=["below", "above"])
def test_the_bound_on_the_exponent_is_the_same_for_any_exponential(score, holds):
    """With 2 keys, |q| |k| + ln 2 must stay below 40, whether e ** x is computed or 2 ** x."""
    query, key = np.array([[score, 0.0]], np.float32), np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    tiles = Tiles(query, key, key, None)
    scaled = query * np.float32(tiled.exponentials(tiles.dtype).unit)  # as a worker scales its queries
    assert tiled._Bounds(tiles).hold((), scaled) is holds


def test_the_faster_exponential_is_e_to_the_x():
    x = np.linspace(-30, 30, 101)
    for dtype in (np.float32, np.float64):
        power, unit = tiled.exponentials(np.dtype(dtype))
        np.testing.assert_allclose(power(x.astype(dtype) * dtype(unit)), np.exp(x), rtol=1e-5)
