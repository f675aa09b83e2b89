"""Read an authored source: a header, then named cells (the format is described in :mod:`course_lib.authoring`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext  # type: ignore[import-untyped]
import nbformat

from course_lib.authoring.errors import BuildError

_CELL_START = re.compile(r"^#\s*%%")
_CELL_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME = 64  # nbformat allows no longer id
_HEADER_KEYS = ("title", "minutes", "difficulty")
_OPTIONS = ("tags", "points")


@dataclass(frozen=True)
class Cell:
    """One cell of a source, with the line where it starts."""

    name: str
    kind: str
    text: str
    line: int
    tags: tuple[str, ...] = ()
    points: int | None = None


@dataclass(frozen=True)
class Source:
    """An authored notebook: where it lies, what its header says, and its cells."""

    path: Path
    header: Mapping[str, str | int]
    cells: tuple[Cell, ...]


def read_source(path: Path) -> Source:
    """Read one source file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Source

    Raises
    ------
    BuildError
        If the header lacks something, or a cell has no name, a name twice, no text, or an unknown option.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"{path.name} cannot be read as UTF-8 text: {error}.") from error
    try:
        notebook = jupytext.reads(text, fmt={"extension": ".py", "format_name": "percent"})
    except (ValueError, nbformat.ValidationError) as error:  # an option that no notebook can have
        raise BuildError(f"{path.name}: {str(error).strip().splitlines()[0]}. Tags are written tags=[...].") from error
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if _CELL_START.match(line)]
    has_header = bool(notebook.cells) and notebook.cells[0].cell_type == "raw"
    if not has_header:
        raise BuildError(f"{path.name}, line 1: a source starts with a header: '# ---', '# title: ...', '# ---'.")
    authored = notebook.cells[1:]
    if len(authored) != len(lines):
        raise BuildError(
            f"{path.name} has {len(lines)} lines that start a cell ('# %%') but {len(authored)} cells. Is there "
            "code between the header and the first cell, or a '# %%' inside of a string?"
        )
    cells = tuple(_read_cell(path, line, cell) for line, cell in zip(lines, authored, strict=True))
    _require_unique_names(path, cells)
    return Source(path, _read_header(path, notebook.cells[0].source), cells)


def _read_header(path: Path, text: str) -> dict[str, str | int]:
    header: dict[str, str | int] = {}
    for line in text.splitlines():
        key, colon, value = (part.strip() for part in line.partition(":"))
        if line.strip() == "---":
            continue
        if not colon or key not in _HEADER_KEYS:
            raise BuildError(f"{path.name}: the header knows {', '.join(_HEADER_KEYS)}, not {line.strip()!r}.")
        header[key] = value.strip("\"'")  # quoted where YAML would want it, as with a colon in a title
    if not header.get("title"):
        raise BuildError(f"{path.name}: the header needs a line '# title: ...'.")
    if not str(header.get("minutes", "")).isdecimal():
        raise BuildError(f"{path.name}: the header needs a line '# minutes: 20', a whole number.")
    header["minutes"] = int(header["minutes"])
    return header


def _read_cell(path: Path, line: int, cell: Any) -> Cell:
    where = f"{path.name}, line {line}"
    options = {key: value for key, value in cell.metadata.items() if key != "lines_to_next_cell"}
    name = str(options.pop("title", ""))
    if cell.cell_type not in ("code", "markdown"):
        raise BuildError(f"{where}: a cell is code or [markdown], not {cell.cell_type}.")
    if not _CELL_NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise BuildError(
            f"{where}: a cell needs a name in kebab-case of at most {_LONGEST_NAME} characters, such as "
            f"'softmax-rows'; found {name!r}."
        )
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise BuildError(f"{where}: cell {name} has the option {unknown[0]!r}; known are {', '.join(_OPTIONS)}.")
    if not cell.source.strip():
        raise BuildError(f"{where}: cell {name} is empty.")
    tags = options.get("tags", [])
    points = options.get("points")
    if points is not None and (not isinstance(points, int) or points < 1 or cell.cell_type != "code"):
        raise BuildError(f"{where}: cell {name} has points={points!r}; points are whole, above 0, on a code cell.")
    return Cell(name, cell.cell_type, cell.source, line, tuple(tags), points)


def _require_unique_names(path: Path, cells: tuple[Cell, ...]) -> None:
    first: dict[str, int] = {}
    for cell in cells:
        if cell.name in first:
            raise BuildError(
                f"{path.name}: two cells are named {cell.name}, on lines {first[cell.name]} and {cell.line}. "
                "Names become cell ids, so each needs its own."
            )
        first[cell.name] = cell.line
