"""check, hint, ask, show_lines and progress, as a notebook sees them."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from course_lib.checks import ask, check, evaluate, hint, progress, progress_summary, progress_text, show_lines
from course_lib.checks.api import render_result
from course_lib.checks.engine import LESSONS, TASKS
from course_lib.checks.records.summary import render_progress
from course_lib.checks.tasks import ChoiceTask, FunctionTask, OrderTask

CHOICES = [name for name, task in TASKS.items() if isinstance(task, ChoiceTask)]


def right_softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def wrong_axis(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=0)


class Balanced(HTMLParser):
    """Fails on tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def html_of(shown):
    text = shown._repr_mimebundle_()["text/html"]
    Balanced(text)
    return text


# check


def test_check_shows_the_message_and_records(capsys, progress_file):
    assert check("softmax", wrong_axis) is None
    shown = capsys.readouterr().out
    assert shown.startswith("✎ softmax: not yet · M06: softmax over the wrong axis\n")
    assert "expected weights" in shown
    assert "your weights" in shown
    check("softmax", right_softmax)
    assert capsys.readouterr().out.startswith("✔ softmax: passed · 2 of 2 points\n")
    kept = json.loads(progress_file.read_text())["tasks"]["softmax"]
    assert kept == {"attempts": 2, "status": "passed", "confusions": ["M06"]}


def test_a_passed_task_stays_passed(capsys):
    check("softmax", right_softmax)
    check("softmax", wrong_axis)
    task = progress_summary()["lessons"][2]["tasks"][3]
    assert (task["name"], task["status"], task["attempts"]) == ("softmax", "passed", 2)


def test_a_passed_check_says_the_same_every_time(capsys):
    shown = []
    for _ in range(2):
        check("softmax", right_softmax)
        shown.append(capsys.readouterr().out)
        hint("softmax")
        capsys.readouterr()
    assert shown[0] == shown[1]


def test_an_unfinished_answer_is_no_attempt(capsys, progress_file):
    check("softmax", ...)
    check("predict_spread", ...)
    check("order_attention", ...)
    check("no_such_task", right_softmax)
    assert not progress_file.exists()


@pytest.mark.parametrize(
    ("name", "answer"),
    [("softmax", wrong_axis), ("softmax", ...), ("predict_spread", ...), ("order_attention", "B"), ("nothing", 1)],
)
def test_under_nbgrader_an_answer_that_has_not_passed_raises(name, answer, monkeypatch, capsys, progress_file):
    check(name, answer)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match=re.escape(evaluate(name, answer).message[:30])):
        check(name, answer)


def test_under_nbgrader_a_right_answer_passes_and_the_learners_progress_is_left_alone(
    monkeypatch, capsys, progress_file
):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    check("softmax", right_softmax)
    check("predict_spread", "a")
    assert not progress_file.exists()


def test_a_drawing_that_fails_still_gives_the_message(monkeypatch, capsys):
    monkeypatch.setattr("course_lib.checks.api.render_result", lambda *_: 1 / 0)
    check("softmax", right_softmax)
    assert "all agree with the definition" in capsys.readouterr().out


# HTML


def test_a_wrong_answer_is_drawn_beside_the_target_without_relying_on_colour():
    text = html_of(render_result(evaluate("softmax", wrong_axis)))
    assert text.count("<table") == 2
    assert "≠" in text
    assert "✎" in text
    assert "not yet" in text
    assert "<code>axis=</code>" in text
    colours = re.findall(r"#[0-9a-f]{3,6}|var\([^)]*\)", text)
    assert colours
    assert all(colour.startswith(("var(--jp-", "#")) for colour in colours)


def test_text_of_the_learner_is_escaped():
    def sneaky(scores):
        print("<script>alert(1)</script>")
        raise ValueError("<img src=x onerror=alert(2)>")

    text = html_of(render_result(evaluate("softmax", sneaky), ["<b>note</b>"]))
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;img src=x" in text
    assert "&lt;b&gt;note" in text
    assert "<script" not in html_of(render_result(evaluate("<script>", 1)))


