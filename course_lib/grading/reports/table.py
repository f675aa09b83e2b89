"""The class as a table: learners, exercises, points."""

from collections.abc import Sequence
from typing import Any

from course_lib.grading.entries import Entry, best
from course_lib.grading.reports.safe import one_line, visible

_KINDS = {"refused": "refused", "unmarked": "not marked"}


def points_in_words(entry: Entry) -> str:
    """Return the points of a submission, or why there are none.

    Examples
    --------
    >>> points_in_words(Entry("ada", "x.ipynb", "", "02_scores", "refused"))
    'refused'
    """
    return _KINDS.get(entry.kind) or f"{entry.points:g} of {entry.max_points:g}"


def as_data(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return all entries for a program to read; what counts for a learner and an exercise is marked."""
    counts = {entry.key for entry in best(entries)}
    return [
        {
            "learner": entry.learner, "exercise": entry.exercise, "file": entry.name, "digest": entry.digest,
            "kind": entry.kind, "counts": entry.key in counts, "points": entry.points, "max_points": entry.max_points,
            "reason": entry.reason, "remarks": list(entry.remarks), "settings": entry.settings,
            "tasks": [
                {
                    "task": mark.task, "status": mark.status, "confusion": mark.confusion, "points": mark.points,
                    "max_points": mark.max_points, "message": mark.message,
                }
                for mark in entry.marks
            ],
        }
        for entry in entries
    ]  # fmt: skip


def show_class(entries: Sequence[Entry]) -> None:
    """Print the points of the class, one learner a line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    counted = best(entries)
    exercises = sorted({entry.exercise for entry in counted})
    by_learner: dict[str, dict[str, Entry]] = {}
    for entry in counted:
        by_learner.setdefault(entry.learner, {})[entry.exercise] = entry
    table = Table("learner", *(name or "no exercise" for name in exercises), box=None, pad_edge=False)
    for learner, row in by_learner.items():
        cells = [_cell(row.get(name)) for name in exercises]
        table.add_row(Text(one_line(learner, 40)), *(Text(text, style) for text, style in cells))
    console = Console(soft_wrap=True)
    console.print(table)
    marked = [entry for entry in counted if entry.kind == "marked"]
    problems = [entry for entry in entries if entry.kind != "marked"]
    console.print(f"{len(by_learner)} learners, {len(marked)} notebooks that count, {len(problems)} not marked")
    for entry in problems:
        said = f"{one_line(entry.learner, 40)}  {one_line(entry.name, 60)}: {one_line(entry.reason, 300)}"
        console.print(said, markup=False, highlight=False, style="red")


def _cell(entry: Entry | None) -> tuple[str, str]:
    if entry is None:
        return "", ""
    return points_in_words(entry), "" if entry.kind == "marked" else "red"


def show_learner(entries: Sequence[Entry]) -> None:
    """Print every task and every remark of one learner."""
    from rich.console import Console

    console = Console(soft_wrap=True, markup=False, highlight=False)
    for entry in entries:
        console.print(f"{one_line(entry.name, 80)}  {entry.exercise or 'no exercise'}: {points_in_words(entry)}")
        for line in (entry.reason, *entry.remarks):
            if line:
                console.print(f"  ! {one_line(line, 400)}")
        for mark in entry.marks:
            known = f"  {mark.confusion}" if mark.confusion else ""
            status = mark.status.replace("_", " ")
            console.print(f"  {mark.task:<26} {status:<12} {mark.points:g} of {mark.max_points:g}{known}")
            if mark.status != "passed":
                for line in visible(mark.message).split("\n"):
                    console.print(f"      {one_line(line, 400)}")
