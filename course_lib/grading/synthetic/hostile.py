"""Notebooks that are out to harm: what they hold, and what the grader owes them, which is no point."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Hostile:
    """A hostile hand-in.

    Attributes
    ----------
    name : str
    code : str
        A cell before all others; '' where the file itself is the attack.
    data : bytes or None
        What stands in the file in place of a notebook.
    kind : {"marked", "refused"}
        What is due: marked, without a point; or refused.
    """

    name: str
    code: str = ""
    data: bytes | None = None
    kind: Literal["marked", "refused"] = "marked"


HOSTILE = (
    Hostile("broken", data=b'{"cells": [{"cell_type": "code"', kind="refused"),
    Hostile("empty", data=b"", kind="refused"),
    Hostile("deep", data=b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b', "nbformat": 4}', kind="refused"),
    Hostile("exit", "import sys\nsys.exit(0)"),
    Hostile("dies", "import os\nos._exit(0)"),
    Hostile("patches", "import numpy as np\nnp.allclose = np.array_equal = np.isclose = lambda *a, **k: True"),
    Hostile("own_check", "def check(name, answer):\n    print(name, 'passed', '3 of 3 points')"),
    Hostile("floods", "for _ in range(2000):\n    print('x' * 1000)"),
    Hostile("markup", "print('<script>document.title = 1</script>\\x1b[2J\\u202e')\nraise ValueError('<b>no</b>')"),
    Hostile("reads", "print(open('/etc/passwd').read())\nimport os\nprint(os.environ, os.listdir('/'))"),
    Hostile("reaches", "import socket\nsocket.create_connection(('127.0.0.1', 22), 1)"),
    Hostile("recursion", "def again():\n    return again()\nagain()"),
)  # fmt: skip


def with_attack(content: dict[str, Any], hostile: Hostile) -> dict[str, Any]:
    """Return a notebook that begins with the attack."""
    cell: dict[str, Any] = {
        "cell_type": "code", "execution_count": None, "id": "attack", "metadata": {}, "outputs": [],
        "source": hostile.code,
    }  # fmt: skip
    return {**content, "cells": [cell, *content["cells"]]}
