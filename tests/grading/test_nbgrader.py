"""The bridge to nbgrader, with nbgrader itself: it takes our exercises, agrees on the points, and shows our marks."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from course_lib.errors import GradingError
from course_lib.grading.assignments import ASSIGNMENTS
from course_lib.grading.entries import Entry
from course_lib.grading.exports import export, nbgrader
from course_lib.grading.submission import Mark
from notebooks import SEVEN, solution, write

ROOT = Path(__file__).parents[2]
TASKS = {
    "split_heads": 1.0,
    "merge_heads": 1.0,
    "order_multi_head": 1.0,
    "multi_head_attention": 3.0,
    "bug_hunt_heads": 1.0,
}


def test_a_course_is_laid_out_and_what_is_there_stays(tmp_path):
    assert len(nbgrader.lay_out(ROOT, tmp_path)) == len(ASSIGNMENTS) + 1
    edited = tmp_path / "source" / SEVEN / f"{SEVEN}.ipynb"
    edited.write_text("mine", encoding="utf-8")
    (tmp_path / "source" / "02_scores" / "02_scores.ipynb").unlink()
    assert [path.name for path in nbgrader.lay_out(ROOT, tmp_path)] == ["02_scores.ipynb"]
    assert edited.read_text(encoding="utf-8") == "mine"
    with pytest.raises(GradingError, match="cannot be laid out"):
        nbgrader.lay_out(tmp_path / "no course", tmp_path / "other")


def test_without_nbgrader_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbgrader.api", None)
    with pytest.raises(GradingError, match=r"nbgrader.*pip install"):
        nbgrader.write_scores([entry("ada", 1)], tmp_path)


def entry(learner, *shares, kind="marked"):
    """An entry with a share of the points of each task, the rest of them 0."""
    marks = tuple(
        Mark(task, "passed" if share else "not_yet", None, f"About {task} <b>.", share * most, most, None)
        for (task, most), share in zip(TASKS.items(), [*shares, 0, 0, 0, 0, 0], strict=False)
    )
    code = ("def split_heads(x, n_heads):\n    return 'mine'",)
    return Entry(learner, "x.ipynb", "d", SEVEN, kind, "" if kind == "marked" else "broken", marks, code=code)


# With nbgrader

needs_nbgrader = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import nbgrader"], capture_output=True).returncode != 0,
    reason="needs the nbgrader extra",
)


def run(command, course, *arguments):
    """Run an nbgrader command in a course; give what it said."""
    environment = {**os.environ, "COURSE_PROGRESS": str(course / "progress.json"), "HOME": str(course)}
    environment["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), environment["PATH"]])
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(
        [sys.executable, "-m", "nbgrader", command, *map(str, arguments)],
        cwd=course, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said[-3000:]
    return said


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """An nbgrader course with one exercise, which `generate_assignment` accepted."""
    course = tmp_path_factory.mktemp("nbgrader")
    nbgrader.lay_out(ROOT, course, [SEVEN])
    run("generate_assignment", course, SEVEN)
    return course


@needs_nbgrader
def test_nbgrader_releases_the_exercise_as_it_is(generated):
    released = json.loads((generated / "release" / SEVEN / f"{SEVEN}.ipynb").read_text(encoding="utf-8"))
    original = json.loads((ROOT / "exercises" / f"{SEVEN}.ipynb").read_text(encoding="utf-8"))
    sources = [["".join(cell["source"]) for cell in content["cells"]] for content in (released, original)]
    assert sources[0] == sources[1]


@needs_nbgrader
def test_solutions_are_valid_and_get_full_marks_from_nbgrader_too(generated):
    path = write(generated / "submitted" / "ada" / SEVEN / f"{SEVEN}.ipynb", solution())
    assert "passes all the tests" in run("validate", generated, path)
    unfinished = (generated / "release" / SEVEN / f"{SEVEN}.ipynb").read_bytes()
    write(generated / "submitted" / "bo" / SEVEN / f"{SEVEN}.ipynb", unfinished)
    run("autograde", generated, SEVEN)
    assert scores_of(generated) == {"ada": 7.0, "bo": 0.0}


def scores_of(course):
    from nbgrader.api import Gradebook

    with nbgrader._scripts_at_hand(), Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return {one.student.id: one.score for one in book.assignment_submissions(SEVEN)}


@needs_nbgrader
def test_our_marks_are_in_nbgraders_gradebook_and_its_formgrader_shows_them(generated, tmp_path):
    from nbgrader.api import Gradebook
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    nbgrader.lay_out(ROOT, tmp_path, [SEVEN])
    write(tmp_path / "submitted" / "ada" / SEVEN / f"{SEVEN}.ipynb")
    stamp = tmp_path / "submitted" / "ada" / SEVEN / "timestamp.txt"
    stamp.write_text("2026-01-02 03:04:05 UTC", encoding="utf-8")
    entries = [entry("ada", 1, 1, 0, 1), entry("bo", 1), entry("../eve", 1), entry("cy", kind="refused")]
    _, notes = export(entries, "nbgrader", tmp_path)
    assert [note.split()[0].rstrip(":") for note in notes] == ["../eve", "cy"]
    with nbgrader._scripts_at_hand(), Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        grade = book.find_grade("multi-check", SEVEN, SEVEN, "ada")
        assert (grade.auto_score, grade.max_score, grade.needs_manual_grade) == (3.0, 3.0, False)
        comment = book.find_comment("order-exercise", SEVEN, SEVEN, "ada")
        assert comment.auto_comment == "order_multi_head: not yet. About order_multi_head <b>."
        assert book.find_assignment(SEVEN).max_score == 7
    directory = CourseDirectory(root=str(tmp_path))
    with nbgrader._scripts_at_hand():
        shown = NbGraderAPI(directory).get_submissions(SEVEN)
    assert [(one["student"], one["score"], one["autograded"], one["needs_manual_grade"]) for one in shown] == [
        ("ada", 5.0, True, False), ("bo", 1.0, True, False),
    ]  # fmt: skip
    notebook = json.loads((tmp_path / "autograded" / "ada" / SEVEN / f"{SEVEN}.ipynb").read_text(encoding="utf-8"))
    assert "return 'mine'" in "".join(next(one for one in notebook["cells"] if one["id"] == "split-exercise")["source"])
    assert not any(one.get("outputs") for one in notebook["cells"])
    assert sorted(path.name for path in (tmp_path / "autograded").iterdir()) == ["ada", "bo"]
    # A second time, with other marks: they take the place of the first, and what a person gave stays.
    with nbgrader._scripts_at_hand(), Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        book.find_grade("split-check", SEVEN, SEVEN, "bo").manual_score = 0.5
        book.db.commit()
    export([entry("ada"), entry("bo")], "nbgrader", tmp_path)
    assert scores_of(tmp_path) == {"ada": 0.0, "bo": 0.5}


@needs_nbgrader
def test_a_forged_timestamp_decides_nothing(tmp_path):
    nbgrader.lay_out(ROOT, tmp_path, [SEVEN])
    stamp = write(tmp_path / "submitted" / "ada" / SEVEN / "timestamp.txt", b"tomorrow, or 9999-99-99")
    assert stamp.is_file()
    export([entry("ada", 1)], "nbgrader", tmp_path)
    assert scores_of(tmp_path) == {"ada": 1.0}


@needs_nbgrader
def test_an_exercise_that_the_course_has_not_is_told(tmp_path):
    with pytest.raises(GradingError, match=r"has no source/\*/07_multi_head.ipynb. `course nbgrader"):
        export([entry("ada", 1)], "nbgrader", tmp_path)
