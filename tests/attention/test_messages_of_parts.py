"""A mistake in heads, positions, cache, gradients, diagnostics or dropout is named: the axis, what came, the cure."""

import numpy as np
import pytest

from course_lib import attention as att
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError

rng = np.random.default_rng(0)
X, MEMORY = np.zeros((5, 6)), np.zeros((7, 8))
W_QUERY, W_KEY, W_VALUE, W_OUTPUT = np.zeros((6, 12)), np.zeros((6, 6)), np.zeros((6, 10)), np.zeros((20, 9))
MAPS = W_QUERY, W_KEY, W_VALUE, W_OUTPUT
QUERY, KEY, VALUE, GRAD = np.zeros((4, 3)), np.zeros((5, 3)), np.zeros((5, 2)), np.zeros((4, 2))
WEIGHTS = np.full((3, 4, 5), 0.2)


def multi_head(position=None, weight=None, n_heads=4, x=X, **options):
    """Call with four heads of d_k 3 and d_v 5 in two groups, one map replaced."""
    maps = list(MAPS)
    if position is not None:
        maps[position] = weight
    return att.multi_head_attention(x, *maps, n_heads, **options)


def append(key, value, window=None):
    cache = att.KeyValueCache(window=window)
    cache.append(np.zeros((2, 4, 3), np.float32), np.zeros((2, 4, 5), np.float32))
    return cache.append(key, value)


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


