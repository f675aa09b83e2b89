"""Exercise 06, second part: attention with a mask, and a mask that was really published."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.attention import attention, attention_weights, causal_mask, padding_mask
from course_lib.checks.exercises.cases import Floats, draw_attention
from course_lib.checks.exercises.exercise_02 import KEY, QUERY, products, scale_programs, with_a_wrong_scale
from course_lib.checks.exercises.exercise_03 import WEIGHTS
from course_lib.checks.exercises.exercise_04 import OUTPUT, VALUE
from course_lib.checks.exercises.masking import (
    Weigh,
    causal,
    in_the_mask,
    mask_programs,
    masked_family,
    only_low_keys,
    with_a_blocked_row,
    with_gaps,
)
from course_lib.checks.tasks import FunctionTask, Named, Property, WrongProgram

LESSON = 6

MASK = Named("mask", ("n_queries", "n_keys"))


def _scaled(query: Floats, key: Floats) -> Floats:
    scores: Floats = products(query, key) / np.sqrt(query.shape[-1])
    return scores


def _mixing(weigh: Weigh) -> Callable[..., Any]:
    return lambda query, key, value, mask: weigh(_scaled(query, key), mask) @ value


def _blocked_keys_changed(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    drawn: dict[str, Any] = dict(draw_attention(rng, n_queries=3, n_keys=4, d_k=2, d_v=5))
    mask = causal_mask(3, 4)
    other = {name: drawn[name] + 9 * (np.arange(4) > 1)[:, np.newaxis] for name in ("key", "value")}
    before, after = call(**drawn, mask=mask), call(**drawn | other, mask=mask)
    if before.shape == after.shape == (3, 5) and np.allclose(before[:2], after[:2], atol=1e-4):
        return None
    return "In an example with a causal mask, queries 0 and 1 give another output when keys 2 and 3 change."


def _values_of_one(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    drawn: dict[str, Any] = dict(draw_attention(rng, n_queries=3, n_keys=4, d_k=2, d_v=5))
    output = call(**drawn | {"value": np.ones((4, 5))}, mask=causal_mask(3, 4))
    return None if np.allclose(output, 1, atol=1e-4) else "In an example something else comes out."


_MIXING_PROGRAMS = mask_programs(_mixing)

MASKED_ATTENTION = FunctionTask(
    name="masked_attention",
    lesson=LESSON,
    title="Attention with a mask",
    asked="`masked_attention(query, key, value, mask)` returns attention among the keys where mask is True, "
    "(n_queries, d_v), and zeros for a query that has none.",
    arguments=(QUERY, KEY, VALUE, MASK),
    result=OUTPUT,
    reference=lambda query, key, value, mask: attention(query, key, value, mask=mask),
    families=(
        masked_family("a mask with gaps", 2, 4, 5, 3, mask=with_gaps(2, 4)),
        masked_family("more queries than keys", 5, 4, 7, 3, mask=with_gaps(5, 4)),
        masked_family("a causal mask", 3, 5, 4, 2, mask=causal(3, 5)),
        masked_family("a single query", 1, 4, 3, 2, mask=with_gaps(1, 4)),
        masked_family("one mask for all", 3, 5, 4, 6, leading=(2,), mask=with_gaps(3, 5), stage="batched"),
        masked_family(
            "a mask for each matrix", 4, 6, 5, 7, leading=(2, 3), mask=with_gaps(2, 3, 4, 6), stage="batched"
        ),
        masked_family("one mask for all", 4, 6, 5, 7, leading=(2, 3), mask=with_gaps(4, 6), stage="batched"),
        masked_family(
            "a padding mask with axes of size 1", 4, 6, 5, 7, leading=(2, 3), stage="batched",
            mask=lambda rng: padding_mask(rng.permutation([2, 5]), 6)[:, np.newaxis, np.newaxis, :],
        ),
        masked_family("float32", 4, 5, 3, 6, mask=with_gaps(4, 5), stage="precision", single=True),
        masked_family("scores around 1500 and -1500", 2, 3, 5, 4, mask=with_gaps(2, 3), stage="large", offset=1500.0),
        masked_family(
            "a blocked key that scores 3000 more than the others", 2, 3, 5, 4, mask=only_low_keys(2, 3), stage="large",
            offset=1500.0, across=True,
        ),
        masked_family(
            "a query that may attend to nothing", 3, 4, 5, 2, mask=with_a_blocked_row(3, 4), stage="edge"
        ),
    ),
    separators=(
        masked_family("a square", 3, 3, 5, 4, mask=with_gaps(3, 3)),
        masked_family("as many queries as keys", 4, 4, 3, 2, mask=with_gaps(4, 4)),
    ),
    programs=(
        *_MIXING_PROGRAMS,
        *scale_programs(lambda scores, value, mask: in_the_mask(scores, mask) @ value),
        WrongProgram(
            "weights_returned", "M01", lambda query, key, value, mask: in_the_mask(_scaled(query, key), mask),
            "These are the weights. The output is one step further: the values, mixed by them.",
            "what is returned.",
        ),
        WrongProgram(
            "exponentials_not_normalised", None,
            lambda query, key, value, mask: np.where(mask, np.exp(_scaled(query, key)), 0) @ value,
            "The exponentials of the allowed keys went into the sum as they were. Weights come from dividing them by "
            "the sum of their row.",
            "what is done with the exponentials after exp.",
        ),
    ),
    pairs=with_a_wrong_scale(_MIXING_PROGRAMS),
    properties=(
        Property("A blocked key must have no effect: the future cannot change the past.", _blocked_keys_changed),
        Property("Where all values are 1, every output that may attend to something must be 1.", _values_of_one),
    ),
    hints=(
        "It is attention with one step more. Between which two of its steps must the mask act, so that the allowed "
        "keys share out all of 1?",
        "A blocked key must get weight 0, and a weight is exp of a score, shared out. Which score has exp 0? np.where "
        "chooses between two arrays, and fits an array with fewer axes.",
        "Last, a query that may attend to nothing: its row is all -inf, and so is its maximum. Which number can you "
        "subtract in its place, and what can stand under the fraction, so that zeros come out?",
    ),
    points=3,
)  # fmt: skip


def _weighing(weigh: Weigh) -> Callable[..., Any]:
    return lambda query, key, mask: weigh(_scaled(query, key), mask)


BUG_HUNT_MASK = FunctionTask(
    name="bug_hunt_mask",
    lesson=LESSON,
    title="Bug hunt: a published mask",
    asked="The repaired function takes (query, key, mask) and returns attention weights, (n_queries, n_keys): 0 where "
    "mask is False, each row with sum 1, or all zeros where nothing is allowed.",
    arguments=(QUERY, KEY, MASK),
    result=WEIGHTS,
    reference=lambda query, key, mask: attention_weights(query, key, mask=mask),
    families=(
        masked_family("a mask with gaps", 2, 4, 5, mask=with_gaps(2, 4)),
        masked_family("more queries than keys", 5, 4, 7, mask=with_gaps(5, 4)),
        masked_family("a single query", 1, 4, 3, mask=with_gaps(1, 4)),
        masked_family("one mask for all", 3, 5, 4, leading=(2,), mask=with_gaps(3, 5), stage="batched"),
        masked_family("a mask for each matrix", 4, 6, 5, leading=(2, 3), mask=with_gaps(2, 3, 4, 6), stage="batched"),
        masked_family("one mask for all", 4, 6, 5, leading=(2, 3), mask=with_gaps(4, 6), stage="batched"),
        masked_family("float32", 4, 5, 3, mask=with_gaps(4, 5), stage="precision", single=True),
        masked_family("scores around 1500 and -1500", 2, 3, 5, mask=with_gaps(2, 3), stage="large", offset=1500.0),
        masked_family(
            "a blocked key that scores 3000 more than the others", 2, 3, 5, mask=only_low_keys(2, 3), stage="large",
            offset=1500.0, across=True,
        ),
        masked_family("a query that may attend to nothing", 3, 4, 5, mask=with_a_blocked_row(3, 4), stage="edge"),
    ),
    separators=(
        masked_family("a square", 3, 3, 5, mask=with_gaps(3, 3)),
        masked_family("as many queries as keys", 4, 4, 3, mask=with_gaps(4, 4)),
    ),
    programs=(*mask_programs(_weighing), *scale_programs(in_the_mask)),
    hints=(
        "Run the function on 2 queries and 3 keys with a mask, and print the weights. The rows sum to 1. What stands "
        "where mask is False?",
        "Follow one blocked key: its score, what the mask makes of it, and exp of that.",
        "The bug is in the line with the mask. Which score would a key need for its weight to be 0? Everything else "
        "may stay.",
    ),
    points=1,
)  # fmt: skip
