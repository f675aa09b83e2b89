"""Scores become weights: bars to drag, and random dot products at any d_k (lessons 02 and 03)."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from course_lib import plots
from course_lib.attention import softmax
from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray, as_floats, require_integer
from course_lib.widgets.base import LARGEST_COMPONENT, LiveWidget, Number, WholeNumber, component_traits, quoted
from course_lib.widgets.draws import LARGEST_D_K, N_DRAWS, SAMPLE_SIZES, Draws, make_draws
from course_lib.widgets.given import chosen
from course_lib.widgets.modules import join_modules, stylesheet

FEWEST_KEYS, MOST_KEYS = 2, 8  # with one key there is nothing to share; more bars would have no room for their numbers
SCALINGS = ("none", "1/d_k", "1/sqrt(d_k)")
CONTROLS = ("temperature", "added", "double", "d_k", "scaling", "n_pairs", "draw")
_OF_SCORES, _OF_DRAWS = CONTROLS[:3], CONTROLS[3:]
_TOKENS = ("the", "cat", "sat", "down")
_SCORES = (0.0, 2.0, 1.0, -1.0)


class SoftmaxBars(LiveWidget):
    """Drag scores up and down and see their exponentials and their weights follow.

    `SoftmaxBars.from_draws` shows dot products of random queries and keys instead, at any d_k and scale.

    Parameters
    ----------
    scores : array_like, shape (n_keys,), optional
        2 to 8 scores of one query; an example where left out.
    tokens : sequence of str, optional
        The names of the keys; numbers where left out.
    temperature : float
        Divides the scores; above 1 flattens the weights.
    added : float
        Added to all scores; no weight changes.
    controls : sequence of {"temperature", "added", "double"}
        The controls above the picture.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If `scores` is not (n_keys,) with 2 to 8 keys, or `tokens` has another length.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If a number is not finite or out of range, or a control does not exist.

    Examples
    --------
    >>> bars = SoftmaxBars([0, np.log(3)])
    >>> bars.weights
    array([0.25, 0.75])
    >>> bars
    Scores 0.00 and 1.10 become the weights 0.25 and 0.75.
    """

    _esm = join_modules("softmax_bars.js")
    _css = stylesheet("columns.css", "chart.css", "softmax_bars.css")
    _columns: ClassVar = {"scores": ()}
    _token_limits: ClassVar = (FEWEST_KEYS, MOST_KEYS)
    _slider_ranges: ClassVar = {
        "temperature": (0.1, 5.0, 0.05), "added": (-5.0, 5.0, 0.1), "d_k": (1.0, float(LARGEST_D_K), 1.0),
    }  # fmt: skip

    locals().update(component_traits("scores", n_rows=MOST_KEYS, columns=()))  # scores_0, ... scores_7
    added = Number(low=-LARGEST_COMPONENT, high=LARGEST_COMPONENT).tag(sync=True)
    temperature = Number(1.0, low=0.01, high=100.0).tag(sync=True)
    d_k = WholeNumber(1, low=1, high=LARGEST_D_K).tag(sync=True)
    scaling = traitlets.Unicode("none").tag(sync=True)
    n_pairs = traitlets.Int(SAMPLE_SIZES[0]).tag(sync=True)
    draw = WholeNumber(0, low=0, high=N_DRAWS - 1).tag(sync=True)
    table = traitlets.Bytes(b"").tag(sync=True)  # of the draws; empty where the scores are the reader's own
    largest_d_k = traitlets.Int(1).tag(sync=True)
    sample_sizes = traitlets.List(traitlets.Int(), list(SAMPLE_SIZES)).tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(_OF_SCORES)).tag(sync=True)

    def __init__(
        self,
        scores: ArrayLike | None = None,
        *,
        tokens: Sequence[str] | None = None,
        temperature: float = 1.0,
        added: float = 0.0,
        controls: Sequence[str] | None = None,
        question: str = "",
    ) -> None:
        super().__init__()
        self._draws: Draws | None = None
        given = _SCORES if scores is None else scores
        if scores is None and tokens is None:
            tokens = _TOKENS
        with self.hold_sync():
            self.extent = 4.0
            self._set_tokens(tokens, _count_scores(given))
            self._set_arrays(scores=given)
            self.temperature, self.added, self.question = temperature, added, question
            self.controls = list(_OF_SCORES if controls is None else controls)
            self._begin_with("temperature", "added")
        self._watch_components()

    @classmethod
    def from_draws(
        cls,
        n_keys: int = 6,
        largest_d_k: int = 512,
        *,
        rng: np.random.Generator | None = None,
        d_k: int = 64,
        scaling: str = "none",
        n_pairs: int = 100,
        controls: Sequence[str] = _OF_DRAWS,
        question: str = "",
    ) -> "SoftmaxBars":
        """Show dot products of a random query with random keys at any d_k, and how far such products spread.

        All components are drawn once, from the standard normal distribution; d_k says how many of them count.

        Parameters
        ----------
        n_keys : int
            2 to 8.
        largest_d_k : int
            2 to 1024.
        rng : numpy.random.Generator, optional
            None draws what ``np.random.default_rng(0)`` does: the same picture for everybody.
        d_k : int
            The number of components that count.
        scaling : {"none", "1/d_k", "1/sqrt(d_k)"}
            The factor on the dot products.
        n_pairs : {2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000}
            The number of further query-key pairs that the spread is measured on.
        controls : sequence of {"temperature", "d_k", "scaling", "n_pairs", "draw"}
            The controls above the picture.
        question : str
            One line above the picture.

        Returns
        -------
        SoftmaxBars

        Raises
        ------
        ShapeError
            If there are fewer than 2 keys or more than 8.
        OptionError
            If an option has a value outside of what it means.

        Examples
        --------
        >>> bars = SoftmaxBars.from_draws(n_keys=3, d_k=100, scaling="1/sqrt(d_k)", n_pairs=2000)
        >>> bars.scale, round(bars.spread, 1)
        (0.1, 1.0)
        """
        keys = require_integer("n_keys", n_keys)
        if not FEWEST_KEYS <= keys <= MOST_KEYS:
            raise ShapeError(f"This widget shows {FEWEST_KEYS} to {MOST_KEYS} keys, but n_keys is {keys}.")
        made = cls(np.zeros(keys), controls=(), question=question)
        made._draws = make_draws(keys, largest_d_k, np.random.default_rng(0) if rng is None else rng)
        with made.hold_sync():
            made.table, made.largest_d_k = made._draws.table(), made._draws.products.shape[-1]
            made.d_k, made.scaling, made.n_pairs, made.controls = d_k, scaling, n_pairs, list(controls)
            made.start = {"d_k": made.d_k, "scaling": scaling, "n_pairs": n_pairs, "draw": 0, "temperature": 1.0}
        return made

    @property
    def scores(self) -> FloatArray:
        """The scores as the picture shows them, shape (n_keys,); set them and the picture moves.

        What is added to all is in them. Where they are scaled dot products of draws, they cannot be set.
        """
        if self._draws is None:
            scores: FloatArray = self._array("scores") + self.added
            return scores
        return self._draws.products[self.draw, :, self.d_k - 1].astype(np.float64) * self.scale

    @scores.setter
    def scores(self, array: ArrayLike) -> None:
        if self._draws is not None:
            raise OptionError(
                "These scores are dot products of random draws and cannot be set: "
                "set d_k or draw, or make SoftmaxBars(scores) for scores of your own."
            )
        self._set_arrays(scores=array)
        self.added = 0.0
        self._begin_with("added")

    @property
    def exponentials(self) -> FloatArray:
        """``exp(scores / temperature)``, shape (n_keys,); inf where that is too large for a float."""
        with np.errstate(over="ignore"):
            exponentials: FloatArray = np.exp(self.scores / self.temperature)
        return exponentials

    @property
    def weights(self) -> FloatArray:
        """Each exponential divided by the sum of all, shape (n_keys,); they sum to 1."""
        return softmax(self.scores, temperature=self.temperature)

    @property
    def scale(self) -> float:
        """The factor on the dot products; 1.0 without draws."""
        return {"none": 1.0, "1/d_k": 1 / self.d_k, "1/sqrt(d_k)": 1 / math.sqrt(self.d_k)}[self.scaling]

    @property
    def spread(self) -> float:
        """The standard deviation of the scaled dot products of `n_pairs` random pairs; nan without draws."""
        if self._draws is None:
            return math.nan
        return float(self._draws.spreads[SAMPLE_SIZES.index(self.n_pairs), self.d_k - 1]) * self.scale

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        if self._draws is None:
            return plots.softmax_bars(self.scores, self.exponentials, self.weights, tokens=self.tokens)
        sizes = np.arange(1, self.largest_d_k + 1)
        factor = {"none": np.ones(len(sizes)), "1/d_k": 1 / sizes, "1/sqrt(d_k)": 1 / np.sqrt(sizes)}[self.scaling]
        measured = self._draws.spreads[SAMPLE_SIZES.index(self.n_pairs)] * factor
        return plots.softmax_draws(
            self.scores, self.weights, sizes, measured, np.sqrt(sizes) * factor,
            tokens=self.tokens, d_k=self.d_k, scaling=self.scaling, n_pairs=self.n_pairs,
        )  # fmt: skip

    def __repr__(self) -> str:
        if self._draws is None:
            return f"Scores {_listed(self.scores)} become the weights {_listed(self.weights)}."
        largest = int(np.argmax(self.weights))
        scaled = "" if self.scaling == "none" else f", times {self.scaling},"
        return (
            f"At d_k = {self.d_k} the dot products of {self.n_pairs} random pairs{scaled} spread by {self.spread:.2f}; "
            f"in this draw key {quoted(self.tokens[largest])} gets {100 * self.weights[largest]:.0f} % of the weight."
        )

    def _default_sliders(self) -> tuple[str | int, ...]:
        return ("scores", "temperature") if self._draws is None else ("d_k",)

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        return (1.0, float(self.largest_d_k), 1.0) if trait == "d_k" else super()._slider_range(trait)

    @traitlets.validate("d_k")
    def _check_d_k(self, proposal: Any) -> int:
        if proposal.value > self.largest_d_k:
            raise OptionError(f"d_k must be between 1 and {self.largest_d_k}, but it is {proposal.value}.")
        return int(proposal.value)

    @traitlets.validate("scaling")
    def _check_scaling(self, proposal: Any) -> str:
        chosen("scaling", [proposal.value], SCALINGS)
        return str(proposal.value)

    @traitlets.validate("n_pairs")
    def _check_n_pairs(self, proposal: Any) -> int:
        if proposal.value not in SAMPLE_SIZES:
            listed = ", ".join(map(str, SAMPLE_SIZES))
            raise OptionError(f"n_pairs must be one of {listed}, but it is {proposal.value}.")
        return int(proposal.value)

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, _OF_SCORES if self._draws is None else ("temperature", *_OF_DRAWS))


def _count_scores(scores: ArrayLike) -> int:
    """Return the number of scores, or say that they are no vector."""
    given = as_floats("scores", scores)
    if given.ndim != 1:
        raise ShapeError(f"scores must have shape (n_keys,), one number a key, but it has {given.shape}.")
    return len(given)


def _listed(numbers: FloatArray) -> str:
    written = [f"{number:.2f}".replace("-0.00", "0.00") for number in numbers]
    return f"{', '.join(written[:-1])} and {written[-1]}"
