"""Exercise 01: token vectors become queries, keys and values through a learned weight."""

import numpy as np

from course_lib.attention import dot_product_scores, project
from course_lib.checks.exercises.cases import Floats, draw_matrix
from course_lib.checks.tasks import Arguments, ChoiceTask, Family, FunctionTask, Named, Stage, WrongProgram

LESSON = 1
TITLE = "Queries, keys, values"


def _family(
    label: str, seq_len: int, d_in: int, d_out: int, *, leading: tuple[int, ...] = (), stage: Stage = "plain",
    single: bool = False,
) -> Family:  # fmt: skip
    dtype = np.float32 if single else np.float64

    def make(rng: np.random.Generator) -> Arguments:
        return {
            "x": draw_matrix(rng, *leading, seq_len, d_in, dtype=dtype),
            "weight": draw_matrix(rng, d_in, d_out, dtype=dtype),
        }

    return Family(label, make, stage)


def _unit_rows(x: Floats, weight: Floats) -> Floats:
    projected = x @ weight
    lengths: Floats = projected / np.linalg.norm(projected, axis=-1, keepdims=True)
    return lengths


_PROGRAMS = (
    WrongProgram(
        "weight_transposed", None, lambda x, weight: x @ weight.swapaxes(-1, -2),
        "You multiplied by the transpose of the weight. Here the weight is stored as (d_in, d_out): its rows meet the "
        "components of x, and its columns make the components of the result.",
        "whether the weight needs a transpose at all, when x stands on its left.",
    ),
    WrongProgram(
        "weight_first", None, lambda x, weight: weight @ x,
        "The weight stands on the left, so its columns meet the tokens of x. A token is a row here, and the weight has "
        "to mix the components of each row, not the tokens.",
        "the order of the two arrays: the axes that meet must both be d_in.",
    ),
    WrongProgram(
        "result_transposed", None, lambda x, weight: (x @ weight).swapaxes(-1, -2),
        "The numbers are right and lie on their side: each token has become a column. All through the course a token "
        "is a row.",
        "a transpose too many, or a weight.T @ x.T that needs turning back.",
    ),
    WrongProgram(
        "elementwise", None, lambda x, weight: x * weight,
        "`*` multiplies entry by entry. A linear map takes, for each component of the result, the dot product of the "
        "token with a column of the weight.",
        "the operator between x and weight.",
    ),
    WrongProgram(
        "added", None, lambda x, weight: x + weight,
        "The weight was added. A linear map multiplies: each component of the result is a sum of products.",
        "the operator between x and weight.",
    ),
    WrongProgram(
        "first_token_only", None, lambda x, weight: x[..., 0, :] @ weight,
        "Only the first token came through. Every token gets its own query, all with the same weight.",
        "an index 0, or a `return` inside the loop over tokens.",
    ),
    WrongProgram(
        "first_token_everywhere", None,
        lambda x, weight: np.broadcast_to(x[..., :1, :] @ weight, (*x.shape[:-1], weight.shape[-1])),
        "Every row of your result is the first token's. The weight is shared by the tokens, the token is not.",
        "which row of x is used in the loop.",
    ),
    WrongProgram(
        "tokens_summed", None, lambda x, weight: (x @ weight).sum(axis=-2),
        "The tokens were added up into one vector. A projection treats each token by itself: as many rows go as came.",
        "a sum over the axis of the tokens.",
    ),
    WrongProgram(
        "components_summed", None, lambda x, weight: (x @ weight).sum(axis=-1),
        "The components of each result were added up to one number. Each token keeps a vector of d_out components.",
        "a sum over the last axis, after the product.",
    ),
    WrongProgram(
        "normalised", None, _unit_rows,
        "Your rows have length 1. A projection leaves the length as it comes out: the length of a query or a key "
        "counts in its scores.",
        "a division by a norm.",
    ),
    WrongProgram(
        "scaled", None, lambda x, weight: x @ weight / np.sqrt(x.shape[-1]),
        "The product was divided by sqrt(d_in). Here a plain linear map is asked for; the scale of attention belongs "
        "to the scores, in lesson 02.",
        "a division after the product.",
    ),
    WrongProgram(
        "rectified", None, lambda x, weight: np.maximum(x @ weight, 0),
        "Negative numbers became 0. A projection is linear: there is no activation function after it.",
        "a `maximum`, `clip` or `abs` around the product.",
    ),
    WrongProgram(
        "applied_twice", None, lambda x, weight: x @ weight @ weight,
        "The weight was applied twice. Once is enough to get from d_in to d_out.",
        "how often the weight occurs in your line.",
    ),
    WrongProgram(
        "unchanged", None, lambda x, weight: x,
        "x came back as it was. The weight has to take part.",
        "what is returned: x itself, or x times the weight?",
    ),
)  # fmt: skip

