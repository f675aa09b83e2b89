"""start.py stopped in the middle, run twice at once, cut off from the package server: the next run puts it right."""

import os
import re
import signal
import sys

import pytest
from fake_course import FakeCourse

pytestmark = [
    pytest.mark.setup,
    pytest.mark.skipif(sys.platform == "win32", reason="sends the signals of POSIX systems"),
]


@pytest.mark.parametrize(
    ("moment", "how"),
    [
        ("Making the folder", signal.SIGKILL),
        ("Packages", signal.SIGKILL),
        ("Packages", signal.SIGINT),
    ],
)
def test_start_repairs_what_a_stopped_one_left(course: FakeCourse, moment: str, how: signal.Signals) -> None:
    process = course.start()
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(moment):
            break
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does
    else:
        os.kill(process.pid, how)  # its children go on, or not
    rest = process.stdout.read()
    process.wait(timeout=30)
    if how == signal.SIGINT and "CALLED" not in rest:
        assert process.returncode == 1
        assert "Stopped. Run this again to go on." in rest
        assert "Traceback" not in rest
    status, output = course.run()
    assert status == 0, output
    assert "CALLED" in output
    assert not (course.folder / ".course" / "old-environment").exists()


def test_two_starts_at_once_do_not_disturb_each_other(course: FakeCourse) -> None:
    first, second = course.start(), course.start()
    outputs = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    assert sum("Making the folder" in output for output in outputs) == 1
    assert sum("Another start is setting this course up" in output for output in outputs) == 1
    assert all("CALLED" in output for output in outputs)


def test_start_without_network_says_so_and_goes_on_when_it_is_back(course: FakeCourse) -> None:
    # A port of this machine that nobody listens on stands for a server that cannot be reached.
    offline = {
        "PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1",
        "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    status, output = course.run(**offline)
    assert status == 1
    assert "The package server does not answer; trying again" in output
    assert re.search(r"\n\nThe packages could not be downloaded: .*\nCheck the network and run this again", output)
    assert "Traceback" not in output
    status, output = course.run()
    assert status == 0, output
    assert "Making the folder" not in output, "what was there is kept"


def test_start_refuses_a_package_that_is_not_the_locked_one(course: FakeCourse) -> None:
    lock = course.folder / "requirements.lock"
    lock.write_text(re.sub(r"sha256:\w{8}", "sha256:00000000", lock.read_text()))
    status, output = course.run()
    assert status == 1
    assert "not the one that the course was locked with, so it was not installed." in output
    assert "Traceback" not in output
    assert not list(course.folder.glob(".venv/lib/**/jupyterlab"))
