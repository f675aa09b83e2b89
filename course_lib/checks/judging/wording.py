"""Every sentence that a check says about an answer: what was asked and what came, why it is wrong, where to look."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.checks.judging.differences import describe_difference, is_close
from course_lib.checks.result import Evidence, Result
from course_lib.checks.running.outcomes import Problem
from course_lib.checks.running.runner import TIME_LIMIT
from course_lib.checks.tasks import Arguments, FunctionTask, Property, Stage, Task, WrongProgram
from course_lib.shapes import describe

if TYPE_CHECKING:
    from course_lib.checks.judging.trials import Trial

_SO_FAR: dict[Stage, str] = {
    "plain": "",
    "batched": "With one matrix at a time your function is right; with leading axes (a batch, or heads) it is not. ",
    "precision": "With float64 your function is right; with float32 it is not. ",
    "large": "With ordinary numbers your function is right; with scores around 1500 it is not. ",
    "edge": "With ordinary input your function is right; with a rare one it is not. ",
}

_LOOK_AT_STAGE: dict[Stage, str] = {
    "plain": "take the input of this case, printed below, and follow one row by hand.",
    "batched": "count axes from the end (-1, -2), so that leading axes stay where they are; `.T` turns them all round.",
    "precision": "keep all steps in at least float32.",
    "large": "exp(s) overflows to inf above s = 709. Which number may be subtracted from a row without changing its "
    "weights?",
    "edge": "take the input of this case, printed below, and follow it by hand.",
}

_LOOK_AT_ERROR = {
    "NameError": "a name is used before it is made, or misspelt. If it is `np`, run the cell with the imports first.",
    "UnboundLocalError": "the name is used before it gets its value inside the function.",
    "IndexError": "an index goes past the end of an axis: which axis does the loop run over, and how long is it?",
    "RecursionError": "the function calls itself without end.",
    "SystemExit": "a function gives its result back with `return`; `exit()` would end the whole program.",
    "AxisError": "there is no such axis. Count from the end: -1 is the last axis, -2 the one before.",
    "MemoryError": "something grew far larger than the input.",
    "TypeError": "what meets in this line: print the type of each part.",
    "AttributeError": "what stands in front of the dot: print its type.",
    "ZeroDivisionError": "what is divided by, and when it is 0.",
}


def passed(task: FunctionTask) -> Result:
    """Say that all is right, and on what it was tried."""
    labels = list(dict.fromkeys(family.label for family in task.families))
    return _result(task, "passed", f"Right: {', '.join(labels[:-1])} and {labels[-1]} all agree with the definition.")


def not_started(task: Task, came: str, *, given_directly: bool = False) -> Result:
    """Say kindly that nothing is there to judge yet."""
    if given_directly:
        what = f"There is nothing to check yet: the answer is still `{came}`."
    elif came == "None":
        what = f"Your `{task.name}` returns None. Either it is not written yet, or its `return` is missing."
    elif came == "NotImplementedError":
        what = f"Your `{task.name}` still raises NotImplementedError: put your code in its place."
    else:
        what = f"There is still a `...` in `{task.name}`: put your code in its place."
    look = f"Take your time. hint({task.name!r}) gives a first idea." if task.hints else "Take your time."
    return _result(task, "not_started", task.asked, what, look)


def not_callable(task: FunctionTask, answer: Any) -> Result:
    """Say that a function is wanted, as where its result was handed in."""
    call = f"check({task.name!r}, {task.name})"
    return _result(
        task, "not_yet", task.asked,
        f"The function itself is checked, but a value of type {type(answer).__name__} came.",
        f"Where to look: hand over the function without calling it, as in `{call}`.",
    )  # fmt: skip


def not_yet(task: FunctionTask, stage: Stage, wrong: Sequence["Trial"], program: WrongProgram | None) -> Result:
    """Explain a wrong answer by the first case that shows it and, where one is known, the mistake behind it."""
    trial = wrong[0]
    so_far = f"{trial.family.so_far} " if trial.family.so_far else _SO_FAR[stage]
    came = so_far + what_came(task, trial, wrong[1:])
    if program:
        why, look = program.why, program.look
    else:
        why, look = "", _where_to_look(stage, trial)
    result = _result(task, "not_yet", f"{task.asked} {came}", why, f"Where to look: {look}" if look else "")
    return replace(
        result,
        confusion=program.confusion if program else None,
        program=program.slug if program else None,
        evidence=evidence_of(task, trial),
    )


def changed_its_input(task: FunctionTask, names: Sequence[str]) -> Result:
    """Say that the result is right and the input was written over."""
    listed = " and ".join(f"`{name}`" for name in names)
    return _result(
        task, "not_yet",
        f"{task.asked} Your numbers are right, but the call changed its own input {listed}.",
        "A function leaves its input as it was: whoever called it still needs those numbers, and a second call with "
        "the same array would give something else.",
        "Where to look: a line with `-=`, `+=`, `*=`, `/=`, `out=` or `[...] =` that writes into an argument. Make a "
        "new array, or copy first.",
    )  # fmt: skip


def forgetful(task: FunctionTask, trial: "Trial") -> Result:
    """Say that two calls with the same input differ."""
    return _result(
        task, "not_yet",
        f"{task.asked} Called twice with the same input, your function gave two different results.",
        "The result may depend on nothing but the arguments.",
        "Where to look: a random number, a counter, or an array outside the function that a call changes.",
    )  # fmt: skip


def broken_property(task: FunctionTask, kept: Property, seen: str) -> Result:
    """Say which promise is broken, what was seen and, where one is known, the mistake behind it."""
    program = kept.shows
    if program is None:
        return _result(task, "not_yet", task.asked, f"{kept.promise} {seen}")
    result = _result(
        task, "not_yet", f"{task.asked} {kept.promise} {seen}", program.why, f"Where to look: {program.look}"
    )
    return replace(result, confusion=program.confusion, program=program.slug)


def too_slow(task: Task) -> Result:
    """Say that the answer was stopped."""
    return _result(
        task, "not_yet",
        f"{task.asked} Your function was stopped: it was still running after {TIME_LIMIT:g} seconds, on arrays of a "
        "few dozen numbers.",
        "Where to look: a `while` whose condition never becomes false, or a loop over something that grows.",
    )  # fmt: skip


def unknown(name: object, close: Sequence[str], known: Sequence[str]) -> Result:
    """Say which tasks exist. Nothing was judged, so the status is "not_started"."""
    *others, last = [repr(other) for other in close] or [""]
    meant = f"Did you mean {', '.join(others)}{' or ' if others else ''}{last}? " if close else ""
    problem = (
        f"There is no task called {name!r}."
        if isinstance(name, str)
        else f"The name of a task is text, but a value of type {type(name).__name__} came."
    )
    message = f"{problem} {meant}The tasks are: {', '.join(known)}."
    return Result("not_started", None, message, 0, 0)


def broke(task: Task, error: Exception) -> Result:
    """Say that the check failed, which is our fault."""
    return _result(
        task, "broke",
        f"The check itself failed ({type(error).__name__}: {error}). This is our mistake, not yours, and it costs you "
        "nothing.",
        "Please report it with the cell that you ran; the other checks go on.",
    )  # fmt: skip


def with_printed(result: Result, printed: str) -> Result:
    """Keep what the learner's function printed at its first call."""
    return replace(result, printed=printed) if printed.strip() else result


