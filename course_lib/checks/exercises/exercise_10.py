"""Exercise 10: training: the gradient through softmax, what heads look at, and dropout."""

from collections.abc import Callable

import numpy as np

from course_lib.attention import (
    attention_entropy,
    dropout,
    mean_attention_distance,
    softmax,
    softmax_backward,
    weighted_sum,
)
from course_lib.checks.exercises.cases import Floats, draw_matrix, draw_weights
from course_lib.checks.exercises.exercise_10_dropout import DROPOUT
from course_lib.checks.exercises.exercise_10_heads import (
    ATTENTION_ENTROPY,
    LESSON,
    MEAN_ATTENTION_DISTANCE,
    WEIGHTS,
    mask_some,
    weights_family,
)
from course_lib.checks.tasks import (
    ChoiceTask,
    FunctionTask,
    Named,
    Property,
    WrongProgram,
)

TITLE = "Training"

# The gradient


def _row_sums(weights: Floats, grad_weights: Floats) -> Floats:
    sums: Floats = (weights * grad_weights).sum(axis=-1, keepdims=True)
    return sums


_WHY_ROW = (
    "The sum belongs to one row: the weights of one query compete with each other, and with nobody else's. Yours runs "
    "over {axis}."
)
_LOOK_SUM = "the sum: which axis has one entry for each key?"

