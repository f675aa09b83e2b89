"""The class as a table for other programs: a line for each learner and task."""

import csv
import io

from course_lib.workshop.classview.room import Room

COLUMNS = ("account", "name", "task", "status", "attempts", "minutes", "confusion")
# A spreadsheet takes what begins so for a formula, and a name is what somebody typed.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows(room: Room) -> list[dict[str, object]]:
    """Return the cells of the room that are not empty, one for each learner and task."""
    everything = room.since(0)
    shown = dict(everything["learners"])
    return [
        {
            "account": learner, "name": shown[learner], "task": task, "status": status, "attempts": attempts,
            "minutes": minutes, "confusion": confusion or "",
        }
        for learner, task, status, attempts, minutes, confusion in everything["cells"]
    ]  # fmt: skip


def as_csv(room: Room) -> str:
    """Return the rows as CSV; names are written so that no spreadsheet computes them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows(room):
        name = str(row["name"])
        writer.writerow(row | {"name": f"'{name}" if name.startswith(_FORMULA) else name})
    return text.getvalue()
