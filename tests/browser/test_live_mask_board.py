"""The mask board in a real JupyterLab: switches, cells and keys move it, Python moves it, and both see one mask."""

from typing import Any

import numpy as np
import pytest
from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import until

IMPORTS = "import numpy as np\nfrom course_lib.widgets import MaskBoard"
ALL = "controls=('causal', 'padding', 'window', 'how', 'polarity', 'empty_row')"


def show_board(lab: NotebookPage, options: str = "") -> Any:
    """Show a board and return the locator of the picture."""
    lab.page.mouse.move(0, 0)  # off the board that is about to appear
    lab.run_sources(IMPORTS, f"board = MaskBoard({options})\nboard")
    root = lab.cell(1).locator(".cw-root")
    root.locator(".cw-board").nth(1).wait_for()
    return root


def cell(root: Any, query: int, key: int) -> Any:
    return root.locator("[role=grid] tbody tr").nth(query).locator("td").nth(key)


def shown(root: Any, what: str) -> np.ndarray:
    """Return the mask, the weights or the sums that the picture shows."""
    places = {"mask": "[role=grid] tbody .cw-mask-entry", "weights": "td:not(.cw-sum)", "sums": ".cw-sum .cw-mask-face"}
    board = root.locator(".cw-board").nth(0 if what == "mask" else 1)
    if what == "mask":
        board = root
    texts = board.locator(places[what]).all_inner_texts()
    if what == "mask":
        return np.array([{"T": True, "F": False}[text] for text in texts])
    return np.array([float(text.replace("−", "-")) for text in texts])


def assert_same_numbers(lab: NotebookPage, root: Any) -> None:
    """The kernel's mask, weights and sums are those of the picture, which writes two decimals."""

    def agree() -> bool:
        return bool(
            np.array_equal(shown(root, "mask"), np.ravel(lab.array("board.mask")))
            and np.allclose(shown(root, "weights"), np.ravel(lab.array("board.weights")), atol=0.0051, equal_nan=True)
            and np.allclose(shown(root, "sums"), lab.array("board.row_sums"), atol=0.0051, equal_nan=True)
        )

    until(agree)


def test_switches_and_sliders_lay_masks_on_the_board(bench: NotebookPage) -> None:
    root = show_board(bench)
    assert_same_numbers(bench, root)
    root.get_by_role("checkbox", name="Padding").check()
    until(lambda: bench.ask("print(board.mask[4, 4], board.mask[4, 3])") == "False True")
    root.get_by_role("slider", name="real keys").press("ArrowLeft")
    until(lambda: bench.ask("print(board.length)") == "3")
    root.get_by_role("slider", name="offset").press("ArrowRight")
    root.get_by_role("checkbox", name="Window").check()
    root.get_by_role("slider", name="right").press("End")
    until(lambda: "all" in root.get_by_role("group", name="window mask").inner_text())
    until(lambda: bench.ask("print(board.offset, board.window)") == "1 (1, None)")
    assert_same_numbers(bench, root)
    root.get_by_role("button", name="Reset").click()
    until(lambda: bench.ask("print(board.is_padded, board.offset, board.window)") == "False 0 None")
    assert_same_numbers(bench, root)


def test_hidden_sliders_of_a_rule_that_is_off_take_no_focus(bench: NotebookPage) -> None:
    root = show_board(bench)
    assert not root.get_by_text("real keys").is_visible()
    assert root.get_by_text("offset").is_visible()


def test_a_cell_is_forbidden_and_allowed_by_hand(bench: NotebookPage) -> None:
    root = show_board(bench)
    cell(root, 3, 1).click()
    until(lambda: bench.array("board.blocked") == [[3, 1]])
    assert "cw-by-hand" in cell(root, 3, 1).get_attribute("class")
    assert "forbidden by hand. It gets weight 0.00" in root.locator(".cw-readout").inner_text()
    assert_same_numbers(bench, root)
    bench.page.keyboard.press("Enter")
    until(lambda: bench.array("board.blocked") == [])
    bench.page.keyboard.press("Space")
    until(lambda: bench.array("board.blocked") == [[3, 1]])
    assert cell(root, 3, 1).get_attribute("aria-label") == "query down, key cat: score 1, forbidden by hand"
    bench.ask("board.blocked = []")
    until(lambda: shown(root, "mask").reshape(5, 5)[3, 1])


def test_arrow_keys_walk_the_board_and_stay_with_it(bench: NotebookPage) -> None:
    root = show_board(bench)
    cell(root, 0, 1).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowUp"):
        bench.page.keyboard.press(key)
    until(lambda: bench.ask("print(board.selected, board.selected_key)") == "0 2")
    focused = "node => node === document.activeElement"
    assert cell(root, 0, 2).evaluate(focused)
    assert root.locator("[role=grid] [tabindex='0']").count() == 1
    bench.page.keyboard.press("End")
    bench.page.keyboard.press("PageDown")
    assert cell(root, 4, 4).evaluate(focused)
    assert "may attend" in cell(root, 4, 4).get_attribute("aria-label")
    bench.page.keyboard.press("Control+Home")
    assert cell(root, 0, 0).evaluate(focused)
    active = bench.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    assert active == 1, "JupyterLab took the arrow keys"


