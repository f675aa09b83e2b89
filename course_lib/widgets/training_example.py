"""A training run of a fraction of a second: one layer of two heads, gradients by hand, every step kept (lesson 10).

Each sequence is six random letters. At every position but the first the model must say two letters: the one just
before, and the first of all. The two heads have to find out between them who looks where. There are so few sequences to
learn from that for a while the model knows them better than it knows the task.
"""

import functools
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from course_lib import attention as steps
from course_lib.shapes import FloatArray

N_STEPS = 100
SEQ_LEN, N_LETTERS, N_HEADS, D_K = 6, 4, 2, 4
_N_TRAINING, _N_HELD_OUT = 12, 100
_RATE, _MOMENTUM = 0.6, 0.9
_NAMES = ("training", "held-out")
QUESTION = (
    "The model must say the letter before, and the first letter. Which head looks for which, and from which step on?"
)
_ONE_HOT = np.eye(N_LETTERS)
_POSITIONS = np.eye(SEQ_LEN)


Letters = NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """What was recorded at every step; arrays as `Training` takes them."""

    steps: NDArray[np.int64]
    losses: MappingProxyType[str, FloatArray]
    accuracy: MappingProxyType[str, FloatArray]
    weights: FloatArray
    tokens: tuple[str, ...]


def letters(n_sequences: int, rng: np.random.Generator) -> Letters:
    """Draw sequences, shape (n_sequences, seq_len)."""
    return rng.integers(0, N_LETTERS, (n_sequences, SEQ_LEN))


def targets(sequences: Letters) -> Letters:
    """Return what to say at each position: the letter before, and the first; shape (n_sequences, seq_len, 2)."""
    first = np.broadcast_to(sequences[:, :1], sequences.shape)
    return np.stack([np.roll(sequences, 1, axis=1), first], axis=-1)


class Model:
    """Two heads, each with its own maps from one-hot letters and positions; their outputs add up to the scores."""

    def __init__(self, rng: np.random.Generator) -> None:
        d_model = N_LETTERS + SEQ_LEN
        spreads = ((0.3, D_K), (0.3, D_K), (0.1, 2 * N_LETTERS))  # of query, key and value
        self.maps = [rng.normal(0, spread, (N_HEADS, d_model, size)) for spread, size in spreads]
        self._pushes = [np.zeros_like(weight) for weight in self.maps]

    def project(self, sequences: Letters) -> tuple[FloatArray, list[FloatArray]]:
        """Return x, shape (n_sequences, 1, seq_len, d_model), and the query, key and value of each head."""
        places = np.broadcast_to(_POSITIONS, (len(sequences), SEQ_LEN, SEQ_LEN))
        x = np.concatenate([_ONE_HOT[sequences], places], axis=-1)[:, np.newaxis]
        return x, [x @ weight for weight in self.maps]

    def chances(self, sequences: Letters) -> FloatArray:
        """Return the probability of each letter, shape (n_sequences, seq_len, 2, n_letters)."""
        query, key, value = self.project(sequences)[1]
        output = steps.attention(query, key, value, is_causal=True).sum(axis=1)  # over the heads
        return steps.softmax(output.reshape(len(sequences), SEQ_LEN, 2, N_LETTERS))

    def weights(self, sequences: Letters) -> FloatArray:
        """Return what each head attends to, shape (n_sequences, n_heads, n_queries, n_keys)."""
        query, key, _ = self.project(sequences)[1]
        return steps.attention_weights(query, key, is_causal=True)

    def learn(self, sequences: Letters) -> None:
        """Take one step down the gradient of the loss, with momentum."""
        grad = self.chances(sequences) - _ONE_HOT[targets(sequences)]  # of cross-entropy behind softmax
        grad[:, 0] = 0  # nothing stands before the first letter
        grad /= 2 * len(sequences) * (SEQ_LEN - 1)
        x, (query, key, value) = self.project(sequences)
        grad_output = np.broadcast_to(
            grad.reshape(len(sequences), 1, SEQ_LEN, 2 * N_LETTERS), value.shape
        )  # the heads' outputs are added, so each gets the same gradient
        grads = steps.attention_backward(query, key, value, grad_output, is_causal=True)
        for weight, push, grad_of in zip(self.maps, self._pushes, grads, strict=True):
            push *= _MOMENTUM
            push -= _RATE * (x.swapaxes(-1, -2) @ grad_of).sum(axis=0)
            weight += push

    def score(self, sequences: Letters) -> tuple[float, float]:
        """Return the mean loss and the part of letters that are said rightly."""
        chances, wanted = self.chances(sequences)[:, 1:], targets(sequences)[:, 1:]
        losses = -np.log(np.take_along_axis(chances, wanted[..., np.newaxis], axis=-1))
        return float(losses.mean()), float((chances.argmax(axis=-1) == wanted).mean())


@functools.cache
def example_run() -> Run:
    """Train from the beginning and return all that was seen on the way; the same numbers every time."""
    rng = np.random.default_rng(4)  # here the heads share the work out; from seed 5 both do some of each
    sequences = {"training": letters(_N_TRAINING, rng), "held-out": letters(_N_HELD_OUT, rng)}
    model = Model(rng)
    shown = sequences["held-out"][:1]
    scores, maps = [], []
    for step in range(N_STEPS + 1):
        scores.append([model.score(sequences[name]) for name in _NAMES])
        maps.append(model.weights(shown)[0])
        if step < N_STEPS:
            model.learn(sequences["training"])
    seen = np.array(scores)  # (n_steps, 2, 2)
    return Run(
        steps=np.arange(N_STEPS + 1),
        losses=MappingProxyType({name: seen[:, place, 0] for place, name in enumerate(_NAMES)}),
        accuracy=MappingProxyType({name: seen[:, place, 1] for place, name in enumerate(_NAMES)}),
        weights=np.array(maps),
        tokens=tuple("ABCD"[letter] for letter in shown[0]),
    )
