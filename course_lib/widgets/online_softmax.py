"""Online softmax, block by block: the same answer without ever holding all scores (lesson 09)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from course_lib import attention as steps
from course_lib import plots
from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray
from course_lib.widgets.base import LARGEST_COMPONENT, LiveWidget, WholeNumber, component_traits, in_words
from course_lib.widgets.given import chosen, finite_array
from course_lib.widgets.modules import join_modules, stylesheet

CONTROLS = ("step", "block_size")
MOST_KEYS = 12
_MOST_COMPONENTS = 3
_SCORES = (1.0, 2.0, 0.5, 3.0, -1.0, 2.5, 0.0, 1.5)
_VALUE = ((1, 0), (0, 2), (2, 1), (3, 0), (0, 1), (1, 3), (2, 2), (0, 0))


class OnlineSoftmax(LiveWidget):
    """Go through one query's scores block by block, keeping only a maximum, a sum and a mixture of values.

    Where a block brings a larger score, what was summed so far is scaled down by ``exp(m_old - m_new)``. After the last
    block, mixture over sum is the output of ordinary softmax, whatever the size of the blocks.

    Parameters
    ----------
    scores : array_like, shape (n_keys,), optional
        2 to 12 scores of one query; an example where left out.
    value : array_like, shape (n_keys, d_v), optional
        The value of each key, d_v up to 3.
    block_size : int
        How many scores are looked at together.
    step : int, optional
        How many blocks have been read; None is before the first.
    tokens : sequence of str, optional
        The names of the keys; numbers where left out.
    controls : sequence of {"step", "block_size"}
        The controls above the picture.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If `scores` and `value` do not fit together or are too large to show.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If a number is not finite or out of range, or scores and values are not given together.

    Examples
    --------
    The second block brings a score larger by ln 2, so what the first one left counts half.

    >>> online = OnlineSoftmax([0, 0, np.log(2), np.log(2)], [[6], [0], [0], [3]], block_size=2, step=2)
    >>> online.factors
    array([0. , 0.5])
    >>> online.sums
    array([2., 3.])
    >>> online.outputs
    array([[3.],
           [2.]])
    >>> online
    After 2 of 2 blocks: maximum 0.69, sum 3.00, output (2.00); ordinary softmax gives (2.00).
    """

    _esm = join_modules("online_softmax.js")
    _css = stylesheet("online_softmax.css")
    _columns: ClassVar = {"scores": ()}
    _token_limits: ClassVar = (2, MOST_KEYS)
    _slider_ranges: ClassVar = {"step": (0.0, 12.0, 1.0), "block_size": (1.0, 12.0, 1.0)}

    locals().update(component_traits("scores", n_rows=MOST_KEYS, columns=()))  # scores_0, ... scores_11
    values: traitlets.List[list[float]] = traitlets.List(read_only=True).tag(sync=True)  # the rows of value
    block_size = WholeNumber(3, low=1, high=MOST_KEYS).tag(sync=True)
    step = WholeNumber(0, low=0, high=MOST_KEYS).tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS)).tag(sync=True)

    def __init__(
        self,
        scores: ArrayLike | None = None,
        value: ArrayLike | None = None,
        block_size: int = 3,
        *,
        step: int | None = None,
        tokens: Sequence[str] | None = None,
        controls: Sequence[str] = CONTROLS,
        question: str = "",
    ) -> None:
        super().__init__()
        if (scores is None) != (value is None):
            raise OptionError("Give scores and value together, or neither: each score belongs to one value.")
        given = _SCORES if scores is None else scores
        n_keys = len(finite_array("scores", given, ("n_keys",), largest=LARGEST_COMPONENT))
        with self.hold_sync(), self.hold_trait_notifications():
            self._set_tokens(tokens, n_keys)
            self.scores, self.value = given, _VALUE if value is None else value
            self.block_size, self.step = block_size, 0 if step is None else step
            self.controls, self.question = list(controls), question

    @property
    def scores(self) -> FloatArray:
        """The scores of the query, shape (n_keys,); set them and the picture moves."""
        return self._array("scores")

    @scores.setter
    def scores(self, array: ArrayLike) -> None:
        self._set_arrays(scores=array)

    @property
    def value(self) -> FloatArray:
        """The value of each key, shape (n_keys, d_v)."""
        return np.array(self.values, dtype=np.float64)

    @value.setter
    def value(self, array: ArrayLike) -> None:
        given = finite_array("value", array, ("n_keys", "d_v"), largest=LARGEST_COMPONENT)
        if len(given) != self.n_tokens or given.shape[1] > _MOST_COMPONENTS:
            raise ShapeError(
                f"value must have shape (n_keys={self.n_tokens}, d_v), d_v up to {_MOST_COMPONENTS}, "
                f"but it has {given.shape}."
            )
        self.set_trait("values", given.tolist())

    @property
    def n_blocks(self) -> int:
        """How many blocks the scores are cut into; the last one may be shorter."""
        return -(-int(self.n_tokens) // int(self.block_size))

    @property
    def maxima(self) -> FloatArray:
        """The largest score m up to and with each block, shape (n_blocks,)."""
        return np.array([self.scores[: block.stop].max() for block in self._blocks()])

    @property
    def factors(self) -> FloatArray:
        """What each block multiplies the earlier sums by, exp(m_old - m_new), shape (n_blocks,); 0 for the first."""
        before = np.concatenate([[-np.inf], self.maxima[:-1]])
        factors: FloatArray = np.exp(before - self.maxima)
        return factors

    @property
    def sums(self) -> FloatArray:
        """The sum l of exp(score - m) up to and with each block, shape (n_blocks,)."""
        return self._run()[0]

    @property
    def outputs(self) -> FloatArray:
        """Mixture over sum after each block, shape (n_blocks, d_v): attention to the keys read so far."""
        sums, mixed = self._run()
        return mixed / sums[:, np.newaxis]

    @property
    def output(self) -> FloatArray:
        """The output after the blocks that have been read, shape (d_v,); zeros before the first."""
        return self.outputs[self.step - 1] if self.step else np.zeros(self.value.shape[1])

    @property
    def ordinary(self) -> FloatArray:
        """The output of ordinary softmax over all scores, shape (d_v,)."""
        row = steps.weighted_sum(steps.softmax(self.scores[np.newaxis]), self.value)
        return row.reshape(-1)

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        return plots.online_softmax(
            self.scores, self.maxima, self.factors, self.sums, self.outputs, self.ordinary,
            block_size=self.block_size, step=self.step,
        )  # fmt: skip

    def __repr__(self) -> str:
        target = f"ordinary softmax gives {_said(self.ordinary)}"
        if self.step == 0:
            return f"{self.n_tokens} scores in blocks of {self.block_size}, none read yet; {target}."
        last = self.step - 1
        kept = f"maximum {in_words(self.maxima[last])}, sum {in_words(self.sums[last])}, output {_said(self.output)}"
        return f"After {self.step} of {self.n_blocks} blocks: {kept}; {target}."

    def _blocks(self) -> list[slice]:
        return [
            slice(first, min(first + self.block_size, self.n_tokens))
            for first in range(0, self.n_tokens, self.block_size)
        ]

    def _run(self) -> tuple[FloatArray, NDArray[np.float64]]:
        """Return sum and mixture after each block, shapes (n_blocks,) and (n_blocks, d_v)."""
        scores, value = self.scores, self.value
        total, mixed = 0.0, np.zeros(value.shape[1])
        sums, mixtures = [], []
        for block, maximum, factor in zip(self._blocks(), self.maxima, self.factors, strict=True):
            exponentials = np.exp(scores[block] - maximum)
            total = factor * total + exponentials.sum()
            mixed = factor * mixed + exponentials @ value[block]
            sums.append(total)
            mixtures.append(mixed)
        return np.array(sums), np.array(mixtures)

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        if trait == "block_size":
            return (1.0, float(self.n_tokens), 1.0)
        if trait == "step":
            return (0.0, float(self.n_blocks), 1.0)
        return (-5.0, 5.0, 0.05)

    def _default_sliders(self) -> tuple[str | int, ...]:
        return ("block_size", "step")

    @traitlets.validate("block_size")
    def _check_block_size(self, proposal: Any) -> int:
        if proposal.value > self.n_tokens:
            raise OptionError(f"block_size must be between 1 and {self.n_tokens}, but it is {proposal.value}.")
        return int(proposal.value)

    @traitlets.validate("step")
    def _check_step(self, proposal: Any) -> int:
        if proposal.value > self.n_blocks:
            raise OptionError(
                f"step must be between 0 and {self.n_blocks}, the blocks there are, but it is {proposal.value}."
            )
        return int(proposal.value)

    @traitlets.observe("block_size")
    def _stay_among_blocks(self, change: Any) -> None:
        self.step = min(self.step, self.n_blocks)

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        return chosen("controls", proposal.value, CONTROLS)


def _said(vector: FloatArray) -> str:
    return f"({', '.join(in_words(float(number)) for number in vector)})"
