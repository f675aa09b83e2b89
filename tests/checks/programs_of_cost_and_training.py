"""Programs for lessons 09 to 11 as learners write them: right ones in several styles, and wrong ones.

As in programs_of_learners, they are written apart from the named wrong programs of course_lib.checks.
"""

import math
import random

import numpy as np


def soft(scores):
    exponentials = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return exponentials / np.sum(exponentials, axis=-1, keepdims=True)


def scaled(query, key):
    return query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])


def attend(query, key, value):
    return soft(scaled(query, key)) @ value


def over_leading_axes(function, n_arrays):
    """Apply a function of plain matrices to each matrix of a batch."""

    def batched(*arguments):
        arrays, rest = arguments[:n_arrays], arguments[n_arrays:]
        if arrays[0].ndim == 2:
            return np.array(function(*arrays, *rest))
        return np.array([batched(*parts, *rest) for parts in zip(*arrays, strict=True)])

    return batched


# Online softmax


def online(query, key, value, block_size):
    maximum = np.full((*query.shape[:-1], 1), -np.inf)
    total = np.zeros_like(maximum)
    output = np.zeros((*query.shape[:-1], value.shape[-1]))
    for start in range(0, key.shape[-2], block_size):
        keys, values = key[..., start : start + block_size, :], value[..., start : start + block_size, :]
        scores = scaled(query, keys)
        new = np.maximum(maximum, scores.max(axis=-1, keepdims=True))
        old_share = np.exp(maximum - new)
        shares = np.exp(scores - new)
        total = total * old_share + shares.sum(axis=-1, keepdims=True)
        output = output * old_share + shares @ values
        maximum = new
    return output / total


def online_one_row_after_the_other(query, key, value, block_size):
    output = []
    for q in query:
        largest, total, mixed = -math.inf, 0.0, np.zeros(value.shape[-1])
        for start in range(0, len(key), block_size):
            scores = key[start : start + block_size] @ q / math.sqrt(len(q))
            higher = max(largest, scores.max())
            fade = math.exp(largest - higher)
            shares = np.exp(scores - higher)
            total, largest = total * fade + shares.sum(), higher
            mixed = mixed * fade + shares @ value[start : start + block_size]
        output.append(mixed / total)
    return output


def online_pure_python(query, key, value, block_size):
    output = []
    for q in query.tolist():
        largest, total, mixed = -math.inf, 0.0, [0.0] * value.shape[-1]
        for k, v in zip(key.tolist(), value.tolist(), strict=True):
            score = sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(len(q))
            if score > largest:
                fade, largest = math.exp(largest - score), score
                total, mixed = total * fade, [m * fade for m in mixed]
            share = math.exp(score - largest)
            total, mixed = total + share, [m + share * c for m, c in zip(mixed, v, strict=True)]
        output.append([m / total for m in mixed])
    return output


def online_in_two_passes(query, key, value, block_size):
    blocks = [slice(start, start + block_size) for start in range(0, key.shape[-2], block_size)]
    largest = np.full(query.shape[:-1], -np.inf)
    for block in blocks:
        largest = np.maximum(largest, scaled(query, key[..., block, :]).max(axis=-1))
    total, mixed = 0, 0
    for block in blocks:
        shares = np.exp(scaled(query, key[..., block, :]) - largest[..., None])
        total, mixed = total + shares.sum(axis=-1)[..., None], mixed + shares @ value[..., block, :]
    return mixed / total


def online_with_logarithms(query, key, value, block_size):
    """Merge blocks by the logarithm of their sums."""
    query, key, value = (np.asarray(array, dtype=np.float64) for array in (query, key, value))
    log_total, output = None, None
    for start in range(0, key.shape[-2], block_size):
        scores = scaled(query, key[..., start : start + block_size, :])
        log_new = np.logaddexp.reduce(scores, axis=-1, keepdims=True)
        part = np.exp(scores - log_new) @ value[..., start : start + block_size, :]
        if output is None:
            log_total, output = log_new, part
        else:
            log_sum = np.logaddexp(log_total, log_new)
            output = output * np.exp(log_total - log_sum) + part * np.exp(log_new - log_sum)
            log_total = log_sum
    return output


