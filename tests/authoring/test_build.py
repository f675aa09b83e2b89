"""The builder as a whole: notebooks are derived, run, compared; nobody's work is lost."""

import json
import os
import re
import subprocess
import sys
import tempfile

import nbformat
import pytest
from sample_course import EXERCISE, LESSON, make_course

from course_lib.authoring import BuildError, build, check, course_folder, plan
from course_lib.authoring.compare import first_difference
from course_lib.authoring.run import run_notebook
from course_lib.authoring.stored import put_aside, write_text

NOTEBOOKS = ["notebooks/03_rows.ipynb", "exercises/03_rows.ipynb", "exercises/solutions/03_rows.ipynb"]
LESSON_PATH, EXERCISE_PATH, SOLUTION_PATH = NOTEBOOKS
PRINT = '# ---\n# title: Rows\n# minutes: 15\n# ---\n# %% rows-print\nprint("first")\n'


def states(outcomes):
    return {one.notebook: one.state for one in outcomes}


def read(path):
    return nbformat.read(path, as_version=4)


def files_of(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def edit(path, change):
    """Change a notebook as JupyterLab would: read, edit, write."""
    notebook = read(path)
    change(notebook)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course built once; tests that change something take a copy."""
    root = make_course(tmp_path_factory.mktemp("built"))
    assert states(build(root)) == dict.fromkeys(NOTEBOOKS, "written")
    return root


@pytest.fixture
def course(built, tmp_path):
    root = make_course(tmp_path)
    for name in NOTEBOOKS:
        (root / name).write_bytes((built / name).read_bytes())
    return root


def test_build_runs_lessons_and_solutions_and_not_the_learners_version(built):
    for name in (LESSON_PATH, SOLUTION_PATH):
        counts = [cell.execution_count for cell in read(built / name).cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1))
    for cell in read(built / EXERCISE_PATH).cells:
        assert cell.get("execution_count") is None
        assert not cell.get("outputs")
    assert read(built / SOLUTION_PATH).cells[-1].outputs[0].data["text/plain"] == "[3, 7]"


def test_build_stores_outputs_a_page_can_show_and_nothing_of_the_machine(built):
    text, table, plot, wrong = (cell.outputs for cell in read(built / LESSON_PATH).cells[2:])
    assert text[0].text == "first\nsecond\n"
    assert table[0].data["text/html"] == "<b>two</b>\n<i>rows</i>"
    assert set(plot[0].data) == {"image/png", "text/plain"}
    assert wrong[0].ename == "ValueError"
    assert len(wrong[0].traceback) == 1
    stored = (built / LESSON_PATH).read_text(encoding="utf-8")
    assert json.loads(stored)["metadata"]["language_info"] == {"name": "python"}
    for random in ("widgets", 'execution":', str(built), os.sep + "home", sys.prefix):
        assert random not in stored


def test_two_builds_are_byte_identical(built, tmp_path):
    again = make_course(tmp_path)
    list(build(again))
    for name in NOTEBOOKS:
        assert (again / name).read_bytes() == (built / name).read_bytes()


def test_a_second_build_leaves_every_file_alone(course):
    before = {name: (course / name).stat().st_mtime_ns for name in NOTEBOOKS}
    assert states(build(course)) == dict.fromkeys(NOTEBOOKS, "unchanged")
    assert {name: (course / name).stat().st_mtime_ns for name in NOTEBOOKS} == before


def test_check_finds_a_built_course_fresh_and_writes_nothing(course):
    before = files_of(course)
    assert states(check(course)) == dict.fromkeys(NOTEBOOKS, "fresh")
    assert files_of(course) == before


def test_check_does_not_ask_who_opened_a_notebook(course):
    edit(course / EXERCISE_PATH, lambda notebook: None)  # saved by another program, nothing changed
    assert states(check(course, run=False)) == dict.fromkeys(NOTEBOOKS, "fresh")


@pytest.mark.parametrize("run", [True, False])
def test_check_names_a_stale_notebook_and_its_cell(course, run):
    source = course / "exercises/source/03_rows.py"
    source.write_text(EXERCISE.replace("# over the last axis", "# of each row"), encoding="utf-8")
    by_name = {one.notebook: one for one in check(course, run=run)}
    stale = by_name[EXERCISE_PATH]
    assert (stale.state, stale.cell, stale.ok) == ("stale", "rows-exercise", False)
    assert by_name[SOLUTION_PATH].ok  # the solution does not show the stub


def test_check_names_an_output_that_a_run_no_longer_gives(course):
    source = course / "notebooks/source/03_rows.py"
    source.write_text(LESSON.replace("1, 2, 4", "1, 2, 3"), encoding="utf-8")
    list(build(course, ["03"]))
    old = read(course / LESSON_PATH)
    source.write_text(LESSON, encoding="utf-8")
    list(build(course, ["03"]))
    new = read(course / LESSON_PATH)
    new.cells[4].outputs = old.cells[4].outputs
    write_text(course / LESSON_PATH, nbformat.writes(new))
    (one,) = (one for one in check(course) if not one.ok)
    assert (one.state, one.cell, one.reason) == ("hand-edited", "rows-plot", "a picture differs")


@pytest.mark.parametrize(
    ("tag", "wanted", "there", "reason"),
    [
        ("output-varies", "loss 1.29 of [ 8.645 10.39]", "loss 0.3e-05 of [12.1  7.864]", None),
        ("output-varies", "loss 1.29", "gain 1.29", "the words of an output differ"),
        ("output-varies", "loss 1.29", "loss 1.29, 3.4", "the words of an output differ"),
        ("nbval-ignore-output", "loss 1.29", "loss 1.30", "the text of an output differs"),
    ],
)
def test_where_an_output_varies_with_the_processor_only_its_words_are_compared(tag, wanted, there, reason):
    def notebook(text):
        cell = nbformat.v4.new_code_cell("run()", id="one", metadata={"tags": [tag]})
        cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": text, "image/png": text})]
        return nbformat.v4.new_notebook(cells=[cell])

    found = first_difference(notebook(wanted), notebook(there), outputs=True)
    assert found == (reason and ("one", reason))


def test_check_tells_hand_edited_from_stale(course):
    def add_word(notebook):
        notebook.cells[0].source += " Really."

    edit(course / LESSON_PATH, add_word)
    one = next(iter(check(course, run=False)))
    assert (one.state, one.cell, one.reason) == ("hand-edited", "rows-title", "the text differs")


def test_check_without_a_run_sees_an_edited_output(course):
    def change(notebook):
        notebook.cells[2].outputs[0].text = "other\n"

    edit(course / LESSON_PATH, change)
    assert next(iter(check(course, run=False))).state == "hand-edited"
    one = next(iter(check(course)))
    assert (one.cell, one.reason) == ("rows-print", "the text of an output differs")


def test_a_digest_that_does_not_fit_is_seen_and_mended(course):
    text = (course / LESSON_PATH).read_text(encoding="utf-8")
    digest = json.loads(text)["metadata"]["course"]["digests"]["run"]
    (course / LESSON_PATH).write_text(text.replace(digest, "0" * len(digest)), encoding="utf-8")
    assert states(check(course))[LESSON_PATH] == "hand-edited"
    assert states(build(course))[LESSON_PATH] == "written"
    assert states(check(course, run=False))[LESSON_PATH] == "fresh"


def test_check_names_duplicated_missing_and_orphaned_notebooks(course):
    text = (course / LESSON_PATH).read_text(encoding="utf-8")
    (course / LESSON_PATH).write_text(text.replace('"rows-print"', '"rows-imports"'), encoding="utf-8")
    (course / EXERCISE_PATH).rename(course / "exercises/09_other.ipynb")
    (course / "exercises/03_rows.mine-1.ipynb").write_text("{}")  # put aside: nobody's business
    (course / "exercises/scratch.ipynb").write_text("{}")
    found = {one.notebook: (one.state, one.cell) for one in check(course, run=False) if not one.ok}
    assert found == {
        LESSON_PATH: ("duplicated id", "rows-imports"),
        EXERCISE_PATH: ("missing", None),
        "exercises/09_other.ipynb": ("orphan", None),
    }


def write_answer(notebook):
    notebook.cells[1].source = "def row_sums(x):\n    return [sum(row) for row in x]  # mine"


def run_it(notebook):
    notebook.cells[2].execution_count = 4


@pytest.mark.parametrize("work", [write_answer, run_it])
def test_build_keeps_a_learners_work(course, work):
    (course / "notebooks/source/03_rows.py").unlink()  # no need to run it four times
    edit(course / EXERCISE_PATH, work)
    mine = (course / EXERCISE_PATH).read_bytes()
    assert states(build(course))[EXERCISE_PATH] == "unchanged"  # the present version, worked on
    source = course / "exercises/source/03_rows.py"
    source.write_text(EXERCISE.replace("# over the last axis", "# of each row"), encoding="utf-8")
    kept = next(one for one in build(course) if one.notebook == EXERCISE_PATH)
    assert (kept.state, kept.ok) == ("kept", False)
    assert (course / EXERCISE_PATH).read_bytes() == mine


def test_force_puts_each_version_aside_under_a_new_name(course):
    versions = []
    for answer in ("first", "second"):
        edit(course / EXERCISE_PATH, lambda notebook, answer=answer: notebook.cells[1].update(source=answer))
        versions.append((course / EXERCISE_PATH).read_bytes())
        assert states(build(course, ["03"], force=True))[EXERCISE_PATH] == "written"
    copies = [(course / f"exercises/03_rows.mine-{number}.ipynb").read_bytes() for number in (1, 2)]
    assert copies == versions
    assert states(check(course, run=False)) == dict.fromkeys(NOTEBOOKS, "fresh")


def test_force_leaves_no_copy_of_what_nobody_touched(course):
    list(build(course, force=True))
    assert not list(course.rglob("*.mine-*"))


def test_a_lesson_that_somebody_only_ran_is_built_anew_but_notes_in_it_are_kept(course):
    def play(notebook):
        notebook.cells[2].outputs = []

    def take_notes(notebook):
        notebook.cells[0].source += "\n\nMy note."

    edit(course / LESSON_PATH, play)
    assert states(build(course))[LESSON_PATH] == "written"
    edit(course / LESSON_PATH, take_notes)
    source = course / "notebooks/source/03_rows.py"
    source.write_text(LESSON.replace("# Rows", "# All rows"), encoding="utf-8")
    assert states(build(course))[LESSON_PATH] == "kept"


def test_a_damaged_or_foreign_notebook_is_kept_until_forced(course):
    (course / EXERCISE_PATH).write_text('{"cells": [', encoding="utf-8")
    (course / LESSON_PATH).write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    assert states(build(course)) == {LESSON_PATH: "kept", EXERCISE_PATH: "kept", SOLUTION_PATH: "unchanged"}
    assert states(check(course, run=False))[EXERCISE_PATH] == "failed"
    list(build(course, force=True))
    assert states(check(course, run=False)) == dict.fromkeys(NOTEBOOKS, "fresh")
    assert (course / "exercises/03_rows.mine-1.ipynb").read_text(encoding="utf-8") == '{"cells": ['


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "cell rows-print raised ZeroDivisionError"),
        ("import warnings; warnings.warn('look out')", "cell rows-print wrote to stderr"),
        ("object()", "cell rows-print shows a memory address"),
        ("import os; os.getcwd()", "cell rows-print shows a memory address or a path of this machine"),
        ("import os; os._exit(1)", "lesson 'Rows' did not end"),
    ],
)
def test_a_cell_that_fails_is_named_and_the_other_notebooks_are_built(course, code, message):
    (course / "notebooks/source/03_rows.py").write_text(PRINT.replace('print("first")', code), encoding="utf-8")
    before = (course / LESSON_PATH).read_bytes()
    (course / EXERCISE_PATH).unlink()
    first, second, _ = build(course)
    assert (first.state, second.state) == ("failed", "written")
    assert message in first.reason
    assert (course / LESSON_PATH).read_bytes() == before


def test_a_run_does_not_see_or_touch_anybodys_progress(course, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(course / "mine.json"))
    code = "import os; open(os.environ['COURSE_PROGRESS'], 'x').close(); os.environ['COURSE_PROGRESS'] == 'x'"
    (course / "notebooks/source/03_rows.py").write_text(PRINT.replace('print("first")', code), encoding="utf-8")
    assert states(build(course))[LESSON_PATH] == "written"
    assert not (course / "mine.json").exists()


def connection_of_a_kernel(folder):
    code = "import ipykernel, json; print(json.load(open(ipykernel.get_connection_file()))['transport'])"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata.course = {"kind": "lesson", "title": "Connection"}
    run_notebook(notebook, folder)
    return notebook.cells[0].outputs[0].text.strip()


@pytest.mark.skipif(os.name != "posix", reason="only POSIX systems have sockets that are files")
def test_a_run_needs_no_network_unless_the_scratch_folder_is_too_deep(tmp_path, monkeypatch):
    assert connection_of_a_kernel(tmp_path) == "ipc"
    deep = tmp_path / ("deep-" * 20)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    assert connection_of_a_kernel(tmp_path) == "tcp"


def test_build_selects_by_number_name_or_path(course):
    (course / "notebooks/source/04_other.py").write_text(PRINT, encoding="utf-8")
    for name in ("04", "04_other", "notebooks/04_other.ipynb"):
        assert [one.target.name for one in plan(course, [name])] == ["04_other.ipynb"]
    with pytest.raises(BuildError, match="No source for '05'"):
        plan(course, ["03", "05"])


def test_course_folder_is_found_from_inside(course):
    assert course_folder(course / "notebooks/source") == course
    with pytest.raises(BuildError, match="No course here"):
        course_folder(course.parent)


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "03_rows.ipynb"
    write_text(path, "old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "in use")))
    with pytest.raises(BuildError, match=r"03_rows\.ipynb cannot be written: in use"):
        write_text(path, "new")
    assert [file.name for file in tmp_path.iterdir()] == ["03_rows.ipynb"]
    assert path.read_text() == "old"


KILLED_WHILE_WRITING = """
import os, sys
from pathlib import Path
from course_lib.authoring.stored import write_text
os.fsync = lambda _: os._exit(9)
write_text(Path(sys.argv[1]), "new" * 100_000)
"""


def test_a_process_killed_while_writing_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "03_rows.ipynb"
    write_text(path, "old")
    ended = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], check=False)
    assert ended.returncode == 9
    assert path.read_text() == "old"
    assert not [file for file in tmp_path.glob("*.ipynb") if file != path]
    assert all(re.fullmatch(r"\.03_rows\.ipynb\.\d+\.tmp", f.name) for f in tmp_path.iterdir() if f != path)


def test_put_aside_never_writes_over_a_copy(tmp_path):
    path = tmp_path / "03_rows.ipynb"
    path.write_text("now")
    (tmp_path / "03_rows.mine-1.ipynb").write_text("before")
    assert put_aside(path).name == "03_rows.mine-2.ipynb"
    assert (tmp_path / "03_rows.mine-1.ipynb").read_text() == "before"
