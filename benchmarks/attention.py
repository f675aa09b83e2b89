"""How fast attention is, beside its peers: `python benchmarks/attention.py`.

The plain formula, our attention and tiled_attention, PyTorch's scaled_dot_product_attention, onnxruntime's Attention
operator, and the bare pair of matrix products, which nothing that multiplies matrices can beat. They take turns in one
process, for several rounds; each peer computes the same numbers, and the run stops where two of them disagree.

A full run takes under ten minutes on two processors and writes attention_benchmark.md and .png into docs/;
`--quick` takes a few seconds and only prints. Leave the machine alone meanwhile.
"""

# ruff: noqa: E402  (NumPy and PyTorch read the number of threads from the environment once, when they are imported)

import os
import sys

N_THREADS = 2
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = str(N_THREADS)

import argparse
import json
import platform
import random
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from attention_report import REFERENCE, Results, draw, exponents, report
from threadpoolctl import ThreadpoolController

from course_lib.attention import attention, tiled_attention

N_HEADS, D_K, WINDOW = 8, 64, 256
CASES = ("full", "causal", "window", "decode")
SIZES = (4, 16, 64, 256, 512, 1024, 2048, 4096, 8192, 16384)
QUICK_SIZES = (4, 64, 256, 1024)
ONE_HEAD_SIZES = (1024, 4096, 16384, 65536)
MOST_MEMORY = 8 * 2**30
DOCS = Path(__file__).resolve().parent.parent / "docs"

Array = np.ndarray[Any, np.dtype[Any]]
Call = Callable[[], Any]


class NotRun(Exception):
    """Why a peer sits out."""


class Problem:
    """Random query, key and value of one case and size, and the case's mask for peers that have no such option."""

    def __init__(self, case: str, n: int, n_heads: int = N_HEADS) -> None:
        self.case, self.n, self.n_heads = case, n, n_heads
        rng = np.random.default_rng(n)
        n_queries = 1 if case == "decode" else n
        sizes = (n_queries, n, n)
        self.query, self.key, self.value = (
            rng.standard_normal((n_heads, size, D_K), dtype=np.float32) for size in sizes
        )
        self.options: dict[str, Any] = {"causal": {"is_causal": True}, "window": {"window": WINDOW}}.get(case, {})

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        return self.query, self.key, self.value

    def allowed(self) -> Array | None:
        """Return where a query may attend, or None where everywhere."""
        if self.case in ("full", "decode", "one head"):
            return None
        distance = np.arange(self.n, dtype=np.int32) - np.arange(self.n, dtype=np.int32)[:, np.newaxis]
        return distance <= 0 if self.case == "causal" else np.abs(distance, out=distance) <= WINDOW

    def require_memory(self, n_tables: int) -> None:
        """Raise `NotRun` if so many tables of scores do not fit what a call may take."""
        needed = n_tables * self.n_heads * self.query.shape[-2] * self.n * 4
        if needed > MOST_MEMORY:
            raise NotRun(f"would need more than {MOST_MEMORY / 2**30:.0f} GiB for its scores")


def our_attention(problem: Problem) -> Call:
    return lambda: attention(*problem.arrays, **problem.options)


def our_tiled_attention(problem: Problem) -> Call:
    return lambda: tiled_attention(*problem.arrays, **problem.options, n_threads=N_THREADS)


def plain_formula(problem: Problem) -> Call:
    """softmax(Q K^T / sqrt(d_k)) V as one writes it down."""
    problem.require_memory(2)
    query, key, value = problem.arrays
    allowed = problem.allowed()

    def call() -> Array:
        scores = query @ np.swapaxes(key, -1, -2) / np.float32(np.sqrt(D_K))
        if allowed is not None:
            scores = np.where(allowed, scores, np.float32(-np.inf))
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True) @ value

    return call


def pytorch(problem: Problem) -> Call:
    """With is_causal where it is causal, and with a float mask in the window: it is faster than the bool one."""
    import torch

    torch.set_num_threads(N_THREADS)
    arrays = [torch.from_numpy(array)[np.newaxis] for array in problem.arrays]
    options: dict[str, Any] = {"is_causal": problem.case == "causal"}
    if problem.case == "window":
        options["attn_mask"] = torch.zeros(problem.n, problem.n).masked_fill_(
            torch.from_numpy(~problem.allowed()), -torch.inf
        )

    def call() -> Any:
        with torch.inference_mode():
            return torch.nn.functional.scaled_dot_product_attention(*arrays, **options)[0]

    return call


