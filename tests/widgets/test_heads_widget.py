"""Heads without a front end: weights from data and from projections, what the example looks for, words, messages."""

from typing import Any

import numpy as np
import pytest

from course_lib import attention as steps
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import Heads
from course_lib.widgets.heads_example import TOKENS, example_maps, example_tokens

RNG = np.random.default_rng(4)
WEIGHTS = steps.softmax(RNG.normal(size=(3, 4, 6)))
SQUARE = steps.softmax(RNG.normal(size=(2, 5, 5)))


def test_heads_weights_are_what_was_given_in_float32() -> None:
    heads = Heads(WEIGHTS)
    assert heads.weights.dtype == np.float32
    np.testing.assert_array_equal(heads.weights, WEIGHTS.astype(np.float32))
    assert (heads.tokens, heads.key_tokens) == (list("0123"), list("012345"))
    assert heads.names == ["head 0", "head 1", "head 2"]
    with pytest.raises(ValueError, match="read-only"):
        heads.weights[0, 0, 0] = 1.0


def test_heads_weights_can_be_set_and_their_measures_follow() -> None:
    heads = Heads(SQUARE)
    for weights in (SQUARE, SQUARE[::-1].swapaxes(-1, -2) / 2):
        heads.weights = weights
        np.testing.assert_allclose(heads.entropy, steps.attention_entropy(weights), atol=1e-5)
        np.testing.assert_allclose(heads.mean_distance, steps.mean_attention_distance(weights), atol=1e-5)
        np.testing.assert_array_equal(np.frombuffer(heads.entropy_data, "<f4").reshape(2, 5), heads.entropy)
        assert heads.distances == heads.mean_distance.tolist()


def test_heads_tell_no_distance_between_two_sentences() -> None:
    assert Heads(SQUARE, key_tokens=list("abcde")).distances == []
    assert len(Heads(SQUARE, key_tokens=list("01234")).distances) == 2


def test_heads_sends_new_weights_in_one_message() -> None:
    heads = Heads(SQUARE)
    sent: list[set[str]] = []
    heads.send_state = lambda key=None: sent.append({key} if isinstance(key, str) else set(key))  # type: ignore[method-assign]
    heads.weights = SQUARE[::-1]
    assert sent == [{"weights_data", "entropy_data", "distances"}]


@pytest.mark.parametrize("options", [{}, {"is_causal": True, "scale": 0.5}, {"window": (1, 0), "offset": 1}])
def test_heads_from_projections_are_those_of_multi_head_attention(options: dict[str, Any]) -> None:
    x, w_query, w_key = RNG.normal(size=(5, 6)), RNG.normal(size=(6, 8)), RNG.normal(size=(6, 8))
    heads = Heads.from_projections(x, w_query, w_key, 4, tokens=list("abcde"), head=2, **options)
    w_value, w_output = RNG.normal(size=(6, 12)), np.eye(12)
    expected = steps.multi_head_attention(x, w_query, w_key, w_value, w_output, 4, **options)
    mixed = heads.weights @ steps.split_heads(x @ w_value, 4)
    np.testing.assert_allclose(steps.merge_heads(mixed), expected, atol=1e-5)
    assert (heads.head, heads.key_tokens) == (2, list("abcde"))


def test_heads_from_projections_of_a_memory_are_cross_attention() -> None:
    x, memory = RNG.normal(size=(3, 6)), RNG.normal(size=(7, 4))
    w_query, w_key = RNG.normal(size=(6, 4)), RNG.normal(size=(4, 4))
    heads = Heads.from_projections(x, w_query, w_key, 2, memory=memory, key_tokens=list("abcdefg"))
    expected = steps.attention_weights(steps.split_heads(x @ w_query, 2), steps.split_heads(memory @ w_key, 2))
    np.testing.assert_allclose(heads.weights, expected, atol=1e-6)
    assert heads.weights.shape == (2, 3, 7)


def test_heads_example_is_computed_and_each_head_finds_what_it_looks_for() -> None:
    heads = Heads()
    w_query, w_key = example_maps()
    again = Heads.from_projections(example_tokens(), w_query, w_key, 4)
    np.testing.assert_array_equal(heads.weights, again.weights)
    previous, same, first, noun = heads.weights
    n = len(TOKENS)
    assert previous.argmax(axis=1).tolist() == [0, *range(n - 1)]
    for i, j in np.ndindex(n, n):
        assert (same[i, j] > 0.4) == (TOKENS[i] == TOKENS[j])
    assert np.all(first.argmax(axis=1) == 0)
    it, cat = TOKENS.index("it"), TOKENS.index("cat")
    assert noun[it].argmax() == cat
    np.testing.assert_allclose(np.delete(noun, it, axis=0), 1 / n, err_msg="who asks for nothing reads all alike")


