"""Heads in a real JupyterLab: picked by mouse and keys; numbers and lines are what the kernel holds."""

from typing import Any

import numpy as np
from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import until

IMPORTS = "import numpy as np\nfrom course_lib.widgets import Heads"


def show_heads(lab: NotebookPage, options: str = "") -> Any:
    """Show heads and return the locator of the picture."""
    lab.page.mouse.move(0, 0)  # off the picture that is about to appear
    lab.run_sources(IMPORTS, f"heads = Heads({options})\nheads")
    root = lab.cell(1).locator(".cw-root")
    root.locator(".cw-heads-token").first.wait_for()
    return root


def token(root: Any, side: str, place: int) -> Any:
    return root.locator(f".cw-heads-{side} button").nth(place)


def chips(root: Any, side: str) -> list[float]:
    """Return the numbers beside the tokens of one side, none where they are hidden."""
    shown = root.locator(f".cw-heads-{side} .cw-heads-chip:visible").all_inner_texts()
    return [float(text) for text in shown]


def of_lines(root: Any, attribute: str) -> list[str]:
    """Return an attribute of all lines that are drawn."""
    found: list[str] = root.locator(".cw-heads-web path").evaluate_all(
        "(nodes, name) => nodes.filter((node) => node.style.display === '').map((node) => node.getAttribute(name))",
        attribute,
    )
    return found


def thick(root: Any) -> list[float]:
    """Return how thick the lines are that are drawn, the heaviest first."""
    return sorted(map(float, of_lines(root, "stroke-width")), reverse=True)


def said(root: Any) -> str:
    return str(root.locator(".cw-readout").inner_text())


def assert_same_numbers(lab: NotebookPage, root: Any) -> None:
    """Numbers and lines are the kernel's row of the selected query, or the column of the selected key."""

    def agree() -> bool:
        is_row = lab.ask("print(heads.direction)") == "reads"
        expected = lab.array(
            "heads.weights[heads.head, heads.selected]"
            if is_row
            else "heads.weights[heads.head, :, heads.selected_key]"
        )
        side, other = ("right", "left") if is_row else ("left", "right")
        numbers = chips(root, side)
        return (
            chips(root, other) == []
            and len(numbers) == len(expected)
            and np.allclose(numbers, expected, atol=0.0051)
            and np.allclose(thick(root), sorted(10 * np.array(expected), reverse=True)[: len(thick(root))], atol=0.0051)
        )

    until(agree)


def test_a_head_is_chosen_among_the_small_maps(bench: NotebookPage) -> None:
    root = show_heads(bench)
    assert said(root) == "Head 3 (noun of “it”): “it” reads “cat” 87 %, “the” 2 %, “ate” 2 %."
    assert_same_numbers(bench, root)
    root.get_by_role("radio", name="previous token").check(force=True)
    until(lambda: bench.ask("print(heads.head)") == "0")
    assert_same_numbers(bench, root)
    root.get_by_role("radio", name="previous token").press("ArrowRight")
    until(lambda: bench.ask("print(heads.head)") == "1")
    assert said(root).startswith("Head 1 (same word): “it” reads “it” 87 %")


def test_a_token_on_the_left_shows_what_it_reads_and_one_on_the_right_who_reads_it(bench: NotebookPage) -> None:
    root = show_heads(bench, "head=0")
    token(root, "left", 3).click()
    until(lambda: bench.ask("print(heads.direction, heads.selected)") == "reads 3")
    assert_same_numbers(bench, root)
    token(root, "right", 4).click()
    until(lambda: bench.ask("print(heads.direction, heads.selected_key)") == "read_by 4")
    assert "“fish” is read by “because” 87 %" in said(root)
    assert_same_numbers(bench, root)


def test_keys_walk_the_tokens_and_stay_with_them(bench: NotebookPage) -> None:
    root = show_heads(bench)
    token(root, "left", 6).focus()
    chosen = "heads.direction, heads.selected, heads.selected_key"
    for key, expected in (
        ("ArrowDown", "reads 7 0"),
        ("Home", "reads 0 0"),
        ("ArrowUp", "reads 0 0"),
        ("ArrowRight", "read_by 0 0"),
        ("End", "read_by 0 8"),
        ("ArrowLeft", "reads 0 8"),
    ):
        bench.page.keyboard.press(key)
        until(lambda expected=expected: bench.ask(f"print({chosen})") == expected)  # type: ignore[misc]
    assert token(root, "left", 0).evaluate("node => node === document.activeElement")
    assert root.locator(".cw-heads-left [tabindex='0']").count() == 1
    active = bench.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    assert active == 1, "JupyterLab took the arrow keys"
    assert_same_numbers(bench, root)


