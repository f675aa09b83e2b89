"""start.py run for real on a fake course: it installs, once, and opens; and hands tests to pytest."""

import json
import os
from pathlib import Path

import pytest
from fake_course import FakeCourse, make_wheel

pytestmark = pytest.mark.setup


def called(output: str) -> list[object]:
    """Return how the last step was called."""
    lines = [line for line in output.splitlines() if line.startswith("CALLED ")]
    assert len(lines) == 1, output
    return json.loads(lines[0].removeprefix("CALLED "))


def test_start_sets_up_once_whatever_the_learners_settings_and_path(course: FakeCourse, tmp_path: Path) -> None:
    astray = tmp_path / "astray"
    astray.mkdir()
    for module in ("venv", "pip", "jupyterlab"):
        (astray / f"{module}.py").write_text("raise SystemExit('a module of somebody else')\n")
    foreign = {
        "PIP_TARGET": str(astray), "PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_PREFIX": str(astray),
        "PYTHONPATH": str(astray), "PIP_REQUIRE_HASHES": "1", "PIP_DRY_RUN": "1", "VIRTUAL_ENV": str(astray),
        "LC_ALL": "C",
    }  # fmt: skip
    status, output = course.run("--no-browser", "--port", "9000", **foreign)
    assert status == 0, output
    name, arguments, folder, prefix = called(output)
    assert name == "course_lib"
    assert arguments == ["lab", "--no-browser", "--port", "9000"]
    assert Path(str(folder)) == course.folder
    assert Path(str(prefix)) == course.folder / ".venv"
    assert "Making the folder .venv" in output
    assert "Packages: installing    2 of 2" in output
    assert len(list(astray.iterdir())) == 3, "nothing is installed elsewhere"

    status, output = course.run(**foreign)
    assert status == 0, output
    assert output.startswith("CALLED "), "a second start has nothing to say and nothing to install"
    assert called(output)[1] == ["lab"]


def test_start_installs_again_only_when_the_lock_changes(course: FakeCourse) -> None:
    assert course.run()[0] == 0
    made = (course.folder / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    course.lock("2")
    status, output = course.run()
    assert status == 0, output
    assert "Packages: installing    1 of 1" in output
    assert "The course itself" not in output
    assert (course.folder / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made, "the environment is kept"
    assert list(course.folder.glob(".venv/[Ll]ib/**/jupyterlab-2.dist-info"))


def test_test_command_installs_more_and_ends_with_pytests_own_status(course: FakeCourse) -> None:
    make_wheel(course.wheels, "peer", "3")
    status, output = course.run("test", "--with", "peer==3", "-k", "softmax", "tests/a b.py", "-x")
    assert status == 5, output
    name, arguments, folder, _ = called(output)
    assert name == "pytest"
    assert arguments == [
        "--nbval",
        "-n",
        "2",
        "--dist",
        "loadscope",
        "--no-loadscope-reorder",
        "-k",
        "softmax",
        "tests/a b.py",
        "-x",
    ]
    assert Path(str(folder)) == course.folder
    assert list(course.folder.glob(".venv/[Ll]ib/**/peer-3.dist-info"))
    assert output.rstrip().splitlines()[-1].startswith("CALLED "), "the last line is pytest's"
    # Both commands live in one environment, and neither undoes the other's work.
    for arguments in ([], ["test"]):
        status, output = course.run(*arguments)
        assert output.startswith("CALLED "), output


def test_start_makes_a_moved_environment_anew(course: FakeCourse, tmp_path: Path) -> None:
    assert course.run()[0] == 0
    moved = tmp_path / "moved"
    os.rename(course.folder, moved)
    course.folder = moved
    status, output = course.run()
    assert status == 0, output
    assert "The folder .venv was made for another folder; making it anew." in output
    assert Path(str(called(output)[3])) == moved / ".venv"
