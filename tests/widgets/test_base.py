"""What every widget has: projector mode, sliders, Reset, and a kernel that never answers a hand with what it did."""

from collections.abc import Callable
from typing import Any

import pytest
import traitlets

from course_lib import widgets
from course_lib.errors import CourseError
from course_lib.widgets import AttentionStage, Projection


@pytest.mark.parametrize(("given", "expected"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_projector_begins_as_the_environment_says(
    given: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSE_PROJECTOR", raising=False)
    if given is not None:
        monkeypatch.setenv("COURSE_PROJECTOR", given)
    stage = AttentionStage()
    assert stage.projector is expected
    assert stage.get_state()["projector"] is expected
    stage.projector = not expected
    assert stage.projector is not expected


def test_projector_is_on_or_off() -> None:
    with pytest.raises(traitlets.TraitError, match="projector"):
        AttentionStage().projector = "large"


def test_what_the_page_says_is_not_said_back_to_it_and_what_python_says_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An echo that comes late undoes what the hand did meanwhile."""
    stage = AttentionStage()
    for widget, trait in ((stage, "query_0_x"), (stage.sliders("query", 0).children[0], "value")):
        said: list[dict[str, Any]] = []
        monkeypatch.setattr(widget, "_send", lambda message, buffers=None, said=said: said.append(message))
        widget.set_state({trait: 0.5})
        assert getattr(widget, trait) == 0.5
        assert [message for message in said if trait in message["state"]] == []
        setattr(widget, trait, 0.75)
        assert [message["method"] for message in said if trait in message["state"]] == ["update"]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (
            ("queries",),
            "There is no slider for 'queries'; there is one for each of query, key, value, temperature, scale",
        ),
        (("query", 7), "query has rows 0 to 3, but 7 was asked for"),
        (("query", -1), "query has rows 0 to 3, but -1 was asked for"),
        (("query", 1.5), "the row of query must be a whole number"),
        ((0,), "There is no slider for 0"),
        ((None,), "There is no slider for None"),
        ((["query"],), "There is no slider for"),
    ],
)
def test_sliders_say_what_they_cannot_be_linked_to(names: tuple[object, ...], complaint: str) -> None:
    stage = AttentionStage()
    with pytest.raises(CourseError, match=complaint):
        stage.sliders(*names)  # type: ignore[arg-type]
    assert stage.links == []


def test_sliders_of_rows_and_numbers_follow_each_other() -> None:
    stage = AttentionStage()
    box = stage.sliders("query", 1, "scale", "key", 0)
    assert [slider.description for slider in box.children] == [
        "query cat, x", "query cat, y", "scale", "key the, x", "key the, y",
    ]  # fmt: skip
    assert [trait for _, trait in stage.links] == ["query_1_x", "query_1_y", "scale", "key_0_x", "key_0_y"]


def test_sliders_reach_as_far_as_the_plane() -> None:
    projection = Projection()
    (slider, _) = projection.sliders("x", 0).children
    projection.x_0_x = 7.5
    assert (slider.min, slider.max) == (-8, 8)


@pytest.mark.parametrize(
    ("made", "given"),
    [
        (
            lambda: widgets.AttentionStage(selected=1, temperature=2.0, scale=1.0, is_causal=True),
            {"selected": 1, "temperature": 2.0, "scale": 1.0, "is_causal": True},
        ),
        (lambda: widgets.SoftmaxBars([1, 2], temperature=2.0, added=0.5), {"temperature": 2.0, "added": 0.5}),
        (lambda: widgets.Score(selected=2, drag="turn"), {"selected": 2, "drag": "turn"}),
        (lambda: widgets.WeightedSum(sum_to_one=False, chain=False), {"sum_to_one": False, "chain": False}),
        (lambda: widgets.Projection(selected=1), {"selected": 1}),
        (
            lambda: widgets.Positions(70, d_model=32, head=1, learned=True, distance=3),
            {"position": 70, "d_model": 32, "head": 1, "learned": True, "distance": 3},
        ),
    ],
)
def test_reset_leads_back_to_what_was_given(made: Callable[[], widgets.LiveWidget], given: dict[str, Any]) -> None:
    assert {name: made().start[name] for name in given} == given


def test_reset_of_scores_that_were_set_adds_nothing_to_them() -> None:
    bars = widgets.SoftmaxBars([1, 2], added=0.5)
    bars.scores = [3, 4]
    assert (bars.start["scores_0"], bars.start["added"]) == (3.0, 0.0)
