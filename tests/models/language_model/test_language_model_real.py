"""SmolLM2-135M itself: it answers by a learner's functions, agrees with transformers, and its heads are where they are.

These run where the model is on this computer or a package index is reached, and are skipped visibly elsewhere.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_lib.attention import induction_score, previous_token_score
from course_lib.models.language_model import (
    first_token_score,
    generate,
    stream,
    strongest_heads,
    with_weights_of,
)

ROOT = Path(__file__).parents[3]
QUESTION, ANSWER = "What is the capital of France?", "The capital of France is Paris."
PROMPTS = [
    "What is the capital of France?", "Write a poem about rain.", "2+2=", "def fibonacci(n):", "Once upon a time",
    "Explain photosynthesis to a child.", "The quick brown fox", "List three fruits.", "Who wrote Hamlet?",
    "Say hello in Spanish.", "import numpy as np\n", "What is 17 times 3?", "Why is the sky blue?", "Tell me a joke.",
    "The meaning of life is", "In 1969,", "SELECT * FROM", "How do I boil an egg?", "Name the planets.",
    "Café 😀 naïve",
]  # fmt: skip


def prompts(model):
    """Twenty prompts, every second one as a question."""
    for place, text in enumerate(PROMPTS):
        yield model.tokenizer.encode(text) if place % 2 else model.tokenizer.chat(text)


def solution(*names):
    """The functions of exercise solutions, each from the notebook that it was written in."""
    found = {}
    for name, exercise in names:
        import nbformat

        (path,) = (ROOT / "exercises" / "solutions").glob(f"{exercise}_*.ipynb")
        cells = nbformat.read(path, as_version=4).cells
        space = {"np": np}
        exec("from course_lib.attention import *", space)
        source = next(cell.source for cell in cells if cell.cell_type == "code" and f"def {name}(" in cell.source)
        exec(source, space)
        found[name] = space[name]
    return found


@pytest.fixture(scope="module")
def peer(real):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")
    pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers==5.23.0")
    path = ROOT / "benchmarks" / "language_model_peer.py"
    spec = importlib.util.spec_from_file_location("language_model_peer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    theirs = module.peer_of(real)

    def logits(tokens):
        with torch.inference_mode():
            return theirs(torch.tensor([tokens])).logits[0].numpy()

    return logits


@pytest.mark.parity
def test_logits_are_those_of_transformers_on_twenty_prompts(real, peer):
    assert max(np.abs(real.forward(tokens) - peer(tokens)).max() for tokens in prompts(real)) < 1e-3


@pytest.mark.parity
def test_fifty_greedy_tokens_are_those_of_transformers(real, peer):
    """On six of the twenty; the benchmark compares all of them."""
    for tokens in list(prompts(real))[:6]:
        written = list(stream(real, tokens, n_tokens=50))
        best = peer([*tokens, *written[:-1]])[len(tokens) - 1 :].argmax(axis=-1)
        assert written == best.tolist()  # what it would have written, from the same beginnings


@pytest.mark.parametrize(
    "names",
    [
        [("project", "01"), ("scaled_scores", "02"), ("softmax", "03"), ("weighted_sum", "04"), ("causal_mask", "06"),
         ("split_heads", "07"), ("merge_heads", "07"), ("rotate", "08")],
        [("masked_attention", "06")],
        [("attention", "04")],
    ],
    ids=["in steps", "masked_attention", "attention"],
)  # fmt: skip
def test_the_functions_of_the_exercises_answer_the_question(real, names):
    model = real.use(**solution(*names))
    answer = generate(model, QUESTION, show=False)
    assert (answer.text, answer.stopped) == (ANSWER, "end")
    assert set(model.calls) == {name for name, _ in names}
    assert all(count >= 30 for count in model.calls.values())


def test_without_positions_or_with_a_wrong_scale_it_does_not_answer(real, usual_answer):
    assert usual_answer.text == ANSWER
    n_tokens = len(usual_answer.tokens) + 1  # as many as the right answer and its end
    for wrong in (
        {"rotate": lambda x, positions: x},
        {"scaled_scores": lambda query, key: query @ key.swapaxes(-1, -2)},
    ):
        answer = generate(real.use(**wrong), QUESTION, n_tokens=n_tokens, show=False)
        assert (answer.text, answer.stopped) != (ANSWER, "end")


@pytest.mark.parametrize("seed", [0, 1])
def test_heads_are_found_by_what_they_do(repeated, seed):
    weights = repeated(seed).weights
    best = strongest_heads(induction_score(weights, 50), 1)[0]
    assert (best.layer, best.head) == (18, 6)
    assert best.score > 0.8
    previous = {(found.layer, found.head): found.score for found in strongest_heads(previous_token_score(weights), 5)}
    assert previous[16, 0] > 0.8
    assert previous[11, 1] > 0.7
    assert (first_token_score(weights) > 0.5).sum() > 50


def test_the_weights_of_another_text_do_not_change_the_answer(real):
    france, italy = (real.tokenizer.encode(f"The capital of {name} is") for name in ("France", "Italy"))
    said = real.tokenizer.decode([int(with_weights_of(real, italy, france).argmax())])
    assert said == " Rome"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say how much memory was used")
def test_a_fresh_process_needs_little_memory(real):
    code = (
        "from course_lib.models.language_model import load_model, stream; model = load_model()\n"
        "list(stream(model, list(range(300, 812)), n_tokens=8))\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 1.2 * 2**30