SOFTMAX_BACKWARD = FunctionTask(
    name="softmax_backward",
    lesson=LESSON,
    title="Back through softmax",
    asked="`softmax_backward(weights, grad_weights)` returns the gradient of the scores, (n_queries, n_keys): w_j "
    "(g_j - sum_k w_k g_k), with the sum over the keys k of the same row.",
    arguments=(WEIGHTS, Named("grad_weights", ("n_queries", "n_keys"))),
    result=Named("grad_scores", ("n_queries", "n_keys")),
    reference=softmax_backward,
    families=(
        weights_family("2 queries and 3 keys", 2, 3, with_grad=True),
        weights_family("5 queries and 4 keys", 5, 4, with_grad=True),
        weights_family("a single query", 1, 4, with_grad=True),
        weights_family("weights of 0 behind a mask", 3, 5, with_grad=True, change=mask_some),
        weights_family("leading axes", 2, 3, 5, 4, with_grad=True, stage="batched"),
        weights_family("one leading axis", 2, 3, 4, with_grad=True, stage="batched"),
        weights_family("float32", 3, 5, with_grad=True, stage="precision", single=True),
    ),
    separators=(
        weights_family("a square", 4, 4, with_grad=True),
        weights_family("a cube", 3, 3, 3, with_grad=True),
    ),
    programs=(
        WrongProgram(
            "no_row_sum", None, lambda weights, grad_weights: weights * grad_weights,
            "The row's sum is missing: you took each score to move its own weight only. Raising one score takes from "
            "all other weights of the row, and `sum_k w_k g_k` is what that costs.",
            "the second part of the formula, which is the same for a whole row.",
        ),
        WrongProgram(
            "diagonal_only", None, lambda weights, grad_weights: weights * (1 - weights) * grad_weights,
            "`w (1 - w)` is the derivative of the sigmoid, and the diagonal of softmax's. Each score also moves the "
            "other weights of its row, by -w_j w_k.",
            "what the other keys of the row add.",
        ),
        WrongProgram(
            "only_the_row_sum", None,
            lambda weights, grad_weights: -weights * _row_sums(weights, grad_weights),
            "The first part is missing: each weight's own gradient, before the row's sum is taken off.",
            "what the row's sum is subtracted from.",
        ),
        WrongProgram(
            "summed_over_the_queries", "M06",
            lambda weights, grad_weights: weights
            * (grad_weights - (weights * grad_weights).sum(axis=-2, keepdims=True)),
            _WHY_ROW.format(axis="the queries, down each column"), _LOOK_SUM,
        ),
        WrongProgram(
            "summed_over_everything", "M06",
            lambda weights, grad_weights: weights * (grad_weights - (weights * grad_weights).sum()),
            _WHY_ROW.format(axis="the whole table"), _LOOK_SUM,
        ),
        WrongProgram(
            "no_keepdims", None,
            lambda weights, grad_weights: weights * (grad_weights - (weights * grad_weights).sum(axis=-1)),
            "The row sums have lost the axis of the keys: n_queries numbers in a row meet the n_keys columns. In a "
            "square table each column then meets another row's sum, and any other table stops.",
            "`sum`: how does it keep an axis of size 1, so that a row meets its own number?",
        ),
        WrongProgram(
            "plain_mean", None,
            lambda weights, grad_weights: weights * (grad_weights - grad_weights.mean(axis=-1, keepdims=True)),
            "You took off the plain mean of the gradients. The weights count: what is taken off is their mean, each "
            "as often as its weight says.",
            "what is summed: are the weights in it?",
        ),
        WrongProgram(
            "sum_without_weights", None,
            lambda weights, grad_weights: weights * (grad_weights - grad_weights.sum(axis=-1, keepdims=True)),
            "You took off the plain sum of the gradients. Each has to be weighted: `sum_k w_k g_k`.",
            "what is summed: are the weights in it?",
        ),
        WrongProgram(
            "weights_not_in_front", None,
            lambda weights, grad_weights: grad_weights - _row_sums(weights, grad_weights),
            "The weight in front is missing: a key that has almost no weight can hardly be moved by its score.",
            "what the whole difference is multiplied by.",
        ),
        WrongProgram(
            "other_sign", None,
            lambda weights, grad_weights: weights * (_row_sums(weights, grad_weights) - grad_weights),
            "The difference is the other way round: the row's sum is taken off each gradient.",
            "the two sides of the minus.",
        ),
        WrongProgram(
            "arguments_swapped", None,
            lambda weights, grad_weights: grad_weights * (weights - _row_sums(weights, grad_weights)),
            "Weights and gradients have changed roles: it is a weight that stands in front, and gradients inside the "
            "brackets.",
            "which of the two stands in front of the brackets.",
        ),
        WrongProgram(
            "softmax_again", "M01",
            lambda weights, grad_weights: softmax_backward(softmax(weights), grad_weights),
            "You ran softmax over the weights. They have been through it already; here they come as they left it.",
            "a softmax, or an exp.",
        ),
        WrongProgram(
            "gradient_of_a_logarithm", None,
            lambda weights, grad_weights: grad_weights - weights * grad_weights.sum(axis=-1, keepdims=True),
            "This is the way back through log-softmax. Here the weights themselves came out, and their gradients come "
            "back.",
            "where the weights stand: in front of the brackets, and inside the sum.",
        ),
    ),
    properties=(
        Property(
            "Each row of the gradient sums to 0: what raises all scores of a row alike changes no weight.",
            lambda call, rng: _sums_to_zero(call, rng),
        ),
    ),
    hints=(
        "Raise one score a little: its own weight grows, and all others of that row shrink. So each score's gradient "
        "has two parts. Which one comes from the others?",
        "The derivative of weight k by score j is w_k ((k = j) - w_j). Multiply by g_k and add up over k: one term is "
        "left over from k = j, and one sum that is the same for the whole row.",
        "First the row sums of weights times gradients, keeping an axis of size 1. Then each gradient less its row's "
        "sum. Then a weight in front.",
    ),
    points=2,
)  # fmt: skip