def onnxruntime(problem: Problem) -> Call:
    """The Attention operator of ai.onnx, opset 23, in a model of this one node."""
    import onnxruntime as ort
    from onnx import TensorProto, helper

    problem.require_memory(2)
    feeds = {name: array[np.newaxis] for name, array in zip("qkv", problem.arrays, strict=True)}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in feeds.items()]
    if problem.case == "window":
        feeds["mask"] = problem.allowed()
        inputs.append(helper.make_tensor_value_info("mask", TensorProto.BOOL, feeds["mask"].shape))
    node = helper.make_node("Attention", list(feeds), ["y"], is_causal=int(problem.case == "causal"))
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "attention", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = N_THREADS, 1
    options.enable_cpu_mem_arena = False  # what a call has taken is given back, and can be measured
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the processors to the next peer
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, feeds)[0][0]


def matrix_products(problem: Problem) -> Call:
    """Q K^T and (anything) V, block by block where the case allows a pair: no softmax, so its numbers mean nothing."""
    if problem.case == "decode" or problem.n < 256:
        query, key, value = problem.arrays
        return lambda: (query @ np.swapaxes(key, -1, -2)) @ value
    blas = ThreadpoolController()
    pool = ThreadPoolExecutor(N_THREADS)

    def call() -> None:
        with blas.limit(limits=1, user_api="blas"):  # one thread for a head is faster than two for a block
            list(pool.map(lambda head: _products_of_head(problem, head), range(problem.n_heads)))

    return call


def _products_of_head(problem: Problem, head: int) -> None:
    query, key, value = (array[head] for array in problem.arrays)
    n, rows, columns = problem.n, 256 if problem.case == "window" else 512, 256
    scores, mixed = np.empty((rows, columns), np.float32), np.empty((rows, D_K), np.float32)
    for i in range(0, n, rows):
        i_end = min(i + rows, n)
        first = max(0, i - WINDOW) if problem.case == "window" else 0
        last = {"causal": i_end, "window": min(n, i_end + WINDOW)}.get(problem.case, n)
        for j in range(first, last, columns):
            j_end = min(j + columns, last)
            block = scores.reshape(-1)[: (i_end - i) * (j_end - j)].reshape(i_end - i, j_end - j)
            np.matmul(query[i:i_end], key[j:j_end].T, out=block)
            np.matmul(block, value[j:j_end], out=mixed[: i_end - i])


PEERS: dict[str, Callable[[Problem], Call]] = {
    "attention": our_attention,
    "tiled_attention": our_tiled_attention,
    "plain formula": plain_formula,
    "PyTorch": pytorch,
    "onnxruntime": onnxruntime,
    "matrix products": matrix_products,
}
DESCRIPTIONS = {
    "attention": "course_lib.attention.attention, which hands over to tiled_attention above a size",
    "tiled_attention": "course_lib.attention.tiled_attention",
    "plain formula": "softmax(Q K^T / sqrt(d_k)) V in five lines of NumPy, masked with np.where",
    "PyTorch": "scaled_dot_product_attention; is_causal, or the window as a float mask (faster than bool)",
    "onnxruntime": "the Attention operator of ai.onnx, opset 23; is_causal, or the window as a bool mask",
    "matrix products": "Q K^T and the product with V alone, for the blocks that hold allowed pairs; a thread a head",
}
# Peers that hold all scores: they get slow where they are out of the race, and then run once only.
FAR_BEHIND, LONG = ("plain formula", "onnxruntime"), 2.0
LARGEST_TABLES = 4096  # their memory is not measured beyond: it grows with the square, and nothing new is learned
IN_NUMPY = ("attention", "tiled_attention", "plain formula")  # tracemalloc sees what NumPy allocates


def timed(call: Call, repeats: int = 1) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - started) / repeats


def prepare(problem: Problem, skipped: list[dict[str, Any]]) -> dict[str, Call]:
    """Build every peer's call; note those that sit out."""
    calls = {}
    for peer, make in PEERS.items():
        try:
            calls[peer] = make(problem)
        except ImportError as error:
            entry = {"peer": peer, "case": "", "n": 0, "why": f"{error.name} is not installed"}
            if entry not in skipped:
                skipped.append(entry)
        except NotRun as reason:
            skipped.append({"peer": peer, "case": problem.case, "n": problem.n, "why": str(reason)})
    return calls


