"""The specification: every step of attention in plain loops over single numbers, slow on purpose.

The array code of this package must agree with these functions. They use no NumPy arithmetic: one number at a time,
Python's own floats, `math.exp` and `math.fsum`. Arrays only carry numbers in and out.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = list[list[float]]


def project(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> NDArray[np.float64]:
    """Map every token through one matrix: component o of token t is ``sum_i x[t][i] * weight[i][o] + bias[o]``."""

    def one(x: Matrix, weight: Matrix) -> Matrix:
        n_in, n_out = len(weight), len(weight[0])
        add = [0.0] * n_out if bias is None else [float(b) for b in np.asarray(bias)]
        return [[math.fsum(row[i] * weight[i][o] for i in range(n_in)) + add[o] for o in range(n_out)] for row in x]

    return _over_leading_axes(one, x, weight)


def dot_product_scores(query: ArrayLike, key: ArrayLike) -> NDArray[np.float64]:
    """Compare every query with every key: ``scores[i][j] = sum_c query[i][c] * key[j][c]``."""
    return scaled_scores(query, key, scale=1.0)


def scaled_scores(query: ArrayLike, key: ArrayLike, *, scale: float | None = None) -> NDArray[np.float64]:
    """Compare every query with every key, times `scale`, which is ``1 / sqrt(d_k)`` unless given."""

    def one(query: Matrix, key: Matrix) -> Matrix:
        factor = 1 / math.sqrt(len(query[0])) if scale is None else scale
        return [[math.fsum(q * k for q, k in zip(q_i, k_j, strict=True)) * factor for k_j in key] for q_i in query]

    return _over_leading_axes(one, *_share_heads(query, key))


def softmax(scores: ArrayLike, *, temperature: float = 1.0) -> NDArray[np.float64]:
    """Turn each row of scores into weights: ``exp(s_j / T) / sum_k exp(s_k / T)``; a row of -inf gives zeros."""

    def one(scores: Matrix) -> Matrix:
        return [_softmax_of_row(row, temperature) for row in scores]

    return _over_leading_axes(one, scores)


def weighted_sum(weights: ArrayLike, value: ArrayLike) -> NDArray[np.float64]:
    """Mix the values by the weights: component c of output i is ``sum_j weights[i][j] * value[j][c]``."""

    def one(weights: Matrix, value: Matrix) -> Matrix:
        n_keys, d_v = len(value), len(value[0])
        return [[math.fsum(row[j] * value[j][c] for j in range(n_keys)) for c in range(d_v)] for row in weights]

    return _over_leading_axes(one, *_share_heads(weights, value))


def causal_mask(n_queries: int, n_keys: int | None = None, *, offset: int = 0) -> NDArray[np.bool_]:
    """Let query i attend to key j where ``j <= i + offset``."""
    n_keys = n_queries if n_keys is None else n_keys
    allowed = np.zeros((n_queries, n_keys), dtype=np.bool_)
    for i in range(n_queries):
        for j in range(n_keys):
            allowed[i, j] = may_attend(i, j, is_causal=True, offset=offset)
    return allowed


def may_attend(
    i: int, j: int, *, is_causal: bool = False, offset: int = 0, window: int | Sequence[int | None] | None = None
) -> bool:
    """Say whether the options let query i attend to key j; query i sits at position ``i + offset``."""
    position = i + offset
    if is_causal and j > position:
        return False
    if window is None:
        return True
    left, right = (window, window) if isinstance(window, int) else window
    return (left is None or j >= position - left) and (right is None or j <= position + right)


def attention_weights(query: ArrayLike, key: ArrayLike, **options: Any) -> NDArray[np.float64]:
    """Softmax of the scaled scores after the masks; `options` as in `masked_scores`."""
    return softmax(masked_scores(query, key, **options))


def masked_scores(
    query: ArrayLike,
    key: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: int | Sequence[int | None] | None = None,
    scale: float | None = None,
) -> NDArray[np.float64]:
    """Scaled scores after the masks: a forbidden pair's score is -inf, a float mask is added."""
    scores = scaled_scores(query, key, scale=scale)
    masks = np.broadcast_to(True if mask is None else np.asarray(mask), scores.shape)
    for index in np.ndindex(*scores.shape):
        *_, i, j = index
        if masks.dtype == np.bool_:
            allowed = bool(masks[index])
        else:
            allowed = True
            scores[index] = float(scores[index]) + float(masks[index])
        if not (allowed and may_attend(i, j, is_causal=is_causal, offset=offset, window=window)):
            scores[index] = -math.inf
    return scores


