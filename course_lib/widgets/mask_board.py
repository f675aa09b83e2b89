"""The mask board: which key a query may attend to, and what each way to forbid does to the weights (lesson 06)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from course_lib import attention as steps
from course_lib import plots
from course_lib.attention.masks import BoolArray, Window, check_window
from course_lib.errors import DtypeError, OptionError, ShapeError
from course_lib.shapes import FloatArray, require_integer
from course_lib.widgets.base import LiveWidget, WholeNumber, check_tokens, in_words
from course_lib.widgets.given import chosen, finite_array
from course_lib.widgets.modules import join_modules, stylesheet

CONTROLS = ("causal", "padding", "window", "how", "polarity", "empty_row")
WAYS = ("minus_infinity", "zero_weights", "zero_scores")
POLARITIES = ("attend", "block")
EMPTY_ROWS = ("zeros", "uniform", "nan")
FEWEST, MOST = 2, 8  # one key has nothing to choose; beyond eight, a cell has no room for its number and its mask
LARGEST_SCORE = 100.0
LARGEST_OFFSET = 8
NO_BOUND = 16  # farther than any key of the board is from any query
LARGE_NEGATIVE = -1e9
_TOKENS = ("the", "cat", "sat", "down", "[pad]")
_SCORES = ((1, 0, -1, 0, 1), (2, 1, 0, -1, 1), (0, 2, -1, 1, 0), (-1, 1, 2, 0, -1), (0, 0, 1, -1, 2))


class _ScoreRows(traitlets.List[list[float]]):
    """The scores, a list a row."""

    def validate(self, obj: Any, value: Any) -> list[list[float]]:
        return _check_scores(value).tolist()  # type: ignore[no-any-return]


class _Option(traitlets.Unicode[str, Any]):
    """One of several words."""

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__(known[0])
        self.known = known

    def validate(self, obj: Any, value: Any) -> str:
        if not isinstance(value, str) or value not in self.known:
            raise OptionError(f"{self.name} must be one of {', '.join(self.known)}, but it is {value!r}.")
        return value


class MaskBoard(LiveWidget):
    """Lay masks on a board of scores, forbid single pairs by hand, and see what each way to mask does to the weights.

    Masks combine: all must allow a pair. The board knows the right way to forbid and the known mistakes; `weights` is
    what the chosen way gives.

    Parameters
    ----------
    scores : array_like, shape (n_queries, n_keys), optional
        2 to 8 queries and keys; an example sentence where left out.
    tokens, key_tokens : sequence of str, optional
        The names of the queries and of the keys. Without `key_tokens`, a square board has the same names on both
        sides; without `tokens`, they are numbered.
    is_causal : bool
        Query i may attend to keys 0 .. i + offset.
    offset : int
        The position of query 0 among the keys, for the causal mask and the window.
    length : int, optional
        Keys 0 .. length - 1 are real tokens, the others padding that nobody may attend to; None means no padding.
    window : int or (left, right), optional
        Keys at most so far before and after the query's position; None means no window, None on a side no bound.
    mask : array_like of bool, shape (n_queries, n_keys), optional
        A mask by hand, True = may attend; see the property.
    how : {"minus_infinity", "zero_weights", "zero_scores"}
        How to forbid: score = -inf before softmax (right), weight x 0 after softmax, score x 0 before softmax.
    polarity : {"attend", "block"}
        What the reader of the mask takes True for: may attend, as here and in PyTorch's scaled_dot_product_attention,
        or blocked, as the key_padding_mask of PyTorch's nn.MultiheadAttention.
    empty_row : {"zeros", "uniform", "nan"}
        What becomes of a query that may attend to nothing, where the score is -inf: zeros (here), uniform weights
        (-1e9 in place of -inf), NaN (-inf in a softmax that does not look out for it).
    selected, selected_key : int
        The pair that is explained in words.
    controls : sequence of {"causal", "padding", "window", "how", "polarity", "empty_row"}
        The controls above the board.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If `scores` is not 2 to 8 by 2 to 8, or the tokens or the mask do not fit it.
    DtypeError
        If something that must be a number, a word or a bool is not.
    OptionError
        If a number is out of range, or an option none of those above.

    Examples
    --------
    >>> board = MaskBoard([[0, np.log(3)], [1, 1]])
    >>> board.weights
    array([[1. , 0. ],
           [0.5, 0.5]])
    >>> board.how = "zero_weights"
    >>> board.weights
    array([[0.25, 0.  ],
           [0.5 , 0.5 ]])
    >>> board
    The mask (causal) lets 3 of 4 pairs attend; with weight × 0 where forbidden, the rows sum to 0.25, 1.00.
    """

    _esm = join_modules("mask_board.js")
    _css = stylesheet("mask_board.css")
    _slider_ranges: ClassVar = {
        "offset": (-LARGEST_OFFSET, LARGEST_OFFSET, 1), "length": (0, MOST, 1),
        "window_left": (0, NO_BOUND, 1), "window_right": (0, NO_BOUND, 1),
    }  # fmt: skip

    key_tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    score_rows = _ScoreRows(default_value=[list(map(float, row)) for row in _SCORES]).tag(sync=True)
    is_causal = traitlets.Bool(True).tag(sync=True)
    offset = WholeNumber(0, low=-LARGEST_OFFSET, high=LARGEST_OFFSET).tag(sync=True)
    is_padded = traitlets.Bool(False).tag(sync=True)
    length = WholeNumber(0, low=0, high=MOST).tag(sync=True)
    is_windowed = traitlets.Bool(False).tag(sync=True)
    window_left = WholeNumber(1, low=0, high=NO_BOUND).tag(sync=True)
    window_right = WholeNumber(1, low=0, high=NO_BOUND).tag(sync=True)
    blocked: traitlets.List[list[int]] = traitlets.List().tag(sync=True)
    how = _Option(WAYS).tag(sync=True)
    polarity = _Option(POLARITIES).tag(sync=True)
    empty_row = _Option(EMPTY_ROWS).tag(sync=True)
    selected = WholeNumber(0, low=0, high=MOST - 1).tag(sync=True)
    selected_key = WholeNumber(0, low=0, high=MOST - 1).tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS[:4])).tag(sync=True)

    def __init__(
        self,
        scores: ArrayLike | None = None,
        *,
        tokens: Sequence[str] | None = None,
        key_tokens: Sequence[str] | None = None,
        is_causal: bool = True,
        offset: int = 0,
        length: int | None = None,
        window: Window | None = None,
        mask: ArrayLike | None = None,
        how: str = "minus_infinity",
        polarity: str = "attend",
        empty_row: str = "zeros",
        selected: int = 0,
        selected_key: int = 1,
        controls: Sequence[str] = CONTROLS[:4],
        question: str = "",
    ) -> None:
        super().__init__()
        if scores is None:
            scores, tokens = _SCORES, _TOKENS if tokens is None else tokens
        rows = _check_scores(scores)
        with self.hold_sync():
            self._name_tokens(tokens, key_tokens, rows.shape)
            self.score_rows = rows.tolist()
            self.is_causal, self.offset = is_causal, offset
            self.is_padded, self.length = length is not None, self.n_keys - 1 if length is None else length
            self.window = window
            self.how, self.polarity, self.empty_row = how, polarity, empty_row
            self.selected, self.selected_key = selected, selected_key
            self.controls, self.question = list(controls), question
            if mask is not None:
                self.mask = mask
            self.start = {name: getattr(self, name) for name in _STATE}

    def _name_tokens(
        self, tokens: Sequence[str] | None, key_tokens: Sequence[str] | None, shape: tuple[int, ...]
    ) -> None:
        n_queries, n_keys = shape
        numbers = [str(index) for index in range(MOST)]
        self.tokens = numbers[:n_queries] if tokens is None else check_tokens(tokens, n_queries, of="queries")
        if key_tokens is not None:
            self.key_tokens = check_tokens(key_tokens, n_keys, name="key_tokens", of="keys")
        else:
            self.key_tokens = self.tokens if n_queries == n_keys else numbers[:n_keys]
        self.n_tokens = n_queries

    @property
    def n_keys(self) -> int:
        """The number of keys."""
        return len(self.key_tokens)

    @property
    def scores(self) -> FloatArray:
        """The scores before any mask, shape (n_queries, n_keys); set them and the picture moves."""
        scores = np.array(self.score_rows)
        scores.flags.writeable = False  # writing into a copy would look like moving the picture, and would not
        return scores

    @scores.setter
    def scores(self, array: ArrayLike) -> None:
        self.score_rows = array  # type: ignore[assignment]  # the trait checks it

    @property
    def window(self) -> tuple[int | None, int | None] | None:
        """The window as (left, right), None for a side without bound; None while there is no window."""
        if not self.is_windowed:
            return None
        left, right = (None if side == NO_BOUND else int(side) for side in (self.window_left, self.window_right))
        return left, right

    @window.setter
    def window(self, window: Window | None) -> None:
        if window is not None:
            left, right = check_window(window)
            self.window_left = NO_BOUND if left is None else left
            self.window_right = NO_BOUND if right is None else right
        self.is_windowed = window is not None

    @property
    def mask(self) -> BoolArray:
        """The mask that rules and hand make together, shape (n_queries, n_keys), True = may attend.

        Set it, and a rule that forbids what the new mask allows is switched off; the hand forbids the rest.
        """
        mask = np.ones(self._shape, np.bool_)
        for allowed in self._allowed_by().values():
            mask &= allowed
        mask.flags.writeable = False
        return mask

    @mask.setter
    def mask(self, mask: ArrayLike) -> None:
        wanted = _check_mask(mask, self._shape)
        rules = self._allowed_by()
        kept = {name for name, allowed in rules.items() if name in _SWITCHES and not np.any(wanted & ~allowed)}
        ruled = np.logical_and.reduce([np.ones(self._shape, np.bool_), *(rules[name] for name in kept)])
        with self.hold_sync():
            for name, switch in _SWITCHES.items():
                setattr(self, switch, name in kept)
            self.blocked = np.argwhere(ruled & ~wanted).tolist()

    @property
    def allowed(self) -> BoolArray:
        """Which pairs attend once the mask is read, shape (n_queries, n_keys): `mask`, or its complement."""
        return self.mask if self.polarity == "attend" else ~self.mask

    @property
    def masked_scores(self) -> FloatArray:
        """The scores as the softmax gets them, shape (n_queries, n_keys)."""
        return _masked_scores(self.scores, self.allowed, self.how, self.empty_row)

    @property
    def weights(self) -> FloatArray:
        """What the chosen way to mask gives, shape (n_queries, n_keys)."""
        if self.how == "zero_weights":
            return np.where(self.allowed, steps.softmax(self.scores), 0.0)
        naive = self.how == "minus_infinity" and self.empty_row == "nan"
        return _naive_softmax(self.masked_scores) if naive else steps.softmax(self.masked_scores)

    @property
    def row_sums(self) -> FloatArray:
        """The sum of each query's weights, shape (n_queries,): 1 where masking was done right."""
        sums: FloatArray = self.weights.sum(axis=-1)
        return sums

    def forbidden_by(self, query: int, key: int) -> list[str]:
        """Name the rules that forbid a pair: some of causal, padding, window and hand."""
        pair = self._check_row("scores", query), _check_index("key", key, self.n_keys)
        return [name for name, allowed in self._allowed_by().items() if not allowed[pair]]

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        forbidden = {name: ~allowed for name, allowed in self._allowed_by().items()}
        if self.polarity == "block":
            forbidden = {"True, read as blocked": self.mask}
        return plots.mask_board(
            self.scores, forbidden, self.weights, self.row_sums, tokens=self.tokens, key_tokens=self.key_tokens,
            caption=repr(self),
        )  # fmt: skip

    def __repr__(self) -> str:
        names = ", ".join(self._allowed_by()) or "no rule"
        read = "The" if self.polarity == "attend" else "Read with True = blocked, the"
        pairs = f"{int(self.allowed.sum())} of {self.allowed.size} pairs"
        sums = ", ".join(in_words(total) if np.isfinite(total) else "NaN" for total in self.row_sums)
        return f"{read} mask ({names}) lets {pairs} attend; {self._way_in_words()}, the rows sum to {sums}."

    def _way_in_words(self) -> str:
        if self.how == "zero_weights":
            return "with weight × 0 where forbidden"
        if self.how == "zero_scores":
            return "with score × 0 where forbidden"
        return f"with score {'−1e9' if self.empty_row == 'uniform' else '−∞'} where forbidden"

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.tokens), len(self.key_tokens)

    def _allowed_by(self) -> dict[str, BoolArray]:
        """Return what each rule that is switched on allows; the hand where it forbids anything."""
        n_queries, n_keys = self._shape
        rules: dict[str, BoolArray] = {}
        if self.is_causal:
            rules["causal"] = steps.causal_mask(n_queries, n_keys, offset=self.offset)
        if self.is_padded:
            rules["padding"] = np.broadcast_to(steps.padding_mask(self.length, n_keys), self._shape)
        if self.window is not None:
            rules["window"] = steps.sliding_window_mask(n_queries, n_keys, self.window, offset=self.offset)
        if self.blocked:
            rules["hand"] = np.ones(self._shape, np.bool_)
            rules["hand"][tuple(np.transpose(self.blocked))] = False
        return rules

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        return (0, self.n_keys, 1) if trait == "length" else super()._slider_range(trait)

    @traitlets.validate("score_rows")
    def _check_score_rows(self, proposal: Any) -> list[list[float]]:
        rows = np.asarray(proposal.value)
        if self.tokens and rows.shape != self._shape:
            raise ShapeError(
                f"scores of this board has shape {self._shape}, but you passed {rows.shape}. "
                "The number of tokens of a widget is fixed; make a new one for another number."
            )
        return list(proposal.value)

    @traitlets.validate("length")
    def _check_length(self, proposal: Any) -> int:
        if proposal.value > self.n_keys:
            raise OptionError(f"length must be between 0 and n_keys={self.n_keys}, but it is {proposal.value}.")
        return int(proposal.value)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int:
        return self._check_row("scores", proposal.value)

    @traitlets.validate("selected_key")
    def _check_selected_key(self, proposal: Any) -> int:
        return _check_index("selected_key", proposal.value, self.n_keys)

    @traitlets.validate("blocked")
    def _check_blocked(self, proposal: Any) -> list[list[int]]:
        pairs = [list(pair) for pair in proposal.value if isinstance(pair, list | tuple) and len(pair) == 2]
        if len(pairs) != len(proposal.value):
            raise OptionError(f"blocked must be pairs [query, key], but it is {proposal.value!r}.")
        checked = {(self._check_row("scores", i), _check_index("blocked keys", j, self.n_keys)) for i, j in pairs}
        return [list(pair) for pair in sorted(checked)]

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, CONTROLS)


