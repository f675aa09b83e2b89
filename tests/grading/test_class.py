"""Invented classes: what is said to be wrong is wrong for the reason that is said; the same seed, the same class."""

import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from course_lib import attention
from course_lib.checks.engine import evaluate, find_task
from course_lib.checks.tasks import FunctionTask
from course_lib.errors import GradingError
from course_lib.grading.assignments import ASSIGNMENTS
from course_lib.grading.collecting import find
from course_lib.grading.submission import Refused
from course_lib.grading.synthetic import DUE, make
from course_lib.grading.synthetic.hostile import HOSTILE
from course_lib.grading.synthetic.making import hand_in, is_rejected, wrong_answers
from course_lib.grading.synthetic.standing_alone import standing_alone

ROOT = Path(__file__).parents[2]
SEVEN = "07_multi_head"


def due_of(out):
    return {one["learner"]: one for one in json.loads((out / DUE).read_text(encoding="utf-8"))}


def made(tmp_path, count=40, **options):
    out = tmp_path / "class"
    make(ROOT, out, count, **{"exercise": SEVEN, **options})
    return out


@pytest.mark.parametrize("name", ["02_scores", SEVEN])
def test_a_known_mistake_stands_alone_as_a_cell_and_is_known_again(name):
    """Every tenth, so that it takes seconds; a class judges each that it uses."""
    wrong = wrong_answers(name)
    for one in wrong[::10]:
        names = {known: getattr(attention, known) for known in attention.__all__}
        names["np"] = np
        exec(one.source, names)
        result = evaluate(one.task, names[one.answer])
        assert not result.passed
        assert result.program in (one.slug, None), one.source
        assert "course_lib.checks" not in one.source


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_most_known_mistakes_can_be_written_as_a_cell(name):
    tasks = [find_task(one.task) for one in ASSIGNMENTS[name].asked]
    known = sum(len(task.programs) for task in tasks if isinstance(task, FunctionTask))
    assert len(wrong_answers(name)) >= 0.8 * known


def test_a_program_that_hangs_together_with_the_checks_is_left_out():
    assert standing_alone(np.exp, "softmax") is None
    assert standing_alone(lambda scores: scores, "softmax") is None, "of no module of the checks"


def test_a_mistake_that_is_none_is_not_used():
    wrong = wrong_answers(SEVEN)[0]
    right = wrong.__class__(wrong.task, "x", wrong.answer, f"from course_lib.attention import {wrong.answer}")
    assert is_rejected(wrong)
    assert not is_rejected(right)


def test_a_class_holds_every_kind_and_says_what_each_is_due(tmp_path):
    out = made(tmp_path)
    due = due_of(out)
    got = {one.learner: one for one in find([out])}
    assert set(got) == set(due)
    assert len(due) == 40
    kinds = Counter(one["kind"] for one in due.values())
    assert set(kinds) == {"right", "wrong", "unfinished", "hostile"}
    for learner, one in due.items():
        assert isinstance(got[learner], Refused) == (one["kind"] == "hostile" and not one["tasks"])
        assert one["exercise"] == SEVEN
        most = sum(find_task(task).points for task, status in one["tasks"].items() if status == "passed")
        assert one["points"] == most
    assert {one["points"] for one in due.values() if one["kind"] == "right"} == {7}
    assert {one["points"] for one in due.values() if one["kind"] == "hostile"} == {0}
    assert all(one["about"] for one in due.values() if one["kind"] != "right")


def test_a_class_of_honest_learners_has_no_hostile_one(tmp_path):
    assert "hostile" not in {one["kind"] for one in due_of(made(tmp_path, honest=True)).values()}


@pytest.mark.filterwarnings("ignore:I wonder")
def test_what_is_due_is_what_the_checks_say(tmp_path):
    """Each answer of some honest notebooks, judged here; the jail is not needed for what this library wrote."""
    seen = Counter()
    for number in range(1, 13):
        one = hand_in(ROOT, SEVEN, number, seed=3, honest=True)
        names = {}
        for cell in json.loads(one.data)["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and not source.startswith(("check(", "show_lines(", "progress(")):
                exec(source, names)
        for asked in ASSIGNMENTS[SEVEN].asked:
            assert evaluate(asked.task, names[asked.answer]).passed == (one.tasks[asked.task] == "passed"), one.about
        seen[one.kind] += 1
    assert len(seen) == 3


def test_every_attack_is_used_and_no_two_notebooks_are_the_same():
    handed_in = [hand_in(ROOT, SEVEN, number) for number in range(400)]
    assert {one.about for one in handed_in if one.kind == "hostile"} == {one.name for one in HOSTILE}
    assert len({one.data for one in handed_in if one.data}) == len([one for one in handed_in if one.data])


def test_the_same_seed_makes_the_same_class(tmp_path):
    def files(out):
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    first = files(made(tmp_path / "a", 12))
    assert files(made(tmp_path / "b", 12)) == first
    assert files(made(tmp_path / "c", 12, seed=1)) != first
    zipped = files(made(tmp_path / "d", 5, layout="moodle"))
    assert files(made(tmp_path / "e", 5, layout="moodle")) == zipped


@pytest.mark.parametrize("layout", ["nbgrader", "canvas", "moodle"])
def test_every_layout_is_found_by_the_intake_with_its_learners(tmp_path, layout):
    out = made(tmp_path, 6, layout=layout, honest=True)
    if layout == "nbgrader":
        assert (out / "submitted" / "learner-0001" / SEVEN / f"{SEVEN}.ipynb").is_file()
    else:
        assert zipfile.is_zipfile(out / "submissions.zip")
    assert {one.learner for one in find([out if layout == "nbgrader" else out / "submissions.zip"])} == set(due_of(out))


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(GradingError, match="not empty"):
        make(ROOT, tmp_path, 3, exercise=SEVEN)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(GradingError, match="cannot be made"):
        make(tmp_path / "no course", tmp_path / "out", 3, exercise=SEVEN)
