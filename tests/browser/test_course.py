"""The course as a learner meets it: a lesson whose picture is dragged, an exercise answered wrongly, then rightly."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from jupyter_page import NotebookPage
from stage_page import handle, picture, until, vector

WRONG_AXIS = """def softmax(scores):
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum(axis=0)"""
RIGHT = """def softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)"""


def stage_in(lab: NotebookPage, cell_id: str) -> Any:
    root = lab.cell(lab.cell_index(cell_id)).locator(".cw-root")
    root.locator(".cw-plane").first.wait_for()
    return root


def errors_of(lab: NotebookPage) -> list[Any]:
    cells = lab.page.locator(".jp-Notebook .jp-Cell").count()
    is_code = "(i) => window.jupyterapp.shell.currentWidget.content.widgets[i].model.type === 'code'"
    outputs = [output for i in range(cells) if lab.page.evaluate(is_code, i) for output in lab.outputs(i)]
    return [output for output in outputs if output["output_type"] == "error"]


def test_lesson_04_drag_a_query_and_all_three_steps_follow(lab: NotebookPage) -> None:
    lab.open("notebooks/04_weighted_sum.ipynb")
    lab.run_all()
    assert errors_of(lab) == []
    root = stage_in(lab, "where-stage")
    root.scroll_into_view_if_needed()
    before = picture(root)
    lab.drag(handle(root, "query the"), -80, -30)
    lab.release()
    after = picture(root)
    for step in ("scores", "weights", "output"):
        assert np.abs(np.subtract(after[step], before[step])).max() > 0.05, f"{step} did not follow"
    until(lambda: np.allclose(lab.array("stage.output[0]"), after["output"], atol=0.0051))


def test_lesson_02_its_slider_moves_the_picture(lab: NotebookPage) -> None:
    lab.open("notebooks/02_scores.ipynb")
    lab.run_all()
    assert errors_of(lab) == []
    root = stage_in(lab, "length-stage")
    knob = lab.cell(lab.cell_index("length-sliders")).locator(".noUi-handle").first
    knob.wait_for()
    before = vector(root, "key cat")
    knob.focus()
    for _ in range(10):
        knob.press("ArrowRight")
    until(lambda: vector(root, "key cat")[0] > before[0] + 0.4)
    assert vector(root, "key cat")[1] == before[1]


def answer_softmax(lab: NotebookPage, source: str) -> str:
    """Type an answer into exercise 03 as a learner would, run it and its check, and read what the page says."""
    answer, check = lab.cell_index("softmax-exercise"), lab.cell_index("softmax-check")
    lab.set_source(answer, source)
    assert lab.run_cell(answer) == []
    lab.run_cell(check)
    return str(lab.cell(check).locator(".jp-OutputArea-output").first.inner_text())


def test_exercise_03_names_the_mistake_and_then_accepts_the_answer(lab: NotebookPage) -> None:
    lab.open("exercises/03_softmax.ipynb")
    lab.run_all()  # untouched, it reaches the bottom
    assert errors_of(lab) == []
    assert lab.outputs(lab.cell_index("softmax-progress")) != []
    wrong = answer_softmax(lab, WRONG_AXIS)
    assert "not yet" in wrong
    assert "M06" in wrong
    assert "your weights" in wrong, "the target and the learner's table stand side by side"
    assert "softmax: passed" in answer_softmax(lab, RIGHT)
    told = json.loads(lab.ask("import json; from course_lib.checks import *; print(json.dumps(progress_summary()))"))
    tasks = {task["name"]: task for lesson in told["lessons"] for task in lesson["tasks"]}
    assert tasks["softmax"]["status"] == "passed"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_feedback_is_readable_in_both_themes(open_page: Callable[..., NotebookPage], theme: str) -> None:
    lab = open_page(theme=theme).open("exercises/03_softmax.ipynb")
    lab.run_cell(lab.cell_index("softmax-exercise-imports"))
    answer_softmax(lab, WRONG_AXIS)
    shown = lab.cell(lab.cell_index("softmax-check")).locator(".jp-RenderedHTMLCommon").first
    colours = shown.evaluate(
        """(node) => [...node.querySelectorAll("div, td, caption")].map((part) => getComputedStyle(part).color)"""
    )
    background = lab.page.locator(".jp-Notebook").first.evaluate("(node) => getComputedStyle(node).backgroundColor")
    paper = luminance(background)
    for colour in set(colours):
        high, low = sorted([luminance(colour), paper], reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, f"{colour} on {background}"


def luminance(colour: str) -> float:
    """Return the relative luminance of a CSS colour, as WCAG 2 defines it."""
    channels = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
