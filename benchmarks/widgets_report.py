"""Sum up what `benchmarks/widgets.py` measured."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

Results = dict[str, Any]

FRAME = 1000 / 60  # milliseconds
PRESS_MEDIAN, PRESS_P95 = 17.0, 34.0  # key press to paint, milliseconds: one frame and two
PICTURES = 40.0  # a second, in a drag
TIMES_FASTER = 15.0  # than the peer, in the median
PEER = "interact + plt.show"
COLUMNS = (
    "variant",
    "press to paint, median ms",
    "p95 ms",
    "times faster than interact",
    "pictures/s in a drag",
    "steps/s",
    "backlog after release, ms",
    "kernel has it, ms",
    "set in Python to message, ms",
    "message to paint, ms",
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


def is_ours(name: str) -> bool:
    """Say whether a variant is a widget of the course."""
    return not name.startswith(("interact", "ipympl"))


def missed(rows: Results) -> dict[str, list[str]]:
    """Return for every goal the widgets that miss it; peers are not held to any."""
    ours = {name: row for name, row in rows.items() if is_ours(name)}
    pressed = {name: row["press"] for name, row in ours.items() if row["press"]}
    least = {name: _least_pictures(row) for name, row in ours.items()}
    found = {
        f"press to paint at most {PRESS_MEDIAN:g} ms in the median": [
            name for name, press in pressed.items() if statistics.median(press) > PRESS_MEDIAN
        ],
        f"at most {PRESS_P95:g} ms at p95": [
            name for name, press in pressed.items() if percentile(press, 95) > PRESS_P95
        ],
        f"at least {PICTURES:g} pictures/s in a drag, or one for every step of the hand": [
            name for name, row in ours.items() if row["drag"] and statistics.median(row["drag"]) < least[name]
        ],
    }
    peer = rows.get(PEER, {}).get("press")
    if peer:
        found[f"at least {TIMES_FASTER:g} times faster than {PEER}"] = [
            name for name, press in pressed.items() if statistics.median(peer) < TIMES_FASTER * statistics.median(press)
        ]
    return found


def _least_pictures(row: dict[str, list[float]]) -> float:
    """Return how many pictures a second a drag must show; one for each step where the hand moves in steps.

    Now and then two steps of the hand fall into one frame, or one into the moment before it lets go: a tenth may go.
    """
    steps = statistics.median(row["steps"]) if row["steps"] else 0.0
    return min(PICTURES, 0.9 * steps) if steps else PICTURES


def report(results: Results) -> str:
    """Write the whole report as Markdown; of what was not measured yet, nothing."""
    lines = [
        "# How soon a live picture follows the hand",
        "",
        "A real JupyterLab page in Chromium, with the settings that learners have. Variants take turns; medians and "
        "95th percentiles of all key presses.",
        "",
        *_table(["machine", ""], [[name, value] for name, value in results["machine"].items()]),
        "",
    ]
    if results["alone"]:
        lines += _measured("Each alone in its notebook", results["alone"])
    if results["together"]:
        lines += _measured("All in one notebook", results["together"])
    lines += [
        "Press to paint ends when the page's own part of the frame is done; the compositor's part is not in it. "
        f"A screen of 60 Hz shows a frame every {FRAME:.1f} ms. Steps: where the hand moves in steps (a row, a step of "
        "a slider), a drag can paint no more often than it takes one. The mouse moves "
        "125 times a second. Backlog: how long pictures still change after it let go. Kernel has it: from the last key "
        "press until the widget's trait in Python has the number. Of a peer that is set from Python only the sum is "
        "known: from the assignment to the paint.",
        "",
    ]
    if results["many"]:
        lines += _many(results["many"])
    lines += [f"Made by `python benchmarks/widgets.py` in {results['minutes']:.1f} minutes.", ""]
    return "\n".join(lines)


def _measured(title: str, rows: Results) -> list[str]:
    goals = [
        f"* {goal}: " + (f"missed by {'; '.join(names)}." if names else "held by all.")
        for goal, names in missed(rows).items()
    ]
    peer = statistics.median(rows[PEER]["press"]) if rows.get(PEER, {}).get("press") else None
    return [f"## {title}", "", *goals, "", *_table(COLUMNS, [_line(*item, peer) for item in rows.items()]), ""]


def _line(name: str, row: dict[str, list[Any]], peer: float | None) -> list[str]:
    press = statistics.median(row["press"]) if row["press"] else None
    steps = _median(row["steps"])
    painted = [paint for _, paint in row["set"] if paint is not None]
    return [
        name,
        _number(press, 1),
        _number(percentile(row["press"], 95) if row["press"] else None, 1),
        _number(peer / press if peer and press and is_ours(name) else None, 1),
        _number(_median(row["drag"]), 1),
        _number(steps or None, 1),
        _number(_median(row["backlog"]), 0),
        _number(_median(row["rest"]), 0),
        _number(_median([came for came, _ in row["set"]]), 0),
        _number(_median(painted), 0),
    ]


def _many(many: Results) -> list[str]:
    return [
        f"## {many['n_widgets']} widgets on one page",
        "",
        *_table(["", "empty notebook", "with widgets", "each widget"], _page_rows(many)),
        "",
        f'All shown {many["seconds_to_show"]:.1f} s after "Run all". One stage among them: '
        f"press to paint {statistics.median(many['press']):.1f} ms (median), {percentile(many['press'], 95):.1f} ms "
        f"(p95); {many['drag']:.0f} pictures/s in a drag; backlog {many['backlog']:.0f} ms.",
        "",
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


def _median(numbers: Sequence[float]) -> float | None:
    return statistics.median(numbers) if numbers else None


def _number(number: float | None, decimals: int) -> str:
    return "" if number is None else f"{number:,.{decimals}f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    aligned = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, aligned, *rows)]
