"""Notebooks before they run: ids, texts, nbgrader's metadata, and ours."""

import re

import nbformat
import pytest
from nbgrader_schema import assert_nbgrader_schema_3
from sample_course import EXERCISE, LESSON

from course_lib.authoring.derive import derive, nbgrader_metadata
from course_lib.authoring.errors import BuildError
from course_lib.authoring.source import read_source


@pytest.fixture
def source_of(tmp_path):
    def read(text):
        path = tmp_path / "03_rows.py"
        path.write_text(text, encoding="utf-8")
        return read_source(path)

    return read


@pytest.mark.parametrize(("text", "kind"), [(LESSON, "lesson"), (EXERCISE, "exercise"), (EXERCISE, "solution")])
def test_derive_makes_a_valid_notebook_with_the_names_as_ids(source_of, text, kind):
    notebook = derive(source_of(text), kind)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == re.findall(r"^# %%(?: \[markdown\])? (\S+)", text, re.MULTILINE)
    assert notebook.metadata.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert notebook.metadata.language_info == {"name": "python"}
    assert (notebook.metadata.course.title, notebook.metadata.course.kind) == ("Rows", kind)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_derive_gives_the_learner_a_stub_and_the_solution_its_lines(source_of):
    source = source_of(EXERCISE)
    stub, solution = (derive(source, kind).cells[1].source for kind in ("exercise", "solution"))
    assert "    sums = ...  # over the last axis\n    return sums" in stub
    assert "    sums = [sum(row) for row in x]\n    return sums" in solution
    assert "SOLUTION" not in stub + solution


@pytest.mark.parametrize("kind", ["exercise", "solution"])
def test_derive_adds_nbgrader_metadata_of_schema_3(source_of, kind):
    title, exercise, check = derive(source_of(EXERCISE), kind).cells
    assert "nbgrader" not in title.metadata
    for cell in (exercise, check):
        assert_nbgrader_schema_3(cell)
    assert exercise.metadata.nbgrader.solution
    assert not exercise.metadata.nbgrader.locked
    assert check.metadata.nbgrader.grade
    assert check.metadata.nbgrader.points == 2


def test_nbgrader_metadata_of_a_solution_cell_has_no_points():
    assert "points" not in nbgrader_metadata("rows-exercise", points=None)


def test_derive_leads_links_of_a_solution_from_its_deeper_folder(source_of):
    source = source_of(EXERCISE.replace("# # Exercise: rows", "# # See [03](../notebooks/03_rows.ipynb)"))
    assert derive(source, "exercise").cells[0].source == "# See [03](../notebooks/03_rows.ipynb)"
    assert derive(source, "solution").cells[0].source == "# See [03](../../notebooks/03_rows.ipynb)"


@pytest.mark.parametrize("tag", ["output-not-stored", "output-varies"])
def test_derive_tells_nbval_to_leave_an_output_that_is_not_stored_or_varies(source_of, tag):
    text = LESSON.replace("# %% rows-print", f'# %% rows-print tags=["{tag}"]')
    assert derive(source_of(text), "lesson").cells[2].metadata.tags == [tag, "nbval-ignore-output"]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (EXERCISE, "lesson", "marked solution lines belong into a code cell of an exercise"),
        (LESSON.replace("rows-print", "rows-print points=1"), "lesson", "points belong into an exercise"),
        (EXERCISE.replace("rows-exercise", "rows-exercise points=1"), "exercise", "without points"),
        (EXERCISE.replace("# difficulty: 1 of 5\n", ""), "exercise", "'# difficulty: 1 of 5'"),
    ],
)
def test_derive_names_what_stands_in_the_wrong_place(source_of, text, kind, message):
    with pytest.raises(BuildError) as caught:
        derive(source_of(text), kind)
    assert message in str(caught.value)
