"""What exercises 05 to 07 ask for beyond the matrix: promises that mistakes break, masks, and the order of lines."""

from itertools import permutations

import numpy as np
import pytest

from course_lib.attention import causal_mask, padding_mask
from course_lib.checks import evaluate
from course_lib.checks.engine import TASKS
from course_lib.checks.exercises.cases import HIGHEST, LOWEST, draw_mask, draw_self_attention, entropy_fraction
from course_lib.checks.showing.rendering import render_result


def message(name, answer):
    result = evaluate(name, answer)
    assert result.status == "not_yet", result
    return result.message


# Cases


@pytest.mark.parametrize("n_heads", [1, 2, 3])
def test_drawn_tokens_are_contrasted_in_every_head(n_heads):
    for seed in range(20):
        drawn = draw_self_attention(np.random.default_rng(seed), seq_len=4, d_model=5, d_k=3, d_v=2, n_heads=n_heads)
        heads = [np.split(drawn["x"] @ drawn[name], n_heads, axis=-1) for name in ("w_query", "w_key")]
        for query, key in zip(*heads, strict=True):
            fractions = entropy_fraction(query @ key.T / np.sqrt(3))
            assert np.all((fractions > LOWEST) & (fractions < HIGHEST))


def test_drawn_masks_have_both_kinds_in_every_row_and_column():
    for seed in range(50):
        for mask in draw_mask(np.random.default_rng(seed), 2, 3, 4, 6).reshape(-1, 4, 6):
            for axis in (0, 1):
                assert mask.any(axis=axis).all()
                assert not mask.all(axis=axis).any()


# Promises


def breaks(name, program):
    """What the promises of a task say about a program, None where it keeps them."""
    kept = [one for one in TASKS[name].properties if one.through is None]
    assert kept
    with np.errstate(all="ignore"):
        return [
            one.broken(lambda **arguments: np.asarray(program(*arguments.values())), np.random.default_rng(3))
            for one in kept
        ]


@pytest.mark.parametrize(
    ("name", "place", "slug"),
    [
        ("self_attention", 0, "already_causal"),
        ("masked_attention", 0, "mask_ignored"),
        ("masked_attention", 0, "scores_times_mask"),
        ("masked_attention", 0, "softmax_over_the_queries"),
        ("masked_attention", 1, "mask_after_softmax"),
        ("masked_attention", 1, "exponentials_not_normalised"),
        ("multi_head_attention", 0, "not_split"),
        ("multi_head_attention", 0, "merged_at_once"),
    ],
)
def test_promises_are_kept_by_the_reference_and_broken_by_the_mistake(name, place, slug):
    program = {one.slug: one.program for one in TASKS[name].programs}[slug]
    assert set(breaks(name, TASKS[name].reference)) == {None}
    if (name, slug) == ("multi_head_attention", "not_split"):  # one wide head has no heads to reorder
        assert breaks(name, program)[place] is None
    else:
        assert breaks(name, program)[place] is not None


def test_the_future_cannot_change_the_past():
    calls = []
    right = TASKS["masked_attention"].reference

    def looks_ahead(query, key, value, mask):
        calls.append(1)
        output = right(query, key, value, mask)
        is_for_a_property = len(calls) > len(TASKS["masked_attention"].families) + 1
        return output + value.mean(axis=-2, keepdims=True) if is_for_a_property else output

    said = message("masked_attention", looks_ahead)
    assert "the future cannot change the past. In an example with a causal mask" in said


# Masks as learners meet them


def test_a_mask_between_brackets_is_told_to_need_all_axes():
    def by_brackets(query, key, value, mask):
        scores = query @ key.swapaxes(-1, -2) / np.sqrt(key.shape[-1])
        scores[~mask] = -np.inf
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return weights / weights.sum(-1, keepdims=True) @ value

    said = message("masked_attention", by_brackets)
    assert "`scores[~mask] = -np.inf`, stopped with IndexError" in said
    assert said.endswith(
        "a mask between square brackets needs all axes of the array; np.where also fits one with fewer."
    )


def test_a_blocked_query_has_sentences_of_its_own():
    def very_low(query, key, value, mask):
        scores = np.where(mask, query @ key.swapaxes(-1, -2) / np.sqrt(key.shape[-1]), -1e9)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return weights / weights.sum(-1, keepdims=True) @ value

    said = message("masked_attention", very_low)
    assert "Where every query may attend to something your function is right" in said
    assert "It should take nothing: zeros." in said


def test_lengths_are_shown_as_they_are():
    said = message("padding_mask", lambda lengths, n_keys: ~padding_mask(lengths, n_keys))
    assert "For lengths = [" in said
    assert "], n_keys = 5, in your `mask`, True and False have changed places everywhere." in said


def test_numbers_in_place_of_truths_are_explained_even_where_they_are_right():
    said = message("causal_mask", lambda seq_len: causal_mask(seq_len).astype(np.float32))
    assert (
        "`mask` must hold True and False (dtype bool), and yours holds numbers (float32). The places are right." in said
    )
    assert "`~` turns 1 into -2" in said


def test_a_hard_coded_mask_fails_at_another_length():
    table = causal_mask(4)
    said = message("causal_mask", lambda seq_len: table)
    assert "For seq_len = 7" in said


# Heads


def test_the_head_that_is_farthest_off_is_drawn():
    def last_head_wrong(x, n_heads):
        heads = np.swapaxes(x.reshape(*x.shape[:-1], n_heads, -1), -2, -3).copy()
        heads[..., -1, 0, 0] += 1
        return heads

    result = evaluate("split_heads", last_head_wrong)
    assert "at `heads[1, 0, 0]`" in result.message
    drawn = repr(render_result(result))
    assert "expected heads[1]" in drawn
    assert "your heads[1]" in drawn
    assert drawn.count("*") == 2
    assert "expected heads " in repr(render_result(evaluate("split_heads", lambda x, n_heads: x)))


# The order of lines


@pytest.mark.parametrize(
    ("answer", "confusion", "said"),
    [
        ("CFBHAIE", "M03", "x.shape[-1] is d_model"),
        ("CFKHADE", "M20", "a row gets pieces of several tokens"),
        ("CGKHAIE", "M20", "whole, and the last tokens to the last"),
        ("JFKHAIE", "M19", "a slice of the embedding itself"),
        ("CFKHAIL", "M21", "W_output mixes what the heads have found"),
        ("CKHAIE", None, "it stops with ShapeError"),
        ("CKHAIE", None, "The heads are not split"),
        ("CKFHAIE", None, "The heads are split too late"),
        ("FCKHAIE", None, "Line 1 is F"),
        ("CFKHAE", None, "it uses `merged`, which no line above has made"),
        ("CFKHAI", None, "there is no `output` yet"),
    ],
)
def test_a_wrong_order_of_heads_says_what_is_amiss(answer, confusion, said):
    result = evaluate("order_multi_head", answer)
    assert (result.status, result.confusion) == ("not_yet", confusion)
    assert said in result.message


def test_only_one_order_of_the_right_lines_passes():
    task = TASKS["order_multi_head"]
    right = ["".join(order) for order in permutations(task.solution) if evaluate(task.name, "".join(order)).passed]
    assert right == [task.solution]
    assert set(task.lines) == set(task.solution) | set(task.distractors)
