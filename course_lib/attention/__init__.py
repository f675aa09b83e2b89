"""The attention mechanism in NumPy, one module a lesson; `loops` is the plain-loop specification."""

from course_lib.attention.cache import KeyValueCache
from course_lib.attention.diagnostics import (
    attention_entropy,
    head_diversity,
    induction_score,
    mean_attention_distance,
    previous_token_score,
)
from course_lib.attention.dot_product import attention, attention_weights, self_attention, weighted_sum
from course_lib.attention.gradients import attention_backward, softmax_backward
from course_lib.attention.heads import merge_heads, repeat_kv, split_heads
from course_lib.attention.masks import causal_mask, padding_mask, sliding_window_mask
from course_lib.attention.multi_head import multi_head_attention
from course_lib.attention.positions import alibi_bias, rotate, sinusoidal_positions
from course_lib.attention.projection import project
from course_lib.attention.regularization import dropout
from course_lib.attention.scores import dot_product_scores, scaled_scores
from course_lib.attention.softmax import softmax
from course_lib.attention.tiled import tiled_attention

__all__ = [
    "KeyValueCache",
    "alibi_bias",
    "attention",
    "attention_backward",
    "attention_entropy",
    "attention_weights",
    "causal_mask",
    "dot_product_scores",
    "dropout",
    "head_diversity",
    "induction_score",
    "mean_attention_distance",
    "merge_heads",
    "multi_head_attention",
    "padding_mask",
    "previous_token_score",
    "project",
    "repeat_kv",
    "rotate",
    "scaled_scores",
    "self_attention",
    "sinusoidal_positions",
    "sliding_window_mask",
    "softmax",
    "softmax_backward",
    "split_heads",
    "tiled_attention",
    "weighted_sum",
]
