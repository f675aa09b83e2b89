"""Exercise 07: several heads side by side, each with queries, keys and values of its own."""

import numpy as np

from course_lib.attention import (
    attention,
    merge_heads,
    multi_head_attention,
    project,
    softmax,
    split_heads,
)
from course_lib.checks.exercises.cases import Floats, draw_matrix, draw_self_attention
from course_lib.checks.exercises.exercise_07_multi_head import BUG_HUNT_HEADS, LESSON, MULTI_HEAD_ATTENTION
from course_lib.checks.exercises.heads import (
    LOOK_DEALT_OUT,
    LOOK_MERGE,
    LOOK_SPLIT,
    WHY_DEALT_OUT,
    WHY_MERGED_AT_ONCE,
    WHY_SPLIT_AT_ONCE,
    deal_out,
    merge_at_once,
    merge_in_turn,
    split_at_once,
)
from course_lib.checks.tasks import (
    Arguments,
    ChoiceTask,
    Distractor,
    Family,
    FunctionTask,
    Named,
    OrderTask,
    Stage,
    WrongProgram,
)

TITLE = "Multi-head attention"

HEADS = Named("heads", ("n_heads", "seq_len", "d_k"))


def _split_family(
    label: str, seq_len: int, n_heads: int, d_k: int, *, leading: tuple[int, ...] = (), stage: Stage = "plain",
    single: bool = False,
) -> Family:  # fmt: skip
    def make(rng: np.random.Generator) -> Arguments:
        dtype = np.float32 if single else np.float64
        return {"x": draw_matrix(rng, *leading, seq_len, n_heads * d_k, dtype=dtype), "n_heads": n_heads}

    return Family(label, make, stage)


def _merge_family(
    label: str, seq_len: int, n_heads: int, d_k: int, *, leading: tuple[int, ...] = (), stage: Stage = "plain",
    single: bool = False,
) -> Family:  # fmt: skip
    def make(rng: np.random.Generator) -> Arguments:
        return {"x": draw_matrix(rng, *leading, n_heads, seq_len, d_k, dtype=np.float32 if single else np.float64)}

    return Family(label, make, stage)


def _merged_after_the_wrong_swap(heads: Floats) -> Floats:
    return heads.swapaxes(-1, -2).reshape(*heads.shape[:-3], heads.shape[-2], -1)


def _cut(x: Floats, n_heads: int) -> Floats:
    """Cut the components in two axes, and leave the order of the axes as it is."""
    return x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads)


