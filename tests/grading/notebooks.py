"""Notebooks for the tests of grading: the exercises as learners get them, changed in one way each."""

import copy
import functools
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEVEN = "07_multi_head"


@functools.cache
def _content(path):
    return json.loads(path.read_text(encoding="utf-8"))


def exercise(name=SEVEN):
    """The content of an exercise as learners get it; the caller may change it."""
    return copy.deepcopy(_content(ROOT / "exercises" / f"{name}.ipynb"))


def solution(name=SEVEN):
    """The content of an exercise that is solved."""
    return copy.deepcopy(_content(ROOT / "exercises/solutions" / f"{name}.ipynb"))


def as_bytes(content):
    return json.dumps(content).encode()


def cell(content, name):
    """The cell with an id."""
    return next(one for one in content["cells"] if one.get("id") == name)


def write(path, content=None):
    """Write a notebook, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else as_bytes(content or exercise()))
    return path
