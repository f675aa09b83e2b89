"""Exercise 04: the weighted sum of the values, and attention from end to end."""

from collections.abc import Callable

import numpy as np

from course_lib.attention import attention, softmax, weighted_sum
from course_lib.checks.exercises.cases import Floats, draw_attention, draw_weights
from course_lib.checks.exercises.exercise_02 import (
    KEY,
    QUERY,
    cosines,
    products,
    query_key_family,
    scale_programs,
    spread_programs,
    with_a_wrong_scale,
)
from course_lib.checks.exercises.exercise_03 import WEIGHTS
from course_lib.checks.exercises.softmaxes import lost_axis_programs, unstable_programs, wrong_axis_programs
from course_lib.checks.tasks import (
    Arguments,
    ChoiceTask,
    Distractor,
    Family,
    FunctionTask,
    Named,
    OrderTask,
    Property,
    Stage,
    WrongProgram,
)

LESSON = 4
TITLE = "Weighted sum"

VALUE = Named("value", ("n_keys", "d_v"))
OUTPUT = Named("output", ("n_queries", "d_v"))


def _family(
    label: str, *shape: int, d_v: int, stage: Stage = "plain", single: bool = False,
    change: Callable[[Floats], None] | None = None,
) -> Family:  # fmt: skip
    def make(rng: np.random.Generator) -> Arguments:
        arguments = draw_weights(rng, *shape, d_v=d_v, dtype=np.float32 if single else np.float64)
        if change is not None:
            change(np.asarray(arguments["weights"]))
        return arguments

    return Family(label, make, stage)


def _blank_first_query(weights: Floats) -> None:
    weights[0] = 0


def _drop_some(weights: Floats) -> None:
    """Do as dropout does: some weights become 0, the others are doubled."""
    weights[0, 0], weights[1, 1], weights[2, 2] = 0, 0, 0
    weights *= 2


def _flattened(weights: Floats, value: Floats) -> Floats:
    n_leading = weights.ndim - 2
    summed: Floats = np.tensordot(weights, value, axes=([-1], [n_leading]))
    return summed


