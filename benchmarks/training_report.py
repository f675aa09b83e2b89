"""The tables of the training benchmark: mean, lowest and highest over the seeds."""

import statistics
from collections.abc import Iterable

Measured = dict[str, float]
Results = dict[int, dict[str, list[Measured]]]

ANSWERS = (
    "training accuracy", "held-out accuracy", "last noun disagrees", "turned by the last noun", "without its main head",
)  # fmt: skip
HEADS = ("on the subject", "on the last noun", "distance", "diversity")
TABLES = {"What it answers": ANSWERS, "Where its heads look at the gap": HEADS}
AS_NUMBERS = ("distance", "diversity")

_HEAD = """# What regularising does to a small model

One layer of 4 heads, d_model 32, learns from 600 sentences in which the last noun has the subject's number 95 times in
100; AdamW with learning rate 0.002, 50 sentences a step. {n_seeds}: the seed decides the sentences to learn from, the
first parameters, the batches and the dropout. Held-out sentences, 500, are the same for all, and their last noun says
nothing; so are another 500 in which it always disagrees. A cell is the mean over the seeds, then the lowest and the
highest.

* Above plain: with how many seeds the held-out accuracy is above that of the plain model with the same seed.
* Turned by the last noun: the share of held-out sentences whose answer changes when only the last noun does, from
  singular to plural or back.
* Without its main head: held-out accuracy without the head that costs most.
* On the subject, on the last noun: the share of the attention at the gap that they get, the mean over heads.
* Distance: how many tokens back the heads look at the gap, their mean.
* Diversity: 0 where all heads attend alike, 1 where no two look at the same token.

Written by `benchmarks/training.py`. Another processor rounds in another order, so a run there may differ by some
percent; means over the seeds differ less."""


def cell(name: str, numbers: Iterable[float]) -> str:
    """Return a column's numbers over the seeds as ``mean (lowest to highest)``."""
    seen = list(numbers)
    shown = (statistics.fmean(seen), min(seen), max(seen))
    mean, low, high = (f"{100 * number:.0f} %" if name not in AS_NUMBERS else f"{number:.2f}" for number in shown)
    return f"{mean} ({low} to {high})"


def above(measured: list[Measured], plain: list[Measured]) -> str:
    """Return with how many seeds the held-out accuracy is above the plain model's."""
    pairs = zip(measured, plain, strict=True)
    return f"{sum(one['held-out accuracy'] > other['held-out accuracy'] for one, other in pairs)} of {len(plain)}"


def report(results: Results) -> str:
    """Return the page as Markdown: two tables for each number of steps, a row for each setting.

    Parameters
    ----------
    results : dict
        ``results[step][setting]`` is a list of what was measured, one dict a seed.
    """
    n_seeds = len(next(iter(next(iter(results.values())).values())))
    parts = [_HEAD.format(n_seeds=f"{n_seeds} seed{'s' * (n_seeds != 1)}")]
    for step, settings in results.items():
        for title, columns in TABLES.items():
            compared = columns is ANSWERS
            parts.append(f"\n## {title}, after {step:,} steps\n")
            parts.append(f"| setting | {' | '.join((*columns, *(['above plain'] * compared)))} |")
            parts.append(f"| --- |{' ---: |' * (len(columns) + compared)}")
            for setting, measured in settings.items():
                cells = [cell(name, (one[name] for one in measured)) for name in columns]
                if compared:
                    cells.append("" if setting == "plain" else above(measured, settings["plain"]))
                parts.append(f"| {setting} | {' | '.join(cells)} |")
    return "\n".join(parts) + "\n"
