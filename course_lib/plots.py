"""Still pictures: draw arrays that are handed in; compute nothing; return the Axes.

The colours are those of the live widgets (after the Okabe-Ito palette, safe for colour-blind readers), and no kind of
vector differs from another by colour alone: a query is a solid arrow, a key dashed, a value ends in a square, an output
is thick.
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray, as_floats

Kind = Literal["x", "query", "key", "value", "output"]
MatrixKind = Literal["scores", "weights"]

COLOURS = {"x": "#4d4d4d", "query": "#0072b2", "key": "#c14f00", "value": "#00795a", "output": "#a3397b"}
_DASHES: dict[str, Any] = {"x": "-", "query": "-", "key": (0, (4, 2)), "value": "-", "output": "-"}
_WIDTHS = {"x": 1.8, "query": 2.0, "key": 2.0, "value": 1.4, "output": 3.4}
_SERIES = (
    ("#0072b2", "-", "o"), ("#c14f00", "--", "s"), ("#00795a", "-.", "^"), ("#a3397b", ":", "D"), ("#4d4d4d", "-", "v"),
)  # fmt: skip
_INK, _QUIET, _GRID = "#222222", "#595959", "#e0e0e0"
_MOST_CELLS_WITH_NUMBERS = 144
_LONGEST_LABEL = 14
_MAPS: dict[str, Colormap] = {
    "weights": LinearSegmentedColormap.from_list("weights", ["#ffffff", "#a9bfe8", "#4a68b0", "#16264f"]),
    "scores": LinearSegmentedColormap.from_list("scores", ["#8c3800", "#f0b48a", "#ffffff", "#92bfe0", "#00476f"]),
}
_DOTS_AN_INCH = 100  # on the page; the stored picture has half as many again, so that it stays sharp when enlarged


class Picture(Figure):
    """A figure that shows itself at the end of a cell, and says in words what it shows."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.caption = "An empty picture."

    def __repr__(self) -> str:
        return self.caption

    def png(self) -> bytes:
        """Return the picture as PNG: the same bytes for the same picture."""
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # a label in a script that the font lacks
            FigureCanvasAgg(self).print_figure(
                buffer, format="png", dpi=1.5 * _DOTS_AN_INCH, facecolor="white", metadata={"Software": None}
            )
        return buffer.getvalue()

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = self.get_size_inches() * _DOTS_AN_INCH
        return self.png(), {"width": round(width), "height": round(height)}


class PictureAxes(Axes):
    """Axes that show their picture once, and describe it, when they are the last thing in a cell."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.caption = "An empty picture."

    def __repr__(self) -> str:
        return self.caption

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        import matplotlib.pyplot as plt

        picture = self.get_figure()
        backend = mpl.get_backend().lower()
        if not isinstance(picture, Picture) or not ("inline" in backend or backend == "agg"):
            return None  # a window, or a figure of the reader's own, is shown by matplotlib itself
        plt.close(picture)  # or the end of the cell would show it a second time
        return picture._repr_png_()


def vectors(
    vectors: ArrayLike, *, labels: Sequence[str] | None = None, kind: Kind = "query", ax: Axes | None = None
) -> Axes:
    """Draw two-dimensional vectors as arrows from the origin.

    Call it again with the same `ax` to lay another kind over the first.

    Parameters
    ----------
    vectors : array_like, shape (n, 2)
    labels : sequence of str, optional
        One name for each vector, written beside its tip.
    kind : {"x", "query", "key", "value", "output"}
        Chooses colour and line.
    ax : Axes, optional
        None draws a new picture.

    Returns
    -------
    Axes

    Raises
    ------
    ShapeError
        If `vectors` is not (n, 2) or `labels` has another length.
    OptionError
        If `kind` is none of the five.
    """
    drawn = _points("vectors", vectors)
    _check_kind(kind, COLOURS)
    names = _labels("labels", labels, len(drawn))
    ax = _axes(ax, 4.8, 4.8)
    _plane(ax, drawn)
    for index, tip in enumerate(drawn):
        _arrow(ax, tip, kind)
        if labels is not None:
            _name(ax, tip, names[index], COLOURS[kind])
    ax.plot([], [], color=COLOURS[kind], linestyle=_DASHES[kind], linewidth=_WIDTHS[kind], label=kind)
    _legend(ax)
    listed = ", ".join(f"{name} {_pair(tip)}".strip() for name, tip in zip(names, drawn, strict=True))
    return _describe(ax, f"{len(drawn)} {kind} vector{'s' * (len(drawn) != 1)}: {listed}.")


def matrix(
    values: ArrayLike,
    *,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    title: str | None = None,
    kind: MatrixKind = "scores",
    row_sums: ArrayLike | None = None,
    column_sums: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a matrix with its numbers in the cells; beside and below it the sums that are handed in.

    Parameters
    ----------
    values : array_like, shape (n_rows, n_columns)
        ``-inf`` is drawn as a hatched cell: a pair that is masked out.
    row_labels, column_labels : sequence of str, optional
    title : str, optional
    kind : {"scores", "weights"}
        Scores: orange below 0, blue above. Weights: from white (0) to dark blue (1).
    row_sums : array_like, shape (n_rows,), optional
    column_sums : array_like, shape (n_columns,), optional
    ax : Axes, optional
        None draws a new picture.

    Returns
    -------
    Axes

    Raises
    ------
    ShapeError
        If `values` is no matrix, or labels or sums do not fit it.
    OptionError
        If `kind` is neither.
    """
    cells = as_floats("values", values)
    if cells.ndim != 2 or cells.size == 0:
        raise ShapeError(f"values must be a matrix (n_rows, n_columns), but it has shape {cells.shape}.")
    _check_kind(kind, _MAPS)
    n_rows, n_columns = cells.shape
    rows = _labels("row_labels", row_labels, n_rows)
    columns = _labels("column_labels", column_labels, n_columns)
    ax = _axes(ax, *_matrix_size(n_rows, n_columns))
    norm = _norm(cells, kind)
    ax.imshow(np.where(np.isfinite(cells), cells, np.nan), cmap=_MAPS[kind], norm=norm, aspect="equal")
    _cell_texts(ax, cells, kind, norm)
    _matrix_ticks(ax, rows, columns, n_columns)
    _sums(ax, cells.shape, row_sums, column_sums)
    if title is not None:
        ax.set_title(title, color=_INK, fontsize=11, pad=8, parse_math=False)
    return _describe(ax, f"{title or kind.capitalize()}: a matrix of {n_rows} rows and {n_columns} columns.")


