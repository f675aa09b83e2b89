"""Every notebook in the repository: derived, run in order, of the house's shape, and safe to run untouched."""

import ast
import itertools
import json
import re
import statistics
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib.authoring import check
from course_lib.authoring.run import run_notebook
from course_lib.authoring.source import read_source

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(Path(__file__).parent / "authoring"))
from nbgrader_schema import assert_nbgrader_schema_3  # noqa: E402

LESSONS, EXERCISES, SOLUTIONS = (
    sorted(path for path in (ROOT / folder).glob("*.ipynb") if ".mine-" not in path.name)
    for folder in ("notebooks", "exercises", "exercises/solutions")
)
SOURCES = sorted([*(ROOT / "notebooks/source").glob("*.py"), *(ROOT / "exercises/source").glob("*.py")])
ALL = [*LESSONS, *EXERCISES, *SOLUTIONS]
LINES_OF_A_CELL = 15
LINES_OF_AN_EXERCISE = 25
CELLS_OF_A_NOTEBOOK = 42  # "about 40": code and text in turn, so that each is short
COLUMNS_OF_CODE = 100  # what JupyterLab shows at 1280 pixels beside its list of files, without scrolling


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def every(paths):
    return pytest.mark.parametrize("path", paths, ids=name_of)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def texts(path):
    return [cell for cell in read(path).cells if cell.cell_type == "markdown"]


def source_of(path):
    folder = "notebooks" if path in LESSONS else "exercises"
    return ROOT / folder / "source" / f"{path.stem}.py"


def test_every_source_has_its_notebooks_and_every_exercise_its_solution():
    assert [path.stem for path in LESSONS] == [path.stem for path in SOURCES if path.parts[-3] == "notebooks"]
    assert [path.stem for path in EXERCISES] == [path.stem for path in SOURCES if path.parts[-3] == "exercises"]
    assert [path.name for path in EXERCISES] == [path.name for path in SOLUTIONS]
    assert {path.name for path in EXERCISES} < {path.name for path in LESSONS}


def test_notebooks_are_what_their_sources_make():
    assert [one for one in check(ROOT, run=False) if not one.ok] == []


@pytest.mark.parametrize("number", [path.stem[:2] for path in LESSONS])
def test_notebooks_hold_the_outputs_that_a_run_gives(number, request):
    if number == "11":
        request.getfixturevalue("real")  # skips where the language model cannot be had
    assert [one for one in check(ROOT, [number]) if not one.ok] == []


