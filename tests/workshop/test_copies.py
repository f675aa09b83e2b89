"""A learner's copy follows the course and never loses the learner's work: every case of the table in `copies`."""

import json
import os
from pathlib import Path

import pytest

from course_lib.workshop import copies
from course_lib.workshop.copies import update

ROOT = Path(__file__).resolve().parents[2]
LESSON = "notebooks/03_softmax.ipynb"
BESIDE = "notebooks/03_softmax (new version).ipynb"


def notebook(*sources, output=""):
    cells = [
        {"cell_type": "code", "source": source, "outputs": [output] if output else [], "execution_count": None}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


class Course:
    """A course of some files, and one learner's copy of it."""

    def __init__(self, folder):
        self.course, self.copy = folder / "course", folder / "copy"

    def give(self, **files):
        """Set the course to these files (dots for slashes are spelled out by `names`) and update the copy."""
        for path in self.course.rglob("*"):
            if path.is_file():
                path.unlink()
        for name, text in files.items():
            path = self.course / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.course.mkdir(exist_ok=True)
        return update(self.course, self.copy)

    def there(self):
        """What is in the copy, by name, without the ledger."""
        files = (path for path in self.copy.rglob("*") if path.is_file() and ".course" not in path.parts)
        return {path.relative_to(self.copy).as_posix(): path.read_text(encoding="utf-8") for path in files}


@pytest.fixture
def room(tmp_path):
    return Course(tmp_path)


def test_a_first_copy_holds_everything(room):
    done = room.give(**{LESSON: notebook("a"), "docs/glossary.md": "words"})
    assert room.there() == {LESSON: notebook("a"), "docs/glossary.md": "words"}
    assert sorted(done.written) == ["docs/glossary.md", LESSON]


def test_an_update_replaces_what_was_not_changed(room):
    room.give(**{LESSON: notebook("a"), "docs/glossary.md": "words"})
    done = room.give(**{LESSON: notebook("b"), "docs/glossary.md": "words"})
    assert room.there()[LESSON] == notebook("b")
    assert done.written == [LESSON]


def test_a_second_update_of_the_same_course_does_nothing(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / LESSON).write_text(notebook("mine"))
    room.give(**{LESSON: notebook("b")})
    before = room.there()
    assert room.give(**{LESSON: notebook("b")}).written == []
    assert room.there() == before


def test_changed_work_is_kept_and_the_new_version_put_beside(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / LESSON).write_text(notebook("mine"))
    done = room.give(**{LESSON: notebook("b")})
    assert room.there() == {LESSON: notebook("mine"), BESIDE: notebook("b")}
    assert (done.kept, done.beside) == ([LESSON], [BESIDE])


def test_changed_work_is_left_in_peace_while_the_course_stays(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / LESSON).write_text(notebook("mine"))
    room.give(**{LESSON: notebook("a")})
    assert room.there() == {LESSON: notebook("mine")}


def test_a_version_that_was_put_beside_and_deleted_does_not_come_back(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / LESSON).write_text(notebook("mine"))
    room.give(**{LESSON: notebook("b")})
    (room.copy / BESIDE).unlink()
    room.give(**{LESSON: notebook("b")})
    assert set(room.there()) == {LESSON}


def test_a_version_beside_that_nobody_changed_is_replaced_by_the_next(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / LESSON).write_text(notebook("mine"))
    room.give(**{LESSON: notebook("b")})
    room.give(**{LESSON: notebook("c")})
    assert room.there() == {LESSON: notebook("mine"), BESIDE: notebook("c")}


def test_a_version_beside_that_was_worked_in_is_kept_too(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / LESSON).write_text(notebook("mine"))
    room.give(**{LESSON: notebook("b")})
    (room.copy / BESIDE).write_text(notebook("mine again"))
    room.give(**{LESSON: notebook("c")})
    second = BESIDE.replace("version)", "version 2)")
    assert room.there() == {LESSON: notebook("mine"), BESIDE: notebook("mine again"), second: notebook("c")}


def test_work_that_became_what_the_course_has_now_is_no_longer_a_change(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / LESSON).write_text(notebook("b", output="1"))
    done = room.give(**{LESSON: notebook("b")})
    assert done.beside == []
    assert room.there() == {LESSON: notebook("b", output="1")}, "the learner's outputs stay"
    room.give(**{LESSON: notebook("c")})
    assert room.there() == {LESSON: notebook("c")}


def test_a_notebook_that_was_only_run_is_brought_up_to_date(room):
    room.give(**{LESSON: notebook("a", "b")})
    (room.copy / LESSON).write_text(notebook("a", "b", output="seven"))
    assert room.give(**{LESSON: notebook("a", "b")}).written == [], "no update, no loss of outputs"
    room.give(**{LESSON: notebook("a", "c")})
    assert room.there() == {LESSON: notebook("a", "c")}


@pytest.mark.parametrize("mine", [notebook("a", "b", "new cell"), notebook("b", "a"), notebook("a"), "", "{", "[1]"])
def test_a_cell_more_another_order_and_a_damaged_notebook_are_changes(room, mine):
    room.give(**{LESSON: notebook("a", "b")})
    (room.copy / LESSON).write_text(mine)
    room.give(**{LESSON: notebook("z")})
    assert room.there() == {LESSON: mine, BESIDE: notebook("z")}


def test_how_a_notebook_spells_its_text_is_no_change(room):
    room.give(**{LESSON: notebook("a\nb")})
    lines = json.loads(notebook("x"))
    lines["cells"][0]["source"] = ["a\n", "b"]
    (room.copy / LESSON).write_text(json.dumps(lines))
    room.give(**{LESSON: notebook("c")})
    assert room.there() == {LESSON: notebook("c")}


def test_a_picture_pasted_into_a_cell_is_work(room):
    room.give(**{LESSON: notebook("a")})
    pasted = json.loads(notebook("a"))
    pasted["cells"][0]["attachments"] = {"picture.png": {"image/png": "AAAA"}}
    (room.copy / LESSON).write_text(json.dumps(pasted))
    room.give(**{LESSON: notebook("b")})
    assert room.there()[LESSON] == json.dumps(pasted)


def test_a_file_that_the_learner_deleted_comes_back(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / LESSON).unlink()
    room.give(**{LESSON: notebook("a")})
    assert room.there() == {LESSON: notebook("a")}


def test_a_file_that_left_the_course_goes_unless_it_was_changed(room):
    room.give(**{LESSON: notebook("a"), "docs/a.md": "a", "docs/b.md": "b"})
    (room.copy / "docs/b.md").write_text("mine")
    done = room.give(**{LESSON: notebook("a")})
    assert room.there() == {LESSON: notebook("a"), "docs/b.md": "mine"}
    assert (done.removed, done.kept) == (["docs/a.md"], ["docs/b.md"])


def test_files_of_the_learners_own_are_never_touched(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / "notes.md").write_text("mine")
    (room.copy / "notebooks/scratch.ipynb").write_text("{")
    room.give()
    assert room.there() == {"notes.md": "mine", "notebooks/scratch.ipynb": "{"}


def test_a_file_of_the_learners_own_that_stands_in_the_way_is_kept(room):
    room.give(**{LESSON: notebook("a")})
    (room.copy / "docs").mkdir()
    (room.copy / "docs/new.md").write_text("mine")
    room.give(**{LESSON: notebook("a"), "docs/new.md": "theirs"})
    assert room.there()["docs/new.md"] == "mine"
    assert room.there()["docs/new (new version).md"] == "theirs"


def test_a_folder_in_place_of_a_file_is_kept(room):
    (room.copy / LESSON).mkdir(parents=True)
    (room.copy / LESSON / "mine.txt").write_text("mine")
    room.give(**{LESSON: notebook("a")})
    assert room.there() == {f"{LESSON}/mine.txt": "mine", BESIDE: notebook("a")}


def test_nothing_is_written_through_a_link(room, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    room.copy.mkdir()
    (room.copy / "notebooks").symlink_to(elsewhere, target_is_directory=True)
    (tmp_path / "target").write_text("outside")
    (room.copy / "glossary.md").symlink_to(tmp_path / "target")
    done = room.give(**{LESSON: notebook("a"), "glossary.md": "words"})
    assert list(elsewhere.iterdir()) == []
    assert (tmp_path / "target").read_text() == "outside"
    assert [name.split(" (")[0] for name in done.failed] == [LESSON], "there is no place for it, and it is said"


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"version": 1}', '{"version": 1, "files": {"a": 3}}', '{"version": 9}']
)
def test_with_a_damaged_ledger_everything_that_differs_counts_as_work(room, damage):
    room.give(**{LESSON: notebook("a"), "docs/a.md": "a"})
    (room.copy / LESSON).write_text(notebook("mine"))
    (room.copy / copies.LEDGER).write_text(damage)
    room.give(**{LESSON: notebook("b"), "docs/a.md": "a"})
    assert room.there() == {LESSON: notebook("mine"), BESIDE: notebook("b"), "docs/a.md": "a"}


