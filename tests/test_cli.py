"""The `course` command: its commands, exit statuses, messages, and answers for programs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import course_lib.cli as cli
from course_lib.errors import CourseError

ROOT = Path(__file__).parent.parent
COMMANDS = ["lab", "doctor", "progress", "build", "picture"]
SOURCE = '# ---\n# title: Rows\n# minutes: 15\n# ---\n# %% rows-print\nprint("first")\n'


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one lesson, as the working directory."""
    for name in ("notebooks/source", "exercises/source"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks/source/03_rows.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_lists_every_command_and_each_has_an_example():
    assert all(name in run("--help").output for name in COMMANDS)
    for name in COMMANDS:
        text = run(name, "--help")
        assert text.exit_code == 0
        assert f"course {name}" in re.sub(r"\s+", " ", text.output.split("Example", 1)[1])


@pytest.mark.parametrize("command", ["progress export", "progress import", "checks report"])
def test_commands_of_commands_have_an_example_too(command):
    text = run(*command.split(), "--help")
    assert text.exit_code == 0
    assert f"course {command}" in re.sub(r"\s+", " ", text.output.split("Example", 1)[1])


def test_progress_goes_to_another_machine_and_comes_back(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "here.json"))
    (tmp_path / "here.json").write_text('{"version": 1, "tasks": {"softmax": {"status": "passed"}}}', encoding="utf-8")
    assert "1 task written" in run("progress", "export", tmp_path / "taken.json").output
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "there.json"))
    assert "1 newly passed" in run("progress", "import", tmp_path / "taken.json").output
    assert json.loads(run("progress", "--json").stdout)["done"] == 1
    (tmp_path / "taken.json").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="nothing was changed"):
        cli.app(["progress", "import", str(tmp_path / "taken.json")], standalone_mode=False)
    assert run("progress", "import").exit_code == 2


def test_help_imports_nothing_that_takes_time():
    code = "import sys, course_lib.cli; print([m for m in ('numpy', 'matplotlib', 'nbclient') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "[]"


def test_the_package_runs_as_a_module():
    ran = subprocess.run([sys.executable, "-m", "course_lib", "--help"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert "build" in ran.stdout


def test_build_then_check_says_done(course):
    assert run("build").exit_code == 0
    assert (course / "notebooks/03_rows.ipynb").is_file()
    checked = run("build", "--check")
    assert checked.exit_code == 0
    assert "all well" in checked.output


def test_build_from_a_folder_inside_the_course(course, monkeypatch):
    monkeypatch.chdir(course / "notebooks")
    assert run("build", "03").exit_code == 0


def test_check_says_which_notebook_and_cell_and_exits_1(course):
    run("build")
    (course / "notebooks/source/03_rows.py").write_text(SOURCE.replace("first", "second"), encoding="utf-8")
    checked = run("build", "--check", "--no-run")
    assert checked.exit_code == 1
    assert "stale         notebooks/03_rows.ipynb [cell rows-print]: the text differs" in checked.output
    assert "1 with a problem" in checked.output


def test_check_answers_a_program_in_json(course):
    checked = run("build", "--check", "--no-run", "--json")
    assert checked.exit_code == 1
    (found,) = json.loads(checked.stdout)
    assert found == {"notebook": "notebooks/03_rows.ipynb", "state": "missing", "reason": "build it", "cell": None}


@pytest.mark.parametrize(
    "arguments",
    [["build", "07"], ["build", "--no-run"], ["build", "--force", "--check"], ["build", "--fast"], ["bild"]],
)
def test_wrong_use_exits_2_and_writes_nothing(course, arguments):
    ran = run(*arguments)
    assert ran.exit_code == 2
    assert not list(course.rglob("*.ipynb"))


@pytest.mark.parametrize("command", ["build", "picture"])
def test_outside_of_a_course_the_message_says_where_to_go(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    ran = run(command)
    assert ran.exit_code == 2
    assert "pyproject.toml" in ran.output
    assert "Traceback" not in ran.output


def test_an_expected_error_is_a_message_and_exit_1(monkeypatch, capsys):
    def fail():
        raise CourseError("the disk is full")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "course: the disk is full\n"


def test_doctor_exits_by_what_it_finds(monkeypatch):
    from course_lib import doctor

    findings = [doctor.Finding("Python", "ok", "3.11"), doctor.Finding("Disk", "warning", "little", "delete something")]
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    assert run("doctor").exit_code == 0
    findings.append(doctor.Finding("Kernel", "problem", "none", "install one"))
    ran = run("doctor")
    assert ran.exit_code == 1
    assert "install one" in ran.output
    assert [finding["name"] for finding in json.loads(run("doctor", "--json").stdout)] == ["Python", "Disk", "Kernel"]


def test_progress_shows_lessons_and_answers_a_program():
    ran = run("progress")
    assert ran.exit_code == 0
    assert "03 Softmax" in ran.output
    assert json.loads(run("progress", "--json").stdout)


def test_lab_hands_its_options_on_and_returns_the_status(monkeypatch):
    from course_lib import lab

    calls = []
    monkeypatch.setattr(lab, "open_lab", lambda **options: calls.append(options) or 1)
    assert run("lab", "--no-browser", "--port", "8890").exit_code == 1
    run("lab")
    assert calls == [{"port": 8890, "browser": False}, {"port": None, "browser": True}]


def test_picture_writes_the_picture_of_the_readme(course):
    ran = run("picture")
    assert ran.exit_code == 0
    assert (course / "docs/stage.png").read_bytes().startswith(b"\x89PNG")
    assert "docs/stage.png" in ran.output


def test_picture_records_a_drag_where_it_is_asked_to(course, monkeypatch):
    from course_lib.authoring import picture

    def record(root, *, advance):
        for _ in range(picture.N_STEPS):
            advance()
        return root / "docs/stage_drag.gif"

    monkeypatch.setattr(picture, "write_recording", record)
    assert "stage_drag" not in run("picture").output
    ran = run("picture", "--moving")
    assert ran.exit_code == 0
    assert "written       docs/stage_drag.gif" in ran.output
