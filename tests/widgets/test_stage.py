"""AttentionStage without a front end: its state, its arrays, its words, its messages."""

import base64
from typing import Any

import numpy as np
import pytest

from course_lib import attention as steps
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import AttentionStage

RNG = np.random.default_rng(0)
QUERY, KEY, VALUE = RNG.normal(size=(3, 3, 2))


def make(**options: Any) -> AttentionStage:
    return AttentionStage(QUERY, KEY, VALUE, tokens=["one", "two", "three"], **options)


def test_stage_arrays_are_what_was_given() -> None:
    stage = make()
    for name, expected in (("query", QUERY), ("key", KEY), ("value", VALUE)):
        np.testing.assert_array_equal(getattr(stage, name), expected)


@pytest.mark.parametrize(
    "options", [{}, {"scale": 1.0}, {"is_causal": True}, {"temperature": 0.3}, {"scale": 2.5, "is_causal": True}]
)
def test_stage_computes_by_the_attention_core(options: dict[str, Any]) -> None:
    stage = make(**options)
    temperature = options.pop("temperature", 1.0)
    expected = steps.attention_weights(QUERY / temperature, KEY, **options)
    np.testing.assert_allclose(stage.weights, expected, atol=1e-12)
    np.testing.assert_allclose(stage.output, expected @ VALUE, atol=1e-12)
    assert np.isneginf(stage.scores).sum() == (3 if options.get("is_causal") else 0)


def test_stage_arrays_follow_the_scalars_and_the_scalars_the_arrays() -> None:
    stage = make()
    stage.query_1_y = 2.25
    assert stage.query[1, 1] == 2.25
    stage.key = 2 * KEY
    assert stage.key_2_x == 2 * KEY[2, 0]
    before = stage.weights
    stage.query = -QUERY
    assert np.abs(stage.weights - before).max() > 0.01


def test_stage_sends_an_array_in_one_message() -> None:
    stage = make()
    sent: list[set[str]] = []
    stage.send_state = lambda key=None: sent.append({key} if isinstance(key, str) else set(key))  # type: ignore[method-assign]
    stage.query = 0.5 * QUERY
    assert len(sent) == 1
    assert {"query_0_x", "query_0_y", "query_2_y"} <= sent[0]


def test_stage_arrays_cannot_be_written_into() -> None:
    with pytest.raises(ValueError, match="read-only"):
        make().query[0, 0] = 1.0


def test_stage_start_is_what_python_gave_last() -> None:
    stage = make()
    stage.query_0_x = 1.5
    assert stage.start["query_0_x"] == QUERY[0, 0]
    stage.query = np.ones((3, 2))
    assert stage.start["query_0_x"] == 1.0


def test_stage_plane_widens_for_larger_vectors() -> None:
    stage = make()
    assert stage.extent == 2.5
    stage.value_0_x = -7.0
    assert stage.extent == 8.0
    stage.key = 30 * np.ones((3, 2))
    assert stage.extent == 30.0


def test_stage_scale_none_is_one_over_sqrt_d_k() -> None:
    stage = make(scale=None)
    assert stage.scale == pytest.approx(1 / np.sqrt(2))
    stage.scale = 1.0
    stage.scale = None  # type: ignore[assignment]
    assert stage.scale == pytest.approx(1 / np.sqrt(2))


def test_stage_says_its_state_in_one_deterministic_sentence() -> None:
    stage = AttentionStage([[1, 0], [0, 1]], [[2, 0], [0, 2]], [[1, 0], [0, 1]], scale=1, temperature=2 / np.log(3))
    assert repr(stage) == "Query 0 attends 75 % to key 0, 25 % to key 1; its output is (0.75, 0.25)."
    stage.selected = 1
    assert repr(stage).startswith("Query 1 attends 25 % to key 0")
    assert repr(make()) == repr(make())
    assert "“two”" in repr(make(selected=1))


def test_stage_shows_itself_live_as_picture_and_in_words() -> None:
    stage = make()
    data, metadata = stage._repr_mimebundle_()
    assert data["text/plain"] == repr(stage)
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == stage.model_id
    png = base64.b64decode(data["image/png"])
    assert png.startswith(b"\x89PNG")
    assert metadata["image/png"] == {"width": 800, "height": 740}
    assert png == stage.figure().png()
    stage.query_0_x = -2.0
    assert stage.figure().png() != png


@pytest.mark.parametrize(
    ("names", "descriptions"),
    [
        (("query", 0), ["query one, x", "query one, y"]),
        (("temperature",), ["temperature"]),
        (("value", 2, "scale"), ["value three, x", "value three, y", "scale"]),
        (("key",), [f"key {token}, {axis}" for token in ("one", "two", "three") for axis in "xy"]),
    ],
)
def test_stage_sliders_are_named_after_what_they_move(names: tuple[str | int, ...], descriptions: list[str]) -> None:
    stage = make()
    box = stage.sliders(*names)
    assert [slider.description for slider in box.children] == descriptions
    assert [trait for _, trait in stage.links] == stage._trait_names(names)
    assert [reference for reference, _ in stage.links] == [f"IPY_MODEL_{slider.model_id}" for slider in box.children]
    assert [slider.value for slider in box.children] == [getattr(stage, trait) for _, trait in stage.links]


