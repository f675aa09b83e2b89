"""Inputs on which mistakes show: sizes that differ, mixed signs, and rows that softmax neither flattens nor decides.

Numbers have two decimals, so that a learner can type a failing case into a cell.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike, NDArray

from course_lib.attention import softmax
from course_lib.checks.tasks import Arguments

Floats = NDArray[np.floating]
Truths = NDArray[np.bool_]

# Row entropies as parts of log(n_keys): the scale shows where they stay well inside.
LOWEST, HIGHEST = 0.2, 0.8
_TARGETS = (0.35, 0.7)
_TRIES, _SEVERAL, _REDRAWN = 25, 32, 1000
_NOT_FOUND = f"no input of the wanted contrast was found in {_REDRAWN} draws"
# A search in 4 rounds of 32 parts ends where one of 20 halvings does, and calls NumPy a fifth as often.
_N_PARTS, _N_ROUNDS = 32, 4
_SPREAD_OF_SCORES = 2.2  # with it most rows of self-attention lie between LOWEST and HIGHEST


def entropy_fraction(scores: Floats) -> Floats:
    """Return each row's entropy after softmax as a part of the largest possible one, log(n_keys).

    Examples
    --------
    >>> entropy_fraction(np.array([[0.0, 0.0], [0.0, 900.0]]))
    array([1., 0.])
    """
    fractions: Floats = np.abs(_entropy(_below_largest(scores))) / np.log(scores.shape[-1])
    return fractions


def _below_largest(scores: Floats) -> Floats:
    """Return how far each score is below its row's largest, the axis of keys first: NumPy sums along it far sooner."""
    by_key = scores.transpose(scores.ndim - 1, *range(scores.ndim - 1)).copy()
    below: Floats = by_key - np.maximum.reduce(by_key)
    return below


def _entropy(below: Floats) -> Floats:
    """Return -sum_j w_j log(w_j) of the weights w = softmax(below), the axis of j first, `below` being at most 0."""
    exponentials = np.exp(below)
    total = np.add.reduce(exponentials)
    # log(w_j) = below_j - log(total); this way no logarithm of a single weight is taken, which may be 0.
    entropies: Floats = np.log(total) - np.add.reduce(exponentials * below) / total
    return entropies


def draw_scores(
    rng: np.random.Generator, *shape: int, offset: float = 0.0, across: bool = False, dtype: DTypeLike = np.float64
) -> Arguments:
    """Draw scores whose rows differ in level; `offset` moves rows by +offset and -offset in turn, `across` columns."""

    def draw() -> Floats:
        scores = rng.normal(size=shape)
        levels = rng.uniform(-1, 1, size=(*shape[:-1], 1))
        return np.round(scores * _factors_to_target(rng, scores) + levels, 2)

    scores = _until_contrasted(draw)
    moved = _in_turn(shape[-1:], offset)[:, 0] if across else _in_turn(shape[:-1], offset)
    return {"scores": np.round(scores + moved, 2).astype(dtype)}


def draw_attention(
    rng: np.random.Generator,
    *,
    leading: tuple[int, ...] = (),
    n_queries: int,
    n_keys: int,
    d_k: int,
    d_v: int | None = None,
    offset: float = 0.0,
    across: bool = False,
    dtype: DTypeLike = np.float64,
) -> Arguments:
    """Draw query, key and, where `d_v` is given, value; along `leading`, each is well contrasted by itself.

    `offset` moves the rows of the scaled scores by +offset and -offset in turn, with `across` their columns.
    """

    def draw(count: int) -> tuple[Floats, Floats]:
        query = rng.normal(size=(count, n_queries, d_k))
        key = rng.normal(size=(count, n_keys, d_k)).round(2)
        if offset:  # a component that all keys share moves a query's whole row of scores, and no weight
            key[..., 0], query[..., 0] = 1, 0
        factors = _factors_to_target(rng, _scaled_products(query, key))
        return (query * factors).round(2), key

    query, key = (
        array.reshape(*leading, *array.shape[1:]) for array in _each_contrasted(draw, int(np.prod(leading)))
    )  # fmt: skip
    if offset:
        moved = np.round(offset * np.sqrt(d_k), 2)
        query[..., :1] = moved if across else _in_turn((*leading, n_queries), moved)
        key[..., :1] = _in_turn((n_keys,), 1) if across else 1
    arguments: Arguments = {"query": query.astype(dtype), "key": key.astype(dtype)}
    if d_v is not None:
        arguments["value"] = draw_matrix(rng, *leading, n_keys, d_v, dtype=dtype)
    return arguments


