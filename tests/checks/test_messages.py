"""What a learner reads: every kind of sentence once, and nothing that raises."""

import sys
import threading
import time
import warnings

import numpy as np
import pytest

from course_lib.checks import evaluate
from course_lib.checks.engine import TASKS
from course_lib.checks.judging.differences import describe_difference, is_close, name_factor
from course_lib.checks.result import Evidence
from course_lib.checks.tasks import FunctionTask

SIZES = {"n_queries": 2, "n_keys": 3, "d_k": 7}
EXPECTED = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])


def right_softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def message(name, answer):
    result = evaluate(name, answer)
    assert result.status == "not_yet", result
    return result.message


# Not started


def stub(scores):
    weights = ...
    return weights  # noqa: RET504


def stub_that_goes_on(scores):
    exponentials = ...
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights  # noqa: RET504


def stub_in_a_product(query, key, value):
    weights = ...
    return weights @ value


def stub_that_raises(scores):
    raise NotImplementedError


def stub_inside_a_list(scores):
    return [... for row in scores]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "nothing to check yet"),
        (..., "nothing to check yet"),
        (stub, "still a `...` in `softmax`"),
        (stub_that_goes_on, "still a `...` in `softmax`"),
        (lambda scores: np.exp(...), "still a `...` in `softmax`"),
        (lambda scores: scores - ..., "still a `...` in `softmax`"),
        (stub_inside_a_list, "still a `...` in `softmax`"),
        (lambda scores: None, "its `return` is missing"),
        (stub_that_raises, "still raises NotImplementedError"),
    ],
)
def test_an_unwritten_function_is_not_started(answer, said):
    result = evaluate("softmax", answer)
    assert (result.status, result.confusion, result.points) == ("not_started", None, 0)
    assert said in result.message
    assert "hint('softmax')" in result.message


def test_a_stub_in_a_matrix_product_is_not_started():
    assert evaluate("attention", stub_in_a_product).status == "not_started"


# Exceptions


def breaks_on_its_second_line(scores):
    exponentials = np.exp(scores)
    return exponentials / missing_name  # noqa: F821


def helper(scores):
    return scores[10]


def breaks_in_a_helper(scores):
    first = helper(scores)
    return first  # noqa: RET504


def calls_itself(scores):
    return calls_itself(scores)


def leaves(scores):
    raise SystemExit(3)


class Awkward(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def raises_awkwardly(scores):
    raise Awkward


def test_an_exception_is_shown_at_the_learners_line_with_the_shapes():
    said = message("softmax", breaks_on_its_second_line)
    assert "line 3 of your `breaks_on_its_second_line`, `return exponentials / missing_name" in said
    assert "NameError: name 'missing_name' is not defined" in said
    assert "scores (n_queries=2, n_keys=3)" in said
    assert "misspelt" in said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (breaks_in_a_helper, "line 2 of your `helper`, `return scores[10]`, stopped with IndexError"),
        (calls_itself, "calls itself without end"),
        (leaves, "`exit()` would end the whole program"),
        (raises_awkwardly, "stopped with Awkward"),
        (lambda: 1, "could not be called as `softmax(scores)`"),
        (lambda scores, axis: scores, "could not be called as `softmax(scores)`"),
        (np.linalg.inv, "LinAlgError"),
    ],
)
def test_every_kind_of_exception_has_words(answer, said):
    assert said in message("softmax", answer)


def test_the_arrays_of_the_failing_line_are_named_with_their_shapes():
    def meets_the_wrong_axis(query, key, value):
        scores = query @ key.T
        first = value[:2]
        return scores @ first

    said = message("attention", meets_the_wrong_axis)
    assert "line 4 of your `meets_the_wrong_axis`, `return scores @ first`, stopped with ValueError" in said
    assert "There, `scores` is (2, 3) and `first` is (2, 4)." in said


def test_shapes_that_do_not_fit_point_at_the_axes():
    said = message("attention", lambda query, key, value: query @ key @ value)
    assert "query (n_queries=2, d_k=5), key (n_keys=3, d_k=5), value (n_keys=3, d_v=4)" in said
    assert "Which axis of which array has that size" in said


