"""The progress file: never half-written, never lost between two notebooks, never in the way."""

import builtins
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.checks import check, progress_summary
from course_lib.checks.records import record
from course_lib.checks.records.record import ProgressFile, progress_path


def count_up(kept):
    kept["attempts"] = kept.get("attempts", 0) + 1


def saved(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_change_is_saved_and_the_record_before_it_returned(progress_file):
    book = ProgressFile(progress_file)
    assert book.update("softmax", count_up) == ({}, [])
    assert book.update("softmax", count_up) == ({"attempts": 1}, [])
    assert saved(progress_file) == {"version": 1, "tasks": {"softmax": {"attempts": 2}}}
    assert [path.name for path in progress_file.parent.iterdir() if path.name.startswith(".")] == []


def test_tasks_that_this_version_does_not_know_are_kept(progress_file):
    progress_file.write_text('{"version": 1, "tasks": {"of_tomorrow": {"status": "passed"}}}')
    ProgressFile(progress_file).update("softmax", count_up)
    assert saved(progress_file)["tasks"]["of_tomorrow"] == {"status": "passed"}


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"tasks": 3}', b'{"tasks": {"softmax": 3}}', b"\xff\xfe\x00", b"null"]
)
def test_a_damaged_file_is_set_aside_with_a_message(progress_file, damage):
    progress_file.write_bytes(damage)
    before, notes = ProgressFile(progress_file).update("softmax", count_up)
    assert before == {}
    assert len(notes) == 1
    assert "progress.damaged-1.json" in notes[0]
    assert progress_file.with_name("progress.damaged-1.json").read_bytes() == damage
    assert saved(progress_file)["tasks"] == {"softmax": {"attempts": 1}}


def test_each_damaged_file_keeps_a_name_of_its_own(progress_file):
    for _ in range(2):
        progress_file.write_text("{")
        ProgressFile(progress_file).update("softmax", count_up)
    assert progress_file.with_name("progress.damaged-2.json").exists()


def test_reading_a_damaged_file_leaves_it_alone(progress_file):
    progress_file.write_text("{")
    assert progress_summary()["done"] == 0
    assert progress_file.read_text() == "{"


def test_a_file_of_a_newer_course_is_left_alone(progress_file):
    written = '{"version": 2, "tasks": {}}'
    progress_file.write_text(written)
    before, notes = ProgressFile(progress_file).update("softmax", count_up)
    assert before == {}
    assert "newer version of the course" in notes[0]
    assert progress_file.read_text() == written


def test_a_folder_that_cannot_be_written_is_told_once_and_remembered(tmp_path):
    (tmp_path / "blocked").write_text("a file where the folder should be")
    book = ProgressFile(tmp_path / "blocked" / "progress.json")
    before, notes = book.update("softmax", count_up)
    assert before == {}
    assert len(notes) == 1
    assert "cannot be saved" in notes[0]
    assert book.update("softmax", count_up) == ({"attempts": 1}, [])
    assert book.read() == {"softmax": {"attempts": 2}}
    (tmp_path / "blocked").unlink()
    book.update("softmax", count_up)
    assert saved(book.path)["tasks"] == {"softmax": {"attempts": 3}}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_never_stops_a_check(progress_file, capsys):
    progress_file.parent.chmod(0o500)
    try:
        check("predict_spread", "b")
    finally:
        progress_file.parent.chmod(0o700)
    assert "cannot be saved" in capsys.readouterr().out


WRITER = """
import sys
from pathlib import Path
from course_lib.checks.records.record import ProgressFile
def count_up(kept):
    kept["attempts"] = kept.get("attempts", 0) + 1
for number in range(15):
    assert ProgressFile(Path(sys.argv[1])).update(sys.argv[2 + number % 2], count_up)[1] == []
"""


def test_processes_that_write_at_once_lose_nothing(progress_file):
    pytest.importorskip("filelock")
    command = [sys.executable, "-c", WRITER, str(progress_file), "softmax"]
    writers = [subprocess.Popen([*command, f"own_{number}"]) for number in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    tasks = saved(progress_file)["tasks"]
    assert tasks.pop("softmax") == {"attempts": 3 * 8}
    assert tasks == {f"own_{number}": {"attempts": 7} for number in range(3)}


KILLED = """
import os, sys
from pathlib import Path
from course_lib.checks.records.record import ProgressFile
os.replace = lambda *_: os._exit(9)
ProgressFile(Path(sys.argv[1])).update("softmax", lambda kept: kept.update(status="passed"))
"""


def test_a_run_killed_half_way_leaves_the_old_file(progress_file):
    ProgressFile(progress_file).update("softmax", count_up)
    old = progress_file.read_bytes()
    assert subprocess.run([sys.executable, "-c", KILLED, str(progress_file)], check=False).returncode == 9
    assert progress_file.read_bytes() == old
    assert ProgressFile(progress_file).update("softmax", count_up) == ({"attempts": 1}, [])


def test_without_filelock_it_still_works(progress_file, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest, **named):
        if name == "filelock":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert ProgressFile(progress_file).update("softmax", count_up) == ({}, [])
    assert saved(progress_file)["tasks"] == {"softmax": {"attempts": 1}}


BROWSER = """
import sys, signal
for name in ("filelock", "IPython"):
    sys.modules[name] = None
for name in ("setitimer", "getitimer", "ITIMER_REAL", "SIGALRM"):
    if hasattr(signal, name):
        delattr(signal, name)
import numpy as np
from course_lib.checks import check, hint, progress
check("softmax", lambda scores: np.exp(scores) / np.exp(scores).sum(axis=0))
hint("softmax")
progress()
assert "multiprocessing" not in sys.modules
"""


def test_where_there_are_no_alarms_no_locks_and_no_notebook_it_still_works(progress_file):
    run = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", BROWSER], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert run.stderr == ""
    assert "softmax: not yet · M06" in run.stdout
    assert saved(progress_file)["tasks"]["softmax"]["hints"] == 1


def test_the_file_lies_in_the_course_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_PROGRESS")
    for name in ("notebooks", "exercises/solutions"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "exercises/solutions")
    assert progress_path() == Path.cwd() / ".course/progress.json"
    (tmp_path / "pyproject.toml").write_text("")
    assert progress_path() == tmp_path / ".course/progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "elsewhere.json"))
    assert progress_path() == tmp_path / "elsewhere.json"


def test_reading_includes_what_was_updated():
    record.update("softmax", count_up)
    assert record.read() == {"softmax": {"attempts": 1}}


@pytest.mark.parametrize("step", ["os.fsync", "os.replace", "tempfile.mkstemp"])
def test_a_full_disk_leaves_the_old_file_and_is_told(step, progress_file, monkeypatch, capsys):
    ProgressFile(progress_file).update("softmax", count_up)
    old = progress_file.read_bytes()

    def full(*_args, **_named):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(step, full)
        check("predict_spread", "b")
        check("predict_spread", "b")
    said = capsys.readouterr().out
    assert said.count("cannot be saved") == 1
    assert os.strerror(errno.ENOSPC) in said
    assert progress_file.read_bytes() == old
    assert [path.name for path in progress_file.parent.iterdir() if path.name.startswith(".")] == []
    check("predict_spread", "b")  # there is room again: what was remembered is saved
    assert saved(progress_file)["tasks"]["predict_spread"]["attempts"] == 3
    assert saved(progress_file)["tasks"]["softmax"] == {"attempts": 1}
