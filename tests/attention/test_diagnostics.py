"""Diagnostics of attention weights: against loops, at their limits, and between them."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import assert_agrees, random_array

from course_lib import attention as att
from course_lib.attention import loops

seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from([np.float16, np.float32, np.float64])


@st.composite
def weights_of_heads(draw, min_heads=1, dtypes=dtypes):
    """Draw weights of all kinds: spread out or one-hot, with masked pairs and fully masked queries."""
    n_heads = draw(st.integers(min_heads, 5))
    leading, (n_queries, n_keys) = (
        draw(st.sampled_from([(), (3,), (2, 3)])),
        draw(st.sampled_from([(4, 6), (6, 4), (1, 2)])),
    )
    rng = np.random.default_rng(draw(seeds))
    shape = (*leading, n_heads, n_queries, n_keys)
    scores = random_array(rng, *shape) * draw(st.sampled_from([0, 0.5, 3, 100]))
    scores[rng.random(shape) < draw(st.sampled_from([0, 0.5]))] = -np.inf
    return att.softmax(scores).astype(draw(dtypes))


@settings(max_examples=300, deadline=None)
@given(weights_of_heads(min_heads=2), st.integers(-2, 5))
def test_diagnostics_agree_with_loops(weights, offset):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        entropy, diversity = att.attention_entropy(weights), att.head_diversity(weights)
        distance = att.mean_attention_distance(weights, offset=offset)
    assert_agrees(entropy, loops.attention_entropy(weights), weights.dtype)
    assert_agrees(distance, loops.mean_attention_distance(weights, offset=offset), weights.dtype, scale_of_numbers=5)
    assert_agrees(diversity, loops.head_diversity(weights), weights.dtype)


@settings(max_examples=100, deadline=None)
@given(weights_of_heads(min_heads=2, dtypes=st.just(np.float64)))
def test_diagnostics_stay_within_their_limits(weights):
    n_keys = weights.shape[-1]
    entropy, diversity = att.attention_entropy(weights), att.head_diversity(weights)
    assert np.all((entropy >= 0) & (entropy <= math.log(n_keys) + 1e-12))
    assert np.all((diversity >= 0) & (diversity <= 1))
    assert np.all(att.mean_attention_distance(weights) <= max(weights.shape[-2:]) - 1)


def test_attention_entropy_at_its_limits():
    np.testing.assert_allclose(att.attention_entropy(np.full((2, 5), 0.2)), math.log(5))
    np.testing.assert_array_equal(att.attention_entropy(np.eye(3)), [0, 0, 0])
    np.testing.assert_array_equal(att.attention_entropy(np.zeros((2, 3))), [0, 0])
    assert not np.signbit(att.attention_entropy(np.eye(3))).any()


def test_mean_attention_distance_of_a_head_that_looks_back():
    """Each token looks at the one two before it; the first two may look nowhere and do not count."""
    weights = np.eye(5, k=-2)
    assert att.mean_attention_distance(weights) == 2
    assert att.mean_attention_distance(weights[3:], offset=3) == 2
    assert att.mean_attention_distance(np.zeros((3, 4))) == 0


@settings(max_examples=100, deadline=None)
@given(weights_of_heads(min_heads=2, dtypes=st.just(np.float64)), seeds)
def test_head_diversity_does_not_depend_on_the_order_of_heads_or_keys(weights, seed):
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(rng.permutation(weights, axis=-3), axis=-1)
    np.testing.assert_allclose(att.head_diversity(shuffled), att.head_diversity(weights), atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(weights_of_heads(dtypes=st.just(np.float64)), st.integers(2, 4))
def test_head_diversity_of_copies_is_zero(weights, n_copies):
    copies = np.repeat(weights[..., :1, :, :], n_copies, axis=-3)
    np.testing.assert_allclose(att.head_diversity(copies), 0, atol=1e-12)


@pytest.mark.parametrize("n_heads", [2, 3, 5])
def test_head_diversity_of_heads_that_never_agree_is_one(n_heads):
    weights = np.stack([np.roll(np.eye(5), h, axis=1) for h in range(n_heads)])
    np.testing.assert_allclose(att.head_diversity(weights), 1, rtol=1e-14)


def test_head_diversity_of_two_heads_is_the_jensen_shannon_divergence_in_bits():
    p, q = np.array([0.5, 0.25, 0.25]), np.array([0.125, 0.125, 0.75])
    middle = (p + q) / 2
    divergence = (np.sum(p * np.log2(p / middle)) + np.sum(q * np.log2(q / middle))) / 2
    np.testing.assert_allclose(att.head_diversity([[p], [q]]), divergence, rtol=1e-12)


@settings(max_examples=200, deadline=None)
@given(weights_of_heads(), st.integers(1, 5))
def test_scores_of_heads_agree_with_loops(weights, period):
    seq_len = max(weights.shape[-2:])
    square = np.zeros((*weights.shape[:-2], seq_len, seq_len), weights.dtype)
    square[..., : weights.shape[-2], : weights.shape[-1]] = weights
    period = min(period, seq_len - 1)
    assert_agrees(att.previous_token_score(square), loops.previous_token_score(square), weights.dtype)
    assert_agrees(att.induction_score(square, period), loops.induction_score(square, period), weights.dtype)


def test_scores_of_heads_that_do_nothing_else():
    n_blocks, period = 3, 4
    previous = np.eye(n_blocks * period, k=-1)
    after_the_last_time = np.eye(n_blocks * period, k=1 - period)
    assert att.previous_token_score(previous) == 1
    assert att.induction_score(previous, period) == 0
    assert att.previous_token_score(after_the_last_time) == 0
    assert att.induction_score(after_the_last_time, period) == 1
    assert att.induction_score(previous, 2) == 1  # with two tokens in turn, what came next is the one just before


def test_the_induction_score_counts_no_query_of_the_first_block():
    weights = np.eye(6, k=-2)
    weights[2, 0] = 0.0  # query 2 of 3 tokens has seen nothing twice
    assert att.induction_score(weights, 3) == 1
    weights[3, 1] = 0.25
    np.testing.assert_allclose(att.induction_score(weights, 3), (0.25 + 1 + 1) / 3)
