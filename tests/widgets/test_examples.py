"""Every widget has an example, and the example moves as it says."""

from collections.abc import Callable

import numpy as np
import pytest
from examples import EXAMPLES, exported, make
from traitlets import TraitError

from course_lib import widgets
from course_lib.errors import CourseError
from course_lib.plots import Picture


def test_every_exported_widget_has_an_example() -> None:
    assert sorted(EXAMPLES) == sorted(exported())


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_shows_itself_in_words_and_in_a_picture(name: str) -> None:
    widget = make(name)
    assert " object at 0x" not in repr(widget)
    assert isinstance(widget.figure(), Picture)
    assert "image/png" in widget._repr_mimebundle_()[0]


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if example.hand])
def test_example_follows_the_number_that_the_hand_moves(name: str) -> None:
    widget, example = make(name), EXAMPLES[name]
    said = set()
    for value in example.values:
        setattr(widget, example.trait, value)
        assert np.allclose(getattr(widget, example.trait), value)
        said.add(repr(widget))
    assert len(said) == 2, "the sentence does not tell the two states apart"


MANY = np.ones((10**6, 2))
TOO_MANY: dict[str, Callable[[], object]] = {
    "AttentionStage": lambda: widgets.AttentionStage(MANY, MANY, MANY),
    "Heads": lambda: widgets.Heads(np.full((1, 1, 10**6), 1e-6)),
    "MaskBoard": lambda: widgets.MaskBoard(MANY),
    "OnlineSoftmax": lambda: widgets.OnlineSoftmax(MANY[:, 0], MANY),
    "OrderLines": lambda: widgets.OrderLines({str(line): "x = 1" for line in range(10**6)}),
    "Predict": lambda: widgets.Predict("Which?", {str(option): "x" for option in range(10**6)}),
    "Projection": lambda: widgets.Projection(MANY),
    "Score": lambda: widgets.Score([1, 1], MANY),
    "Shuffle": lambda: widgets.Shuffle(MANY, np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2))),
    "SoftmaxBars": lambda: widgets.SoftmaxBars(MANY[:, 0]),
    "WeightedSum": lambda: widgets.WeightedSum(MANY),
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_a_million_tokens_give_a_message(name: str) -> None:
    with pytest.raises(CourseError) as refused:
        TOO_MANY[name]()
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "seven", None, [0.5] * 9, 1e12])
@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if example.hand])
def test_a_bad_number_is_refused_and_changes_nothing(name: str, bad: object) -> None:
    widget = make(name)
    before = repr(widget)
    with pytest.raises((CourseError, TraitError)):
        setattr(widget, EXAMPLES[name].trait, bad)
    assert repr(widget) == before
