"""Training: go back and forth in a training run, and see what each head attends to at every step (lesson 10)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from course_lib import attention as measures
from course_lib import plots
from course_lib.errors import OptionError, ShapeError
from course_lib.shapes import FloatArray
from course_lib.widgets.base import LiveWidget, Number, check_tokens, in_words
from course_lib.widgets.modules import join_modules, stylesheet
from course_lib.widgets.recorded import (
    LAST_STEP,
    MOST_CURVES,
    MOST_METRICS,
    Packed,
    check_curves,
    check_maps,
    check_metrics,
    check_steps,
    last_measured,
)
from course_lib.widgets.training_example import QUESTION, example_run

CONTROLS = ("play", "step", "log")


class Training(LiveWidget):
    """Scrub a training run: its losses as curves and, at the step in hand, the attention map of each head.

    The run is data and stays as it was given; `step` moves, by hand, by `sliders()` or from Python. `loss`, `accuracy`,
    `weights` and `metrics` are what was recorded at this step. On the page losses and metrics are float32, and weights
    are one byte each, so a colour or number there is off by at most 1/510; the arrays here are exact.

    Without a run of your own it shows a real one of two heads, trained in a fraction of a second when one is
    first made (see `training_example`).

    Parameters
    ----------
    steps : array_like of int, shape (n_steps,), optional
        The steps at which losses were recorded, rising; 2 to 10 000 of them.
    losses : mapping of str to array_like, shape (n_steps,), optional
        1 to 4 curves, such as training and held-out; nan where nothing was measured.
    weights : array_like, shape (n_snapshots, n_heads, n_queries, n_keys), optional
        What the heads attended to; at most 200 snapshots, 8 heads, 24 tokens on a side, so that the page holds at most
        1 MB of them.
    weight_steps : array_like of int, shape (n_snapshots,), optional
        The steps of the snapshots; `steps` where left out.
    tokens : sequence of str, optional
        The names of the keys, and of the queries where there are as many; numbers where left out.
    query_tokens : sequence of str, optional
        The names of the queries.
    metrics : mapping of str to array_like, shape (n_snapshots, n_heads), optional
        Up to 3 numbers for each head. Where left out: its mean attention distance and its mean entropy.
    accuracy : mapping of str to array_like, shape (n_steps,), optional
        For some of the curves, the part that was right, 0 to 1; nan where nothing was measured.
    step : int, optional
        Where to begin; the first step where left out.
    log_scale : bool
        Whether the losses are drawn on a logarithmic axis; all must be above 0.
    controls : sequence of {"play", "step", "log"}
        The controls above the picture.
    question : str
        One line above the picture.

    Raises
    ------
    ShapeError
        If an array has other axes or another length, or is larger than can be shown.
    DtypeError
        If something that must be a number or a word is not.
    OptionError
        If steps do not rise, a loss is infinite, a weight is not between 0 and 1, or a name or option does not exist.

    Examples
    --------
    >>> training = Training([0, 10, 20], {"training": [1.5, 0.5, 0.25], "held-out": [1.5, 1, 1.25]}, step=10)
    >>> training.loss
    {'training': 0.5, 'held-out': 1.0}
    >>> training
    At step 10 of 0 to 20 the training loss is 0.50, the held-out loss 1.00.
    """

    _esm = join_modules("training.js")
    _css = stylesheet("chart.css", "training.css")
    _slider_ranges: ClassVar = {"step": (0.0, 1.0, 1.0)}  # of one run: see `_slider_range`

    step = Number(0.0, low=0.0, high=LAST_STEP).tag(sync=True)
    log_scale = traitlets.Bool(False).tag(sync=True)
    controls = traitlets.List(traitlets.Unicode(), list(CONTROLS)).tag(sync=True)
    query_tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    curves = traitlets.List(traitlets.Unicode()).tag(sync=True)
    measured = traitlets.List(traitlets.Unicode()).tag(sync=True)  # which curves have an accuracy
    metric_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    n_heads = traitlets.Int(0).tag(sync=True)
    # Little endian: int32, float32 (n_curves, n_steps), the same for accuracy, int32, uint8, float32 (n_metrics, ...).
    steps_data = traitlets.Bytes(b"").tag(sync=True)
    losses_data = traitlets.Bytes(b"").tag(sync=True)
    accuracy_data = traitlets.Bytes(b"").tag(sync=True)
    weight_steps_data = traitlets.Bytes(b"").tag(sync=True)
    weights_data = traitlets.Bytes(b"").tag(sync=True)
    metrics_data = traitlets.Bytes(b"").tag(sync=True)

    def __init__(
        self,
        steps: ArrayLike | None = None,
        losses: Mapping[str, ArrayLike] | None = None,
        weights: ArrayLike | None = None,
        *,
        weight_steps: ArrayLike | None = None,
        tokens: Sequence[str] | None = None,
        query_tokens: Sequence[str] | None = None,
        metrics: Mapping[str, ArrayLike] | None = None,
        accuracy: Mapping[str, ArrayLike] | None = None,
        step: float | None = None,
        log_scale: bool = False,
        controls: Sequence[str] = CONTROLS,
        question: str = "",
    ) -> None:
        super().__init__()
        if (steps is None) != (losses is None):
            raise OptionError("Give steps and losses together, or neither of them.")
        if steps is None or losses is None:
            if weights is not None:
                raise OptionError("weights belong to a run: give its steps and losses, too.")
            run = example_run()
            steps, losses, weights, accuracy = run.steps, run.losses, run.weights, run.accuracy
            tokens = run.tokens if tokens is None else tokens
            question = question or QUESTION
        self._steps = check_steps("steps", steps, fewest=2)
        self._losses = check_curves("losses", losses, len(self._steps), most=MOST_CURVES)
        self._accuracy = check_curves("accuracy", accuracy or {}, len(self._steps), most=MOST_CURVES, within=(0.0, 1.0))
        if strangers := [name for name in self._accuracy if name not in self._losses]:
            raise OptionError(f"accuracy must be of {', '.join(self._losses)}, but there is one of {strangers[0]!r}.")
        self._weights: FloatArray | None = None
        self._weight_steps = self._steps[:0]
        self._metrics: dict[str, FloatArray] = {}
        if weights is not None:
            self._take_weights(weights, weight_steps, metrics)
        elif weight_steps is not None or metrics or tokens is not None:
            raise OptionError("weight_steps, metrics and tokens belong to weights, which are missing.")
        with self.hold_sync():
            self._name_tokens(tokens, query_tokens)
            self._pack()
            self.step = float(self._steps[0]) if step is None else step
            self.log_scale, self.controls, self.question = log_scale, list(controls), question

    def _take_weights(
        self, weights: ArrayLike, weight_steps: ArrayLike | None, metrics: Mapping[str, ArrayLike] | None
    ) -> None:
        maps = check_maps(weights)
        self._weights = maps
        self._weight_steps = (
            self._steps if weight_steps is None else check_steps("weight_steps", weight_steps, fewest=1)
        )
        if len(self._weight_steps) != len(maps):
            raise ShapeError(
                f"weights has {len(maps)} snapshots, but {'steps' if weight_steps is None else 'weight_steps'} has "
                f"{len(self._weight_steps)}. Give weight_steps, the step of each snapshot."
            )
        if metrics is None:
            metrics = {
                "distance": measures.mean_attention_distance(maps),
                "entropy": measures.attention_entropy(maps).mean(axis=-1),
            }
        self._metrics = check_metrics(metrics, maps.shape[:2], most=MOST_METRICS)

    def _name_tokens(self, tokens: Sequence[str] | None, query_tokens: Sequence[str] | None) -> None:
        n_queries, n_keys = (0, 0) if self._weights is None else self._weights.shape[-2:]
        if query_tokens is None and n_queries == n_keys:
            query_tokens = tokens
        for name, given, size, of in (
            ("tokens", tokens, n_keys, "keys"), ("query_tokens", query_tokens, n_queries, "queries"),
        ):  # fmt: skip
            names = [str(index) for index in range(size)]
            setattr(self, name, names if given is None else check_tokens(given, size, name=name, of=of))
        self.n_tokens = n_keys

    def _pack(self) -> None:
        """Hand the run to the page; it is data, and never changes again."""
        self.curves, self.measured, self.metric_names = list(self._losses), list(self._accuracy), list(self._metrics)
        self.steps_data, self.weight_steps_data = Packed.integers(self._steps), Packed.integers(self._weight_steps)
        self.losses_data = Packed.floats(self._losses.values())
        self.accuracy_data = Packed.floats(self._accuracy.values())
        self.metrics_data = Packed.floats(self._metrics.values())
        if self._weights is not None:
            self.n_heads = self._weights.shape[1]
            self.weights_data = Packed.shares(self._weights)

    @property
    def steps(self) -> NDArray[np.int64]:
        """The steps at which losses were recorded, shape (n_steps,)."""
        return self._steps

    @property
    def losses(self) -> dict[str, FloatArray]:
        """The curves by name, each of shape (n_steps,)."""
        return dict(self._losses)

    @property
    def position(self) -> int:
        """The place of the recorded step that is nearest to `step`."""
        return int(np.argmin(np.abs(self._steps - self.step)))

    @property
    def loss(self) -> dict[str, float]:
        """Each loss at this step, or when it was last measured before; nan where it never was."""
        return {name: last_measured(curve, self.position) for name, curve in self._losses.items()}

    @property
    def accuracy(self) -> dict[str, float]:
        """Each accuracy at this step, or when it was last measured before."""
        return {name: last_measured(curve, self.position) for name, curve in self._accuracy.items()}

    @property
    def snapshot(self) -> int:
        """The place of the last snapshot that is not after this step; the first one before there is any."""
        return max(int(np.searchsorted(self._weight_steps, self._steps[self.position], side="right")) - 1, 0)

    @property
    def weights(self) -> FloatArray:
        """What each head attends to at this step, shape (n_heads, n_queries, n_keys)."""
        if self._weights is None:
            raise OptionError("This run was recorded without weights.")
        present: FloatArray = self._weights[self.snapshot]
        return present

    @property
    def metrics(self) -> dict[str, FloatArray]:
        """The numbers of each head at this step, each of shape (n_heads,)."""
        return {name: numbers[self.snapshot] for name, numbers in self._metrics.items()}

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        shown = self._weights is not None
        return plots.training(
            self._steps, self._losses, float(self._steps[self.position]), self.weights if shown else None,
            weight_step=int(self._weight_steps[self.snapshot]) if shown else None, tokens=self.tokens,
            query_tokens=self.query_tokens, metrics=self.metrics, log_scale=self.log_scale, caption=repr(self),
        )  # fmt: skip

    def __repr__(self) -> str:
        said = [
            f"{'the ' if place == 0 else ''}{name} loss {'is ' if place == 0 else ''}{_loss_text(loss)}"
            + (f" ({100 * self.accuracy[name]:.0f} % right)" if np.isfinite(self.accuracy.get(name, np.nan)) else "")
            for place, (name, loss) in enumerate(self.loss.items())
        ]
        said[1:] = [f"the {one}" for one in said[1:]]
        heads = ""
        if self._weights is not None and self._metrics:
            name, numbers = next(iter(self.metrics.items()))
            heads = f"; the heads' {name} is {', '.join(in_words(float(number)) for number in numbers)}"
        first, last = self._steps[0], self._steps[-1]
        return f"At step {self._steps[self.position]} of {first} to {last} {', '.join(said)}{heads}."

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        return float(self._steps[0]), float(self._steps[-1]), float(np.diff(self._steps).min())

    @traitlets.validate("step")
    def _check_step(self, proposal: Any) -> float:
        first, last = self._steps[0], self._steps[-1]
        if not first <= proposal.value <= last:
            raise OptionError(f"step must be between {first} and {last}, but it is {proposal.value:g}.")
        return float(proposal.value)

    @traitlets.validate("log_scale")
    def _check_log_scale(self, proposal: Any) -> bool:
        lowest = min(float(np.nanmin(curve)) for curve in self._losses.values())
        if proposal.value and lowest <= 0:
            raise OptionError(f"log_scale needs losses above 0, but one of them is {lowest:g}.")
        return bool(proposal.value)

    @traitlets.validate("controls")
    def _check_controls(self, proposal: Any) -> list[str]:
        if strangers := [control for control in proposal.value if control not in CONTROLS]:
            raise OptionError(f"controls must name some of {', '.join(CONTROLS)}, but it has {strangers[0]!r}.")
        return [control for control in CONTROLS if control in proposal.value]


def _loss_text(loss: float) -> str:
    return "not measured yet" if np.isnan(loss) else in_words(loss) if loss >= 0.005 or loss <= 0 else f"{loss:.1e}"