def draw_weights(rng: np.random.Generator, *shape: int, d_v: int, dtype: DTypeLike = np.float64) -> Arguments:
    """Draw attention weights of the given shape, their rows summing to 1, and values."""
    scores = np.asarray(draw_scores(rng, *shape)["scores"])
    value = draw_matrix(rng, *shape[:-2], shape[-1], d_v, dtype=dtype)
    return {"weights": softmax(scores).astype(dtype), "value": value}


def draw_self_attention(
    rng: np.random.Generator,
    *,
    leading: tuple[int, ...] = (),
    seq_len: int,
    d_model: int,
    d_k: int,
    d_v: int,
    n_heads: int = 1,
    offset: float = 0.0,
    across: bool = False,
    dtype: DTypeLike = np.float64,
) -> Arguments:
    """Draw tokens x and the weights w_query, w_key and w_value of all heads, each head's scores well contrasted.

    `offset` moves the rows of each head's scaled scores by +offset and -offset in turn, with `across` their columns.
    """
    for _ in range(100):
        w_query = np.round(rng.normal(size=(d_model, n_heads * d_k)) * _SPREAD_OF_SCORES / d_model, 2)
        w_key = draw_matrix(rng, d_model, n_heads * d_k)
        if offset:  # x's first component is 1 and its second +1 and -1: one goes into all queries, one into all keys
            w_query[:, ::d_k], w_key[:, ::d_k] = 0, 0
            w_query[0 if across else 1, ::d_k] = np.round(offset * np.sqrt(d_k), 2)
            w_key[1 if across else 0, ::d_k] = 1
        x = _draw_tokens(rng, int(np.prod(leading)), seq_len, w_query, w_key, n_heads, bool(offset))
        if x is not None:
            x = x.reshape(*leading, seq_len, d_model)
            arrays = {"x": x, "w_query": w_query, "w_key": w_key, "w_value": draw_matrix(rng, d_model, n_heads * d_v)}
            return {name: array.astype(dtype) for name, array in arrays.items()}
    raise RuntimeError("no input of the wanted contrast was found in 100 draws")


def _draw_tokens(
    rng: np.random.Generator, count: int, seq_len: int, w_query: Floats, w_key: Floats, n_heads: int, moved: bool
) -> Floats | None:
    """Draw `count` rows of tokens; in each, replace one after the other whose scores are too flat or too decided."""
    x: Floats = draw_matrix(rng, count, seq_len, len(w_query))
    left, token = np.arange(count), np.zeros(count, np.intp)
    for _ in range(_TRIES):
        row = np.arange(len(left))
        several: Floats = x[left, np.newaxis].repeat(_SEVERAL, axis=1)
        several[row, 1:, token[left]] = draw_matrix(rng, len(left), _SEVERAL - 1, len(w_query))
        if seq_len == 1:  # its one weight is 1, whatever the score
            return x
        if moved:
            several[..., 0], several[..., 1:2] = 1, _in_turn((seq_len,), 1)
        scores = _scaled_products(*(_in_heads(several @ weight, n_heads) for weight in (w_query, w_key)))
        fractions = entropy_fraction(scores)
        outside = np.logical_or.reduce((fractions <= LOWEST) | (fractions >= HIGHEST), axis=-2)
        best = np.add.reduce(outside, axis=-1, dtype=np.intp).argmin(axis=-1)
        x[left], outside = several[row, best], outside[row, best]
        open_ = outside.any(axis=-1) | ~_have_both_signs(scores[row, best])
        left, outside = left[open_], outside[open_]
        if not left.size:
            return x
        for place, of_row in zip(left, outside, strict=True):
            candidates = np.flatnonzero(of_row)
            token[place] = candidates[rng.integers(candidates.size)] if candidates.size else rng.integers(seq_len)
    return None


