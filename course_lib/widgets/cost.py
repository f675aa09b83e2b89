"""What attention costs: measured time and memory against the number of tokens, and what they grow to (lesson 09)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from course_lib import plots
from course_lib.errors import DtypeError, OptionError, ShapeError
from course_lib.plots.units import bytes_text, count_text, seconds_text
from course_lib.shapes import FloatArray, require_number
from course_lib.widgets.base import LiveWidget, Number
from course_lib.widgets.given import chosen, finite_array
from course_lib.widgets.modules import join_modules, stylesheet

CONTROLS = ("at", "jumps")
FEWEST, MOST = 10.0, 1e7
_MOST_METHODS = 5  # so many markers and colours can be told apart
_MOST_POINTS = 100
_LONGEST_NAME = 30
_STEEPEST = 20.0  # at 10 million tokens, numbers stay finite
_EXAMPLE_D_K = 64
_Measured = dict[str, tuple[FloatArray, FloatArray]]
_Fits = dict[str, tuple[float, float]]


class Cost(LiveWidget):
    """Read off what a sequence of any length costs, from lines fitted to what was measured.

    Time and memory stand against the number of tokens on logarithmic axes, where ``amount = factor * n ** exponent`` is
    a straight line and the exponent its slope. Drag the mark from 10 to 10 million tokens. Beyond the measured points
    the lines are dashed: what they say there is an extrapolation, and is called so.

    Parameters
    ----------
    n_tokens : array_like, shape (n_points,), or mapping of method to such arrays
        How many tokens each measurement had. All left out: the memory of one head in float32, counted, not measured.
    seconds, bytes : mapping of method to array_like of shape (n_points,), optional
        What each method took, for up to 5 methods; one of the two may be left out.
    fit_from : float, optional
        Lines are fitted to the points from this number of tokens up: at small ones, fixed costs hide the growth.
    at : float
        The number of tokens that is marked, 10 to 10 million.
    origin : str, optional
        Where the numbers come from, as it stands above the plots: "measured" where left out.
    controls : sequence of {"at", "jumps"}
        The slider, and buttons for 1,000, 100,000 and 10 million tokens.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If a method has not one number for each of its `n_tokens`, fewer than 2 that can be fitted, or too many.
    DtypeError
        If something that must be a mapping, a number or a word is not.
    OptionError
        If a number is not finite or not above 0, or a method has no `n_tokens`.

    Examples
    --------
    Twice the tokens, four times the time: the exponent is 2.

    >>> cost = Cost([1000, 2000, 4000], {"loops": [0.5, 2, 8]}, at=10_000)
    >>> {method: round(exponent, 9) for method, (factor, exponent) in cost.fits["seconds"].items()}
    {'loops': 2.0}
    >>> cost
    At 10,000 tokens, loops takes 50 s (n^2.00, extrapolated).
    """

    _esm = join_modules("cost.js")
    _css = stylesheet("chart.css", "cost.css")
    _slider_ranges: ClassVar = {"at": (FEWEST, MOST, 10.0)}

    at = Number(100_000.0, low=FEWEST, high=MOST).tag(sync=True)
    origin = traitlets.Unicode("measured").tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS)).tag(sync=True)
    measured = traitlets.Dict(read_only=True).tag(sync=True)  # quantity -> [method, n_tokens, amounts], as lists
    lines = traitlets.Dict(read_only=True).tag(sync=True)  # quantity -> [factor, exponent] in the same order
    fit_from = traitlets.Float(0.0, read_only=True).tag(sync=True)

    def __init__(
        self,
        n_tokens: ArrayLike | Mapping[str, ArrayLike] | None = None,
        seconds: Mapping[str, ArrayLike] | None = None,
        bytes: Mapping[str, ArrayLike] | None = None,
        *,
        fit_from: float | None = None,
        at: float = 100_000,
        origin: str | None = None,
        controls: Sequence[str] = CONTROLS,
        question: str = "",
    ) -> None:
        super().__init__()
        if n_tokens is None and seconds is None and bytes is None:
            n_tokens, bytes = _counted_bytes()
            origin = "counted" if origin is None else origin
        if n_tokens is None or not (seconds or bytes):
            raise OptionError("Give n_tokens and what they took, seconds or bytes or both; or nothing, for an example.")
        given = {
            "seconds": _check_methods("seconds", seconds, n_tokens),
            "bytes": _check_methods("bytes", bytes, n_tokens),
        }
        methods = set(given["seconds"]) | set(given["bytes"])
        if len(methods) > _MOST_METHODS:
            raise ShapeError(f"This widget shows up to {_MOST_METHODS} methods, but there are {len(methods)}.")
        least = 0.0 if fit_from is None else require_number("fit_from", fit_from)
        fits = {quantity: _fit_all(points, least) for quantity, points in given.items()}
        with self.hold_sync():
            self.set_trait("measured", {quantity: _as_lists(points) for quantity, points in given.items()})
            self.set_trait("lines", {quantity: [list(fit) for fit in fits[quantity].values()] for quantity in fits})
            self.set_trait("fit_from", least)
            self.at, self.origin = at, "measured" if origin is None else origin
            self.controls, self.question = list(controls), question
        self.start = {"at": self.at}

    @property
    def points(self) -> dict[str, _Measured]:
        """What was given: for "seconds" and "bytes", method -> (n_tokens, amounts), each of shape (n_points,)."""
        return {
            quantity: {method: (np.array(n_tokens), np.array(amounts)) for method, n_tokens, amounts in methods}
            for quantity, methods in self.measured.items()
        }

    @property
    def fits(self) -> dict[str, _Fits]:
        """The fitted lines: for "seconds" and "bytes", method -> (factor, exponent) of ``factor * n ** exponent``."""
        return {
            quantity: {
                method: (factor, exponent)
                for (method, *_), (factor, exponent) in zip(methods, self.lines[quantity], strict=True)
            }
            for quantity, methods in self.measured.items()
        }

    def predict(self, n_tokens: float | None = None) -> dict[str, dict[str, float]]:
        """Return what the lines say for `n_tokens`, or for the marked number.

        For "seconds" and "bytes", method -> amount.

        Examples
        --------
        >>> predicted = Cost([10, 20], {"loops": [1, 2]}).predict(1000)
        >>> round(predicted["seconds"]["loops"], 9), predicted["bytes"]
        (100.0, {})
        """
        at = self.at if n_tokens is None else require_number("n_tokens", n_tokens, positive=True)
        return {
            quantity: {method: factor * at**exponent for method, (factor, exponent) in fits.items()}
            for quantity, fits in self.fits.items()
        }

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        points: Any = self.points
        return plots.cost(points, self.fits, at=self.at, origin=self.origin)

    def __repr__(self) -> str:
        predicted, points = self.predict(), self.points
        parts = []
        for method in dict.fromkeys((*self.fits["seconds"], *self.fits["bytes"])):
            said = []
            for quantity, verb, text in (("seconds", "takes", seconds_text), ("bytes", "holds", bytes_text)):
                if method not in predicted[quantity]:
                    continue
                n_tokens = points[quantity][method][0]
                beyond = "" if n_tokens.min() <= self.at <= n_tokens.max() else ", extrapolated"
                exponent = self.fits[quantity][method][1]
                said.append(f"{verb} {text(predicted[quantity][method])} (n^{exponent:.2f}{beyond})")
            parts.append(f"{method} {' and '.join(said)}")
        return f"At {count_text(self.at)} tokens, {'; '.join(parts)}."

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, CONTROLS)


def _counted_bytes() -> tuple[ArrayLike, dict[str, ArrayLike]]:
    """Return what one head in float32 holds, counted: all scores, or one row's sums in turn; and the cache."""
    n_tokens = np.array([100.0, 1000.0, 10_000.0])
    number = np.dtype(np.float32).itemsize
    return n_tokens, {
        "all scores at once": number * n_tokens**2,
        "block by block": number * n_tokens * (_EXAMPLE_D_K + 2),  # mixed values, maximum and sum of each query
        "keys and values": number * n_tokens * 2 * _EXAMPLE_D_K,
    }


