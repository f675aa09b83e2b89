"""Every lesson and solution with the oldest NumPy and matplotlib that pyproject.toml allows, installed anew."""

import subprocess
import sys
import tomllib
import venv

import pytest
from environments import ROOT, as_constraints, plain_environ, run_or_skip

pytestmark = pytest.mark.setup

OLDEST = {"numpy": "2.0.2", "matplotlib": "3.8.4"}
# What notebooks and their test need; JupyterLab, the builder and the command line stay out.
NEEDED = ("numpy", "matplotlib", "ipywidgets", "anywidget", "threadpoolctl", "filelock", "nbval", "ipykernel", "pytest")


def test_pyproject_allows_these_and_nothing_older():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    for name, version in OLDEST.items():
        assert f"{name}>={version.rpartition('.')[0]}" in needed


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="there is no NumPy 2.0 for this Python: take 3.11 or 3.12")
@pytest.mark.skipif(sys.platform == "win32", reason="the environment's Python is looked for in bin")
def test_notebooks_show_what_is_stored_with_the_oldest_numpy_and_matplotlib(tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = str(tmp_path / "env" / "bin" / "python")
    constraints = as_constraints(tmp_path / "constraints.txt", **OLDEST)
    run_or_skip([python, "-m", "pip", "install", "--quiet", "--constraint", str(constraints), *NEEDED])
    code = "import numpy, matplotlib; print(numpy.__version__, matplotlib.__version__)"
    versions = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert versions.stdout.split() == list(OLDEST.values())
    # -o addopts=: without the options that need the packages of the whole test suite
    options = ["--nbval", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "--rootdir", str(ROOT)]
    done = subprocess.run(
        [python, "-m", "pytest", *options, "notebooks", "exercises/solutions"],
        cwd=ROOT, env=plain_environ(PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1", JUPYTER_PREFER_ENV_PATH="1"),
        capture_output=True, text=True, encoding="utf-8", timeout=1500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    print(done.stdout.splitlines()[-1])
