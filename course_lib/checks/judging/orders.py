"""Judge the order of lines by running them: the lines are ours, only their letters come from the learner."""

from collections import Counter
from typing import Any

import numpy as np

from course_lib.checks.judging.differences import is_close
from course_lib.checks.result import Result
from course_lib.checks.running.outcomes import Outcome, look_at
from course_lib.checks.running.runner import run_trusted
from course_lib.checks.tasks import OrderTask
from course_lib.errors import ShapeError


def judge_order(task: OrderTask, answer: Any, *, seed: int) -> Result:
    """Assemble the lines, run them, and say what comes out."""
    if answer is None or answer is Ellipsis or _letters(answer) == "":
        return _result(task, "not_started", f"{task.asked} Nothing is in order yet: answer with letters, as in 'BDA'.")
    letters = _letters(answer)
    complaint = _unreadable(task, answer, letters)
    if complaint:
        return _result(task, "not_yet", task.asked, complaint)
    assert letters is not None
    for letter in letters:
        if letter in task.distractors:
            distractor = task.distractors[letter]
            what = f"Line {letters.index(letter) + 1} is {letter}, `{task.lines[letter]}`."
            look = f"Where to look: another line makes `{task.lines[letter].split(' = ')[0]}` too. Compare the two."
            return _result(
                task, "not_yet", f"{task.asked} {what}", distractor.why, look, confusion=distractor.confusion
            )
    return _run(task, letters, seed)


def _letters(answer: Any) -> str | None:
    """Read 'CFEAB', 'c f e', 'C, F, E' or ['C', 'F', 'E'] as letters; None where it is something else."""
    parts = list(answer) if isinstance(answer, str | list | tuple) else None
    if parts is None or not all(isinstance(part, str) for part in parts):
        return None
    return "".join(parts).translate(str.maketrans("", "", " ,;>-\t\n.")).upper()


def _unreadable(task: OrderTask, answer: Any, letters: str | None) -> str:
    if letters is None:
        return f"The answer should be letters, as in 'BDA', but a value of type {type(answer).__name__} came."
    strangers = sorted(set(letters) - set(task.lines))
    if strangers:
        return f"There is no line {' or '.join(strangers[:5])}; the lines are {', '.join(task.lines)}."
    twice = [letter for letter, count in Counter(letters).items() if count > 1]
    return f"Each line is used at most once, but {twice[0]} comes twice." if twice else ""


def _run(task: OrderTask, letters: str, seed: int) -> Result:
    arguments = task.make(np.random.default_rng(seed))
    names: dict[str, Any] = {"np": np, **task.tools, **arguments}
    for position, letter in enumerate(letters, start=1):
        try:
            # One line of this library's own text; nothing that a learner wrote is run here.
            exec(compile(task.lines[letter], f"<line {letter}>", "exec"), names)
        except NameError as error:
            missing = (
                f"Line {position} is {letter}, `{task.lines[letter]}`: it uses `{error.name}`, which no line above has "
                "made."
            )
            return _result(
                task, "not_yet", f"{task.asked} {missing}", f"Where to look: which line makes `{error.name}`?"
            )
        except (ValueError, IndexError, ShapeError) as error:
            stops = (
                f"Line {position} is {letter}, `{task.lines[letter]}`: it stops with {type(error).__name__}: {error}"
            )
            return _out_of_place(task, letters, f"{task.asked} {stops}")
    return _compare(task, letters, look_at(names.get(task.result)), run_trusted(task.reference, arguments))


def _compare(task: OrderTask, letters: str, given: Outcome, expected: Outcome) -> Result:
    if given.array is None:
        lines = f"{len(letters)} lines" if len(letters) > 1 else "line"
        why = f"After your {lines} there is no `{task.result}` yet."
        return _result(task, "not_yet", f"{task.asked} {why}", f"Where to look: which line makes `{task.result}`?")
    assert expected.array is not None
    if is_close(expected.array, given.array, 1e-5):
        return _result(
            task, "passed", f"Right: {' '.join(letters)}. Run in this order, the lines give `{task.result}`."
        )
    return _out_of_place(task, letters, f"{task.asked} The lines run, and `{task.result}` is wrong.")


def _out_of_place(task: OrderTask, letters: str, what: str) -> Result:
    """Name the line that is missing or comes too late, where that is known."""
    for letter, (confusion, left_out, too_late) in task.without.items():
        if letter not in letters:
            return _result(task, "not_yet", what, left_out, "Where to look: the lines left over.", confusion=confusion)
        if letters.index(letter) > task.solution.index(letter):
            look = f"Where to look: which line uses what {letter} makes?"
            return _result(task, "not_yet", what, too_late, look, confusion=confusion)
    return _result(task, "not_yet", what)


def _result(task: OrderTask, status: Any, *paragraphs: str, confusion: str | None = None) -> Result:
    points = task.points if status == "passed" else 0
    return Result(status, confusion, "\n".join(paragraphs), points, task.points, name=task.name)
