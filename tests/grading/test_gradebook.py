"""The gradebook: what was written stays, damage is set aside, trouble is said in words; same results, same bytes."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys

import pytest

from course_lib.errors import GradingError
from course_lib.grading import gradebook as module
from course_lib.grading.entries import Entry, best
from course_lib.grading.gradebook import FILE, Gradebook, read
from course_lib.grading.submission import Cell, Mark, Marked, Refused, Submission


def entry(learner="ada", *, digest="d1", points=1.0, message="well", exercise="07_multi_head", kind="marked"):
    mark = Mark("split_heads", "passed" if points else "not_yet", None, message, points, 2.0, None)
    marks = (mark,) if kind == "marked" else ()
    return Entry(learner, "x.ipynb", digest, exercise, kind, "", marks, ("a remark",), "printed", ("x = 1",), "seed 0")


def test_what_is_written_is_read(tmp_path):
    submission = Submission(
        "ada", "07_multi_head", "x.ipynb", "d1", (Cell("code", "x = 1"), Cell("raw", "y")), ("odd",)
    )
    marked = Marked(
        "d1", "07_multi_head", (Mark("a", "passed", "M06", "é\x00\x1b", 1.0, 1.5, "p"),), ("odd", "b"), "out", 1
    )
    entries = [
        Entry.of_marked(submission, marked, "seed 0"),
        Entry.of_refused(Refused("bo", "y.ipynb", "no", "02_scores"), "seed 0"),
        Entry.of_unmarked(submission, "died", "seed 0"),
    ]
    assert entries[0].remarks == ("odd", "b")
    assert entries[0].code == ("x = 1",)
    with Gradebook(tmp_path / "a" / "b") as book:
        for one in entries[:2]:
            book.write(one)
        assert list(book.entries()) == entries[:2]
        book.write(entries[2])  # the same file again, in the place of the first
        assert [one.kind for one in book.entries()] == ["unmarked", "refused"]
    assert read(tmp_path / "a" / "b") == [entries[2], entries[1]]


def test_halves_of_characters_from_a_message_are_borne(tmp_path):
    with Gradebook(tmp_path) as book:
        book.write(entry(message="\ud800"))
        [got] = book.entries()
    assert got.marks[0].message == "\ufffd"


def test_done_tells_what_has_the_same_settings_and_was_marked(tmp_path):
    with Gradebook(tmp_path) as book:
        for one in (entry("ada"), entry("bo", kind="refused"), entry("cy", kind="unmarked")):
            book.write(one)
        assert book.done("seed 0") == {((name, "x.ipynb", "d1"), "07_multi_head") for name in ("ada", "bo")}
        assert book.done("seed 1") == set()


def test_the_best_of_several_counts_and_no_time_decides():
    good, bad = entry(digest="d1", points=2.0), entry(digest="d0", points=0.0)
    none, other = entry(digest="d2", kind="refused"), entry("bo", exercise="", kind="refused")
    odd = entry(exercise="", kind="refused")
    assert best([bad, good, none]) == best([none, good, bad]) == [good]
    assert best([none]) == [none]
    assert best([good, odd, other]) == [good, other]


def rows(count):
    return [entry(f"l{number:03}", digest=f"d{number}", message="m" * (number * 37 % 3000)) for number in range(count)]


def write_all(book, entries):
    for one in entries:
        book.write(one)


def settled(folder, entries):
    with Gradebook(folder) as book:
        write_all(book, entries)
        book.settle()
        book.settle()
    return (folder / FILE).read_bytes()


def test_the_order_of_arrival_does_not_show_in_the_file(tmp_path):
    entries = rows(60)
    mixed = random.Random(3).sample(entries, len(entries))
    first = settled(tmp_path / "a", entries)
    assert settled(tmp_path / "b", mixed) == first
    with Gradebook(tmp_path / "c") as book:  # in two runs, and some of them twice
        for one in mixed[:40]:
            book.write(one)
    assert settled(tmp_path / "c", [*mixed[30:], mixed[0]]) == first
    assert settled(tmp_path / "a", [entry("l000", digest="d0", points=0.0)]) != first


# Trouble


def test_a_second_program_is_told_to_wait(tmp_path):
    with Gradebook(tmp_path), pytest.raises(GradingError, match="Another `course grade` is writing"):
        Gradebook(tmp_path)
    with Gradebook(tmp_path) as book:
        book.write(entry())


def test_a_locked_gradebook_is_told_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SECONDS_TO_WAIT", 0.1)
    with Gradebook(tmp_path) as book:
        book.write(entry("ada"))
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(GradingError, match=r"another program holds it.*--resume"):
            book.write(entry("bo"))
        other.execute("ROLLBACK")
        other.close()
        book.write(entry("bo"))
    assert [one.learner for one in read(tmp_path)] == ["ada", "bo"]


def test_a_gradebook_that_is_locked_from_the_start_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SECONDS_TO_WAIT", 0.1)
    settled(tmp_path, [entry()])
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(GradingError, match="another program holds it"):
        Gradebook(tmp_path)
    with pytest.raises(GradingError, match="another program holds it"):
        read(tmp_path)
    other.close()
    assert len(read(tmp_path)) == 1


DAMAGE = {
    "no database": lambda data: b"hello, this is no database" * 100,
    "cut off": lambda data: data[: len(data) // 2],
    "overwritten": lambda data: data[:5000] + b"\xa5" * 4000 + data[9000:],
    "head gone": lambda data: b"\0" * 100 + data[100:],
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_gradebook_is_set_aside_and_a_new_one_begun(tmp_path, kind):
    data = settled(tmp_path, rows(40))
    damaged = DAMAGE[kind](data)
    (tmp_path / FILE).write_bytes(damaged)
    with pytest.raises(GradingError, match="damaged"):
        read(tmp_path)
    assert (tmp_path / FILE).read_bytes() == damaged, "reading changes nothing"
    with Gradebook(tmp_path) as book:
        assert "set aside as gradebook.damaged-1.db" in book.notes[0]
        book.write(entry("bo"))
    assert (tmp_path / "gradebook.damaged-1.db").read_bytes() == damaged
    assert [one.learner for one in read(tmp_path)] == ["bo"]
    (tmp_path / FILE).write_bytes(damaged)
    with Gradebook(tmp_path) as book:
        assert "gradebook.damaged-2.db" in book.notes[0]


def test_an_empty_file_is_a_gradebook_that_was_just_begun(tmp_path):
    (tmp_path / FILE).touch()
    with Gradebook(tmp_path) as book:
        assert book.notes == []
        book.write(entry())
    assert len(read(tmp_path)) == 1


def test_a_database_of_another_program_or_a_newer_course_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as base:
        base.execute("CREATE TABLE mine (x)")
    base.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(GradingError, match="another program"):
        Gradebook(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
    settled(tmp_path / "new", [entry()])
    with sqlite3.connect(tmp_path / "new" / FILE) as base:
        base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(GradingError, match="newer course"):
        Gradebook(tmp_path / "new")


def test_there_is_no_gradebook_yet(tmp_path):
    with pytest.raises(GradingError, match=r"no gradebook in .*course grade"):
        read(tmp_path)


def test_a_full_disk_is_told_and_what_was_written_stays(tmp_path, monkeypatch):
    with Gradebook(tmp_path) as book:
        write_all(book, rows(10))
        pages = book._base.execute("PRAGMA page_count").fetchone()[0]
        book._base.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to be full
        with pytest.raises(GradingError, match=r"disk is full.*--resume"):
            write_all(book, rows(300)[10:])
        n_kept = len(list(book.entries()))
    assert n_kept >= 10
    assert read(tmp_path)[:10] == rows(10)
    with Gradebook(tmp_path) as book:
        assert book.notes == []
        assert len(list(book.entries())) == n_kept


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk, which root may do")
def test_on_a_small_disk_the_old_gradebook_outlives_a_settling_that_fails(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with Gradebook(disk) as book:
            with pytest.raises(GradingError, match="full"):
                write_all(book, rows(1000))
            kept = list(book.entries())
            assert len(kept) > 50
            with pytest.raises(GradingError, match="full"):
                book.settle()
        assert read(disk) == kept
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    for folder in [tmp_path / "file" / "out", *([] if sys.platform != "linux" else [tmp_path.__class__("/proc/out")])]:
        with pytest.raises(GradingError, match=r"cannot be written .*--out"):
            Gradebook(folder)


def test_a_gradebook_that_may_only_be_read_is_told(tmp_path):
    settled(tmp_path, [entry()])
    with Gradebook(tmp_path) as book:
        book._base.execute("PRAGMA query_only = 1")  # root may write any file
        with pytest.raises(GradingError, match="may only be read"):
            book.write(entry("bo"))


def test_a_journal_that_a_killed_run_left_is_played_back(tmp_path):
    """A transaction that was cut off in the middle is undone at the next start, and the file is no damaged one."""
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2]);"
        "from test_gradebook import Gradebook, entry, module;"
        "book = Gradebook(Path(sys.argv[1])); book.write(entry('ada'));"
        "book._base.execute('PRAGMA cache_size = 1'); book._base.execute('BEGIN');"
        "[module._write(book._base, entry(f'l{n}', message='m' * 3000)) for n in range(50)];"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path, os.path.dirname(__file__)], check=False)
    shutil.copytree(tmp_path, tmp_path.parent / "copy")
    assert (tmp_path.parent / "copy" / f"{FILE}-journal").stat().st_size > 0
    with Gradebook(tmp_path.parent / "copy") as book:
        assert book.notes == []
        assert [one.learner for one in book.entries()] == ["ada"]
