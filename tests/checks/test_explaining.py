"""Which named mistake explains an answer: the one that agrees with it everywhere, also where two nearly do."""

import numpy as np
import pytest

from course_lib.checks import evaluate
from course_lib.checks.engine import TASKS
from course_lib.checks.judging.functions import judge_function
from course_lib.checks.judging.trials import Trial
from course_lib.checks.running.runner import LocalRunner, bound, run_trusted
from course_lib.checks.tasks import Family, FunctionTask, Named, WrongProgram


def wrong(slug, program):
    return WrongProgram(slug, None, program, f"This is {slug}.", "there.")


def doubling(*programs, separators=(), draw=lambda rng: np.round(rng.uniform(-1, 1, size=(2, 3)), 2)):
    """A task that asks for 2 x, with numbers below 1 in its cases."""
    return FunctionTask(
        name="double", lesson=1, title="Double", asked="`double(x)` returns 2 x.", points=1,
        arguments=(Named("x", ("rows", "columns")),), result=Named("doubled", ("rows", "columns")),
        reference=lambda x: 2 * x, separators=separators, programs=programs,
        families=(Family("numbers below 1", lambda rng: {"x": draw(rng)}),),
    )  # fmt: skip


def judged(task, answer, seed=0):
    return judge_function(task, answer, seed=seed, run=LocalRunner())


SQUARES = wrong("squares", lambda x: x**2)
CLIPPED_AT_2 = wrong("clipped_at_2", lambda x: 3 * np.clip(x, -2, 2))
CLIPPED_AT_3 = wrong("clipped_at_3", lambda x: 3 * np.clip(x, -3, 3))
TRIPLES = wrong("triples", lambda x: 3 * x)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("program", [CLIPPED_AT_2, CLIPPED_AT_3, TRIPLES], ids=lambda program: program.slug)
def test_mistakes_that_agree_on_every_case_are_told_apart_by_a_new_one(program, order, seed):
    """Below 1, where all cases lie, the three are the same; nothing declared tells them apart."""
    task = doubling(*(SQUARES, CLIPPED_AT_2, CLIPPED_AT_3, TRIPLES)[::order])
    assert judged(task, program.program, seed).program == program.slug


def test_a_wrong_program_that_changes_its_input_spoils_no_case():
    """What programs give is kept for each case, and they get copies: one that writes into them harms no other."""

    def spoiling(x):
        x *= 5
        return x

    spoils, kept = wrong("spoils", spoiling), []

    def answer(x):
        kept.append(x.copy())
        return 3 * x

    result = judged(doubling(spoils, SQUARES, TRIPLES, CLIPPED_AT_3, spoils), answer)
    assert result.program == "triples"
    assert np.array_equal(result.evidence.arguments["x"], kept[0])


@pytest.mark.parametrize("name", ["multi_head_attention", "softmax", "bug_hunt_heads"])
def test_verdicts_are_the_same_where_every_program_runs_anew(name, monkeypatch):
    task = TASKS[name]
    programs = [*task.programs[:6], *task.pairs[:2]]
    expected = [evaluate(name, program.program, seed=3) for program in programs]
    runs = []

    def given_by(trial, program):
        runs.append(program.slug)
        return run_trusted(bound(program.program, trial.through), trial.arguments)

    monkeypatch.setattr(Trial, "given_by", given_by)
    for program, result in zip(programs, expected, strict=True):
        anew = evaluate(name, program.program, seed=3)
        assert (anew.status, anew.program, anew.message) == (result.status, result.program, result.message)
    assert runs


def test_an_answer_that_is_neither_of_two_mistakes_is_explained_by_none():
    result = judged(doubling(CLIPPED_AT_2, TRIPLES), lambda x: 3 * np.clip(x, -1.5, 1.5))
    assert (result.status, result.program) == ("not_yet", None)
    assert "every number of your `doubled` is 1.5 times too large." in result.message


def test_an_exception_on_the_new_case_decides_nothing():
    def only_small(x):
        if np.abs(x).max() > 1:
            raise ValueError("too large for me")
        return 3 * x

    assert judged(doubling(CLIPPED_AT_2, TRIPLES), only_small).program == "clipped_at_2"


def test_two_names_of_one_mistake_give_the_first():
    again = wrong("triples_again", lambda x: x + x + x)
    assert judged(doubling(TRIPLES, again), lambda x: 3 * x).program == "triples"


