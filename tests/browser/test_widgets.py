"""The live pictures in a real JupyterLab: the hand moves them, Python moves them, and both see the same numbers."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import formula, handle, picture, until, vector

IMPORTS = "from course_lib.widgets import AttentionStage, Projection, Score"


def show_stage(lab: NotebookPage, options: str = "", *more: str) -> Any:
    """Show a stage and whatever follows it, and return the locator of the picture."""
    lab.run_sources(IMPORTS, f"stage = AttentionStage({options})\nstage", *more)
    root = lab.cell(1).locator(".cw-root")
    root.locator(".cw-plane").first.wait_for()
    return root


def kernel_numbers(lab: NotebookPage) -> dict[str, list[float]]:
    code = "{name: getattr(stage, name)[stage.selected].tolist() for name in ('scores', 'weights', 'output')}"
    return dict(eval(lab.ask(f"print({code})"), {"inf": np.inf}))


def assert_same_numbers(lab: NotebookPage, root: Any) -> None:
    """The kernel's arrays are those of the picture, which writes two decimals."""
    shown = picture(root)

    def agree() -> bool:
        kernel = kernel_numbers(lab)
        return all(np.allclose(shown[name], kernel[name], atol=0.0051) for name in ("scores", "weights", "output"))

    until(agree)
    np.testing.assert_allclose(shown["percent"], 100 * np.array(kernel_numbers(lab)["weights"]), atol=0.51)


def test_dragging_a_query_moves_scores_weights_and_output_and_the_kernel_follows(bench: NotebookPage) -> None:
    root = show_stage(bench)
    before = picture(root)
    assert_same_numbers(bench, root)
    start = vector(root, "query the")
    bench.drag(handle(root, "query the"), -70, -40)
    held = picture(root)
    for step in ("scores", "weights", "output"):
        assert np.abs(np.subtract(held[step], before[step])).max() > 0.05, f"{step} did not move with the hand"
    bench.release()
    moved = vector(root, "query the")
    assert moved[0] < start[0] - 0.3
    assert moved[1] > start[1] + 0.3
    until(lambda: np.allclose(bench.array("stage.query[0]"), moved, atol=1e-9))
    assert_same_numbers(bench, root)


def test_dragging_a_value_moves_the_output_alone(bench: NotebookPage) -> None:
    root = show_stage(bench)
    before = picture(root)
    bench.drag(handle(root, "value cat"), -50, 30)
    bench.release()
    after = picture(root)
    assert after["weights"] == before["weights"]
    assert np.abs(np.subtract(after["output"], before["output"])).max() > 0.1
    assert_same_numbers(bench, root)


def test_a_linked_slider_moves_the_picture_and_the_picture_the_slider(bench: NotebookPage) -> None:
    root = show_stage(bench, "", "stage.sliders('query', 0)")
    knob = bench.cell(2).locator(".noUi-handle").first
    knob.wait_for()
    until(lambda: knob.get_attribute("aria-label") == "query the, x")
    before, x = picture(root), vector(root, "query the")[0]
    knob.focus()
    for _ in range(6):
        knob.press("ArrowLeft")
    until(lambda: vector(root, "query the")[0] < x - 0.25)
    assert picture(root)["weights"] != before["weights"]
    assert_same_numbers(bench, root)
    handle(root, "query the").press("End")
    until(lambda: bench.cell(2).locator(".widget-readout").first.inner_text() == "2.50")


def test_showing_sliders_changes_nothing(bench: NotebookPage) -> None:
    root = show_stage(
        bench, "[[0.123456, 1]], [[1, 2]], [[0, 1]]", "stage.sliders('query', 'temperature', 'scale')"
    )  # fmt: skip
    bench.cell(2).locator(".noUi-handle").nth(3).wait_for()
    bench.page.wait_for_timeout(500)
    assert bench.ask("print(stage.query[0, 0], stage.temperature, stage.scale)") == f"0.123456 1.0 {1 / np.sqrt(2)}"
    assert vector(root, "query 0") == [0.12, 1.0]


