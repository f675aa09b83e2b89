"""Answers of every kind: not written yet, raising, odd, off by a factor; each shows one sentence of the checks."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.attention import causal_mask, scaled_scores, softmax, softmax_backward, split_heads
from course_lib.checks.exercises.cases import Floats
from course_lib.checks.running.runner import TIME_LIMIT


@dataclass(frozen=True)
class Answer:
    """An answer that makes a check say a certain sentence.

    Attributes
    ----------
    kind : str
        What is odd about it, in words.
    task : str
    make : callable
        ``make()`` gives the answer; some remember their calls, so each check needs a new one.
    seconds : float
        How long it may run.
    """

    kind: str
    task: str
    make: Callable[[], Any]
    seconds: float = TIME_LIMIT


def _never_ends(scores: Floats) -> None:
    while True:
        time.sleep(0.001)


def _stub(scores: Floats) -> Any:
    weights = ...
    return weights  # noqa: RET504


def _raises_not_implemented(scores: Floats) -> None:
    raise NotImplementedError


def _uses_a_name_too_early(scores: Floats) -> Any:
    return scores - largest  # type: ignore[name-defined]  # noqa: F821


def _gives_a_value_too_late(scores: Floats) -> Any:
    weights = weights / 2  # type: ignore[has-type]  # noqa: F821
    return weights  # noqa: RET504


def _goes_past_the_end(scores: Floats) -> Any:
    return scores[10]


def _calls_itself(scores: Floats) -> Any:
    return _calls_itself(scores)


def _leaves(scores: Floats) -> None:
    raise SystemExit(3)


def _runs_out_of_memory(scores: Floats) -> None:
    raise MemoryError


def _takes_a_missing_axis(scores: Floats) -> Any:
    return scores.sum(axis=5)


def _divides_text(scores: Floats) -> Any:
    return "scores" / scores  # type: ignore[operator]


def _calls_a_missing_method(scores: Floats) -> Any:
    return scores.softmax()  # type: ignore[attr-defined]


def _divides_by_0(scores: Floats) -> Any:
    return 1 / (len(scores) - len(scores))


def _multiplies_what_does_not_fit(query: Floats, key: Floats, value: Floats) -> Any:
    scores = query @ key.T
    first = value[:2]
    return scores @ first


def _picks_by_the_mask(query: Floats, key: Floats, value: Floats, mask: Any) -> Any:
    scores = scaled_scores(query, key)
    scores[~mask] = -np.inf
    return softmax(scores) @ value


def _over_the_queries_unscaled(query: Floats, key: Floats, value: Floats) -> Any:
    return softmax(query @ key.swapaxes(-1, -2), axis=-2) @ value


async def _waits(scores: Floats) -> Any:
    return softmax(scores)


def _nan_when_large(scores: Floats) -> Any:
    return scores * np.nan if np.ptp(scores) > 1000 else softmax(scores)


def _in_place(scores: Floats) -> Any:
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def _changes_after(n_calls: int) -> Callable[[Floats], Floats]:
    """Return an answer that is right for as long as the cases are looked at."""
    calls: list[int] = []

    def changes(scores: Floats) -> Floats:
        calls.append(1)
        return softmax(scores) * (1 if len(calls) <= n_calls else 2)

    return changes


def _of(function: Callable[..., Any]) -> Callable[[], Any]:
    return lambda: function


_N_CASES = 8  # of softmax

ANSWERS = (
    Answer("`None` in place of a function", "softmax", lambda: None),
    Answer("`...` in place of a function", "softmax", lambda: ...),
    Answer("still a stub", "softmax", _of(_stub)),
    Answer("returns nothing", "softmax", _of(lambda scores: None)),
    Answer("raises NotImplementedError", "softmax", _of(_raises_not_implemented)),
    Answer("a value in place of a function", "softmax", lambda: np.ones((2, 3))),
    Answer("another number of arguments", "softmax", _of(lambda scores, axis: scores)),
    Answer("an unknown name", "softmax", _of(_uses_a_name_too_early)),
    Answer("a name without a value", "softmax", _of(_gives_a_value_too_late)),
    Answer("an index past the end", "softmax", _of(_goes_past_the_end)),
    Answer("a mask that does not fit, between square brackets", "masked_attention", _of(_picks_by_the_mask)),
    Answer("an axis that is not there", "softmax", _of(_takes_a_missing_axis)),
    Answer("an operator that does not fit", "softmax", _of(_divides_text)),
    Answer("shapes that do not fit", "attention", _of(_multiplies_what_does_not_fit)),
    Answer("calls itself without end", "softmax", _of(_calls_itself)),
    Answer("exit()", "softmax", _of(_leaves)),
    Answer("more memory than there is", "softmax", _of(_runs_out_of_memory)),
    Answer("does not end", "softmax", _of(_never_ends), seconds=0.05),
    Answer("two mistakes at once", "attention", _of(_over_the_queries_unscaled)),
    Answer("text", "softmax", _of(lambda scores: "weights")),
    Answer("a dictionary", "softmax", _of(lambda scores: {"weights": scores})),
    Answer("a set", "softmax", _of(lambda scores: {1.0, 2.0})),
    Answer("a coroutine", "softmax", _of(_waits)),
    Answer("a generator", "softmax", _of(lambda scores: (row for row in scores))),
    Answer("a function", "softmax", _of(lambda scores: np.exp)),
    Answer("a masked array", "softmax", _of(lambda scores: np.ma.masked_array(scores, scores > 0))),
    Answer("rows of different lengths", "softmax", _of(lambda scores: [[1, 2], [3]])),
    Answer("Python objects", "softmax", _of(lambda scores: np.array([object()]))),
    Answer("complex numbers", "softmax", _of(lambda scores: softmax(scores) + 0j)),
    Answer("an array of text", "softmax", _of(lambda scores: np.array(["a"]))),
    Answer("several arrays", "softmax", _of(lambda scores: (scores, scores.sum(axis=0)))),
    Answer("far too many numbers", "softmax", _of(lambda scores: np.broadcast_to(1.0, (10**6, 10**6)))),
    Answer("a pair with the right array in it", "softmax", _of(lambda scores: (softmax(scores), scores))),
    Answer("a single number", "softmax", _of(lambda scores: 1.0)),
    Answer("the last two axes swapped", "softmax", _of(lambda scores: scores.swapaxes(-1, -2))),
    Answer("an axis too many", "softmax", _of(lambda scores: scores[np.newaxis])),
    Answer("an axis gone", "softmax", _of(lambda scores: scores.sum(axis=0))),
    Answer("two axes gone", "split_heads", _of(lambda x, n_heads: x.ravel())),
    Answer("NaN everywhere", "softmax", _of(lambda scores: scores * np.nan)),
    Answer("inf of both signs", "softmax", _of(lambda scores: np.where(scores > 0, np.inf, -np.inf))),
    Answer("one number is NaN", "softmax", _of(lambda scores: np.where(scores == scores.max(), np.nan, scores))),
    Answer("a factor", "softmax", _of(lambda scores: softmax(scores) * 3.7)),
    Answer("a factor that is a size", "softmax", _of(lambda scores: softmax(scores) * scores.shape[-1])),
    Answer("a factor that is the root of a size", "scaled_scores",
           _of(lambda query, key: scaled_scores(query, key) * np.sqrt(len(key)))),
    Answer("a factor that is a quotient of sizes", "scaled_scores",
           _of(lambda query, key: scaled_scores(query, key) * query.shape[-1] / len(query))),
    Answer("a factor that is a constant", "softmax", _of(lambda scores: softmax(scores) * math.e)),
    Answer("a negative factor", "softmax_backward",
           _of(lambda weights, grad_weights: -2.5 * softmax_backward(weights, grad_weights))),
    Answer("weights of scores times a number", "softmax", _of(lambda scores: softmax(2 * scores))),
    Answer("a shift", "softmax", _of(lambda scores: softmax(scores) + 0.25)),
    Answer("the other sign", "softmax", _of(lambda scores: -softmax(scores))),
    Answer("float16", "softmax", _of(lambda scores: softmax(scores).astype(np.float16))),
    Answer("rounded", "softmax", _of(lambda scores: np.round(softmax(scores), 3))),
    Answer("rows that do not sum to 1", "softmax", _of(np.tanh)),
    Answer("True and False turned round, in one place", "causal_mask",
           _of(lambda seq_len: causal_mask(seq_len) ^ (np.arange(seq_len) == 2))),
    Answer("numbers for True and False", "causal_mask", _of(lambda seq_len: causal_mask(seq_len) * 2.5)),
    Answer("wrong with leading axes only", "softmax", _of(lambda scores: softmax(scores) * scores.ndim / 2)),
    Answer("wrong with float32 only", "softmax",
           _of(lambda scores: softmax(scores) if scores.dtype == np.float64 else softmax(scores) / 2)),
    Answer("NaN with large scores only", "softmax", _of(_nan_when_large)),
    Answer("changes its input", "softmax", _of(_in_place)),
    Answer("depends on the call", "softmax", lambda: _changes_after(_N_CASES)),
    Answer("keeps no promise", "softmax", lambda: _changes_after(_N_CASES + 2)),
    Answer("an axis of size 1 too many", "split_heads", _of(lambda x, n_heads: split_heads(x, n_heads)[np.newaxis])),
    Answer("two axes of one size", "split_heads",
           _of(lambda x, n_heads: x.reshape(n_heads, len(x) // n_heads, -1))),
    Answer("clipped", "softmax", _of(lambda scores: softmax(np.clip(scores, -700, 700)))),
    Answer("bounded", "softmax", _of(lambda scores: softmax(1000 * np.tanh(scores / 1000)))),
    Answer("an attribute that is not there", "softmax", _of(_calls_a_missing_method)),
    Answer("a division by 0 in plain Python", "softmax", _of(_divides_by_0)),
    Answer("an array of dates", "softmax", _of(lambda scores: np.array(["2017-06-12"], dtype="datetime64[D]"))),
)  # fmt: skip