def test_stage_sliders_reach_as_far_as_the_plane() -> None:
    stage = make()
    slider = stage.sliders("query", 0).children[0]
    assert (slider.min, slider.max) == (-2.5, 2.5)
    stage.query = 5 * np.ones((3, 2))
    assert (slider.min, slider.max) == (-5.0, 5.0)


def test_stage_sliders_without_names_are_a_useful_selection() -> None:
    assert [slider.description for slider in make(selected=1).sliders().children] == [
        "query two, x", "query two, y", "key two, x", "key two, y", "value two, x", "value two, y", "temperature",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([[np.nan, 0]], [[0, 0]], [[0, 0]]), {}, OptionError, "query must hold finite numbers"),
        (([[1, 0]], [[np.inf, 0]], [[0, 0]]), {}, OptionError, "key must hold finite numbers"),
        (([[1, 0, 2]], [[0, 0]], [[0, 0]]), {}, ShapeError, r"query must have shape \(n_tokens, 2\)"),
        (([1, 0], [0, 0], [0, 0]), {}, ShapeError, r"query must have shape \(n_tokens, 2\)"),
        (([[1, 0]], [[0, 0], [1, 1]], [[0, 0]]), {}, ShapeError, r"key of this widget has shape \(1, 2\)"),
        ((np.zeros((10**6, 2)),) * 3, {}, ShapeError, "1 to 6 tokens, but there are 1000000"),
        ((np.zeros((0, 2)),) * 3, {}, ShapeError, "1 to 6 tokens, but there are 0"),
        (([["a", "b"]], [[0, 0]], [[0, 0]]), {}, DtypeError, "query must hold real numbers"),
        (([[1, 0], [1]], [[0, 0]], [[0, 0]]), {}, DtypeError, "different lengths"),
        (([[1000, 0]], [[0, 0]], [[0, 0]]), {}, OptionError, "between -100 and 100"),
        (([[1, 0]], None, None), {}, OptionError, "key, value is missing"),
        ((), {"temperature": 0}, OptionError, "temperature must be between 0.01 and 100"),
        ((), {"temperature": "hot"}, OptionError, "temperature must be a finite number"),
        ((), {"temperature": np.nan}, OptionError, "temperature must be a finite number"),
        ((), {"scale": "no"}, OptionError, "scale must be a finite number"),
        ((), {"selected": 4}, OptionError, "query has rows 0 to 3"),
        ((), {"selected": -1}, OptionError, "query has rows 0 to 3"),
        ((), {"show": ["weights", "heads"]}, OptionError, "show must name some of vectors, scores, weights, output"),
        ((), {"show": []}, OptionError, "show must name some of"),
        ((), {"controls": ["mask"]}, OptionError, "controls must name some of query, temperature, scale, causal"),
        ((), {"tokens": ["one"]}, ShapeError, "one token for each of the 4 vectors"),
        ((), {"tokens": "word"}, DtypeError, "tokens must be a list of words"),
        ((), {"tokens": ["a", "b", 3, "d"]}, DtypeError, "one of them is 3"),
        ((), {"tokens": ["a", "b", "c", 50 * "d"]}, OptionError, "has 50"),
    ],
)
def test_stage_names_what_is_wrong(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        AttentionStage(*arguments, **options)


def test_stage_keeps_its_state_when_a_new_one_is_refused() -> None:
    stage = make()
    for bad in (np.full((3, 2), np.nan), np.zeros((2, 2)), np.full((3, 2), 1e6)):
        with pytest.raises(CourseError):
            stage.query = bad
    with pytest.raises(OptionError, match="query_0_x must be a finite number"):
        stage.query_0_x = float("nan")
    np.testing.assert_array_equal(stage.query, QUERY)


def test_stage_sliders_for_something_unknown_list_what_there_is() -> None:
    with pytest.raises(OptionError, match="'head'; there is one for each of query, key, value, temperature, scale"):
        make().sliders("head")
    with pytest.raises(OptionError, match="query has rows 0 to 2, but 3"):
        make().sliders("query", 3)


@pytest.mark.parametrize("n_tokens", range(1, 7))
def test_stage_draws_any_number_of_tokens(n_tokens: int) -> None:
    arrays = np.random.default_rng(n_tokens).normal(size=(3, n_tokens, 2))
    stage = AttentionStage(*arrays, is_causal=True, tokens=["$x^", "<b>", "it's", "汉字", "a" * 40, "_"][:n_tokens])
    assert stage.figure().png().startswith(b"\x89PNG")
    assert len(stage.tokens) == n_tokens


@pytest.mark.parametrize(
    ("options", "controls"),
    [
        ({}, ["query", "temperature", "scale"]),
        ({"show": ["vectors", "scores"]}, ["query", "scale"]),
        ({"is_causal": True}, ["query", "temperature", "scale", "causal"]),
        ({"controls": ["causal", "query"]}, ["query", "causal"]),
        ({"controls": []}, []),
    ],
)
def test_stage_offers_the_controls_that_its_panels_depend_on(options, controls):
    assert AttentionStage(**options).controls == controls
