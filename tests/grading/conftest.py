"""Fixtures of the tests of grading: a class, and processes that mark it with the marker of fake_marking."""

from pathlib import Path

import pytest

from course_lib.grading.serving import Options
from notebooks import SEVEN, as_bytes, exercise, write


@pytest.fixture
def fake(monkeypatch):
    """Options with which processes mark as fake_marking does."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return Options(marker="fake_marking:FakeMarker")


@pytest.fixture
def class_of(tmp_path):
    """Make a folder with notebooks of learners, each another one; ``extra`` is code by learner."""

    def make(count, **extra):
        folder = tmp_path / "class"
        for number in range(count):
            content = exercise()
            content["cells"].append({"cell_type": "code", "metadata": {}, "source": f"# SLOW {number}"})
            write(folder / f"learner-{number:03}" / f"{SEVEN}.ipynb", content)
        for learner, code in extra.items():
            content = exercise()
            content["cells"].append({"cell_type": "code", "metadata": {}, "source": code})
            write(folder / learner / f"{SEVEN}.ipynb", code if isinstance(code, bytes) else as_bytes(content))
        return folder

    return make
