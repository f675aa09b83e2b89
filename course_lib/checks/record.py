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
import tempfile
import time
from collections.abc import Callable, Iterator
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
            records = _parse(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            records = {}
        for name, change in self._pending:
            _apply(records, name, change)
        return records

    def update(self, name: str, change: Change) -> tuple[Record, list[str]]:
        """Read, change and write under a lock; see `update` of the module."""
        notes: list[str] = []
        is_first_failure = not self._pending
        before = dict(self.read().get(name, {}))
        self._pending.append((name, change))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self.path):
                records = self._read_or_set_aside(notes)
                for waiting in self._pending:
                    before = _apply(records, *waiting)
                _write(self.path, records)
            self._pending.clear()
        except OSError as error:
            if is_first_failure:
                notes.append(
                    f"Your progress cannot be saved in `{self.path}` ({error.strerror or type(error).__name__}). "
                    "Checks go on, and remember it until this notebook's kernel stops."
                )
        return before, notes

    def _read_or_set_aside(self, notes: list[str]) -> Record:
        try:
            return _parse(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            kept = _free_name(self.path)
            os.replace(self.path, kept)
            notes.append(f"The progress file was damaged. It is set aside as `{kept.name}`, and a new one begun.")
            return {}


def _parse(text: str) -> Record:
    """Return the records by task name; raise ValueError for a damaged file, OSError for one of a newer course."""
    content = json.loads(text)
    if isinstance(content, dict) and isinstance(content.get("version"), int) and content["version"] > VERSION:
        raise OSError(errno.EPERM, "it was written by a newer version of the course")
    tasks = content.get("tasks") if isinstance(content, dict) else None
    if not isinstance(tasks, dict) or not all(isinstance(record, dict) for record in tasks.values()):
        raise ValueError("not a progress file")
    return {str(name): record for name, record in tasks.items()}


def _apply(records: Record, name: str, change: Change) -> Record:
    record = records.setdefault(name, {})
    before = dict(record)
    change(record)
    return before


def _free_name(path: Path) -> Path:
    count = 1
    while (kept := path.with_name(f"{path.stem}.damaged-{count}{path.suffix}")).exists():
        count += 1
    return kept


def _write(path: Path, records: Record) -> None:
    content = json.dumps({"version": VERSION, "tasks": records}, indent=1, sort_keys=True, ensure_ascii=False)
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
    try:
        from filelock import FileLock, Timeout
    except ImportError:  # in a browser there is one process only
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
