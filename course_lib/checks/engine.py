"""`evaluate`: find the task, hand the answer to the judge of its kind, and never raise at the learner."""

import contextlib
import difflib
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from course_lib.checks.exercises import (
    exercise_01,
    exercise_02,
    exercise_03,
    exercise_04,
    exercise_05,
    exercise_06,
    exercise_07,
    exercise_08,
    exercise_09,
    exercise_10,
    exercise_11,
)
from course_lib.checks.judging import wording
from course_lib.checks.judging.choices import judge_choice
from course_lib.checks.judging.functions import judge_function
from course_lib.checks.judging.orders import judge_order
from course_lib.checks.result import Result
from course_lib.checks.running.runner import LocalRunner, Runner
from course_lib.checks.tasks import ChoiceTask, FunctionTask, OrderTask, Task

_EXERCISES = (
    exercise_01, exercise_02, exercise_03, exercise_04, exercise_05, exercise_06, exercise_07, exercise_08, exercise_09,
    exercise_10, exercise_11,
)  # fmt: skip
TASKS: Mapping[str, Task] = MappingProxyType({task.name: task for module in _EXERCISES for task in module.TASKS})

# What a learner can get to, and so what progress counts.
LESSONS: Mapping[int, str] = MappingProxyType({module.LESSON: module.TITLE for module in _EXERCISES})


def find_task(name: object) -> Task | None:
    """Return the task called `name`, or None."""
    return TASKS.get(name) if isinstance(name, str) else None


def close_names(name: object) -> list[str]:
    """Return the task names that look like `name`."""
    return difflib.get_close_matches(name.lower(), TASKS, n=3, cutoff=0.5) if isinstance(name, str) else []


def evaluate(name: str, answer: Any, *, seed: int = 0, run: Runner | None = None) -> Result:
    """Judge an answer and say what happened; nothing is shown and nothing recorded.

    Parameters
    ----------
    name : str
        A task, such as ``"softmax"``. An unknown name gives a result with status "not_started", no points, and the
        names that exist: nothing was judged.
    answer : callable, str, list of str, None or Ellipsis
        The learner's function; the letter of a prediction; the letters of an order of lines.
    seed : int
        What the inputs are drawn with. The verdict is the same for every seed.
    run : callable, optional
        ``run(answer, given)`` calls the answer with each of the given arguments and gives a list of `Outcome`; the
        grader puts its jail here. None means in this process, stopped after `running.TIME_LIMIT` seconds where the
        system can interrupt.

    Returns
    -------
    Result

    Examples
    --------
    >>> import numpy as np
    >>> evaluate("softmax", lambda scores: np.exp(scores) / np.exp(scores).sum(axis=0)).confusion
    'M06'
    >>> evaluate("softmax", ...).status
    'not_started'
    """
    task = find_task(name)
    if task is None:
        return wording.unknown(name, close_names(name), list(TASKS))
    try:
        with np.errstate(all="ignore"), np.printoptions(), _restored() if run is None else contextlib.nullcontext():
            return _judge(task, answer, seed, run or LocalRunner())
    except Exception as error:  # ours, by construction: the learner's are caught where their code runs
        return wording.broke(task, error)


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    """Leave the old random state and the recursion limit as they were, whatever an answer did to them in here."""
    state, limit = np.random.get_state(), sys.getrecursionlimit()  # noqa: NPY002 - what a learner's cell may use
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        sys.setrecursionlimit(limit)


def _judge(task: Task, answer: Any, seed: int, run: Runner) -> Result:
    if isinstance(task, FunctionTask):
        return judge_function(task, answer, seed=seed, run=run)
    if isinstance(task, ChoiceTask):
        return judge_choice(task, answer)
    if isinstance(task, OrderTask):
        return judge_order(task, answer, seed=seed)
    raise TypeError(f"no judge for a task of type {type(task).__name__}")
