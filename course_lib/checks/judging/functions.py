"""Judge a function: run the cases stage by stage, and explain the first that fails."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from course_lib.checks.judging import wording
from course_lib.checks.judging.explaining import find_program
from course_lib.checks.judging.trials import STAGES, Trial, Trials
from course_lib.checks.result import Result
from course_lib.checks.running.runner import Runner
from course_lib.checks.tasks import FunctionTask, Stage


def judge_function(task: FunctionTask, answer: Any, *, seed: int, run: Runner) -> Result:
    """Decide about a function; the first stage that fails is the one that is explained."""
    if answer is None or answer is Ellipsis:
        return wording.not_started(task, "None" if answer is None else "...", given_directly=True)
    if not callable(answer):
        return wording.not_callable(task, answer)
    trials = Trials(task, answer, seed, run)
    result = _decide(trials)
    if trials.is_late:  # a comparison with a call that was cut off says nothing
        result = wording.too_slow(task)
    return wording.with_printed(result, trials.first.printed if trials.first else "")


def _decide(trials: Trials) -> Result:
    for stage in STAGES:
        in_stage = trials.of([family for family in trials.task.families if family.stage == stage])
        wrong = [trial for trial in in_stage if not trial.is_right]
        if wrong and wrong[0].given.kind != "late":
            return _explain(trials, stage, wrong)
    return _after_all_cases(trials)


def _after_all_cases(trials: Trials) -> Result:
    """Hold an answer that is right everywhere to what every answer must keep."""
    task = trials.task
    all_trials = trials.of(task.families)
    changing = [trial for trial in all_trials if trial.given.changed]
    if changing:
        return wording.changed_its_input(task, changing[0].given.changed)
    smallest = all_trials[0]
    if not trials.are_asked_again and not smallest.agree(smallest.expected, trials.again(smallest)):
        return wording.forgetful(task, smallest)
    for kept in task.properties:
        seen = kept.broken(trials.caller(kept.through), np.random.default_rng([trials.seed, 2]))
        if seen:
            return wording.broken_property(task, kept, seen)
    return wording.passed(task)


def _explain(trials: Trials, stage: Stage, wrong: Sequence[Trial]) -> Result:
    if wrong[0].given.kind == "empty":
        return wording.not_started(trials.task, wrong[0].given.detail)
    return wording.not_yet(trials.task, stage, wrong, find_program(trials, stage))