def _have_both_signs(scores: Floats) -> Truths:
    """Say for each of the first axis whether some of its scores are below 0 and some above."""
    flat = scores.reshape(len(scores), -1)
    both: Truths = (np.minimum.reduce(flat, axis=-1) < 0) & (np.maximum.reduce(flat, axis=-1) > 0)
    return both


def _scaled_products(query: Floats, key: Floats) -> Floats:
    """Return `scaled_scores(query, key)` without its checks, which would take most of the time here."""
    scores: Floats = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    return scores


def _in_heads(x: Floats, n_heads: int) -> Floats:
    """Return `split_heads(x, n_heads)`, without its checks as well."""
    return x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads).swapaxes(-3, -2)


def draw_mask(rng: np.random.Generator, *shape: int) -> Truths:
    """Draw a mask in which each row, and each column of more than one entry, has both True and False."""
    return np.reshape([_mixed(rng, *shape[-2:]) for _ in range(int(np.prod(shape[:-2])))], shape)


def _mixed(rng: np.random.Generator, n_queries: int, n_keys: int) -> Truths:
    for _ in range(1000):
        mask: Truths = rng.random((n_queries, n_keys)) < 0.5
        counts = [mask.sum(axis=axis) / mask.shape[axis] for axis in (0, 1) if mask.shape[axis] > 1]
        if all(np.all((share > 0) & (share < 1)) for share in counts):
            return mask
    raise RuntimeError("no mask with both kinds in every row was found in 1000 draws")


def draw_matrix(rng: np.random.Generator, *shape: int, dtype: DTypeLike = np.float64) -> Floats:
    """Draw numbers of order 1 and of both signs."""
    drawn: Floats = rng.normal(size=shape).round(2).astype(dtype, copy=False)
    return drawn


def _until_contrasted(draw: Callable[[], Floats]) -> Floats:
    """Draw scores until they are well contrasted as a whole."""
    for _ in range(_REDRAWN):
        scores = draw()
        if _are_contrasted(scores[np.newaxis]).all():
            return scores
    raise RuntimeError(_NOT_FOUND)


def _each_contrasted(draw: Callable[[int], tuple[Floats, Floats]], count: int) -> tuple[Floats, Floats]:
    """Draw `count` queries and keys, and draw those again that are not well contrasted."""
    query, key = draw(count)
    for _ in range(_REDRAWN):
        (again,) = np.nonzero(~_are_contrasted(_scaled_products(query, key)))
        if not again.size:
            return query, key
        query[again], key[again] = draw(again.size)
    raise RuntimeError(_NOT_FOUND)


def _are_contrasted(scores: Floats) -> Truths:
    """Say for each of the first axis whether its scores have both signs, and rows neither flat nor decided."""
    fractions = entropy_fraction(scores).reshape(len(scores), -1)
    inside: Truths = np.logical_and.reduce((fractions > LOWEST) & (fractions < HIGHEST), axis=-1)
    return inside & _have_both_signs(scores)


def _factors_to_target(rng: np.random.Generator, scores: Floats) -> Floats:
    """Return a factor a row that brings the row's entropy to a random target: a larger factor means less entropy."""
    target = rng.uniform(*_TARGETS, size=scores.shape[:-1])
    target = target * np.log(scores.shape[-1])
    below = _below_largest(scores)[:, np.newaxis]
    parts = np.arange(1, _N_PARTS).reshape(-1, *(1 for _ in target.shape))
    low, width = np.full(target.shape, np.log(0.25)), np.log(16.0)
    for _ in range(_N_ROUNDS):
        width /= _N_PARTS
        too_flat = _entropy(below * np.exp(low + parts * width)) > target
        low = low + np.add.reduce(too_flat, dtype=np.intp) * width
    factors: Floats = np.exp(low + width / 2)[..., np.newaxis]
    return factors


def _in_turn(shape: tuple[int, ...], offset: float) -> Floats:
    """Return +offset, -offset, +offset, ... with a trailing axis of size 1."""
    signs = 1 - 2 * (np.arange(int(np.prod(shape))) % 2)
    moved: Floats = (signs * offset).reshape(*shape, 1)
    return moved
