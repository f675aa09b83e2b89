"""Exercise 06: masks say which keys a query may attend to."""

from typing import Any

import numpy as np

from course_lib.attention import causal_mask, padding_mask, self_attention, softmax
from course_lib.checks.exercises.cases import Truths
from course_lib.checks.exercises.exercise_06_masked import BUG_HUNT_MASK, LESSON, MASK, MASKED_ATTENTION
from course_lib.checks.judging.differences import number
from course_lib.checks.tasks import Arguments, ChoiceTask, Family, FunctionTask, Named, Stage, WrongProgram

TITLE = "Masks"

_WHY_NUMBERS = (
    "As numbers, 1 and 0 behave differently from True and False: added to scores they block nothing, `~` turns 1 into "
    "-2, and `scores[mask]` picks rows by number."
)
_LOOK_NUMBERS = "what a comparison such as `<` returns, or `dtype=`."
_WHY_ADDED = (
    "This mask is one to be added to the scores: 0 where allowed, something very low where not. That is a good kind of "
    "mask; the one asked for here says True and False, and masked_attention makes the low numbers out of it."
)


def _sized(label: str, seq_len: int | None) -> Family:
    def make(rng: np.random.Generator) -> Arguments:
        return {"seq_len": int(rng.integers(8, 25)) if seq_len is None else seq_len}

    return Family(label, make)


CAUSAL_MASK = FunctionTask(
    name="causal_mask",
    lesson=LESSON,
    title="The causal mask",
    asked="`causal_mask(seq_len)` returns a table of True and False, (seq_len, seq_len): row i says which keys query i "
    "may attend to, namely 0 to i.",
    arguments=(Named("seq_len"),),
    result=MASK,
    reference=causal_mask,
    families=(
        _sized("4 tokens", 4), _sized("7 tokens", 7), _sized("a single token", 1), _sized("a length drawn anew", None)
    ),
    programs=(
        WrongProgram(
            "true_means_blocked", "M15", lambda seq_len: ~causal_mask(seq_len),
            "Your True marks what is blocked. Here True means may attend.",
            "a `~`, or `triu` for `tril`, or `>` for `<=`.",
        ),
        WrongProgram(
            "future_for_past", None, lambda seq_len: causal_mask(seq_len).T,
            "Each query may attend to itself and what comes after it. It is the other way round: a token knows what "
            "came before.",
            "which index is the query's, or `triu` for `tril`.",
        ),
        WrongProgram(
            "not_itself", None, lambda seq_len: np.tri(seq_len, k=-1, dtype=bool),
            "A query may not attend to itself in your mask, and the first one to nothing at all. Query i sees the keys "
            "0 to i, its own included.",
            "`<` for `<=`, or the number `k` of the diagonal.",
        ),
        WrongProgram(
            "one_ahead", None, lambda seq_len: np.tri(seq_len, k=1, dtype=bool),
            "Each query sees one key too many: its successor. A model that is to predict the next token would find it "
            "there.",
            "a `+ 1`, or the number `k` of the diagonal.",
        ),
        WrongProgram(
            "only_itself", None, lambda seq_len: np.eye(seq_len, dtype=bool),
            "Each query sees itself only. It may also see everything before.",
            "`==` for `<=`, or `eye`.",
        ),
        WrongProgram(
            "everything_allowed", None, lambda seq_len: np.ones((seq_len, seq_len), dtype=bool),
            "Everything is allowed. The keys after the query have to be blocked.",
            "the comparison of a query's position with a key's.",
        ),
        WrongProgram(
            "ones_and_zeros", None, lambda seq_len: np.tri(seq_len, dtype=int), _WHY_NUMBERS, _LOOK_NUMBERS
        ),
        WrongProgram(
            "ones_mean_blocked", "M15", lambda seq_len: 1 - np.tri(seq_len, dtype=int),
            "Your mask holds 1 where a key is blocked. Two things differ from what is asked for: True and False in "
            "place of numbers, and True for what is allowed.",
            "what a comparison such as `<=` returns, and which side is the query's.",
        ),
        WrongProgram(
            "added_to_the_scores", None, lambda seq_len: np.where(causal_mask(seq_len), 0, -np.inf), _WHY_ADDED,
            "the last step: what is chosen in place of True and False.",
        ),
        WrongProgram(
            "large_number_added", None, lambda seq_len: np.where(causal_mask(seq_len), 0, -1e9), _WHY_ADDED,
            "the last step: what is chosen in place of True and False.",
        ),
        WrongProgram(
            "one_row_only", None, lambda seq_len: np.ones(seq_len, dtype=bool),
            "There is one row. Every query needs its own, as each has another past.",
            "the shape: seq_len rows of seq_len entries.",
        ),
    ),
    hints=(
        "Write the mask for 3 tokens on paper. Which entries of row 0 are True, which of row 2?",
        "Entry (i, j) compares two positions: that of query i and that of key j. Which comparison is it?",
        "np.arange(seq_len) gives positions. One of the two needs an axis of size 1, so that every query meets every "
        "key. Or look up np.tri.",
    ),
    points=1,
)  # fmt: skip


