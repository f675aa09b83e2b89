"""Turn a source into notebooks that have not run: a lesson, or an exercise and its solution."""

from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict

from course_lib.authoring.errors import BuildError
from course_lib.authoring.solution import has_solution, with_stubs, without_markers
from course_lib.authoring.source import Cell, Source

KEY = "course"  # ours, in the metadata of every derived notebook

UNSTORED = "output-not-stored"
VARYING = "output-varies"
_UNCOMPARED = "nbval-ignore-output"

LESSON, EXERCISE, SOLUTION = "lesson", "exercise", "solution"


def derive(source: Source, kind: str) -> NotebookNode:
    """Derive a notebook, without outputs, from its source.

    Parameters
    ----------
    source : Source
    kind : "lesson", "exercise" or "solution"

    Returns
    -------
    NotebookNode
        Cell ids are the names of the source. An exercise and its solution carry nbgrader's metadata, schema 3.

    Raises
    ------
    BuildError
        If solution marks or points stand where they mean nothing.
    """
    if kind == EXERCISE and "difficulty" not in source.header:
        raise BuildError(f"{source.path.name}: the header of an exercise needs a line '# difficulty: 1 of 5'.")
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        KEY: {**source.header, "kind": kind},
    }
    cells = [_derive_cell(source.path, cell, kind) for cell in source.cells]
    return _node({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _derive_cell(path: Path, cell: Cell, kind: str) -> NotebookNode:
    where = f"{path.name}, line {cell.line}, cell {cell.name}"
    marked = has_solution(cell.text)
    if marked and (kind == LESSON or cell.kind == "markdown" or cell.points):
        raise BuildError(f"{where}: marked solution lines belong into a code cell of an exercise, without points.")
    if cell.points and kind == LESSON:
        raise BuildError(f"{where}: points belong into an exercise.")
    text = cell.text
    if marked:
        text = with_stubs(text, where=where) if kind == EXERCISE else without_markers(text, where=where)
    if kind == SOLUTION and cell.kind == "markdown":
        text = text.replace("](../", "](../../")  # a solution lies one folder deeper than its exercise
    tags = list(cell.tags)
    if {UNSTORED, VARYING} & set(tags) and _UNCOMPARED not in tags:
        tags.append(_UNCOMPARED)  # nbval compares all or nothing
    metadata: dict[str, Any] = {"tags": tags} if tags else {}
    if marked or cell.points:
        metadata["nbgrader"] = nbgrader_metadata(cell.name, points=cell.points)
    parts = {"id": cell.name, "cell_type": cell.kind, "metadata": metadata, "source": text}
    return _node(parts | {"execution_count": None, "outputs": []} if cell.kind == "code" else parts)


def _node(parts: dict[str, Any]) -> NotebookNode:
    node: NotebookNode = from_dict(parts)  # type: ignore[no-untyped-call]
    return node


def our_metadata(notebook: NotebookNode) -> dict[str, Any]:
    """Return what we keep in a notebook's metadata; nothing if the notebook is not ours."""
    ours = notebook.metadata.get(KEY)
    return dict(ours) if isinstance(ours, dict) else {}


def nbgrader_metadata(name: str, *, points: int | None) -> dict[str, Any]:
    """Return nbgrader's cell metadata (schema 3): a locked, graded cell if it has points, else a solution cell.

    Examples
    --------
    >>> nbgrader_metadata("softmax-check", points=2)["grade"], nbgrader_metadata("softmax", points=None)["grade"]
    (True, False)
    """
    graded = points is not None
    metadata: dict[str, Any] = {
        "grade": graded,
        "grade_id": name,
        "locked": graded,
        "schema_version": 3,
        "solution": not graded,
        "task": False,
    }
    if graded:
        metadata["points"] = points
    return metadata
