"""Ways to call an answer: step by step with a cache, many times with one generator, or with its cost counted.

Each takes the answer and the arguments of a case, and gives one array. They run where the answer runs.
"""

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.checks.running.outcomes import OddResultError, look_at

Floats = NDArray[np.floating]
Cache = tuple[Floats, Floats]

# So many that at rates from 0.4 to 0.6 each number is kept at least once, and dropped at least once.
N_CALLS = 40
_EXPONENTIALS = (np.exp, np.exp2, np.expm1)


def decode(answer: Callable[..., Any], query: Floats, key: Floats, value: Floats, cache: Cache) -> Any:
    """Call ``decode_step`` once for each token, each time with the cache of the call before; return all outputs."""
    outputs, _ = _decoded(answer, query, key, value, cache)
    return outputs


def decode_cache(answer: Callable[..., Any], query: Floats, key: Floats, value: Floats, cache: Cache) -> Any:
    """Return the cache after the last token: its keys and values side by side, (..., n_keys, d_k + d_v)."""
    _, after = _decoded(answer, query, key, value, cache)
    keys, values = (np.asarray(part) for part in after)
    fits = keys.ndim == values.ndim == key.ndim and keys.shape[:-1] == values.shape[:-1]
    return np.concatenate([keys, values], axis=-1) if fits else np.empty(0)


def _decoded(answer: Callable[..., Any], query: Floats, key: Floats, value: Floats, cache: Any) -> tuple[Any, Any]:
    outputs: list[Any] = []
    for t in range(query.shape[-2]):
        token = (..., slice(t, t + 1), slice(None))
        returned = answer(query[token], key[token], value[token], cache)
        if returned is None or returned is Ellipsis:
            return returned, cache
        output, cache = _output_and_cache(returned)
        if any(part is Ellipsis for part in (output, *cache)):
            return ..., cache
        expected = value[token].shape
        if np.shape(output) != expected:
            raise OddResultError(f"an output of shape {np.shape(output)} for one token, where {expected} is wanted")
        outputs.append(output)
    return np.concatenate(outputs, axis=-2), cache


def _output_and_cache(returned: Any) -> tuple[Any, tuple[Any, ...]]:
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        came = f"an array of shape {returned.shape}" if isinstance(returned, np.ndarray) else type(returned).__name__
        raise OddResultError(f"{came}, where two things are wanted, the output and the new cache")
    output, cache = returned
    if cache is Ellipsis:
        return output, (cache,)
    if not isinstance(cache, tuple | list) or len(cache) != 2:
        raise OddResultError(f"a cache of type {type(cache).__name__}, where the pair (keys, values) is wanted")
    return output, tuple(cache)


def kept_values(answer: Callable[..., Any], weights: Floats, rate: float, rng: np.random.Generator) -> Any:
    """Call ``dropout`` many times with one generator, and return what each number is where it is kept.

    Which numbers are dropped depends on how the generator is used, and any way of using it is right. A number that was
    never kept is shown as those that were: with their factor.
    """
    largest, n_zeros = np.zeros(weights.shape), 0
    before = weights.copy()
    for _ in range(N_CALLS):
        given = before.copy()
        returned = answer(given, rate, rng)
        if not np.array_equal(given, before):
            weights[...] = given  # so that the runner sees it
        array = look_at(returned).array
        if array is None or array.shape != largest.shape:
            return returned
        n_zeros += int(np.count_nonzero(array == 0))
        largest = np.where(np.abs(array) > np.abs(largest), array, largest)
    if rate > 0 and n_zeros == 0:
        raise OddResultError(f"no 0 in {N_CALLS} calls: nothing was dropped")
    factors = largest[largest != 0] / before[largest != 0]
    return np.where(largest == 0, before * (np.median(factors) if factors.size else 0), largest)


def dropped(answer: Callable[..., Any], weights: Floats, rate: float, rng: np.random.Generator) -> Floats:
    """Call ``dropout`` many times with one generator, and return 1 where a number was dropped, (n_calls, ...)."""
    results = [look_at(answer(weights.copy(), rate, rng)).array for _ in range(2 * N_CALLS)]
    return np.array([np.equal(result, 0) for result in results if result is not None], dtype=np.float64)


def most_memory(answer: Callable[..., Any], *arguments: Any) -> Floats:
    """Return how many bytes the answer held at once, more than before the call: arrays, lists and numbers."""
    is_on = tracemalloc.is_tracing()
    if not is_on:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        answer(*arguments)
        _, most = tracemalloc.get_traced_memory()
    finally:
        if not is_on:
            tracemalloc.stop()
    return np.array([max(most - before, 0)], dtype=np.float64)


def most_exponentials(answer: Callable[..., Any], *arguments: Any) -> Floats:
    """Return of how many numbers the answer took the exponential at once.

    Arrays that `np.asarray` has made plain are not seen any more, nor are Python's own numbers.
    """
    seen: list[int] = []
    answer(*(_watched(argument, seen) for argument in arguments))
    return np.array([max(seen, default=0)], dtype=np.float64)


def most_exponentials_decoding(answer: Callable[..., Any], *arguments: Any) -> Floats:
    """Return `most_exponentials` of one call of ``decode_step``, the largest over all tokens."""
    return most_exponentials(partial(decode, answer), *arguments)


class Watched(np.ndarray[Any, Any]):
    """An array that notes the size of every exponential, and so do all arrays that are computed from it."""

    seen: list[int] | None

    def __array_finalize__(self, parent: Any) -> None:
        self.seen = getattr(parent, "seen", None)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        """Compute as for plain arrays, and watch the result."""
        if out is not None:
            options["out"] = tuple(map(_plain, out))
        options = {name: _plain(option) for name, option in options.items()}
        result = getattr(ufunc, method)(*map(_plain, inputs), **options)
        seen = next((part.seen for part in (*inputs, *(out or ())) if getattr(part, "seen", None) is not None), None)
        if seen is not None and ufunc in _EXPONENTIALS:
            seen.append(np.size(result))
        if out is not None and len(out) == 1:
            return out[0]
        return _watched(result, seen)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        """Compute as for plain arrays, and watch the result: joining arrays would lose sight of it."""
        result = super().__array_function__(function, types, arguments, options)
        return result if self.seen is None else _watched(result, self.seen)


def _plain(array: Any) -> Any:
    return array.view(np.ndarray) if isinstance(array, Watched) else array


def _watched(value: Any, seen: list[int] | None) -> Any:
    """Return an array, or a tuple of arrays, as watched ones; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(_watched(part, seen) for part in value)
    if not isinstance(value, np.ndarray):
        return value
    watched = value.view(Watched)
    watched.seen = seen
    return watched
