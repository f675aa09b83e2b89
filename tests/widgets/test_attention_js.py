"""The front end's arithmetic agrees with course_lib.attention, on the same random arrays, to 1e-12."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_lib import attention as steps

WIDGETS = Path(steps.__file__).parents[1] / "widgets"
MODULES = ("attention.js", "arithmetic/heads.js", "arithmetic/positions.js", "arithmetic/tiles.js")
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: the front end's arithmetic is not compared"
)

RUNNER = """
import * as one from "./attention.js";
import * as heads from "./arithmetic/heads.js";
import * as positions from "./arithmetic/positions.js";
import * as tiles from "./arithmetic/tiles.js";
import { readFileSync } from "node:fs";
const steps = { ...one, ...heads, ...positions, ...tiles };
const revive = (_, value) => (value === "-inf" ? -Infinity : value);
const plain = (_, value) => (value === -Infinity ? "-inf" : value);
const calls = JSON.parse(readFileSync(0, "utf8"), revive);
console.log(JSON.stringify(calls.map(([name, ...given]) => steps[name](...given)), plain));
"""


def run_js(folder: Path, calls: list[list[Any]]) -> list[Any]:
    """Call functions of the front end's arithmetic by name in one run of node."""
    (folder / "arithmetic").mkdir(exist_ok=True)
    for module in MODULES:
        shutil.copy(WIDGETS / module, folder / module)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
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


def assert_agree(folder: Path, pairs: list[tuple[list[Any], Any]]) -> None:
    """Hold every call's answer to what Python computes: the same shape, the same numbers to 1e-12."""
    for (call, expected), answer in zip(pairs, run_js(folder, [call for call, _ in pairs]), strict=True):
        got, wanted = np.asarray(answer, float), np.asarray(expected, float)
        assert got.shape == wanted.shape, call[0]
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12, err_msg=str(call[0]))


def test_masks_agree_with_python(tmp_path: Path) -> None:
    query, key, value, mask = random_case(11)
    added = np.random.default_rng(12).normal(size=(3, 5))
    windows = ([1, 0], [None, 1], [2, None], [None, None], [0, 2], 1)
    pairs: list[tuple[list[Any], Any]] = [
        (["slidingWindowMask", 3, 5, window, offset], steps.sliding_window_mask(3, 5, window, offset=offset))
        for window in windows
        for offset in (0, 2)
    ]
    causal = steps.causal_mask(3, 5)
    pairs += [
        (["paddingMask", [3, 0, 5, 1], 5], steps.padding_mask([3, 0, 5, 1], 5)),
        (["combineMasks", mask, causal], mask & causal),
        (["combineMasks", mask, None, causal, steps.sliding_window_mask(3, 5, 1)],
         mask & causal & steps.sliding_window_mask(3, 5, 1)),
        (["combineMasks", added, 2 * added], 3 * added),
        (["attentionWeights", query, key, {"window": [1, None], "offset": 2}],
         steps.attention_weights(query, key, window=(1, None), offset=2)),
        (["attention", query, key, value, {"mask": added, "isCausal": True, "window": [1, 0], "offset": 1}],
         steps.attention(query, key, value, mask=added, is_causal=True, window=(1, 0), offset=1)),
        (["attention", query, key, value, {"mask": mask, "isCausal": True, "window": 2}],
         steps.attention(query, key, value, mask=mask, is_causal=True, window=2)),
    ]  # fmt: skip
    assert_agree(tmp_path, pairs)


def test_combine_masks_forbids_what_one_forbids_and_adds_what_is_added(tmp_path: Path) -> None:
    mixed = run_js(tmp_path, [["combineMasks", [[0.5, -1]], [[True, False]]], ["combineMasks", None, None]])
    assert mixed == [[[0.5, False]], None]


