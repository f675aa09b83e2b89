"""Score, SoftmaxBars and WeightedSum in a real JupyterLab: hand, keys, sliders and Python all move and see the same."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import handle, numbers, until, vector

IMPORTS = "import numpy as np\nfrom course_lib.widgets import Score, SoftmaxBars, WeightedSum"
THREE = ("Score()", "SoftmaxBars()", "SoftmaxBars.from_draws()", "WeightedSum(question='Where?')")


def show(lab: NotebookPage, code: str, *more: str) -> Any:
    """Show a widget, called `shown` in the kernel, and whatever follows; return the locator of the picture."""
    lab.run_sources(IMPORTS, f"shown = {code}\nshown", *more)
    root = lab.cell(1).locator(".cw-root")
    root.locator(".cw-panel").first.wait_for()
    return root


def columns(root: Any, name: str) -> list[float]:
    texts = root.locator(f".cw-{name} .cw-column-number").all_text_contents()
    return [float(text.replace("−", "-")) for text in texts]


def agree(lab: NotebookPage, name: str, shown: Callable[[], list[float]]) -> None:
    """The kernel's array is that of the picture, which writes two decimals."""
    until(lambda: np.allclose(lab.array(f"shown.{name}"), shown(), atol=0.0051))


def keys_table(root: Any) -> dict[str, list[float]]:
    read = [numbers(root, f".cw-keys tbody td:nth-last-child({place})") for place in (3, 1)]
    angles = [float(text.rstrip("°")) for text in root.locator(".cw-keys td:nth-last-child(2)").all_inner_texts()]
    return {"lengths": read[0], "angles": angles, "scores": read[1]}


def assert_same_score(lab: NotebookPage, root: Any) -> None:
    for name in ("lengths", "scores"):
        agree(lab, name, lambda name=name: keys_table(root)[name])  # type: ignore[misc]
    np.testing.assert_allclose(lab.array("shown.angles"), keys_table(root)["angles"], atol=0.501)


def test_score_dragging_the_query_moves_every_score_and_the_kernel_follows(bench: NotebookPage) -> None:
    root = show(bench, "Score()")
    before = keys_table(root)
    assert before["scores"] == [3.0, 4.0, 0.0]
    assert_same_score(bench, root)
    bench.drag(handle(root, "query"), -60, 50)
    held = keys_table(root)["scores"]
    assert np.abs(np.subtract(held, before["scores"])).min() > 0.05, "a score did not move with the hand"
    bench.release()
    until(lambda: np.allclose(bench.array("shown.query"), vector(root, "query"), atol=0.0051))
    assert_same_score(bench, root)


def test_score_a_hand_that_may_only_turn_keeps_the_length(bench: NotebookPage) -> None:
    root = show(bench, "Score(selected=1)")
    root.get_by_role("radio", name="to turn").check(force=True)
    before = keys_table(root)
    bench.drag(handle(root, "key near"), -70, 40)
    bench.release()
    handle(root, "key near").press("ArrowLeft")
    after = keys_table(root)
    assert after["lengths"] == before["lengths"]
    assert abs(after["angles"][0] - before["angles"][0]) > 10
    assert root.get_by_role("radio", name="near").is_checked(), "the key that moves is the one that is taken apart"
    until(lambda: np.isclose(np.hypot(*bench.array("shown.key[0]")), np.sqrt(2), rtol=1e-12))
    assert_same_score(bench, root)


def test_score_a_hand_that_may_only_stretch_keeps_the_angle(bench: NotebookPage) -> None:
    root = show(bench, "Score(drag='stretch')")
    angles = bench.array("shown.angles")
    bench.drag(handle(root, "key near"), 40, 0)
    bench.release()
    handle(root, "key near").press("Shift+ArrowUp")
    until(lambda: bench.array("shown.lengths")[0] > 1.7)
    np.testing.assert_allclose(bench.array("shown.angles"), angles, atol=1e-9)
    assert_same_score(bench, root)
    handle(root, "key near").press("Escape")
    until(lambda: bench.array("shown.key[0]") == [1.0, 1.0])


