"""The gradebook: one SQLite file, written as results come, and the same bytes for the same results in the end.

While a class is being marked, each result is a transaction of its own, so that a killed run loses at most the
submissions that were in work. When the run ends, the file is written anew in the order of its rows and takes the place
of the old one; neither the order of arrival nor any time is in it.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from course_lib.errors import GradingError
from course_lib.grading.entries import Entry, Key
from course_lib.grading.intake import clean
from course_lib.grading.submission import Mark

FILE = "gradebook.db"
_FORMAT = 1
_APPLICATION = 0x53414347  # in the header of the file, so that no other database is taken for a gradebook
_SECONDS_TO_WAIT = 10.0  # for another program that reads the file

_TABLES = """
CREATE TABLE submission (
    learner TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, exercise TEXT NOT NULL, kind TEXT NOT NULL,
    reason TEXT NOT NULL, remarks TEXT NOT NULL, printed TEXT NOT NULL, code TEXT NOT NULL, settings TEXT NOT NULL,
    PRIMARY KEY (learner, name, digest)) WITHOUT ROWID;
CREATE TABLE mark (
    learner TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, position INTEGER NOT NULL,
    task TEXT NOT NULL, status TEXT NOT NULL, confusion TEXT, message TEXT NOT NULL,
    points REAL NOT NULL, max_points REAL NOT NULL, program TEXT,
    PRIMARY KEY (learner, name, digest, position)) WITHOUT ROWID;
"""
_SUBMISSION = "learner, name, digest, exercise, kind, reason, remarks, printed, code, settings"
_MARK = "learner, name, digest, position, task, status, confusion, message, points, max_points, program"


class Gradebook:
    """The gradebook of a folder, open to write; one program at a time.

    Parameters
    ----------
    folder : Path
        It is made if it is not there.

    Attributes
    ----------
    notes : list of str
        What the instructor has to know: a damaged file that was set aside.

    Raises
    ------
    GradingError
        The folder cannot be written, or another program marks into it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.notes: list[str] = []
        self._lock = _locked(folder)
        try:
            if self.path.exists():
                self._set_aside_if_damaged()
            with _told(self.path):
                self._base = _connect(self.path)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was written stays."""
        with contextlib.suppress(sqlite3.Error):
            self._base.close()
        self._lock.release()

    def write(self, entry: Entry) -> None:
        """Write the entry in the place of an earlier one of the same file, at once and as a whole.

        Raises
        ------
        GradingError
            The disk is full, the file is locked, or gone; what was written before is still there.
        """
        with _told(self.path), self._base:
            _write(self._base, entry)

    def entries(self) -> Iterator[Entry]:
        """Yield all entries in the order of learners and names."""
        with _told(self.path):
            yield from _entries(self._base)

    def done(self, settings: str) -> set[tuple[Key, str]]:
        """Return what needs not be marked again with the same settings: keys, and what each was taken for."""
        with _told(self.path):
            rows = self._base.execute(
                "SELECT learner, name, digest, exercise FROM submission WHERE settings = ? AND kind != 'unmarked'",
                [settings],
            )
            return {((learner, name, digest), exercise) for learner, name, digest, exercise in rows}

    def settle(self) -> None:
        """Write the file anew, in the order of its rows: the same results, the same bytes.

        At every moment the file is the old one or the new one.
        """
        new = self.path.with_name(f".{FILE}-settled")
        with _told(self.path):
            new.unlink(missing_ok=True)
            with contextlib.closing(_connect(new)) as target, target:
                for table, columns in (("submission", _SUBMISSION), ("mark", _MARK)):
                    rows = self._base.execute(f"SELECT {columns} FROM {table} ORDER BY learner, name, digest"
                                              + (", position" if table == "mark" else ""))  # fmt: skip
                    places = ", ".join("?" * len(columns.split(",")))
                    target.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)
            self._base.close()
            _onto_the_disk(new)
            os.replace(new, self.path)
            self._base = _connect(self.path)

    def _set_aside_if_damaged(self) -> None:
        try:
            _examine(self.path)
        except _Damaged as error:
            kept = _free_name(self.path)
            with _told(self.path):
                os.replace(self.path, kept)
                journal = self.path.with_name(f"{FILE}-journal")
                if journal.exists():
                    os.replace(journal, kept.with_name(f"{kept.name}-journal"))
            self.notes.append(
                f"The gradebook was damaged ({error}). It is set aside as {kept.name}, nothing of it is thrown away, "
                "and a new one begun: everything is marked again."
            )


def read(folder: Path) -> list[Entry]:
    """Return the entries of a folder's gradebook; nothing is written.

    Raises
    ------
    GradingError
        There is none, or it is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        raise GradingError(f"There is no gradebook in {folder}: `course grade SUBMISSIONS --out {folder}` writes one.")
    try:
        _examine(path)
        with _told(path), contextlib.closing(_connect(path, write=False)) as base:
            return list(_entries(base))
    except _Damaged as error:
        raise GradingError(
            f"{path} is damaged ({error}). `course grade` sets it aside and begins a new one; its marks come again, "
            "since the same notebook gets the same marks."
        ) from error


