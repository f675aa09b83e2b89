"""Make the whole site, or its reading edition alone, in a new folder that then takes its place."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.authoring import BuildError
from course_lib.site.errors import SiteError
from course_lib.site.lite import build_lite
from course_lib.site.places import Places, notebooks_of
from course_lib.site.reading import Edition

# Tells a site of ours, which may be replaced, from a folder of somebody's.
MARK = ".course-site"


@dataclass(frozen=True)
class Site:
    """What was made: the folder, its pages to read, its size, and whether Python was compiled beforehand."""

    folder: Path
    n_pages: int
    n_files: int
    n_bytes: int
    has_notebooks: bool
    is_compiled: bool


def build_site(
    out: Path,
    places: Places,
    *,
    reading_only: bool = False,
    names: Sequence[str] = (),
    advance: Callable[[], None] = lambda: None,
) -> Site:
    """Write the site to `out`: a page to begin, the reading edition, and unless `reading_only` the notebooks.

    Parameters
    ----------
    out : Path
        A folder that is not there, is empty, or holds a site that was made before and is replaced as a whole.
    places : Places
    reading_only : bool
    names : sequence of str
        Lessons of the reading edition by number or name; all if empty.
    advance : callable
        Called after each lesson, and after the notebooks.

    Raises
    ------
    SiteError
        If `out` holds something else, or something that the site needs is missing; nothing is changed then.
    """
    out = out.resolve()
    _refuse_what_is_not_ours(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        made = Path(scratch) / "site"
        made.mkdir()
        is_compiled = False
        if not reading_only:
            is_compiled = build_lite(made, places)
            advance()
        try:
            pages = Edition(places.course, made, lab=not reading_only).make(names, advance=advance)
        except BuildError as error:
            raise SiteError(f"A lesson does not run, so its pictures cannot be shown: {error}") from error
        (made / MARK).write_text("Made by `course site`, which replaces this folder as a whole.\n", encoding="utf-8")
        (made / ".nojekyll").touch()  # a host that knows Jekyll would leave out what begins with _ or .
        if out.exists():
            shutil.rmtree(out)
        os.replace(made, out)
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    return Site(out, len(pages), len(sizes), sum(sizes), not reading_only, is_compiled)


def n_steps(places: Places, *, reading_only: bool, names: Sequence[str] = ()) -> int:
    """Return how often `build_site` will call `advance`."""
    return (len(names) or len(notebooks_of(places.course, "notebooks"))) + (not reading_only)


def _refuse_what_is_not_ours(out: Path) -> None:
    if out.is_file():
        raise SiteError(f"{out} is a file; name a folder for the site.")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise SiteError(f"{out} holds something that is no site of this course; name another folder, or empty it.")
