"""What the README shows exists: commands, options, files, lessons, names and numbers."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import typer

from course_lib.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
SPANS = re.findall(r"`([^`\n]+)`", PROSE)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def commands(*starts):
    """Every command of the README that starts so, from blocks and from code spans, without its comment."""
    lines = [line.split("  #")[0].strip() for block in FENCED for line in block.splitlines()]
    return sorted({line for line in [*lines, *SPANS] if line.startswith(starts)})


def links():
    return sorted({target for target in re.findall(r"\]\(([^)\s]+)\)", README) if not target.startswith("http")})


def lessons_table():
    """Rows of the lessons table as (number, title, lesson's link, exercise's link or None)."""
    row = r"^\| (\d\d) \| \[([^\]]+)\]\(([^)]+)\) \| (?:\[\d\d\]\(([^)]+)\))? *\|"
    return re.findall(row, README, re.MULTILINE)


def course_commands():
    return typer.main.get_command(app).commands


@pytest.mark.parametrize("command", commands("course "))
def test_every_course_command_of_the_readme_exists_with_its_options(command):
    name, *options = command.split()[1:]
    assert name in course_commands()
    known = {option for parameter in course_commands()[name].params for option in parameter.opts} | {"--help"}
    assert {option for option in options if option.startswith("-")} <= known


def test_the_readme_names_every_course_command_an_author_or_instructor_needs():
    named = {command.split()[1] for command in commands("course ")}
    assert {"build", "doctor", "progress", "picture"} <= named


@pytest.mark.parametrize("command", commands("python3 start.py"))
def test_every_start_command_of_the_readme_is_one_of_start_py(command):
    arguments = [*command.split()[2:], "--help"]
    ran = subprocess.run([sys.executable, ROOT / "start.py", *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "usage" in ran.stdout.lower()


def test_the_two_commands_are_shown_with_the_options_that_start_py_has():
    assert {"python3 start.py", "python3 start.py test"} <= set(commands("python3 start.py"))
    shown = {span for span in SPANS if re.fullmatch(r"--[\w-]+", span)}
    ran = subprocess.run([sys.executable, ROOT / "start.py", "--help"], capture_output=True, text=True, check=True)
    course_options = {
        option for one in course_commands().values() for parameter in one.params for option in parameter.opts
    }
    assert not [option for option in shown if option not in ran.stdout and option not in course_options]


@pytest.mark.parametrize("target", links())
def test_every_link_of_the_readme_leads_to_a_file(target):
    assert (ROOT / target.split("#")[0]).exists()


@pytest.mark.parametrize("span", SPANS)
def test_every_file_and_name_in_a_code_span_exists(span):
    """Paths with a slash or a known ending, and dotted names of the library; patterns (NN) and made files aside."""
    if span.startswith((".venv", ".course")) or "NN" in span or " " in span:
        return
    if re.fullmatch(r"course_lib(\.\w+)+", span):
        path = ROOT / span.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file()
    elif re.fullmatch(r"[\w.\-/]+/[\w.\-]*|[\w\-]+\.(?:py|md|yml|toml|lock|png|ipynb)", span):
        assert (ROOT / span).exists()


def test_the_lessons_table_is_the_notebooks_that_exist():
    lessons, exercises = (
        {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / folder).glob("[0-9][0-9]_*.ipynb")
            if ".mine-" not in path.name
        }
        for folder in ("notebooks", "exercises")
    )
    rows = lessons_table()
    assert [number for number, *_ in rows] == sorted(Path(lesson).name[:2] for lesson in lessons)
    assert {lesson for _, _, lesson, _ in rows} == lessons
    assert {exercise for *_, exercise in rows if exercise} == exercises


@pytest.mark.parametrize("row", lessons_table(), ids=lambda row: row[0])
def test_a_row_of_the_lessons_table_agrees_with_its_notebook(row):
    number, title, lesson, exercise = row
    assert nbformat.read(ROOT / lesson, as_version=4).metadata.course.title == title
    assert Path(lesson).name.startswith(f"{number}_")
    assert not exercise or Path(exercise).name == Path(lesson).name


def test_the_numbers_of_the_readme_are_true():
    oldest = PYPROJECT["project"]["requires-python"].removeprefix(">=").strip()
    assert set(re.findall(r"Python (\d\.\d+)", README)) == {oldest}
    minutes = [
        nbformat.read(ROOT / lesson, as_version=4).metadata.course.minutes for _, _, lesson, _ in lessons_table()[1:]
    ]
    (shown,) = re.findall(r"A lesson takes (\d+) to (\d+) minutes", README)
    assert (min(minutes), max(minutes)) == tuple(map(int, shown))


@pytest.mark.parametrize("block", [block for block in FENCED if "import" in block])
def test_python_in_the_readme_imports_what_exists_and_calls_it_as_it_is(block):
    code = compile(block, "README.md", "exec")
    imports = "\n".join(line for line in block.splitlines() if re.match(r"(?:from|import) ", line))
    names = {}
    exec(compile(imports, "README.md", "exec"), names)
    assert set(code.co_names) - {"course_lib", "course_lib.checks"} <= set(names) | {"softmax"}


def test_the_version_is_one():
    import course_lib

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert course_lib.__version__ == PYPROJECT["project"]["version"]
    assert re.search(rf"^## \[?(?:Unreleased|{re.escape(course_lib.__version__)})", changelog, re.MULTILINE)
