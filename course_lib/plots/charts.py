"""Single charts: vectors, a matrix, bars, one query's output, curves."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from course_lib.errors import ShapeError
from course_lib.plots.parts import (
    check_kind,
    draw_arrow,
    draw_bar_frame,
    draw_cell_texts,
    draw_legend,
    draw_matrix_ticks,
    draw_name,
    draw_plane,
    draw_sums,
    hull,
    labels_of,
    matrix_size,
    norm_of,
    number_text,
    pair,
    points_of,
)
from course_lib.plots.picture import COLOURS, DASHES, GRID, INK, MAPS, SERIES, WIDTHS, describe, new_axes
from course_lib.shapes import as_floats

Kind = Literal["x", "query", "key", "value", "output"]
MatrixKind = Literal["scores", "weights"]


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
    drawn = points_of("vectors", vectors)
    check_kind(kind, COLOURS)
    names = labels_of("labels", labels, len(drawn))
    ax = new_axes(ax, 4.8, 4.8)
    draw_plane(ax, drawn)
    for index, tip in enumerate(drawn):
        draw_arrow(ax, tip, kind)
        if labels is not None:
            draw_name(ax, tip, names[index], COLOURS[kind])
    ax.plot([], [], color=COLOURS[kind], linestyle=DASHES[kind], linewidth=WIDTHS[kind], label=kind)
    draw_legend(ax)
    listed = ", ".join(f"{name} {pair(tip)}".strip() for name, tip in zip(names, drawn, strict=True))
    return describe(ax, f"{len(drawn)} {kind} vector{'s' * (len(drawn) != 1)}: {listed}.")


def matrix(
    values: ArrayLike,
    *,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    title: str | None = None,
    kind: MatrixKind = "scores",
    row_sums: ArrayLike | None = None,
    column_sums: ArrayLike | None = None,
    reach: float | None = None,
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
    reach : float, optional
        The score with the darkest colour, so that two matrices can be compared; None takes the largest of this one.
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
    check_kind(kind, MAPS)
    n_rows, n_columns = cells.shape
    rows = labels_of("row_labels", row_labels, n_rows)
    columns = labels_of("column_labels", column_labels, n_columns)
    ax = new_axes(ax, *matrix_size(n_rows, n_columns))
    norm = norm_of(cells, kind, reach)
    ax.imshow(np.where(np.isfinite(cells), cells, np.nan), cmap=MAPS[kind], norm=norm, aspect="equal")
    draw_cell_texts(ax, cells, kind, norm)
    draw_matrix_ticks(ax, rows, columns, n_columns)
    draw_sums(ax, cells.shape, row_sums, column_sums)
    if title is not None:
        ax.set_title(title, color=INK, fontsize=11, pad=8, parse_math=False)
    return describe(ax, f"{title or kind.capitalize()}: a matrix of {n_rows} rows and {n_columns} columns.")


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
    check_kind(kind, MAPS)
    names = labels_of("labels", labels, len(heights))
    ax = new_axes(ax, 6.4, 3.0)
    finite = np.where(np.isfinite(heights), heights, 0.0)
    colours = ["#3d5fa8" if kind == "weights" else ("#92bfe0" if height >= 0 else "#f0b48a") for height in finite]
    places = np.arange(len(heights))
    ax.bar(places, finite, color=colours, edgecolor=INK, linewidth=0.6, width=0.7)
    for place, height, shown in zip(places, heights, finite, strict=True):
        above = shown >= 0
        ax.annotate(
            number_text(height), (place, shown), (0, 3 if above else -3), textcoords="offset points", color=INK,
            ha="center", va="bottom" if above else "top", fontsize=10,
        )  # fmt: skip
    draw_bar_frame(ax, finite, names, kind)
    if title is not None:
        ax.set_title(title, color=INK, fontsize=11, parse_math=False)
    listed = ", ".join(f"{name} {number_text(height)}".strip() for name, height in zip(names, heights, strict=True))
    return describe(ax, f"{title or kind.capitalize()}: {listed}.")


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
    points = points_of("value", value)
    pulls = as_floats("weights", weights).reshape(-1)
    mixed = points_of("output", np.reshape(as_floats("output", output), (-1, 2)) if np.size(output) == 2 else output)
    if len(pulls) != len(points) or len(mixed) != 1:
        raise ShapeError(
            f"One query has one weight for each value and one output, but value is (n_keys={len(points)}, 2), "
            f"weights has {len(pulls)} and output has shape {np.shape(output)}."
        )
    names = labels_of("labels", labels, len(points))
    ax = new_axes(ax, 4.8, 4.8)
    draw_plane(ax, np.concatenate([points, mixed]))
    corners = points[hull(points)]
    ax.fill(*corners.T, facecolor="#00795a14", edgecolor="#00795a80", linewidth=1.0, linestyle=(0, (1, 2)))
    for name, point, pull in zip(names, points, pulls, strict=True):
        ax.plot(*np.stack([mixed[0], point]).T, color=COLOURS["output"], linewidth=10 * float(pull), alpha=0.35)
        draw_arrow(ax, point, "value")
        draw_name(ax, point, f"{name} {100 * pull:.0f} %".strip(), COLOURS["value"])
    draw_arrow(ax, mixed[0], "output")
    for kind in ("value", "output"):
        ax.plot([], [], color=COLOURS[kind], linewidth=WIDTHS[kind], label=kind)
    draw_legend(ax)
    return describe(ax, f"The output {pair(mixed[0])} inside the hull of {len(points)} values.")


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
    ax = new_axes(ax, 6.4, 3.6)
    for number, (name, heights) in enumerate(ys.items()):
        curve = as_floats(name, heights)
        if curve.shape != places.shape or curve.ndim != 1:
            raise ShapeError(f"{name} must be as long as x, {places.shape}, but it has shape {curve.shape}.")
        colour, dash, marker = SERIES[number % len(SERIES)]
        step = max(1, len(places) // 8)
        ax.plot(places, curve, dash, color=colour, marker=marker, markevery=step, linewidth=1.8, label=name)
    ax.grid(color=GRID)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel or "")
    ax.set_ylabel(ylabel or "")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if ys:
        ax.legend(frameon=False)
    return describe(ax, f"{', '.join(ys) or 'Nothing'}, drawn against {xlabel or 'x'}.")