def test_every_rule_that_forbids_a_pair_is_told_in_words_and_by_its_own_hatching(bench: NotebookPage) -> None:
    root = show_board(bench, "length=4, window=(1, 0), selected=1, selected_key=4")
    said = root.locator(".cw-readout").inner_text()
    assert "the causal mask (key 4 comes after position 1)" in said
    assert "by the padding mask (4 of 5 keys are real)" in said
    assert "by the window (1 before and 0 after position 1)" in said
    bench.ask("board.blocked = [[3, 2]]")
    until(lambda: root.locator(".cw-by-hand").count() == 2)
    looks = [
        root.locator(f".cw-mask-legend .cw-by-{rule}").evaluate("node => getComputedStyle(node).backgroundImage")
        for rule in ("causal", "padding", "window", "hand")
    ]
    assert len(set(looks)) == 4
    for name in ("causal", "padding", "window"):
        assert f"cw-by-{name}" in cell(root, 1, 4).get_attribute("class")


def test_pointing_at_a_cell_explains_it_and_leaves_the_keys_where_they_are(bench: NotebookPage) -> None:
    root = show_board(bench)
    cell(root, 2, 0).hover()
    until(lambda: root.locator(".cw-readout").inner_text().startswith("Query “sat”, key “the”"))
    root.locator(".cw-readout").hover()
    until(lambda: root.locator(".cw-readout").inner_text().startswith("Query “the”, key “cat”"))
    assert bench.ask("print(board.selected, board.selected_key)") == "0 1"


@pytest.mark.parametrize(("way", "leaks", "sums"), [("weight × 0", 0, False), ("score × 0", 10, True)])
def test_the_two_mistaken_ways_show_what_they_do(bench: NotebookPage, way: str, leaks: int, sums: bool) -> None:
    root = show_board(bench)
    root.get_by_role("radio", name=way).check(force=True)
    until(lambda: root.locator(".cw-leak").count() == leaks)
    until(lambda: bench.ask("print(np.allclose(board.row_sums, 1))") == str(sums))
    assert (root.locator(".cw-wrong").count() == 0) is sums
    assert_same_numbers(bench, root)


@pytest.mark.parametrize("choice", ["zeros", "uniform (−1e9)", "NaN (naive)"])
def test_a_query_without_keys_gets_what_was_chosen(bench: NotebookPage, choice: str) -> None:
    root = show_board(bench, f"offset=-1, {ALL}")
    root.get_by_role("radio", name=choice).check(force=True)
    expected = {"zeros": "0.00", "uniform (−1e9)": "0.20", "NaN (naive)": "NaN"}[choice]
    row = root.locator(".cw-board").nth(1).locator("tbody tr").first.locator("td:not(.cw-sum)")
    until(lambda: row.all_inner_texts() == [expected] * 5)
    assert "Query “the” may attend to nothing" in root.locator(".cw-mask-note").inner_text()
    assert_same_numbers(bench, root)


def test_the_other_polarity_shows_the_complement(bench: NotebookPage) -> None:
    root = show_board(bench, ALL)
    before = shown(root, "weights") > 0
    root.get_by_role("radio", name="blocked").check(force=True)
    until(lambda: "cw-by-reader" in (cell(root, 0, 0).get_attribute("class") or ""))
    after = shown(root, "weights") > 0
    assert not np.any(before & after)
    until(lambda: bench.ask("print(np.array_equal(board.allowed, ~board.mask))") == "True")
    assert_same_numbers(bench, root)


def test_python_moves_the_board_and_a_change_is_read_out(bench: NotebookPage) -> None:
    root = show_board(bench)
    bench.ask("board.mask = np.eye(5, dtype=bool); board.scores = -np.array(board.scores)")
    until(lambda: np.array_equal(shown(root, "mask"), np.eye(5).ravel()))
    assert_same_numbers(bench, root)
    said = root.locator("[aria-live=polite]")
    cell(root, 2, 2).click()
    until(lambda: "Query “sat”, key “sat”, score 1: forbidden by hand" in said.inner_text())


def test_words_are_text_and_themes_have_contrast_and_nothing_is_cut(bench: NotebookPage) -> None:
    root = show_board(
        bench,
        "7 * np.sin(np.arange(64.0)).reshape(8, 8), tokens=['<b>it</b>', 'international', *'abcdef'], offset=-1, "
        f"empty_row='nan', window=(3, 2), length=7, question='<i>?</i>', {ALL}",
    )
    assert root.locator("b, i").count() == 0
    for theme, name in (("dark", "JupyterLab Dark"), ("light", "JupyterLab Light")):
        bench.change_theme(name)
        until(lambda theme=theme: root.get_attribute("data-theme") == theme)  # type: ignore[misc]
        bench.page.wait_for_timeout(300)
        assert root.evaluate(LOW_CONTRAST) == []
    for width in (640, 800, 1280, 1600):
        bench.page.set_viewport_size({"width": width, "height": 900})
        bench.page.wait_for_timeout(300)
        assert root.evaluate(CUT_TEXT) == [], f"at a width of {width}"
        assert root.evaluate("node => node.scrollWidth <= node.clientWidth")
    bench.page.set_viewport_size({"width": 1280, "height": 900})
    assert bench.errors == []
