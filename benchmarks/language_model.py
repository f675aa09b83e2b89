"""How fast the language model is, beside transformers on the same weights: `python benchmarks/language_model.py`.

They take turns in one process, with two threads each: reading 512 tokens, and writing one token after another; the
library as it comes, the library with the functions of the exercises' solutions as its steps, and transformers. Loading
and memory are measured in fresh processes. Then the two libraries are held to the same: the scores of every next token
on 20 prompts, and 50 tokens written on each. It takes some minutes and writes docs/language_model_benchmark.md;
`--quick` only prints. Leave the machine alone meanwhile. It needs torch and transformers, and the model.
"""

# ruff: noqa: E402  (NumPy and PyTorch read the number of threads from the environment once, when they are imported)

import os
import sys

N_THREADS = 2
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = str(N_THREADS)

import argparse
import importlib.metadata
import json
import platform
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from language_model_peer import peer_of
from language_model_report import LEARNER, N_AGREEMENT, N_READ, OURS, THEIRS, Agreement, Loading, report

from course_lib import attention as library
from course_lib.models.language_model import LanguageModel, load_model, stream

N_WRITTEN = 48
ROOT = Path(__file__).resolve().parent.parent
# The functions that exercises ask for, each with the number of its exercise.
SOLVED = {
    "project": "01", "scaled_scores": "02", "softmax": "03", "weighted_sum": "04", "causal_mask": "06",
    "split_heads": "07", "merge_heads": "07", "rotate": "08", "repeat_kv": "11",
}  # fmt: skip
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
    f"list(stream(model, list(range(300, {300 + N_READ})), n_tokens=8))\n"
    "memory = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
    "print(loaded, first, int(memory) / 2**20)"
)


def solutions() -> dict[str, Callable[..., Any]]:
    """Return the functions of the exercises' solutions, each from its notebook."""
    found: dict[str, Callable[..., Any]] = {}
    for name, number in SOLVED.items():
        (path,) = (ROOT / "exercises" / "solutions").glob(f"{number}_*.ipynb")
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        space: dict[str, Any] = {"np": np} | {one: getattr(library, one) for one in library.__all__}
        exec(next(source for source in sources if f"def {name}(" in source), space)
        found[name] = space[name]
    return found


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


def agreement(model: LanguageModel, theirs: Theirs) -> Agreement:
    """Return the largest difference of a score on the prompts, and on how many both write the same."""
    largest, n_same = 0.0, 0
    for place, text in enumerate(PROMPTS):
        tokens = model.tokenizer.encode(text) if place % 2 else model.tokenizer.chat(text)
        scores, _ = theirs.run(tokens, last_only=False)
        largest = max(largest, float(np.abs(scores.numpy() - model.forward(tokens)).max()))
        ours = list(stream(model, tokens, n_tokens=N_AGREEMENT))
        n_same += theirs.write(tokens, N_AGREEMENT)[: len(ours)] == ours  # ours ends where the answer does
    return Agreement(len(PROMPTS), largest, n_same)


def our_tasks(model: LanguageModel, text: list[int], prompt: list[int]) -> dict[str, Callable[[], float]]:
    """Return what is timed of a model of the course."""

    def read() -> float:
        began = time.perf_counter()
        model.forward(text, cache=model.new_cache(), last_only=True)
        return time.perf_counter() - began

    def write() -> float:
        cache = model.new_cache()
        token = int(model.forward(prompt, cache=cache, last_only=True)[-1].argmax())
        began = time.perf_counter()
        for _ in range(N_WRITTEN):
            token = int(model.forward([token], cache=cache, last_only=True)[-1].argmax())
        return (time.perf_counter() - began) / N_WRITTEN

    return {"read": read, "write": write}


def their_tasks(theirs: Theirs, text: list[int], prompt: list[int]) -> dict[str, Callable[[], float]]:
    """Return the same of transformers."""

    def read() -> float:
        began = time.perf_counter()
        theirs.run(text)
        return time.perf_counter() - began

    def write() -> float:
        scores, cache = theirs.run(prompt)
        token = int(scores[-1].argmax())
        began = time.perf_counter()
        for _ in range(N_WRITTEN):
            scores, cache = theirs.run([token], cache)
            token = int(scores[-1].argmax())
        return (time.perf_counter() - began) / N_WRITTEN

    return {"read": read, "write": write}


def tasks(model: LanguageModel, theirs: Theirs) -> dict[str, Callable[[], float]]:
    """Return all that is timed, by name: the seconds of one reading, and of one token written."""
    text = np.random.default_rng(0).integers(300, 40_000, size=N_READ).tolist()
    prompt = model.tokenizer.chat("Tell me about rain.")
    by_whom = {
        OURS: our_tasks(model, text, prompt),
        LEARNER: our_tasks(model.use(**solutions()), text, prompt),
        THEIRS: their_tasks(theirs, text, prompt),
    }
    return {f"{task}, {who}": by_whom[who][task] for task in ("read", "write") for who in by_whom}


def measure(timed: Mapping[str, Callable[[], float]], n_rounds: int) -> dict[str, list[float]]:
    """Let all take turns, after one round that does not count."""
    for call in timed.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(n_rounds):
        for name, call in timed.items():
            times[name].append(call())
        last = "; ".join(f"{name} {seconds[-1]:.3f} s" for name, seconds in times.items())
        print(last, file=sys.stderr, flush=True)
    return times


def loading(n_rounds: int) -> list[Loading]:
    """Load the model in fresh processes, after one that does not count."""
    done = [
        subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(1 + n_rounds)
    ]
    return [Loading(*(float(number) for number in row)) for row in done[1:]]


def machine() -> dict[str, str]:
    """Return what is measured on."""
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "torch", "transformers")}
    about = {"threads": str(N_THREADS), "Processors": f"{os.cpu_count()} ({platform.machine()})"}
    return about | {"Python": platform.python_version()} | versions


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
    times = measure(tasks(model, theirs), n_rounds)
    agreed = None if options.quick or options.no_agreement else agreement(model, theirs)
    text = report(times, loaded, agreed, machine())
    print(text)
    if not (options.quick or options.no_agreement):
        (ROOT / "docs" / "language_model_benchmark.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
