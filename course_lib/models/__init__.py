"""A small transformer that trains in NumPy, every gradient by hand (lesson 10)."""

from course_lib.models.agreement import WORDS, Sentences, draw_sentences, share_right
from course_lib.models.optimizer import AdamW
from course_lib.models.progress_bar import ProgressBar
from course_lib.models.training import Record, TrainingOptions, TrainingRun
from course_lib.models.transformer import Forward, Regularization, Transformer, TransformerConfig

__all__ = [
    "WORDS", "AdamW", "Forward", "ProgressBar", "Record", "Regularization", "Sentences", "TrainingOptions",
    "TrainingRun", "Transformer", "TransformerConfig", "draw_sentences", "share_right",
]  # fmt: skip