def bars(
    values: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    title: str | None = None,
    kind: MatrixKind = "scores",
    ax: Axes | None = None,
) -> Axes:
    """Draw one bar for each number, with the number at its end.

    Parameters
    ----------
    values : array_like, shape (n,)
    labels : sequence of str, optional
    title : str, optional
    kind : {"scores", "weights"}
        Weights are drawn between 0 and 1, so that pictures can be compared.
    ax : Axes, optional
        None draws a new picture.

    Returns
    -------
    Axes

    Raises
    ------
    ShapeError
        If `values` is not (n,) or `labels` has another length.
    OptionError
        If `kind` is neither.
    """
    heights = as_floats("values", values)
    if heights.ndim != 1 or heights.size == 0:
        raise ShapeError(f"values must have shape (n,), but it has shape {heights.shape}.")
    _check_kind(kind, _MAPS)
    names = _labels("labels", labels, len(heights))
    ax = _axes(ax, 6.4, 3.0)
    finite = np.where(np.isfinite(heights), heights, 0.0)
    colours = ["#3d5fa8" if kind == "weights" else ("#92bfe0" if height >= 0 else "#f0b48a") for height in finite]
    places = np.arange(len(heights))
    ax.bar(places, finite, color=colours, edgecolor=_INK, linewidth=0.6, width=0.7)
    for place, height, shown in zip(places, heights, finite, strict=True):
        above = shown >= 0
        ax.annotate(
            _number(height), (place, shown), (0, 3 if above else -3), textcoords="offset points", color=_INK,
            ha="center", va="bottom" if above else "top", fontsize=10,
        )  # fmt: skip
    _bar_frame(ax, finite, names, kind)
    if title is not None:
        ax.set_title(title, color=_INK, fontsize=11, parse_math=False)
    listed = ", ".join(f"{name} {_number(height)}".strip() for name, height in zip(names, heights, strict=True))
    return _describe(ax, f"{title or kind.capitalize()}: {listed}.")


