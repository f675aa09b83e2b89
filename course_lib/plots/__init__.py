"""Still pictures: draw arrays that are handed in; compute nothing; return the Axes.

The colours are those of the live widgets (after the Okabe-Ito palette, safe for colour-blind readers), and no kind of
vector differs from another by colour alone: a query is a solid arrow, a key dashed, a value ends in a square, an output
is thick.
"""

from course_lib.plots.boards import mask_board
from course_lib.plots.charts import Kind, MatrixKind, bars, lines, matrix, output, vectors
from course_lib.plots.costs import cost, online_softmax
from course_lib.plots.head_rows import head_rows
from course_lib.plots.heads import heads
from course_lib.plots.lettered import lettered
from course_lib.plots.order import positions, shuffle
from course_lib.plots.picture import COLOURS, Picture, PictureAxes
from course_lib.plots.scenes import projection, stage
from course_lib.plots.steps import score, softmax_bars, softmax_draws, weighted_sum
from course_lib.plots.training import training

__all__ = [
    "COLOURS", "Kind", "MatrixKind", "Picture", "PictureAxes",
    "bars", "cost", "head_rows", "heads", "lettered", "lines", "mask_board", "matrix", "online_softmax", "output",
    "positions", "projection", "score", "shuffle", "softmax_bars",
    "softmax_draws", "stage", "training", "vectors", "weighted_sum",
]  # fmt: skip
