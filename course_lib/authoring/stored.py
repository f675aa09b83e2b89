"""Notebooks on disk: read as they are, written whole, and known to be somebody's work when they are."""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_lib.authoring.derive import EXERCISE, KEY, our_metadata
from course_lib.authoring.errors import BuildError

COPY_MARK = ".mine-"


def read_notebook(path: Path) -> NotebookNode | None:
    """Read a notebook without repairing anything; None if it does not exist.

    Raises
    ------
    BuildError
        If the file is not a notebook of format 4.
    """
    try:
        # Not nbformat.read: that would give cells with the same id new, random ones.
        notebook: NotebookNode = nbformat.v4.reads_json(path.read_text(encoding="utf-8"))  # type: ignore[no-untyped-call]
        if notebook.nbformat != 4 or not isinstance(notebook.cells, list) or "metadata" not in notebook:
            raise ValueError("not format 4")
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise BuildError(f"{path.name} is no readable notebook ({error}). Move it away, then build it again.") from None
    return notebook


def as_text(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file, with digests by which an edit is noticed later."""
    notebook.metadata[KEY]["digests"] = digests(notebook)
    nbformat.validate(notebook)
    return str(nbformat.v4.writes_json(notebook)) + "\n"  # type: ignore[no-untyped-call]


def digests(notebook: NotebookNode) -> dict[str, str]:
    """Return a digest of what was authored (ids and texts) and one of what came from a run."""
    authored = [
        [cell.get("id"), cell.get("cell_type"), cell.get("source"), cell.get("attachments")] for cell in notebook.cells
    ]
    run = [[cell.get("execution_count"), cell.get("outputs")] for cell in notebook.cells]
    return {"authored": _digest(authored), "run": _digest(run)}


def is_edited(notebook: NotebookNode) -> bool:
    """Say whether a notebook changed in any way since it was derived."""
    return _stored_digests(notebook) != digests(notebook)


def holds_work(notebook: NotebookNode) -> bool:
    """Say whether overwriting would lose somebody's work.

    In an exercise that is any edit and any output; in a lesson or a solution, which a build runs anyway, an edit.
    """
    stored, now = _stored_digests(notebook), digests(notebook)
    if our_metadata(notebook).get("kind") in (EXERCISE, None):
        return stored != now
    return stored.get("authored") != now["authored"]


def derived_from_same(stored: NotebookNode, fresh: NotebookNode) -> bool:
    """Say whether a notebook on disk, whatever was done to it since, was derived from what `fresh` is derived from."""
    return _stored_digests(stored).get("authored") == digests(fresh)["authored"]


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader, or a crash, never sees half of it.

    Raises
    ------
    BuildError
        If the folder or the file cannot be written.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(scratch, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except OSError as error:
        raise BuildError(f"{path.name} cannot be written: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink()


def put_aside(path: Path) -> Path:
    """Copy a notebook beside itself, as the first free NAME.mine-1.ipynb, and return the copy's path."""
    number = 1
    while True:
        copy = path.with_name(f"{path.stem}{COPY_MARK}{number}{path.suffix}")
        try:
            copy.touch(exist_ok=False)  # the name is ours from here on
        except FileExistsError:
            number += 1
            continue
        shutil.copyfile(path, copy)
        return copy


def _stored_digests(notebook: NotebookNode) -> dict[str, str]:
    stored = our_metadata(notebook).get("digests")
    return dict(stored) if isinstance(stored, dict) else {}


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:20]
