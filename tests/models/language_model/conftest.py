"""A tiny random model, and what the real one says; the real one itself is in the course's conftest.py."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("gguf", reason="gguf is not installed: pip install gguf tokenizers")
pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install gguf tokenizers")

from tiny_language_model import write_tiny

from course_lib.models.language_model import generate, head_weights, load_model, repeated_tokens

BLOCK = 50
QUESTION = "What is the capital of France?"


class Repeated(NamedTuple):
    """Random tokens, twice the same block, and what the heads of the real model make of them."""

    tokens: list
    weights: np.ndarray


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def tiny(tiny_path):
    return load_model(tiny_path)


@pytest.fixture(scope="session")
def repeated(real):
    """Fifty random tokens, twice, by seed; each is read once, whoever asks."""

    @cache
    def read(seed):
        tokens = repeated_tokens(real, BLOCK, rng=np.random.default_rng(seed))
        return Repeated(tokens, head_weights(real, tokens))

    return read


@pytest.fixture(scope="session")
def usual_answer(real):
    """What the model answers to QUESTION as it comes."""
    return generate(real, QUESTION, show=False)