def test_score_sliders_of_length_and_direction_move_the_picture_and_follow_it(bench: NotebookPage) -> None:
    root = show(bench, "Score()", "shown.sliders('key_length', 0, 'key_direction', 0)")
    knobs = bench.cell(2).locator(".noUi-handle")
    knobs.nth(1).wait_for()
    until(lambda: knobs.first.get_attribute("aria-label") == "key near, length")
    bench.page.wait_for_timeout(300)
    assert bench.array("shown.key[0]") == [1.0, 1.0], "showing sliders changed the key"
    for _ in range(4):
        knobs.first.press("ArrowRight")
    until(lambda: bench.array("shown.lengths")[0] > 1.55)
    assert bench.array("shown.angles")[0] == pytest.approx(np.degrees(np.arctan2(1, 3)), abs=1e-6)
    knobs.first.press("Home")
    until(lambda: bench.array("shown.key[0]") == [0.0, 0.0])
    assert root.locator(".cw-keys tbody td:nth-last-child(2)").first.inner_text() == "?"
    knobs.first.press("End")
    until(lambda: np.allclose(bench.array("shown.key[0]"), [3 / np.sqrt(2)] * 2, atol=1e-9))
    handle(root, "key near").press("PageDown")
    until(lambda: bench.cell(2).locator(".widget-readout").nth(1).inner_text()[0] in "-−")


def test_score_follows_python_and_takes_the_score_apart(bench: NotebookPage) -> None:
    root = show(bench, "Score()")
    bench.ask("shown.query = [0, 2]; shown.key = [[0, 0], [3, 4], [-1, -1]]; shown.selected = 1")
    until(lambda: vector(root, "query") == [0.0, 2.0])
    factors = [float(text.replace("−", "-")) for text in root.locator(".cw-factor").all_inner_texts()]
    assert factors == [2.0, 5.0, 0.8, 8.0]
    assert "1.60 × 5.00 = 8.00" in root.locator(".cw-ways").inner_text()
    assert root.locator(".cw-best th").inner_text() == "long"
    assert root.locator(".cw-readout").inner_text().startswith("Key “long”: 2.00 × 5.00 × cos 37° = 8.00.")
    root.get_by_role("button", name="Reset").click()
    until(lambda: bench.array("shown.key[1]") == [3.0, 4.0])


def test_bars_dragging_a_score_moves_exponentials_and_weights(bench: NotebookPage) -> None:
    root = show(bench, "SoftmaxBars()")
    before = {name: columns(root, name) for name in ("raw", "grown", "shares")}
    bench.drag(handle(root, "score the"), 0, -60)
    held = {name: columns(root, name) for name in before}
    for name in before:
        assert held[name][0] > before[name][0] + 0.1, f"{name} did not move with the hand"
    assert held["grown"][1:] == before["grown"][1:]
    bench.release()
    for array, name in (("scores", "raw"), ("exponentials", "grown"), ("weights", "shares")):
        agree(bench, array, lambda name=name: columns(root, name))  # type: ignore[misc]


def test_bars_adding_to_all_moves_no_weight_and_doubling_does(bench: NotebookPage) -> None:
    root = show(bench, "SoftmaxBars()")
    before = {name: columns(root, name) for name in ("raw", "grown", "shares")}
    slider = root.get_by_role("slider", name="Add to all")
    for _ in range(5):
        slider.press("ArrowRight")
    np.testing.assert_allclose(columns(root, "raw"), np.add(before["raw"], 0.5))
    assert columns(root, "grown")[0] == pytest.approx(np.exp(0.5), abs=0.0051)
    assert columns(root, "shares") == before["shares"]
    assert "no weight changed" in root.locator(".cw-readout").inner_text()
    root.get_by_role("button", name="Double all").click()
    np.testing.assert_allclose(columns(root, "raw"), 2 * np.add(before["raw"], 0.5))
    assert columns(root, "shares")[1] > before["shares"][1] + 0.1
    agree(bench, "scores", lambda: columns(root, "raw"))
    handle(root, "score cat").press("Home")
    assert min(columns(root, "raw")) == columns(root, "raw")[1]
    root.get_by_role("button", name="Reset").click()
    until(lambda: columns(root, "shares") == before["shares"])
    agree(bench, "weights", lambda: columns(root, "shares"))


