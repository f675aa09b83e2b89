"""Exercise 10, second part: how spread out the attention of a head is, and how far it looks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.attention import attention_entropy, mean_attention_distance, softmax
from course_lib.checks.exercises.cases import Floats, draw_matrix, draw_weights
from course_lib.checks.tasks import Arguments, Family, FunctionTask, Named, Property, Stage, WrongProgram

LESSON = 10

WEIGHTS = Named("weights", ("n_queries", "n_keys"))
HEAD_WEIGHTS = Named("weights", ("n_heads", "n_queries", "n_keys"))


def weights_family(
    label: str, *shape: int, stage: Stage = "plain", single: bool = False, with_grad: bool = False,
    change: Callable[[Floats], None] | None = None, so_far: str = "", look: str = "",
) -> Family:  # fmt: skip
    """Return a family of attention weights, with gradients of the same shape where they are wanted."""

    def make(rng: np.random.Generator) -> Arguments:
        dtype = np.float32 if single else np.float64
        arguments: Arguments = {"weights": draw_weights(rng, *shape, d_v=1, dtype=dtype)["weights"]}
        if change is not None:
            change(np.asarray(arguments["weights"]))
        if with_grad:
            arguments["grad_weights"] = draw_matrix(rng, *shape, dtype=dtype)
        return arguments

    return Family(label, make, stage, so_far=so_far, look=look)


def mask_some(weights: Floats) -> None:
    """Do as a mask does: one weight in each row becomes 0, and the others sum to 1 again."""
    weights[..., np.arange(weights.shape[-2]), np.arange(weights.shape[-2]) % weights.shape[-1]] = 0
    weights /= weights.sum(axis=-1, keepdims=True)


def _one_hot(weights: Floats) -> None:
    weights[...] = np.eye(weights.shape[-1])[weights.argmax(axis=-1)]


def _blank_first_head(weights: Floats) -> None:
    weights[..., 0, :, :] = 0


def _blank_first_query(weights: Floats) -> None:
    weights[..., 0, :] = 0


# How spread out


def _plogp(weights: Floats) -> Floats:
    logarithms: Floats = np.log(np.where(weights > 0, weights, 1))
    return weights * logarithms


def _entropy_by(change: Callable[[Floats], Any]) -> Callable[[Floats], Any]:
    return lambda weights: change(attention_entropy(weights))


_SO_FAR_ZERO = "Where all weights are above 0 your function is right; with a weight of 0 it is not."
_LOOK_ZERO = "the logarithm: what does it make of 0, and what is 0 times that?"

ATTENTION_ENTROPY = FunctionTask(
    name="attention_entropy",
    lesson=LESSON,
    title="The entropy of attention",
    asked="`attention_entropy(weights)` returns -sum_j w_j ln w_j for each query, (n_queries,); a weight of 0 adds "
    "nothing.",
    arguments=(WEIGHTS,),
    result=Named("entropy", ("n_queries",)),
    reference=attention_entropy,
    families=(
        weights_family("2 queries and 3 keys", 2, 3),
        weights_family("5 queries and 4 keys", 5, 4),
        weights_family("a single query", 1, 6),
        weights_family("leading axes", 2, 3, 5, 4, stage="batched"),
        weights_family("one leading axis", 2, 3, 4, stage="batched"),
        weights_family("float32", 3, 5, stage="precision", single=True),
        weights_family("weights of 0 behind a mask", 3, 4, stage="edge", change=mask_some, so_far=_SO_FAR_ZERO,
                       look=_LOOK_ZERO),
        weights_family("all attention on one key", 2, 4, stage="edge", change=_one_hot, so_far=_SO_FAR_ZERO,
                       look=_LOOK_ZERO),
        weights_family("a query that may attend to nothing", 3, 5, stage="edge", change=_blank_first_query,
                       so_far=_SO_FAR_ZERO, look=_LOOK_ZERO),
    ),
    separators=(weights_family("a square", 3, 3), weights_family("a cube", 3, 3, 3)),
    programs=(
        WrongProgram(
            "zero_gives_nan", None, lambda weights: -(weights * np.log(weights)).sum(axis=-1),
            "The logarithm of 0 is -inf, and 0 times -inf is NaN, which swallows the whole sum. As w goes to 0, w ln w "
            "goes to 0 as well, so such a weight adds nothing.",
            "the logarithm: what may stand in for 0 there, so that the product is 0?",
        ),
        WrongProgram(
            "in_bits", None, _entropy_by(lambda entropy: entropy / np.log(2)),
            "You took the logarithm to base 2, which gives bits. The natural logarithm, `np.log`, is asked for.",
            "which logarithm it is.",
        ),
        WrongProgram(
            "base_10", None, _entropy_by(lambda entropy: entropy / np.log(10)),
            "You took the logarithm to base 10. The natural logarithm, `np.log`, is asked for.",
            "which logarithm it is.",
        ),
        WrongProgram(
            "no_minus", None, _entropy_by(np.negative),
            "The minus is missing. Logarithms of weights below 1 are negative, and an entropy is not.",
            "the sign in front of the sum.",
        ),
        WrongProgram(
            "over_the_queries", "M06", lambda weights: -_plogp(weights).sum(axis=-2),
            "The sum runs over the queries, and gives a number for each key. Each query shares out its attention among "
            "the keys, so each row has an entropy.",
            "the axis of the sum.",
        ),
        WrongProgram(
            "over_axis_0", "M06", lambda weights: -_plogp(weights).sum(axis=0),
            "The sum runs over axis 0: in one matrix over the queries, with leading axes over the batch. Each query "
            "shares out its attention among the keys, so each row has an entropy.",
            "the axis of the sum, counted from the end.",
        ),
        WrongProgram(
            "over_everything", "M06", lambda weights: -_plogp(weights).sum(),
            "One number came out for the whole table. Each query has an entropy of its own.",
            "a sum without `axis=`: it adds up the whole table.",
        ),
        WrongProgram(
            "mean_of_the_queries", None, _entropy_by(lambda entropy: entropy.mean(axis=-1)),
            "You took the mean over the queries. Each query keeps its own number.",
            "a `mean` at the end.",
        ),
        WrongProgram(
            "mean_for_sum", None, lambda weights: -_plogp(weights).mean(axis=-1),
            "You took the mean over the keys. The weights have shared out 1 already, so their terms are added up.",
            "`mean` where a sum is meant.",
        ),
        WrongProgram(
            "as_part_of_the_largest", None, lambda weights: attention_entropy(weights) / np.log(weights.shape[-1]),
            "You divided by ln(n_keys), the largest possible entropy. That is good for comparing; here the entropy "
            "itself is asked for.",
            "a division at the end.",
        ),
        WrongProgram(
            "number_of_keys", None, _entropy_by(np.exp),
            "This is the exponential of the entropy: how many equal weights would be as spread out. The entropy itself "
            "is asked for.",
            "an `exp` at the end.",
        ),
        WrongProgram(
            "logarithms_not_weighted", None, lambda weights: -np.log(weights).sum(axis=-1),
            "The logarithms are added up without their weights, so the smallest weight counts most. Each logarithm is "
            "multiplied by its weight.",
            "what is summed: weight times logarithm.",
        ),
        WrongProgram(
            "softmax_again", "M01", lambda weights: attention_entropy(softmax(weights)),
            "You ran softmax over the weights. They have been through it already, and a second one flattens them.",
            "a softmax, or an exp, before the logarithm.",
        ),
        WrongProgram(
            "one_minus_squares", None, lambda weights: 1 - (weights**2).sum(axis=-1),
            "This is 1 - sum of w^2, which also says how spread out weights are (Gini). The entropy has logarithms.",
            "a square where a logarithm is meant.",
        ),
    ),
    properties=(
        Property(
            "The order of the keys makes no difference to the entropy.", lambda call, rng: _keys_reordered(call, rng)
        ),
    ),
    hints=(
        "Each query has one number: 0 where all attention is on one key, ln(n_keys) where all keys get the same. Which "
        "axis vanishes?",
        "Multiply each weight by its logarithm, add up along the row, and turn the sign. What happens where a weight "
        "is 0?",
        "0 ln 0 counts as 0. `np.where` can put a harmless number in place of 0 before the logarithm is taken: one "
        "whose logarithm is finite.",
    ),
    points=1,
)  # fmt: skip


def _keys_reordered(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    weights = np.asarray(draw_weights(rng, 3, 5, d_v=1)["weights"])
    before, after = call(weights=weights), call(weights=weights[:, rng.permutation(5)])
    return None if before.shape == after.shape and np.allclose(before, after, atol=1e-4) else "In an example it does."


# How far


def _distances(weights: Floats) -> Floats:
    distances: Floats = np.abs(np.arange(weights.shape[-2])[:, np.newaxis] - np.arange(float(weights.shape[-1])))
    return distances


def _mean_of(distance_of: Callable[[Any, Any], Any]) -> Callable[[Floats], Any]:
    """Return a program that takes the weighted mean of ``distance_of(i, j)``."""

    def program(weights: Floats) -> Any:
        i, j = np.arange(weights.shape[-2])[:, np.newaxis], np.arange(weights.shape[-1])
        total = weights.sum(axis=(-2, -1))
        return (weights * distance_of(i, j)).sum(axis=(-2, -1)) / np.where(total == 0, 1, total)

    return program


def _of_the_largest(weights: Floats) -> Floats:
    i = np.arange(weights.shape[-2])
    distances: Floats = np.abs(i - weights.argmax(axis=-1)).mean(axis=-1)
    return distances


def _for_each_query(weights: Floats) -> Floats:
    totals: Floats = (weights * _distances(weights)).sum(axis=-1)
    return totals


_SO_FAR_BLANK = "Where every query attends to something your function is right; where one has no weights it is not."
_LOOK_BLANK = "the divisor: how many queries does it count, and which of them attend to something?"

MEAN_ATTENTION_DISTANCE = FunctionTask(
    name="mean_attention_distance",
    lesson=LESSON,
    title="How far a head looks",
    asked="`mean_attention_distance(weights)` returns, for each head, the mean of |i - j| over its queries i and keys "
    "j, each as often as its weight says, (n_heads,): the sum of weight times distance over the sum of the weights.",
    arguments=(HEAD_WEIGHTS,),
    result=Named("distance", ("n_heads",)),
    reference=mean_attention_distance,
    families=(
        weights_family("2 heads, 3 queries and 4 keys", 2, 3, 4),
        weights_family("3 heads, more queries than keys", 3, 5, 4),
        weights_family("a single query", 3, 1, 5),
        weights_family("weights of 0 behind a mask", 2, 4, 6, change=mask_some),
        weights_family("a batch", 2, 4, 3, 5, stage="batched"),
        weights_family("float32", 2, 3, 6, stage="precision", single=True),
        weights_family("a query that may attend to nothing", 2, 3, 5, stage="edge", change=_blank_first_query,
                       so_far=_SO_FAR_BLANK, look=_LOOK_BLANK),
        weights_family("a head without any weight", 2, 3, 4, stage="edge", change=_blank_first_head,
                       so_far=_SO_FAR_BLANK, look="the division: what is 0 over 0? Such a head has distance 0."),
    ),
    separators=(weights_family("a cube", 3, 3, 3),),
    programs=(
        WrongProgram(
            "signed", None, _mean_of(lambda i, j: i - j),
            "Your distances have signs, so looking forward undoes looking back: a head that looks far on both sides "
            "would get 0. The distance is |i - j|.",
            "the difference of the two positions.",
        ),
        WrongProgram(
            "signed_forward", None, _mean_of(lambda i, j: j - i),
            "Your distances have signs, and those of keys in the past are negative. The distance is |i - j|.",
            "the difference of the two positions.",
        ),
        WrongProgram(
            "squared", None, _mean_of(lambda i, j: (i - j) ** 2.0),
            "You took the squares of the distances, in which far keys count too much. The distance is |i - j|, in "
            "tokens.",
            "a square.",
        ),
        WrongProgram(
            "past_only", None, _mean_of(lambda i, j: np.maximum(i - j, 0)),
            "Keys after the query have distance 0 in yours. They are as far as those before it.",
            "the distance of a key behind the query.",
        ),
        WrongProgram(
            "one_too_far", None, _mean_of(lambda i, j: np.abs(i - j) + 1),
            "A token that looks at itself looks 0 tokens far; in yours it looks 1 far.",
            "a `+ 1`, or where one of the two ranges begins.",
        ),
        WrongProgram(
            "summed_over_the_queries", None, lambda weights: _for_each_query(weights).sum(axis=-1),
            "The distances of all queries were added up. A mean is asked for: divide by the sum of all weights.",
            "what the sum is divided by.",
        ),
        WrongProgram(
            "mean_of_all_pairs", None, lambda weights: (weights * _distances(weights)).mean(axis=(-2, -1)),
            "You divided by the number of pairs. The weights have shared out 1 for each query, so what counts is their "
            "sum.",
            "`mean` over both axes: what does it divide by?",
        ),
        WrongProgram(
            "of_the_largest_weight", "M11", _of_the_largest,
            "You took the distance to the key of the largest weight alone. All keys take part, each by its weight.",
            "an `argmax`.",
        ),
        WrongProgram(
            "not_weighted", None,
            lambda weights: np.broadcast_to(_distances(weights).mean(), weights.shape[:-2]),
            "This is the mean distance of all pairs, the same for each head. The weights have to take part.",
            "where weights occurs in the sum.",
        ),
        WrongProgram(
            "for_each_query", None, _for_each_query,
            "Each query has a number of its own. One number for each head is asked for: the mean over its queries.",
            "which axes the sum runs over: two of them vanish.",
        ),
        WrongProgram(
            "one_for_all_heads", None, lambda weights: mean_attention_distance(weights).mean(axis=-1),
            "You took the mean over the heads as well. Heads are to be compared, so each keeps its number.",
            "which axes the sum runs over: count them from the end.",
        ),
        WrongProgram(
            "as_part_of_the_length", None,
            lambda weights: mean_attention_distance(weights) / weights.shape[-1],
            "You divided by the number of keys. The distance is meant in tokens.",
            "a division at the end.",
        ),
        WrongProgram(
            "empty_queries_count", "M16", lambda weights: _for_each_query(weights).mean(axis=-1),
            "You divided by the number of queries. A query that may attend to nothing looks nowhere, so it does not "
            "count; the sum of all weights knows that.",
            _LOOK_BLANK,
        ),
        WrongProgram(
            "no_weights_give_nan", "M16",
            lambda weights: (weights * _distances(weights)).sum(axis=(-2, -1)) / weights.sum(axis=(-2, -1)),
            "A head without any weight has 0 over 0, which is NaN. It looks nowhere, so its distance is 0.",
            "the division: which sum can be 0, and what may stand in for it there?",
        ),
    ),
    hints=(
        "Make the table of distances first, (n_queries, n_keys): query numbers as a column against key numbers as a "
        "row. It is the same for all heads.",
        "Weights times distances, added up over queries and keys, for each head. Then divide: by what do the weights "
        "of one head add up to?",
        "Both sums run over the last two axes. Where a head has no weight at all, its sum is 0; `np.where` can put a 1 "
        "there before you divide.",
    ),
    points=1,
)  # fmt: skip
