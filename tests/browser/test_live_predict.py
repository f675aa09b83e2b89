"""A prediction in a real JupyterLab: a slip does not count, the commitment does, and the record knows it."""

from typing import Any

import pytest
from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import until

ASK = "from course_lib.checks import ask, check, progress_summary, show_lines"
DIRECT = "from course_lib.widgets import Predict"
FRESH = "import os, tempfile; os.environ['COURSE_PROGRESS'] = tempfile.mkdtemp() + '/progress.json'"


def show(lab: NotebookPage, source: str, *more: str) -> Any:
    lab.run_sources(f"{ASK}\n{DIRECT}\n{FRESH}", source, *more)
    root = lab.cell(1).locator(".cw-root")
    root.locator(".cw-option").first.wait_for()
    return root


def said(root: Any) -> str:
    return str(root.get_by_role("status").inner_text())


def test_a_click_chooses_and_only_the_button_commits(bench: NotebookPage) -> None:
    root = show(bench, "ask('predict_row_or_column')", "check('predict_row_or_column', ...)")
    root.locator(".cw-option", has_text="the whole table").click()
    root.locator(".cw-option", has_text="each column").click()
    assert root.get_by_role("radio", name="each column").is_checked()
    bench.page.wait_for_timeout(300)
    assert "rows sum to" not in bench.page.content(), "the reveal is on the page before the commitment"
    assert "not started" in bench.run_cell(2)[0]["data"]["text/plain"]
    root.get_by_role("button", name="Commit to b").click()
    until(lambda: "You said b: each column. What happens is a: each row." in said(root))
    assert root.locator(".cw-tag").all_inner_texts() == ["what happens", "your answer", ""]
    assert root.locator("input:enabled").count() == 0
    root.locator(".cw-option").nth(2).click(force=True)
    assert root.get_by_role("radio").nth(1).is_checked()
    assert "You said b" in bench.run_cell(2)[0]["data"]["text/plain"]
    told = "[(t['name'], t['attempts']) for l in progress_summary()['lessons'] for t in l['tasks'] if t['attempts']]"
    assert bench.ask(f"print({told})") == "[('predict_row_or_column', 1)]"
    bench.run_cell(1)
    again = bench.cell(1).locator(".cw-root")
    until(lambda: "You said b" in said(again))
    assert again.get_by_role("button").count() == 0


def test_keys_choose_commit_and_keep_the_focus(bench: NotebookPage) -> None:
    root = show(bench, "predict = Predict()\npredict")
    bench.ask("predict.on_commit(lambda letter: f'heard {letter}')")
    root.get_by_role("radio").first.focus()
    bench.page.keyboard.press("c")
    assert root.get_by_role("radio").nth(2).is_checked()
    bench.page.keyboard.press("ArrowUp")
    until(lambda: root.get_by_role("button", name="Commit to b").count() == 1)
    bench.page.keyboard.press("Tab")
    bench.page.keyboard.press("Enter")
    until(lambda: said(root) == "heard b")
    assert root.get_by_role("button", name="Committed to b").evaluate("node => node === document.activeElement")
    assert bench.ask("print(predict.answer)") == "b"
    active = bench.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    assert active == 1, "JupyterLab took the keys"


def test_python_commits_and_the_page_follows(bench: NotebookPage) -> None:
    root = show(bench, "predict = Predict()\npredict")
    bench.ask("predict.answer = 'a'")
    until(lambda: "linear" in said(root))
    assert root.locator(".cw-happens").inner_text().endswith("what happens")


def test_text_is_text_and_never_markup(bench: NotebookPage) -> None:
    bad = "<img src=x onerror=alert(1)>"
    root = show(bench, f"Predict('{bad} `<b>`', {{'a': '{bad}', 'b': '`<i>x</i>`'}}, reveal='{bad}', answer='a')")
    until(lambda: said(root) == bad)
    assert root.locator("img, b, i").count() == 0
    assert root.locator("code").all_inner_texts() == ["<b>", "<i>x</i>"]
    assert bench.errors == []


def test_the_theme_is_followed_and_nothing_is_cut(bench: NotebookPage) -> None:
    root = show(bench, "Predict(answer='a')", "Predict()")
    open_one = bench.cell(2).locator(".cw-root")
    open_one.locator(".cw-option", has_text="halves").click()
    for name in ("JupyterLab Dark", "JupyterLab Light"):
        bench.change_theme(name)
        until(lambda name=name: root.get_attribute("data-theme") in name.lower())  # type: ignore[misc]
        bench.page.wait_for_timeout(300)
        assert root.evaluate(LOW_CONTRAST) + open_one.evaluate(LOW_CONTRAST) == []
    for width in (640, 800, 1600, 1280):
        bench.page.set_viewport_size({"width": width, "height": 900})
        bench.page.wait_for_timeout(300)
        for part in (root, open_one):
            assert part.evaluate(CUT_TEXT) == [], f"at a width of {width}"
            assert part.evaluate("node => node.scrollWidth <= node.clientWidth")


@pytest.mark.parametrize("reveal", ["'It doubles.'", "''"])
def test_without_a_kernel_it_still_commits(lab: NotebookPage, reveal: str) -> None:
    root = show(lab.open_cells("", ""), f"Predict('?', {{'a': 'one', 'b': 'two'}}, right='b', reveal={reveal})")
    lab.stop_kernel()
    root.locator(".cw-option", has_text="one").click()
    root.get_by_role("button", name="Commit to a").click()
    until(lambda: "what happens" in root.locator(".cw-option").nth(1).inner_text())
    assert root.locator("input:enabled").count() == 0
    if reveal != "''":
        until(lambda: said(root) == "It doubles.")
    else:
        until(lambda: "No kernel has said" in root.locator(".cw-hint").inner_text(), seconds=9)
