"""How fast the language model is, beside transformers on the same weights: `python benchmarks/language_model.py`.

Both take turns in one process, with two threads each: reading 512 tokens, and writing one token after another. Before
that, both are held to the same: the scores of every next token on 20 prompts, and 50 tokens written on each. Loading
and memory are measured in fresh processes. It takes some minutes and writes docs/language_model_benchmark.md;
`--quick` only prints. Leave the machine alone meanwhile. It needs torch and transformers, and the model.
"""

# ruff: noqa: E402  (NumPy and PyTorch read the number of threads from the environment once, when they are imported)

import os
import sys

N_THREADS = 2
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = str(N_THREADS)

import argparse
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from language_model_peer import peer_of

from course_lib.models.language_model import LanguageModel, load_model, stream

N_PREFILL, N_WRITTEN, N_AGREEMENT = 512, 48, 50
DOCS = Path(__file__).resolve().parent.parent / "docs"
PROMPTS = [
    "What is the capital of France?", "Write a poem about rain.", "2+2=", "def fibonacci(n):", "Once upon a time",
    "Explain photosynthesis to a child.", "The quick brown fox", "List three fruits.", "Who wrote Hamlet?",
    "Say hello in Spanish.", "import numpy as np\n", "What is 17 times 3?", "Why is the sky blue?", "Tell me a joke.",
    "The meaning of life is", "In 1969,", "SELECT * FROM", "How do I boil an egg?", "Name the planets.",
    "Café 😀 naïve",
]  # fmt: skip
LOADING = (
    "import time; began = time.perf_counter()\n"
    "from course_lib.models.language_model import load_model, stream\n"
    "model = load_model(); loaded = time.perf_counter() - began\n"
    "next(stream(model, model.tokenizer.chat('Hi'), n_tokens=1)); first = time.perf_counter() - began\n"
    f"list(stream(model, list(range(300, {300 + N_PREFILL})), n_tokens=8))\n"
    "memory = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
    "print(loaded, first, int(memory) / 2**20)"
)

Times = dict[str, list[float]]


class Theirs:
    """transformers with its own cache, called as its `generate` calls it."""

    def __init__(self, model: LanguageModel) -> None:
        import torch

        torch.set_num_threads(N_THREADS)
        self.torch, self.network = torch, peer_of(model)

    def run(self, tokens: list[int], cache: Any = None, *, last_only: bool = True) -> tuple[Any, Any]:
        """Return the scores, (n, vocabulary_size), and the cache."""
        with self.torch.inference_mode():
            done = self.network(
                self.torch.tensor([tokens]), past_key_values=cache, use_cache=True, logits_to_keep=int(last_only)
            )
        return done.logits[0], done.past_key_values

    def write(self, prompt: list[int], n_tokens: int) -> list[int]:
        """Return the most likely tokens, one after the other."""
        scores, cache = self.run(prompt)
        written = [int(scores[-1].argmax())]
        while len(written) < n_tokens:
            scores, cache = self.run(written[-1:], cache)
            written.append(int(scores[-1].argmax()))
        return written


def agreement(model: LanguageModel, theirs: Theirs) -> tuple[float, int]:
    """Return the largest difference of a score on the prompts, and on how many both write the same."""
    largest, n_same = 0.0, 0
    for place, text in enumerate(PROMPTS):
        tokens = model.tokenizer.encode(text) if place % 2 else model.tokenizer.chat(text)
        scores, _ = theirs.run(tokens, last_only=False)
        largest = max(largest, float(np.abs(scores.numpy() - model.forward(tokens)).max()))
        ours = list(stream(model, tokens, n_tokens=N_AGREEMENT))
        n_same += theirs.write(tokens, N_AGREEMENT)[: len(ours)] == ours  # ours ends where the answer does
    return largest, n_same