def _check_methods(
    name: str, given: Mapping[str, ArrayLike] | None, n_tokens: ArrayLike | Mapping[str, ArrayLike]
) -> _Measured:
    """Return method -> (n_tokens, amounts), by rising n_tokens, or say what is wrong."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise DtypeError(f'{name} must be a dict such as {{"loops": [0.1, 0.4]}}, but it is {type(given).__name__}.')
    checked = {}
    for method, amounts in given.items():
        if not isinstance(method, str) or not 1 <= len(method) <= _LONGEST_NAME:
            raise DtypeError(
                f"A method of {name} must be a word of 1 to {_LONGEST_NAME} characters, but it is {method!r}."
            )
        if isinstance(n_tokens, Mapping) and method not in n_tokens:
            raise OptionError(f"{name} has a method {method!r}, but n_tokens has none of that name.")
        own = n_tokens[method] if isinstance(n_tokens, Mapping) else n_tokens
        checked[method] = _check_points(f"n_tokens of {method}", own, f"{name} of {method}", amounts)
    return checked


def _check_points(
    n_name: str, n_tokens: ArrayLike, amounts_name: str, amounts: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    n, y = (
        finite_array(name, array, ("n_points",), largest=1e30)
        for name, array in ((n_name, n_tokens), (amounts_name, amounts))
    )
    if n.shape != y.shape or len(n) > _MOST_POINTS:
        raise ShapeError(
            f"{n_name} and {amounts_name} must be equally many, {_MOST_POINTS} at most, "
            f"but there are {len(n)} and {len(y)}."
        )
    for name, array in ((n_name, n), (amounts_name, y)):
        if array.min() <= 0:
            raise OptionError(f"{name} must be above 0 to stand on a logarithmic axis, but one is {array.min():g}.")
    order = np.argsort(n, kind="stable")
    return n[order], y[order]


def _fit_all(points: _Measured, least: float) -> _Fits:
    return {method: _fit(method, n[n >= least], amounts[n >= least]) for method, (n, amounts) in points.items()}


def _fit(method: str, n_tokens: FloatArray, amounts: FloatArray) -> tuple[float, float]:
    """Return factor and exponent of the line that fits best on logarithmic axes (least squares)."""
    if len(np.unique(n_tokens)) < 2:
        raise ShapeError(
            f"A line needs two different numbers of tokens, but {method} has {len(np.unique(n_tokens))} to be fitted. "
            "Measure at more numbers, or lower fit_from."
        )
    x, y = np.log10(n_tokens), np.log10(amounts)
    exponent = float(np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2))
    if abs(exponent) > _STEEPEST:
        raise OptionError(
            f"{method} grows as n^{exponent:.3g}, which cannot be drawn up to 10 million tokens; check its numbers."
        )
    return float(10 ** (y.mean() - exponent * x.mean())), exponent


def _as_lists(points: _Measured) -> list[list[Any]]:
    return [[method, n_tokens.tolist(), amounts.tolist()] for method, (n_tokens, amounts) in points.items()]