def test_keys_move_a_vector_and_stay_with_it(bench: NotebookPage) -> None:
    root = show_stage(bench, "selected=2")
    bench.ask("stage.query = [[1, 0], [0.123456, 1.7], [0, 1], [1, 1]]")
    until(lambda: vector(root, "query cat") == [0.12, 1.7])
    tip = handle(root, "query cat")
    x, y = vector(root, "query cat")
    tip.focus()
    bench.page.keyboard.press("ArrowRight")
    bench.page.keyboard.press("Shift+ArrowDown")
    until(lambda: np.allclose(vector(root, "query cat"), [x + 0.1, y - 0.5]))
    assert root.get_by_role("radio", name="cat").is_checked(), "the query that moves is the one that is shown"
    bench.page.keyboard.press("Home")
    bench.page.keyboard.press("PageUp")
    until(lambda: vector(root, "query cat") == [-2.5, 2.5])
    until(lambda: bench.array("stage.query[1]") == [-2.5, 2.5])
    bench.page.keyboard.press("Escape")
    until(lambda: vector(root, "query cat") == [x, y])
    until(lambda: bench.array("stage.query[1]") == [0.123456, 1.7])
    active = bench.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    assert active == 1, "JupyterLab took the arrow keys"
    assert tip.evaluate("node => node === document.activeElement")
    assert_same_numbers(bench, root)


def test_setting_arrays_in_python_moves_the_picture(bench: NotebookPage) -> None:
    root = show_stage(bench)
    bench.ask("stage.query = [[0, 2], [1, 0], [2, 2], [-2, 1]]; stage.selected = 3; stage.temperature = 0.5")
    until(lambda: vector(root, "query down") == [-2.0, 1.0])
    assert root.get_by_role("radio", name="down").is_checked()
    assert_same_numbers(bench, root)


def test_controls_change_the_picture_and_the_kernel(bench: NotebookPage) -> None:
    root = show_stage(bench, "controls=('query', 'temperature', 'scale', 'causal')")
    root.get_by_role("radio", name="sat").check(force=True)
    root.get_by_label("Causal mask").check()
    root.get_by_label("Scale by").uncheck()
    root.get_by_role("slider", name="Temperature").press("ArrowRight")
    assert picture(root)["scores"][3] == -np.inf
    assert root.locator(".cw-weights tbody td:last-child").nth(3).inner_text() == "masked"
    until(
        lambda: bench.ask("print(stage.selected, stage.is_causal, stage.scale, stage.temperature)") == "2 True 1.0 1.05"
    )
    assert_same_numbers(bench, root)
    root.get_by_role("button", name="query sat").press("ArrowUp")
    until(lambda: bench.ask("print(stage.selected)") == "1")
    handle(root, "key the").press("Home")
    root.get_by_role("button", name="Reset").click()
    until(lambda: bench.array("stage.key[0]") == [-1.4, -0.7])
    given = f"0 False {1 / np.sqrt(2)} 1.0"
    until(lambda: bench.ask("print(stage.selected, stage.is_causal, stage.scale, stage.temperature)") == given)


def test_a_change_is_read_out_once_it_rests(bench: NotebookPage) -> None:
    root = show_stage(bench)
    said = root.locator("[aria-live=polite]")
    assert said.inner_text() == ""
    for _ in range(3):
        handle(root, "query the").press("Shift+ArrowLeft")
    until(lambda: said.inner_text().startswith("Query “the” now attends"))
    percent = max(picture(root)["percent"])
    assert f"attends {percent:.0f} % to key" in said.inner_text()


def test_the_theme_is_followed_with_enough_contrast(bench: NotebookPage) -> None:
    stage = show_stage(bench, "question='Which key?'", "projection = Projection()\nprojection")
    projection = bench.cell(2).locator(".cw-root")
    for theme, name in (("dark", "JupyterLab Dark"), ("light", "JupyterLab Light")):
        bench.change_theme(name)
        for root in (stage, projection):
            until(lambda root=root, theme=theme: root.get_attribute("data-theme") == theme)  # type: ignore[misc]
        bench.page.wait_for_timeout(300)
        assert stage.evaluate(LOW_CONTRAST) + projection.evaluate(LOW_CONTRAST) == []


def test_no_text_is_cut_at_any_width(bench: NotebookPage) -> None:
    root = show_stage(bench)
    for width in (640, 800, 1280, 1600):  # 640 is what is left of 1280 at 200 % zoom
        bench.page.set_viewport_size({"width": width, "height": 900})
        bench.page.wait_for_timeout(300)
        assert root.evaluate(CUT_TEXT) == [], f"at a width of {width}"
        assert root.evaluate("node => node.scrollWidth <= node.clientWidth")
    bench.page.set_viewport_size({"width": 1280, "height": 900})


