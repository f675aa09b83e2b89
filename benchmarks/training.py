"""What dropout, weight decay and diversity of the heads do to a small model: `python benchmarks/training.py`.

The model of lesson 10 learns sentences in which the last noun nearly always has the subject's number. Each setting is
trained with the same seeds; a seed decides the sentences, the first parameters, the batches and the dropout. Held-out
sentences are the same for all.

A run takes some minutes on two processors and writes docs/training_benchmark.md; `--quick` only prints one seed of 100
steps.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from training_report import report

from course_lib.models import (
    WORDS,
    Regularization,
    Sentences,
    TrainingOptions,
    TrainingRun,
    draw_sentences,
    share_right,
)

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout 0.3": {"regularization": Regularization(attention_dropout=0.3)},
    "weight decay 1": {"weight_decay": 1.0},
    "head diversity 0.05": {"regularization": Regularization(head_diversity=0.05)},
    "all three": {"weight_decay": 1.0, "regularization": Regularization(0.3, 0.05)},
}
SEEDS, STEPS = range(5), (800,)
HELD_OUT, CONFLICT = (draw_sentences(500, agreement=share, rng=np.random.default_rng(100)) for share in (0.5, 0.0))
N_NOUNS = 20  # the first words of the vocabulary: ten nouns, then their plurals
DOCS = Path(__file__).resolve().parent.parent / "docs"


def sentences_of(seed: int) -> Sentences:
    """Return the sentences that the model with this seed learns from."""
    return draw_sentences(600, agreement=0.95, rng=np.random.default_rng(seed))


def share_turned(run: TrainingRun) -> float:
    """Return the share of held-out sentences whose answer turns round when only the last noun changes its number."""
    turned = HELD_OUT.tokens.copy()
    turned[:, -2] = (turned[:, -2] + N_NOUNS // 2) % N_NOUNS
    verbs = [WORDS.index(verb) for verb in ("is", "are")]
    before, after = (
        run.model.forward(tokens).logits[:, -1, verbs].argmax(axis=-1) for tokens in (HELD_OUT.tokens, turned)
    )
    return float(np.mean(before != after))


def measure(run: TrainingRun) -> dict[str, float]:
    """Return what the tables show of a run as it stands."""
    record = run.records[-1]
    n_layers, n_heads = record.attention_distance.shape
    without = [
        share_right(run.model.forward(HELD_OUT.tokens, without_heads=[(layer, head)]).logits, HELD_OUT)
        for layer in range(n_layers)
        for head in range(n_heads)
    ]
    at_gap = np.mean([weights[:, :, -1] for weights in run.model.forward(HELD_OUT.tokens).weights], axis=0)
    sentence, subject = np.arange(len(HELD_OUT)), (HELD_OUT.tokens < N_NOUNS).argmax(axis=1)  # the first noun
    return {
        "training accuracy": record.training_accuracy,
        "held-out accuracy": record.held_out_accuracy,
        "last noun disagrees": share_right(run.model.forward(CONFLICT.tokens).logits, CONFLICT),
        "turned by the last noun": share_turned(run),
        "without its main head": min(without),
        "on the subject": float(at_gap[sentence, :, subject].mean()),
        "on the last noun": float(at_gap[..., -2].mean()),
        "distance": float(record.attention_distance.mean()),
        "diversity": float(record.diversity.mean()),
    }


def train(name: str, seed: int, steps: Sequence[int]) -> dict[int, dict[str, float]]:
    """Train one setting with one seed, and measure it at each of `steps`."""
    options = TrainingOptions(n_steps=steps[-1], record_every=steps[0], seed=seed, **SETTINGS[name])
    run = TrainingRun(sentences_of(seed), HELD_OUT, options)
    measured = {}
    for step in steps:
        run.run(step - run.n_done)
        measured[step] = measure(run)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="one seed, 100 steps, printed only")
    quick = parser.parse_args().quick
    steps, seeds = ((100,), range(1)) if quick else (STEPS, SEEDS)
    results: dict[int, dict[str, list[dict[str, float]]]] = {step: {name: [] for name in SETTINGS} for step in steps}
    for seed in seeds:
        for name in SETTINGS:
            for step, measured in train(name, seed, steps).items():
                results[step][name].append(measured)
            print(f"seed {seed}, {name}: {results[steps[-1]][name][-1]}", flush=True)
    text = report(results)
    print(text)
    if not quick:
        (DOCS / "training_benchmark.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
