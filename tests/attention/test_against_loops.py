"""The array code agrees with the plain-loop specification, over random shapes, dtypes and options."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import COPIED_AXES, assert_agrees, attention_inputs

from course_lib import attention as att
from course_lib.attention import loops


@settings(max_examples=400, deadline=None)
@given(attention_inputs(dtypes=(np.float16, np.float32, np.float64)))
def test_attention_agrees_with_loops(inputs):
    output = att.attention(*inputs.arrays, **inputs.options)
    assert_agrees(output, loops.attention(*inputs.arrays, **inputs.options), inputs.query.dtype)


@settings(max_examples=100, deadline=None)
@given(attention_inputs(axes=COPIED_AXES))
def test_attention_of_arrays_that_broadcast_agrees_with_loops(inputs):
    output = att.attention(*inputs.arrays, **inputs.options)
    assert_agrees(output, loops.attention(*inputs.arrays, **inputs.options), inputs.query.dtype)


@settings(max_examples=200, deadline=None)
@given(attention_inputs())
def test_attention_weights_agree_with_loops(inputs):
    weights = att.attention_weights(inputs.query, inputs.key, **inputs.options)
    assert_agrees(weights, loops.attention_weights(inputs.query, inputs.key, **inputs.options), inputs.query.dtype)


@settings(max_examples=100, deadline=None)
@given(attention_inputs(dtypes=(np.float16, np.float32, np.float64), with_options=False))
def test_scores_agree_with_loops(inputs):
    query, key = inputs.query, inputs.key
    assert_agrees(att.dot_product_scores(query, key), loops.dot_product_scores(query, key), query.dtype, 10)
    assert_agrees(att.scaled_scores(query, key), loops.scaled_scores(query, key), query.dtype, 10)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.5, 1.0, 3.0]), st.sampled_from([1.0, 100.0, 1e4]))
def test_softmax_agrees_with_loops(seed, temperature, size):
    scores = np.random.default_rng(seed).standard_normal((2, 3, 5)) * size
    scores[0, 1, 2] = -np.inf
    assert_agrees(
        att.softmax(scores, temperature=temperature), loops.softmax(scores, temperature=temperature), np.float64
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_project_agrees_with_loops(dtype):
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.standard_normal(shape).astype(dtype) for shape in [(2, 4, 3), (3, 5), (5,)])
    assert_agrees(att.project(x, weight), loops.project(x, weight), dtype, 10)
    assert_agrees(att.project(x, weight, bias), loops.project(x, weight, bias), dtype, 10)


def test_self_attention_agrees_with_loops():
    rng = np.random.default_rng(0)
    x, w_query, w_key, w_value = (rng.standard_normal(shape) for shape in [(2, 6, 3), (3, 4), (3, 4), (3, 5)])
    for options in ({}, {"is_causal": True}, {"window": (1, None), "offset": 1}):
        output = att.self_attention(x, w_query, w_key, w_value, **options)
        assert_agrees(output, loops.self_attention(x, w_query, w_key, w_value, **options), np.float64)


@given(st.integers(0, 6), st.none() | st.integers(0, 6), st.integers(-3, 3))
def test_causal_mask_agrees_with_loops(n_queries, n_keys, offset):
    mask = att.causal_mask(n_queries, n_keys, offset=offset)
    np.testing.assert_array_equal(mask, loops.causal_mask(n_queries, n_keys, offset=offset))
    assert mask.dtype == np.bool_