def test_pointing_previews_and_leaves_the_choice_alone(bench: NotebookPage) -> None:
    root = show_heads(bench, "head=0")
    before = said(root)
    token(root, "right", 1).hover()
    until(lambda: "“cat” is read by “ate” 87 %" in said(root))
    pressed = root.locator("[aria-pressed=true]")
    assert pressed.all_inner_texts() == ["it"]
    box = root.locator(".cw-heads-two .cw-heads-map").bounding_box()
    cell = box["width"] / 9
    bench.page.mouse.move(box["x"] + 2.5 * cell, box["y"] + 3.5 * cell)
    until(lambda: said(root) == "Head 0 (previous token): “the” reads “ate” with weight 0.87.")
    bench.page.mouse.move(0, 0)
    until(lambda: said(root) == before)
    bench.page.mouse.click(box["x"] + 2.5 * cell, box["y"] + 3.5 * cell)
    until(lambda: bench.ask("print(heads.selected, heads.selected_key)") == "3 2")


def test_lines_of_all_heads_differ_in_dash_and_carry_their_numbers(bench: NotebookPage) -> None:
    root = show_heads(bench)
    assert root.locator(".cw-heads-tag:visible").count() == 0
    root.get_by_role("checkbox", name="Lines of all heads").check()
    until(lambda: root.locator(".cw-heads-tag:visible").all_inner_texts() == ["0", "1", "2", "3"])
    looks = of_lines(root, "stroke-dasharray")
    assert len(looks) == len(set(looks)) == 4
    np.testing.assert_allclose(chips(root, "right"), bench.array("heads.weights[:, 6].mean(axis=0)"), atol=0.0051)
    for words in ("head 0 “because” 87 %", "head 1 “it” 87 %", "head 2 “the” 87 %", "head 3 “cat” 87 %"):
        assert words in said(root)
    until(lambda: bench.ask("print(heads.all_heads)") == "True")


def test_python_moves_the_picture_and_a_change_is_read_out(bench: NotebookPage) -> None:
    root = show_heads(bench)
    bench.ask("heads.weights = heads.weights[::-1]; heads.selected = 2")
    until(lambda: "“ate” reads “cat” 87 %" in said(root))
    assert_same_numbers(bench, root)
    map_pixels = "node => [...node.getContext('2d').getImageData(0, 0, node.width, node.height).data]"
    pixels = np.reshape(root.locator("canvas").nth(3).evaluate(map_pixels), (9, 9, 4))[..., 0]
    np.testing.assert_array_equal(pixels.argmin(axis=1), np.argmax(bench.array("heads.weights[3]"), axis=1))
    token(root, "left", 1).click()
    region = root.locator("[aria-live=polite]")
    until(lambda: region.inner_text().startswith("Head 3 (noun of “it”): “cat” reads “the” 87 %"))


def test_measures_are_those_of_the_kernel(bench: NotebookPage) -> None:
    root = show_heads(bench, "head=0, selected=0")
    shown = root.locator(".cw-heads-measure").all_inner_texts()
    expected = zip(bench.array("heads.mean_distance"), bench.array("heads.entropy[:, 0]"), strict=True)
    assert shown == [f"distance {distance:.1f}\nentropy {entropy:.2f}" for distance, entropy in expected]
    root.get_by_role("checkbox", name="Distance and entropy").uncheck()
    until(lambda: root.locator(".cw-heads-measure:visible").count() == 0)


def test_a_single_head_is_no_choice(bench: NotebookPage) -> None:
    root = show_heads(bench, "np.full((1, 3, 3), 1 / 3)")
    assert root.locator(".cw-heads-maps legend").inner_text() == "In small: rows read columns"
    assert root.get_by_role("checkbox").count() == 1, "there are no other heads, whose lines could be shown"


def test_cross_attention_has_other_tokens_on_the_right(bench: NotebookPage) -> None:
    options = "np.full((2, 3, 5), 0.2), tokens=['le', '<b>', 'dort'], key_tokens=['the', 'cat', '<i>', 'a', 'sleep']"
    root = show_heads(bench, options)
    assert root.locator(".cw-heads-left button").all_inner_texts() == ["le", "<b>", "dort"]
    assert root.locator(".cw-heads-right button").all_inner_texts() == ["the", "cat", "<i>", "a", "sleep"]
    assert root.locator("b, i").count() == 0
    assert "distance" not in root.locator(".cw-heads-maps").inner_text()
    token(root, "right", 4).click()
    assert_same_numbers(bench, root)


def test_themes_have_contrast_and_nothing_is_cut_even_at_the_largest(bench: NotebookPage) -> None:
    root = show_heads(
        bench,
        "np.random.default_rng(0).dirichlet(np.full(32, 0.1), (16, 32)), tokens=['international', *['word'] * 31], "
        "names=['a head with a long name', *['head'] * 15], all_heads=True, question='Which head?'",
    )
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
    assert bench.errors == []
