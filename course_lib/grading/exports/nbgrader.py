"""The bridge to nbgrader: a course laid out as it wants it, and our marks in its gradebook, through its own API.

Its formgrader shows the marks, beside a notebook that is made anew from the exercise and the learner's code: no output
and no markup of a learner is in it.
"""

import contextlib
import importlib
import json
import os
import re
import shutil
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import GradingError
from course_lib.grading.assignments import ASSIGNMENTS
from course_lib.grading.entries import Entry
from course_lib.grading.reports.feedback import code_of
from course_lib.grading.reports.safe import one_line, visible
from course_lib.grading.reports.wording import away_from_the_notebook
from course_lib.grading.submission import Mark

CONFIG = "nbgrader_config.py"
_CONFIG_TEXT = '''"""An nbgrader course with the exercises of the course on self-attention."""

c = get_config()
c.CourseDirectory.course_id = "self_attention"
# The exercises are what learners get: their cells begin with what is left to write, which nbgrader would clear.
c.ClearSolutions.enabled = False
'''
# What can be the name of a folder everywhere; others stay out of nbgrader's tree.
_STUDENT = re.compile(r"[\w(][\w .()@+,-]{0,99}(?<![ .])")


def lay_out(root: Path, folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Write an nbgrader course: each exercise an assignment of its own; what is there stays.

    Parameters
    ----------
    root : Path
        The course folder, with the exercises.
    folder : Path
    names : sequence of str
        The exercises; none means all.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    GradingError
        An exercise is not there, or the folder cannot be written.
    """
    written = []
    try:
        for name in names or ASSIGNMENTS:
            target = folder / "source" / name / f"{name}.ipynb"
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / "exercises" / f"{name}.ipynb", target)
                written.append(target)
        if not (folder / CONFIG).exists():
            (folder / CONFIG).write_text(_CONFIG_TEXT, encoding="utf-8", newline="\n")
            written.append(folder / CONFIG)
    except OSError as error:
        raise GradingError(f"{folder} cannot be laid out: {error.filename}: {error.strerror}.") from error
    return written


@dataclass(frozen=True)
class _Graded:
    """A graded cell of an exercise: its id, its points, the task that it checks, and the solution cell above it."""

    cell: str
    points: float
    task: str
    solution: str | None


def write_scores(entries: Sequence[Entry], course: Path) -> list[str]:
    """Write marks and messages into the gradebook of an nbgrader course.

    Returns
    -------
    list of str
        Whom it could not place.

    Raises
    ------
    GradingError
        nbgrader is not installed, or the exercise is not in the course.
    """
    try:
        api: Any = importlib.import_module("nbgrader.api")
    except ImportError as error:
        raise GradingError("This needs nbgrader: pip install 'self-attention-course[nbgrader]'.") from error
    notes = []
    with _scripts_at_hand(), api.Gradebook(f"sqlite:///{(course / 'gradebook.db').resolve()}") as book:
        for exercise in dict.fromkeys(entry.exercise for entry in entries if entry.exercise):
            source = _source_of(course, exercise)
            content = json.loads(source.read_text(encoding="utf-8"))
            graded = list(_graded_cells(content))
            _register(book, source.parent.name, exercise, graded)
            for entry in (one for one in entries if one.exercise == exercise and one.kind == "marked"):
                if not _STUDENT.fullmatch(entry.learner):
                    notes.append(f"{one_line(entry.learner, 60)} cannot be the name of an nbgrader student; left out.")
                    continue
                _write_entry(book, course, source.parent.name, entry, graded)
                _write_notebook(course, source.parent.name, entry, content)
    unread = [entry for entry in entries if entry.kind != "marked"]
    return notes + [f"{one_line(entry.learner, 60)}: {one_line(entry.reason, 200)}" for entry in unread]


@contextlib.contextmanager
def _scripts_at_hand() -> Iterator[None]:
    """Let nbgrader find the `alembic` of its own installation, also where no environment is activated."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _source_of(course: Path, exercise: str) -> Path:
    found = sorted((course / "source").glob(f"*/{exercise}.ipynb"))
    if not found:
        raise GradingError(
            f"{course} has no source/*/{exercise}.ipynb. `course nbgrader {course} --exercise {exercise[:2]}` "
            "puts it there."
        )
    return found[0]


def _graded_cells(content: dict[str, Any]) -> Iterator[_Graded]:
    solution = None
    for cell in content["cells"]:
        metadata = cell.get("metadata", {}).get("nbgrader", {})
        if metadata.get("solution"):
            solution = metadata["grade_id"]
        if metadata.get("grade"):
            called = re.search(r"""check\(["'](\w+)["']""", "".join(cell["source"]))
            if called:
                yield _Graded(metadata["grade_id"], float(metadata["points"]), called[1], solution)


def _register(book: Any, assignment: str, exercise: str, graded: Iterable[_Graded]) -> None:
    """Make sure that nbgrader knows the exercise; what `generate_assignment` wrote stays."""
    book.update_or_create_assignment(assignment)
    book.update_or_create_notebook(exercise, assignment)
    for one in graded:
        book.update_or_create_grade_cell(one.cell, exercise, assignment, max_score=one.points, cell_type="code")
        if one.solution is not None:
            book.update_or_create_solution_cell(one.solution, exercise, assignment)


def _write_entry(book: Any, course: Path, assignment: str, entry: Entry, graded: Iterable[_Graded]) -> None:
    book.update_or_create_student(entry.learner)
    book.update_or_create_submission(assignment, entry.learner, timestamp=_timestamp(course, assignment, entry))
    marks = {mark.task: mark for mark in entry.marks}
    for one in graded:
        mark = marks.get(one.task)
        if mark is None:
            continue
        grade = book.find_grade(one.cell, entry.exercise, assignment, entry.learner)
        # The points of the course's own table, as a share of what nbgrader holds the cell to be worth.
        share = mark.points / mark.max_points if mark.max_points else float(mark.status == "passed")
        grade.auto_score, grade.needs_manual_grade = share * one.points, False
        if one.solution is not None:
            comment = book.find_comment(one.solution, entry.exercise, assignment, entry.learner)
            comment.auto_comment = _said(mark)
    notebook = book.find_submission_notebook(entry.exercise, assignment, entry.learner)
    notebook.failed_tests = any(mark.status != "passed" for mark in entry.marks)
    book.db.commit()


def _said(mark: Mark) -> str:
    return visible(f"{mark.task}: {mark.status.replace('_', ' ')}. {away_from_the_notebook(mark.message)}")


def _timestamp(course: Path, assignment: str, entry: Entry) -> str | None:
    """Return what nbgrader wrote at the collection: its formgrader compares it. Whatever it says decides no mark."""
    path = course / "submitted" / entry.learner / assignment / "timestamp.txt"
    try:
        text = path.read_text(encoding="utf-8").strip()
        importlib.import_module("nbgrader.utils").parse_utc(text)
    except (OSError, ValueError, OverflowError):
        return None
    return text


def _write_notebook(course: Path, assignment: str, entry: Entry, content: dict[str, Any]) -> None:
    """Write what the formgrader shows: the exercise, with the learner's code where the answers go."""
    answers = {one.task: one.answer for one in ASSIGNMENTS[entry.exercise].asked}
    code = {
        one.solution: code_of(answers[one.task], entry.code) for one in _graded_cells(content) if one.task in answers
    }
    cells = []
    for cell in content["cells"]:
        grade_id = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
        cells.append({**cell, "source": visible(code[grade_id])} if code.get(grade_id) else cell)
    path = course / "autograded" / entry.learner / assignment / f"{entry.exercise}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**content, "cells": cells}, indent=1) + "\n", encoding="utf-8", newline="\n")
