"""Shuffle and Positions in a real JupyterLab: hand, keys and Python move them, and both sides see the same numbers."""

import re
from typing import Any

import numpy as np
import pytest
from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import numbers, until

IMPORTS = "from course_lib.widgets import Positions, Shuffle"


def show(lab: NotebookPage, made: str, part: str) -> Any:
    """Show a widget under the name `widget`, and return the locator of the picture."""
    lab.page.mouse.move(0, 0)
    lab.run_sources(IMPORTS, f"widget = {made}\nwidget")
    root = lab.cell(1).locator(".cw-root")
    root.locator(part).first.wait_for()
    return root


def show_shuffle(lab: NotebookPage, options: str = "") -> Any:
    return show(lab, f"Shuffle({options})", ".cw-chip")


def show_positions(lab: NotebookPage, options: str = "") -> Any:
    return show(lab, f"Positions({options})", ".cw-chart")


def chip(root: Any, name: str) -> Any:
    return root.get_by_role("slider", name=name, exact=True)


def order(root: Any) -> list[str]:
    """Return the names of the tokens as they stand on the screen, from left to right."""
    chips = root.locator(".cw-chip").all()
    return [each.inner_text() for each in sorted(chips, key=lambda each: each.bounding_box()["x"])]


def column(root: Any, name: str) -> dict[str, list[float]]:
    """Return the numbers in the column of a token."""
    own = root.locator(".cw-tokencolumn", has=root.page.get_by_text(name, exact=True))
    bars = own.locator(".cw-vectorbars")
    read = {part: numbers(bars.nth(place), "span:last-child:not(.cw-vectortrack)") for place, part in enumerate("xo")}
    change = re.match(r"[\d.]+", own.locator(".cw-change").inner_text())
    assert change is not None
    return {"x": read["x"], "output": read["o"], "change": [float(change.group())]}


def assert_same_columns(lab: NotebookPage, root: Any) -> None:
    """The kernel's arrays are those of the picture, which writes two decimals."""
    names = lab.ask("print(' '.join(widget.tokens))").split()

    def agree() -> bool:
        standing = [names[int(token)] for token in lab.array("widget.order")]
        shown = [column(root, name) for name in standing]
        return order(root) == standing and all(
            np.allclose(
                [each[part] for each in shown], np.reshape(lab.array(f"widget.{part}"), (len(names), -1)), atol=0.0051
            )
            for part in ("x", "output", "change")
        )

    until(agree)


def test_dragging_a_token_takes_its_output_along(bench: NotebookPage) -> None:
    root = show_shuffle(bench)
    before = {name: column(root, name)["output"] for name in order(root)}
    assert order(root) == ["dog", "bites", "old", "man"]
    width = root.locator(".cw-tokencolumn").first.bounding_box()["width"]
    bench.drag(chip(root, "old"), -2.1 * width, 5)
    assert bench.page.locator(".cw-tokencolumn.cw-held").count() == 1
    bench.release()
    until(lambda: order(root) == ["old", "dog", "bites", "man"])
    assert {name: column(root, name)["output"] for name in before} == before
    assert root.locator(".cw-changed").count() == 0
    assert "equivariant" in root.locator(".cw-readout").inner_text()
    assert_same_columns(bench, root)


def test_positions_make_the_same_move_change_the_outputs(bench: NotebookPage) -> None:
    root = show_shuffle(bench, "order=[2, 0, 1, 3]")
    for name in ("sinusoidal", "rotary"):
        root.get_by_role("radio", name=name).check(force=True)
        until(lambda: root.locator(".cw-changed").count() > 0)
        assert_same_columns(bench, root)
    assert root.locator(".cw-readout").inner_text().endswith("Attention notices the order.")