@pytest.mark.parametrize("answer", [lambda s: s.T, lambda s: 1.0, lambda s: s[None], np.tanh, lambda s: s * np.nan])
def test_every_shape_can_be_drawn(answer):
    html_of(render_result(evaluate("softmax", answer)))


def test_a_failing_case_can_be_pasted_into_a_cell():
    shown = repr(render_result(evaluate("attention", lambda query, key, value: query @ key.swapaxes(-1, -2) @ value)))
    code = shown.split("The input of this case:\n")[1]
    names = {"np": np}
    exec(code, names)
    assert names["query"].shape == (2, 5)
    assert names["value"].shape == (3, 4)


def test_the_notebook_gets_one_thing_with_both_forms(monkeypatch):
    IPython = pytest.importorskip("IPython")
    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", shown.append)
    check("softmax", right_softmax)
    assert len(shown) == 1
    assert set(shown[0]._repr_mimebundle_()) == {"text/plain", "text/html"}


# Predictions


@pytest.mark.parametrize("name", CHOICES)
def test_every_letter_of_a_prediction_is_welcome(name):
    task = TASKS[name]
    assert task.right in task.options
    assert list(task.options) == ["a", "b", "c"]
    for letter in task.options:
        result = evaluate(name, letter)
        assert (result.status, result.points, result.max_points) == ("passed", 0, 0)
        assert result.message.startswith(f"You said {letter}: ")
        assert ("That is what happens." in result.message) == (letter == task.right)
        assert result.confusion == (None if letter == task.right else task.confusion)
        assert task.reveal() in result.message


@pytest.mark.parametrize("name", CHOICES)
def test_a_prediction_waits_for_a_letter(name):
    for answer in (..., None, "", "..."):
        result = evaluate(name, answer)
        assert result.status == "not_started"
        assert result.message.startswith("Commit first: answer = 'a', 'b' or 'c'")
        assert TASKS[name].reveal() not in result.message
    assert "but it is 'z'" in evaluate(name, "z").message
    assert "a value of type int" in evaluate(name, 2).message
    assert evaluate(name, " B) ").message.startswith("You said b")


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("predict_x_twice_as_long", ["[3, -2]", "[6, -4]"]),
        ("predict_longer_key", ["scores 3", "scores 6"]),
        ("predict_spread", ["2.0 for d_k = 4", "8.0 for d_k = 64"]),
        ("predict_rescaled_keys", ["from 1 to 100"]),
        ("predict_row_or_column", ["rows sum to 1 and 1", "0.29, 1.51 and 0.20"]),
        ("predict_add_constant", ["0.269 and 0.731; 11 and 12 give 0.269 and 0.731"]),
        ("predict_double_scores", ["0.27 and 0.73; 2 and 4 give 0.12 and 0.88"]),
        ("predict_equal_scores", ["[1, 2]"]),
        ("predict_sums_to_one", ["scores sums to -0.5, its weights to 1"]),
        ("predict_outside_hull", ["a query of 1000 gives 3.00"]),
        ("predict_shared_matrix", ["both scores are 5", "A to B gets 4", "B to A 3"]),
        ("predict_same_token", ["[1.67, 0.33] beside one neighbour and [0.50, 1.50] beside another"]),
        ("predict_far_token", ["0.00112 to token 1 and 0.00112 to token 500"]),
        ("predict_long_way", ["0.9 to the power of 499 is 1e-23", "0.002 of it arrives"]),
        ("predict_both_directions", ["A to B scores 2 and B to A 4", "(0, 1) is 1 and its entry (1, 0) is 2"]),
        ("predict_merged_weights", ["an example is 0)", "64 numbers and rank 2", "have 32 in all"]),
        ("predict_zero_score", ["give 0.84, 0.04 and 0.11", "they give 0.95, 0.05 and 0."]),
        ("predict_mask_after_softmax", ["0.24, 0 and 0.09, in all 0.33", "0.73, 0 and 0.27"]),
        ("predict_nothing_allowed", ["-inf - (-inf) is NaN", "would get 0.33", "weights of 0, and so"]),
        ("predict_training", ["one pass gives 6 outputs, the same numbers as 6 passes"]),
        ("predict_padding_in_front", ["padding 0 times", "and 6 times if it stands in front"]),
        ("predict_one_coordinate", ["with 4 heads, 4 of them change"]),
        ("predict_split_at_once", ["tokens 0 and 1 after the reshape", "tokens 0, 1, 2 and 3 as it should"]),
        ("predict_more_heads", ["12288 numbers in all with 1 head and 12288 with 8"]),
        ("predict_output_map", ["it moves by 0.", "it moves by 1.93", "added up, gives the same"]),
        ("predict_cross_attention", ["has shape (3, 8)"]),
    ],
)
def test_revealed_numbers_are_the_known_ones(name, numbers):
    for number in numbers:
        assert number in TASKS[name].reveal()


