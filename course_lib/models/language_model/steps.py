"""The steps of attention in a language model: the library's, or those that a learner wrote in the exercises."""

import difflib
import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from course_lib import attention as library
from course_lib.attention import attention_weights
from course_lib.attention.threads import count_processors, share_out
from course_lib.errors import OptionError, ShapeError
from course_lib.models.language_model.config import LanguageModelConfig
from course_lib.models.language_model.layers import in_blocks
from course_lib.shapes import FloatArray

# Every step that can be replaced, called as the exercises ask for it.
STEPS = {
    "project": "project(x, weight)",
    "split_heads": "split_heads(x, n_heads)",
    "rotate": "rotate(x, positions)",
    "repeat_kv": "repeat_kv(x, n_repeats)",
    "causal_mask": "causal_mask(seq_len)",
    "scaled_scores": "scaled_scores(query, key)",
    "softmax": "softmax(scores)",
    "weighted_sum": "weighted_sum(weights, value)",
    "attention": "attention(query, key, value)",
    "masked_attention": "masked_attention(query, key, value, mask)",
    "merge_heads": "merge_heads(x)",
}
# These are attention as a whole: with one of them, the steps that it is made of are not called by themselves.
_WHOLE = ("attention", "masked_attention")
_PARTS = ("scaled_scores", "softmax", "weighted_sum")
_QUERIES_A_BLOCK = 96  # their scores with some hundred keys stay in a processor's own cache