def test_heads_agree_with_python(tmp_path: Path) -> None:
    rng = np.random.default_rng(13)
    x = rng.normal(size=(5, 6))
    w_query, w_key, w_value = rng.normal(size=(6, 12)), rng.normal(size=(6, 6)), rng.normal(size=(6, 4))
    w_output = rng.normal(size=(8, 3))
    query, key, value = (
        steps.split_heads(x @ weight, n_heads) for weight, n_heads in ((w_query, 4), (w_key, 2), (w_value, 2))
    )
    weights = steps.attention_weights(query, key, is_causal=True)
    mask, masks = rng.random((5, 5)) < 0.6, rng.random((4, 5, 5)) < 0.6
    added = rng.normal(size=(4, 5, 5))
    given = [x, w_query, w_key, w_value, w_output, 4]
    pairs: list[tuple[list[Any], Any]] = [
        (["splitHeads", x, 3], steps.split_heads(x, 3)),
        (["mergeHeads", steps.split_heads(x, 3)], x),
        (["mergeHeads", query], steps.merge_heads(query)),
        (["multiHeadWeights", query, key, {"isCausal": True}], weights),
        (["multiHeadWeights", query, key, {"mask": mask}], steps.attention_weights(query, key, mask=mask)),
        (["multiHeadWeights", query, key, {"mask": added}], steps.attention_weights(query, key, mask=added)),
        (["multiHeadOutput", weights, value], steps.weighted_sum(weights, value)),
        (["multiHeadAttention", *given], steps.multi_head_attention(*given)),
        (["multiHeadAttention", *given, {"mask": masks, "window": [2, 1], "scale": 0.3}],
         steps.multi_head_attention(*given, mask=masks, window=(2, 1), scale=0.3)),
    ]  # fmt: skip
    assert_agree(tmp_path, pairs)


@pytest.mark.parametrize("offset", [0, 3])
def test_positions_agree_with_python(tmp_path: Path, offset: int) -> None:
    rng = np.random.default_rng(14)
    x, positions = rng.normal(size=(5, 6)), np.array([0, 1, 7.5, 1000, 3])
    pairs: list[tuple[list[Any], Any]] = [
        (["sinusoidalPositions", 7, 6], steps.sinusoidal_positions(7, 6)),
        (["sinusoidalPositions", 4, 5], steps.sinusoidal_positions(4, 5)),
        (["rotate", x, positions], steps.rotate(x, positions)),
        (["rotate", x, positions, {"interleaved": False}], steps.rotate(x, positions, interleaved=False)),
        (["rotate", x, positions, {"base": 50, "interleaved": True}], steps.rotate(x, positions, base=50)),
        *((["alibiBias", n, 3, 5, offset], steps.alibi_bias(n, 3, 5, offset=offset)) for n in (1, 2, 3, 6, 8, 12)),
    ]
    assert_agree(tmp_path, pairs)


@pytest.mark.parametrize("scale", [1.0, 400.0], ids=["ordinary scores", "huge scores"])
@pytest.mark.parametrize("sizes", [(5,), (1, 1, 1, 1, 1), (2, 3), (3, 0, 2)], ids=str)
def test_online_softmax_agrees_with_tiled_attention(tmp_path: Path, scale: float, sizes: tuple[int, ...]) -> None:
    query, key, value, mask = random_case(15, scale)
    scores = np.where(mask, steps.scaled_scores(query, key), -np.inf)
    expected = steps.tiled_attention(query, key, value, mask=mask)
    states = [run_js(tmp_path, [["onlineSoftmaxStart", 2]])[0]] * len(query)
    start = 0
    for size in sizes:
        block = slice(start, start + size)
        calls = [
            ["onlineSoftmaxStep", state, row[block], value[block]] for state, row in zip(states, scores, strict=True)
        ]
        states, start = run_js(tmp_path, calls), start + size
    answers = run_js(tmp_path, [["onlineSoftmaxOutput", state] for state in states])
    np.testing.assert_allclose(answers, expected, rtol=1e-12, atol=1e-12)
    for state, row in zip(states, scores, strict=True):
        assert state["largest"] in (row.max(), "-inf")


def test_arithmetic_refuses_what_does_not_fit(tmp_path: Path) -> None:
    x = np.zeros((3, 4))
    for call, complaint in (
        (["splitHeads", x, 3], "d_model=4 cannot be split into n_heads=3"),
        (["splitHeads", x, 0], "n_heads=0"),
        (["multiHeadWeights", [x, x, x], [x, x]], "3 query heads cannot share 2"),
        (["rotate", x, [1, 2]], "one position for each of the 3 rows, not 2"),
        (["rotate", np.zeros((2, 3)), [0, 1]], "d_k=3 is odd"),
        (["onlineSoftmaxStep", {"largest": 0, "total": 0, "mixed": [0]}, [1, 2], [[1]]], "block_size: 2 against 1"),
    ):
        with pytest.raises(AssertionError, match=complaint):
            run_js(tmp_path, [call])


def test_attention_js_refuses_arrays_that_do_not_fit(tmp_path: Path) -> None:
    query, key, value, _ = random_case(9)
    with pytest.raises(AssertionError, match="disagree on d_k"):
        run_js(tmp_path, [["dotProductScores", query, value]])
    with pytest.raises(AssertionError, match="disagree on n_keys"):
        run_js(tmp_path, [["weightedSum", steps.attention_weights(query, key), query]])
    with pytest.raises(AssertionError, match="disagree on d_in"):
        run_js(tmp_path, [["project", query, value]])
