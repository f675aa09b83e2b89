"""All that the checks say, as one document: people read it, a test compares it, and a change of words shows as a line.

`course checks messages --write` writes it.
"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.engine import TASKS, close_names, evaluate
from course_lib.checks.exercises.cases import Floats
from course_lib.checks.judging import wording
from course_lib.checks.quality.answers import ANSWERS
from course_lib.checks.quality.report import coverage, known_programs
from course_lib.checks.running.runner import LocalRunner, bound
from course_lib.checks.tasks import ChoiceTask, FunctionTask, OrderTask, Property, Task

_HEAD = """# What the checks say

Every sentence once, with the numbers of seed 0. `course checks messages --write` writes this file, and a test compares
it: whoever changes a sentence reads the difference here.

A message begins with what was asked for; below, that stands once for each task, and a message goes on after it. Where
an explanation has come before, its place is named.
"""
# What belongs to one machine, or to the text of our own programs.
_VARYING = (
    (re.compile(r"line \d+ of your `[^`]*`(, `.*?`)?, stopped"), "your line ... stopped"),
    (re.compile(r"held \d+ kB"), "held ... kB"),
    (re.compile(r" There, `.*?` is \([\d, ]*\)\.(?=\n|$)"), ""),
)
_RECURSION = (re.compile(r"(RecursionError: )[^.]*"), r"\1...")  # each Python has its own words


def document() -> str:
    """Return the document, in Markdown."""
    told: dict[str, str] = {}
    parts = [_HEAD, *_confusions(), *_every_kind(), *_names()]
    for task in TASKS.values():
        parts += [f"## {task.name}", f"{task.title}. {task.asked}", *_hints(task)]
        if isinstance(task, FunctionTask):
            parts += _function(task, told)
        elif isinstance(task, ChoiceTask):
            parts += _choice(task, told)
        elif isinstance(task, OrderTask):
            parts += _order(task, told)
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _confusions() -> Iterator[str]:
    yield "## Which confusion is shown where"
    yield "\n".join([
        "| id | in a few words | wrong programs of | predictions | lines in order |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {name} | {CONFUSIONS[name]} | " + " | ".join(", ".join(tasks) or "-" for tasks in places) + " |"
            for name, places in coverage().items()
        ),
    ])  # fmt: skip


def _every_kind() -> Iterator[str]:
    yield "## Answers of every kind"
    for answer in ANSWERS:
        result = evaluate(answer.task, answer.make(), run=LocalRunner(answer.seconds))
        message = _RECURSION[0].sub(_RECURSION[1], result.message).replace(TASKS[answer.task].asked, "...")
        yield f"**{answer.kind}** ({answer.task}: {result.status})\n\n{_quoted(message)}"
    yield "**our own mistake**"
    yield _quoted(wording.broke(TASKS["softmax"], ZeroDivisionError("division by zero")).message)


def _names() -> Iterator[str]:
    yield "## Names that are not there"
    for name in ("softmaxx", "attentions", "x", 3):
        yield _quoted(wording.unknown(name, close_names(name), ["..."]).message)


def _hints(task: Task) -> list[str]:
    return ["\n".join(f"{count}. {hint}" for count, hint in enumerate(task.hints, start=1))] if task.hints else []


def _function(task: FunctionTask, told: dict[str, str]) -> Iterator[str]:
    yield _quoted(wording.passed(task).message)
    for kept in task.properties:
        if kept.shows is None:
            yield f"**promise**\n\n{_quoted(f'{kept.promise} {_broken(task, kept)}')}"
    for program in task.programs:
        came, *explained = _stable(evaluate(task.name, program.program).message).split("\n")
        lines = [came.replace(task.asked, "...")]
        place = told.setdefault("\n".join(explained), f"{task.name}, {program.slug}")
        is_here = place == f"{task.name}, {program.slug}"
        lines += explained if is_here else [f"(explained as for {place})"]
        said = _quoted("\n".join(lines))
        yield f"{_title(program.slug, program.confusion)}\n\n{said}"


def _broken(task: FunctionTask, kept: Property) -> str:
    """Say what is seen where a promise is broken: by an answer that grows with each call, or a named wrong program."""
    n_calls = 0

    def grows(**arguments: Any) -> Floats:
        nonlocal n_calls
        n_calls += 1
        right = np.asarray(task.reference(*arguments.values()), dtype=float)
        moved: Floats = right * (1 + n_calls) + np.arange(right.size).reshape(right.shape)
        return moved

    def calls(program: Any) -> Any:
        answer = bound(program, kept.through or task.through)
        return lambda **arguments: np.asarray(answer(*arguments.values()))

    answers: list[Any] = [grows] if kept.through is None else [calls(program.program) for program in task.programs]
    seen = (kept.broken(answer, np.random.default_rng([0, 2])) for answer in answers)
    return next((text for text in seen if text), "")


def _choice(task: ChoiceTask, told: dict[str, str]) -> Iterator[str]:
    letters = [task.right, *(letter for letter in task.options if letter != task.right)]
    reveal = task.reveal()
    for letter in letters:
        result = evaluate(task.name, letter)
        said = result.message.replace(reveal, "..." if letter != task.right else reveal)
        yield f"{_title(letter, result.confusion)}\n\n{_quoted(said)}"
    for answer in (..., "z", 5):
        yield from _first_time(evaluate(task.name, answer).message, told)


def _order(task: OrderTask, told: dict[str, str]) -> Iterator[str]:
    yield "\n".join(["```python", *(f"{letter}  {line}" for letter, line in task.lines.items()), "```"])
    orders = [known.program for known in known_programs(task)]
    first = task.solution[0]
    for order in [*orders, "", task.solution[::-1], task.solution[:1], first + first, "?"]:
        result = evaluate(task.name, order)
        said = _quoted(result.message.replace(task.asked, "..."))
        yield f"{_title(order or 'nothing', result.confusion)}\n\n{said}"
    yield from _first_time(evaluate(task.name, 5).message.replace(task.asked, "..."), told)


def _title(name: str, confusion: str | None) -> str:
    return f"**{name}** ({confusion})" if confusion else f"**{name}**"


def _first_time(message: str, told: dict[str, str]) -> Iterator[str]:
    if told.setdefault(message, "here") == "here":
        told[message] = "before"
        yield _quoted(message)


def _stable(message: str) -> str:
    for pattern, instead in _VARYING:
        message = pattern.sub(instead, message)
    return message


def _quoted(message: str) -> str:
    """Return a quotation, one line for each paragraph."""
    return "\n>\n".join(f"> {line}" for line in message.split("\n"))