def test_the_first_committed_answer_is_kept(capsys, progress_file):
    check("predict_longer_key", "a")
    assert "Your first answer" not in capsys.readouterr().out
    check("predict_longer_key", "c")
    assert "Your first answer, a, stays in the record" in capsys.readouterr().out
    kept = json.loads(progress_file.read_text())["tasks"]["predict_longer_key"]
    assert kept == {"attempts": 2, "status": "passed", "first_answer": "a", "confusions": ["M28"]}


def test_ask_shows_the_question_and_its_options(capsys):
    ask("predict_row_or_column")
    shown = capsys.readouterr().out
    assert "what sums to 1?" in shown
    assert "  b  each column\n" in shown
    ask("softmax")
    assert "is no prediction" in capsys.readouterr().out
    ask("predict_rows")
    assert "Did you mean" in capsys.readouterr().out


# The order of lines


@pytest.mark.parametrize("answer", ["CFEAB", "cfeab", "C F E A B", "C, F, E, A, B", list("CFEAB"), ("CFE", "AB")])
def test_the_right_order_passes_however_it_is_written(answer):
    assert evaluate("order_attention", answer).passed


@pytest.mark.parametrize(
    ("answer", "confusion", "said"),
    [
        ("CDEAB", "M03", "key.shape[0] is the number of keys"),
        ("CFEGB", "M06", "A sum over axis 0 runs over the queries"),
        ("CFEAH", "M01", "The values are mixed by weights"),
        ("CEAB", "M02", "The division by sqrt(d_k) is missing"),
        ("CEFAB", "M02", "comes too late"),
        ("FCEAB", None, "Line 1 is F"),
        ("CFAEB", None, "it uses `exponentials`, which no line above has made"),
        ("CFEA", None, "there is no `output` yet"),
        ("CFEABB", None, "B comes twice"),
        ("CFEAX", None, "There is no line X"),
        (["C", 3], None, "a value of type list came"),
        (7, None, "a value of type int came"),
    ],
)
def test_a_wrong_order_says_what_is_amiss(answer, confusion, said):
    result = evaluate("order_attention", answer)
    assert (result.status, result.confusion) == ("not_yet", confusion)
    assert said in result.message


@pytest.mark.parametrize("answer", [..., None, "", [], "  "])
def test_an_empty_order_is_not_started(answer):
    assert evaluate("order_attention", answer).status == "not_started"


def test_only_one_order_of_the_lines_is_right():
    from itertools import permutations

    task = TASKS["order_attention"]
    right = [
        "".join(order)
        for length in (4, 5)
        for order in permutations(task.lines, length)
        if evaluate("order_attention", "".join(order)).passed
    ]
    assert right == [task.solution]


def test_lines_are_shown_with_their_letters(capsys):
    show_lines("order_attention")
    shown = capsys.readouterr().out
    for letter, line in TASKS["order_attention"].lines.items():
        assert f"  {letter}  {line}\n" in shown
    show_lines("softmax")
    assert "has no lines" in capsys.readouterr().out