def _sums_to_zero(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    weights = np.asarray(draw_weights(rng, 3, 6, d_v=1)["weights"])
    grad = call(weights=weights, grad_weights=draw_matrix(rng, 3, 6))
    if grad.shape == (3, 6) and np.allclose(grad.sum(axis=-1), 0, atol=1e-4):
        return None
    return "In an example yours do not."


# Predictions


def _reveal_dropped_row() -> str:
    weights = np.full((100_000, 4), 0.25)
    sums = dropout(weights, 0.5, np.random.default_rng(10)).sum(axis=-1)
    some = ", ".join(f"{total:g}" for total in sums[:6])
    return (
        f"What is kept is divided by 1 - 0.5, so each sum is 0, 0.5, 1, 1.5 or 2. Six rows of 100 000: {some}. "
        f"The mean of all is {sums.mean():.2f}. That is meant: while the model is used, nothing is dropped and "
        "nothing has to be scaled."
    )


def _reveal_sharp_weights() -> str:
    grad = np.array([1.0, 0.0, 0.0])
    flat, sharp = (
        float(np.abs(softmax_backward(softmax(scale * np.array([1.0, 0.5, 0.0])), grad)).max()) for scale in (1, 20)
    )
    return (
        "Each gradient has its weight in front, and in brackets the difference to the row's mean: where one weight is "
        f"almost 1, one of the two is almost 0. The scores 1, 0.5, 0 let up to {flat:.2f} through; 20 times as large, "
        f"{sharp:.5f}. So scores that are too large stop learning, and that is what 1 / sqrt(d_k) is for."
    )


def _reveal_large_weight() -> str:
    weights, value = np.array([[0.9, 0.06, 0.04]]), np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 3.0]])
    output = weighted_sum(weights, value)[0]
    gone = weights * [[0, 1, 1]]
    without = weighted_sum(gone, value)[0]
    return (
        f"The output is [{output[0]:.2f}, {output[1]:.2f}], and without the first key's share it is "
        f"[{without[0]:.2f}, {without[1]:.2f}]: its value is all zeros, so 0.9 of nothing is added. A weight says "
        "where attention goes, and what it does there is up to the value."
    )


def _reveal_mean_distance() -> str:
    steady = np.eye(12, k=-2)[2:]
    half = (np.eye(12) + np.eye(12, k=-4))[4:] / 2
    heads = [
        (float(mean_attention_distance(weights, offset=offset)), float(attention_entropy(weights).mean()))
        for weights, offset in ((steady, 2), (half, 4))
    ]
    return (
        f"A head that always looks 2 back has a mean distance of {heads[0][0]:g}; one that looks at itself and 4 back, "
        f"half each, has {heads[1][0]:g} as well. Their entropies differ: {heads[0][1]:.2f} and {heads[1][1]:.2f}. One "
        "number seldom says what a head does, and many heads do several things."
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_sharp_weights",
        lesson=LESSON,
        title="Prediction: sharp weights",
        asked="Scores are 20 times as large, so that one weight is almost 1. The gradient that reaches the scores "
        "is ...",
        options={"a": "almost 0", "b": "the same", "c": "20 times as large"},
        right="a",
        reveal=_reveal_sharp_weights,
        confusion="M02",
    ),
    ChoiceTask(
        name="predict_dropped_row",
        lesson=LESSON,
        title="Prediction: a row after dropout",
        asked="A row of weights sums to 1. After dropout with rate 0.5 its sum is ...",
        options={"a": "still 1", "b": "0.5", "c": "1 on average, now more, now less"},
        right="c",
        reveal=_reveal_dropped_row,
        confusion="M24",
    ),
    ChoiceTask(
        name="predict_large_weight",
        lesson=LESSON,
        title="Prediction: a large weight",
        asked="A query gives 0.9 of its attention to one key. That token's value is all zeros. Without its share the "
        "output ...",
        options={"a": "changes completely", "b": "stays exactly", "c": "changes a little"},
        right="b",
        reveal=_reveal_large_weight,
        confusion="M25",
    ),
    ChoiceTask(
        name="predict_mean_distance",
        lesson=LESSON,
        title="Prediction: what a mean hides",
        asked="A head has a mean attention distance of 2 tokens. Where does it look?",
        options={"a": "always 2 tokens back", "b": "at most 2 tokens back", "c": "that does not tell"},
        right="c",
        reveal=_reveal_mean_distance,
        confusion="M26",
    ),
)

TASKS = (*_PREDICTIONS, SOFTMAX_BACKWARD, ATTENTION_ENTROPY, MEAN_ATTENTION_DISTANCE, DROPOUT)