_WEIGHTED_SUM_PROGRAMS = (
    WrongProgram(
        "weights_transposed", "M07", lambda weights, value: weights.swapaxes(-1, -2) @ value,
        "The weights are transposed, so that queries and keys have changed roles. Row i of weights says how query i "
        "mixes the values.",
        "a transpose of the weights: is it needed?",
    ),
    WrongProgram(
        "value_first", None, lambda weights, value: value @ weights,
        "The values stand on the left, so their components meet the queries. The axes that meet must both be n_keys.",
        "the order of the two arrays.",
    ),
    WrongProgram(
        "value_turned_first", None, lambda weights, value: value.swapaxes(-1, -2) @ weights,
        "The values stand on the left, transposed, so the keys of the values meet the queries of the weights. The axes "
        "that meet must both be n_keys.",
        "the order of the two arrays, and the transpose.",
    ),
    WrongProgram(
        "result_transposed", None, lambda weights, value: (weights @ value).swapaxes(-1, -2),
        "The numbers are right and lie on their side: each query's output has become a column.",
        "a transpose too many.",
    ),
    WrongProgram(
        "mean_for_sum", None, lambda weights, value: weights @ value / weights.shape[-1],
        "You took the mean over the keys. The weights have shared out 1 already, so their products are added up, and "
        "not divided again.",
        "`mean` where a sum is meant, or a division by n_keys.",
    ),
    WrongProgram(
        "plain_mean", None,
        lambda weights, value: np.broadcast_to(
            value.mean(axis=-2, keepdims=True), (*weights.shape[:-1], value.shape[-1])
        ),
        "This is the plain mean of the values, the same for each query. The weights have to take part.",
        "where weights occurs in your function.",
    ),
    WrongProgram(
        "softmax_again", "M01", lambda weights, value: softmax(weights) @ value,
        "You ran softmax over the weights. They have been through it already: weights are what softmax returns, and a "
        "second one flattens them.",
        "a softmax, or an exp, before the sum.",
    ),
    WrongProgram(
        "rows_renormalised", None,
        lambda weights, value: weights / np.where(
            weights.sum(axis=-1, keepdims=True) == 0, 1, weights.sum(axis=-1, keepdims=True)
        ) @ value,
        "You divided each row of weights by its sum. Here it is taken as it comes: after dropout a row may sum to "
        "another number than 1, and that is meant.",
        "a division by a sum.",
    ),
    WrongProgram(
        "rows_renormalised_to_nan", None,
        lambda weights, value: weights / weights.sum(axis=-1, keepdims=True) @ value,
        "You divided each row of weights by its sum. A query that may attend to nothing has a row of zeros: its output "
        "is 0, and 0 / 0 is NaN.",
        "a division by a sum.",
    ),
    WrongProgram(
        "largest_only", "M11",
        lambda weights, value: np.take_along_axis(value, weights.argmax(axis=-1)[..., np.newaxis], axis=-2),
        "Each query takes the value of its largest weight alone: a hard look-up. The weighted sum mixes all values, "
        "each by its weight.",
        "an `argmax`.",
    ),
    WrongProgram(
        "summed_over_queries", None,
        lambda weights, value: (weights[..., np.newaxis] * value[..., np.newaxis, :, :]).sum(axis=-3),
        "The products are right and added up over the queries. Each query keeps its own output; what vanishes is the "
        "axis of the keys.",
        "the axis of the sum.",
    ),
    WrongProgram(
        "not_summed", None, lambda weights, value: weights[..., np.newaxis] * value[..., np.newaxis, :, :],
        "The values are weighted and not yet added up: the axis of the keys is left over.",
        "the sum that follows the products.",
    ),
    WrongProgram(
        "all_queries_summed", None, lambda weights, value: (weights @ value).sum(axis=-2),
        "The outputs of all queries were added up into one. Each query keeps its own.",
        "a sum too many.",
    ),
    WrongProgram(
        "batches_mixed", None, _flattened,
        "With leading axes, every example's weights met every example's values. Leading axes stay side by side.",
        "`np.dot` or `np.tensordot`: how do they treat leading axes, and how does `@`?",
    ),
)  # fmt: skip

WEIGHTED_SUM = FunctionTask(
    name="weighted_sum",
    lesson=LESSON,
    title="The weighted sum",
    asked="`weighted_sum(weights, value)` returns, for each query, the sum of all values, each times its weight, "
    "(n_queries, d_v).",
    arguments=(WEIGHTS, VALUE),
    result=OUTPUT,
    reference=weighted_sum,
    families=(
        _family("2 queries and 3 keys", 2, 3, d_v=4),
        _family("5 queries and 4 keys", 5, 4, d_v=2),
        _family("a single query", 1, 4, d_v=3),
        _family("a query with zero weights", 3, 4, d_v=2, change=_blank_first_query),
        _family("weights after dropout", 3, 4, d_v=5, change=_drop_some),
        _family("leading axes", 3, 2, 4, d_v=5, stage="batched"),
        _family("leading axes", 2, 3, 5, 4, d_v=6, stage="batched"),
        _family("float32", 3, 5, d_v=4, stage="precision", single=True),
    ),
    separators=(_family("a square", 3, 3, d_v=3), _family("a cube", 3, 3, 3, d_v=3)),
    programs=_WEIGHTED_SUM_PROGRAMS,
    hints=(
        "weights is (n_queries, n_keys), value is (n_keys, d_v), the output (n_queries, d_v). Which axis vanishes?",
        "The output of query i is weights[i, 0] times the first value, plus weights[i, 1] times the second, and so on "
        "over the keys.",
        "Sums of products over a shared axis are what the matrix product does. Which array stands on the left, so that "
        "n_keys meets n_keys?",
    ),
    points=1,
)


def _with(function: Callable[[Floats], Floats], query: Floats, key: Floats, value: Floats) -> Floats:
    """Return attention with another softmax."""
    output: Floats = function(products(query, key) / np.sqrt(query.shape[-1])) @ value
    return output


def _attend(scores: Floats, value: Floats) -> Floats:
    output: Floats = softmax(scores) @ value
    return output


