"""Exercise 08: positions: sinusoids that are added, rotations of queries and keys, biases on the scores."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.attention import (
    alibi_bias,
    mean_attention_distance,
    rotate,
    self_attention,
    sinusoidal_positions,
    softmax,
)
from course_lib.checks.exercises.cases import Floats, draw_matrix
from course_lib.checks.exercises.exercise_08_relative import ALIBI_BIAS, LESSON, ROTATE, Numbers, size_family
from course_lib.checks.tasks import (
    Arguments,
    ChoiceTask,
    Family,
    FunctionTask,
    Named,
    Property,
    Stage,
    WrongProgram,
)

TITLE = "Positions"

# Sinusoids

Angles = Callable[[Numbers, Numbers, int], Numbers]


def _waves(angles_of: Angles) -> Callable[[int, int], Floats]:
    """Return a program with sines in even and cosines in odd components of ``angles_of(p, c, d_model)``."""

    def program(seq_len: int, d_model: int) -> Floats:
        p, c = np.arange(seq_len)[:, np.newaxis], np.arange(d_model)
        angles = angles_of(p, c, d_model)
        table: Floats = np.where(c % 2 == 0, np.sin(angles), np.cos(angles))
        return table

    return program


def _of_pairs(c: Numbers) -> Numbers:
    """Return the even number below: 0, 0, 2, 2, 4, 4, ..."""
    even: Numbers = c - c % 2
    return even


def _cosine_first(seq_len: int, d_model: int) -> Floats:
    table = sinusoidal_positions(seq_len, d_model)
    return table.reshape(seq_len, -1, 2)[..., ::-1].reshape(seq_len, d_model)


def _in_halves(seq_len: int, d_model: int) -> Floats:
    table = sinusoidal_positions(seq_len, d_model)
    return np.concatenate([table[:, 0::2], table[:, 1::2]], axis=-1)


_WHY_ONE_FREQUENCY = (
    "A sine and the cosine after it share one frequency, and yours do not: the exponent grows with each component. "
    "Components 2i and 2i + 1 are the two coordinates of one hand of a clock, so both turn with 2i / d_model."
)
_LOOK_EXPONENT = "the exponent: print it for all components. It should go 0, 0, 2, 2, 4, 4, ... over d_model."

_SINUSOIDAL_PROGRAMS = (
    WrongProgram(
        "cosine_first", None, _cosine_first,
        "Sine and cosine have changed places. Even components are sines, odd ones cosines: position 0 is the row "
        "0, 1, 0, 1, ...",
        "which of the two is written into the even components.",
    ),
    WrongProgram(
        "in_halves", None, _in_halves,
        "All sines stand in the first half and all cosines in the second. The paper lets them alternate. A model could "
        "learn with either, but trained weights fit one of the two only.",
        "how sines and cosines are put together: which slice has every second component?",
    ),
    WrongProgram(
        "a_frequency_for_each_component", None, _waves(lambda p, c, d: p / 10_000.0 ** (c / d)),
        _WHY_ONE_FREQUENCY, _LOOK_EXPONENT,
    ),
    WrongProgram(
        "doubled_and_a_frequency_for_each", None, _waves(lambda p, c, d: p / 10_000.0 ** (2 * c / d)),
        "You took 2c / d_model for component c. In the formula the components are called 2i and 2i + 1, so 2i is "
        "already the number of the component, or that of the one before.",
        _LOOK_EXPONENT,
    ),
    WrongProgram(
        "exponent_doubled", None, _waves(lambda p, c, d: p / 10_000.0 ** (2 * _of_pairs(c) / d)),
        "Your exponent is twice as large as it should be. If the numbers 0, 2, 4, ... come from a range with steps of "
        "2, they are 2i already.",
        _LOOK_EXPONENT,
    ),
    WrongProgram(
        "exponent_halved", None, _waves(lambda p, c, d: p / 10_000.0 ** (_of_pairs(c) / 2 / d)),
        "Your exponent is i / d_model, half of what it should be, so the slow components are not slow enough: far "
        "positions start to look like near ones sooner.",
        _LOOK_EXPONENT,
    ),
    WrongProgram(
        "spread_to_the_end", None,
        _waves(lambda p, c, d: p / 10_000.0 ** (_of_pairs(c) / 2 / max(d / 2 - 1, 1))),
        "You divided by d_model / 2 - 1, so that the last frequency is exactly 1 / 10000. Some libraries do so; the "
        "paper divides 2i by d_model.",
        _LOOK_EXPONENT,
    ),
    WrongProgram(
        "faster_and_faster", None, _waves(lambda p, c, d: p * 10_000.0 ** (_of_pairs(c) / d)),
        "The positions are multiplied by the power of 10000 where a division is meant: later components should turn "
        "more slowly, and yours turn faster.",
        "the sign of the exponent, or the operator in front of the power.",
    ),
    WrongProgram(
        "no_frequencies", None, _waves(lambda p, c, d: p + 0.0 * c),
        "All components turn at one speed, so positions 2 pi apart look almost alike. Each pair of components needs a "
        "frequency of its own.",
        "what the position is divided by before sine and cosine.",
    ),
    WrongProgram(
        "base_1000", None, _waves(lambda p, c, d: p / 1000.0 ** (_of_pairs(c) / d)),
        "You took powers of 1000. The paper's number is 10000.",
        "the number that is raised to a power: count its zeros.",
    ),
    WrongProgram(
        "from_one", None, _waves(lambda p, c, d: (p + 1) / 10_000.0 ** (_of_pairs(c) / d)),
        "You count positions from 1. The first token is at position 0: its row is 0, 1, 0, 1, ...",
        "where the range of positions begins.",
    ),
    WrongProgram(
        "only_sines", None,
        lambda seq_len, d_model: np.sin(
            np.arange(seq_len)[:, np.newaxis] / 10_000.0 ** (_of_pairs(np.arange(d_model)) / d_model)
        ),
        "All components are sines. A sine alone cannot tell the way up from the way down; its cosine beside it can.",
        "what is written into the odd components.",
    ),
    WrongProgram(
        "transposed", None, lambda seq_len, d_model: sinusoidal_positions(seq_len, d_model).T,
        "The table lies on its side: each column of yours belongs to a position. A token is a row, so a position must "
        "be a row as well.",
        "which of positions and components gets the new axis at its end.",
    ),
)  # fmt: skip


def _same_at_every_distance(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    table = call(seq_len=6, d_model=int(rng.choice([8, 12])))
    products = table @ table.T if table.ndim == 2 else np.empty((0, 0))
    if products.shape == (6, 6) and all(np.allclose(np.diagonal(products, k), products[0, k]) for k in range(6)):
        return None
    return "In an example with 6 positions they differ."


SINUSOIDAL_POSITIONS = FunctionTask(
    name="sinusoidal_positions",
    lesson=LESSON,
    title="Sinusoidal positions",
    asked="`sinusoidal_positions(seq_len, d_model)` returns a row for each position p, (seq_len, d_model), with "
    "d_model even: components 2i and 2i + 1 are the sine and the cosine of p / 10000^(2i / d_model).",
    arguments=(Named("seq_len"), Named("d_model")),
    result=Named("positions", ("seq_len", "d_model")),
    reference=sinusoidal_positions,
    families=(
        size_family("a few positions", seq_len=(3, 5), d_model=6),
        size_family("more positions than components", seq_len=(7, 30), d_model=4),
        size_family("many components", seq_len=(2, 9), d_model=16),
        size_family("a single position", seq_len=1, d_model=8),
        size_family("two components", seq_len=(3, 9), d_model=2),
    ),
    separators=(size_family("as many positions as components", seq_len=6, d_model=6),),
    programs=_SINUSOIDAL_PROGRAMS,
    properties=(
        Property("Rows that lie equally far apart must have the same dot product, wherever they are.",
                 _same_at_every_distance),
    ),
    hints=(
        "The table is an outer product of positions and frequencies, sent through sine and cosine. What shapes must "
        "the two have, so that every position meets every frequency?",
        "There are d_model / 2 frequencies, one for each pair of components. The first is 1; the next ones fall, as "
        "powers of 10000 do when the exponent falls from 0 towards -1.",
        "Make an empty table, then fill every second column, starting with 0, with sines of the angles, and every "
        "second, starting with 1, with their cosines. `0::2` is such a slice.",
    ),
    points=2,
)  # fmt: skip


# A published bug


def _with(table_of: Callable[[Floats], Floats]) -> Callable[[Floats], Any]:
    return lambda x: x + table_of(x)


def _batch_family(label: str, *shape: int, stage: Stage = "plain", single: bool = False) -> Family:
    def make(rng: np.random.Generator) -> Arguments:
        return {"x": draw_matrix(rng, *shape, dtype=np.float32 if single else np.float64)}

    return Family(label, make, stage)


def _counted_on(x: Floats) -> Floats:
    n_tokens, d_model = int(np.prod(x.shape[:-1])), x.shape[-1]
    return sinusoidal_positions(n_tokens, d_model).reshape(x.shape)


BUG_HUNT_POSITIONS = FunctionTask(
    name="bug_hunt_positions",
    lesson=LESSON,
    title="Bug hunt: a published encoding",
    asked="The repaired function takes tokens x, (batch, seq_len, d_model), and adds to each token the sinusoidal "
    "vector of its position in its own sequence.",
    arguments=(Named("x", ("batch", "seq_len", "d_model")),),
    result=Named("output", ("batch", "seq_len", "d_model")),
    reference=_with(lambda x: sinusoidal_positions(*x.shape[-2:])),
    families=(
        _batch_family("2 sequences of 3 tokens", 2, 3, 4),
        _batch_family("5 sequences of 3 tokens", 5, 3, 6),
        _batch_family("a single sequence", 1, 5, 4),
        _batch_family("sequences of one token", 4, 1, 6),
        _batch_family("float32", 2, 5, 6, stage="precision", single=True),
    ),
    separators=(_batch_family("as many sequences as tokens", 3, 3, 4), _batch_family("a cube", 4, 4, 4)),
    programs=(
        WrongProgram(
            "positions_of_the_batch", "M23",
            _with(lambda x: sinusoidal_positions(x.shape[0], x.shape[-1])[:, np.newaxis]),
            "The positions count the sequences of the batch. All tokens of a sequence get one and the same vector, so "
            "their order is as invisible as before, and what a sequence gets depends on its neighbours in the batch.",
            "which entry of x.shape says how many tokens a sequence has, counted from the end?",
        ),
        WrongProgram(
            "positions_of_the_components", "M23", _with(lambda x: sinusoidal_positions(x.shape[-1], x.shape[-1])[:, 0]),
            "The positions run along the components: all tokens get the same vector. A position is a row of the table, "
            "and rows belong to tokens.",
            "which axis of the table meets which axis of x.",
        ),
        WrongProgram(
            "counted_on", "M23", _with(_counted_on),
            "The positions go on from one sequence to the next. Each sequence begins at position 0; what else is in "
            "the batch makes no difference to it.",
            "how many rows the table has: as many as one sequence has tokens.",
        ),
        WrongProgram(
            "first_position_for_all", "M23", _with(lambda x: sinusoidal_positions(1, x.shape[-1])),
            "All tokens get the vector of position 0, so their order is as invisible as before.",
            "how many rows the table has, and which of them each token gets.",
        ),
        WrongProgram(
            "from_one", None, _with(lambda x: sinusoidal_positions(x.shape[-2] + 1, x.shape[-1])[1:]),
            "The positions count from 1. The first token is at position 0.",
            "where the positions begin.",
        ),
        WrongProgram(
            "positions_alone", None, lambda x: np.zeros_like(x) + sinusoidal_positions(*x.shape[-2:]),
            "These are the positions without the tokens. They are added to x, which stays in the sum.",
            "where x occurs in the last line.",
        ),
        WrongProgram(
            "table_alone", None, lambda x: sinusoidal_positions(*x.shape[-2:]),
            "This is the table of positions. It is added to x, for each sequence of the batch.",
            "where x occurs in the last line.",
        ),
        WrongProgram(
            "unchanged", None, lambda x: x,
            "These are the tokens as they came: the positions have gone with the bug.",
            "what is added to x.",
        ),
        WrongProgram(
            "multiplied", None, lambda x: x * sinusoidal_positions(*x.shape[-2:]),
            "You multiplied tokens and positions. They are added: at position 0 all sines are 0, and would wipe out "
            "half of the first token.",
            "the operator between the two.",
        ),
        WrongProgram(
            "side_by_side", None,
            lambda x: np.concatenate([x, np.broadcast_to(sinusoidal_positions(*x.shape[-2:]), x.shape)], axis=-1),
            "The positions stand beside the components, which makes 2 d_model of them. They are added, so that the "
            "shape stays.",
            "a `concatenate`.",
        ),
        WrongProgram(
            "tokens_scaled", None, lambda x: x * np.sqrt(x.shape[-1]) + sinusoidal_positions(*x.shape[-2:]),
            "You multiplied the tokens by sqrt(d_model). The paper does so with its embeddings; here x is taken as it "
            "comes.",
            "a `sqrt`.",
        ),
    ),
    hints=(
        "Hand over a batch of two sequences of zeros, three tokens each: what you get back is what was added. Which "
        "rows differ, and which should?",
        "Axis 0 of x counts the sequences, axis 1 the tokens of each. Which of the two does the table count?",
        "A table of shape (seq_len, d_model) meets x, (batch, seq_len, d_model), at its last two axes by itself; no "
        "new axis is needed.",
    ),
    points=1,
)  # fmt: skip


# Predictions


def _reveal_shuffle() -> str:
    x = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
    identity, order = np.eye(2), [2, 0, 1]
    before, after = (self_attention(tokens, identity, identity, identity) for tokens in (x, x[order]))
    furthest = float(np.abs(after - before[order]).max())
    moved = float(np.abs(after - before).max())
    return (
        "Every token compares itself with the same set of tokens, whatever their order, so each keeps its own output "
        f"and takes it along. With 3 tokens, shuffled, outputs that follow differ by {furthest:.0f}, and outputs that "
        f"stay in place by up to {moved:.2f}. That is equivariant; an invariant result would not move at all."
    )


def _reveal_shift() -> str:
    query, key = np.array([[1.0, 2.0, -1.0, 0.5]]), np.array([[0.5, 1.0, 1.0, -1.0]])
    scores = [
        float((rotate(query, [p]) @ rotate(key, [j]).T)[0, 0]) for p, j in ((7, 3), (107, 103), (107, 3))
    ]  # fmt: skip
    return (
        "Both turn by the same 100 positions more, and what counts between them is the difference of their angles. In "
        f"an example the score is {scores[0]:.3f} at positions 7 and 3, {scores[1]:.3f} at 107 and 103, and "
        f"{scores[2]:.3f} at 107 and 3."
    )


def _reveal_added() -> str:
    n_words, n_positions, d_model = 50, 20, 64
    words = np.random.default_rng(8).normal(size=(n_words, d_model))
    positions = sinusoidal_positions(n_positions, d_model)
    tokens = (words[:, np.newaxis] + positions).reshape(-1, d_model)
    word = np.repeat(np.arange(n_words), n_positions)
    reader, *_ = np.linalg.lstsq(np.c_[tokens, np.ones(len(tokens))], np.eye(n_words)[word], rcond=None)
    found = (np.c_[tokens, np.ones(len(tokens))] @ reader).argmax(axis=-1) == word
    spread = np.linalg.svd(positions - positions.mean(axis=0), compute_uv=False) ** 2
    n_directions = int(np.searchsorted(np.cumsum(spread) / spread.sum(), 0.99)) + 1
    return (
        f"One linear map, fitted to all {len(tokens)} sums, names the word in {100 * found.mean():.0f} % of them. With "
        f"{d_model} components there is room for both: 99 % of what tells {n_positions} positions apart "
        f"lies in {n_directions} directions, and a linear map can look past these."
    )


def _reveal_farthest_head() -> str:
    bias = np.where(np.tri(64, dtype=bool), alibi_bias(8, 64, 64), -np.inf)
    distances = mean_attention_distance(softmax(bias))
    return (
        f"Where all scores are equal, 8 heads over 64 tokens look back {distances[0]:.1f} tokens on average with the "
        f"first slope, 1/2, and {distances[-1]:.1f} with the last, 1/256. A small slope costs little over a long way."
    )


_PREDICTIONS = (
    ChoiceTask(
        name="predict_shuffled_tokens",
        lesson=LESSON,
        title="Prediction: shuffled tokens",
        asked="Self-attention without positions. The tokens are shuffled. The outputs ...",
        options={"a": "stay as and where they are", "b": "are shuffled in the same way", "c": "become other vectors"},
        right="b",
        reveal=_reveal_shuffle,
        confusion="M22",
    ),
    ChoiceTask(
        name="predict_added_positions",
        lesson=LESSON,
        title="Prediction: word and position in one vector",
        asked="A position vector is added to each of 50 word vectors, at 20 positions, d_model = 64. Can one linear "
        "map still tell which word it is?",
        options={"a": "rarely, since the sum blurs the word", "b": "about half of the time", "c": "nearly always"},
        right="c",
        reveal=_reveal_added,
        confusion="M23",
    ),
    ChoiceTask(
        name="predict_shifted_rotation",
        lesson=LESSON,
        title="Prediction: both move on",
        asked="Query and key are rotated by their positions. Both move on by 100. Their score ...",
        options={"a": "stays", "b": "falls", "c": "may be anything"},
        right="a",
        reveal=_reveal_shift,
    ),
    ChoiceTask(
        name="predict_farthest_head",
        lesson=LESSON,
        title="Prediction: the head that looks farthest",
        asked="ALiBi with 8 heads: the slopes go from 1/2 to 1/256. Which head looks farthest?",
        options={"a": "the first", "b": "the last", "c": "all equally far"},
        right="b",
        reveal=_reveal_farthest_head,
    ),
)

TASKS = (*_PREDICTIONS, SINUSOIDAL_POSITIONS, ROTATE, ALIBI_BIAS, BUG_HUNT_POSITIONS)