def test_without_the_language_model_no_output_of_a_stand_in_is_stored(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MODEL_FOLDER", str(tmp_path))
    outcomes = {one.notebook: one for one in check(ROOT, ["11"])}
    lesson = outcomes["notebooks/11_real_model.ipynb"]
    assert lesson.state == "failed"
    assert "The language model is not on this computer yet. Run `course model fetch`" in lesson.reason


@every([*LESSONS, *SOLUTIONS])
def test_a_stored_run_is_complete_and_in_order(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.get("execution_count", cell.execution_count) == cell.execution_count
            assert output.output_type != "error" or "raises-exception" in cell.metadata.tags


@every(EXERCISES)
def test_an_exercise_is_handed_out_without_outputs_and_without_the_solution(path):
    assert all(cell.execution_count is None and not cell.outputs for cell in code_cells(path))
    text = path.read_text(encoding="utf-8")
    assert "### " + "BEGIN SOLUTION" not in text
    solution_lines = {
        line.strip()
        for stub, solved in zip(code_cells(path), code_cells(ROOT / "exercises/solutions" / path.name), strict=True)
        for line in set(solved.source.splitlines()) - set(stub.source.splitlines())
    }
    assert solution_lines
    assert not [line for line in solution_lines if line in "\n".join(cell.source for cell in code_cells(path))]


@every(EXERCISES)
def test_an_untouched_exercise_reaches_the_bottom(path):
    notebook = read(path)
    run_notebook(notebook, path.parent)  # names the cell if one raises or warns
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


@every(ALL)
def test_cell_ids_are_the_names_of_the_source(path):
    stored = json.loads(path.read_text(encoding="utf-8"))  # as it is, nothing repaired
    ids = [cell["id"] for cell in stored["cells"]]
    assert ids == [cell.name for cell in read_source(source_of(path)).cells]
    assert len(ids) == len(set(ids))


@every(ALL)
def test_nothing_random_or_of_a_machine_is_stored(path):
    notebook = read(path)
    assert set(notebook.metadata) == {"course", "kernelspec", "language_info"}
    assert notebook.metadata.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert notebook.metadata.language_info == {"name": "python"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "nbgrader"}
    assert "widget-view+json" not in path.read_text(encoding="utf-8")


@every([*EXERCISES, *SOLUTIONS])
def test_nbgrader_metadata_is_schema_3_and_graded_cells_follow_solutions(path):
    graded = [cell for cell in code_cells(path) if "nbgrader" in cell.metadata]
    for cell in graded:
        assert_nbgrader_schema_3(cell)
        assert cell.metadata.nbgrader.grade_id == cell.id
    assert any(cell.metadata.nbgrader.solution for cell in graded)
    assert sum(cell.metadata.nbgrader.get("points", 0) for cell in graded) > 0


@every(LESSONS)
def test_a_lesson_shows_a_picture_where_no_kernel_runs(path):
    assert any("image/png" in output.get("data", {}) for cell in code_cells(path) for output in cell.outputs)


def lines_that_only_wrap_imports(source):
    """How many more lines the imports of a cell take than there are imports."""
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return sum(node.end_lineno - node.lineno for node in imports)


@every(ALL)
def test_cells_are_short_and_a_notebook_has_one_idea(path):
    assert len(read(path).cells) <= CELLS_OF_A_NOTEBOOK
    lengths = []
    for cell in code_cells(path):
        longest = LINES_OF_AN_EXERCISE if "nbgrader" in cell.metadata else LINES_OF_A_CELL
        lengths.append(len(cell.source.splitlines()) - lines_that_only_wrap_imports(cell.source))
        assert lengths[-1] <= longest, cell.id
    assert statistics.median(lengths) <= 4


@every(ALL)
def test_no_line_of_code_has_to_be_scrolled(path):
    for cell in code_cells(path):
        assert [line for line in cell.source.splitlines() if len(line) > COLUMNS_OF_CODE] == [], cell.id


UNWANTED = re.compile(
    r"^\s*[%!]\s*(?:pip|conda|cd)|sys\.path|simplefilter|filterwarnings|np\.random\.(?!default_rng|Generator)|urlopen",
    re.MULTILINE,
)


@every(ALL)
def test_cells_leave_paths_warnings_and_global_seeds_alone(path):
    for cell in code_cells(path):
        assert not UNWANTED.search(cell.source), cell.id


@every(ALL)
def test_the_first_code_cell_holds_all_imports(path):
    first, *rest = code_cells(path)
    assert re.match(r"(?:import|from) ", first.source)
    for cell in rest:
        assert not re.search(r"^(?:import|from) ", cell.source, re.MULTILINE), cell.id
    uses_chance = any("rng." in cell.source for cell in rest)
    assert uses_chance == ("rng = np.random.default_rng(0)" in first.source)


@every(ALL)
def test_headings_go_down_one_level_at_a_time(path):
    prose = re.sub(r"^```.*?^```", "", "\n\n".join(cell.source for cell in texts(path)), flags=re.DOTALL | re.MULTILINE)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@every(ALL)
def test_the_minutes_and_difficulty_a_learner_reads_are_those_of_the_header(path):
    header = read(path).metadata.course
    opening = texts(path)[0].source
    assert re.search(rf"\b{header.minutes} minutes", opening, re.IGNORECASE)
    if "difficulty" in header:
        assert f"difficulty {header.difficulty}" in opening


@every(LESSONS)
def test_a_lesson_opens_and_closes_as_the_house_does(path):
    prose = "\n".join(cell.source for cell in texts(path))
    assert "**What you'll do:**" in texts(path)[0].source
    assert "**What you need:**" in texts(path)[0].source
    closing = prose.split("## Summary\n", 1)[1]
    assert len(re.findall(r"^\* ", closing.split("**On your own:**")[0], re.MULTILINE)) == 3
    assert "**On your own:**" in closing
    assert 15 <= read(path).metadata.course.minutes <= 30 or path.stem.startswith("00")


@every(ALL)
def test_links_lead_to_files_that_exist(path):
    for cell in texts(path):
        for target in re.findall(r"\]\(([^)#\s]+)", cell.source):
            if not target.startswith(("http", "mailto")):
                assert (path.parent / target).is_file(), f"{cell.id}: {target}"


@pytest.mark.parametrize(("path", "after"), list(itertools.pairwise(LESSONS[1:])), ids=lambda path: path.stem)
def test_an_exercise_leads_on_to_the_next_lesson(path, after):
    closing = texts(ROOT / "exercises" / path.name)[-1].source
    assert f"**Next:** [lesson {after.stem[:2]}, " in closing
    assert f"](../notebooks/{after.name})" in closing


@every(SOLUTIONS)
def test_a_solution_passes_its_checks_with_the_points_that_nbgrader_gives(path):
    for cell in code_cells(path):
        points = cell.metadata.get("nbgrader", {}).get("points")
        if points is not None:
            shown = " ".join(output.data.get("text/plain", "") for output in cell.outputs)
            assert "passed" in shown, f"{cell.id}: {shown[:200]}"
            assert f"{points} of {points} point" in shown, f"{cell.id}: {shown[:200]}"