def call_once(calls: dict[str, Call], problem: Problem) -> tuple[dict[str, float], float]:
    """Return every peer's first time and how much the answers differ at most; stop where it is more than rounding."""
    seconds, ours, largest = {}, None, 0.0
    for peer, call in calls.items():
        started = time.perf_counter()
        answer = call()
        seconds[peer] = time.perf_counter() - started
        ours = np.asarray(answer) if peer == REFERENCE else ours
        if peer == "matrix products":
            continue
        largest = max(largest, float(np.max(np.abs(np.asarray(answer) - ours))))
        if not largest < 1e-4:
            raise SystemExit(f"{peer} and {REFERENCE} differ by {largest:g} ({problem.case}, n = {problem.n}).")
    return seconds, largest


def take_turns(
    calls: dict[str, Call], once: dict[str, float], budget: float, most_rounds: int
) -> dict[str, list[float]]:
    """Time all peers in turns, in an order drawn anew each round, for about `budget` seconds and at least 3 rounds.

    Returns the seconds of one call, by peer and round.
    """
    once = {peer: seconds if seconds > 0.5 else timed(calls[peer]) for peer, seconds in once.items()}
    repeats = {peer: max(1, min(2000, int(0.004 / seconds))) for peer, seconds in once.items()}
    a_round = sum(seconds for peer, seconds in once.items() if not (peer in FAR_BEHIND and seconds > LONG))
    n_rounds = max(3, min(most_rounds, int(budget / a_round)))
    rng, times = random.Random(0), {peer: [] for peer in calls}
    for turn in range(n_rounds):
        for peer in rng.sample(list(calls), len(calls)):
            if turn > 0 and peer in FAR_BEHIND and once[peer] > LONG:
                continue
            time.sleep(0.02)  # threads of the last peer that wait for more work go to sleep
            if once[peer] < 0.1:
                calls[peer]()
            times[peer].append(timed(calls[peer], repeats[peer]))
    return times


def numpy_memory(call: Call) -> int:
    """Return the most bytes that NumPy held at a time during a call, without the output's."""
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        output = call()
        return tracemalloc.get_traced_memory()[1] - before - int(output.nbytes)
    finally:
        tracemalloc.stop()


def resident_memory(call: Call) -> int:
    """Return by how much a call raised the peak of this process's memory, without the output's (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here
    before = _status("VmRSS")
    output = call()
    return max(0, _status("VmHWM") - before - int(output.nbytes))


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


def memory_of(peer: str, cases: list[str], sizes: list[int]) -> list[dict[str, Any]]:
    """Measure one peer's extra memory in this process."""
    measure, method = (numpy_memory, "tracemalloc") if peer in IN_NUMPY else (resident_memory, "resident memory")
    rows = []
    for case in cases:
        for n in sizes if case != "one head" else [size for size in ONE_HEAD_SIZES if size <= 4 * max(sizes)]:
            if peer in FAR_BEHIND and case != "decode" and n > LARGEST_TABLES:
                continue
            try:
                PEERS[peer](Problem(case, 8))()  # what a library sets up at its first call
                call = PEERS[peer](Problem(case, n, n_heads=1 if case == "one head" else N_HEADS))
                rows.append({"peer": peer, "case": case, "n": n, "extra_bytes": measure(call), "method": method})
            except (NotRun, ImportError):
                continue
    return rows


