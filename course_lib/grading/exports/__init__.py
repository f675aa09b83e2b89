"""The gradebook in the words of other systems: CSV, Canvas, Moodle, Gradescope, nbgrader.

A module is one of them. All take what counts for each learner and exercise, and say what they could not place.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from course_lib.errors import GradingError
from course_lib.grading.entries import Entry, best
from course_lib.grading.exports import canvas, gradescope, moodle, nbgrader, plain

_TABLES: dict[str, tuple[str, Callable[[Sequence[Entry], Path, Path | None], list[str]]]] = {
    "csv": ("gradebook.csv", plain.write),
    "canvas": ("canvas.csv", canvas.write),
    "moodle": ("moodle", moodle.write),
    "gradescope": ("gradescope", gradescope.write),
}


def export(
    entries: Sequence[Entry], name: str, target: Path, *, roster: Path | None = None, is_named: bool = False
) -> tuple[Path, list[str]]:
    """Write a gradebook for another system.

    Parameters
    ----------
    entries : sequence of Entry
    name : {"csv", "canvas", "moodle", "gradescope", "nbgrader"}
    target : Path
        Where to: the file or folder itself where `is_named`, else the folder that it is made in; for nbgrader the
        folder of its course.
    roster : Path, optional
        The class as Canvas or Moodle exports it, to be filled in.

    Returns
    -------
    Path
        What was written.
    list of str
        What could not be placed.

    Raises
    ------
    GradingError
        There is nothing to write, or it cannot be written.
    """
    counted = best(entries)
    if not counted:
        raise GradingError("There is nothing in the gradebook to export.")
    try:
        if name == "nbgrader":
            return target, nbgrader.write_scores(counted, target)
        made, write = _TABLES[name]
        if name == "moodle" and roster is not None:  # one worksheet, and no folder of them
            made = "moodle.csv"
        path = target if is_named else target / made
        path.parent.mkdir(parents=True, exist_ok=True)
        return path, write(counted, path, roster)
    except OSError as error:
        reason = error.strerror or error
        raise GradingError(f"{target} cannot be written ({reason}). Choose another with --to.") from error