def test_keys_move_a_token_and_the_buttons_shuffle_and_restore(bench: NotebookPage) -> None:
    root = show_shuffle(bench)
    tip = chip(root, "bites")
    tip.focus()
    for key, place in (("ArrowRight", 2), ("End", 3), ("ArrowLeft", 2), ("Home", 0), ("ArrowLeft", 0)):
        bench.page.keyboard.press(key)
        until(lambda place=place: tip.get_attribute("aria-valuenow") == str(place))  # type: ignore[misc]
    assert tip.evaluate("node => node === document.activeElement")
    until(lambda: bench.array("widget.order") == [1, 0, 2, 3])
    bench.page.keyboard.press("Escape")
    until(lambda: bench.array("widget.order") == [0, 1, 2, 3])
    seen = []
    for _ in range(3):
        root.get_by_role("button", name="Shuffle").click()
        until(lambda: bench.array("widget.order") not in ([0, 1, 2, 3], *seen))
        seen.append(bench.array("widget.order"))
    assert seen == bench.array("Shuffle().draws[1:4]"), "the button goes through the orders that the seed chose"
    assert_same_columns(bench, root)
    root.get_by_role("button", name="Back to the first order").click()
    until(lambda: order(root) == ["dog", "bites", "old", "man"])


def test_setting_order_and_x_in_python_moves_the_tokens(bench: NotebookPage) -> None:
    root = show_shuffle(bench, "positions='rotary'")
    bench.ask("widget.order = [3, 1, 0, 2]; widget.x = 0.5 * widget.x")
    until(lambda: order(root) == ["man", "bites", "dog", "old"])
    assert_same_columns(bench, root)
    bench.ask("before = widget.places; widget.shuffle()")
    until(lambda: order(root) != ["man", "bites", "dog", "old"])
    assert_same_columns(bench, root)


def test_names_of_tokens_are_text_and_never_markup(bench: NotebookPage) -> None:
    names = ["<img src=x onerror=alert(1)>", "b", "c", "d"]
    root = show_shuffle(bench, f"tokens={names}, question='<b>?</b>'")
    assert root.locator("img, b").count() == 0
    assert root.locator(".cw-question").inner_text() == "<b>?</b>"
    assert bench.errors == []


def readings(root: Any) -> np.ndarray:
    """Return the table: a row for each encoding, its score at the mark and how far it moved."""
    return np.reshape(numbers(root, ".cw-readings tbody td"), (3, 2))


def assert_same_readings(lab: NotebookPage, root: Any) -> None:
    code = "[curve[widget.distance] for curve in (widget.sinusoidal, widget.rotary, widget.alibi)]"

    def agree() -> bool:
        kernel = np.stack([lab.array(code), lab.array("widget.change")], axis=-1)
        return bool(np.allclose(readings(root), kernel, atol=0.0051))

    until(agree)


def heights(root: Any, series: int) -> list[float]:
    """Return where a curve passes, in pixels from the top, at each distance."""
    path = root.locator(f".cw-area .cw-series-{series} .cw-line").first.get_attribute("d")
    return [float(y) for y in re.findall(r"[ML][\d.-]+ ([\d.-]+)", path)]


def test_moving_the_query_moves_no_curve_until_a_matrix_stands_between(bench: NotebookPage) -> None:
    root = show_positions(bench)
    before = [heights(root, series) for series in range(3)]
    slide = root.get_by_role("slider", name="Query’s position")
    slide.focus()
    for _ in range(5):
        bench.page.keyboard.press("PageUp")
    until(lambda: bench.ask("print(widget.position > 200)") == "True")
    for series in range(3):
        np.testing.assert_allclose(heights(root, series), before[series], atol=0.11)
    assert "no curve changed" in root.locator(".cw-readout").inner_text()
    assert_same_readings(bench, root)
    root.get_by_label("A learned matrix between the sinusoids").check()
    until(lambda: readings(root)[0, 1] > 0.1)
    assert np.abs(np.subtract(heights(root, 0), before[0])).max() > 5
    np.testing.assert_allclose(heights(root, 1), before[1], atol=0.11)
    assert "sinusoidal changed by up to" in root.locator(".cw-readout").inner_text()
    assert_same_readings(bench, root)


