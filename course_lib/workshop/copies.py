"""A private copy of the course: made once, brought up to date at every start, and never at the cost of somebody's work.

For each file three versions count: what was given last (its digests are kept in the copy), what is there now, and what
the course has now.

================================  =====================================================================================
what is there now                 what happens
================================  =====================================================================================
nothing, and never was            the file is written
nothing: the learner deleted it   it is written again: that is how to begin anew
as it was given                   the course's version takes its place
as the course has it now          nothing
changed by the learner            it stays; a newer version of the course is put beside it, once for each version
in the way (a folder, a link)     it stays; as above
================================  =====================================================================================

A file that the course no longer has goes if it is as it was given, and stays if it was changed. A notebook counts as
changed when a cell's text was: only to have run it makes outputs, which running it makes again.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

LEDGER = ".course/given.json"  # beside the learner's progress
_VERSION = 1
_MOST_NAMES = 100


@dataclass
class Updated:
    """What an update did, by the path of each file in the course."""

    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [
            f"{len(names)} {what}"
            for names, what in (
                (self.written, "written"), (self.removed, "removed"), (self.kept, "kept as the learner changed them"),
                (self.beside, "put beside the learner's own"), (self.failed, "failed"),
            )
            if names
        ]  # fmt: skip
        return ", ".join(parts) or "nothing to do"


def update(course: Path, copy: Path) -> Updated:
    """Bring the copy of a learner to the state of the course, without touching what the learner changed.

    Parameters
    ----------
    course : Path
        What learners get, as `files_for_learners` chose it.
    copy : Path
        The learner's folder; made where it is not there.

    Returns
    -------
    Updated

    Raises
    ------
    OSError
        Where the folder itself cannot be made. A single file that cannot be written is named in ``failed``.
    """
    copy.mkdir(parents=True, exist_ok=True)
    given = _read_ledger(copy)
    done = Updated()
    names = list(_files(course))
    for name in names:
        with _noting_failure(done, name):
            given[name] = _bring(course / name, copy, name, given, done)
    for name in sorted(set(given) - set(names) - _beside_names(given)):
        with _noting_failure(done, name):
            _take_away(copy, name, given, done)
    _write_ledger(copy, given)
    return done


def _bring(source: Path, copy: Path, name: str, given: dict[str, Any], done: Updated) -> dict[str, Any]:
    """Bring one file; return what the ledger keeps of it."""
    content = source.read_bytes()
    new, last = _work(name, content), given.get(name, {})
    entry = {"work": new, "bytes": hashlib.sha256(content).hexdigest(), "beside": dict(last.get("beside", {}))}
    target = copy / name
    there = _content(target)
    if there is None and not _is_taken(target) and not _through_a_link(copy, name):
        _write(target, content)
        done.written.append(name)
    elif there is not None and not _through_a_link(copy, name) and _work(name, there) in (new, last.get("work")):
        # As it was given, or as the course has it; outputs alone are worth no second file.
        if _work(name, there) != new or (last.get("bytes") == hashlib.sha256(there).hexdigest() and there != content):
            _write(target, content)
            done.written.append(name)
    else:
        done.kept.append(name)
        if last.get("work") != new:
            _put_beside(copy, name, content, entry, done)
    return entry


def _put_beside(copy: Path, name: str, content: bytes, entry: dict[str, Any], done: Updated) -> None:
    """Put the course's version next to the learner's, under a name of its own; take the place of an older such file."""
    new = entry["work"]
    for candidate in _names_beside(name):
        target = copy / candidate
        there = _content(target)
        known = entry["beside"].get(candidate)
        is_free = there is None and not _is_taken(target)
        if _through_a_link(copy, candidate) or not (
            is_free or (there is not None and _work(name, there) in (new, known))
        ):
            continue
        if there is None or _work(name, there) != new:
            _write(target, content)
            done.beside.append(candidate)
        entry["beside"][candidate] = new
        return
    raise OSError("there is no free name left")


def _names_beside(name: str) -> Iterator[str]:
    path = PurePosixPath(name)
    yield str(path.with_name(f"{path.stem} (new version){path.suffix}"))
    for count in range(2, _MOST_NAMES):
        yield str(path.with_name(f"{path.stem} (new version {count}){path.suffix}"))


def _take_away(copy: Path, name: str, given: dict[str, Any], done: Updated) -> None:
    target = copy / name
    there = _content(target)
    if there is not None and not _through_a_link(copy, name):
        if _work(name, there) != given[name].get("work"):
            done.kept.append(name)
        else:
            target.unlink()
            done.removed.append(name)
    del given[name]


def _beside_names(given: dict[str, Any]) -> set[str]:
    return {name for entry in given.values() for name in entry.get("beside", {})}


def _files(course: Path) -> Iterator[str]:
    for path in sorted(course.rglob("*")):
        if path.is_file():
            yield path.relative_to(course).as_posix()


def _work(name: str, content: bytes) -> str:
    """Return a digest of what a person wrote in a file: of a notebook the text of its cells, else every byte."""
    if name.endswith(".ipynb"):
        with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
            cells = json.loads(content)["cells"]
            texts = [[cell.get("cell_type"), _joined(cell["source"]), cell.get("attachments") or {}] for cell in cells]
            return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()
    return hashlib.sha256(content).hexdigest()


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _content(path: Path) -> bytes | None:
    """Return what is in a file; None where there is none, or something that is no plain file."""
    if path.is_symlink() or not path.is_file():
        return None
    return path.read_bytes()


def _is_taken(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _through_a_link(copy: Path, name: str) -> bool:
    """Tell whether the way to a file leads over a link, or over a file where a folder should be."""
    folder = copy
    for part in PurePosixPath(name).parts[:-1]:
        folder = folder / part
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            return True
    return False


def _write(target: Path, content: bytes) -> None:
    """Write a file so that it is the old one or the new one at every moment."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


