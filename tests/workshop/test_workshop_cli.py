"""`course workshop` on the command line: help with examples, messages, exit statuses, and what its commands print."""

import csv
import importlib.util
import io
import json
import re
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import course_lib.cli as cli
from course_lib.errors import CourseError
from course_lib.workshop import command, settings
from course_lib.workshop.classview.results import Found, Results
from course_lib.workshop.people import People


def run(*arguments):
    return CliRunner().invoke(cli.app, ["workshop", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    """A workshop in which Ada has tried."""
    people, results = People(tmp_path / "people.sqlite"), Results(tmp_path / "results.sqlite")
    people.join("ada", "Ada")
    results.keep("ada", [Found("ab" * 16, "softmax", "not_yet", "M06", 1_800_000_000.0)])
    people.close()
    results.close()
    for name in ("learners/ada/course/exercises", "course/exercises"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "03_softmax.ipynb").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("name", ["", "prepare", "export", "results", "release"])
def test_every_command_has_an_example(name):
    shown = run(*name.split(), "--help")
    assert shown.exit_code == 0
    assert f"course workshop {name}".strip() in re.sub(r"\s+", " ", shown.output.split("Example", 1)[1])


def test_the_class_is_printed_as_csv_and_as_json(folder):
    rows = list(csv.DictReader(io.StringIO(run("results", "--folder", folder).output)))
    assert [(row["name"], row["task"], row["confusion"]) for row in rows] == [("Ada", "softmax", "M06")]
    assert json.loads(run("results", "--folder", folder, "--json").output)[0]["attempts"] == 1


def test_the_notebooks_are_exported(folder):
    out = folder / "out.zip"
    assert "1 notebooks" in run("export", out, "--folder", folder).output
    assert out.read_bytes().startswith(b"PK")


def test_a_name_is_released_as_it_is_spoken(folder):
    assert "without a PIN" in run("release", "ADA", "--folder", folder).output
    assert isinstance(run("release", "Bob", "--folder", folder).exception, CourseError)


def test_a_dry_run_writes_nothing_and_shows_no_secret(tmp_path, monkeypatch):
    pytest.importorskip("jupyterhub", reason="needs the [workshop] extra")
    if importlib.util.find_spec("jupyterhub_idle_culler") is None:
        pytest.skip("needs the [workshop] extra")
    monkeypatch.setenv("COURSE_WORKSHOP_PASSWORD", "a secret password")
    monkeypatch.setattr(command.proxy, "command", lambda: ["node", "proxy"])
    monkeypatch.setattr(settings, "try_user", lambda workshop: None)
    shown = run("--dry-run", "--folder", tmp_path / "w", "--code", "SECRET-1", "--trust-the-room", "--lesson", "3")
    assert shown.exit_code == 0, shown.output
    content = json.loads(shown.stdout)
    assert content["lesson"] == "notebooks/03_softmax.ipynb"
    assert content["level"] in ("cgroup", "process", "none")
    assert {"JupyterHub", "CourseSpawner", "Entrance", "ConfigurableHTTPProxy"} == content["hub"].keys()
    assert "SECRET-1" not in shown.output
    assert "a secret password" not in shown.output
    assert not (tmp_path / "w").exists()


def test_the_course_is_compiled_before_anybody_comes(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    for name in ("__init__.py", "models/tiny.py"):
        (tmp_path / name).write_text("one = 1\n")
    found_at_start = []
    hub = SimpleNamespace(run=lambda workshop, opened: found_at_start.extend(tmp_path.rglob("*.pyc")))
    monkeypatch.setitem(sys.modules, "course_lib.workshop.hub.application", hub)
    monkeypatch.setattr(command, "proxy", SimpleNamespace(is_installed=lambda: True, install=lambda: None))
    monkeypatch.setattr(command, "course_lib", SimpleNamespace(__file__=str(tmp_path / "__init__.py")))
    command.open_workshop(None, None)
    assert {path.name.split(".")[0] for path in found_at_start} == {"__init__", "tiny"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--certificate", __file__], "belong together"),
        (["--memory", "lots"], "no size"),
        (["--lesson", "77"], "no lesson"),
    ],
)
def test_what_was_asked_for_wrongly_is_said(tmp_path, monkeypatch, options, said):
    monkeypatch.setattr(command, "need_jupyterhub", lambda: None)
    ran = run("--folder", tmp_path / "w", "--trust-the-room", *options)
    assert said in str(ran.exception)
    assert not (tmp_path / "w").exists()
