"""Read submissions: bytes into cells. Nothing is run, nothing is unpacked to disk, and no link is followed.

What cannot be read is refused with the reason, one file at a time. What is odd and harmless (a check cell that is gone,
metadata that was changed) is remarked upon: answers are found by their names in what ran, and cost nobody a point.
"""

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from course_lib.grading.assignments import ASSIGNMENTS, Assignment
from course_lib.grading.submission import Cell, CellKind, Refused, Submission

MIB = 2**20
MOST_BYTES = 64 * MIB  # with all its outputs; far more than a person makes, and little enough to hold
MOST_PARTS = 1_000_000  # brackets and commas outside of texts: each costs memory once the JSON is read
MOST_CELLS = 2_000
MOST_SOURCE = 4 * MIB
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_PARTS = re.compile(rb"[\[{,]")
_KINDS: tuple[CellKind, ...] = get_args(CellKind)
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotANotebook(ValueError):
    """What was handed in cannot be read as a notebook; the message says why and what to do."""


@dataclass(frozen=True)
class _Raw:
    """A notebook as JSON: its cells, its metadata, and what was odd about it so far."""

    cells: list[Any]
    metadata: dict[str, Any]


def read_submission(
    source: Path | bytes, *, learner: str, name: str | None = None, exercise: str | None = None
) -> Submission | Refused:
    """Read a notebook; never raise, whatever it holds.

    Parameters
    ----------
    source : Path or bytes
        A file, or what stood in it.
    learner : str
    name : str, optional
        The name of the file; that of `source` if not given.
    exercise : str, optional
        The exercise that it is of, one of `ASSIGNMENTS`. None means to find it by what the notebook holds and by its
        name.

    Returns
    -------
    Submission or Refused
    """
    name = clean(name if name is not None else source.name if isinstance(source, Path) else "notebook.ipynb")
    learner = clean(learner)
    hinted = exercise or named_exercise(name)
    digest = ""
    try:
        data = source if isinstance(source, bytes) else read_file(source)
        digest = hashlib.sha256(data).hexdigest()
        raw = _parse(data)
        cells, remarks = _cells(raw.cells)
        found = exercise or exercise_of(cells, name)
        if found is None:
            raise NotANotebook(
                "It cannot be told which exercise this is: neither its name nor its cells are those of one. "
                "Hand in the exercise's own notebook, under its own name, such as 07_multi_head.ipynb."
            )
    except NotANotebook as error:
        return Refused(learner, name, str(error), hinted or "", digest)
    except MemoryError:
        return Refused(learner, name, "It takes more memory than this machine has to read it.", hinted or "", digest)
    remarks += _remarks_on_checks(ASSIGNMENTS[found], cells) + _remarks_on_metadata(raw)
    return Submission(learner, found, name, digest, tuple(cells), tuple(dict.fromkeys(remarks)))


def read_file(path: Path) -> bytes:
    """Return what stands in a plain file; a link, a pipe or a device is not opened.

    Raises
    ------
    NotANotebook
        It is no plain file, cannot be read, or is larger than `MOST_BYTES`.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise NotANotebook(_kind_of(path))
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NotANotebook("It is no plain file.")
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, NotANotebook):
            raise
        raise NotANotebook(f"It cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    return data


def _kind_of(path: Path) -> str:
    if path.is_symlink():
        return "It is a link, and links are not followed: hand in the file itself."
    return "It is a folder, a pipe or a device, and no file."


def _parse(data: bytes) -> _Raw:
    """Return a notebook of format 4 or 3 as JSON."""
    if len(data) > MOST_BYTES:
        raise NotANotebook(
            f"It is larger than {MOST_BYTES // MIB} MiB. Clear its outputs (in JupyterLab: Edit, Clear Outputs of All "
            "Cells), save it, and hand it in again."
        )
    if not data.strip():
        raise NotANotebook("The file is empty. Save the notebook, look whether it opens, and hand it in again.")
    if len(_PARTS.findall(_TEXT.sub(b"", data))) > MOST_PARTS:
        raise NotANotebook("It holds more lists and entries than a notebook has.")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotANotebook("It is no text in UTF-8, so no notebook.") from error
    except RecursionError as error:
        raise NotANotebook("It is nested more deeply than a notebook is.") from error
    except ValueError as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise NotANotebook(f"It is no valid JSON{where}, so no notebook. Was it cut off, or merged by git?") from error
    if not isinstance(content, dict):
        raise NotANotebook("It is JSON, but no notebook: the outermost part is no object.")
    metadata = content.get("metadata")
    return _Raw(_raw_cells(content), metadata if isinstance(metadata, dict) else {})


def _raw_cells(content: dict[str, Any]) -> list[Any]:
    version, cells = content.get("nbformat"), content.get("cells")
    if version == 3 and isinstance(content.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in content["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    elif isinstance(version, bool) or version != 4:
        written = repr(version)[:40] if isinstance(version, int | float | str) else "none that is a number"
        raise NotANotebook(f"Its format is {clean(written)}; notebooks of this course have format 4.")
    if not isinstance(cells, list):
        raise NotANotebook("It is JSON, but no notebook: it has no list of cells.")
    if len(cells) > MOST_CELLS:
        raise NotANotebook(f"It has {len(cells):,} cells; up to {MOST_CELLS:,} are read.")
    return cells


def _cells(raw: list[Any]) -> tuple[list[Cell], list[str]]:
    """Return the cells that can be used, and what was odd."""
    cells: list[Cell] = []
    remarks: list[str] = []
    seen: set[tuple[str, str]] = set()
    size = 0
    for position, one in enumerate(raw, start=1):
        kind = _kind(one)
        if kind is None:
            remarks.append(f"Cell {position} is no cell, and was left out.")
            continue
        source = _joined(one.get("source", one.get("input")))
        if source is None:
            remarks.append(f"Cell {position} has no source, and was left out.")
            continue
        size += len(source)
        if size > MOST_SOURCE:
            raise NotANotebook(f"Its cells hold more than {MOST_SOURCE // MIB} MiB of text.")
        names = {"cell id": one.get("id"), "grade_id": _nbgrader(one).get("grade_id")}
        for what, value in names.items():
            names[what] = clean(value) if isinstance(value, str) else None
            if isinstance(value, str) and (what, value) in seen:
                remarks.append(f"The {what} {clean(value)[:80]!r} stands there more than once.")
                names[what] = None
            elif isinstance(value, str):
                seen.add((what, value))
        cells.append(Cell(kind, source, names["cell id"], names["grade_id"]))
    return cells, remarks


def _kind(cell: object) -> CellKind | None:
    return next((kind for kind in _KINDS if isinstance(cell, dict) and cell.get("cell_type") == kind), None)


def _joined(source: object) -> str | None:
    """Return a cell's source, which notebooks keep as a text or as a list of lines."""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    return clean(source) if isinstance(source, str) else None


