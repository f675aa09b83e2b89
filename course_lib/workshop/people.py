"""Who has joined: the name as shown, the number that their account stands for, and what is kept of their PIN.

One SQLite file. The Hub writes who joins; the class view reads the names and writes whom the instructor released.
"""

import contextlib
import functools
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.workshop.names import digest, is_secret, new_pin

MOST_LEARNERS = 1_000  # so many users are set aside for them, where they have users of their own
RELEASED_FOR = 15 * 60.0  # seconds in which a released name may be taken up again without its PIN

_TABLES = """
CREATE TABLE IF NOT EXISTS people (
    account TEXT PRIMARY KEY,
    shown TEXT NOT NULL,
    number INTEGER NOT NULL UNIQUE,
    pin TEXT NOT NULL,
    joined REAL NOT NULL,
    released_until REAL NOT NULL DEFAULT 0
)
"""


@dataclass(frozen=True)
class Person:
    """Somebody who has joined; `number` counts from 0 in the order of joining, and is never given twice."""

    account: str
    shown: str
    number: int


class People:
    """The people of a workshop, in one file.

    Parameters
    ----------
    path : Path
        ":memory:" for a test.
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, path: Path | str, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._base = sqlite3.connect(path, timeout=20, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    def find(self, account: str) -> Person | None:
        """Return who has this account, or None."""
        row = self._base.execute("SELECT account, shown, number FROM people WHERE account = ?", (account,)).fetchone()
        return None if row is None else Person(*row)

    def everyone(self) -> list[Person]:
        """Return all who joined, in the order of joining."""
        rows = self._base.execute("SELECT account, shown, number FROM people ORDER BY number")
        return [Person(*row) for row in rows]

    def join(self, account: str, shown: str) -> tuple[Person, str]:
        """Add somebody new; return them and their PIN, of which only a digest is kept.

        Raises
        ------
        CourseError
            Where the workshop is full.
        """
        pin = new_pin()
        kept = digest(pin)
        with self._writing():
            (number,) = self._base.execute("SELECT COALESCE(MAX(number) + 1, 0) FROM people").fetchone()
            if number >= MOST_LEARNERS:
                raise CourseError(f"This workshop is full: {MOST_LEARNERS} people have joined.")
            self._base.execute(
                "INSERT INTO people (account, shown, number, pin, joined) VALUES (?, ?, ?, ?, ?)",
                (account, shown, number, kept, self._clock()),
            )
        return Person(account, shown, number), pin

    def is_pin(self, account: str, typed: str) -> bool:
        """Tell whether this is the PIN of the account."""
        row = self._base.execute("SELECT pin FROM people WHERE account = ?", (account,)).fetchone()
        return row is not None and is_secret(typed, row[0])

    def release(self, account: str) -> bool:
        """Let the name be taken up once without its PIN, for a quarter of an hour; False where nobody has it."""
        with self._writing():
            changed = self._base.execute(
                "UPDATE people SET released_until = ? WHERE account = ?", (self._clock() + RELEASED_FOR, account)
            )
        return changed.rowcount == 1

    def take_up(self, account: str) -> str | None:
        """Return a new PIN where the instructor has released this name, and None otherwise; a release serves once."""
        pin = new_pin()
        kept = digest(pin)
        with self._writing():
            changed = self._base.execute(
                "UPDATE people SET released_until = 0, pin = ? WHERE account = ? AND released_until > ?",
                (kept, account, self._clock()),
            )
        return pin if changed.rowcount == 1 else None

    def changes(self) -> int:
        """Return a number that changes when another process has written."""
        (number,) = self._base.execute("PRAGMA data_version").fetchone()
        return int(number)


@functools.cache
def people_of(path: str) -> People:
    """Return the people in a file, opened once for the whole process."""
    return People(path)