HIDDEN_LABELS = """(root) => {
  const texts = [...root.querySelectorAll(".cw-label")].filter((label) => label.textContent !== "");
  const boxes = texts.map((label) => label.getBoundingClientRect());
  const covered = ([a, b]) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left))
    * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  const pairs = boxes.flatMap((box, at) => boxes.slice(0, at).map((other) => [box, other]));
  return [texts.length, pairs.filter((pair) => covered(pair) > 0.3 * pair[0].width * pair[0].height).length];
}"""


def test_names_part_where_vectors_come_together(bench: NotebookPage) -> None:
    together = "[[1, 1], [1.05, 0.95], [1, 1.1], [0.95, 1]]"
    root = show_stage(bench, ", ".join([together] * 3), f"score = Score([1, 1], {together})\nscore", "Score()")
    for part, n_labels in ((root, 13), (bench.cell(2).locator(".cw-root"), 6), (bench.cell(3).locator(".cw-root"), 5)):
        part.scroll_into_view_if_needed()
        until(lambda part=part, n_labels=n_labels: part.evaluate(HIDDEN_LABELS) == [n_labels, 0])  # type: ignore[misc]


def test_a_stage_of_two_panels_speaks_of_scores_alone(bench: NotebookPage) -> None:
    root = show_stage(bench, "show=['vectors', 'scores']")
    assert root.locator(".cw-panel").count() == 2
    assert not root.get_by_text("Temperature").is_visible()
    assert root.locator(".cw-readout").inner_text() == "Query “the” now has its highest score, 1.63, with key “cat”."


def test_labels_are_text_and_never_markup(bench: NotebookPage) -> None:
    root = show_stage(
        bench, "[[1, 0]], [[1, 0]], [[1, 0]], tokens=['<img src=x onerror=alert(1)>'], question='<b>?</b>'"
    )
    assert root.locator("img, b").count() == 0
    assert root.locator(".cw-question").inner_text() == "<b>?</b>"
    assert bench.errors == []


def test_dragging_goes_on_when_the_kernel_is_gone(lab: NotebookPage) -> None:
    root = show_stage(lab.open_cells("", ""))
    lab.stop_kernel()
    before = picture(root)
    lab.drag(handle(root, "key cat"), -60, 30)
    lab.release()
    until(lambda: picture(root)["weights"] != before["weights"])


def test_a_picture_shown_twice_is_one(bench: NotebookPage) -> None:
    root = show_stage(bench, "", "stage")
    second = bench.cell(2).locator(".cw-root")
    handle(second, "key sat").press("Home")
    until(lambda: vector(root, "key sat")[0] == -2.5)
    assert picture(root) == picture(second)


def test_dragging_a_token_moves_its_query_key_and_value(bench: NotebookPage) -> None:
    bench.run_sources(IMPORTS, "projection = Projection()\nprojection")
    root = bench.cell(1).locator(".cw-root")
    root.locator(".cw-plane").nth(3).wait_for()
    before = [formula(root, panel) for panel in range(4)]
    bench.drag(handle(root, "x cat"), -60, 20)
    bench.release()
    after = [formula(root, panel) for panel in range(4)]
    assert all(old != new for old, new in zip(before, after, strict=True))
    root.get_by_label("w_query, row 0, column 1").fill("-1.5")
    until(lambda: bench.array("projection.w_query[0]") == [0.0, -1.5])
    for panel, name in enumerate(("x", "query", "key", "value")):
        shown = [float(number) for number in re.findall(r"-?\d+\.\d+", formula(root, panel).replace("−", "-"))]
        np.testing.assert_allclose(shown, bench.array(f"projection.{name}[1]"), atol=0.0051)


def test_a_saved_notebook_opens_with_a_picture_that_drags_before_anything_ran(
    open_page: Callable[..., NotebookPage],
) -> None:
    lab = open_page()
    lab.open_cells(IMPORTS, "stage = AttentionStage()\nstage", name="saved.ipynb")
    lab.run_all()
    lab.cell(1).locator(".cw-plane").first.wait_for()
    lab.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    lab.stop_kernel()
    lab.page.close()
    again = open_page().open("saved.ipynb")
    root = again.cell(1).locator(".cw-root")
    root.locator(".cw-plane").first.wait_for()
    before = picture(root)
    handle(root, "query the").press("End")
    assert picture(root)["weights"] != before["weights"]
    assert again.ask("print('stage' in globals())") == "False"
