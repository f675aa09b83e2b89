"""The still picture of a training run: its losses, and what each head attends to at one step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike

from course_lib.errors import ShapeError
from course_lib.plots.parts import number_text, shortened
from course_lib.plots.picture import GRID, INK, MAPS, QUIET, SERIES, Picture
from course_lib.shapes import FloatArray, as_floats

_A_ROW = 4  # heads
_MOST_NAMES = 10  # tokens whose names fit beside a small map


def training(
    steps: ArrayLike,
    losses: Mapping[str, ArrayLike],
    step: float,
    weights: ArrayLike | None = None,
    *,
    weight_step: int | None = None,
    tokens: Sequence[str] = (),
    query_tokens: Sequence[str] = (),
    metrics: Mapping[str, ArrayLike] | None = None,
    log_scale: bool = False,
    caption: str = "",
) -> Picture:
    """Draw the losses of a run with one step marked, and below them the attention map of each head at that step.

    Parameters
    ----------
    steps : array_like, shape (n_steps,)
    losses : mapping of str to array_like, shape (n_steps,)
        nan where nothing was measured.
    step : float
        The step that is marked.
    weights : array_like, shape (n_heads, n_queries, n_keys), optional
    weight_step : int, optional
        The step of the weights.
    tokens, query_tokens : sequence of str
        The names of keys and queries; none where left out.
    metrics : mapping of str to array_like, shape (n_heads,), optional
        Written above each map.
    log_scale : bool
    caption : str
        What the picture says in words.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ShapeError
        If a curve or a metric has another length.
    """
    places = as_floats("steps", steps)
    maps = None if weights is None else as_floats("weights", weights)
    n_rows = 0 if maps is None else -(-len(maps) // _A_ROW)
    picture = Picture(
        figsize=(8.0, 3.0 + 2.5 * n_rows), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, hspace=0.04)
    )
    upper: Any = picture
    if maps is not None:
        parts: Any = picture.subfigures(2, 1, height_ratios=[3.0, 2.5 * n_rows])
        upper, lower = parts
        panels = lower.subplots(n_rows, min(_A_ROW, len(maps)), squeeze=False)
        _draw_heads(panels, maps, tokens, query_tokens, metrics or {})
        when = "" if weight_step is None else f" at step {weight_step}"
        lower.suptitle(f"What each head attends to{when}", color=INK, fontsize=11)
    _draw_losses(upper.subplots(), places, losses, step, log_scale)
    picture.caption = caption or f"The losses {', '.join(losses)} of a training run, marked at step {step:g}."
    return picture


def _draw_losses(
    ax: Axes, places: FloatArray, losses: Mapping[str, ArrayLike], step: float, log_scale: bool
) -> None:  # fmt: skip
    for number, (name, heights) in enumerate(losses.items()):
        curve = as_floats(name, heights)
        if curve.shape != places.shape:
            raise ShapeError(f"{name} must be as long as steps, {places.shape}, but it has shape {curve.shape}.")
        known = ~np.isnan(curve)
        colour, dash, marker = SERIES[number % len(SERIES)]
        ax.plot(places[known], curve[known], dash, color=colour, linewidth=1.8, label=f"{name} loss")
        at = np.flatnonzero(known & (places <= step))
        if len(at):
            ax.plot(places[at[-1]], curve[at[-1]], marker, color=colour, markersize=7, markeredgecolor="white")
    ax.axvline(step, color=INK, linewidth=1.2)
    ax.annotate(
        f"step {step:g}", (step, 1), (4, -4), xycoords=("data", "axes fraction"), textcoords="offset points",
        va="top", fontsize=10, color=INK, fontweight="bold",
    )  # fmt: skip
    ax.set_yscale("log" if log_scale else "linear")
    if not log_scale and min(float(np.nanmin(as_floats("", curve))) for curve in losses.values()) >= 0:
        ax.set_ylim(bottom=0)
    ax.set_xlabel("step", color=QUIET)
    ax.grid(color=GRID)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.legend(frameon=False)


def _draw_heads(
    panels: Any, maps: FloatArray, tokens: Sequence[str], query_tokens: Sequence[str], metrics: Mapping[str, ArrayLike]
) -> None:
    for head, ax in enumerate(panels.flat):
        if head >= len(maps):
            ax.set_visible(False)
            continue
        ax.imshow(maps[head], cmap=MAPS["weights"], vmin=0, vmax=1)
        said = [f"{name} {number_text(as_floats(name, numbers)[head])}" for name, numbers in metrics.items()]
        ax.set_title("\n".join([f"head {head}", ", ".join(said)]).strip(), fontsize=9, color=INK)
        for names, axis in ((tokens, ax.xaxis), (query_tokens, ax.yaxis)):
            fit = 0 < len(names) <= _MOST_NAMES
            axis.set_ticks(range(len(names)) if fit else [])
            if fit:
                is_long = axis is ax.xaxis and max(map(len, names)) > 2
                axis.set_ticklabels(
                    [shortened(name) for name in names], parse_math=False, fontsize=8, rotation=90 if is_long else 0
                )
        ax.tick_params(length=0, labelcolor=INK)
        for spine in ax.spines.values():
            spine.set_color(QUIET)
