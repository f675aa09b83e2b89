"""A training run in a real JupyterLab: scrubbed by keys and by hand, played, and the same numbers on both sides."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import until

IMPORTS = "import numpy as np\nfrom course_lib.widgets import Training"
PIXEL = """(canvas, [row, column, nRows, nColumns]) => {
  const [x, y] = [(column + 0.12) * canvas.width / nColumns, (row + 0.12) * canvas.height / nRows];
  return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
}"""


def show(lab: NotebookPage, options: str = "", *more: str) -> Any:
    lab.run_sources(IMPORTS, f"training = Training({options})\ntraining", *more)
    root = lab.cell(1).locator(".cw-root")
    root.locator("canvas").first.wait_for()
    return root


def step(root: Any) -> int:
    return int(root.locator(".cw-runcontrols .cw-number").inner_text())


def shown_losses(root: Any) -> list[float]:
    return [float(text) for text in root.locator(".cw-curvetable td:nth-child(2)").all_inner_texts()]


def assert_same_numbers(lab: NotebookPage, root: Any) -> None:
    until(lambda: int(lab.ask("print(training.steps[training.position])")) == step(root))
    np.testing.assert_allclose(shown_losses(root), lab.array("list(training.loss.values())"), atol=0.0051)
    metrics = np.array(lab.array("list(training.metrics.values())"))
    for head, text in enumerate(root.locator(".cw-headnumbers").all_inner_texts()):
        shown = [float(number) for number in re.findall(r"\d+\.\d+", text)]
        np.testing.assert_allclose(shown, metrics[:, head], atol=0.0051)


def test_keys_scrub_and_the_kernel_follows(bench: NotebookPage) -> None:
    root = show(bench, "step=40")
    knob = root.get_by_role("slider", name="Step")
    before = shown_losses(root)
    knob.focus()
    for key in ("ArrowRight", "ArrowRight", "PageUp", "ArrowLeft"):
        knob.press(key)
    until(lambda: step(root) > 41)
    assert shown_losses(root) < before
    assert_same_numbers(bench, root)
    knob.press("End")
    until(lambda: step(root) == 100)
    assert_same_numbers(bench, root)
    assert knob.get_attribute("aria-valuetext") == "step 100"


def test_dragging_across_the_curves_moves_the_maps(bench: NotebookPage) -> None:
    root = show(bench)
    first = root.locator("canvas").first.evaluate("node => node.toDataURL()")
    floor = root.locator(".cw-floor")
    bench.drag(floor, 60, 0)
    until(lambda: step(root) > 50)  # while the hand still holds it
    assert root.locator("canvas").first.evaluate("node => node.toDataURL()") != first
    bench.release()
    assert_same_numbers(bench, root)


def test_the_maps_show_the_weights_of_the_step(bench: NotebookPage) -> None:
    root = show(bench, "[0, 1], {'loss': [1, 2]}, [[[[1, 0], [0, 1], [0, 1]]], [[[0, 1], [1, 0], [1, 0]]]]")
    canvas = root.locator("canvas")

    def is_dark(row: int, column: int) -> bool:
        return bool(sum(canvas.evaluate(PIXEL, [row, column, 3, 2])) < 300)

    until(lambda: canvas.get_attribute("aria-label") is not None)
    assert [[is_dark(row, column) for column in (0, 1)] for row in range(3)] == [[True, False]] + [[False, True]] * 2
    assert canvas.get_attribute("aria-label").endswith("0 to 0 100 %, 1 to 1 100 %, 2 to 1 100 %.")
    bench.ask("training.step = 1")
    until(lambda: step(root) == 1)
    assert [[is_dark(row, column) for column in (0, 1)] for row in range(3)] == [[False, True]] + [[True, False]] * 2
    until(lambda: "at step 1" in canvas.get_attribute("aria-label"))


def test_play_goes_on_only_after_the_button_and_stops_for_a_hand(bench: NotebookPage) -> None:
    root = show(bench, "step=10")
    bench.page.wait_for_timeout(400)
    assert step(root) == 10, "nothing moves by itself"
    root.get_by_role("button", name="Play").click()
    until(lambda: step(root) > 15)
    root.get_by_role("button", name="Pause").click()
    paused = step(root)
    bench.page.wait_for_timeout(300)
    assert step(root) == paused
    assert_same_numbers(bench, root)
    root.get_by_role("button", name="Play").click()
    until(lambda: step(root) > paused + 3)
    root.get_by_role("slider", name="Step").press("Home")
    until(lambda: step(root) == 0)
    assert root.get_by_role("button", name="Play").count() == 1


def test_with_reduced_motion_it_hops(open_page: Callable[..., NotebookPage]) -> None:
    lab = open_page(reduced_motion="reduce").open_cells("", "")
    root = show(lab)
    lab.page.evaluate("""() => {
      window.steps = new Set();
      const number = document.querySelector(".cw-runcontrols .cw-number");
      new MutationObserver(() => window.steps.add(number.textContent)).observe(number, {
        subtree: true, childList: true, characterData: true,
      });
    }""")
    root.get_by_role("button", name="Play").click()
    until(lambda: step(root) >= 20, seconds=15)
    seen = lab.page.evaluate("() => [...window.steps].map(Number)")
    assert all(number % 10 == 0 for number in seen), seen


def test_hand_and_keys_point_to_a_cell_and_compare_the_heads(bench: NotebookPage) -> None:
    root = show(bench, "step=100")
    readout = root.locator(".cw-runreadout")
    canvas = root.locator("canvas").nth(1)
    canvas.focus()
    canvas.press("ArrowDown")
    canvas.press("ArrowDown")
    canvas.press("ArrowRight")
    shares = bench.array("training.weights[:, 2, 1]")
    expected = ", ".join(f"head {head}: {100 * share:.0f} %" for head, share in enumerate(shares))
    until(lambda: readout.inner_text().endswith(expected))
    until(lambda: expected in root.locator("[aria-live=polite]").inner_text())
    box = canvas.bounding_box()
    bench.page.mouse.move(box["x"] + 0.05 * box["width"], box["y"] + 0.95 * box["height"])
    until(lambda: readout.inner_text().startswith("“B” to “A”"))


def test_a_linked_slider_and_the_picture_move_each_other(bench: NotebookPage) -> None:
    root = show(bench, "step=40", "training.sliders()")
    knob = bench.cell(2).locator(".noUi-handle").first
    knob.wait_for()
    knob.press("ArrowRight")
    until(lambda: step(root) == 41)
    root.get_by_role("slider", name="Step").press("Home")
    until(lambda: bench.cell(2).locator(".widget-readout").first.inner_text() == "0")


def test_a_run_without_maps_and_a_logarithmic_axis(bench: NotebookPage) -> None:
    bench.run_sources(IMPORTS, "training = Training(np.arange(9000), {'<b>': 1 / (1 + np.arange(9000))})\ntraining")
    root = bench.cell(1).locator(".cw-root")
    root.locator(".cw-chart").wait_for()
    assert root.locator("b, canvas").count() == 0
    path = root.locator(".cw-area .cw-line").first
    linear = path.get_attribute("d")
    assert linear.count("L") < 4000, "no more points than the screen can show"
    root.get_by_label("Logarithmic losses").check()
    until(lambda: path.get_attribute("d") != linear)
    until(lambda: bench.ask("print(training.log_scale)") == "True")


def test_the_theme_is_followed_and_nothing_is_cut(bench: NotebookPage) -> None:
    root = show(bench, "step=40")
    for name in ("JupyterLab Dark", "JupyterLab Light"):
        bench.change_theme(name)
        until(lambda name=name: root.get_attribute("data-theme") in name.lower())  # type: ignore[misc]
        bench.page.wait_for_timeout(300)
        assert root.evaluate(LOW_CONTRAST) == []
    for width in (640, 800, 1600, 1280):
        bench.page.set_viewport_size({"width": width, "height": 900})
        bench.page.wait_for_timeout(300)
        assert root.evaluate(CUT_TEXT) == [], f"at a width of {width}"
        assert root.evaluate("node => node.scrollWidth <= node.clientWidth")