@pytest.mark.parametrize(
    "options", ["", "d_model=128, base=500, head=0, learned=True, n_distances=128, position=900", "d_model=2"]
)
def test_the_plot_shows_the_arrays_of_the_kernel(bench: NotebookPage, options: str) -> None:
    root = show_positions(bench, options)
    drawn = np.concatenate([heights(root, series) for series in range(3)])
    scores = np.concatenate([bench.array(f"widget.{name}") for name in ("sinusoidal", "rotary", "alibi")])
    slope, zero = np.polyfit(scores, drawn, 1)
    assert slope < 0, "higher scores are higher up"
    np.testing.assert_allclose(drawn, slope * scores + zero, atol=0.11)


def test_the_mark_is_moved_by_hand_keys_and_python(bench: NotebookPage) -> None:
    root = show_positions(bench, "distance=10")
    mark = root.get_by_role("slider", name="distance", exact=True)
    bench.drag(root.locator(".cw-floor"), 40, 0)
    bench.release()
    until(lambda: int(bench.ask("print(widget.distance)")) > 25)
    assert_same_readings(bench, root)
    mark.focus()
    for key, distance in (("Home", 0), ("ArrowRight", 1), ("Shift+ArrowRight", 9), ("End", 63), ("Escape", 10)):
        bench.page.keyboard.press(key)
        until(lambda distance=distance: mark.get_attribute("aria-valuenow") == str(distance))  # type: ignore[misc]
    until(lambda: bench.ask("print(widget.distance)") == "10")
    bench.ask("widget.distance = 5; widget.d_model = 32; widget.head = 1")
    until(lambda: root.locator(".cw-marktext").inner_html() == "distance 5")
    assert_same_readings(bench, root)


def test_clocks_show_an_angle_that_the_distance_alone_decides(bench: NotebookPage) -> None:
    root = show_positions(bench, "distance=3, base=100, d_model=8")
    clocks = root.locator(".cw-clock:visible")
    angles = [int(text.rstrip("°")) for text in clocks.locator("span:last-child").all_inner_texts()]
    expected = [round(np.degrees(3 * 100 ** (-2 * pair / 8))) % 360 for pair in range(4)]
    assert angles == expected
    hand = clocks.first.locator(".cw-hand").last.get_attribute("d")
    bench.ask("widget.position = 101")
    until(lambda: clocks.first.locator(".cw-hand").last.get_attribute("d") != hand)
    assert [int(text.rstrip("°")) for text in clocks.locator("span:last-child").all_inner_texts()] == expected


@pytest.mark.parametrize("made", ["Shuffle(order=[2, 0, 1, 3], positions='rotary')", "Positions(150, learned=True)"])
def test_pictures_are_readable_in_both_themes_and_at_any_width(bench: NotebookPage, made: str) -> None:
    root = show(bench, made, ".cw-chip, .cw-chart")
    for theme, name in (("dark", "JupyterLab Dark"), ("light", "JupyterLab Light")):
        bench.change_theme(name)
        until(lambda theme=theme: root.get_attribute("data-theme") == theme)  # type: ignore[misc]
        bench.page.wait_for_timeout(300)
        assert root.evaluate(LOW_CONTRAST) == []
    for width in (640, 800, 1280, 1600):
        bench.page.set_viewport_size({"width": width, "height": 900})
        bench.page.wait_for_timeout(300)
        assert root.evaluate(CUT_TEXT) == [], f"at a width of {width}"
        assert root.evaluate("node => node.scrollWidth <= node.clientWidth"), f"at a width of {width}"
    bench.page.set_viewport_size({"width": 1280, "height": 900})


def test_a_change_is_read_out_once_it_rests(bench: NotebookPage) -> None:
    root = show_shuffle(bench)
    said = root.locator("[aria-live=polite]")
    assert said.inner_text() == ""
    chip(root, "old").press("Home")
    until(
        lambda: said.inner_text().startswith("“old dog bites man”, without positions: every output went with its token")
    )