def _padded(
    label: str, batch: int, n_keys: int, *, stage: Stage = "plain", blank: bool = False, look: str = ""
) -> Family:
    def make(rng: np.random.Generator) -> Arguments:
        if blank:
            lengths = rng.permutation(np.r_[0, n_keys, rng.integers(1, n_keys, size=batch - 2)])
        else:  # never 0 nor n_keys, and not all equal
            lengths = rng.permutation(np.r_[1 + rng.permutation(n_keys - 1)[: min(batch, n_keys - 1)]])
        return {"lengths": lengths, "n_keys": n_keys}

    so_far = (
        "With lengths between 1 and n_keys - 1 your function is right; with 0 or n_keys it is not." if blank else ""
    )
    return Family(label, make, stage, so_far=so_far, look=look)


def _filled_up(lengths: Any, n_keys: int) -> Truths:
    """Return for each sequence whether a position lies among its last `length` ones."""
    blocked: Truths = np.arange(n_keys) >= n_keys - lengths[:, np.newaxis]
    return blocked


PADDING_MASK = FunctionTask(
    name="padding_mask",
    lesson=LESSON,
    title="The padding mask",
    asked="`padding_mask(lengths, n_keys)` returns a table of True and False, (batch, n_keys): row b says which keys "
    "of sequence b are real tokens, namely its first lengths[b].",
    arguments=(Named("lengths", ("batch",)), Named("n_keys")),
    result=Named("mask", ("batch", "n_keys")),
    reference=padding_mask,
    families=(
        _padded("3 sequences padded to 5", 3, 5),
        _padded("4 sequences padded to 7", 4, 7),
        _padded("a single sequence", 1, 6),
        _padded(
            "a sequence without tokens beside a full one", 4, 6, stage="edge", blank=True,
            look="sequences of length 0 and of length n_keys: how many entries of their rows are True?",
        ),
    ),
    separators=(_padded("as many sequences as keys but one", 4, 5), _padded("more keys", 5, 9)),
    programs=(
        WrongProgram(
            "true_means_padding", "M15", lambda lengths, n_keys: ~padding_mask(lengths, n_keys),
            "Your True marks the padding. Here True means may attend.",
            "a `~`, or `>=` for `<`.",
        ),
        WrongProgram(
            "one_too_many", None, lambda lengths, n_keys: np.arange(n_keys) <= lengths[:, np.newaxis],
            "Each row has one True too many. A sequence of length n has its tokens at 0 to n - 1, as Python counts.",
            "`<=` for `<`.",
        ),
        WrongProgram(
            "one_too_few", None, lambda lengths, n_keys: np.arange(n_keys) < lengths[:, np.newaxis] - 1,
            "Each row has one True too few. A sequence of length n has its tokens at 0 to n - 1.",
            "a `- 1`, or a count that starts at 1.",
        ),
        WrongProgram(
            "padding_in_front", None, _filled_up,
            "Your True stand at the end of the rows, as if the padding came first. Here it comes last: the first "
            "lengths[b] entries are real tokens.",
            "the side from which the positions are counted.",
        ),
        WrongProgram(
            "only_the_last_token", None, lambda lengths, n_keys: np.arange(n_keys) == lengths[:, np.newaxis] - 1,
            "Only the last token of each sequence is True. All tokens before it are real as well.",
            "`==` for `<`.",
        ),
        WrongProgram(
            "causal_mask", "M18", lambda lengths, n_keys: causal_mask(len(lengths), n_keys),
            "This is a causal mask: row i allows 0 to i. A padding mask has a row for each sequence, and asks how long "
            "it is, not what comes later.",
            "where lengths occurs in your function.",
        ),
        WrongProgram(
            "one_length_for_all", None,
            lambda lengths, n_keys: np.broadcast_to(np.arange(n_keys) < lengths.max(), (len(lengths), n_keys)),
            "All rows are alike: the longest sequence decides for all. Each has its own length.",
            "the comparison: each row meets its own entry of lengths.",
        ),
        WrongProgram(
            "transposed", None, lambda lengths, n_keys: padding_mask(lengths, n_keys).T,
            "The mask lies on its side: each sequence has become a column.",
            "which of the two gets the axis of size 1, or a transpose too many.",
        ),
        WrongProgram(
            "axis_for_queries_added", None, lambda lengths, n_keys: padding_mask(lengths, n_keys)[:, np.newaxis],
            "The entries are right, and there is an axis of size 1 in between. It will be needed when the mask meets "
            "scores; here the mask itself is asked for, (batch, n_keys).",
            "a `np.newaxis` or None too many.",
        ),
        WrongProgram(
            "on_the_query_axis", "M18", lambda lengths, n_keys: padding_mask(lengths, n_keys)[:, :, np.newaxis],
            "Your mask has an axis of size 1 behind the tokens, so they would be taken for queries. Padding is blocked "
            "as a key, for all queries; here (batch, n_keys) is asked for.",
            "a `np.newaxis` or None too many.",
        ),
        WrongProgram(
            "ones_and_zeros", None, lambda lengths, n_keys: padding_mask(lengths, n_keys).astype(int), _WHY_NUMBERS,
            _LOOK_NUMBERS,
        ),
        WrongProgram(
            "ones_mean_padding", "M15", lambda lengths, n_keys: 1 - padding_mask(lengths, n_keys).astype(int),
            "Your mask holds 1 where there is padding. Two things differ from what is asked for: True and False in "
            "place of numbers, and True for what is allowed.",
            "what a comparison such as `<` returns, and what it says.",
        ),
        WrongProgram(
            "added_to_the_scores", None,
            lambda lengths, n_keys: np.where(padding_mask(lengths, n_keys), 0, -np.inf), _WHY_ADDED,
            "the last step: what is chosen in place of True and False.",
        ),
    ),
    hints=(
        "Write the mask for lengths 2 and 3, padded to 4, on paper. Which entries of row 0 are True?",
        "Entry (b, j) compares the position of key j with the length of sequence b. Which comparison is it?",
        "np.arange(n_keys) gives positions. lengths needs an axis of size 1 behind it, so that each sequence meets "
        "every position.",
    ),
    points=1,
)  # fmt: skip


