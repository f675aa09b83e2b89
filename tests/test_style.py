"""The linter and the type checker find nothing; each ignore that they are given is explained in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_style_finds_nothing(command, tmp_path):
    if command == ["mypy"] and np.__version__.split(".")[:2] != locked_numpy():
        pytest.skip("NumPy's types differ from version to version; those of the lock for Python 3.11 are checked")
    cache = {"ruff": ["--cache-dir", str(tmp_path)], "mypy": ["--cache-dir", str(tmp_path)]}[command[0]]
    paths = ["."] if command[0] == "ruff" else []
    ran = subprocess.run(
        [sys.executable, "-m", *command, *cache, *paths], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def locked_numpy():
    """Return major and minor version of the NumPy that the oldest Python gets, as two texts."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = [line.split()[0].removeprefix("numpy==") for line in lock.splitlines() if line.startswith("numpy==")]
    return min((pin.split(".")[:2] for pin in pins), key=lambda version: [int(part) for part in version])
