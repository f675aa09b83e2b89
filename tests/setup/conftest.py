"""Fixtures for the tests of the set-up."""

from pathlib import Path

import pytest
from fake_course import FakeCourse


@pytest.fixture
def course(tmp_path: Path) -> FakeCourse:
    """A fake course in a folder whose path has a space and letters outside ASCII."""
    return FakeCourse(tmp_path / "mein Kurs ü" / "学习", tmp_path / "wheels")
