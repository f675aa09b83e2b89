"""What masked attention goes wrong by: the mistakes that the tasks of exercise 06 have in common, and their cases."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from course_lib.attention import causal_mask, softmax
from course_lib.checks.exercises.cases import Floats, Truths, draw_attention, draw_mask
from course_lib.checks.exercises.softmaxes import one_maximum_softmax, plain_softmax, softmax_over
from course_lib.checks.tasks import LARGE_TOLERANCE, TOLERANCE, Arguments, Family, Stage, WrongProgram

Mask = Callable[[np.random.Generator], Truths]
Weigh = Callable[[Floats, Truths], Floats]
Finish = Callable[[Weigh], Callable[..., Any]]

NOTHING_ALLOWED = (
    "Where every query may attend to something your function is right; for one that may attend to nothing it is not."
)
LOOK_NOTHING_ALLOWED = "the row in which the mask is False everywhere: what does each step make of it?"

_WHY_OVERFLOW = (
    "The formula is right, and exp overflows: exp(1500) is inf and exp(-1500) is 0, and neither inf / inf nor 0 / 0 is "
    "a share. A number that is subtracted from all scores of a row cancels in the fraction; so you may choose one."
)
_LOOK_OVERFLOW = "the line with exp: subtract each row's own largest score first."
_WHY_BLOCKED_MAXIMUM = (
    "On paper that is right. But the largest score of a row, which is subtracted before exp, may belong to a blocked "
    "key. If it lies far above the allowed ones, all their exponentials are 0, and nothing is left to share out."
)
_LOOK_BLOCKED_MAXIMUM = "the order of the steps: block first, then look for the largest score."
_WHY_TURNED = "The mask is transposed. Its rows are queries and its columns keys, as those of the scores are."
_LOOK_TURNED = "a transpose of the mask: is it needed?"
_LOOK_ORDER = "the order of the steps: scores, mask, softmax."


def masked_family(
    label: str, n_queries: int, n_keys: int, d_k: int, d_v: int | None = None, *, mask: Mask,
    leading: tuple[int, ...] = (), stage: Stage = "plain", single: bool = False, offset: float = 0.0,
    across: bool = False,
) -> Family:  # fmt: skip
    """Return a family of queries, keys, a mask and, where `d_v` is given, values; the mask comes last."""

    def make(rng: np.random.Generator) -> Arguments:
        arguments = draw_attention(
            rng, leading=leading, n_queries=n_queries, n_keys=n_keys, d_k=d_k, d_v=d_v, offset=offset,
            across=across, dtype=np.float32 if single else np.float64,
        )  # fmt: skip
        return arguments | {"mask": mask(rng)}

    is_edge = stage == "edge"
    return Family(
        label, make, stage, LARGE_TOLERANCE if offset else TOLERANCE,
        so_far=NOTHING_ALLOWED if is_edge else "", look=LOOK_NOTHING_ALLOWED if is_edge else "",
    )  # fmt: skip


def with_gaps(*shape: int) -> Mask:
    """Draw a mask with True and False in every row."""
    return lambda rng: draw_mask(rng, *shape)


def causal(n_queries: int, n_keys: int) -> Mask:
    """Return the causal mask."""
    return lambda rng: causal_mask(n_queries, n_keys)


def only_low_keys(n_queries: int, n_keys: int) -> Mask:
    """Return a mask that lets the first query attend to every second key, where `across` puts the low scores."""

    def draw(_rng: np.random.Generator) -> Truths:
        mask = np.ones((n_queries, n_keys), dtype=bool)
        mask[0] = np.arange(n_keys) % 2 == 1
        return mask

    return draw


def with_a_blocked_row(n_queries: int, n_keys: int) -> Mask:
    """Draw a mask in which one query may attend to nothing."""

    def draw(rng: np.random.Generator) -> Truths:
        mask = draw_mask(rng, n_queries, n_keys)
        mask[rng.integers(n_queries)] = False
        return mask

    return draw


def blocked_by(number: float) -> Weigh:
    """Return softmax of scores in which `number` stands at the blocked keys."""
    return lambda scores, mask: softmax(np.where(mask, scores, number))


def _guarded(exponentials: Floats) -> Floats:
    """Return shares of the sum of each row, zeros where it is 0."""
    total = exponentials.sum(axis=-1, keepdims=True)
    shares: Floats = exponentials / np.where(total == 0, 1, total)
    return shares


def _plain_softmax(scores: Floats, mask: Truths) -> Floats:
    """Return the formula as it stands: a row of -inf becomes 0 / 0."""
    blocked = np.where(mask, scores, -np.inf)
    exponentials = np.exp(blocked - blocked.max(axis=-1, keepdims=True))
    weights: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights


def _also_causal(scores: Floats, mask: Truths) -> Floats:
    return softmax(np.where(mask & causal_mask(*scores.shape[-2:]), scores, -np.inf))


def _only_causal(scores: Floats, mask: Truths) -> Floats:
    return softmax(np.where(causal_mask(*scores.shape[-2:]), scores, -np.inf))


def in_the_mask(scores: Floats, mask: Truths) -> Floats:
    """Return the right weights: softmax over the allowed keys, zeros where there are none."""
    return softmax(np.where(mask, scores, -np.inf))


class _Mistake(NamedTuple):
    """A mistake with a mask, before it is part of a task."""

    slug: str
    confusion: str | None
    weigh: Weigh
    why: str
    look: str


_MISTAKES = (
    _Mistake(
        "true_means_blocked", "M15", lambda scores, mask: softmax(np.where(mask, -np.inf, scores)),
        "The mask is turned round: you blocked the keys where it is True. Here True means may attend, as in "
        "PyTorch's scaled_dot_product_attention; its MultiheadAttention means the opposite.",
        "which of the two choices of `np.where` the scores are, or a `~` too many or too few.",
    ),
    _Mistake(
        "scores_times_mask", "M12", lambda scores, mask: softmax(scores * mask),
        "The scores of blocked keys became 0, or a number close to it such as -1e-9. But exp(0) is 1, so a blocked "
        "key still takes its share, and more than a key with a negative score.",
        "what stands at a blocked key before softmax: for which score is exp(score) equal to 0?",
    ),
    _Mistake(
        "mask_after_softmax", "M13", lambda scores, mask: softmax(scores) * mask,
        "You blocked the keys after softmax. They had taken their share by then, so what is left of a row sums to "
        "less than 1.",
        _LOOK_ORDER,
    ),
    _Mistake(
        "maximum_over_blocked_keys", None, lambda scores, mask: _guarded(softmax(scores) * mask),
        _WHY_BLOCKED_MAXIMUM, _LOOK_BLOCKED_MAXIMUM,
    ),
    _Mistake(
        "maximum_over_blocked_keys_to_nan", None,
        lambda scores, mask: softmax(scores) * mask / (softmax(scores) * mask).sum(axis=-1, keepdims=True),
        _WHY_BLOCKED_MAXIMUM, _LOOK_BLOCKED_MAXIMUM,
    ),
    _Mistake(
        "mask_ignored", None, lambda scores, mask: softmax(scores),
        "The mask has no effect: this is what comes out without it.",
        "where mask occurs in your function. If something is added at blocked keys, how large is it?",
    ),
    _Mistake(
        "constant_too_small", "M14", blocked_by(-100.0),
        "The number at the blocked keys is not low enough: scores may lie below it, and then the blocked keys win. "
        "Only one number lies below all others.",
        "the number at the blocked keys: which one has exp 0 whatever the scores are?",
    ),
    _Mistake(
        "large_constant", "M16", blocked_by(-1e9),
        "A query that may attend to nothing has the same number, such as -1e9, at all keys. Equal scores give "
        "equal weights, so it mixes all blocked values. It should take nothing: zeros.",
        "the row in which the mask is False everywhere: no key may get a weight.",
    ),
    _Mistake(
        "large_constant_added", "M16", lambda scores, mask: softmax(scores + np.where(mask, 0, -1e9)),
        "For a query that may attend to nothing, the same number was added to all its scores, such as -1e9. "
        "Softmax does not see that, so it attends as if nothing were blocked. It should take nothing: zeros.",
        "the row in which the mask is False everywhere: no key may get a weight.",
    ),
    _Mistake(
        "blocked_row_is_nan", "M16", _plain_softmax,
        "For a query that may attend to nothing all scores are -inf. Then its largest is -inf, -inf minus -inf is "
        "NaN, and so is 0 / 0. It should take nothing: zeros.",
        "the row in which the mask is False everywhere: which number may be subtracted, and by what is it divided?",
    ),
    _Mistake(
        "zero_times_infinity", None,
        lambda scores, mask: _plain_softmax(scores + (1 - mask) * -np.inf, mask | True),
        "Where the mask is True you added 0 times -inf, and that is NaN, not 0. It spreads over the whole row.",
        "the product of the mask and an infinite number: choose between two numbers in place of multiplying.",
    ),
    _Mistake(
        "mask_added", None, lambda scores, mask: softmax(scores + mask),
        "You added the mask to the scores, so an allowed key got 1 more: True counts as 1. A mask of True and "
        "False says which scores stay; the others have to become so low that exp of them is 0.",
        "the operator between scores and mask.",
    ),
    _Mistake(
        "mask_transposed", None, lambda scores, mask: in_the_mask(scores, mask.swapaxes(-1, -2)),
        _WHY_TURNED, _LOOK_TURNED,
    ),
    _Mistake(
        "mask_transposed_to_nan", None, lambda scores, mask: _plain_softmax(scores, mask.swapaxes(-1, -2)),
        _WHY_TURNED, _LOOK_TURNED,
    ),
    _Mistake(
        "causal_mask_instead", "M18", _only_causal,
        "You blocked what comes later, whatever the mask says. That is the causal mask; the mask that was handed "
        "over may be that one, or block padding, or anything else.",
        "a `tril` or a comparison of positions: the mask says it all.",
    ),
    _Mistake(
        "causal_mask_as_well", "M18", _also_causal,
        "Besides the keys that the mask blocks, you blocked what comes later. That is the causal mask; the mask "
        "that was handed over may be that one, or block padding, or anything else.",
        "a `tril` or a comparison of positions: the mask says it all.",
    ),
    _Mistake(
        "softmax_over_the_queries", "M06", lambda scores, mask: softmax_over(-2)(np.where(mask, scores, -np.inf)),
        "Softmax ran over the queries: each column sums to 1. A query shares out its attention among the keys that "
        "it may attend to, so each row must sum to 1.",
        "every `axis=`: which axis, counted from the end, has one entry for each key?",
    ),
    _Mistake(
        "no_maximum", None,
        lambda scores, mask: plain_softmax(np.where(mask, scores, -np.inf)), _WHY_OVERFLOW, _LOOK_OVERFLOW,
    ),
    _Mistake(
        "no_maximum_and_zeros", None,
        lambda scores, mask: _guarded(np.where(mask, np.exp(scores), 0)), _WHY_OVERFLOW, _LOOK_OVERFLOW,
    ),
    _Mistake(
        "one_maximum_for_all", None,
        lambda scores, mask: one_maximum_softmax(np.where(mask, scores, -np.inf)),
        "You subtract one maximum from the whole table. In a row that lies far below it, all exponentials are 0 "
        "and the row becomes 0 / 0.",
        "the maximum: each row needs its own.",
    ),
)  # fmt: skip


def mask_programs(finish: Finish) -> tuple[WrongProgram, ...]:
    """Return the mistakes with a mask; ``finish(weigh)`` makes a program out of weights by (scaled scores, mask)."""
    return tuple(
        WrongProgram(known.slug, known.confusion, finish(known.weigh), known.why, known.look) for known in _MISTAKES
    )
