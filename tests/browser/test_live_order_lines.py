"""Lines in order in a real JupyterLab: by the hand, by keys, by buttons, and checked by the course's own judge."""

from typing import Any

from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import until

SETUP = """from course_lib.checks import show_lines
from course_lib.widgets import OrderLines
import os, tempfile; os.environ['COURSE_PROGRESS'] = tempfile.mkdtemp() + '/progress.json'"""


def show(lab: NotebookPage, source: str) -> Any:
    lab.run_sources(SETUP, source)
    root = lab.cell(1).locator(".cw-root")
    root.locator(".cw-codeline").first.wait_for()
    return root


def program(root: Any) -> str:
    return "".join(root.locator("ol .cw-letter").all_inner_texts())


def line(root: Any, letter: str) -> Any:
    return root.locator(".cw-lineface").filter(has=root.page.locator(f".cw-letter:text-is('{letter}')"))


def focused(root: Any) -> str:
    return str(root.page.evaluate("() => document.activeElement.querySelector('.cw-letter')?.textContent ?? ''"))


def test_buttons_build_the_program_and_the_judge_answers_below(bench: NotebookPage) -> None:
    root = show(bench, "show_lines('order_attention')")
    for letter in "CDEAB":
        root.get_by_role("button", name=f"Use line {letter}").click()
    until(lambda: program(root) == "CDEAB")
    root.get_by_role("button", name="Check", exact=True).click()
    said = root.locator(".cw-said")
    until(lambda: "not yet · M03" in said.inner_text())
    root.get_by_role("button", name="Leave line D out").click()
    until(lambda: "You have changed the order since." in said.inner_text())
    root.get_by_role("button", name="Use line F").click()
    for _ in range(3):
        root.get_by_role("button", name="Move line F up").click()
    until(lambda: program(root) == "CFEAB")
    assert root.get_by_role("button", name="Move line F up").evaluate("node => node === document.activeElement")
    root.get_by_role("button", name="Check", exact=True).click()
    until(lambda: said.inner_text().startswith("✔ order_attention: passed · 1 of 1 points"))
    assert "In letters: CFEAB" in root.inner_text()


def test_dragging_moves_a_line_and_the_kernel_follows(bench: NotebookPage) -> None:
    root = show(bench, "order = OrderLines(answer='CF')\norder")
    bench.drag(line(root, "D"), 0, -400)
    until(lambda: program(root) == "DCF")  # while the hand still holds it
    bench.release()
    assert program(root) == "DCF"
    until(lambda: bench.ask("print(order.answer)") == "DCF")
    bench.drag(line(root, "D"), 0, 60, steps=12)
    bench.release()
    until(lambda: bench.ask("print(order.answer)") in ("CDF", "CFD"))
    before = program(root)
    bench.drag(line(root, "C"), 0, 400)
    until(lambda: program(root) != before)
    bench.page.keyboard.press("Escape")
    until(lambda: program(root) == before)
    bench.release()
    assert program(root) == before
    bench.drag(line(root, "C"), 0, 400)
    bench.release()
    until(lambda: "C" not in bench.ask("print(order.answer)"))


def test_keys_pick_up_move_drop_and_put_back(bench: NotebookPage) -> None:
    root = show(bench, "order = OrderLines(answer='CF')\norder")
    press = bench.page.keyboard.press
    line(root, "A").focus()
    press("Enter")
    until(lambda: line(root, "A").get_attribute("aria-pressed") == "true")
    press("ArrowLeft")
    until(lambda: program(root) == "CFA" and focused(root) == "A")
    press("ArrowUp")
    until(lambda: program(root) == "CAF" and focused(root) == "A")
    press("Enter")
    until(lambda: bench.ask("print(order.answer)") == "CAF")
    assert line(root, "A").get_attribute("aria-pressed") == "false"
    until(lambda: root.locator("[aria-live=polite]").inner_text() == "Dropped. A is line 2 of 3 of your program.")
    press("Space")
    press("ArrowRight")
    until(lambda: program(root) == "CF" and focused(root) == "A")
    press("Escape")
    until(lambda: program(root) == "CAF" and focused(root) == "A")
    press("ArrowDown")  # nothing is held: the focus moves, no line does
    until(lambda: focused(root) == "F")
    press("Home")
    until(lambda: focused(root) == "C")
    assert program(root) == "CAF"
    press("Tab")
    press("Tab")
    press("Enter")
    until(lambda: program(root) == "ACF")
    active = bench.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    assert active == 1, "JupyterLab took the keys"


def test_setting_the_answer_in_python_moves_the_lines(bench: NotebookPage) -> None:
    root = show(bench, "order = OrderLines({'A': '    <b>x</b>', 'B': 'y'}, question='<i>?</i>')\norder")
    assert root.get_by_role("button", name="Check", exact=True).count() == 0
    bench.ask("order.answer = 'BA'")
    until(lambda: program(root) == "BA")
    assert root.locator("b, i").count() == 0
    assert root.locator("code").first.evaluate("node => getComputedStyle(node).whiteSpace") == "pre-wrap"
    assert "    <b>x</b>" in root.locator("code").all_text_contents()


def test_the_theme_is_followed_and_nothing_is_cut(bench: NotebookPage) -> None:
    root = show(bench, "order = OrderLines(answer='CF')\norder.on_check(lambda letters: 'Heading\\n`code`')\norder")
    root.get_by_role("button", name="Check", exact=True).click()
    until(lambda: "Heading" in root.inner_text())
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


def test_without_a_kernel_lines_move_and_the_button_says_why_nothing_is_checked(lab: NotebookPage) -> None:
    root = show(lab.open_cells("", ""), "show_lines('order_attention')")
    lab.stop_kernel()
    root.get_by_role("button", name="Use line C").click()
    until(lambda: program(root) == "C")
    root.get_by_role("button", name="Check", exact=True).click()
    until(lambda: "No kernel has answered" in root.inner_text(), seconds=9)
