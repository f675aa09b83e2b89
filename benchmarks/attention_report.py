"""Sum up what `benchmarks/attention.py` measured: medians, ratios, exponents, the table and the picture."""

import io
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image

Results = dict[str, Any]

REFERENCE = "attention"  # ratios are a peer's time over that of this one
UPPER_SIZES = 1024  # below, the cost of a call hides how time grows
MIB = 2**20

STYLES = {
    "attention": ("#0072b2", "-", "o"),
    "tiled_attention": ("#56b4e9", (0, (4, 2)), "s"),
    "plain formula": ("#4d4d4d", "-", "^"),
    "PyTorch": ("#c14f00", "-", "D"),
    "onnxruntime": ("#a3397b", "-", "v"),
    "matrix products": ("#00795a", (0, (1, 1.5)), "x"),
}
CAPTIONS = {
    "full": "every query, every key",
    "causal": "keys up to the query's own place",
    "window": "window of 256 keys on each side",
    "decode": "one query against n cached keys",
    "one head": "one head, every query, every key",
}


def exponent(sizes: Sequence[float], amounts: Sequence[float], *, smallest: float = UPPER_SIZES) -> float | None:
    """Fit ``amount = c * size ** p`` by least squares of the logarithms and return p; None below three sizes.

    >>> exponent([1000, 2000, 4000], [5, 20, 80], smallest=1000)
    2.0
    """
    points = [(s, a) for s, a in zip(sizes, amounts, strict=True) if s >= smallest and a > 0]
    if len(points) < 3:
        return None
    logarithms = np.log2(np.array(points, dtype=np.float64))
    slope, _ = np.polyfit(logarithms[:, 0], logarithms[:, 1], 1)
    return round(float(slope), 6)


def medians(results: Results, case: str) -> dict[str, dict[int, float]]:
    """Return the median time in seconds by peer and size."""
    found: dict[str, dict[int, float]] = {}
    for row in results["times"]:
        if row["case"] == case:
            found.setdefault(row["peer"], {})[row["n"]] = statistics.median(row["seconds"])
    return found


def ratio(times: dict[str, dict[int, float]], peer: str, n: int) -> float | None:
    """Return the peer's time over the reference's at size n; None where one of them was not measured."""
    ours, theirs = times.get(REFERENCE, {}).get(n), times.get(peer, {}).get(n)
    return None if ours is None or theirs is None else theirs / ours


def extra_memory(results: Results, case: str) -> dict[str, dict[int, int]]:
    """Return the bytes beyond inputs and output by peer and size."""
    found: dict[str, dict[int, int]] = {}
    for row in results["memory"]:
        if row["case"] == case:
            found.setdefault(row["peer"], {})[row["n"]] = row["extra_bytes"]
    return found