_SWITCHES = {"causal": "is_causal", "padding": "is_padded", "window": "is_windowed"}
_STATE = (
    *_SWITCHES.values(), "offset", "length", "window_left", "window_right", "blocked", "how", "polarity", "empty_row",
)  # fmt: skip


def _check_scores(scores: ArrayLike) -> FloatArray:
    given = finite_array("scores", scores, ("n_queries", "n_keys"), largest=LARGEST_SCORE)
    if not all(FEWEST <= size <= MOST for size in given.shape):
        raise ShapeError(
            f"scores must be {FEWEST} to {MOST} queries by {FEWEST} to {MOST} keys, so that every cell has room for "
            f"its number, but it has shape {given.shape}."
        )
    return given


def _check_mask(mask: ArrayLike, shape: tuple[int, int]) -> BoolArray:
    given = np.asarray(mask)
    if given.dtype != np.bool_:
        raise DtypeError(f"mask must be bool, True = may attend, but it has dtype {given.dtype}.")
    if given.shape != shape:
        raise ShapeError(f"mask of this board has shape {shape}, but you passed {given.shape}.")
    return given


def _check_index(name: str, index: object, n_keys: int) -> int:
    number = require_integer(name, index)
    if not 0 <= number < n_keys:
        raise OptionError(f"{name} must be between 0 and {n_keys - 1}, but it is {number}.")
    return number


def _masked_scores(scores: FloatArray, allowed: BoolArray, how: str, empty_row: str) -> FloatArray:
    """Return the scores as the softmax gets them."""
    if how == "zero_weights":
        return scores
    if how == "zero_scores":
        return np.where(allowed, scores, 0.0)
    return np.where(allowed, scores, LARGE_NEGATIVE if empty_row == "uniform" else -np.inf)


def _naive_softmax(scores: FloatArray) -> FloatArray:
    """Softmax as it is often written: where all scores are -inf, the largest is too, and -inf - -inf is NaN."""
    with np.errstate(invalid="ignore"):
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights: FloatArray = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights
