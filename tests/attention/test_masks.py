"""Padding and window masks: against loops, against the options of attention, and as they broadcast."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import random_array

from course_lib import attention as att
from course_lib.attention import loops

sides = st.none() | st.integers(0, 4)
windows = st.integers(0, 4) | st.tuples(sides, sides)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_padding_mask_agrees_with_loops(data):
    shape = data.draw(st.sampled_from([(), (3,), (2, 3), (0,)]))
    n_keys = data.draw(st.integers(0, 6))
    lengths = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, n_keys + 1, shape)
    mask = att.padding_mask(lengths, n_keys)
    assert mask.dtype == np.bool_
    assert mask.shape == (*shape, n_keys)
    np.testing.assert_array_equal(mask, loops.padding_mask(lengths, n_keys))


def test_padding_mask_lets_padding_change_nothing():
    """With the axes of heads and queries put in, each sequence is treated as if it stood alone."""
    rng = np.random.default_rng(0)
    query, key, value = (random_array(rng, *shape) for shape in [(3, 2, 4, 5), (3, 2, 6, 5), (3, 2, 6, 7)])
    lengths = [6, 1, 4]
    mask = att.padding_mask(lengths, 6)
    output = att.attention(query, key, value, mask=mask[:, np.newaxis, np.newaxis, :])
    without_heads = att.attention(query[:, 0], key[:, 0], value[:, 0], mask=mask[:, np.newaxis, :])
    for b, n in enumerate(lengths):
        alone = att.attention(query[b], key[b, :, :n], value[b, :, :n])
        np.testing.assert_allclose(output[b], alone, atol=1e-14)
        np.testing.assert_allclose(without_heads[b], alone[0], atol=1e-14)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 6), st.integers(0, 6), windows, st.integers(-3, 4))
def test_sliding_window_mask_agrees_with_loops(n_queries, n_keys, window, offset):
    mask = att.sliding_window_mask(n_queries, n_keys, window, offset=offset)
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, loops.sliding_window_mask(n_queries, n_keys, window, offset=offset))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 99), windows, st.integers(-3, 4))
def test_sliding_window_mask_and_the_window_option_are_the_same(seed, window, offset):
    rng = np.random.default_rng(seed)
    query, key = random_array(rng, 4, 3), random_array(rng, 6, 3)
    by_mask = att.attention_weights(query, key, mask=att.sliding_window_mask(4, 6, window, offset=offset))
    np.testing.assert_array_equal(att.attention_weights(query, key, window=window, offset=offset), by_mask)


def test_sliding_window_mask_without_a_right_side_is_causal():
    np.testing.assert_array_equal(att.sliding_window_mask(4, 6, (None, 0), offset=1), att.causal_mask(4, 6, offset=1))
