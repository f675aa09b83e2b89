"""Programs as learners write them for exercises 05 to 07: right ones in several styles, and wrong ones.

As in programs_of_learners, they are written apart from the named wrong programs of course_lib.checks.
"""

import math

import numpy as np

# Steps that learners bring from earlier exercises


def soft(scores):
    exponentials = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return exponentials / np.sum(exponentials, axis=-1, keepdims=True)


def scores_of(query, key):
    return query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])


def attend(query, key, value):
    return soft(scores_of(query, key)) @ value


def split(x, n_heads):
    return np.swapaxes(x.reshape(*x.shape[:-1], n_heads, -1), -2, -3)


def merge(x):
    x = np.swapaxes(x, -2, -3)
    return x.reshape(*x.shape[:-2], -1)


# Right: self-attention


def self_attention_by_einsum(x, w_query, w_key, w_value):
    query = np.einsum("...td,dk->...tk", x, w_query)
    key = np.einsum("...td,dk->...tk", x, w_key)
    value = np.einsum("...td,dv->...tv", x, w_value)
    weights = soft(np.einsum("...qk,...mk->...qm", query, key) / math.sqrt(w_key.shape[1]))
    return np.einsum("...qm,...mv->...qv", weights, value)


def self_attention_by_loops(x, w_query, w_key, w_value):
    if x.ndim > 2:
        return np.array([self_attention_by_loops(part, w_query, w_key, w_value) for part in x])
    output = []
    for token in x:
        scores = [float((token @ w_query) @ (other @ w_key)) / math.sqrt(w_query.shape[1]) for other in x]
        shares = [math.exp(score - max(scores)) for score in scores]
        output.append(sum(share * (other @ w_value) for share, other in zip(shares, x, strict=True)) / sum(shares))
    return output


def self_attention_in_one_projection(x, w_query, w_key, w_value):
    width = w_query.shape[1]
    projected = x @ np.concatenate([w_query, w_key, w_value], axis=1)
    query, key, value = np.split(projected, [width, 2 * width], axis=-1)
    return attend(query, key, value)


def self_attention_with_one_matrix(x, w_query, w_key, w_value):
    """The scores as x M x^T, and the values projected last."""
    merged = w_query @ w_key.T / math.sqrt(w_query.shape[-1])
    return soft(x @ merged @ x.swapaxes(-1, -2)) @ x @ w_value


def self_attention_in_float32(x, w_query, w_key, w_value):
    x, w_query, w_key, w_value = (array.astype(np.float32) for array in (x, w_query, w_key, w_value))
    return attend(x @ w_query, x @ w_key, x @ w_value)


# Right: masks


def causal_by_comparison(seq_len):
    positions = np.arange(seq_len)
    return positions[:, None] >= positions


def causal_by_loops(seq_len):
    mask = np.zeros((seq_len, seq_len), dtype=bool)
    for i in range(seq_len):
        mask[i, : i + 1] = True
    return mask


def padding_by_loops(lengths, n_keys):
    return [[place < length for place in range(n_keys)] for length in lengths]


def padding_on_zeros(lengths, n_keys):
    mask = np.zeros((len(lengths), n_keys), dtype=bool)
    for row, length in enumerate(lengths):
        mask[row, :length] = True
    return mask


def masked_by_where(query, key, value, mask):
    scores = np.where(mask, scores_of(query, key), -np.inf)
    largest = scores.max(axis=-1, keepdims=True)
    exponentials = np.exp(scores - np.where(np.isinf(largest), 0, largest))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total) @ value


def masked_in_place_on_a_copy(query, key, value, mask):
    scores = scores_of(query, key)
    allowed = np.broadcast_to(mask, scores.shape)
    scores[~allowed] = -np.inf
    largest = np.maximum(scores.max(axis=-1, keepdims=True), -1e30)
    scores -= largest
    np.exp(scores, out=scores)
    scores /= np.maximum(scores.sum(axis=-1, keepdims=True), 1e-30)
    return scores @ value


