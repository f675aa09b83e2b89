"""What every widget has: projector mode, and sliders that say what they cannot be linked to."""

import pytest
import traitlets

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
