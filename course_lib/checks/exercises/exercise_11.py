"""Exercise 11: a real model: heads shared by groups, and heads found by what they do."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.attention import attention, induction_score, previous_token_score, repeat_kv, weighted_sum
from course_lib.checks.exercises.cases import Floats, draw_matrix, draw_scores
from course_lib.checks.tasks import Arguments, ChoiceTask, Family, FunctionTask, Named, Property, Stage, WrongProgram

LESSON = 11
TITLE = "A real model"


# Shared heads


def _shared_family(label: str, *shape: int, n_repeats: int, stage: Stage = "plain", single: bool = False) -> Family:
    def make(rng: np.random.Generator) -> Arguments:
        return {"x": draw_matrix(rng, *shape, dtype=np.float32 if single else np.float64), "n_repeats": n_repeats}

    return Family(label, make, stage)


def _all_mixed(x: Floats, n_repeats: int) -> Floats:
    n_heads, *rest = x.shape[-3:]
    return np.repeat(x, n_repeats, axis=-2).reshape(*x.shape[:-3], n_heads * n_repeats, *rest)


def _up_to(x: Floats, n_heads: int) -> Floats:
    return np.repeat(x, max(n_heads // x.shape[-3], 1), axis=-3)


def _spread(x: Floats, n_repeats: int) -> Floats:
    """Put each head into its group once, and zeros into the other places."""
    spread = np.zeros((*x.shape[:-3], x.shape[-3] * n_repeats, *x.shape[-2:]))
    spread[..., ::n_repeats, :, :] = x
    return spread


def _heads_follow(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    x, n_repeats = draw_matrix(rng, 3, 4, 2), 5
    repeated = call(x=x, n_repeats=n_repeats)
    for h in range(len(repeated)):
        if not np.allclose(repeated[h], x[h // n_repeats]):
            return f"In an example with 3 heads and n_repeats = 5, head {h} of the result is not head {h // n_repeats}."
    return None


_WHY_TURN = (
    "The heads come in turn, a, b, a, b, where a, a, b, b is asked for. Neighbouring query heads share a head of keys "
    "and values: query head h meets head h // n_repeats, and in your order it would meet another one."
)

REPEAT_KV = FunctionTask(
    name="repeat_kv",
    lesson=LESSON,
    title="Shared heads",
    asked="`repeat_kv(x, n_repeats)` repeats each head for its group of query heads: head h of the result, (n_heads, "
    "seq_len, d_k), is head h // n_repeats of x.",
    arguments=(Named("x", ("n_kv_heads", "seq_len", "d_k")), Named("n_repeats")),
    result=Named("repeated", ("n_heads", "seq_len", "d_k")),
    reference=repeat_kv,
    families=(
        _shared_family("2 heads, 3 times each", 2, 4, 5, n_repeats=3),
        _shared_family("3 heads, 2 times each", 3, 2, 4, n_repeats=2),
        _shared_family("one head for all", 1, 3, 2, n_repeats=4),
        _shared_family("each head once", 3, 4, 2, n_repeats=1),
        _shared_family("a batch", 2, 3, 5, 4, n_repeats=3, stage="batched"),
        _shared_family("two leading axes", 6, 2, 3, 4, 5, n_repeats=2, stage="batched"),
        _shared_family("float32", 2, 5, 3, n_repeats=4, stage="precision", single=True),
    ),
    separators=(_shared_family("a cube", 2, 2, 2, n_repeats=2), _shared_family("a long cube", 2, 2, 2, 2, n_repeats=2)),
    programs=(
        WrongProgram(
            "in_turn", None, lambda x, n_repeats: np.concatenate([x] * n_repeats, axis=-3), _WHY_TURN,
            "`tile` or `concatenate`: which function repeats entry by entry?",
        ),
        WrongProgram(
            "tokens_repeated", None, lambda x, n_repeats: np.repeat(x, n_repeats, axis=-2),
            "The tokens are repeated, each n_repeats times. It is the heads that are: a text does not get longer.",
            "the axis: which one counts the heads, from the end?",
        ),
        WrongProgram(
            "tokens_repeated_in_turn", None, lambda x, n_repeats: np.concatenate([x] * n_repeats, axis=-2),
            "The text stands there several times, one after the other. It is the heads that are repeated.",
            "the axis: which one counts the heads, from the end?",
        ),
        WrongProgram(
            "components_repeated", None, lambda x, n_repeats: np.repeat(x, n_repeats, axis=-1),
            "The components are repeated, so that keys get longer. It is the heads that are repeated.",
            "the axis: which one counts the heads, from the end?",
        ),
        WrongProgram(
            "axis_0_repeated", None, lambda x, n_repeats: np.repeat(x, n_repeats, axis=0),
            "Axis 0 is repeated, which is the heads' axis only where there is no batch. Count from the end, so that "
            "leading axes stay as they are.",
            "the axis, counted from the end.",
        ),
        WrongProgram(
            "reshaped", "M20", _all_mixed,
            "The shape is right, and the tokens are mixed: they were repeated first, and reshape then cut the row at "
            "new places. A head must keep its tokens together.",
            "a `reshape`, and along which axis was repeated before it.",
        ),
        WrongProgram(
            "axis_left_over", None, lambda x, n_repeats: np.repeat(x[..., np.newaxis, :, :], n_repeats, axis=-3),
            "The copies of each head have an axis of their own. Heads and copies become one axis, the heads first.",
            "the last step: two axes have to be joined.",
        ),
        WrongProgram(
            "copies_in_front", None,
            lambda x, n_repeats: np.broadcast_to(x, (n_repeats, *x.shape)),
            "The copies have an axis of their own, in front. Heads and copies become one axis, the heads first.",
            "the last step: two axes have to be joined.",
        ),
        WrongProgram(
            "not_repeated", None, lambda x, n_repeats: x,
            "Nothing is repeated: there are as many heads as before.",
            "where n_repeats occurs in your function.",
        ),
        WrongProgram(
            "up_to_n_repeats_heads", None, _up_to,
            "You took n_repeats for the number of heads in the end. It says how often each head is repeated.",
            "a division by the number of heads.",
        ),
        WrongProgram(
            "zeros_between", None, _spread,
            "Each head stands at its first place only, with zeros in the others of its group. All places of a group "
            "hold the same head.",
            "a slice with steps that is filled once.",
        ),
    ),
    properties=(Property("Query head h meets head h // n_repeats.", _heads_follow),),
    hints=(
        "With 6 query heads and 2 heads of keys, which of the two does each query head use? Write down the six.",
        "Each head is repeated in place, n_repeats times, before the next one comes. NumPy has a function that repeats "
        "entries, and another that repeats the whole.",
        "Choose the axis from the end: d_k is -1, seq_len is -2. And how would a new axis, a broadcast and a reshape "
        "do the same without copying by hand?",
    ),
    points=1,
)  # fmt: skip


# Heads found by what they do

WEIGHTS = Named("weights", ("n_heads", "seq_len", "seq_len"))
SCORE = Named("score", ("n_heads",))


def _softmax_rows(scores: Floats) -> Floats:
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights


def _head_family(
    label: str, *leading: int, seq_len: int, period: int | None = None, causal: bool = False, stage: Stage = "plain",
    single: bool = False,
) -> Family:  # fmt: skip
    def make(rng: np.random.Generator) -> Arguments:
        scores = np.asarray(draw_scores(rng, *leading, seq_len, seq_len)["scores"])
        if causal:
            scores = np.where(np.tri(seq_len, dtype=bool), scores, -np.inf)
        weights = _softmax_rows(scores).astype(np.float32 if single else np.float64)
        return {"weights": weights} | ({} if period is None else {"period": period})

    return Family(label, make, stage)


def _along(weights: Floats, queries: Any, keys: Any) -> Floats:
    """Return the weights that the queries give to the keys, pair by pair, (..., n_pairs)."""
    pairs: Floats = weights[..., np.asarray(queries), np.asarray(keys)]
    return pairs


def _mean_to(key_of: Callable[[Any, int], Any], first: Callable[[int], int]) -> Callable[[Floats, int], Floats]:
    """Return a program: the mean weight that query i >= ``first(period)`` gives to ``key_of(i, period)``."""

    def program(weights: Floats, period: int) -> Floats:
        i = np.arange(first(period), weights.shape[-1])
        keys = key_of(i, period)
        inside = (keys >= 0) & (keys < weights.shape[-1])
        mean: Floats = _along(weights, i[inside], keys[inside]).mean(axis=-1)
        return mean

    return program


def _repeated(weights: Floats, period: int) -> Floats:
    """Return what each query from the second block on gives to the token after its last appearance."""
    i = np.arange(period, weights.shape[-1])
    return _along(weights, i, i - period + 1)


def _hard(weights: Floats, period: int) -> Floats:
    i = np.arange(period, weights.shape[-1])
    share: Floats = (weights[..., i, :].argmax(axis=-1) == i - period + 1).mean(axis=-1)
    return share


def _induction_wrapped(weights: Floats, period: int) -> Floats:
    i = np.arange(weights.shape[-1])
    mean: Floats = _along(weights, i, i - period + 1).mean(axis=-1)
    return mean


def _second_block(weights: Floats, period: int) -> Floats:
    i = np.arange(period, min(2 * period, weights.shape[-1]))
    mean: Floats = _along(weights, i, i - period + 1).mean(axis=-1)
    return mean


def _every_earlier(weights: Floats, period: int) -> Floats:
    """Add up what goes to all earlier tokens of that kind, not only to the last one."""
    n = weights.shape[-1]
    i, j = np.arange(n)[:, np.newaxis], np.arange(n)
    wanted = (j < i) & ((i + 1 - j) % period == 0) & (i >= period)
    totals: Floats = (weights * wanted).sum(axis=(-2, -1)) / (n - period)
    return totals


_LOOK_PLACE = "the key: write down the tokens A B C A B C, and for query 3 the key that the score asks about."
_LOOK_COUNT = "how many queries are counted, and which is the first."
_WHY_TOKEN = "The score asks about the token that came after its last appearance, which is key i - period + 1."


def _shared_score_programs(score: Callable[..., Any], what: str) -> tuple[WrongProgram, ...]:
    """Return the mistakes that both scores know."""
    return (
        WrongProgram(
            "one_for_all_heads", None, lambda *arguments: score(*arguments).mean(axis=-1),
            "You took the mean over the heads as well. Heads are to be compared, so each keeps its number.",
            "the axes of the mean: heads are not among them.",
        ),
        WrongProgram(
            "keys_ask", "M07", lambda weights, *rest: score(weights.swapaxes(-1, -2), *rest),
            f"Rows and columns have changed places: you asked what the key gives to the query. {what}",
            "the order of the two indices: a row belongs to a query.",
        ),
    )  # fmt: skip


INDUCTION_SCORE = FunctionTask(
    name="induction_score",
    lesson=LESSON,
    title="Induction heads",
    asked="The text is a block of `period` tokens, repeated. `induction_score(weights, period)` returns, for each "
    "head, (n_heads,), the mean weight that query i gives to key i - period + 1, over all queries i >= period.",
    arguments=(WEIGHTS, Named("period")),
    result=SCORE,
    reference=induction_score,
    families=(
        _head_family("2 heads, a block of 3 tokens twice", 2, seq_len=6, period=3),
        _head_family("a block of 3 tokens three times", 2, seq_len=9, period=3),
        _head_family("a block of 4 tokens, and half of it", 3, seq_len=10, period=4),
        _head_family("a block of 2 tokens", 3, seq_len=6, period=2, causal=True),
        _head_family("a single head", 1, seq_len=8, period=4, causal=True),
        _head_family("a batch", 3, 2, seq_len=7, period=3, stage="batched"),
        _head_family("float32", 2, seq_len=8, period=3, stage="precision", single=True),
    ),
    separators=(_head_family("a cube", 7, seq_len=7, period=3),),
    programs=(
        WrongProgram(
            "its_own_last_appearance", None, _mean_to(lambda i, period: i - period, lambda period: period),
            f"You look at key i - period: the token's own last appearance. {_WHY_TOKEN}",
            _LOOK_PLACE,
        ),
        WrongProgram(
            "two_after", None, _mean_to(lambda i, period: i - period + 2, lambda period: period),
            f"You look one key too far, at i - period + 2. {_WHY_TOKEN}",
            _LOOK_PLACE,
        ),
        WrongProgram(
            "before_it", None, _mean_to(lambda i, period: i - period - 1, lambda period: period + 1),
            f"You look at key i - period - 1: the token before its last appearance. {_WHY_TOKEN}",
            _LOOK_PLACE,
        ),
        WrongProgram(
            "just_before", None, _mean_to(lambda i, period: i - 1, lambda period: period),
            f"You look at the token right before, key i - 1. {_WHY_TOKEN}",
            _LOOK_PLACE,
        ),
        WrongProgram(
            "whole_diagonal", None, _mean_to(lambda i, period: i - period + 1, lambda period: period - 1),
            "You count one query too many: query period - 1 is the last of the first block, and its token has not come "
            "before. The first to count is query `period`.",
            "where a diagonal begins: its first entry belongs to key 0, and to which query?",
        ),
        WrongProgram(
            "all_queries_wrapped", None, _induction_wrapped,
            "You count the queries of the first block as well. For them i - period + 1 is negative, and negative "
            "indices count from the end.",
            _LOOK_COUNT,
        ),
        WrongProgram(
            "divided_by_all", None,
            lambda weights, period: _repeated(weights, period).sum(axis=-1) / weights.shape[-1],
            "You divided by the number of all queries. Those of the first block are not in the sum, so they do not "
            "count.",
            "what the sum is divided by.",
        ),
        WrongProgram(
            "summed", None, lambda weights, period: _repeated(weights, period).sum(axis=-1),
            "The weights are added up, and not divided by their number. A longer text would give a higher score.",
            "a `sum` where a mean is meant.",
        ),
        WrongProgram(
            "for_each_query", None, _repeated,
            "Each query has a number of its own. One number for each head is asked for: their mean.",
            "the last step: which axis vanishes?",
        ),
        WrongProgram(
            "second_block_only", None, _second_block,
            "Only the second block is counted. In the third and later ones tokens come again as well.",
            "where the queries end: at the end of the text.",
        ),
        WrongProgram(
            "every_appearance", None, _every_earlier,
            "You added what goes to the tokens after all earlier appearances. The score asks about the last one only, "
            "one key for each query.",
            "how many keys are counted for a query of the third block.",
        ),
        WrongProgram(
            "largest_weight_only", "M11", _hard,
            "You counted how often the largest weight goes there. The weights themselves are asked for: half of the "
            "attention counts half.",
            "an `argmax`.",
        ),
        *_shared_score_programs(induction_score, "Weights[i, j] is what query i gives to key j."),
    ),
    hints=(
        "Write down the tokens of two blocks, A B C A B C, with their numbers. When the second A asks, where is the "
        "token that came after the first A?",
        "Query i and key i - period + 1 are one entry of the table. Which i are allowed, so that the token has come "
        "before?",
        "Two index arrays of one length pick entry by entry: one with the queries, one with their keys. Heads stay in "
        "front with `...`, and the mean runs over the picked ones.",
    ),
    points=1,
)  # fmt: skip


def _previous(key_of: Callable[[Any], Any], first: int) -> Callable[[Floats], Floats]:
    """Return a program: the mean weight that query i >= `first` gives to ``key_of(i)``."""

    def program(weights: Floats) -> Floats:
        i = np.arange(first, weights.shape[-1])
        mean: Floats = _along(weights, i, key_of(i)).mean(axis=-1)
        return mean

    return program


def _to_previous(weights: Floats) -> Floats:
    i = np.arange(1, weights.shape[-1])
    return _along(weights, i, i - 1)


def _hard_previous(weights: Floats) -> Floats:
    i = np.arange(1, weights.shape[-1])
    share: Floats = (weights[..., i, :].argmax(axis=-1) == i - 1).mean(axis=-1)
    return share


def _whole_past(weights: Floats) -> Floats:
    n = weights.shape[-1]
    totals: Floats = (weights * np.tri(n, k=-1)).sum(axis=(-2, -1)) / (n - 1)
    return totals


PREVIOUS_TOKEN_SCORE = FunctionTask(
    name="previous_token_score",
    lesson=LESSON,
    title="Previous-token heads",
    asked="`previous_token_score(weights)` returns, for each head, (n_heads,), the mean weight that query i gives to "
    "key i - 1, over all queries i >= 1.",
    arguments=(WEIGHTS,),
    result=SCORE,
    reference=previous_token_score,
    families=(
        _head_family("2 heads and 4 tokens", 2, seq_len=4),
        _head_family("3 heads and 5 tokens", 3, seq_len=5),
        _head_family("a causal head", 1, seq_len=6, causal=True),
        _head_family("two tokens", 3, seq_len=2),
        _head_family("a batch", 3, 2, seq_len=5, stage="batched"),
        _head_family("float32", 2, seq_len=6, stage="precision", single=True),
    ),
    separators=(_head_family("a cube", 5, seq_len=5),),
    programs=(
        WrongProgram(
            "itself", None, _previous(lambda i: i, 0),
            "You look at the diagonal: what each token gives to itself. The one before it is asked for.",
            "the two indices: they differ by 1.",
        ),
        WrongProgram(
            "itself_without_the_first", None, _previous(lambda i: i, 1),
            "You look at what each token gives to itself. The one before it is asked for.",
            "the two indices: they differ by 1.",
        ),
        WrongProgram(
            "two_back", None, lambda weights: (
                _along(weights, np.arange(2, weights.shape[-1]), np.arange(weights.shape[-1] - 2)).sum(axis=-1)
                / max(weights.shape[-1] - 2, 1)
            ),
            "You look two tokens back. The one right before is asked for.",
            "the two indices: they differ by 1.",
        ),
        WrongProgram(
            "wrapped", None, _previous(lambda i: i - 1, 0),
            "You count query 0 as well. It has no token before it, and the index -1 means the last one.",
            "where the queries begin.",
        ),
        WrongProgram(
            "divided_by_all", None, lambda weights: _to_previous(weights).sum(axis=-1) / weights.shape[-1],
            "You divided by the number of all queries. The first has no token before it and is not in the sum.",
            "what the sum is divided by.",
        ),
        WrongProgram(
            "summed", None, lambda weights: _to_previous(weights).sum(axis=-1),
            "The weights are added up, and not divided by their number. A longer text would give a higher score.",
            "a `sum` where a mean is meant.",
        ),
        WrongProgram(
            "largest", None, lambda weights: _to_previous(weights).max(axis=-1),
            "You took the largest of the weights. Their mean is asked for: one query alone says little about a head.",
            "a `max`.",
        ),
        WrongProgram(
            "for_each_query", None, _to_previous,
            "Each query has a number of its own. One number for each head is asked for: their mean.",
            "the last step: which axis vanishes?",
        ),
        WrongProgram(
            "whole_past", None, _whole_past,
            "You added up what goes to all earlier tokens. Only the one right before counts.",
            "a `tril` or a slice: one entry of each row is asked for.",
        ),
        WrongProgram(
            "largest_weight_only", "M11", _hard_previous,
            "You counted how often the largest weight goes there. The weights themselves are asked for: half of the "
            "attention counts half.",
            "an `argmax`.",
        ),
        *_shared_score_programs(previous_token_score, "So yours is about the next token."),
    ),
    hints=(
        "Mark the entries of a 4 x 4 table that the score asks about. On which line do they lie? How many are they?",
        "They lie one below the diagonal. `np.diagonal` has an offset and knows which two axes are meant; two index "
        "arrays of one length do the same.",
        "The queries are 1, 2, ... and their keys 0, 1, ...: pick these entries for every head with `...` in front, "
        "and take the mean over them.",
    ),
    points=1,
)  # fmt: skip


# Predictions


def _reveal_without_mask() -> str:
    query, key = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    value = np.array([[1.0], [5.0], [9.0]])
    masked, open_to_all = attention(query, key, value, is_causal=True), attention(query, key, value)
    return (
        f"With the mask token 0 reads itself only, and its output is {masked[0, 0]:.0f}. Without it, it reads what "
        f"comes after it as well: {open_to_all[0, 0]:.1f}. The words are all there, but in training no token ever saw "
        "a later one, so every layer above now meets vectors that it has never learned to read. The mask belongs to "
        "the model, not to the training alone."
    )


def _reveal_without_one_head() -> str:
    parts = np.array([0.1, -0.2, 3.0, 0.1])
    return (
        "A layer adds up what its heads bring, and nothing says that they bring equal parts. If four heads bring "
        f"{', '.join(f'{part:g}' for part in parts)}, leaving out one of them changes the sum of {parts.sum():g} by "
        f"{abs(parts[0]):g} or by {parts[2]:g}, according to which. Most heads are hardly missed on a given text. The "
        "one that does what this text needs is. Run the next cell and see."
    )


def _reveal_borrowed_weights() -> str:
    weights = np.array([[0.9, 0.1]])
    france, italy = np.array([[4.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 4.0], [1.0, 1.0]])
    outputs = [weighted_sum(weights, value)[0] for value in (france, italy)]
    return (
        "Weights say how much of each value is taken, and the values are another thing. The same weights 0.9 and 0.1 "
        f"make [{outputs[0][0]:.1f}, {outputs[0][1]:.1f}] of one text's values and [{outputs[1][0]:.1f}, "
        f"{outputs[1][1]:.1f}] of the other's. So two answers may differ while all weights are equal, and then the "
        "weights are not the reason."
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_without_mask",
        lesson=LESSON,
        title="Prediction: a question without the mask",
        asked="The model reads a question that is all there, and the causal mask is left out. Its answer is ...",
        options={"a": "the same, since no word is missing", "b": "a different one", "c": "better than before"},
        right="b",
        reveal=_reveal_without_mask,
        confusion="M17",
    ),
    ChoiceTask(
        name="predict_without_one_head",
        lesson=LESSON,
        title="Prediction: 269 heads of 270",
        asked="The text repeats a block of random tokens. Of the 270 heads, the one with the highest induction score "
        "is left out. In the second block the model gets ...",
        options={"a": "hardly worse, since 269 heads are left", "b": "clearly worse", "c": "better"},
        right="b",
        reveal=_reveal_without_one_head,
        confusion="M26",
    ),
    ChoiceTask(
        name="predict_borrowed_weights",
        lesson=LESSON,
        title="Prediction: borrowed weights",
        asked='The model reads "The capital of Italy is", but all 270 heads must use the weights that they had on "The '
        'capital of France is". It goes on with ...',
        options={"a": "Paris", "b": "Rome", "c": "neither of the two"},
        right="b",
        reveal=_reveal_borrowed_weights,
        confusion="M25",
    ),
)

TASKS = (*_PREDICTIONS, REPEAT_KV, PREVIOUS_TOKEN_SCORE, INDUCTION_SCORE)
