"""One submission, marked: full marks for every right notebook, however it is written; else the notebook's verdict."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from hostile import CHECKS, IMPORTS, PATIENT, RIGHT, honest, submission, without_seconds

from course_lib.attention import attention
from course_lib.checks.engine import evaluate, find_task
from course_lib.errors import OptionError
from course_lib.grading.assignments import ASSIGNMENTS
from course_lib.grading.intake import read_submission
from course_lib.grading.marking import Limits, Marker
from course_lib.grading.submission import Cell
from notebooks import ROOT, solution

SOLVED = sorted(path.stem for path in (ROOT / "exercises/solutions").glob("*.ipynb"))


@pytest.fixture(scope="module")
def marker():
    with Marker(limits=PATIENT) as made:
        yield made


def mark_of(marked, task):
    return next(mark for mark in marked.marks if mark.task == task)


def points_of(exercise):
    return sum(find_task(asked.task).points for asked in ASSIGNMENTS[exercise].asked)


@pytest.mark.parametrize("exercise", SOLVED)
def test_every_solution_gets_full_marks(marker, exercise):
    submitted = read_submission(ROOT / "exercises/solutions" / f"{exercise}.ipynb", learner="ann")
    marked = marker.mark(submitted)
    assert [mark.task for mark in marked.marks] == [asked.task for asked in ASSIGNMENTS[exercise].asked]
    assert {mark.status for mark in marked.marks} == {"passed"}
    assert marked.points == marked.max_points == points_of(exercise) > 0
    if exercise != "11_real_model":  # some of its cells ask the real model, which is not there
        assert marked.remarks == submitted.remarks


@pytest.mark.parametrize("exercise", SOLVED)
def test_an_untouched_exercise_is_not_started(marker, exercise):
    marked = marker.mark(read_submission(ROOT / "exercises" / f"{exercise}.ipynb", learner="ben"))
    hunts = {mark.task for mark in marked.marks if mark.task.startswith("bug_hunt")}
    assert marked.points == 0
    assert {mark.status for mark in marked.marks if mark.task not in hunts} == {"not_started"}
    # Some bug hunts give their wrong function in the cell of the answer, others leave that cell empty.
    assert {mark_of(marked, task).status for task in hunts} <= {"not_started", "not_yet"}


WRONG_SOFTMAX = {
    "M06": "np.exp(scores) / np.exp(scores).sum(axis=0)",
    None: "np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)",  # overflows
}


@pytest.mark.parametrize("confusion", WRONG_SOFTMAX)
def test_a_wrong_answer_gets_the_confusion_and_the_message_of_the_notebook(marker, confusion):
    code = f"def softmax(scores):\n    return {WRONG_SOFTMAX[confusion]}"
    mark = mark_of(marker.mark(submission("wrong", IMPORTS, code)), "softmax")
    space = {"np": np}
    exec(code, space)
    local = evaluate("softmax", space["softmax"])
    assert mark.confusion == local.confusion == confusion
    assert (mark.status, mark.points, mark.program) == (local.status, 0, local.program)
    assert mark.message.split("\n")[-2:] == local.message.split("\n")[-2:]  # why, and where to look; the numbers differ


def test_wrong_answers_of_every_exercise_get_the_verdicts_that_they_get_in_notebooks(marker):
    """Each solution with one number changed, a mistake that nobody named."""
    for exercise in SOLVED:
        content = solution(exercise)
        cells = tuple(Cell(cell["cell_type"], "".join(cell["source"])) for cell in content["cells"])
        spoiled = [_spoil(cell) for cell in cells]
        submitted = submission("spoiled", exercise=exercise)
        submitted = type(submitted)("spoiled", exercise, "x.ipynb", f"digest-{exercise}", tuple(spoiled))
        expected = _in_this_process(spoiled, exercise)
        marked = marker.mark(submitted)
        assert {mark.task: (mark.status, mark.confusion) for mark in marked.marks} == expected, exercise


def _spoil(cell):
    changes = (
        ("axis=-1", "axis=0"),
        ("np.sqrt(", "("),
        (" - ", " + "),
        ("-3, -2", "-2, -3"),
        ("<=", "<"),
        ("==", "!="),
    )
    source = cell.source
    for before, after in changes:
        if "def " in source and before in source:
            return Cell(cell.kind, source.replace(before, after, 1))
    return cell


def _in_this_process(cells, exercise):
    """The verdicts of `evaluate` for a notebook of ours."""
    space, verdicts = {}, {}
    for cell in cells:
        if cell.kind == "code":
            exec(cell.source, space)
    for asked in ASSIGNMENTS[exercise].asked:
        result = evaluate(asked.task, space[asked.answer])
        verdicts[asked.task] = (result.status, result.confusion)
    return verdicts


def test_the_same_bytes_and_seed_give_the_same_marks(marker):
    talkative = submission("ann", IMPORTS, "print(object(), np.random.rand(), hash('text'))", *RIGHT.values())
    first = without_seconds(marker.mark(talkative))
    assert "0x…" in first.printed
    assert without_seconds(marker.mark(talkative)) == first
    with Marker(limits=PATIENT) as another:
        assert without_seconds(another.mark(talkative)) == first
    with Marker(limits=PATIENT, seed=1) as another:
        assert without_seconds(another.mark(talkative)).printed != first.printed


def test_inputs_differ_between_submissions_seeds_and_the_notebook(marker, tmp_path):
    """What one learner can find out about the inputs is of no use to another."""
    code = "def softmax(scores):\n    raise ValueError(str(scores.tolist()))"
    messages = [
        mark_of(marker.mark(submission(name, IMPORTS, code)), "softmax").message for name in ("ann", "ben", "ann")
    ]
    assert messages[0] == messages[2] != messages[1]
    space = {}
    exec(code, space)
    assert evaluate("softmax", space["softmax"]).message not in messages


FAIR = {
    "warnings": (
        "import warnings\nwarnings.warn('careful')\nwarnings.simplefilter('error', DeprecationWarning)",
        "1 / np.float64(0)",
    ),
    "prints": ("for number in range(3000):\n    print('a line', number)",),
    "plots": (
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", "plt.imshow(np.eye(3));",
    ),
    "magics": ("%time sum(range(10))\n%precision 3\nnp.pi", "%%time\nx = 1", "?print", "!ls", "%pip install nothing"),
    "errors-in-other-cells": ("1 / 0", "undefined", "def broken(:", "raise SystemExit", "exit()", "assert False"),
    "display": ("from IPython.display import HTML, Markdown, display\ndisplay(HTML('<b>x</b>'))\nMarkdown('x')",),
    "the-course's-own": (
        "from course_lib import plots\nfrom course_lib.widgets import SoftmaxBars\nSoftmaxBars([1, 2])",
        "from course_lib.attention import softmax as theirs, scaled_scores, causal_mask\nhint('softmax')\nprogress()",
        "from course_lib.models import Transformer",
    ),
    "asynchronous": ("import asyncio\nawait asyncio.sleep(0)",),
    "files": (
        "import shutil\nopen('notes.txt', 'w').write('x')\nshutil.copy2('notes.txt', 'more.txt')",
        "np.save('a.npy', np.eye(2))\nnp.load('a.npy')",
    ),
    "threads": (
        "import concurrent.futures\nwith concurrent.futures.ThreadPoolExecutor(4) as pool:\n"
        "    list(pool.map(abs, range(100)))",
    ),
    "input": ("name = input('your name: ')",),
    "widgets-of-others": ("import ipywidgets\nipywidgets.IntSlider()",),
    "random": ("rng = np.random.default_rng(0)\nnp.random.seed(1)\nrng.normal(size=3)",),
}  # fmt: skip


@pytest.mark.parametrize("name", FAIR)
def test_what_else_stands_in_a_notebook_costs_nothing(marker, name):
    marked = marker.mark(submission(name, IMPORTS, *FAIR[name], *RIGHT.values(), CHECKS))
    assert marked.points == 4, marked
    failing = {"errors-in-other-cells", "magics", "input"}
    assert name in failing or not [remark for remark in marked.remarks if remark.startswith("Cell")], marked.remarks


STYLES = {
    "float32": "np.asarray(weights(scores), dtype=np.float32)",
    "a-list": "weights(scores).tolist()",
    "a-tuple-of-rows": "tuple(weights(scores))",
    "another-order-in-memory": "np.asfortranarray(weights(scores))",
    "a-subclass": "weights(scores).view(Mine)",
    "in-place-on-a-copy": "in_place(scores)",
}


@pytest.mark.parametrize("style", STYLES)
def test_right_answers_of_every_style_get_full_marks(marker, style):
    helpers = """
        class Mine(np.ndarray):
            pass

        def weights(scores):
            exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
            return exponentials / exponentials.sum(axis=-1, keepdims=True)

        def in_place(scores):
            scores = scores.copy()
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            return scores
    """
    code = f"def softmax(scores):\n    return {STYLES[style]}"
    marked = marker.mark(submission(style, IMPORTS, helpers, code))
    assert mark_of(marked, "softmax").points == 2, mark_of(marked, "softmax")


def test_functions_are_found_by_name_wherever_the_cells_stand(marker):
    """Check cells deleted, doubled or in front, functions in one cell or in reverse order: the same points."""
    right = list(RIGHT.values())
    arrangements = [
        (IMPORTS, *right), (IMPORTS, *reversed(right), CHECKS, CHECKS), (CHECKS, IMPORTS, *right),
        (*right, CHECKS), ("import numpy as np", *right), (IMPORTS, "\n".join(map(str, map(_plain, right)))),
    ]  # fmt: skip
    for number, cells in enumerate(arrangements):
        submitted = submission(f"arrangement-{number}", *cells)
        has_numpy = any("import numpy" in cell for cell in cells)
        assert marker.mark(submitted).points == (4 if has_numpy else 0), cells


def _plain(code):
    import textwrap

    return textwrap.dedent(code)


def test_an_answer_under_another_name_counts_where_it_was_handed_to_check(marker):
    code = RIGHT["softmax"].replace("def softmax", "def my_solution")
    marked = marker.mark(submission("renamed", IMPORTS, code, 'check("softmax", my_solution)'))
    assert mark_of(marked, "softmax").points == 2


def test_a_later_attempt_that_is_wrong_does_not_undo_a_right_one(marker):
    code = (IMPORTS, RIGHT["softmax"], 'check("softmax", softmax)', "def softmax(scores):\n    return scores")
    assert mark_of(marker.mark(submission("later", *code)), "softmax").points == 2


def test_predictions_and_orders_are_read_from_what_ran(marker):
    code = ('order = "ECAB"', 'from course_lib.checks import check\ncheck("order_attention", order)')
    task = find_task("order_attention")
    right = submission("ordered", f"order = {task.solution!r}", exercise="04_weighted_sum")
    assert mark_of(marker.mark(right), "order_attention").points == task.points > 0
    letters = submission("listed", f"order = {list(task.solution)!r}", exercise="04_weighted_sum")
    assert mark_of(marker.mark(letters), "order_attention").points == task.points
    mixed = mark_of(marker.mark(submission("mixed", *code, exercise="04_weighted_sum")), "order_attention")
    assert mixed.status == "not_yet"
    prediction = submission("sees", 'answer = "b"', exercise="01_queries_keys_values")
    assert mark_of(marker.mark(prediction), "predict_shared_matrix").status == "passed"


@pytest.mark.parametrize("answer", ["5", "np.eye(3)", "{}", "print", "'softmax'", "['a']", "...", "None"])
def test_what_is_no_function_is_told_as_in_the_notebook(marker, answer):
    marked = marker.mark(submission(f"odd-{answer}", IMPORTS, f"softmax = {answer}"))
    mark, local = mark_of(marked, "softmax"), evaluate("softmax", eval(answer, {"np": np}))
    assert (mark.status, mark.message) == (local.status, local.message)


def test_a_missing_answer_names_the_cell_that_stopped(marker):
    marked = marker.mark(submission("typo", IMPORTS, "def softmax(scores:\n    return scores"))
    mark = mark_of(marked, "softmax")
    assert mark.status == "not_started"
    assert "There is no `softmax` after the notebook ran. Cell 2 stopped: SyntaxError" in mark.message
    assert marked.remarks[0].startswith("Cell 2: SyntaxError")


def test_the_library_s_own_function_says_that_it_is_not_there(marker):
    marked = marker.mark(submission("shortcut", "from course_lib.attention import softmax"))
    mark = mark_of(marked, "softmax")
    assert (mark.status, mark.points) == ("not_yet", 0)
    assert "The library's own `softmax` is not there while this exercise is graded" in mark.message


def test_functions_of_earlier_lessons_are_there(marker):
    code = "from course_lib.attention import softmax, weighted_sum, scaled_scores, attention_weights\n"
    code += "def self_attention(x, w_query, w_key, w_value):\n    scores = scaled_scores(x @ w_query, x @ w_key)\n"
    code += "    return weighted_sum(softmax(scores), x @ w_value)"
    marked = marker.mark(submission("earlier", code, exercise="05_self_attention"))
    assert mark_of(marked, "self_attention").points == 2


def test_a_submission_finds_nothing_of_what_ran_before_it(marker):
    """The warm process has rehearsed with a notebook of ours: names, history, figures and filters are as new."""
    code = (
        "names = sorted(name for name in globals() if not name.startswith('_'))",
        "import sys\nimport matplotlib.pyplot as plt\nprint(names)\n"
        "print(len(In), In[0] + _ + __, Out, get_ipython().execution_count, plt.get_fignums(), plt.gcf().number)\n"
        "print(sys.exc_info())",
    )
    marked = marker.mark(submission("looks-round", *code))
    assert marked.printed.splitlines() == [
        "['In', 'Out', 'exit', 'get_ipython', 'open', 'quit']", "3  {} 3 [] 1",
        "(None, None, None)",
    ]  # fmt: skip


def test_text_of_a_learner_comes_out_without_what_moves_a_cursor_or_turns_text(marker):
    code = "print('\\x1b[31mred \\u202e\\u2066 \\x07\\x00 \\ud800 tab\\t')\nraise ValueError('\\x1b[2J\\u202e')"
    marked = marker.mark(submission("control", IMPORTS, code))
    shown = json.dumps([marked.printed, *marked.remarks], ensure_ascii=False)
    assert "red" in shown
    assert not {"\x1b", "\u202e", "\u2066", "\x07", "\x00", "\ud800"} & set(marked.printed + "".join(marked.remarks))
    shown.encode()


def test_an_unknown_exercise_is_refused(marker):
    with pytest.raises(OptionError, match="no exercise '12_nothing'"):
        marker.mark(submission("ann", exercise="12_nothing"))


def test_a_process_that_was_held_up_gets_a_second_chance():
    """A machine that sleeps or swaps stops an honest notebook by the clock, though it has hardly run."""
    with Marker(limits=Limits(seconds=60, cell_seconds=1, call_seconds=1)) as marker:
        assert marker.mark(honest()).points == 4
        held = threading.Thread(target=_hold_up, args=(psutil.Process(),))
        held.start()
        marked = marker.mark(submission("held-up", IMPORTS, "import time\ntime.sleep(0.5)", *RIGHT.values(), CHECKS))
        held.join()
    assert marked.points == 4
    assert marked.wall_seconds > 2


def _hold_up(grader):
    """Stop the first process of a submission that comes up, for good: the grader ends it when its time is over."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for process in grader.children(recursive=True):
            if not process.children() and process.parent().parent().name() == "bwrap":
                os.kill(process.pid, signal.SIGSTOP)
                return
        time.sleep(0.005)


def test_nothing_is_left_after_the_marker_is_closed():
    others = set(psutil.Process().children(recursive=True))  # of the marker that the tests of this file share
    marker = Marker()
    folder = Path(marker._folder)
    marker.mark(honest())
    children = set(psutil.Process().children(recursive=True)) - others
    assert folder.exists()
    assert children
    marker.close()
    assert not folder.exists()
    assert not psutil.wait_procs(children, timeout=20)[1]


def test_reference_functions_agree_with_the_references_of_the_tasks():
    """The grader's expected values are the library's: were they the learner's own, everything would pass."""
    assert find_task("attention").reference is attention
