"""Heads of the language model: their maps, scores, what is lost without one, what a weight carries."""

import numpy as np
import pytest

from course_lib.attention import weighted_sum
from course_lib.errors import OptionError, ShapeError
from course_lib.models.language_model import (
    carried_sizes,
    effect_without,
    first_token_score,
    head_weights,
    repeated_tokens,
    strongest_heads,
    token_losses,
    with_weights_of,
)

TOKENS = [5, 77, 260, 3, 77, 140, 5, 8]


def test_maps_are_causal_and_each_row_sums_to_1(tiny):
    weights = head_weights(tiny, TOKENS)
    assert weights.shape == (3, 4, 8, 8)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    assert not weights[..., np.triu_indices(8, k=1)[0], np.triu_indices(8, k=1)[1]].any()
    hers = tiny.use(softmax=lambda s: np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(head_weights(hers, TOKENS), weights, atol=1e-5)


def test_maps_and_values_make_the_output_that_is_recorded(tiny):
    seen = []
    tiny.forward(TOKENS, record=lambda layer, heads: seen.append(heads))
    for heads in seen:
        np.testing.assert_allclose(weighted_sum(heads.weights, heads.value), heads.output, atol=1e-5)


def test_repeated_tokens_are_different_in_a_block(tiny):
    tokens = repeated_tokens(tiny, 20, rng=np.random.default_rng(0), n_blocks=3)
    assert len(tokens) == 60
    assert len(set(tokens[:20])) == 20
    assert tokens[:20] == tokens[20:40] == tokens[40:]
    assert tokens != repeated_tokens(tiny, 20, rng=np.random.default_rng(1), n_blocks=3)
    with pytest.raises(OptionError, match=r"np\.random\.default_rng\(0\), not 0"):
        repeated_tokens(tiny, 20, rng=0)
    with pytest.raises(OptionError, match="at most 268"):
        repeated_tokens(tiny, 269, rng=np.random.default_rng(0))


def test_first_token_score_leaves_out_the_first_query():
    even = np.tri(4) / np.arange(1, 5)[:, np.newaxis]
    assert first_token_score([even, np.eye(4)]).tolist() == pytest.approx([(1 / 2 + 1 / 3 + 1 / 4) / 3, 0])
    with pytest.raises(ShapeError, match="square"):
        first_token_score(np.ones((2, 3)))


def test_strongest_heads_come_first_and_say_which_they_are():
    scores = np.array([[0.2, 0.7, 0.1], [0.9, 0.3, 0.7]])
    assert [(found.layer, found.head) for found in strongest_heads(scores, 3)] == [(1, 0), (0, 1), (1, 2)]
    assert str(strongest_heads(scores, 1)[0]) == "layer 1 head 0: 0.90"
    with pytest.raises(ShapeError, match="n_layers, n_heads"):
        strongest_heads(scores[0])


def test_losses_are_the_logarithms_of_the_probabilities(tiny):
    logits = tiny.forward(TOKENS).astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = [-np.log(probabilities[i, TOKENS[i + 1]]) for i in range(7)]
    np.testing.assert_allclose(token_losses(tiny, TOKENS), expected, atol=1e-4)
    without = token_losses(tiny, TOKENS, without_heads=[(2, 1)])
    assert np.abs(without - expected).max() > 1e-3


@pytest.mark.parametrize("first", [1, 4])
def test_the_effect_is_the_difference_of_two_whole_runs(tiny, first):
    told = []
    effect = effect_without(tiny, TOKENS, first=first, report=lambda done, total: told.append((done, total)))
    assert effect.shape == (3, 4)
    assert told == [(done, 12) for done in range(1, 13)]
    usual = token_losses(tiny, TOKENS)[first - 1 :].mean()
    for head in [(0, 0), (1, 3), (2, 2)]:
        without = token_losses(tiny, TOKENS, without_heads=[head])[first - 1 :].mean()
        assert effect[head] == pytest.approx(without - usual, abs=1e-5)


def test_heads_that_were_not_asked_about_are_not_a_number(tiny):
    effect = effect_without(tiny, TOKENS, [(1, 2)])
    assert np.isfinite(effect).sum() == 1
    assert np.isfinite(effect[1, 2])
    for first in (0, 8):
        with pytest.raises(OptionError, match=r"first must lie in 1 \.\. 7"):
            effect_without(tiny, TOKENS, first=first)


def test_what_is_carried_adds_up_to_what_the_layer_adds(tiny):
    sizes, weights = carried_sizes(tiny, TOKENS), head_weights(tiny, TOKENS)
    seen = []
    tiny.forward(TOKENS, record=lambda layer, heads: seen.append(heads))
    w_output = tiny.parameters["layer_1.attention.w_output"]
    for head in range(4):
        value = seen[1].value[head // 2] @ w_output[:, head * 16 : (head + 1) * 16].T
        np.testing.assert_allclose(sizes[1, head, 5, 2], weights[1, head, 5, 2] * np.linalg.norm(value[2]), rtol=1e-4)


def test_another_texts_weights_leave_the_values_as_they_are(tiny):
    np.testing.assert_allclose(with_weights_of(tiny, TOKENS, TOKENS), tiny.forward(TOKENS)[-1], atol=1e-4)
    other = [*TOKENS[:3], 200, *TOKENS[4:]]
    mixed = with_weights_of(tiny, TOKENS, other)
    assert np.abs(mixed - tiny.forward(TOKENS)[-1]).max() > 1e-3
    assert np.abs(mixed - tiny.forward(other)[-1]).max() > 1e-3
    with pytest.raises(ShapeError, match="8 and 7"):
        with_weights_of(tiny, TOKENS, TOKENS[:7])