def exponents(results: Results) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the fitted exponents of time and memory by case and peer."""
    fitted: dict[str, dict[str, dict[str, float | None]]] = {}
    for case in CAPTIONS:
        for what, found in (("time", medians(results, case)), ("memory", extra_memory(results, case))):
            for peer, amounts in found.items():
                p = exponent(list(amounts), list(amounts.values()))
                fitted.setdefault(case, {}).setdefault(peer, {})[what] = p
    return fitted


def report(results: Results) -> str:
    """Write the whole report as Markdown."""
    settings, machine = results["settings"], results["machine"]
    lines = [
        "# How fast attention is",
        "",
        f"{settings['n_heads']} heads, d_k = d_v = {settings['d_k']}, float32, {settings['n_threads']} threads. "
        "All peers take turns within one run; a number is the median of all its rounds (one round only for the plain "
        "formula and onnxruntime where they take more than two seconds). "
        f"Their answers differ by {max(row['difference'] for row in results['times']):.0e} at most. "
        f"A ratio is the peer's time over that of `{REFERENCE}`: above 1, the peer is slower.",
        "",
        *_table(["machine", ""], [[name, value] for name, value in machine.items()]),
        "",
    ]
    for case in CAPTIONS:
        if medians(results, case):
            lines += _times_section(results, case)
    lines += _memory_section(results)
    lines += _exponents_section(results)
    lines += ["## Who is who", "", *(f"* **{peer}**: {what}" for peer, what in results["peers"].items()), ""]
    lines += ["Not run:", "", *_not_run(results["skipped"]), ""] if results["skipped"] else []
    lines += [f"Made by `python benchmarks/attention.py` in {results['minutes']:.1f} minutes.", ""]
    return "\n".join(lines)


def _times_section(results: Results, case: str) -> list[str]:
    times = medians(results, case)
    others = [peer for peer in times if peer != REFERENCE]
    sizes = sorted({n for amounts in times.values() for n in amounts})
    rows = [
        [f"{n:,}", _milliseconds(times[REFERENCE].get(n)), *(_two_digits(ratio(times, peer, n)) for peer in others)]
        for n in sizes
    ]
    header = ["n", f"{REFERENCE}, ms", *(f"{peer} / {REFERENCE}" for peer in others)]
    return [f"## {case.capitalize()}: {CAPTIONS[case]}", "", *_table(header, rows), ""]


def _memory_section(results: Results) -> list[str]:
    lines = ["## Peak memory of one call beyond its inputs and its output, MiB", ""]
    for case, caption in CAPTIONS.items():
        memory = extra_memory(results, case)
        if not memory:
            continue
        sizes = sorted({n for amounts in memory.values() for n in amounts})
        rows = [[f"{n:,}", *(_mebibytes(amounts.get(n)) for amounts in memory.values())] for n in sizes]
        lines += [f"{case.capitalize()} ({caption}):", "", *_table(["n", *memory], rows), ""]
    return lines if len(lines) > 2 else []


def _exponents_section(results: Results) -> list[str]:
    rows = [
        [case, peer, _two_digits(fitted.get("time")), _two_digits(fitted.get("memory"))]
        for case, peers in exponents(results).items()
        for peer, fitted in peers.items()
        if any(value is not None for value in fitted.values())
    ]
    if not rows:
        return []
    title = f"## Exponents of time and memory against n, fitted over n >= {UPPER_SIZES:,}"
    return [title, "", *_table(["case", "peer", "time", "memory"], rows), ""]


def _not_run(skipped: Iterable[dict[str, Any]]) -> list[str]:
    grouped: dict[tuple[str, str], list[str]] = {}
    for row in skipped:
        where = f"{row['case']} {row['n']:,}" if row["n"] else "everywhere"
        grouped.setdefault((row["peer"], row["why"]), []).append(where)
    return [f"* {peer} ({', '.join(where)}): {why}" for (peer, why), where in grouped.items()]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    aligned = ["---", *("---:" for _ in header[1:])]
    return ["| " + " | ".join(cells) + " |" for cells in (header, aligned, *rows)]


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:,.{3 if seconds < 0.01 else 1}f}"


def _two_digits(number: float | None) -> str:
    return "" if number is None else f"{number:.2f}"


def _mebibytes(amount: int | None) -> str:
    return "" if amount is None else f"{amount / MIB:,.1f}"


def draw(results: Results, path: Path) -> None:
    """Draw time against n for each case, and memory, on logarithmic axes."""
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    cases = [case for case in CAPTIONS if medians(results, case)]
    panels = [(case, "time", {p: _scaled(a, 1e3) for p, a in medians(results, case).items()}) for case in cases]
    panels += [
        (case, "extra memory", {p: _scaled(a, 1 / MIB) for p, a in extra_memory(results, case).items()})
        for case in CAPTIONS
        if extra_memory(results, case)
    ][:2]
    n_columns = min(3, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(4.2 * n_columns, 3.4 * n_rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    for ax, (case, what, lines) in zip(axes.flat, panels, strict=False):
        _panel(ax, f"{what}, {case}", "milliseconds" if what == "time" else "MiB", lines)
    handles = {line.get_label(): line for ax in figure.axes for line in ax.get_lines()}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6, frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(64).save(path, optimize=True)  # a third of the size, and looks the same


def _panel(ax: Any, title: str, unit: str, lines: dict[str, dict[int, float]]) -> None:
    for peer, amounts in lines.items():
        colour, dashes, marker = STYLES[peer]
        sizes = sorted(n for n in amounts if amounts[n] > 0)
        ax.plot(
            sizes, [amounts[n] for n in sizes],
            color=colour, linestyle=dashes, marker=marker, markersize=4, linewidth=1.5, label=peer,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    sizes = sorted({n for amounts in lines.values() for n in amounts})[::-2][::-1]
    ax.set_xticks(sizes, [f"{n:,}" for n in sizes], minor=False)
    ax.minorticks_off()
    ax.set(title=title, xlabel="n", ylabel=unit)
    ax.grid(color="#e0e0e0", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def _scaled(amounts: dict[int, Any], factor: float) -> dict[int, float]:
    return {n: amount * factor for n, amount in amounts.items()}
