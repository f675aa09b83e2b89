"""The still picture of the mask board: scores under a mask, and the weights that came of it."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch, Rectangle
from numpy.typing import ArrayLike, NDArray

from course_lib.plots.charts import matrix
from course_lib.plots.parts import check_kind
from course_lib.plots.picture import INK, QUIET, Picture

HATCHES = {"causal": "///", "padding": "|||", "window": "...", "hand": "xx", "True, read as blocked": "---"}


def mask_board(
    scores: ArrayLike,
    forbidden: Mapping[str, NDArray[np.bool_]],
    weights: ArrayLike,
    row_sums: ArrayLike,
    *,
    tokens: Sequence[str],
    key_tokens: Sequence[str],
    caption: str,
) -> Picture:
    """Draw scores with a hatching for each rule that forbids a pair, and beside them the weights.

    Parameters
    ----------
    scores : array_like, shape (n_queries, n_keys)
    forbidden : mapping of {"causal", "padding", "window", "hand", "True, read as blocked"} to ndarray of bool
        True where the rule forbids; each of shape (n_queries, n_keys).
    weights : array_like, shape (n_queries, n_keys)
    row_sums : array_like, shape (n_queries,)
    tokens, key_tokens : sequence of str
        The names of the queries and of the keys.
    caption : str

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ShapeError
        If `scores`, `weights` or `row_sums` do not fit the tokens.
    OptionError
        If a rule is none of those above.
    """
    for rule in forbidden:
        check_kind(rule, HATCHES)
    picture = Picture(figsize=(9.2, 4.6), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    left, right = picture.subplots(1, 2)
    matrix(scores, row_labels=tokens, column_labels=key_tokens, title="Scores, hatched where forbidden", ax=left)
    _hatch(left, forbidden)
    matrix(
        weights, row_labels=tokens, column_labels=key_tokens, title="Weights", kind="weights", row_sums=row_sums,
        ax=right,
    )  # fmt: skip
    if forbidden:
        keys = [Patch(facecolor="white", edgecolor=QUIET, hatch=HATCHES[rule], label=rule) for rule in forbidden]
        picture.legend(handles=keys, loc="outside lower left", ncols=len(keys), frameon=False, labelcolor=INK)
    picture.caption = caption
    return picture


def _hatch(ax: Axes, forbidden: Mapping[str, NDArray[np.bool_]]) -> None:
    """Cover forbidden cells with the hatching of each rule that forbids them, and keep their numbers readable."""
    numbers = {(round(text.get_position()[1]), round(text.get_position()[0])): text for text in ax.texts}
    for rule, cells in forbidden.items():
        for row, column in np.argwhere(cells):
            place = (float(column) - 0.5, float(row) - 0.5)
            number = numbers[int(row), int(column)]
            if number.get_bbox_patch() is None:  # the first rule that forbids this cell
                ax.add_patch(Rectangle(place, 1, 1, facecolor="white", edgecolor="none"))
                number.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
                number.set_color(INK)
            ax.add_patch(Rectangle(place, 1, 1, facecolor="none", edgecolor=QUIET, linewidth=0, hatch=HATCHES[rule]))
