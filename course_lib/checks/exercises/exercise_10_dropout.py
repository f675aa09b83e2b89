"""Exercise 10, second part: dropout. Any way of using the generator is right, so what is kept and what is dropped are
looked at over many calls."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.checks.exercises.cases import Floats, draw_weights
from course_lib.checks.running.through import N_CALLS, dropped, kept_values
from course_lib.checks.tasks import Arguments, Family, FunctionTask, Named, Property, Stage, WrongProgram

LESSON = 10

Broken = Callable[[Callable[..., Floats], np.random.Generator], str | None]

_CLOSE = 0.08  # how far a share of some thousand draws may be from its probability


def _family(
    label: str, *shape: int, rate: float, stage: Stage = "plain", single: bool = False, zero: bool = False
) -> Family:
    def make(rng: np.random.Generator) -> Arguments:
        weights = np.asarray(draw_weights(rng, *shape, d_v=1)["weights"])
        if zero:
            weights[..., 0, 0] = 0
        generator = np.random.default_rng(int(rng.integers(1, 1000)))
        return {"weights": weights.astype(np.float32 if single else np.float64), "rate": rate, "rng": generator}

    return Family(label, make, stage)


def _kept(weights: Floats, rate: float, rng: np.random.Generator) -> Floats:
    """Return what each number is where it is kept."""
    kept: Floats = weights / (1 - rate)
    return kept


def _dropping(scaled: Callable[[Floats, float], Floats], kept: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Return a program that scales in some way, and keeps what ``kept(shape, rate, rng)`` says."""

    def program(weights: Floats, rate: float, rng: np.random.Generator) -> Any:
        mask = rng.random(weights.shape) >= rate if kept is None else kept(weights.shape, rate, rng)
        return np.where(mask, scaled(weights, rate), 0)

    return program


def _right(weights: Floats, rate: float) -> Floats:
    return weights / (1 - rate)


def _renormalised(weights: Floats, rate: float, rng: np.random.Generator) -> Floats:
    left = np.where(rng.random(weights.shape) >= rate, weights, 0)
    total = left.sum(axis=-1, keepdims=True)
    rows: Floats = left / np.where(total == 0, 1, total)
    return rows


def _fixed_number(shape: tuple[int, ...], rate: float, rng: np.random.Generator) -> Any:
    size = int(np.prod(shape))
    return (rng.permutation(size) >= round(rate * size)).reshape(shape)


_KEPT_AT_RATE = WrongProgram(
    "rate_is_kept", None, _dropping(_right, lambda shape, rate, rng: rng.random(shape) < rate),
    "You keep a number with probability `rate`, and drop the others. The rate says how much is dropped.",
    "the comparison between the draws and the rate: which side is kept?",
)  # fmt: skip
_ROW_AT_ONCE = WrongProgram(
    "whole_rows", None, _dropping(_right, lambda shape, rate, rng: rng.random((*shape[:-1], 1)) >= rate),
    "There is one draw for each row, where each number needs a draw of its own.",
    "how many numbers are drawn: as many as there are weights.",
)  # fmt: skip
_COLUMN_AT_ONCE = WrongProgram(
    "one_row_for_all", None, _dropping(_right, lambda shape, rate, rng: rng.random(shape[-1:]) >= rate),
    "The draws for one row are used for every row, where each number needs a draw of its own.",
    "how many numbers are drawn: as many as there are weights.",
)  # fmt: skip
_BATCH_AT_ONCE = WrongProgram(
    "one_matrix_for_all", None, _dropping(_right, lambda shape, rate, rng: rng.random(shape[-2:]) >= rate),
    "The draws for one matrix are used for all heads, and for all examples of a batch, where each number needs a draw "
    "of its own.",
    "the shape that is drawn: it is the whole shape of weights.",
)  # fmt: skip
_OWN_GENERATOR = WrongProgram(
    "own_generator", None,
    _dropping(_right, lambda shape, rate, rng: np.random.default_rng(0).random(shape) >= rate),
    "That happens when a new generator is made inside, always with the same seed. A model would never see those "
    "weights again. Draw from the `rng` that is handed over.",
    "a `default_rng` or a seed inside the function; where rng occurs.",
)  # fmt: skip
_OTHER_RANDOMNESS = WrongProgram(
    "other_randomness", None,
    _dropping(_right, lambda shape, rate, rng: np.random.default_rng().random(shape) >= rate),
    "Your draws come from elsewhere, so no run can be repeated. Draw from the `rng` that is handed over.",
    "`np.random` or `random`, where `rng` should stand.",
)  # fmt: skip
_FIXED_NUMBER = WrongProgram(
    "fixed_number", None, _dropping(_right, _fixed_number),
    "Where each weight is drawn for itself, now more and now fewer are dropped, and none depends on the others.",
    "a `permutation`, a `shuffle` or a `choice`: draw one number for each weight.",
)  # fmt: skip
_NORMAL_DRAWS = WrongProgram(
    "normal_draws", None, _dropping(_right, lambda shape, rate, rng: rng.normal(size=shape) >= rate),
    "Your draws seem to be normal ones, whose share below `rate` is not `rate`. Uniform draws between 0 and 1 have "
    "that share: `rng.random`.",
    "which method of rng makes the draws.",
)  # fmt: skip