def test_a_ledger_with_paths_that_lead_out_removes_nothing(room, tmp_path):
    room.give(**{LESSON: notebook("a")})
    outside = tmp_path / "outside.md"
    outside.write_text("theirs")
    entry = {"work": copies._work("outside.md", b"theirs"), "bytes": "", "beside": {}}
    ledger = {"version": 1, "files": {"../outside.md": entry, str(outside): entry}}
    (room.copy / copies.LEDGER).write_text(json.dumps(ledger))
    room.give(**{LESSON: notebook("a")})
    assert outside.read_text() == "theirs"


def test_an_update_that_was_interrupted_is_made_whole_by_the_next(room, monkeypatch):
    room.give(**{"a.md": "1", "b.md": "1", "c.md": "1"})
    (room.copy / "c.md").write_text("mine")
    real, calls = os.replace, []

    def fails_second(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(copies.os, "replace", fails_second)
    with pytest.raises(KeyboardInterrupt):
        room.give(**{"a.md": "2", "b.md": "2", "c.md": "2"})
    monkeypatch.undo()
    room.give(**{"a.md": "2", "b.md": "2", "c.md": "2"})
    assert room.there() == {"a.md": "2", "b.md": "2", "c.md": "mine", "c (new version).md": "2"}
    assert not list(room.copy.rglob(".*-*"))


def test_a_file_that_cannot_be_written_does_not_keep_the_others(room, monkeypatch):
    real = copies._write

    def no_room(target, content):
        if target.name == "b.md":
            raise OSError(28, "No space left on device")
        real(target, content)

    monkeypatch.setattr(copies, "_write", no_room)
    done = room.give(**{"a.md": "1", "b.md": "1", "c.md": "1"})
    assert set(room.there()) == {"a.md", "c.md"}
    assert done.failed == ["b.md (No space left on device)"]
    monkeypatch.undo()
    assert set(room.give(**{"a.md": "1", "b.md": "1", "c.md": "1"}).written) == {"b.md"}


def test_learners_get_lessons_and_exercises_and_neither_solutions_nor_sources():
    names = copies.files_for_learners(ROOT)
    assert "notebooks/03_softmax.ipynb" in names
    assert "exercises/03_softmax.ipynb" in names
    assert not [name for name in names if "solution" in name or "source" in name]
    links = {name for name in names if name.startswith("docs/")}
    assert "docs/glossary.md" in links


def test_every_file_that_a_notebook_links_to_is_given():
    names = set(copies.files_for_learners(ROOT))
    for name in (name for name in names if name.endswith(".ipynb")):
        text = "\n".join(
            "".join(cell["source"]) for cell in json.loads((ROOT / name).read_text(encoding="utf-8"))["cells"]
        )
        for link in (part.split(")")[0] for part in text.split("](")[1:]):
            if not link.startswith(("http", "#", "attachment:")):
                target = os.path.normpath((Path(name).parent / link.split("#")[0]).as_posix())
                assert target in names, f"{name} links to {link}"


def test_a_snapshot_loses_what_left_the_course(tmp_path):
    root, course = tmp_path / "root", tmp_path / "course"
    for name in ("notebooks/01_a.ipynb", "exercises/01_a.ipynb", "exercises/solutions/01_a.ipynb"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(notebook(name))
    copies.take_snapshot(root, course)
    assert sorted(path.name for path in course.rglob("*.ipynb")) == ["01_a.ipynb", "01_a.ipynb"]
    (root / "notebooks/01_a.ipynb").unlink()
    copies.take_snapshot(root, course)
    assert [path.relative_to(course).as_posix() for path in course.rglob("*.ipynb")] == ["exercises/01_a.ipynb"]
