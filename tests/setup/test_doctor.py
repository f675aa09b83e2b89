"""The doctor: finds what is missing, names the cure, and never stops at what it cannot look at."""

import json
import os
import sys
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import pytest

from course_lib import doctor
from course_lib.doctor import Finding, examine, show
from course_lib.models.language_model.store import model_path

DiskUsage = namedtuple("DiskUsage", "total used free")


def test_examine_finds_nothing_wrong_where_these_tests_run() -> None:
    findings = examine()
    assert [finding for finding in findings if finding.state == "problem"] == []
    names = {finding.name for finding in findings}
    assert {"Python", "numpy", "anywidget", "Kernel", "JupyterLab", "Free port", "Progress can be saved"} <= names
    assert json.loads(json.dumps([finding.as_dict() for finding in findings]))[0]["name"] == "Python"


def test_python_finding_names_the_version_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requirements", lambda: (">=3.99", []))
    finding = doctor.python_finding()
    assert (finding.ok, finding.state) == (False, "problem")
    assert finding.found.endswith("the course needs >=3.99")
    assert "Install a newer Python" in finding.cure


def test_package_finding_tells_old_from_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    old = doctor.package_finding("numpy", ">=99")
    assert old.found == f"{metadata.version('numpy')}, the course needs >=99"
    missing = doctor.package_finding("no-such-package-here", ">=1")
    assert missing.found == "not installed"
    for finding, line in ((old, '"numpy>=99"'), (missing, '"no-such-package-here>=1"')):
        assert finding.state == "problem"
        assert finding.cure.endswith(f"python -m pip install {line}")


def test_requirements_come_from_the_installed_course_outside_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = doctor.requirements()
    monkeypatch.setattr(doctor, "course_folder", lambda: None)
    python, lines = doctor.requirements()
    assert python == inside[0]
    assert {line.split(">")[0] for line in lines} == {line.split(">")[0] for line in inside[1]}, "and no extras"
    monkeypatch.setattr(doctor, "DISTRIBUTION", "no-such-package-here")
    assert doctor.requirements() == ("", [])
    assert doctor.python_finding().ok


def test_kernel_finding_tells_another_python() -> None:
    assert doctor.kernel_finding(sys.executable).ok
    other = doctor.kernel_finding(os.path.join(os.sep, "somewhere", "bin", "python3"))
    assert other.state == "problem"
    assert "jupyter kernelspec remove python3" in other.cure
    assert doctor.kernel_finding(None).state == "problem"


def test_server_findings_tell_a_server_of_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "python_of_server", lambda: os.path.join(os.sep, "somewhere", "bin", "python3"))
    last = list(doctor.server_findings())[-1]
    assert last.state == "problem"
    assert "served by another environment" in last.found


@pytest.mark.skipif(sys.platform == "win32", reason="Jupyter names its process on POSIX systems only")
def test_python_of_server_asks_the_process_that_jupyter_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    assert doctor.python_of_server() is None
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    assert doctor.python_of_server() in (None, sys.executable)  # None: started by a name without its folder
    monkeypatch.setenv("JPY_PARENT_PID", "999999999")
    assert doctor.python_of_server() is None


def test_front_end_findings_see_an_extension_that_is_switched_off_or_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [finding.state for finding in doctor.front_end_findings()] == ["ok", "ok"]
    config = tmp_path / "labconfig" / "page_config.json"
    config.parent.mkdir()
    config.write_text('{"disabledExtensions": {"anywidget": true}}')
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path))
    off, sliders = doctor.front_end_findings()
    assert (off.state, sliders.state) == ("problem", "ok")
    assert 'jupyter labextension enable "anywidget"' in off.cure
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *parts: [str(tmp_path / "nothing")])
    gone = list(doctor.front_end_findings())
    assert ["is missing" in finding.found for finding in gone] == [True, True]
    assert gone[1].cure.endswith("--force-reinstall jupyterlab_widgets")


def test_port_folder_and_disk_findings_warn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "free_port", lambda: None)
    assert doctor.port_finding().state == "warning"
    assert "--port" in doctor.port_finding().cure
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: DiskUsage(10**12, 0, 5_000_000))
    assert doctor.disk_finding().found == "only 5 MB"
    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(blocked / "progress.json"))
    finding = doctor.folder_finding()
    assert finding.state == "warning"
    assert finding.ok, "the lessons run all the same"
    assert str(blocked) in finding.found


def test_model_findings_tell_what_to_run_and_never_worry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_MODEL_FOLDER", str(tmp_path))
    (finding,) = doctor.model_findings()
    assert (finding.state, finding.cure) == ("ok", "")
    assert finding.found.endswith("course model fetch")
    model_path().write_bytes(b"model")
    assert doctor.model_findings()[0].found == "fetched"
    monkeypatch.delenv("COURSE_MODEL_FOLDER")
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert doctor.model_findings() == []


def test_in_a_browser_only_what_notebooks_import_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "in_browser", lambda: True)
    names = [finding.name for finding in examine()]
    assert set(names) == {"Python", *doctor.IN_A_BROWSER, "JupyterLab", "Progress can be saved"}


@pytest.mark.parametrize(
    ("state", "last"),
    [
        ("ok", "All is well: the course can run here."),
        ("warning", "The course can run here; see"),
        ("problem", "Something is missing. Do what stands after each arrow"),
    ],
)
def test_show_ends_with_a_verdict(state: str, last: str, capsys: pytest.CaptureFixture[str]) -> None:
    findings = [
        Finding("Python", "ok", "3.12.1"),
        Finding("numpy", state, "found", "" if state == "ok" else "the cure"),
    ]
    show(findings)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok  Python  3.12.1"
    assert lines[-1].startswith(last)
    assert (" " * 11 + "-> the cure" in lines) == (state != "ok"), "under what was found"


def test_doctor_shows_what_it_examined(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.doctor()
    assert "numpy" in capsys.readouterr().out