_PROGRAMS = (
    WrongProgram(
        "not_rescaled", None, _dropping(lambda weights, rate: weights),
        "What is kept came back as it was. It is divided by 1 - rate, to make up for what is gone: then the mean over "
        "many draws stays, and nothing has to change when the model is used.",
        "what happens to the numbers that are kept.",
    ),
    WrongProgram(
        "divided_by_rate", None, _dropping(lambda weights, rate: weights / rate if rate else weights),
        "You divided by the rate, which is the share that is dropped. What makes up for it is the share that is kept, "
        "1 - rate.",
        "the divisor.",
    ),
    WrongProgram(
        "multiplied", None, _dropping(lambda weights, rate: weights * (1 - rate)),
        "You multiplied by 1 - rate, so that what is left gets even smaller. It is divided, to make up for what is "
        "gone.",
        "the operator in front of 1 - rate.",
    ),
    WrongProgram(
        "multiplied_by_more", None, _dropping(lambda weights, rate: weights * (1 + rate)),
        "You multiplied by 1 + rate. Of n numbers (1 - rate) n are kept on average, so each has to grow by the factor "
        "1 / (1 - rate).",
        "the factor: try it with rate 0.5, where half is gone.",
    ),
    WrongProgram(
        "rows_renormalised", "M24", _renormalised,
        "You brought the rows back to sum 1. After dropout a row sums to more or less than 1, and that is meant: a "
        "number that is kept must not depend on which others are. Only the mean over many draws stays.",
        "a division by a sum: it is 1 - rate that each kept number is divided by.",
    ),
    WrongProgram(
        "softmax_again", "M01",
        lambda weights, rate, rng: _renormalised(np.exp(weights), rate, rng),
        "You ran softmax over what is left. Dropout comes after softmax and touches each weight for itself.",
        "a softmax, or an exp.",
    ),
    _KEPT_AT_RATE,
    _ROW_AT_ONCE,
    _COLUMN_AT_ONCE,
    _BATCH_AT_ONCE,
    _OWN_GENERATOR,
    _OTHER_RANDOMNESS,
    _FIXED_NUMBER,
    _NORMAL_DRAWS,
)  # fmt: skip


def _draws(call: Callable[..., Floats], seed: int, *shape: int, rate: float = 0.3) -> Floats:
    """Return what was dropped in many calls, (n_calls, *shape); nothing where the answer gives no such array."""
    found = call(weights=np.full(shape, 1 / shape[-1]), rate=rate, rng=np.random.default_rng(seed))
    return found if found.shape[1:] == shape else np.empty((0, *shape))


