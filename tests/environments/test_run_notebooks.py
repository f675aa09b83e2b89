"""The runner of notebooks notices what it is there for: it is itself run here, natively."""

import json
import subprocess
import sys

import pytest
from environments import HERE, ROOT, plain_environ


def code_cell(name, source, *outputs, tags=()):
    return {
        "id": name,
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": list(outputs),
    }


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def report_of(tmp_path, cells, *options):
    path = tmp_path / "made.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(HERE / "run_notebooks.py"), *options, str(ROOT), str(path)],
        capture_output=True, text=True, timeout=120, check=False, env=plain_environ(PYTHONPATH=str(ROOT)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_runner_compares_texts_and_leaves_tagged_cells_alone(tmp_path):
    shown = {"output_type": "execute_result", "data": {"text/plain": ["array([1.,\n", "       2.])"]}}
    report = report_of(tmp_path, [
        code_cell("right", "import numpy as np\nprint('one')\nnp.array([[1.0], [2.0]])[:, 0].reshape(2)"),
        code_cell("printed", "print('one')", printed("one\n")),
        code_cell("wrong", "print('two')", printed("one\n")),
        code_cell("shown", "6 * 7", {"output_type": "execute_result", "data": {"text/plain": "42"}}),
        code_cell("tagged", "print('anything')", tags=["nbval-ignore-output"]),
        code_cell("other", "np.array([1.0, 3.0])", shown),
    ])  # fmt: skip
    assert report["raised"] is None
    assert sorted(report["differ"]) == ["other", "right", "wrong"]
    assert report["differ"]["wrong"] == [["one\n"], ["two\n"]]


@pytest.mark.parametrize(
    ("source", "tags", "said"),
    [
        ("1 / 0", [], "ZeroDivisionError"),
        ("1 +", [], "SyntaxError"),
        ("1 / 1", ["raises-exception"], "should have raised"),
        ("raise SystemExit", [], "SystemExit"),
    ],
)
def test_runner_stops_at_the_first_cell_that_raises(tmp_path, source, tags, said):
    report = report_of(tmp_path, [code_cell("first", source, tags=tags), code_cell("second", "2", printed(""))])
    assert report["raised"][0] == "first"
    assert said in report["raised"][1]
    assert (report["cells"], report["of"]) == (1, 2)


def test_runner_shortens_the_training_of_the_named_cell_only(tmp_path):
    cells = [code_cell(name, "N_STEPS = 800\nprint(N_STEPS)", printed("800\n")) for name in ("one", "other")]
    report = report_of(tmp_path, cells, "--steps", f"{tmp_path}/made.ipynb:one=7")
    assert report["differ"] == {"one": [["800\n"], ["7\n"]]}
    report = report_of(tmp_path, cells, "--steps", f"{tmp_path}/made.ipynb:gone=7")
    assert "no such cell" in report["raised"][1]
