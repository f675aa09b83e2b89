"""The stage: every step of attention on one picture, each vector in the hand (lessons 01 to 04)."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from course_lib import attention as steps
from course_lib import plots
from course_lib.errors import OptionError
from course_lib.shapes import FloatArray
from course_lib.widgets.base import LiveWidget, Number, component_traits, count_rows, in_words, quoted
from course_lib.widgets.given import chosen
from course_lib.widgets.modules import join_modules

PANELS = ("vectors", "scores", "weights", "output")
CONTROLS = ("query", "temperature", "scale", "causal")
_TOKENS = ("the", "cat", "sat", "down")
_QUERY = ((1.5, 0.3), (0.5, 1.7), (-1.9, 0.4), (-0.7, -1.6))
_KEY = ((-1.4, -0.7), (1.3, 1.2), (-0.6, 1.9), (1.0, -1.5))
_VALUE = ((-1.9, -0.9), (2.1, 1.3), (-1.0, 2.0), (1.2, -1.8))
_ONE_OVER_SQRT_D_K = 1 / math.sqrt(2)


class _Scale(Number):
    """A factor; None means ``1 / sqrt(d_k)``, as everywhere in the course."""

    def validate(self, obj: Any, value: Any) -> float:
        return _ONE_OVER_SQRT_D_K if value is None else super().validate(obj, value)


class AttentionStage(LiveWidget):
    """Show query, key and value vectors and all that follows from them; drag a vector and see every step move.

    The vectors are the state: `query`, `key` and `value` are arrays in the next cell, equal to what the picture shows,
    and setting them moves the picture. `scores`, `weights` and `output` are computed from them.

    Parameters
    ----------
    query, key, value : array_like, shape (n_tokens, 2), optional
        One vector in the plane for each of 1 to 6 tokens; an example sentence where all are left out.
    tokens : sequence of str, optional
        The names of the tokens; numbers where left out.
    selected : int
        The query whose scores, weights and output are shown.
    temperature : float
        Divides the scaled scores; above 1 flattens the weights.
    scale : float, optional
        The factor on the dot products; None means ``1 / sqrt(d_k)``, here ``1 / sqrt(2)``.
    is_causal : bool
        Query i may attend to keys 0 .. i only.
    show : sequence of {"vectors", "scores", "weights", "output"}
        The panels to show.
    controls : sequence of {"query", "temperature", "scale", "causal"}, optional
        The controls above the picture. None means those that the shown panels depend on; the causal mask, which
        lesson 06 explains, only where `is_causal` is True.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If the arrays are not (n_tokens, 2) with equal n_tokens of 1 to 6, or `tokens` has another length.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If a number is not finite or out of range, or a panel does not exist.

    Examples
    --------
    >>> stage = AttentionStage([[1, 0], [0, 1]], [[2, 0], [0, 2]], [[1, 0], [0, 1]], scale=1, temperature=2 / np.log(3))
    >>> stage.weights
    array([[0.75, 0.25],
           [0.25, 0.75]])
    >>> stage
    Query 0 attends 75 % to key 0, 25 % to key 1; its output is (0.75, 0.25).
    """

    _esm = join_modules("stage.js")
    _columns: ClassVar = {"query": ("x", "y"), "key": ("x", "y"), "value": ("x", "y")}
    _slider_ranges: ClassVar = {"temperature": (0.1, 5.0, 0.05), "scale": (0.0, 2.0, 0.01)}

    locals().update(component_traits("query", "key", "value"))  # query_0_x, query_0_y, ... value_5_y
    selected = traitlets.Int(0).tag(sync=True)
    temperature = Number(1.0, low=0.01, high=100.0).tag(sync=True)
    scale = _Scale(_ONE_OVER_SQRT_D_K, low=-100.0, high=100.0).tag(sync=True)
    is_causal = traitlets.Bool(False).tag(sync=True)
    show = traitlets.List(traitlets.Unicode(), list(PANELS)).tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS)).tag(sync=True)

    def __init__(
        self,
        query: ArrayLike | None = None,
        key: ArrayLike | None = None,
        value: ArrayLike | None = None,
        *,
        tokens: Sequence[str] | None = None,
        selected: int = 0,
        temperature: float = 1.0,
        scale: float | None = None,
        is_causal: bool = False,
        show: Sequence[str] = PANELS,
        controls: Sequence[str] | None = None,
        question: str = "",
    ) -> None:
        super().__init__()
        given = {"query": query, "key": key, "value": value}
        missing = [name for name, array in given.items() if array is None]
        if missing and len(missing) < len(given):
            raise OptionError(f"Give query, key and value together, or none of them; {', '.join(missing)} is missing.")
        arrays: dict[str, ArrayLike] = {"query": _QUERY, "key": _KEY, "value": _VALUE}
        if not missing:
            arrays = {name: array for name, array in given.items() if array is not None}
        elif tokens is None:
            tokens = _TOKENS
        with self.hold_sync():
            self._set_tokens(tokens, count_rows("query", arrays["query"]))
            self._set_arrays(**arrays)
            self.selected, self.temperature, self.scale = selected, temperature, scale
            self.is_causal, self.show, self.question = is_causal, list(show), question
            self.controls = self._usual_controls() if controls is None else list(controls)
            self._begin_with("selected", "temperature", "scale", "is_causal")
        self._watch_components()

    @property
    def query(self) -> FloatArray:
        """The queries, shape (n_tokens, 2); set them and the picture moves."""
        return self._array("query")

    @query.setter
    def query(self, array: ArrayLike) -> None:
        self._set_arrays(query=array)

    @property
    def key(self) -> FloatArray:
        """The keys, shape (n_tokens, 2); set them and the picture moves."""
        return self._array("key")

    @key.setter
    def key(self, array: ArrayLike) -> None:
        self._set_arrays(key=array)

    @property
    def value(self) -> FloatArray:
        """The values, shape (n_tokens, 2); set them and the picture moves."""
        return self._array("value")

    @value.setter
    def value(self, array: ArrayLike) -> None:
        self._set_arrays(value=array)

    @property
    def scores(self) -> FloatArray:
        """The scaled scores, shape (n_tokens, n_tokens); ``-inf`` where the causal mask forbids a pair."""
        scores = steps.scaled_scores(self.query, self.key, scale=self.scale)
        return np.where(steps.causal_mask(self.n_tokens), scores, -np.inf) if self.is_causal else scores

    @property
    def weights(self) -> FloatArray:
        """What each query attends to, shape (n_tokens, n_tokens); every row sums to 1."""
        return steps.softmax(self.scores, temperature=self.temperature)

    @property
    def output(self) -> FloatArray:
        """The weighted sums of the values, shape (n_tokens, 2)."""
        return steps.weighted_sum(self.weights, self.value)

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        return plots.stage(
            self.query, self.key, self.value, self.scores, self.weights, self.output,
            tokens=self.tokens, selected=self.selected,
        )  # fmt: skip

    def __repr__(self) -> str:
        weights, output = self.weights[self.selected], self.output[self.selected]
        parts = [
            f"{100 * weight:.0f} % to key {quoted(token)}" for weight, token in zip(weights, self.tokens, strict=True)
        ]
        mixed = f"({in_words(output[0])}, {in_words(output[1])})"
        return f"Query {quoted(self.tokens[self.selected])} attends {', '.join(parts)}; its output is {mixed}."

    def _default_sliders(self) -> tuple[str | int, ...]:
        return ("query", self.selected, "key", self.selected, "value", self.selected, "temperature")

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int:
        return self._check_row("query", proposal.value)

    def _usual_controls(self) -> list[str]:
        follows_weights = "weights" in self.show or "output" in self.show
        wanted = {"query": True, "temperature": follows_weights, "scale": True, "causal": self.is_causal}
        return [control for control in CONTROLS if wanted[control]]

    @traitlets.validate("show")
    def _check_show(self, proposal: Any) -> list[str]:
        if not proposal.value:
            raise OptionError(f"show must name some of {', '.join(PANELS)}, but it is empty.")
        return chosen("show", proposal.value, PANELS)

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, CONTROLS)