def _scaled(query: Floats, key: Floats) -> Floats:
    scores: Floats = products(query, key) / np.sqrt(query.shape[-1])
    return scores


_ATTENTION_PROGRAMS = (
    *scale_programs(_attend),
    *spread_programs(_attend),
    WrongProgram(
        "over_sqrt_d_v", "M03",
        lambda query, key, value: _attend(products(query, key) / np.sqrt(value.shape[-1]), value),
        "You divided by sqrt(d_v). The dot products sum over the d_k components of query and key; how long the values "
        "are makes no difference to them.",
        "the number under the square root: count the components that one dot product sums over.",
    ),
    *wrong_axis_programs(_with),
    *lost_axis_programs(_with),
    WrongProgram(
        "keys_times_queries", "M07", lambda query, key, value: softmax(_scaled(key, query)) @ value,
        "You computed K Qᵀ: its rows are keys, so its columns, the queries, meet the values. A row belongs to a query, "
        "and its columns are the keys, one for each value.",
        "which of query and key stands on the left, and which one is transposed.",
    ),
    WrongProgram(
        "no_softmax", "M01", lambda query, key, value: _scaled(query, key) @ value,
        "The scores went straight into the sum. Scores may be negative and sum to anything; softmax makes weights out "
        "of them, and the values are mixed by weights.",
        "between the scores and the sum: which step is missing?",
    ),
    WrongProgram(
        "exponentials_not_normalised", None, lambda query, key, value: np.exp(_scaled(query, key)) @ value,
        "The exponentials went into the sum as they were. Weights come from dividing them by the sum of their row.",
        "what is done with the exponentials after exp.",
    ),
    WrongProgram(
        "scaled_after_softmax", "M02",
        lambda query, key, value: softmax(products(query, key)) @ value / np.sqrt(query.shape[-1]),
        "You divided by sqrt(d_k) after softmax. By then it only shrinks the output; softmax itself saw unscaled "
        "scores.",
        "the order of the steps: scale, then softmax.",
    ),
    WrongProgram(
        "softmax_after_the_sum", "M01", lambda query, key, value: softmax(_scaled(query, key) @ value),
        "Softmax ran over the output. It belongs to the scores: its weights decide how values are mixed, and the "
        "output may be any numbers.",
        "the order of the steps: softmax, then the weighted sum.",
    ),
    WrongProgram(
        "softmax_twice", "M01", lambda query, key, value: softmax(softmax(_scaled(query, key))) @ value,
        "Softmax ran twice. The second time it takes weights for scores, and flattens them.",
        "how often softmax is applied, also inside functions that you call.",
    ),
    WrongProgram(
        "weights_returned", "M01", lambda query, key, value: softmax(_scaled(query, key)),
        "These are the weights. The output is one step further: the values, mixed by them.",
        "what is returned.",
    ),
    WrongProgram(
        "keys_for_values", None, lambda query, key, value: softmax(_scaled(query, key)) @ key,
        "The keys were mixed. A key says what a token can be found by, a value what it hands over: mix the values.",
        "which array meets the weights.",
    ),
    WrongProgram(
        "values_for_keys", None, lambda query, key, value: softmax(_scaled(query, value)) @ value,
        "The queries were compared with the values. They are compared with the keys; the values are what is mixed "
        "afterwards.",
        "which array meets the queries.",
    ),
    WrongProgram(
        "largest_only", "M11",
        lambda query, key, value: np.take_along_axis(
            value, _scaled(query, key).argmax(axis=-1)[..., np.newaxis], axis=-2
        ),
        "Each query takes the value of its best key alone: a hard look-up. Attention is the soft one, in which every "
        "value gets its share.",
        "an `argmax`.",
    ),
    WrongProgram(
        "cosine", "M28", lambda query, key, value: _attend(cosines(query, key), value),
        "The scores are cosines: the lengths of query and key are gone. Attention takes the dot product over "
        "sqrt(d_k), in which length counts.",
        "a division by a norm.",
    ),
    WrongProgram(
        "weights_transposed", "M07",
        lambda query, key, value: softmax(_scaled(query, key)).swapaxes(-1, -2) @ value,
        "The weights are transposed before the sum, so that queries and keys have changed roles.",
        "a transpose of the weights: is it needed?",
    ),
    WrongProgram(
        "mean_of_the_values", None,
        lambda query, key, value: np.broadcast_to(
            value.mean(axis=-2, keepdims=True), (*query.shape[:-1], value.shape[-1])
        ),
        "This is the plain mean of the values, the same for each query. The weights have to take part.",
        "which step has lost the scores.",
    ),
    WrongProgram(
        "all_axes_turned", None, lambda query, key, value: _attend(query @ key.T / np.sqrt(query.shape[-1]), value),
        "`key.T` turns round all axes, so with leading axes a batch axis lands among the keys. Only the last two may "
        "change places.",
        "`.T`, and what NumPy has for swapping two axes.",
    ),
    *unstable_programs(_with),
)  # fmt: skip


