"""Programs as beginners and language models write them: right ones in odd styles, wrong ones with one or two mistakes.

None was made from a named wrong program of course_lib.checks, and no solution is among the right ones. Their names say
what they are, so that a list of them reads like a report.
"""

import functools
import math
from functools import partial, reduce, wraps

import numpy as np

# Right, in odd styles


def softmax_by_vectorize(scores):
    exp = np.vectorize(math.exp, otypes=[float])
    scores = np.asarray(scores, dtype=float)
    e = exp(np.maximum(scores - np.max(scores, -1, keepdims=True), -740))
    return np.divide(e, np.add.reduce(e, axis=-1)[..., None])


def softmax_by_recursion(scores):
    if scores.ndim > 1:
        return np.stack([softmax_by_recursion(row) for row in scores])
    shifted = [math.exp(s - max(scores)) for s in scores]
    total = math.fsum(shifted)
    return [e / total for e in shifted]


def softmax_by_logsumexp(scores):
    return np.exp(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True))


def softmax_in_place_on_a_copy(scores):
    w = scores.astype(np.float64, copy=True)
    w -= w.max(axis=-1, keepdims=True)
    np.exp(w, out=w)
    w /= w.sum(axis=-1, keepdims=True)
    return w


def softmax_fortran(scores):
    e = np.asfortranarray(np.exp(scores - np.amax(scores, axis=scores.ndim - 1)[..., np.newaxis]))
    return np.asfortranarray(e / np.einsum("...k->...", e)[..., np.newaxis])


def softmax_with_axes_moved(scores):
    moved = np.moveaxis(scores, -1, 0)
    e = np.exp(moved - moved.max(axis=0))
    return np.moveaxis(e / e.sum(axis=0), 0, -1)  # a view, not contiguous


def softmax_in_float32(scores):
    s = scores.astype(np.float32)
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def softmax_from_a_generator(scores):
    flat = scores.reshape(-1, scores.shape[-1])
    rows = (np.exp(row - row.max()) for row in flat)
    return np.array([row / row.sum() for row in rows]).reshape(scores.shape)


class Softmax:
    """A class with __call__ and state that does not matter."""

    def __init__(self, axis=-1):
        self.axis, self.n_calls = axis, 0

    def __call__(self, scores):
        self.n_calls += 1
        e = np.exp(scores - scores.max(self.axis, keepdims=True))
        return e / e.sum(self.axis, keepdims=True)


class Layer:
    """A method."""

    def forward(self, scores):
        return Softmax()(scores)

    @staticmethod
    def static(scores):
        return Softmax()(scores)

    @classmethod
    def of_class(cls, scores):
        return cls.static(scores)


def logged(function):
    @wraps(function)
    def inner(*args, **kwargs):
        print("called", function.__name__)
        return function(*args, **kwargs)

    return inner


@logged
def softmax_decorated(scores: "np.ndarray") -> "np.ndarray":
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def softmax_with_axis(scores, axis=-1, *, dtype=None):
    e = np.exp(scores - scores.max(axis, keepdims=True), dtype=dtype)
    return e / e.sum(axis, keepdims=True)


def attention_by_ellipsis(query, key, value):
    scores = np.einsum("...qd,...kd->...qk", query, key) / math.sqrt(query.shape[-1])
    return np.einsum("...qk,...kv->...qv", softmax_with_axes_moved(scores), value)


def attention_scaling_both_sides(query, key, value):
    quarter = query.shape[-1] ** -0.25
    return softmax_by_logsumexp((query * quarter) @ np.swapaxes(key * quarter, -2, -1)) @ value


def attention_one_query_at_a_time(query, key, value):
    out = []
    for i in range(query.shape[-2]):
        s = np.matmul(key, query[..., i, :, None])[..., 0] / np.sqrt(key.shape[-1])
        out.append(np.matmul(softmax_in_place_on_a_copy(s)[..., None, :], value)[..., 0, :])
    return np.stack(out, axis=-2)