def masked_and_zeroed(query, key, value, mask):
    """A very low number, and the weights of blocked keys set to 0 afterwards."""
    return (soft(np.where(mask, scores_of(query, key), -1e9)) * mask) @ value


def masked_to_numbers(query, key, value, mask):
    with np.errstate(all="ignore"):
        return np.nan_to_num(soft(np.where(mask, scores_of(query, key), -np.inf))) @ value


def masked_by_loops(query, key, value, mask):
    if query.ndim > 2:
        masks = np.broadcast_to(mask, (*query.shape[:-1], key.shape[-2]))
        return np.array([masked_by_loops(*parts) for parts in zip(query, key, value, masks, strict=True)])
    output = np.zeros((len(query), value.shape[1]))
    for i in range(len(query)):
        places = [j for j in range(len(key)) if mask[i, j]]
        scores = [float(query[i] @ key[j]) / math.sqrt(len(query[i])) for j in places]
        shares = [math.exp(score - max(scores)) for score in scores]
        for share, j in zip(shares, places, strict=True):
            output[i] += share / sum(shares) * value[j]
    return output


def masked_in_float32(query, key, value, mask):
    return masked_and_zeroed(*(array.astype(np.float32) for array in (query, key, value)), mask)


# Right: heads


def split_by_loops(x, n_heads):
    width = x.shape[-1] // n_heads
    return np.stack([x[..., head * width : (head + 1) * width] for head in range(n_heads)], axis=-3)


def split_by_einsum(x, n_heads):
    return np.einsum("...thk->...htk", x.reshape(*x.shape[:-1], n_heads, -1))


def split_transposed_first(x, n_heads):
    """Cut the rows of the transpose, and turn each head back."""
    turned = np.swapaxes(x, -1, -2)
    return np.swapaxes(turned.reshape(*x.shape[:-2], n_heads, -1, x.shape[-2]), -1, -2)


def merge_by_loops(x):
    return np.concatenate([x[..., head, :, :] for head in range(x.shape[-3])], axis=-1)


def merge_by_moving(x):
    moved = np.moveaxis(x, -3, -2)
    return moved.reshape(*moved.shape[:-2], moved.shape[-2] * moved.shape[-1])


def heads_by_loops(x, w_query, w_key, w_value, w_output, n_heads):
    width, width_v = w_query.shape[1] // n_heads, w_value.shape[1] // n_heads
    outputs = []
    for head in range(n_heads):
        own, own_v = slice(head * width, (head + 1) * width), slice(head * width_v, (head + 1) * width_v)
        outputs.append(attend(x @ w_query[:, own], x @ w_key[:, own], x @ w_value[:, own_v]))
    return np.concatenate(outputs, axis=-1) @ w_output


def heads_summed_after_their_rows(x, w_query, w_key, w_value, w_output, n_heads):
    """Each head times its own rows of w_output, added up."""
    heads = attend(split(x @ w_query, n_heads), split(x @ w_key, n_heads), split(x @ w_value, n_heads))
    rows = w_output.reshape(n_heads, -1, w_output.shape[1])
    return (heads @ rows).sum(axis=-3)


def heads_by_einsum(x, w_query, w_key, w_value, w_output, n_heads):
    query, key, value = (
        np.einsum("...td,dhk->...thk", x, weight.reshape(len(weight), n_heads, -1))
        for weight in (w_query, w_key, w_value)
    )
    weights = soft(np.einsum("...qhk,...mhk->...hqm", query, key) / math.sqrt(query.shape[-1]))
    found = np.einsum("...hqm,...mhv->...qhv", weights, value)
    return found.reshape(*found.shape[:-2], -1) @ w_output


def heads_in_float32(x, w_query, w_key, w_value, w_output, n_heads):
    x, w_query, w_key, w_value = (array.astype(np.float32) for array in (x, w_query, w_key, w_value))
    heads = attend(split(x @ w_query, n_heads), split(x @ w_key, n_heads), split(x @ w_value, n_heads))
    return (merge(heads) @ w_output.astype(np.float32)).tolist()


