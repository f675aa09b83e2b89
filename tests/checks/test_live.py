"""ask and show_lines where a kernel runs: live, and otherwise word for word the same."""

import json
import sys
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest

from course_lib.checks import api, ask, check, show_lines
from course_lib.checks.engine import TASKS, evaluate
from course_lib.checks.showing import live
from course_lib.checks.showing.rendering import render_result
from course_lib.widgets import OrderLines, Predict

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Pretend that a kernel runs, and collect what it would display."""
    bundles: list[dict[str, Any]] = []
    monkeypatch.setitem(sys.modules, "comm", SimpleNamespace(create_comm=shown_to_nobody))
    monkeypatch.setattr(api, "show", lambda one: bundles.append(one._repr_mimebundle_()))
    return bundles


def shown_to_nobody() -> None:
    """Stands for the way to open a channel that a kernel puts in."""


def widget_of(bundle: dict[str, Any]) -> Any:
    return ipywidgets.widgets.widget._instances[bundle[VIEW]["model_id"]]


def test_a_question_has_the_same_words_with_and_without_a_kernel(shown, capsys, monkeypatch):
    for show, name in ((ask, "predict_spread"), (show_lines, "order_attention")):
        monkeypatch.setattr(live, "_may_show_widgets", lambda: True)
        show(name)
        monkeypatch.setattr(live, "_may_show_widgets", lambda: False)
        show(name)
        with_kernel, without = shown[-2:]
        assert set(with_kernel) - set(without) == {VIEW}
        assert {mime: with_kernel[mime] for mime in without} == without


def test_committing_is_the_same_as_a_check(shown, progress_file):
    ask("predict_spread")
    predict = widget_of(shown[-1])
    assert isinstance(predict, Predict)
    assert (predict.question, predict.options) == (TASKS["predict_spread"].asked, TASKS["predict_spread"].options)
    predict.set_state({"answer": "a"})  # what the page sends
    by_widget = json.loads(progress_file.read_text())["tasks"]["predict_spread"]
    said = predict.revealed
    progress_file.unlink()
    check("predict_spread", "a")
    assert json.loads(progress_file.read_text())["tasks"]["predict_spread"] == by_widget
    assert shown[-1]["text/plain"] == said


def test_a_recorded_prediction_opens_answered_and_a_check_sees_it(shown, progress_file):
    ask("predict_longer_key")
    widget_of(shown[-1]).set_state({"answer": "a"})
    recorded = progress_file.read_text()
    ask("predict_longer_key")
    again = widget_of(shown[-1])
    assert again.answer == "a"
    assert again.revealed == repr(render_result(evaluate("predict_longer_key", "a")))
    check("predict_longer_key", ...)
    assert shown[-1]["text/plain"].startswith("✔ your prediction\nYou said a: stays.")
    assert "You committed to a where the question was asked" in shown[-1]["text/plain"]
    assert progress_file.read_text() == recorded, "looking at it again is no attempt"
    check("predict_longer_key", "c")
    assert "Your first answer, a, stays in the record" in shown[-1]["text/plain"]


def test_two_pages_with_one_question_keep_the_first_answer(shown, progress_file):
    ask("predict_longer_key")
    ask("predict_longer_key")
    first, second = map(widget_of, shown)
    first.set_state({"answer": "b"})
    second.set_state({"answer": "c"})
    assert "Your first answer, b, stays in the record" in second.revealed
    assert json.loads(progress_file.read_text())["tasks"]["predict_longer_key"]["first_answer"] == "b"


def test_the_button_below_the_lines_is_the_same_judge(shown, progress_file):
    show_lines("order_attention")
    order = widget_of(shown[-1])
    assert isinstance(order, OrderLines)
    for count, letters in enumerate(("CDEAB", "CFEAB"), start=1):
        order.set_state({"answer": letters, "asked": count})
        check("order_attention", letters)
        assert order.message == shown[-1]["text/plain"]
    kept = json.loads(progress_file.read_text())["tasks"]["order_attention"]
    assert kept == {"attempts": 4, "status": "passed", "confusions": ["M03"]}


def test_under_nbgrader_and_in_a_terminal_there_is_no_widget(shown, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    ask("predict_spread")
    monkeypatch.delenv("NBGRADER_EXECUTION")
    monkeypatch.setattr(sys.modules["comm"], "create_comm", SimpleNamespace(__module__="comm"))
    show_lines("order_attention")
    monkeypatch.delitem(sys.modules, "comm")
    ask("predict_spread")
    assert all(set(bundle) == {"text/plain", "text/html"} for bundle in shown)


@pytest.mark.parametrize("missing", ["anywidget", "ipywidgets", "matplotlib"])
def test_a_missing_widget_stops_nobody(missing, shown, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("course_lib.widgets", "course_lib.plots", missing))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    ask("predict_spread")
    assert set(shown[-1]) == {"text/plain", "text/html"}


def test_every_question_and_every_list_of_lines_has_a_live_form(shown):
    for name, task in TASKS.items():
        if hasattr(task, "options"):
            ask(name)
        elif hasattr(task, "lines"):
            show_lines(name)
        else:
            continue
        assert VIEW in shown[-1], name
