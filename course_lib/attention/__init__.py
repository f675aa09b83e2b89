"""The attention mechanism in NumPy, one module a lesson; `loops` is the plain-loop specification."""

from course_lib.attention.dot_product import attention, attention_weights, self_attention, weighted_sum
from course_lib.attention.masks import causal_mask
from course_lib.attention.projection import project
from course_lib.attention.scores import dot_product_scores, scaled_scores
from course_lib.attention.softmax import softmax

__all__ = [
    "attention",
    "attention_weights",
    "causal_mask",
    "dot_product_scores",
    "project",
    "scaled_scores",
    "self_attention",
    "softmax",
    "weighted_sum",
]
