"""Cost and OnlineSoftmax in a real JupyterLab: hand, keys and Python move them, and both sides see the same numbers."""

import re
from typing import Any

import numpy as np
import pytest
from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import until

IMPORTS = """
import numpy as np
from course_lib.plots.units import bytes_text, seconds_text
from course_lib.widgets import Cost, OnlineSoftmax
"""
MEASURED = (
    "Cost({'plain': [256, 512, 1024, 2048], 'tiled': [256, 1024, 4096, 16384]}, "
    "{'plain': [.001, .003, .011, .05], 'tiled': [.001, .012, .18, 3.0]}, "
    "{'plain': [3e5, 1.1e6, 4.3e6, 1.7e7], 'tiled': [2e5, 8e5, 3.2e6, 1.3e7]}, fit_from=500, at=4000)"
)


def show(lab: NotebookPage, made: str, part: str) -> Any:
    """Show a widget under the name `widget`, and return the locator of the picture."""
    lab.page.mouse.move(0, 0)
    lab.run_sources(IMPORTS, f"widget = {made}\nwidget")
    root = lab.cell(1).locator(".cw-root")
    root.locator(part).first.wait_for()
    return root


def show_cost(lab: NotebookPage, made: str = MEASURED) -> Any:
    return show(lab, made, ".cw-chart")


def show_online(lab: NotebookPage, options: str = "") -> Any:
    return show(lab, f"OnlineSoftmax({options})", ".cw-block")


def amounts(root: Any) -> list[str]:
    """Return what the table says: time and memory of each method, and whether it is extrapolated."""
    return [text.strip() for text in root.locator(".cw-costtable td:nth-child(odd)").all_inner_texts()]


def assert_same_amounts(lab: NotebookPage, root: Any) -> None:
    code = """
def _said(quantity, write, method):
    n_tokens = widget.points[quantity][method][0]
    known = n_tokens[0] <= widget.at <= n_tokens[-1]
    return write(widget.predict()[quantity][method]) + ("" if known else " extrapolated")
print([_said(q, w, m) for m in ("plain", "tiled") for q, w in (("seconds", seconds_text), ("bytes", bytes_text))])
"""
    until(lambda: lab.ask(code) == str(amounts(root)))


def test_the_mark_reads_off_every_method_and_says_what_is_extrapolated(bench: NotebookPage) -> None:
    root = show_cost(bench)
    assert [text.endswith("extrapolated") for text in amounts(root)] == [True, True, False, False]
    assert_same_amounts(bench, root)
    bench.drag(root.locator(".cw-floor").first, 60, 0)
    held = amounts(root)
    bench.release()
    assert all(text.endswith("extrapolated") for text in held)
    assert_same_amounts(bench, root)
    exponents = root.locator(".cw-costtable td:nth-child(even)").all_inner_texts()
    said = bench.ask(
        "print([f'n^{widget.fits[q][m][1]:.2f}' for m in ('plain', 'tiled') for q in ('seconds', 'bytes')])"
    )
    assert said == str(exponents)
    bench.drag(root.locator(".cw-floor").last, -30, 0)  # the mark on the second plot is the same number
    bench.release()
    until(lambda: amounts(root) != held)
    assert_same_amounts(bench, root)


def test_keys_buttons_slider_and_python_move_the_mark(bench: NotebookPage) -> None:
    root = show_cost(bench)
    mark = root.get_by_role("slider", name="number of tokens")
    mark.focus()
    for key, at in (
        ("ArrowRight", 4100), ("Shift+ArrowRight", 41_000), ("Home", 10), ("ArrowLeft", 10), ("End", 1e7),
        ("ArrowLeft", 9_900_000), ("ArrowRight", 1e7), ("Escape", 4000),
    ):  # fmt: skip
        bench.page.keyboard.press(key)
        until(lambda at=at: float(mark.get_attribute("aria-valuenow")) == at)  # type: ignore[misc]
    until(lambda: bench.ask("print(widget.at)") == "4000.0")
    root.get_by_role("button", name="10 million").click()
    until(lambda: bench.ask("print(widget.at)") == "10000000.0")
    slide = root.get_by_role("slider", name="Tokens", exact=True)
    slide.press("Home")
    until(lambda: bench.ask("print(widget.at)") == "10.0")
    bench.ask("widget.at = 250_000")
    until(lambda: mark.get_attribute("aria-valuetext") == "250,000 tokens")
    assert_same_amounts(bench, root)


def test_points_and_lines_stand_where_the_numbers_are(bench: NotebookPage) -> None:
    root = show_cost(bench)
    chart = root.locator(".cw-chart").nth(1)  # memory
    marks = chart.locator(".cw-series-0 .cw-marks path")
    places = [
        [float(number) for number in re.findall(r"[\d.]+", marks.nth(point).get_attribute("d"))][:2]
        for point in range(4)
    ]
    n_tokens, n_bytes = np.log(bench.array("widget.points['bytes']['plain']"))
    for values, pixels in ((n_tokens, [x for x, _ in places]), (n_bytes, [y for _, y in places])):
        slope = (pixels[3] - pixels[0]) / (values[3] - values[0])
        np.testing.assert_allclose(pixels, pixels[0] + slope * (values - values[0]), atol=0.3)
    assert [marks.nth(point).get_attribute("class") for point in range(4)] == ["cw-hollow", "", "", ""], "not fitted"
    factor, exponent = bench.array("widget.fits['bytes']['plain']")
    line = [
        float(number)
        for number in re.findall(r"[\d.]+", chart.locator(".cw-series-0 .cw-line").first.get_attribute("d"))
    ]
    height = places[0][1] + (np.log(factor) + exponent * n_tokens[0] - n_bytes[0]) * (places[3][1] - places[0][1]) / (
        n_bytes[3] - n_bytes[0]
    )
    assert line[1] == pytest.approx(height, abs=0.5)
    assert chart.locator(".cw-series-0 .cw-beyond").get_attribute("d").count("M") == 2


