"""Judge a function: run the cases stage by stage, and find the named wrong program behind a wrong answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.checks import wording
from course_lib.checks.differences import is_close
from course_lib.checks.result import Result
from course_lib.checks.running import Outcome, Runner, bound, run_trusted
from course_lib.checks.tasks import Arguments, Family, FunctionTask, Stage, WrongProgram

STAGES: tuple[Stage, ...] = ("plain", "batched", "precision", "large", "edge")


@dataclass(frozen=True)
class Trial:
    """One case, what was expected, and what came."""

    family: Family
    arguments: Arguments
    expected: Outcome
    given: Outcome
    through: Callable[..., Any] | None = None

    @property
    def is_right(self) -> bool:
        """Whether the answer gave the expected array."""
        return self.agree(self.expected, self.given)

    def agree(self, first: Outcome, second: Outcome) -> bool:
        """Say whether two calls with the arguments of this case came to the same."""
        is_truth = self.expected.dtype == "bool"
        return agree(first, second, self.family.tolerance) and (
            not is_truth or (first.dtype == "bool") == (second.dtype == "bool")
        )


class Trials:
    """The cases of a task for one answer, each drawn and run when it is first needed."""

    def __init__(self, task: FunctionTask, answer: Any, seed: int, run: Runner) -> None:
        self.task, self.seed, self._answer, self._run = task, seed, answer, run
        self._made: dict[int, Trial] = {}
        self.first: Outcome | None = None
        self.is_late = False

    def of(self, families: Sequence[Family]) -> list[Trial]:
        """Return a trial for each family, stopping after one that took too long."""
        trials = []
        for family in families:
            trials.append(self._of(family))
            if trials[-1].given.kind == "late":
                break
        return trials

    def _of(self, family: Family) -> Trial:
        if id(family) not in self._made:
            known = (*self.task.families, *self.task.separators)
            rng = np.random.default_rng([self.seed, known.index(family)])
            self._made[id(family)] = self._run_on(family, family.make(rng))
        return self._made[id(family)]

    def fresh(self, family: Family, draw: int) -> Trial:
        """Return a trial on new numbers of a family."""
        return self._run_on(family, family.make(np.random.default_rng([self.seed, draw, 1])))

    def again(self, trial: Trial) -> Outcome:
        """Call the answer once more with the arguments of a trial."""
        return self._called(trial.arguments)

    def caller(self, through: Callable[..., Any] | None) -> Callable[..., NDArray[np.float64]]:
        """Return what runs the answer for a property; an exception or an odd answer gives an array of no numbers."""

        def call(**arguments: object) -> NDArray[np.float64]:
            outcome = self._called(arguments, through)
            return outcome.array if outcome.array is not None else np.empty(0)

        return call

    def _called(self, arguments: Arguments, through: Callable[..., Any] | None = None) -> Outcome:
        outcome = self._run(bound(self._answer, through or self.task.through), arguments)
        self.is_late = self.is_late or outcome.kind == "late"
        return outcome

    def _run_on(self, family: Family, arguments: Arguments) -> Trial:
        expected = run_trusted(self.task.reference, arguments)
        if expected.kind != "array":
            raise RuntimeError(f"the reference of {self.task.name} gave no array for {family.label}: {expected}")
        given = self._called(arguments)
        self.first = self.first or given
        return Trial(family, arguments, expected, given, self.task.through)


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
            return _explain(trials, stage, wrong[0])
    return _after_all_cases(trials)


def _after_all_cases(trials: Trials) -> Result:
    """Hold an answer that is right everywhere to what every answer must keep."""
    task = trials.task
    all_trials = trials.of(task.families)
    changing = [trial for trial in all_trials if trial.given.changed]
    if changing:
        return wording.changed_its_input(task, changing[0].given.changed)
    smallest = all_trials[0]
    if not smallest.agree(smallest.expected, trials.again(smallest)):
        return wording.forgetful(task, smallest)
    for kept in task.properties:
        seen = kept.broken(trials.caller(kept.through), np.random.default_rng([trials.seed, 2]))
        if seen:
            return wording.broken_property(task, kept, seen)
    return wording.passed(task)


def _explain(trials: Trials, stage: Stage, smallest: Trial) -> Result:
    if smallest.given.kind == "empty":
        return wording.not_started(trials.task, smallest.given.detail)
    return wording.not_yet(trials.task, stage, smallest, find_program(trials, stage))


def find_program(trials: Trials, stage: Stage) -> WrongProgram | None:
    """Return the wrong program that agrees with the answer on every case up to and including `stage`.

    Where several do, later stages, then the separating inputs, then new draws tell them apart; a program that only
    shares exceptions with the answer explains nothing.
    """
    task = trials.task
    upto = [family for family in task.families if STAGES.index(family.stage) <= STAGES.index(stage)]
    later = [family for family in task.families if family not in upto]
    seen = trials.of(upto)
    candidates = [program for program in task.programs if agrees_with(program, seen)]
    narrower: tuple[Callable[[], list[Trial]], ...] = (
        partial(trials.of, task.separators),
        partial(trials.of, later),
        lambda: [trials.fresh(family, draw) for draw, family in enumerate((*upto, *task.separators))],
    )
    for more in narrower:
        if not candidates or (len(candidates) == 1 and _is_shown(candidates[0], seen)):
            break
        seen = [*seen, *more()]
        candidates = [program for program in candidates if agrees_with(program, seen)] or candidates
    return next((program for program in candidates if _is_shown(program, seen)), None)


def agrees_with(program: WrongProgram, trials: Sequence[Trial]) -> bool:
    """Say whether a wrong program gives what the answer gave, on every trial."""
    return all(
        trial.agree(run_trusted(bound(program.program, trial.through), trial.arguments), trial.given)
        for trial in trials
    )


def _is_shown(program: WrongProgram, trials: Sequence[Trial]) -> bool:
    """Say whether answer and program gave the same wrong array somewhere; shared exceptions alone show nothing."""
    return any(trial.given.kind == "array" and not trial.is_right and agrees_with(program, [trial]) for trial in trials)


def agree(first: Outcome, second: Outcome, tolerance: float) -> bool:
    """Say whether two calls came to the same: close arrays, or both an exception."""
    if first.array is None or second.array is None:
        return first.kind == second.kind == "raised"
    return is_close(first.array, second.array, tolerance)