@contextlib.contextmanager
def _noting_failure(done: Updated, name: str) -> Iterator[None]:
    """One file that cannot be brought must not keep a learner from all the others."""
    try:
        yield
    except OSError as error:
        done.failed.append(f"{name} ({error.strerror or error})")


def _read_ledger(copy: Path) -> dict[str, Any]:
    """Return what was given; nothing where the ledger is damaged, and then every changed file counts as work."""
    try:
        content = json.loads((copy / LEDGER).read_text(encoding="utf-8"))
        files = content["files"] if content["version"] == _VERSION else {}
        return {name: dict(entry) for name, entry in files.items() if _is_inside(name)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _is_inside(name: str) -> bool:
    """Tell whether a path of the ledger, which its learner can edit, stays inside of the copy."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _write_ledger(copy: Path, given: dict[str, Any]) -> None:
    content = json.dumps({"version": _VERSION, "files": given}, indent=1, sort_keys=True)
    _write(copy / LEDGER, content.encode())


def files_for_learners(root: Path) -> list[str]:
    """Return what learners get of a course: lessons, exercises and what these link to; no solution, no source."""
    patterns = ("notebooks/*.ipynb", "exercises/*.ipynb", "docs/glossary.md", "docs/summary_sheet.md")
    found = {path.relative_to(root).as_posix() for pattern in patterns for path in root.glob(pattern)}
    return sorted(found | _linked(root, found))


def _linked(root: Path, names: set[str]) -> set[str]:
    """Return the files under docs/ that notebooks link to."""
    pages = {path.relative_to(root).as_posix() for path in root.glob("docs/*.*")}
    texts = "\n".join((root / name).read_text(encoding="utf-8") for name in names)
    return {page for page in pages if f"](../{page})" in texts}


def take_snapshot(root: Path, course: Path) -> None:
    """Make a folder that holds what learners get, and nothing that was there before and is no longer of the course."""
    names = files_for_learners(root)
    for name in set(_files(course)) - set(names) if course.is_dir() else ():
        (course / name).unlink()
    for name in names:
        content = (root / name).read_bytes()
        if _content(course / name) != content:
            _write(course / name, content)
        (course / name).chmod(0o644)
    for folder in (course, *(path for path in course.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
