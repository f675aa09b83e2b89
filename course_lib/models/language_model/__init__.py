"""A real language model, SmolLM2-135M, run by the functions of the course (lesson 11)."""

from course_lib.models.language_model.config import LanguageModelConfig
from course_lib.models.language_model.diagnostics import (
    Found,
    carried_sizes,
    effect_without,
    first_token_score,
    head_weights,
    repeated_tokens,
    strongest_heads,
    token_losses,
    with_weights_of,
)
from course_lib.models.language_model.generation import Answer, generate, next_token, stream
from course_lib.models.language_model.model import HeadsAtWork, LanguageModel
from course_lib.models.language_model.packages import ModelMissingError
from course_lib.models.language_model.store import load_model, model_folder
from course_lib.models.language_model.tokenizer import Tokenizer, Vocabulary

__all__ = [
    "Answer", "Found", "HeadsAtWork", "LanguageModel", "LanguageModelConfig", "ModelMissingError", "Tokenizer",
    "Vocabulary", "carried_sizes", "effect_without", "first_token_score", "generate", "head_weights", "load_model",
    "model_folder", "next_token", "repeated_tokens", "stream", "strongest_heads", "token_losses", "with_weights_of",
]  # fmt: skip
