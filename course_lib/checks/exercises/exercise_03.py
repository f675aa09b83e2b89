"""Exercise 03: softmax turns scores into weights."""

from collections.abc import Callable

import numpy as np

from course_lib.attention import attention_weights, softmax
from course_lib.checks.exercises.cases import Floats, draw_scores
from course_lib.checks.exercises.exercise_02 import (
    KEY,
    QUERY,
    SQUARES,
    products,
    query_key_family,
    scale_programs,
)  # fmt: skip
from course_lib.checks.exercises.softmaxes import (
    lost_axis_programs,
    plain_softmax,
    softmax_over,
    unstable_programs,
    wrong_axis_programs,
)
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
)  # fmt: skip

LESSON = 3
TITLE = "Softmax"

SCORES = Named("scores", ("n_queries", "n_keys"))
WEIGHTS = Named("weights", ("n_queries", "n_keys"))
TEMPERATURE = Named("temperature")


def _family(
    label: str, *shape: int, stage: Stage = "plain", single: bool = False, offset: float = 0.0,
    across: bool = False, temperature: float | None = None,
) -> Family:  # fmt: skip
    def make(rng: np.random.Generator) -> Arguments:
        dtype = np.float32 if single else np.float64
        arguments = draw_scores(rng, *shape, offset=offset, across=across, dtype=dtype)
        return arguments if temperature is None else arguments | {"temperature": temperature}

    return Family(label, make, stage, LARGE_TOLERANCE if offset else TOLERANCE)


_SOFTMAX_PROGRAMS = (
    *wrong_axis_programs(lambda function, scores: function(scores)),
    *lost_axis_programs(lambda function, scores: function(scores)),
    WrongProgram(
        "not_normalised", None, lambda scores: np.exp(scores),
        "These are the exponentials. Shares come from dividing by their sum, row by row.",
        "what is done with the exponentials after exp.",
    ),
    WrongProgram(
        "not_normalised_after_maximum", None, lambda scores: np.exp(scores - scores.max(axis=-1, keepdims=True)),
        "These are the exponentials, the largest in each row being 1. Shares come from dividing by their sum.",
        "what is done with the exponentials after exp.",
    ),
    WrongProgram(
        "no_exponential", None, lambda scores: scores / scores.sum(axis=-1, keepdims=True),
        "You divided the scores by their sum. With negative scores that gives negative weights, and a sum near 0 blows "
        "up; exp makes every score positive first.",
        "what happens to the scores before they are divided.",
    ),
    WrongProgram(
        "logarithm", None, lambda scores: np.log(softmax(scores)),
        "These are the logarithms of the weights (log-softmax): all negative. Attention needs the weights themselves.",
        "a `log`, or a subtraction where a division is meant.",
    ),
    WrongProgram(
        "base_2", None, lambda scores: softmax(scores * np.log(2)),
        "You took powers of 2. Softmax takes powers of e = 2.718..., which `np.exp` computes.",
        "the base of the power.",
    ),
    WrongProgram(
        "negative_scores", None, lambda scores: softmax(-scores),
        "The smallest scores get the largest weights: the sign of the scores is turned round.",
        "a minus in front of the scores, or `maximum - scores` for `scores - maximum`.",
    ),
    WrongProgram(
        "squares", None, lambda scores: scores**2 / (scores**2).sum(axis=-1, keepdims=True),
        "You took squares for exponentials. Squares are positive as well, but a score of -2 would count as much as one "
        "of 2; exp lets a lower score always get less.",
        "what makes the scores positive.",
    ),
    WrongProgram(
        "negative_scores_cut", None,
        lambda scores: np.maximum(scores, 0) / np.maximum(scores, 0).sum(axis=-1, keepdims=True),
        "Negative scores became 0, and all of them alike get nothing. exp is positive everywhere, so that every score "
        "gets a share.",
        "a `maximum` or a `clip`: what makes the scores positive?",
    ),
    WrongProgram(
        "absolute_scores", None, lambda scores: softmax(np.abs(scores)),
        "The scores have lost their signs before exp. A negative score must give a small weight.",
        "an `abs` or a square.",
    ),
    WrongProgram(
        "sigmoid", None, lambda scores: 1 / (1 + np.exp(-scores)),
        "This is the sigmoid: each score by itself is brought between 0 and 1. Softmax compares a score with the "
        "others in its row.",
        "the denominator: it should know all scores of the row.",
    ),
    WrongProgram(
        "one_hot", "M11", lambda scores: np.eye(scores.shape[-1])[scores.argmax(axis=-1)],
        "The largest score takes all: a hard look-up. Softmax is the soft version, in which every key gets a share.",
        "an `argmax`.",
    ),
    WrongProgram(
        "first_row_only", None, lambda scores: softmax(scores[..., 0, :]),
        "Only the first row came back. Every query has a row of its own.",
        "an index 0, or a `return` inside the loop over rows.",
    ),
    WrongProgram(
        "first_row_as_a_table", None, lambda scores: softmax(scores[..., :1, :]),
        "Only the first row came back. Every query has a row of its own.",
        "a `return` inside the loop over rows, or a slice.",
    ),
    WrongProgram(
        "applied_twice", None, lambda scores: softmax(softmax(scores)),
        "Softmax ran twice. The second time it takes weights for scores, and flattens them.",
        "how often exp is applied.",
    ),
    *unstable_programs(lambda function, scores: function(scores)),
)  # fmt: skip


