"""The projection: a token vector goes through three learned matrices and becomes query, key and value (lesson 01)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import traitlets
from numpy.typing import ArrayLike

from course_lib import plots
from course_lib.attention import project
from course_lib.shapes import FloatArray
from course_lib.widgets.base import LiveWidget, component_traits, count_rows, in_words, quoted
from course_lib.widgets.modules import join_modules

KINDS = ("query", "key", "value")
_TOKENS = ("the", "cat", "sat", "down")
_X = ((0.6, -0.9), (1.7, 0.8), (-0.5, 1.6), (-1.6, -0.6))
_WEIGHTS = {
    "w_query": ((0.0, 1.0), (-1.0, 0.0)),
    "w_key": ((1.2, 0.4), (-0.2, 0.8)),
    "w_value": ((0.5, 0.0), (0.0, 1.5)),
}


class Projection(LiveWidget):
    """Drag a token vector x and watch its query, key and value follow: ``q = x W_q``, ``k = x W_k``, ``v = x W_v``.

    `x` and the three matrices are the state: arrays in the next cell, and setting them moves the picture.

    Parameters
    ----------
    x : array_like, shape (n_tokens, 2), optional
        One vector in the plane for each of 1 to 6 tokens; an example sentence where left out.
    w_query, w_key, w_value : array_like, shape (2, 2), optional
        The matrices, applied from the right; a turn by 90 degrees, a slant and a stretch where left out.
    tokens : sequence of str, optional
        The names of the tokens; numbers where left out.
    selected : int
        The token whose numbers are shown.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If an array has another shape, or `tokens` another length.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If a number is not finite or too large to draw.

    Examples
    --------
    >>> projection = Projection([[1, 0], [0, 2]], [[1, 1], [0, 1]], [[1, 0], [0, 1]], [[0, 1], [1, 0]])
    >>> projection.query
    array([[1., 1.],
           [0., 2.]])
    >>> projection
    Token 0 at (1.00, 0.00) has query (1.00, 1.00), key (1.00, 0.00) and value (0.00, 1.00).
    """

    _esm = join_modules("projection.js")
    _columns: ClassVar = {"x": ("x", "y"), **dict.fromkeys(_WEIGHTS, ("0", "1"))}

    locals().update(component_traits("x"))  # x_0_x, x_0_y, ... x_5_y
    locals().update(component_traits(*_WEIGHTS, n_rows=2, columns=("0", "1")))  # w_query_0_0, ... w_value_1_1
    selected = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        x: ArrayLike | None = None,
        w_query: ArrayLike | None = None,
        w_key: ArrayLike | None = None,
        w_value: ArrayLike | None = None,
        *,
        tokens: Sequence[str] | None = None,
        selected: int = 0,
        question: str = "",
    ) -> None:
        super().__init__()
        given = {"w_query": w_query, "w_key": w_key, "w_value": w_value}
        weights = {name: _WEIGHTS[name] if weight is None else weight for name, weight in given.items()}
        if x is None:
            x, tokens = _X, _TOKENS if tokens is None else tokens
        with self.hold_sync():
            self._set_tokens(tokens, count_rows("x", x))
            self._set_arrays(x=x, **weights)
            self.selected, self.question = selected, question
            self._begin_with("selected")
        self._watch_components()

    @property
    def x(self) -> FloatArray:
        """The token vectors, shape (n_tokens, 2); set them and the picture moves."""
        return self._array("x")

    @x.setter
    def x(self, array: ArrayLike) -> None:
        self._set_arrays(x=array)

    @property
    def w_query(self) -> FloatArray:
        """The matrix that makes queries, shape (2, 2)."""
        return self._array("w_query")

    @w_query.setter
    def w_query(self, array: ArrayLike) -> None:
        self._set_arrays(w_query=array)

    @property
    def w_key(self) -> FloatArray:
        """The matrix that makes keys, shape (2, 2)."""
        return self._array("w_key")

    @w_key.setter
    def w_key(self, array: ArrayLike) -> None:
        self._set_arrays(w_key=array)

    @property
    def w_value(self) -> FloatArray:
        """The matrix that makes values, shape (2, 2)."""
        return self._array("w_value")

    @w_value.setter
    def w_value(self, array: ArrayLike) -> None:
        self._set_arrays(w_value=array)

    @property
    def query(self) -> FloatArray:
        """The queries ``x W_q``, shape (n_tokens, 2)."""
        return project(self.x, self.w_query)

    @property
    def key(self) -> FloatArray:
        """The keys ``x W_k``, shape (n_tokens, 2)."""
        return project(self.x, self.w_key)

    @property
    def value(self) -> FloatArray:
        """The values ``x W_v``, shape (n_tokens, 2)."""
        return project(self.x, self.w_value)

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        return plots.projection(
            self.x, {name: getattr(self, f"w_{name}") for name in KINDS}, {name: getattr(self, name) for name in KINDS},
            tokens=self.tokens,
        )  # fmt: skip

    def __repr__(self) -> str:
        said = [f"{kind} {self._pair(kind)}" for kind in KINDS]
        name = quoted(self.tokens[self.selected])
        return f"Token {name} at {self._pair('x')} has {said[0]}, {said[1]} and {said[2]}."

    def _pair(self, name: str) -> str:
        point = getattr(self, name)[self.selected]
        return f"({in_words(point[0])}, {in_words(point[1])})"

    def _n_rows(self, name: str) -> int:
        return int(self.n_tokens) if name == "x" else 2

    def _default_sliders(self) -> tuple[str | int, ...]:
        return ("x", self.selected)

    def _slider_label(self, trait: str) -> str:
        if trait.startswith("w_"):
            name, row, column = trait.rsplit("_", 2)
            return f"{name}[{row}, {column}]"
        return super()._slider_label(trait)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int:
        return self._check_row("x", proposal.value)
