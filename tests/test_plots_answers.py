"""The still pictures of questions, of lines in order, and of a training run."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from course_lib import plots
from course_lib.errors import OptionError, ShapeError

OPTIONS = {"a": "stays", "b": "halves"}


def words(picture):
    return [text.get_text() for ax in picture.get_axes() for text in ax.texts]


def test_lettered_says_everything_once_and_in_order():
    picture = plots.lettered("What `now`?", OPTIONS, marks={"b": "yours"}, note="One.\nTwo `x`.")
    assert words(picture) == ["What now?", "a", "stays", "b", "halves", "← yours", "One.", "Two x."]
    assert repr(picture) == "What `now`? a: stays; b: halves."
    assert picture.png() == plots.lettered("What `now`?", OPTIONS, marks={"b": "yours"}, note="One.\nTwo `x`.").png()


@pytest.mark.parametrize("is_code", [True, False])
def test_lettered_keeps_long_texts_within_the_picture(is_code):
    long = {"a": "word " * 60, "b": "    return " + "x" * 250, "c": "$x^ <b> _"}
    picture = plots.lettered("Question " * 40, long, note="Note " * 100, is_code=is_code)
    renderer = FigureCanvasAgg(picture).get_renderer()
    width, height = picture.get_size_inches() * picture.dpi
    for text in picture.axes[0].texts:
        box = text.get_window_extent(renderer)
        assert (box.x0 >= 0, box.x1 <= width, box.y0 >= 0, box.y1 <= height) == (True,) * 4, text.get_text()


def test_lettered_refuses_a_mark_without_a_row():
    with pytest.raises(OptionError, match="belong to a, b, but one belongs to 'z'"):
        plots.lettered("?", OPTIONS, marks={"z": "yours"})


@pytest.mark.parametrize(("n_heads", "n_keys"), [(1, 3), (4, 10), (8, 24)])
def test_training_draws_the_curves_and_every_head(n_heads, n_keys):
    weights = np.full((n_heads, 5, n_keys), 1 / n_keys)
    tokens = [f"t{index}" for index in range(n_keys)]
    picture = plots.training([0, 1], {"a": [1, 2], "b": [np.nan, 1]}, 1, weights, tokens=tokens, weight_step=1)
    axes = [ax for ax in picture.get_axes() if ax.get_visible()]
    maps = [ax for ax in axes if ax.images]
    assert len(maps) == n_heads
    assert all(np.array_equal(ax.images[0].get_array(), weights[0]) for ax in maps)
    assert [len(ax.get_xticks()) for ax in maps] == [n_keys if n_keys <= 10 else 0] * n_heads
    curves = next(ax for ax in axes if not ax.images)
    assert [line.get_label() for line in curves.get_lines()[::2]][:2] == ["a loss", "b loss"]
    assert "marked at step 1" in repr(picture)


def test_training_names_a_curve_of_another_length():
    with pytest.raises(ShapeError, match=r"a must be as long as steps, \(2,\), but it has shape \(3,\)"):
        plots.training([0, 1], {"a": [1, 2, 3]}, 0)