PROJECT = FunctionTask(
    name="project",
    lesson=LESSON,
    title="Project tokens",
    asked="`project(x, weight)` returns x (seq_len, d_in) times weight (d_in, d_out), a row for each token.",
    arguments=(Named("x", ("seq_len", "d_in")), Named("weight", ("d_in", "d_out"))),
    result=Named("projected", ("seq_len", "d_out")),
    reference=project,
    families=(
        _family("3 tokens", 3, 2, 4),
        _family("6 tokens", 6, 5, 3),
        _family("a single token", 1, 4, 3),
        _family("leading axes", 3, 5, 4, leading=(2,), stage="batched"),
        _family("leading axes", 4, 5, 6, leading=(2, 3), stage="batched"),
        _family("float32", 5, 3, 4, stage="precision", single=True),
    ),
    separators=(_family("as many tokens as components", 3, 3, 3), _family("a cube", 3, 3, 3, leading=(3,))),
    programs=_PROGRAMS,
    hints=(
        "Write down the shapes: x is (seq_len, d_in), weight is (d_in, d_out), and the result is (seq_len, d_out). "
        "Which axis has to vanish?",
        "A component of the result is a dot product: a token's row of x with a column of weight.",
        "NumPy has an operator that takes all these dot products at once, for every row and every column. Between "
        "which two arrays does it stand, and in which order do the axes d_in meet?",
    ),
    points=1,
)


def _reveal_twice_as_long() -> str:
    x, weight = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [1.0, -1.0]])
    once, twice = project(x, weight)[0], project(2 * x, weight)[0]
    return (
        f"A projection is linear: 2x W = 2 (x W). With x = [1, 2] and W = [[1, 0], [1, -1]] the query is "
        f"[{once[0]:g}, {once[1]:g}]; with 2x it is [{twice[0]:g}, {twice[1]:g}]."
    )


def _reveal_shared_matrix() -> str:
    x, weight = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 2.0], [3.0, 1.0]])
    other = np.array([[1.0, 0.0], [2.0, 1.0]])
    shared = dot_product_scores(project(x, weight), project(x, weight))
    own = dot_product_scores(project(x, weight), project(x, other))
    return (
        "With one weight for both, the score is (a W) · (b W), and a dot product does not care which comes first. In "
        f"an example both scores are {shared[0, 1]:g}; with a w_key of its own, A to B gets {own[0, 1]:g} and B to A "
        f"{own[1, 0]:g}. Two weights let A look at B without B looking back."
    )


PREDICT_X_TWICE_AS_LONG = ChoiceTask(
    name="predict_x_twice_as_long",
    lesson=LESSON,
    title="Prediction: a longer token",
    asked="A token vector x gets twice as long, its direction kept. Its query ...",
    options={"a": "turns", "b": "gets twice as long, its direction kept", "c": "stays as it is"},
    right="b",
    reveal=_reveal_twice_as_long,
)

PREDICT_SHARED_MATRIX = ChoiceTask(
    name="predict_shared_matrix",
    lesson=LESSON,
    title="Prediction: one weight for both",
    asked="w_query equals w_key. The score of A looking at B against that of B looking at A: the two are ...",
    options={"a": "always equal", "b": "always different", "c": "equal only if A and B are equally long"},
    right="a",
    reveal=_reveal_shared_matrix,
    confusion="M10",
)

TASKS = (PREDICT_X_TWICE_AS_LONG, PREDICT_SHARED_MATRIX, PROJECT)