def evidence_of(task: FunctionTask, trial: "Trial") -> Evidence:
    """Turn a trial into numbers to be drawn."""
    assert trial.expected.array is not None
    return Evidence(
        case=trial.family.label, arguments=trial.arguments, result=task.result.name, axes=task.result.axes,
        expected=trial.expected.array, given=trial.given.array, tolerance=trial.family.tolerance,
        is_truth=trial.expected.dtype == "bool", dtype=trial.given.dtype,
    )  # fmt: skip


def _result(task: Task, status: Any, *paragraphs: str) -> Result:
    message = "\n".join(paragraph.strip() for paragraph in paragraphs if paragraph.strip())
    points = task.points if status == "passed" else 0
    return Result(status, None, message, points, task.points, name=task.name)


def what_came(task: FunctionTask, trial: "Trial", others: Sequence["Trial"] = ()) -> str:
    """Say what came for a case; `others` are further wrong cases, in which the same must hold."""
    given, call = trial.given, f"{_call_in_words(task, trial.arguments)}{task.seen_as}"
    if given.kind == "odd":
        return f"For {call}, your function returned {given.detail}."
    if given.kind == "raised":
        return _exception(task, trial, call)
    two = _two_results(task, trial)
    numbers = [(evidence_of(task, one), _sizes(task, one.arguments)) for one in (trial, *others)]
    came = two or describe_difference(*numbers[0], numbers[1:])
    return f"For {call}, {came[:1].lower()}{came[1:]}"


def _exception(task: FunctionTask, trial: "Trial", call: str) -> str:
    problem = trial.given.problem
    assert problem is not None
    said = f"{problem.error}: {_short(_in_plain_words(problem.text))}" if problem.text else problem.error
    if problem.line_number is None:
        signature = f"{task.name}({', '.join(argument.name for argument in task.arguments)})"
        return f"Your function could not be called as `{signature}`: {said}."
    line = f", `{problem.line}`" if problem.line else ""
    there = _shapes_there(problem, trial.arguments)
    return f"For {call}, line {problem.line_number} of your `{problem.function}`{line}, stopped with {said}.{there}"


