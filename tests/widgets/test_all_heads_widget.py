"""All heads in one list: what is sent, the order, the words, the picture, and what is refused."""

import numpy as np
import pytest

from course_lib.attention import previous_token_score
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import AllHeads

RNG = np.random.default_rng(0)
WEIGHTS = RNG.dirichlet(np.ones(5), size=(3, 4, 5))  # 3 layers of 4 heads, 5 tokens
SCORES = {"one": RNG.uniform(size=(3, 4)), "two": np.arange(12.0).reshape(3, 4) % 5}


def test_the_weights_come_back_as_they_were_given():
    heads = AllHeads(WEIGHTS, SCORES)
    assert heads.weights.shape == (3, 4, 5, 5)
    np.testing.assert_allclose(heads.weights, WEIGHTS, atol=1e-5)
    np.testing.assert_allclose(heads.scores["two"], SCORES["two"])
    assert heads.tokens == list("01234")


@pytest.mark.parametrize("sort_by", [0, 1, 2])
def test_the_list_is_sorted_by_the_score_and_equal_ones_keep_their_order(sort_by):
    heads = AllHeads(WEIGHTS, SCORES, sort_by=sort_by)
    by = [*(score.reshape(-1) for score in SCORES.values()), -np.arange(12)][sort_by]
    assert heads.order.tolist() == sorted(range(12), key=lambda head: (-by[head], head))
    assert heads.head == heads.order[0]
    assert heads.selected == 4


def test_the_sentence_says_which_head_its_place_and_what_it_reads():
    tokens = ["I", "met", "Mary", "<b>", "7"]
    heads = AllHeads(WEIGHTS, SCORES, tokens=tokens, selected=2, head=6, sort_by=1)
    row = WEIGHTS[1, 2, 2]
    first = tokens[row.argmax()]
    place = heads.order.tolist().index(6) + 1
    assert repr(heads).startswith(f"Layer 1 head 2, {place}")
    assert f"of 12 by two with {SCORES['two'][1, 2]:.2f}: “Mary” reads " in repr(heads)
    assert f"{first}" in repr(heads).split("reads ")[1].split(" %")[0]
    assert f"{100 * row.max():.0f} %" in repr(heads)
    heads.sort_by = 2
    assert "7th of 12 by layer" in repr(heads)


@pytest.mark.parametrize(
    ("place", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th")]
)
def test_places_are_said_as_people_do(place, said):
    heads = AllHeads(WEIGHTS, SCORES)
    heads.head = int(heads.order[place - 1])
    assert f"{said} of 12" in repr(heads)


def test_without_scores_it_is_sorted_by_the_token_before_and_without_arguments_it_has_an_example():
    assert AllHeads(WEIGHTS).score_names == ["previous token"]
    np.testing.assert_allclose(AllHeads(WEIGHTS).scores["previous token"], previous_token_score(WEIGHTS), atol=1e-6)
    assert AllHeads(WEIGHTS, {}).order.tolist() == list(range(12))
    assert "by previous token" in repr(AllHeads())
    assert AllHeads(np.ones((1, 1, 1, 1))).score_names == []


def test_the_picture_has_the_first_lines_and_says_what_the_widget_says():
    many = RNG.dirichlet(np.ones(3), size=(6, 5, 3))
    heads = AllHeads(many, {"x": RNG.uniform(size=(6, 5))}, tokens=["$a$", "b", "c"])
    picture = heads.figure()
    assert picture.caption == repr(heads)
    (ax,) = picture.axes
    assert len(ax.get_yticklabels()) == 16
    first = int(heads.order[0])
    assert ax.get_yticklabels()[0].get_text().startswith(f"layer {first // 5} head {first % 5}: ")
    np.testing.assert_allclose(ax.get_images()[0].get_array()[0], many[first // 5, first % 5, 2], atol=1e-4)
    assert len(ax.patches) == 1
    heads.head = int(heads.order[20])  # not among the lines: nothing is framed
    assert not heads.figure().axes[0].patches


def test_what_does_not_fit_is_refused():
    wrong = [
        (ShapeError, {"weights": WEIGHTS[0]}),
        (ShapeError, {"weights": WEIGHTS[..., :4]}),
        (ShapeError, {"weights": np.zeros((1, 1, 33, 33))}),
        (ShapeError, {"weights": np.zeros((33, 32, 2, 2))}),
        (OptionError, {"weights": WEIGHTS * 9}),
        (OptionError, {"weights": -WEIGHTS}),
        (OptionError, {"weights": WEIGHTS * np.nan}),
        (ShapeError, {"scores": {"x": np.zeros((4, 3))}}),
        (ShapeError, {"scores": {str(n): SCORES["one"] for n in range(5)}}),
        (DtypeError, {"scores": {"x": [["a"] * 4] * 3}}),
        (ShapeError, {"tokens": ["a"]}),
        (OptionError, {"selected": 5}),
        (OptionError, {"head": 12}),
        (OptionError, {"sort_by": 3}),
    ]
    for error, changed in wrong:
        with pytest.raises(error) as raised:
            AllHeads(**{"weights": WEIGHTS, "scores": SCORES, **changed})
        assert isinstance(raised.value, CourseError)
    heads = AllHeads(WEIGHTS, SCORES)
    for name, value in (("selected", 5), ("head", 12), ("sort_by", 3), ("head", -1)):
        with pytest.raises(OptionError):
            setattr(heads, name, value)


def test_sliders_go_as_far_as_there_are_places():
    box = AllHeads(WEIGHTS, SCORES).sliders("selected", "head", "sort_by")
    assert [slider.max for slider in box.children] == [4, 11, 2]
