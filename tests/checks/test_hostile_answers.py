"""Whatever an answer raises, returns or changes: check tells it, raises nothing, and leaves the kernel as it was."""

import functools
import os
import sys
import warnings

import numpy as np
import pytest

from course_lib.checks import check, evaluate


def right(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


class Hostile:
    """Raises at every touch."""

    def __getattr__(self, name):
        raise RuntimeError(f"touched: {name}")

    def __repr__(self):
        raise RuntimeError("no words")

    def __array__(self, *_args, **_named):
        raise RuntimeError("no array")

    __str__ = __len__ = __iter__ = __bool__ = __eq__ = __repr__
    __hash__ = None


class RaisesInWords(Exception):
    def __str__(self):
        raise SystemExit("no words")


class InterruptsInWords(BaseException):
    def __str__(self):
        raise KeyboardInterrupt


class NamelessKind(type):
    @property
    def __name__(cls):
        raise RuntimeError("no name")


Nameless = NamelessKind("Nameless", (Exception,), {})


class Model:
    def __init__(self, scores):
        self.scores = scores


def raising(error):
    def raises(scores):
        raise error

    return raises


async def coroutine(scores):
    return right(scores)


async def asynchronous_generator(scores):
    yield right(scores)


def contains_itself(scores):
    rows = []
    rows.append(rows)
    return rows


ANSWERS = {
    "a base exception": (raising(InterruptsInWords()), "stopped with InterruptsInWords"),
    "an exception without words": (raising(RaisesInWords()), "stopped with RaisesInWords"),
    "an exception without a name": (raising(Nameless("x")), "stopped with Nameless: x"),
    "sys.exit": (raising(SystemExit(0)), "stopped with SystemExit: 0"),
    "GeneratorExit": (raising(GeneratorExit()), "stopped with GeneratorExit"),
    "StopIteration": (raising(StopIteration()), "stopped with StopIteration"),
    "a warning": (raising(DeprecationWarning("old")), "stopped with DeprecationWarning: old"),
    "a group": (raising(ExceptionGroup("two", [ValueError("a")])), "stopped with ExceptionGroup: two"),
    "much text": (raising(ValueError("z" * 10_000_000)), "zzz …"),
    "text that no file can hold": (raising(ValueError("\ud800 bad")), "stopped with ValueError: ? bad"),
    "a coroutine": (coroutine, "a coroutine, which makes its numbers later"),
    "an asynchronous generator": (asynchronous_generator, "a generator, which makes its numbers later"),
    "a hostile object": (lambda scores: Hostile(), "stopped with RuntimeError: touched: __array_struct__"),
    "a row of hostile objects": (lambda scores: [[Hostile()]], "stopped with RuntimeError: touched"),
    "rows in rows": (contains_itself, "rows of different lengths"),
    "numbers that no float holds": (lambda scores: [[10**400]], "Python objects (list)"),
    "many numbers": (lambda scores: np.ones((3000, 3000)), "9,000,000 numbers, far more than asked for"),
    "a long list": (lambda scores: [0.0] * 1_000_000, "1,000,000 numbers, far more than asked for"),
    "named fields": (lambda scores: np.zeros(3, dtype=[("a", float)]), "does not hold numbers"),
    "a module": (lambda scores: np, "Python objects (module)"),
    "a class": (Model, "Python objects (Model)"),
    "a class of NumPy": (np.ndarray, "could not be called as `softmax(scores)`"),
    "a wrong keyword": (functools.partial(right, axis=0), "could not be called as `softmax(scores)`"),
    "keyword only": (lambda *, scores: scores, "could not be called as `softmax(scores)`"),
    "three arguments": (lambda a, b, c: a, "could not be called as `softmax(scores)`"),
    "a module for a function": (np, "a value of type module came"),
    "text for a function": ("softmax", "a value of type str came"),
    "a hostile object for a function": (Hostile(), "a value of type Hostile came"),
}


@pytest.mark.parametrize(("answer", "said"), ANSWERS.values(), ids=list(ANSWERS))
def test_a_hostile_answer_is_told_and_nothing_is_raised(answer, said, capsys):
    result = evaluate("softmax", answer)
    assert result.status == "not_yet"
    assert said in result.message
    assert len(result.message) < 1500
    check("softmax", answer)
    shown = capsys.readouterr()
    assert "mistake" not in shown.out  # such as "which is our mistake"
    assert shown.err == ""
    shown.out.encode("utf-8")


def test_what_asks_for_nothing_but_the_argument_passes():
    assert evaluate("softmax", lambda *arguments, **named: right(*arguments, **named)).passed
    assert evaluate("softmax", functools.wraps(right)(lambda *arguments: right(*arguments))).passed


def changing(change):
    def answer(scores):
        weights = right(scores)
        change()
        return weights

    return answer


def print_megabytes():
    for _ in range(100):
        print("x" * 10_000)
        sys.stderr.write("y" * 10_000)


CHANGES = {
    "np.seterr": lambda: np.seterr(all="raise"),
    "np.random.seed": lambda: np.random.seed(0),  # noqa: NPY002
    "print options": lambda: np.set_printoptions(precision=1),
    "np.exp replaced": lambda: setattr(np, "exp", np.ones(3)),
    "np.random deleted": lambda: delattr(np, "random"),
    "warnings turned into errors": lambda: warnings.simplefilter("error"),
    "sys.stdout replaced": lambda: setattr(sys, "stdout", None),
    "sys.stdout closed": lambda: sys.stdout.close(),
    "recursion limit": lambda: sys.setrecursionlimit(5000),
    "trace": lambda: sys.settrace(None),
    "megabytes printed": print_megabytes,
}


def state():
    return {
        "errors": np.geterr(), "print options": np.get_printoptions(), "exp": np.exp, "random": np.random,
        "old random state": np.random.get_state()[1].tobytes(), "filters": list(warnings.filters),  # noqa: NPY002
        "stdout": sys.stdout, "recursion": sys.getrecursionlimit(), "trace": sys.gettrace(),
    }  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_what_an_answer_changes_for_everybody_is_put_back(change, capfd):
    before = state()
    result = evaluate("softmax", changing(change))
    after = state()
    assert {name: after[name] for name in after if after[name] != before[name]} == {}
    assert result.passed, result.message
    assert len(result.printed) < 2100
    assert capfd.readouterr() == ("", "")


def test_an_answer_that_replaces_a_function_of_numpy_does_not_mislead_the_next_check():
    exp = np.exp

    def cheats(scores):
        np.exp = np.exp2
        return right(scores)

    assert evaluate("softmax", cheats).program == "base_2"
    assert np.exp is exp
    assert evaluate("softmax", right).passed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="for systems with signals")
def test_an_answer_that_takes_the_alarm_away_gives_it_back():
    import signal

    def takes(scores):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return right(scores)

    before = signal.getsignal(signal.SIGALRM)
    assert evaluate("softmax", takes).passed
    assert signal.getsignal(signal.SIGALRM) == before
