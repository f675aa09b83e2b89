"""Sum up what `benchmarks/widgets.py` measured."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

Results = dict[str, Any]

FRAME = 1000 / 60  # milliseconds
GOAL = 17.0  # key press to paint, milliseconds, median: one frame
COLUMNS = (
    "variant",
    "press to paint, median ms",
    "p95 ms",
    "pictures/s in a drag",
    "mouse moves/s",
    "backlog after release, ms",
    "kernel has it, ms",
    "set in Python to paint, ms",
    "frames",
)


def percentile(numbers: Sequence[float], percent: float) -> float:
    """Return the smallest of the numbers that at least so many percent of them do not exceed.

    >>> percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 95)
    10
    >>> percentile([3, 1, 2, 4], 50)
    2
    """
    ordered = sorted(numbers)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def slower_than_a_frame(results: Results) -> list[str]:
    """Return the widgets whose median press takes longer than a frame; peers are not held to it."""
    return [
        name
        for name, row in results["variants"].items()
        if is_ours(name) and row["press"] and statistics.median(row["press"]) > GOAL
    ]


def is_ours(name: str) -> bool:
    """Say whether a variant is a widget of the course."""
    return not name.startswith(("interact", "ipympl"))


def report(results: Results) -> str:
    """Write the whole report as Markdown."""
    settings, many = results["settings"], results["many"]
    slow = slower_than_a_frame(results)
    ours = [name for name in results["variants"] if is_ours(name)]
    lines = [
        "# How soon a live picture follows the hand",
        "",
        "A real JupyterLab page in Chromium; all take turns on one notebook, "
        f"{settings['rounds']} rounds of {settings['presses']} key presses and one drag each. "
        f"Goal: from key press to paint within {GOAL:g} ms in the median, about one frame of {FRAME:.1f} ms. "
        + (f"Missed by {', '.join(slow)}." if slow else f"Held by all {len(ours)} that a hand moves."),
        "",
        *_table(["machine", ""], [[name, value] for name, value in results["machine"].items()]),
        "",
        *_table(COLUMNS, [_row(name, row) for name, row in results["variants"].items()]),
        "",
        "A drag cannot paint more often than the mouse moves, nor than 60 times a second. "
        "Backlog: how long pictures still change after the mouse let go. Kernel has it: from the last key press until "
        "the widget's trait in Python has the number.",
        "",
        f"## {many['n_widgets']} widgets on one page",
        "",
        *_table(["", "empty notebook", "with widgets", "each widget"], _page_rows(many)),
        "",
        f'All shown {many["seconds_to_show"]:.1f} s after "Run all". One stage among them: '
        f"press to paint {statistics.median(many['press']):.1f} ms (median), {percentile(many['press'], 95):.1f} ms "
        f"(p95); {many['drag']:.0f} pictures/s in a drag; backlog {many['backlog']:.0f} ms.",
        "",
        f"Made by `python benchmarks/widgets.py` in {results['minutes']:.1f} minutes.",
        "",
    ]
    return "\n".join(lines)


def _row(name: str, row: dict[str, list[float]]) -> list[str]:
    median_set = statistics.median(row["set"]) if row["set"] else None
    return [
        name,
        _number(statistics.median(row["press"]) if row["press"] else None, 1),
        _number(percentile(row["press"], 95) if row["press"] else None, 1),
        _number(statistics.median(row["drag"]), 1),
        _number(statistics.median(row["moves"]), 0),
        _number(statistics.median(row["backlog"]), 0),
        _number(statistics.median(row["rest"]) if row["rest"] else None, 0),
        _number(median_set, 0),
        _number(None if median_set is None else math.ceil(median_set / FRAME), 0),
    ]


def _page_rows(many: Results) -> list[list[str]]:
    units = {
        "heap": ("JavaScript heap, MiB", 2**20, 1),
        "elements": ("DOM nodes", 1, 0),
        "listeners": ("listeners", 1, 0),
    }
    rows = []
    for what, (label, unit, decimals) in units.items():
        before, after = many["before"][what] / unit, many["after"][what] / unit
        each = (after - before) / many["n_widgets"]
        rows.append([label, _number(before, decimals), _number(after, decimals), _number(each, max(decimals, 1))])
    return rows


def _number(number: float | None, decimals: int) -> str:
    return "" if number is None else f"{number:,.{decimals}f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    aligned = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, aligned, *rows)]
