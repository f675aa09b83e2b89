"""What softmax goes wrong by: the mistakes that the tasks with a softmax in them have in common."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.checks.exercises.cases import Floats
from course_lib.checks.tasks import WrongProgram

_WHY_MAXIMUM = (
    "The formula is right, and exp overflows: exp(1500) is inf and exp(-1500) is 0, and both inf / inf and 0 / 0 are "
    "NaN. A number that is subtracted from all scores of a row cancels in the fraction; so you may choose one with "
    "which exp stays small."
)
_LOOK_MAXIMUM = "the line with exp: subtract each row's own largest score first."


def plain_softmax(scores: Floats, axis: int | tuple[int, ...] = -1) -> Floats:
    """Return softmax without the subtraction of the largest score."""
    exponentials = np.exp(scores)
    weights: Floats = exponentials / exponentials.sum(axis=axis, keepdims=True)
    return weights


def one_maximum_softmax(scores: Floats) -> Floats:
    """Return softmax with one maximum for all rows."""
    return plain_softmax(scores - scores.max())


def softmax_over(axis: int | None) -> Callable[[Floats], Floats]:
    """Return a softmax along `axis`; None means over all numbers at once."""

    def program(scores: Floats) -> Floats:
        exponentials = np.exp(scores - scores.max(axis=axis, keepdims=True))
        weights: Floats = exponentials / exponentials.sum(axis=axis, keepdims=True)
        return weights

    return program


def _lost_axis(maximum: bool | None, total: bool) -> Callable[[Floats], Floats]:
    """Return softmax with these `keepdims`; None for the maximum means that none is subtracted."""

    def program(scores: Floats) -> Floats:
        shifted = scores if maximum is None else scores - scores.max(axis=-1, keepdims=maximum)
        exponentials = np.exp(shifted)
        weights: Floats = exponentials / exponentials.sum(axis=-1, keepdims=total)
        return weights

    return program


def lost_axis_programs(finish: Callable[..., Any]) -> tuple[WrongProgram, ...]:
    """Return softmax without `keepdims`; `finish` as in `wrong_axis_programs`."""

    def by(slug: str, lost: str, *keepdims: Any) -> WrongProgram:
        function = _lost_axis(*keepdims)
        return WrongProgram(
            slug, None, lambda *arguments: finish(function, *arguments),
            f"{lost} lost the axis of the keys: n_queries numbers in a row meet the n_keys columns. In a square table "
            "each column then meets another row's number, and any other table stops.",
            "`max` and `sum`: how do they keep an axis of size 1, so that a row meets its own number?",
        )  # fmt: skip

    return (
        by("no_keepdims", "The row sums have", True, False),
        by("no_keepdims_and_no_maximum", "The row sums have", None, False),
        by("no_keepdims_at_all", "Maxima and sums have both", False, False),
        by("no_keepdims_of_the_maximum", "The row maxima have", False, True),
    )


def wrong_axis_programs(finish: Callable[..., Any]) -> tuple[WrongProgram, ...]:
    """Return softmax over each wrong axis; ``finish(softmax, *arguments)`` makes the answer with a given softmax."""

    def by(axis: int | None) -> Callable[..., Any]:
        return lambda *arguments: finish(softmax_over(axis), *arguments)

    return (
        WrongProgram(
            "softmax_over_the_queries", "M06", by(-2),
            "Softmax ran over the queries: each column sums to 1. A query shares out its attention among the keys, so "
            "each row must sum to 1, whatever the other queries do.",
            "every `axis=`: which axis, counted from the end, has one entry for each key?",
        ),
        WrongProgram(
            "softmax_over_axis_0", "M06", by(0),
            "Softmax ran over axis 0. In one matrix that is the axis of the queries, and with leading axes the batch: "
            "examples that have nothing to do with each other would compete. A query shares out its attention among "
            "the keys.",
            "every `axis=`: which axis, counted from the end, has one entry for each key?",
        ),
        WrongProgram(
            "softmax_over_axis_1", "M06", by(1),
            "Softmax ran over axis 1. In one matrix that is the axis of the keys, but with leading axes it is another "
            "one. A query shares out its attention among the keys, wherever their axis stands.",
            "every `axis=`: which axis, counted from the end, has one entry for each key?",
        ),
        WrongProgram(
            "softmax_over_everything", "M06", by(None),
            "All numbers of the table together sum to 1. Each query shares out its own attention among the keys, so "
            "each row must sum to 1.",
            "a sum without `axis=`: it adds up the whole table.",
        ),
    )  # fmt: skip


def unstable_programs(finish: Callable[..., Any]) -> tuple[WrongProgram, ...]:
    """Return the ways to lose softmax to overflow; `finish` as in `wrong_axis_programs`."""
    return (
        WrongProgram(
            "no_maximum", None, lambda *arguments: finish(plain_softmax, *arguments), _WHY_MAXIMUM, _LOOK_MAXIMUM
        ),
        WrongProgram(
            "one_maximum_for_all", None, lambda *arguments: finish(one_maximum_softmax, *arguments),
            "You subtract one maximum from the whole table. In a row that lies far below it, all exponentials are 0 "
            "and the row becomes 0 / 0.",
            "the maximum: each row needs its own.",
        ),
        WrongProgram(
            "less_than_maximum_subtracted", None,
            lambda *arguments: finish(
                lambda scores: plain_softmax(scores - scores.min(axis=-1, keepdims=True)), *arguments
            ),
            "You subtract a number below the row's largest score, such as its smallest or its mean. A score far above "
            "it still makes exp overflow to inf.",
            "which number of the row is subtracted: after it, no exponent should be above 0.",
        ),
        WrongProgram(
            "clipped", None,
            lambda *arguments: finish(lambda scores: plain_softmax(np.clip(scores, -500, 500)), *arguments),
            "The scores were clipped, so that exp stays finite. But clipped scores are other scores: all those beyond "
            "the bound become equal. A number that is subtracted from a whole row keeps their differences.",
            "a `clip`, `minimum` or `maximum` in front of exp.",
        ),
    )  # fmt: skip
