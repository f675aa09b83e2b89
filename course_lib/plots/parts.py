"""What the charts are made of: planes, arrows, cells, ticks, and the checks of what is handed in."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from course_lib.errors import OptionError, ShapeError
from course_lib.plots.picture import COLOURS, DASHES, GRID, INK, MAPS, QUIET, WIDTHS
from course_lib.shapes import FloatArray, as_floats

_MOST_CELLS_WITH_NUMBERS = 144
_LONGEST_LABEL = 14


def check_kind(kind: str, known: Mapping[str, object]) -> None:
    if kind not in known:
        raise OptionError(f"kind must be one of {', '.join(known)}, but it is {kind!r}.")


def points_of(name: str, array: ArrayLike) -> FloatArray:
    points = as_floats(name, array)
    if points.ndim != 2 or points.shape[-1] != 2:
        raise ShapeError(f"{name} must hold vectors in the plane, shape (n, 2), but it has shape {points.shape}.")
    return points


def labels_of(name: str, labels: Sequence[str] | None, n_expected: int) -> list[str]:
    if labels is None:
        return [""] * n_expected
    if isinstance(labels, str) or len(labels) != n_expected:
        raise ShapeError(f"{name} must be a list of {n_expected} names, but it is {labels!r}.")
    return [shortened(str(label)) for label in labels]


def shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"


def pair(point: FloatArray) -> str:
    return f"({number_text(point[0])}, {number_text(point[1])})"


def number_text(number: float | np.floating) -> str:
    """Write a number as in a cell: two decimals, no minus before zero, the sign of infinity in words of mathematics."""
    if np.isnan(number):
        return "nan"
    if np.isinf(number):
        return "∞" if float(number) > 0 else "−∞"
    text = f"{number:.2f}" if abs(float(number)) < 1000 else f"{number:.3g}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")


def draw_plane(ax: Axes, points: FloatArray) -> None:
    """Draw axes through the origin, wide enough for `points` and for what is there already."""
    fresh = ax.get_autoscale_on()
    finite = points[np.isfinite(points)]
    reach = 1.4 * float(np.max(np.abs(finite), initial=0.8))
    reach = reach if fresh else max(reach, float(ax.get_xlim()[1]))
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    if fresh:
        ax.set_aspect("equal")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10], integer=True))
        ax.grid(color=GRID, linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=9, colors=QUIET, length=0, pad=4)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda number, _: "" if number == 0 else f"{number:g}".replace("-", "−"))
        for side, spine in ax.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_position("zero")
            spine.set_color(QUIET)


def draw_arrow(ax: Axes, tip: FloatArray, kind: str) -> None:
    head = "-" if kind == "value" else "-|>"
    properties = {
        "arrowstyle": head if head == "-" else f"{head},head_length=0.5,head_width=0.25", "color": COLOURS[kind],
        "linewidth": WIDTHS[kind], "linestyle": DASHES[kind], "shrinkA": 0, "shrinkB": 0,
    }  # fmt: skip
    ax.annotate("", (tip[0], tip[1]), (0, 0), arrowprops=properties)
    if kind == "value":
        ax.plot(*tip, marker="s", markersize=6, color=COLOURS[kind])


def draw_name(ax: Axes, tip: FloatArray, text: str, colour: str) -> None:
    """Write a name beyond the tip, on the side it points to."""
    length = float(np.hypot(*tip)) or 1.0
    away = 11 * tip / length if np.any(tip) else np.array([8.0, 8.0])
    ax.annotate(
        text, (tip[0], tip[1]), (away[0], away[1]), textcoords="offset points", color=colour, fontsize=10,
        ha="left" if away[0] > 4 else "right" if away[0] < -4 else "center", va="center", parse_math=False,
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0},
    )  # fmt: skip


def draw_legend(ax: Axes) -> None:
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=4, frameon=False, fontsize=9, handlelength=2.4,
        borderaxespad=0.2,
    )  # fmt: skip


def hull(points: FloatArray) -> list[int]:
    """Return the corners of the convex hull in order (Andrew's monotone chain)."""
    order = [int(index) for index in np.lexsort((points[:, 1], points[:, 0]))]

    def chain(indices: list[int]) -> list[int]:
        kept: list[int] = []
        for index in indices:
            while len(kept) > 1 and _turn(points[kept[-2]], points[kept[-1]], points[index]) <= 0:
                kept.pop()
            kept.append(index)
        return kept[:-1]

    return chain(order) + chain(order[::-1]) or order[:1]


def _turn(start: FloatArray, middle: FloatArray, end: FloatArray) -> float:
    """Above 0 where the way start, middle, end turns left."""
    first, second = middle - start, end - start
    return float(first[0] * second[1] - first[1] * second[0])


def matrix_size(n_rows: int, n_columns: int) -> tuple[float, float]:
    cell = min(0.8, 5.0 / max(n_columns, n_rows))
    return min(6.4, 1.6 + cell * n_columns + 0.6), 1.0 + cell * n_rows


def norm_of(cells: FloatArray, kind: str, reach: float | None = None) -> Normalize:
    if kind == "weights":
        return Normalize(0.0, 1.0)
    finite = cells[np.isfinite(cells)]
    largest = (float(np.max(np.abs(finite), initial=0.0)) if reach is None else reach) or 1.0
    return Normalize(-largest, largest)


def draw_cell_texts(ax: Axes, cells: FloatArray, kind: str, norm: Normalize) -> None:
    if cells.size > _MOST_CELLS_WITH_NUMBERS:
        return
    size = 10 if max(cells.shape) <= 8 else 7
    papers = np.asarray(MAPS[kind](norm(np.where(np.isfinite(cells), cells, 0.0))))
    for (row, column), number in np.ndenumerate(cells):
        if np.isfinite(number):
            colour = ink_on(papers[row, column])
        else:
            colour = INK
            ax.fill(
                column + np.array([-0.5, 0.5, 0.5, -0.5]), row + np.array([-0.5, -0.5, 0.5, 0.5]),
                facecolor="#eeeeee", edgecolor="#bbbbbb", hatch="///", linewidth=0,
            )  # fmt: skip
        ax.text(column, row, number_text(number), ha="center", va="center", color=colour, fontsize=size)


def ink_on(paper: FloatArray) -> str:
    """Return black or white, whichever stands out more on a colour; one of them reaches a contrast of 4.5 to 1."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in paper[:3]]
    brightness = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return "black" if (brightness + 0.05) / 0.05 > 1.05 / (brightness + 0.05) else "white"


def draw_matrix_ticks(ax: Axes, rows: list[str], columns: list[str], n_columns: int) -> None:
    ax.set_yticks(range(len(rows)) if any(rows) else [])
    ax.set_xticks(range(len(columns)) if any(columns) else [])
    long = n_columns > 0 and max(map(len, columns)) > 6
    if any(rows):
        ax.set_yticklabels(rows, parse_math=False)
    if any(columns):
        ax.set_xticklabels(columns, rotation=35 if long else 0, ha="left" if long else "center", parse_math=False)
    ax.tick_params(length=0, labelsize=10, labelcolor=INK, top=False, labeltop=True, bottom=False, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_color(QUIET)


def draw_sums(ax: Axes, shape: tuple[int, ...], row_sums: ArrayLike | None, column_sums: ArrayLike | None) -> None:
    for name, sums, axis in (("row_sums", row_sums, 0), ("column_sums", column_sums, 1)):
        if sums is None:
            continue
        totals = as_floats(name, sums)
        if totals.shape != (shape[axis],):
            raise ShapeError(f"{name} must have shape ({shape[axis]},), but it has shape {totals.shape}.")
        for index, total in enumerate(totals):
            x, y = (shape[1] - 0.35, index) if axis == 0 else (index, shape[0] - 0.35)
            ax.annotate(
                f"Σ {number_text(total)}", (x, y), annotation_clip=False, color=INK, fontsize=10,
                ha="left" if axis == 0 else "center", va="center" if axis == 0 else "top",
            )  # fmt: skip


def draw_bar_frame(ax: Axes, heights: FloatArray, names: list[str], kind: str) -> None:
    ax.set_xticks(range(len(names)))
    ax.set_xticklabels(names, parse_math=False)
    ax.tick_params(length=0, labelsize=10, colors=INK)
    ax.axhline(0, color=INK, linewidth=0.8)
    low, high = float(np.min(heights, initial=0.0)), float(np.max(heights, initial=0.0))
    room = 0.14 * ((high - low) or 1.0)
    ax.set_ylim((0, 1.12) if kind == "weights" else (low - room * (low < 0), high + room))
    ax.grid(axis="y", color=GRID)
    ax.set_axisbelow(True)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_visible(kind == "weights" or low == 0)


def outline_row(ax: Axes, row: int, n_columns: int) -> None:
    left, right, top, bottom = -0.47, n_columns - 0.53, row - 0.47, row + 0.47
    ax.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color=COLOURS["query"], linewidth=2.5)