def online_in_place(query, key, value, block_size):
    query = query / math.sqrt(query.shape[-1])
    maximum = np.full(query.shape[:-1], -np.inf)
    total = np.zeros(query.shape[:-1])
    output = np.zeros((*query.shape[:-1], value.shape[-1]))
    for keys, values in zip(
        np.array_split(key, range(block_size, key.shape[-2], block_size), axis=-2),
        np.array_split(value, range(block_size, key.shape[-2], block_size), axis=-2),
        strict=True,
    ):
        scores = np.einsum("...qd,...kd->...qk", query, keys)
        new = np.maximum(maximum, scores.max(-1))
        scores -= new[..., None]
        np.exp(scores, out=scores)
        fade = np.exp(maximum - new)
        total *= fade
        total += scores.sum(-1)
        output *= fade[..., None]
        output += scores @ values
        maximum = new
    output /= total[..., None]
    return output


def online_like(change):
    """The online softmax with one thing changed: change(name, right, **names) gives each of its parts."""

    def program(query, key, value, block_size):
        maximum = np.full((*query.shape[:-1], 1), -1e30)
        total, output = np.zeros_like(maximum), np.zeros((*query.shape[:-1], value.shape[-1]))
        for start in range(0, key.shape[-2], block_size):
            scores = scaled(query, key[..., start : start + block_size, :])
            top = scores.max(axis=-1, keepdims=True)
            new = change("maximum", np.maximum(maximum, top), top=top, old=maximum)
            shares = np.exp(scores - new)
            fade = np.exp(np.maximum(maximum - new, -1e6))
            total = total * change("total", fade) + shares.sum(axis=-1, keepdims=True)
            output = output * change("output", fade) + shares @ value[..., start : start + block_size, :]
            maximum = new
        return change("result", output / total, output=output)

    return program


def only(**changes):
    return lambda name, right, **names: changes[name](right, **names) if name in changes else right


def forgets_to_fade(right):
    """A factor of 1, and 0 where nothing was summed before."""
    return np.where(right == 0, 0, 1)


def outputs_of_blocks(query, key, value, block_size):
    return [
        attend(query, key[..., start : start + block_size, :], value[..., start : start + block_size, :])
        for start in range(0, key.shape[-2], block_size)
    ]


def keeps_all_scores_in_a_list(query, key, value, block_size):
    parts = [scaled(query, key[..., k : k + block_size, :]) for k in range(0, key.shape[-2], block_size)]
    return soft(np.concatenate(parts, axis=-1)) @ value


def plain_array_of_all_scores(query, key, value, block_size):
    query, key = np.array(query, dtype=float), np.array(key, dtype=float)
    return attend(query, key, np.asarray(value))


@lambda function: over_leading_axes(function, 3)
def whole_row_for_each_query(query, key, value, block_size):
    rows = []
    for q in query:
        scores = key @ q / math.sqrt(q.size)
        shares = np.exp(scores - scores.max())
        rows.append((shares / shares.sum()) @ value)
    return rows


def full_blocks_only(query, key, value, block_size):
    n = key.shape[-2] // block_size * block_size
    if n == 0:
        return np.full((*query.shape[:-1], value.shape[-1]), np.nan)
    return online(query, key[..., :n, :], value[..., :n, :], block_size)


def no_maximum(query, key, value, block_size):
    total, mixed = 0, 0
    for k in range(0, key.shape[-2], block_size):
        shares = np.exp(scaled(query, key[..., k : k + block_size, :]))
        total, mixed = total + shares.sum(-1, keepdims=True), mixed + shares @ value[..., k : k + block_size, :]
    return mixed / total


# Windows


def window_by_loops(seq_len, window):
    return [[abs(i - j) <= window for j in range(seq_len)] for i in range(seq_len)]


def window_by_slices(seq_len, window):
    mask = np.zeros((seq_len, seq_len), dtype=bool)
    for i in range(seq_len):
        mask[i, max(0, i - window) : i + window + 1] = True
    return mask


def window_where(allowed):
    return lambda seq_len, window: np.array(
        [[bool(allowed(i, j, window, seq_len)) for j in range(seq_len)] for i in range(seq_len)]
    )


# Decoding


def decode(query, key, value, cache):
    keys = np.concatenate([cache[0], key], axis=-2)
    values = np.concatenate([cache[1], value], axis=-2)
    return attend(query, keys, values), (keys, values)


