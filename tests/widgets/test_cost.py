"""Cost without a front end: fits, predictions, words and units, messages; and the front end writes the same units."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.plots import units
from course_lib.widgets import Cost

N = np.array([128, 256, 512, 1024, 2048])
RNG = np.random.default_rng(5)
NOISE = np.exp(0.05 * RNG.normal(size=5))


def make(**options: Any) -> Cost:
    seconds = {"plain": 3e-9 * N**2 * NOISE, "loops": 1e-6 * N**1.5}
    return Cost(N, seconds, {"plain": 4.0 * N**2}, **options)


def test_fits_find_the_exponents_that_made_the_points() -> None:
    fits = make().fits
    assert fits["seconds"]["loops"] == pytest.approx((1e-6, 1.5))
    assert fits["bytes"]["plain"] == pytest.approx((4.0, 2.0))
    expected = np.polyfit(np.log(N), np.log(3e-9 * N**2 * NOISE), 1)[0]
    assert fits["seconds"]["plain"][1] == pytest.approx(expected)
    assert abs(expected - 2) < 0.1


def test_fit_from_leaves_out_the_small_numbers_where_fixed_costs_hide_the_growth() -> None:
    seconds = {"plain": 1e-3 + 1e-9 * N**2.0}
    every, large = (Cost(N, seconds, fit_from=least).fits["seconds"]["plain"][1] for least in (None, 1000))
    assert every < large < 2
    assert large == pytest.approx(np.log2(seconds["plain"][4] / seconds["plain"][3]))


def test_points_may_differ_by_method_and_come_in_any_order() -> None:
    cost = Cost({"plain": [4, 2, 1], "tiled": [8, 16]}, {"plain": [16, 4, 1], "tiled": [1, 2]})
    n_tokens, seconds = cost.points["seconds"]["plain"]
    np.testing.assert_array_equal(n_tokens, [1, 2, 4])
    np.testing.assert_array_equal(seconds, [1, 4, 16])
    assert cost.fits["seconds"]["plain"][1] == pytest.approx(2)
    assert cost.fits["bytes"] == {}


def test_predictions_follow_the_mark() -> None:
    cost = make(at=1e6)
    assert cost.predict()["bytes"]["plain"] == pytest.approx(4e12)
    assert cost.predict(10)["seconds"]["loops"] == pytest.approx(1e-6 * 10**1.5)
    cost.at = 1000
    assert cost.predict()["bytes"]["plain"] == pytest.approx(4e6)


def test_the_example_counts_what_one_head_holds() -> None:
    cost = Cost()
    assert cost.origin == "counted"
    held = cost.predict(1000)["bytes"]
    assert held["all scores at once"] == pytest.approx(np.zeros((1000, 1000), np.float32).nbytes)
    assert held["keys and values"] == pytest.approx(2 * np.zeros((1000, 64), np.float32).nbytes)
    assert held["block by block"] == pytest.approx(np.zeros((1000, 66), np.float32).nbytes)


def test_cost_says_what_was_measured_and_what_is_extrapolated() -> None:
    cost = Cost([1000, 2000], {"loops": [0.5, 2]}, {"loops": [4e6, 16e6]}, at=2000)
    assert repr(cost) == "At 2,000 tokens, loops takes 2 s (n^2.00) and holds 16 MB (n^2.00)."
    cost.at = 10_000_000
    assert repr(cost) == (
        "At 10 million tokens, loops takes 1.6 years (n^2.00, extrapolated) and holds 400 TB (n^2.00, extrapolated)."
    )


def test_cost_picture_and_slider_follow_the_state() -> None:
    cost = make()
    before = cost.figure()
    assert "plain: n^2.00, 40 GB at 100,000" in before.caption
    cost.at = 1000
    assert cost.figure().png() != before.png()
    (slider,) = cost.sliders().children
    assert (slider.min, slider.max, slider.value) == (10, 1e7, 1000)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((N,), {}, OptionError, "Give n_tokens and what they took"),
        ((None, {"a": N}), {}, OptionError, "Give n_tokens and what they took"),
        ((N, [1, 2]), {}, DtypeError, "seconds must be a dict"),
        ((N, {3: N}), {}, DtypeError, "A method of seconds must be a word"),
        ((N, {"x" * 40: N}), {}, DtypeError, "1 to 30 characters"),
        ((N, {"a": N[:3]}), {}, ShapeError, "n_tokens of a and seconds of a must be equally many"),
        ((np.arange(1, 10**6), {"a": np.arange(1, 10**6)}), {}, ShapeError, "100 at most"),
        ((N, {"a": 0 * N}), {}, OptionError, "seconds of a must be above 0"),
        ((N, {"a": N * np.nan}), {}, OptionError, "seconds of a must hold finite numbers"),
        ((N, {"a": ["x"] * 5}), {}, DtypeError, "seconds of a must hold real numbers"),
        (({"b": N}, {"a": N}), {}, OptionError, "seconds has a method 'a', but n_tokens has none"),
        (([5, 5], {"a": [1, 2]}), {}, ShapeError, "A line needs two different numbers of tokens, but a has 1"),
        ((N, {"a": N}), {"fit_from": 2000}, ShapeError, "Measure at more numbers, or lower fit_from"),
        (([1000, 1001], {"a": [1, 1e9]}), {}, OptionError, "cannot be drawn up to 10 million tokens"),
        ((N, {str(method): N for method in range(6)}), {}, ShapeError, "up to 5 methods, but there are 6"),
        ((), {"at": 1e9}, OptionError, "at must be between 10 and 1e"),
        ((), {"at": "many"}, OptionError, "at must be a finite number"),
        ((), {"controls": ["zoom"]}, OptionError, "controls must name some of at, jumps"),
    ],
)
def test_cost_names_what_is_wrong(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Cost(*arguments, **options)


NODE = shutil.which("node")
WRITERS = {"bytesText": units.bytes_text, "secondsText": units.seconds_text, "countText": units.count_text}


@pytest.mark.skipif(NODE is None, reason="node is not installed: the front end's units are not compared")
@pytest.mark.parametrize("name", WRITERS)
def test_the_front_end_writes_quantities_as_python_does(name: str, tmp_path: Path) -> None:
    # Random numbers: one that lies exactly between two roundings may go either way.
    numbers = [*(10 ** np.random.default_rng(0).uniform(-10, 22, 2000)), 1.0, 60.0, 1e3, 1e6, 86_400.0, 31_557_600.0]
    if name == "countText":
        numbers = [number for number in numbers if 1 <= number < 1e11]
    source = Path(units.__file__).parents[1] / "widgets/parts/units.js"
    (tmp_path / "units.mjs").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    call = f"import {{ {name} }} from './units.mjs'; console.log(JSON.stringify({json.dumps(numbers)}.map({name})))"
    (tmp_path / "run.mjs").write_text(call, encoding="utf-8")
    done = subprocess.run([str(NODE), "run.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [WRITERS[name](number) for number in numbers]