def _reveal_zero_score() -> str:
    weights, right = softmax([2.0, -1.0, 0.0]), softmax([2.0, -1.0, -np.inf])
    return (
        f"exp(0) is 1, and 1 is a share like any other. Scores 2, -1 and a blocked 0 give {weights[0]:.2f}, "
        f"{weights[1]:.2f} and {weights[2]:.2f}: the blocked key gets more than the allowed -1. With -inf they give "
        f"{right[0]:.2f}, {right[1]:.2f} and {right[2]:g}."
    )


def _reveal_mask_after_softmax() -> str:
    weights = softmax([1.0, 2.0, 0.0]) * [True, False, True]
    right = softmax([1.0, -np.inf, 0.0])
    return (
        f"The blocked key had taken its share already. Scores 1, 2 and 0, the second one blocked after softmax, give "
        f"{weights[0]:.2f}, {weights[1]:g} and {weights[2]:.2f}, in all {weights.sum():.2f}. Blocked before softmax "
        f"they give {right[0]:.2f}, {right[1]:g} and {right[2]:.2f}."
    )


def _reveal_nothing_allowed() -> str:
    scores = np.full(3, -np.inf)
    with np.errstate(all="ignore"):
        plain = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    constant, ours = softmax(np.full(3, -1e9)), softmax(scores)
    return (
        f"The largest score is -inf, and -inf - (-inf) is {number(plain[0])}; NaN then "
        f"spreads through every layer after it. With -1e9 in place of -inf each of three blocked keys would get "
        f"{constant[0]:.2f}. In this course such a query gets weights of {ours[0]:g}, and so an output of zeros."
    )


