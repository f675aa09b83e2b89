"""What the heads of a language model do: their maps, what becomes worse without them, and what a weight carries."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course_lib.errors import OptionError, ShapeError
from course_lib.models.language_model.model import HeadsAtWork, LanguageModel, Tokens
from course_lib.shapes import FloatArray, as_floats, require_integer

Report = Callable[[int, int], None]

_FIRST_WORD = 256  # the tokens before are marks and single bytes


class Found(NamedTuple):
    """A head and its score."""

    layer: int
    head: int
    score: float

    def __str__(self) -> str:
        return f"layer {self.layer} head {self.head}: {self.score:.2f}"


def head_weights(
    model: LanguageModel, tokens: ArrayLike, *, without_heads: Sequence[tuple[int, int]] = ()
) -> FloatArray:
    """Return the attention weights of all heads on one text.

    Parameters
    ----------
    model : LanguageModel
    tokens : array_like of int, shape (seq_len,)
    without_heads : sequence of (int, int)
        Heads to leave out, each as (layer, head): what do the later ones do without them?

    Returns
    -------
    ndarray, shape (n_layers, n_heads, seq_len, seq_len)

    Raises
    ------
    DtypeError, ShapeError, OptionError
        If `tokens` is no row of whole numbers within the vocabulary.
    """
    return np.stack([heads.weights for heads in _heads_at_work(model, tokens, without_heads)])


def repeated_tokens(model: LanguageModel, period: int, *, rng: np.random.Generator, n_blocks: int = 2) -> list[int]:
    """Draw `period` different tokens at random, and repeat the block.

    Nothing but the first block says how the second goes on: who predicts it has looked back.

    Parameters
    ----------
    model : LanguageModel
    period : int
    rng : numpy.random.Generator
    n_blocks : int

    Returns
    -------
    list of int
        ``n_blocks * period`` tokens.

    Raises
    ------
    OptionError
        If there are not so many tokens.
    """
    if not isinstance(rng, np.random.Generator):
        raise OptionError(f"rng must be a numpy.random.Generator, such as np.random.default_rng(0), not {rng!r}.")
    period = require_integer("period", period, minimum=1)
    n_blocks = require_integer("n_blocks", n_blocks, minimum=1)
    n_words = model.config.vocabulary_size
    first = _FIRST_WORD if n_words > 2 * _FIRST_WORD else 0
    if period > n_words - first:
        raise OptionError(f"period must be at most {n_words - first}, the number of tokens, but it is {period}.")
    block: list[int] = (first + rng.choice(n_words - first, size=period, replace=False)).tolist()
    return block * n_blocks


def first_token_score(weights: ArrayLike) -> FloatArray:
    """Say how much each head looks at the first token: the mean over the queries i >= 1 of ``w_i,0``.

    A head with nothing to look for rests there, since its weights have to sum to 1: an attention sink.

    Parameters
    ----------
    weights : array_like, shape (..., seq_len, seq_len)

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ShapeError
        If `weights` is not square, or has one token only.

    References
    ----------
    Xiao et al. 2024, "Efficient Streaming Language Models with Attention Sinks", section 3.1.

    Examples
    --------
    >>> first_token_score([[[1, 0], [1, 0]], [[1, 0], [0.25, 0.75]]])
    array([1.  , 0.25])
    """
    given = as_floats("weights", weights)
    if given.ndim < 2 or given.shape[-1] != given.shape[-2] or given.shape[-1] < 2:
        raise ShapeError(f"weights must be square, of two tokens or more, but it has shape {given.shape}.")
    scores: FloatArray = given[..., 1:, 0].mean(axis=-1)
    return scores


def strongest_heads(scores: ArrayLike, n: int = 5) -> list[Found]:
    """Return the `n` heads with the highest scores, the highest first.

    Parameters
    ----------
    scores : array_like, shape (n_layers, n_heads)
        One score for each head, such as `induction_score` makes of `head_weights`.
    n : int

    Returns
    -------
    list of Found
        Each with `layer`, `head` and `score`.

    Raises
    ------
    ShapeError
        If `scores` has other axes.

    Examples
    --------
    >>> for found in strongest_heads([[0.1, 0.9], [0.5, 0]], n=2):
    ...     print(found)
    layer 0 head 1: 0.90
    layer 1 head 0: 0.50
    """
    given = as_floats("scores", scores)
    if given.ndim != 2:
        raise ShapeError(
            f"scores must have shape (n_layers, n_heads), one number for each head, but it has shape {given.shape}."
        )
    places = np.argsort(-given, axis=None, kind="stable")[: require_integer("n", n, minimum=1)]
    return [
        Found(int(layer), int(head), float(given[layer, head]))
        for layer, head in zip(*np.unravel_index(places, given.shape), strict=True)
    ]


def token_losses(
    model: LanguageModel, tokens: ArrayLike, *, without_heads: Sequence[tuple[int, int]] = ()
) -> FloatArray:
    """Say how surprised the model is by each token: ``-ln p``, in nats.

    Parameters
    ----------
    model : LanguageModel
    tokens : array_like of int, shape (seq_len,)
    without_heads : sequence of (int, int)
        Heads to leave out, each as (layer, head).

    Returns
    -------
    ndarray, shape (seq_len - 1,)
        Entry i is about token i + 1, from all before it. Nothing is expected of the first.
    """
    checked = model.check_tokens(tokens)
    return _surprise(model.forward(checked, without_heads=without_heads), checked)


def effect_without(
    model: LanguageModel,
    tokens: ArrayLike,
    heads: Sequence[tuple[int, int]] | None = None,
    *,
    first: int = 1,
    report: Report | None = None,
) -> FloatArray:
    """Say how much worse the model gets without each head: the rise of the mean loss, in nats a token.

    Parameters
    ----------
    model : LanguageModel
    tokens : array_like of int, shape (seq_len,)
    heads : sequence of (int, int), optional
        Each is left out by itself. None means all.
    first : int
        The first token that counts; with repeated tokens, that of the second block.
    report : callable, optional
        ``report(done, all)`` is called after each head.

    Returns
    -------
    ndarray, shape (n_layers, n_heads)
        NaN for heads that were not asked about. Below 0 where the model gets better.

    Raises
    ------
    DtypeError, ShapeError, OptionError
        If `tokens` is no text of the model, `first` not in it, or there is no such head.

    References
    ----------
    Michel et al. 2019, "Are Sixteen Heads Really Better than One?", section 3.2.
    """
    checked = model.check_tokens(tokens)
    if not 1 <= require_integer("first", first) < len(checked):
        raise OptionError(f"first must lie in 1 .. {len(checked) - 1}, within the text, but it is {first}.")
    config = model.config
    if heads is None:
        heads = [(layer, head) for layer in range(config.n_layers) for head in range(config.n_heads)]
    effect = np.full((config.n_layers, config.n_heads), np.nan)
    of_layer, n_done = model.check_heads(heads), 0
    entering = _entering(model, model.parameters["embedding"][checked])
    usual = _mean_loss(model, entering[-1], checked, first)
    for layer, some in of_layer.items():
        for head in some:
            x = model.layer(layer, entering[layer], without_heads=[head])
            for later in range(layer + 1, config.n_layers):
                x = model.layer(later, x)
            effect[layer, head] = _mean_loss(model, x, checked, first) - usual
            n_done += 1
            if report is not None:
                report(n_done, len(heads))
    return effect


def carried_sizes(model: LanguageModel, tokens: ArrayLike) -> FloatArray:
    """Say how much each key brings to each query: the length of ``w_ij v_j W_O``, of all heads.

    The weight says how often the value is taken; what is taken may still be next to nothing.

    Parameters
    ----------
    model : LanguageModel
    tokens : array_like of int, shape (seq_len,)

    Returns
    -------
    ndarray, shape (n_layers, n_heads, seq_len, seq_len)

    References
    ----------
    Kobayashi et al. 2020, "Attention is Not Only a Weight: Analyzing Transformers with Vector Norms", equation 5.
    """
    sizes, config = [], model.config
    for layer, heads in enumerate(_heads_at_work(model, tokens)):
        w_output = model.parameters[f"layer_{layer}.attention.w_output"].T.reshape(config.n_heads, config.d_k, -1)
        values = np.repeat(heads.value, config.n_repeats, axis=0)
        lengths = np.linalg.norm(values @ w_output, axis=-1)
        sizes.append(heads.weights * lengths[:, np.newaxis, :])
    return np.stack(sizes)


def with_weights_of(model: LanguageModel, tokens: ArrayLike, other: ArrayLike) -> FloatArray:
    """Read a text with the attention weights that the heads have on another one, of as many tokens.

    Returns
    -------
    ndarray, shape (vocabulary_size,)
        The scores for what comes after the text.

    Raises
    ------
    ShapeError
        If the texts have other numbers of tokens.
    """
    one, two = model.check_tokens(tokens), model.check_tokens(other)
    if len(one) != len(two):
        raise ShapeError(f"Both texts must have as many tokens, but they have {len(one)} and {len(two)}.")
    scores: FloatArray = model.forward(one, weights=head_weights(model, two), last_only=True)[-1]
    return scores


def _heads_at_work(
    model: LanguageModel, tokens: ArrayLike, without_heads: Sequence[tuple[int, int]] = ()
) -> list[HeadsAtWork]:
    found: list[HeadsAtWork] = []
    model.forward(tokens, record=lambda layer, heads: found.append(heads), without_heads=without_heads, last_only=True)
    return found


def _entering(model: LanguageModel, x: FloatArray) -> list[FloatArray]:
    """Return what enters each layer, and last what leaves them all."""
    entering = [x]
    for layer in range(model.config.n_layers):
        entering.append(model.layer(layer, entering[-1]))
    return entering


def _mean_loss(model: LanguageModel, x: FloatArray, tokens: Tokens, first: int) -> float:
    return float(_surprise(model.unembed(x[first - 1 :]), tokens[first - 1 :]).mean())


def _surprise(scores: FloatArray, tokens: Tokens) -> FloatArray:
    """Return ``-ln p`` of each token but the first, from the scores of the row before."""
    scores = scores[:-1]
    largest = scores.max(axis=-1, keepdims=True)
    total = np.log(np.exp(scores - largest).sum(axis=-1))
    surprise: FloatArray = total + largest[:, 0] - scores[np.arange(len(scores)), tokens[1:]]
    return surprise