SHAPES = [
    (lambda: att.split_heads(X, 4), "d_model=6 cannot be split into n_heads=4", "x (seq_len=5, d_model=6)"),
    (lambda: att.split_heads(X[0], 2), "x must have shape (..., seq_len, d_model)", "x[np.newaxis, :]"),
    (lambda: att.merge_heads(X), "x must have shape (..., n_heads, seq_len, d_k)", "x[np.newaxis, :, :]"),
    (lambda: att.repeat_kv(X, 2), "x must have shape (..., n_kv_heads, seq_len, d_k)", "(5, 6)"),
    (lambda: multi_head(x=X[0]), "x must have shape (..., seq_len, d_model)", "(6,)"),
    (lambda: multi_head(x=X[:, :5]), "x and w_query disagree on d_model: 5 against 6", "x (seq_len=5, d_model=5)"),
    (lambda: multi_head(0, W_QUERY.T), "x and w_query disagree on d_model: 6 against 12", "transposed"),
    (lambda: multi_head(1, W_KEY[1:]), "x and w_key disagree on d_model: 6 against 5", "w_key (d_model=5, d_out=6)"),
    (lambda: multi_head(2, W_VALUE[1:]), "x and w_value disagree on d_model: 6 against 5", "w_value (d_model=5"),
    (lambda: multi_head(2, W_VALUE[0]), "w_value must have shape (..., d_model, d_out)", "(10,)"),
    (lambda: multi_head(memory=MEMORY), "memory and w_key disagree on d_model: 8 against 6", "memory (n_keys=7"),
    (lambda: multi_head(memory=MEMORY[0]), "memory must have shape (..., n_keys, d_model)", "(8,)"),
    (lambda: multi_head(n_heads=5), "w_query makes 12 components, which n_heads=5 heads cannot share", "multiple of 5"),
    (lambda: multi_head(0, W_QUERY[:, :0]), "w_query makes 0 components", "n_heads=4"),
    (lambda: multi_head(1, zeros(6, 5)), "w_key must make keys of d_k=3 components", "it makes 5 components"),
    (lambda: multi_head(1, zeros(6, 9)), "for a number of heads that divides 4", "w_query (d_model=6, d_out=12)"),
    (lambda: multi_head(1, zeros(6, 0)), "w_key must make keys of d_k=3 components", "it makes 0 components"),
    (lambda: multi_head(2, zeros(6, 9)), "w_value makes 9 components, which n_kv_heads=2 heads", "d_out=9"),
    (lambda: multi_head(3, W_OUTPUT[1:]), "w_output must have n_heads * d_v = 4 * 5 = 20 rows", "(19, 9)"),
    (lambda: multi_head(3, W_OUTPUT[0]), "w_output must have shape (..., n_heads * d_v, d_out)", "(9,)"),
    (lambda: multi_head(mask=np.ones((5, 4), bool)), "must be 5 (n_keys) or 1", "(5, 4)"),
    (lambda: att.rotate(zeros(4, 3), [0, 1, 2, 3]), "x must have an even d_k", "x (seq_len=4, d_k=3)"),
    (lambda: att.rotate(zeros(4), [0]), "x must have shape (..., seq_len, d_k)", "(4,)"),
    (lambda: att.rotate(zeros(4, 2), [0, 1, 2]), "positions must have shape (..., seq_len=4)", "(3,)"),
    (lambda: att.rotate(zeros(4, 2), 3), "positions must have shape (..., seq_len=4)", "shape ()"),
    (
        lambda: att.rotate(zeros(2, 3, 4, 6), zeros(2, 4)),
        "The leading axes of x and positions do not fit together",
        "positions[:, np.newaxis]",
    ),
    (lambda: append(zeros(2, 1, 3), zeros(2, 2, 5)), "key and value disagree on n_new: 1 against 2", "one key"),
    (lambda: append(zeros(2, 1, 4), zeros(2, 1, 5)), "key must have shape (2, n_new, d_k=3)", "(2, 1, 4)"),
    (lambda: append(zeros(2, 1, 3), zeros(2, 1, 6)), "value must have shape (2, n_new, d_v=5)", "(2, 1, 6)"),
    (lambda: append(zeros(3, 1, 3), zeros(2, 1, 5)), "key must have shape (2, n_new, d_k=3)", "one batch"),
    (lambda: append(zeros(1, 3), zeros(2, 1, 5)), "key must have shape (2, n_new, d_k=3)", "key (n_new=1, d_k=3)"),
    (lambda: append(zeros(3), zeros(2, 1, 5)), "key must have shape (..., n_new, d_k)", "key[np.newaxis, :]"),
    (lambda: append(zeros(2, 1, 3), zeros(5)), "value must have shape (..., n_new, d_v)", "value[np.newaxis, :]"),
    (
        lambda: att.softmax_backward(WEIGHTS, zeros(4, 6)),
        "weights and grad_weights disagree on n_keys: 5 against 6",
        "grad_weights (4, n_keys=6)",
    ),
    (lambda: att.softmax_backward(WEIGHTS, zeros(2, 5)), "The axes of weights and grad_weights do not fit", "(2, 5)"),
    (lambda: att.softmax_backward(0.5, [1, 2]), "weights must have shape (..., n_keys)", "()"),
    (
        lambda: att.attention_backward(QUERY, KEY, VALUE, GRAD.T),
        "grad_output must have the shape of the output, (4, 2)",
        "(2, 4)",
    ),
    (lambda: att.attention_backward(QUERY, KEY, VALUE, zeros(3, 4, 2)), "the shape of the output", "(3, 4, 2)"),
    (lambda: att.attention_backward(QUERY, KEY[:, :2], VALUE, GRAD), "query and key disagree on d_k", "3 against 2"),
    (lambda: att.attention_backward(QUERY, KEY, VALUE[1:], GRAD), "disagree on n_keys: 5 against 4", "d_v=2"),
    (
        lambda: att.attention_backward(zeros(6, 4, 3), zeros(4, 5, 3), VALUE, GRAD),
        "query has 6 heads and key has 4",
        "multiple of 4",
    ),
    (lambda: att.attention_entropy([0.5, 0.5]), "weights must have shape (..., n_queries, n_keys)", "(2,)"),
    (lambda: att.mean_attention_distance([1]), "weights must have shape (..., n_queries, n_keys)", "(1,)"),
    (lambda: att.head_diversity(WEIGHTS[0]), "weights must have shape (..., n_heads, n_queries, n_keys)", "(4, 5)"),
    (lambda: att.previous_token_score(WEIGHTS), "weights must be square", "(3, 4, 5)"),
    (lambda: att.previous_token_score([[1.0]]), "of two tokens or more", "(1, 1)"),
    (lambda: att.induction_score(WEIGHTS, 2), "weights must be square", "(3, 4, 5)"),
    (lambda: att.head_diversity(WEIGHTS[:1]), "weights must have two heads or more to compare", "(1, 4, 5)"),
]  # fmt: skip

DTYPES = [
    (lambda: att.split_heads(X > 0, 2), "x must hold real numbers", "bool"),
    (lambda: att.merge_heads(WEIGHTS + 1j), "x must hold real numbers", "complex128"),
    (lambda: att.repeat_kv([[["a"]]], 2), "x must hold real numbers", "<U1"),
    (lambda: multi_head(0, W_QUERY.astype(complex)), "w_query must hold real numbers", "complex128"),
    (lambda: multi_head(3, W_OUTPUT > 0), "w_output must hold real numbers", "bool"),
    (lambda: multi_head(memory=X > 0), "memory must hold real numbers", "bool"),
    (lambda: multi_head(mask=np.ones((5, 5), int)), "mask must be bool", "mask == 0"),
    (lambda: att.padding_mask([2.0, 3.0], 4), "lengths must hold whole numbers", "float64"),
    (lambda: att.padding_mask([[True, False]], 4), "lengths must hold whole numbers", "bool"),
    (lambda: att.rotate(X > 0, np.arange(5)), "x must hold real numbers", "bool"),
    (lambda: att.rotate(X, X[:, 0] > 0), "positions must hold real numbers", "bool"),
    (lambda: append(zeros(2, 1, 3, dtype="f8"), zeros(2, 1, 5)), "the cache holds float32", "key.astype(np.float32)"),
    (lambda: append(zeros(2, 1, 3), zeros(2, 1, 5, dtype="f2")), "value has dtype float16", "clear()"),
    (lambda: append(zeros(2, 1, 3) > 0, zeros(2, 1, 5)), "key must hold real numbers", "bool"),
    (lambda: att.softmax_backward(WEIGHTS > 0, WEIGHTS), "weights must hold real numbers", "bool"),
    (lambda: att.softmax_backward(WEIGHTS, WEIGHTS > 0), "grad_weights must hold real numbers", "bool"),
    (lambda: att.attention_backward(QUERY, KEY, VALUE, GRAD > 0), "grad_output must hold real numbers", "bool"),
    (lambda: att.attention_backward(QUERY, KEY, VALUE, GRAD, mask=zeros(4, 5, dtype="i4")), "mask must be bool", ""),
    (lambda: att.attention_entropy([[0.5, 0.5], [1]]), "rows have different lengths", "weights"),
    (lambda: att.head_diversity(WEIGHTS > 0), "weights must hold real numbers", "bool"),
    (lambda: att.mean_attention_distance(WEIGHTS > 0), "weights must hold real numbers", "bool"),
    (lambda: att.dropout(WEIGHTS > 0, 0.5, rng), "weights must hold real numbers", "bool"),
]  # fmt: skip

