"""The cases of a task, for one answer: what was expected, and what came."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.checks.judging.differences import is_close
from course_lib.checks.running.outcomes import Outcome
from course_lib.checks.running.runner import Runner, bound, run_trusted
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
    stage: Stage = "plain"
    _by_program: dict[WrongProgram, Outcome] = field(default_factory=dict, repr=False, compare=False)

    @property
    def works(self) -> bool:
        """Whether the answer gave numbers in the expected shape, right or wrong."""
        expected, given = self.expected.array, self.given.array
        return (
            expected is not None and given is not None
            and given.shape == expected.shape and bool(np.isfinite(given).all())
        )  # fmt: skip

    @property
    def is_right(self) -> bool:
        """Whether the answer gave the expected array."""
        return self.agree(self.expected, self.given)

    def given_by(self, program: WrongProgram) -> Outcome:
        """Return what a wrong program gives for this case; it runs once."""
        if program not in self._by_program:
            self._by_program[program] = run_trusted(bound(program.program, self.through), self.arguments)
        return self._by_program[program]

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
        self._n_redrawn = 0
        self.are_asked_again = getattr(run, "asks_again", False)
        self.first: Outcome | None = None
        self.is_late = False

    def of(self, families: Sequence[Family]) -> list[Trial]:
        """Return a trial for each family, stopping after one that took too long."""
        missing = [family for family in families if id(family) not in self._made]
        made = self._on([(family, self.drawn(family)) for family in missing])
        self._made |= {id(trial.family): trial for trial in made}
        trials = [self._made[id(family)] for family in families]
        late = [number for number, trial in enumerate(trials, start=1) if trial.given.kind == "late"]
        return trials[: late[0]] if late else trials

    def drawn(self, family: Family) -> Arguments:
        """Return the input of a family."""
        known = (*self.task.families, *self.task.separators)
        return family.make(np.random.default_rng([self.seed, known.index(family)]))

    def redrawn(self, family: Family) -> Arguments:
        """Return an input of a family that was not there before."""
        self._n_redrawn += 1
        return family.make(np.random.default_rng([self.seed, self._n_redrawn, 1]))

    def again(self, trial: Trial) -> Outcome:
        """Call the answer once more with the arguments of a trial."""
        return self._called([trial.arguments])[0]

    def caller(self, through: Callable[..., Any] | None) -> Callable[..., NDArray[np.float64]]:
        """Return what runs the answer for a property; an exception or an odd answer gives an array of no numbers."""

        def call(**arguments: object) -> NDArray[np.float64]:
            (outcome,) = self._called([arguments], through)
            return outcome.array if outcome.array is not None else np.empty(0)

        return call

    def _called(
        self, given: Sequence[Arguments], through: Callable[..., Any] | None = None
    ) -> list[Outcome]:  # fmt: skip
        outcomes = self._run(bound(self._answer, through or self.task.through), given) if given else []
        self.is_late = self.is_late or any(outcome.kind == "late" for outcome in outcomes)
        return outcomes

    def on(self, family: Family, arguments: Arguments) -> Trial:
        """Run the answer on an input of a family."""
        return self._on([(family, arguments)])[0]

    def _on(self, inputs: Sequence[tuple[Family, Arguments]]) -> list[Trial]:
        outcomes = self._called([arguments for _, arguments in inputs])
        self.first = self.first or next(iter(outcomes), None)
        return [
            Trial(
                family, arguments, self._expected(family, arguments), given, self.task.through,
                self._stage_of(family, arguments),
            )
            for (family, arguments), given in zip(inputs, outcomes, strict=True)
        ]  # fmt: skip

    def _expected(self, family: Family, arguments: Arguments) -> Outcome:
        expected = run_trusted(self.task.reference, arguments)
        if expected.kind != "array":
            raise RuntimeError(f"the reference of {self.task.name} gave no array for {family.label}: {expected}")
        return expected

    def _stage_of(self, family: Family, arguments: Arguments) -> Stage:
        """Return the stage of an input; leading axes make a batch, whatever the family says."""
        axes = {named.name: len(named.axes) for named in self.task.arguments}
        has_leading = any(
            np.ndim(given) > axes[name] for name, given in arguments.items() if isinstance(given, np.ndarray)
        )
        return "batched" if family.stage == "plain" and has_leading else family.stage


def agree(first: Outcome, second: Outcome, tolerance: float) -> bool:
    """Say whether two calls came to the same: close arrays, or both an exception."""
    if first.array is None or second.array is None:
        return first.kind == second.kind == "raised"
    return is_close(first.array, second.array, tolerance)