CORRECT = {
    "self_attention": [
        self_attention_by_einsum, self_attention_by_loops, self_attention_in_one_projection,
        self_attention_with_one_matrix, self_attention_in_float32,
    ],
    "causal_mask": [
        lambda seq_len: np.tri(seq_len, dtype=bool),
        lambda seq_len: np.tril(np.ones((seq_len, seq_len))).astype(bool),
        lambda seq_len: ~np.triu(np.ones((seq_len, seq_len), dtype=bool), k=1),
        lambda seq_len: [[key <= query for key in range(seq_len)] for query in range(seq_len)],
        causal_by_comparison, causal_by_loops,
    ],
    "padding_mask": [
        lambda lengths, n_keys: np.arange(n_keys) < lengths[:, None],
        lambda lengths, n_keys: np.less.outer(np.arange(n_keys), lengths).T,
        lambda lengths, n_keys: ~(np.arange(n_keys) >= np.reshape(lengths, (-1, 1))),
        padding_by_loops, padding_on_zeros,
    ],
    "masked_attention": [
        masked_by_where, masked_in_place_on_a_copy, masked_and_zeroed, masked_to_numbers, masked_by_loops,
        masked_in_float32,
    ],
    "bug_hunt_mask": [
        lambda query, key, mask: soft(np.where(mask, scores_of(query, key), -1e9)) * mask,
        lambda query, key, mask: np.nan_to_num(soft(np.where(mask, scores_of(query, key), -np.inf))),
        lambda query, key, mask: masked_by_where(query, key, np.eye(key.shape[-2]), mask),
        lambda query, key, mask: np.where(mask, soft(np.where(mask, scores_of(query, key), -1e30)), 0),
    ],
    "split_heads": [
        split, split_by_loops, split_by_einsum, split_transposed_first,
        lambda x, n_heads: np.moveaxis(x.reshape(*x.shape[:-1], n_heads, -1), -2, -3).astype(np.float32),
        lambda x, n_heads: split(x, n_heads).tolist(),
    ],
    "merge_heads": [
        merge, merge_by_loops, merge_by_moving,
        lambda x: np.einsum("...htk->...thk", x).reshape(*x.shape[:-3], x.shape[-2], -1),
        lambda x: merge(x.astype(np.float32)).tolist(),
    ],
    "multi_head_attention": [
        heads_by_loops, heads_summed_after_their_rows, heads_by_einsum, heads_in_float32,
    ],
    "bug_hunt_heads": [
        lambda query, key, value, n_heads: merge(
            attend(split(query, n_heads), split(key, n_heads), split(value, n_heads))
        ),
        lambda query, key, value, n_heads: merge_by_loops(
            attend(split_by_loops(query, n_heads), split_by_loops(key, n_heads), split_by_loops(value, n_heads))
        ),
        lambda query, key, value, n_heads: np.concatenate(
            [
                attend(*parts)
                for parts in zip(*(np.split(part, n_heads, axis=-1) for part in (query, key, value)), strict=True)
            ],
            axis=-1,
        ),
        lambda query, key, value, n_heads: merge_by_moving(
            attend(*(split(part.astype(np.float32), n_heads) for part in (query, key, value)))
        ),
    ],
}  # fmt: skip


# Wrong, as learners write it


def padded_by_the_longest(lengths, n_keys):
    mask = np.zeros((len(lengths), n_keys), dtype=bool)
    mask[:, : max(lengths)] = True
    return mask


def first_sequence_only(lengths, n_keys):
    return [place < lengths[0] for place in range(n_keys)]


def masked_with(blocked):
    return lambda query, key, value, mask: soft(np.where(mask, scores_of(query, key), blocked)) @ value


def masked_after(query, key, value, mask):
    weights = soft(scores_of(query, key))
    weights = np.where(mask, weights, 0)
    return weights @ value