def test_a_keyboard_interrupt_is_the_learners_own():
    def interrupted(scores):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate("softmax", interrupted)


# Odd results


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda scores: "weights", "returned text"),
        (lambda scores: {"weights": scores}, "returned a dictionary"),
        (lambda scores: {1.0, 2.0}, "a set, which has no order"),
        (lambda scores: (row for row in scores), "a generator"),
        (lambda scores: np.exp, "a function (are its brackets missing?)"),
        (lambda scores: len, "a function (are its brackets missing?)"),
        (lambda scores: np.ma.masked_array(scores, scores > 0), "a masked array"),
        (lambda scores: [[1, 2], [3]], "rows of different lengths"),
        (lambda scores: np.array([object()]), "Python objects"),
        (lambda scores: right_softmax(scores) + 0j, "complex numbers"),
        (lambda scores: np.array(["a"]), "an array of text"),
        (lambda scores: (scores, scores.sum(axis=0)), "2 arrays of shapes"),
        (lambda scores: np.broadcast_to(1.0, (10**6, 10**6)), "far more than asked for"),
        (lambda scores: 1.0, "it is a single number"),
        (lambda scores: scores * np.nan, "all your numbers are NaN"),
        (lambda scores: scores / 0, "are inf"),
        (lambda scores: (right_softmax(scores), scores), "returned 2 things, and one of them is right"),
        (lambda scores: scores.T, "The last two axes have changed places"),
        (lambda scores: scores[None], "There is an axis too many"),
        (lambda scores: scores.sum(axis=0), "An axis is gone"),
        (lambda scores: right_softmax(scores) * 3, "is 3 times too large"),
        (lambda scores: right_softmax(scores) * scores.shape[-1], "is 3 = n_keys times too large"),
        (
            lambda scores: right_softmax(scores) / np.sqrt(scores.shape[-2]),
            "1.41 = sqrt(2) = sqrt(n_queries) times too",
        ),
        (lambda scores: right_softmax(2 * scores), "those of scores that are 2 times too large"),
        (lambda scores: right_softmax(scores / scores.shape[-1]), "of scores that are 3 = n_keys times too small"),
        (lambda scores: right_softmax(scores * np.log(10)), "of scores that are 2.3 = log(10) times too large"),
        (lambda scores: right_softmax(scores) + 0.25, "is 0.25 too large"),
        (lambda scores: -right_softmax(scores), "opposite sign everywhere"),
        (lambda scores: np.round(right_softmax(scores), 3), "farther off than rounding"),
        (np.tanh, "each must sum to 1"),
    ],
)
def test_every_kind_of_result_has_words(answer, said):
    assert said in message("softmax", answer)


def test_matrices_lists_and_integers_of_the_right_numbers_are_style():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = lambda scores: np.asmatrix(right_softmax(scores)) if scores.ndim == 2 else right_softmax(scores)  # noqa: E731
        assert evaluate("softmax", matrix).passed
    assert evaluate("softmax", lambda scores: right_softmax(scores).tolist()).passed


@pytest.mark.parametrize("answer", ["a", 3, np.ones((2, 2)), np, [1, 2]])
def test_a_value_in_place_of_a_function_is_explained(answer):
    assert "hand over the function without calling it" in message("softmax", answer)


# Differences


def evidence(expected, given, result="scores", axes=("n_queries", "n_keys")):
    return Evidence("case", {}, result, axes, np.array(expected, float), np.array(given, float), 1e-5)


def test_a_constant_ratio_is_named_by_the_size_it_comes_from():
    said = describe_difference(evidence([[1, -2], [3, 4]], np.sqrt(7) * np.array([[1, -2], [3, 4]])), SIZES)
    assert said.startswith("Every number of your `scores` is 2.65 = sqrt(7) = sqrt(d_k) times too large.")
    said = describe_difference(evidence([[1, -2], [3, 4]], np.array([[1, -2], [3, 4]]) / 7), SIZES)
    assert said.startswith("Every number of your `scores` is 7 = d_k times too small.")
    said = describe_difference(evidence([[1, -2], [3, 4]], np.array([[1, -2], [3, 4]]) * -1.7), SIZES)
    assert "1.7 times too large and has the opposite sign" in said


