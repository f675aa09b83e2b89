"""Programs as learners write them: right ones in several styles, and wrong ones with the confusion behind them.

They are written apart from the named wrong programs of course_lib.checks, so that the tests do not compare a program
with itself.
"""

import math

import numpy as np

# Right, in other styles


def over_matrices(function):
    """Apply a function of plain matrices to each matrix of a batch, as a learner's loop does."""

    def batched(*arrays):
        if arrays[0].ndim == 2:
            return np.array(function(*arrays))
        return np.array([batched(*parts) for parts in zip(*arrays, strict=True)])

    return batched


def project_loops(x, weight):
    if x.ndim > 2:
        return np.array([project_loops(part, weight) for part in x])
    return [[sum(token[i] * weight[i, j] for i in range(len(token))) for j in range(weight.shape[1])] for token in x]


def softmax_row_by_row(scores):
    if scores.ndim == 1:
        exponentials = [math.exp(score - max(scores)) for score in scores]
        return [value / sum(exponentials) for value in exponentials]
    return [softmax_row_by_row(row) for row in scores]


def softmax_on_a_copy(scores):
    weights = scores.copy()
    weights -= weights.max(-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(-1, keepdims=True)
    return weights


def softmax_in_float32(scores):
    scores = scores.astype(np.float32)
    exponentials = np.exp(scores - scores.max(axis=-1)[..., None])
    return exponentials / exponentials.sum(axis=-1)[..., None]


def softmax_by_logarithms(scores):
    return np.exp(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True))


def softmax_transposed_inside(scores):
    turned = np.moveaxis(scores, -1, 0)
    exponentials = np.exp(turned - turned.max(axis=0))
    return np.moveaxis(exponentials / exponentials.sum(axis=0), 0, -1)


def attention_by_einsum(query, key, value):
    scores = np.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5
    return np.einsum("...qk,...kv->...qv", softmax_on_a_copy(scores), value)


def attention_scaled_first(query, key, value):
    return softmax_row_by_row_array((query / math.sqrt(key.shape[-1])) @ np.swapaxes(key, -2, -1)) @ value


def softmax_row_by_row_array(scores):
    return np.array(softmax_row_by_row(scores))


@over_matrices
def attention_loops(query, key, value):
    output = np.zeros((len(query), value.shape[1]))
    for i, q in enumerate(query):
        scores = [float(q @ k) / math.sqrt(len(q)) for k in key]
        weights = softmax_row_by_row(np.array(scores))
        for weight, v in zip(weights, value, strict=True):
            output[i] += weight * v
    return output


def attention_other_order(query, key, value):
    """Keys on the left inside, turned back at the end; the division by the sum comes last."""
    scores = key @ query.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    exponentials = np.exp(scores - scores.max(axis=-2, keepdims=True))
    summed = exponentials.swapaxes(-1, -2) @ value
    return summed / exponentials.sum(axis=-2)[..., None]


def attention_as_a_list(query, key, value):
    return attention_by_einsum(query, key, value).tolist()


def attention_in_float32(query, key, value):
    return attention_by_einsum(*(array.astype(np.float32) for array in (query, key, value)))


