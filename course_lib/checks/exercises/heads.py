"""What several heads go wrong by: the mistakes that the tasks of exercise 07 have in common."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, TypedDict

import numpy as np

from course_lib.attention import attention, merge_heads, softmax, split_heads
from course_lib.checks.exercises.cases import Floats
from course_lib.checks.exercises.exercise_02 import products
from course_lib.checks.exercises.exercise_04 import ATTENTION
from course_lib.checks.exercises.softmaxes import softmax_over
from course_lib.checks.tasks import WrongProgram

Split = Callable[[Floats, int], Floats]
Attend = Callable[..., Floats]
Merge = Callable[[Floats], Floats]


class Finish(Protocol):
    """Makes a program of its three parts; a part that is left out is right."""

    def __call__(
        self, *, split: Split = split_heads, attend: Attend = attention, merge: Merge = merge_heads
    ) -> Callable[..., Any]:
        """Return the program."""


WHY_SPLIT_AT_ONCE = (
    "You reshaped at once, without a swap of axes. A reshape reads row after row, so the first head got the first "
    "tokens with all their components, and the last head the last tokens. Each head needs a share of every token."
)
LOOK_SPLIT = "cut only the axis of the components in two; then let two axes change places."
WHY_MERGED_AT_ONCE = (
    "You reshaped at once, without a swap of axes. A reshape reads head after head, so a row got pieces of several "
    "tokens of one head. Each row needs the pieces of all heads for one token."
)
LOOK_MERGE = "the axis order before the reshape: which two axes have to stand side by side at the end?"
WHY_DEALT_OUT = (
    "You dealt the components out like cards, one to each head in turn. Each head gets a block of neighbours: "
    "head h the components h * d_k to (h + 1) * d_k - 1."
)
LOOK_DEALT_OUT = "the reshape: n_heads comes before d_k, so that neighbours stay together."


def split_at_once(x: Floats, n_heads: int) -> Floats:
    """Return what a reshape without a swap of axes gives."""
    return x.reshape(*x.shape[:-2], n_heads, x.shape[-2], x.shape[-1] // n_heads)


def deal_out(x: Floats, n_heads: int) -> Floats:
    """Give head h the components h, h + n_heads, h + 2 n_heads, ..."""
    return np.moveaxis(x.reshape(*x.shape[:-1], x.shape[-1] // n_heads, n_heads), -1, -3)


def merge_at_once(heads: Floats) -> Floats:
    """Return what a reshape without a swap of axes gives."""
    return heads.reshape(*heads.shape[:-3], heads.shape[-2], heads.shape[-3] * heads.shape[-1])


def merge_in_turn(heads: Floats) -> Floats:
    """Take one component of each head in turn."""
    turned = np.moveaxis(heads, -3, -1)
    return turned.reshape(*turned.shape[:-2], turned.shape[-2] * turned.shape[-1])


def _over(divisor: Callable[[Floats], float]) -> Attend:
    """Return attention with another divisor of the scores, told by the queries of all heads."""

    def attend(query: Floats, key: Floats, value: Floats) -> Floats:
        output: Floats = softmax(products(query, key) / divisor(query)) @ value
        return output

    return attend


def _scaled(query: Floats, key: Floats) -> Floats:
    scores: Floats = products(query, key) / np.sqrt(query.shape[-1])
    return scores


def _over_the_heads(query: Floats, key: Floats, value: Floats) -> Floats:
    output: Floats = softmax_over(-3)(_scaled(query, key)) @ value
    return output


def _with_shared_weights(query: Floats, key: Floats, value: Floats) -> Floats:
    weights = softmax(_scaled(query, key))
    shared = np.broadcast_to(weights.mean(axis=-3, keepdims=True), weights.shape)
    output: Floats = shared @ value
    return output


class _Parts(TypedDict, total=False):
    split: Split
    attend: Attend
    merge: Merge


class _Mistake(NamedTuple):
    """A mistake with heads, before it is part of a task: the parts that are wrong."""

    slug: str
    confusion: str | None
    parts: _Parts
    why: str
    look: str


_MISTAKES = (
    _Mistake("split_at_once", "M20", _Parts(split=split_at_once), WHY_SPLIT_AT_ONCE, LOOK_SPLIT),
    _Mistake("merged_at_once", "M20", _Parts(merge=merge_at_once), WHY_MERGED_AT_ONCE, LOOK_MERGE),
    _Mistake(
        "split_and_merged_at_once", "M20", _Parts(split=split_at_once, merge=merge_at_once),
        "You reshaped at once, both where the heads are split and where they are merged. The shapes fit, and each "
        "head works on whole tokens, a few of them, in place of a share of every token.",
        LOOK_SPLIT,
    ),
    _Mistake(
        "heads_attend_to_heads", "M20",
        _Parts(
            split=lambda x, n_heads: x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads),
            merge=lambda heads: heads.reshape(*heads.shape[:-2], heads.shape[-2] * heads.shape[-1]),
        ),
        "You cut the components, (seq_len, n_heads, d_k), and let no axes change places. So the heads of one token "
        "attended to each other. The last two axes must be tokens and components.",
        "the axis order when the scores are computed: which axis holds the queries?",
    ),
    _Mistake("split_dealt_out", None, _Parts(split=deal_out), WHY_DEALT_OUT, LOOK_DEALT_OUT),
    _Mistake(
        "merged_in_turn", None, _Parts(merge=merge_in_turn),
        "You merged the heads by taking one component of each in turn. The components of a head stay neighbours: "
        "first all of head 0, then all of head 1.",
        "the reshape that merges: n_heads comes before d_v, so that neighbours stay together.",
    ),
    _Mistake(
        "one_set_of_weights", None, _Parts(attend=_with_shared_weights),
        "All heads used one table of weights, their average. Each head has weights of its own: that is why there "
        "are several.",
        "a `mean` over the heads before the values are mixed.",
    ),
    _Mistake(
        "over_sqrt_n_heads", "M03", _Parts(attend=_over(lambda query: float(np.sqrt(query.shape[-3])))),
        "You divided by sqrt(n_heads). A dot product sums over the d_k components of one head; how many heads "
        "there are makes no difference to it.",
        "the number under the square root: count the components that one dot product sums over.",
    ),
    _Mistake(
        "over_sqrt_of_all_heads", "M03",
        _Parts(attend=_over(lambda query: float(np.sqrt(query.shape[-3] * query.shape[-1])))),
        "You divided by the root of the width of all heads together, n_heads * d_k. A dot product sums over the "
        "d_k components of one head.",
        "the number under the square root: take it after the heads are split.",
    ),
    _Mistake(
        "softmax_over_the_heads", "M06", _Parts(attend=_over_the_heads),
        "Softmax ran over the heads, so the heads shared out each pair of tokens among them. Each head has rows of "
        "its own, which sum to 1 over the keys.",
        "every `axis=`: which axis, counted from the end, has one entry for each key?",
    ),
    _Mistake(
        "not_split", None, _Parts(split=lambda x, n_heads: x, merge=lambda heads: heads),
        "There is one head, as wide as all together: n_heads has no effect. Each head has queries, keys and values "
        "of its own, and so a table of weights of its own.",
        "where n_heads occurs in your function.",
    ),
)  # fmt: skip


def head_programs(finish: Finish, without: Collection[str] = ()) -> tuple[WrongProgram, ...]:
    """Return the mistakes with heads, and those that each head can make in its attention, but for some slugs."""
    with_heads = (
        WrongProgram(known.slug, known.confusion, finish(**known.parts), known.why, known.look) for known in _MISTAKES
    )
    in_each_head = (
        replace(program, program=finish(attend=program.program))
        for program in ATTENTION.programs
        if program.slug not in ("softmax_over_axis_0", "softmax_over_axis_1", "weights_returned", *without)
    )
    return (*with_heads, *in_each_head)