def kept(root: Any) -> list[list[str]]:
    rows = root.locator(".cw-kept tbody tr:visible:not(.cw-ordinary)")
    return [rows.nth(row).locator("td").all_inner_texts() for row in range(rows.count())]


def assert_same_steps(lab: NotebookPage, root: Any) -> None:
    """What is kept after each block that was read is what the kernel has, to two decimals."""

    def agree() -> bool:
        step = int(lab.ask("print(widget.step)"))
        rows = kept(root)
        read = [[float(n) for n in re.findall(r"-?[\d.]+", " ".join(row).replace("−", "-"))] for row in rows[:step]]
        arrays = [lab.array(f"widget.{name}") for name in ("maxima", "factors", "sums", "outputs")]
        kernel = [[*(array[block] for array in arrays[:3]), *arrays[3][block]] for block in range(step)]
        later = {cell for row in rows[step:] for cell in row}
        same = np.allclose(read, kernel, atol=0.0051) if step else read == []
        return same and later <= {"·"} and len(rows) == int(lab.ask("print(widget.n_blocks)"))

    until(agree)


def test_reading_blocks_fills_in_what_is_kept_until_both_answers_are_equal(bench: NotebookPage) -> None:
    root = show_online(bench)
    further, back = root.get_by_role("button", name="Read a block"), root.get_by_role("button", name="Back")
    assert back.is_disabled()
    for step in (1, 2, 3):
        further.click()
        until(lambda step=step: bench.ask("print(widget.step)") == str(step))  # type: ignore[misc]
        states = [block.get_attribute("class").split()[-1] for block in root.locator(".cw-block:visible").all()]
        assert states == ["cw-gone"] * (step - 1) + ["cw-now"] + ["cw-coming"] * (3 - step)
        assert_same_steps(bench, root)
    assert further.is_disabled()
    said = root.locator(".cw-readout").inner_text()
    assert said.endswith("equal to the last digit shown.")
    shown = [float(number) for number in re.findall(r"\d+\.\d{6}", said)]
    np.testing.assert_allclose(shown, 2 * bench.array("widget.ordinary"), atol=5.1e-7)
    back.click()
    until(lambda: bench.ask("print(widget.step)") == "2")
    assert_same_steps(bench, root)


def test_any_size_of_blocks_gives_the_same_answer(bench: NotebookPage) -> None:
    root = show_online(bench, "step=3")
    answer = kept(root)[-1][-1]
    size = root.get_by_role("slider", name="Block size")
    for key, blocks in (("Home", 8), ("ArrowRight", 4), ("End", 1)):
        size.press(key)
        until(lambda blocks=blocks: bench.ask("print(widget.step, widget.n_blocks)") == f"{blocks} {blocks}")  # type: ignore[misc]
        assert kept(root)[-1][-1] == answer
        assert_same_steps(bench, root)


def test_the_arithmetic_of_a_block_is_written_with_its_numbers(bench: NotebookPage) -> None:
    root = show_online(bench, "[0, 0, np.log(2), np.log(2)], [[6], [0], [0], [3]], 2, step=2")
    lines = root.locator(".cw-arithmetic dd > div:last-child").all_inner_texts()
    assert lines == [
        "= max(0.00, 0.69, 0.69) = 0.69", "= exp(0.00 − 0.69) = 0.50", "= 2.00 · 0.50 + 1.00 + 1.00 = 3.00",
        "= (6.00) · 0.50 + … = (6.00)", "= (6.00) / 3.00 = (2.00)",
    ]  # fmt: skip


def test_a_score_typed_or_set_moves_everything_after_it(bench: NotebookPage) -> None:
    root = show_online(bench, "step=3")
    before = kept(root)
    root.get_by_label("score of key 6").fill("5.5")
    until(lambda: bench.array("widget.scores[6]") == 5.5)
    after = kept(root)
    assert after[:2] == before[:2]
    assert after[2] != before[2]
    assert_same_steps(bench, root)
    bench.ask("widget.scores = -widget.scores; widget.step = 2")
    until(lambda: root.get_by_label("score of key 6").input_value() == "-5.5")
    assert_same_steps(bench, root)


@pytest.mark.parametrize(
    "made",
    [MEASURED, "Cost()", "OnlineSoftmax(step=2)", "OnlineSoftmax(np.arange(12) / 2, np.eye(12)[:, :3], 5, step=1)"],
)
def test_pictures_are_readable_in_both_themes_and_at_any_width(bench: NotebookPage, made: str) -> None:
    root = show(bench, made, ".cw-block, .cw-chart")
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
    root = show_cost(bench, "Cost()")
    said = root.locator("[aria-live=polite]")
    assert said.inner_text() == ""
    root.get_by_role("button", name="10 million").click()
    until(lambda: said.inner_text().startswith("At 10 million tokens: memory from 2.6 GB (block by block) to 400 TB"))
    assert bench.errors == []