OPTIONS = [
    (lambda: att.split_heads(X, 0), "n_heads must be at least 1", "0"),
    (lambda: att.split_heads(X, 2.0), "n_heads must be a whole number", "2.0"),
    (lambda: att.repeat_kv(WEIGHTS, 0), "n_repeats must be at least 1", "0"),
    (lambda: multi_head(n_heads=-1), "n_heads must be at least 1", "-1"),
    (lambda: multi_head(offset=0.5), "offset must be a whole number", "0.5"),
    (lambda: multi_head(window=-1), "window must be at least 0", "-1"),
    (lambda: multi_head(scale=np.inf), "scale must be a finite number", "inf"),
    (lambda: att.padding_mask([3, 5], 4), "lengths must lie between 0 and n_keys=4, but one is 5", ""),
    (lambda: att.padding_mask([-1, 5], 4), "but one is -1", ""),
    (lambda: att.padding_mask([1], 1.5), "n_keys must be a whole number", "1.5"),
    (lambda: att.sliding_window_mask(-1, 4, 2), "n_queries must be at least 0", "-1"),
    (lambda: att.sliding_window_mask(3, -4, 2), "n_keys must be at least 0", "-4"),
    (lambda: att.sliding_window_mask(3, 4, (1, 2, 3)), "window must be a whole number or (left, right)", "(1, 2, 3)"),
    (lambda: att.sliding_window_mask(3, 4, (1, -2)), "window must be at least 0", "-2"),
    (lambda: att.sliding_window_mask(3, 4, 2, offset="1"), "offset must be a whole number", "'1'"),
    (lambda: att.sinusoidal_positions(-1, 4), "seq_len must be at least 0", "-1"),
    (lambda: att.sinusoidal_positions(3, 0), "d_model must be at least 1", "0"),
    (lambda: att.sinusoidal_positions(3, 4.0), "d_model must be a whole number", "4.0"),
    (lambda: att.rotate(X, np.arange(5), base=0), "base must be greater than 0", "0"),
    (lambda: att.rotate(X, np.arange(5), base=None), "base must be a finite number", "None"),
    (lambda: att.rotate(X, [0, 1, np.inf, 3, 4]), "positions must be finite", "infinite"),
    (lambda: att.alibi_bias(0, 3, 4), "n_heads must be at least 1", "0"),
    (lambda: att.alibi_bias(2, -3, 4), "n_queries must be at least 0", "-3"),
    (lambda: att.alibi_bias(2, 3, 4.5), "n_keys must be a whole number", "4.5"),
    (lambda: att.alibi_bias(2, 3, 4, offset=0.5), "offset must be a whole number", "0.5"),
    (lambda: att.KeyValueCache(window=-1), "window must be at least 0", "-1"),
    (lambda: att.KeyValueCache(window=(1, 0)), "window must be a whole number", "(1, 0)"),
    (lambda: att.attention_backward(QUERY, KEY, VALUE, GRAD, scale="1"), "scale must be a finite number", "'1'"),
    (lambda: att.attention_backward(QUERY, KEY, VALUE, GRAD, offset=0.5), "offset must be a whole number", "0.5"),
    (lambda: att.attention_entropy([[2, -1], [0, 1]]), "weights must not be negative", "smallest is -1. Are"),
    (lambda: att.mean_attention_distance(-WEIGHTS), "weights must not be negative", "-0.2"),
    (lambda: att.mean_attention_distance(WEIGHTS, offset=0.5), "offset must be a whole number", "0.5"),
    (lambda: att.previous_token_score(-WEIGHTS[:, :, :4]), "weights must not be negative", "softmax"),
    (lambda: att.induction_score(WEIGHTS[:, :, :4], 4), "period must be below seq_len=4", "Repeat the block"),
    (lambda: att.induction_score(WEIGHTS[:, :, :4], 0), "period must be", "0"),
    (lambda: att.head_diversity(-WEIGHTS), "weights must not be negative", "softmax"),
    (lambda: att.dropout(WEIGHTS, 1, rng), "rate must be at least 0 and below 1", "1.0"),
    (lambda: att.dropout(WEIGHTS, -0.1, rng), "rate must be at least 0 and below 1", "-0.1"),
    (lambda: att.dropout(WEIGHTS, "half", rng), "rate must be a finite number", "'half'"),
    (lambda: att.dropout(WEIGHTS, 0.5, 0), "rng must be a numpy.random.Generator", "np.random.default_rng(0)"),
]  # fmt: skip

CASES = [
    (kind, *case)
    for kind, cases in ((ShapeError, SHAPES), (DtypeError, DTYPES), (OptionError, OPTIONS))
    for case in cases
]


@pytest.mark.parametrize(("kind", "call", "sentence", "detail"), CASES, ids=[case[2][:50] for case in CASES])
def test_message_names_the_mistake_and_the_cure(kind, call, sentence, detail):
    with pytest.raises(CourseError) as caught:
        call()
    assert type(caught.value) is kind
    assert sentence in str(caught.value)
    assert detail in str(caught.value)


def test_a_failed_append_leaves_the_cache_as_it_was():
    cache = att.KeyValueCache(window=3)
    cache.append(zeros(2, 4, 3), zeros(2, 4, 5))
    for key, value in [(zeros(2, 1, 3), zeros(2, 1, 6)), (zeros(2, 1, 3, dtype="f8"), zeros(2, 1, 5))]:
        with pytest.raises(CourseError):
            cache.append(key, value)
        assert (len(cache), cache.n_seen) == (3, 4)
    keys, _ = cache.append(zeros(2, 1, 3), zeros(2, 1, 5))
    assert keys.shape == (2, 4, 3)