def _moved_row(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    scores = np.asarray(draw_scores(rng, 3, 4)["scores"])
    before, after = call(scores=scores), call(scores=scores + 10)
    if before.shape == after.shape and np.allclose(before, after, atol=1e-4):
        return None
    return "In an example your weights change."


SOFTMAX = FunctionTask(
    name="softmax",
    lesson=LESSON,
    title="Softmax",
    asked="`softmax(scores)` returns weights of the same shape, all positive, each row (the last axis) with sum 1.",
    arguments=(SCORES,),
    result=WEIGHTS,
    reference=softmax,
    families=(
        _family("2 rows of 3 scores", 2, 3),
        _family("5 rows of 4 scores", 5, 4),
        _family("a single row", 1, 6),
        _family("leading axes", 3, 2, 4, stage="batched"),
        _family("leading axes", 2, 3, 5, 4, stage="batched"),
        _family("float32", 3, 5, stage="precision", single=True),
        _family("scores around 1500 and -1500", 2, 3, stage="large", offset=1500.0),
        _family("rows from -1500 to 1500", 2, 3, stage="large", offset=1500.0, across=True),
    ),
    separators=(_family("a square", 3, 3), _family("a cube", 3, 3, 3)),
    programs=_SOFTMAX_PROGRAMS,
    properties=(Property("Adding 10 to all scores of a row must leave its weights as they are.", _moved_row),),
    hints=(
        "Two steps: make every score positive, then let each row share out 1. Which function is positive everywhere "
        "and grows with its argument?",
        "After the exponentials, divide each by the sum of its row: axis -1. The sums must keep that axis, with size "
        "1, so that a row is divided by its own sum (`keepdims`).",
        "For large scores: subtracting the same number from a whole row changes none of its weights. Choose the number "
        "such that the largest exponent is 0.",
    ),
    points=2,
)

_TEMPERATURE_FAMILIES = (
    _family("temperature 2.5", 2, 3, temperature=2.5),
    _family("temperature 0.6", 5, 4, temperature=0.6),
    _family("temperature 1", 3, 2, temperature=1.0),
    _family("leading axes", 3, 2, 4, temperature=1.7, stage="batched"),
    _family("leading axes", 2, 3, 5, 4, temperature=1.7, stage="batched"),
    _family("float32", 3, 5, temperature=0.7, stage="precision", single=True),
    _family("scores around 1500 and -1500", 2, 3, temperature=0.6, stage="large", offset=1500.0),
    _family("rows from -1500 to 1500", 2, 3, temperature=0.6, stage="large", offset=1500.0, across=True),
)


SOFTMAX_WITH_TEMPERATURE = FunctionTask(
    name="softmax_with_temperature",
    lesson=LESSON,
    title="Softmax with a temperature",
    asked="`softmax_with_temperature(scores, temperature)` returns the softmax of scores / temperature, row by row.",
    arguments=(SCORES, TEMPERATURE),
    result=WEIGHTS,
    reference=lambda scores, temperature: softmax(scores, temperature=temperature),
    families=_TEMPERATURE_FAMILIES,
    separators=(
        _family("a square", 3, 3, temperature=2.5),
        _family("a cube", 3, 3, 3, temperature=2.5),
        _family("large scores, cooled by the temperature", 2, 3, temperature=2.5, offset=1500.0),
    ),
    programs=(
        WrongProgram(
            "multiplied", None, lambda scores, temperature: softmax(scores * temperature),
            "The scores were multiplied by the temperature, so heat sharpens. A high temperature should flatten: "
            "divided scores lie closer together.",
            "the operator between scores and temperature.",
        ),
        WrongProgram(
            "ignored", None, lambda scores, temperature: softmax(scores),
            "The temperature has no effect: these are the weights at temperature 1.",
            "where temperature occurs in your function.",
        ),
        WrongProgram(
            "weights_divided", None, lambda scores, temperature: softmax(scores) / temperature,
            "You divided the weights, after softmax: the rows no longer sum to 1. The temperature acts on the scores, "
            "before exp.",
            "the order: first the temperature, then softmax.",
        ),
        WrongProgram(
            "weights_multiplied", None, lambda scores, temperature: softmax(scores) * temperature,
            "You multiplied the weights, after softmax: the rows no longer sum to 1. The temperature acts on the "
            "scores, before exp.",
            "the order: first the temperature, then softmax.",
        ),
        WrongProgram(
            "square_root", None, lambda scores, temperature: softmax(scores / np.sqrt(temperature)),
            "You divided by the square root of the temperature. The square root belongs to d_k; the temperature "
            "divides as it is.",
            "a `sqrt`.",
        ),
        WrongProgram(
            "squared", None, lambda scores, temperature: softmax(scores / temperature**2),
            "The temperature was applied twice. Once is enough.",
            "how often the scores are divided.",
        ),
        WrongProgram(
            "not_normalised", None, lambda scores, temperature: np.exp(scores / temperature),
            "These are the exponentials. Shares come from dividing by their sum, row by row.",
            "what is done with the exponentials after exp.",
        ),
        WrongProgram(
            "numerator_only", None,
            lambda scores, temperature: np.exp(scores / temperature) / np.exp(scores).sum(axis=-1, keepdims=True),
            "The temperature is in the numerator and not in the sum below it, so the rows no longer sum to 1.",
            "the sum: it should add up the same exponentials that it divides.",
        ),
        WrongProgram(
            "maximum_not_divided", None,
            lambda scores, temperature: plain_softmax(scores / temperature - scores.max(axis=-1, keepdims=True)),
            "The maximum is that of the scores before the division, so exponents may still grow far from 0, and exp "
            "gives inf or 0 everywhere.",
            "the order: first the temperature, then the maximum.",
        ),
        *wrong_axis_programs(lambda function, scores, temperature: function(scores / temperature)),
        *lost_axis_programs(lambda function, scores, temperature: function(scores / temperature)),
        *unstable_programs(lambda function, scores, temperature: function(scores / temperature)),
    ),
    hints=(
        "At temperature 1 it is softmax as before. Which way should a large temperature change the bars?",
        "The temperature acts on the scores, before exp: what makes differences between scores smaller?",
        "Compute new scores from scores and temperature with one operation, then do everything as in softmax, the "
        "maximum included.",
    ),
    points=1,
)  # fmt: skip


def _weights_by(function: Callable[[Floats], Floats], query: Floats, key: Floats) -> Floats:
    return function(products(query, key) / np.sqrt(query.shape[-1]))


BUG_HUNT_SOFTMAX = FunctionTask(
    name="bug_hunt_softmax",
    lesson=LESSON,
    title="Bug hunt: a published softmax",
    asked="The repaired function takes (query, key) and returns attention weights, (n_queries, n_keys), each row with "
    "sum 1.",
    arguments=(QUERY, KEY),
    result=WEIGHTS,
    reference=attention_weights,
    families=(
        query_key_family("2 queries and 3 keys", 2, 3, 5),
        query_key_family("5 queries and 4 keys", 5, 4, 7),
        query_key_family("a single query", 1, 4, 3),
        query_key_family("leading axes", 3, 5, 4, leading=(2,), stage="batched"),
        query_key_family("leading axes", 4, 6, 5, leading=(2, 3), stage="batched"),
        query_key_family("float32", 4, 5, 3, stage="precision", single=True),
        query_key_family("scores around 1500 and -1500", 2, 3, 5, stage="large", offset=1500.0),
        query_key_family("rows from -1500 to 1500", 2, 3, 5, stage="large", offset=1500.0, across=True),
    ),
    separators=SQUARES,
    programs=(
        *wrong_axis_programs(_weights_by),
        *lost_axis_programs(_weights_by),
        *scale_programs(softmax),
        WrongProgram(
            "keys_times_queries", "M07", lambda query, key: _weights_by(softmax, key, query),
            "You computed K Qᵀ: each row belongs to a key, and shares out over the queries. A row belongs to a query, "
            "which shares out its attention among the keys.",
            "which of the two stands on the left, and which one is transposed.",
        ),
        WrongProgram(
            "no_softmax", "M01", lambda query, key: products(query, key) / np.sqrt(query.shape[-1]),
            "These are the scores. Weights come out of softmax: positive, each row with sum 1.",
            "what is returned.",
        ),
        WrongProgram(
            "not_normalised", None,
            lambda query, key: np.exp(products(query, key) / np.sqrt(query.shape[-1])),
            "These are the exponentials. Shares come from dividing by their sum, row by row.",
            "what is done with the exponentials after exp.",
        ),
        WrongProgram(
            "normalised_over_both", "M06",
            lambda query, key: softmax(_weights_by(softmax_over(-2), query, key)),
            "A second softmax now runs over the rows of a table that the first had already bent over the columns. One "
            "softmax, along the right axis, is enough.",
            "how often exp is applied.",
        ),
        WrongProgram(
            "all_axes_turned", None,
            lambda query, key: softmax(query @ key.T / np.sqrt(query.shape[-1])),
            "`key.T` turns round all axes, so with leading axes a batch axis lands among the keys. Only the last two "
            "may change places.",
            "`.T`, and what NumPy has for swapping two axes.",
        ),
        *unstable_programs(_weights_by),
    ),
    hints=(
        "Run the function on 2 queries and 3 keys, and print the sums of the rows and those of the columns.",
        "A query shares out its attention among the keys. Which axis of the scores has one entry for each key?",
        "The bug is in the axis, in every place where it occurs, and the sums must keep an axis of size 1. "
        "Everything else may stay.",
    ),
    points=1,
)  # fmt: skip


def _reveal_row_or_column() -> str:
    weights = softmax([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0]])
    rows, columns = weights.sum(axis=-1), weights.sum(axis=-2)
    return (
        "A query shares out its attention among the keys, and a row belongs to a query. In an example with 2 queries "
        f"and 3 keys the rows sum to {rows[0]:.0f} and {rows[1]:.0f}, the columns to {columns[0]:.2f}, "
        f"{columns[1]:.2f} and {columns[2]:.2f}."
    )


