"""All heads of a model at once, sorted by what they do: where does each look from one token? (lesson 11)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from course_lib import attention as steps
from course_lib import plots
from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray
from course_lib.widgets.base import LiveWidget, WholeNumber, check_tokens, in_words, quoted
from course_lib.widgets.given import finite_array
from course_lib.widgets.heads_example import TOKENS, example_weights
from course_lib.widgets.modules import join_modules, stylesheet

MOST_HEADS = 1024
MOST_SENTENCE = 32
MOST_SCORES = 4
AXES = ("n_layers", "n_heads", "seq_len", "seq_len")
_ROUNDING = 1e-3  # weights in float16 may be so far above 1
_LEVELS = 65535  # weights travel as whole numbers of 16 bits
_ROWS_OF_A_FIGURE = 16


class AllHeads(LiveWidget):
    """Show where every head of a model looks from one token, in one list that is sorted by a score.

    Pick a token: each line of the list is a head, and its cells say how much of each token it reads there. Pick a head:
    its weights stand under the tokens as numbers. A weight says where attention goes, not why.

    Parameters
    ----------
    weights : array_like, shape (n_layers, n_heads, seq_len, seq_len), optional
        Between 0 and 1; up to 1024 heads in all and 32 tokens. Where left out: four heads on one sentence.
    scores : mapping of str to array_like of shape (n_layers, n_heads), optional
        Up to four scores to sort by, each under its name. Where left out: how much each head looks at the token before.
    tokens : sequence of str, optional
        The names of the tokens; numbers where left out.
    selected : int, optional
        The token whose row is shown; the last one where left out.
    head : int, optional
        The head whose numbers are shown, counted through all layers: layer * n_heads + head. The first of the list
        where left out.
    sort_by : int
        Which score sorts the list, counted from 0; one more than the last score sorts by layer.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If `weights` or a score has other axes, there are too many heads, tokens or scores, or the tokens do not fit.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If a weight is not between 0 and 1, or an option none of those above.

    Examples
    --------
    >>> weights = [[[[1, 0], [1, 0]], [[1, 0], [0.25, 0.75]]]]
    >>> heads = AllHeads(weights, {"itself": [[0, 0.875]]}, tokens=["it", "rains"])
    >>> heads
    Layer 0 head 1, 1st of 2 by itself with 0.88: “rains” reads “rains” 75 %, “it” 25 %.
    >>> heads.head, heads.sort_by = 0, 1
    >>> heads
    Layer 0 head 0, 1st of 2 by layer: “rains” reads “it” 100 %, “rains” 0 %.
    """

    _esm = join_modules("all_heads.js")
    _css = stylesheet("all_heads.css")
    _slider_ranges: ClassVar = {
        "selected": (0, MOST_SENTENCE - 1, 1), "head": (0, MOST_HEADS - 1, 1), "sort_by": (0, MOST_SCORES, 1)
    }  # fmt: skip

    n_layers = traitlets.Int(1).tag(sync=True)
    n_heads = traitlets.Int(1).tag(sync=True)
    weights_data = traitlets.Bytes().tag(sync=True)  # whole numbers of 16 bits, little endian, in the order of AXES
    score_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    scores_data = traitlets.Bytes().tag(sync=True)  # float32, little endian: (n_scores, n_layers * n_heads)
    selected = WholeNumber(0, low=0, high=MOST_SENTENCE - 1).tag(sync=True)
    head = WholeNumber(0, low=0, high=MOST_HEADS - 1).tag(sync=True)
    sort_by = WholeNumber(0, low=0, high=MOST_SCORES).tag(sync=True)

    def __init__(
        self,
        weights: ArrayLike | None = None,
        scores: Mapping[str, ArrayLike] | None = None,
        *,
        tokens: Sequence[str] | None = None,
        selected: int | None = None,
        head: int | None = None,
        sort_by: int = 0,
        question: str = "",
    ) -> None:
        super().__init__()
        if weights is None:
            weights, tokens = example_weights()[np.newaxis], TOKENS if tokens is None else tokens
        given = _check_weights(weights)
        if scores is None:
            scores = {"previous token": steps.previous_token_score(given)} if given.shape[-1] > 1 else {}
        checked = _check_scores(scores, given.shape[:2])
        with self.hold_sync():
            self.n_layers, self.n_heads, n_tokens, _ = given.shape
            names = [str(index) for index in range(n_tokens)]
            self.tokens = names if tokens is None else check_tokens(tokens, n_tokens, of="queries")
            self.n_tokens = n_tokens
            self.weights_data = np.rint(np.clip(given, 0, 1) * _LEVELS).astype("<u2").tobytes()
            self.score_names = list(checked)
            self.scores_data = b"".join(np.asarray(score, "<f4").tobytes() for score in checked.values())
            self.sort_by, self.question = sort_by, question
            self.selected = n_tokens - 1 if selected is None else selected
            self.head = int(self.order[0]) if head is None else head

    @property
    def weights(self) -> FloatArray:
        """What every token reads in every head, shape (n_layers, n_heads, seq_len, seq_len), to 1 part in 65535."""
        n_tokens = len(self.tokens)
        shape = (self.n_layers, self.n_heads, n_tokens, n_tokens)
        return np.frombuffer(self.weights_data, "<u2").reshape(shape).astype(np.float32) / _LEVELS

    @property
    def scores(self) -> dict[str, FloatArray]:
        """The scores under their names, each of shape (n_layers, n_heads), float32."""
        shape = (len(self.score_names), self.n_layers, self.n_heads)
        return dict(zip(self.score_names, np.frombuffer(self.scores_data, "<f4").reshape(shape), strict=True))

    @property
    def order(self) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """The heads as they stand in the list, from the first to the last, counted through all layers."""
        if self.sort_by == len(self.score_names):
            return np.arange(self.n_layers * self.n_heads)
        return np.argsort(-self.scores[self.score_names[self.sort_by]], axis=None, kind="stable")

    def figure(self) -> plots.Picture:
        """Return the first lines of the list as a still matplotlib figure."""
        first = self.order[:_ROWS_OF_A_FIGURE]
        rows = self.weights.reshape(-1, *self.weights.shape[2:])[first, self.selected]
        labels = [self._called(int(head)) for head in first]
        if self.sort_by < len(self.score_names):
            score = self.scores[self.score_names[self.sort_by]].reshape(-1)
            labels = [f"{label}: {in_words(float(score[head]))}" for label, head in zip(labels, first, strict=True)]
        return plots.head_rows(
            rows, labels=labels, tokens=self.tokens, title=f"{quoted(self.tokens[self.selected])} reads",
            shown=next((at for at, head in enumerate(first) if head == self.head), None), caption=repr(self),
        )  # fmt: skip

    def __repr__(self) -> str:
        row = self.weights.reshape(-1, *self.weights.shape[2:])[self.head, self.selected]
        most = np.argsort(-row, kind="stable")[:3]
        parts = ", ".join(f"{quoted(self.tokens[place])} {100 * row[place]:.0f} %" for place in most)
        place = int(np.flatnonzero(self.order == self.head)[0]) + 1
        by = "layer"
        if self.sort_by < len(self.score_names):
            by = self.score_names[self.sort_by]
            by += f" with {in_words(float(self.scores[by].reshape(-1)[self.head]))}"
        called = self._called(self.head)
        return (
            f"{called[0].upper()}{called[1:]}, {_ordinal(place)} of {self.n_layers * self.n_heads} by {by}: "
            f"{quoted(self.tokens[self.selected])} reads {parts}."
        )

    def _called(self, head: int) -> str:
        return f"layer {head // self.n_heads} head {head % self.n_heads}"

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        places = {
            "selected": len(self.tokens), "head": self.n_layers * self.n_heads, "sort_by": len(self.score_names) + 1
        }  # fmt: skip
        return (0, max(places[trait] - 1, 1), 1) if trait in places else super()._slider_range(trait)

    @traitlets.validate("selected", "head", "sort_by")
    def _check_place(self, proposal: Any) -> int:
        name, place = proposal.trait.name, int(proposal.value)
        n_places = {
            "selected": len(self.tokens), "head": self.n_layers * self.n_heads, "sort_by": len(self.score_names) + 1
        }[name]  # fmt: skip
        if place >= n_places:
            raise OptionError(f"{name} must be between 0 and {n_places - 1}, but it is {place}.")
        return place


def _ordinal(place: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{'th' if 10 < place % 100 < 14 else ending}"


def _check_weights(weights: ArrayLike) -> FloatArray:
    given = finite_array("weights", weights, AXES, largest=np.inf)
    n_layers, n_heads, n_queries, n_keys = given.shape
    if n_queries != n_keys or n_keys > MOST_SENTENCE or n_layers * n_heads > MOST_HEADS:
        raise ShapeError(
            f"This widget shows up to {MOST_HEADS} heads in all on one text of up to {MOST_SENTENCE} tokens, with as "
            f"many keys as queries, but weights has shape {given.shape}."
        )
    wrong = given[(given < 0) | (given > 1 + _ROUNDING)]
    if wrong.size:
        raise OptionError(
            f"weights must lie between 0 and 1, but one is {wrong[0]:.4g}. "
            "Are these scores? softmax turns them into weights."
        )
    return given


def _check_scores(scores: Mapping[str, ArrayLike], shape: tuple[int, ...]) -> dict[str, FloatArray]:
    if len(scores) > MOST_SCORES:
        raise ShapeError(f"There may be {MOST_SCORES} scores to sort by, but there are {len(scores)}.")
    names = check_tokens(list(scores), len(scores), name="the names of scores", of="scores") if scores else []
    checked = {name: finite_array(f"score {name!r}", scores[name], AXES[:2], largest=np.inf) for name in names}
    for name, score in checked.items():
        if score.shape != shape:
            raise ShapeError(
                f"score {name!r} must have one number for each head, shape {shape}, but it has {score.shape}."
            )
    return checked
