"""Sum up what `benchmarks/language_model.py` measured: medians, ratios, the page."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Times = Mapping[str, Sequence[float]]

OURS, LEARNER, THEIRS = "course", "your functions", "transformers"  # who does it
N_READ, N_AGREEMENT = 512, 50
TASKS = {"read": (f"read {N_READ} tokens", N_READ), "write": ("write one token after another", 1)}


class Loading(NamedTuple):
    """What one fresh process needed to load the model and use it."""

    loaded: float  # seconds, imports and all
    first_token: float  # seconds
    gibibytes: float  # at most


class Agreement(NamedTuple):
    """How far two ways to run the same weights agree."""

    n_prompts: int
    largest_difference: float
    n_same: int


def ratio(times: Times, task: str, who: str = OURS) -> float:
    """Return the speed of `who` over that of transformers.

    >>> ratio({"read, course": [2, 1, 3], "read, transformers": [5, 5]}, "read")
    2.5
    """
    return statistics.median(times[f"{task}, {THEIRS}"]) / statistics.median(times[f"{task}, {who}"])


def report(times: Times, loading: Sequence[Loading], agreement: Agreement | None, machine: Mapping[str, str]) -> str:
    """Return the page, as Markdown.

    Parameters
    ----------
    times : mapping of str to sequence of float
        Seconds of each round, under ``"task, who"``: to read all the tokens, and to write one.
    loading : sequence of Loading
        One for each fresh process.
    agreement : Agreement, optional
        None where it was not looked at.
    machine : mapping of str to str
        What was measured on, such as versions, by name.
    """
    n_rounds = len(next(iter(times.values())))
    load, first, memory = (statistics.median(column) for column in zip(*loading, strict=True))
    most = max(row.gibibytes for row in loading)
    lines = [
        "# The language model of lesson 11, beside transformers", "",
        f"SmolLM2-135M in float32: the same weights for all, on the same {machine['threads']} threads, taking turns in "
        f"one process. A speed is the median of {n_rounds} rounds, with the slowest and the fastest round behind it. "
        f"`{OURS}` is the library as it comes; `{LEARNER}` is the same model with the nine functions of the "
        "exercises' solutions as its steps; a ratio above 1 is faster than transformers.", "",
        f"{', '.join(f'{name} {value}' for name, value in machine.items() if name != 'threads')}. "
        "Written by `python benchmarks/language_model.py`.", "",
        "| task | who | tokens/s | slowest to fastest | speed over transformers' |",
        "| --- | --- | ---: | ---: | ---: |",
    ]  # fmt: skip
    for task, (what, n_tokens) in TASKS.items():
        for who in (OURS, LEARNER, THEIRS):
            speeds = [n_tokens / seconds for seconds in times[f"{task}, {who}"]]
            beside = "" if who == THEIRS else f"{ratio(times, task, who):.2f}"
            lines.append(
                f"| {what} | {who} | {n_tokens / statistics.median(times[f'{task}, {who}']):.1f} | "
                f"{min(speeds):.1f} to {max(speeds):.1f} | {beside} |"
            )
    lines += [
        "", "## Loading and memory", "",
        f"Medians of {len(loading)} fresh processes, the weights written out before:", "",
        f"* {load:.2f} s until the model is loaded, imports and all; {first:.2f} s until the first token of an answer.",
        f"* {memory:.2f} GiB of memory at its highest, and never more than {most:.2f} GiB, with {N_READ} tokens read "
        "and 8 written. The mapped weights are counted, and shared by all processes that use them.",
    ]  # fmt: skip
    if agreement is not None:
        lines += [
            "", "## The same numbers", "",
            f"* On {agreement.n_prompts} prompts the scores of all next tokens differ by "
            f"{agreement.largest_difference:.1e} at most.",
            f"* On {agreement.n_same} of {agreement.n_prompts} both write the same {N_AGREEMENT} tokens, or the same "
            "answer up to its end.",
        ]  # fmt: skip
    return "\n".join([*lines, ""])