class _Damaged(Exception):
    """The file is no gradebook, or not a whole one."""


def _examine(path: Path) -> None:
    """Raise `_Damaged` for a broken file, `GradingError` for one that is not ours or of a newer course."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_SECONDS_TO_WAIT)) as base:
            said = base.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != "ok":
                raise _Damaged(said.splitlines()[-1])
            application = base.execute("PRAGMA application_id").fetchone()[0]
            version = base.execute("PRAGMA user_version").fetchone()[0]
            tables = base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if application == _APPLICATION and version <= _FORMAT:
                for table, columns in (("submission", _SUBMISSION), ("mark", _MARK)):
                    base.execute(f"SELECT {columns} FROM {table} LIMIT 1")
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            raise _Damaged(str(error)) from error
        raise _explained(path, error) from error
    except sqlite3.DatabaseError as error:
        raise _Damaged(str(error)) from error
    if not tables:  # an empty file: a run that was killed before its first moment
        return
    if application != _APPLICATION:
        raise GradingError(f"{path} is a database of another program. Move it away, or choose another --out.")
    if version > _FORMAT:
        raise GradingError(f"{path} was written by a newer course. Update the course, or choose another --out.")


def _connect(path: Path, *, write: bool = True) -> sqlite3.Connection:
    base = sqlite3.connect(path, timeout=_SECONDS_TO_WAIT)
    if not write:
        base.execute("PRAGMA query_only = 1")
        return base
    base.execute("PRAGMA journal_mode = DELETE")
    # A killed program loses nothing by it; to wait for the disk at each result would cost as much as to mark.
    base.execute("PRAGMA synchronous = OFF")
    if not base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        named = f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_FORMAT};"
        base.executescript(f"BEGIN IMMEDIATE; {named} {_TABLES} COMMIT;")
    return base


def _write(base: sqlite3.Connection, entry: Entry) -> None:
    base.execute("DELETE FROM mark WHERE learner = ? AND name = ? AND digest = ?", entry.key)
    as_json = [json.dumps(value, ensure_ascii=False) for value in (entry.remarks, entry.code)]
    texts = (entry.exercise, entry.kind, entry.reason, as_json[0], entry.printed, as_json[1], entry.settings)
    row = (*entry.key, *map(clean, texts))
    base.execute(f"INSERT OR REPLACE INTO submission ({_SUBMISSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    for position, mark in enumerate(entry.marks):
        values = {**vars(mark), "message": clean(mark.message)}
        columns = (*entry.key, position, *(values[name.strip()] for name in _MARK.split(",")[4:]))
        base.execute(f"INSERT INTO mark ({_MARK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", columns)


def _onto_the_disk(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _entries(base: sqlite3.Connection) -> Iterator[Entry]:
    marks: dict[Key, list[Mark]] = {}
    order = "ORDER BY learner, name, digest"
    for learner, name, digest, _, *values in base.execute(f"SELECT {_MARK} FROM mark {order}, position"):
        marks.setdefault((learner, name, digest), []).append(Mark(*values))
    for row in base.execute(f"SELECT {_SUBMISSION} FROM submission {order}"):
        learner, name, digest, exercise, kind, reason, remarks, printed, code, settings = row
        of_it = tuple(marks.pop((learner, name, digest), ()))
        texts: list[Any] = [tuple(json.loads(value)) for value in (remarks, code)]
        yield Entry(
            learner, name, digest, exercise, kind, reason, of_it, texts[0], printed, texts[1], settings
        )  # fmt: skip


def _locked(folder: Path) -> Any:
    """Make the folder and hold its lock."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{FILE}.lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise GradingError(
            f"Another `course grade` is writing into {folder}. Wait until it has ended, or choose another --out."
        ) from error
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GradingError(f"{folder} cannot be written ({reason}). Choose another folder with --out.") from error
    return lock


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in words what SQLite and the system say in codes."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _explained(path, error) from error


_SAID = {
    "full": "the disk is full. Make room",
    "locked": "another program holds it. Close that program",
    "busy": "another program holds it. Close that program",
    "readonly": "it may only be read. Allow writing, or choose another --out",
    "unable to open": "it cannot be opened or made. Look whether its folder is there and may be written",
    "malformed": "it was damaged while it was in use. The next run sets it aside",
    "not a database": "it was damaged while it was in use. The next run sets it aside",
    "disk i/o": "the disk failed, or is full. Make room",
}


def _explained(path: Path, error: Exception) -> GradingError:
    said = next((said for sign, said in _SAID.items() if sign in str(error).lower()), f"{error}. Look at the disk")
    return GradingError(
        f"The gradebook {path} cannot be written: {said}, and run the same command again with --resume: "
        "everything that was written before is kept."
    )


def _free_name(path: Path) -> Path:
    count = 1
    while (kept := path.with_name(f"{path.stem}.damaged-{count}{path.suffix}")).exists():
        count += 1
    return kept
