"""Heads: what each of several heads looks for in one sentence, as maps and as lines between tokens (lesson 07)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from course_lib import attention as steps
from course_lib import plots
from course_lib.attention.masks import Window
from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray
from course_lib.widgets.base import LiveWidget, WholeNumber, check_tokens, quoted
from course_lib.widgets.given import chosen, finite_array
from course_lib.widgets.heads_example import N_HEADS, TOKENS, example_weights
from course_lib.widgets.modules import join_modules, stylesheet

MOST_HEADS = 16  # more small maps than that are too small to tell apart
MOST_SENTENCE = 32  # more tokens than that do not fit under each other on one page
CONTROLS = ("all_heads", "measures")
DIRECTIONS = ("reads", "read_by")
AXES = ("n_heads", "n_queries", "n_keys")
_ROUNDING = 1e-3  # weights in float16 may be so far above 1
_NAMES = ("previous token", "same word", "first token", "noun of “it”")


class _Direction(traitlets.Unicode[str, Any]):
    """What a token reads, or who reads it."""

    def validate(self, obj: Any, value: Any) -> str:
        if not isinstance(value, str) or value not in DIRECTIONS:
            raise OptionError(f"direction must be one of {', '.join(DIRECTIONS)}, but it is {value!r}.")
        return value


class Heads(LiveWidget):
    """Show the attention weights of several heads: small maps of all, a large one of one, and lines between tokens.

    Pick a token on the left and see what its output is mixed from; pick one on the right and see who reads it. The
    weights are data, shown in float32. A weight says where attention goes, not why.

    Parameters
    ----------
    weights : array_like, shape (n_heads, n_queries, n_keys), optional
        Between 0 and 1; 1 to 16 heads, 1 to 32 tokens on a side. Where left out: four heads on one sentence, which
        look for the previous token, the same word, the first token, and the noun that "it" refers to.
    tokens : sequence of str, optional
        The names of the queries; numbers where left out.
    key_tokens : sequence of str, optional
        The names of the keys in cross-attention. None means those of the queries where there are as many, else
        numbers.
    names : sequence of str, optional
        What each head is called; ``head 0``, ``head 1``, ... where left out.
    head : int, optional
        The head that is shown large.
    selected : int, optional
        The query whose lines are shown.
    selected_key : int
        The key whose lines are shown in the other direction.
    direction : {"reads", "read_by"}
        Lines from the selected query to what it reads, or from the selected key to those who read it.
    all_heads : bool
        Lay the lines of all heads over each other, each with its own dashes and its number.
    measures : bool
        Write the mean distance of each head and the entropy of its selected row under its map.
    controls : sequence of {"all_heads", "measures"}
        The switches above the picture.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If `weights` has other axes or too many heads or tokens, or the names do not fit it.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If a weight is not between 0 and 1, or an option none of those above.

    Examples
    --------
    >>> heads = Heads([[[1, 0], [1, 0]], [[0.25, 0.75], [0, 1]]], tokens=["it", "rains"], selected=1)
    >>> heads
    Head 0 of 2: “rains” reads “it” 100 %, “rains” 0 %.
    >>> heads.head, heads.selected = 1, 0
    >>> heads
    Head 1 of 2: “it” reads “rains” 75 %, “it” 25 %.
    """

    _esm = join_modules("heads.js")
    _css = stylesheet("heads.css")
    _slider_ranges: ClassVar = {
        "head": (0, MOST_HEADS - 1, 1), "selected": (0, MOST_SENTENCE - 1, 1),
        "selected_key": (0, MOST_SENTENCE - 1, 1),
    }  # fmt: skip

    key_tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    weights_data = traitlets.Bytes().tag(sync=True)  # float32, little endian, in the order of AXES
    entropy_data = traitlets.Bytes().tag(sync=True)  # float32, little endian: (n_heads, n_queries)
    distances: traitlets.List[float] = traitlets.List().tag(sync=True)  # none where queries and keys are other tokens
    head = WholeNumber(0, low=0, high=MOST_HEADS - 1).tag(sync=True)
    selected = WholeNumber(0, low=0, high=MOST_SENTENCE - 1).tag(sync=True)
    selected_key = WholeNumber(0, low=0, high=MOST_SENTENCE - 1).tag(sync=True)
    direction = _Direction(DIRECTIONS[0]).tag(sync=True)
    all_heads = traitlets.Bool(False).tag(sync=True)
    measures = traitlets.Bool(True).tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS)).tag(sync=True)

    def __init__(
        self,
        weights: ArrayLike | None = None,
        *,
        tokens: Sequence[str] | None = None,
        key_tokens: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
        head: int | None = None,
        selected: int | None = None,
        selected_key: int = 0,
        direction: str = "reads",
        all_heads: bool = False,
        measures: bool = True,
        controls: Sequence[str] = CONTROLS,
        question: str = "",
    ) -> None:
        super().__init__()
        if weights is None:
            weights, tokens = example_weights(), TOKENS if tokens is None else tokens
            names, head = _NAMES if names is None else names, N_HEADS - 1 if head is None else head
            selected = TOKENS.index("it") if selected is None else selected
        given = _check_weights(weights)
        with self.hold_sync():
            self._name(given.shape, tokens, key_tokens, names)
            self.weights = given
            self.head, self.selected, self.selected_key = head or 0, selected or 0, selected_key
            self.direction, self.all_heads, self.measures = direction, all_heads, measures
            self.controls, self.question = list(controls), question

    @classmethod
    def from_projections(
        cls,
        x: ArrayLike,
        w_query: ArrayLike,
        w_key: ArrayLike,
        n_heads: int,
        *,
        memory: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        is_causal: bool = False,
        offset: int = 0,
        window: Window | None = None,
        scale: float | None = None,
        **shown: Any,
    ) -> "Heads":
        """Show the heads of multi-head attention: their weights are computed from the tokens and two maps.

        Parameters
        ----------
        x : array_like, shape (n_queries, d_model)
        w_query, w_key : array_like, shape (d_model, n_heads * d_k)
        n_heads : int
        memory : array_like, shape (n_keys, d_model of the memory), optional
            The tokens that are asked, for cross-attention; None means `x` itself.
        mask, is_causal, offset, window, scale
            As in `course_lib.attention.attention_weights`.
        **shown
            Keywords of `Heads`, such as `tokens`.

        Returns
        -------
        Heads

        Raises
        ------
        CourseError
            As `project`, `split_heads`, `attention_weights` and `Heads` do.
        """
        asked = x if memory is None else memory
        query = steps.split_heads(steps.project(x, w_query), n_heads)
        key = steps.split_heads(steps.project(asked, w_key), n_heads)
        weights = steps.attention_weights(
            query, key, mask=mask, is_causal=is_causal, offset=offset, window=window, scale=scale
        )
        return cls(weights, **shown)

    def _name(
        self,
        shape: tuple[int, ...],
        tokens: Sequence[str] | None,
        key_tokens: Sequence[str] | None,
        names: Sequence[str] | None,
    ) -> None:
        n_heads, n_queries, n_keys = shape
        numbers = [str(index) for index in range(max(shape))]
        self.tokens = numbers[:n_queries] if tokens is None else check_tokens(tokens, n_queries, of="queries")
        if key_tokens is None:
            self.key_tokens = self.tokens if n_queries == n_keys else numbers[:n_keys]
        else:
            self.key_tokens = check_tokens(key_tokens, n_keys, name="key_tokens", of="keys")
        usual = [f"head {index}" for index in range(n_heads)]
        self.names = usual if names is None else check_tokens(names, n_heads, name="names", of="heads")
        self.n_tokens = n_queries

    @property
    def weights(self) -> FloatArray:
        """What each query of each head attends to, shape (n_heads, n_queries, n_keys), float32; set it to change it."""
        return np.frombuffer(self.weights_data, "<f4").reshape(self._shape)

    @weights.setter
    def weights(self, weights: ArrayLike) -> None:
        given = _check_weights(weights)
        if given.shape != self._shape:
            raise ShapeError(
                f"weights of this widget has shape {self._shape}, but you passed {given.shape}. "
                "The number of heads and tokens of a widget is fixed; make a new one for others."
            )
        with self.hold_sync():
            self.weights_data = given.astype("<f4").tobytes()
            self.entropy_data = self.entropy.astype("<f4").tobytes()
            is_one_sentence = self.tokens == self.key_tokens
            self.distances = self.mean_distance.tolist() if is_one_sentence else []

    @property
    def entropy(self) -> FloatArray:
        """How spread out each row is, in nats, shape (n_heads, n_queries)."""
        return steps.attention_entropy(self.weights)

    @property
    def mean_distance(self) -> FloatArray:
        """How far each head looks, in tokens, shape (n_heads,); it means something within one sentence only."""
        return steps.mean_attention_distance(self.weights)

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        return plots.heads(
            self.weights, tokens=self.tokens, key_tokens=self.key_tokens, names=self.names, head=self.head,
            query=self.selected if self.direction == "reads" else None,
            key=self.selected_key if self.direction == "read_by" else None, caption=repr(self),
        )  # fmt: skip

    def __repr__(self) -> str:
        weights = self.weights[self.head]
        if self.direction == "reads":
            name, verb, others, row = self.tokens[self.selected], "reads", self.key_tokens, weights[self.selected]
        else:
            name, verb, others = self.key_tokens[self.selected_key], "is read by", self.tokens
            row = weights[:, self.selected_key]
        most = np.argsort(-row, kind="stable")[:3]
        parts = ", ".join(f"{quoted(others[place])} {100 * row[place]:.0f} %" for place in most)
        usual = f"head {self.head}"
        called = f"Head {self.head}" + (f" ({self.names[self.head]})" if self.names[self.head] != usual else "")
        return f"{called} of {len(self.names)}: {quoted(name)} {verb} {parts}."

    @property
    def _shape(self) -> tuple[int, int, int]:
        return len(self.names), len(self.tokens), len(self.key_tokens)

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        sizes = dict(zip(("head", "selected", "selected_key"), self._shape, strict=True))
        return (0, max(sizes[trait] - 1, 1), 1) if trait in sizes else super()._slider_range(trait)

    @traitlets.validate("weights_data")
    def _check_weights_data(self, proposal: Any) -> bytes:
        expected = 4 * int(np.prod(self._shape))
        if len(proposal.value) != expected:
            raise ShapeError(f"weights_data must be {expected} bytes of float32, but there are {len(proposal.value)}.")
        return bytes(proposal.value)

    @traitlets.validate("head", "selected", "selected_key")
    def _check_place(self, proposal: Any) -> int:
        name, place = proposal.trait.name, int(proposal.value)
        n_places = dict(zip(("head", "selected", "selected_key"), self._shape, strict=True))[name]
        if place >= n_places:
            raise OptionError(f"{name} must be between 0 and {n_places - 1}, but it is {place}.")
        return place

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, CONTROLS)


def _check_weights(weights: ArrayLike) -> FloatArray:
    given = finite_array("weights", weights, AXES, largest=np.inf)
    n_heads, *sides = given.shape
    if n_heads > MOST_HEADS or max(sides) > MOST_SENTENCE:
        raise ShapeError(
            f"This widget shows up to {MOST_HEADS} heads and {MOST_SENTENCE} tokens on a side, but weights has shape "
            f"{given.shape}. Show some of them: weights[:{MOST_HEADS}, :{MOST_SENTENCE}, :{MOST_SENTENCE}]."
        )
    wrong = given[(given < 0) | (given > 1 + _ROUNDING)]
    if wrong.size:
        raise OptionError(
            f"weights must lie between 0 and 1, but one is {wrong[0]:.4g}. "
            "Are these scores? softmax turns them into weights."
        )
    return given
