"""Tables that Moodle imports: a grading worksheet for each assignment, or the grades of a worksheet filled in."""

from collections.abc import Sequence
from pathlib import Path

from course_lib.errors import GradingError
from course_lib.grading.entries import Entry
from course_lib.grading.exports.plain import (
    Matcher,
    comment_of,
    exercises_of,
    most_points,
    name_and_number,
    read_table,
    write_table,
)
from course_lib.grading.reports.safe import one_line

HEAD = ["Identifier", "Full name", "Grade", "Maximum Grade", "Feedback comments"]
_PARTICIPANT = "Participant "


def write(entries: Sequence[Entry], path: Path, roster: Path | None) -> list[str]:
    """Write a worksheet for each exercise into a folder; with a roster, one file."""
    exercises = exercises_of(entries)
    if roster is not None:
        if len(exercises) != 1:
            raise GradingError("A worksheet of Moodle is of one assignment: choose an exercise with --exercise.")
        return _fill([entry for entry in entries if entry.exercise == exercises[0]], path, roster)
    path.mkdir(parents=True, exist_ok=True)
    for exercise in exercises:
        of_it = [entry for entry in entries if entry.exercise == exercise]
        most = f"{most_points(of_it):g}"
        write_table(path / f"{exercise}.csv", HEAD, [_row(entry, most) for entry in of_it])
    return []


def _row(entry: Entry, most: str) -> list[str]:
    name, number = name_and_number(entry.learner)
    return [f"{_PARTICIPANT}{number}" if number else entry.learner, name, _grade(entry), most, comment_of(entry)]


def _grade(entry: Entry) -> str:
    return f"{entry.points:g}" if entry.kind == "marked" else ""


def _fill(entries: Sequence[Entry], path: Path, roster: Path) -> list[str]:
    head, rows = read_table(roster)
    if not {"Identifier", "Grade"} <= set(head):
        raise GradingError(f"{roster} is no grading worksheet of Moodle: it has no columns Identifier and Grade.")
    places = {name: place for place, name in enumerate(head)}
    named = [name for name in ("Full name", "ID number", "Username") if name in places]
    matcher = Matcher(
        (row[places["Identifier"]].removeprefix(_PARTICIPANT), [row[places[name]] for name in named]) for row in rows
    )
    notes = []
    for entry in entries:
        place = matcher.place_of(entry.learner)
        if place is None:
            notes.append(f"{one_line(entry.learner, 60)} is not in {roster}, or more than once; enter it by hand.")
            continue
        rows[place][places["Grade"]] = _grade(entry)
        if "Feedback comments" in places:
            rows[place][places["Feedback comments"]] = comment_of(entry)
    write_table(path, head, rows)
    return notes
