"""The score of a query and a key: their lengths and the angle between them, in the hand (lesson 02)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from course_lib import plots
from course_lib.attention import dot_product_scores
from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray
from course_lib.widgets.base import (
    LARGEST_COMPONENT,
    LiveWidget,
    Number,
    component_traits,
    count_rows,
    in_words,
    quoted,
)
from course_lib.widgets.given import chosen
from course_lib.widgets.modules import join_modules, stylesheet

MOST_KEYS = 4  # more arrows in one plane than a reader can tell apart
DRAGS = ("free", "turn", "stretch")
CONTROLS = ("key", "drag")
_TOKENS = ("near", "long", "across")
_QUERY = (2.0, 1.0)
_KEY = ((1.0, 1.0), (2.5, -1.0), (-1.0, 2.0))


class Score(LiveWidget):
    """Drag one query and a few keys, and see what makes a score: ``q . k = |q| |k| cos(angle)``.

    The vectors are the state: `query` and `key` are arrays in the next cell, and setting them moves the picture. The
    example is one where the key that points nearly as the query does loses against a longer one.

    Parameters
    ----------
    query : array_like, shape (2,), optional
    key : array_like, shape (n_keys, 2), optional
        1 to 4 keys. Leave both out for the example.
    tokens : sequence of str, optional
        The names of the keys; numbers where left out.
    selected : int
        The key whose score is taken apart.
    drag : {"free", "turn", "stretch"}
        What the hand may change: everything, the direction alone (length kept), or the length alone (angle kept).
    controls : sequence of {"key", "drag"}
        The controls above the picture.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If `query` is not (2,), `key` not (n_keys, 2) with 1 to 4 keys, or `tokens` has another length.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If a number is not finite or too large to draw, or an option has a value that does not exist.

    Examples
    --------
    >>> score = Score([2, 0], [[1, 0], [3, 3]], selected=1)
    >>> score.scores
    array([2., 6.])
    >>> score.angles
    array([ 0., 45.])
    >>> score
    Query (2.00, 0.00) scores 2.00 with key 0 (1.00 long, at 0 degrees), 6.00 with key 1 (4.24 long, at 45 degrees).
    """

    _esm = join_modules("score.js")
    _css = stylesheet("score.css")
    _columns: ClassVar = {
        "query": ("x", "y"), "key": ("x", "y"),
        "query_length": (), "query_direction": (), "key_length": (), "key_direction": (),
    }  # fmt: skip
    _single: ClassVar = frozenset({"query", "query_length", "query_direction"})
    _token_limits: ClassVar = (1, MOST_KEYS)

    query_x = Number(low=-LARGEST_COMPONENT, high=LARGEST_COMPONENT).tag(sync=True)
    query_y = Number(low=-LARGEST_COMPONENT, high=LARGEST_COMPONENT).tag(sync=True)
    locals().update(component_traits("key", n_rows=MOST_KEYS))  # key_0_x, key_0_y, ... key_3_y
    selected = traitlets.Int(0).tag(sync=True)
    drag = traitlets.Unicode("free").tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS)).tag(sync=True)

    def __init__(
        self,
        query: ArrayLike | None = None,
        key: ArrayLike | None = None,
        *,
        tokens: Sequence[str] | None = None,
        selected: int = 0,
        drag: str = "free",
        controls: Sequence[str] = CONTROLS,
        question: str = "",
    ) -> None:
        super().__init__()
        if (query is None) != (key is None):
            missing = "query" if query is None else "key"
            raise OptionError(f"Give query and key together, or none of them; {missing} is missing.")
        if query is None or key is None:
            query, key, tokens = _QUERY, _KEY, _TOKENS if tokens is None else tokens
        with self.hold_sync():
            self.extent = 3.0
            self._set_tokens(tokens, count_rows("key", key))
            self._set_arrays(query=query, key=key)
            self.selected, self.drag, self.question = selected, drag, question
            self.controls = list(controls)
            self._begin_with("selected", "drag")
        self._watch_components()

    @property
    def query(self) -> FloatArray:
        """The query, shape (2,); set it and the picture moves."""
        return self._array("query")

    @query.setter
    def query(self, array: ArrayLike) -> None:
        self._set_arrays(query=array)

    @property
    def key(self) -> FloatArray:
        """The keys, shape (n_keys, 2); set them and the picture moves."""
        return self._array("key")

    @key.setter
    def key(self, array: ArrayLike) -> None:
        self._set_arrays(key=array)

    @property
    def scores(self) -> FloatArray:
        """The dot products of the query with each key, shape (n_keys,)."""
        scores: FloatArray = dot_product_scores(self.query[np.newaxis, :], self.key)[0]
        return scores

    @property
    def query_length(self) -> float:
        """The length of the query."""
        return float(np.hypot(*self.query))

    @property
    def lengths(self) -> FloatArray:
        """The lengths of the keys, shape (n_keys,)."""
        lengths: FloatArray = np.hypot(self.key[:, 0], self.key[:, 1])
        return lengths

    @property
    def angles(self) -> FloatArray:
        """The angle between the query and each key in degrees, 0 to 180, shape (n_keys,).

        A vector of length 0 has no direction: its angle is nan.
        """
        (x, y), key = self.query, self.key
        # from both products, as the arccosine alone would lose half of the digits near 0 degrees
        crossed = np.abs(x * key[:, 1] - y * key[:, 0])
        angles = np.degrees(np.arctan2(crossed, self.scores))
        return np.where((self.lengths > 0) & (self.query_length > 0), angles, np.nan)

    @property
    def cosines(self) -> FloatArray:
        """The cosine of each angle, shape (n_keys,); nan where there is no angle."""
        return np.cos(np.radians(self.angles))

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        key = self.key[self.selected]
        length = self.lengths[self.selected]
        shadow = key * (self.scores[self.selected] / length**2) if length > 0 else np.zeros(2)
        return plots.score(
            self.query, self.key, self.scores, shadow, self.angles, tokens=self.tokens, selected=self.selected
        )

    def __repr__(self) -> str:
        numbers = zip(self.tokens, self.scores, self.lengths, self.angles, strict=True)
        parts = [
            f"{in_words(score)} with key {quoted(token)} ({in_words(length)} long, {_at(angle)})"
            for token, score, length, angle in numbers
        ]
        x, y = self.query
        return f"Query ({in_words(x)}, {in_words(y)}) scores {', '.join(parts)}."

    def _default_sliders(self) -> tuple[str | int, ...]:
        return ("query_length", "query_direction", "key_length", self.selected, "key_direction", self.selected)

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        if trait.startswith(("query_length", "key_length")):
            return 0.0, self.extent, 0.05
        if trait.startswith(("query_direction", "key_direction")):
            return -180.0, 180.0, 1.0
        return super()._slider_range(trait)

    def _slider_value(self, trait: str) -> float:
        name, _, row = trait.partition("_length" if "_length" in trait else "_direction")
        if name == trait:
            return super()._slider_value(trait)
        x, y = self.query if name == "query" else self.key[int(row[1:])]
        return float(np.hypot(x, y) if "_length" in trait else np.degrees(np.arctan2(y, x)))

    def _slider_label(self, trait: str) -> str:
        for measure, words in (("length", "length"), ("direction", "direction °")):
            name, found, row = trait.partition(f"_{measure}")
            if found:
                return f"{name} {self.tokens[int(row[1:])]}, {words}" if row else f"{name}, {words}"
        return super()._slider_label(trait)

    def _check_array(self, name: str, array: ArrayLike) -> FloatArray:
        if name == "query" and np.shape(array) != (2,):
            raise ShapeError(f"query of this widget is one vector of shape (2,), but you passed {np.shape(array)}.")
        return super()._check_array(name, array)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int:
        return self._check_row("key", proposal.value)

    @traitlets.validate("drag")
    def _check_drag(self, proposal: Any) -> str:
        if proposal.value not in DRAGS:
            raise OptionError(f"drag must be one of {', '.join(DRAGS)}, but it is {proposal.value!r}.")
        return str(proposal.value)

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, CONTROLS)


def _at(angle: float) -> str:
    return "without direction" if np.isnan(angle) else f"at {angle:.0f} degrees"
