"""What learners' checks found, in one SQLite file: written before the sender hears that it has arrived.

A result has an id that its sender made. One that comes twice, because the first answer was lost on its way, is kept
once. So nothing is lost and nothing counted double, however often the service or a learner's server starts anew.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.engine import TASKS

STATUSES = ("not_started", "not_yet", "passed")
# A program that checks in a loop must not fill the disk; a whole course takes some hundred.
MOST_FOR_A_LEARNER = 20_000
_OLDEST = 14 * 24 * 3600.0
_ID = re.compile(r"[0-9a-f]{8,64}")

_TABLES = """
CREATE TABLE IF NOT EXISTS results (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    learner TEXT NOT NULL,
    id TEXT NOT NULL,
    task TEXT NOT NULL,
    status TEXT NOT NULL,
    confusion TEXT,
    at REAL NOT NULL,
    UNIQUE (learner, id)
)
"""


@dataclass(frozen=True)
class Found:
    """What one check found: the task, the verdict, the mistake by its name, and when (seconds since 1970)."""

    id: str
    task: str
    status: str
    confusion: str | None
    at: float


def read_result(content: Any, *, now: float) -> Found | None:
    """Return a result as it came from a learner's server, or None where it is none.

    The time is the learner's; one that lies in the future, or weeks back, is taken for now.
    """
    if not isinstance(content, Mapping):
        return None
    keys = ("id", "task", "status", "confusion", "at")
    name, task, status, confusion, at = (content.get(key) for key in keys)
    is_result = (
        isinstance(name, str) and _ID.fullmatch(name)
        and isinstance(task, str) and task in TASKS
        and status in STATUSES
        and (confusion is None or (isinstance(confusion, str) and confusion in CONFUSIONS))
        and not isinstance(at, bool)
    )  # fmt: skip
    if not is_result or not isinstance(at, int | float):
        return None
    is_likely = now - _OLDEST <= at <= now  # false for what is no number, and for the largest
    return Found(str(name), str(task), str(status), confusion, float(at) if is_likely else now)


class Results:
    """The results of a workshop, in one file.

    Parameters
    ----------
    path : Path or str
        ":memory:" for a test.
    """

    def __init__(self, path: Path | str, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._base = sqlite3.connect(path, timeout=20, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = FULL")  # kept also where the machine loses its power
        self._base.execute(_TABLES)
        self._counts = dict(self._base.execute("SELECT learner, COUNT(*) FROM results GROUP BY learner"))

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def keep(self, learner: str, results: Iterable[Found]) -> list[Found]:
        """Write results of a learner; return those that are new, once they are safe on the disk."""
        new: list[Found] = []
        self._base.execute("BEGIN IMMEDIATE")
        try:
            for found in results:
                if self._counts.get(learner, 0) + len(new) >= MOST_FOR_A_LEARNER:
                    break
                row = (learner, found.id, found.task, found.status, found.confusion, found.at)
                written = self._base.execute(
                    "INSERT OR IGNORE INTO results (learner, id, task, status, confusion, at) VALUES (?,?,?,?,?,?)", row
                )
                if written.rowcount:
                    new.append(found)
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")
        self._counts[learner] = self._counts.get(learner, 0) + len(new)
        return new

    def everything(self) -> Iterator[tuple[str, Found]]:
        """Yield all results with their learners, in the order in which they arrived."""
        rows = self._base.execute("SELECT learner, id, task, status, confusion, at FROM results ORDER BY number")
        for learner, *rest in rows:
            yield learner, Found(*rest)
