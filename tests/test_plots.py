"""The still pictures: what is handed in is what is drawn, the same bytes for the same picture, honest messages."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib import plots
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError

VECTORS = np.array([[1.0, 0.5], [-0.5, 2.0], [0.0, -1.0]])
WEIGHTS = np.array([[0.1, 0.2, 0.7], [0.6, 0.4, 0.0]])
PICTURES: dict[str, Callable[..., Axes]] = {
    "vectors": lambda **options: plots.vectors(VECTORS, labels=["a", "b", "c"], kind="key", **options),
    "matrix": lambda **options: plots.matrix(WEIGHTS, kind="weights", row_sums=[1, 1], title="Weights", **options),
    "bars": lambda **options: plots.bars([1.5, -2.0, 0.25], labels=["a", "b", "c"], **options),
    "output": lambda **options: plots.output(VECTORS, WEIGHTS[0], WEIGHTS[0] @ VECTORS, **options),
    "lines": lambda **options: plots.lines([1, 2, 3], {"one": [1, 2, 4], "two": [0, 0, 1]}, xlabel="x", **options),
}


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    mpl.use("agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_drawn_the_same_twice(name: str) -> None:
    first, second = (PICTURES[name]() for _ in range(2))
    assert repr(first) == repr(second)
    assert " at 0x" not in repr(first)
    png, size = first._repr_png_()  # type: ignore[attr-defined]
    assert (png, size) == second._repr_png_()  # type: ignore[attr-defined]
    assert png.startswith(b"\x89PNG")
    assert size["width"] <= 640


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_can_be_drawn_on_given_axes(name: str) -> None:
    ax = Figure().subplots()
    assert PICTURES[name](ax=ax) is ax


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_showed_itself_is_not_shown_again(name: str) -> None:
    import matplotlib.pyplot as plt

    plt.close("all")
    ax = PICTURES[name]()
    assert len(plt.get_fignums()) == 1, "without being the last thing in a cell, pyplot shows it"
    assert ax._repr_png_() is not None  # type: ignore[attr-defined]
    assert plt.get_fignums() == []
    assert ax._repr_png_() is not None  # type: ignore[attr-defined]


def test_vectors_writes_the_labels_and_reaches_every_tip() -> None:
    ax = plots.vectors(VECTORS, labels=["a", "b", "c"])
    assert texts(ax) == ["a", "b", "c"]
    assert ax.get_xlim()[1] > 2.0
    assert ax.get_ylim()[1] > 2.0
    assert [tuple(note.xy) for note in ax.texts if not note.get_text()] == [tuple(tip) for tip in VECTORS]


def test_vectors_overlays_a_second_kind_without_losing_the_first() -> None:
    ax = plots.vectors(VECTORS, kind="query")
    assert plots.vectors([[5.0, 5.0]], kind="key", ax=ax) is ax
    assert plots.vectors([[0.1, 0.1]], kind="value", ax=ax) is ax
    assert ax.get_xlim()[1] > 5.0
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["query", "key", "value"]
    assert repr(ax).startswith("3 query vectors")
    assert "1 key vector: (5.00, 5.00)." in repr(ax)


def test_matrix_writes_every_number_and_the_sums_that_are_handed_in() -> None:
    ax = plots.matrix(WEIGHTS, kind="weights", row_sums=[1.0, 0.9], column_sums=[7.0, 0.6, 0.7])
    assert texts(ax) == [
        "0.10",
        "0.20",
        "0.70",
        "0.60",
        "0.40",
        "0.00",
        "Σ 1.00",
        "Σ 0.90",
        "Σ 7.00",
        "Σ 0.60",
        "Σ 0.70",
    ]


def test_matrix_shows_masked_and_broken_cells_as_such() -> None:
    assert texts(plots.matrix([[1.0, -np.inf], [np.nan, -0.001]])) == ["1.00", "−∞", "nan", "0.00"]
    assert texts(plots.matrix([[-np.inf, -np.inf]])) == ["−∞", "−∞"]


def test_matrix_leaves_out_the_numbers_where_they_would_not_fit() -> None:
    assert texts(plots.matrix(np.zeros((40, 40)))) == []


def test_bars_writes_every_number() -> None:
    assert texts(plots.bars([1.5, -2.0, 0.0])) == ["1.50", "−2.00", "0.00"]
    assert plots.bars([0.2, 0.8], kind="weights").get_ylim()[0] == 0


def test_output_accepts_points_without_an_inside() -> None:
    for value in ([[1.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]):
        weights = np.full(len(value), 1 / len(value))
        plots.output(value, weights, weights @ np.array(value))


def test_labels_are_never_read_as_mathematics() -> None:
    labels = ["$x^", "a_b", r"\frac"]
    for ax in (
        plots.vectors(VECTORS, labels=labels),
        plots.bars([1, 2, 3], labels=labels, title="$y^"),
        plots.matrix(np.eye(3), row_labels=labels, column_labels=labels, title="$y^"),
        plots.output(VECTORS, [0.5, 0.25, 0.25], [0.0, 0.0], labels=labels),
    ):
        assert ax._repr_png_() is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: plots.vectors([1, 2]), ShapeError, r"shape \(n, 2\), but it has shape \(2,\)"),
        (lambda: plots.vectors([["a", "b"]]), DtypeError, "must hold real numbers"),
        (lambda: plots.vectors(VECTORS, labels=["a"]), ShapeError, "labels must be a list of 3 names"),
        (lambda: plots.vectors(VECTORS, kind="head"), OptionError, "kind must be one of x, query, key, value, output"),
        (lambda: plots.matrix([1, 2]), ShapeError, "values must be a matrix"),
        (lambda: plots.matrix(WEIGHTS, row_labels=["a"]), ShapeError, "row_labels must be a list of 2 names"),
        (lambda: plots.matrix(WEIGHTS, row_sums=[1]), ShapeError, r"row_sums must have shape \(2,\)"),
        (lambda: plots.matrix(WEIGHTS, kind="heat"), OptionError, "kind must be one of weights, scores"),
        (lambda: plots.bars(WEIGHTS), ShapeError, r"values must have shape \(n,\)"),
        (lambda: plots.output(VECTORS, [1.0], [0.0, 0.0]), ShapeError, "one weight for each value"),
        (lambda: plots.lines([1, 2], {"loss": [1, 2, 3]}), ShapeError, r"loss must be as long as x, \(2,\)"),
    ],
)
def test_pictures_name_what_is_wrong(draw: Callable[[], Any], error: type[CourseError], message: str) -> None:
    with pytest.raises(error, match=message):
        draw()


def test_importing_plots_does_not_import_pyplot() -> None:
    code = "import sys, course_lib.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CELLS = {
    "a cell that ends in the axes": ("plots.bars([1, 2])", ["execute_result"]),
    "a cell that goes on after it": ("ax = plots.bars([1, 2])\nax.set_ylabel('n')\nNone", ["display_data"]),
    "two overlaid calls": (
        "ax = plots.vectors([[1, 2]])\nplots.vectors([[2, 1]], kind='key', ax=ax)",
        ["execute_result"],
    ),
    "a stage's figure": ("AttentionStage().figure()", ["execute_result"]),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_notebook_cell_shows_exactly_one_picture(name: str) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    source, expected = CELLS[name]
    imports = "from course_lib import plots\nfrom course_lib.widgets import AttentionStage\n"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(imports + source)])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    outputs = notebook.cells[0].outputs
    assert [output.output_type for output in outputs if "image/png" in output.data] == expected
    assert len(outputs) == 1
