"""Exercise 09: cost: the online softmax, a sliding window, decoding with a cache."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.attention import KeyValueCache, attention, scaled_scores, sliding_window_mask
from course_lib.checks.exercises.exercise_09_cache import DECODE_STEP, LESSON
from course_lib.checks.exercises.exercise_09_online import ONLINE_ATTENTION
from course_lib.checks.tasks import (
    Arguments,
    ChoiceTask,
    Distractor,
    Family,
    FunctionTask,
    Named,
    OrderTask,
    WrongProgram,
)

TITLE = "Cost"

Truths = NDArray[np.bool_]


def _window_family(label: str, seq_len: int | tuple[int, int], window: int | tuple[int, int]) -> Family:
    """Return a family of a length and a window; a pair stands for one drawn between the two."""

    def make(rng: np.random.Generator) -> Arguments:
        return {
            name: size if isinstance(size, int) else int(rng.integers(size[0], size[1] + 1))
            for name, size in (("seq_len", seq_len), ("window", window))
        }

    return Family(label, make)


def _where(allowed: Any) -> Any:
    """Return a program that allows what ``allowed(i, j, window)`` says."""

    def program(seq_len: int, window: int) -> Any:
        i, j = np.arange(seq_len)[:, np.newaxis], np.arange(seq_len)
        return np.broadcast_to(allowed(i, j, window), (seq_len, seq_len))

    return program


def _right(seq_len: int, window: int) -> Truths:
    return sliding_window_mask(seq_len, seq_len, window)


_LOOK_DISTANCE = "the comparison: how far is key j from query i, and how far may it be?"

SLIDING_WINDOW_MASK = FunctionTask(
    name="sliding_window_mask",
    lesson=LESSON,
    title="A sliding window",
    asked="`sliding_window_mask(seq_len, window)` returns True where query i may attend to key j, (seq_len, seq_len): "
    "from i - window to i + window, both included. True = may attend.",
    arguments=(Named("seq_len"), Named("window")),
    result=Named("mask", ("seq_len", "seq_len")),
    reference=_right,
    families=(
        _window_family("a window of 1", (4, 6), 1),
        _window_family("a window of 2", (6, 9), 2),
        _window_family("a window of 3", (8, 9), 3),
        _window_family("a window of 0: each token itself", (3, 5), 0),
        _window_family("a window wider than the text", (3, 5), (6, 9)),
        _window_family("a single token", 1, 2),
    ),
    programs=(
        WrongProgram(
            "turned_round", "M15", lambda seq_len, window: ~_right(seq_len, window),
            "In this course True means may attend; other libraries mean the opposite, so it is worth looking at each "
            "time.",
            "what True stands for: one `~`, or another comparison.",
        ),
        WrongProgram(
            "one_too_narrow", None, _where(lambda i, j, window: np.abs(i - j) < window),
            "The window is one too narrow: keys exactly `window` tokens away are inside.",
            "`<` or `<=`.",
        ),
        WrongProgram(
            "one_too_wide", None, _where(lambda i, j, window: np.abs(i - j) <= window + 1),
            "The window is one too wide: keys `window` tokens away are the last ones inside.",
            _LOOK_DISTANCE,
        ),
        WrongProgram(
            "window_in_all", None, _where(lambda i, j, window: np.abs(i - j) <= window // 2),
            "You took the window for the width of both sides together. Here it reaches `window` tokens to each side.",
            _LOOK_DISTANCE,
        ),
        WrongProgram(
            "last_key_left_out", None, _where(lambda i, j, window: (j >= i - window) & (j < i + window)),
            "The key at i + window is missing, and the one at i - window is there. Both ends are included; a range or "
            "a slice leaves out its end.",
            "the right end of each row: `<`, a slice or a range.",
        ),
        WrongProgram(
            "no_bound_to_the_right", None, _where(lambda i, j, window: i - j <= window),
            "The difference i - j has a sign: for keys after the query it is negative, and so always small enough. The "
            "distance is |i - j|.",
            _LOOK_DISTANCE,
        ),
        WrongProgram(
            "no_bound_to_the_left", None, _where(lambda i, j, window: j - i <= window),
            "The difference j - i has a sign: for keys before the query it is negative, and so always small enough. "
            "The distance is |i - j|.",
            _LOOK_DISTANCE,
        ),
        WrongProgram(
            "past_only", None, _where(lambda i, j, window: (j <= i) & (i - j <= window)),
            "Keys after the query are forbidden, as by a causal mask. This window reaches to both sides; a causal mask "
            "can be combined with it.",
            "a `tril`, or a second comparison.",
        ),
        WrongProgram(
            "causal_mask", None, _where(lambda i, j, window: j <= i),
            "This is the causal mask, and `window` plays no part in it.",
            "where window occurs in your function.",
        ),
        WrongProgram(
            "blocks", None, _where(lambda i, j, window: i // (window + 1) == j // (window + 1)),
            "These are blocks: neighbours on two sides of a border do not see each other. The window slides along, one "
            "token at a time.",
            "a `//`: the distance needs a difference.",
        ),
        WrongProgram(
            "not_itself", None, _where(lambda i, j, window: (i != j) & (np.abs(i - j) <= window)),
            "A token may not attend to itself in yours. Distance 0 is inside every window.",
            "the diagonal.",
        ),
        WrongProgram(
            "round_the_end", None,
            lambda seq_len, window: np.any(
                [np.roll(np.eye(seq_len, dtype=bool), shift, axis=1) for shift in range(-window, window + 1)], axis=0
            ),
            "The window goes round the end: the last token sees the first ones. A text has two ends.",
            "a `roll` or a `%`; also negative indices, which count from the end.",
        ),
        WrongProgram(
            "added_numbers", None,
            lambda seq_len, window: np.where(_right(seq_len, window), 0.0, -np.inf),
            "These are numbers to be added to scores, 0 and -inf. A mask of True and False is asked for, which the "
            "step that applies it turns into such numbers.",
            "a `where` with numbers: the comparison before it is the mask.",
        ),
    ),
    hints=(
        "A row belongs to a query, and its True entries are the keys near it. What does the table look like for 4 "
        "tokens and a window of 1?",
        "Put the query numbers in a column and the key numbers in a row; their difference is a table of distances.",
        "One comparison makes True and False out of the table of distances. Which sign must not matter, and is the "
        "window's own distance inside?",
    ),
    points=1,
)  # fmt: skip


# Put the lines in order


def _draw_step(rng: np.random.Generator) -> Arguments:
    """Draw what one step of the online softmax starts from: what was summed so far, and a block that rises above it."""
    before, levels = np.round(rng.normal(size=(3, 4)), 2), np.array([[1.5], [-1.5], [0.5]])
    scores = np.round(rng.normal(size=(3, 2)) + levels, 2)
    largest = before.max(axis=-1, keepdims=True)
    exponentials = np.exp(before - largest)
    mixed = exponentials @ np.round(rng.normal(size=(4, 5)), 2)
    return {
        "largest": largest, "total": exponentials.sum(axis=-1, keepdims=True), "mixed": mixed, "scores": scores,
        "value": np.round(rng.normal(size=(2, 5)), 2),
    }  # fmt: skip


def _joined(largest: Any, total: Any, mixed: Any, scores: Any, value: Any) -> Any:
    """Return the output after the block, from exponentials that nothing was subtracted from."""
    old, new = np.exp(largest), np.exp(scores)
    return (old * mixed + new @ value) / (old * total + new.sum(axis=-1, keepdims=True))


ORDER_ONLINE_SOFTMAX = OrderTask(
    name="order_online_softmax",
    lesson=LESSON,
    title="Put the online softmax in order",
    asked="Choose and order the lines so that they take one more block of keys in: from largest, total and mixed so "
    "far, and the block's scores and value, to output.",
    lines={
        "A": "total = total * fade + exponentials.sum(axis=-1, keepdims=True)",
        "B": "output = mixed / total",
        "C": "risen = np.maximum(largest, scores.max(axis=-1, keepdims=True))",
        "D": "mixed = mixed + exponentials @ value",
        "E": "exponentials = np.exp(scores - risen)",
        "F": "risen = scores.max(axis=-1, keepdims=True)",
        "G": "fade = np.exp(largest - risen)",
        "H": "total = total * fade + exponentials.sum(axis=0)",
        "I": "mixed = mixed * fade + exponentials @ value",
    },
    given=("largest", "total", "mixed", "scores", "value"),
    result="output",
    solution="CGEAIB",
    distractors={
        "D": Distractor(
            None,
            "What was mixed so far is counted against the old maximum, and the block against the new one: before they "
            "are added, the old mix has to fade.",
        ),
        "F": Distractor(
            None,
            "The block's own maximum may lie far below an earlier one. Then the factor for the old sums is exp of "
            "something large, and overflows.",
        ),
        "H": Distractor(
            "M06",
            "A sum over axis 0 runs over the queries. Each query adds up the exponentials of its own row, over the "
            "keys of the block.",
        ),
    },
    make=_draw_step,
    reference=_joined,
    without={
        "A": (
            None,
            "The block's exponentials are mixed in, and missing in the sum that all is divided by.",
            "The sum is updated too late: the output has used it already.",
        ),
        "I": (
            None,
            "The block's values are missing: nothing mixes them in.",
            "The values are mixed in too late: the output has used the mix already.",
        ),
    },
    hints=(
        "Follow the names: a line can only use what is given or what a line above it has made.",
        "First the new maximum, then what depends on it: how much the old sums fade, and the block's exponentials. "
        "Then both sums, then one division. Six lines.",
        "Three lines are wrong in a small way. Compare the lines that make the same name: does everything old fade, is "
        "the maximum never lowered, and which axis holds the keys?",
    ),
    points=1,
)  # fmt: skip


# Predictions


def _reveal_longer_text() -> str:
    few, many = (scaled_scores(np.ones((n, 2)), np.ones((n, 2))).size for n in (25, 100))
    return (
        f"Each of n queries meets each of n keys. With 25 tokens there are {few} scores, with 100 there are {many}: "
        f"{many / few:g} times as many, since both sides have become 4 times as long."
    )


def _reveal_cache_reads() -> str:
    rng = np.random.default_rng(9)
    query, key, value = (rng.normal(size=(6, 4)) for _ in range(3))
    cache, outputs = KeyValueCache(), []
    for t in range(6):
        keys, values = cache.append(key[t : t + 1], value[t : t + 1])
        outputs.append(attention(query[t : t + 1], keys, values))
    full = attention(query, key, value, is_causal=True)
    furthest = float(np.abs(np.concatenate(outputs) - full).max())
    return (
        "Row t of the output is made of query t, all keys and all values up to t: no other query occurs in it. "
        f"Decoding 6 tokens with a cache of keys and values differs from a full pass by "
        f"{furthest:.0f}, and each step reads one query."
    )


def _reveal_shared_heads() -> str:
    sizes = []
    for n_kv_heads in (8, 2):
        cache = KeyValueCache()
        keys, values = cache.append(np.ones((n_kv_heads, 100, 16)), np.ones((n_kv_heads, 100, 16)))
        sizes.append(keys.size + values.size)
    query = np.ones((8, 1, 16))
    n_heads = attention(query, keys, values).shape[0]
    return (
        f"The cache holds keys and values, and there are fewer of both: for 100 tokens and d_k = 16 it is {sizes[0]} "
        f"numbers with 8 heads for keys and values, and {sizes[1]} with 2, {sizes[0] / sizes[1]:g} times fewer. The "
        f"output still has {n_heads} heads: queries are not cached."
    )


def _reveal_window_reach() -> str:
    step = np.tri(12, dtype=bool) & sliding_window_mask(12, 12, (2, 0))
    ways = [np.linalg.matrix_power(step.astype(int), n_layers)[11] for n_layers in (1, 2, 3)]
    reach = [int(11 - np.flatnonzero(to_last)[0]) for to_last in ways]
    return (
        f"In each layer a token collects what its neighbours have collected before. From the last of 12 tokens the "
        f"reach is {reach[0]} tokens after one layer, {reach[1]} after two, {reach[2]} after three."
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_longer_text",
        lesson=LESSON,
        title="Prediction: a longer text",
        asked="A text gets 4 times as long. The number of scores gets ...",
        options={"a": "4 times as large", "b": "8 times as large", "c": "16 times as large"},
        right="c",
        reveal=_reveal_longer_text,
    ),
    ChoiceTask(
        name="predict_cache_reads",
        lesson=LESSON,
        title="Prediction: what a new token reads",
        asked="A model writes its next token. Which vectors of the earlier tokens does attention need?",
        options={"a": "queries, keys and values", "b": "keys and values", "c": "only the values"},
        right="b",
        reveal=_reveal_cache_reads,
        confusion="M27",
    ),
    ChoiceTask(
        name="predict_shared_heads",
        lesson=LESSON,
        title="Prediction: shared heads",
        asked="8 query heads share 2 heads of keys and values. Compared with 8 of each, the cache is ...",
        options={"a": "4 times smaller", "b": "16 times smaller", "c": "as large"},
        right="a",
        reveal=_reveal_shared_heads,
    ),
    ChoiceTask(
        name="predict_window_reach",
        lesson=LESSON,
        title="Prediction: through three layers",
        asked="Each token sees itself and the 2 tokens before it. After 3 layers, information has come from how far "
        "back?",
        options={"a": "2 tokens", "b": "6 tokens", "c": "8 tokens"},
        right="b",
        reveal=_reveal_window_reach,
    ),
)

TASKS = (*_PREDICTIONS, SLIDING_WINDOW_MASK, ORDER_ONLINE_SOFTMAX, ONLINE_ATTENTION, DECODE_STEP)