def _reveal_training() -> str:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(6, 3))
    weights = [rng.normal(size=(3, 2)) for _ in range(3)]
    at_once = self_attention(x, *weights, is_causal=True)
    one_by_one = np.array([self_attention(x[: place + 1], *weights)[-1] for place in range(6)])
    same = "the same numbers" if np.allclose(at_once, one_by_one) else "other numbers"
    return (
        f"The causal mask shows each token its own past, as if the sentence ended there: one pass gives {len(at_once)} "
        f"outputs, {same} as {len(one_by_one)} passes over ever longer beginnings. That is why training is parallel, "
        "and generation, where the next token is not there yet, is not."
    )


def _reveal_padding_in_front() -> str:
    behind, in_front = padding_mask([3], 5)[0], ~padding_mask([2], 5)[0]
    seen = [int((causal_mask(5) & ~real)[real].sum()) for real in (behind, in_front)]
    return (
        f"With 3 tokens padded to 5, the tokens see padding {seen[0]} times if it stands behind them and {seen[1]} "
        "times if it stands in front, which is where it is put for generation. A causal mask asks what comes later, a "
        "padding mask what is real; they are combined with `&`."
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_zero_score",
        lesson=LESSON,
        title="Prediction: a score of 0",
        asked="To block a key, its score is multiplied by 0. After softmax its weight is ...",
        options={"a": "0", "b": "above 0, and the smallest of the row", "c": "above 0, perhaps above others"},
        right="c",
        reveal=_reveal_zero_score,
        confusion="M12",
    ),
    ChoiceTask(
        name="predict_mask_after_softmax",
        lesson=LESSON,
        title="Prediction: first softmax, then the mask",
        asked="The weights of blocked keys are set to 0 after softmax. The row then sums to ...",
        options={"a": "1", "b": "less than 1", "c": "more than 1"},
        right="b",
        reveal=_reveal_mask_after_softmax,
        confusion="M13",
    ),
    ChoiceTask(
        name="predict_nothing_allowed",
        lesson=LESSON,
        title="Prediction: nothing allowed",
        asked="A query may attend to no key: all its scores are -inf. The formula of softmax, with the largest score "
        "subtracted, gives ...",
        options={"a": "zeros", "b": "equal weights", "c": "NaN"},
        right="c",
        reveal=_reveal_nothing_allowed,
        confusion="M16",
    ),
    ChoiceTask(
        name="predict_training",
        lesson=LESSON,
        title="Prediction: training",
        asked="A model with a causal mask reads a sentence of 6 tokens in one pass. For how many places can it learn "
        "from what it predicts there?",
        options={"a": "1, the last", "b": "6, all of them", "c": "none, since it takes one pass a token"},
        right="b",
        reveal=_reveal_training,
        confusion="M17",
    ),
    ChoiceTask(
        name="predict_padding_in_front",
        lesson=LESSON,
        title="Prediction: is the causal mask enough?",
        asked="Sentences are padded. With a causal mask alone, do real tokens attend to padding?",
        options={"a": "never", "b": "if it stands behind them", "c": "if it stands in front of them"},
        right="c",
        reveal=_reveal_padding_in_front,
        confusion="M18",
    ),
)

TASKS = (*_PREDICTIONS, CAUSAL_MASK, PADDING_MASK, MASKED_ATTENTION, BUG_HUNT_MASK)