def output(
    value: ArrayLike,
    weights: ArrayLike,
    output: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one query's output among the values: each value pulls by a line as thick as its weight.

    Parameters
    ----------
    value : array_like, shape (n_keys, 2)
    weights : array_like, shape (n_keys,)
    output : array_like, shape (2,)
    labels : sequence of str, optional
        One name for each value.
    ax : Axes, optional
        None draws a new picture.

    Returns
    -------
    Axes

    Raises
    ------
    ShapeError
        If the arrays do not fit together.
    """
    points = _points("value", value)
    pulls = as_floats("weights", weights).reshape(-1)
    mixed = _points("output", np.reshape(as_floats("output", output), (-1, 2)) if np.size(output) == 2 else output)
    if len(pulls) != len(points) or len(mixed) != 1:
        raise ShapeError(
            f"One query has one weight for each value and one output, but value is (n_keys={len(points)}, 2), "
            f"weights has {len(pulls)} and output has shape {np.shape(output)}."
        )
    names = _labels("labels", labels, len(points))
    ax = _axes(ax, 4.8, 4.8)
    _plane(ax, np.concatenate([points, mixed]))
    corners = points[_hull(points)]
    ax.fill(*corners.T, facecolor="#00795a14", edgecolor="#00795a80", linewidth=1.0, linestyle=(0, (1, 2)))
    for name, point, pull in zip(names, points, pulls, strict=True):
        ax.plot(*np.stack([mixed[0], point]).T, color=COLOURS["output"], linewidth=10 * float(pull), alpha=0.35)
        _arrow(ax, point, "value")
        _name(ax, point, f"{name} {100 * pull:.0f} %".strip(), COLOURS["value"])
    _arrow(ax, mixed[0], "output")
    for kind in ("value", "output"):
        ax.plot([], [], color=COLOURS[kind], linewidth=_WIDTHS[kind], label=kind)
    _legend(ax)
    return _describe(ax, f"The output {_pair(mixed[0])} inside the hull of {len(points)} values.")


def lines(
    x: ArrayLike,
    ys: Mapping[str, ArrayLike],
    *,
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw curves over one axis, each with its own colour, dash and marker.

    Parameters
    ----------
    x : array_like, shape (n,)
    ys : mapping of str to array_like of shape (n,)
        The name in the legend, and the heights.
    xlabel, ylabel : str, optional
    ax : Axes, optional
        None draws a new picture.

    Returns
    -------
    Axes

    Raises
    ------
    ShapeError
        If a curve is not as long as `x`.
    """
    places = as_floats("x", x)
    ax = _axes(ax, 6.4, 3.6)
    for number, (name, heights) in enumerate(ys.items()):
        curve = as_floats(name, heights)
        if curve.shape != places.shape or curve.ndim != 1:
            raise ShapeError(f"{name} must be as long as x, {places.shape}, but it has shape {curve.shape}.")
        colour, dash, marker = _SERIES[number % len(_SERIES)]
        step = max(1, len(places) // 8)
        ax.plot(places, curve, dash, color=colour, marker=marker, markevery=step, linewidth=1.8, label=name)
    ax.grid(color=_GRID)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel or "")
    ax.set_ylabel(ylabel or "")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if ys:
        ax.legend(frameon=False)
    return _describe(ax, f"{', '.join(ys) or 'Nothing'}, drawn against {xlabel or 'x'}.")


def stage(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike,
    output_: ArrayLike,
    *,
    tokens: Sequence[str],
    selected: int = 0,
) -> Picture:
    """Draw all steps of attention for one query: vectors, scores, weights, output.

    Parameters
    ----------
    query, key, value : array_like, shape (n_tokens, 2)
    scores, weights : array_like, shape (n_tokens, n_tokens)
    output_ : array_like, shape (n_tokens, 2)
    tokens : sequence of str
    selected : int
        The query whose scores, weights and output are shown.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    picture = Picture(figsize=(8.0, 7.4), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    panels = picture.subplots(2, 2)
    name = f"“{_shortened(tokens[selected])}”"
    rows = as_floats("scores", scores), as_floats("weights", weights)
    plane = vectors(
        as_floats("query", query)[[selected]], labels=[f"q {tokens[selected]}"], kind="query", ax=panels[0, 0]
    )
    vectors(key, labels=[f"k {token}" for token in tokens], kind="key", ax=plane)
    bars(rows[0][selected], labels=tokens, title=f"Scores of query {name} against each key", ax=panels[0, 1])
    matrix(
        rows[1], row_labels=tokens, column_labels=tokens, title="Weights: each row sums to 1", kind="weights",
        row_sums=rows[1].sum(axis=-1), ax=panels[1, 0],
    )  # fmt: skip
    _outline_row(panels[1, 0], selected, len(tokens))
    output(value, rows[1][selected], as_floats("output", output_)[selected], labels=tokens, ax=panels[1, 1])
    plane.set_title(f"Query {name} and the keys", color=_INK, fontsize=11, parse_math=False)
    panels[1, 1].set_title(f"Output of query {name}", color=_INK, fontsize=11, parse_math=False)
    picture.caption = f"The steps of attention for query {name} of {len(tokens)} tokens."
    return picture


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    picture = plt.figure(FigureClass=Picture, figsize=(width, height), dpi=_DOTS_AN_INCH, layout="constrained")
    return picture.add_subplot(axes_class=PictureAxes)


def _describe(ax: Axes, caption: str) -> Axes:
    """Let the picture say in words what was drawn last, or all of it where several layers were drawn."""
    if isinstance(ax, PictureAxes):
        earlier = "" if ax.caption == "An empty picture." else f"{ax.caption} "
        ax.caption = earlier + caption
        picture = ax.get_figure()
        if isinstance(picture, Picture):
            picture.caption = ax.caption
    return ax


def _check_kind(kind: str, known: Mapping[str, object]) -> None:
    if kind not in known:
        raise OptionError(f"kind must be one of {', '.join(known)}, but it is {kind!r}.")


def _points(name: str, array: ArrayLike) -> FloatArray:
    points = as_floats(name, array)
    if points.ndim != 2 or points.shape[-1] != 2:
        raise ShapeError(f"{name} must hold vectors in the plane, shape (n, 2), but it has shape {points.shape}.")
    return points


def _labels(name: str, labels: Sequence[str] | None, n_expected: int) -> list[str]:
    if labels is None:
        return [""] * n_expected
    if isinstance(labels, str) or len(labels) != n_expected:
        raise ShapeError(f"{name} must be a list of {n_expected} names, but it is {labels!r}.")
    return [_shortened(str(label)) for label in labels]


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"


def _pair(point: FloatArray) -> str:
    return f"({_number(point[0])}, {_number(point[1])})"


def _number(number: float | np.floating) -> str:
    """Write a number as in a cell: two decimals, no minus before zero, the sign of infinity in words of mathematics."""
    if np.isnan(number):
        return "nan"
    if np.isinf(number):
        return "∞" if float(number) > 0 else "−∞"
    text = f"{number:.2f}" if abs(float(number)) < 1000 else f"{number:.3g}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")


def _plane(ax: Axes, points: FloatArray) -> None:
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
        ax.grid(color=_GRID, linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=9, colors=_QUIET, length=0, pad=4)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda number, _: "" if number == 0 else f"{number:g}".replace("-", "−"))
        for side, spine in ax.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_position("zero")
            spine.set_color(_QUIET)


def _arrow(ax: Axes, tip: FloatArray, kind: str) -> None:
    head = "-" if kind == "value" else "-|>"
    properties = {
        "arrowstyle": head if head == "-" else f"{head},head_length=0.5,head_width=0.25", "color": COLOURS[kind],
        "linewidth": _WIDTHS[kind], "linestyle": _DASHES[kind], "shrinkA": 0, "shrinkB": 0,
    }  # fmt: skip
    ax.annotate("", (tip[0], tip[1]), (0, 0), arrowprops=properties)
    if kind == "value":
        ax.plot(*tip, marker="s", markersize=6, color=COLOURS[kind])


def _name(ax: Axes, tip: FloatArray, text: str, colour: str) -> None:
    """Write a name beyond the tip, on the side it points to."""
    length = float(np.hypot(*tip)) or 1.0
    away = 11 * tip / length if np.any(tip) else np.array([8.0, 8.0])
    ax.annotate(
        text, (tip[0], tip[1]), (away[0], away[1]), textcoords="offset points", color=colour, fontsize=10,
        ha="left" if away[0] > 4 else "right" if away[0] < -4 else "center", va="center", parse_math=False,
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0},
    )  # fmt: skip


def _legend(ax: Axes) -> None:
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=4, frameon=False, fontsize=9, handlelength=2.4,
        borderaxespad=0.2,
    )  # fmt: skip


def _hull(points: FloatArray) -> list[int]:
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


def _matrix_size(n_rows: int, n_columns: int) -> tuple[float, float]:
    cell = min(0.8, 5.0 / max(n_columns, n_rows))
    return min(6.4, 1.6 + cell * n_columns + 0.6), 1.0 + cell * n_rows


def _norm(cells: FloatArray, kind: str) -> Normalize:
    if kind == "weights":
        return Normalize(0.0, 1.0)
    finite = cells[np.isfinite(cells)]
    largest = float(np.max(np.abs(finite), initial=0.0)) or 1.0
    return Normalize(-largest, largest)


def _cell_texts(ax: Axes, cells: FloatArray, kind: str, norm: Normalize) -> None:
    if cells.size > _MOST_CELLS_WITH_NUMBERS:
        return
    size = 10 if max(cells.shape) <= 8 else 7
    papers = np.asarray(_MAPS[kind](norm(np.where(np.isfinite(cells), cells, 0.0))))
    for (row, column), number in np.ndenumerate(cells):
        if np.isfinite(number):
            colour = _ink_on(papers[row, column])
        else:
            colour = _INK
            ax.fill(
                column + np.array([-0.5, 0.5, 0.5, -0.5]), row + np.array([-0.5, -0.5, 0.5, 0.5]),
                facecolor="#eeeeee", edgecolor="#bbbbbb", hatch="///", linewidth=0,
            )  # fmt: skip
        ax.text(column, row, _number(number), ha="center", va="center", color=colour, fontsize=size)


def _ink_on(paper: FloatArray) -> str:
    """Return black or white, whichever stands out more on a colour; one of them reaches a contrast of 4.5 to 1."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in paper[:3]]
    brightness = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return "black" if (brightness + 0.05) / 0.05 > 1.05 / (brightness + 0.05) else "white"


def _matrix_ticks(ax: Axes, rows: list[str], columns: list[str], n_columns: int) -> None:
    ax.set_yticks(range(len(rows)) if any(rows) else [])
    ax.set_xticks(range(len(columns)) if any(columns) else [])
    long = n_columns > 0 and max(map(len, columns)) > 6
    if any(rows):
        ax.set_yticklabels(rows, parse_math=False)
    if any(columns):
        ax.set_xticklabels(columns, rotation=35 if long else 0, ha="left" if long else "center", parse_math=False)
    ax.tick_params(length=0, labelsize=10, labelcolor=_INK, top=False, labeltop=True, bottom=False, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_color(_QUIET)


def _sums(ax: Axes, shape: tuple[int, ...], row_sums: ArrayLike | None, column_sums: ArrayLike | None) -> None:
    for name, sums, axis in (("row_sums", row_sums, 0), ("column_sums", column_sums, 1)):
        if sums is None:
            continue
        totals = as_floats(name, sums)
        if totals.shape != (shape[axis],):
            raise ShapeError(f"{name} must have shape ({shape[axis]},), but it has shape {totals.shape}.")
        for index, total in enumerate(totals):
            x, y = (shape[1] - 0.35, index) if axis == 0 else (index, shape[0] - 0.35)
            ax.annotate(
                f"Σ {_number(total)}", (x, y), annotation_clip=False, color=_INK, fontsize=10,
                ha="left" if axis == 0 else "center", va="center" if axis == 0 else "top",
            )  # fmt: skip


def _bar_frame(ax: Axes, heights: FloatArray, names: list[str], kind: str) -> None:
    ax.set_xticks(range(len(names)))
    ax.set_xticklabels(names, parse_math=False)
    ax.tick_params(length=0, labelsize=10, colors=_INK)
    ax.axhline(0, color=_INK, linewidth=0.8)
    low, high = float(np.min(heights, initial=0.0)), float(np.max(heights, initial=0.0))
    room = 0.14 * ((high - low) or 1.0)
    ax.set_ylim((0, 1.12) if kind == "weights" else (low - room * (low < 0), high + room))
    ax.grid(axis="y", color=_GRID)
    ax.set_axisbelow(True)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_visible(kind == "weights" or low == 0)


def _outline_row(ax: Axes, row: int, n_columns: int) -> None:
    left, right, top, bottom = -0.47, n_columns - 0.53, row - 0.47, row + 0.47
    ax.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color=COLOURS["query"], linewidth=2.5)


def projection(
    x: ArrayLike, weights: Mapping[str, ArrayLike], projected: Mapping[str, ArrayLike], *, tokens: Sequence[str]
) -> Picture:
    """Draw token vectors beside what each matrix makes of them.

    Parameters
    ----------
    x : array_like, shape (n_tokens, 2)
    weights : mapping of {"query", "key", "value"} to array_like of shape (2, 2)
    projected : mapping of the same names to array_like of shape (n_tokens, 2)
    tokens : sequence of str

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    picture = Picture(figsize=(8.0, 8.4), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    panels = picture.subplots(2, 2)
    vectors(x, labels=tokens, kind="x", ax=panels[0, 0]).set_title("Token vectors x", color=_INK, fontsize=11)
    for panel, (name, weight) in zip(panels.flat[1:], weights.items(), strict=True):
        rows = ["  ".join(_number(number) for number in row) for row in as_floats(name, weight)]
        kind: Any = name
        plane = vectors(projected[name], labels=tokens, kind=kind, ax=panel)
        plane.set_title(f"{name} = x W,  W = [{rows[0]} ; {rows[1]}]", color=_INK, fontsize=11)
    picture.caption = f"Token vectors {', '.join(tokens)}, and the query, key and value made of them."
    return picture
