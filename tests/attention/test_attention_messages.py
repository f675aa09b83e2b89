"""A mistake in shape, dtype or option gets a message with the axis by name, what came, and what to do."""

import numpy as np
import pytest

from course_lib.attention import (
    attention,
    attention_weights,
    causal_mask,
    dot_product_scores,
    project,
    scaled_scores,
    self_attention,
    softmax,
    weighted_sum,
)
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError

A, B, C = np.zeros((4, 3)), np.zeros((5, 3)), np.zeros((5, 2))

CASES = [
    (lambda: dot_product_scores(A, C), ShapeError, "query and key disagree on d_k: 3 against 2", "n_keys=5"),
    (lambda: scaled_scores(A[0], B), ShapeError, "query must have shape (..., n_queries, d_k)", "query[np.newaxis, :]"),
    (lambda: scaled_scores(A, B, scale=np.nan), OptionError, "scale must be a finite number", "nan"),
    (lambda: scaled_scores(np.zeros((2, 0)), np.zeros((3, 0))), ShapeError, "d_k is 0", "(2, 0)"),
    (
        lambda: attention(A, B, np.zeros((6, 2))),
        ShapeError,
        "weights and value disagree on n_keys: 5 against 6",
        "d_v=2",
    ),
    (lambda: attention(np.zeros((2, 4, 3)), np.zeros((3, 5, 3)), C), ShapeError, "query has 2 heads and key has 3", ""),
    (lambda: attention(np.zeros((6, 4, 3)), np.zeros((4, 5, 3)), C), ShapeError, "6 is a multiple of 4", "(6, 4, 3)"),
    (
        lambda: attention(np.zeros((2, 1, 4, 3)), np.zeros((3, 1, 5, 3)), C),
        ShapeError,
        "The leading axes of query and key do not fit together",
        "(2, 1) and (3, 1)",
    ),
    (lambda: attention(A, B, C, mask=np.ones((4, 5), int)), DtypeError, "mask must be bool", "mask == 0"),
    (lambda: attention(A, B, C, mask=np.ones((5, 4), bool)), ShapeError, "must be 5 (n_keys) or 1", "(5, 4)"),
    (lambda: attention(A, B, C, mask=np.ones((3, 5), bool)), ShapeError, "must be 4 (n_queries) or 1", "(3, 5)"),
    (
        lambda: attention(np.zeros((2, 4, 3)), B, C, mask=np.ones((3, 4, 5), bool)),
        ShapeError,
        "The axes of mask and scores do not fit",
        "(3, 4, 5) and (2, 4, 5)",
    ),
    (lambda: attention(A, B, C, window=-1), OptionError, "window must be at least 0", "-1"),
    (lambda: attention(A, B, C, window=(1, 2, 3)), OptionError, "window must be a whole number or (left, right)", ""),
    (lambda: attention(A, B, C, window=1.5), OptionError, "window must be a whole number", "1.5"),
    (lambda: attention(A, B, C, offset=0.5), OptionError, "offset must be a whole number", "0.5"),
    (lambda: attention_weights([["a", "b"]], B), DtypeError, "query must hold real numbers", "dtype <U1"),
    (lambda: attention_weights([[1, 2], [3]], B), DtypeError, "rows have different lengths", "query"),
    (lambda: attention_weights(A.astype(complex), B), DtypeError, "query must hold real numbers", "complex128"),
    (lambda: attention_weights(A, B > 0), DtypeError, "key must hold real numbers", "bool"),
    (
        lambda: weighted_sum(A, B),
        ShapeError,
        "weights and value disagree on n_keys: 3 against 5",
        "one weight for each",
    ),
    (
        lambda: weighted_sum(np.zeros((2, 4, 5)), np.zeros((3, 5, 2))),
        ShapeError,
        "weights has 2 heads and value has 3",
        "(3, 5, 2)",
    ),
    (lambda: softmax([1, 2], temperature=0), OptionError, "temperature must be greater than 0", "0"),
    (lambda: softmax([1, 2], axis=1), ShapeError, "no axis 1", "(2,)"),
    (lambda: softmax([1, 2], axis=0.5), OptionError, "axis must be a whole number", "0.5"),
    (lambda: project(A, C), ShapeError, "x and weight disagree on d_in: 3 against 5", "transposed"),
    (lambda: project(A, np.zeros((3, 2)), bias=[1, 2, 3]), ShapeError, "bias must have shape (d_out=2,)", "(3,)"),
    (
        lambda: project(np.zeros((2, 4, 3)), np.zeros((5, 3, 2))),
        ShapeError,
        "leading axes of x and weight",
        "equal or 1",
    ),
    (lambda: self_attention(A, np.eye(3), np.zeros((3, 2)), np.eye(3)), ShapeError, "disagree on d_k", "3 against 2"),
    (lambda: causal_mask(-1), OptionError, "n_queries must be at least 0", "-1"),
    (lambda: causal_mask(2, True), OptionError, "n_keys must be a whole number", "True"),
]


@pytest.mark.parametrize(("call", "kind", "sentence", "detail"), CASES, ids=[case[2][:40] for case in CASES])
def test_message_names_the_axis_and_the_cure(call, kind, sentence, detail):
    with pytest.raises(CourseError) as caught:
        call()
    assert type(caught.value) is kind
    assert sentence in str(caught.value)
    assert detail in str(caught.value)
