"""Dropout: against the loop with the same draws, its mean over many draws, and its limits."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import assert_agrees, random_array

from course_lib import attention as att
from course_lib.attention import loops

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=150, deadline=None)
@given(seeds, st.floats(0, 0.99), st.sampled_from([np.float16, np.float32, np.float64]))
def test_dropout_agrees_with_loops_on_the_same_draws(seed, rate, dtype):
    weights = att.softmax(random_array(np.random.default_rng(seed), 2, 3, 5)).astype(dtype)
    dropped = att.dropout(weights, rate, np.random.default_rng(seed))
    assert_agrees(dropped, loops.dropout(weights, rate, np.random.default_rng(seed)), dtype)


def test_dropout_keeps_the_mean():
    """Over 20,000 draws the mean is off by less than five standard errors of sqrt(rate / (1 - rate) / 20,000)."""
    rng = np.random.default_rng(0)
    for rate in (0.1, 0.5, 0.9):
        dropped = att.dropout(np.ones((20_000, 3)), rate, rng)
        assert np.all(np.abs(dropped.mean(axis=0) - 1) < 5 * np.sqrt(rate / (1 - rate) / 20_000))
        assert np.all(np.abs((dropped == 0).mean(axis=0) - rate) < 5 * np.sqrt(rate * (1 - rate) / 20_000))


def test_dropout_rows_may_sum_to_more_than_one():
    weights = np.full((200, 4), 0.25)
    sums = att.dropout(weights, 0.5, np.random.default_rng(0)).sum(axis=-1)
    assert sums.max() > 1 > sums.min()


def test_dropout_at_rate_zero_changes_nothing_and_never_its_input():
    weights = np.random.default_rng(0).random((3, 4))
    before = weights.copy()
    np.testing.assert_array_equal(att.dropout(weights, 0, np.random.default_rng(0)), weights)
    att.dropout(weights, 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(weights, before)


def test_dropout_keeps_what_is_infinite_or_dropped_without_nan():
    dropped = att.dropout(np.array([[np.inf, 1.0], [1.0, np.inf]]), 0.5, np.random.default_rng(3))
    assert not np.isnan(dropped).any()
