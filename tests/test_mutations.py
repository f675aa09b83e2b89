"""Break each function of course_lib.attention in a copy of the library, and see the notebooks' test fail.

The notebooks are the course's test of the library only if nbval notices a broken function. Each break replaces one
function behind its name, so it holds whatever the function's code looks like.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib import attention

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.mutation

# The smallest notebook that must notice: solutions are short, and their checks compare with the library.
NOTEBOOK = {
    "project": "exercises/solutions/01_queries_keys_values.ipynb",
    "dot_product_scores": "exercises/solutions/02_scores.ipynb",
    "scaled_scores": "exercises/solutions/02_scores.ipynb",
    "softmax": "exercises/solutions/03_softmax.ipynb",
    "attention_weights": "exercises/solutions/03_softmax.ipynb",
    "weighted_sum": "exercises/solutions/04_weighted_sum.ipynb",
    "attention": "exercises/solutions/04_weighted_sum.ipynb",
    "attention_entropy": "exercises/solutions/10_training.ipynb",
    "repeat_kv": "exercises/solutions/11_real_model.ipynb",
    "previous_token_score": "exercises/solutions/11_real_model.ipynb",
    "induction_score": "exercises/solutions/11_real_model.ipynb",
}

# What takes the function's place; `whole` is the function as it was.
GENERIC = "return ~result if result.dtype == bool else result * 1.1"
BREAKS = {
    "softmax without keepdims": ("softmax", "e = np.exp(args[0] - np.max(args[0])); return e / e.sum(axis=-1)"),
    "softmax over the wrong axis": ("softmax", "return whole(args[0], **{'axis': 0} | options)"),
    "softmax that overflows": (
        "softmax",
        "e = np.exp(np.asarray(args[0], dtype=float)); return e / e.sum(axis=-1, keepdims=True)",
    ),
    "softmax without the temperature": ("softmax", "return whole(args[0])"),
    "scores without the scale": ("scaled_scores", "return dot_product_scores(*args)"),
    "scores over d_k": ("scaled_scores", "return result / np.sqrt(np.shape(args[0])[-1])"),
    "scores with rows and columns swapped": ("dot_product_scores", "return np.swapaxes(result, -1, -2)"),
    "projection with the weight transposed": ("project", "return whole(args[0], np.swapaxes(args[1], -1, -2))"),
    "sum without the weights": ("weighted_sum", "return whole(np.full_like(args[0], 1 / args[1].shape[-2]), args[1])"),
    "attention without the scale": ("attention", "return whole(*args, **options | {'scale': 1.0})"),
}
# Every function has its break, also the one that nobody has thought of a mistake for.
UNBROKEN = set(attention.__all__) - {name for name, _ in BREAKS.values()}
BREAKS |= {f"{name} that is off": (name, GENERIC) for name in sorted(UNBROKEN)}

REPLACEMENT = """

import numpy as np

whole = {name}


def {name}(*args, **options):
    result = whole(*args, **options)
    {body}
"""


def notebook_that_must_notice(name):
    """The notebook of the table, else the first lesson that calls the function, else None."""
    if name in NOTEBOOK:
        return NOTEBOOK[name]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        if any(cell.cell_type == "code" and re.search(rf"\b{name}\(", cell.source) for cell in cells):
            return path.relative_to(ROOT).as_posix()
    return None


def copy_of_the_course(folder, targets):
    shutil.copytree(ROOT / "course_lib", folder / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    for target in targets:
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / target, folder / target)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")


def break_function(folder, name, body):
    """Append a broken function to the module of the copy, behind the whole one's name."""
    module = folder / Path(*getattr(attention, name).__module__.split(".")).with_suffix(".py")
    with module.open("a", encoding="utf-8") as file:
        file.write(REPLACEMENT.format(name=name, body=body))


def run_pytest(folder, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(folder), "COURSE_PROGRESS": str(folder / "progress.json")}
    command = [sys.executable, "-m", "pytest", "-c", "pytest.ini", "-q", "-x", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_notebooks_pass_with_the_library_whole(tmp_path):
    """Without this, a failure below would prove nothing."""
    targets = sorted({target for name in attention.__all__ if (target := notebook_that_must_notice(name))})
    copy_of_the_course(tmp_path, targets)
    ran = run_pytest(tmp_path, "--nbval", *targets)
    assert ran.returncode == 0, ran.stdout[-3000:]


@pytest.mark.parametrize("what", BREAKS)
def test_nbval_fails_when_the_library_is_broken(what, tmp_path):
    name, body = BREAKS[what]
    target = notebook_that_must_notice(name)
    copy_of_the_course(tmp_path, [target] if target else [])
    break_function(tmp_path, name, body)
    # A function that no lesson has come to yet is held by its doctest, in the same run of pytest.
    module = Path(*getattr(attention, name).__module__.split(".")).with_suffix(".py").as_posix()
    ran = run_pytest(tmp_path, "--nbval", target) if target else run_pytest(tmp_path, "--doctest-modules", module)
    assert ran.returncode == 1, ran.stdout[-3000:]
    assert "1 failed" in ran.stdout
