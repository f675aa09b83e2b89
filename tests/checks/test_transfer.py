"""Progress on its way to another machine: nothing is lost, and what is no progress changes nothing."""

import json
import subprocess
import sys

import pytest

from course_lib.checks import export_progress, import_progress, progress_summary
from course_lib.checks.records.transfer import FILE_NAME, export_to, import_from
from course_lib.errors import ProgressError


def written(path, **tasks):
    path.write_text(json.dumps({"version": 1, "tasks": tasks}), encoding="utf-8")
    return path


def kept(progress_file):
    return json.loads(progress_file.read_text(encoding="utf-8"))["tasks"]


HERE = {
    "softmax": {"status": "not_yet", "attempts": 5, "hints": 1, "confusions": ["M06"]},
    "attention": {"status": "passed", "attempts": 2},
    "predict_spread": {"status": "passed", "attempts": 1, "first_answer": "a"},
}
THERE = {
    "softmax": {"status": "passed", "attempts": 3, "hints": 2, "confusions": ["M02"]},
    "attention": {"status": "not_yet", "attempts": 7},
    "predict_spread": {"status": "passed", "attempts": 2, "first_answer": "b"},
    "project": {"status": "passed", "attempts": 1},
}


def test_what_is_exported_comes_back_on_an_empty_machine(progress_file, tmp_path):
    written(progress_file, **HERE)
    path, n_tasks = export_to(tmp_path / "taken.json")
    assert n_tasks == 3
    progress_file.unlink()
    assert import_from(path).n_newly_passed == 2
    assert kept(progress_file) == HERE


def test_merging_takes_the_better_of_each_and_loses_nothing(progress_file, tmp_path):
    written(progress_file, **HERE)
    merged = import_from(written(tmp_path / "there.json", **THERE))
    assert (merged.n_tasks, merged.n_newly_passed, merged.notes) == (4, 2, ())
    assert kept(progress_file) == {
        "softmax": {"status": "passed", "attempts": 5, "hints": 2, "confusions": ["M02", "M06"]},
        "attention": {"status": "passed", "attempts": 7},
        "predict_spread": {"status": "passed", "attempts": 2, "first_answer": "a"},
        "project": {"status": "passed", "attempts": 1},
    }


def test_the_same_file_twice_is_as_good_as_once(progress_file, tmp_path):
    written(progress_file, **HERE)
    path = written(tmp_path / "there.json", **THERE)
    import_from(path)
    once = kept(progress_file)
    assert import_from(path).n_newly_passed == 0
    assert kept(progress_file) == once


def test_both_ways_round_the_same_comes_out_but_for_the_first_answer(progress_file, tmp_path):
    outcomes = []
    for first, second in ((HERE, THERE), (THERE, HERE)):
        written(progress_file, **first)
        import_from(written(tmp_path / "other.json", **second))
        outcome = kept(progress_file)
        assert outcome["predict_spread"].pop("first_answer") == first["predict_spread"]["first_answer"]
        outcomes.append(outcome)
    assert outcomes[0] == outcomes[1]


def test_tasks_and_fields_of_another_version_are_kept(progress_file, tmp_path):
    written(progress_file, softmax={"status": "passed", "of_here": 1, "of_both": 1})
    import_from(
        written(
            tmp_path / "there.json", softmax={"status": "passed", "of_there": [2], "of_both": 2}, of_tomorrow={"x": 3}
        )
    )
    assert kept(progress_file)["softmax"] == {"status": "passed", "of_here": 1, "of_there": [2], "of_both": 1}
    assert kept(progress_file)["of_tomorrow"] == {"x": 3}


