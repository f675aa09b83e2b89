"""Score without a front end: its state, its arrays, its words, its messages."""

from typing import Any

import numpy as np
import pytest

from course_lib.attention import dot_product_scores
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import Score

RNG = np.random.default_rng(2)
QUERY, KEY = RNG.normal(size=2), RNG.normal(size=(3, 2))


def make(**options: Any) -> Score:
    return Score(QUERY, KEY, tokens=["one", "two", "three"], **options)


def test_score_arrays_are_what_was_given_and_computed_by_the_attention_core() -> None:
    score = make()
    np.testing.assert_array_equal(score.query, QUERY)
    np.testing.assert_array_equal(score.key, KEY)
    np.testing.assert_allclose(score.scores, dot_product_scores(QUERY[np.newaxis], KEY)[0], rtol=1e-14)
    np.testing.assert_allclose(score.lengths, np.linalg.norm(KEY, axis=1), rtol=1e-14)
    assert score.query_length == pytest.approx(np.linalg.norm(QUERY), rel=1e-14)


def test_score_is_the_product_of_two_lengths_and_the_cosine() -> None:
    score = make()
    np.testing.assert_allclose(score.query_length * score.lengths * score.cosines, score.scores, rtol=1e-12)


@pytest.mark.parametrize("degrees", [0, 1e-5, 30, 90, 135, 179.999, 180])
def test_score_angles_are_degrees_between_0_and_180_on_either_side(degrees: float) -> None:
    turned = np.radians([20 + degrees, 20 - degrees])
    start = [np.cos(np.radians(20)), np.sin(np.radians(20))]
    score = Score(start, 3 * np.stack([np.cos(turned), np.sin(turned)], axis=1))
    np.testing.assert_allclose(score.angles, degrees, atol=1e-9)


def test_score_of_a_vector_without_length_is_zero_and_has_no_angle() -> None:
    score = Score([1, 1], [[0, 0], [2, 2]])
    np.testing.assert_array_equal(score.scores, [0, 4])
    assert np.isnan(score.angles[0])
    assert np.isnan(score.cosines[0])
    assert "0.00 with key 0 (0.00 long, without direction)" in repr(score)
    score.query = [0, 0]
    assert np.isnan(score.angles).all()
    assert score.figure().png().startswith(b"\x89PNG")


def test_score_example_shows_a_longer_key_winning_over_a_nearer_one() -> None:
    score = Score()
    assert score.tokens == ["near", "long", "across"]
    assert np.argmax(score.cosines) == 0
    assert np.argmax(score.scores) == 1
    np.testing.assert_array_equal(score.scores, [3, 4, 0])


def test_score_follows_its_numbers_and_its_numbers_follow_the_arrays() -> None:
    score = make()
    score.query_x = 2.25
    assert score.query[0] == 2.25
    score.key = 2 * KEY
    assert score.key_2_x == 2 * KEY[2, 0]
    np.testing.assert_allclose(score.scores, 2 * KEY @ score.query, rtol=1e-12)
    assert score.start["query_x"] == QUERY[0]
    assert score.start["key_2_x"] == 2 * KEY[2, 0]


def test_score_says_its_state_in_one_deterministic_sentence() -> None:
    assert repr(Score([2, 0], [[1, 0], [3, 3]], tokens=["cat", "1"])) == (
        "Query (2.00, 0.00) scores 2.00 with key “cat” (1.00 long, at 0 degrees), "
        "6.00 with key 1 (4.24 long, at 45 degrees)."
    )