def _shuffled_keys(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    drawn = {
        name: np.asarray(array) for name, array in draw_attention(rng, n_queries=3, n_keys=4, d_k=2, d_v=5).items()
    }
    order = rng.permutation(4)
    shuffled = drawn | {"key": drawn["key"][order], "value": drawn["value"][order]}
    before, after = call(**drawn), call(**shuffled)
    if before.shape == after.shape and np.allclose(before, after, atol=1e-4):
        return None
    return "In an example your output changes."


ATTENTION = FunctionTask(
    name="attention",
    lesson=LESSON,
    title="Attention",
    asked="`attention(query, key, value)` returns the values mixed by softmax(Q Kᵀ / sqrt(d_k)), (n_queries, d_v).",
    arguments=(QUERY, KEY, VALUE),
    result=OUTPUT,
    reference=attention,
    families=(
        query_key_family("2 queries and 3 keys", 2, 3, 5, 4),
        query_key_family("5 queries and 4 keys", 5, 4, 7, 3),
        query_key_family("a single query", 1, 4, 3, 2),
        query_key_family("leading axes", 3, 5, 4, 6, leading=(2,), stage="batched"),
        query_key_family("leading axes", 4, 6, 5, 7, leading=(2, 3), stage="batched"),
        query_key_family("float32", 4, 5, 3, 6, stage="precision", single=True),
        query_key_family("scores around 1500 and -1500", 2, 3, 5, 4, stage="large", offset=1500.0),
        query_key_family("rows from -1500 to 1500", 2, 3, 5, 4, stage="large", offset=1500.0, across=True),
    ),
    separators=(
        query_key_family("as many queries as keys", 4, 4, 3, 2),
        query_key_family("values as long as keys", 2, 4, 3, 3),
        query_key_family("a square", 3, 3, 3, 3),
        query_key_family("a cube", 3, 3, 3, 3, leading=(3,)),
    ),
    programs=_ATTENTION_PROGRAMS,
    pairs=with_a_wrong_scale(_ATTENTION_PROGRAMS),
    properties=(
        Property(
            "Shuffling the keys, and the values with them, must leave the output as it is.", _shuffled_keys
        ),
    ),
    hints=(
        "Three steps that you have written already: scores, weights, output. Which arrays does each of them take?",
        "Query and key make scaled scores, softmax turns each row into weights, and the weights mix the values.",
        "You wrote scaled_scores and softmax in exercises 02 and 03: bring their lines here, then your weighted_sum, "
        "each working on what the one before returned. A row stays a query all the way.",
    ),
    points=3,
)  # fmt: skip

ORDER_ATTENTION = OrderTask(
    name="order_attention",
    lesson=LESSON,
    title="Put attention in order",
    asked="Choose and order the lines so that they turn query, key and value into output.",
    lines={
        "A": "weights = exponentials / exponentials.sum(axis=-1, keepdims=True)",
        "B": "output = weights @ value",
        "C": "scores = query @ key.T",
        "D": "scores = scores / np.sqrt(key.shape[0])",
        "E": "exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))",
        "F": "scores = scores / np.sqrt(key.shape[-1])",
        "G": "weights = exponentials / exponentials.sum(axis=0)",
        "H": "output = scores @ value",
    },
    given=("query", "key", "value"),
    result="output",
    solution="CFEAB",
    distractors={
        "D": Distractor(
            "M03",
            "key.shape[0] is the number of keys. It changes nothing in the spread of a dot product; the number of "
            "components does.",
        ),
        "G": Distractor(
            "M06",
            "A sum over axis 0 runs over the queries, so each column would sum to 1. A query shares out its attention "
            "among the keys, so each row must.",
        ),
        "H": Distractor(
            "M01",
            "Scores may be negative and sum to anything. The values are mixed by weights, which softmax makes out of "
            "scores.",
        ),
    },
    make=lambda rng: draw_attention(rng, n_queries=2, n_keys=3, d_k=5, d_v=4),
    reference=attention,
    without={
        "F": (
            "M02",
            "The division by sqrt(d_k) is missing: with many components softmax would look at one key only.",
            "The division by sqrt(d_k) comes too late: softmax has used the scores already.",
        ),
    },
    hints=(
        "Follow the names: a line can only use what a line above it has made; query, key and value are there from the "
        "start.",
        "The order of the steps is scores, scaled scores, exponentials, weights, output: five lines.",
        "Three lines are wrong in a small way: look at which axis they run along, or which array they mix the values "
        "with, and compare them with the line that makes the same name.",
    ),
    points=1,
)  # fmt: skip


def _reveal_sums_to_one() -> str:
    scores, value = np.array([[1.0, -2.0, 0.5]]), np.array([[2.0, 0.0], [0.0, 4.0], [6.0, 6.0]])
    weights = softmax(scores)
    output = weighted_sum(weights, value)
    return (
        "Scores are plain numbers, softmax turns them into shares, and the output is made of values. In an example a "
        f"row of scores sums to {scores.sum():g}, its weights to {weights.sum():.0f}, and the output to "
        f"{output.sum():.2f}."
    )


def _reveal_outside_hull() -> str:
    value = [[0.0], [1.0], [3.0]]
    far = attention([[1000.0]], [[-1.0], [0.5], [1.0]], value)[0, 0]
    near = attention([[1.0]], [[-1.0], [0.5], [1.0]], value)[0, 0]
    return (
        "Weights are never negative and sum to 1, so the output is an average of the values, whatever the query. With "
        f"the values 0, 1 and 3 a query of 1 gives {near:.2f}; a query of 1000 gives {far:.2f}, which is the value of "
        "its best key and no farther."
    )


def _reveal_equal_scores() -> str:
    query, key, value = [[0.0, 5.0]], [[1.0, 0.0], [-2.0, 0.0], [3.0, 0.0]], [[3.0, 0.0], [0.0, 6.0], [0.0, 0.0]]
    output = attention(query, key, value)[0]
    return (
        "Perpendicular means that every dot product is 0. Equal scores give equal weights, 1/3 each for three keys: "
        f"the values [3, 0], [0, 6] and [0, 0] give [{output[0]:g}, {output[1]:g}]. A score of 0 is not a weight of 0."
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_sums_to_one",
        lesson=LESSON,
        title="Prediction: which one sums to 1",
        asked="Which of these has rows that sum to 1?",
        options={"a": "scores", "b": "weights", "c": "output"},
        right="b",
        reveal=_reveal_sums_to_one,
        confusion="M01",
    ),
    ChoiceTask(
        name="predict_outside_hull",
        lesson=LESSON,
        title="Prediction: out of the hull",
        asked="You drag the query far away. Can the output leave the hull of the values?",
        options={"a": "yes, far enough away", "b": "never", "c": "only with negative scores"},
        right="b",
        reveal=_reveal_outside_hull,
    ),
    ChoiceTask(
        name="predict_equal_scores",
        lesson=LESSON,
        title="Prediction: equal scores",
        asked="A query is perpendicular to every key. Its output is ...",
        options={"a": "a vector of zeros", "b": "the first value", "c": "the average of the values"},
        right="c",
        reveal=_reveal_equal_scores,
    ),
)

TASKS = (*_PREDICTIONS, WEIGHTED_SUM, ORDER_ATTENTION, ATTENTION)
