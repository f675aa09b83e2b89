"""Three ways to tell attention where tokens are, by the distance of query and key (lesson 08)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import NDArray

from course_lib import attention as steps
from course_lib import plots
from course_lib.errors import OptionError
from course_lib.shapes import FloatArray, require_integer
from course_lib.widgets.base import LiveWidget, Number, WholeNumber, in_words
from course_lib.widgets.given import chosen
from course_lib.widgets.modules import join_modules, stylesheet

CONTROLS = ("position", "d_model", "head", "base", "learned")
ENCODINGS = ("sinusoidal", "rotary", "ALiBi")
_MOST_COMPONENTS = 128
_FARTHEST = 1023  # the table of sinusoids up to here is computed in the page whenever d_model changes


class Positions(LiveWidget):
    """Compare sinusoidal, rotary and ALiBi positions on one plot of score against distance.

    A query at `position` looks back at a key at every distance. Moving the query along changes nothing for rotary
    and ALiBi, which know the distance only; nor for the plain product of two sinusoids. But a model multiplies its
    sinusoids by learned matrices first, and then the position itself matters: `learned` puts a fixed random matrix in.

    Parameters
    ----------
    position : int
        Where the query is; ``n_distances - 1`` to 1023, so that there is a key at every distance.
    d_model : int
        The number of components of the encodings, even, 2 to 128.
    base : float
        The base of the rotation's angles; the larger, the more slowly the later pairs turn. (That of the sinusoids
        is 10,000.)
    head : int
        The head whose ALiBi slope is shown, of `n_heads`.
    n_heads : int
        1 to 16.
    learned : bool
        Put a fixed random matrix between the two sinusoids, in place of the learned W_q W_k^T.
    distance : int
        The distance that is marked and read off.
    n_distances : int
        8 to 128: more would be less than 4 pixels apart.
    controls : sequence of {"position", "d_model", "head", "base", "learned"}
        The controls above the picture.
    question : str
        One line above the picture.

    Raises
    ------
    OptionError
        If a number is out of range, or a control does not exist.

    Examples
    --------
    >>> positions = Positions(head=0)
    >>> positions.alibi[:3] + 0
    array([ 0. , -0.5, -1. ])
    >>> positions.position = 900
    >>> positions.change.round(9)
    array([0., 0., 0.])
    >>> positions.learned = True
    >>> positions.change.round(9) > 0
    array([ True, False, False])
    """

    _esm = join_modules("positions.js")
    _css = stylesheet("chart.css", "positions.css")
    _slider_ranges: ClassVar = {
        "position": (0.0, float(_FARTHEST), 1.0), "d_model": (2.0, float(_MOST_COMPONENTS), 2.0),
        "base": (100.0, 100_000.0, 100.0), "head": (0.0, 15.0, 1.0), "distance": (0.0, 127.0, 1.0),
    }  # fmt: skip

    position = WholeNumber(100, low=0, high=_FARTHEST).tag(sync=True)
    d_model = WholeNumber(64, low=2, high=_MOST_COMPONENTS).tag(sync=True)
    base = Number(10_000.0, low=2.0, high=1e7).tag(sync=True)
    n_heads = WholeNumber(8, low=1, high=16).tag(sync=True)
    n_heads.read_only = True  # head depends on it, and position and distance on n_distances
    head = WholeNumber(3, low=0, high=15).tag(sync=True)
    learned = traitlets.Bool(False).tag(sync=True)
    distance = WholeNumber(8, low=0, high=127).tag(sync=True)
    n_distances = WholeNumber(64, low=8, high=128).tag(sync=True)
    n_distances.read_only = True
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS)).tag(sync=True)
    fixed = traitlets.Bytes(read_only=True).tag(sync=True)  # float32: the query's content, then the random matrix

    def __init__(
        self,
        position: int = 100,
        *,
        d_model: int = 64,
        base: float = 10_000.0,
        head: int = 3,
        n_heads: int = 8,
        learned: bool = False,
        distance: int = 8,
        n_distances: int = 64,
        controls: Sequence[str] = ("position", "d_model", "head", "learned"),
        question: str = "",
    ) -> None:
        super().__init__()
        rng = np.random.default_rng(8)
        self._content = rng.normal(size=_MOST_COMPONENTS).astype(np.float32)
        self._matrix = (rng.normal(size=(_MOST_COMPONENTS, _MOST_COMPONENTS)) / 2).astype(np.float32)
        with self.hold_sync(), self.hold_trait_notifications():
            self.set_trait("fixed", self._content.tobytes() + self._matrix.tobytes())
            self.set_trait("n_heads", n_heads)
            self.set_trait("n_distances", n_distances)
            self.position, self.d_model, self.base, self.head = position, d_model, base, head
            self.learned, self.distance = learned, distance
            self.controls, self.question = list(controls), question
        self._begin_with("position", "d_model", "head", "learned", "distance")

    @property
    def distances(self) -> NDArray[np.int64]:
        """How far the keys are behind the query, shape (n_distances,): 0, 1, 2, ..."""
        return np.arange(self.n_distances)

    @property
    def query_content(self) -> FloatArray:
        """What query and key hold before they are rotated, shape (d_model,): the same in both.

        Fixed random numbers, scaled to a length of sqrt(d_model).
        """
        content = self._content[: self.d_model].astype(np.float64)
        scaled: FloatArray = content * np.sqrt(self.d_model) / np.linalg.norm(content)
        return scaled

    @property
    def learned_matrix(self) -> FloatArray:
        """What `learned` puts between two sinusoids, shape (d_model, d_model): fixed random numbers."""
        return self._matrix[: self.d_model, : self.d_model].astype(np.float64)

    @property
    def sinusoidal(self) -> FloatArray:
        """The product of the query's and the key's sinusoids by distance, over sqrt(d_model), shape (n_distances,)."""
        return self._sinusoidal(self.position)

    @property
    def rotary(self) -> FloatArray:
        """The score of rotated query and key by distance, over sqrt(d_model), shape (n_distances,)."""
        return self._rotary(self.position)

    @property
    def alibi(self) -> FloatArray:
        """The bias that ALiBi adds to the score by distance, shape (n_distances,): ``-slope * distance``."""
        return self._alibi(self.position)

    @property
    def change(self) -> FloatArray:
        """How far each curve has moved since the query was at its first position, shape (3,).

        The largest absolute difference at a distance: sinusoidal, rotary, ALiBi.
        """
        first = int(self.start["position"])
        curves = (self._sinusoidal, self._rotary, self._alibi)
        return np.array([np.abs(curve(self.position) - curve(first)).max() for curve in curves])

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        name = "sinusoidal, random matrix between" if self.learned else "sinusoidal"
        curves = {name: self.sinusoidal, "rotary": self.rotary, "ALiBi": self.alibi}
        encoding = steps.sinusoidal_positions(2 * self.n_distances, self.d_model)
        return plots.positions(self.distances, curves, encoding, position=self.position, distance=self.distance)

    def __repr__(self) -> str:
        curves = zip(ENCODINGS, (self.sinusoidal, self.rotary, self.alibi), strict=True)
        said = [f"{name} {in_words(float(curve[self.distance]))}" for name, curve in curves]
        between = " (with a random matrix between)" if self.learned else ""
        return (
            f"A query at position {self.position} gives a key {self.distance} before it the scores "
            f"{said[0]}{between}, {said[1]}, {said[2]}."
        )

    def _sinusoidal(self, position: int) -> FloatArray:
        table: FloatArray = steps.sinusoidal_positions(position + 1, self.d_model)
        query = table[[position]]
        if self.learned:
            query = steps.project(query, self.learned_matrix)
        return steps.scaled_scores(query, table[position - self.distances]).reshape(-1)

    def _rotary(self, position: int) -> FloatArray:
        content = self.query_content[np.newaxis]
        query = steps.rotate(content, [position], base=self.base)
        keys = np.repeat(content, self.n_distances, axis=0)
        return steps.scaled_scores(query, steps.rotate(keys, position - self.distances, base=self.base)).reshape(-1)

    def _alibi(self, position: int) -> FloatArray:
        bias = steps.alibi_bias(self.n_heads, 1, position + 1, offset=position)
        own: FloatArray = bias[self.head, 0, position - self.distances]
        return own

    def _default_sliders(self) -> tuple[str | int, ...]:
        return ("position", "distance")

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        last = float(self.n_distances - 1)
        own = {"position": (last, float(_FARTHEST), 1.0), "distance": (0.0, last, 1.0)}
        own["head"] = (0.0, float(self.n_heads - 1), 1.0)
        return own.get(trait) or super()._slider_range(trait)

    @traitlets.validate("position")
    def _check_position(self, proposal: Any) -> int:
        if proposal.value < self.n_distances - 1:
            raise OptionError(
                f"position must be at least {self.n_distances - 1}, so that there is a key at each of the "
                f"{self.n_distances} distances, but it is {proposal.value}."
            )
        return int(proposal.value)

    @traitlets.validate("d_model")
    def _check_d_model(self, proposal: Any) -> int:
        if proposal.value % 2:
            raise OptionError(f"d_model must be even, because components turn in pairs, but it is {proposal.value}.")
        return int(proposal.value)

    @traitlets.validate("head")
    def _check_head(self, proposal: Any) -> int:
        return self._below("head", proposal.value, self.n_heads)

    @traitlets.validate("distance")
    def _check_distance(self, proposal: Any) -> int:
        return self._below("distance", proposal.value, self.n_distances)

    def _below(self, name: str, number: int, end: int) -> int:
        if require_integer(name, number, minimum=0) >= end:
            raise OptionError(f"{name} must be between 0 and {end - 1}, but it is {number}.")
        return int(number)

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, CONTROLS)
