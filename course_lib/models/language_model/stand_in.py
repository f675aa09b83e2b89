"""A small model with random weights, where the real one is not: every cell of the lesson runs, and means nothing."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from course_lib.models.language_model.config import LanguageModelConfig
from course_lib.models.language_model.model import LanguageModel
from course_lib.models.language_model.tokenizer import Stream, Tokenizer

_CONFIG = LanguageModelConfig(
    vocabulary_size=600, d_model=72, n_layers=30, n_heads=9, n_kv_heads=3, d_hidden=96, context_length=8192,
    rotary_base=100_000.0, norm_epsilon=1e-5,
)  # fmt: skip
_MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


class WordTokenizer(Tokenizer):
    """Whole words as tokens, numbered as they come: for the stand-in only, with no package needed."""

    def __init__(self, size: int) -> None:
        self._size, self._words = size, list(_MARKS)
        self.end = _MARKS.index("<|im_end|>")

    def encode(self, text: str, *, marks: bool = True) -> list[int]:
        """Return a token for each word of the text; a new word gets the next number."""
        tokens = []
        for word in re.findall(r" ?\w+| ?[^\w\s]+|\s", text):
            if word not in self._words:
                self._words.append(word)
            tokens.append(self._words.index(word) % self._size)
        return tokens

    def decode(self, tokens: Iterable[int], *, marks: bool = False) -> str:
        """Return the words; a token that no text had yet becomes its number."""
        return "".join(self.pieces(token for token in tokens if marks or token >= len(_MARKS)))

    def pieces(self, tokens: Iterable[int]) -> list[str]:
        """Return the word of each token."""
        return [self._words[token] if token < len(self._words) else f" {token}" for token in tokens]

    def chat(self, messages: Sequence[tuple[str, str]] | str, *, system: str = "") -> list[int]:
        """Return the words of all messages, one after the other."""
        said = messages if isinstance(messages, str) else "\n".join(text for _, text in messages)
        return [_MARKS.index("<|im_start|>"), *self.encode(said)]

    def stream(self) -> Stream:
        """Return a decoder to which tokens come one at a time."""
        return Stream(self)


def stand_in() -> LanguageModel:
    """Return a model of the real one's layers and heads, much narrower, with random weights."""
    rng = np.random.default_rng(0)
    parameters = {
        name: (
            np.ones(shape, np.float32)
            if len(shape) == 1
            else rng.normal(scale=shape[-1] ** -0.5, size=shape).astype(np.float32)
        )
        for name, shape in _CONFIG.shapes().items()
    }
    return LanguageModel(_CONFIG, parameters, WordTokenizer(_CONFIG.vocabulary_size))
