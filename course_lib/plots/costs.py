"""The still pictures of lesson 09: time and memory against the number of tokens, and online softmax by block."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike

from course_lib.errors import OptionError
from course_lib.plots.parts import number_text
from course_lib.plots.picture import GRID, INK, QUIET, SERIES, Picture
from course_lib.plots.units import bytes_text, count_text, seconds_text
from course_lib.shapes import FloatArray, as_floats

Points = Mapping[str, tuple[ArrayLike, ArrayLike]]
Fits = Mapping[str, tuple[float, float]]
_TITLES = {"seconds": "Time", "bytes": "Memory"}
_TEXTS = {"seconds": seconds_text, "bytes": bytes_text}


def cost(points: Mapping[str, Points], fits: Mapping[str, Fits], *, at: float, origin: str = "measured") -> Picture:
    """Draw time and memory against the number of tokens, both axes logarithmic, with the lines fitted to them.

    Parameters
    ----------
    points : mapping of {"seconds", "bytes"} to mapping of method to (n_tokens, amounts)
        Two arrays of shape (n_points,).
    fits : mapping of the same names to mapping of method to (factor, exponent)
        A line ``factor * n ** exponent``, drawn dashed beyond the points.
    at : float
        The number of tokens that is marked.
    origin : str
        Where the points come from, for the legend: measured, counted.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    OptionError
        If there is nothing to draw, or a quantity is neither "seconds" nor "bytes".
    """
    shown = [quantity for quantity in points if points[quantity]]
    if not shown or any(quantity not in _TITLES for quantity in shown):
        raise OptionError(f"points must hold seconds, bytes or both, but it holds {list(points)}.")
    methods = list(dict.fromkeys(method for quantity in shown for method in points[quantity]))
    picture = Picture(figsize=(4.4 * len(shown) + 0.4, 4.2), layout=ConstrainedLayoutEngine(w_pad=0.15))
    for ax, quantity in zip(picture.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        for method, (n_tokens, amounts) in points[quantity].items():
            series = methods.index(method)
            measured = as_floats("n_tokens", n_tokens), as_floats(method, amounts)
            _draw_method(ax, *measured, fits[quantity][method], series)
            ax.lines[-1].set_label(f"{method}: n^{fits[quantity][method][1]:.2f}")
        ax.set(xscale="log", yscale="log", xlabel="tokens n", xlim=(8, 1.3e7))
        ax.axvline(at, color=QUIET, linewidth=1.0)
        ax.set_xticks([10, 1e3, 1e5, 1e7])
        ax.xaxis.set_major_formatter(lambda number, _: count_text(number))
        ax.yaxis.set_major_formatter(lambda amount, _, write=_TEXTS[quantity]: write(amount))
        ax.set_title(f"{_TITLES[quantity]}, {origin}; dashed: beyond the points", color=INK, fontsize=11)
        ax.grid(color=GRID)
        ax.legend(frameon=False, fontsize=9)
    said = [
        f"{method}: n^{exponent:.2f}, {_TEXTS[quantity](factor * at**exponent)} at {count_text(at)}"
        for quantity in shown for method, (factor, exponent) in fits[quantity].items()
    ]  # fmt: skip
    picture.caption = f"Cost against the number of tokens ({origin}). {'; '.join(said)}."
    return picture


def _draw_method(ax: Axes, n_tokens: FloatArray, amounts: FloatArray, fit: tuple[float, float], series: int) -> None:
    """Draw one method's points, its line among them, and the line beyond."""
    colour, _, marker = SERIES[series % len(SERIES)]
    factor, exponent = fit
    for low, high, dash in ((10, 1e7, "--"), (n_tokens.min(), n_tokens.max(), "-")):
        ends = np.array([low, high], dtype=float)
        ax.plot(ends, factor * ends**exponent, dash, color=colour, linewidth=1.5)
    ax.plot(n_tokens, amounts, marker, color=colour, markersize=6)


def online_softmax(
    scores: ArrayLike,
    maxima: ArrayLike,
    factors: ArrayLike,
    sums: ArrayLike,
    outputs: ArrayLike,
    ordinary: ArrayLike,
    *,
    block_size: int,
    step: int,
) -> Picture:
    """Draw online softmax as a table: a row for each block, with what is kept after it.

    Parameters
    ----------
    scores : array_like, shape (n_keys,)
    maxima, factors, sums : array_like, shape (n_blocks,)
    outputs : array_like, shape (n_blocks, d_v)
    ordinary : array_like, shape (d_v,)
        The output of ordinary softmax.
    block_size : int
    step : int
        How many blocks were read; the rows after it are empty.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    given, results = as_floats("scores", scores), as_floats("outputs", outputs)
    kept = np.stack([as_floats("maxima", maxima), as_floats("factors", factors), as_floats("sums", sums)], axis=-1)
    rows = []
    for block, numbers in enumerate(kept):
        own = given[block * block_size : (block + 1) * block_size]
        texts = [f"{block + 1}", "  ".join(number_text(score) for score in own)]
        texts += [*map(number_text, numbers), _row_text(results[block])] if block < step else [""] * 4
        rows.append(texts)
    target = _row_text(as_floats("ordinary", ordinary))
    picture = Picture(figsize=(7.6, 1.0 + 0.34 * (len(rows) + 2)), layout=ConstrainedLayoutEngine())
    ax = picture.subplots()
    ax.set_axis_off()
    ax.set_title(f"Online softmax, blocks of {block_size}: {step} of {len(rows)} read", color=INK, fontsize=11)
    headings = ["block", "scores", "maximum m", "factor", "sum l", "output"]
    table = ax.table(
        [headings, *rows, ["", "all at once, ordinary softmax", "", "", "", target]], loc="center", cellLoc="center",
        colWidths=[0.08, 0.36, 0.12, 0.1, 0.1, 0.24],
    )  # fmt: skip
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    table.scale(1, 1.5)
    for (row, _), cell in table.get_celld().items():
        cell.set(edgecolor=GRID, facecolor="#f3f3f3" if row in (0, len(rows) + 1) else "white")
        cell.get_text().set_color(INK)
    now = _row_text(results[step - 1]) if step else "nothing yet"
    picture.caption = (
        f"Online softmax over {len(given)} scores in blocks of {block_size}: after {step} of {len(rows)} blocks the "
        f"output is {now}; ordinary softmax gives {target}."
    )
    return picture


def _row_text(row: FloatArray) -> str:
    return f"({', '.join(number_text(number) for number in row)})"
