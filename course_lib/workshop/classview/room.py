"""The room, reckoned from results: a cell for each learner and task, and which mistakes are in the room now.

Pure: results go in, what the page shows comes out. Each change gets the next number, so that a page that has seen
everything up to a number can be given the rest.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.engine import LESSONS, TASKS
from course_lib.checks.tasks import ChoiceTask
from course_lib.workshop.classview.results import Found
from course_lib.workshop.classview.sentences import SAY


@dataclass
class Cell:
    """A learner at a task.

    Attributes
    ----------
    status : {"not_started", "trying", "passed"}
        What passed once stays passed.
    attempts : int
        How often an answer was checked; an untouched task that was run counts as none.
    first, last : float
        When its check was run first, and last; after it passed, when it passed. Seconds since 1970.
    confusion : str or None
        The mistake that the latest attempt shows, as long as the task has not passed.
    met : set of str
        All mistakes that it ever showed.
    change : int
    """

    status: str = "not_started"
    attempts: int = 0
    first: float = 0.0
    last: float = 0.0
    confusion: str | None = None
    met: set[str] = field(default_factory=set)
    change: int = 0

    @property
    def minutes(self) -> int:
        """From the first check to the one that passed, or to the latest; begun minutes count."""
        return math.ceil((self.last - self.first) / 60)

    def add(self, found: Found) -> None:
        """Take in a result."""
        self.first = min(self.first, found.at) if self.first else found.at
        if found.confusion:
            self.met.add(found.confusion)
        if found.status == "not_started":
            self.last = max(self.last, found.at) if self.status != "passed" else self.last
            return
        self.attempts += 1
        if self.status == "passed":
            return
        self.last = max(self.last, found.at)
        self.status = "passed" if found.status == "passed" else "trying"
        self.confusion = None if self.status == "passed" else found.confusion

    def as_row(self) -> list[Any]:
        """Return the cell for the page: status, attempts, minutes, the mistake of now."""
        return [self.status, self.attempts, self.minutes, self.confusion]


class Room:
    """Everybody who joined, and where they are."""

    def __init__(self) -> None:
        self.change = 0
        self._shown: dict[str, tuple[str, int]] = {}  # the name as shown, and the change that brought it
        self._cells: dict[str, dict[str, Cell]] = defaultdict(dict)

    def name(self, learner: str, shown: str) -> None:
        """Say how a learner is called."""
        if self._shown.get(learner, ("", 0))[0] != shown:
            self.change += 1
            self._shown[learner] = (shown, self.change)

    def add(self, learner: str, results: Iterable[Found]) -> None:
        """Take in results of a learner."""
        if learner not in self._shown:
            self.name(learner, learner)
        for found in results:
            if TASKS[found.task].lesson not in LESSONS:
                continue
            self.change += 1
            cell = self._cells[learner].setdefault(found.task, Cell())
            cell.add(found)
            cell.change = self.change

    def since(self, change: int) -> dict[str, Any]:
        """Return what a page needs that has seen everything up to `change`; 0 means nothing yet."""
        learners = [[learner, shown] for learner, (shown, at) in self._shown.items() if at > change]
        cells = [
            [learner, task, *cell.as_row()]
            for learner, tasks in self._cells.items()
            for task, cell in tasks.items()
            if cell.change > change
        ]
        return {"change": self.change, "learners": learners, "cells": cells, "confusions": self.confusions()}

    def row(self, learner: str) -> dict[str, Any]:
        """Return what a learner may see: their own row, and nothing else."""
        shown, _ = self._shown.get(learner, (learner, 0))
        return {"shown": shown, "cells": [[task, *cell.as_row()] for task, cell in self._cells[learner].items()]}

    def confusions(self) -> list[dict[str, Any]]:
        """Return the mistakes that are in the room now, most people first.

        ``now`` counts people whose latest attempt at a task that has not passed shows it; ``past`` those who met it
        anywhere and are past it.
        """
        now: dict[str, set[str]] = defaultdict(set)
        met: dict[str, set[str]] = defaultdict(set)
        where: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for learner, tasks in self._cells.items():
            for task, cell in tasks.items():
                for confusion in cell.met:
                    met[confusion].add(learner)
                if cell.confusion:
                    now[cell.confusion].add(learner)
                    where[cell.confusion][task] += 1
        rows = [
            {
                "id": confusion,
                "now": len(now[confusion]),
                "past": len(people - now[confusion]),
                "tasks": sorted(where[confusion].items(), key=lambda pair: (-pair[1], pair[0])),
            }
            for confusion, people in met.items()
        ]
        return sorted(rows, key=lambda row: (-row["now"], -row["past"], row["id"]))


def catalogue() -> dict[str, Any]:
    """Return what does not change while a page is open: the tasks, and each mistake in words."""
    tasks = [
        {"name": task.name, "title": task.title, "lesson": task.lesson, "isQuestion": isinstance(task, ChoiceTask)}
        for task in TASKS.values()
        if task.lesson in LESSONS
    ]
    words = {confusion: {"short": short, "say": SAY[confusion]} for confusion, short in CONFUSIONS.items()}
    return {"tasks": tasks, "lessons": [[number, title] for number, title in LESSONS.items()], "words": words}
