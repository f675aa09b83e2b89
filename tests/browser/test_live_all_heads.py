"""All heads in a real JupyterLab: tokens and heads picked by mouse and keys, sorted; what is said is the kernel's."""

from typing import Any

import numpy as np
from jupyter_page import NotebookPage
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import until

MAKE = """import numpy as np
from course_lib.widgets import AllHeads
rng = np.random.default_rng(0)
weights = rng.dirichlet(np.ones(6) / 3, size=(30, 9, 6))
scores = {"one": rng.uniform(size=(30, 9)), "two": rng.uniform(size=(30, 9))}"""
SHOW = 'heads = AllHeads(weights, scores, tokens=["I", "met", "<b>Mary", "by", "the", "sea"], selected=2)\nheads'


def show(lab: NotebookPage) -> Any:
    lab.page.mouse.move(0, 0)
    lab.run_sources(MAKE, SHOW)
    root = lab.cell(1).locator(".cw-root")
    root.locator(".cw-all-head").first.wait_for()
    return root


def said(root: Any) -> str:
    return str(root.locator(".cw-readout").inner_text())


def agrees(lab: NotebookPage, root: Any) -> bool:
    """The sentence is that of the kernel, the first lines are its order, the numbers its weights."""
    lines = root.locator(".cw-all-head > span:first-child").all_inner_texts()
    order = lab.array("heads.order")
    numbers = [float(text) for text in root.locator(".cw-all-number").all_inner_texts()]
    row = lab.array("heads.weights.reshape(-1, 6, 6)[heads.head, heads.selected]")
    return (
        said(root) == lab.ask("print(heads)").strip()
        and lines == [f"layer {head // 9} head {head % 9}" for head in order]
        and np.allclose(numbers, row, atol=0.0051)
    )


def test_tokens_and_heads_are_picked_by_mouse_and_keys_and_sorted(bench: NotebookPage) -> None:
    root = show(bench)
    until(lambda: agrees(bench, root))
    assert root.locator(".cw-all-head").count() == 270
    root.locator(".cw-all-token").nth(4).click()
    until(lambda: bench.ask("print(heads.selected)").strip() == "4")
    root.locator(".cw-all-token").nth(4).press("ArrowLeft")
    until(lambda: bench.ask("print(heads.selected)").strip() == "3")
    root.get_by_role("radio", name="two").check(force=True)
    until(lambda: bench.ask("print(heads.sort_by)").strip() == "1")
    until(lambda: agrees(bench, root))
    root.locator(".cw-all-head").nth(2).click()
    until(lambda: bench.ask("print(heads.head == heads.order[2])").strip() == "True")
    root.locator(".cw-all-head").nth(2).press("ArrowDown")
    until(lambda: bench.ask("print(heads.head == heads.order[3])").strip() == "True")
    root.locator(".cw-all-head").nth(3).press("End")
    until(lambda: bench.ask("print(heads.head == heads.order[269])").strip() == "True")
    until(lambda: agrees(bench, root))
    bench.ask("heads.head, heads.selected, heads.sort_by = 17, 5, 2")
    until(lambda: agrees(bench, root))
    assert root.get_by_role("radio", name="layer").is_checked()


def test_a_line_of_the_map_is_picked_and_its_colours_are_the_weights(bench: NotebookPage) -> None:
    root = show(bench)
    cells = root.locator(".cw-all-cells")
    cells.click(position={"x": 30, "y": 5 * 20 + 10})
    until(lambda: bench.ask("print(heads.head == heads.order[5])").strip() == "True")
    pixels = root.locator(".cw-all-map").evaluate(
        "(map) => [map.width, map.height, ...map.getContext('2d').getImageData(0, 0, 6, 270).data]"
    )
    assert pixels[:2] == [6, 270]
    light = np.array(pixels[2:]).reshape(270, 6, 4)[..., :3].sum(axis=-1)
    rows = np.array(bench.array("heads.weights.reshape(-1, 6, 6)[heads.order, heads.selected]")).reshape(270, 6)
    for brightness, row in zip(light, rows, strict=True):  # the darker, the larger
        assert brightness[row.argmax()] == brightness.min()


def test_names_are_text_nothing_is_cut_and_both_themes_can_be_read(bench: NotebookPage) -> None:
    root = show(bench)
    assert root.locator("b").count() == 0
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        bench.change_theme(theme)
        until(lambda: agrees(bench, root))
        assert root.evaluate(LOW_CONTRAST) == []
        assert root.evaluate(CUT_TEXT) == []
    assert bench.errors == []


def test_names_keep_apart_on_a_narrow_page_where_the_list_scrolls_instead(bench: NotebookPage) -> None:
    bench.page.mouse.move(0, 0)
    many = "heads = AllHeads(rng.dirichlet(np.ones(16), size=(30, 9, 16)), tokens=['international'] * 16)\nheads"
    bench.run_sources(MAKE, many)
    root = bench.cell(1).locator(".cw-root")
    root.locator(".cw-all-head").first.wait_for()
    bench.page.set_viewport_size({"width": 640, "height": 900})
    bench.page.wait_for_timeout(300)
    lefts = root.locator(".cw-all-token").evaluate_all("nodes => nodes.map((node) => node.getBoundingClientRect().x)")
    assert np.diff(lefts).min() >= 12.9
    assert root.evaluate("node => node.scrollWidth <= node.clientWidth")
    root.locator(".cw-all-token").first.press("End")  # the last token comes into view, beside the names of the heads
    last, box = (root.locator(part).last.bounding_box() for part in (".cw-all-token", ".cw-all-box"))
    corner = root.locator(".cw-all-corner").bounding_box()
    assert corner["x"] + corner["width"] <= last["x"] + 1
    assert last["x"] + last["width"] <= box["x"] + box["width"] + 1
    bench.page.set_viewport_size({"width": 1280, "height": 900})
