"""The progress file: what was tried and what passed, shared by all notebooks of a course folder.

It is small JSON, written to a new file that then takes the old one's place, so that a run that is killed half-way
leaves the old or the new file and never half of one. Two notebooks that write at once take turns where `filelock` is
installed.
"""

import contextlib
import errno
import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

Record = dict[str, Any]
Change = Callable[[Record], None]

VERSION = 1
_LOCK_SECONDS = 5.0


def progress_path() -> Path:
    """Return the file of this course folder, or the one that COURSE_PROGRESS names."""
    named = os.environ.get("COURSE_PROGRESS")
    if named:
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file() and all(
            (folder / name).is_dir() for name in ("notebooks", "exercises")
        ):
            return folder / ".course" / "progress.json"
    return here / ".course" / "progress.json"


def read() -> Record:
    """Return the records by task name; what could not be saved in this session is included."""
    return dict(_book(progress_path()).read())


def update(name: str, change: Change) -> tuple[Record, list[str]]:
    """Apply `change` to the record of a task; return the record as it was, and messages for the learner.

    A file that cannot be read or written never stops a check: the record is then kept in memory.
    """
    return _book(progress_path()).update(name, change)


def update_all(changes: Mapping[str, Change]) -> list[str]:
    """Apply a change to each of several records, all of them or none; return messages for the learner."""
    return _book(progress_path()).update_all(changes)


@functools.cache
def _book(path: Path) -> "ProgressFile":
    return ProgressFile(path)


class ProgressFile:
    """One progress file, and the changes that could not be saved in it yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: list[tuple[str, Change]] = []

    def read(self) -> Record:
        """Return the records by task name, without touching the file."""
        try:
            records = parse(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            records = {}
        for name, change in self._pending:
            _apply(records, name, change)
        return records

    def update(self, name: str, change: Change) -> tuple[Record, list[str]]:
        """Read, change and write under a lock; see `update` of the module."""
        before: Record = {}

        def remembering(kept: Record) -> None:
            before.clear()
            before.update(kept)
            change(kept)

        notes = self.update_all({name: remembering})
        if self._pending:  # nothing could be written, so nothing was applied but here
            self.read()
        return dict(before), notes

    def update_all(self, changes: Mapping[str, Change]) -> list[str]:
        """Read, change and write under a lock; see `update_all` of the module."""
        notes: list[str] = []
        n_before = len(self._pending)
        self._pending.extend(changes.items())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self.path):
                records = self._read_or_set_aside(notes)
                for waiting in self._pending:
                    _apply(records, *waiting)
                write_file(self.path, records)
            self._pending.clear()
        except OSError as error:
            if not n_before:
                notes.append(
                    f"Your progress cannot be saved in `{self.path}` ({error.strerror or type(error).__name__}). "
                    "Checks go on, and remember it until this notebook's kernel stops."
                )
        except Exception:  # a change of ours that cannot be made must not stand in the way of the next
            del self._pending[n_before:]
            raise
        return notes

    def _read_or_set_aside(self, notes: list[str]) -> Record:
        try:
            return parse(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            kept = _free_name(self.path)
            os.replace(self.path, kept)
            notes.append(f"The progress file was damaged. It is set aside as `{kept.name}`, and a new one begun.")
            return {}


def parse(text: str) -> Record:
    """Return the records by task name; raise ValueError for a damaged file, OSError for one of a newer course."""
    content = json.loads(text)
    version, tasks = (content.get("version"), content.get("tasks")) if isinstance(content, dict) else (None, None)
    if isinstance(version, int) and version > VERSION:
        raise OSError(errno.EPERM, "it was written by a newer version of the course")
    if (
        not isinstance(version, int)
        or not isinstance(tasks, dict)
        or not all(isinstance(record, dict) for record in tasks.values())
    ):
        raise ValueError("not a progress file")
    return {str(name): record for name, record in tasks.items()}


def _apply(records: Record, name: str, change: Change) -> None:
    change(records.setdefault(name, {}))


def _free_name(path: Path) -> Path:
    count = 1
    while (kept := path.with_name(f"{path.stem}.damaged-{count}{path.suffix}")).exists():
        count += 1
    return kept


def write_file(path: Path, records: Record) -> None:
    """Write records so that the file is the old one or the new one at every moment, and never half of one."""
    content = json.dumps({"version": VERSION, "tasks": records}, indent=1, sort_keys=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(content + "\n")
            file.flush()
            os.fsync(file.fileno())
        _replace(Path(name), path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _replace(new: Path, path: Path) -> None:
    """Let `new` take the place of `path`; on Windows a reader may hold the old file for a moment."""
    for _ in range(20):
        try:
            os.replace(new, path)
            return
        except PermissionError:
            time.sleep(0.05)
    os.replace(new, path)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the file's lock, where there is a `filelock` and a file system that knows locks."""
    lock = None
    if sys.platform == "emscripten":  # in a browser there is one process only, and `filelock` warns of it
        yield
        return
    try:
        from filelock import FileLock, Timeout
    except ImportError:
        yield
        return
    try:
        lock = FileLock(f"{path}.lock", timeout=_LOCK_SECONDS)
        lock.acquire()
    except (Timeout, OSError, NotImplementedError):
        lock = None
    try:
        yield
    finally:
        if lock is not None:
            lock.release()