def memory_in_child(peer: str, cases: list[str], sizes: list[int]) -> list[dict[str, Any]]:
    """Measure a compiled peer in a process of its own, whose allocator gives back at once what was freed."""
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    asked = ["--cases", ",".join(cases), "--sizes", ",".join(map(str, sizes)), "--memory-of", peer]
    ran = subprocess.run([sys.executable, __file__, *asked], env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(ran.stdout)


def describe_machine() -> dict[str, str]:
    """Say what the numbers depend on, and nothing that tells one machine from another of its kind."""
    model = platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = f"{names[0].split(':')[1].strip()} ({model})" if names else model
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    machine = {
        "processor": model,
        "processors": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": platform.system(),
        "Python": platform.python_version(),
        "NumPy": f"{np.__version__} with {blas['name']} {blas['version']}",
    }
    for module in ("torch", "onnxruntime"):
        try:
            machine[module] = str(__import__(module).__version__)
        except ImportError:
            machine[module] = "not installed"
    return machine


def run(cases: list[str], sizes: list[int], *, quick: bool, say: Callable[[str], None]) -> Results:
    """Measure everything."""
    started = time.monotonic()
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5:
        say(f"Other programs keep this machine busy (load {os.getloadavg()[0]:.1f}): take the numbers with care.")
    skipped: list[dict[str, Any]] = []
    times: list[dict[str, Any]] = []
    budget, most_rounds = (0.3, 5) if quick else (6.0, 11)
    for case in cases:
        for n in sizes:
            problem = Problem(case, n)
            calls = prepare(problem, skipped)
            once, difference = call_once(calls, problem)
            for peer, seconds in take_turns(calls, once, budget, most_rounds).items():
                times.append({"case": case, "n": n, "peer": peer, "seconds": seconds, "difference": difference})
            say(f"{time.monotonic() - started:5.0f} s  {case:7} n = {n:6,}  " + _short(times, case, n))
    memory = measure_memory(cases, [n for n in sizes if n >= 256], skipped, quick=quick, say=say)
    return {
        "machine": describe_machine(),
        "settings": {"n_heads": N_HEADS, "d_k": D_K, "window": WINDOW, "n_threads": N_THREADS, "dtype": "float32"},
        "peers": DESCRIPTIONS,
        "times": times,
        "memory": memory,
        "skipped": skipped,
        "minutes": (time.monotonic() - started) / 60,
    }


def measure_memory(
    cases: list[str], sizes: list[int], skipped: list[dict[str, Any]], *, quick: bool, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measure every peer's memory, the NumPy ones here and the others in processes of their own."""
    missing = {row["peer"] for row in skipped if not row["n"]}
    memory: list[dict[str, Any]] = []
    if not sizes:
        return memory
    for peer in (*IN_NUMPY, "PyTorch", "onnxruntime"):
        say(f"memory of {peer}")
        if peer in IN_NUMPY:
            one_head = ["one head"] if peer == "tiled_attention" and "full" in cases and not quick else []
            memory += memory_of(peer, [*cases, *one_head], sizes)
        elif peer not in missing and Path("/proc/self/clear_refs").exists():
            memory += memory_in_child(peer, cases, sizes)
    return memory


def _short(times: list[dict[str, Any]], case: str, n: int) -> str:
    """Say the medians in a line."""
    rows = [row for row in times if row["case"] == case and row["n"] == n]
    return "  ".join(f"{row['peer']} {1000 * float(np.median(row['seconds'])):.3g}" for row in rows) + " ms"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast attention is, beside its peers.")
    parser.add_argument("--quick", action="store_true", help="few sizes and rounds; writes files only with --out")
    parser.add_argument("--sizes", help=f"numbers of tokens, with commas (default: {','.join(map(str, SIZES))})")
    parser.add_argument("--cases", default=",".join(CASES), help="of full,causal,window,decode (default: all)")
    parser.add_argument("--out", type=Path, help="folder for attention_benchmark.md and .png (default: docs)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON; progress goes to stderr")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)  # the process that measures one peer
    given = parser.parse_args()
    given.cases = given.cases.split(",")
    unknown = set(given.cases) - set(CASES)
    if unknown:
        parser.error(f"--cases knows {', '.join(CASES)}, not {', '.join(sorted(unknown))}")
    try:
        chosen = given.sizes.split(",") if given.sizes else QUICK_SIZES if given.quick else SIZES
        given.sizes = sorted(int(size) for size in chosen)
    except ValueError:
        parser.error(f"--sizes takes whole numbers with commas between them, not {given.sizes!r}")
    if given.sizes[0] < 1:
        parser.error("--sizes takes numbers above 0")
    return given


def main() -> None:
    given = arguments()
    if given.memory_of:
        json.dump(memory_of(given.memory_of, given.cases, given.sizes), sys.stdout)
        return
    results = run(
        given.cases, given.sizes, quick=given.quick, say=lambda line: print(line, file=sys.stderr, flush=True)
    )
    text = report(results)
    print(json.dumps(results | {"exponents": exponents(results)}, indent=1) if given.json else text)
    folder = given.out if given.out or given.quick else DOCS
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "attention_benchmark.md").write_text(
            text.replace("\n## ", "\n![Time and memory against n](attention_benchmark.png)\n\n## ", 1), encoding="utf-8"
        )
        draw(results, folder / "attention_benchmark.png")
        print(f"Written to {folder}.", file=sys.stderr)


if __name__ == "__main__":
    main()
