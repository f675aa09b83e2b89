"""Where the parts of a site come from, and where what was fetched once is kept."""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Beside the course: a folder that an instructor filled once, for machines without a network.
BESIDE = "shared"


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
        beside = course.parent / BESIDE / "pyodide-0.27.7"
        return cls(
            course=course,
            cache=cache or course / ".course" / "site",
            wheels=wheels or (beside if beside.is_dir() else None),
            pyodide=pyodide,
        )
