"""What must hold for attention whatever the numbers: sums, hulls, shifts, causality, permutation."""

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import attention_inputs

from course_lib.attention import attention, attention_weights, causal_mask, dot_product_scores, softmax, weighted_sum

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=200, deadline=None)
@given(attention_inputs())
def test_attention_weights_rows_sum_to_one_or_to_zero(inputs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a fully masked row gives no warning either
        weights = attention_weights(inputs.query, inputs.key, **inputs.options)
    sums = weights.sum(axis=-1)
    assert np.all(weights >= 0)
    assert np.all(np.isclose(sums, 1, atol=1e-5) | (sums == 0))


@settings(max_examples=200, deadline=None)
@given(attention_inputs())
def test_attention_output_stays_inside_the_range_of_the_values(inputs):
    output = attention(*inputs.arrays, **inputs.options)
    lowest, highest = np.minimum(inputs.value.min(), 0), np.maximum(inputs.value.max(), 0)
    assert np.all(output >= lowest - 1e-5)
    assert np.all(output <= highest + 1e-5)


@given(seeds, st.floats(-100, 100))
def test_softmax_ignores_a_shift_of_all_scores(seed, shift):
    scores = np.random.default_rng(seed).standard_normal((3, 5))
    np.testing.assert_allclose(softmax(scores + shift), softmax(scores), atol=1e-12)


@given(seeds)
def test_attention_future_does_not_touch_the_past(seed):
    rng = np.random.default_rng(seed)
    query, key, value = (rng.standard_normal(shape) for shape in [(6, 3), (6, 3), (6, 4)])
    before = attention(query, key, value, is_causal=True)
    key[4:], value[4:] = 100.0, -100.0
    after = attention(query, key, value, is_causal=True)
    np.testing.assert_array_equal(after[:4], before[:4])
    assert not np.allclose(after[4:], before[4:])


@given(seeds)
def test_attention_ignores_the_order_of_the_keys(seed):
    rng = np.random.default_rng(seed)
    query, key, value = (rng.standard_normal(shape) for shape in [(4, 3), (6, 3), (6, 5)])
    order = rng.permutation(6)
    np.testing.assert_allclose(attention(query, key[order], value[order]), attention(query, key, value), atol=1e-12)


@given(seeds, st.integers(0, 4))
def test_attention_decodes_with_offset_as_in_one_pass(seed, n_cached):
    rng = np.random.default_rng(seed)
    query, key, value = (rng.standard_normal(shape) for shape in [(6, 3), (6, 3), (6, 4)])
    whole = attention(query, key, value, is_causal=True, window=(2, 0))
    rest = attention(query[n_cached:], key, value, is_causal=True, window=(2, 0), offset=n_cached)
    np.testing.assert_allclose(rest, whole[n_cached:], atol=1e-12)


def test_attention_leaves_its_inputs_alone():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in [(4, 3), (5, 3), (5, 2)]]
    mask = rng.standard_normal((4, 5))
    copies = [array.copy() for array in (*arrays, mask)]
    attention(*arrays, mask=mask, is_causal=True, window=2)
    for array, copy in zip((*arrays, mask), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_attention_is_the_composition_of_its_steps():
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal(shape) for shape in [(4, 3), (5, 3), (5, 2)])
    by_hand = weighted_sum(softmax(dot_product_scores(query, key) / np.sqrt(3)), value)
    np.testing.assert_allclose(attention(query, key, value), by_hand, atol=1e-14)


def test_fully_masked_query_gives_zeros_without_a_warning():
    query, key, value = np.ones((2, 3)), np.ones((4, 3)), np.ones((4, 5))
    mask = np.array([[True, True, False, False], [False, False, False, False]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for given_mask in (mask, np.where(mask, 0.0, -np.inf)):
            output = attention(query, key, value, mask=given_mask)
            np.testing.assert_array_equal(output, [[1] * 5, [0] * 5])


def test_no_keys_at_all_gives_zeros():
    np.testing.assert_array_equal(attention(np.ones((2, 3)), np.ones((0, 3)), np.ones((0, 5))), np.zeros((2, 5)))


def test_causal_mask_and_is_causal_are_the_same():
    rng = np.random.default_rng(0)
    query, key = rng.standard_normal((4, 3)), rng.standard_normal((6, 3))
    by_mask = attention_weights(query, key, mask=causal_mask(4, 6, offset=1))
    np.testing.assert_array_equal(attention_weights(query, key, is_causal=True, offset=1), by_mask)


def test_float16_scores_are_summed_in_float32():
    # 3,000 products of 1 * 1: float16 cannot count past 2,048 in steps of 1, float32 can.
    ones = np.ones((2, 3000), dtype=np.float16)
    scores = dot_product_scores(ones, ones)
    assert scores.dtype == np.float16
    np.testing.assert_array_equal(scores, 3000)


def test_softmax_of_huge_scores_is_finite():
    weights = softmax([[1e30, 1e30, -1e30], [-1e30, 5.0, 5.0]])
    np.testing.assert_array_equal(weights, [[0.5, 0.5, 0], [0, 0.5, 0.5]])


def test_softmax_temperature_limits():
    scores = np.array([[1.0, 3.0, 2.0], [0.0, -1.0, 4.0]])
    np.testing.assert_allclose(softmax(scores, temperature=1e-3), np.eye(3)[[1, 2]], atol=1e-12)
    np.testing.assert_allclose(softmax(scores, temperature=1e9), np.full((2, 3), 1 / 3), atol=1e-8)


def test_softmax_axis_chooses_what_sums_to_one():
    scores = np.random.default_rng(0).standard_normal((2, 3, 4))
    for axis in (0, 1, 2, -1, -2):
        np.testing.assert_allclose(softmax(scores, axis=axis).sum(axis=axis), 1)