# Hints


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if isinstance(task, FunctionTask | OrderTask)])
def test_hints_climb_rung_by_rung_and_end(name, capsys, progress_file):
    for rung, text in enumerate(TASKS[name].hints, start=1):
        hint(name)
        shown = capsys.readouterr().out
        assert shown.startswith(f"Hint {rung} of 3. ")
        assert text in shown
        assert len(text) <= 220
    hint(name)
    shown = capsys.readouterr().out
    assert "There are no more hints" in shown
    assert all(text in shown for text in TASKS[name].hints)
    assert json.loads(progress_file.read_text())["tasks"][name]["hints"] == 4


def test_hints_for_what_has_none(capsys):
    hint("predict_spread")
    assert "any answer is welcome" in capsys.readouterr().out
    hint("softmaxx")
    assert "Did you mean 'softmax'" in capsys.readouterr().out


# Progress


def test_progress_counts_tasks_by_lesson(capsys):
    empty = progress_summary()
    counted = [task for task in TASKS.values() if task.lesson in LESSONS]
    assert (empty["percent"], empty["done"], empty["total"]) == (0, 0, len(counted))
    assert [lesson["lesson"] for lesson in empty["lessons"]] == list(LESSONS)
    check("softmax", right_softmax)
    check("softmax_with_temperature", wrong_axis)
    check("predict_row_or_column", "b")
    summary = progress_summary()
    softmax = summary["lessons"][2]
    assert (softmax["done"], softmax["total"], softmax["percent"]) == (2, 6, 33)
    assert summary["percent"] == 100 * 2 // len(counted)
    json.dumps(summary)


def test_progress_counts_the_lessons_that_have_an_exercise_notebook():
    sources = Path(__file__).parents[2] / "exercises" / "source"
    assert list(LESSONS) == sorted(int(path.name[:2]) for path in sources.glob("[0-9][0-9]_*.py"))
    assert {task.lesson for task in TASKS.values()} >= set(LESSONS)


def test_a_task_without_a_notebook_can_be_checked_and_recorded(monkeypatch, capsys, progress_file):
    monkeypatch.setattr(sys.modules["course_lib.checks.records.summary"], "LESSONS", {3: LESSONS[3]})
    check("weighted_sum", lambda weights, value: weights @ value)
    assert json.loads(progress_file.read_text())["tasks"]["weighted_sum"]["status"] == "passed"
    summary = progress_summary()
    assert (summary["done"], summary["total"]) == (0, 6)
    assert "weighted_sum" not in progress_text(summary)


def test_progress_is_drawn_and_written(capsys):
    check("softmax", right_softmax)
    hint("attention")
    capsys.readouterr()
    progress()
    shown = capsys.readouterr().out
    assert "The whole course  [" in shown
    assert "✔ softmax                    passed, 1 attempt\n" in shown
    assert "○ attention                  not started, 1 hint\n" in shown
    summary = progress_summary()
    assert progress_text(summary) + "\n" == shown
    text = html_of(render_progress(summary))
    assert 'aria-label="03 Softmax: 16 %, 1 of 6"' in text


def test_a_strange_record_never_stops_progress(progress_file):
    progress_file.write_text('{"version": 1, "tasks": {"softmax": {"status": 7, "attempts": "x", "hints": null}}}')
    task = progress_summary()["lessons"][2]["tasks"][3]
    assert task == {"name": "softmax", "title": "Softmax", "status": "not_started", "attempts": 0, "hints": 0}
    check("softmax", right_softmax)
    assert progress_summary()["lessons"][2]["tasks"][3]["attempts"] == 1


def test_evaluate_shows_itself_at_the_end_of_a_cell_as_check_does():
    bundle = evaluate("softmax", wrong_axis)._repr_mimebundle_()
    assert bundle["text/plain"].startswith("✎ softmax: not yet · M06: softmax over the wrong axis\n")
    assert "expected weights" in bundle["text/html"]


def test_no_option_of_a_question_is_shaded_as_if_it_were_chosen(monkeypatch):
    shown = []
    monkeypatch.setattr("course_lib.checks.api.show", shown.append)
    ask("predict_longer_key")
    drawn = shown[0]._repr_mimebundle_()["text/html"]
    assert drawn.count("<tr") == drawn.count('<tr style="background:none">') == 3