def tasks(model: LanguageModel, theirs: Theirs) -> dict[str, Callable[[], float]]:
    """Return what is timed: the seconds of one reading, and of one token written."""
    text = np.random.default_rng(0).integers(300, 40_000, size=N_PREFILL).tolist()
    prompt = model.tokenizer.chat("Tell me about rain.")

    def read_ours() -> float:
        began = time.perf_counter()
        model.forward(text, cache=model.new_cache(), last_only=True)
        return time.perf_counter() - began

    def read_theirs() -> float:
        began = time.perf_counter()
        theirs.run(text)
        return time.perf_counter() - began

    def write_ours() -> float:
        cache = model.new_cache()
        token = int(model.forward(prompt, cache=cache, last_only=True)[-1].argmax())
        began = time.perf_counter()
        for _ in range(N_WRITTEN):
            token = int(model.forward([token], cache=cache, last_only=True)[-1].argmax())
        return (time.perf_counter() - began) / N_WRITTEN

    def write_theirs() -> float:
        scores, cache = theirs.run(prompt)
        token = int(scores[-1].argmax())
        began = time.perf_counter()
        for _ in range(N_WRITTEN):
            scores, cache = theirs.run([token], cache)
            token = int(scores[-1].argmax())
        return (time.perf_counter() - began) / N_WRITTEN

    return {
        "read, course": read_ours, "read, transformers": read_theirs,
        "write, course": write_ours, "write, transformers": write_theirs,
    }  # fmt: skip


def measure(model: LanguageModel, theirs: Theirs, n_rounds: int) -> Times:
    """Let all take turns, after one round that does not count."""
    timed = tasks(model, theirs)
    for call in timed.values():
        call()
    times: Times = {name: [] for name in timed}
    for _ in range(n_rounds):
        for name, call in timed.items():
            times[name].append(call())
        last = "; ".join(f"{name} {seconds[-1]:.3f} s" for name, seconds in times.items())
        print(last, file=sys.stderr, flush=True)
    return times


def loading(n_rounds: int) -> list[list[float]]:
    """Return seconds to load, seconds to the first token, and GiB at most, in fresh processes."""
    done = [
        subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(n_rounds)
    ]
    return [[float(number) for number in row] for row in done]


def report(times: Times, loaded: list[list[float]], agreed: tuple[float, int] | None) -> str:
    """Return what was measured, as Markdown."""
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    spread = {name: f"{min(seconds):.3g} to {max(seconds):.3g}" for name, seconds in times.items()}
    load, first, memory = (statistics.median(row[place] for row in loaded) for place in range(3))
    lines = [
        "# The language model, beside transformers", "",
        f"SmolLM2-135M in float32, the same weights for both, {N_THREADS} threads each, taking turns in one process; "
        f"medians of {len(times['read, course'])} rounds. {platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}, NumPy {np.__version__}. Made by `python benchmarks/language_model.py`.", "",
        "| task | course | transformers | ratio of speeds | course, lowest to highest (s) | transformers (s) |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for task, what, number in (("read", f"reading {N_PREFILL} tokens", N_PREFILL), ("write", "writing", 1)):
        ours, their = median[f"{task}, course"], median[f"{task}, transformers"]
        lines.append(
            f"| {what} | {number / ours:.1f} tokens/s | {number / their:.1f} tokens/s | {their / ours:.2f} | "
            f"{spread[f'{task}, course']} | {spread[f'{task}, transformers']} |"
        )
    lines += [
        "", f"Loading, with imports: {load:.2f} s in a fresh process, {first:.2f} s until the first token is there. "
        f"At most {memory:.2f} GiB of memory, with {N_PREFILL} tokens read, the mapped weights counted.",
    ]  # fmt: skip
    if agreed is not None:
        lines += [
            "", f"On {len(PROMPTS)} prompts no score of a next token differs by more than {agreed[0]:.1e}, and on "
            f"{agreed[1]} of them both write the same {N_AGREEMENT} tokens, or up to the end of the answer.",
        ]  # fmt: skip
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, print, and write the report unless it was to be quick."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two rounds, no comparison of what is written; print only")
    parser.add_argument("--no-agreement", action="store_true", help="leave out the twenty prompts")
    options = parser.parse_args()
    n_rounds = 2 if options.quick else 5
    model = load_model()
    loaded = loading(n_rounds)
    theirs = Theirs(model)
    times = measure(model, theirs, n_rounds)
    agreed = None if options.quick or options.no_agreement else agreement(model, theirs)
    text = report(times, loaded, agreed)
    print(text)
    if not (options.quick or options.no_agreement):
        (DOCS / "language_model_benchmark.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