def attention_online(query, key, value):
    largest = np.full((*query.shape[:-1], 1), -np.inf)
    total, mixed = 0.0, 0.0
    for j in range(key.shape[-2]):
        s = (query * key[..., j : j + 1, :]).sum(-1, keepdims=True) / np.sqrt(query.shape[-1])
        risen = np.maximum(largest, s)
        fade, e = np.exp(largest - risen), np.exp(s - risen)
        total, mixed, largest = total * fade + e, mixed * fade + e * value[..., j : j + 1, :], risen
    return mixed / total


def attention_in_lists(query, key, value):
    if query.ndim > 2:
        return [attention_in_lists(q, k, v) for q, k, v in zip(query, key, value, strict=True)]
    q, k, v = query.tolist(), key.tolist(), value.tolist()
    out = []
    for a in q:
        s = [sum(x * y for x, y in zip(a, b, strict=True)) / len(a) ** 0.5 for b in k]
        w = softmax_by_recursion(np.array(s))
        out.append([sum(wi * row[c] for wi, row in zip(w, v, strict=True)) for c in range(len(v[0]))])
    return out


def project_by_outer_products(x, weight):
    return reduce(np.add, (x[..., i, None] * weight[i] for i in range(x.shape[-1])))


def masked_by_filling(query, key, value, mask):
    scores = query @ key.swapaxes(-1, -2) * query.shape[-1] ** -0.5
    mask = np.broadcast_to(mask, scores.shape)
    scores[~mask] = -np.inf
    top = np.nan_to_num(scores.max(axis=-1, keepdims=True), neginf=0.0)
    e = np.exp(scores - top)
    return (e / np.maximum(e.sum(axis=-1, keepdims=True), 1e-30)) @ value


def masked_by_where_and_all(query, key, value, mask):
    s = np.where(mask, query @ key.swapaxes(-1, -2) / np.sqrt(key.shape[-1]), -np.inf)
    nothing = np.all(np.isneginf(s), axis=-1, keepdims=True)
    s = np.where(nothing, 0, s)
    e = np.exp(s - s.max(-1, keepdims=True))
    return np.where(nothing, 0, e / e.sum(-1, keepdims=True)) @ value


def masked_by_sum_where(query, key, value, mask):
    s = query @ key.swapaxes(-1, -2) / np.sqrt(key.shape[-1])
    m = np.broadcast_to(mask, s.shape)
    top = s.max(axis=-1, keepdims=True, where=m, initial=-np.inf)
    e = np.zeros_like(s)
    np.exp(s - np.where(np.isfinite(top), top, 0), out=e, where=m)
    total = e.sum(-1, keepdims=True)
    return np.divide(e @ value, total, out=np.zeros((*e.shape[:-1], value.shape[-1])), where=total > 0)


def causal_by_comparison(seq_len):
    return np.greater_equal.outer(range(seq_len), range(seq_len))


def causal_as_lists(seq_len):
    return [[j <= i for j in range(seq_len)] for i in range(seq_len)]


def causal_by_triu(seq_len):
    return ~np.triu(np.ones((seq_len, seq_len), dtype=bool), 1)


def split_by_hsplit(x, n_heads):
    return np.stack(np.split(x, n_heads, axis=-1), axis=-3)


def split_by_einsum(x, n_heads):
    return np.einsum("...thd->...htd", x.reshape(*x.shape[:-1], n_heads, -1))


def merge_by_concatenation(x):
    return np.concatenate([x[..., h, :, :] for h in range(x.shape[-3])], axis=-1)


def heads_one_by_one(x, w_query, w_key, w_value, w_output, n_heads):
    parts = [np.array_split(w, n_heads, axis=-1) for w in (w_query, w_key, w_value)]
    rows = np.array_split(w_output, n_heads, axis=0)
    return sum(attention_by_ellipsis(x @ q, x @ k, x @ v) @ out for q, k, v, out in zip(*parts, rows, strict=True))


