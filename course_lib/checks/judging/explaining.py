"""Find the named wrong program behind a wrong answer; where several could be, make the input that tells them apart."""

from collections.abc import Iterator, Sequence
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from course_lib.checks.judging.trials import STAGES, Trial, Trials, agree
from course_lib.checks.running.outcomes import Outcome
from course_lib.checks.running.runner import bound, run_trusted
from course_lib.checks.tasks import Arguments, Family, Stage, TwoMistakes, WrongProgram

# New draws of every kind of input; as they come, then larger, smaller and turned round.
_STRETCHES = (1.0, 4.0, 0.25, -1.0)


def find_program(trials: Trials, stage: Stage) -> WrongProgram | None:
    """Return the wrong program that agrees with the answer on every case up to and including `stage`.

    Where several do, an input on which they differ tells them apart: first the task's separators, then the cases of
    later stages, then new draws. An answer that works on such an input, and gives what none of them gives, is explained
    by none. A program that only shares exceptions with the answer explains nothing. Where no single mistake is found,
    two at once are tried.
    """
    task = trials.task
    upto = [family for family in task.families if STAGES.index(family.stage) <= STAGES.index(stage)]
    later = [family for family in task.families if family not in upto]
    seen = trials.of(upto)
    candidates = [program for program in task.programs if agrees_with(program, seen)]
    for family, arguments in _more_inputs(trials, (*task.separators, *later), (*upto, *task.separators)):
        shown = [program for program in candidates if _is_shown(program, seen)]
        if not candidates or (shown and len(candidates) == 1):
            break
        if shown and not _tells_apart(trials, candidates, family, arguments):
            continue
        trial = trials.on(family, arguments)
        seen = [*seen, trial]
        candidates = _narrowed(candidates, trial, is_later=STAGES.index(trial.stage) > STAGES.index(stage))
    found = next((program for program in candidates if _is_shown(program, seen)), None)
    return found or _find_pair(trials, upto)


def _find_pair(trials: Trials, families: Sequence[Family]) -> WrongProgram | None:
    seen = trials.of(families)
    if not any(map(_shows_a_mistake, seen)):  # exceptions so far: the inputs that fit together by chance may say more
        seen = trials.of([*families, *trials.task.separators])
        if not any(map(_shows_a_mistake, seen)):
            return None
    smallest_first = sorted(seen, key=lambda trial: 0 if trial.expected.array is None else trial.expected.array.size)
    agreeing = [pair for pair in trials.task.pairs if _may_be(pair, seen) and agrees_with(pair, smallest_first)]
    if agreeing:
        seen = trials.of([*families, *trials.task.separators])
    return next((pair for pair in agreeing if agrees_with(pair, seen) and _is_shown(pair, seen)), None)


def _may_be(pair: TwoMistakes, trials: Sequence[Trial]) -> bool:
    """Say whether the answer fails where the first mistake does, and gives its shapes: the second changes neither."""
    return all(_form_of(trial.given_by(pair.first)) == _form_of(trial.given) for trial in trials)


def _form_of(outcome: Outcome) -> tuple[object, ...]:
    return (outcome.kind, None if outcome.array is None else outcome.array.shape)


def _more_inputs(
    trials: Trials, families: Sequence[Family], again: Sequence[Family]
) -> Iterator[tuple[Family, Arguments]]:
    """Return the input of each family, then new inputs of the families that are to be drawn again."""
    for family in families:
        yield family, trials.drawn(family)
    for stretch in _STRETCHES:
        for family in again:
            yield family, _stretched(trials.redrawn(family), stretch)


def _stretched(arguments: Arguments, factor: float) -> Arguments:
    """Multiply the arrays of numbers; masks, lengths and whatever else is handed over stay as they are."""
    return {
        name: argument * argument.dtype.type(factor) if _holds_numbers(argument) else argument
        for name, argument in arguments.items()
    }


def _holds_numbers(argument: object) -> TypeGuard[NDArray[np.floating]]:
    return isinstance(argument, np.ndarray) and argument.dtype.kind == "f"


def _tells_apart(trials: Trials, candidates: Sequence[WrongProgram], family: Family, arguments: Arguments) -> bool:
    """Say whether two of the programs give different results for an input."""
    outcomes = [run_trusted(bound(program.program, trials.task.through), arguments) for program in candidates]
    return any(not agree(outcomes[0], other, family.tolerance) for other in outcomes[1:])


def _narrowed(candidates: list[WrongProgram], trial: Trial, *, is_later: bool) -> list[WrongProgram]:
    """Keep the programs that give what the answer gave.

    Where none does, the answer has a second mistake that shows here, as an exception or a later stage's; or, where
    it works, none of the programs is its mistake.
    """
    agreeing = [program for program in candidates if agrees_with(program, [trial])]
    if agreeing or is_later or not trial.works:
        return agreeing or candidates
    return []


def agrees_with(program: WrongProgram, trials: Sequence[Trial]) -> bool:
    """Say whether a wrong program gives what the answer gave, on every trial."""
    return all(trial.agree(trial.given_by(program), trial.given) for trial in trials)


def _is_shown(program: WrongProgram, trials: Sequence[Trial]) -> bool:
    """Say whether answer and program gave the same wrong array somewhere; shared exceptions alone show nothing."""
    return any(_shows_a_mistake(trial) and agrees_with(program, [trial]) for trial in trials)


def _shows_a_mistake(trial: Trial) -> bool:
    return trial.given.kind == "array" and not trial.is_right
