"""Shuffle without a front end: its orders, its arrays, its words, its messages."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from course_lib import attention as steps
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import Shuffle

RNG = np.random.default_rng(3)
X = RNG.normal(size=(5, 3))
W_QUERY, W_KEY = RNG.normal(size=(2, 3, 2))
W_VALUE = RNG.normal(size=(3, 4))
ORDER = [3, 0, 4, 1, 2]


def make(**options: Any) -> Shuffle:
    return Shuffle(X, W_QUERY, W_KEY, W_VALUE, tokens=list("abcde"), **options)


def attend(x: np.ndarray, positions: str) -> tuple[np.ndarray, np.ndarray]:
    """Self-attention written out: weights and output."""
    if positions == "sinusoidal":
        x = x + steps.sinusoidal_positions(*x.shape)
    query, key = x @ W_QUERY, x @ W_KEY
    if positions == "rotary":
        query, key = (steps.rotate(rows, range(len(rows))) for rows in (query, key))
    weights = steps.softmax(query @ key.T / np.sqrt(2))
    return weights, weights @ (x @ W_VALUE)


@pytest.mark.parametrize("positions", ["none", "sinusoidal", "rotary"])
def test_shuffle_arrays_are_attention_over_the_tokens_as_they_stand(positions: str) -> None:
    shuffle = make(order=ORDER, positions=positions)
    weights, output = attend(X[ORDER], positions)
    np.testing.assert_array_equal(shuffle.order, ORDER)
    np.testing.assert_array_equal(shuffle.x, X[ORDER])
    np.testing.assert_allclose(shuffle.weights, weights, atol=1e-12)
    np.testing.assert_allclose(shuffle.output, output, atol=1e-12)
    first = attend(X, positions)[1]
    np.testing.assert_allclose(shuffle.first_output, first, atol=1e-12)
    np.testing.assert_allclose(shuffle.change, np.abs(output - first[ORDER]).max(axis=1), atol=1e-12)


def test_outputs_go_with_their_tokens_in_any_order_unless_positions_are_told() -> None:
    shuffle = make()
    for order in permutations(range(5)):
        shuffle.order = order
        assert shuffle.change.max() < 1e-12
    for positions in ("sinusoidal", "rotary"):
        shuffle.positions = positions
        shuffle.order = [1, 0, 2, 3, 4]
        assert shuffle.change.max() > 0.01, positions


def test_the_example_notices_the_order_only_with_positions() -> None:
    for positions, notices in (("none", False), ("sinusoidal", True), ("rotary", True)):
        shuffle = Shuffle(order=[2, 0, 1, 3], positions=positions)
        assert bool(shuffle.change.max() > 0.1) is notices


def test_shuffle_x_can_be_set_as_the_tokens_stand() -> None:
    shuffle = make(order=ORDER)
    shuffle.x = 2 * shuffle.x
    np.testing.assert_array_equal(shuffle.x, 2 * X[ORDER])
    shuffle.order = range(5)
    np.testing.assert_array_equal(shuffle.x, 2 * X)
    for name in ("order", "x", "w_query", "w_key", "w_value"):
        assert name == "x" or not getattr(shuffle, name).flags.writeable


def test_shuffling_goes_through_other_orders_which_the_seed_chooses() -> None:
    first, second, other = make(seed=1), make(seed=1), make(seed=2)
    seen = [first.places]
    for _ in range(40):
        first.shuffle()
        assert first.places != seen[-1]
        assert first.places != [0, 1, 2, 3, 4]
        seen.append(first.places)
    second.shuffle()
    assert second.places == seen[1]
    assert other.draws != first.draws
    first.places = first.draws[(first.turn + 1) % len(first.draws)]  # put there by hand
    standing = first.places
    first.shuffle()
    assert first.places != standing


def test_three_tokens_have_orders_enough_to_shuffle() -> None:
    shuffle = Shuffle(X[:3], W_QUERY, W_KEY, W_VALUE)
    for _ in range(30):
        before = shuffle.places
        shuffle.shuffle()
        assert shuffle.places not in (before, [0, 1, 2])


def test_shuffle_says_what_the_order_changed() -> None:
    shuffle = Shuffle()
    assert repr(shuffle) == "Order dog bites old man, the first one, without positions."
    shuffle.order = [2, 0, 1, 3]
    assert repr(shuffle) == (
        "Order old dog bites man, without positions: every token has the output that it had in the first order."
    )
    shuffle.positions = "rotary"
    most = shuffle.change.max()
    assert repr(shuffle).startswith("Order old dog bites man, with rotary positions: the outputs changed, most for “")
    assert repr(shuffle).endswith(f"by {most:.2f}.")


def test_shuffle_picture_follows_the_state() -> None:
    shuffle = make(order=ORDER)
    before = shuffle.figure()
    assert "d a e b c, without positions" in before.caption
    shuffle.positions = "sinusoidal"
    assert shuffle.figure().png() != before.png()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((X[:2],), {}, ShapeError, "x and w_query disagree on d_model: 3 against 4. Give a w_query of 3 rows"),
        ((X[:2], W_QUERY, W_KEY, W_VALUE), {}, ShapeError, "3 to 6 tokens, but there are 2"),
        ((np.zeros((10**6, 3)), W_QUERY, W_KEY, W_VALUE), {}, ShapeError, "3 to 6 tokens, but there are 1000000"),
        ((np.zeros((3, 5)), *np.zeros((3, 5, 2))), {}, ShapeError, "x may have 4 columns"),
        ((X[0],), {}, ShapeError, r"x must have shape \(n_tokens, d_model\)"),
        ((X, W_QUERY, W_VALUE, W_VALUE), {}, ShapeError, "w_query and w_key disagree on d_k"),
        ((X, W_QUERY, W_KEY, np.full((3, 2), np.nan)), {}, OptionError, "w_value must hold finite numbers"),
        ((1e6 * X, W_QUERY, W_KEY, W_VALUE), {}, OptionError, "x must stay between -100 and 100"),
        (([["a"]],), {}, DtypeError, "x must hold real numbers"),
        ((), {"order": [0, 1, 2, 2]}, OptionError, "each of 0 to 3 once"),
        ((), {"order": "back"}, OptionError, "order must be a list of whole numbers"),
        ((), {"positions": "learned"}, OptionError, "positions must name some of none, sinusoidal, rotary"),
        ((X, *np.ones((2, 3, 3)), W_VALUE), {"positions": "rotary"}, OptionError, "d_k must be even, but it is 3"),
        ((), {"controls": ["drag"]}, OptionError, "controls must name some of positions, shuffle, back"),
        ((), {"tokens": ["dog"]}, ShapeError, "one token for each of the 4"),
        ((), {"seed": -1}, OptionError, "seed must be at least 0"),
    ],
)
def test_shuffle_names_what_is_wrong(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Shuffle(*arguments, **options)


def test_shuffle_keeps_its_state_when_a_new_one_is_refused() -> None:
    shuffle = make(order=ORDER)
    for name, bad in (("order", [0, 0, 1, 2, 3]), ("x", X[:4]), ("x", X[:, :2]), ("positions", "both")):
        with pytest.raises(CourseError):
            setattr(shuffle, name, bad)
    assert shuffle.places == ORDER
    np.testing.assert_array_equal(shuffle.x, X[ORDER])
    with pytest.raises(OptionError, match="no sliders: drag a token"):
        shuffle.sliders()