def test_a_declared_separator_is_tried_before_new_cases_are_made():
    seen = []

    def answer(x):
        seen.append(float(np.abs(x).max()))
        return 3 * x

    separator = Family("fives", lambda rng: {"x": np.full((2, 3), 5.0)})
    assert judged(doubling(CLIPPED_AT_2, TRIPLES, separators=(separator,)), answer).program == "triples"
    assert [value for value in seen if value > 1] == [5.0]


def test_no_case_is_made_for_an_answer_that_one_mistake_explains():
    calls = []

    def answer(x):
        calls.append(1)
        return x**2

    assert judged(doubling(SQUARES, TRIPLES), answer).program == "squares"
    assert len(calls) == 1


def test_masks_lengths_and_lists_are_not_stretched():
    seen = []

    def answer(x, mask, n):
        seen.append((mask.dtype, set(mask.ravel().tolist()), n))
        return 3 * x

    task = doubling(CLIPPED_AT_2, TRIPLES)
    masked = type(task)(**{
        **vars(task), "reference": lambda x, mask, n: 2 * x,
        "arguments": (*task.arguments, Named("mask", ("rows", "columns")), Named("n")),
        "programs": tuple(
            wrong(one.slug, lambda x, mask, n, program=one.program: program(x)) for one in task.programs
        ),
        "families": (
            Family("one", lambda rng: {"x": rng.uniform(-1, 1, (2, 3)), "mask": np.eye(2, 3, dtype=bool), "n": 4}),
        ),
    })  # fmt: skip
    assert judged(masked, answer).program == "triples"
    assert all(entry == (np.dtype(bool), {False, True}, 4) for entry in seen)


def test_nothing_known_says_where_by_how_much_and_from_what_size():
    result = evaluate("scaled_scores", lambda query, key: query @ key.swapaxes(-1, -2) / np.sqrt(key.shape[-1]) * 2.5)
    assert (result.program, result.confusion) == (None, None)
    assert "every number of your `scores` is 2.5 times too large." in result.message
    assert "was expected and" in result.message
    result = evaluate("scaled_scores", lambda query, key: query @ key.swapaxes(-1, -2) / key.shape[-1] ** 1.5)
    assert "is 5 = d_k times too small" in result.message


class Evil:
    """Raises wherever it is looked at."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    def __eq__(self, other):
        raise RuntimeError("eq")

    def __bool__(self):
        raise RuntimeError("bool")

    def __array__(self, *arguments, **options):
        raise RuntimeError("array")

    __hash__ = None


class EvilArray(np.ndarray):
    def __array_finalize__(self, other):
        if other is not None and other.ndim > 7:
            raise RuntimeError("finalize")

    def __array_ufunc__(self, *arguments, **options):
        raise RuntimeError("ufunc")

    def __array_function__(self, *arguments, **options):
        raise RuntimeError("function")


class Leaving(BaseException):
    """No Exception, as GeneratorExit is none."""


def leave(*arguments):
    raise Leaving


def leave_as_a_generator(*arguments):
    raise GeneratorExit


ODD = {
    "evil": Evil(),
    "returns evil": lambda *arguments: Evil(),
    "returns evil in a list": lambda *arguments: [Evil(), 1.0],
    "an evil array": lambda *arguments: np.zeros((2, 3)).view(EvilArray),
    "leaves": leave,
    "leaves as a generator": leave_as_a_generator,
    "a class": dict,
    "a module": np,
    "a number": 3.5,
    "text": "B" * 50,
    "a list": [1, None, ...],
    "an array": np.ones(3),
    "no arguments": lambda: 1,
    "its arguments": lambda *arguments: arguments,
    "nothing": lambda *arguments: [],
    "an empty array": lambda *arguments: np.empty((0, 3)),
    "not a number": lambda *arguments: float("nan"),
    "infinite": lambda *arguments: np.full((2, 3), np.inf),
    "true": lambda *arguments: True,
    "a huge number": lambda *arguments: 10**400,
    "dates": lambda *arguments: np.array(["2020-01-01"], dtype="datetime64[D]"),
    "nested": lambda *arguments: [[[[[[[[1.0]]]]]]]],
    "changed for good": lambda *arguments: [argument.fill(0) for argument in arguments if hasattr(argument, "fill")],
}


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("name", TASKS)
def test_nothing_raises(name, what):
    result = evaluate(name, ODD[what])
    assert result.status in ("not_yet", "not_started"), result.message
    assert result.message
    assert result.points == 0
