"""A small transformer in NumPy: embedding, positions, heads, feed-forward layers, and the gradient of all of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from course_lib.attention import merge_heads, sinusoidal_positions, split_heads
from course_lib.errors import DtypeError, OptionError, ShapeError
from course_lib.models.layers import (
    HeadsOptions,
    IntArray,
    attend,
    cross_entropy,
    embedding,
    layer_norm,
    linear,
    relu,
)
from course_lib.shapes import FloatArray, require_integer

Parameters = dict[str, FloatArray]
PositionKind = Literal["sinusoidal", "none"]
Layer = Callable[..., tuple[FloatArray, Any]]
Back = Callable[[FloatArray], FloatArray]
Part = Callable[[FloatArray, str], tuple[FloatArray, Back]]


@dataclass(frozen=True)
class TransformerConfig:
    """The sizes of a transformer.

    Attributes
    ----------
    vocabulary_size : int
        Tokens are the whole numbers below it.
    d_model, n_heads, n_layers : int
        `n_heads` divides `d_model`.
    d_hidden : int
        The width of the feed-forward layers.
    is_causal : bool
        Token i reads tokens 0 .. i only.
    positions : {"sinusoidal", "none"}
        What is added to the embeddings.
    """

    vocabulary_size: int
    d_model: int = 32
    n_heads: int = 4
    n_layers: int = 2
    d_hidden: int = 64
    is_causal: bool = False
    positions: PositionKind = "sinusoidal"

    def __post_init__(self) -> None:
        for name in ("vocabulary_size", "d_model", "n_heads", "n_layers", "d_hidden"):
            require_integer(name, getattr(self, name), minimum=1)
        if self.d_model % self.n_heads:
            raise OptionError(f"n_heads must divide d_model, but {self.n_heads} does not divide {self.d_model}.")
        if self.positions not in ("sinusoidal", "none"):
            raise OptionError(f'positions must be "sinusoidal" or "none", but it is {self.positions!r}.')


@dataclass(frozen=True)
class Regularization:
    """What keeps a model from leaning on a shortcut while it learns.

    Attributes
    ----------
    attention_dropout : float
        The share of attention weights that are dropped at random in each step, at least 0 and below 1.
    head_diversity : float
        This much times the mean diversity of the heads is subtracted from the loss.
    """

    attention_dropout: float = 0.0
    head_diversity: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.attention_dropout < 1:
            raise OptionError(f"attention_dropout must be at least 0 and below 1, but it is {self.attention_dropout}.")
        if not 0 <= self.head_diversity < np.inf:
            raise OptionError(f"head_diversity must be at least 0, but it is {self.head_diversity}.")


NO_REGULARIZATION = Regularization()


@dataclass(frozen=True)
class Forward:
    """What a model makes of a batch of sequences.

    Attributes
    ----------
    logits : ndarray, shape (batch, seq_len, vocabulary_size)
    weights : list of ndarray, one a layer, shape (batch, n_heads, seq_len, seq_len)
        The attention weights.
    diversity : float
        The mean over the layers of the heads' diversity; 0 where it is not asked for.
    backward : callable
        ``backward(grad_logits)`` gives the gradient for every parameter, under its name.
    """

    logits: FloatArray
    weights: list[FloatArray]
    diversity: float
    backward: Callable[[FloatArray], Parameters] = field(repr=False)


class Transformer:
    """A transformer with layer norm before each part, ``x + part(norm(x))``, as is usual today.

    Parameters
    ----------
    config : TransformerConfig
    rng : numpy.random.Generator
        Draws the first parameters.
    dtype : dtype
        float32, or float64 to check gradients.

    Attributes
    ----------
    parameters : dict of str to ndarray
        Training changes them in place.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3; norm first as in Xiong et al. 2020, "On Layer
    Normalization in the Transformer Architecture".

    Examples
    --------
    >>> model = Transformer(TransformerConfig(vocabulary_size=5, d_model=8, n_heads=2), np.random.default_rng(0))
    >>> model.forward([[0, 1, 4], [2, 2, 3]]).logits.shape
    (2, 3, 5)
    """

    def __init__(
        self, config: TransformerConfig, rng: np.random.Generator, dtype: DTypeLike = np.float32
    ) -> None:  # fmt: skip
        self.config = config
        self.parameters: Parameters = {
            name: array.astype(dtype) for name, array in _initial_parameters(config, rng).items()
        }

    def forward(
        self,
        tokens: ArrayLike,
        *,
        regularization: Regularization = NO_REGULARIZATION,
        rng: np.random.Generator | None = None,
        without_heads: Sequence[tuple[int, int]] = (),
    ) -> Forward:
        """Run the model.

        Parameters
        ----------
        tokens : array_like of int, shape (batch, seq_len)
        regularization : Regularization
            Dropout needs `rng`.
        rng : numpy.random.Generator, optional
        without_heads : sequence of (int, int)
            Heads to leave out, each as (layer, head): their output counts as 0.

        Returns
        -------
        Forward

        Raises
        ------
        DtypeError, ShapeError, OptionError
            If `tokens` is no batch of whole numbers within the vocabulary, or there is no such head.
        """
        checked = self.check_tokens(tokens)
        return _Pass(self, regularization, rng, self._heads_that_count(without_heads)).forward(checked)

    def loss_and_gradients(
        self,
        tokens: ArrayLike,
        targets: ArrayLike,
        *,
        regularization: Regularization = NO_REGULARIZATION,
        rng: np.random.Generator | None = None,
    ) -> tuple[float, Parameters]:
        """Return the cross-entropy, less the diversity that is asked for, and its gradient for every parameter.

        Parameters
        ----------
        tokens : array_like of int, shape (batch, seq_len)
        targets : array_like of int, shape (batch, seq_len)
            What the model should say at each token; -1 = nothing.
        regularization : Regularization
        rng : numpy.random.Generator, optional

        Returns
        -------
        loss : float
            In nats a target.
        gradients : dict of str to ndarray
            Under the names of the parameters.
        """
        done = self.forward(tokens, regularization=regularization, rng=rng)
        wanted = np.asarray(targets)
        if wanted.shape != done.logits.shape[:-1]:
            raise ShapeError(f"targets must have the shape of tokens, {done.logits.shape[:-1]}, not {wanted.shape}.")
        loss, grad = cross_entropy(done.logits, wanted)
        return loss - regularization.head_diversity * done.diversity, done.backward(grad)

    def _heads_that_count(self, without_heads: Sequence[tuple[int, int]]) -> FloatArray:
        """Return 1 for each head that counts and 0 for each that is left out, shape (n_layers, n_heads, 1, 1)."""
        n_layers, n_heads = self.config.n_layers, self.config.n_heads
        counts = np.ones((n_layers, n_heads, 1, 1), self.parameters["embedding"].dtype)
        for layer, head in without_heads:
            if not (0 <= layer < n_layers and 0 <= head < n_heads):
                raise OptionError(
                    f"without_heads names head {head} of layer {layer}, but layers go from 0 to {n_layers - 1} and "
                    f"heads from 0 to {n_heads - 1}."
                )
            counts[layer, head] = 0
        return counts

    def check_tokens(self, tokens: ArrayLike) -> IntArray:
        """Return tokens as an array, or say what is wrong with them."""
        checked = np.asarray(tokens)
        if checked.dtype.kind not in "iu":
            raise DtypeError(f"tokens must be whole numbers, but they are {checked.dtype}.")
        if checked.ndim != 2:
            raise ShapeError(f"tokens must have shape (batch, seq_len), but they have {checked.shape}.")
        size = self.config.vocabulary_size
        if checked.size and not 0 <= checked.min() <= checked.max() < size:
            raise OptionError(
                f"tokens must be between 0 and {size - 1}, but they reach from {checked.min()} to {checked.max()}."
            )
        return checked


class _Pass:
    """One way through a model; every part returns its output and the way back, which takes down the gradients."""

    def __init__(
        self,
        model: Transformer,
        regularization: Regularization,
        rng: np.random.Generator | None,
        heads_that_count: FloatArray,
    ) -> None:
        self.config, self.parameters = model.config, model.parameters
        self.heads_that_count = heads_that_count
        diversity = regularization.head_diversity / model.config.n_layers
        self.options = HeadsOptions(model.config.is_causal, regularization.attention_dropout, diversity)
        self.rng = rng
        self.weights: list[FloatArray] = []
        self.diversity = 0.0
        self.gradients: Parameters = {}

    def forward(self, tokens: IntArray) -> Forward:
        x, back_to_table = embedding(tokens, self.parameters["embedding"])
        if self.config.positions == "sinusoidal":
            x = x + sinusoidal_positions(tokens.shape[1], self.config.d_model).astype(x.dtype)
        ways_back: list[Back] = []
        for layer in range(self.config.n_layers):
            for name, part in (("attention", self._attention), ("feed_forward", self._feed_forward)):
                x, back = self._residual(x, f"layer_{layer}.{name}", part)
                ways_back.append(back)
        x, back = self._apply(layer_norm, x, "norm.gain", "norm.shift")
        logits, back_from_logits = self._apply(linear, x, "output.weight", "output.bias")
        ways_back += [back, back_from_logits]

        def backward(grad: FloatArray) -> Parameters:
            for lead_back in reversed(ways_back):
                grad = lead_back(grad)
            (self.gradients["embedding"],) = back_to_table(grad)
            return self.gradients

        return Forward(logits, self.weights, self.diversity / self.config.n_layers, backward)

    def _apply(self, layer: Layer, x: FloatArray, *names: str) -> tuple[FloatArray, Back]:
        """Run a layer with its parameters, and take down their gradients on the way back."""
        output, backward = layer(x, *(self.parameters[name] for name in names))

        def back(grad: FloatArray) -> FloatArray:
            grads: tuple[FloatArray, ...] = backward(grad)
            self.gradients.update(zip(names, grads[1:], strict=True))
            return grads[0]

        return output, back

    def _residual(self, x: FloatArray, name: str, part: Part) -> tuple[FloatArray, Back]:
        """x + part(norm(x)): the gradient comes back along both ways."""
        normal, back_through_norm = self._apply(layer_norm, x, f"{name}.gain", f"{name}.shift")
        added, back_through_part = part(normal, name)
        return x + added, lambda grad: grad + back_through_norm(back_through_part(grad))

    def _attention(self, x: FloatArray, name: str) -> tuple[FloatArray, Back]:
        n_heads = self.config.n_heads
        mapped = [self._apply(linear, x, f"{name}.w_{kind}", f"{name}.b_{kind}") for kind in ("query", "key", "value")]
        query, key, value = (split_heads(array, n_heads) for array, _ in mapped)
        heads = attend(query, key, value, self.options, self.rng)
        counts = self.heads_that_count[len(self.weights)]
        self.weights.append(heads.weights)
        self.diversity += heads.diversity
        merged = merge_heads(heads.output * counts)
        output, back_to_heads = self._apply(linear, merged, f"{name}.w_output", f"{name}.b_output")

        def back(grad: FloatArray) -> FloatArray:
            grads = heads.backward(split_heads(back_to_heads(grad), n_heads) * counts)
            query_part, key_part, value_part = (
                back_through_map(merge_heads(grad)) for (_, back_through_map), grad in zip(mapped, grads, strict=True)
            )
            return query_part + key_part + value_part

        return output, back

    def _feed_forward(self, x: FloatArray, name: str) -> tuple[FloatArray, Back]:
        hidden, back_to_x = self._apply(linear, x, f"{name}.w_hidden", f"{name}.b_hidden")
        active, back_to_hidden = relu(hidden)
        output, back_to_active = self._apply(linear, active, f"{name}.w_output", f"{name}.b_output")
        return output, lambda grad: back_to_x(*back_to_hidden(back_to_active(grad)))


def _initial_parameters(config: TransformerConfig, rng: np.random.Generator) -> Parameters:
    """Draw weights of variance 1 / d_in, so that a vector keeps its length; biases 0, gains 1."""
    d_model, d_hidden, size = config.d_model, config.d_hidden, config.vocabulary_size
    parameters: Parameters = {"embedding": rng.normal(size=(size, d_model))}

    def add_linear(weight: str, bias: str, d_in: int, d_out: int) -> None:
        parameters[weight] = rng.normal(size=(d_in, d_out)) / np.sqrt(d_in)
        parameters[bias] = np.zeros(d_out)

    def add_norm(name: str) -> None:
        parameters[f"{name}.gain"], parameters[f"{name}.shift"] = np.ones(d_model), np.zeros(d_model)

    for layer in range(config.n_layers):
        name = f"layer_{layer}.attention"
        add_norm(name)
        for kind in ("query", "key", "value", "output"):
            add_linear(f"{name}.w_{kind}", f"{name}.b_{kind}", d_model, d_model)
        name = f"layer_{layer}.feed_forward"
        add_norm(name)
        add_linear(f"{name}.w_hidden", f"{name}.b_hidden", d_model, d_hidden)
        add_linear(f"{name}.w_output", f"{name}.b_output", d_hidden, d_model)
    add_norm("norm")
    add_linear("output.weight", "output.bias", d_model, size)
    return parameters
