"""The still pictures of the stage and of the projection: several charts side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike

from course_lib.plots.charts import bars, matrix, output, vectors
from course_lib.plots.parts import number_text, outline_row, shortened
from course_lib.plots.picture import INK, Picture
from course_lib.shapes import as_floats


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
    name = f"“{shortened(tokens[selected])}”"
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
    outline_row(panels[1, 0], selected, len(tokens))
    output(value, rows[1][selected], as_floats("output", output_)[selected], labels=tokens, ax=panels[1, 1])
    plane.set_title(f"Query {name} and the keys", color=INK, fontsize=11, parse_math=False)
    panels[1, 1].set_title(f"Output of query {name}", color=INK, fontsize=11, parse_math=False)
    picture.caption = f"The steps of attention for query {name} of {len(tokens)} tokens."
    return picture


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
    vectors(x, labels=tokens, kind="x", ax=panels[0, 0]).set_title("Token vectors x", color=INK, fontsize=11)
    for panel, (name, weight) in zip(panels.flat[1:], weights.items(), strict=True):
        rows = ["  ".join(number_text(number) for number in row) for row in as_floats(name, weight)]
        kind: Any = name
        plane = vectors(projected[name], labels=tokens, kind=kind, ax=panel)
        plane.set_title(f"{name} = x W,  W = [{rows[0]} ; {rows[1]}]", color=INK, fontsize=11)
    picture.caption = f"Token vectors {', '.join(tokens)}, and the query, key and value made of them."
    return picture
