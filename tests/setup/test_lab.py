"""course_lib.lab: a port that is busy, and JupyterLab really serving the course."""

import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_course import REPOSITORY

from course_lib import lab


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_course_folder_is_the_nearest_one_above(tmp_path: Path) -> None:
    course = tmp_path / "course"
    (course / "notebooks" / "deep").mkdir(parents=True)
    (course / "exercises").mkdir()
    (course / "pyproject.toml").write_text("")
    assert lab.course_folder(course / "notebooks" / "deep") == course.resolve()
    assert lab.course_folder(tmp_path) == REPOSITORY, "outside of any course: the one this library belongs to"


def test_port_is_free_sees_a_listener(busy_port: int) -> None:
    assert not lab.port_is_free(busy_port)
    free = lab.free_port(busy_port)
    assert free is not None
    assert free > busy_port
    assert lab.free_port(busy_port, tries=1) is None


def test_open_lab_stops_at_a_busy_port_that_was_asked_for(busy_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.open_lab(port=busy_port) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"Port {busy_port} is busy: ")
    assert "name another port with --port" in printed.err
    assert printed.out == ""


def test_open_lab_takes_the_next_port_and_says_so(
    busy_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served: list[int] = []
    monkeypatch.setattr(lab, "FIRST_PORT", busy_port)
    monkeypatch.setattr(lab, "free_port", lambda: busy_port + 1)
    monkeypatch.setattr(lab, "_serve", lambda folder, port, browser: served.append(port) or 0)
    assert lab.open_lab() == 0
    assert served == [busy_port + 1]
    assert f"Port {busy_port} is busy; the course uses port {busy_port + 1}." in capsys.readouterr().out


def test_open_lab_says_that_it_finds_no_course(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "course_folder", lambda: None)
    assert lab.open_lab() == 1
    assert "Go to the folder that holds start.py" in capsys.readouterr().err


@pytest.mark.setup
@pytest.mark.skipif(sys.platform == "win32", reason="stops the server with a signal")
def test_lab_command_serves_the_course_and_asks_nobody_else() -> None:
    port = lab.free_port(8950)
    command = [sys.executable, "-m", "course_lib", "lab", "--no-browser", "--port", str(port)]
    server = subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert server.stdout is not None
        line = next(line for line in server.stdout if "The course is open at" in line)
        address = re.search(r"http://localhost:(\d+)/lab(/tree/notebooks/00_start_here\.ipynb)?\?token=\w{32,}", line)
        assert address is not None, line
        assert int(address[1]) == port
        assert (address[2] is not None) == (REPOSITORY / lab.FIRST_LESSON).exists()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
        page = opener.open(address[0], timeout=60).read().decode()
        assert '"news": {"disabled": true}' in page
        token = address[0].split("token=")[1]
        for question in ("news", "update"):
            request = urllib.request.Request(f"http://localhost:{port}/lab/api/{question}")
            request.add_header("Authorization", f"token {token}")
            answer = opener.open(request, timeout=60).read().decode()
            assert answer in ('{"news": []}', '{"notification": null}'), answer
        request = urllib.request.Request(f"http://localhost:{port}/api/contents/start.py?content=0")
        request.add_header("Authorization", f"token {token}")
        assert opener.open(request, timeout=60).status == 200, "the folder served is the course's"
    finally:
        server.terminate()
        server.wait(timeout=30)
    assert server.returncode == 0


def test_settings_of_the_course_are_settings_that_jupyterlab_knows() -> None:
    folders = [Path(sys.prefix, "share", "jupyter", name) for name in ("lab/schemas", "labextensions")]
    overrides = json.loads((lab.SETTINGS / "overrides.json").read_text(encoding="utf-8"))
    assert {"saveState", "fetchNews", "checkForUpdates"} == {name for values in overrides.values() for name in values}
    for plugin, values in overrides.items():
        package, name = plugin.split(":")
        (schema,) = [found for folder in folders for found in folder.rglob(f"{package}/{name}.json")]
        known = json.loads(schema.read_text(encoding="utf-8"))["properties"]
        assert values.keys() <= known.keys()
