"""The weighted sum: values in the plane, weights in the hand, and where the output can lie (lesson 04)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from course_lib import plots
from course_lib.attention import weighted_sum
from course_lib.errors import OptionError
from course_lib.shapes import FloatArray
from course_lib.widgets.base import LiveWidget, component_traits, count_rows, in_words
from course_lib.widgets.given import chosen
from course_lib.widgets.modules import join_modules, stylesheet

LEAST_WEIGHT, LARGEST_WEIGHT = -1.0, 2.0  # far enough to leave the hull, near enough to stay in the picture
CONTROLS = ("sum_to_one", "chain", "equal")
_EXACT = 1e-9  # how far a sum of weights may be from 1, and an output from the hull, by rounding alone
_VALUE = ((4.0, 2.0), (0.0, 4.0), (-4.0, 0.0))
_WEIGHTS = (0.5, 0.25, 0.25)


class WeightedSum(LiveWidget):
    """Drag values and weights and see the output follow: ``output = sum of weights[j] * value[j]``.

    `value` and `weights` are the state: arrays in the next cell, and setting them moves the picture. While
    `sum_to_one` is on, a weight that moves takes from the others, or gives to them, in proportion to what they have.

    Parameters
    ----------
    value : array_like, shape (n_keys, 2), optional
        1 to 6 values. Leave value and weights out for an example that can be done by hand.
    weights : array_like, shape (n_keys,), optional
        Equal ones where only these are left out.
    tokens : sequence of str, optional
        The names of the keys; numbers where left out.
    sum_to_one : bool
        Keep the weights at 0 or above and their sum at 1, as softmax does.
    chain : bool
        Draw the weighted values tip to tail; else as pulls from the output to the values.
    controls : sequence of {"sum_to_one", "chain", "equal"}
        The controls above the picture.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If `value` is not (n_keys, 2) with 1 to 6 keys, or `weights` or `tokens` has another length.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If a number is not finite or out of range, or the weights must sum to 1 and do not.

    Examples
    --------
    >>> mixed = WeightedSum([[4, 2], [0, 4], [-4, -4]], [0.5, 0.25, 0.25])
    >>> mixed.output
    array([1., 1.])
    >>> mixed
    Weights 0.50, 0.25 and 0.25 (sum 1.00) mix the values to (1.00, 1.00), inside their hull.
    """

    _esm = join_modules("weighted_sum.js")
    _css = stylesheet("columns.css", "weighted_sum.css")
    _columns: ClassVar = {"value": ("x", "y"), "weights": ()}

    locals().update(component_traits("value"))  # value_0_x, value_0_y, ... value_5_y
    locals().update(component_traits("weights", columns=(), low=LEAST_WEIGHT, high=LARGEST_WEIGHT))  # weights_0, ...
    sum_to_one = traitlets.Bool(True).tag(sync=True)
    chain = traitlets.Bool(True).tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS)).tag(sync=True)

    def __init__(
        self,
        value: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        *,
        tokens: Sequence[str] | None = None,
        sum_to_one: bool = True,
        chain: bool = True,
        controls: Sequence[str] = CONTROLS,
        question: str = "",
    ) -> None:
        super().__init__()
        if value is None:
            value, weights = _VALUE, _WEIGHTS if weights is None else weights
        n_keys = count_rows("value", value)
        if weights is None:
            weights = np.full(n_keys, 1 / max(n_keys, 1))
        self._sharing = True  # all weights are set together, so none makes room for another
        with self.hold_sync():
            self._set_tokens(tokens, n_keys)
            self.sum_to_one = sum_to_one
            self._set_arrays(value=value, weights=weights)
            self._widen(1.2 * float(np.max(np.abs(self.value))))  # room for a name beyond every tip
            self.chain, self.controls, self.question = chain, list(controls), question
            self._begin_with("sum_to_one", "chain")
        self._sharing = False
        self._watch_components()
        self.observe(self._share, names=self._numbers_of("weights"))
        self.observe(self._share_all, names="sum_to_one")

    @property
    def value(self) -> FloatArray:
        """The values, shape (n_keys, 2); set them and the picture moves."""
        return self._array("value")

    @value.setter
    def value(self, array: ArrayLike) -> None:
        self._set_arrays(value=array)

    @property
    def weights(self) -> FloatArray:
        """The weights, shape (n_keys,); set them and the picture moves."""
        return self._array("weights")

    @weights.setter
    def weights(self, array: ArrayLike) -> None:
        self._set_arrays(weights=array)

    @property
    def output(self) -> FloatArray:
        """The weighted sum of the values, shape (2,)."""
        output: FloatArray = weighted_sum(self.weights[np.newaxis, :], self.value)[0]
        return output

    @property
    def inside_hull(self) -> bool:
        """Whether the output lies inside the convex hull of the values, its edge included."""
        return is_inside_hull(self.output, self.value)

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        parts = self.weights[:, np.newaxis] * self.value
        return plots.weighted_sum(
            self.value, self.weights, parts, self.output, tokens=self.tokens, inside_hull=self.inside_hull
        )

    def __repr__(self) -> str:
        listed = [in_words(weight) for weight in self.weights]
        weights = f"Weights {', '.join(listed[:-1])} and {listed[-1]}" if len(listed) > 1 else f"Weight {listed[0]}"
        x, y = self.output
        where = "inside" if self.inside_hull else "outside of"
        mix = "mixes the value" if len(listed) == 1 else "mix the values"
        total = in_words(float(self.weights.sum()))
        return f"{weights} (sum {total}) {mix} to ({in_words(x)}, {in_words(y)}), {where} their hull."

    def _default_sliders(self) -> tuple[str | int, ...]:
        return ("weights",)

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        if trait.startswith("weights_"):
            return (0.0, 1.0, 0.01) if self.sum_to_one else (LEAST_WEIGHT, LARGEST_WEIGHT, 0.01)
        return super()._slider_range(trait)

    def _set_arrays(self, **arrays: ArrayLike) -> None:
        was, self._sharing = self._sharing, True
        try:
            super()._set_arrays(**arrays)
        finally:
            self._sharing = was

    def _check_array(self, name: str, array: ArrayLike) -> FloatArray:
        given = super()._check_array(name, array)
        if name != "weights":
            return given
        if np.min(given) < LEAST_WEIGHT or np.max(given) > LARGEST_WEIGHT:
            raise OptionError(f"weights must be between {LEAST_WEIGHT:g} and {LARGEST_WEIGHT:g}, but they are {given}.")
        if self.sum_to_one and (np.min(given) < 0 or abs(given.sum() - 1) > 1e-6):
            raise OptionError(
                f"weights must be 0 or above and sum to 1, but they are {given} with sum {given.sum():g}. "
                "Switch sum_to_one off for weights of another kind."
            )
        return given

    def _share(self, change: Any) -> None:
        """Let the other weights make room for one that was set alone."""
        if self._sharing or not self.sum_to_one or _sums_to_one(self.weights):
            return
        moved = int(change.name.removeprefix("weights_"))
        self._assign(make_room(self.weights, moved))

    def _share_all(self, change: Any) -> None:
        if change.new and not _sums_to_one(self.weights):
            self._assign(shares_of(self.weights))

    def _assign(self, weights: FloatArray) -> None:
        """Set all weights at once; where Escape leads back to stays."""
        self._sharing = True
        try:
            with self.hold_sync():
                for trait, weight in zip(self._numbers_of("weights"), weights, strict=True):
                    setattr(self, trait, float(weight))
        finally:
            self._sharing = False

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, CONTROLS)


def _sums_to_one(weights: FloatArray) -> bool:
    """Say whether weights are as softmax makes them, but for rounding."""
    return bool(np.min(weights) >= 0 and abs(weights.sum() - 1) < _EXACT)


def make_room(weights: FloatArray, moved: int) -> FloatArray:
    """Return `weights` with sum 1: the moved one as it is (between 0 and 1), the others in their proportions.

    Examples
    --------
    >>> make_room(np.array([0.7, 0.1, 0.3]), 0)
    array([0.7  , 0.075, 0.225])
    """
    kept = min(max(float(weights[moved]), 0.0), 1.0)
    others = np.where(np.arange(len(weights)) == moved, 0.0, np.maximum(weights, 0.0))
    if len(weights) == 1:
        return np.ones(1)
    if others.sum() <= 0:  # nobody has anything: all get the same
        others = np.where(np.arange(len(weights)) == moved, 0.0, 1.0)
    shared: FloatArray = others * ((1 - kept) / others.sum())
    shared[moved] = kept
    return shared


def shares_of(weights: FloatArray) -> FloatArray:
    """Return `weights` with sum 1 and none below 0, their proportions kept; equal ones where none is above 0.

    Examples
    --------
    >>> shares_of(np.array([2.0, 1.0, -1.0, 1.0]))
    array([0.5 , 0.25, 0.  , 0.25])
    """
    positive = np.maximum(weights, 0.0)
    if positive.sum() <= 0:
        return np.full(len(weights), 1 / len(weights))
    shares: FloatArray = positive / positive.sum()
    return shares


def is_inside_hull(point: FloatArray, corners: FloatArray) -> bool:
    """Say whether a point lies in the convex hull of corners: in no direction does it reach further than all of them.

    Parameters
    ----------
    point : ndarray, shape (2,)
    corners : ndarray, shape (n_corners, 2)

    Returns
    -------
    bool

    Examples
    --------
    >>> corners = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    >>> is_inside_hull(np.array([1.0, 1.0]), corners), is_inside_hull(np.array([1.0, 1.1]), corners)
    (True, False)
    """
    # The normals of all edges are among these directions; the others can only agree.
    along = (corners[:, np.newaxis] - corners).reshape(-1, 2)
    across = np.stack([-along[:, 1], along[:, 0]], axis=-1)
    directions = np.concatenate([along, across, np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])])
    furthest = (corners @ directions.T).max(axis=0)
    slack = _EXACT * (1 + np.abs(directions).sum(axis=-1) * (1 + np.abs(corners).max()))
    return bool(np.all(directions @ point <= furthest + slack))