def _nbgrader(cell: dict[str, Any]) -> dict[str, Any]:
    metadata = cell.get("metadata")
    found = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def clean(text: str) -> str:
    """Return a text that any file and database can hold: halves of characters are replaced."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _check_of(task: str, answer: str) -> re.Pattern[str]:
    return re.compile(rf"""\bcheck\(\s*(["']){re.escape(task)}\1\s*,\s*{answer}\s*\)""")


_CALLED = re.compile(r"""\bcheck\(\s*(["'])(\w+)\1\s*,\s*\w+\s*\)""")
_MADE = re.compile(r"^(?:def (\w+)\(|(\w+) *=)", re.MULTILINE)
_NAMED = {name: re.compile(rf"(?<!\d){'[ _-]*'.join(name.split('_'))}", re.IGNORECASE) for name in ASSIGNMENTS}


def named_exercise(name: str) -> str | None:
    """Return the exercise that a file's or folder's name tells.

    Examples
    --------
    >>> named_exercise("doejane_4711_90210_07_multi_head-2.ipynb"), named_exercise("homework.ipynb")
    ('07_multi_head', None)
    """
    found = [exercise for exercise, pattern in _NAMED.items() if pattern.search(name)]
    return found[0] if len(found) == 1 else None


def exercise_of(cells: list[Cell], name: str) -> str | None:
    """Return the exercise that a notebook is of: by the checks that it calls, the names that it makes, its own name."""
    text = "\n".join(cell.source for cell in cells if cell.kind == "code")
    named = named_exercise(name)
    called = {task for _, task in _CALLED.findall(text)}
    made = {function or other for function, other in _MADE.findall(text)}
    scores = {
        exercise: sum(2 * (asked.task in called) + (asked.answer in made) for asked in one.asked)
        + 3 * (exercise == named)
        for exercise, one in ASSIGNMENTS.items()
    }
    best = max(scores.values())
    likely = [exercise for exercise, score in scores.items() if score == best]
    if best == 0 or (len(likely) > 1 and named not in likely):
        return None
    return named if named in likely else likely[0]


def _remarks_on_checks(assignment: Assignment, cells: list[Cell]) -> list[str]:
    text = "\n".join(cell.source for cell in cells if cell.kind == "code")
    gone = [one.task for one in assignment.asked if not _check_of(one.task, one.answer).search(text)]
    remarks = [f"The check of {', '.join(gone)} was changed or deleted."] if gone else []
    for one in assignment.asked:
        made = re.compile(rf"^def {one.answer}\(", re.MULTILINE)
        if any(made.search(cell.source) for cell in cells if cell.kind != "code"):
            remarks.append(f"{one.answer} stands in a cell that is no code, so it did not run.")
    return remarks


def _remarks_on_metadata(raw: _Raw) -> list[str]:
    """Tell of metadata that decides nothing here but was changed."""
    cells = [cell for cell in raw.cells if isinstance(cell, dict)]
    kept = [_nbgrader(cell) for cell in cells]
    if not any(kept):
        return ["The cells carry no nbgrader metadata."]
    remarks = []
    if any(cell.get("grade") is True and (cell.get("locked") is not True or cell.get("solution") is True)
           for cell in kept):  # fmt: skip
        remarks.append("A check cell's metadata was changed: it is not locked any more.")
    if any(isinstance(cell.get("metadata"), dict) and not isinstance(cell["metadata"].get("nbgrader", {}), dict)
           for cell in cells) or any(not isinstance(cell.get("metadata", {}), dict) for cell in cells):  # fmt: skip
        remarks.append("A cell's metadata is of a wrong type.")
    kernel = raw.metadata.get("kernelspec")
    if not isinstance(kernel, dict) or kernel.get("language", "python") != "python":
        remarks.append("The notebook names no Python kernel; it was run as Python all the same.")
    return remarks