def masked_after_and_shared_out(query, key, value, mask):
    weights = soft(scores_of(query, key)) * mask
    return weights / weights.sum(-1, keepdims=True) @ value


def masked_in_the_exponentials(query, key, value, mask):
    scores = scores_of(query, key)
    exponentials = np.exp(scores - scores.max(-1, keepdims=True)) * mask
    total = exponentials.sum(-1, keepdims=True)
    total[total == 0] = 1
    return exponentials / total @ value


def masked_the_torch_way(query, key, value, mask):
    """As masked_fill(mask == 1, ...) reads: True means blocked."""
    scores = scores_of(query, key)
    scores = np.where(mask == 1, -1e9, scores)
    return soft(scores) @ value


def masked_without_maximum(query, key, value, mask):
    exponentials = np.exp(scores_of(query, key)) * mask
    return exponentials / exponentials.sum(-1, keepdims=True) @ value


def causal_whatever_the_mask(query, key, value, mask):
    n_queries, n_keys = query.shape[-2], key.shape[-2]
    scores = np.where(np.tril(np.ones((n_queries, n_keys))) == 1, scores_of(query, key), -np.inf)
    return soft(scores) @ value


def heads_of(split, merge, attend=attend):
    def program(x, w_query, w_key, w_value, w_output, n_heads):
        return (
            merge(attend(split(x @ w_query, n_heads), split(x @ w_key, n_heads), split(x @ w_value, n_heads)))
            @ w_output
        )

    return program


