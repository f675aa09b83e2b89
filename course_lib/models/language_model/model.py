"""A language model of the Llama kind in NumPy: its layers, and attention in steps that can be replaced."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.attention import KeyValueCache, weighted_sum
from course_lib.attention.threads import products_on_one_processor
from course_lib.errors import DtypeError, OptionError, ShapeError
from course_lib.models.language_model.config import LanguageModelConfig
from course_lib.models.language_model.layers import in_blocks, rms_norm, silu
from course_lib.models.language_model.steps import Steps
from course_lib.models.language_model.tokenizer import Tokenizer
from course_lib.shapes import FloatArray, as_floats, require_integer

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class HeadsAtWork:
    """What the heads of one layer did, recorded on the way.

    Attributes
    ----------
    weights : ndarray, shape (n_heads, seq_len, n_keys)
    value : ndarray, shape (n_kv_heads, n_keys, d_k)
    output : ndarray, shape (n_heads, seq_len, d_k)
    """

    weights: FloatArray
    value: FloatArray
    output: FloatArray


class _Asked(NamedTuple):
    """What is asked of a layer besides its answer."""

    without_heads: list[int]
    weights: FloatArray | None = None
    record: Callable[[int, HeadsAtWork], None] | None = None


class LanguageModel:
    """A language model in NumPy, every step of attention of which can be yours.

    Parameters
    ----------
    config : LanguageModelConfig
    parameters : mapping of str to ndarray
        As `LanguageModelConfig.shapes` lists them, float32.
    tokenizer : Tokenizer
    steps : mapping of str to callable, optional
        See `use`.

    References
    ----------
    Touvron et al. 2023, "LLaMA: Open and Efficient Foundation Language Models", section 2.2; grouped queries as in
    Ainslie et al. 2023, "GQA".
    """

    def __init__(
        self,
        config: LanguageModelConfig,
        parameters: Mapping[str, FloatArray],
        tokenizer: Tokenizer,
        steps: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self.config, self.parameters, self.tokenizer = config, dict(parameters), tokenizer
        self._steps = Steps(config, steps or {})
        self._layers = [_Layer(self, place) for place in range(config.n_layers)]

    def use(self, *unnamed: object, **functions: Callable[..., Any]) -> "LanguageModel":
        """Return a model with the same weights in which functions of yours do steps of attention.

        Parameters
        ----------
        *unnamed
            Nothing: a function without the name of its step is refused.
        **functions
            Each under the name of its step, called as in the exercises: `project`, `split_heads`, `rotate`,
            `repeat_kv`, `causal_mask`, `scaled_scores`, `softmax`, `weighted_sum`, `merge_heads`; or attention as a
            whole: `masked_attention(query, key, value, mask)`, or `attention(query, key, value)`, which is then called
            for one query at a time, with the keys that it may see.

        Returns
        -------
        LanguageModel
            All that is not given is as in this model. `calls` counts from 0.

        Raises
        ------
        OptionError
            If there is no such step, one takes the place of another that is given, or a function comes without a name.
        """
        if unnamed:
            raise OptionError(
                f"Say which step each function does, such as model.use(softmax=softmax): {_named(unnamed[0])} came "
                "without a name."
            )
        return LanguageModel(self.config, self.parameters, self.tokenizer, {**self._steps.given, **functions})

    @property
    def calls(self) -> dict[str, int]:
        """How often each of your functions was called."""
        return dict(self._steps.calls)

    @property
    def n_parameters(self) -> int:
        """How many numbers the model has learned."""
        return sum(array.size for array in self.parameters.values())

    def __repr__(self) -> str:
        config = self.config
        yours = f", with your {', '.join(self._steps.given)}" if self._steps.given else ""
        return (
            f"LanguageModel: {self.n_parameters / 1e6:.1f} million parameters, {config.n_layers} layers of "
            f"{config.n_heads} heads{yours}"
        )

    def new_cache(self) -> list[KeyValueCache]:
        """Return an empty cache, one part for each layer, to be passed to `forward`."""
        return [KeyValueCache() for _ in self._layers]

    def forward(
        self,
        tokens: ArrayLike,
        *,
        cache: Sequence[KeyValueCache] | None = None,
        without_heads: Sequence[tuple[int, int]] = (),
        last_only: bool = False,
        weights: FloatArray | None = None,
        record: Callable[[int, HeadsAtWork], None] | None = None,
    ) -> FloatArray:
        """Run the model and return its scores for each next token.

        Parameters
        ----------
        tokens : array_like of int, shape (seq_len,)
        cache : list of KeyValueCache, optional
            From `new_cache`. The tokens go on where the earlier ones ended, and their keys and values are added.
        without_heads : sequence of (int, int)
            Heads to leave out, each as (layer, head): their output counts as 0.
        last_only : bool
            Compute the last row only, which is all that generation needs.
        weights : ndarray, shape (n_layers, n_heads, seq_len, n_keys), optional
            Let the heads attend like this, whatever their queries and keys say.
        record : callable, optional
            ``record(layer, heads)`` is called with what the heads of each layer did.

        Returns
        -------
        ndarray, shape (seq_len, vocabulary_size), or (1, vocabulary_size) with `last_only`
            Row i scores what comes after token i. Softmax makes probabilities of it.

        Raises
        ------
        DtypeError, ShapeError, OptionError
            If `tokens` is no row of whole numbers within the vocabulary or longer than the model reads, or there is no
            such head, or `weights` does not fit the text.
        """
        x = self.parameters["embedding"][self.check_tokens(tokens)]
        cache = self.new_cache() if cache is None else cache
        if len(cache) != len(self._layers):
            raise OptionError(
                f"cache must come from new_cache of this model, with a part for each layer: {len(cache)}."
            )
        self._require_room(cache[0].n_seen, len(x))
        left_out = self.check_heads(without_heads)
        if weights is not None:
            weights = as_floats("weights", weights)
            expected = (self.config.n_layers, self.config.n_heads, len(x), cache[0].n_seen + len(x))
            if weights.shape != expected:
                raise ShapeError(f"weights must have shape {expected} for this text, but it has {weights.shape}.")
        # The product of one token's vector with a matrix waits for memory, not for arithmetic. The library behind `@`
        # would share it out: two thirds of the time on two idle processors, and many times as long on busy ones.
        with products_on_one_processor():
            for place, (layer, kept) in enumerate(zip(self._layers, cache, strict=True)):
                forced = None if weights is None else weights[place]
                x = layer(x, kept, _Asked(left_out.get(place, []), forced, record))
            return self.unembed(x[-1:] if last_only else x)

    def layer(
        self,
        place: int,
        x: FloatArray,
        *,
        without_heads: Sequence[int] = (),
    ) -> FloatArray:
        """Run one layer on the vectors of a whole text, shape (seq_len, d_model)."""
        with products_on_one_processor():
            return self._layers[place](x, KeyValueCache(), _Asked(list(without_heads)))

    def unembed(self, x: FloatArray) -> FloatArray:
        """Compare the vectors after the last layer, (seq_len, d_model), with the embedding of every token."""
        embedding = self.parameters["embedding"]
        normal = rms_norm(x, self.parameters["norm"], self.config.norm_epsilon)
        return in_blocks(lambda rows: rows @ embedding.T, normal, len(embedding))

    def check_tokens(self, tokens: ArrayLike) -> Tokens:
        """Return `tokens` as an array, or raise as `forward` says."""
        given = np.asarray(tokens)
        if given.size and given.dtype.kind not in "iu":
            raise DtypeError(f"tokens must be whole numbers, from tokenizer.encode(text), not {given.dtype}.")
        if given.ndim != 1 or not given.size:
            raise ShapeError(f"tokens must have shape (seq_len,), with a token at least, but it has {given.shape}.")
        if given.min() < 0 or given.max() >= self.config.vocabulary_size:
            raise OptionError(
                f"tokens must lie in 0 .. {self.config.vocabulary_size - 1}: {given.min()}, {given.max()}."
            )
        return given.astype(np.int64)

    def _require_room(self, n_seen: int, n_new: int) -> None:
        room = self.config.context_length
        if n_seen + n_new > room:
            before = f"{n_seen} before and " if n_seen else ""
            raise OptionError(f"This model reads {room} tokens at most, but there are {before}{n_new}.")

    def check_heads(self, heads: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
        """Return the heads of each layer of some (layer, head), or raise as `forward` says."""
        of_layer: dict[int, list[int]] = {}
        for pair in heads:
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise OptionError(f"Each head must be a pair (layer, head), such as (18, 6), but one is {pair!r}.")
            layer, head = require_integer("layer", pair[0]), require_integer("head", pair[1])
            if not (0 <= layer < self.config.n_layers and 0 <= head < self.config.n_heads):
                raise OptionError(
                    f"There is no head {head} in a layer {layer}: layers are 0 .. {self.config.n_layers - 1}, "
                    f"heads 0 .. {self.config.n_heads - 1}."
                )
            of_layer.setdefault(layer, []).append(head)
        return of_layer


def _named(given: object) -> str:
    return str(getattr(given, "__name__", repr(given)[:80]))


class _Layer:
    """One layer: tokens read from each other, then each thinks for itself."""

    def __init__(self, model: LanguageModel, place: int) -> None:
        own = f"layer_{place}."
        parameters = {name.removeprefix(own): array for name, array in model.parameters.items() if name.startswith(own)}
        self.place, self.config, self.steps = place, model.config, model._steps
        self.attention_norm, self.feed_forward_norm = parameters["attention.norm"], parameters["feed_forward.norm"]
        # As the course writes it, x W; the transposes are views of what is stored.
        self.w_query_key_value, self.w_output = (
            parameters[f"attention.w_{name}"].T for name in ("query_key_value", "output")
        )
        self.w_gate_up, self.w_down = (parameters[f"feed_forward.w_{name}"].T for name in ("gate_up", "down"))

    def __call__(
        self,
        x: FloatArray,
        cache: KeyValueCache,
        asked: _Asked,
    ) -> FloatArray:
        x = x + self._attend(x, cache, asked)
        x += in_blocks(self._think, x, x.shape[-1])
        return x

    def _attend(
        self,
        x: FloatArray,
        cache: KeyValueCache,
        asked: _Asked,
    ) -> FloatArray:
        steps, n_heads, n_kv_heads = self.steps, self.config.n_heads, self.config.n_kv_heads
        normal = rms_norm(x, self.attention_norm, self.config.norm_epsilon)
        heads = steps.split_heads(steps.project(normal, self.w_query_key_value), n_heads + 2 * n_kv_heads)
        positions = np.arange(cache.n_seen, cache.n_seen + len(x))
        turned = steps.rotate(heads[: n_heads + n_kv_heads], positions)
        query, value = turned[:n_heads], heads[n_heads + n_kv_heads :]
        keys, values = cache.append(turned[n_heads:], value)
        weights = asked.weights
        output = steps.attention(query, keys, values) if weights is None else weighted_sum(weights, values)
        if asked.without_heads:
            output = np.copy(output)
            output[asked.without_heads] = 0
        if asked.record is not None:
            weights = steps.attention_weights(query, keys) if weights is None else weights
            asked.record(self.place, HeadsAtWork(weights, values, output))
        return steps.project(steps.merge_heads(output), self.w_output)

    def _think(self, x: FloatArray) -> FloatArray:
        """Apply the feed-forward layer: ``(silu(x W_gate) * x W_up) W_down``, with silu(g) = g / (1 + e^-g)."""
        normal = rms_norm(x, self.feed_forward_norm, self.config.norm_epsilon)
        both = normal @ self.w_gate_up
        gate, up = both[:, : self.config.d_hidden], both[:, self.config.d_hidden :]
        up *= silu(gate)
        return up @ self.w_down
