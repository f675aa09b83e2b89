"""Where the time of tiled attention goes: `python benchmarks/attention_profile.py`.

One head on one processor, so that nothing else has a part in it. Each step of a block is timed where it stands in the
code; beside it, the pairs that are computed against those that are allowed, and PyTorch on one thread in the same run.
Leave the machine alone meanwhile. Writes docs/attention_profile.md.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.attention import tiled, tiled_attention
from course_lib.attention.tiles import Tiles

D_K, ROUNDS = 64, 9
STEPS = {"matmul": "both matrix products", "exp": "exponentials", "dot": "row sums", "multiply": "masks at the edge"}
TARGET = Path(__file__).resolve().parent.parent / "docs" / "attention_profile.md"


class TimedNumPy:
    """NumPy as tiled.py sees it, with a stop watch in the functions that touch whole blocks."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STEPS, 0.0)

    def __getattr__(self, name: str) -> Any:
        function = getattr(np, name)
        return self.watch(name, function) if name in STEPS else function

    def watch(self, name: str, function: Any) -> Any:
        """Return the function with a stop watch."""

        def timed(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **options)
            self.spent[name] += time.perf_counter() - start
            return result

        return timed


def seconds(call: Any) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def split(arrays: list[np.ndarray], options: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of each step, and of the rest, in one call."""
    watch, usual = TimedNumPy(), tiled.exponentials
    power, unit = usual(arrays[0].dtype)
    timed = tiled.Exponentials(watch.watch("exp", power), unit)  # whichever exponential the processor is given
    tiled.np, tiled.exponentials = watch, lambda dtype: timed  # type: ignore[attr-defined, assignment]
    try:
        total = seconds(lambda: tiled_attention(*arrays, n_threads=1, **options))
    finally:
        tiled.np, tiled.exponentials = np, usual  # type: ignore[attr-defined]
    named = {STEPS[name]: spent for name, spent in watch.spent.items()}
    return {"all": total, **named, "the rest": total - sum(named.values())}


def pairs_visited(arrays: list[np.ndarray], is_causal: bool) -> float:
    """Return how many pairs are computed for each pair that is allowed."""
    tiles = Tiles(*arrays, None)
    tiles.restrict(None, is_causal, 0, None)
    visited = 0
    for _, rows in tiles.strips():
        for columns in tiles.columns(rows):
            seen = tiles.rows_that_see(rows, columns)
            visited += (seen.stop - seen.start) * (columns.stop - columns.start)
    n = len(arrays[0])
    return visited / (n * (n + 1) / 2 if is_causal else n * n)


def peer(arrays: list[np.ndarray], is_causal: bool) -> Any:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    tensors = [torch.from_numpy(array)[None, None] for array in arrays]
    return lambda: torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=is_causal)


def row_of(n: int, name: str, size: float, is_causal: bool) -> str:
    rng = np.random.default_rng(n)
    arrays = [rng.standard_normal((n, D_K)).astype(np.float32) for _ in range(3)]
    arrays[0] *= size
    options = {"is_causal": is_causal}
    torch_call = peer(arrays, is_causal)
    parts, torch_seconds = [], []
    for _ in range(ROUNDS):
        parts.append(split(arrays, options))
        if torch_call is not None:
            torch_seconds.append(seconds(torch_call))
    whole = float(np.median([part["all"] for part in parts]))
    shares = [
        f"{np.median([part[step] / part['all'] for part in parts]):.0%}" for step in (*STEPS.values(), "the rest")
    ]
    beside = f"{np.median(torch_seconds) / whole:.2f}" if torch_seconds else ""
    visited = f"{pairs_visited(arrays, is_causal):.2f}"
    return f"| {name} | {n:,} | {1000 * whole:.1f} | {' | '.join(shares)} | {visited} | {beside} |"


def main() -> None:
    head = ["case", "n", "ms", *STEPS.values(), "the rest", "pairs computed / allowed", "PyTorch / tiled_attention"]
    lines = [
        "# Where the time of tiled attention goes", "",
        f"One head, d_k = {D_K}, float32, one thread; medians of {ROUNDS} rounds, PyTorch in turn with ours. Made by",
        "`python benchmarks/attention_profile.py`.", "",
        "| " + " | ".join(head) + " |", "| --- " * len(head) + "|",
    ]  # fmt: skip
    for n in (2048, 4096, 8192):
        lines.append(row_of(n, "full", 1.0, False))
        lines.append(row_of(n, "causal", 1.0, True))
        lines.append(row_of(n, "full, scores too large for exp", 6.0, False))
    lines += [
        "",
        "The products run at the speed of the library behind `@`. What PyTorch does inside one loop, NumPy does in",
        "passes over a block that stays in the cache: the exponentials, then the sums. Where scores may be too large",
        "for exp, a maximum is looked for and subtracted in two more passes, which count as the rest.",
    ]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
