"""What start.py says where it cannot go on: what happened and what to do, and never a traceback."""

import ast
import errno
import importlib.util
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest
from fake_course import REPOSITORY, FakeCourse, load_start

DiskUsage = namedtuple("DiskUsage", "total used free")


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """start.py as if it stood in an empty folder."""
    module = load_start()
    folder = tmp_path.resolve()
    monkeypatch.setattr(module, "COURSE", folder)
    monkeypatch.setattr(module, "ENVIRONMENT", folder / ".venv")
    monkeypatch.setattr(module, "STATE", folder / ".course")
    monkeypatch.setattr(module, "STAMP", folder / ".venv" / "course-setup.json")
    (folder / ".course").mkdir()
    return module


def test_start_can_be_read_by_an_old_python() -> None:
    source = (REPOSITORY / "start.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    # Up to the check of the version nothing may be imported that an old Python lacks.
    before = source[: source.index("if sys.version_info < OLDEST_PYTHON")]
    imported = {
        name.name for node in ast.walk(ast.parse(before)) if isinstance(node, ast.Import) for name in node.names
    }
    assert imported == {"sys", "subprocess"}


def test_start_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse((REPOSITORY / "start.py").read_text(encoding="utf-8"))
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_old_python_message_names_both_versions_and_the_way_out(start: ModuleType) -> None:
    assert start.old_python_message((3, 11, 0), []) == ""
    message = start.old_python_message((3, 8, 18), ["python3.12"])
    assert message.startswith("The course needs Python 3.11 or newer; this is Python 3.8.18.\n")
    assert message.endswith("Run:  python3.12 start.py")
    assert "Install a newer Python" in start.old_python_message((3, 10, 1), [])


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full."),
        ("WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'", "does not answer"),
        ("Temporary failure in name resolution\nERROR: No matching distribution found for numpy", "does not answer"),
        ("Max retries exceeded (Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE", "certificate"),
        ("Max retries exceeded with url: /simple (Caused by ProxyError('Cannot connect to proxy.'", "The proxy"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "was not installed"),
        ("HINT: ... Windows Long Path support enabled. ...", "too deep"),
        (
            "ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied",
            "Close every JupyterLab",
        ),
        ("ERROR: No matching distribution found for numpy==99", "does not have a package"),
    ],
)
def test_explain_tells_a_known_trouble(start: ModuleType, printed: str, told: str) -> None:
    message = start.explain(f"Collecting numpy\n{printed}\nmore\n")
    assert told in message
    assert "\n" in message, "what happened, and what to do"


def test_explain_shows_the_end_of_what_it_does_not_know(start: ModuleType) -> None:
    message = start.explain("".join(f"line {number}\n" for number in range(50)) + "ERROR: surprise\n")
    assert "    ERROR: surprise" in message
    assert "line 3\n" not in message
    assert "delete the folder .venv" in message


def test_explain_os_error_tells_a_full_disk_from_a_folder_that_is_locked(start: ModuleType) -> None:
    assert start.explain_os_error(OSError(errno.ENOSPC, "No space left on device")).startswith("The disk is full.")
    message = start.explain_os_error(OSError(errno.EROFS, "Read-only file system", "/course/.course"))
    assert "/course/.course (Read-only file system)" in message
    assert "Copy the course to a folder of your own" in message


@pytest.mark.parametrize("debian", [True, False])
def test_make_environment_without_ensurepip_says_what_to_install(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, debian: bool
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name))
    monkeypatch.setattr(start.shutil, "which", lambda name: "/usr/bin/apt-get" if debian else None)
    with pytest.raises(start.Trouble, match="lacks the modules venv and ensurepip") as trouble:
        start.make_environment(None)
    assert (f"sudo apt install python3.{sys.version_info[1]}-venv" in str(trouble.value)) == debian
    assert not start.ENVIRONMENT.exists()


def test_check_space_stops_before_the_disk_is_full(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start.shutil, "disk_usage", lambda path: DiskUsage(10**12, 0, 123_456_789))
    steps = start.steps_for(test=True, extras=[])
    with pytest.raises(start.Trouble, match=r"need 1000 MB, and 123 MB are free in .*\nFree some space"):
        start.check_space(steps, {})
    start.check_space(steps, {"requirements.lock": "old", "requirements-test.lock": "old"})


