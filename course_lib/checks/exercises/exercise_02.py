"""Exercise 02: how well each query matches each key, and why the match is divided by sqrt(d_k)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_lib.attention import dot_product_scores, scaled_scores, softmax
from course_lib.checks.exercises.cases import Floats, draw_attention
from course_lib.checks.tasks import (
    LARGE_TOLERANCE,
    TOLERANCE,
    Arguments,
    ChoiceTask,
    Family,
    FunctionTask,
    Named,
    Stage,
    TwoMistakes,
    WrongProgram,
)

LESSON = 2
TITLE = "Scores"

QUERY = Named("query", ("n_queries", "d_k"))
KEY = Named("key", ("n_keys", "d_k"))
SCORES = Named("scores", ("n_queries", "n_keys"))


def query_key_family(
    label: str, n_queries: int, n_keys: int, d_k: int, d_v: int | None = None, *, leading: tuple[int, ...] = (),
    stage: Stage = "plain", single: bool = False, offset: float = 0.0, across: bool = False,
) -> Family:  # fmt: skip
    """Return a family of queries and keys, with values where `d_v` is given."""

    def make(rng: np.random.Generator) -> Arguments:
        return draw_attention(
            rng, leading=leading, n_queries=n_queries, n_keys=n_keys, d_k=d_k, d_v=d_v, offset=offset,
            across=across, dtype=np.float32 if single else np.float64,
        )  # fmt: skip

    return Family(label, make, stage, LARGE_TOLERANCE if offset else TOLERANCE)


def products(query: Floats, key: Floats) -> Floats:
    """Return the plain dot products of every query with every key."""
    scores: Floats = query @ key.swapaxes(-1, -2)
    return scores


def cosines(query: Floats, key: Floats) -> Floats:
    """Return the cosine of the angle between every query and every key."""
    lengths = np.linalg.norm(query, axis=-1)[..., np.newaxis] * np.linalg.norm(key, axis=-1)[..., np.newaxis, :]
    cosine: Floats = products(query, key) / lengths
    return cosine


def _minus_distances(query: Floats, key: Floats) -> Floats:
    distances: Floats = -np.linalg.norm(query[..., :, np.newaxis, :] - key[..., np.newaxis, :, :], axis=-1)
    return distances


_FAMILIES = (
    query_key_family("2 queries and 3 keys", 2, 3, 5),
    query_key_family("5 queries and 4 keys", 5, 4, 7),
    query_key_family("a single query", 1, 4, 3),
    query_key_family("leading axes", 3, 5, 4, leading=(2,), stage="batched"),
    query_key_family("leading axes", 4, 6, 5, leading=(2, 3), stage="batched"),
    query_key_family("float32", 4, 5, 3, stage="precision", single=True),
)

SQUARES = (
    query_key_family("as many keys as components", 4, 3, 3),
    query_key_family("as many queries as keys", 4, 4, 3),
    query_key_family("a square", 3, 3, 3),
    query_key_family("a cube", 3, 3, 3, leading=(3,)),
)

_WHY_TURNED = (
    "You computed K Qᵀ: your row i belongs to key i. It has the same numbers as Q Kᵀ, lying on their side, and the "
    "next step would run along the wrong axis. A row belongs to a query, because a query asks and the keys answer."
)
_LOOK_TURNED = "which of the two stands on the left, and which one is transposed."
_WHY_COSINE = (
    "You divided by the lengths of query and key, which gives the cosine of the angle. Attention takes the plain dot "
    "product: a key that is twice as long scores twice as high, at the same angle."
)


def after_keys(change: Callable[[Floats], Floats], scale: Callable[[Floats], float]) -> Callable[[Floats, Floats], Any]:
    """Return a program that changes the keys before the dot products."""
    return lambda query, key: products(query, change(key)) / scale(query)


def _mixing_leading_axes(scale: Callable[[Floats], float]) -> tuple[WrongProgram, ...]:
    return (
        WrongProgram(
            "all_axes_turned", None, lambda query, key: query @ key.T / scale(query),
            "`key.T` turns round all axes, so with leading axes a batch axis lands among the keys. Only the last two "
            "may change places.",
            "`.T`, and what NumPy has for swapping two axes.",
        ),
        WrongProgram(
            "batches_mixed", None, lambda query, key: np.dot(query, key.swapaxes(-1, -2)) / scale(query),
            "With leading axes, the queries of every example met the keys of every example. Leading axes stay side by "
            "side.",
            "`np.dot` or `np.tensordot`: how do they treat leading axes, and how does `@`?",
        ),
    )  # fmt: skip


def shared_wrong_scores(scale: Callable[[Floats], float], step: str) -> tuple[WrongProgram, ...]:
    """Return the mistakes that plain and scaled scores have in common; `scale` gives the divisor that is asked for."""

    def after(function: Callable[[Floats], Any]) -> Callable[[Floats, Floats], Any]:
        return lambda query, key: function(products(query, key) / scale(query))

    return (
        WrongProgram(
            "keys_times_queries", "M07", lambda query, key: products(key, query) / scale(query),
            _WHY_TURNED, _LOOK_TURNED,
        ),
        WrongProgram(
            "already_softmaxed", "M01", after(softmax),
            f"Your rows are positive and sum to 1: these are weights. {step} are asked for, before softmax; scores "
            "may be negative, and sum to anything.",
            "a softmax, or an exponential, after the dot products.",
        ),
        WrongProgram("cosine", "M28", cosines, _WHY_COSINE, "a division by a norm."),
        WrongProgram(
            "length_of_key_removed", "M28",
            after_keys(lambda key: key / np.linalg.norm(key, axis=-1, keepdims=True), scale),
            "You brought every key to length 1. Attention takes the plain dot product: a key that is twice as long "
            "scores twice as high, at the same angle.",
            "a division by a norm.",
        ),
        WrongProgram(
            "only_pairs", None, lambda query, key: (query * key).sum(axis=-1) / scale(query),
            "You compared query i with key i only. Every query meets every key, which makes a table of "
            "n_queries x n_keys.",
            "`*` followed by a sum: it pairs the rows up. What combines every row with every row?",
        ),
        WrongProgram(
            "not_transposed", None, lambda query, key: query @ key / scale(query),
            "In `query @ key` the columns of key meet the rows of query, so components of query are multiplied by "
            "components of other keys. A dot product pairs component with component, along d_k.",
            "the axis of key that has to meet d_k of query.",
        ),
        *_mixing_leading_axes(scale),
        WrongProgram(
            "distance", None, _minus_distances,
            "These are distances between queries and keys. The dot product q · k is asked for, which also grows with "
            "the lengths of both.",
            "a difference `query - key`: a dot product has products in it and no differences.",
        ),
        WrongProgram(
            "components_multiplied_only", None,
            lambda query, key: query[..., :, np.newaxis, :] * key[..., np.newaxis, :, :] / scale(query),
            "The components are multiplied and not yet added up: an axis d_k is left over.",
            "the sum that makes a dot product out of products.",
        ),
        WrongProgram(
            "absolute", None, after(np.abs),
            "Your scores have lost their signs. A negative score is meant: query and key point away from each other.",
            "an `abs` or a square.",
        ),
    )  # fmt: skip


def _over(divisor: Callable[[Floats, Floats], float]) -> Callable[[Floats, Floats], Floats]:
    def program(query: Floats, key: Floats) -> Floats:
        scores: Floats = products(query, key) / divisor(query, key)
        return scores

    return program


DOT_PRODUCT_SCORES = FunctionTask(
    name="dot_product_scores",
    lesson=LESSON,
    title="Dot products",
    asked="`dot_product_scores(query, key)` returns the plain dot product of every query with every key, "
    "(n_queries, n_keys).",
    arguments=(QUERY, KEY),
    result=SCORES,
    reference=dot_product_scores,
    families=_FAMILIES,
    separators=SQUARES,
    programs=(
        *shared_wrong_scores(lambda query: 1.0, "Plain dot products"),
        WrongProgram(
            "already_scaled", None, _over(lambda query, key: float(np.sqrt(query.shape[-1]))),
            "You have divided by sqrt(d_k) already. That is the next task; here plain dot products are asked for.",
            "a division after the product.",
        ),
        WrongProgram(
            "mean_of_products", "M03", _over(lambda query, key: query.shape[-1]),
            "You divided by d_k, as a mean does. A dot product is a sum; how to scale it comes in the next task, and "
            "it is not by d_k.",
            "`mean` where a sum is meant, or a division after the product.",
        ),
    ),
    hints=(
        "Row i of the table belongs to query i, column j to key j. What is the shape of the table?",
        "Entry (i, j) is the dot product of row i of query with row j of key. Which operator takes dot products of "
        "rows with columns?",
        "To turn the rows of key into columns, swap its last two axes. With leading axes `.T` would turn round all of "
        "them; look up np.swapaxes.",
    ),
    points=1,
)  # fmt: skip


def scale_programs(finish: Callable[..., Any]) -> tuple[WrongProgram, ...]:
    """Return the mistakes with the scale; ``finish(scores, *rest)`` makes the answer out of wrongly scaled scores."""

    def over(divisor: Callable[[Floats, Floats], float]) -> Callable[..., Any]:
        return lambda query, key, *rest: finish(products(query, key) / divisor(query, key), *rest)

    look = "the number under the square root: count the components that one dot product sums over."
    return (
        WrongProgram(
            "no_scale", "M02", over(lambda query, key: 1.0),
            "The scale is left out: the dot products went on as they were. A sum over d_k products spreads like "
            "sqrt(d_k), so with many components softmax would look at one key only.",
            "between the dot products and what follows: what are they divided by?",
        ),
        WrongProgram(
            "over_d_k", "M03", over(lambda query, key: query.shape[-1]),
            "You divided by d_k in all, without the root or by the root twice, which makes the scores sqrt(d_k) times "
            "too small. d_k is the variance of a dot product; its spread, which the scale undoes, is sqrt(d_k).",
            "the divisor of the scores.",
        ),
        WrongProgram(
            "over_sqrt_n_keys", "M03", over(lambda query, key: float(np.sqrt(key.shape[-2]))),
            "You divided by sqrt(n_keys). How many keys there are changes nothing in the spread of a dot product; the "
            "number of components, d_k, does.",
            look,
        ),
        WrongProgram(
            "over_sqrt_n_queries", "M03", over(lambda query, key: float(np.sqrt(query.shape[-2]))),
            "You divided by sqrt(n_queries). How many queries there are changes nothing in the spread of a dot "
            "product; the number of components, d_k, does.",
            look,
        ),
        WrongProgram(
            "over_n_keys", "M03", over(lambda query, key: key.shape[-2]),
            "You divided by n_keys. How many keys there are changes nothing in the spread of a dot product; the number "
            "of components, d_k, does.",
            "the divisor of the scores: count the components that one dot product sums over.",
        ),
        WrongProgram(
            "times_sqrt_d_k", "M03", over(lambda query, key: 1 / float(np.sqrt(query.shape[-1]))),
            "You multiplied by sqrt(d_k) where a division is meant, which makes the scores d_k times too large.",
            "the operator in front of the square root.",
        ),
    )  # fmt: skip


_WHY_SPREAD = (
    "You divided by the spread of the scores themselves, so keys that are 100 times as long would change nothing. "
    "sqrt(d_k) knows how many components there are, and not how large they are: a longer key still scores higher."
)


def _standardised(scores: Floats) -> Floats:
    rows: Floats = (scores - scores.mean(axis=-1, keepdims=True)) / scores.std(axis=-1, keepdims=True)
    return rows


def spread_programs(finish: Callable[..., Any]) -> tuple[WrongProgram, ...]:
    """Return the mistake of a scale that undoes any rescaling, with the spread of the table and that of each row."""

    def over_spread(axis: int | None) -> Callable[..., Any]:
        def program(query: Floats, key: Floats, *rest: Any) -> Any:
            scores = products(query, key)
            return finish(scores / scores.std(axis=axis, keepdims=True), *rest)

        return program

    look = "a `std` or a `var`: the divisor follows from the shape alone."
    return (
        WrongProgram("over_own_spread", "M04", over_spread(None), _WHY_SPREAD, look),
        WrongProgram("over_spread_of_each_row", "M04", over_spread(-1), _WHY_SPREAD, look),
    )


# By which factor the scores are off, of d_k, n_queries and n_keys.
_FACTORS: dict[str, Callable[[int, int, int], float]] = {
    "no_scale": lambda d_k, n_queries, n_keys: d_k**0.5,
    "over_d_k": lambda d_k, n_queries, n_keys: d_k**-0.5,
    "over_sqrt_n_keys": lambda d_k, n_queries, n_keys: (d_k / n_keys) ** 0.5,
    "over_sqrt_n_queries": lambda d_k, n_queries, n_keys: (d_k / n_queries) ** 0.5,
    "over_n_keys": lambda d_k, n_queries, n_keys: d_k**0.5 / n_keys,
    "times_sqrt_d_k": lambda d_k, n_queries, n_keys: float(d_k),
}
Sizes = Callable[..., tuple[int, int, int]]


def sizes_of_query_and_key(query: Floats, key: Floats, *_rest: object) -> tuple[int, int, int]:
    """Return d_k, n_queries and n_keys of a call with queries and keys."""
    return query.shape[-1], query.shape[-2], key.shape[-2]


def with_a_wrong_scale(
    programs: Sequence[WrongProgram], sizes: Sizes = sizes_of_query_and_key, *, place: int = 0
) -> tuple[TwoMistakes, ...]:
    """Return each mistake together with each wrong scale: two mistakes at once.

    Scores grow as the argument at `place` does, so a mistake with stretched queries is that mistake with a wrong scale.
    """
    return tuple(
        TwoMistakes(
            f"{program.slug} and {scale.slug}",
            program.confusion,
            _stretching(program.program, _FACTORS[scale.slug], sizes, place),
            f"{program.why}\nA second thing: {scale.why[0].lower()}{scale.why[1:]}",
            program.look,
            program,
        )
        for scale in scale_programs(lambda scores, *_: scores)
        for program in programs
        if program.slug not in _FACTORS
    )


def _stretching(
    program: Callable[..., Any], factor: Callable[[int, int, int], float], sizes: Sizes, place: int
) -> Callable[..., Any]:
    def stretched(*arguments: Any) -> Any:
        by = factor(*sizes(*arguments))
        return program(*arguments[:place], arguments[place] * by, *arguments[place + 1 :])

    return stretched


_SHARED_WITH_SCALED = shared_wrong_scores(lambda query: float(np.sqrt(query.shape[-1])), "Scores")

SCALED_SCORES = FunctionTask(
    name="scaled_scores",
    lesson=LESSON,
    title="Scaled scores",
    asked="`scaled_scores(query, key)` returns the dot products divided by sqrt(d_k), (n_queries, n_keys).",
    arguments=(QUERY, KEY),
    result=SCORES,
    reference=scaled_scores,
    families=_FAMILIES,
    separators=SQUARES,
    programs=(
        *scale_programs(lambda scores: scores),
        *spread_programs(lambda scores: scores),
        WrongProgram(
            "standardised_rows",
            "M04",
            lambda query, key: _standardised(products(query, key)),
            _WHY_SPREAD,
            "a `mean` or a `std` of the scores.",
        ),
        WrongProgram(
            "over_sqrt_of_key_size",
            "M03",
            _over(lambda query, key: float(np.sqrt(key.size))),
            "You divided by the root of `key.size`, which counts all numbers of all keys. One dot product sums over "
            "the d_k components of one key.",
            "the number under the square root: an entry of the shape, and no product of its entries.",
        ),
        *_SHARED_WITH_SCALED,
    ),
    pairs=with_a_wrong_scale(_SHARED_WITH_SCALED),
    hints=(
        "Start from the dot products. By which factor do they grow when there are more components? The lesson "
        "measured it.",
        "d_k is the number of components of one query. Which entry of query.shape is it, counted from the end?",
        "One division after the dot products: by the square root of that entry.",
    ),
    points=1,
)


def _reveal_longer_key() -> str:
    query, keys = [[2.0, 1.0]], [[1.0, 1.0], [2.0, 2.0]]
    once, twice = dot_product_scores(query, keys)[0]
    return (
        f"q · (2k) = 2 (q · k). With q = [2, 1] the key [1, 1] scores {once:g} and [2, 2] scores {twice:g}, at the "
        "same angle. So the dot product is more than similarity of direction: length counts."
    )


def _reveal_spread() -> str:
    rng = np.random.default_rng(3)
    spreads = [
        np.std((rng.normal(size=(10_000, d_k)) * rng.normal(size=(10_000, d_k))).sum(axis=-1)) for d_k in (4, 64)
    ]
    return (
        f"Over 10 000 draws it is {spreads[0]:.1f} for d_k = 4 and {spreads[1]:.1f} for d_k = 64. Each of the d_k "
        "products adds variance 1, so the variance is d_k, and the standard deviation sqrt(d_k): sqrt(64 / 4) = 4 "
        "times as large. That is what the division by sqrt(d_k) takes out."
    )


def _reveal_rescaled_keys() -> str:
    query, key = [[1.0, 0.0, 1.0, 0.0]], [[1.0, 1.0, 1.0, 1.0]]
    before = scaled_scores(query, key)[0, 0]
    after = scaled_scores(query, 100 * np.array(key))[0, 0]
    return (
        f"In an example with d_k = 4 the score goes from {before:g} to {after:g}. sqrt(d_k) knows how many components "
        "there are, and nothing about how large they are; so it cannot undo a rescaling."
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_longer_key",
        lesson=LESSON,
        title="Prediction: a longer key",
        asked="A key gets twice as long, the angle to the query stays. The score ...",
        options={"a": "stays", "b": "halves", "c": "doubles"},
        right="c",
        reveal=_reveal_longer_key,
        confusion="M28",
    ),
    ChoiceTask(
        name="predict_spread",
        lesson=LESSON,
        title="Prediction: more components",
        asked="d_k grows from 4 to 64; components are random with variance 1. The standard deviation of the dot "
        "products ...",
        options={"a": "stays", "b": "gets 4 times as large", "c": "gets 16 times as large"},
        right="b",
        reveal=_reveal_spread,
        confusion="M05",
    ),
    ChoiceTask(
        name="predict_rescaled_keys",
        lesson=LESSON,
        title="Prediction: larger keys",
        asked="All keys are multiplied by 100. After the division by sqrt(d_k) the scores are ...",
        options={"a": "100 times as large", "b": "the same as before", "c": "10 times as large"},
        right="a",
        reveal=_reveal_rescaled_keys,
        confusion="M04",
    ),
)

TASKS = (*_PREDICTIONS, DOT_PRODUCT_SCORES, SCALED_SCORES)
