"""The two packages that only the language model needs, loaded when it does."""

import importlib
import sys
from typing import Any

from course_lib.errors import CourseError


class ModelMissingError(CourseError):
    """The language model, or a package that it needs, is not on this computer yet."""


def needed(name: str) -> Any:
    """Return the module `name`, `gguf` or `tokenizers`.

    Raises
    ------
    ModelMissingError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        if sys.platform == "emscripten":
            raise ModelMissingError(
                "The language model does not run in the browser: it needs the package "
                f"{name} and 540 MB of memory. Open the course on a computer for this lesson."
            ) from None
        raise ModelMissingError(
            f"The language model needs the package {name}, which is not installed. Run  python3 start.py  in the "
            "course's folder; in an environment of your own:  python -m pip install gguf tokenizers"
        ) from None
