"""Exercise 07, second part: attention in all heads, and a merge that was really published."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.attention import attention, merge_heads, multi_head_attention, softmax, split_heads
from course_lib.checks.exercises.cases import Floats, draw_attention, draw_matrix, draw_self_attention
from course_lib.checks.exercises.exercise_02 import products, with_a_wrong_scale
from course_lib.checks.exercises.heads import Attend, Merge, Split, head_programs
from course_lib.checks.tasks import (
    LARGE_TOLERANCE,
    TOLERANCE,
    Arguments,
    Family,
    FunctionTask,
    Named,
    Property,
    Stage,
    WrongProgram,
)

LESSON = 7

W_QUERY = Named("w_query", ("d_model", "n_heads * d_k"))
W_KEY = Named("w_key", ("d_model", "n_heads * d_k"))
W_VALUE = Named("w_value", ("d_model", "n_heads * d_v"))
W_OUTPUT = Named("w_output", ("n_heads * d_v", "d_out"))
N_HEADS = Named("n_heads")


def _family(
    label: str, seq_len: int, d_model: int, n_heads: int, d_k: int, d_v: int, d_out: int, *,
    leading: tuple[int, ...] = (), stage: Stage = "plain", single: bool = False, offset: float = 0.0,
    across: bool = False,
) -> Family:  # fmt: skip
    dtype = np.float32 if single else np.float64

    def make(rng: np.random.Generator) -> Arguments:
        arguments = draw_self_attention(
            rng, leading=leading, seq_len=seq_len, d_model=d_model, d_k=d_k, d_v=d_v, n_heads=n_heads, offset=offset,
            across=across, dtype=dtype,
        )  # fmt: skip
        return arguments | {"w_output": draw_matrix(rng, n_heads * d_v, d_out, dtype=dtype), "n_heads": n_heads}

    return Family(label, make, stage, LARGE_TOLERANCE if offset else TOLERANCE)


def _multi_head(
    *, split: Split = split_heads, attend: Attend = attention, merge: Merge = merge_heads
) -> Callable[..., Any]:
    """Return multi-head attention with other parts."""

    def program(
        x: Floats, w_query: Floats, w_key: Floats, w_value: Floats, w_output: Floats, n_heads: int
    ) -> Floats:  # fmt: skip
        query, key, value = (split(x @ weight, n_heads) for weight in (w_query, w_key, w_value))
        output: Floats = merge(attend(query, key, value)) @ w_output
        return output

    return program


def _over_sqrt_d_model(
    x: Floats, w_query: Floats, w_key: Floats, w_value: Floats, w_output: Floats, n_heads: int
) -> Floats:  # fmt: skip
    query, key, value = (split_heads(x @ weight, n_heads) for weight in (w_query, w_key, w_value))
    output: Floats = merge_heads(softmax(products(query, key) / np.sqrt(x.shape[-1])) @ value) @ w_output
    return output


def _sliced(
    x: Floats, w_query: Floats, w_key: Floats, w_value: Floats, w_output: Floats, n_heads: int
) -> Floats:  # fmt: skip
    """Give head h the h-th slice of x, and the block of each weight that fits it."""
    slices = split_heads(x, n_heads)

    def own_blocks(weight: Floats) -> Floats:
        rows, columns = weight.shape[0] // n_heads, weight.shape[1] // n_heads
        blocks = weight.reshape(n_heads, rows, n_heads, columns)[np.arange(n_heads), :, np.arange(n_heads)]
        return np.asarray(slices @ blocks)

    output: Floats = merge_heads(attention(own_blocks(w_query), own_blocks(w_key), own_blocks(w_value))) @ w_output
    return output


def _by(*, query: str = "w_query", key: str = "w_key", turned: bool = False) -> Callable[..., Any]:
    """Return multi-head attention with the weights of queries and keys changed, or that of the output transposed."""

    def program(
        x: Floats, w_query: Floats, w_key: Floats, w_value: Floats, w_output: Floats, n_heads: int
    ) -> Floats:  # fmt: skip
        weights = {"w_query": w_query, "w_key": w_key}
        return multi_head_attention(
            x, weights[query], weights[key], w_value, w_output.T if turned else w_output, n_heads
        )

    return program


_PROGRAMS = (
    WrongProgram(
        "no_output_map", "M21",
        lambda x, w_query, w_key, w_value, w_output, n_heads: _multi_head()(
            x, w_query, w_key, w_value, np.eye(len(w_output)), n_heads
        ),
        "The heads lie side by side, and that is where you stopped. Each component still belongs to one head; W_output "
        "mixes what the heads have found.",
        "where w_output occurs in your function.",
    ),
    WrongProgram(
        "slice_of_the_embedding", "M19", _sliced,
        "Each head got a slice of x, and read nothing but that. Every head reads all of x: it is x @ w_query that is "
        "split, and not x.",
        "the order of the steps: project, then split.",
    ),
    WrongProgram(
        "over_sqrt_d_model", "M03", _over_sqrt_d_model,
        "You divided by sqrt(d_model). A dot product sums over the d_k components of one head; how many x had before "
        "the projection makes no difference to it.",
        "the number under the square root: count the components that one dot product sums over.",
    ),
    WrongProgram(
        "w_query_for_keys", "M10", _by(key="w_query"),
        "Queries and keys were both made with w_query, so A looks at B with the same score as B at A. What a token "
        "looks for and what it can be found by are two things: each has a weight of its own.",
        "which weight makes the keys.",
    ),
    WrongProgram(
        "w_key_for_queries", "M10", _by(query="w_key"),
        "Queries and keys were both made with w_key, so A looks at B with the same score as B at A. What a token "
        "looks for and what it can be found by are two things: each has a weight of its own.",
        "which weight makes the queries.",
    ),
    WrongProgram(
        "output_map_transposed", None, _by(turned=True),
        "You multiplied by the transpose of w_output. Its rows meet the components of the merged heads.",
        "whether w_output needs a transpose at all.",
    ),
    WrongProgram(
        "already_causal", None,
        lambda x, w_query, w_key, w_value, w_output, n_heads: multi_head_attention(
            x, w_query, w_key, w_value, w_output, n_heads, is_causal=True
        ),
        "Each token has looked at itself and the tokens before it only. Here no mask is asked for: every token may "
        "look at all of them.",
        "a mask, such as one made by `tril` or `triu`.",
    ),
    *head_programs(_multi_head, without=("over_sqrt_n_queries",)),
)  # fmt: skip


def _reordered_heads(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    drawn: dict[str, Any] = draw_self_attention(rng, seq_len=3, d_model=4, d_k=2, d_v=5, n_heads=2)
    drawn |= {"w_output": draw_matrix(rng, 10, 7), "n_heads": 2}
    turned = {name: np.roll(drawn[name], drawn[name].shape[1] // 2, axis=1) for name in ("w_query", "w_key", "w_value")}
    before, after = call(**drawn), call(**drawn | turned | {"w_output": np.roll(drawn["w_output"], 5, axis=0)})
    if before.shape == after.shape == (3, 7) and np.allclose(before, after, atol=1e-4):
        return None
    return "In an example with two heads the output changes."


MULTI_HEAD_ATTENTION = FunctionTask(
    name="multi_head_attention",
    lesson=LESSON,
    title="Multi-head attention",
    asked="`multi_head_attention(x, w_query, w_key, w_value, w_output, n_heads)` lets n_heads heads attend, merges "
    "what they found and mixes it by w_output, (seq_len, d_out).",
    arguments=(Named("x", ("seq_len", "d_model")), W_QUERY, W_KEY, W_VALUE, W_OUTPUT, N_HEADS),
    result=Named("output", ("seq_len", "d_out")),
    reference=multi_head_attention,
    families=(
        _family("2 heads", 3, 6, 2, 5, 4, 7),
        _family("3 heads", 5, 9, 3, 4, 2, 8),
        _family("one head", 4, 3, 1, 5, 2, 6),
        _family("leading axes", 5, 4, 2, 3, 4, 7, leading=(2,), stage="batched"),
        _family("leading axes", 4, 6, 2, 5, 4, 7, leading=(2, 3), stage="batched"),
        _family("float32", 4, 6, 3, 3, 5, 7, stage="precision", single=True),
        _family("scores around 1500 and -1500", 3, 6, 2, 5, 4, 7, stage="large", offset=1500.0),
        _family("rows from -1500 to 1500", 4, 6, 2, 5, 4, 7, stage="large", offset=1500.0, across=True),
    ),
    separators=(
        _family("components alike", 4, 6, 2, 3, 3, 6),
        _family("a square", 3, 6, 2, 3, 3, 6),
        _family("a cube", 3, 9, 3, 3, 3, 9, leading=(3,)),
    ),
    programs=_PROGRAMS,
    pairs=with_a_wrong_scale(
        _PROGRAMS,
        lambda x, w_query, w_key, w_value, w_output, n_heads: (w_query.shape[-1] // n_heads, x.shape[-2], x.shape[-2]),
        place=1,
    ),
    properties=(
        Property("In which order the heads come, in all four weights alike, must change nothing.", _reordered_heads),
    ),
    hints=(
        "You have all parts: project, split_heads, attention, merge_heads. Write down the shape after each of them.",
        "Project first, then split: every head reads all of x. attention treats n_heads as a leading axis, so all "
        "heads attend at once.",
        "Three projections, each split; one attention; one merge; and w_output from the right at the end. The last "
        "shape is (seq_len, d_out).",
    ),
    points=3,
)  # fmt: skip


def _side_by_side(
    label: str, n_queries: int, n_keys: int, n_heads: int, d_k: int, d_v: int, *, leading: tuple[int, ...] = (),
    stage: Stage = "plain", single: bool = False, offset: float = 0.0, across: bool = False,
) -> Family:  # fmt: skip
    """Return a family of queries, keys and values of all heads side by side, as projections make them."""

    def make(rng: np.random.Generator) -> Arguments:
        heads = draw_attention(
            rng, leading=(*leading, n_heads), n_queries=n_queries, n_keys=n_keys, d_k=d_k, d_v=d_v, offset=offset,
            across=across, dtype=np.float32 if single else np.float64,
        )  # fmt: skip
        return {name: merge_heads(np.asarray(array)) for name, array in heads.items()} | {"n_heads": n_heads}

    return Family(label, make, stage, LARGE_TOLERANCE if offset else TOLERANCE)


def _in_heads(
    *, split: Split = split_heads, attend: Attend = attention, merge: Merge = merge_heads
) -> Callable[..., Any]:
    """Return attention of queries, keys and values of all heads side by side, with other parts."""
    return lambda query, key, value, n_heads: merge(
        attend(split(query, n_heads), split(key, n_heads), split(value, n_heads))
    )


BUG_HUNT_HEADS = FunctionTask(
    name="bug_hunt_heads",
    lesson=LESSON,
    title="Bug hunt: published heads",
    asked="The repaired function takes (query, key, value, n_heads), all heads side by side as the projections make "
    "them, and returns the heads' outputs side by side, (n_queries, n_heads * d_v).",
    arguments=(
        Named("query", ("n_queries", "n_heads * d_k")), Named("key", ("n_keys", "n_heads * d_k")),
        Named("value", ("n_keys", "n_heads * d_v")), N_HEADS,
    ),
    result=Named("merged", ("n_queries", "n_heads * d_v")),
    reference=_in_heads(),
    families=(
        _side_by_side("2 heads", 3, 4, 2, 5, 6),
        _side_by_side("3 heads", 5, 4, 3, 3, 2),
        _side_by_side("one head", 3, 4, 1, 5, 2),
        _side_by_side("leading axes", 3, 4, 2, 3, 5, leading=(2,), stage="batched"),
        _side_by_side("leading axes", 5, 4, 2, 3, 4, leading=(2, 3), stage="batched"),
        _side_by_side("float32", 4, 5, 3, 2, 3, stage="precision", single=True),
        _side_by_side("scores around 1500 and -1500", 3, 4, 2, 5, 4, stage="large", offset=1500.0),
        _side_by_side("rows from -1500 to 1500", 3, 4, 2, 5, 4, stage="large", offset=1500.0, across=True),
    ),
    separators=(
        _side_by_side("components alike", 3, 4, 2, 5, 5),
        _side_by_side("a square", 4, 4, 2, 4, 4),
        _side_by_side("a cube", 3, 3, 3, 3, 3, leading=(3,)),
    ),
    programs=(
        *head_programs(_in_heads),
        WrongProgram(
            "components_swapped_before_merging", "M20",
            _in_heads(
                merge=lambda heads: heads.swapaxes(-1, -2).reshape(*heads.shape[:-3], heads.shape[-2], -1)
            ),
            "You swapped tokens and components. Before the reshape, heads and components have to stand side by side, "
            "so the axes of heads and tokens change places.",
            "the axis order before the reshape: which two axes have to stand side by side at the end?",
        ),
        WrongProgram(
            "heads_added", "M21", _in_heads(merge=lambda heads: heads.sum(axis=-3)),
            "You added the heads up. They are laid side by side here; mixing them is what W_output does afterwards.",
            "a sum over the heads.",
        ),
    ),
    hints=(
        "Let value say where it comes from: fill the values of token j with the number j, and look at one row of the "
        "result. Which tokens should it know of?",
        "The heads are split by a reshape and a swap of axes. Write down the shape before and after each step on the "
        "way back.",
        "The bug is in the line that merges: which two axes have to stand side by side before the reshape? Everything "
        "else may stay.",
    ),
    points=1,
)  # fmt: skip
