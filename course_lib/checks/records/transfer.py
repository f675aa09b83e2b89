"""Carry progress to another machine: a file that is written here, and merged with what is there.

Merging loses nothing: a task that was passed in either place is passed; attempts and hints are the larger count, so
that the same file may be brought twice; confusions are put together; the first answer to a prediction is the one that
is here already. What is brought is looked at as a whole before anything is changed.
"""

import errno
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from course_lib.checks.engine import TASKS
from course_lib.checks.records import record
from course_lib.errors import ProgressError

FILE_NAME = "course-progress.json"
_MOST_BYTES = 1_000_000  # a whole course takes about 10 000
_MOST_COUNTED = 1_000_000


@dataclass(frozen=True)
class Merged:
    """What an import brought: tasks in all, newly passed ones, and messages for the learner."""

    n_tasks: int
    n_newly_passed: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        brought = f"{counted(self.n_tasks)} looked at, {self.n_newly_passed} newly passed."
        return " ".join([brought, "Nothing that was here is lost.", *self.notes])


def counted(n_tasks: int) -> str:
    """Write a number of tasks."""
    return "1 task" if n_tasks == 1 else f"{n_tasks} tasks"


def export_to(path: str | Path | None = None) -> tuple[Path, int]:
    """Write the progress to a file.

    Parameters
    ----------
    path : str or Path, optional
        None means ``course-progress.json`` in the current folder.

    Returns
    -------
    tuple of Path and int
        The file, and how many tasks are in it.

    Raises
    ------
    ProgressError
        Where the file cannot be written, or is there already and holds something other than progress.
    """
    path = Path(FILE_NAME if path is None else path)
    if path.exists():
        try:
            _read(path)
        except ProgressError as error:
            raise ProgressError(f"`{path}` is there already, and holds something else: choose another name.") from error
    records = record.read()
    try:
        record.write_file(path, records)
    except (OSError, ValueError) as error:
        raise ProgressError(f"`{path}` cannot be written ({getattr(error, 'strerror', None) or error}).") from error
    return path, len(records)


def import_from(source: str | Path | Mapping[str, Any]) -> Merged:
    """Merge progress from a file, or from what such a file holds, with the progress that is here.

    Parameters
    ----------
    source : str, Path or mapping
        A file that `export_to` wrote, a course's ``.course/progress.json``, or its content.

    Raises
    ------
    ProgressError
        Where the source is damaged, of something else, or of a newer course; nothing is changed then.
    """
    if isinstance(source, str | Path):
        records = _read(Path(source))
    elif isinstance(source, Mapping):
        records = _checked(_as_text(source), "What was given")
    else:
        raise ProgressError(f"Progress comes from a file, so name one; a value of type {type(source).__name__} came.")
    before = record.read()
    notes = record.update_all({name: partial(_merge, brought=brought) for name, brought in records.items()})
    passed = [name for name, brought in records.items() if brought.get("status") == "passed"]
    newly = sum(before.get(name, {}).get("status") != "passed" for name in passed)
    return Merged(len(records), newly, tuple(notes))


def _read(path: Path) -> record.Record:
    try:
        is_small = path.stat().st_size <= _MOST_BYTES
        text = path.read_text(encoding="utf-8-sig") if is_small else ""
    except UnicodeDecodeError as error:
        raise ProgressError(f"`{path}` is no text, so no progress; nothing was changed.") from error
    except (OSError, ValueError) as error:  # ValueError: no path at all
        raise ProgressError(f"`{path}` cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    if not is_small:
        raise ProgressError(f"`{path}` is far larger than progress can be; nothing was changed.")
    return _checked(text, f"`{path}`")


def _as_text(content: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(content))
    except (TypeError, ValueError, RecursionError) as error:
        raise ProgressError(f"What was given is no progress ({error}); nothing was changed.") from error


def _checked(text: str, source: str) -> record.Record:
    """Return the records of a text, or say what is wrong with it."""
    try:
        records = record.parse(text)
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
        raise ProgressError(
            f"{source} was written by a newer version of the course; nothing was changed. Update the course first."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ProgressError(
            f"{source} is damaged, or no progress of this course; nothing was changed. `course progress export` and "
            "`export_progress` write such a file."
        ) from error
    if records and not set(records) & set(TASKS):
        raise ProgressError(f"{source} holds no task of this course; nothing was changed.")
    for name, kept in records.items():
        strange = _strange_field(kept)
        if strange:
            raise ProgressError(
                f"{source} is damaged: {strange} of {name[:60]!r} is no such thing; nothing was changed."
            )
    return records


def _strange_field(kept: Mapping[str, Any]) -> str:
    """Return the name of a field that holds what no check has written, or ''."""
    for field in ("attempts", "hints"):
        count = kept.get(field, 0)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MOST_COUNTED:
            return field
    if kept.get("status", "not_yet") not in ("passed", "not_yet"):
        return "status"
    confusions = kept.get("confusions", [])
    if not isinstance(confusions, list) or not all(isinstance(confusion, str) for confusion in confusions):
        return "confusions"
    if not isinstance(kept.get("first_answer", ""), str):
        return "first_answer"
    return next((field for field, value in kept.items() if not _is_shallow(value, 4)), "")


def _is_shallow(value: Any, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_is_shallow(one, depth - 1) for one in inner)


def _merge(kept: record.Record, *, brought: record.Record) -> None:
    """Bring a record to the one that is here: the better status, the larger counts, the first answer that is here."""
    for field, value in brought.items():
        here = kept.get(field)
        if field in ("attempts", "hints"):
            kept[field] = max(value, here if isinstance(here, int) else 0)
        elif field == "confusions":
            kept[field] = sorted({*value, *(here if isinstance(here, list) else ())})
        elif field == "status":
            kept[field] = "passed" if "passed" in (value, here) else value
        else:
            kept.setdefault(field, value)