def decode_by_append(query, key, value, cache):
    old_keys, old_values = cache
    new_keys, new_values = np.append(old_keys, key, axis=-2), np.append(old_values, value, axis=-2)
    scores = np.einsum("...qd,...kd->...qk", query, new_keys) * query.shape[-1] ** -0.5
    return np.einsum("...qk,...kv->...qv", soft(scores), new_values), [new_keys, new_values]


def decode_into_new_arrays(query, key, value, cache):
    n = cache[0].shape[-2]
    keys, values = (np.empty((*new.shape[:-2], n + 1, new.shape[-1]), new.dtype) for new in (key, value))
    keys[..., :n, :], keys[..., n:, :] = cache[0], key
    values[..., :n, :], values[..., n:, :] = cache[1], value
    return online(query, keys, values, 2), (keys, values)


def decode_in_float32(query, key, value, cache):
    output, grown = decode(*(array.astype(np.float32) for array in (query, key, value)), cache)
    return output.tolist(), grown


def decode_like(attending=attend, growing=None):
    def program(query, key, value, cache):
        _, grown = decode(query, key, value, cache)
        kept = growing(query, key, value, cache, grown) if growing else grown
        return attending(query, *grown), kept

    return program


def keeps_queries(query, key, value, cache):
    return decode(query, query, value, cache)


def first_attends_then_grows(query, key, value, cache):
    return attend(query, *cache), decode(query, key, value, cache)[1]


def newest_first(query, key, value, cache):
    keys, values = np.concatenate([key, cache[0]], axis=-2), np.concatenate([value, cache[1]], axis=-2)
    return attend(query, keys, values), (keys, values)


def whole_table(query, keys, values):
    queries = np.broadcast_to(query, keys.shape)
    return attend(queries, keys, values)[..., [-1], :]


# Training


def backward_by_jacobian(weights, grad_weights):
    jacobian = np.einsum("...j,jk->...jk", weights, np.eye(weights.shape[-1])) - weights[..., :, None] * weights[
        ..., None, :
    ]  # fmt: skip
    return (jacobian @ grad_weights[..., None])[..., 0]


def backward_by_loops(weights, grad_weights):
    if weights.ndim > 1:
        return np.array([backward_by_loops(w, g) for w, g in zip(weights, grad_weights, strict=True)])
    total = sum(w * g for w, g in zip(weights, grad_weights, strict=True))
    return [w * (g - total) for w, g in zip(weights, grad_weights, strict=True)]


def backward_with(subtract, front=lambda w: w):
    return lambda weights, grad_weights: front(weights) * (grad_weights - subtract(weights, grad_weights))


def entropy_of_row(row):
    if np.ndim(row) > 1:
        return np.array([entropy_of_row(part) for part in row])
    return -sum(w * math.log(w) for w in row if w > 0)


def entropy_by_masked_logarithm(weights):
    logarithms = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    return -np.einsum("...k,...k->...", weights, logarithms)


def distance_by_loops(weights):
    if weights.ndim > 2:
        return np.array([distance_by_loops(part) for part in weights])
    total = sum(w * abs(i - j) for i, row in enumerate(weights) for j, w in enumerate(row))
    return total / weights.sum() if weights.sum() else 0.0


def distance_by_average(weights):
    """np.average with weights, where there are any."""
    i, j = np.indices(weights.shape[-2:])
    far = np.broadcast_to(np.abs(i - j), weights.shape)
    safe = np.where(weights.sum(axis=(-2, -1), keepdims=True) > 0, weights, far == 0)
    return np.average(far, axis=(-2, -1), weights=safe)


def distance_with(distance, divisor=None):
    def program(weights):
        i, j = np.indices(weights.shape[-2:])
        totals = (weights * distance(i, j)).sum(axis=(-2, -1))
        total = weights.sum(axis=(-2, -1))
        return totals / (divisor(weights) if divisor else np.where(total > 0, total, 1))

    return program


def dropout_by_loops(weights, rate, rng):
    kept = np.zeros(weights.shape)
    for index in np.ndindex(*weights.shape):
        if rng.random() >= rate:
            kept[index] = weights[index] / (1 - rate)
    return kept


def dropout_with(mask, scale=lambda weights, rate: weights / (1 - rate)):
    return lambda weights, rate, rng: scale(weights, rate) * mask(weights.shape, rate, rng)


def usual(shape, rate, rng):
    return rng.random(shape) >= rate


def fixed_count(shape, rate, rng):
    mask = np.ones(math.prod(shape))
    mask[rng.choice(mask.size, int(rate * mask.size), replace=False)] = 0
    return mask.reshape(shape)


