"""Exercise 09, second part: attention block by block, with the online softmax."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.attention import attention, softmax
from course_lib.checks.exercises.cases import Floats, draw_attention
from course_lib.checks.exercises.exercise_02 import (
    KEY,
    QUERY,
    products,
    query_key_family,
    scale_programs,
    with_a_wrong_scale,
)
from course_lib.checks.exercises.exercise_04 import OUTPUT, VALUE
from course_lib.checks.running.through import most_exponentials, most_memory
from course_lib.checks.tasks import (
    Arguments,
    Family,
    FunctionTask,
    Named,
    Property,
    Stage,
    WrongProgram,
)

LESSON = 9

# Of the example whose memory is counted: so many rows that lists of all inputs stay far below a table of all scores.
_N_QUERIES, _N_KEYS, _BLOCK_SIZE = 84, 80, 4


def _family(
    label: str, n_queries: int, n_keys: int, d_k: int, d_v: int, block_size: int, *, leading: tuple[int, ...] = (),
    stage: Stage = "plain", single: bool = False, offset: float = 0.0, across: bool = False,
) -> Family:  # fmt: skip
    plain = query_key_family(
        label, n_queries, n_keys, d_k, d_v, leading=leading, stage=stage, single=single, offset=offset, across=across
    )

    def make(rng: np.random.Generator) -> Arguments:
        return plain.make(rng) | {"block_size": block_size}

    return Family(label, make, stage, plain.tolerance)


Step = Callable[[Floats, Floats, Floats, Floats, Floats], tuple[Floats, Floats, Floats]]


def _by_blocks(
    step: Step, *, start: float = -np.inf, with_rest: bool = True, is_divided: bool = True
) -> Callable[..., Floats]:
    """Return a program that goes over the keys in blocks.

    ``step(largest, total, mixed, scores, value)`` gives the three anew; they begin with `start` and zeros.
    """

    def program(query: Floats, key: Floats, value: Floats, block_size: int) -> Floats:
        n_keys = key.shape[-2] if with_rest else key.shape[-2] // block_size * block_size
        rows = (*query.shape[:-1], 1)
        largest, total = np.full(rows, start), np.zeros(rows)
        mixed: Floats = np.zeros((*query.shape[:-1], value.shape[-1]))
        for begin in range(0, n_keys, block_size):
            block = (..., slice(begin, begin + block_size), slice(None))
            scores = products(query, key[block]) / np.sqrt(query.shape[-1])
            largest, total, mixed = step(largest, total, mixed, scores, value[block])
        return mixed / total if is_divided else mixed

    return program


def _step(
    *, fade_total: bool = True, fade_mixed: bool = True, inverse: bool = False, own_maximum: bool = False,
    divide: bool = False, smallest: bool = False,
) -> Step:  # fmt: skip
    """Return one step of the online softmax, changed in some way."""

    def step(largest: Floats, total: Floats, mixed: Floats, scores: Floats, value: Floats) -> Any:
        highest = (scores.min if smallest else scores.max)(axis=-1, keepdims=True)
        risen = highest if own_maximum else np.maximum(largest, highest)
        is_first = np.isneginf(largest)
        fade = np.where(is_first, 1, np.exp(np.where(is_first, 0, risen - largest if inverse else largest - risen)))
        exponentials = np.exp(scores - risen)
        total = total * (fade if fade_total else 1) + exponentials.sum(axis=-1, keepdims=True)
        mixed = mixed * (fade if fade_mixed else 1) + exponentials @ value
        return risen, total, mixed / total if divide else mixed

    return step


def _no_maximum(largest: Floats, total: Floats, mixed: Floats, scores: Floats, value: Floats) -> Any:
    exponentials = np.exp(scores)
    return largest, total + exponentials.sum(axis=-1, keepdims=True), mixed + exponentials @ value


def _blocks_apart(join: Callable[[list[Floats]], Any]) -> Callable[..., Any]:
    """Return a program that attends within each block by itself, and joins the outputs in some way."""

    def program(query: Floats, key: Floats, value: Floats, block_size: int) -> Any:
        blocks = [(..., slice(begin, begin + block_size), slice(None)) for begin in range(0, key.shape[-2], block_size)]
        return join([attention(query, key[block], value[block]) for block in blocks])

    return program


def _all_at_once(query: Floats, key: Floats, value: Floats, block_size: int) -> Floats:
    output: Floats = softmax(products(query, key) / np.sqrt(query.shape[-1])) @ value
    return output


def _whole_rows(query: Floats, key: Floats, value: Floats, block_size: int) -> Floats:
    """Attend for one query after the other."""
    output = np.empty((*query.shape[:-1], value.shape[-1]))
    for i in range(query.shape[-2]):
        scores = products(query[..., i : i + 1, :], key) / np.sqrt(query.shape[-1])
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
        output[..., i : i + 1, :] = exponentials @ value / exponentials.sum(axis=-1, keepdims=True)
    return output


_WHY_FADE = (
    "What was summed before a larger score came is counted against the old maximum, and what comes now against the new "
    "one. {what} Before adding, everything old has to fade by the factor exp(old maximum - new maximum)."
)
_LOOK_FADE = "what happens to {what} when the maximum rises."

_ALL_AT_ONCE = WrongProgram(
    "all_scores_at_once", None, _all_at_once,
    "The output is right, and all scores were there at once, n_queries x n_keys of them. For a text of 100 000 tokens "
    f"that is {8 * 100_000**2 / 1e9:.0f} GB. Go over the keys in blocks, and carry along no more than "
    "a maximum, a sum and a mix for each query.",
    "which array has an axis for the queries and one for all keys?",
)  # fmt: skip
_ROW_AT_ONCE = WrongProgram(
    "whole_rows_at_once", None, _whole_rows,
    "The output is right, and `block_size` plays no part: each query saw the scores of all keys at once. With blocks "
    "the memory stays the same, however many keys there are.",
    "the loop: it should run over blocks of keys.",
)  # fmt: skip

_PROGRAMS = (
    WrongProgram(
        "sums_do_not_fade", None, _by_blocks(_step(fade_total=False, fade_mixed=False)),
        _WHY_FADE.format(what="Neither the sum nor the mix was brought to the new one."),
        _LOOK_FADE.format(what="the sum and the mix"),
    ),
    WrongProgram(
        "mix_does_not_fade", None, _by_blocks(_step(fade_mixed=False)),
        _WHY_FADE.format(what="The sum is brought to the new one, the mixed values are not."),
        _LOOK_FADE.format(what="the mixed values"),
    ),
    WrongProgram(
        "total_does_not_fade", None, _by_blocks(_step(fade_total=False)),
        _WHY_FADE.format(what="The mixed values are brought to the new one, the sum is not."),
        _LOOK_FADE.format(what="the sum of the exponentials"),
    ),
    WrongProgram(
        "fades_the_other_way", None, _by_blocks(_step(inverse=True)),
        "Old and new maximum have changed places in the factor: when a larger score comes, what was summed before "
        "grows, and it should fade.",
        "the sign in the exponent: the factor is never above 1.",
    ),
    WrongProgram(
        "maximum_of_each_block", None,
        _by_blocks(_step(own_maximum=True, fade_total=False, fade_mixed=False)),
        "Each block subtracts its own maximum, and the sums are added as if it were one and the same. Exponentials can "
        "only be added up when one number was subtracted from all of their scores.",
        "which maximum is subtracted, and what brings the sums of two blocks together.",
    ),
    WrongProgram(
        "maximum_falls", None, _by_blocks(_step(own_maximum=True)),
        "You go on with the maximum of the last block, even where an earlier one was larger. Then the factor that "
        "should let old sums fade is exp of something large, and overflows.",
        "the new maximum: which two numbers is it the larger of?",
    ),
    WrongProgram(
        "maximum_starts_at_0", None, _by_blocks(_step(), start=0.0),
        "Your running maximum starts at 0, so where all scores of a row lie far below 0, all exponentials are 0 and "
        "the row becomes 0 / 0. Start below every score.",
        "the first value of the maximum.",
    ),
    WrongProgram(
        "less_than_maximum_subtracted", None, _by_blocks(_step(smallest=True)),
        "You subtract a number below the block's largest score, such as its smallest. A score far above it still makes "
        "exp overflow to inf.",
        "which number of the block is compared with the maximum so far.",
    ),
    WrongProgram(
        "no_maximum", None, _by_blocks(_no_maximum),
        "The exponentials are added up as they are, and exp overflows: exp(1500) is inf and exp(-1500) is 0. Carry a "
        "maximum for each query along, and subtract it.",
        "the line with exp.",
    ),
    WrongProgram(
        "divided_in_every_block", None, _by_blocks(_step(divide=True), is_divided=False),
        "You divide by the sum in every block and go on with the quotient, so that what came before is divided again "
        "and again. Carry the undivided mix along.",
        "the division: how often is it needed?",
    ),
    WrongProgram(
        "not_divided", None, _by_blocks(_step(), is_divided=False),
        "The values are mixed by exponentials that nobody divided. Weights sum to 1 for each query, over all blocks "
        "together.",
        "what is done with the sum of the exponentials in the end.",
    ),
    WrongProgram(
        "mean_of_blocks", None, _blocks_apart(lambda outputs: np.mean(outputs, axis=0)),
        "Softmax ran within each block, and the outputs were averaged. A block whose keys fit better must count more: "
        "its exponentials are a larger part of the sum over all keys.",
        "how the outputs of two blocks are brought together.",
    ),
    WrongProgram(
        "sum_of_blocks", None, _blocks_apart(lambda outputs: np.sum(outputs, axis=0)),
        "Softmax ran within each block, and the outputs were added, so the weights of a query sum to the number of "
        "blocks. All blocks share out one and the same 1.",
        "how the outputs of two blocks are brought together.",
    ),
    WrongProgram(
        "last_block_only", None, _blocks_apart(lambda outputs: outputs[-1]),
        "Only the last block is in the output: each block writes over what the ones before have made.",
        "`=` where something should be added to what is there.",
    ),
    WrongProgram(
        "first_block_only", None, _blocks_apart(lambda outputs: outputs[0]),
        "Only the first block is in the output.",
        "a `return` inside the loop, or a loop that runs once.",
    ),
    WrongProgram(
        "rest_left_out", None, _by_blocks(_step(), with_rest=False),
        "The keys that are left when the others fill whole blocks are missing. The last block may be shorter.",
        "the number of blocks: what does `//` leave out?",
    ),
    *scale_programs(lambda scores, value, block_size: softmax(scores) @ value),
    _ALL_AT_ONCE,
    _ROW_AT_ONCE,
)  # fmt: skip


def _draw(rng: np.random.Generator, n_queries: int, n_keys: int) -> dict[str, Floats]:
    # Numbers of order 1; their contrast plays no part in what is counted.
    return {
        "query": rng.normal(size=(n_queries, 2)), "key": rng.normal(size=(n_keys, 2)),
        "value": rng.normal(size=(n_keys, 1)),
    }  # fmt: skip


def _depends_on_the_block_size(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    drawn = draw_attention(rng, n_queries=3, n_keys=7, d_k=4, d_v=2)
    outputs = {block_size: call(**drawn, block_size=block_size) for block_size in (7, 1, 2, 3, 6, 20)}
    for block_size, output in outputs.items():
        if output.shape != outputs[7].shape or not np.allclose(output, outputs[7], atol=1e-4):
            return f"In an example with 7 keys, blocks of {block_size} and blocks of 7 give different outputs."
    return None


def _holds_all_scores(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    held = call(**_draw(rng, _N_QUERIES, _N_KEYS), block_size=_BLOCK_SIZE)
    all_scores = 8 * _N_QUERIES * _N_KEYS
    if held.size == 0 or held[0] < 0.9 * all_scores:
        return None
    return (
        f"With {_N_QUERIES} queries, {_N_KEYS} keys and blocks of {_BLOCK_SIZE} your function held "
        f"{held[0] / 1000:.0f} kB at once. All scores together are {all_scores / 1000:.0f} kB, those of one block "
        f"{8 * _N_QUERIES * _BLOCK_SIZE / 1000:.0f} kB."
    )


def _takes_whole_rows(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    n_queries, n_keys = 5, 60
    at_once = call(**_draw(rng, n_queries, n_keys), block_size=_BLOCK_SIZE)
    if at_once.size == 0 or at_once[0] <= n_queries * _BLOCK_SIZE:
        return None
    return (
        f"With {n_queries} queries, {n_keys} keys and blocks of {_BLOCK_SIZE} your function took the exponential of "
        f"{at_once[0]:.0f} scores at once; a block has {n_queries * _BLOCK_SIZE}."
    )


_MEMORY = "Never more than the scores of one block, n_queries x block_size, may be there at once."

ONLINE_ATTENTION = FunctionTask(
    name="online_attention",
    lesson=LESSON,
    title="Online softmax",
    asked="`online_attention(query, key, value, block_size)` returns what `attention` returns, (n_queries, d_v). It "
    "goes over the keys in blocks of block_size, the last one shorter if need be, with one block's scores at a time.",
    arguments=(QUERY, KEY, VALUE, Named("block_size")),
    result=OUTPUT,
    reference=lambda query, key, value, block_size: attention(query, key, value),
    families=(
        _family("2 queries, 6 keys in 3 blocks", 2, 6, 5, 4, 2),
        _family("a last block that is shorter", 3, 5, 4, 2, 2),
        _family("blocks of one key", 2, 4, 3, 5, 1),
        _family("one block for all", 3, 4, 7, 2, 4),
        _family("blocks larger than n_keys", 5, 3, 4, 2, 10),
        _family("a single query", 1, 7, 3, 2, 3),
        _family("leading axes", 4, 7, 5, 6, 3, leading=(2, 3), stage="batched"),
        _family("one leading axis", 3, 5, 4, 6, 2, leading=(2,), stage="batched"),
        _family("float32", 4, 5, 3, 6, 2, stage="precision", single=True),
        _family("scores around 1500 and -1500", 2, 5, 3, 4, 2, stage="large", offset=1500.0),
        _family("rows from -1500 to 1500", 2, 5, 3, 4, 1, stage="large", offset=1500.0, across=True),
        _family("blocks from -1500 to 1500", 3, 4, 5, 2, 2, stage="large", offset=1500.0, across=True),
    ),
    separators=(_family("a square", 3, 3, 3, 3, 2), _family("a cube", 3, 3, 3, 3, 1, leading=(3,))),
    programs=_PROGRAMS,
    pairs=with_a_wrong_scale(_PROGRAMS),
    properties=(
        Property("The size of the blocks makes no difference to the output.", _depends_on_the_block_size),
        Property(_MEMORY, _holds_all_scores, _ALL_AT_ONCE, most_memory),
        Property(_MEMORY, _takes_whole_rows, _ROW_AT_ONCE, most_exponentials),
    ),
    hints=(
        "Softmax needs the sum over all keys, but the sum can be taken piece by piece, and so can the mix of the "
        "values. What must each query carry from block to block?",
        "Three things: its largest score so far, the sum of its exponentials, and the values mixed by them. Both sums "
        "are counted against the largest score. What if a block brings a larger one?",
        "exp(s - new) = exp(s - old) exp(old - new): one factor brings old sums to the new maximum. Multiply, add the "
        "block's share, and divide once, at the end. The maximum starts at -inf.",
    ),
    points=3,
)  # fmt: skip
