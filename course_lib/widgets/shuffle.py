"""The shuffle: move tokens about and see whether self-attention notices (lesson 08)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from course_lib import attention as steps
from course_lib import plots
from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray, require_integer
from course_lib.widgets.base import LARGEST_COMPONENT, LiveWidget, in_words, quoted
from course_lib.widgets.given import chosen, finite_array
from course_lib.widgets.modules import join_modules, stylesheet

POSITIONS = ("none", "sinusoidal", "rotary")
CONTROLS = ("positions", "shuffle", "back")
SAME = 1e-9  # sums in another order differ by rounding, about 1e-16
_MOST_COMPONENTS = 4  # of a vector: more numbers do not fit into a token's column
_N_DRAWS = 24
_TOKENS = ("dog", "bites", "old", "man")
_X = ((1, 0, 0, 1), (0, 1, 0, 0), (0, 0, 1, 0), (1, 0, 0, -1))
_WEIGHTS: dict[str, ArrayLike] = {
    "w_query": ((0, 1, 2, 0), (2, 0, 0, 1), (1, 0, 0, 0), (0, 0, 0, 1)),
    "w_key": ((1, 0, 0, 1), (0, 2, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0)),
    "w_value": ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0.5, 0)),
}


class Shuffle(LiveWidget):
    """Move tokens within their row: without positions every output goes with its token, the numbers unchanged.

    That is permutation equivariance: the rows of the output change places as the rows of `x` do. (Invariant would be a
    result that does not change at all.) With positions, added or rotary, the outputs notice the order.

    Parameters
    ----------
    x : array_like, shape (n_tokens, d_model), optional
        The vectors of 3 to 6 tokens in their first order, d_model up to 4; an example sentence where left out.
    w_query, w_key : array_like, shape (d_model, d_k), optional
        d_k up to 4, and even for rotary positions. The example's matrices where left out; they fit d_model 4.
    w_value : array_like, shape (d_model, d_v), optional
        d_v up to 4.
    tokens : sequence of str, optional
        The names of the tokens; numbers where left out.
    positions : {"none", "sinusoidal", "rotary"}
        What attention is told about the order: nothing, a vector added to each token, or queries and keys rotated.
    order : sequence of int, optional
        Place i holds token ``order[i]``; None is the first order.
    seed : int
        Chooses the orders that the button "Shuffle" and `shuffle` go through.
    controls : sequence of {"positions", "shuffle", "back"}
        The controls above the picture.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If the arrays do not fit together or are too large to show.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If `order` is no order of the tokens, or an option does not exist.

    Examples
    --------
    Two tokens that change places take their outputs with them.

    >>> shuffle = Shuffle([[0, 3], [0, 6], [0, 0]], np.eye(2), np.zeros((2, 2)), [[0, 1], [2, 0]], order=[1, 0, 2])
    >>> shuffle.output + 0
    array([[6., 0.],
           [6., 0.],
           [6., 0.]])
    >>> shuffle
    Order 1 0 2, without positions: every token has the output that it had in the first order.
    """

    _esm = join_modules("shuffle.js")
    _css = stylesheet("shuffle.css")
    _token_limits: ClassVar = (3, 6)

    given = traitlets.Dict(read_only=True).tag(sync=True)  # x in the first order and the matrices, as lists of rows
    places = traitlets.List(traitlets.Int()).tag(sync=True)
    positions = traitlets.Unicode("none").tag(sync=True)
    draws: traitlets.List[list[int]] = traitlets.List(read_only=True).tag(
        sync=True
    )  # the orders that "Shuffle" goes through
    turn = traitlets.Int(0).tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS)).tag(sync=True)

    def __init__(
        self,
        x: ArrayLike | None = None,
        w_query: ArrayLike | None = None,
        w_key: ArrayLike | None = None,
        w_value: ArrayLike | None = None,
        *,
        tokens: Sequence[str] | None = None,
        positions: str = "none",
        order: Sequence[int] | None = None,
        seed: int = 0,
        controls: Sequence[str] = CONTROLS,
        question: str = "",
    ) -> None:
        super().__init__()
        if x is None:
            x, tokens = _X, _TOKENS if tokens is None else tokens
        weights = {"w_query": w_query, "w_key": w_key, "w_value": w_value}
        arrays = {name: _WEIGHTS[name] if weight is None else weight for name, weight in weights.items()}
        checked = _check_arrays(x, arrays)
        rng = np.random.default_rng(require_integer("seed", seed, minimum=0))
        with self.hold_sync():
            self._set_tokens(tokens, len(checked["x"]))
            self.set_trait("given", {name: array.tolist() for name, array in checked.items()})
            self.set_trait("draws", _draw_orders(self.n_tokens, rng))
            self.order = list(range(self.n_tokens)) if order is None else order
            self.positions, self.controls, self.question = positions, list(controls), question

    @property
    def order(self) -> NDArray[np.int64]:
        """Which token stands at each place, shape (n_tokens,); set it and the tokens move."""
        return _locked(np.array(self.places))

    @order.setter
    def order(self, order: ArrayLike) -> None:
        self.places = _as_list(order)

    @property
    def x(self) -> FloatArray:
        """The token vectors, shape (n_tokens, d_model); row i is at place i. They can be set."""
        return self._given("x")[self.order]

    @x.setter
    def x(self, array: ArrayLike) -> None:
        x = _check_arrays(array, {name: self._given(name) for name in _WEIGHTS})["x"]
        if len(x) != self.n_tokens:
            raise ShapeError(f"x of this widget has {self.n_tokens} rows, but you passed {len(x)}; make a new one.")
        self.set_trait("given", {**self.given, "x": x[np.argsort(self.order)].tolist()})

    @property
    def w_query(self) -> FloatArray:
        """The matrix that makes queries, shape (d_model, d_k)."""
        return self._given("w_query")

    @property
    def w_key(self) -> FloatArray:
        """The matrix that makes keys, shape (d_model, d_k)."""
        return self._given("w_key")

    @property
    def w_value(self) -> FloatArray:
        """The matrix that makes values, shape (d_model, d_v)."""
        return self._given("w_value")

    @property
    def weights(self) -> FloatArray:
        """What the token at each place attends to, shape (n_tokens, n_tokens)."""
        return self._attend(self.order)[0]

    @property
    def output(self) -> FloatArray:
        """The output at each place, shape (n_tokens, d_v)."""
        return self._attend(self.order)[1]

    @property
    def first_output(self) -> FloatArray:
        """The outputs in the first order, shape (n_tokens, d_v); row t belongs to token t."""
        return self._attend(np.arange(self.n_tokens))[1]

    @property
    def change(self) -> FloatArray:
        """How far the output at each place is from what its token had in the first order, shape (n_tokens,).

        The largest absolute difference of a component.
        """
        change: FloatArray = np.abs(self.output - self.first_output[self.order]).max(axis=-1)
        return change

    def shuffle(self) -> None:
        """Put the tokens into the next of the orders that the seed chose, as the button does."""
        with self.hold_sync():
            self.turn += 1
            if self.draws[self.turn % _N_DRAWS] == self.places:
                self.turn += 1
            self.places = self.draws[self.turn % _N_DRAWS]

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        return plots.shuffle(
            self.first_output, self.output, self.change, self.order, tokens=self.tokens, positions=self.positions
        )

    def __repr__(self) -> str:
        named = " ".join(self.tokens[token] for token in self.places)
        told = "without positions" if self.positions == "none" else f"with {self.positions} positions"
        if self.places == sorted(self.places):
            return f"Order {named}, the first one, {told}."
        most = int(np.argmax(self.change))
        if self.change[most] < SAME:
            return f"Order {named}, {told}: every token has the output that it had in the first order."
        token = quoted(self.tokens[self.places[most]])
        return f"Order {named}, {told}: the outputs changed, most for {token}, by {in_words(self.change[most])}."

    def _given(self, name: str) -> FloatArray:
        return _locked(np.array(self.given[name], dtype=np.float64))

    def _attend(self, order: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        """Return weights and output of the tokens in some order."""
        places = np.arange(self.n_tokens)
        x = self._given("x")[order]
        if self.positions == "sinusoidal":
            x = x + steps.sinusoidal_positions(*x.shape)
        query, key, value = (steps.project(x, self._given(name)) for name in _WEIGHTS)
        if self.positions == "rotary":
            query, key = steps.rotate(query, places), steps.rotate(key, places)
        weights = steps.attention_weights(query, key)
        return weights, steps.weighted_sum(weights, value)

    def _default_sliders(self) -> tuple[str | int, ...]:
        raise OptionError("A row of tokens has no sliders: drag a token, use the arrow keys, or set .order.")

    @traitlets.validate("places")
    def _check_places(self, proposal: Any) -> list[int]:
        places = list(proposal.value)
        if sorted(places) != list(range(self.n_tokens)):
            raise OptionError(
                f"order must hold each of 0 to {self.n_tokens - 1} once, the token at each place, but it is {places}."
            )
        return places

    @traitlets.validate("positions")
    def _check_positions(self, proposal: Any) -> str:
        chosen("positions", [proposal.value], POSITIONS)
        if proposal.value == "rotary" and self.w_query.shape[1] % 2:
            raise OptionError(
                f"Rotary positions turn pairs of components, so d_k must be even, but it is {self.w_query.shape[1]}."
            )
        return str(proposal.value)

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, CONTROLS)


def _locked(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False  # writing into a copy would look like moving the picture, and would not
    return array


def _as_list(order: ArrayLike) -> list[int]:
    given = np.asarray(order)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise OptionError(f"order must be a list of whole numbers such as [2, 0, 1], but it is {order!r}.")
    return [int(token) for token in given]


def _check_arrays(x: ArrayLike, weights: dict[str, ArrayLike]) -> dict[str, FloatArray]:
    """Return all arrays in float64, or say which does not fit."""
    checked = {"x": finite_array("x", x, ("n_tokens", "d_model"), largest=LARGEST_COMPONENT)}
    for name, weight in weights.items():
        axes = ("d_model", "d_v" if name == "w_value" else "d_k")
        checked[name] = finite_array(name, weight, axes, largest=LARGEST_COMPONENT)
    d_model = checked["x"].shape[1]
    for name, array in checked.items():
        if array.shape[1] > _MOST_COMPONENTS:
            raise ShapeError(f"{name} may have {_MOST_COMPONENTS} columns to be shown, but it has {array.shape[1]}.")
        if name != "x" and len(array) != d_model:
            raise ShapeError(
                f"x and {name} disagree on d_model: {d_model} against {len(array)}. Give a {name} of {d_model} rows."
            )
    if checked["w_query"].shape != checked["w_key"].shape:
        shapes = f"{checked['w_query'].shape} against {checked['w_key'].shape}"
        raise ShapeError(f"w_query and w_key disagree on d_k: {shapes}. A query and a key are multiplied by component.")
    return checked


def _draw_orders(n_tokens: int, rng: np.random.Generator) -> list[list[int]]:
    """Return orders to go through: none is the first one, and none is that before it."""
    orders = [list(range(n_tokens))]
    while len(orders) <= _N_DRAWS:
        order = [int(token) for token in rng.permutation(n_tokens)]
        if order not in (orders[0], orders[-1]) and not (len(orders) == _N_DRAWS and order == orders[1]):
            orders.append(order)
    return orders[1:]