def rows_back_to_one(weights, rate, rng):
    left = weights * (rng.random(weights.shape) >= rate)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(left / left.sum(axis=-1, keepdims=True))


# A real model


def repeat_by_reshape(x, n_repeats):
    *leading, n_heads, seq_len, d_k = x.shape
    copies = np.broadcast_to(x[..., None, :, :], (*leading, n_heads, n_repeats, seq_len, d_k))
    return copies.reshape(*leading, n_heads * n_repeats, seq_len, d_k)


def repeat_by_index(x, n_repeats):
    return x[..., np.arange(x.shape[-3] * n_repeats) // n_repeats, :, :]


def repeat_by_loop(x, n_repeats):
    heads = [x[..., h, :, :] for h in range(x.shape[-3]) for _ in range(n_repeats)]
    return np.stack(heads, axis=-3)


def tiled(x, n_repeats):
    return np.tile(x, (n_repeats, 1, 1))


def induction_by_diagonal(weights, period):
    return np.diagonal(weights, 1 - period, axis1=-2, axis2=-1)[..., 1:].mean(axis=-1)


def induction_by_loops(weights, period):
    if weights.ndim > 2:
        return np.array([induction_by_loops(head, period) for head in weights])
    given = [weights[i][i - period + 1] for i in range(period, len(weights))]
    return sum(given) / len(given)


def induction_with(key_of, first=lambda period: period, end=lambda n, period: n, total=np.mean):
    def program(weights, period):
        if weights.ndim > 2:
            return np.array([program(head, period) for head in weights])
        return total([weights[i, key_of(i, period)] for i in range(first(period), end(len(weights), period))])

    return program


def previous_by_loops(weights):
    if weights.ndim > 2:
        return np.array([previous_by_loops(head) for head in weights])
    return sum(weights[i, i - 1] for i in range(1, len(weights))) / (len(weights) - 1)


def previous_by_trace(weights):
    below = weights[..., 1:, :-1]
    return np.trace(below, axis1=-2, axis2=-1) / below.shape[-1]


CORRECT = {
    "online_attention": [
        online, over_leading_axes(online_one_row_after_the_other, 3), over_leading_axes(online_pure_python, 3),
        online_in_two_passes, online_with_logarithms, online_in_place,
    ],
    "sliding_window_mask": [
        window_by_loops, window_by_slices,
        lambda seq_len, window: np.tri(seq_len, k=window, dtype=bool) & np.tri(seq_len, k=window, dtype=bool).T,
        lambda seq_len, window: np.abs(np.subtract.outer(np.arange(seq_len), np.arange(seq_len))) <= window,
    ],
    "decode_step": [decode, decode_by_append, decode_into_new_arrays, decode_in_float32],
    "softmax_backward": [
        backward_by_jacobian, backward_by_loops,
        lambda w, g: w * g - w * np.einsum("...k,...k->...", w, g)[..., None],
        lambda w, g: backward_by_jacobian(w.astype(np.float32), g.astype(np.float32)).tolist(),
    ],
    "attention_entropy": [
        entropy_of_row, entropy_by_masked_logarithm,
        lambda weights: -np.sum(weights * np.log(weights + (weights == 0)), axis=-1),
        lambda weights: -np.nansum(weights * np.log(weights), axis=-1),
        lambda weights: -np.sum(weights * np.log(np.maximum(weights, 1e-12)), axis=-1),
    ],
    "mean_attention_distance": [
        distance_by_loops, distance_by_average, distance_with(lambda i, j: np.abs(i - j)),
        lambda weights: distance_with(lambda i, j: np.maximum(i, j) - np.minimum(i, j))(weights.astype(np.float32)),
    ],
    "dropout": [
        dropout_with(usual), dropout_by_loops,
        lambda weights, rate, rng: np.where(rng.random(weights.shape) < rate, 0, weights / (1 - rate)),
        lambda weights, rate, rng: weights * rng.binomial(1, 1 - rate, weights.shape) / (1 - rate),
        lambda weights, rate, rng: weights * rng.choice([0, 1 / (1 - rate)], weights.shape, p=[rate, 1 - rate]),
        lambda weights, rate, rng: (weights.astype(np.float32) * (rng.uniform(size=weights.shape) < 1 - rate)
                                    / np.float32(1 - rate)),
    ],
    "repeat_kv": [
        repeat_by_reshape, repeat_by_index, repeat_by_loop,
        lambda x, n_repeats: np.repeat(x.astype(np.float32), n_repeats, axis=x.ndim - 3),
    ],
    "induction_score": [
        induction_by_diagonal, induction_by_loops, induction_with(lambda i, period: i - period + 1),
        lambda weights, period: induction_by_diagonal(weights.astype(np.float32), period).tolist(),
    ],
    "previous_token_score": [
        previous_by_loops, previous_by_trace,
        lambda weights: np.diagonal(weights, offset=-1, axis1=-2, axis2=-1).mean(axis=-1),
        lambda weights: np.einsum("...ii->...i", weights[..., 1:, :-1]).mean(-1).astype(np.float32),
    ],
}  # fmt: skip

# task -> (program, the confusion that the check must name, the named program that it must be explained by)
WRONG = {
    "online_attention": [
        (online_like(only(total=forgets_to_fade, output=forgets_to_fade)), None, "sums_do_not_fade"),
        (online_like(only(output=forgets_to_fade)), None, "mix_does_not_fade"),
        (online_like(only(total=forgets_to_fade)), None, "total_does_not_fade"),
        (online_like(only(maximum=lambda right, top, old: top)), None, "maximum_falls"),
        (online_like(only(maximum=lambda right, top, old: top, total=forgets_to_fade, output=forgets_to_fade)), None,
         "maximum_of_each_block"),
        (online_like(only(maximum=lambda right, top, old: np.maximum(right, 0))), None, "maximum_starts_at_0"),
        (online_like(only(result=lambda right, output: output)), None, "not_divided"),
        (no_maximum, None, "no_maximum"),
        (full_blocks_only, None, "rest_left_out"),
        (lambda *arguments: sum(outputs_of_blocks(*arguments)), None, "sum_of_blocks"),
        (lambda *arguments: np.mean(outputs_of_blocks(*arguments), axis=0), None, "mean_of_blocks"),
        (lambda *arguments: outputs_of_blocks(*arguments)[-1], None, "last_block_only"),
        (lambda query, key, value, block_size: online(query * np.sqrt(query.shape[-1]), key, value, block_size), "M02",
         "no_scale"),
        (lambda query, key, value, block_size: online(query / np.sqrt(query.shape[-1]), key, value, block_size), "M03",
         "over_d_k"),
        (lambda query, key, value, block_size: attend(query, key, value), None, "all_scores_at_once"),
        (plain_array_of_all_scores, None, "all_scores_at_once"),
        (keeps_all_scores_in_a_list, None, "all_scores_at_once"),
        (whole_row_for_each_query, None, "whole_rows_at_once"),
    ],
    "sliding_window_mask": [
        (window_where(lambda i, j, w, n: abs(i - j) > w), "M15", "turned_round"),
        (window_where(lambda i, j, w, n: abs(i - j) < w), None, "one_too_narrow"),
        (window_where(lambda i, j, w, n: abs(i - j) < w + 2), None, "one_too_wide"),
        (window_where(lambda i, j, w, n: j in range(i - w, i + w)), None, "last_key_left_out"),
        (window_where(lambda i, j, w, n: i - j <= w), None, "no_bound_to_the_right"),
        (window_where(lambda i, j, w, n: 0 <= i - j <= w), None, "past_only"),
        (window_where(lambda i, j, w, n: 0 < abs(i - j) <= w), None, "not_itself"),
        (window_where(lambda i, j, w, n: min((i - j) % n, (j - i) % n) <= w), None, "round_the_end"),
        (lambda seq_len, window: np.tri(seq_len, dtype=bool), None, "causal_mask"),
        (lambda seq_len, window: np.log(np.array(window_by_loops(seq_len, window), dtype=float)), None,
         "added_numbers"),
    ],
    "decode_step": [
        (decode_like(growing=lambda query, key, value, cache, grown: cache), "M27", "cache_as_before"),
        (decode_like(growing=lambda query, key, value, cache, grown: (key, value)), "M27", "only_the_newest_cached"),
        (keeps_queries, "M27", "queries_cached"),
        (first_attends_then_grows, None, "new_token_left_out"),
        (decode_like(lambda query, keys, values: values[..., -1:, :]), None, "only_itself"),
        (decode_like(lambda query, keys, values: values[..., :1, :]), None, "causal_mask_without_offset"),
        (decode_like(lambda query, keys, values: attend(keys, keys, values)[..., -1:, :]), "M07", "key_asks"),
        (decode_like(lambda query, keys, values: soft(query @ np.swapaxes(keys, -1, -2)) @ values), "M02", "no_scale"),
        (decode_like(lambda query, keys, values: scaled(query, keys) @ values), "M01", "no_softmax"),
        (decode_like(lambda query, keys, values: no_maximum(query, keys, values, 3)), None, "no_maximum"),
        (newest_first, None, "newest_in_front"),
        (decode_like(whole_table), "M27", "every_query_again"),
    ],
    "softmax_backward": [
        (lambda w, g: w * g, None, "no_row_sum"),
        (lambda w, g: np.einsum("...k,...k->...k", w - w**2, g), None, "diagonal_only"),
        (backward_with(lambda w, g: np.sum(w * g, axis=-2, keepdims=True)), "M06", "summed_over_the_queries"),
        (backward_with(lambda w, g: np.sum(w * g)), "M06", "summed_over_everything"),
        (backward_with(lambda w, g: np.sum(w * g, axis=-1)), None, "no_keepdims"),
        (backward_with(lambda w, g: np.mean(g, axis=-1, keepdims=True)), None, "plain_mean"),
        (backward_with(lambda w, g: np.sum(w * g, axis=-1, keepdims=True), lambda w: 1), None, "weights_not_in_front"),
        (backward_with(lambda w, g: np.sum(w * g, axis=-1, keepdims=True), lambda w: -w), None, "other_sign"),
        (lambda w, g: backward_by_jacobian(soft(w), g), "M01", "softmax_again"),
    ],
    "attention_entropy": [
        (lambda weights: -np.sum(weights * np.log(weights), axis=-1), None, "zero_gives_nan"),
        (lambda weights: -np.nansum(weights * np.log2(weights), axis=-1), None, "in_bits"),
        (lambda weights: np.nansum(weights * np.log(weights), axis=-1), None, "no_minus"),
        (lambda weights: -np.nansum(weights * np.log(weights), axis=-2), "M06", "over_the_queries"),
        (lambda weights: -np.nansum(weights * np.log(weights)), "M06", "over_everything"),
        (lambda weights: -np.nanmean(weights * np.log(weights), axis=-1), None, "mean_for_sum"),
        (lambda weights: np.exp(entropy_by_masked_logarithm(weights)), None, "number_of_keys"),
        (lambda weights: entropy_by_masked_logarithm(weights) / math.log(weights.shape[-1]), None,
         "as_part_of_the_largest"),
        (lambda weights: 1 - np.einsum("...k,...k->...", weights, weights), None, "one_minus_squares"),
    ],
    "mean_attention_distance": [
        (distance_with(lambda i, j: i - j), None, "signed"),
        (distance_with(lambda i, j: j - i), None, "signed_forward"),
        (distance_with(lambda i, j: (j - i) ** 2), None, "squared"),
        (distance_with(lambda i, j: np.clip(i - j, 0, None)), None, "past_only"),
        (distance_with(lambda i, j: np.abs(i - j), lambda weights: 1), None, "summed_over_the_queries"),
        (distance_with(lambda i, j: np.abs(i - j), lambda weights: math.prod(weights.shape[-2:])), None,
         "mean_of_all_pairs"),
        (distance_with(lambda i, j: np.abs(i - j), lambda weights: weights.shape[-2]), "M16", "empty_queries_count"),
        (distance_with(lambda i, j: np.abs(i - j), lambda weights: weights.sum(axis=(-2, -1))), "M16",
         "no_weights_give_nan"),
        (lambda weights: np.abs(np.arange(weights.shape[-2]) - np.argmax(weights, axis=-1)).mean(-1), "M11",
         "of_the_largest_weight"),
    ],
    "dropout": [
        (dropout_with(usual, lambda weights, rate: weights), None, "not_rescaled"),
        (dropout_with(usual, lambda weights, rate: weights / rate if rate else weights), None, "divided_by_rate"),
        (dropout_with(usual, lambda weights, rate: weights * (1 - rate)), None, "multiplied"),
        (dropout_with(lambda shape, rate, rng: rng.binomial(1, 1 - rate, shape), lambda weights, rate: weights), None,
         "not_rescaled"),
        (rows_back_to_one, "M24", "rows_renormalised"),
        (dropout_with(lambda shape, rate, rng: rng.binomial(1, rate, shape)), None, "rate_is_kept"),
        (dropout_with(lambda shape, rate, rng: rng.random((*shape[:-1], 1)) > rate), None, "whole_rows"),
        (dropout_with(lambda shape, rate, rng: rng.random((1, shape[-1])) > rate), None, "one_row_for_all"),
        (dropout_with(lambda shape, rate, rng: rng.random(shape[-2:]) > rate), None, "one_matrix_for_all"),
        (dropout_with(lambda shape, rate, rng: np.random.default_rng(42).random(shape) > rate), None, "own_generator"),
        (dropout_with(lambda shape, rate, rng: np.reshape([random.random() >= rate for _ in range(math.prod(shape))],
                                                          shape)), None, "other_randomness"),
        (dropout_with(fixed_count), None, "fixed_number"),
        (dropout_with(lambda shape, rate, rng: rng.standard_normal(shape) > rate), None, "normal_draws"),
    ],
    "repeat_kv": [
        (tiled, None, "in_turn"),
        (lambda x, n_repeats: np.concatenate([x for _ in range(n_repeats)], axis=-3), None, "in_turn"),
        (lambda x, n_repeats: np.repeat(x, n_repeats, axis=-2), None, "tokens_repeated"),
        (lambda x, n_repeats: np.repeat(x, n_repeats, axis=-1), None, "components_repeated"),
        (lambda x, n_repeats: np.repeat(x, n_repeats, axis=0), None, "axis_0_repeated"),
        (lambda x, n_repeats: np.concatenate([x] * n_repeats, axis=-2), None, "tokens_repeated_in_turn"),
        (lambda x, n_repeats: np.stack([x] * n_repeats, axis=-3), None, "axis_left_over"),
        (lambda x, n_repeats: np.stack([x] * n_repeats), None, "copies_in_front"),
        (lambda x, n_repeats: np.repeat(x, n_repeats, axis=-2).reshape(*x.shape[:-3], -1, *x.shape[-2:]), "M20",
         "reshaped"),
    ],
    "induction_score": [
        (induction_with(lambda i, period: i - period), None, "its_own_last_appearance"),
        (induction_with(lambda i, period: i - period + 2), None, "two_after"),
        (induction_with(lambda i, period: i - 1), None, "just_before"),
        (lambda weights, period: np.diagonal(weights, 1 - period, -2, -1).mean(-1), None, "whole_diagonal"),
        (induction_with(lambda i, period: i - period + 1, lambda period: 0), None, "all_queries_wrapped"),
        (induction_with(lambda i, period: i - period + 1, total=np.sum), None, "summed"),
        (induction_with(lambda i, period: i - period + 1, total=np.array), None, "for_each_query"),
        (induction_with(lambda i, period: i - period + 1, end=lambda n, period: min(n, 2 * period)), None,
         "second_block_only"),
        (lambda weights, period: induction_by_loops(np.swapaxes(weights, -1, -2), period), "M07", "keys_ask"),
        (lambda weights, period: np.mean(induction_by_loops(weights, period), axis=-1), None, "one_for_all_heads"),
    ],
    "previous_token_score": [
        (lambda weights: np.diagonal(weights, axis1=-2, axis2=-1).mean(-1), None, "itself"),
        (lambda weights: np.diagonal(weights, 1, -2, -1).mean(-1), "M07", "keys_ask"),
        (lambda weights: np.diagonal(weights, -1, -2, -1).sum(-1), None, "summed"),
        (lambda weights: np.diagonal(weights, -1, -2, -1).sum(-1) / weights.shape[-1], None, "divided_by_all"),
        (lambda weights: np.diagonal(weights, -1, -2, -1).max(-1), None, "largest"),
        (lambda weights: np.diagonal(weights, -1, -2, -1), None, "for_each_query"),
        (lambda weights: np.diagonal(np.roll(weights, 1, axis=-1), axis1=-2, axis2=-1).mean(-1), None, "wrapped"),
        (lambda weights: np.tril(weights, -1).sum(axis=(-2, -1)) / (weights.shape[-1] - 1), None, "whole_past"),
        (lambda weights: previous_by_trace(weights).mean(axis=-1), None, "one_for_all_heads"),
    ],
}  # fmt: skip