def _every_call_alike(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    found = _draws(call, 5, 3, 4)
    return "In an example every call drops the same numbers." if len(found) and np.all(found == found[0]) else None


def _not_repeatable(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    first, second = _draws(call, 5, 3, 4), _draws(call, 5, 3, 4)
    return None if np.array_equal(first, second) else "In an example the second run drops other numbers."


def _together(axis: int, what: str) -> Broken:
    """Return whether all numbers along an axis are dropped together, always."""

    def broken(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
        found = _draws(call, 6, 2, 3, 4)
        alike = len(found) and np.all(found == np.take(found, [0], axis=axis))
        return f"In {len(found)} calls {what} were dropped together every time." if alike else None

    return broken


def _always_as_many(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    found = _draws(call, 7, 3, 4).reshape(-1, 12).sum(axis=-1)
    alike = len(found) and np.all(found == found[0])
    return f"In {len(found)} calls {found[0]:.0f} of 12 were dropped every time." if alike else None


def _share(rate: float, near: float | None = None) -> Broken:
    """Return whether another share than `rate` is dropped; with `near`, one that gives the mistake away."""

    def broken(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
        found = _draws(call, 8, 3, 4, rate=rate)
        share = float(found.mean()) if found.size else rate
        if abs(share - rate) <= _CLOSE or (near is not None and abs(share - near) > _CLOSE):
            return None
        return f"With rate = {rate:g} a share of {share:.2f} was dropped, over {len(found)} calls of 12 numbers."

    return broken


_SHARE = "Of many numbers the share `rate` is dropped."
_FOR_ITSELF = "Each number is dropped or kept for itself."
_NORMAL_BELOW_02 = 0.579  # the share of standard normal draws below 0.2

DROPOUT = FunctionTask(
    name="dropout",
    lesson=LESSON,
    title="Dropout",
    asked="`dropout(weights, rate, rng)` sets each number to 0 with probability rate, drawn from the generator rng, "
    "and divides all others by 1 - rate.",
    arguments=(Named("weights", ("n_queries", "n_keys")), Named("rate"), Named("rng")),
    result=Named("kept", ("n_queries", "n_keys")),
    reference=_kept,
    families=(
        _family("2 queries and 3 keys", 2, 3, rate=0.4),
        _family("4 queries and 3 keys", 4, 3, rate=0.6),
        _family("a single query", 1, 2, rate=0.6),
        _family("a weight of 0", 2, 3, rate=0.4, zero=True),
        _family("rate 0", 3, 2, rate=0.0),
        _family("leading axes", 2, 5, 4, 3, rate=0.4, stage="batched"),
        _family("one leading axis", 4, 2, 3, rate=0.4, stage="batched"),
        _family("float32", 4, 3, rate=0.6, stage="precision", single=True),
    ),
    programs=_PROGRAMS,
    properties=(
        Property("Two generators in the same state give the same result.", _not_repeatable, _OTHER_RANDOMNESS, dropped),
        Property("The next call draws anew.", _every_call_alike, _OWN_GENERATOR, dropped),
        Property(_FOR_ITSELF, _together(-1, "the weights of each query"), _ROW_AT_ONCE, dropped),
        Property(_FOR_ITSELF, _together(-2, "the same keys of all queries"), _COLUMN_AT_ONCE, dropped),
        Property(_FOR_ITSELF, _together(-3, "the same weights of all heads"), _BATCH_AT_ONCE, dropped),
        Property(_FOR_ITSELF, _always_as_many, _FIXED_NUMBER, dropped),
        Property(_SHARE, _share(0.2, near=0.8), _KEPT_AT_RATE, dropped),
        Property(_SHARE, _share(0.2, near=_NORMAL_BELOW_02), _NORMAL_DRAWS, dropped),
        Property(_SHARE, _share(0.2), through=dropped),
        Property(_SHARE, _share(0.8), through=dropped),
    ),
    hints=(
        "Three steps: draw a number for every weight, decide with it which weights stay, and make up for those that "
        "are gone.",
        "`rng.random(weights.shape)` draws uniformly between 0 and 1. What share of such draws lies below rate?",
        "`np.where` takes a kept weight or 0. Of n weights (1 - rate) n stay on average: by which factor must each "
        "grow, so that the mean over many draws is as before?",
    ),
    points=1,
    through=kept_values,
    seen_as=f", called {N_CALLS} times (`kept` is each number where it was not dropped)",
)  # fmt: skip
