"""The instructor's commands: what they say, their exit status, and one class from beginning to end, in the jail."""

import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from course_lib import cli, cli_grading
from course_lib.errors import CourseError
from course_lib.grading import serving
from course_lib.grading.gradebook import FILE, Gradebook
from notebooks import SEVEN, exercise, solution, write

ROOT = Path(__file__).parents[2]
COMMANDS = ["grade", "gradebook show", "gradebook export", "feedback", "class make", "nbgrader"]


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def failing(*arguments):
    """The message of a command that fails as `course` shows it."""
    with pytest.raises(CourseError) as raised:
        cli.app([str(argument) for argument in arguments], standalone_mode=False)
    return str(raised.value)


@pytest.fixture
def fake_marks(monkeypatch, fake):
    """Let `course grade` mark as fake_marking does."""
    monkeypatch.setattr(serving.Options, "__init__", with_marker(serving.Options.__init__, fake.marker))


def with_marker(init, marker):
    def made(self, *given, **options):
        init(self, *given, **{"marker": marker, **options})

    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    text = run(*command.split(), "--help")
    assert text.exit_code == 0
    assert f"course {command}" in re.sub(r"[\s│]+", " ", text.output.split("Example", 1)[1])


def test_a_class_is_marked_shown_and_given_back(fake_marks, class_of, tmp_path):
    folder, out = class_of(3, broken=b"{"), tmp_path / "out"
    marked = run("grade", folder, "--out", out, "--jobs", 2)
    assert marked.exit_code == 1, "one could not be read"
    assert re.search(r"3 marked, 1 refused in [\d.]+ s, \d+ ms of processor time each: .*gradebook\.db", marked.output)
    assert "broken/07_multi_head.ipynb: It is no valid JSON" in marked.output
    shown = run("gradebook", "show", "--out", out)
    assert shown.exit_code == 0
    assert "4 learners, 3 notebooks that count, 1 not marked" in shown.output
    assert "split_heads" in run("gradebook", "show", "--out", out, "--learner", "learner-001").output
    data = json.loads(run("gradebook", "show", "--out", out, "--json").stdout)
    assert [one["learner"] for one in data] == ["broken", "learner-000", "learner-001", "learner-002"]
    assert run("feedback", "--out", out).output.strip() == f"4 pages written to {out}/feedback"
    assert run("feedback", "--out", out, "--learner", "broken", "--to", tmp_path / "p").output.startswith("1 page ")
    for name in ("csv", "canvas", "moodle", "gradescope"):
        exported = run("gradebook", "export", "--out", out, "--format", name)
        assert exported.exit_code == 0, exported.output
        assert "written to" in exported.output


def test_json_is_for_a_program_and_says_all(fake_marks, class_of, tmp_path):
    folder, out = class_of(2), tmp_path / "out"
    said = run("grade", folder, "--out", out, "--json")
    assert said.exit_code == 0
    data = json.loads(said.stdout)
    assert (data["marked"], data["refused"], data["kept"], data["interrupted"]) == (2, 0, 0, False)
    again = json.loads(run("grade", folder, "--out", out, "--json", "--resume", "--seed", 0).stdout)
    assert (again["marked"], again["kept"]) == (0, 2)
    assert json.loads(run("grade", folder, "--out", out, "--json", "--only", "learner-001").stdout)["marked"] == 1


def test_a_damaged_gradebook_is_told_and_set_aside(fake_marks, class_of, tmp_path):
    folder, out = class_of(1), tmp_path / "out"
    run("grade", folder, "--out", out)
    (out / FILE).write_bytes(b"x" * 5000)
    assert "damaged" in failing("gradebook", "show", "--out", out)
    again = run("grade", folder, "--out", out)
    assert again.exit_code == 0
    assert "set aside as gradebook.damaged-1.db" in again.output
    assert (out / "gradebook.damaged-1.db").read_bytes() == b"x" * 5000


WRONG_USE = [
    ["grade"],
    ["grade", "CLASS", "--exercise", "99"],
    ["grade", "CLASS", "--only", "nobody"],
    ["grade", "CLASS", "--jobs", "0"],
    ["gradebook", "export", "--format", "excel"],
    ["gradebook", "export", "--format", "nbgrader"],
    ["gradebook", "export", "--format", "csv", "--course", "CLASS"],
    ["class", "make", "0"],
    ["class", "make", "3", "--exercise", "no such"],
]


@pytest.mark.parametrize("arguments", WRONG_USE, ids=" ".join)
def test_wrong_use_is_2(arguments, class_of, fake_marks):
    folder = str(class_of(1))
    assert run(*[folder if one == "CLASS" else one for one in arguments]).exit_code == 2


def test_what_is_not_there_or_in_use_is_told(fake_marks, class_of, tmp_path):
    assert "Give a folder" in failing("grade", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "no notebook" in failing("grade", tmp_path / "empty")
    assert "no gradebook" in failing("feedback", "--out", tmp_path / "empty")
    with Gradebook(tmp_path / "busy"):
        assert "Another `course grade`" in failing("grade", class_of(1), "--out", tmp_path / "busy")
    (tmp_path / "file").touch()
    assert "cannot be written" in failing("grade", class_of(1), "--out", tmp_path / "file")
    run("grade", class_of(1), "--out", tmp_path / "out")
    assert "no learner 'x'" in failing("feedback", "--out", tmp_path / "out", "--learner", "x")
    assert "no learner 'x'" in failing("gradebook", "show", "--out", tmp_path / "out", "--learner", "x")


def test_the_instructors_commands_load_nothing_until_they_are_called():
    names = {name for name in vars(cli_grading) if name in ("numpy", "course_lib", "rich")}
    assert names == set()


@pytest.mark.skipif(sys.platform != "linux", reason="the jail needs Linux")
def test_a_class_in_the_jail_gets_what_it_is_due(tmp_path, monkeypatch):
    """Invented learners, hostile ones among them, marked by the real marker in two processes."""
    from course_lib.grading.sandbox.levels import find_level

    if find_level().name == "none":
        pytest.skip(f"no isolation here: {find_level().why}")
    monkeypatch.chdir(ROOT)
    made = run("class", "make", 14, "--out", tmp_path / "class", "--seed", 4)
    assert made.exit_code == 0, made.output
    write(tmp_path / "class" / "submissions" / "ada" / f"{SEVEN}.ipynb", solution())
    write(tmp_path / "class" / "submissions" / "bo" / f"{SEVEN}.ipynb", exercise())
    assert run("grade", tmp_path / "class", "--out", tmp_path / "out", "--jobs", 2, "--json").exit_code in (0, 1)
    got = {
        one["learner"]: one for one in json.loads(run("gradebook", "show", "--out", tmp_path / "out", "--json").stdout)
    }
    assert (got["ada"]["points"], got["bo"]["points"]) == (7, 0)
    due = json.loads((tmp_path / "class" / "due.json").read_text(encoding="utf-8"))
    assert len({one["kind"] for one in due}) == 4
    for one in due:
        found = got[one["learner"]]
        assert found["kind"] == ("marked" if one["tasks"] else "refused")
        assert found["points"] == one["points"], one
        passed = {task["task"] for task in found["tasks"] if task["status"] == "passed"}
        assert passed == {task for task, status in one["tasks"].items() if status == "passed"}, one
    explained = run("grade", "--explain")
    assert explained.exit_code == 0
    assert "Isolation on this machine" in explained.output
    assert "  tried     " in explained.output
    data = json.loads(run("grade", "--explain", "--json").stdout)
    assert data["name"] in ("full", "limited")
    assert any(one["is_shut"] for one in data["tried"])
