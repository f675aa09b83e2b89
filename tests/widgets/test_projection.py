"""Projection without a front end: its state, its arrays, its words, its messages."""

from typing import Any

import numpy as np
import pytest

from course_lib.errors import CourseError, OptionError, ShapeError
from course_lib.widgets import Projection

RNG = np.random.default_rng(1)
X = RNG.normal(size=(3, 2))
W_QUERY, W_KEY, W_VALUE = RNG.normal(size=(3, 2, 2))


def make(**options: Any) -> Projection:
    return Projection(X, W_QUERY, W_KEY, W_VALUE, tokens=["one", "two", "three"], **options)


def test_projection_arrays_are_x_times_the_matrices() -> None:
    projection = make()
    for name, weight in (("query", W_QUERY), ("key", W_KEY), ("value", W_VALUE)):
        np.testing.assert_array_equal(getattr(projection, f"w_{name}"), weight)
        np.testing.assert_allclose(getattr(projection, name), X @ weight, atol=1e-12)


def test_projection_follows_x_and_the_matrices() -> None:
    projection = make()
    projection.x = 2 * X
    np.testing.assert_allclose(projection.query, 2 * X @ W_QUERY, atol=1e-12)
    projection.w_key = np.eye(2)
    np.testing.assert_array_equal(projection.key, projection.x)
    projection.w_value_1_0 = 0.0
    assert projection.w_value[1, 0] == 0.0


def test_projection_says_its_state_in_one_deterministic_sentence() -> None:
    projection = Projection([[1, 0], [0, 2]], [[1, 1], [0, 1]], [[1, 0], [0, 1]], [[0, 1], [1, 0]], selected=1)
    assert (
        repr(projection) == "Token 1 at (0.00, 2.00) has query (0.00, 2.00), key (0.00, 2.00) and value (2.00, 0.00)."
    )


def test_projection_shows_a_picture() -> None:
    projection = make()
    data, _ = projection._repr_mimebundle_()
    assert {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    before = projection.figure().png()
    projection.w_value = np.eye(2)
    assert projection.figure().png() != before


@pytest.mark.parametrize(
    ("names", "descriptions"),
    [
        (("x", 1), ["x two, x", "x two, y"]),
        (("w_query",), [f"w_query[{row}, {column}]" for row in range(2) for column in range(2)]),
        (("w_key", 1), ["w_key[1, 0]", "w_key[1, 1]"]),
        ((), ["x one, x", "x one, y"]),
    ],
)
def test_projection_sliders_are_named_after_what_they_move(
    names: tuple[str | int, ...], descriptions: list[str]
) -> None:
    assert [slider.description for slider in make().sliders(*names).children] == descriptions


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1, 2, 3]],), ShapeError, r"x must have shape \(n_tokens, 2\)"),
        ((np.zeros((7, 2)),), ShapeError, "1 to 6 tokens"),
        ((X, np.eye(3)), ShapeError, r"w_query of this widget has shape \(2, 2\), but you passed \(3, 3\)"),
        ((X, None, np.full((2, 2), np.nan)), OptionError, "w_key must hold finite numbers"),
    ],
)
def test_projection_names_what_is_wrong(arguments: tuple[Any, ...], error: type[CourseError], message: str) -> None:
    with pytest.raises(error, match=message):
        Projection(*arguments)