@pytest.mark.parametrize(
    ("factors", "name"),
    [
        ((np.sqrt(7), np.sqrt(5)), " = sqrt(7) = sqrt(d_k)"),
        ((1 / np.sqrt(7), 1 / np.sqrt(5)), " = sqrt(7) = sqrt(d_k)"),
        ((7, 5), " = d_k"),
        ((np.sqrt(7 / 3), np.sqrt(5 / 9)), " = sqrt(7 / 3) = sqrt(d_k / n_keys)"),
        ((3.5, 1.25), " = d_k / n_queries"),
        ((3, 3), ""),
        ((2, 2), ""),
        ((7, 7.5), ""),
        ((np.log(2), np.log(2)), " = 1 / log(2)"),
        ((np.e, np.e), " = e"),
    ],
)
def test_a_name_of_a_factor_fits_every_case(factors, name):
    other = {"n_queries": 4, "n_keys": 9, "d_k": 5}
    assert name_factor(factors[0], SIZES, [(factors[1], other)]) == name


def test_a_difference_says_where_how_much_and_how_often():
    given = EXPECTED.copy()
    given[1, 2] = 0.4
    said = describe_difference(evidence(EXPECTED, given, "weights"), SIZES)
    assert "Your rows sum to 1 and 1.3; each must sum to 1." in said
    assert "1 of 6 numbers differs; at `weights[1, 2]`, 0.1 was expected and 0.4 came." in said


def test_a_shape_is_told_by_its_axes():
    said = describe_difference(evidence(EXPECTED, EXPECTED.T, "weights"), SIZES)
    assert "must have shape (n_queries=2, n_keys=3), and yours has (n_keys=3, n_queries=2)" in said


def test_a_square_transpose_is_recognised():
    square = [[1.0, 2.0], [5.0, 4.0]]
    assert "is the transpose of the expected one" in describe_difference(evidence(square, np.transpose(square)), {})


# Rules that hold beside the numbers


def test_a_changed_input_is_a_failure_of_its_own():
    def in_place(scores):
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        return scores

    said = message("softmax", in_place)
    assert "Your numbers are right, but the call changed its own input `scores`" in said
    assert "`-=`" in said


def test_an_answer_that_depends_on_the_call_is_a_failure_of_its_own():
    calls = []

    def counts(scores):
        calls.append(1)
        return right_softmax(scores) * (1 if len(calls) <= len(TASKS["softmax"].families) else 2)

    assert "two different results" in message("softmax", counts)


def test_the_properties_of_a_task_are_held():
    calls = []

    def right_then_moved(scores):
        calls.append(1)
        is_for_a_property = len(calls) > len(TASKS["softmax"].families) + 2
        return right_softmax(scores) + (scores * 0.01 if is_for_a_property else 0)

    assert "Adding 10 to all scores of a row" in message("softmax", right_then_moved)


def test_what_is_printed_is_kept_once_and_not_shown_on_the_way(capsys):
    def talks(scores):
        print("shape", scores.shape)
        return right_softmax(scores)

    result = evaluate("softmax", talks)
    assert result.passed
    assert result.printed == "shape (2, 3)\n"
    assert capsys.readouterr() == ("", "")


def test_much_that_is_printed_is_cut():
    def talks(scores):
        for _ in range(10_000):
            print("again")
        return right_softmax(scores)

    assert len(evaluate("softmax", talks).printed) < 2100


def test_warnings_of_the_answer_stay_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = evaluate("softmax", lambda scores: np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True))
    assert result.program == "no_maximum"
    assert "With ordinary numbers your function is right; with scores around 1500 it is not." in result.message


@pytest.fixture
def short_limit(monkeypatch):
    monkeypatch.setattr("course_lib.checks.running.runner.LocalRunner.__init__.__defaults__", (0.3,))


