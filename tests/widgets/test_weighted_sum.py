"""WeightedSum without a front end: its state, its shares, its hull, its words; the front end agrees with both."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_lib import widgets
from course_lib.attention import weighted_sum
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import WeightedSum
from course_lib.widgets.weighted_sum import is_inside_hull, make_room, shares_of

RNG = np.random.default_rng(5)
VALUE = RNG.normal(size=(4, 2))
WEIGHTS = np.array([0.4, 0.3, 0.2, 0.1])
NODE = shutil.which("node")


def make(**options: Any) -> WeightedSum:
    return WeightedSum(VALUE, options.pop("weights", WEIGHTS), tokens=["a", "b", "c", "d"], **options)


def test_sum_arrays_are_what_was_given_and_computed_by_the_attention_core() -> None:
    mixed = make()
    np.testing.assert_array_equal(mixed.value, VALUE)
    np.testing.assert_array_equal(mixed.weights, WEIGHTS)
    np.testing.assert_allclose(mixed.output, weighted_sum(WEIGHTS[np.newaxis], VALUE)[0], rtol=1e-14)
    assert mixed.inside_hull is True
    np.testing.assert_array_equal(WeightedSum(VALUE).weights, np.full(4, 0.25))


def test_sum_example_can_be_done_by_hand() -> None:
    mixed = WeightedSum()
    np.testing.assert_array_equal(mixed.weights[:, np.newaxis] * mixed.value, [[2, 1], [0, 1], [-1, 0]])
    np.testing.assert_array_equal(mixed.output, [1, 2])


def test_sum_a_weight_takes_from_the_others_in_proportion() -> None:
    mixed = make()
    mixed.weights_0 = 0.7
    np.testing.assert_allclose(mixed.weights, [0.7, 0.15, 0.1, 0.05], rtol=1e-12)
    mixed.weights_3 = 0.0
    np.testing.assert_allclose(mixed.weights, [0.7 / 0.95, 0.15 / 0.95, 0.1 / 0.95, 0], rtol=1e-12)
    mixed.weights_1 = 1.5
    np.testing.assert_array_equal(mixed.weights, [0, 1, 0, 0])
    mixed.weights_1 = 0.4
    np.testing.assert_allclose(mixed.weights, [0.2, 0.4, 0.2, 0.2], rtol=1e-12)
    assert mixed.start["weights_0"] == 0.4


def test_sum_weights_that_need_not_sum_to_one_leave_each_other_alone() -> None:
    mixed = make(sum_to_one=False)
    mixed.weights_0 = 2.0
    np.testing.assert_array_equal(mixed.weights, [2.0, 0.3, 0.2, 0.1])
    mixed.weights = [-1, 2, 0, 0.5]
    mixed.sum_to_one = True
    np.testing.assert_allclose(mixed.weights, [0, 0.8, 0, 0.2])
    assert mixed.inside_hull


def test_sum_of_shares_stays_in_the_hull_whatever_they_are() -> None:
    rng = np.random.default_rng(6)
    for _ in range(200):
        value = rng.normal(size=(rng.integers(1, 7), 2)) * rng.choice([0.01, 1, 20])
        weights = rng.dirichlet(np.full(len(value), 0.3))
        assert is_inside_hull(weights @ value, value)


def test_sum_of_other_weights_can_leave_the_hull() -> None:
    mixed = WeightedSum([[1, 0], [0, 1], [-1, -1]], [1.2, 0.5, -0.3], sum_to_one=False)
    assert not mixed.inside_hull
    assert repr(mixed) == (
        "Weights 1.20, 0.50 and -0.30 (sum 1.40) mix the values to (1.50, 0.80), outside of their hull."
    )


@pytest.mark.parametrize(
    ("point", "corners", "inside"),
    [
        ([1, 0], [[1, 0]], True),
        ([1, 1e-3], [[1, 0]], False),
        ([1, 1], [[0, 0], [2, 2]], True),
        ([2.1, 2.1], [[0, 0], [2, 2]], False),
        ([1, 1.001], [[0, 0], [2, 2]], False),
        ([1, 1], [[0, 0], [2, 2], [1, 1], [0, 0]], True),
        ([0, 2], [[0, 0], [2, 0], [0, 2]], True),
        ([1.01, 1], [[0, 0], [2, 0], [0, 2]], False),
        ([0.5, 0.5], [[0, 0], [2, 0], [0, 2], [0.1, 0.1]], True),
        ([-1e-3, 1], [[0, 0], [2, 0], [0, 2], [0.1, 0.1]], False),
    ],
)
def test_hull_of_points_lines_and_areas(point: list[float], corners: list[list[float]], inside: bool) -> None:
    assert is_inside_hull(np.array(point, float), np.array(corners, float)) is inside


@pytest.mark.skipif(NODE is None, reason="node is not installed: the front end's shares are not compared")
def test_front_end_shares_and_hull_agree_with_python(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    weights = [rng.uniform(-1, 2, size=n) for n in (1, 2, 3, 6) for _ in range(5)]
    weights += [np.zeros(3), np.array([1.0, 0.0, 0.0]), np.array([-1.0, -0.5])]
    hulls = [(rng.normal(size=2), rng.normal(size=(n, 2))) for n in (1, 2, 3, 6) for _ in range(10)]
    hulls += [(corners.mean(axis=0), corners) for _, corners in hulls]
    folder = Path(widgets.__file__).parent / "parts"
    for name in ("shares", "hull"):
        text = (folder / f"{name}.js").read_text(encoding="utf-8")
        (tmp_path / f"{name}.mjs").write_text(text.replace('import { point } from "./plane.js";', ""), encoding="utf-8")
    (tmp_path / "run.mjs").write_text(
        'import { makeRoom, sharesOf } from "./shares.mjs";\nimport { isInsideHull } from "./hull.mjs";\n'
        'import { readFileSync } from "node:fs";\n'
        'const { weights, hulls } = JSON.parse(readFileSync(0, "utf8"));\n'
        "console.log(JSON.stringify([weights.map((row) => makeRoom(row, row.length - 1)), weights.map(sharesOf), "
        "hulls.map((pair) => isInsideHull(...pair))]));\n",
        encoding="utf-8",
    )
    given = {"weights": [row.tolist() for row in weights], "hulls": [[p.tolist(), c.tolist()] for p, c in hulls]}
    done = subprocess.run(
        [str(NODE), "run.mjs"], cwd=tmp_path, input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rooms, shares, inside = json.loads(done.stdout)
    for row, room, share in zip(weights, rooms, shares, strict=True):
        np.testing.assert_allclose(room, make_room(row, len(row) - 1), atol=1e-12)
        np.testing.assert_allclose(share, shares_of(row), atol=1e-12)
    assert inside == [is_inside_hull(place, corners) for place, corners in hulls]
    assert 0 < sum(inside) < len(inside)


def test_sum_shows_itself_live_as_picture_and_in_words() -> None:
    mixed = make()
    data, _ = mixed._repr_mimebundle_()
    assert data["text/plain"] == repr(mixed)
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    before = mixed.figure().png()
    mixed.weights = [0.1, 0.2, 0.3, 0.4]
    assert mixed.figure().png() != before


@pytest.mark.parametrize("n_keys", range(1, 7))
def test_sum_draws_any_number_of_values(n_keys: int) -> None:
    mixed = WeightedSum(-3 * np.ones((n_keys, 2)), tokens=["$x^", "<b>", "汉字", "a" * 40, "_", ""][:n_keys])
    assert mixed.figure().png().startswith(b"\x89PNG")
    np.testing.assert_allclose(mixed.output, [-3, -3])
    assert mixed.inside_hull


def test_sum_sliders_reach_as_far_as_the_weights_may() -> None:
    assert [(s.description, s.min, s.max) for s in make().sliders().children] == [
        (f"weights {name}", 0, 1) for name in "abcd"
    ]
    (slider,) = make(sum_to_one=False).sliders("weights", 2).children
    assert (slider.min, slider.max) == (-1, 2)
    assert [s.description for s in make().sliders("value", 1).children] == ["value b, x", "value b, y"]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([[1, 2, 3]],), {}, ShapeError, r"value must have shape \(n_tokens, 2\)"),
        ((np.zeros((7, 2)),), {}, ShapeError, "1 to 6 tokens, but there are 7"),
        ((np.zeros((10**6, 2)),), {}, ShapeError, "1 to 6 tokens, but there are 1000000"),
        ((np.zeros((0, 2)),), {}, ShapeError, "1 to 6 tokens, but there are 0"),
        (([[1, 2], [3, np.inf]],), {}, OptionError, "value must hold finite numbers"),
        (([["a", "b"]],), {}, DtypeError, "value must hold real numbers"),
        (([[1, 2]], [[1]]), {}, ShapeError, r"weights of this widget has shape \(1,\), but you passed \(1, 1\)"),
        (([[1, 2]], [np.nan]), {}, OptionError, "weights must hold finite numbers"),
        (([[1, 2], [2, 1]], [0.5, 0.6]), {}, OptionError, r"sum to 1, but they are \[0.5 0.6\] with sum 1.1"),
        (([[1, 2], [2, 1]], [1.5, -0.5]), {}, OptionError, "weights must be 0 or above and sum to 1"),
        (([[1, 2], [2, 1]], [2.5, 0]), {"sum_to_one": False}, OptionError, "weights must be between -1 and 2"),
        ((), {"controls": ["hull"]}, OptionError, "controls must name some of sum_to_one, chain, equal"),
        ((), {"tokens": "abc"}, DtypeError, "tokens must be a list of words"),
    ],
)
def test_sum_names_what_is_wrong(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        WeightedSum(*arguments, **options)


def test_sum_keeps_its_state_when_a_new_one_is_refused() -> None:
    mixed = make()
    for name, bad in (("weights", [0.5, 0.5, 0.5, 0.5]), ("weights", [1.0]), ("value", np.full((4, 2), np.nan))):
        with pytest.raises(CourseError):
            setattr(mixed, name, bad)
    with pytest.raises(OptionError, match="weights_0 must be a finite number"):
        mixed.weights_0 = "half"  # type: ignore[assignment]
    np.testing.assert_array_equal(mixed.weights, WEIGHTS)
    np.testing.assert_array_equal(mixed.value, VALUE)