def test_clear_the_way_moves_a_strange_environment_aside(start: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        start.ENVIRONMENT.mkdir()
        (start.ENVIRONMENT / "mine.txt").write_text(f"work {number}")
        start.clear_the_way("was not finished")
        assert not start.ENVIRONMENT.exists()
        assert (start.COURSE / f".venv-set-aside-{number}" / "mine.txt").read_text() == f"work {number}"
        assert f"it is now .venv-set-aside-{number}." in capsys.readouterr().out


@pytest.mark.parametrize(
    "stamp", ["", "{}", "[1]", '{"state": "making"}', '{"state": "ready", "folder": "/elsewhere"}']
)
def test_clear_the_way_removes_what_a_stopped_set_up_left(start: ModuleType, stamp: str) -> None:
    start.ENVIRONMENT.mkdir()
    start.STAMP.write_text(stamp)
    (start.STATE / "old-environment" / "rest").mkdir(parents=True)  # and one was stopped while it removed
    assert start.what_is_wrong()
    start.clear_the_way(start.what_is_wrong())
    assert not start.ENVIRONMENT.exists()
    assert not (start.STATE / "old-environment").exists()


def test_what_is_wrong_sees_a_python_that_is_gone_or_another_one(start: ModuleType) -> None:
    start.ENVIRONMENT.mkdir()
    start.write_stamp("ready", "3.11.7")
    assert start.what_is_wrong() == "was made with a Python that is gone"
    python = start.python_of_environment()
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho 3.12.0\n")
    python.chmod(0o755)
    assert start.what_is_wrong() == "was made with a Python that is gone", "the system's Python has been replaced"
    if os.name == "posix":
        start.write_stamp("ready", "3.12.0")
        assert start.what_is_wrong() == ""


def test_a_file_where_the_environment_should_be_is_left_alone(course: FakeCourse) -> None:
    (course.folder / ".venv").write_text("mine")
    status, output = course.run()
    assert status == 1
    assert "There is a file named .venv" in output
    assert "Traceback" not in output
    assert (course.folder / ".venv").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_named(course: FakeCourse) -> None:
    # A file stands where the folder should be made: that stops root as well.
    (course.folder / ".course").write_text("")
    status, output = course.run()
    assert status == 1
    assert f"The course's folder cannot be written: {course.folder / '.course'}" in output
    assert "Traceback" not in output


def test_an_incomplete_course_is_named(course: FakeCourse) -> None:
    (course.folder / "requirements.lock").unlink()
    status, output = course.run()
    assert status == 1
    assert "The file requirements.lock is missing.\nGet a complete copy of the course" in output


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--port", "-1"], ["--prot", "1"], ["tests"]])
def test_wrong_use_is_status_2(course: FakeCourse, arguments: list[str]) -> None:
    status, output = course.run(*arguments)
    assert status == 2
    assert "usage: start.py" in output
    assert not (course.folder / ".venv").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["test", "--help"]])
def test_help_names_every_option(course: FakeCourse, arguments: list[str]) -> None:
    status, output = course.run(*arguments)
    assert status == 0
    assert ("--with" in output) == (arguments[0] == "test")
    assert ("--no-browser" in output and "--port" in output) == (arguments[0] != "test")


def test_take_lock_is_for_one_at_a_time(start: ModuleType) -> None:
    path = start.STATE / "setup.lock"
    names = f"import runpy; start = runpy.run_path({str(REPOSITORY / 'start.py')!r})"
    code = f"{names}; print(start['take_lock'](open({str(path)!r}, 'a+')))"
    with path.open("a+") as handle:
        assert start.take_lock(handle)
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout == "False\n"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"


def test_clean_environ_keeps_where_to_download_and_drops_where_to_install(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"PIP_INDEX_URL": "x", "PIP_CERT": "x", "PIP_PROXY": "x", "PIP_CONFIG_FILE": "x", "HTTPS_PROXY": "x"}
    dropped = ["PIP_TARGET", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_PREFIX", "PYTHONPATH", "PYTHONHOME"]
    for name in [*kept, *dropped]:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("VIRTUAL_ENV", "x")
    environ = start.clean_environ()
    assert kept.items() <= environ.items()
    assert not set(dropped) & set(environ)
    assert environ["VIRTUAL_ENV"] == str(start.ENVIRONMENT)
    assert environ["PATH"].split(os.pathsep)[0].startswith(str(start.ENVIRONMENT))
    assert environ["PYTHONUTF8"] == "1"


def test_progress_counts_packages_line_by_line_in_a_log(start: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    lock = start.COURSE / "some.lock"
    lock.write_text(
        "# made\na==1 \\\n    --hash=sha256:00\nb==2 ; sys_platform == 'win32' \\\n    --hash=sha256:00\nc==1\n"
    )
    progress = start.PipProgress("Packages", lock)
    progress.read("Ignoring b: markers \"sys_platform == 'win32'\" don't match your environment\n")
    progress.read("Collecting a==1 (from -r some.lock (line 2))\n")
    progress.read("  Downloading a-1-py3-none-any.whl (1 kB)\n")
    progress.read("Processing ./c-1-py3-none-any.whl (from -r some.lock (line 6))\n")
    progress.read("Installing collected packages: a, c\n")
    progress.finish()
    progress.end()
    printed = capsys.readouterr().out
    assert "\r" not in printed, "a log gets whole lines"
    assert printed.splitlines()[-2:] == ["Packages: downloading   2 of 2", "Packages: installing    2 of 2"]