def test_draws_show_any_size_at_once_and_the_kernel_the_same(bench: NotebookPage) -> None:
    root = show(bench, "SoftmaxBars.from_draws(n_keys=4, largest_d_k=200)")
    drawn = {}
    for d_k in (1, 37, 200):
        bench.ask(f"shown.d_k = {d_k}")
        until(lambda d_k=d_k: root.get_by_role("slider", name="Components dₖ").input_value() == str(d_k))  # type: ignore[misc]
        agree(bench, "weights", lambda: columns(root, "shares"))
        drawn[d_k] = columns(root, "raw")
        np.testing.assert_allclose(bench.array("shown.scores"), drawn[d_k], atol=0.051)
    assert np.std(drawn[200]) > 3 * np.std(drawn[1])
    root.get_by_role("radio", name="1/√dₖ").check(force=True)
    until(lambda: bench.ask("print(shown.scaling)") == "1/sqrt(d_k)")
    np.testing.assert_allclose(columns(root, "raw"), np.divide(drawn[200], np.sqrt(200)), atol=0.0101)
    agree(bench, "weights", lambda: columns(root, "shares"))
    said = root.locator(".cw-formula").nth(2)
    for press in ("Home", "End"):
        root.get_by_role("slider", name="Pairs measured").press(press)
        until(lambda press=press: bench.ask("print(shown.n_pairs)") == {"Home": "2", "End": "2000"}[press])  # type: ignore[misc]
        assert float(said.inner_text().split(": ")[1]) == pytest.approx(bench.array("shown.spread"), abs=0.0051)
    assert bench.array("shown.spread") == pytest.approx(1, abs=0.1)
    before = columns(root, "raw")
    root.get_by_role("button", name="Another draw").click()
    until(lambda: columns(root, "raw") != before)
    agree(bench, "weights", lambda: columns(root, "shares"))
    handle(root, "number of components").press("Shift+ArrowLeft")
    until(lambda: bench.ask("print(shown.d_k)") == "184")


def test_sum_moving_a_weight_lets_the_others_make_room(bench: NotebookPage) -> None:
    root = show(bench, "WeightedSum()", "shown.sliders()")
    bench.drag(handle(root, "weight 0"), 0, 40)
    held = columns(root, "shares")
    assert held[0] < 0.4
    assert held[1] == held[2] > 0.3
    bench.release()
    assert sum(columns(root, "shares")) == pytest.approx(1, abs=0.011)
    agree(bench, "weights", lambda: columns(root, "shares"))
    agree(bench, "output", lambda: numbers(root, ".cw-sums tfoot td:nth-child(n+3)"))
    for _ in range(2):
        handle(root, "weight 2").press("End")
    until(lambda: bench.array("shown.weights") == [0.0, 0.0, 1.0])
    knob = bench.cell(2).locator(".noUi-handle").first
    knob.wait_for()
    knob.press("End")
    until(lambda: bench.array("shown.weights") == [1.0, 0.0, 0.0])
    handle(root, "weight 1").press("Escape")
    until(lambda: bench.array("shown.weights") == [0.75, 0.25, 0.0])
    bench.ask("shown.weights_1 = 0.5")
    until(lambda: columns(root, "shares") == [0.5, 0.5, 0.0])