def _reveal_add_constant() -> str:
    before, after = softmax([1.0, 2.0]), softmax([11.0, 12.0])
    return (
        "exp(s + 10) = exp(10) exp(s), and exp(10) cancels in the fraction: only differences between scores count. "
        f"Scores 1 and 2 give {before[0]:.3f} and {before[1]:.3f}; 11 and 12 give {after[0]:.3f} and {after[1]:.3f}."
    )


def _reveal_double_scores() -> str:
    before, after = softmax([1.0, 2.0]), softmax([2.0, 4.0])
    return (
        "Doubled scores lie twice as far apart, and differences are what softmax sees. The scores 1 and 2 give "
        f"{before[0]:.2f} and {before[1]:.2f}; 2 and 4 give {after[0]:.2f} and {after[1]:.2f}. It is the same as "
        "halving the temperature. (Only where all scores of a row are equal do the weights stay.)"
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_row_or_column",
        lesson=LESSON,
        title="Prediction: row or column",
        asked="scores has a row for each query and a column for each key. After softmax, what sums to 1?",
        options={"a": "each row", "b": "each column", "c": "the whole table"},
        right="a",
        reveal=_reveal_row_or_column,
        confusion="M06",
    ),
    ChoiceTask(
        name="predict_add_constant",
        lesson=LESSON,
        title="Prediction: the same for all",
        asked="10 is added to every score of a row. Its weights ...",
        options={"a": "grow", "b": "get more equal", "c": "stay"},
        right="c",
        reveal=_reveal_add_constant,
    ),
    ChoiceTask(
        name="predict_double_scores",
        lesson=LESSON,
        title="Prediction: doubled scores",
        asked="Every score is doubled. The weights ...",
        options={"a": "stay", "b": "get sharper", "c": "get flatter"},
        right="b",
        reveal=_reveal_double_scores,
    ),
)

TASKS = (*_PREDICTIONS, SOFTMAX, SOFTMAX_WITH_TEMPERATURE, BUG_HUNT_SOFTMAX)
