"""The still picture of several heads: a small map of each, and a large one of one of them."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike

from course_lib.errors import ShapeError
from course_lib.plots.charts import matrix
from course_lib.plots.parts import labels_of, shortened
from course_lib.plots.picture import COLOURS, DASHES, INK, MAPS, QUIET, Picture
from course_lib.shapes import FloatArray, as_floats

_FEW = 10  # as many names fit beside each other, written across


def heads(
    weights: ArrayLike,
    *,
    tokens: Sequence[str],
    key_tokens: Sequence[str],
    names: Sequence[str],
    head: int = 0,
    query: int | None = None,
    key: int | None = None,
    caption: str,
) -> Picture:
    """Draw a map of every head's weights, and one of them large with its tokens.

    Parameters
    ----------
    weights : array_like, shape (n_heads, n_queries, n_keys)
    tokens, key_tokens : sequence of str
        The names of the queries and of the keys.
    names : sequence of str
        One for each head.
    head : int
        The head that is drawn large.
    query, key : int, optional
        A row and a column to frame.
    caption : str

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ShapeError
        If `weights` has other axes, or the names do not fit it.
    """
    maps = as_floats("weights", weights)
    if maps.ndim != 3:
        raise ShapeError(f"weights must have shape (n_heads, n_queries, n_keys), but it has {maps.shape}.")
    called = labels_of("names", names, len(maps))
    picture = Picture(figsize=(9.2, 4.8), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    sides: Any = picture.subfigures(1, 2, width_ratios=(5, 4))
    large_side, small_side = sides
    large = large_side.subplots()
    matrix(
        maps[head], row_labels=tokens, column_labels=key_tokens, kind="weights", title=shortened(names[head]), ax=large
    )  # fmt: skip
    _make_room_for_names(large, maps.shape)
    n_columns = math.ceil(math.sqrt(len(maps)))
    small = small_side.subplots(math.ceil(len(maps) / n_columns), n_columns, squeeze=False)
    for index, panel in enumerate(small.flat):
        if index < len(maps):
            _draw_map(panel, maps[index], called[index], is_shown=index == head)
        else:
            panel.set_axis_off()
    _frame(large, maps.shape, query, key, width=2.0)
    for panel in small.flat[: len(maps)]:
        _frame(panel, maps.shape, query, key, width=1.0)
    picture.caption = caption
    return picture


def _make_room_for_names(ax: Axes, shape: tuple[int, ...]) -> None:
    _, n_queries, n_keys = shape
    if max(n_queries, n_keys) > _FEW:
        ax.tick_params(labelsize=max(5, 100 // max(n_queries, n_keys)))
    if n_keys > _FEW // 2:
        for label in ax.get_xticklabels():
            label.set(rotation=90, ha="center")


def _draw_map(ax: Axes, weights: FloatArray, name: str, *, is_shown: bool) -> None:
    ax.imshow(weights, cmap=MAPS["weights"], vmin=0, vmax=1, aspect="equal", interpolation="nearest")
    ax.set_title(name, fontsize=8, color=INK, fontweight="bold" if is_shown else "normal", pad=4, parse_math=False)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(color=INK if is_shown else QUIET, linewidth=2 if is_shown else 0.8)


def _frame(ax: Axes, shape: tuple[int, ...], query: int | None, key: int | None, *, width: float) -> None:
    """Frame the row of a query or the column of a key."""
    _, n_queries, n_keys = shape
    for place, kind, across in ((query, "query", True), (key, "key", False)):
        if place is None:
            continue
        near, far, last = place - 0.5, place + 0.5, (n_keys if across else n_queries) - 0.5
        along, beside = [-0.5, last, last, -0.5, -0.5], [near, near, far, far, near]
        places = (along, beside) if across else (beside, along)
        ax.plot(*places, linestyle=DASHES[kind], color=COLOURS[kind], linewidth=width, clip_on=False)