def test_score_shows_itself_live_as_picture_and_in_words() -> None:
    score = make()
    data, _ = score._repr_mimebundle_()
    assert {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    before = score.figure().png()
    score.key_0_x = -2.0
    assert score.figure().png() != before
    assert "3 keys; its score is" in score.figure().caption


@pytest.mark.parametrize(
    ("names", "descriptions", "traits"),
    [
        (("query",), ["query, x", "query, y"], ["query_x", "query_y"]),
        (("key", 1), ["key two, x", "key two, y"], ["key_1_x", "key_1_y"]),
        (("key_length",), [f"key {name}, length" for name in ("one", "two", "three")],
         ["key_length_0", "key_length_1", "key_length_2"]),
        (("query_direction", "key_direction", 2), ["query, direction °", "key three, direction °"],
         ["query_direction", "key_direction_2"]),
        ((), ["query, length", "query, direction °", "key one, length", "key one, direction °"],
         ["query_length", "query_direction", "key_length_0", "key_direction_0"]),
    ],
)  # fmt: skip
def test_score_sliders_are_named_after_what_they_move(
    names: tuple[str | int, ...], descriptions: list[str], traits: list[str]
) -> None:
    score = make()
    sliders = score.sliders(*names).children
    assert [slider.description for slider in sliders] == descriptions
    assert score.links == [[f"IPY_MODEL_{s.model_id}", t] for s, t in zip(sliders, traits, strict=True)]


def test_score_sliders_of_lengths_and_directions_show_the_present_ones() -> None:
    score = Score([0, 2], [[-1, 0], [3, 4]])
    sliders = score.sliders("query_length", "query_direction", "key_length", 1, "key_direction", 0).children
    np.testing.assert_allclose([slider.value for slider in sliders], [2, 90, 5, 180])
    assert [slider.max for slider in sliders] == [4, 180, 5, 180]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([[1, 0]], [[0, 1]]), {}, ShapeError, r"one vector of shape \(2,\), but you passed \(1, 2\)"),
        (([1, 0, 0], [[0, 1]]), {}, ShapeError, r"one vector of shape \(2,\), but you passed \(3,\)"),
        (("no", [[0, 1]]), {}, ShapeError, r"one vector of shape \(2,\), but you passed \(\)"),
        (([1, 0], [0, 1]), {}, ShapeError, r"key must have shape \(n_tokens, 2\)"),
        (([1, 0], np.zeros((5, 2))), {}, ShapeError, "1 to 4 tokens, but there are 5"),
        (([1, 0], np.zeros((10**6, 2))), {}, ShapeError, "1 to 4 tokens, but there are 1000000"),
        (([1, 0], None), {}, OptionError, "Give query and key together, or none of them; key is missing"),
        ((None, [[1, 0]]), {}, OptionError, "query is missing"),
        (([1, np.nan], [[0, 1]]), {}, OptionError, "query must hold finite numbers"),
        (([1, 0], [[0, np.inf]]), {}, OptionError, "key must hold finite numbers"),
        (([1, 0], [["a", "b"]]), {}, DtypeError, "key must hold real numbers"),
        (([1000, 0], [[0, 1]]), {}, OptionError, "between -100 and 100"),
        ((), {"selected": 3}, OptionError, "key has rows 0 to 2, but 3"),
        ((), {"drag": "shrink"}, OptionError, "drag must be one of free, turn, stretch, but it is 'shrink'"),
        ((), {"controls": ["query"]}, OptionError, "controls must name some of key, drag"),
        ((), {"tokens": ["a"]}, ShapeError, "one token for each of the 3 vectors"),
    ],
)  # fmt: skip
def test_score_names_what_is_wrong(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Score(*arguments, **options)


def test_score_keeps_its_state_when_a_new_one_is_refused() -> None:
    score = make()
    for name, bad in (("query", [1, np.nan]), ("query", KEY), ("key", KEY[:2]), ("key", 1e6 * KEY)):
        with pytest.raises(CourseError):
            setattr(score, name, bad)
    with pytest.raises(OptionError, match="query_x must be a finite number"):
        score.query_x = float("nan")
    np.testing.assert_array_equal(score.query, QUERY)
    np.testing.assert_array_equal(score.key, KEY)


@pytest.mark.parametrize("n_keys", range(1, 5))
def test_score_draws_any_number_of_keys(n_keys: int) -> None:
    score = Score(QUERY, 4 * np.ones((n_keys, 2)), tokens=["$x^", "<b>", "汉字", "a" * 40][:n_keys])
    assert score.figure().png().startswith(b"\x89PNG")
    assert score.extent == 4