CORRECT = {
    "project": [
        lambda x, weight: x @ weight,
        lambda x, weight: np.einsum("...i,ij->...j", x, weight),
        lambda x, weight: (weight.T @ x.swapaxes(-1, -2)).swapaxes(-1, -2),
        lambda x, weight: x.astype(np.float32) @ weight.astype(np.float32),
        lambda x, weight: np.dot(x, weight).tolist(),
        project_loops,
    ],
    "dot_product_scores": [
        lambda query, key: query @ key.swapaxes(-1, -2),
        lambda query, key: np.einsum("...qd,...kd->...qk", query, key),
        lambda query, key: (key @ query.swapaxes(-1, -2)).swapaxes(-1, -2),
        lambda query, key: (query[..., :, None, :] * key[..., None, :, :]).sum(axis=-1),
        over_matrices(lambda query, key: [[float(np.dot(q, k)) for k in key] for q in query]),
        lambda query, key: np.inner(query, key) if query.ndim == 2 else np.einsum("...qd,...kd->...qk", query, key),
        lambda query, key: query.astype(np.float32) @ key.astype(np.float32).swapaxes(-1, -2),
    ],
    "scaled_scores": [
        lambda query, key: query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1]),
        lambda query, key: query @ np.moveaxis(key, -1, -2) * key.shape[-1] ** -0.5,
        lambda query, key: np.einsum("...qd,...kd->...qk", query / key.shape[-1] ** 0.25, key / key.shape[-1] ** 0.25),
        over_matrices(lambda query, key: [[q @ k / math.sqrt(len(q)) for k in key] for q in query]),
        lambda query, key: (query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])).astype(np.float32),
    ],
    "softmax": [
        softmax_row_by_row, softmax_on_a_copy, softmax_in_float32, softmax_by_logarithms, softmax_transposed_inside,
    ],
    "softmax_with_temperature": [
        lambda scores, temperature: softmax_on_a_copy(scores / temperature),
        lambda scores, temperature: softmax_by_logarithms(scores * (1 / temperature)),
        lambda scores, temperature: softmax_row_by_row(scores / np.float32(temperature)),
        lambda scores, temperature: softmax_on_a_copy((scores - scores.max(axis=-1, keepdims=True)) / temperature),
    ],
    "weighted_sum": [
        lambda weights, value: weights @ value,
        lambda weights, value: np.einsum("...qk,...kv->...qv", weights, value),
        lambda weights, value: (value.swapaxes(-1, -2) @ weights.swapaxes(-1, -2)).swapaxes(-1, -2),
        lambda weights, value: (weights[..., None] * value[..., None, :, :]).sum(axis=-2),
        over_matrices(lambda weights, value: [sum(w * v for w, v in zip(row, value, strict=True)) for row in weights]),
        lambda weights, value: (weights.astype(np.float32) @ value.astype(np.float32)).tolist(),
    ],
    "attention": [
        attention_by_einsum, attention_scaled_first, attention_loops, attention_other_order, attention_as_a_list,
        attention_in_float32,
    ],
    "bug_hunt_softmax": [
        lambda query, key: softmax_on_a_copy(query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])),
        lambda query, key: softmax_by_logarithms(np.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5),
        lambda query, key: softmax_row_by_row(query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])),
        lambda query, key: softmax_transposed_inside(query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])),
    ],
}  # fmt: skip


# Wrong, as learners write it


def naive(scores, axis=-1):
    exponentials = np.exp(scores)
    return exponentials / np.sum(exponentials, axis=axis, keepdims=True)


def softmax_no_keepdims(scores):
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return weights / np.sum(weights, axis=-1)


def softmax_whole(scores):
    return np.exp(scores) / np.exp(scores).sum()


def softmax_global_maximum(scores):
    exponentials = np.exp(scores - np.max(scores))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def softmax_log(scores):
    shifted = scores - scores.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def softmax_base_2(scores):
    powers = 2**scores
    return powers / powers.sum(-1, keepdims=True)


def softmax_one_row(scores):
    row = scores[0]
    exponentials = np.exp(row - row.max())
    return exponentials / exponentials.sum()


def matmul_t(query, key):
    return query @ np.swapaxes(key, -1, -2)


def cosine(query, key):
    return matmul_t(
        query / np.linalg.norm(query, axis=-1, keepdims=True), key / np.linalg.norm(key, axis=-1, keepdims=True)
    )


def attend(scores, value):
    return softmax_on_a_copy(np.array(scores, dtype=float)) @ value


def root(size):
    return math.sqrt(size)