SPLIT_HEADS = FunctionTask(
    name="split_heads",
    lesson=LESSON,
    title="Split into heads",
    asked="`split_heads(x, n_heads)` gives each head its block of every token's components: (n_heads, seq_len, d_k), "
    "with d_k = d_model / n_heads.",
    arguments=(Named("x", ("seq_len", "d_model")), Named("n_heads")),
    result=HEADS,
    reference=split_heads,
    families=(
        _split_family("2 heads", 4, 2, 3),
        _split_family("3 heads", 5, 3, 4),
        _split_family("one head", 3, 1, 4),
        _split_family("one component a head", 4, 5, 1),
        _split_family("a single token", 1, 3, 2),
        _split_family("leading axes", 4, 3, 5, leading=(2,), stage="batched"),
        _split_family("leading axes", 4, 5, 7, leading=(2, 3), stage="batched"),
        _split_family("float32", 5, 2, 4, stage="precision", single=True),
    ),
    separators=(
        _split_family("a square", 4, 2, 2), _split_family("a cube", 3, 3, 3), _split_family("more tokens", 6, 3, 4)
    ),
    programs=(
        WrongProgram("split_at_once", "M20", split_at_once, WHY_SPLIT_AT_ONCE, LOOK_SPLIT),
        WrongProgram(
            "axes_not_swapped", "M20", _cut,
            "The components are cut in two axes, (seq_len, n_heads, d_k), and that is where you stopped. The heads "
            "have to come first, so that each of them is a table of tokens and components.",
            "the order of the axes: which two have to change places?",
        ),
        WrongProgram("dealt_out", None, deal_out, WHY_DEALT_OUT, LOOK_DEALT_OUT),
        WrongProgram(
            "n_heads_taken_for_d_k", None, lambda x, n_heads: split_heads(x, x.shape[-1] // n_heads),
            "You made heads of n_heads components each. n_heads says how many heads there are; how wide they get "
            "follows from d_model.",
            "the reshape: which of its sizes is n_heads, and which is d_model / n_heads?",
        ),
        WrongProgram(
            "heads_in_the_middle", None, lambda x, n_heads: np.swapaxes(_cut(x, n_heads), -1, -2),
            "You swapped heads and components, (seq_len, d_k, n_heads). The axes of heads and tokens have to change "
            "places.",
            "the swap: count axes from the end, -1 is the components.",
        ),
        WrongProgram(
            "each_head_transposed", None, lambda x, n_heads: np.swapaxes(split_heads(x, n_heads), -1, -2),
            "The heads come first, and each of them lies on its side: (n_heads, d_k, seq_len). A token stays a row.",
            "a transpose too many.",
        ),
        WrongProgram(
            "all_axes_turned", None, lambda x, n_heads: _cut(x, n_heads).T,
            "`.T` turns round all axes. Only the axes of heads and tokens have to change places.",
            "`.T`, and what NumPy has for swapping two axes.",
        ),
        WrongProgram(
            "axes_counted_from_the_front", None, lambda x, n_heads: _cut(x, n_heads).swapaxes(0, 1),
            "You swapped axes 0 and 1. With one sequence these are tokens and heads; with leading axes they are a "
            "batch, which has to stay where it is.",
            "the numbers of the axes: count from the end.",
        ),
        WrongProgram(
            "leading_axes_merged", None,
            lambda x, n_heads: x.reshape(-1, n_heads, x.shape[-1] // n_heads).swapaxes(-3, -2),
            "With leading axes, the tokens of all sequences became one long sequence. Leading axes stay.",
            "the reshape: what does -1 swallow?",
        ),
        WrongProgram(
            "tokens_shared_out", None,
            lambda x, n_heads: x.reshape(*x.shape[:-2], n_heads, x.shape[-2] // n_heads, x.shape[-1]),
            "You shared out the tokens: each head got some of them. It is the components that are shared out; each "
            "head sees every token.",
            "the axis that is cut: -2 is the tokens, -1 the components.",
        ),
        WrongProgram(
            "whole_token_to_every_head", None,
            lambda x, n_heads: np.stack([x] * n_heads, axis=-3),
            "Every head got all components. They are shared out: each head gets d_model / n_heads of them.",
            "where the components are cut.",
        ),
        WrongProgram(
            "heads_reversed", None, lambda x, n_heads: split_heads(x, n_heads)[..., ::-1, :, :],
            "The heads come in the wrong order: head 0 gets the first components.",
            "a `[::-1]`, or a loop that goes down.",
        ),
    ),
    hints=(
        "Take 2 tokens with components 1 2 3 4 and 5 6 7 8, and 2 heads, on paper. What does head 0 hold, and what "
        "head 1?",
        "Two steps: cut the axis of the components into (n_heads, d_k), then let the axes of tokens and heads change "
        "places. A reshape alone cannot do the second.",
        "After the reshape the axes are (..., seq_len, n_heads, d_k). Count from the end: which two numbers does "
        "np.swapaxes need, so that leading axes stay?",
    ),
    points=1,
)  # fmt: skip

MERGE_HEADS = FunctionTask(
    name="merge_heads",
    lesson=LESSON,
    title="Merge the heads",
    asked="`merge_heads(x)` lays the heads' components of each token side by side again, (seq_len, d_model): the "
    "inverse of split_heads.",
    arguments=(Named("x", HEADS.axes),),
    result=Named("merged", ("seq_len", "d_model")),
    reference=merge_heads,
    families=(
        _merge_family("2 heads", 4, 2, 3),
        _merge_family("3 heads", 5, 3, 4),
        _merge_family("one head", 3, 1, 4),
        _merge_family("one component a head", 4, 5, 1),
        _merge_family("a single token", 1, 3, 2),
        _merge_family("leading axes", 4, 3, 5, leading=(2,), stage="batched"),
        _merge_family("leading axes", 4, 5, 7, leading=(2, 3), stage="batched"),
        _merge_family("float32", 5, 2, 4, stage="precision", single=True),
    ),
    separators=(_merge_family("a square", 4, 2, 2), _merge_family("a cube", 3, 3, 3)),
    programs=(
        WrongProgram("merged_at_once", "M20", merge_at_once, WHY_MERGED_AT_ONCE, LOOK_MERGE),
        WrongProgram(
            "components_mixed", None, merge_in_turn,
            "You took one component of each head in turn. The components of a head stay neighbours: first all of head "
            "0, then all of head 1.",
            "the axis order before the reshape: heads, then components.",
        ),
        WrongProgram(
            "not_merged", None, lambda heads: np.swapaxes(heads, -3, -2),
            "The axes are in the right order, (seq_len, n_heads, d_k), and two of them are still to become one.",
            "the reshape that comes last.",
        ),
        WrongProgram(
            "tokens_and_components_swapped", "M20", _merged_after_the_wrong_swap,
            "You swapped tokens and components. Before the reshape, heads and components have to stand side by side, "
            "so the axes of heads and tokens change places.",
            LOOK_MERGE,
        ),
        WrongProgram(
            "heads_added", "M21", lambda heads: heads.sum(axis=-3),
            "You added the heads up. They are laid side by side here; mixing them is what W_output does afterwards.",
            "a sum over the heads.",
        ),
        WrongProgram(
            "heads_averaged", "M21", lambda heads: heads.mean(axis=-3),
            "You averaged the heads. They are laid side by side here; mixing them is what W_output does afterwards.",
            "a `mean` over the heads.",
        ),
        WrongProgram(
            "heads_stacked", None,
            lambda heads: heads.reshape(*heads.shape[:-3], heads.shape[-3] * heads.shape[-2], heads.shape[-1]),
            "You laid the heads one below the other, as if they were more tokens. They belong side by side: a token's "
            "row gets longer.",
            "the axis along which you join them.",
        ),
        WrongProgram(
            "first_head_only", None, lambda heads: heads[..., 0, :, :],
            "Only the first head came back. All of them belong side by side.",
            "an index 0, or a `return` inside the loop over heads.",
        ),
        WrongProgram(
            "all_axes_turned", None, lambda heads: heads.T.reshape(*heads.shape[:-3], heads.shape[-2], -1),
            "`.T` turns round all axes, so components came before heads. Only the axes of heads and tokens have to "
            "change places.",
            "`.T`, and what NumPy has for swapping two axes.",
        ),
        WrongProgram(
            "axes_counted_from_the_front", None,
            lambda heads: heads.swapaxes(0, 1).reshape(*heads.shape[:-3], heads.shape[-2], -1),
            "You swapped axes 0 and 1. With one sequence these are heads and tokens; with leading axes they are a "
            "batch, which has to stay where it is.",
            "the numbers of the axes: count from the end.",
        ),
        WrongProgram(
            "leading_axes_merged", None,
            lambda heads: heads.swapaxes(-3, -2).reshape(-1, heads.shape[-3] * heads.shape[-1]),
            "With leading axes, the tokens of all sequences became one long sequence. Leading axes stay.",
            "the reshape: what does -1 swallow?",
        ),
        WrongProgram(
            "result_transposed", None, lambda heads: np.swapaxes(merge_heads(heads), -1, -2),
            "The numbers are right and lie on their side: each token has become a column.",
            "a transpose too many.",
        ),
    ),
    hints=(
        "It undoes split_heads. In which order must its two steps be undone?",
        "Before the reshape, heads and components of a token must stand side by side: (..., seq_len, n_heads, d_k).",
        "Swap two axes, counted from the end, then reshape the last two into one. merge_heads(split_heads(x, 2)) "
        "should give x back: try it.",
    ),
    points=1,
)  # fmt: skip


def _draw_for_order(rng: np.random.Generator) -> Arguments:
    return draw_self_attention(rng, seq_len=3, d_model=4, d_k=5, d_v=3, n_heads=2) | {
        "w_output": draw_matrix(rng, 6, 7), "n_heads": 2,
    }  # fmt: skip


ORDER_MULTI_HEAD = OrderTask(
    name="order_multi_head",
    lesson=LESSON,
    title="Put multi-head attention in order",
    asked="Choose and order the lines so that they turn x into output, with n_heads heads. softmax, split_heads and "
    "merge_heads are there.",
    lines={
        "A": "heads = weights @ value",
        "B": "scores = query @ key.swapaxes(-1, -2) / np.sqrt(x.shape[-1])",
        "C": "query, key, value = x @ w_query, x @ w_key, x @ w_value",
        "D": "merged = heads.reshape(len(x), -1)",
        "E": "output = merged @ w_output",
        "F": "query, key, value = (split_heads(part, n_heads) for part in (query, key, value))",
        "G": "query, key, value = (part.reshape(n_heads, len(x), -1) for part in (query, key, value))",
        "H": "weights = softmax(scores)",
        "I": "merged = merge_heads(heads)",
        "J": "query, key, value = x, x, x",
        "K": "scores = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])",
        "L": "output = merged",
    },
    given=("x", "w_query", "w_key", "w_value", "w_output", "n_heads"),
    tools={"softmax": softmax, "split_heads": split_heads, "merge_heads": merge_heads},
    result="output",
    solution="CFKHAIE",
    distractors={
        "B": Distractor(
            "M03",
            "x.shape[-1] is d_model. A dot product sums over the components of one head's query, and their number is "
            "what the scale undoes.",
        ),
        "D": Distractor(
            "M20",
            "A reshape alone reads head after head, so a row gets pieces of several tokens. Heads and tokens have to "
            "change places first.",
        ),
        "G": Distractor(
            "M20",
            "A reshape alone gives the first tokens to the first head, whole, and the last tokens to the last. Each "
            "head needs a share of every token.",
        ),
        "J": Distractor(
            "M19",
            "Without w_query, w_key and w_value each head would get a slice of the embedding itself. The weights let "
            "every head read all of x.",
        ),
        "L": Distractor(
            "M21",
            "Side by side, each component still belongs to one head. W_output mixes what the heads have found.",
        ),
    },
    make=_draw_for_order,
    reference=lambda x, w_query, w_key, w_value, w_output, n_heads: multi_head_attention(
        x, w_query, w_key, w_value, w_output, n_heads
    ),
    without={
        "F": (
            None,
            "The heads are not split: all components of query and key make one table of weights.",
            "The heads are split too late: the scores have used query and key already, and there is one table of "
            "weights for all heads.",
        ),
    },
    hints=(
        "Follow the names: a line can only use what a line above it has made; x, the four weights and n_heads are "
        "there from the start.",
        "Seven lines: project, split, scores, weights, mix the values, merge, W_output.",
        "Five lines are wrong in a small way. Where two lines make the same name, ask what each does to the axes, and "
        "to which head a component belongs.",
    ),
    points=1,
)  # fmt: skip


def _reveal_one_coordinate() -> str:
    rng = np.random.default_rng(4)
    x, w_query = rng.normal(size=(3, 8)), rng.normal(size=(8, 8))
    other = x.copy()
    other[0, 0] += 1
    moved = split_heads(project(other, w_query), 4) != split_heads(project(x, w_query), 4)
    return (
        f"In an example with 4 heads, {moved.any(axis=(-1, -2)).sum()} of them change. A head's query is x times its "
        "columns of W_query, and every column reads all components of x. What is cut into blocks is the query, and not "
        "the embedding."
    )


def _reveal_split_at_once() -> str:
    x = np.repeat([[0], [1], [2], [3]], 6, axis=1)  # every component tells its token
    at_once, right = x.reshape(2, 4, 3)[0], split_heads(x, 2)[0]
    return (
        f"If every component is the number of its token, head 0 holds tokens {_listed(at_once)} after the reshape, two "
        f"rows of each, and tokens {_listed(right)} as it should. The shape is the same both times, and nothing fails; "
        "only the output is wrong."
    )


def _listed(head: Floats) -> str:
    tokens = [f"{token:g}" for token in np.unique(head)]
    return f"{', '.join(tokens[:-1])} and {tokens[-1]}"


def _reveal_more_heads() -> str:
    d_model = 64
    sizes = [3 * n_heads * d_model * (d_model // n_heads) for n_heads in (1, 8)]
    return (
        f"8 heads of d_k = {d_model // 8} make queries of {8 * (d_model // 8)} components, as 1 head of {d_model} "
        f"does. W_query, W_key and W_value have {sizes[0]} numbers in all with 1 head and {sizes[1]} with 8. More "
        "heads are more tables of weights, not more numbers."
    )


def _reveal_output_map() -> str:
    rng = np.random.default_rng(5)
    heads, w_output = rng.normal(size=(2, 3, 4)), rng.normal(size=(8, 8))
    other = heads.copy()
    other[1] += 1
    joined = np.abs(merge_heads(other) - merge_heads(heads))[0, 0]
    mixed = np.abs(merge_heads(other) @ w_output - merge_heads(heads) @ w_output)[0, 0]
    parts = heads[0] @ w_output[:4] + heads[1] @ w_output[4:]
    summed = "the same" if np.allclose(parts, merge_heads(heads) @ w_output) else "something else"
    return (
        f"Side by side, component 0 belongs to head 0: when head 1 changes, it moves by {joined:g}. After W_output it "
        f"moves by {mixed:.2f} in an example. Another way to see it: each head times its own rows of W_output, added "
        f"up, gives {summed}."
    )


def _reveal_cross_attention() -> str:
    rng = np.random.default_rng(6)
    query, key, value = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 5, 4))
    output = merge_heads(attention(query, key, value))
    return (
        f"The output of an example has shape {output.shape}. Who asks gets an answer: one row for each query, and the "
        "keys and values are summed over. Self-attention is the case where both come from the same x."
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_one_coordinate",
        lesson=LESSON,
        title="Prediction: one component",
        asked="There are 4 heads. One component of a token x changes. The queries of how many heads change?",
        options={"a": "of 1, the head to which it belongs", "b": "of all 4", "c": "of none"},
        right="b",
        reveal=_reveal_one_coordinate,
        confusion="M19",
    ),
    ChoiceTask(
        name="predict_split_at_once",
        lesson=LESSON,
        title="Prediction: a reshape",
        asked="4 tokens with 6 components are reshaped at once from (4, 6) to (2, 4, 3). What does head 0 hold?",
        options={"a": "a half of each token", "b": "tokens 0 and 1, whole", "c": "tokens 0 and 2, whole"},
        right="b",
        reveal=_reveal_split_at_once,
        confusion="M20",
    ),
    ChoiceTask(
        name="predict_more_heads",
        lesson=LESSON,
        title="Prediction: more heads",
        asked="d_model is 64, and d_k is 64 / n_heads. With 8 heads in place of 1, the matrices W_query, W_key and "
        "W_value have ...",
        options={"a": "8 times as many numbers", "b": "as many numbers", "c": "an eighth of the numbers"},
        right="b",
        reveal=_reveal_more_heads,
    ),
    ChoiceTask(
        name="predict_output_map",
        lesson=LESSON,
        title="Prediction: what W_output is for",
        asked="2 heads of 4 components are laid side by side: 8 components. W_output is 8 x 8, so the size stays. "
        "Leaving it out would ...",
        options={
            "a": "change nothing that matters",
            "b": "keep the heads apart, so that none reaches the other's components",
            "c": "add the heads up",
        },
        right="b",
        reveal=_reveal_output_map,
        confusion="M21",
    ),
    ChoiceTask(
        name="predict_cross_attention",
        lesson=LESSON,
        title="Prediction: cross-attention",
        asked="3 tokens ask, and 5 other tokens are asked. The output has ...",
        options={"a": "3 rows", "b": "5 rows", "c": "15 rows"},
        right="a",
        reveal=_reveal_cross_attention,
    ),
)

TASKS = (*_PREDICTIONS, SPLIT_HEADS, MERGE_HEADS, ORDER_MULTI_HEAD, MULTI_HEAD_ATTENTION, BUG_HUNT_HEADS)
