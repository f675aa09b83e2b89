"""The still pictures of single steps: a score, a row of weights, a weighted sum."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike

from course_lib.plots.charts import bars, lines, vectors
from course_lib.plots.parts import (
    draw_arrow,
    draw_legend,
    draw_name,
    draw_plane,
    hull,
    number_text,
    pair,
    shortened,
)
from course_lib.plots.picture import COLOURS, INK, WIDTHS, Picture
from course_lib.shapes import FloatArray, as_floats


def score(
    query: ArrayLike,
    key: ArrayLike,
    scores: ArrayLike,
    shadow: ArrayLike,
    angles: ArrayLike,
    *,
    tokens: Sequence[str],
    selected: int = 0,
) -> Picture:
    """Draw one query among its keys, its shadow on one of them, and all scores.

    Parameters
    ----------
    query : array_like, shape (2,)
    key : array_like, shape (n_keys, 2)
    scores : array_like, shape (n_keys,)
    shadow : array_like, shape (2,)
        The foot of the perpendicular from the query's tip to the line of the selected key.
    angles : array_like, shape (n_keys,)
        Degrees between the query and each key; nan where there is none.
    tokens : sequence of str
        The names of the keys.
    selected : int
        The key on which the shadow falls.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    tip, foot = as_floats("query", query), as_floats("shadow", shadow)
    picture = Picture(figsize=(8.0, 4.2), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    panels = picture.subplots(1, 2)
    plane = vectors(tip[np.newaxis, :], labels=["q"], kind="query", ax=panels[0])
    vectors(key, labels=[f"k {token}" for token in tokens], kind="key", ax=plane)
    plane.plot(*np.stack([np.zeros(2), foot]).T, color=COLOURS["query"], linewidth=7, alpha=0.28, zorder=1.5)
    plane.plot(*np.stack([tip, foot]).T, color=COLOURS["query"], linewidth=1.2, linestyle=(0, (2, 2)), zorder=1.5)
    name = f"“{shortened(tokens[selected])}”"
    plane.set_title(f"The shadow of q on key {name}", color=INK, fontsize=11, parse_math=False)
    numbers = as_floats("scores", scores)
    named = [f"{shortened(token)}\n{_degrees(angle)}" for token, angle in zip(tokens, np.asarray(angles), strict=True)]
    bars(numbers, labels=named, title="Score q · k of each key", ax=panels[1])
    listed = ", ".join(f"{number_text(number)} with key {token}" for token, number in zip(tokens, numbers, strict=True))
    picture.caption = f"A query and {len(numbers)} key{'s' * (len(numbers) != 1)}; its score is {listed}."
    return picture


def _degrees(angle: float) -> str:
    return "" if np.isnan(angle) else f"{angle:.0f}°"


def softmax_bars(scores: ArrayLike, exponentials: ArrayLike, weights: ArrayLike, *, tokens: Sequence[str]) -> Picture:
    """Draw a row of scores, their exponentials and their weights side by side.

    Parameters
    ----------
    scores, exponentials, weights : array_like, shape (n_keys,)
    tokens : sequence of str
        The names of the keys.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    picture = Picture(figsize=(9.6, 3.2), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    panels = picture.subplots(1, 3)
    bars(scores, labels=tokens, title="Scores", ax=panels[0])
    bars(exponentials, labels=tokens, title="Exponentials", ax=panels[1])
    bars(weights, labels=tokens, title="Weights, with sum 1", kind="weights", ax=panels[2])
    shares = as_floats("weights", weights)
    listed = ", ".join(f"{number_text(share)} for key {token}" for token, share in zip(tokens, shares, strict=True))
    picture.caption = f"Scores, exponentials and weights of {len(shares)} keys; the weights are {listed}."
    return picture


def softmax_draws(
    scores: ArrayLike,
    weights: ArrayLike,
    sizes: ArrayLike,
    measured: ArrayLike,
    expected: ArrayLike,
    *,
    tokens: Sequence[str],
    d_k: int,
    scaling: str,
    n_pairs: int,
) -> Picture:
    """Draw the scores and weights of one random draw, and how far such scores spread at every d_k.

    Parameters
    ----------
    scores, weights : array_like, shape (n_keys,)
    sizes, measured, expected : array_like, shape (n_sizes,)
        Every d_k, the spread measured there, and the one that theory expects.
    tokens : sequence of str
        The names of the keys.
    d_k : int
        The size of the draw that is shown.
    scaling : str
        The factor on the dot products, in words.
    n_pairs : int
        The number of pairs that the spread was measured on.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    picture = Picture(figsize=(9.6, 3.4), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    panels = picture.subplots(1, 3)
    factor = "" if scaling == "none" else f" × {scaling}"
    bars(scores, labels=tokens, title=f"q · k{factor} at d_k = {d_k}", ax=panels[0])
    bars(weights, labels=tokens, title="Weights, with sum 1", kind="weights", ax=panels[1])
    curves = {f"measured on {n_pairs} pairs": measured, f"√d_k{factor}": expected}
    chart = lines(sizes, curves, xlabel="d_k", ax=panels[2])
    chart.set_title("Spread of such scores", color=INK, fontsize=11)
    chart.axvline(d_k, color=INK, linewidth=0.8)
    chart.set_ylim(0, None)
    picture.caption = (
        f"One random draw at d_k = {d_k}, and the spread of q · k{factor} on {n_pairs} pairs at every d_k."
    )
    return picture


def weighted_sum(
    value: ArrayLike,
    weights: ArrayLike,
    parts: ArrayLike,
    output: ArrayLike,
    *,
    tokens: Sequence[str],
    inside_hull: bool,
) -> Picture:
    """Draw weights, and the values that they mix, tip to tail, to one output.

    Parameters
    ----------
    value : array_like, shape (n_keys, 2)
    weights : array_like, shape (n_keys,)
    parts : array_like, shape (n_keys, 2)
        Each value times its weight.
    output : array_like, shape (2,)
    tokens : sequence of str
        The names of the keys.
    inside_hull : bool
        Whether the output lies inside the hull of the values, for the words below the picture.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    shares, steps = as_floats("weights", weights), as_floats("parts", parts)
    picture = Picture(figsize=(8.0, 4.4), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    panels = picture.subplots(1, 2, width_ratios=(2, 3))
    bars(shares, labels=tokens, title=f"Weights, with sum {number_text(shares.sum())}", kind="weights", ax=panels[0])
    panels[0].set_ylim(min(0.0, 1.6 * float(shares.min())), max(1.12, 1.15 * float(shares.max())))
    corners = np.cumsum(np.concatenate([np.zeros((1, 2)), steps]), axis=0)
    _draw_chain(panels[1], as_floats("value", value), shares, corners, tokens)
    panels[1].set_title("Weighted values, tip to tail", color=INK, fontsize=11)
    where = "inside" if inside_hull else "outside of"
    listed = ", ".join(f"{number_text(share)} of {token}" for token, share in zip(tokens, shares, strict=True))
    place = pair(as_floats("output", output))
    picture.caption = f"{listed} make the output {place}, {where} the hull of {len(shares)} values."
    return picture


def _draw_chain(ax: Axes, value: FloatArray, weights: FloatArray, corners: FloatArray, tokens: Sequence[str]) -> None:
    """Draw values and their hull, and from corner to corner the way that leads to the output."""
    draw_plane(ax, np.concatenate([value, corners]))
    ax.fill(*value[hull(value)].T, facecolor="#00795a14", edgecolor="#00795a80", linewidth=1.0, linestyle=(0, (1, 2)))
    for token, tip, weight in zip(tokens, value, weights, strict=True):
        draw_arrow(ax, tip, "value")
        draw_name(ax, tip, f"{number_text(weight)} v {shortened(token)}", COLOURS["value"])
    draw_arrow(ax, corners[-1], "output")
    ax.plot(*corners.T, color=INK, linewidth=1.3, marker="o", markersize=3, label="weight × value")
    for kind in ("value", "output"):
        ax.plot([], [], color=COLOURS[kind], linewidth=WIDTHS[kind], label=kind)
    draw_legend(ax)
