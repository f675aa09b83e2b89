"""Training: step by step, the same for the same seed, stopped and resumed without a difference."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from course_lib.attention import head_diversity, mean_attention_distance
from course_lib.attention.threads import products_on_one_processor
from course_lib.errors import OptionError
from course_lib.models.agreement import SENTENCE_LENGTH, WORDS, Sentences, share_right
from course_lib.models.checkpoint import Arrays, read, store
from course_lib.models.layers import cross_entropy
from course_lib.models.optimizer import AdamW
from course_lib.models.transformer import Regularization, Transformer, TransformerConfig
from course_lib.shapes import FloatArray, require_integer

Report = Callable[[int, int], None]

_FIRST_PARAMETERS, _STEP = 0, 1  # what a random generator is for: each purpose, and each step, has one of its own


@dataclass(frozen=True)
class TrainingOptions:
    """How to train.

    Attributes
    ----------
    n_steps : int
    batch_size : int
        Sentences a step.
    learning_rate, weight_decay : float
        As in `AdamW`.
    regularization : Regularization
    seed : int
        Decides the first parameters, the batches and the dropout.
    record_every : int
        Steps between two records.
    """

    n_steps: int = 1600
    batch_size: int = 50
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    regularization: Regularization = field(default_factory=Regularization)
    seed: int = 0
    record_every: int = 50

    def __post_init__(self) -> None:
        for name in ("n_steps", "batch_size", "record_every"):
            require_integer(name, getattr(self, name), minimum=1)
        require_integer("seed", self.seed, minimum=0)


@dataclass(frozen=True)
class Record:
    """What was measured at one step.

    Attributes
    ----------
    step : int
    training_loss, held_out_loss : float
        Cross-entropy in nats, without dropout.
    training_accuracy, held_out_accuracy : float
        The share of sentences that go on with the right verb.
    attention_distance : ndarray, shape (n_layers, n_heads)
        How far the gap looks, in tokens: the mean over the held-out sentences.
    diversity : ndarray, shape (n_layers,)
        `head_diversity` of the gap's weights: the mean over the held-out sentences.
    weights : ndarray, shape (n_layers, n_heads, seq_len, seq_len)
        The attention weights on the first held-out sentence.
    """

    step: int
    training_loss: float
    held_out_loss: float
    training_accuracy: float
    held_out_accuracy: float
    attention_distance: FloatArray
    diversity: FloatArray
    weights: FloatArray


class TrainingRun:
    """A transformer on its way through the agreement task.

    Parameters
    ----------
    sentences : Sentences
        To learn from.
    held_out : Sentences
        Never learned from; every record measures on them.
    options : TrainingOptions
    config : TransformerConfig, optional
        None means one layer of 4 heads, d_model 32.

    Attributes
    ----------
    model : Transformer
    n_done : int
        The steps that have been taken.
    records : list of Record
        One at step 0, then one every `record_every` steps and one at the end.

    Examples
    --------
    >>> from course_lib.models import draw_sentences
    >>> some, others = (draw_sentences(20, agreement=0.9, rng=np.random.default_rng(seed)) for seed in (0, 1))
    >>> training = TrainingRun(some, others, TrainingOptions(n_steps=3, record_every=2))
    >>> training.run()
    >>> [record.step for record in training.records]
    [0, 2, 3]
    """

    def __init__(
        self,
        sentences: Sentences,
        held_out: Sentences,
        options: TrainingOptions,
        config: TransformerConfig | None = None,
    ) -> None:
        config = config or TransformerConfig(vocabulary_size=len(WORDS), n_layers=1)
        if config.vocabulary_size != len(WORDS):
            raise OptionError(f"vocabulary_size must be {len(WORDS)}, one for each word, not {config.vocabulary_size}.")
        self.sentences, self.held_out, self.options = sentences, held_out, options
        self.model = Transformer(config, np.random.default_rng((options.seed, _FIRST_PARAMETERS)))
        self._optimizer = AdamW(
            self.model.parameters, learning_rate=options.learning_rate, weight_decay=options.weight_decay
        )
        self.records: list[Record] = []

    @property
    def n_done(self) -> int:
        """The number of steps that have been taken."""
        return self._optimizer.n_steps

    def run(self, n_steps: int | None = None, *, report: Report | None = None) -> None:
        """Take steps, up to the end or `n_steps` more.

        Interrupt it at any time: no step is left half-done, and calling it again goes on as if nothing had happened.

        Parameters
        ----------
        n_steps : int, optional
            None means all that are left.
        report : callable, optional
            ``report(done, all)`` is called after every step, for a progress bar such as `ProgressBar`.
        """
        left = self.options.n_steps - self.n_done
        end = self.n_done + (left if n_steps is None else min(left, require_integer("n_steps", n_steps, minimum=1)))
        with products_on_one_processor():  # the arrays are small: threads would wait for each other more than help
            while True:
                self._record_if_due()
                if self.n_done >= end:
                    return
                self._step()
                if report is not None:
                    report(self.n_done, self.options.n_steps)

    def _step(self) -> None:
        """Take one step; its own generator makes it the same whether or not the training was interrupted before it."""
        rng = np.random.default_rng((self.options.seed, _STEP, self.n_done))
        batch = rng.integers(len(self.sentences), size=self.options.batch_size)
        _, gradients = self.model.loss_and_gradients(
            self.sentences.tokens[batch], self.sentences.targets[batch],
            regularization=self.options.regularization, rng=rng,
        )  # fmt: skip
        with _uninterrupted():
            self._optimizer.step(gradients)

    def _record_if_due(self) -> None:
        last = self.records[-1].step if self.records else -1
        is_due = self.n_done % self.options.record_every == 0 or self.n_done == self.options.n_steps
        if is_due and last < self.n_done:
            self.records.append(self._measure())

    def _measure(self) -> Record:
        seen, new = self.model.forward(self.sentences.tokens), self.model.forward(self.held_out.tokens)
        at_gap = np.stack([weights[:, :, -1:, :] for weights in new.weights])
        distance = mean_attention_distance(at_gap, offset=SENTENCE_LENGTH - 1).mean(axis=1)
        diversity = head_diversity(at_gap).mean(axis=1) if at_gap.shape[2] > 1 else np.zeros(len(at_gap))
        return Record(
            self.n_done,
            cross_entropy(seen.logits, self.sentences.targets)[0],
            cross_entropy(new.logits, self.held_out.targets)[0],
            share_right(seen.logits, self.sentences),
            share_right(new.logits, self.held_out),
            distance,
            diversity,
            np.stack([weights[0] for weights in new.weights]),
        )

    def save(self, path: str | Path) -> None:
        """Store everything that is needed to go on; a file that is there is replaced only by a complete one.

        Raises
        ------
        CourseError
            If the file cannot be written.
        """
        optimizer = self._optimizer
        about = {"n_done": self.n_done, "options": asdict(self.options), "config": asdict(self.model.config)}
        named = {"parameter": self.model.parameters, "mean": optimizer.means, "square": optimizer.squares}
        arrays: Arrays = {f"{kind}/{name}": array for kind, some in named.items() for name, array in some.items()}
        for kind, sentences in (("sentences", self.sentences), ("held_out", self.held_out)):
            arrays |= {f"{kind}/tokens": sentences.tokens, f"{kind}/targets": sentences.targets}
        for measured in fields(Record):
            arrays[f"records/{measured.name}"] = np.array([getattr(record, measured.name) for record in self.records])
        store(path, about, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "TrainingRun":
        """Return a training as it was stored.

        Raises
        ------
        CourseError
            If the file is not there, is damaged, or was stored by another version of the course.
        """
        about, arrays = read(path)
        options, config = about["options"], TransformerConfig(**about["config"])
        options["regularization"] = Regularization(**options["regularization"])
        sentences, held_out = (
            Sentences(arrays[f"{kind}/tokens"], arrays[f"{kind}/targets"]) for kind in ("sentences", "held_out")
        )
        training = cls(sentences, held_out, TrainingOptions(**options), config)
        parameters, means, squares = (
            {name: arrays[f"{kind}/{name}"] for name in training.model.parameters}
            for kind in ("parameter", "mean", "square")
        )
        training.model.parameters.update(parameters)
        training._optimizer.restore(about["n_done"], means, squares)
        columns = [arrays[f"records/{measured.name}"] for measured in fields(Record)]
        for step, loss, held_out_loss, accuracy, held_out_accuracy, *measures in zip(*columns, strict=True):
            numbers = float(loss), float(held_out_loss), float(accuracy), float(held_out_accuracy)
            training.records.append(Record(int(step), *numbers, *measures))
        return training


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let an interrupt wait until the block is done, where there are signals to wait for."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting = []
    usual = signal.signal(signal.SIGINT, lambda *_: waiting.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if waiting:
        raise KeyboardInterrupt