def attention(query: ArrayLike, key: ArrayLike, value: ArrayLike, **options: Any) -> NDArray[np.float64]:
    """Let every query collect the values of the keys it matches; `options` as in `masked_scores`."""
    return weighted_sum(attention_weights(query, key, **options), value)


def tiled_attention(query: ArrayLike, key: ArrayLike, value: ArrayLike, **options: Any) -> NDArray[np.float64]:
    """The online softmax, one key at a time: when a larger score comes, what was summed so far fades."""

    def one(scores: Matrix, value: Matrix) -> Matrix:
        return [_mixed_online(row, value) for row in scores]

    return _over_leading_axes(one, *_share_heads(masked_scores(query, key, **options), value))


def self_attention(
    x: ArrayLike, w_query: ArrayLike, w_key: ArrayLike, w_value: ArrayLike, **options: Any
) -> NDArray[np.float64]:
    """Attention whose queries, keys and values all come from `x`; `options` as in `attention_weights`."""
    return attention(project(x, w_query), project(x, w_key), project(x, w_value), **options)


def padding_mask(lengths: ArrayLike, n_keys: int) -> NDArray[np.bool_]:
    """Let key j of a sequence be attended to where ``j < length``."""
    lengths = np.asarray(lengths)
    rows = [[j < length for j in range(n_keys)] for length in lengths.ravel().tolist()]
    return np.asarray(rows, dtype=np.bool_).reshape(*lengths.shape, n_keys)


def sliding_window_mask(
    n_queries: int, n_keys: int, window: int | Sequence[int | None], *, offset: int = 0
) -> NDArray[np.bool_]:
    """Let query i attend to the keys inside its window."""
    rows = [[may_attend(i, j, window=window, offset=offset) for j in range(n_keys)] for i in range(n_queries)]
    return np.asarray(rows, dtype=np.bool_).reshape(n_queries, n_keys)


def split_heads(x: ArrayLike, n_heads: int) -> NDArray[np.float64]:
    """Give head h of token t the components ``x[t][h * d_k + c]``."""

    def one(x: Matrix) -> Any:
        d_k = len(x[0]) // n_heads
        return [[[row[h * d_k + c] for c in range(d_k)] for row in x] for h in range(n_heads)]

    return _over_leading_axes(one, x)


def merge_heads(x: ArrayLike) -> NDArray[np.float64]:
    """Put component c of head h of token t at ``h * d_k + c``."""
    heads = np.asarray(x, dtype=np.float64)
    *leading, n_heads, seq_len, d_k = heads.shape
    merged = np.zeros((*leading, seq_len, n_heads * d_k))
    for *index, h, t, c in np.ndindex(*heads.shape):
        merged[(*index, t, h * d_k + c)] = heads[(*index, h, t, c)]
    return merged


