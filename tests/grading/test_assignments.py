"""The table of exercises to mark is what the exercises ask."""

import ast
from pathlib import Path

import pytest

from course_lib.checks.engine import TASKS
from course_lib.grading.assignments import ASSIGNMENTS, Asked, find_assignment

SOURCES = sorted((Path(__file__).parents[2] / "exercises/source").glob("*.py"))


def checked_in(path):
    """The tasks and answers of the check cells of an exercise's source."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check":
            yield Asked(node.args[0].value, node.args[1].id)


def test_every_exercise_can_be_marked():
    assert list(ASSIGNMENTS) == [path.stem for path in SOURCES]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_an_exercise_asks_what_the_table_says(path):
    assert tuple(checked_in(path)) == ASSIGNMENTS[path.stem].asked
    assert all(one.task in TASKS for one in ASSIGNMENTS[path.stem].asked)


@pytest.mark.parametrize("name", ["7", "07", "07_multi_head"])
def test_an_exercise_is_found_by_its_number_or_name(name):
    assert find_assignment(name) is ASSIGNMENTS["07_multi_head"]


@pytest.mark.parametrize("name", ["", "99", "multi", "seven", "-7", "٧"])
def test_what_is_no_exercise_is_none(name):
    assert find_assignment(name) is None