def _shapes_there(problem: Problem, arguments: Arguments) -> str:
    """Name the shapes of the arrays that met in the line, where the call does not say them already."""
    known = {(name, np.shape(given)) for name, given in arguments.items() if isinstance(given, np.ndarray)}
    if not set(problem.shapes) - known:
        return ""
    return f" There, {' and '.join(f'`{name}` is {shape}' for name, shape in problem.shapes[:4])}."


def _where_to_look(stage: Stage, trial: "Trial") -> str:
    problem = trial.given.problem
    look_at_stage = trial.family.look or _LOOK_AT_STAGE[stage]
    if problem is None:
        return (not trial.family.look and _where_to_look_for_numbers(stage, trial)) or look_at_stage
    if problem.line_number is None:
        return "the line with `def`: its arguments, and their order."
    if problem.error == "IndexError" and "boolean index" in problem.text:
        return "a mask between square brackets needs all axes of the array; np.where also fits one with fewer."
    if problem.error == "ValueError" and stage == "plain":
        return "the shapes that meet in this line. Which axis of which array has that size, and should they meet?"
    return _LOOK_AT_ERROR.get(problem.error, look_at_stage if stage != "plain" else "this line.")


def _where_to_look_for_numbers(stage: Stage, trial: "Trial") -> str:
    """Say where to look for an array that is not the expected one in kind; '' where only its numbers are wrong."""
    given, expected = trial.given.array, trial.expected.array
    if given is None or _is_one_of_several(trial):
        return "what the last line returns."
    if trial.expected.dtype == "bool" and trial.given.dtype != "bool":
        return "the last step: a comparison, such as `<=`, makes True and False."
    if expected is not None and given.shape != expected.shape and stage == "plain":
        return "the shape after each step: print it, and find the first that you did not expect."
    if not np.isfinite(given).all() and stage == "plain":
        return "the first step that brings in NaN or inf: a division by 0, a logarithm of 0, or exp of something large?"
    if np.isfinite(given).all() and stage == "large":
        return "how large numbers get on the way: exp(s) is inf above s = 709, and a clipped score is another score."
    return ""


def _two_results(task: FunctionTask, trial: "Trial") -> str:
    """Recognise an answer that returns a pair, whose part is right."""
    if trial.given.array is None or not _is_one_of_several(trial):
        return ""
    n_things = len(trial.given.array)
    return f"your function returned {n_things} things, and one of them is right. Return `{task.result.name}` only."


def _is_one_of_several(trial: "Trial") -> bool:
    given, expected = trial.given.array, trial.expected.array
    if given is None or expected is None or given.ndim != expected.ndim + 1 or len(given) < 2:
        return False
    return any(is_close(expected, part, trial.family.tolerance) for part in given)


def _call_in_words(task: FunctionTask, arguments: Arguments) -> str:
    axes = {argument.name: argument.axes for argument in task.arguments}
    return ", ".join(_argument_in_words(name, argument, axes[name]) for name, argument in arguments.items())


def _argument_in_words(name: str, argument: object, axes: tuple[str, ...]) -> str:
    if isinstance(argument, np.ndarray):
        is_short_row = argument.dtype.kind in "iu" and argument.ndim == 1 and argument.size <= 8
        return f"{name} = {argument.tolist()}" if is_short_row else describe(name, argument, axes)
    if isinstance(argument, int | float):
        return f"{name} = {argument:g}"
    if isinstance(argument, tuple):
        return f"{name} {' and '.join(str(np.shape(part)) for part in argument)}"
    return f"{name} = {argument!r}" if isinstance(argument, list) else f"{name} (a {type(argument).__name__})"


def _sizes(task: FunctionTask, arguments: Arguments) -> Mapping[str, float]:
    """Return the size of every named axis, and every number that was handed over."""
    sizes: dict[str, float] = {}
    for named in task.arguments:
        argument = arguments[named.name]
        if isinstance(argument, np.ndarray):
            sizes.update(zip(named.axes, argument.shape[argument.ndim - len(named.axes) :], strict=True))
        elif isinstance(argument, int | float):
            sizes[named.name] = argument
    return sizes


def _in_plain_words(text: str) -> str:
    """Say what NumPy says of a matrix product whose sizes do not fit, without its gufunc signature."""
    sizes = re.search(r"\(size (\d+) is different from (\d+)\)", text)
    if "matmul" not in text or sizes is None:
        return text
    return (
        f"matmul: the rows of the left array have {sizes[2]} entries, and the columns of the right one {sizes[1]}; a "
        "matrix product needs as many of both"
    )


def _short(text: str, most: int = 300) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= most else f"{text[:most]} …"
