"""The still pictures of single steps: a score, a row of weights, a weighted sum."""

from collections.abc import Sequence

import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike

from course_lib.plots.charts import bars, vectors
from course_lib.plots.parts import number_text, shortened
from course_lib.plots.picture import COLOURS, INK, Picture
from course_lib.shapes import as_floats


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
