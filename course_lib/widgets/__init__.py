"""Live pictures of attention: each is one Python module and one JavaScript module of the same name."""

from course_lib.widgets.base import LiveWidget
from course_lib.widgets.export import save_html
from course_lib.widgets.mask_board import MaskBoard
from course_lib.widgets.predict import Predict
from course_lib.widgets.projection import Projection
from course_lib.widgets.score import Score
from course_lib.widgets.stage import AttentionStage

__all__ = ["AttentionStage", "LiveWidget", "MaskBoard", "Predict", "Projection", "Score", "save_html"]
