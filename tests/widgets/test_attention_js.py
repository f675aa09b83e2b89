"""The front end's arithmetic agrees with course_lib.attention, on the same random arrays, to 1e-12."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_lib import attention as steps

MODULE = Path(steps.__file__).parents[1] / "widgets" / "attention.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: the front end's arithmetic is not compared"
)

RUNNER = """
import * as steps from "./attention.mjs";
import { readFileSync } from "node:fs";
const revive = (_, value) => (value === "-inf" ? -Infinity : value);
const plain = (_, value) => (value === -Infinity ? "-inf" : value);
const calls = JSON.parse(readFileSync(0, "utf8"), revive);
console.log(JSON.stringify(calls.map(([name, ...given]) => steps[name](...given)), plain));
"""


def run_js(folder: Path, calls: list[list[Any]]) -> list[Any]:
    """Call functions of attention.js by name in one run of node."""
    (folder / "attention.mjs").write_text(MODULE.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "runner.mjs").write_text(RUNNER, encoding="utf-8")
    text = json.dumps(calls, default=lambda array: array.tolist()).replace("-Infinity", '"-inf"')
    done = subprocess.run(
        [str(NODE), "runner.mjs"], cwd=folder, input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [_with_infinity(answer) for answer in json.loads(done.stdout)]


def _with_infinity(answer: Any) -> Any:
    return (
        [_with_infinity(part) for part in answer]
        if isinstance(answer, list)
        else -np.inf
        if answer == "-inf"
        else answer
    )


def random_case(seed: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return query (3, 4), key (5, 4), value (5, 2) and a bool mask (3, 5) with one row that allows nothing."""
    rng = np.random.default_rng(seed)
    query, key = scale * rng.normal(size=(3, 4)), scale * rng.normal(size=(5, 4))
    mask = rng.random((3, 5)) < 0.6
    mask[1] = False
    return query, key, rng.normal(size=(5, 2)), mask


@pytest.mark.parametrize("scale", [1.0, 40.0], ids=["ordinary scores", "huge scores"])
def test_attention_js_agrees_with_python(tmp_path: Path, scale: float) -> None:
    query, key, value, mask = random_case(7, scale)
    rng = np.random.default_rng(8)
    scores, added = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    weights = steps.softmax(scores)
    x, weight = rng.normal(size=(6, 4)), rng.normal(size=(4, 3))
    pairs = [
        (["dotProductScores", query, key], steps.dot_product_scores(query, key)),
        (["scaledScores", query, key], steps.scaled_scores(query, key)),
        (["scaledScores", query, key, 0.3], steps.scaled_scores(query, key, scale=0.3)),
        (["softmax", scale * scores], steps.softmax(scale * scores)),
        (["softmax", scores, 0.07], steps.softmax(scores, temperature=0.07)),
        (["causalMask", 3, 5, 1], steps.causal_mask(3, 5, offset=1)),
        (["maskedScores", scores, mask], np.where(mask, scores, -np.inf)),
        (["maskedScores", scores, added], scores + added),
        (["softmax", np.where(mask, scores, -np.inf)], steps.softmax(np.where(mask, scores, -np.inf))),
        (["weightedSum", weights, value], steps.weighted_sum(weights, value)),
        (["project", x, weight], steps.project(x, weight)),
        (["attentionWeights", query, key], steps.attention_weights(query, key)),
        (["attentionWeights", query, key, {"mask": mask}], steps.attention_weights(query, key, mask=mask)),
        (["attentionWeights", query, key, {"mask": added}], steps.attention_weights(query, key, mask=added)),
        (["attention", query, key, value], steps.attention(query, key, value)),
        (
            ["attention", query, key, value, {"mask": mask, "isCausal": True, "offset": 1, "scale": 0.9}],
            steps.attention(query, key, value, mask=mask, is_causal=True, offset=1, scale=0.9),
        ),
    ]
    answers = run_js(tmp_path, [call for call, _ in pairs])
    for (call, expected), answer in zip(pairs, answers, strict=True):
        np.testing.assert_allclose(np.asarray(answer, float), expected, rtol=1e-12, atol=1e-12, err_msg=str(call[0]))


def test_attention_js_refuses_arrays_that_do_not_fit(tmp_path: Path) -> None:
    query, key, value, _ = random_case(9)
    with pytest.raises(AssertionError, match="disagree on d_k"):
        run_js(tmp_path, [["dotProductScores", query, value]])
    with pytest.raises(AssertionError, match="disagree on n_keys"):
        run_js(tmp_path, [["weightedSum", steps.attention_weights(query, key), query]])
    with pytest.raises(AssertionError, match="disagree on d_in"):
        run_js(tmp_path, [["project", query, value]])
