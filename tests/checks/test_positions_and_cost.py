"""What exercises 08 to 11 ask for beyond the matrix: promises, the order of lines, and what predictions reveal."""

from itertools import permutations

import numpy as np
import pytest

from course_lib.attention import attention, sinusoidal_positions
from course_lib.checks import evaluate
from course_lib.checks.engine import TASKS
from course_lib.checks.tasks import ChoiceTask


def message(name, answer):
    result = evaluate(name, answer)
    assert result.status == "not_yet", result
    return result.message


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
    ("name", "slug"),
    [
        ("sinusoidal_positions", "only_sines"),
        ("sinusoidal_positions", "a_frequency_for_each_component"),
        ("rotate", "angles_alternate_pairs_do_not"),
        ("rotate", "pairs_alternate_angles_do_not"),
        ("rotate", "no_minus"),
        ("online_attention", "mean_of_blocks"),
        ("online_attention", "sums_do_not_fade"),
        ("softmax_backward", "no_row_sum"),
        ("repeat_kv", "in_turn"),
    ],
)
def test_promises_are_kept_by_the_reference_and_broken_by_a_mistake(name, slug):
    task = TASKS[name]
    (program,) = (one.program for one in task.programs if one.slug == slug)
    assert not any(breaks(name, task.reference))
    assert any(breaks(name, program))


def test_the_entropy_does_not_know_the_order_of_the_keys():
    assert breaks("attention_entropy", TASKS["attention_entropy"].reference) == [None]
    assert breaks("attention_entropy", lambda weights: weights[:, 0]) == ["In an example it does."]


@pytest.mark.parametrize("slug", ["pairs_across_halves", "other_way_round", "exponent_halved", "base_1000"])
def test_other_conventions_of_rotation_keep_the_promise_and_fail_by_their_numbers(slug):
    (program,) = (one.program for one in TASKS["rotate"].programs if one.slug == slug)
    assert breaks("rotate", program) == [None]
    assert evaluate("rotate", program).program == slug


def test_a_promise_that_names_its_mistake_says_both():
    result = evaluate("online_attention", lambda query, key, value, block_size: attention(query, key, value))
    assert result.program == "all_scores_at_once"
    said = result.message.split("\n")
    assert "may be there at once. With 84 queries, 80 keys and blocks of 4 your function held" in said[0]
    assert said[1].startswith("The output is right, and all scores were there at once")
    assert said[2].startswith("Where to look:")


# The published bug


def published(x):
    """The function of the bug hunt, as the exercise hands it out."""
    positions = sinusoidal_positions(x.shape[0], x.shape[-1])
    return x + positions[:, np.newaxis]


def test_the_published_function_fails_and_gives_all_tokens_one_vector():
    result = evaluate("bug_hunt_positions", published)
    assert (result.program, result.confusion) == ("positions_of_the_batch", "M23")
    added = published(np.zeros((2, 3, 4)))
    assert np.array_equal(added[:, 0], added[:, 1])
    assert not np.array_equal(added[0], added[1])


# The order of lines


def test_lines_pass_in_every_order_that_works():
    task = TASKS["order_online_softmax"]
    passed = {"".join(order) for order in permutations(task.solution) if evaluate(task.name, order).passed}
    assert task.solution in passed
    # The maximum first and the output last; fade before both sums, the exponentials as well.
    assert passed == {f"C{a}{b}{c}{d}B" for a, b in ("GE", "EG") for c, d in ("AI", "IA")}


@pytest.mark.parametrize(
    ("lines", "confusion", "said"),
    [
        ("CGEADB", None, "the old mix has to fade"),
        ("FGEAIB", None, "exp of something large"),
        ("CGEHIB", "M06", "Each query adds up the exponentials of its own row"),
        ("CGEIB", None, "missing in the sum that all is divided by"),
        ("CGEAB", None, "nothing mixes them in"),
        ("CGEIBA", None, "The sum is updated too late"),
        ("CEIAGB", None, "it uses `fade`, which no line above has made"),
        ("CGEAI", None, "there is no `output` yet"),
    ],
)
def test_lines_out_of_place_are_explained(lines, confusion, said):
    result = evaluate("order_online_softmax", lines)
    assert (result.status, result.confusion) == ("not_yet", confusion)
    assert said in result.message


# Predictions


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("predict_shuffled_tokens", "outputs that follow differ by 0, and outputs that stay in place by up to 1.01"),
        ("predict_added_positions", "names the word in 100 % of them"),
        ("predict_shifted_rotation", "is -3.113 at positions 7 and 3, -3.113 at 107 and 103, and -2.695"),
        ("predict_farthest_head", "look back 1.5 tokens on average with the first slope, 1/2, and 15.3 with the last"),
        ("predict_longer_text", "With 25 tokens there are 625 scores, with 100 there are 10000: 16 times as many"),
        ("predict_cache_reads", "differs from a full pass by 0"),
        ("predict_shared_heads", "25600 numbers with 8 heads for keys and values, and 6400 with 2, 4 times fewer"),
        ("predict_window_reach", "2 tokens after one layer, 4 after two, 6 after three"),
        ("predict_sharp_weights", "let up to 0.25 through; 20 times as large, 0.00005"),
        ("predict_dropped_row", "The mean of all is 1.00"),
        ("predict_large_weight", "is [0.28, 0.18], and without the first key's share it is [0.28, 0.18]"),
        ("predict_mean_distance", "Their entropies differ: 0.00 and 0.69"),
    ],
)
def test_what_a_prediction_reveals_is_computed(name, said):
    task = TASKS[name]
    assert isinstance(task, ChoiceTask)
    result = evaluate(name, task.right)
    assert result.passed
    assert said in result.message
    assert task.options[task.right] in result.message
    wrong = next(letter for letter in task.options if letter != task.right)
    assert evaluate(name, wrong).confusion == task.confusion