# task -> (program, the confusion that the check must name, the named program that it must be explained by)
WRONG = {
    "project": [
        (lambda x, weight: x @ weight.T, None, "weight_transposed"),
        (lambda x, weight: weight @ x, None, "weight_first"),
        (lambda x, weight: np.dot(weight, x), None, "weight_first"),
        (lambda x, weight: (x @ weight).T, None, "result_transposed"),
        (lambda x, weight: np.multiply(x, weight), None, "elementwise"),
        (lambda x, weight: x + weight, None, "added"),
        (lambda x, weight: x[0] @ weight if x.ndim == 2 else x[..., 0, :] @ weight, None, "first_token_only"),
        (lambda x, weight: np.sum(x @ weight, axis=-2), None, "tokens_summed"),
        (lambda x, weight: np.sum(x @ weight, axis=-1), None, "components_summed"),
        (lambda x, weight: (x @ weight) / np.sqrt(((x @ weight) ** 2).sum(-1, keepdims=True)), None, "normalised"),
        (lambda x, weight: x @ weight / root(weight.shape[0]), None, "scaled"),
        (lambda x, weight: (x @ weight) @ weight, None, "applied_twice"),
        (lambda x, weight: x, None, "unchanged"),
        (lambda x, weight: np.clip(x @ weight, 0, None), None, "rectified"),
    ],
    "dot_product_scores": [
        (lambda query, key: matmul_t(key, query), "M07", "keys_times_queries"),
        (lambda query, key: key @ query.T, "M07", "keys_times_queries"),
        (lambda query, key: matmul_t(query, key) / np.sqrt(key.shape[-1]), None, "already_scaled"),
        (lambda query, key: matmul_t(query, key) / key.shape[-1], "M03", "mean_of_products"),
        (cosine, "M28", "cosine"),
        (lambda query, key: softmax_on_a_copy(matmul_t(query, key)), "M01", "already_softmaxed"),
        (lambda query, key: naive(matmul_t(query, key)), "M01", "already_softmaxed"),
        (lambda query, key: np.sum(query * key, axis=-1), None, "only_pairs"),
        (lambda query, key: query @ key, None, "not_transposed"),
        (lambda query, key: query @ key.T, None, "all_axes_turned"),
        (lambda query, key: -np.sqrt(((query[..., :, None, :] - key[..., None, :, :]) ** 2).sum(-1)), None, "distance"),
    ],
    "scaled_scores": [
        (matmul_t, "M02", "no_scale"),
        (lambda query, key: query @ key.T, "M02", "no_scale"),
        (lambda query, key: matmul_t(query, key) / query.shape[-1], "M03", "over_d_k"),
        (lambda query, key: matmul_t(query, key) / np.sqrt(key.shape[-2]), "M03", "over_sqrt_n_keys"),
        (lambda query, key: matmul_t(query, key) / np.sqrt(len(query)), "M03", "over_sqrt_n_queries"),
        (lambda query, key: matmul_t(query, key) * np.sqrt(query.shape[-1]), "M03", "times_sqrt_d_k"),
        (lambda query, key: matmul_t(key, query) / root(key.shape[-1]), "M07", "keys_times_queries"),
        (lambda query, key: softmax_on_a_copy(matmul_t(query, key) / root(key.shape[-1])), "M01", "already_softmaxed"),
        (cosine, "M28", "cosine"),
        (lambda query, key: query @ key.T / root(key.shape[-1]), None, "all_axes_turned"),
    ],
    "softmax": [
        (lambda scores: naive(scores, axis=0), "M06", "softmax_over_axis_0"),
        (lambda scores: naive(scores, axis=-2), "M06", "softmax_over_the_queries"),
        (softmax_whole, "M06", "softmax_over_everything"),
        (naive, None, "no_maximum"),
        (softmax_global_maximum, None, "one_maximum_for_all"),
        (softmax_no_keepdims, None, "no_keepdims"),
        (lambda scores: np.exp(scores) / np.exp(scores).sum(axis=-1), None, "no_keepdims_and_no_maximum"),
        (lambda scores: naive(scores - scores.max(-1)), None, "no_keepdims_of_the_maximum"),
        (lambda scores: np.exp(scores), None, "not_normalised"),
        (lambda scores: scores / scores.sum(axis=-1, keepdims=True), None, "no_exponential"),
        (softmax_log, None, "logarithm"),
        (softmax_base_2, None, "base_2"),
        (softmax_one_row, None, "first_row_only"),
        (lambda scores: naive(-scores), None, "negative_scores"),
        (lambda scores: 1 / (1 + np.exp(-scores)), None, "sigmoid"),
        (lambda scores: (scores == scores.max(-1, keepdims=True)).astype(float), "M11", "one_hot"),
    ],
    "softmax_with_temperature": [
        (lambda scores, temperature: softmax_on_a_copy(scores * temperature), None, "multiplied"),
        (lambda scores, temperature: softmax_on_a_copy(scores), None, "ignored"),
        (lambda scores, temperature: softmax_on_a_copy(scores) / temperature, None, "weights_divided"),
        (lambda scores, temperature: np.exp(scores) / temperature / np.exp(scores).sum(-1, keepdims=True), None,
         "weights_divided"),
        (lambda scores, temperature: softmax_on_a_copy(scores / np.sqrt(temperature)), None, "square_root"),
        (lambda scores, temperature: naive(scores / temperature, axis=0), "M06", "softmax_over_axis_0"),
        (lambda scores, temperature: naive(scores / temperature), None, "no_maximum"),
        (lambda scores, temperature: softmax_global_maximum(scores / temperature), None, "one_maximum_for_all"),
    ],
    "weighted_sum": [
        (lambda weights, value: weights.T @ value, "M07", "weights_transposed"),
        (lambda weights, value: value @ weights, None, "value_first"),
        (lambda weights, value: value.T @ weights, None, "value_turned_first"),
        (lambda weights, value: (weights[..., None] * value[..., None, :, :]).mean(axis=-2), None, "mean_for_sum"),
        (lambda weights, value: softmax_on_a_copy(weights) @ value, "M01", "softmax_again"),
        (lambda weights, value: weights / weights.sum(-1, keepdims=True) @ value, None, "rows_renormalised_to_nan"),
        (lambda weights, value: np.stack([value[..., int(i), :] for i in weights[..., 0, :].argmax(-1, keepdims=True)])
         if weights.shape[-2] == 1 else np.take_along_axis(value, weights.argmax(-1)[..., None], axis=-2), "M11",
         "largest_only"),
        (lambda weights, value: (weights @ value).sum(axis=0) if weights.ndim == 2 else (weights @ value).sum(-2), None,
         "all_queries_summed"),
        (lambda weights, value: np.dot(weights, value), None, "batches_mixed"),
    ],
    "attention": [
        (lambda query, key, value: attend(matmul_t(query, key), value), "M02", "no_scale"),
        (lambda query, key, value: attend(matmul_t(query, key) / key.shape[-1], value), "M03", "over_d_k"),
        (lambda query, key, value: attend(matmul_t(query, key) / root(key.shape[-2]), value), "M03",
         "over_sqrt_n_keys"),
        (lambda query, key, value: attend(matmul_t(query, key) / root(value.shape[-1]), value), "M03", "over_sqrt_d_v"),
        (lambda query, key, value: naive(matmul_t(query, key) / root(key.shape[-1]), axis=-2) @ value, "M06",
         "softmax_over_the_queries"),
        (lambda query, key, value: naive(matmul_t(query, key) / root(key.shape[-1]), axis=0) @ value, "M06",
         "softmax_over_axis_0"),
        (lambda query, key, value: attend(matmul_t(key, query) / root(key.shape[-1]), value), "M07",
         "keys_times_queries"),
        (lambda query, key, value: matmul_t(query, key) / root(key.shape[-1]) @ value, "M01", "no_softmax"),
        (lambda query, key, value: attend(matmul_t(query, key), value) / root(key.shape[-1]), "M02",
         "scaled_after_softmax"),
        (lambda query, key, value: naive(matmul_t(query, key) / root(key.shape[-1]) @ value), "M01",
         "softmax_after_the_sum"),
        (lambda query, key, value: attend(matmul_t(query, key) / root(key.shape[-1]), key), None, "keys_for_values"),
        (lambda query, key, value: attend(matmul_t(query, value) / root(key.shape[-1]), value), None,
         "values_for_keys"),
        (lambda query, key, value: naive(matmul_t(query, key) / root(key.shape[-1])) @ value, None, "no_maximum"),
        (lambda query, key, value: attend(cosine(query, key), value), "M28", "cosine"),
    ],
    "bug_hunt_softmax": [
        (lambda query, key: naive(matmul_t(query, key) / root(key.shape[-1]), axis=0), "M06", "softmax_over_axis_0"),
        (lambda query, key: naive(matmul_t(query, key) / root(key.shape[-1]), axis=-2), "M06",
         "softmax_over_the_queries"),
        (lambda query, key: naive(matmul_t(key, query) / root(key.shape[-1])).swapaxes(-1, -2), "M06",
         "softmax_over_the_queries"),
        (lambda query, key: naive(matmul_t(key, query) / root(key.shape[-1])), "M07", "keys_times_queries"),
        (lambda query, key: softmax_on_a_copy(matmul_t(query, key)), "M02", "no_scale"),
        (lambda query, key: softmax_on_a_copy(matmul_t(query, key) / key.shape[-1]), "M03", "over_d_k"),
        (lambda query, key: matmul_t(query, key) / root(key.shape[-1]), "M01", "no_softmax"),
        (lambda query, key: naive(matmul_t(query, key) / root(key.shape[-1])), None, "no_maximum"),
    ],
}  # fmt: skip
