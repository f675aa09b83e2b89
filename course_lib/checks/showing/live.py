"""The live forms of a prediction and of lines to be ordered, where a front end runs.

Nothing here is needed: where no kernel runs, where a notebook is graded, or where widgets are not installed, each
function gives None, and the text and the table that are always shown are all there is.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from course_lib.checks.engine import evaluate
from course_lib.checks.showing.rendering import render_result
from course_lib.checks.tasks import ChoiceTask, OrderTask

View = dict[str, Any]
Answered = Callable[[str], str]


def prediction(task: ChoiceTask, committed: str, answered: Answered) -> View | None:
    """Return the live view of a prediction, or None.

    Parameters
    ----------
    task : ChoiceTask
    committed : str
        The letter that is on record; the view then opens answered. '' where there is none.
    answered : callable
        ``answered(letter)`` records the prediction and returns what the learner reads.
    """

    def make() -> Any:
        from course_lib.widgets import Predict

        predict = Predict(task.asked, task.options, reveal=task.reveal(), right=task.right, answer=committed)
        if committed:
            predict.revealed = repr(render_result(evaluate(task.name, committed)))
        predict.on_commit(answered)
        return predict

    return _view_of(make)


def order(task: OrderTask, answered: Answered) -> View | None:
    """Return the live view of lines to be ordered, or None; ``answered(letters)`` as in `prediction`."""

    def make() -> Any:
        from course_lib.widgets import OrderLines

        lines = OrderLines(task.lines, question=task.asked)
        lines.on_check(answered)
        return lines

    return _view_of(make)


def _view_of(make: Callable[[], Any]) -> View | None:
    if not _may_show_widgets():
        return None
    try:
        widget = make()
    except Exception:  # the text and the table are shown in any case; a missing widget stops nobody
        return None
    return {"application/vnd.jupyter.widget-view+json": {
        "version_major": 2, "version_minor": 1, "model_id": widget.model_id,
    }}  # fmt: skip


def _may_show_widgets() -> bool:
    """Say whether a kernel runs this that could reach a front end; a terminal's Python has nobody to talk to."""
    if os.environ.get("NBGRADER_EXECUTION"):
        return False
    channel = sys.modules.get("comm")  # a kernel has it loaded, and its own way to open a channel put in
    return channel is not None and channel.create_comm.__module__ != "comm"
