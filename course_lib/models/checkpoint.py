"""Arrays and what is to be known about them, stored in one file that is complete or not there."""

import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from course_lib.errors import CourseError

Arrays = dict[str, NDArray[Any]]

_FORMAT = 1


def store(path: str | Path, about: dict[str, Any], arrays: Arrays) -> None:
    """Write arrays and `about`, which JSON can hold; a file that is there is replaced only by a complete one.

    Raises
    ------
    CourseError
        If the file cannot be written.
    """
    target = Path(path)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    text = np.array(json.dumps({"format": _FORMAT, **about}))
    named: dict[str, Any] = {"about": text, **arrays}
    try:
        with unfinished.open("wb") as file:
            np.savez_compressed(file, **named)
        unfinished.replace(target)
    except OSError as error:
        raise CourseError(f"The training could not be stored as {target}: {error.strerror or error}.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def read(path: str | Path) -> tuple[dict[str, Any], Arrays]:
    """Return what `store` wrote.

    Raises
    ------
    CourseError
        If the file is not there, is damaged, or was stored by another version of the course.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(str(arrays.pop("about")))
    except FileNotFoundError:
        raise CourseError(f"There is no stored training at {path}.") from None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, AttributeError):
        raise CourseError(f"{path} is not a stored training, or it is damaged; train anew.") from None
    if about.get("format") != _FORMAT:
        raise CourseError(f"{path} was stored by another version of the course (format {about.get('format')}).")
    return about, arrays