def test_sum_leaves_the_hull_only_where_the_weights_may_be_anything(bench: NotebookPage) -> None:
    root = show(bench, "WeightedSum()")
    for name in ("weight 0", "weight 1", "weight 2"):
        for press in ("End", "Home", "Shift+ArrowUp"):
            handle(root, name).press(press)
            assert "inside the hull" in root.locator(".cw-readout").inner_text()
    root.get_by_label("Weights sum to 1").uncheck()
    handle(root, "weight 0").press("End")
    handle(root, "weight 1").press("End")
    assert "outside of the hull of the values; the weights sum to" in root.locator(".cw-readout").inner_text()
    until(lambda: bench.ask("print(shown.inside_hull, shown.sum_to_one)") == "False False")
    agree(bench, "weights", lambda: columns(root, "shares"))
    root.get_by_label("Weights sum to 1").check()
    until(lambda: bench.ask("print(shown.inside_hull, shown.sum_to_one)") == "True True")
    agree(bench, "weights", lambda: columns(root, "shares"))
    bench.drag(handle(root, "value 1"), 40, 0)
    bench.release()
    until(lambda: bench.array("shown.value[1]")[0] > 0.5)
    root.get_by_label("Tip to tail").uncheck()
    until(lambda: bench.ask("print(shown.chain)") == "False")
    assert not root.locator(".cw-chain").is_visible()


def test_steps_read_a_change_out_once_it_rests(bench: NotebookPage) -> None:
    for code, name in (("Score()", "query"), ("SoftmaxBars()", "score cat"), ("WeightedSum()", "weight 1")):
        root = show(bench, code)
        said = root.locator("[aria-live=polite]")
        assert said.inner_text() == ""
        handle(root, name).press("ArrowUp")
        until(
            lambda root=root, said=said: said.inner_text() == root.locator(".cw-readout").inner_text().replace("−", "-")
        )  # type: ignore[misc]
        active = bench.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
        assert active == 1, "JupyterLab took the arrow key"


def test_steps_have_contrast_and_no_cut_text_in_light_and_dark_at_any_width(bench: NotebookPage) -> None:
    show(bench, THREE[0], *THREE[1:])
    roots = [bench.cell(index).locator(".cw-root") for index in range(1, 5)]
    roots[-1].locator(".cw-panel").first.wait_for()
    for theme, name in (("dark", "JupyterLab Dark"), ("light", "JupyterLab Light")):
        bench.change_theme(name)
        for root in roots:
            until(lambda root=root, theme=theme: root.get_attribute("data-theme") == theme)  # type: ignore[misc]
            assert root.evaluate(LOW_CONTRAST) == []
    for width in (640, 800, 1280, 1600):
        bench.page.set_viewport_size({"width": width, "height": 900})
        bench.page.wait_for_timeout(300)
        for root in roots:
            assert root.evaluate(CUT_TEXT) == [], f"at a width of {width}"
            assert root.evaluate("node => node.scrollWidth <= node.clientWidth")
    bench.page.set_viewport_size({"width": 1280, "height": 900})


def test_steps_show_names_as_text_and_never_as_markup(bench: NotebookPage) -> None:
    bad = "tokens=['<img src=x onerror=alert(1)>', '<b>b</b>'], question='<i>?</i>'"
    for code in (
        f"Score([1, 0], [[1, 0], [0, 1]], {bad})",
        f"SoftmaxBars([1, 0], {bad})",
        f"WeightedSum([[1, 0], [0, 1]], {bad})",
    ):
        root = show(bench, code)
        assert root.locator("img, b, i").count() == 0
        assert root.locator(".cw-question").inner_text() == "<i>?</i>"
    assert bench.errors == []


def test_steps_go_on_when_the_kernel_is_gone(lab: NotebookPage) -> None:
    lab.open_cells(IMPORTS, *THREE)
    lab.run_all()
    roots = [lab.cell(index).locator(".cw-root") for index in range(1, 5)]
    roots[-1].locator(".cw-panel").first.wait_for()
    lab.stop_kernel()
    for root, name in zip(roots, ("key long", "score sat", "number of components", "weight 1"), strict=True):
        before = root.locator(".cw-readout").inner_text()
        handle(root, name).press("Shift+ArrowRight")
        until(lambda root=root, before=before: root.locator(".cw-readout").inner_text() != before)  # type: ignore[misc]
    assert re.search(r"With 80 components", roots[2].locator(".cw-readout").inner_text())
