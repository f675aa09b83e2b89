"""CSV, a line for each learner and exercise; and what the other tables have in common with it."""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from course_lib.errors import GradingError
from course_lib.grading.entries import Entry
from course_lib.grading.reports.safe import for_cell, one_line
from course_lib.grading.reports.wording import away_from_the_notebook

_NUMBERED = re.compile(r"^(?P<name>.*) \((?P<number>\d+)\)$", re.DOTALL)
_MOST_COMMENT = 1_500
COLUMNS = ("learner", "exercise", "points", "max_points", "state", "tasks", "file", "note")


def write(entries: Sequence[Entry], path: Path, roster: Path | None) -> list[str]:
    """Write what counts for each learner and exercise."""
    write_table(path, COLUMNS, map(_row, entries))
    return []


def _row(entry: Entry) -> list[str]:
    tasks = ", ".join(
        f"{mark.task} {mark.points:g}/{mark.max_points:g}" + (f" {mark.confusion}" if mark.confusion else "")
        for mark in entry.marks
    )
    note = " ".join(filter(None, (entry.reason, *entry.remarks)))
    named = (entry.learner, entry.exercise, f"{entry.points:g}", f"{entry.max_points:g}", entry.kind)
    return [*named, tasks, entry.name, one_line(note, 500)]


def write_table(path: Path, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Write a table; no cell of it is a formula."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # with its mark, so that Excel knows the letters
        writer = csv.writer(file)
        for row in (head, *rows):
            writer.writerow([for_cell(cell) for cell in row])


def read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of a table that another system wrote.

    Raises
    ------
    GradingError
        It cannot be read, or is no table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head, *rows = [row for row in csv.reader(file) if row]
    except OSError as error:
        raise GradingError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, csv.Error) as error:
        raise GradingError(f"{path} is no table in CSV and UTF-8. Export it once more.") from error
    return head, [row + [""] * (len(head) - len(row)) for row in rows]


def name_and_number(learner: str) -> tuple[str, str]:
    """Return a learner's name and the number that the LMS gave.

    Examples
    --------
    >>> name_and_number("Ann Lee (11)"), name_and_number("ada")
    (('Ann Lee', '11'), ('ada', ''))
    """
    found = _NUMBERED.match(learner)
    return (found["name"], found["number"]) if found else (learner, "")


def plain_name(name: str) -> str:
    """Return a name as LMSs write it into the names of files: letters and digits only, small.

    Examples
    --------
    >>> plain_name("Doe, Jane")
    'doejane'
    """
    return "".join(filter(str.isalnum, name.casefold()))


def comment_of(entry: Entry) -> str:
    """Return what a learner reads in the LMS: a line for each task that is not passed."""
    if entry.kind != "marked":
        return entry.reason
    lines = [
        f"{mark.task}: {mark.status.replace('_', ' ')}. {one_line(away_from_the_notebook(mark.message), 240)}"
        for mark in entry.marks
        if mark.status != "passed"
    ]
    comment = "\n".join(lines) or "All tasks passed."
    return comment if len(comment) <= _MOST_COMMENT else f"{comment[: _MOST_COMMENT - 1]}…"


def exercises_of(entries: Iterable[Entry]) -> list[str]:
    """Return the exercises of entries, in order."""
    return sorted({entry.exercise for entry in entries if entry.exercise})


def most_points(entries: Iterable[Entry]) -> float:
    """Return the most that there is to get in an exercise, by its entries."""
    return max((entry.max_points for entry in entries), default=0.0)


class Matcher:
    """Finds the learner of a row of an LMS's table: by number, else by a name that only one row has."""

    def __init__(self, rows: Iterable[tuple[str, Iterable[str]]]) -> None:
        self._by_number: dict[str, int] = {}
        self._by_name: dict[str, set[int]] = {}
        for place, (number, names) in enumerate(rows):
            if number:
                self._by_number[number] = place
            for name in map(plain_name, names):
                if name:
                    self._by_name.setdefault(name, set()).add(place)

    def place_of(self, learner: str) -> int | None:
        """Return the place of a learner's row, or None where there is none or it cannot be told."""
        name, number = name_and_number(learner)
        if number in self._by_number:
            return self._by_number[number]
        found = self._by_name.get(plain_name(name), set())
        return next(iter(found)) if len(found) == 1 else None
