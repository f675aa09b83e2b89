"""What the checks say about every program that is known: right ones pass, wrong ones are named, mutants are caught.

`course checks report` prints it; tests assert it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.engine import TASKS, evaluate
from course_lib.checks.quality.mutants import RightProgram
from course_lib.checks.quality.survey import Fate, killed_share
from course_lib.checks.tasks import ChoiceTask, FunctionTask, OrderTask, Task


@dataclass(frozen=True)
class Known:
    """A program whose verdict is known beforehand.

    Attributes
    ----------
    task : str
    program : str
    answer : object
        What a learner would hand to `check`.
    status : str
    confusion : str or None
    named : str or None
        The named wrong program that has to explain it.
    """

    task: str
    program: str
    answer: Any
    status: str
    confusion: str | None = None
    named: str | None = None


@dataclass(frozen=True)
class Row:
    """A known program, and what the checks said of it."""

    known: Known
    status: str
    confusion: str | None
    named: str | None

    @property
    def ok(self) -> bool:
        """Whether the verdict is the one that is due, for the reason that is due."""
        due = self.known
        return (self.status, self.confusion, self.named) == (due.status, due.confusion, due.named)

    def as_data(self) -> dict[str, Any]:
        """Return the row for a program to read."""
        due = self.known
        return {
            "task": due.task, "program": due.program, "status": self.status, "confusion": self.confusion,
            "named": self.named, "due_status": due.status, "due_confusion": due.confusion, "ok": self.ok,
        }  # fmt: skip


def known_programs(task: Task) -> Iterator[Known]:
    """Return the right answer of a task and its known wrong ones.

    Where the cost or several calls are looked at, the reference is what is compared with, and no answer.
    """
    if isinstance(task, FunctionTask):
        if task.through is None and not any(kept.through for kept in task.properties):
            yield Known(task.name, "the reference", task.reference, "passed")
        for program in task.programs:
            yield Known(task.name, program.slug, program.program, "not_yet", program.confusion, program.slug)
    elif isinstance(task, ChoiceTask):  # any letter is welcome
        for letter in task.options:
            yield Known(task.name, letter, letter, "passed", None if letter == task.right else task.confusion)
    elif isinstance(task, OrderTask):
        yield Known(task.name, task.solution, task.solution, "passed")
        for order, confusion in _wrong_orders(task):
            yield Known(task.name, order, order, "not_yet", confusion)


def _wrong_orders(task: OrderTask) -> Iterator[tuple[str, str | None]]:
    """Put each distractor where the line stands that makes the same name; leave out each line that may be missed."""

    def makes(letter: str) -> str:
        return task.lines[letter].split("=")[0].strip()

    for letter, distractor in task.distractors.items():
        same = [other for other in task.solution if makes(other) == makes(letter)]
        order = task.solution.replace(same[-1], letter) if same else task.solution + letter
        yield order, distractor.confusion
    for letter, (confusion, _, _) in task.without.items():
        yield task.solution.replace(letter, ""), confusion


def all_known(right: Sequence[RightProgram] = ()) -> list[Known]:
    """Return the known programs of every task; `right` are further right ones, such as a course's solutions."""
    known = []
    for task in TASKS.values():
        of_task = [program for program in right if program.task == task.name]
        known += [Known(task.name, program.title, program.build(), "passed") for program in of_task]
        known += known_programs(task)
    return known


def matrix(known: Sequence[Known], *, seed: int = 0, advance: Callable[[], None] = lambda: None) -> list[Row]:
    """Judge known programs."""
    rows = []
    for one in known:
        result = evaluate(one.task, one.answer, seed=seed)
        rows.append(Row(one, result.status, result.confusion, result.program))
        advance()
    return rows


def coverage() -> dict[str, tuple[list[str], list[str], list[str]]]:
    """Return for each confusion the functions whose wrong programs show it, the predictions and the orders."""
    found: dict[str, tuple[list[str], list[str], list[str]]] = {name: ([], [], []) for name in CONFUSIONS}
    for task in TASKS.values():
        for name, (functions, predictions, orders) in found.items():
            if isinstance(task, FunctionTask) and any(program.confusion == name for program in task.programs):
                functions.append(task.name)
            if isinstance(task, ChoiceTask) and task.confusion == name:
                predictions.append(task.name)
            if isinstance(task, OrderTask) and name in _confusions_of(task):
                orders.append(task.name)
    return found


def _confusions_of(task: OrderTask) -> set[str | None]:
    return {known.confusion for known in task.distractors.values()} | {name for name, _, _ in task.without.values()}


def as_data(rows: Sequence[Row], found: Sequence[Fate] | None) -> dict[str, Any]:
    """Return the report as plain data, as ``course checks report --json`` prints it."""
    data: dict[str, Any] = {
        "programs": len(rows),
        "problems": sum(not row.ok for row in rows),
        "rows": [row.as_data() for row in rows],
        "confusions": {
            name: dict(zip(("functions", "predictions", "orders"), places, strict=True))
            for name, places in coverage().items()
        },
    }
    if found is not None:
        counts = Counter(fate.how for fate in found)
        data["mutants"] = {
            "total": len(found), **counts, "killed_share": killed_share(found),
            "survivors": [asdict(fate) for fate in found if fate.how in ("survived", "broke")],
        }  # fmt: skip
    return data


def show(rows: Sequence[Row], found: Sequence[Fate] | None) -> None:
    """Print the matrix and, where they were judged, what became of the mutants."""
    from rich.console import Console

    console = Console(soft_wrap=True)
    console.print(_matrix_table(rows))
    console.print(_coverage_table())
    problems = [row for row in rows if not row.ok]
    right = sum(row.known.status == "passed" for row in rows)
    console.print(
        f"{len(rows)} programs, {right} of them right: "
        + (f"{len(problems)} with another verdict than is due" if problems else "each verdict is the one that is due")
    )
    if found is not None:
        console.print(_mutant_table(found))
        for fate in found:
            if fate.how in ("survived", "broke"):
                console.print(f"{fate.how}  {fate.task}:  {fate.before}  ->  {fate.after}", markup=False)
        console.print(f"{100 * killed_share(found):.1f} % of the mutants that are not equivalent are rejected.")


def _matrix_table(rows: Sequence[Row]) -> Any:
    from rich.table import Table

    table = Table("task", "program", "status", "confusion", "", box=None, pad_edge=False)
    before = ""
    for row in rows:
        due = row.known
        note = "" if row.ok else f"due: {' '.join(filter(None, (due.status, due.confusion, due.named)))}"
        taken = f", taken for {row.named}" if row.named != due.named else ""
        task = "" if due.task == before else due.task
        verdict = (row.status.replace("_", " "), row.confusion or "", note + taken)
        table.add_row(task, due.program, *verdict, style=None if row.ok else "red")
        before = due.task
    return table


def _coverage_table() -> Any:
    from rich.table import Table

    table = Table("confusion", "", "functions that show it", "predictions", "orders", box=None, pad_edge=False)
    for name, places in coverage().items():
        table.add_row(name, CONFUSIONS[name], *(str(len(tasks) or "-") for tasks in places))
    return table


def _mutant_table(found: Sequence[Fate]) -> Any:
    from rich.table import Table

    kinds = ("numbers", "exception", "equivalent", "survived")
    table = Table("mutants of", "rejected: numbers", "exception", "equivalent", "survived", box=None, pad_edge=False)
    for task in dict.fromkeys(fate.task for fate in found):
        counts = Counter(fate.how for fate in found if fate.task == task)
        table.add_row(task, *(str(counts[kind]) for kind in kinds), style="red" if counts["survived"] else None)
    return table