def test_heads_says_its_state_in_one_deterministic_sentence() -> None:
    heads = Heads()
    assert repr(heads) == "Head 3 (noun of “it”) of 4: “it” reads “cat” 87 %, “the” 2 %, “ate” 2 %."
    heads.direction, heads.selected_key, heads.head = "read_by", 1, 0
    assert repr(heads) == "Head 0 (previous token) of 4: “cat” is read by “ate” 87 %, “the” 2 %, “cat” 2 %."
    assert repr(Heads([[[1.0]]])) == "Head 0 of 1: 0 reads 0 100 %."


@pytest.mark.parametrize("options", [{}, {"direction": "read_by", "head": 2}])
def test_heads_shows_a_picture_of_its_state(options: dict[str, Any]) -> None:
    heads = Heads(WEIGHTS, **options)
    data, _ = heads._repr_mimebundle_()
    assert {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert repr(heads.figure()) == repr(heads)
    before = heads.figure().png()
    heads.head = 1
    heads.selected = heads.selected_key = 3
    assert heads.figure().png() != before


@pytest.mark.parametrize("shape", [(1, 1, 1), (16, 32, 32), (5, 1, 32), (7, 32, 1)])
def test_heads_draws_any_size_within_its_limits(shape: tuple[int, int, int]) -> None:
    names = ["$x^", "<b>", "it's", "汉字", "a" * 40, "_", "{}"]
    heads = Heads(np.full(shape, 1 / shape[2]), tokens=(names * 5)[: shape[1]], names=(names * 3)[: shape[0]])
    assert heads.figure().png().startswith(b"\x89PNG")


def test_heads_sliders_reach_as_far_as_there_are_heads_and_tokens() -> None:
    sliders = Heads(WEIGHTS).sliders().children
    assert [(slider.description, slider.max) for slider in sliders] == [
        ("head", 2), ("selected", 3), ("selected_key", 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "options", "error", "message"),
    [
        (np.ones((4, 4)) / 4, {}, ShapeError, r"weights must have shape \(n_heads, n_queries, n_keys\)"),
        (np.ones((17, 2, 2)) / 2, {}, ShapeError, "up to 16 heads and 32 tokens"),
        (np.ones((1, 2, 33)) / 33, {}, ShapeError, r"weights\[:16, :32, :32\]"),
        (np.zeros((0, 2, 2)), {}, ShapeError, "at least 1 along each axis"),
        (WEIGHTS - 0.5, {}, OptionError, "Are these scores"),
        (3 * WEIGHTS, {}, OptionError, "weights must lie between 0 and 1"),
        (np.full((1, 2, 2), np.nan), {}, OptionError, "weights must hold finite numbers"),
        ([[["a"]]], {}, DtypeError, "weights must hold real numbers"),
        (WEIGHTS, {"tokens": ["a"]}, ShapeError, "one token for each of the 4 queries"),
        (WEIGHTS, {"key_tokens": ["a"]}, ShapeError, "key_tokens: .* each of the 6 keys"),
        (WEIGHTS, {"names": ["a", "b"]}, ShapeError, "names: .* each of the 3 heads"),
        (WEIGHTS, {"names": "abc"}, DtypeError, "names must be a list of words"),
        (WEIGHTS, {"head": 3}, OptionError, "head must be between 0 and 2, but it is 3"),
        (WEIGHTS, {"head": "first"}, OptionError, "head must be a whole number"),
        (WEIGHTS, {"selected": 4}, OptionError, "selected must be between 0 and 3"),
        (WEIGHTS, {"selected_key": -1}, OptionError, "selected_key must be between 0 and 31"),
        (WEIGHTS, {"direction": "both"}, OptionError, "direction must be one of reads, read_by"),
        (WEIGHTS, {"controls": ["head"]}, OptionError, "controls must name some of all_heads, measures"),
    ],
)
def test_heads_names_what_is_wrong(
    weights: Any, options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Heads(weights, **options)


def test_heads_keeps_its_state_when_a_new_one_is_refused() -> None:
    heads = Heads(WEIGHTS)
    for name, bad in (("weights", SQUARE), ("weights", -WEIGHTS), ("weights_data", b"1234"), ("selected", 4)):
        with pytest.raises(CourseError):
            setattr(heads, name, bad)
    np.testing.assert_array_equal(heads.weights, WEIGHTS.astype(np.float32))
