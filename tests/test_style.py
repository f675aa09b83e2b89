"""The linter and the type checker find nothing; each ignore that they are given is explained in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_style_finds_nothing(command, tmp_path):
    cache = {"ruff": ["--cache-dir", str(tmp_path)], "mypy": ["--cache-dir", str(tmp_path)]}[command[0]]
    paths = ["."] if command[0] == "ruff" else []
    ran = subprocess.run(
        [sys.executable, "-m", *command, *cache, *paths], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
