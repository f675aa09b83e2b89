"""Collect the learners' exercise notebooks, as a zip with nbgrader's ``submitted/`` tree, which `course grade` takes.

The folders belong to learners, who can put anything in them, and are read by somebody who may read more than they. So
no link is followed on the way, only plain files of the learner's own are taken, and none is larger than a notebook is.
"""

import contextlib
import io
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from course_lib.workshop.names import INSTRUCTOR

MOST_BYTES = 16 * 2**20
_FOLDERS = ("course", "exercises")
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def collect(learners: Path, exercises: Iterable[str]) -> bytes:
    """Return a zip: ``submitted/<account>/<exercise>/<exercise>.ipynb``, with the time of the last change beside it.

    Parameters
    ----------
    learners : Path
        The folder that holds a folder for each account.
    exercises : iterable of str
        Names such as ``"03_softmax"``.
    """
    names = list(exercises)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        accounts = sorted(entry.name for entry in os.scandir(learners) if entry.is_dir(follow_symlinks=False))
        for account in accounts:
            if account.startswith(INSTRUCTOR):
                continue
            for exercise, content, changed in _of_one(learners / account, names):
                folder = f"submitted/{account}/{exercise}"
                when = datetime.fromtimestamp(changed, UTC)
                bundle.writestr(f"{folder}/{exercise}.ipynb", content)
                bundle.writestr(f"{folder}/timestamp.txt", f"{when:%Y-%m-%d %H:%M:%S} UTC\n")
    return packed.getvalue()


def _of_one(home: Path, exercises: list[str]) -> Iterator[tuple[str, bytes, float]]:
    with contextlib.ExitStack() as opened:
        try:
            folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
            opened.callback(os.close, folder)
            owner = os.fstat(folder).st_uid
            for name in _FOLDERS:
                folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=folder)
                opened.callback(os.close, folder)
        except OSError:
            return
        for exercise in exercises:
            found = _plain_file(f"{exercise}.ipynb", folder, owner)
            if found is not None:
                yield exercise, *found


def _plain_file(name: str, folder: int, owner: int) -> tuple[bytes, float] | None:
    """Return a file's content and the time of its last change; None for what is no plain file of this owner."""
    try:
        # Without O_NONBLOCK, opening a pipe would wait for somebody to write.
        handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _FLAGS, dir_fd=folder)
    except OSError:
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != owner or found.st_size > MOST_BYTES:
            return None
        with open(handle, "rb", closefd=False) as file:
            return file.read(MOST_BYTES), found.st_mtime
    finally:
        os.close(handle)
