"""The still pictures of lesson 08: outputs of tokens in two orders, and three encodings by distance."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike

from course_lib.errors import ShapeError
from course_lib.plots.charts import lines, matrix
from course_lib.plots.parts import number_text
from course_lib.plots.picture import INK, MAPS, QUIET, Picture
from course_lib.shapes import as_floats


def shuffle(
    first_output: ArrayLike,
    output: ArrayLike,
    change: ArrayLike,
    order: ArrayLike,
    *,
    tokens: Sequence[str],
    positions: str,
) -> Picture:
    """Draw the outputs of tokens in their first order beside those in another order.

    Parameters
    ----------
    first_output : array_like, shape (n_tokens, d_v)
        Row t belongs to token t.
    output : array_like, shape (n_tokens, d_v)
        Row i belongs to the token at place i, ``order[i]``.
    change : array_like, shape (n_tokens,)
        How far each row of `output` is from its token's row of `first_output`.
    order : array_like of int, shape (n_tokens,)
    tokens : sequence of str
    positions : str
        What attention was told about the order, for the title.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ShapeError
        If the arrays do not fit together.
    """
    rows = as_floats("first_output", first_output), as_floats("output", output)
    differences = as_floats("change", change)
    names = [tokens[int(token)] for token in np.asarray(order)]
    if rows[0].shape != rows[1].shape or differences.shape != rows[1].shape[:1] or len(names) != len(rows[1]):
        raise ShapeError(
            f"There must be one output, one change and one place for each token, but first_output has shape "
            f"{rows[0].shape}, output {rows[1].shape}, change {differences.shape}, and order {len(names)} places."
        )
    picture = Picture(figsize=(7.6, 1.6 + 0.55 * len(names)), layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.1))
    left, right = picture.subplots(1, 2)
    reach = max(float(np.max(np.abs(some))) for some in rows)
    matrix(rows[0], row_labels=list(tokens), title="Output in the first order", reach=reach, ax=left)
    told = "without positions" if positions == "none" else f"{positions} positions"
    matrix(rows[1], row_labels=names, title=f"Output in this order, {told}", reach=reach, ax=right)
    for row, difference in enumerate(differences):
        right.annotate(
            f"change {number_text(difference)}", (rows[1].shape[1] - 0.35, row), annotation_clip=False, color=INK,
            fontsize=9, va="center",
        )  # fmt: skip
    listed = ", ".join(f"{name} {number_text(by)}" for name, by in zip(names, differences, strict=True))
    picture.caption = f"Outputs of the order {' '.join(names)}, {told}; change against the first order: {listed}."
    return picture


def positions(
    distances: ArrayLike,
    curves: Mapping[str, ArrayLike],
    encoding: ArrayLike,
    *,
    position: int,
    distance: int,
) -> Picture:
    """Draw the scores that encodings give to keys at every distance, above the table of sinusoids.

    Parameters
    ----------
    distances : array_like of int, shape (n_distances,)
    curves : mapping of str to array_like of shape (n_distances,)
    encoding : array_like, shape (n_positions, d_model)
        The sinusoids of positions 0, 1, 2, ...
    position : int
        The query's position.
    distance : int
        The distance that is marked.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    picture = Picture(figsize=(7.2, 6.0), layout=ConstrainedLayoutEngine(h_pad=0.12))
    upper, lower = picture.subplots(2, 1, height_ratios=(3, 2))
    heights = {name: as_floats(name, curve) for name, curve in curves.items()}
    lines(distances, heights, xlabel="distance from the query back to the key", ylabel="score", ax=upper)
    reach = max(float(np.max(np.abs(curve))) for name, curve in heights.items() if "ALiBi" not in name)
    upper.set_ylim(-1.1 * reach, 1.15 * reach)  # a steep bias would press the other curves flat
    upper.axvline(distance, color=QUIET, linewidth=1.0)
    upper.set_title(f"Query at position {position}; distance {distance} is marked", color=INK, fontsize=11)
    table = as_floats("encoding", encoding)
    lower.imshow(table.T, aspect="auto", cmap=MAPS["scores"], vmin=-1, vmax=1, interpolation="nearest")
    lower.set_xlabel("position")
    lower.set_ylabel("component")
    lower.set_title("The sinusoids: each column is what is added to the token there", color=INK, fontsize=11)
    said = ", ".join(f"{name} {number_text(curve[distance])}" for name, curve in heights.items())
    picture.caption = f"Scores by distance for a query at position {position}; at distance {distance}: {said}."
    return picture