DEEP = '{"version": 1, "tasks": {"softmax": {"x": ' + "[" * 900 + "]" * 900 + "}}}"
DAMAGED = {
    "empty": b"",
    "cut": b'{"version": 1, "tasks": {"softm',
    "a list": b"[]",
    "no tasks": b'{"version": 1}',
    "no version": b'{"tasks": {"softmax": {}}}',
    "another program's": b'{"relu": {"status": "solved"}}',
    "an editor's": b'{"version": "2.0.0", "tasks": []}',
    "tasks of something else": b'{"version": 1, "tasks": {"relu": {"status": "passed"}}}',
    "a record that is none": b'{"version": 1, "tasks": {"softmax": 3}}',
    "an unknown status": b'{"version": 1, "tasks": {"softmax": {"status": "great"}}}',
    "a negative count": b'{"version": 1, "tasks": {"softmax": {"attempts": -1}}}',
    "a count that is true": b'{"version": 1, "tasks": {"softmax": {"attempts": true}}}',
    "an endless count": b'{"version": 1, "tasks": {"softmax": {"hints": 1e999}}}',
    "confusions in a text": b'{"version": 1, "tasks": {"softmax": {"confusions": "M06"}}}',
    "an answer that is a number": b'{"version": 1, "tasks": {"predict_spread": {"first_answer": 3}}}',
    "deep": DEEP.encode(),
    "deeper": ("[" * 100_000).encode(),
    "no text": b"\xff\xfe\x00\x01",
    "far too long": b" " * 1_000_001,
    "of a newer course": b'{"version": 2, "tasks": {"softmax": {"status": "passed"}}}',
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_is_no_progress_is_told_and_changes_nothing(what, progress_file, tmp_path, capsys):
    written(progress_file, **HERE)
    before = progress_file.read_bytes()
    path = tmp_path / "brought.json"
    path.write_bytes(DAMAGED[what])
    with pytest.raises(ProgressError, match=r"nothing was changed"):
        import_from(path)
    assert progress_file.read_bytes() == before
    import_progress(path)
    assert "brought.json" in capsys.readouterr().out
    import_from(written(path, project={"status": "passed"}))  # and it stands in nobody's way
    assert kept(progress_file)["project"] == {"status": "passed"}


def test_a_newer_course_is_named_as_the_reason(tmp_path):
    path = tmp_path / "brought.json"
    path.write_bytes(DAMAGED["of a newer course"])
    with pytest.raises(ProgressError, match="newer version of the course"):
        import_from(path)


@pytest.mark.parametrize(
    "source", ["missing.json", "a\0b", ".", 3, None, {"version": 1, "tasks": {"softmax": object()}}]
)
def test_what_cannot_be_read_is_told(source, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProgressError):
        import_from(source)
    import_progress(source)
    assert capsys.readouterr().out


def test_the_content_itself_may_be_handed_over(progress_file):
    content = {"version": 1, "tasks": {"softmax": {"status": "passed"}}}
    assert import_from(content).n_newly_passed == 1
    assert kept(progress_file) == {"softmax": {"status": "passed"}}
    assert import_from({"version": 1, "tasks": {"softmax": {"note": "\ud800"}}}).n_newly_passed == 0
    assert kept(progress_file)["softmax"]["note"] == "\ud800"


def test_an_export_replaces_progress_and_nothing_else(progress_file, tmp_path):
    path = tmp_path / "taken.json"
    export_to(path)
    written(progress_file, **HERE)
    assert export_to(path) == (path, 3)
    path.write_text("a letter")
    with pytest.raises(ProgressError, match="something else"):
        export_to(path)
    assert path.read_text() == "a letter"
    with pytest.raises(ProgressError, match="cannot be written"):
        export_to(tmp_path / "no_such_folder" / "taken.json")


def test_a_notebook_says_where_the_file_is_and_what_came(progress_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written(progress_file, softmax={"status": "passed"})
    assert export_progress() is None
    assert "`course-progress.json` (1 task)" in capsys.readouterr().out
    progress_file.unlink()
    assert import_progress(FILE_NAME) is None
    assert capsys.readouterr().out == "1 task looked at, 1 newly passed. Nothing that was here is lost.\n"
    assert progress_summary()["done"] == 1
    (tmp_path / FILE_NAME).write_text("a letter")
    export_progress()
    assert "choose another name" in capsys.readouterr().out


IMPORTER = """
import sys
from course_lib.checks.records.transfer import import_from
from course_lib.checks.records import record
for number in range(10):
    assert import_from(sys.argv[1]).notes == ()
    record.update("own_" + sys.argv[2], lambda kept: kept.update(attempts=kept.get("attempts", 0) + 1))
"""


def test_imports_and_checks_at_once_lose_nothing(progress_file, tmp_path):
    pytest.importorskip("filelock")
    names = ("softmax", "attention", "project")
    paths = [written(tmp_path / f"{name}.json", **{name: {"status": "passed", "attempts": 4}}) for name in names]
    writers = [
        subprocess.Popen([sys.executable, "-c", IMPORTER, str(path), str(number)]) for number, path in enumerate(paths)
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    own = {f"own_{number}": {"attempts": 10} for number in range(3)}
    assert kept(progress_file) == {name: {"status": "passed", "attempts": 4} for name in names} | own


KILLED = """
import os, sys
from course_lib.checks.records.transfer import export_to, import_from
os.replace = lambda *_: os._exit(9)
import_from(sys.argv[1]) if sys.argv[2] == "import" else export_to(sys.argv[1])
"""


@pytest.mark.parametrize("what", ["import", "export"])
def test_killed_half_way_both_files_are_the_old_ones(what, progress_file, tmp_path):
    written(progress_file, **HERE)
    path = written(tmp_path / "there.json", **THERE)
    before = progress_file.read_bytes(), path.read_bytes()
    assert subprocess.run([sys.executable, "-c", KILLED, str(path), what], check=False).returncode == 9
    assert (progress_file.read_bytes(), path.read_bytes()) == before


def test_where_nothing_can_be_saved_the_import_says_so(tmp_path, monkeypatch):
    (tmp_path / "blocked").write_text("a file where the folder should be")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "blocked" / "progress.json"))
    merged = import_from({"version": 1, "tasks": {"softmax": {"status": "passed"}}})
    assert "cannot be saved" in str(merged)