class Steps:
    """The steps of attention, each by name; what is not given is the library's.

    Parameters
    ----------
    config : LanguageModelConfig
    given : mapping of str to callable
        Functions in place of the library's.

    Attributes
    ----------
    calls : collections.Counter
        How often each given function was called.
    """

    def __init__(self, config: LanguageModelConfig, given: Mapping[str, Callable[..., Any]]) -> None:
        _check_given(given)
        self.config, self.given = config, dict(given)
        self.calls: Counter[str] = Counter(dict.fromkeys(given, 0))
        self._rotate_takes_base = "rotate" in given and _takes(given["rotate"], "base")

    def project(self, x: FloatArray, weight: FloatArray) -> FloatArray:
        """Return ``x W``, shape (seq_len, d_out)."""
        if "project" not in self.given:
            return in_blocks(lambda rows: rows @ weight, x, weight.shape[1])
        return self._call("project", (len(x), weight.shape[1]), x, weight)

    def split_heads(self, x: FloatArray, n_heads: int) -> FloatArray:
        """Return (n_heads, seq_len, d_k)."""
        if "split_heads" not in self.given:
            return library.split_heads(x, n_heads)
        return self._call("split_heads", (n_heads, len(x), x.shape[1] // n_heads), x, n_heads)

    def merge_heads(self, x: FloatArray) -> FloatArray:
        """Return (seq_len, d_model)."""
        if "merge_heads" not in self.given:
            return library.merge_heads(x)
        return self._call("merge_heads", (x.shape[1], x.shape[0] * x.shape[2]), x)

    def rotate(self, x: FloatArray, positions: np.ndarray[Any, Any]) -> FloatArray:
        """Turn neighbouring components by their token's position, to the model's own base."""
        base = self.config.rotary_base
        if "rotate" not in self.given:
            return library.rotate(x, positions, base=base)
        if self._rotate_takes_base:
            return self._call("rotate", x.shape, x, positions, base=base)
        # A function without `base` turns the first pair by the position itself, whatever its base is. So each pair of
        # each token comes as a token of two components, at the angle that it shall turn by.
        d_k = x.shape[-1]
        angles = np.multiply.outer(positions, base ** (-np.arange(0, d_k, 2) / d_k)).reshape(-1)
        pairs = x.reshape(*x.shape[:-2], len(angles), 2)
        return self._call("rotate", pairs.shape, pairs, angles).reshape(x.shape)

    def attention(self, query: FloatArray, keys: FloatArray, values: FloatArray) -> FloatArray:
        """Let the last tokens attend to all up to themselves.

        Parameters
        ----------
        query : ndarray, shape (n_heads, n_queries, d_k)
        keys, values : ndarray, shape (n_kv_heads, n_keys, d_k)

        Returns
        -------
        ndarray, shape (n_heads, n_queries, d_k)
        """
        offset = keys.shape[-2] - query.shape[-2]
        if not self.given.keys() & {"repeat_kv", "causal_mask", *_WHOLE, *_PARTS}:
            return _library_attention(query, keys, values, offset)
        keys, values = self._repeated(keys), self._repeated(values)
        if "attention" in self.given:
            return self._query_by_query(query, keys, values, offset)
        mask = self._mask(query.shape[-2], keys.shape[-2])
        if "masked_attention" in self.given:
            return self._call("masked_attention", query.shape, query, keys, values, mask)
        return self._weighted_sum(self._weights(query, keys, mask), values)

    def attention_weights(self, query: FloatArray, keys: FloatArray) -> FloatArray:
        """Return the weights of `attention`, shape (n_heads, n_queries, n_keys)."""
        n_queries, n_keys = query.shape[-2], keys.shape[-2]
        if not self.given.keys() & {"repeat_kv", "causal_mask", *_PARTS}:
            return attention_weights(query, keys, is_causal=True, offset=n_keys - n_queries)
        return self._weights(query, self._repeated(keys), self._mask(n_queries, n_keys))

    def _repeated(self, x: FloatArray) -> FloatArray:
        n_repeats = self.config.n_repeats
        if "repeat_kv" not in self.given:
            return library.repeat_kv(x, n_repeats)
        return self._call("repeat_kv", (x.shape[0] * n_repeats, *x.shape[1:]), x, n_repeats)

    def _mask(self, n_queries: int, n_keys: int) -> np.ndarray[Any, Any]:
        """Return the rows of the causal mask that belong to the last queries."""
        if "causal_mask" not in self.given:
            return library.causal_mask(n_queries, n_keys, offset=n_keys - n_queries)
        # The mask of a whole text, of which the last rows are asked for here.
        whole = self._call("causal_mask", (n_keys, n_keys), n_keys, check=_check_mask)
        return whole[n_keys - n_queries :].astype(np.bool_)

    def _weights(self, query: FloatArray, keys: FloatArray, mask: np.ndarray[Any, Any]) -> FloatArray:
        shape = (*query.shape[:-1], keys.shape[-2])
        scores = library.scaled_scores(query, keys) if "scaled_scores" not in self.given else None
        if scores is None:
            scores = self._call("scaled_scores", shape, query, keys)
        scores = np.where(mask, scores, np.float32(-np.inf))
        return library.softmax(scores) if "softmax" not in self.given else self._call("softmax", shape, scores)

    def _weighted_sum(self, weights: FloatArray, values: FloatArray) -> FloatArray:
        if "weighted_sum" not in self.given:
            return library.weighted_sum(weights, values)
        return self._call("weighted_sum", (*weights.shape[:-1], values.shape[-1]), weights, values)

    def _query_by_query(self, query: FloatArray, keys: FloatArray, values: FloatArray, offset: int) -> FloatArray:
        """Show each query the keys up to its own token: what is not there needs no mask."""
        output = np.empty_like(query)
        for place in range(query.shape[-2]):
            seen = offset + place + 1
            one = query[:, place : place + 1]
            output[:, place : place + 1] = self._call("attention", one.shape, one, keys[:, :seen], values[:, :seen])
        return output

    def _call(
        self,
        name: str,
        shape: tuple[int, ...],
        *arguments: Any,
        check: "Callable[[FloatArray], None] | None" = None,
        **options: Any,
    ) -> FloatArray:
        """Call a learner's function and look at what comes back, before it is lost in thirty layers."""
        self.calls[name] += 1
        try:
            result = self.given[name](*arguments, **options)
        except Exception as error:
            given = ", ".join(str(one.shape) if isinstance(one, np.ndarray) else str(one) for one in arguments)
            error.add_note(f"This happened in your {name}, called as {STEPS[name]}, with {given}.")
            raise
        array, found = _as_array(result)
        if array is None or array.shape != shape:
            raise ShapeError(
                f"Your {name} has to return an array of shape {shape} here, but it returned {found}. "
                f'It was called as {STEPS[name]}. Does check("{name}", {name}) pass?'
            )
        numbers: FloatArray = array.astype(np.float32, copy=False)
        if check is not None:
            check(numbers)
        if not np.isfinite(numbers).all():
            raise OptionError(
                f"Your {name} returned NaN or infinite numbers. It was called as {STEPS[name]}. "
                f'Does check("{name}", {name}) pass?'
            )
        return numbers


def _as_array(result: Any) -> tuple["np.ndarray[Any, Any] | None", str]:
    """Return what a function returned as an array of numbers, None where it is none, and what it is in words."""
    if isinstance(result, tuple):
        return None, f"a tuple of {len(result)}"
    try:
        array = np.asarray(result)
    except ValueError:
        return None, "rows of different lengths"
    if array.dtype.kind in "fiub":
        return array, f"an array of shape {array.shape}"
    if isinstance(result, np.ndarray):
        return None, f"an array of {result.dtype}"
    return None, " ".join(repr(result).split())[:80]


def _check_mask(mask: FloatArray) -> None:
    if not np.isin(mask, (0, 1)).all():
        raise OptionError(
            "Your causal_mask has to return True where a query may attend and False elsewhere, but it holds other "
            'numbers. It was called as causal_mask(seq_len). Does check("causal_mask", causal_mask) pass?'
        )


def _library_attention(query: FloatArray, keys: FloatArray, values: FloatArray, offset: int) -> FloatArray:
    """Attend causally, the queries in blocks, each with the keys that it sees: half of all scores are never made."""
    n_kv_heads, _, d_k = keys.shape
    n_queries = query.shape[-2]
    if n_queries == 1:
        # The queries of a group all stand at one position, so they are as many queries of one head: no key is repeated.
        groups = query.reshape(n_kv_heads, -1, d_k)
        return library.attention(groups, keys, values).reshape(query.shape)
    n_repeats = len(query) // n_kv_heads
    keys, values = library.repeat_kv(keys, n_repeats), library.repeat_kv(values, n_repeats)
    output = np.empty_like(query)

    def work(begin: int) -> None:
        end = min(begin + _QUERIES_A_BLOCK, n_queries)
        seen = offset + end
        output[:, begin:end] = library.attention(
            query[:, begin:end], keys[:, :seen], values[:, :seen], is_causal=True, offset=offset + begin
        )

    blocks = range(0, n_queries, _QUERIES_A_BLOCK)
    share_out(reversed(blocks), lambda: work, min(count_processors(), len(blocks)))  # the last ones see most
    return output


def _check_given(given: Mapping[str, Callable[..., Any]]) -> None:
    for name, function in given.items():
        if name not in STEPS:
            near = difflib.get_close_matches(name.lower(), STEPS, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise OptionError(f"There is no step {name!r} to replace.{meant} The steps are {', '.join(STEPS)}.")
        if not callable(function):
            raise OptionError(f"{name} must be a function, called as {STEPS[name]}, but it is {function!r}.")
    whole = [name for name in _WHOLE if name in given]
    parts = [name for name in _PARTS if name in given]
    if len(whole) == 2 or (whole and parts):
        raise OptionError(
            f"{whole[0]} is attention as a whole, so {', '.join([*whole[1:], *parts])} would never be called. "
            "Pass one or the other."
        )


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built in
        return False
    return any(one.name == name or one.kind is one.VAR_KEYWORD for one in parameters)