def at_once(x, n_heads):
    return x.reshape(*x.shape[:-2], n_heads, x.shape[-2], x.shape[-1] // n_heads)


def join_at_once(x):
    return x.reshape(*x.shape[:-3], x.shape[-2], -1)


def scaled_by(size):
    def attend_by(query, key, value):
        return soft(query @ key.swapaxes(-1, -2) / math.sqrt(size(query, key, value))) @ value

    return attend_by


def over_root_of_d_model(x, w_query, w_key, w_value, w_output, n_heads):
    return heads_of(split, merge, scaled_by(lambda *_: x.shape[-1]))(x, w_query, w_key, w_value, w_output, n_heads)


def one_wide_head(x, w_query, w_key, w_value, w_output, n_heads):
    return attend(x @ w_query, x @ w_key, x @ w_value) @ w_output


def slices_of_x(x, w_query, w_key, w_value, w_output, n_heads):
    outputs = []
    for head, part in enumerate(np.split(x, n_heads, axis=-1)):
        rows = slice(head * part.shape[-1], (head + 1) * part.shape[-1])
        query, key, value = (
            part @ np.split(weight[rows], n_heads, axis=1)[head] for weight in (w_query, w_key, w_value)
        )
        outputs.append(attend(query, key, value))
    return np.concatenate(outputs, axis=-1) @ w_output


def in_heads(split, merge, attend=attend):
    return lambda query, key, value, n_heads: merge(attend(*(split(part, n_heads) for part in (query, key, value))))


# task -> (program, the confusion that the check must name, the named program that it must be explained by)
WRONG = {
    "self_attention": [
        (lambda x, w_query, w_key, w_value: attend(x @ w_query, x @ w_query, x @ w_value), "M10", "w_query_for_keys"),
        (lambda x, w_query, w_key, w_value: attend(x, x, x), "M10", "no_projections"),
        (lambda x, w_query, w_key, w_value: attend(x @ w_query, x @ w_key, x), None, "values_not_projected"),
        (lambda x, w_query, w_key, w_value: soft(x @ w_query @ (x @ w_key).swapaxes(-1, -2)) @ x @ w_value, "M02",
         "no_scale"),
        (lambda x, w_query, w_key, w_value: scaled_by(lambda *_: x.shape[-1])(x @ w_query, x @ w_key, x @ w_value),
         "M03", "over_sqrt_d_model"),
        (lambda x, w_query, w_key, w_value: scaled_by(lambda *_: x.shape[-2])(x @ w_query, x @ w_key, x @ w_value),
         "M03", "over_sqrt_n_keys"),
        (lambda x, w_query, w_key, w_value: attend(x @ w_key, x @ w_query, x @ w_value), "M07", "keys_times_queries"),
        (lambda x, w_query, w_key, w_value: scores_of(x @ w_query, x @ w_key) @ x @ w_value, "M01", "no_softmax"),
        (lambda x, w_query, w_key, w_value: soft(scores_of(x @ w_query, x @ w_key)), "M01", "weights_returned"),
        (lambda x, w_query, w_key, w_value: attend(w_query @ x, w_key @ x, w_value @ x), None,
         "projections_on_the_left"),
        (lambda x, w_query, w_key, w_value: attend(x @ w_query.T, x @ w_key.T, x @ w_value.T), None,
         "projections_transposed"),
        (lambda x, w_query, w_key, w_value: soft(x @ w_query @ (x @ w_key).T / math.sqrt(w_key.shape[1])) @ x @ w_value,
         None, "all_axes_turned"),
        (lambda x, w_query, w_key, w_value: attend(x @ w_query, x @ w_key, x @ w_key), None, "keys_for_values"),
    ],
    "causal_mask": [
        (lambda seq_len: np.triu(np.ones((seq_len, seq_len), dtype=bool), k=1), "M15", "true_means_blocked"),
        (lambda seq_len: np.triu(np.ones((seq_len, seq_len), dtype=bool)), None, "future_for_past"),
        (lambda seq_len: np.arange(seq_len)[:, None] > np.arange(seq_len), None, "not_itself"),
        (lambda seq_len: np.tril(np.ones((seq_len, seq_len)), k=1) == 1, None, "one_ahead"),
        (lambda seq_len: np.tril(np.ones((seq_len, seq_len))), None, "ones_and_zeros"),
        (lambda seq_len: np.triu(np.ones((seq_len, seq_len)), k=1), "M15", "ones_mean_blocked"),
        (lambda seq_len: np.triu(np.full((seq_len, seq_len), -np.inf), k=1), None, "added_to_the_scores"),
        (lambda seq_len: np.eye(seq_len) == 1, None, "only_itself"),
    ],
    "padding_mask": [
        (lambda lengths, n_keys: np.arange(n_keys) >= lengths[:, None], "M15", "true_means_padding"),
        (lambda lengths, n_keys: np.arange(n_keys) <= lengths[:, None], None, "one_too_many"),
        (lambda lengths, n_keys: np.arange(1, n_keys + 1) < lengths[:, None], None, "one_too_few"),
        (lambda lengths, n_keys: np.arange(n_keys)[:, None] < lengths, None, "transposed"),
        (lambda lengths, n_keys: (np.arange(n_keys) < lengths[:, None])[:, None, :], None, "axis_for_queries_added"),
        (lambda lengths, n_keys: (np.arange(n_keys) < lengths[:, None])[..., None], "M18", "on_the_query_axis"),
        (lambda lengths, n_keys: (np.arange(n_keys) < lengths[:, None]) * 1, None, "ones_and_zeros"),
        (lambda lengths, n_keys: np.tril(np.ones((len(lengths), n_keys), dtype=bool)), "M18", "causal_mask"),
        (padded_by_the_longest, None, "one_length_for_all"),
        (lambda lengths, n_keys: np.arange(n_keys)[::-1] < lengths[:, None], None, "padding_in_front"),
        (first_sequence_only, None, None),
    ],
    "masked_attention": [
        (masked_the_torch_way, "M15", "true_means_blocked"),
        (lambda query, key, value, mask: soft(np.where(~mask, scores_of(query, key), -np.inf)) @ value, "M15",
         "true_means_blocked"),
        (lambda query, key, value, mask: soft(scores_of(query, key) * mask) @ value, "M12", "scores_times_mask"),
        (masked_with(0), "M12", "scores_times_mask"),
        (masked_with(-1e-9), "M12", "scores_times_mask"),
        (masked_after, "M13", "mask_after_softmax"),
        (lambda query, key, value, mask: attend(query, key, value), None, "mask_ignored"),
        (lambda query, key, value, mask: soft(scores_of(query, key) + (1 - mask) * -1e-9) @ value, None,
         "mask_ignored"),
        (masked_with(-50), "M14", "constant_too_small"),
        (masked_with(-1000), "M14", "constant_too_small"),
        (masked_with(-1e9), "M16", "large_constant"),
        (masked_with(-1e10), "M16", "large_constant"),
        (masked_with(np.finfo(np.float32).min), "M16", "large_constant"),
        (lambda query, key, value, mask: soft(scores_of(query, key) + (1 - mask) * -1e9) @ value, "M16",
         "large_constant_added"),
        (masked_with(-np.inf), "M16", "blocked_row_is_nan"),
        (lambda query, key, value, mask: soft(scores_of(query, key) + (1 - mask) * -np.inf) @ value, None,
         "zero_times_infinity"),
        (lambda query, key, value, mask: soft(scores_of(query, key) + mask) @ value, None, "mask_added"),
        (lambda query, key, value, mask: soft(np.where(mask.T, scores_of(query, key), -np.inf)) @ value, None,
         "mask_transposed_to_nan"),
        (masked_after_and_shared_out, None, "maximum_over_blocked_keys_to_nan"),
        (masked_in_the_exponentials, None, "maximum_over_blocked_keys"),
        (masked_without_maximum, None, "no_maximum"),
        (causal_whatever_the_mask, "M18", "causal_mask_instead"),
        (lambda query, key, value, mask: soft(np.where(mask, query @ key.swapaxes(-1, -2), -np.inf)) @ value, "M02",
         "no_scale"),
        (lambda query, key, value, mask: soft(np.where(mask, scores_of(query, key), -1e9)), "M01", "weights_returned"),
    ],
    "bug_hunt_mask": [
        (lambda query, key, mask: soft(scores_of(query, key) * mask), "M12", "scores_times_mask"),
        (lambda query, key, mask: soft(np.where(mask, scores_of(query, key), 0)), "M12", "scores_times_mask"),
        (lambda query, key, mask: soft(scores_of(query, key)) * mask, "M13", "mask_after_softmax"),
        (lambda query, key, mask: soft(np.where(mask, -np.inf, scores_of(query, key))), "M15", "true_means_blocked"),
        (lambda query, key, mask: soft(np.where(mask, scores_of(query, key), -1e9)), "M16", "large_constant"),
        (lambda query, key, mask: soft(np.where(mask, scores_of(query, key), -np.inf)), "M16", "blocked_row_is_nan"),
        (lambda query, key, mask: soft(scores_of(query, key)), None, "mask_ignored"),
        (lambda query, key, mask: soft(np.where(mask, scores_of(query, key), -100)), "M14", "constant_too_small"),
    ],
    "split_heads": [
        (at_once, "M20", "split_at_once"),
        (lambda x, n_heads: x.reshape(*x.shape[:-1], n_heads, -1), "M20", "axes_not_swapped"),
        (lambda x, n_heads: x.reshape(*x.shape[:-1], -1, n_heads).swapaxes(-1, -2).swapaxes(-2, -3), None, "dealt_out"),
        (lambda x, n_heads: x.reshape(*x.shape[:-1], -1, n_heads).swapaxes(-2, -3), None, "n_heads_taken_for_d_k"),
        (lambda x, n_heads: x.reshape(*x.shape[:-1], n_heads, -1).swapaxes(0, 1), None, "axes_counted_from_the_front"),
        (lambda x, n_heads: x.reshape(len(x), n_heads, -1).transpose(1, 0, 2) if x.ndim == 2
         else x.reshape(-1, n_heads, x.shape[-1] // n_heads).transpose(1, 0, 2), None, "leading_axes_merged"),
        (lambda x, n_heads: x.reshape(*x.shape[:-1], n_heads, -1).T, None, "all_axes_turned"),
        (lambda x, n_heads: np.swapaxes(split(x, n_heads), -1, -2), None, "each_head_transposed"),
        (lambda x, n_heads: np.array(np.split(x, n_heads, axis=-2)), None, "tokens_shared_out"),
    ],
    "merge_heads": [
        (join_at_once, "M20", "merged_at_once"),
        (lambda x: np.swapaxes(x, -2, -3), None, "not_merged"),
        (lambda x: np.concatenate(list(np.moveaxis(x, -3, 0)), axis=-2), None, "heads_stacked"),
        (lambda x: np.sum(x, axis=-3), "M21", "heads_added"),
        (lambda x: np.mean(x, axis=-3), "M21", "heads_averaged"),
        (lambda x: np.moveaxis(x, -3, -1).reshape(*x.shape[:-3], x.shape[-2], -1), None, "components_mixed"),
        (lambda x: x.swapaxes(-1, -2).reshape(*x.shape[:-3], x.shape[-2], -1), "M20", "tokens_and_components_swapped"),
        (lambda x: x.swapaxes(-2, -3).reshape(-1, x.shape[-3] * x.shape[-1]), None, "leading_axes_merged"),
        (lambda x: x[..., 0, :, :], None, "first_head_only"),
    ],
    "multi_head_attention": [
        (heads_of(at_once, merge), "M20", "split_at_once"),
        (heads_of(split, join_at_once), "M20", "merged_at_once"),
        (heads_of(at_once, join_at_once), "M20", "split_and_merged_at_once"),
        (lambda x, w_query, w_key, w_value, w_output, n_heads: merge(
            attend(split(x @ w_query, n_heads), split(x @ w_key, n_heads), split(x @ w_value, n_heads))
         ), "M21", "no_output_map"),
        (heads_of(split, merge, scaled_by(lambda *_: 1)), "M02", "no_scale"),
        (heads_of(split, merge, scaled_by(lambda query, *_: query.shape[-3])), "M03", "over_sqrt_n_heads"),
        (heads_of(split, merge, scaled_by(lambda query, *_: query.shape[-3] * query.shape[-1])), "M03",
         "over_sqrt_of_all_heads"),
        (over_root_of_d_model, "M03", "over_sqrt_d_model"),
        (one_wide_head, None, "not_split"),
        (slices_of_x, "M19", "slice_of_the_embedding"),
        (heads_of(split, merge, lambda query, key, value: np.exp(scores_of(query, key))
                  / np.exp(scores_of(query, key)).sum(axis=0) @ value), "M06", "softmax_over_the_heads"),
        (heads_of(split, merge, lambda query, key, value: attend(key, query, value)), "M07", "keys_times_queries"),
        (lambda x, w_query, w_key, w_value, w_output, n_heads: heads_of(split, merge)(
            x, w_query, w_query, w_value, w_output, n_heads
         ), "M10", "w_query_for_keys"),
    ],
    "bug_hunt_heads": [
        (in_heads(split, join_at_once), "M20", "merged_at_once"),
        (in_heads(at_once, merge), "M20", "split_at_once"),
        (in_heads(at_once, join_at_once), "M20", "split_and_merged_at_once"),
        (in_heads(split, lambda x: x.swapaxes(-1, -2).reshape(*x.shape[:-3], x.shape[-2], -1)), "M20",
         "components_swapped_before_merging"),
        (in_heads(split, lambda x: np.moveaxis(x, -3, -1).reshape(*x.shape[:-3], x.shape[-2], -1)), None,
         "merged_in_turn"),
        (in_heads(split, merge, scaled_by(lambda *_: 1)), "M02", "no_scale"),
        (in_heads(split, lambda x: x.sum(-3)), "M21", "heads_added"),
        (lambda query, key, value, n_heads: attend(query, key, value), None, "not_split"),
    ],
}  # fmt: skip
