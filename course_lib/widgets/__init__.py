"""Live pictures of attention: each is one Python module and one JavaScript module of the same name."""

from course_lib.widgets.all_heads import AllHeads
from course_lib.widgets.base import LiveWidget
from course_lib.widgets.cost import Cost
from course_lib.widgets.export import save_html
from course_lib.widgets.heads import Heads
from course_lib.widgets.mask_board import MaskBoard
from course_lib.widgets.online_softmax import OnlineSoftmax
from course_lib.widgets.order_lines import OrderLines
from course_lib.widgets.positions import Positions
from course_lib.widgets.predict import Predict
from course_lib.widgets.projection import Projection
from course_lib.widgets.score import Score
from course_lib.widgets.shuffle import Shuffle
from course_lib.widgets.softmax_bars import SoftmaxBars
from course_lib.widgets.stage import AttentionStage
from course_lib.widgets.training import Training
from course_lib.widgets.weighted_sum import WeightedSum

__all__ = [
    "AllHeads", "AttentionStage", "Cost", "Heads", "LiveWidget", "MaskBoard", "OnlineSoftmax", "OrderLines",
    "Positions", "Predict", "Projection", "Score", "Shuffle", "SoftmaxBars", "Training", "WeightedSum", "save_html",
]  # fmt: skip
