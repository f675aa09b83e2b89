"""Answers that are called step by step, many times, or with their cost counted."""

import tracemalloc

import numpy as np
import pytest
from programs_of_cost_and_training import decode as right_step
from programs_of_cost_and_training import online, online_pure_python

from course_lib.checks import evaluate
from course_lib.checks.api import render_result
from course_lib.checks.running.through import (
    N_CALLS,
    decode,
    decode_cache,
    dropped,
    kept_values,
    most_exponentials,
    most_memory,
)

RNG = np.random.default_rng(9)
QUERY, KEY, VALUE = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=(3, 2))
CACHE = (RNG.normal(size=(2, 4)), RNG.normal(size=(2, 2)))


def message(name, answer):
    result = evaluate(name, answer)
    assert result.status == "not_yet", result
    return result.message


# Step by step


def test_decoding_hands_each_cache_to_the_next_call():
    seen = []

    def step(query, key, value, cache):
        seen.append((query.shape, len(cache[0])))
        return right_step(query, key, value, cache)

    outputs = decode(step, QUERY, KEY, VALUE, CACHE)
    assert seen == [((1, 4), 2), ((1, 4), 3), ((1, 4), 4)]
    assert outputs.shape == (3, 2)
    both = np.concatenate([np.concatenate([CACHE[0], KEY]), np.concatenate([CACHE[1], VALUE])], axis=-1)
    np.testing.assert_array_equal(decode_cache(right_step, QUERY, KEY, VALUE, CACHE), both)


@pytest.mark.parametrize(
    "answer",
    [
        lambda query, key, value, cache: ...,
        lambda query, key, value, cache: None,
        lambda query, key, value, cache: (..., cache),
        lambda query, key, value, cache: (value, ...),
        lambda query, key, value, cache: (value, (..., ...)),
    ],
)
def test_a_step_that_is_not_written_yet_is_not_started(answer):
    assert evaluate("decode_step", answer).status == "not_started"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda query, key, value, cache: value, "an array of shape (1, 4), where two things are wanted"),
        (lambda query, key, value, cache: (value, key, value), "tuple, where two things are wanted"),
        (lambda query, key, value, cache: (value, cache[0]), "a cache of type ndarray, where the pair (keys, values)"),
        (lambda query, key, value, cache: (value[0], cache), "an output of shape (4,) for one token, where (1, 4)"),
        (lambda query, key, value: value, "could not be called as `decode_step(query, key, value, cache)`"),
        (lambda query, key, value, cache: query @ value, "stopped with ValueError"),
    ],
)
def test_what_a_step_returns_is_told_in_its_words(answer, said):
    assert said in message("decode_step", answer)


def test_the_cache_of_a_failing_case_can_be_pasted():
    result = evaluate("decode_step", lambda query, key, value, cache: (value, cache))
    shown = repr(render_result(result))
    code = shown[shown.index("query = np.array") :]
    names = {"np": np}
    exec(code, names)  # the test's own output
    for given, kept in zip(names["cache"], result.evidence.arguments["cache"], strict=True):
        np.testing.assert_array_equal(given, kept)
    assert "cache (2, 5) and (2, 4), one call for each token" in result.message


def test_an_empty_cache_keeps_its_axes_when_it_is_pasted():
    def fails_at_first(query, key, value, cache):
        return (
            right_step(query, key, value, cache)
            if len(cache[0])
            else (value * 2, right_step(query, key, value, cache)[1])
        )

    result = evaluate("decode_step", fails_at_first)
    assert "cache = (np.empty((0, 3), dtype=np.float64)," in repr(render_result(result))


# Many times


WEIGHTS = np.array([[0.25, 0.75], [0.5, 0.5]])


def test_what_is_kept_does_not_depend_on_how_the_generator_is_used():
    ways = (
        lambda weights, rate, rng: np.where(rng.random(weights.shape) < rate, 0, weights / (1 - rate)),
        lambda weights, rate, rng: weights * rng.binomial(1, 1 - rate, weights.shape) / (1 - rate),
    )
    for way in ways:
        kept = kept_values(way, WEIGHTS, 0.5, np.random.default_rng(1))
        np.testing.assert_allclose(kept, 2 * WEIGHTS)
    found = dropped(ways[0], WEIGHTS, 0.5, np.random.default_rng(1))
    assert found.shape == (2 * N_CALLS, 2, 2)
    assert set(np.unique(found)) == {0, 1}


def test_dropout_that_drops_nothing_is_told_so():
    assert "no 0 in 40 calls: nothing was dropped" in message("dropout", lambda weights, rate, rng: weights)


def test_dropout_in_place_is_a_failure_of_its_own():
    def in_place(weights, rate, rng):
        weights *= (rng.random(weights.shape) >= rate) / (1 - rate)
        return weights

    assert "the call changed its own input `weights`" in message("dropout", in_place)


def test_numbers_that_hang_together_in_another_way_fail_by_their_share():
    def more_than_rate(weights, rate, rng):
        return np.where(rng.random(weights.shape) >= np.sqrt(rate), weights / (1 - rate), 0)

    said = message("dropout", more_than_rate)
    assert "Of many numbers the share `rate` is dropped." in said
    assert "With rate = 0.2 a share of 0.4" in said


# What it costs


def test_memory_counts_arrays_and_lists_at_their_highest():
    size = 100_000

    def arrays(x):
        first = np.ones(size)
        del first
        return x + np.ones(size)[0]

    def numbers(x):
        return [float(i) for i in range(size // 4)]

    assert 0.95 * 8 * size < most_memory(arrays, np.ones(3))[0] < 1.05 * 8 * size
    assert most_memory(numbers, np.ones(3))[0] > 6 * size
    assert most_memory(lambda x: x * 2, np.ones(3))[0] < 10_000
    assert not tracemalloc.is_tracing()


def test_memory_leaves_a_tracing_that_was_on_before_as_it_is():
    tracemalloc.start()
    try:
        assert most_memory(lambda x: np.ones(10_000), 1)[0] > 80_000
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.exp(x),
        lambda x: np.exp(x - x.max()).sum(),
        lambda x: np.exp(np.concatenate([x, x])[:12]),
        lambda x: np.exp(np.stack([np.ones(12), x])[0]),
        lambda x: np.exp(np.einsum("i,i->i", x, x)),
        lambda x: np.exp(x.reshape(3, 4) @ np.ones((4, 4))),
        lambda x: np.exp(np.ones(12), out=x),
        lambda x: np.exp2(np.where(x > 0, x, 0)),
        lambda x: [np.exp(part) for part in (x[:3], x)],
    ],
)
def test_exponentials_are_seen_however_the_array_came_about(function):
    assert most_exponentials(function, np.linspace(-1, 1, 12)) == 12


def test_exponentials_of_single_numbers_are_small():
    assert most_exponentials(lambda x: [np.exp(number) for number in x], np.ones(12)) <= 1
    assert most_exponentials(lambda x: np.exp(np.asarray(x)), np.ones(12)) == 0  # made plain: not seen, not blamed


def test_a_block_at_a_time_costs_less_than_all_scores():
    arrays = (RNG.normal(size=(60, 2)), RNG.normal(size=(80, 2)), RNG.normal(size=(80, 1)))
    for function in (online, online_pure_python):
        assert most_memory(function, *arrays, 4)[0] < 0.9 * 8 * 60 * 80
    assert most_exponentials(online, *arrays, 4) == 60 * 4
