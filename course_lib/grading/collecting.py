"""Find the submissions in what an instructor has: a folder, nbgrader's `submitted/` tree, a zip as an LMS gives it.

Zips are read and never unpacked, so that no name in them can lead anywhere.
"""

import functools
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from course_lib.errors import GradingError
from course_lib.grading.intake import (
    MIB,
    MOST_BYTES,
    NotANotebook,
    clean,
    named_exercise,
    read_file,
    read_submission,
)
from course_lib.grading.submission import Refused, Submission

MOST_FILES = 100_000  # of a class
MOST_FILES_OF_A_LEARNER = 200
MOST_BYTES_OF_A_LEARNER = 4 * MOST_BYTES  # unpacked, in a zip of theirs
MOST_FOLDERS_DEEP = 20
MOST_ZIPS_DEEP = 2  # an LMS's zip, and in it the zip of a learner
MOST_DIRECTORY = 32 * MIB  # a zip's list of its files
_NOTEBOOK = re.compile(r"\.ipynb(?:\.(?:txt|json))?$", re.IGNORECASE)  # as some browsers save it
_ZIP = re.compile(r"\.zip$", re.IGNORECASE)
_SKIPPED = re.compile(r"^(?:\.ipynb_checkpoints|__MACOSX|\.git|__pycache__|\._.*|feedback)$")
# doejane_LATE_4711_90210_name.ipynb (Canvas); Jane Doe_4711_assignsubmission_file_/name.ipynb (Moodle)
_CANVAS = re.compile(r"^(?P<who>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?:text_)?\d+_(?P<name>.+)$", re.IGNORECASE)
_MOODLE = re.compile(r"^(?P<who>.+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_.*)?$")
_LATE = "Handed in late, as the name of the file says."


@dataclass(frozen=True)
class Found:
    """A notebook that was found and not yet read.

    Attributes
    ----------
    learner : str
    name : str
        Where it stood, below what was given.
    bytes_of : callable
        Gives what stands in it; raises `NotANotebook`.
    remarks : tuple of str
    """

    learner: str
    name: str
    bytes_of: Callable[[], bytes]
    remarks: tuple[str, ...] = ()

    def read(self, *, exercise: str | None = None) -> Submission | Refused:
        """Read it into cells; never raise."""
        try:
            data = self.bytes_of()
        except NotANotebook as error:
            return Refused(self.learner, self.name, str(error), exercise or named_exercise(self.name) or "")
        read = read_submission(data, learner=self.learner, name=self.name, exercise=exercise)
        return replace(read, remarks=self.remarks + read.remarks) if isinstance(read, Submission) else read


def survey(paths: Iterable[Path]) -> list[Found]:
    """Return the notebooks of folders, files and zips, in the order of their names; none of them is read.

    What is no file (a link, a pipe), what is damaged and what hides behind a size is found as well; reading it refuses.

    Raises
    ------
    GradingError
        One of the paths is not there.
    """
    found: list[Found] = []
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise GradingError(f"{path}: {error.strerror}. Give a folder, a notebook or a zip of notebooks.") from error
        path = path.resolve()
        if stat.S_ISDIR(mode):
            found.extend(_in_folder(path))
        elif path.suffix.lower() == ".zip":
            opened = functools.cache(functools.partial(_zip_on_disk, path))
            found.extend(_in_zip(opened, "", (clean_name(path.name),), depth=1))
        else:
            parts = (clean_name(path.parent.name), clean_name(path.name))
            found.append(_found(parts, functools.partial(read_file, path), alone=parts[0]))
    return found


def find(paths: Iterable[Path], *, exercise: str | None = None) -> Iterator[Submission | Refused]:
    """Read every notebook of folders, files and zips, one at a time."""
    for one in survey(paths):
        yield one.read(exercise=exercise)


def _in_folder(root: Path) -> Iterator[Found]:
    """Yield the notebooks of a folder; of an nbgrader course, those of its `submitted/`."""
    inside = (root / name for name in ("submitted", "submissions"))
    start = next((path for path in inside if path.is_dir() and not path.is_symlink()), root)
    alone = clean_name(start.name)
    for count, path in enumerate(_walk(start, 0), start=1):
        if count > MOST_FILES:
            yield _refused(alone, clean_name(path.name), f"The folder holds more than {MOST_FILES:,} files.")
            return
        parts = tuple(clean_name(part) for part in path.relative_to(start).parts)
        if path.is_symlink() or _NOTEBOOK.search(path.name):
            yield _found(parts, functools.partial(read_file, path), alone=alone)
        elif path.suffix.lower() == ".zip":
            whose = _learner(parts, alone)[0]
            yield from _in_zip(functools.partial(_zip_in_memory, functools.partial(read_file, path)), whose, parts)


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Yield all that is no folder, in the order of names; a linked folder is yielded, and not entered."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield folder / "unreadable.ipynb"
        return
    for entry in entries:
        if _SKIPPED.match(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False) and depth < MOST_FOLDERS_DEEP:
            yield from _walk(Path(entry.path), depth + 1)
        else:
            yield Path(entry.path)


def _zip_in_memory(bytes_of: Callable[[], bytes]) -> zipfile.ZipFile:
    return _archive(io.BytesIO(bytes_of()))