def sinusoids_by_complex(seq_len, d_model):
    rate = 10000.0 ** (-np.arange(0, d_model, 2) / d_model)
    turned = np.exp(1j * np.outer(np.arange(seq_len), rate))
    return np.stack([turned.imag, turned.real], axis=-1).reshape(seq_len, d_model)


def rotate_by_complex(x, positions):
    pairs = np.ascontiguousarray(x.astype(np.float64)).view(np.complex128)
    rate = 10000.0 ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    turned = pairs * np.exp(1j * np.asarray(positions)[..., None] * rate)
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def window_by_band(seq_len, window):
    band = np.zeros((seq_len, seq_len), bool)
    for offset in range(-window, window + 1):
        band |= np.eye(seq_len, k=offset, dtype=bool)
    return band


def entropy_by_xlogy(weights):
    logs = np.log(weights, where=weights > 0, out=np.zeros_like(weights, dtype=float))
    return -np.vecdot(weights, logs) if hasattr(np, "vecdot") else -(weights * logs).sum(-1)


def backward_by_jacobian(weights, grad_weights):
    eye = np.eye(weights.shape[-1])
    jacobian = weights[..., :, None] * (eye - weights[..., None, :])
    return np.einsum("...kj,...k->...j", jacobian, grad_weights)


def repeat_by_index(x, n_repeats):
    return x[..., np.arange(x.shape[-3] * n_repeats) // n_repeats, :, :]


def decode_with_padding(query, key, value, cache):
    keys, values = (np.append(old, new, axis=-2) for old, new in zip(cache, (key, value), strict=True))
    return attention_by_ellipsis(query, keys, values), [keys, values]


def dropout_by_binomial(weights, rate, rng):
    if rate == 0:
        return weights.copy()
    return weights * rng.binomial(1, 1 - rate, size=weights.shape) / (1 - rate)


def previous_by_trace(weights):
    return np.trace(weights, offset=-1, axis1=-2, axis2=-1) / (weights.shape[-1] - 1)


RIGHT = {
    "softmax": [
        softmax_by_vectorize, softmax_by_recursion, softmax_by_logsumexp, softmax_in_place_on_a_copy, softmax_fortran,
        softmax_with_axes_moved, softmax_in_float32, softmax_from_a_generator, Softmax(), Layer().forward,
        Layer.static, Layer.of_class, softmax_decorated, softmax_with_axis, partial(softmax_with_axis, axis=-1),
        functools.lru_cache(maxsize=None)(lambda: softmax_fortran)(), lambda *args: softmax_fortran(*args),
        lambda scores, **options: softmax_fortran(scores, **options),
    ],
    "attention": [
        attention_by_ellipsis, attention_scaling_both_sides, attention_one_query_at_a_time, attention_online,
        attention_in_lists,
    ],
    "project": [project_by_outer_products, np.matmul, np.dot],
    "masked_attention": [masked_by_filling, masked_by_where_and_all, masked_by_sum_where],
    "causal_mask": [causal_by_comparison, causal_as_lists, causal_by_triu],
    "split_heads": [split_by_hsplit, split_by_einsum],
    "merge_heads": [merge_by_concatenation],
    "multi_head_attention": [heads_one_by_one],
    "sinusoidal_positions": [sinusoids_by_complex],
    "rotate": [rotate_by_complex],
    "sliding_window_mask": [window_by_band],
    "attention_entropy": [entropy_by_xlogy],
    "softmax_backward": [backward_by_jacobian],
    "repeat_kv": [repeat_by_index],
    "decode_step": [decode_with_padding],
    "dropout": [dropout_by_binomial],
    "previous_token_score": [previous_by_trace],
}  # fmt: skip


# Wrong. Beside each: the confusion that has to be named, or None where the catalogue has none.


def plain_softmax(scores, axis=-1):
    e = np.exp(scores - np.max(scores, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def torch_habit_dim_0(scores):
    return plain_softmax(scores, axis=0)


def forgets_that_axis_1_is_not_last(scores):
    return plain_softmax(scores, axis=1 if scores.ndim > 1 else 0)


def clips_for_stability(scores):
    e = np.exp(np.clip(scores, -50, 50))
    return e / e.sum(-1, keepdims=True)


def adds_epsilon(scores):
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / (e.sum(-1, keepdims=True) + 1e-3)


def divides_by_the_maximum(scores):
    e = np.exp(scores / np.abs(scores).max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def squares_for_exponentials(scores):
    e = scores**2
    return e / e.sum(-1, keepdims=True)


def relu_then_shares(scores):
    e = np.maximum(scores, 0) + 1e-9
    return e / e.sum(-1, keepdims=True)


def softmax_loop_with_return_inside(scores):
    out = []
    for row in scores:
        e = np.exp(row - row.max())
        out.append(e / e.sum())
        return np.array(out)
    return None


def global_sum_global_max(scores):
    e = np.exp(scores - scores.max())
    return e / e.sum()


def one_max_only(scores):
    e = np.exp(scores - scores.max())
    return e / e.sum(-1, keepdims=True)


def prints_and_forgets_return(scores):
    print(plain_softmax(scores))


def scores_by_loop_index_swapped(query, key):
    out = np.zeros((len(key), len(query)))
    for i, q in enumerate(query):
        for j, k in enumerate(key):
            out[j, i] = q @ k
    return out


def scores_by_dot_with_leading(query, key):
    return np.dot(query, np.swapaxes(key, -1, -2))


def scores_of_unit_vectors(query, key):
    query = query / np.linalg.norm(query, axis=-1, keepdims=True)
    key = key / np.linalg.norm(key, axis=-1, keepdims=True)
    return np.einsum("...qd,...kd->...qk", query, key)


def scaled_by_len_of_query(query, key):
    return query @ np.swapaxes(key, -1, -2) / np.sqrt(len(query))


def scaled_by_last_axis_of_scores(query, key):
    scores = query @ np.swapaxes(key, -1, -2)
    return scores / math.sqrt(scores.shape[-1])


def scaled_by_size(query, key):
    return query @ np.swapaxes(key, -1, -2) / np.sqrt(key.size)


def scaled_twice(query, key):
    root = np.sqrt(query.shape[-1])
    return (query / root) @ np.swapaxes(key / root, -1, -2)


def scaled_by_power(query, key):
    return query @ np.swapaxes(key, -1, -2) * query.shape[-1] ** 0.5


def scaled_by_standard_deviation(query, key):
    scores = query @ np.swapaxes(key, -1, -2)
    return scores / np.std(scores)


def scaled_by_layer_norm(query, key):
    scores = query @ np.swapaxes(key, -1, -2)
    return (scores - scores.mean(-1, keepdims=True)) / scores.std(-1, keepdims=True)


def scaled_and_softmaxed(query, key):
    return plain_softmax(query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1]))


def product(query, key):
    return query @ np.swapaxes(key, -1, -2)


def attend(query, key, value):
    return plain_softmax(product(query, key) / np.sqrt(query.shape[-1])) @ value


def attention_no_scale_wrong_axis(query, key, value):
    return plain_softmax(product(query, key), axis=-2) @ value


def attention_no_scale_no_max(query, key, value):
    e = np.exp(product(query, key))
    return e / e.sum(-1, keepdims=True) @ value


def attention_scale_by_d_v(query, key, value):
    return plain_softmax(product(query, key) / np.sqrt(value.shape[-1])) @ value


def attention_scale_after(query, key, value):
    return plain_softmax(product(query, key)) / np.sqrt(key.shape[-1]) @ value


def attention_returns_weights(query, key, value):
    return plain_softmax(product(query, key) / np.sqrt(key.shape[-1]))


def attention_returns_both(query, key, value):
    weights = plain_softmax(product(query, key) / np.sqrt(key.shape[-1]))
    return weights @ value, weights


def attention_argmax(query, key, value):
    best = np.argmax(product(query, key), axis=-1)
    return np.take_along_axis(value, best[..., None], axis=-2)


def attention_softmaxes_value(query, key, value):
    return plain_softmax(product(query, key) / np.sqrt(key.shape[-1]) @ value)


def attention_without_softmax(query, key, value):
    return product(query, key) / np.sqrt(key.shape[-1]) @ value


def attention_key_first(query, key, value):
    return np.swapaxes(plain_softmax(product(key, query) / np.sqrt(key.shape[-1])), -1, -2) @ value


def self_attention_shared_weight(x, w_query, w_key, w_value):
    return attend(x @ w_query, x @ w_query, x @ w_value)


def self_attention_d_model(x, w_query, w_key, w_value):
    scores = product(x @ w_query, x @ w_key) / np.sqrt(x.shape[-1])
    return plain_softmax(scores) @ (x @ w_value)


def self_attention_merged_weight(x, w_query, w_key, w_value):
    merged = w_query @ w_key.T
    return plain_softmax(x @ merged @ np.swapaxes(x, -1, -2) / np.sqrt(len(merged))) @ (x @ w_value)


def self_attention_symmetric_loop(x, w_query, w_key, w_value):
    if x.ndim > 2:
        return np.stack([self_attention_symmetric_loop(one, w_query, w_key, w_value) for one in x])
    query, key = x @ w_query, x @ w_key
    scores = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        for j in range(i + 1):
            scores[i, j] = scores[j, i] = query[i] @ key[j] / np.sqrt(key.shape[-1])
    return plain_softmax(scores) @ (x @ w_value)


def self_attention_last(x, w_query, w_key, w_value):
    return attend(x @ w_query, x @ w_key, x @ w_value)[..., -1:, :]


def self_attention_pooled(x, w_query, w_key, w_value):
    return attend(x @ w_query, x @ w_key, x @ w_value).mean(axis=-2)


def self_attention_values_raw(x, w_query, w_key, w_value):
    return attend(x @ w_query, x @ w_key, x)


def causal_upper(seq_len):
    return np.triu(np.ones((seq_len, seq_len), dtype=bool))


def causal_to_block(seq_len):
    return np.triu(np.ones((seq_len, seq_len)), k=1).astype(bool)


def causal_strict(seq_len):
    return np.tril(np.ones((seq_len, seq_len), dtype=bool), k=-1)


def causal_ones(seq_len):
    return np.tril(np.ones((seq_len, seq_len)))


def padding_at_or_below(lengths, n_keys):
    return np.arange(n_keys) <= np.asarray(lengths)[:, None]


def padding_marks_padding(lengths, n_keys):
    return np.arange(n_keys)[None, :] >= np.asarray(lengths)[:, None]


def masked_minus_1e9(query, key, value, mask):
    scores = product(query, key) / np.sqrt(key.shape[-1])
    return plain_softmax(np.where(mask, scores, -1e9)) @ value


def masked_tiny(query, key, value, mask):
    scores = product(query, key) / np.sqrt(key.shape[-1])
    return plain_softmax(np.where(mask, scores, -1e-9)) @ value


def masked_times(query, key, value, mask):
    return plain_softmax(product(query, key) / np.sqrt(key.shape[-1]) * mask) @ value


def masked_after(query, key, value, mask):
    return (plain_softmax(product(query, key) / np.sqrt(key.shape[-1])) * mask) @ value


def masked_blocks_true(query, key, value, mask):
    scores = product(query, key) / np.sqrt(key.shape[-1])
    return plain_softmax(np.where(mask, -1e9, scores)) @ value


def masked_gives_nan(query, key, value, mask):
    scores = product(query, key) / np.sqrt(key.shape[-1])
    return plain_softmax(np.where(mask, scores, -np.inf)) @ value


def masked_no_scale_after(query, key, value, mask):
    return (plain_softmax(product(query, key)) * mask) @ value


def masked_minus_1e4_added(query, key, value, mask):
    scores = product(query, key) / np.sqrt(key.shape[-1])
    return plain_softmax(scores + (1 - mask) * -1e4) @ value


def split_reshape(x, n_heads):
    return x.reshape(*x.shape[:-2], n_heads, x.shape[-2], x.shape[-1] // n_heads)


def split_no_swap(x, n_heads):
    return x.reshape(*x.shape[:-1], n_heads, -1)


def split_transpose_front(x, n_heads):
    return x.reshape(*x.shape[:-1], n_heads, -1).transpose(1, 0, 2)


def merge_reshape(x):
    return x.reshape(*x.shape[:-3], x.shape[-2], -1)


def heads(x, n_heads):
    return np.swapaxes(x.reshape(*x.shape[:-1], n_heads, -1), -3, -2)


def together(x):
    return np.swapaxes(x, -3, -2).reshape(*x.shape[:-3], x.shape[-2], -1)


def heads_without_output(x, w_query, w_key, w_value, w_output, n_heads):
    return together(attend(heads(x @ w_query, n_heads), heads(x @ w_key, n_heads), heads(x @ w_value, n_heads)))


def heads_merged_wrong(x, w_query, w_key, w_value, w_output, n_heads):
    found = attend(heads(x @ w_query, n_heads), heads(x @ w_key, n_heads), heads(x @ w_value, n_heads))
    return found.reshape(*x.shape[:-1], -1) @ w_output


def heads_scaled_by_width(x, w_query, w_key, w_value, w_output, n_heads):
    q, k, v = (heads(x @ w, n_heads) for w in (w_query, w_key, w_value))
    return together(plain_softmax(product(q, k) / np.sqrt(w_query.shape[-1])) @ v) @ w_output


def heads_scaled_by_d_model(x, w_query, w_key, w_value, w_output, n_heads):
    q, k, v = (heads(x @ w, n_heads) for w in (w_query, w_key, w_value))
    return together(plain_softmax(product(q, k) / np.sqrt(x.shape[-1])) @ v) @ w_output


def dropout_renormalised(weights, rate, rng):
    kept = weights * (rng.random(weights.shape) >= rate)
    total = kept.sum(-1, keepdims=True)
    return kept / np.where(total == 0, 1, total)


def dropout_unscaled(weights, rate, rng):
    return np.where(rng.random(weights.shape) < rate, 0, weights)


def decode_without_cache(query, key, value, cache):
    return attend(query, key, value), cache


def decode_query_cached(query, key, value, cache):
    keys, values = np.concatenate([cache[0], query], -2), np.concatenate([cache[1], value], -2)
    return attend(query, keys, values), (keys, values)


def entropy_of_columns(weights):
    safe = np.where(weights > 0, weights, 1)
    return -(weights * np.log(safe)).sum(axis=-2)


def backward_over_columns(weights, grad_weights):
    return weights * (grad_weights - (weights * grad_weights).sum(axis=-2, keepdims=True))


def window_one_sided(seq_len, window):
    i, j = np.indices((seq_len, seq_len))
    return (j <= i) & (i - j <= window)


def repeat_by_tile(x, n_repeats):
    return np.concatenate([x] * n_repeats, axis=-3)


def rotate_as_llama(x, positions):
    half = x.shape[-1] // 2
    angles = np.asarray(positions)[..., None] * 10000.0 ** (-np.arange(half) / half)
    first, second = x[..., :half], x[..., half:]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


def sinusoids_in_halves(seq_len, d_model):
    angles = np.arange(seq_len)[:, None] / 10000.0 ** (np.arange(0, d_model, 2) / d_model)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)


def masked_minus_9(query, key, value, mask):
    scores = product(query, key) / np.sqrt(key.shape[-1])
    return plain_softmax(np.where(mask, scores, -90.0)) @ value


def masked_no_scale_turned_round(query, key, value, mask):
    return plain_softmax(np.where(mask, -np.inf, product(query, key))) @ value


def attention_key_first_no_scale(query, key, value):
    return plain_softmax(product(key, query)) @ value


def attention_over_d_k_of_columns(query, key, value):
    return plain_softmax(product(query, key) / key.shape[-1], axis=-2) @ value


def attention_not_normalised_no_scale(query, key, value):
    return np.exp(product(query, key)) @ value


def scaled_key_first_over_d_k(query, key):
    return product(key, query) / key.shape[-1]


def self_attention_raw_values_no_scale(x, w_query, w_key, w_value):
    return plain_softmax(product(x @ w_query, x @ w_key)) @ x


def self_attention_columns_and_len(x, w_query, w_key, w_value):
    return plain_softmax(product(x @ w_query, x @ w_key) / np.sqrt(x.shape[-2]), axis=-2) @ (x @ w_value)


def heads_merged_wrong_no_scale(x, w_query, w_key, w_value, w_output, n_heads):
    q, k, v = (heads(x @ w, n_heads) for w in (w_query, w_key, w_value))
    return (plain_softmax(product(q, k)) @ v).reshape(*x.shape[:-1], -1) @ w_output


def heads_no_output_no_scale(x, w_query, w_key, w_value, w_output, n_heads):
    q, k, v = (heads(x @ w, n_heads) for w in (w_query, w_key, w_value))
    return together(plain_softmax(product(q, k)) @ v)


def online_no_fade_no_scale(query, key, value, block_size):
    largest, total, mixed = np.full((*query.shape[:-1], 1), -np.inf), 0.0, 0.0
    for start in range(0, key.shape[-2], block_size):
        s = product(query, key[..., start : start + block_size, :])
        largest = np.maximum(largest, s.max(-1, keepdims=True))
        e = np.exp(s - largest)
        total, mixed = total + e.sum(-1, keepdims=True), mixed + e @ value[..., start : start + block_size, :]
    return mixed / total


def online_whole_row(query, key, value, block_size):
    return np.concatenate([attend(query[..., i : i + 1, :], key, value) for i in range(query.shape[-2])], axis=-2)


def temperature_multiplied(scores, temperature):
    return plain_softmax(scores * temperature)


def temperature_after(scores, temperature):
    return plain_softmax(scores) / temperature


def weighted_softmax_again(weights, value):
    return plain_softmax(weights) @ value


def weighted_mean(weights, value):
    return (weights[..., None] * value[..., None, :, :]).mean(axis=-2)


def alibi_rewards(n_heads, n_queries, n_keys):
    slopes = 2.0 ** (-8 * np.arange(1, n_heads + 1) / n_heads)
    return slopes[:, None, None] * np.abs(np.arange(n_queries)[:, None] - np.arange(n_keys))


def distance_signed(weights):
    i, j = np.indices(weights.shape[-2:])
    return (weights * (i - j)).sum((-2, -1)) / weights.sum((-2, -1))


def induction_own_place(weights, period):
    return np.diagonal(weights, -period, -2, -1).mean(-1)


def previous_as_key(weights):
    return np.diagonal(weights, 1, -2, -1).mean(-1)


WRONG = {
    "softmax": [
        (torch_habit_dim_0, "M06"), (forgets_that_axis_1_is_not_last, "M06"), (clips_for_stability, None),
        (adds_epsilon, None), (divides_by_the_maximum, None), (squares_for_exponentials, None),
        (relu_then_shares, None),
        (softmax_loop_with_return_inside, None), (global_sum_global_max, "M06"), (one_max_only, None),
    ],
    "dot_product_scores": [
        (scores_by_loop_index_swapped, "M07"), (scores_by_dot_with_leading, None), (scores_of_unit_vectors, "M28"),
    ],
    "scaled_scores": [
        (scaled_by_len_of_query, "M03"), (scaled_by_last_axis_of_scores, "M03"), (scaled_by_size, "M03"),
        (scaled_twice, "M03"), (scaled_by_power, "M03"), (scaled_by_standard_deviation, "M04"),
        (scaled_by_layer_norm, "M04"), (scaled_key_first_over_d_k, "M07"),
        (scaled_and_softmaxed, "M01"), (scores_of_unit_vectors, "M28"),
    ],
    "attention": [
        (attention_no_scale_wrong_axis, "M06"), (attention_no_scale_no_max, "M02"), (attention_scale_by_d_v, "M03"),
        (attention_scale_after, "M02"), (attention_returns_weights, "M01"), (attention_returns_both, None),
        (attention_argmax, "M11"), (attention_softmaxes_value, "M01"), (attention_without_softmax, "M01"),
        (attention_key_first, "M06"), (attention_key_first_no_scale, "M07"), (attention_over_d_k_of_columns, "M06"),
        (attention_not_normalised_no_scale, None),
    ],
    "self_attention": [
        (self_attention_shared_weight, "M10"), (self_attention_d_model, "M03"), (self_attention_merged_weight, "M03"),
        (self_attention_symmetric_loop, "M09"), (self_attention_last, "M17"), (self_attention_pooled, "M22"),
        (self_attention_values_raw, None), (self_attention_raw_values_no_scale, None),
        (self_attention_columns_and_len, "M06"),
    ],
    "causal_mask": [(causal_upper, None), (causal_to_block, "M15"), (causal_strict, None), (causal_ones, None)],
    "padding_mask": [(padding_at_or_below, None), (padding_marks_padding, "M15")],
    "masked_attention": [
        (masked_minus_1e9, "M16"), (masked_tiny, "M12"), (masked_times, "M12"), (masked_after, "M13"),
        (masked_blocks_true, "M15"), (masked_gives_nan, "M16"), (masked_no_scale_after, "M13"),
        (masked_minus_1e4_added, "M16"), (masked_minus_9, "M14"), (masked_no_scale_turned_round, "M15"),
    ],
    "split_heads": [(split_reshape, "M20"), (split_no_swap, "M20"), (split_transpose_front, None)],
    "merge_heads": [(merge_reshape, "M20")],
    "multi_head_attention": [
        (heads_without_output, "M21"), (heads_merged_wrong, "M20"), (heads_scaled_by_width, "M03"),
        (heads_scaled_by_d_model, "M03"), (heads_merged_wrong_no_scale, "M20"), (heads_no_output_no_scale, "M21"),
    ],
    "dropout": [(dropout_renormalised, "M24"), (dropout_unscaled, None)],
    "decode_step": [(decode_without_cache, None), (decode_query_cached, "M27")],
    "attention_entropy": [(entropy_of_columns, "M06")],
    "softmax_backward": [(backward_over_columns, "M06")],
    "sliding_window_mask": [(window_one_sided, None)],
    "repeat_kv": [(repeat_by_tile, None)],
    "rotate": [(rotate_as_llama, None)],
    "online_attention": [(online_no_fade_no_scale, None), (online_whole_row, None)],
    "softmax_with_temperature": [(temperature_multiplied, None), (temperature_after, None)],
    "weighted_sum": [(weighted_softmax_again, "M01"), (weighted_mean, None)],
    "alibi_bias": [(alibi_rewards, None)],
    "mean_attention_distance": [(distance_signed, None)],
    "induction_score": [(induction_own_place, None)],
    "previous_token_score": [(previous_as_key, "M07")],
    "sinusoidal_positions": [(sinusoids_in_halves, None)],
}  # fmt: skip
