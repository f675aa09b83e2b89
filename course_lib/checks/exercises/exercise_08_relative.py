"""Exercise 08, second part: positions that only the scores see, as rotations of query and key or as biases."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.attention import alibi_bias, rotate
from course_lib.checks.exercises.cases import Floats, draw_matrix
from course_lib.checks.tasks import Arguments, Family, FunctionTask, Named, Property, Stage, WrongProgram

LESSON = 8

Sizes = int | tuple[int, int]
Numbers = NDArray[Any]  # whole ones, too


def size_family(label: str, **sizes: Sizes) -> Family:
    """Return a family of whole numbers; a pair stands for one drawn between the two."""

    def make(rng: np.random.Generator) -> Arguments:
        return {
            name: size if isinstance(size, int) else int(rng.integers(size[0], size[1] + 1))
            for name, size in sizes.items()
        }

    return Family(label, make)


# Rotations

X = Named("x", ("seq_len", "d_k"))
POSITIONS = Named("positions", ("seq_len",))


def _rotate_family(
    label: str, *shape: int, stage: Stage = "plain", single: bool = False, consecutive: bool = False
) -> Family:
    def make(rng: np.random.Generator) -> Arguments:
        seq_len = shape[-2]
        drawn = np.sort(rng.choice(np.arange(1, 3 * seq_len + 4), seq_len, replace=False))
        positions = np.arange(seq_len) + int(rng.integers(2, 9)) if consecutive else drawn
        return {"x": draw_matrix(rng, *shape, dtype=np.float32 if single else np.float64), "positions": positions}

    return Family(label, make, stage)


def _angles(
    positions: Numbers, d_k: int, *, base: float = 10_000.0, exponents: Callable[[Numbers, int], Numbers] | None = None
) -> Floats:
    """Return the angle of each pair, (seq_len, d_k / 2)."""
    i = np.arange(d_k // 2)
    exponent = 2 * i / d_k if exponents is None else exponents(i, d_k)
    return positions[..., np.newaxis] / base**exponent


def _turned(x: Floats, angles: Floats) -> Floats:
    """Return x with its neighbouring components turned by `angles`."""
    first, second = x[..., 0::2], x[..., 1::2]
    return _alternating(
        first * np.cos(angles) - second * np.sin(angles), first * np.sin(angles) + second * np.cos(angles)
    )


def _alternating(first: Floats, second: Floats) -> Floats:
    return np.stack([first, second], axis=-1).reshape(*first.shape[:-1], -1)


def _halves(x: Floats) -> Floats:
    """Return minus the second half, then the first half."""
    half = x.shape[-1] // 2
    return np.concatenate([-x[..., half:], x[..., :half]], axis=-1)


def _pairs_of(function: Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Floats]]) -> Callable[..., Floats]:
    """Return a program out of what it makes of the first and the second of each pair, cosine and sine."""

    def program(x: Floats, positions: Numbers) -> Floats:
        angles = _angles(positions, x.shape[-1])
        return _alternating(*function(x[..., 0::2], x[..., 1::2], np.cos(angles), np.sin(angles)))

    return program


def _overwritten(a: Floats, b: Floats, cos: Floats, sin: Floats) -> tuple[Floats, Floats]:
    turned = a * cos - b * sin
    return turned, turned * sin + b * cos


def _left_in_halves(x: Floats, positions: Numbers) -> Floats:
    turned = rotate(x, positions)
    return np.concatenate([turned[..., 0::2], turned[..., 1::2]], axis=-1)


def _neighbours(x: Floats) -> Floats:
    """Return minus the second, then the first of each pair."""
    return _alternating(-x[..., 1::2], x[..., 0::2])


def _mixed_halves(x: Floats, positions: Numbers) -> Floats:
    angles = np.repeat(_angles(positions, x.shape[-1]), 2, axis=-1)
    mixed: Floats = x * np.cos(angles) + _halves(x) * np.sin(angles)
    return mixed


def _mixed_neighbours(x: Floats, positions: Numbers) -> Floats:
    angles = np.concatenate([_angles(positions, x.shape[-1])] * 2, axis=-1)
    mixed: Floats = x * np.cos(angles) + _neighbours(x) * np.sin(angles)
    return mixed


def _not_in_pairs(x: Floats, positions: Numbers) -> Floats:
    angles = positions[..., np.newaxis] / 10_000.0 ** (np.arange(x.shape[-1]) / x.shape[-1])
    turned: Floats = x * np.cos(angles) + _neighbours(x) * np.sin(angles)
    return turned


_WHY_CONVENTIONS = (
    "Two conventions are mixed: the angles stand as for pairs of {angles}, and the components are turned in pairs of "
    "{turned}. So the two partners of a pair turn by different angles, and the dot product no longer depends on the "
    "distance alone."
)
_LOOK_CONVENTIONS = (
    "the order of the angles and the pairs that are turned: for each component, which angle, which partner?"
)
_LOOK_FORMULA = "the two lines of the rotation: a cos t - b sin t, and a sin t + b cos t."

_ROTATE_PROGRAMS = (
    WrongProgram(
        "pairs_across_halves", None, lambda x, positions: rotate(x, positions, interleaved=False),
        "You turned component i with component i + d_k / 2, as Llama does. Here, as in the paper, neighbours 2i and "
        "2i + 1 are a pair. Both are sound, but trained weights fit one of the two only.",
        "the two slices: which components should meet?",
    ),
    WrongProgram(
        "angles_alternate_pairs_do_not", None, _mixed_halves,
        _WHY_CONVENTIONS.format(angles="neighbours", turned="halves (i with i + d_k / 2)"), _LOOK_CONVENTIONS,
    ),
    WrongProgram(
        "pairs_alternate_angles_do_not", None, _mixed_neighbours,
        _WHY_CONVENTIONS.format(angles="halves (i with i + d_k / 2)", turned="neighbours"), _LOOK_CONVENTIONS,
    ),
    WrongProgram(
        "left_in_halves", None, _left_in_halves,
        "The numbers are right and not in their places: all first partners stand in front of all second ones. A pair "
        "has to go back to where it was, side by side.",
        "how the two parts are put together: writing into slices with steps of 2 puts them back.",
    ),
    WrongProgram(
        "other_way_round", None, lambda x, positions: rotate(x, -positions),
        "Your pairs turn the other way: the signs of the two sines have changed places. Attention could not tell, "
        "since query and key would turn alike; but the convention is counter-clockwise.",
        _LOOK_FORMULA,
    ),
    WrongProgram(
        "no_minus", None, _pairs_of(lambda a, b, cos, sin: (a * cos + b * sin, a * sin + b * cos)),
        "The minus is missing, so this is no rotation: vectors change their lengths. One of the two sines has to be "
        "subtracted.",
        _LOOK_FORMULA,
    ),
    WrongProgram(
        "sine_and_cosine_swapped", None, _pairs_of(lambda a, b, cos, sin: (a * sin - b * cos, a * cos + b * sin)),
        "Sine and cosine have changed places. At position 0 nothing may move, and cos 0 is 1 while sin 0 is 0.",
        _LOOK_FORMULA,
    ),
    WrongProgram(
        "second_from_the_new_first", None, _pairs_of(_overwritten),
        "The second partner was computed from the first one after it had turned. Both lines of the rotation start from "
        "the old pair.",
        "which array the second line reads: has the line before written into it?",
    ),
    WrongProgram(
        "angle_for_each_component", None, _not_in_pairs,
        "The two partners of a pair turn by different angles: your frequencies go on from component to component. A "
        "pair shares the angle p / 10000^(2i / d_k).",
        "the frequencies: there are d_k / 2 of them.",
    ),
    WrongProgram(
        "exponent_halved", None,
        lambda x, positions: _turned(x, _angles(positions, x.shape[-1], exponents=lambda i, d: i / d)),
        "Your exponent is i / d_k, half of what it should be: later pairs turn too fast.",
        "the exponent: for pair i it is 2i / d_k.",
    ),
    WrongProgram(
        "one_angle_for_all_pairs", None,
        lambda x, positions: _turned(x, _angles(positions, x.shape[-1], exponents=lambda i, d: 0.0 * i)),
        "All pairs turn by the same angle. With pairs of different speeds near and far can both be told.",
        "what the position is multiplied by: it should differ from pair to pair.",
    ),
    WrongProgram(
        "base_1000", None, lambda x, positions: rotate(x, positions, base=1000.0),
        "You took powers of 1000. The number here is 10000.",
        "the number that is raised to a power: count its zeros.",
    ),
    WrongProgram(
        "positions_ignored", None, lambda x, positions: rotate(x, np.arange(x.shape[-2])),
        "You count the tokens 0, 1, 2, ... yourself. The positions are given, and they need not start at 0: while "
        "decoding, the one new token is far down the text.",
        "where positions occurs in your function.",
    ),
    WrongProgram(
        "positions_from_one", None, lambda x, positions: rotate(x, positions + 1),
        "Each token is turned one position too far. Positions are taken as given: position 0 is not turned at all.",
        "a `+ 1`.",
    ),
    WrongProgram(
        "added", None,
        lambda x, positions: x + _alternating(
            np.sin(_angles(positions, x.shape[-1])), np.cos(_angles(positions, x.shape[-1]))
        ),
        "You added sines and cosines to the components. That is the way of the task before; here every pair is turned, "
        "and vectors keep their lengths.",
        "what is done with sine and cosine: they multiply.",
    ),
)  # fmt: skip


def _turns_with_the_distance(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    x, positions = draw_matrix(rng, 2, 6), np.array([3, 8])
    products = []
    for shift in (0, 11):
        turned = call(x=x, positions=positions + shift)
        products.append(turned[0] @ turned[1] if turned.shape == x.shape else np.nan)
    if np.isclose(products[0], products[1], atol=1e-4):
        return None
    return "In an example, 11 positions further on, it changes."


ROTATE = FunctionTask(
    name="rotate",
    lesson=LESSON,
    title="Rotary positions",
    asked="`rotate(x, positions)` turns each pair of neighbouring components, 2i and 2i + 1, of the token at position "
    "p by the angle p / 10000^(2i / d_k), (seq_len, d_k).",
    arguments=(X, POSITIONS),
    result=Named("rotated", ("seq_len", "d_k")),
    reference=rotate,
    families=(
        _rotate_family("2 tokens of 6 components", 2, 6),
        _rotate_family("5 tokens of 4 components", 5, 4),
        _rotate_family("a single token", 1, 8),
        _rotate_family("positions that go on from a cache", 3, 8, consecutive=True),
        _rotate_family("leading axes", 2, 3, 5, 4, stage="batched"),
        _rotate_family("one leading axis", 3, 5, 6, stage="batched"),
        _rotate_family("float32", 3, 6, stage="precision", single=True),
    ),
    separators=(_rotate_family("a square", 4, 4), _rotate_family("a cube", 4, 4, 4)),
    programs=_ROTATE_PROGRAMS,
    properties=(
        Property("The dot product of two rotated vectors depends only on how far apart they are.",
                 _turns_with_the_distance),
    ),
    hints=(
        "Turning the point (a, b) by the angle t gives (a cos t - b sin t, a sin t + b cos t). Which components of x "
        "are a, and which are b?",
        "The angles are an outer product again: positions times d_k / 2 frequencies, (seq_len, d_k / 2). That is the "
        "shape of `x[..., 0::2]`, which holds the first partners.",
        "Cut x into first and second partners, apply the two lines of the rotation to the old ones, and write the "
        "results into an empty array of the shape of x, with the same slices.",
    ),
    points=2,
)  # fmt: skip


# Biases on the scores


def _slopes(n_heads: int) -> Floats:
    slopes: Numbers = 2.0 ** (-8 * np.arange(1, n_heads + 1) / n_heads)
    return slopes


def _biased(
    distance: Callable[[Numbers, Numbers], Numbers], slopes: Callable[[int], Numbers] = _slopes
) -> Callable[[int, int, int], Floats]:
    """Return a program that gives minus a slope times ``distance(i, j)``."""

    def program(n_heads: int, n_queries: int, n_keys: int) -> Floats:
        far = distance(np.arange(n_queries)[:, np.newaxis], np.arange(n_keys))
        bias: Floats = -slopes(n_heads)[:, np.newaxis, np.newaxis] * np.broadcast_to(far, (n_queries, n_keys))
        return bias

    return program


def _distance(i: Numbers, j: Numbers) -> Numbers:
    distance: Numbers = np.abs(i - j)
    return distance


def _from_the_end(n_heads: int, n_queries: int, n_keys: int) -> Floats:
    return alibi_bias(n_heads, n_queries, n_keys, offset=n_keys - n_queries)


_LOOK_SLOPES = "the slopes of 4 heads: they should be 1/4, 1/16, 1/64 and 1/256."
_LOOK_DISTANCE = "the distance: it is 0 where query and key are at the same place, and grows on both sides."

_ALIBI_PROGRAMS = (
    WrongProgram(
        "rewarded", None, lambda *sizes: -alibi_bias(*sizes),
        "Far keys are preferred in this way. The bias is added to the scores, so it must be 0 at the query's own place "
        "and below 0 everywhere else.",
        "the minus in front of slope times distance.",
    ),
    WrongProgram(
        "slopes_from_one", None, _biased(_distance, lambda n: 2.0 ** (-8 * np.arange(n) / n)),
        "Your first slope is 1: the heads are counted from 0 in the exponent. The first slope is 2^(-8 / n_heads), the "
        "last 2^-8.",
        _LOOK_SLOPES,
    ),
    WrongProgram(
        "slopes_of_eight_heads", None, _biased(_distance, lambda n: 0.5 ** np.arange(1, n + 1)),
        "Your slopes are 1/2, 1/4, 1/8, ... whatever the number of heads. That is right for 8 heads; with n_heads, "
        "they fall by the factor 2^(-8 / n_heads), so that the last is always 2^-8.",
        _LOOK_SLOPES,
    ),
    WrongProgram(
        "slopes_fall_evenly", None, _biased(_distance, lambda n: np.arange(n, 0, -1) / n),
        "Your slopes fall by equal steps. They fall by an equal factor, 2^(-8 / n_heads), so that a few heads look "
        "near and others very far.",
        _LOOK_SLOPES,
    ),
    WrongProgram(
        "slopes_reversed", None, _biased(_distance, lambda n: _slopes(n)[::-1]),
        "The slopes stand in reverse order. The first head has the steepest one.",
        _LOOK_SLOPES,
    ),
    WrongProgram(
        "base_e", None, _biased(_distance, lambda n: np.exp(-8 * np.arange(1, n + 1) / n)),
        "You took powers of e. The slopes are powers of 2.",
        "the base of the power.",
    ),
    WrongProgram(
        "one_slope_for_all", None, _biased(_distance, lambda n: np.full(n, 2.0 ** (-8 / n))),
        "All heads have the same slope. Each head has one of its own: some look near, others far.",
        _LOOK_SLOPES,
    ),
    WrongProgram(
        "signed", None, _biased(lambda i, j: i - j),
        "The distance has a sign, so keys after the query are rewarded, the more the farther away. The distance is "
        "|i - j|.",
        _LOOK_DISTANCE,
    ),
    WrongProgram(
        "no_distance_to_the_future", None, _biased(lambda i, j: np.maximum(i - j, 0)),
        "Keys after the query have no bias in your table. They are as far as those before it; forbidding the future is "
        "the mask's task.",
        _LOOK_DISTANCE,
    ),
    WrongProgram(
        "masked_too", None,
        lambda *sizes: np.where(
            np.arange(sizes[2]) > np.arange(sizes[1])[:, np.newaxis], -np.inf, alibi_bias(*sizes)
        ),
        "You set keys after the query to -inf, which is a causal mask. The bias forbids nothing; it is added, and the "
        "mask stays a step of its own.",
        "an `inf`, a `tril` or a `triu`.",
    ),
    WrongProgram(
        "squared", None, _biased(lambda i, j: (i - j) ** 2.0),
        "You took the square of the distance. The L in ALiBi is for linear: twice as far, twice the bias.",
        _LOOK_DISTANCE,
    ),
    WrongProgram(
        "from_the_first_key", None, _biased(lambda i, j: j + 0 * i),
        "Your bias depends on the key only: all queries have the same row. It is counted from each query's own place.",
        _LOOK_DISTANCE,
    ),
    WrongProgram(
        "from_the_end", None, _from_the_end,
        "You moved the queries to the end of the keys, as while decoding. Here query i and key i are at the same "
        "place.",
        "an offset of n_keys - n_queries.",
    ),
    WrongProgram(
        "heads_last", None, lambda *sizes: np.moveaxis(alibi_bias(*sizes), 0, -1),
        "The heads are the last axis in your array. They are the first, so that each head has a table of its own that "
        "is added to its scores.",
        "the new axes: slopes need two of them behind, distances one in front.",
    ),
)  # fmt: skip

ALIBI_BIAS = FunctionTask(
    name="alibi_bias",
    lesson=LESSON,
    title="Linear biases",
    asked="`alibi_bias(n_heads, n_queries, n_keys)` returns -m_h |i - j| for head h, query i and key j, (n_heads, "
    "n_queries, n_keys). n_heads is a power of 2; the slopes m_h fall from 2^(-8 / n_heads) to 2^-8 by that factor.",
    arguments=(Named("n_heads"), Named("n_queries"), Named("n_keys")),
    result=Named("bias", ("n_heads", "n_queries", "n_keys")),
    reference=alibi_bias,
    families=(
        size_family("2 heads", n_heads=2, n_queries=(3, 4), n_keys=(5, 6)),
        size_family("more queries than keys", n_heads=4, n_queries=(6, 9), n_keys=(3, 5)),
        size_family("a single query", n_heads=2, n_queries=1, n_keys=(4, 7)),
        size_family("16 heads", n_heads=16, n_queries=(2, 4), n_keys=(5, 9)),
        size_family("one head", n_heads=1, n_queries=(2, 4), n_keys=(5, 7)),
    ),
    separators=(
        size_family("a square", n_heads=2, n_queries=4, n_keys=4),
        size_family("a cube", n_heads=4, n_queries=4, n_keys=4),
    ),
    programs=_ALIBI_PROGRAMS,
    hints=(
        "There are two parts: a table of distances, the same for all heads, and one slope for each head. What shapes "
        "do they have, and what shape has their product?",
        "Distances: query numbers as a column against key numbers as a row, and the size of the difference. Slopes: "
        "powers of 2 whose exponents fall in equal steps to -8.",
        "With two new axes behind it, the array of slopes multiplies each head's own copy of the table. And the sign: "
        "what is far must lose.",
    ),
    points=1,
)  # fmt: skip
