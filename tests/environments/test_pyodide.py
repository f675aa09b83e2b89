"""Every lesson and solution in Pyodide 0.27.7, as in a browser: Python 3.12, NumPy 2.0, matplotlib 3.8, one thread.

Pyodide itself comes from the npm registry, packages of pure Python from PyPI, in the versions of the locks. The wheels
of Pyodide's distribution are in neither: name their folder in COURSE_PYODIDE_WHEELS, or lay it as
``shared/pyodide-0.27.7`` beside the course. ``pytest -rP tests/environments/test_pyodide.py`` tells the seconds.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from environments import HERE, ROOT, as_constraints, run_or_skip

pytestmark = pytest.mark.setup

NOTEBOOKS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("notebooks", "exercises/solutions")
    for path in (ROOT / folder).glob("*.ipynb")
    if ".mine-" not in path.name
)
# Trained shorter here than in the lesson: its 800 steps, five times, take minutes in WebAssembly.
STEPS = {"notebooks/10_training.ipynb": "train-run=40"}
FETCHED = ("ipywidgets", "anywidget", "comm", "psygnal", "typing-extensions", "filelock", "threadpoolctl")
LOOPS_NOTEBOOK = "/mounted/1/loops.ipynb"  # in the first of the packages' folders
LOOPS = """\
import numpy as np
from course_lib.attention import attention, tiled_attention
from course_lib.checks import evaluate

def without_end(scores):
    while True:
        pass

print(evaluate("softmax", without_end).status)
q, k, v = np.random.default_rng(0).standard_normal((3, 40, 4))
print(np.allclose(tiled_attention(q, k, v, block_size=8, n_threads=4), attention(q, k, v)))
"""


def wheels() -> Path:
    """Return the folder with Pyodide's wheels."""
    named = os.environ.get("COURSE_PYODIDE_WHEELS")
    folder = Path(named) if named else ROOT.parent / "shared" / "pyodide-0.27.7"
    if not list(folder.glob("numpy-2.0.*-cp312-cp312-pyodide_*.whl")):
        pytest.skip(f"no wheels of Pyodide 0.27.7 in {folder}: name their folder in COURSE_PYODIDE_WHEELS")
    return folder.resolve()


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run all lessons and solutions in one Pyodide, one after the other; return the versions and the reports."""
    node, npm, wheels_folder = shutil.which("node"), shutil.which("npm"), wheels()
    if node is None or npm is None:
        pytest.skip("node and npm are not installed: they run Pyodide")
    folder = tmp_path_factory.mktemp("pyodide")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    run_or_skip([npm, "ci", "--no-audit", "--no-fund"], cwd=folder)
    constraints = as_constraints(folder / "constraints.txt")
    pure = ["--no-deps", "--only-binary=:all:", "--implementation=py", "--abi=none", "--platform=any"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder / "pure"), *pure]
    run_or_skip([*command, "--python-version=3.12", "--constraint", str(constraints), *FETCHED])
    cell = {"id": "loops", "cell_type": "code", "source": LOOPS, "metadata": {}}
    stored = {"output_type": "stream", "name": "stdout", "text": "not_yet\nTrue\n"}
    loops = json.dumps({"cells": [{**cell, "outputs": [stored]}]})
    (folder / "pure" / "loops.ipynb").write_text(loops, encoding="utf-8")
    steps = [part for name, cell in STEPS.items() for part in ("--steps", f"{name}:{cell}")]
    settings = {
        "modules": str(folder / "node_modules"), "wheels": str(wheels_folder), "course": str(ROOT),
        "packages": [str(folder / "pure")], "arguments": [*steps, *NOTEBOOKS, LOOPS_NOTEBOOK],
    }  # fmt: skip
    done = subprocess.run(
        [node, str(HERE / "run_in_pyodide.js"), json.dumps(settings)],
        capture_output=True, text=True, encoding="utf-8", timeout=1500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    versions, *reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return versions, {report["notebook"]: report for report in reports}


def test_this_is_the_oldest_that_the_course_promises(ran):
    assert ran[0] == {"python": "3.12", "platform": "emscripten", "numpy": "2.0.2", "matplotlib": "3.8.4"}


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_runs_in_pyodide_and_says_what_is_stored(ran, notebook):
    report = ran[1][notebook]
    print(f"{report.get('seconds')} s in Pyodide, the slowest cells: {report.get('slowest')}")
    assert report["raised"] is None, report
    assert report["cells"] == report["of"]
    assert report["differ"] == {}


def test_loops_without_end_are_stopped_and_threads_are_done_without(ran):
    report = ran[1][LOOPS_NOTEBOOK]
    assert (report["raised"], report["differ"]) == (None, {})
