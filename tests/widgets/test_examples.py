"""Every widget has an example, and the example moves as it says."""

import numpy as np
import pytest
from examples import EXAMPLES, exported, make

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
