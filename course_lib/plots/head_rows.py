"""The still picture of where many heads look from one token: a line for each."""

from collections.abc import Sequence
from typing import Any

from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from course_lib.errors import ShapeError
from course_lib.plots.parts import labels_of
from course_lib.plots.picture import COLOURS, INK, MAPS, QUIET, Picture
from course_lib.shapes import as_floats


def head_rows(
    rows: ArrayLike,
    *,
    labels: Sequence[str],
    tokens: Sequence[str],
    title: str,
    shown: int | None = None,
    caption: str,
) -> Picture:
    """Draw a line of cells for each head: how much it reads of each token.

    Parameters
    ----------
    rows : array_like, shape (n_heads, n_tokens)
    labels : sequence of str
        One for each head.
    tokens : sequence of str
    title : str
    shown : int, optional
        A line to frame.
    caption : str

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ShapeError
        If `rows` has other axes, or the names do not fit it.
    """
    cells = as_floats("rows", rows)
    if cells.ndim != 2:
        raise ShapeError(f"rows must have shape (n_heads, n_tokens), but it has {cells.shape}.")
    n_heads, n_tokens = cells.shape
    labels_of("labels", labels, n_heads)  # one for each; they are short enough to stand as they are
    picture = Picture(figsize=(8.4, 1.4 + 0.26 * n_heads), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    ax: Any = picture.subplots()
    ax.imshow(cells, cmap=MAPS["weights"], vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    ax.set_yticks(range(n_heads), list(labels), color=INK, fontsize=9)
    ax.set_xticks(range(n_tokens), labels_of("tokens", tokens, n_tokens), color=INK, fontsize=9, rotation=90)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for text in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        text.set_parse_math(False)
    ax.set_xlabel(title, color=QUIET, parse_math=False)
    for spine in ax.spines.values():
        spine.set(color=QUIET, linewidth=0.8)
    if shown is not None:
        ax.add_patch(
            Rectangle((-0.5, shown - 0.5), n_tokens, 1, fill=False, edgecolor=COLOURS["query"], linewidth=2, zorder=3)
        )
    picture.caption = caption
    return picture