def repeat_kv(x: ArrayLike, n_repeats: int) -> NDArray[np.float64]:
    """Let head h of the result be head ``h // n_repeats`` of `x`."""
    heads = np.asarray(x, dtype=np.float64)
    return np.stack([heads[..., h // n_repeats, :, :] for h in range(heads.shape[-3] * n_repeats)], axis=-3)


def multi_head_attention(
    x: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    w_value: ArrayLike,
    w_output: ArrayLike,
    n_heads: int,
    *,
    memory: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    **options: Any,
) -> NDArray[np.float64]:
    """Attend once for each head, with its own columns of the weights, lay the heads side by side and project."""
    memory = x if memory is None else memory
    w_query, w_key, w_value = np.asarray(w_query), np.asarray(w_key), np.asarray(w_value)
    d_k = w_query.shape[-1] // n_heads
    n_kv_heads = w_key.shape[-1] // d_k
    d_v = w_value.shape[-1] // n_kv_heads
    heads = []
    for h in range(n_heads):
        shared = h // (n_heads // n_kv_heads)
        query = project(x, w_query[:, h * d_k : (h + 1) * d_k])
        key = project(memory, w_key[:, shared * d_k : (shared + 1) * d_k])
        value = project(memory, w_value[:, shared * d_v : (shared + 1) * d_v])
        heads.append(attention(query, key, value, mask=_mask_of_head(mask, h), **options))
    return project(merge_heads(np.stack(heads, axis=-3)), w_output)


def sinusoidal_positions(seq_len: int, d_model: int) -> NDArray[np.float64]:
    """Component c of position p: sine (c even) or cosine (c odd) of ``p / 10000^(2 (c // 2) / d_model)``."""
    table = np.zeros((seq_len, d_model))
    for p in range(seq_len):
        for c in range(d_model):
            angle = p / 10_000.0 ** (2 * (c // 2) / d_model)
            table[p, c] = math.sin(angle) if c % 2 == 0 else math.cos(angle)
    return table


def rotate(
    x: ArrayLike, positions: ArrayLike, *, base: float = 10_000.0, interleaved: bool = True
) -> NDArray[np.float64]:
    """Turn the pair (a, b) by the angle t: ``a cos t - b sin t`` and ``a sin t + b cos t``."""

    def one(x: Matrix, positions: Matrix) -> Matrix:
        rotated = [list(row) for row in x]
        d_k = len(x[0])
        for row, (position,) in zip(rotated, positions, strict=True):
            for i in range(d_k // 2):
                first, second = (2 * i, 2 * i + 1) if interleaved else (i, i + d_k // 2)
                cos, sin = (f(position / base ** (2 * i / d_k)) for f in (math.cos, math.sin))
                a, b = row[first], row[second]
                row[first], row[second] = a * cos - b * sin, a * sin + b * cos
        return rotated

    return _over_leading_axes(one, x, np.asarray(positions)[..., np.newaxis])


def alibi_bias(n_heads: int, n_queries: int, n_keys: int, *, offset: int = 0) -> NDArray[np.float64]:
    """Minus the slope of head h times the distance of query i and key j."""
    bias = np.zeros((n_heads, n_queries, n_keys))
    for h, i, j in np.ndindex(*bias.shape):
        bias[h, i, j] = -_alibi_slopes(n_heads)[h] * abs(i + offset - j)
    return bias


class KeyValueCache:
    """Keep one list of keys and one of values, a token each; with a window, forget what is before it."""

    def __init__(self, window: int | None = None) -> None:
        self.window, self.n_seen = window, 0
        self.keys: list[NDArray[Any]] = []
        self.values: list[NDArray[Any]] = []

    def __len__(self) -> int:
        return len(self.keys)

    def append(self, key: ArrayLike, value: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return what was kept and what is new, then forget all but the last `window`."""
        key, value = np.asarray(key), np.asarray(value)
        for t in range(key.shape[-2]):
            self.keys.append(key[..., t, :])
            self.values.append(value[..., t, :])
            self.n_seen += 1
        everything = np.stack(self.keys, axis=-2), np.stack(self.values, axis=-2)
        while self.window is not None and len(self.keys) > self.window:
            del self.keys[0], self.values[0]
        return everything


def softmax_backward(weights: ArrayLike, grad_weights: ArrayLike) -> NDArray[np.float64]:
    """Sum over every weight k what score j does to it: ``g_k * dw_k/ds_j`` with ``dw_k/ds_j = w_k ((k = j) - w_j)``."""

    def one(weights: Matrix, grads: Matrix) -> Matrix:
        keys = range(len(weights[0]))
        return [
            [math.fsum(g[k] * w[k] * ((k == j) - w[j]) for k in keys) for j in keys]
            for w, g in zip(weights, grads, strict=True)
        ]

    return _over_leading_axes(one, weights, grad_weights)


def attention_backward(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    grad_output: ArrayLike,
    *,
    scale: float | None = None,
    **options: Any,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Add up, pair by pair, what each number of query, key and value does to the output; copies share one sum."""
    q, k, v, grad = (np.asarray(array, dtype=np.float64) for array in (query, key, value, grad_output))
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    weights = attention_weights(q, k, scale=scale, **options)
    grads = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    for index in np.ndindex(*grad.shape[:-2]):
        w, to_query, to_key, to_value = (
            _own_index(index, grad.shape[:-2], array.shape[:-2]) for array in (weights, q, k, v)
        )
        grad_weights = [[_dot(row, v_j) for v_j in v[to_value].tolist()] for row in grad[index].tolist()]
        grad_scores = softmax_backward(weights[w], grad_weights)
        for i, j in np.ndindex(*grad_scores.shape):
            slope = float(grad_scores[i, j]) * factor
            for c in range(q.shape[-1]):
                grads[0][(*to_query, i, c)] += slope * k.item((*to_key, j, c))
                grads[1][(*to_key, j, c)] += slope * q.item((*to_query, i, c))
            for c in range(v.shape[-1]):
                grads[2][(*to_value, j, c)] += weights.item((*w, i, j)) * grad.item((*index, i, c))
    return grads


def attention_entropy(weights: ArrayLike) -> NDArray[np.float64]:
    """Sum ``-w ln w`` over the keys; a weight of 0 adds nothing."""

    def one(weights: Matrix) -> Any:
        return [_entropy_of_row(row) for row in weights]

    return _over_leading_axes(one, weights)


def mean_attention_distance(weights: ArrayLike, *, offset: int = 0) -> NDArray[np.float64]:
    """Take the mean of ``|i + offset - j|`` over all pairs, each as often as its weight says."""

    def one(weights: Matrix) -> Any:
        pairs = [(abs(i + offset - j), w) for i, row in enumerate(weights) for j, w in enumerate(row)]
        return math.fsum(d * w for d, w in pairs) / (math.fsum(w for _, w in pairs) or 1)

    return _over_leading_axes(one, weights)


def head_diversity(weights: ArrayLike) -> NDArray[np.float64]:
    """Compare every head with the mean head by ``w ln(w / mean)``: the mean over heads and queries, by ln(n_heads)."""
    given = np.asarray(weights, dtype=np.float64)
    n_heads, n_queries, n_keys = given.shape[-3:]
    result = np.zeros(given.shape[:-3])
    for index in np.ndindex(*result.shape):
        divergence, attended = [], []
        for i, j in np.ndindex(n_queries, n_keys):
            heads = given[index][:, i, j].tolist()
            mean = math.fsum(heads) / n_heads
            divergence += [w / n_heads * math.log(w / mean) for w in heads if w > 0]
            attended.append(mean)
        result[index] = math.fsum(divergence) / (math.fsum(attended) or 1) / math.log(n_heads)
    return result


def previous_token_score(weights: ArrayLike) -> NDArray[np.float64]:
    """Take the mean, over every token that has one before it, of the weight on that one."""

    def one(weights: Matrix) -> Any:
        return math.fsum(weights[i][i - 1] for i in range(1, len(weights))) / (len(weights) - 1)

    return _over_leading_axes(one, weights)


def induction_score(weights: ArrayLike, period: int) -> NDArray[np.float64]:
    """Take the mean, over every token that comes again, of the weight on what followed it the last time."""

    def one(weights: Matrix) -> Any:
        given = [weights[i][i - period + 1] for i in range(len(weights)) if i >= period]
        return math.fsum(given) / len(given)

    return _over_leading_axes(one, weights)


def dropout(weights: ArrayLike, rate: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw once for each number, in reading order: below `rate` it becomes 0, otherwise ``w / (1 - rate)``."""
    result = np.array(weights, dtype=np.float64)
    for index in np.ndindex(*result.shape):
        result[index] = 0.0 if rng.random() < rate else float(result[index]) / (1 - rate)
    return result


def _softmax_of_row(row: list[float], temperature: float) -> list[float]:
    largest = max(row, default=-math.inf)
    if largest == -math.inf:
        return [0.0 for _ in row]
    exponentials = [math.exp((s - largest) / temperature) for s in row]
    total = math.fsum(exponentials)
    return [e / total for e in exponentials]


def _mixed_online(row: list[float], value: Matrix) -> list[float]:
    largest, total, mixed = -math.inf, 0.0, [0.0 for _ in value[0]]
    for score, v in zip(row, value, strict=True):
        if score == -math.inf:
            continue
        fade, largest = math.exp(largest - max(largest, score)), max(largest, score)
        weight = math.exp(score - largest)
        total = total * fade + weight
        mixed = [m * fade + weight * c for m, c in zip(mixed, v, strict=True)]
    return [m / total if total else 0.0 for m in mixed]


def _entropy_of_row(row: list[float]) -> float:
    return math.fsum(-w * math.log(w) for w in row if w > 0)


def _dot(left: list[float], right: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def _alibi_slopes(n_heads: int) -> list[float]:
    """Slopes of a power of two heads, ``2^(-8 h / n)``; other numbers borrow every second one of twice as many."""
    power = 1
    while 2 * power <= n_heads:
        power *= 2
    if power == n_heads:
        return [2.0 ** (-8 * h / n_heads) for h in range(1, n_heads + 1)]
    return _alibi_slopes(power) + _alibi_slopes(2 * power)[0::2][: n_heads - power]


def _mask_of_head(mask: ArrayLike | None, h: int) -> ArrayLike | None:
    if mask is None or np.ndim(mask) < 3:
        return mask
    heads = np.asarray(mask)
    return heads[..., h if heads.shape[-3] > 1 else 0, :, :]


def _own_index(index: tuple[int, ...], whole: tuple[int, ...], own: tuple[int, ...]) -> tuple[int, ...]:
    """Find the matrix that serves `index` of the leading axes `whole` in an array with the leading axes `own`.

    An axis of 1 serves all; of the heads, the last of these axes, each serves a group of neighbours.
    """
    n_own = len(own)
    pairs = zip(index[len(index) - n_own :], whole[len(whole) - n_own :], own, strict=True)
    return tuple(i // (size // own_size) for i, size, own_size in pairs)


def _share_heads(query: ArrayLike, other: ArrayLike) -> tuple[ArrayLike, ArrayLike]:
    """Give query head h the head ``h // group`` of `other`, where `query` has a multiple of its heads."""
    query, other = np.asarray(query), np.asarray(other)
    if min(query.ndim, other.ndim) < 3 or 1 in (query.shape[-3], other.shape[-3]):
        return query, other
    group = query.shape[-3] // other.shape[-3]
    return query, np.stack([other[..., h // group, :, :] for h in range(query.shape[-3])], axis=-3)


def _over_leading_axes(function: Callable[..., Matrix], *arrays: ArrayLike) -> NDArray[np.float64]:
    """Call `function` with plain lists for every index of the (broadcast) leading axes and stack what it returns."""
    given = [np.asarray(array, dtype=np.float64) for array in arrays]
    leading = np.broadcast_shapes(*(array.shape[:-2] for array in given))
    wide = [np.broadcast_to(array, leading + array.shape[-2:]) for array in given]
    results = [function(*(array[index].tolist() for array in wide)) for index in np.ndindex(*leading)]
    return np.asarray(results, dtype=np.float64).reshape(leading + np.shape(results[0]))
