"""Where the parts of a site come from, and where what was fetched once is kept."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Names the folder with the wheels of Pyodide's distribution, for tests and for machines without internet.
WHEELS_VARIABLE = "COURSE_PYODIDE_WHEELS"
# Beside the course: a folder that an instructor filled once, for machines without a network.
BESIDE = "shared"


_NOTEBOOK = re.compile(r"\d\d_\w+\.ipynb")  # and no copy that was put aside


def notebooks_of(course: Path, folder: str) -> list[Path]:
    """Return the lessons or exercises of a course, in their order."""
    return sorted(path for path in (course / folder).glob("*.ipynb") if _NOTEBOOK.fullmatch(path.name))


@dataclass(frozen=True)
class Places:
    """The course, what is given, and the cache.

    Attributes
    ----------
    course : Path
        The course's folder.
    cache : Path
        Holds the build environment and what was fetched; it may be deleted at any time.
    wheels : Path or None
        A folder with the wheels of Pyodide's distribution.
    pyodide : Path or None
        A folder with Pyodide's npm package, packed or unpacked.
    """

    course: Path
    cache: Path
    wheels: Path | None = None
    pyodide: Path | None = None

    @classmethod
    def of(
        cls, course: Path, *, cache: Path | None = None, wheels: Path | None = None, pyodide: Path | None = None
    ) -> "Places":
        """Return the places for a course; what is not given is looked for beside it."""
        named = os.environ.get(WHEELS_VARIABLE)
        beside = Path(named) if named else course.parent / BESIDE / "pyodide-0.27.7"
        return cls(
            course=course,
            cache=cache or course / ".course" / "site",
            wheels=wheels or (beside if beside.is_dir() else None),
            pyodide=pyodide,
        )
