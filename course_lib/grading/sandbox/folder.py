"""The grader's folder on the disk: made for one run, removed with everything in it, also where a run was killed."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

_PREFIX = "course-grading-"
_IN_USE = ".in-use"


class Folder:
    """A new folder that is locked while it is in use; those that killed runs have left are removed first."""

    def __init__(self) -> None:
        import fcntl  # not on Windows, where the grader refuses before it comes here

        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            _remove_if_left(left)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.path.chmod(0o755)
        self._lock = os.open(self.path / "new", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.path / "new").rename(self.path / _IN_USE)  # seen by others once it is locked

    def remove(self) -> None:
        """Remove it."""
        if self._lock >= 0:
            remove(self.path)
            os.close(self._lock)
            self._lock = -1


def _remove_if_left(folder: Path) -> None:
    """Remove a folder of this user's whose grader is gone."""
    import fcntl

    try:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return
        lock = os.open(folder / _IN_USE, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # another grader makes or removes it just now
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(folder)
    except OSError:
        return
    finally:
        os.close(lock)


def remove(folder: Path) -> None:
    """Remove a folder, whatever rights were taken from what is in it."""

    def again(act: Any, path: str, _error: Any) -> None:
        for one in (Path(path).parent, Path(path)):
            if not one.is_symlink():
                one.chmod(0o700)
        act(path)

    shutil.rmtree(folder, onerror=again)