def _in_zip(
    opened: Callable[[], zipfile.ZipFile], learner: str, within: tuple[str, ...], *, depth: int = 2
) -> Iterator[Found]:
    """Yield the notebooks of a zip.

    Parameters
    ----------
    opened : callable
        Opens it, or raises `NotANotebook`.
    learner : str
        Whose it is; '' for that of an LMS, in which the names tell.
    within : tuple of str
        The names that lead to it.
    depth : int
        1 for that of an LMS, 2 for that of a learner.
    """
    alone = _ZIP.sub("", within[-1])
    try:
        members = opened().infolist()
    except NotANotebook as error:
        yield _refused(learner or alone, "/".join(within), str(error))
        return
    most = MOST_FILES if depth == 1 else MOST_FILES_OF_A_LEARNER
    if len(members) > most:
        yield _refused(learner or alone, "/".join(within), f"The zip holds more than {most:,} files.")
        return
    if depth > 1 and sum(member.file_size for member in members) > MOST_BYTES_OF_A_LEARNER:
        reason = f"The zip unpacks to more than {MOST_BYTES_OF_A_LEARNER // MIB} MiB."
        yield _refused(learner or alone, "/".join(within), reason)
        return
    inside = within if depth > 1 else ()
    for member in sorted(members, key=lambda one: one.filename):
        parts = tuple(clean_name(part) for part in PurePosixPath(member.filename.replace("\\", "/")).parts)
        if member.is_dir() or not parts or any(_SKIPPED.match(part) for part in parts):
            continue
        bytes_of = functools.partial(_read_member, opened, member)
        one = _found(parts, bytes_of, alone=alone, learner=learner, inside=inside)
        if _wrong_name(member) or _is_link(member) or _NOTEBOOK.search(parts[-1]):
            yield one
        elif _ZIP.search(parts[-1]) and depth < MOST_ZIPS_DEEP:
            yield from _in_zip(
                functools.partial(_zip_in_memory, bytes_of), one.learner, (*inside, *parts), depth=depth + 1
            )
        elif _ZIP.search(parts[-1]):
            yield _refused(one.learner, one.name, "It is a zip inside of your zip: hand in the notebook itself.")


def _archive(file: IO[bytes]) -> zipfile.ZipFile:
    """Open a zip, the size of its list of files looked at before it is read."""
    try:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 66_000))
        tail = file.read()
        place = tail.rfind(b"PK\x05\x06")
        listed = struct.unpack_from("<I", tail, place + 12)[0] if 0 <= place <= len(tail) - 16 else 0
        if listed > MOST_DIRECTORY and listed != 0xFFFFFFFF:
            raise NotANotebook("The zip's list of files is larger than any that a person makes.")
        return zipfile.ZipFile(file)
    except NotANotebook:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise NotANotebook("The zip is damaged, or no zip. Was it loaded down to its end?") from error


def _zip_on_disk(path: Path) -> zipfile.ZipFile:
    try:
        return _archive(open(path, "rb"))  # stays open while its notebooks are read
    except OSError as error:
        raise NotANotebook(f"It cannot be read: {error.strerror}.") from error


def _read_member(opened: Callable[[], zipfile.ZipFile], member: zipfile.ZipInfo) -> bytes:
    """Return what stands in a file of a zip, if its name is honest and it is not encrypted."""
    if _wrong_name(member):
        raise NotANotebook("Its name in the zip leads out of the zip; it was not read.")
    if _is_link(member):
        raise NotANotebook("It is a link in the zip, and links are not followed: hand in the file itself.")
    if member.flag_bits & 1:
        raise NotANotebook("It is encrypted in the zip: hand it in without a password.")
    try:
        with opened().open(member) as file:
            return file.read(MOST_BYTES + 1)  # never more, whatever the zip says of its size
    except NotANotebook:
        raise
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise NotANotebook("It is damaged in the zip, or packed in a way that cannot be read here.") from error


def _wrong_name(member: zipfile.ZipInfo) -> bool:
    name = member.filename.replace("\\", "/")
    return name.startswith("/") or bool(re.match(r"[A-Za-z]:", name)) or ".." in name.split("/")


def _is_link(member: zipfile.ZipInfo) -> bool:
    """Say whether Unix wrote it as anything but a plain file."""
    mode = member.external_attr >> 16
    return bool(stat.S_IFMT(mode)) and not stat.S_ISREG(mode)


def clean_name(name: str) -> str:
    """Return a file's name as a text that can be stored, whatever bytes it has."""
    return clean(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _found(
    parts: tuple[str, ...], bytes_of: Callable[[], bytes], *, alone: str, learner: str = "",
    inside: tuple[str, ...] = (),
) -> Found:  # fmt: skip
    who, late = _learner(parts, alone)
    return Found(learner or who, "/".join((*inside, *parts)), bytes_of, (_LATE,) if late else ())


def _refused(learner: str, name: str, reason: str) -> Found:
    def refuse() -> bytes:
        raise NotANotebook(reason)

    return Found(learner, name, refuse)


def _learner(parts: tuple[str, ...], alone: str) -> tuple[str, bool]:
    """Return whose a file is, by the names that lead to it, and whether they say that it came late.

    An LMS's number stays behind the name, since two learners may have one name.
    """
    for part in parts:
        matched = _MOODLE.match(part) or _CANVAS.match(part)
        if matched:
            late = bool(matched.groupdict().get("late"))
            return f"{matched['who']} ({matched['id']})", late
    folders = [part for part in parts[:-1] if named_exercise(part) is None and not re.fullmatch(r"\d+", part)]
    folders = folders or [part for part in parts[:-1] if named_exercise(part) is None]
    if folders:
        return folders[0], False
    stem = _NOTEBOOK.sub("", parts[-1])
    exercise = named_exercise(stem)
    if exercise:
        stem = re.sub("[ _-]*".join(exercise.split("_")), "", stem, flags=re.IGNORECASE)
    return stem.strip(" _-.") or alone, False
