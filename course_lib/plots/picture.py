"""The picture that a cell shows, its colours, and the words that go with it."""

import io
import warnings
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

COLOURS = {"x": "#4d4d4d", "query": "#0072b2", "key": "#c14f00", "value": "#00795a", "output": "#a3397b"}
DASHES: dict[str, Any] = {"x": "-", "query": "-", "key": (0, (4, 2)), "value": "-", "output": "-"}
WIDTHS = {"x": 1.8, "query": 2.0, "key": 2.0, "value": 1.4, "output": 3.4}
SERIES = (
    ("#0072b2", "-", "o"), ("#c14f00", "--", "s"), ("#00795a", "-.", "^"), ("#a3397b", ":", "D"), ("#4d4d4d", "-", "v"),
)  # fmt: skip
INK, QUIET, GRID = "#222222", "#595959", "#e0e0e0"
MAPS: dict[str, Colormap] = {
    "weights": LinearSegmentedColormap.from_list("weights", ["#ffffff", "#a9bfe8", "#4a68b0", "#16264f"]),
    "scores": LinearSegmentedColormap.from_list("scores", ["#8c3800", "#f0b48a", "#ffffff", "#92bfe0", "#00476f"]),
}
DOTS_AN_INCH = 100  # on the page; the stored picture has half as many again, so that it stays sharp when enlarged


class Picture(Figure):
    """A figure that shows itself at the end of a cell, and says in words what it shows."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.caption = "An empty picture."

    def __repr__(self) -> str:
        return self.caption

    def png(self) -> bytes:
        """Return the picture as PNG: the same bytes for the same picture."""
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # a label in a script that the font lacks
            FigureCanvasAgg(self).print_figure(
                buffer, format="png", dpi=1.5 * DOTS_AN_INCH, facecolor="white", metadata={"Software": None}
            )
        return buffer.getvalue()

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = self.get_size_inches() * DOTS_AN_INCH
        return self.png(), {"width": round(width), "height": round(height)}


class PictureAxes(Axes):
    """Axes that show their picture once, and describe it, when they are the last thing in a cell."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.caption = "An empty picture."

    def __repr__(self) -> str:
        return self.caption

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        import matplotlib.pyplot as plt

        picture = self.get_figure()
        backend = mpl.get_backend().lower()
        if not isinstance(picture, Picture) or not ("inline" in backend or backend == "agg"):
            return None  # a window, or a figure of the reader's own, is shown by matplotlib itself
        plt.close(picture)  # or the end of the cell would show it a second time
        return picture._repr_png_()


def new_axes(ax: Axes | None, width: float, height: float) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    picture = plt.figure(FigureClass=Picture, figsize=(width, height), dpi=DOTS_AN_INCH, layout="constrained")
    return picture.add_subplot(axes_class=PictureAxes)


def describe(ax: Axes, caption: str) -> Axes:
    """Let the picture say in words what was drawn last, or all of it where several layers were drawn."""
    if isinstance(ax, PictureAxes):
        earlier = "" if ax.caption == "An empty picture." else f"{ax.caption} "
        ax.caption = earlier + caption
        picture = ax.get_figure()
        if isinstance(picture, Picture):
            picture.caption = ax.caption
    return ax