@pytest.mark.usefixtures("short_limit")
@pytest.mark.parametrize("swallows", [False, True])
def test_an_endless_loop_is_stopped_and_explained(swallows):
    def endless(scores):
        while True:
            try:
                time.sleep(0.001)
            except:  # noqa: E722
                if not swallows:
                    raise

    started = time.monotonic()
    said = message("softmax", endless)
    assert time.monotonic() - started < 3
    assert "was still running after 5 seconds" in said


@pytest.mark.usefixtures("short_limit")
@pytest.mark.parametrize("sleeps", [False, True])
def test_without_an_alarm_an_endless_loop_is_stopped_too(sleeps, monkeypatch):
    """As on Windows and in a browser."""
    monkeypatch.delattr("signal.setitimer", raising=False)

    def endless(scores):
        while True:
            if sleeps:
                time.sleep(0.001)

    before, started = sys.gettrace(), time.monotonic()
    said = message("softmax", endless)
    assert time.monotonic() - started < 3
    assert "was still running after 5 seconds" in said
    assert sys.gettrace() is before
    assert evaluate("softmax", right_softmax).passed


@pytest.mark.usefixtures("short_limit")
def test_an_endless_loop_in_another_thread_is_stopped_too():
    said = []

    def endless(scores):
        while True:
            pass

    thread = threading.Thread(target=lambda: said.append(message("softmax", endless)), daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert "was still running after 5 seconds" in said[0]


@pytest.mark.usefixtures("short_limit")
def test_an_alarm_of_somebody_else_is_kept():
    signal = pytest.importorskip("signal")
    if not hasattr(signal, "setitimer"):
        pytest.skip("no alarms here")
    rang = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 60)
        evaluate("softmax", right_softmax)
        assert 50 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_unknown_names_are_answered_with_close_ones():
    result = evaluate("sofmax", right_softmax)
    assert (result.status, result.points, result.max_points) == ("not_started", 0, 0)
    assert "Did you mean 'softmax'" in result.message
    assert all(name in result.message for name in TASKS)
    assert "text, but a value of type int came" in evaluate(3, right_softmax).message
    assert evaluate([], None).status == "not_started"


def test_a_failure_of_ours_is_called_ours(monkeypatch):
    monkeypatch.setattr("course_lib.checks.judging.trials.run_trusted", lambda *_: 1 / 0)
    result = evaluate("softmax", right_softmax)
    assert result.status == "broke"
    assert "our mistake, not yours" in result.message


# The sentences themselves

SENTENCES = [
    (f"{name}-{program.slug}", program.why, program.look)
    for name, task in TASKS.items()
    if isinstance(task, FunctionTask)
    for program in task.programs
]


@pytest.mark.parametrize(("why", "look"), [row[1:] for row in SENTENCES], ids=[row[0] for row in SENTENCES])
def test_sentences_are_short_kind_and_never_the_corrected_line(why, look):
    assert why[0].isupper() or why.startswith(("`", "key.", "x "))
    assert why.endswith(".")
    assert len(why) <= 330
    assert look.endswith((".", "?"))
    assert len(look) <= 150
    for unkind in ("wrong!", "obviously", "simply", "just ", "stupid", "error on your", "bad"):
        assert unkind not in f"{why} {look}".lower()
    assert "keepdims=True" not in why + look
    assert " = " not in look


def test_is_close_says_what_allclose_says():
    rng, odd = np.random.default_rng(5), [0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e-9, 1e9, 1e300]
    verdicts = []
    for number in range(600):
        size = rng.integers(5)
        pool = odd if number % 3 else [*odd[:3], 1e-9, 1e9]
        expected, given = (rng.choice(pool, size=size) for _ in range(2))
        given = np.where(rng.random(size) < 0.8, expected * (1 + rng.choice([0, 1e-6, 1e-4])), given)
        finite = np.abs(expected[np.isfinite(expected)])
        allowed = 1e-5 * min(float(finite.max()) if finite.size else 1.0, 1e6)
        verdicts.append(is_close(expected, given, 1e-5))
        assert verdicts[-1] == np.allclose(given, expected, rtol=1e-5, atol=allowed, equal_nan=True), (expected, given)
    assert {True, False} == set(verdicts)
