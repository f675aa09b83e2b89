"""A table that Canvas's gradebook imports; filled into Canvas's own export, where there is one."""

from collections.abc import Sequence
from pathlib import Path

from course_lib.errors import GradingError
from course_lib.grading.entries import Entry
from course_lib.grading.exports.plain import (
    Matcher,
    exercises_of,
    most_points,
    name_and_number,
    read_table,
    write_table,
)
from course_lib.grading.reports.safe import one_line

# What Canvas knows a learner by.
HEAD = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
POSSIBLE = "    Points Possible"


def write(entries: Sequence[Entry], path: Path, roster: Path | None) -> list[str]:
    """Write a column of points for each exercise."""
    head, rows = (HEAD, _own_rows(entries)) if roster is None else _known_rows(roster)
    matcher = Matcher((row[1], (row[0], row[3])) for row in rows)
    notes = []
    possible = [POSSIBLE, "", "", "", ""]
    columns = []
    for exercise in exercises_of(entries):
        of_it = [entry for entry in entries if entry.exercise == exercise]
        columns.append(next((name for name in head[5:] if name.split(" (")[0] == exercise), exercise))
        possible.append(f"{most_points(of_it):g}")
        points = [""] * len(rows)
        for entry in of_it:
            place = matcher.place_of(entry.learner)
            if place is None:
                notes.append(f"{one_line(entry.learner, 60)} is not in {roster}, or more than once; enter it by hand.")
            elif entry.kind == "marked":
                points[place] = f"{entry.points:g}"
        rows = [[*row, value] for row, value in zip(rows, points, strict=True)]
    write_table(path, [*HEAD, *columns], [possible, *rows])
    return list(dict.fromkeys(notes))


def _own_rows(entries: Sequence[Entry]) -> list[list[str]]:
    learners = dict.fromkeys(entry.learner for entry in entries)
    return [[*name_and_number(learner), "", "" if name_and_number(learner)[1] else learner, ""] for learner in learners]


def _known_rows(roster: Path) -> tuple[list[str], list[list[str]]]:
    head, rows = read_table(roster)
    missing = [name for name in HEAD[:2] if name not in head]
    if missing:
        raise GradingError(f"{roster} has no column {missing[0]!r}. Give the file that Canvas's gradebook exports.")
    places = [head.index(name) if name in head else None for name in HEAD]
    kept = [["" if place is None else row[place] for place in places] for row in rows]
    students = [row for row in kept if row[1].strip() and "Points Possible" not in row[0]]
    return head, students
