"""Exercise 05: self-attention, where queries, keys and values all come from the same tokens."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from course_lib.attention import (
    attention,
    attention_weights,
    dot_product_scores,
    project,
    scaled_scores,
    self_attention,
    softmax,
    weighted_sum,
)
from course_lib.checks.exercises.cases import Floats, draw_self_attention
from course_lib.checks.exercises.exercise_02 import with_a_wrong_scale
from course_lib.checks.exercises.exercise_04 import ATTENTION
from course_lib.checks.tasks import (
    LARGE_TOLERANCE,
    TOLERANCE,
    Arguments,
    ChoiceTask,
    Family,
    FunctionTask,
    Named,
    Property,
    Stage,
    WrongProgram,
)

LESSON = 5
TITLE = "Self-attention"

X = Named("x", ("seq_len", "d_model"))


def _family(
    label: str, seq_len: int, d_model: int, d_k: int, d_v: int, *, leading: tuple[int, ...] = (),
    stage: Stage = "plain", single: bool = False, offset: float = 0.0, across: bool = False,
) -> Family:  # fmt: skip
    def make(rng: np.random.Generator) -> Arguments:
        return draw_self_attention(
            rng, leading=leading, seq_len=seq_len, d_model=d_model, d_k=d_k, d_v=d_v, offset=offset,
            across=across, dtype=np.float32 if single else np.float64,
        )  # fmt: skip

    return Family(label, make, stage, LARGE_TOLERANCE if offset else TOLERANCE)


def _projected(program: Callable[..., Any]) -> Callable[..., Any]:
    """Return a program of x and the weights out of one of query, key and value."""
    return lambda x, w_query, w_key, w_value: program(x @ w_query, x @ w_key, x @ w_value)


# One sequence has as many queries as keys, so the roots of their numbers are one mistake and not two.
_OF_ATTENTION = tuple(
    replace(program, program=_projected(program.program))
    for program in ATTENTION.programs
    if program.slug != "over_sqrt_n_queries"
)


def _over_sqrt_d_model(x: Floats, w_query: Floats, w_key: Floats, w_value: Floats) -> Floats:
    scores = dot_product_scores(x @ w_query, x @ w_key) / np.sqrt(x.shape[-1])
    output: Floats = softmax(scores) @ (x @ w_value)
    return output


def _mirrored(mirror: Callable[[Floats], Floats]) -> Callable[..., Any]:
    """Return a program that takes the score of A to B for that of B to A as well."""

    def program(x: Floats, w_query: Floats, w_key: Floats, w_value: Floats) -> Floats:
        scores = scaled_scores(x @ w_query, x @ w_key)
        output: Floats = softmax(mirror(scores)) @ (x @ w_value)
        return output

    return program


_WHY_MIRRORED = (
    "The score of A to B was used for B to A as well. The two differ: one is A's query with B's key, the other B's "
    "query with A's key, and both have to be computed."
)
_LOOK_MIRRORED = "where a score (i, j) is written, or added, at (j, i): a transpose, or two indices in both orders."

_PROGRAMS = (
    WrongProgram(
        "w_query_for_keys", "M10",
        lambda x, w_query, w_key, w_value: attention(x @ w_query, x @ w_query, x @ w_value),
        "Queries and keys were both made with w_query, so A looks at B with the same score as B at A. What a token "
        "looks for and what it can be found by are two things: each has a weight of its own.",
        "which weight makes the keys.",
    ),
    WrongProgram(
        "w_key_for_queries", "M10",
        lambda x, w_query, w_key, w_value: attention(x @ w_key, x @ w_key, x @ w_value),
        "Queries and keys were both made with w_key, so A looks at B with the same score as B at A. What a token "
        "looks for and what it can be found by are two things: each has a weight of its own.",
        "which weight makes the queries.",
    ),
    WrongProgram(
        "no_projections", "M10", lambda x, w_query, w_key, w_value: attention(x, x, x),
        "x went in three times as it is. It is the same x three times, and each time through another weight: that "
        "makes a query, a key and a value out of it.",
        "where the three weights occur in your function.",
    ),
    WrongProgram(
        "only_values_projected", "M10", lambda x, w_query, w_key, w_value: attention(x, x, x @ w_value),
        "The tokens were compared as they are. Queries and keys are x through w_query and x through w_key; only then "
        "are they compared.",
        "where w_query and w_key occur in your function.",
    ),
    WrongProgram(
        "values_not_projected", None,
        lambda x, w_query, w_key, w_value: attention(x @ w_query, x @ w_key, x),
        "The tokens themselves were mixed. What a token hands over is its value: x through w_value.",
        "which array meets the weights of attention.",
    ),
    WrongProgram(
        "over_sqrt_d_model", "M03", _over_sqrt_d_model,
        "You divided by sqrt(d_model). A dot product of query and key sums over d_k components; how many the tokens "
        "had before the projection makes no difference to it.",
        "the number under the square root: count the components that one dot product sums over.",
    ),
    WrongProgram(
        "upper_half_mirrored", "M09",
        _mirrored(lambda scores: np.triu(scores) + np.triu(scores, 1).swapaxes(-1, -2)), _WHY_MIRRORED, _LOOK_MIRRORED,
    ),
    WrongProgram(
        "lower_half_mirrored", "M09",
        _mirrored(lambda scores: np.tril(scores) + np.tril(scores, -1).swapaxes(-1, -2)), _WHY_MIRRORED, _LOOK_MIRRORED,
    ),
    WrongProgram(
        "both_directions_averaged", "M09", _mirrored(lambda scores: (scores + scores.swapaxes(-1, -2)) / 2),
        "The scores of A to B and of B to A were made equal, by their mean. They differ: one is A's query with B's "
        "key, the other B's query with A's key.",
        _LOOK_MIRRORED,
    ),
    *_OF_ATTENTION,
    WrongProgram(
        "projections_transposed", None,
        lambda x, w_query, w_key, w_value: attention(
            x @ w_query.swapaxes(-1, -2), x @ w_key.swapaxes(-1, -2), x @ w_value.swapaxes(-1, -2)
        ),
        "You multiplied by the transposes of w_query, w_key and w_value. Here they are stored as (d_model, d_k) and "
        "(d_model, d_v): their rows meet the components of x.",
        "whether w_query needs a transpose at all, when x stands on its left.",
    ),
    WrongProgram(
        "projections_on_the_left", None,
        lambda x, w_query, w_key, w_value: attention(w_query @ x, w_key @ x, w_value @ x),
        "The weights w_query, w_key and w_value stand on the left, so they mix tokens. They are there to mix the "
        "components of each token, which is a row of x.",
        "the order of the two arrays: the axes that meet must both be d_model.",
    ),
    WrongProgram(
        "already_causal", None,
        lambda x, w_query, w_key, w_value: self_attention(x, w_query, w_key, w_value, is_causal=True),
        "Each token has looked at itself and the tokens before it only. That is the causal mask of lesson 06; here "
        "every token may look at all of them.",
        "a mask, such as one made by `tril` or `triu`.",
    ),
    WrongProgram(
        "last_token_only", "M17",
        lambda x, w_query, w_key, w_value: self_attention(x, w_query, w_key, w_value)[..., -1:, :],
        "Only the last token's output came back. Every token asks, so every token gets an output: writing a text needs "
        "only the last one, training needs them all.",
        "an index in front of the comma, or a `return` inside a loop.",
    ),
    WrongProgram(
        "tokens_averaged", "M22",
        lambda x, w_query, w_key, w_value: self_attention(x, w_query, w_key, w_value).mean(axis=-2),
        "The outputs of all tokens were averaged into one, which would stay as it is when the tokens are shuffled. "
        "Each token keeps its own output, and takes it along.",
        "a `mean` or a sum after the values are mixed.",
    ),
)  # fmt: skip


def _shuffled_tokens(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    drawn = draw_self_attention(rng, seq_len=4, d_model=3, d_k=5, d_v=2)
    order = rng.permutation(4)
    before, after = call(**drawn), call(**drawn | {"x": np.asarray(drawn["x"])[order]})
    if before.shape == after.shape == (4, 2) and np.allclose(before[order], after, atol=1e-4):
        return None
    return "In an example other outputs come out."


SELF_ATTENTION = FunctionTask(
    name="self_attention",
    lesson=LESSON,
    title="Self-attention",
    asked="`self_attention(x, w_query, w_key, w_value)` makes queries, keys and values out of x and returns what "
    "attention makes of them, (seq_len, d_v).",
    arguments=(
        X, Named("w_query", ("d_model", "d_k")), Named("w_key", ("d_model", "d_k")),
        Named("w_value", ("d_model", "d_v")),
    ),
    result=Named("output", ("seq_len", "d_v")),
    reference=self_attention,
    families=(
        _family("3 tokens", 3, 5, 4, 2),
        _family("6 tokens", 6, 4, 3, 5),
        _family("a single token", 1, 4, 3, 2),
        _family("leading axes", 3, 5, 4, 6, leading=(2,), stage="batched"),
        _family("leading axes", 4, 6, 5, 7, leading=(2, 3), stage="batched"),
        _family("float32", 5, 3, 4, 6, stage="precision", single=True),
        _family("scores around 1500 and -1500", 3, 5, 4, 2, stage="large", offset=1500.0),
        _family("rows from -1500 to 1500", 4, 5, 3, 2, stage="large", offset=1500.0, across=True),
    ),
    separators=(
        _family("components alike", 4, 3, 3, 3),
        _family("a square", 3, 3, 3, 3),
        _family("a cube", 3, 3, 3, 3, leading=(3,)),
    ),
    programs=_PROGRAMS,
    pairs=with_a_wrong_scale(
        _PROGRAMS, lambda x, w_query, *_: (w_query.shape[-1], x.shape[-2], x.shape[-2]), place=1
    ),
    properties=(
        Property(
            "Shuffling the tokens must shuffle the outputs in the same way, and change nothing else.", _shuffled_tokens
        ),
    ),
    hints=(
        "You have written everything that is needed: project in exercise 01, attention in exercise 04. What does each "
        "of them take, and what does it return?",
        "x goes through three weights. What comes out of w_query asks, what comes out of w_key is found, and what "
        "comes out of w_value is handed over.",
        "Three projections of the same x, then one attention with them, in the order query, key, value. The shape "
        "tells whether the last one is right: (seq_len, d_v).",
    ),
    points=2,
)  # fmt: skip


def _three_weights() -> tuple[Floats, Floats, Floats]:
    """Return w_query, w_key and w_value that the reveals share: whole numbers, so that a hand can follow."""
    w_query = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    w_key = np.array([[0.0, 2.0], [1.0, 0.0], [1.0, 0.0]])
    w_value = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    return w_query, w_key, w_value


def _reveal_same_token() -> str:
    weights = _three_weights()
    bank, river, money = [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    near_river, near_money = (self_attention(np.array([bank, other]), *weights)[0] for other in (river, money))
    return (
        "Its query, key and value are the same, and it mixes the values of other neighbours. In an example the output "
        f"of one token x is [{near_river[0]:.2f}, {near_river[1]:.2f}] beside one neighbour and [{near_money[0]:.2f}, "
        f"{near_money[1]:.2f}] beside another: the output says what a token means here."
    )


def _reveal_far_token() -> str:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(501, 3))
    x[1] = x[500]  # the same token next door and far away
    w_query, w_key, _ = _three_weights()
    weights = attention_weights(project(x, w_query), project(x, w_key))[0]
    return (
        f"In an example with 501 tokens, token 0 gives {weights[1]:.5f} to token 1 and {weights[500]:.5f} to token "
        "500, where the same vector stands. A score compares contents and knows nothing of places; positions come in "
        "lesson 08."
    )


def _reveal_long_way() -> str:
    arrived = 0.9**499
    weights = attention_weights(np.zeros((1, 2)), np.zeros((500, 2)))
    value = np.zeros((500, 1))
    value[0] = 1
    share = weighted_sum(weights, value)[0, 0]
    return (
        f"0.9 to the power of 499 is {arrived:.0e}: practically nothing, which is why recurrent networks forget. In "
        f"self-attention token 500 reads token 1 in one step: even where all weights are equal, {share:g} of it "
        "arrives."
    )


def _reveal_both_directions() -> str:
    x = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    w_query, w_key, _ = _three_weights()
    scores = dot_product_scores(project(x, w_query), project(x, w_key))
    merged = w_query @ w_key.T
    return (
        f"In an example A to B scores {scores[0, 1]:g} and B to A {scores[1, 0]:g}. The product M is no symmetric "
        f"matrix: here its entry (0, 1) is {merged[0, 1]:g} and its entry (1, 0) is {merged[1, 0]:g}. So x_A M x_B "
        "and x_B M x_A may differ."
    )


def _reveal_merged_weights() -> str:
    rng = np.random.default_rng(1)
    w_query, w_key, x = rng.normal(size=(8, 2)), rng.normal(size=(8, 2)), rng.normal(size=(5, 8))
    merged = w_query @ w_key.T
    apart = np.abs(dot_product_scores(x @ w_query, x @ w_key) - x @ merged @ x.T).max()
    return (
        f"The scores agree (the largest difference in an example is {apart:.0f}), so one matrix would do. But it has "
        f"{merged.size} numbers and rank {np.linalg.matrix_rank(merged)}, and the two weights have "
        f"{w_query.size + w_key.size} in all. Two thin weights are the cheap way to write it, and keys can be kept."
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_same_token",
        lesson=LESSON,
        title="Prediction: the same word, another sentence",
        asked="The same token vector x stands in two sentences. After self-attention, its output ...",
        options={"a": "is the same in both", "b": "depends on its neighbours", "c": "is the same up to its length"},
        right="b",
        reveal=_reveal_same_token,
    ),
    ChoiceTask(
        name="predict_far_token",
        lesson=LESSON,
        title="Prediction: near and far",
        asked="The same vector stands next door and 500 places away. Compared with the near one, the far one gets ...",
        options={"a": "a smaller weight", "b": "the same weight", "c": "no weight"},
        right="b",
        reveal=_reveal_far_token,
    ),
    ChoiceTask(
        name="predict_long_way",
        lesson=LESSON,
        title="Prediction: a long way",
        asked="A recurrent loop keeps 90 % of what it knows at each step. Of token 1, how much is left at token 500?",
        options={"a": "about a tenth", "b": "about a thousandth", "c": "practically nothing"},
        right="c",
        reveal=_reveal_long_way,
    ),
    ChoiceTask(
        name="predict_both_directions",
        lesson=LESSON,
        title="Prediction: A to B, B to A",
        asked="The scores are x M xᵀ with the one matrix M = W_query W_keyᵀ. The score of A to B and that of B to A "
        "...",
        options={"a": "are equal", "b": "may differ", "c": "have opposite signs"},
        right="b",
        reveal=_reveal_both_directions,
        confusion="M09",
    ),
    ChoiceTask(
        name="predict_merged_weights",
        lesson=LESSON,
        title="Prediction: one weight in place of two",
        asked="d_model is 8 and d_k is 2. W_query and W_key are replaced by their product M, 8 x 8. The scores ...",
        options={
            "a": "stay, and M has fewer numbers",
            "b": "stay, and M has more numbers",
            "c": "change, whatever M holds",
        },
        right="b",
        reveal=_reveal_merged_weights,
        confusion="M08",
    ),
)

TASKS = (*_PREDICTIONS, SELF_ATTENTION)
