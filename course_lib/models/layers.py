"""The layers of a transformer, each with its gradient by hand.

Every layer returns its output and a function that leads a gradient back: ``output, backward = linear(x, weight,
bias)``, then ``grad_x, grad_weight, grad_bias = backward(grad_output)``, in the order of the arguments.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from course_lib.attention import causal_mask, softmax, softmax_backward
from course_lib.shapes import FloatArray

IntArray = NDArray[np.integer]
Backward = Callable[[FloatArray], tuple[FloatArray, ...]]

_SMALL = 1e-5  # keeps the layer norm of a constant vector finite


def linear(x: FloatArray, weight: FloatArray, bias: FloatArray) -> tuple[FloatArray, Backward]:
    """Map every token: ``x W + b``.

    Parameters
    ----------
    x : ndarray, shape (..., d_in)
    weight : ndarray, shape (d_in, d_out)
    bias : ndarray, shape (d_out,)

    Returns
    -------
    output : ndarray, shape (..., d_out)
    backward : callable
        Gives ``grad_x = g W^T``, ``grad_W = x^T g`` and ``grad_b = sum of g``, summed over all tokens.
    """

    def backward(grad: FloatArray) -> tuple[FloatArray, ...]:
        rows, grad_rows = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
        return grad @ weight.T, rows.T @ grad_rows, grad_rows.sum(axis=0)

    return x @ weight + bias, backward


def layer_norm(x: FloatArray, gain: FloatArray, shift: FloatArray) -> tuple[FloatArray, Backward]:
    """Give every token mean 0 and variance 1 over its components, then a learned gain and shift.

    Parameters
    ----------
    x : ndarray, shape (..., d_model)
    gain, shift : ndarray, shape (d_model,)

    Returns
    -------
    output : ndarray, shape (..., d_model)
    backward : callable

    References
    ----------
    Ba et al. 2016, "Layer Normalization".
    """
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + _SMALL)
    normal = centred / spread

    def backward(grad: FloatArray) -> tuple[FloatArray, ...]:
        grad_normal = grad * gain
        # What would move the mean or the variance is taken out again by the normalisation.
        along = np.mean(grad_normal * normal, axis=-1, keepdims=True)
        grad_x = (grad_normal - grad_normal.mean(axis=-1, keepdims=True) - normal * along) / spread
        over_tokens = tuple(range(x.ndim - 1))
        return grad_x, (grad * normal).sum(axis=over_tokens), grad.sum(axis=over_tokens)

    return normal * gain + shift, backward


def relu(x: FloatArray) -> tuple[FloatArray, Backward]:
    """Keep what is above 0: ``max(x, 0)``; the gradient passes where x was above 0."""
    is_on = x > 0
    return x * is_on, lambda grad: (grad * is_on,)


def embedding(tokens: IntArray, table: FloatArray) -> tuple[FloatArray, Backward]:
    """Look up the vector of every token.

    Parameters
    ----------
    tokens : ndarray of int, shape (...)
    table : ndarray, shape (vocabulary_size, d_model)

    Returns
    -------
    x : ndarray, shape (..., d_model)
    backward : callable
        Gives ``grad_table``: every row gets the sum of the gradients of its tokens.
    """

    def backward(grad: FloatArray) -> tuple[FloatArray, ...]:
        one_hot = (tokens.reshape(-1, 1) == np.arange(len(table))).astype(grad.dtype)
        return (one_hot.T @ grad.reshape(-1, grad.shape[-1]),)

    return table[tokens], backward


class HeadsOptions(NamedTuple):
    """What the heads do besides attending, while the model learns."""

    is_causal: bool = False
    dropout: float = 0.0
    diversity: float = 0.0


class Heads(NamedTuple):
    """What attention in heads gives: the output, the weights before dropout, the mean diversity of the heads."""

    output: FloatArray
    weights: FloatArray
    diversity: float
    backward: Backward


def attend(
    query: FloatArray,
    key: FloatArray,
    value: FloatArray,
    options: HeadsOptions,
    rng: np.random.Generator | None = None,
) -> Heads:
    """Attend in heads: ``dropout(softmax(q k^T / sqrt(d_k))) v``.

    Parameters
    ----------
    query, key, value : ndarray, shape (batch, n_heads, seq_len, d_k)
    options : HeadsOptions
        `dropout` sets weights to 0 with this probability; `diversity` times the heads' mean Jensen-Shannon divergence
        is subtracted from the loss, so its gradient joins that of the weights.
    rng : numpy.random.Generator, optional
        Needed for dropout.

    Returns
    -------
    Heads
        Its `backward` gives the gradients of query, key and value.
    """
    scale = query.dtype.type(1 / np.sqrt(query.shape[-1]))
    scores = (query @ key.swapaxes(-1, -2)) * scale
    if options.is_causal:
        scores = np.where(causal_mask(*scores.shape[-2:]), scores, scores.dtype.type(-np.inf))
    weights = softmax(scores)
    kept = np.ones((), weights.dtype)
    if options.dropout and rng is not None:
        kept = (rng.random(weights.shape, dtype=np.float32) >= options.dropout).astype(weights.dtype)
        kept /= 1 - options.dropout
    dropped = weights * kept
    divergence, grad_divergence = _divergence(weights) if options.diversity else (0.0, None)

    def backward(grad: FloatArray) -> tuple[FloatArray, ...]:
        grad_value = dropped.swapaxes(-1, -2) @ grad
        grad_weights = (grad @ value.swapaxes(-1, -2)) * kept
        if grad_divergence is not None:
            grad_weights = grad_weights - options.diversity * grad_divergence
        grad_scores = softmax_backward(weights, grad_weights) * scale
        return grad_scores @ key, grad_scores.swapaxes(-1, -2) @ query, grad_value

    return Heads(dropped @ value, weights, divergence, backward)


def _divergence(weights: FloatArray) -> tuple[float, FloatArray]:
    """Return the mean over batch and queries of `head_diversity`, and its gradient: ``ln(w_h / mean_h w) / ...``."""
    batch, n_heads, n_queries, _ = weights.shape
    tiny = np.finfo(weights.dtype).tiny
    ratio = np.log((weights + tiny) / (weights.mean(axis=1, keepdims=True) + tiny))
    share = 1 / (batch * n_queries * n_heads * np.log(n_heads))
    return float(np.sum(weights * ratio) * share), ratio * weights.dtype.type(share)


def cross_entropy(logits: FloatArray, targets: IntArray) -> tuple[float, FloatArray]:
    """Return the mean of ``-ln p(target)`` over the tokens that have a target, and its gradient.

    Parameters
    ----------
    logits : ndarray, shape (..., vocabulary_size)
    targets : ndarray of int, shape (...)
        -1 = this token has no target.

    Returns
    -------
    loss : float
        In nats.
    grad_logits : ndarray, the shape of `logits`
        ``softmax(logits) - one_hot(target)``, divided by the number of targets.
    """
    is_counted = targets >= 0
    n_counted = max(1, int(is_counted.sum()))
    probabilities = softmax(logits)
    where = np.nonzero(is_counted)
    likely = probabilities[(*where, targets[where])]
    loss = -float(np.sum(np.log(np.maximum(likely, np.finfo(likely.dtype).tiny)), dtype=np.float64)) / n_counted
    grad = probabilities * is_counted[..., np.newaxis]
    grad[(*where, targets[where])] -= 1
    return loss, grad / grad.dtype.type(n_counted)
