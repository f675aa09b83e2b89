"""Exercise 09, third part: one step of decoding with a cache."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_lib.attention import attention, softmax
from course_lib.checks.exercises.cases import Floats, draw_attention
from course_lib.checks.exercises.exercise_02 import products, scale_programs
from course_lib.checks.exercises.softmaxes import unstable_programs
from course_lib.checks.running.through import Cache, decode, decode_cache, most_exponentials_decoding
from course_lib.checks.tasks import (
    LARGE_TOLERANCE,
    TOLERANCE,
    Arguments,
    Family,
    FunctionTask,
    Named,
    Property,
    Stage,
    WrongProgram,
)

LESSON = 9

Returned = tuple[Floats, Cache]


def _family(
    label: str, n_cached: int, seq_len: int, d_k: int, d_v: int, *, leading: tuple[int, ...] = (),
    stage: Stage = "plain", single: bool = False, offset: float = 0.0, across: bool = False,
) -> Family:  # fmt: skip
    def make(rng: np.random.Generator) -> Arguments:
        drawn = draw_attention(
            rng, leading=leading, n_queries=seq_len, n_keys=n_cached + seq_len, d_k=d_k, d_v=d_v, offset=offset,
            across=across, dtype=np.float32 if single else np.float64,
        )  # fmt: skip
        return _with_cache(n_cached, **drawn)

    return Family(label, make, stage, LARGE_TOLERANCE if offset else TOLERANCE)


def _with_cache(n_cached: int, query: Any, key: Any, value: Any) -> Arguments:
    """Return the arguments of a case in which the first `n_cached` tokens are cached already."""
    cache = (key[..., :n_cached, :], value[..., :n_cached, :])
    return {"query": query, "key": key[..., n_cached:, :], "value": value[..., n_cached:, :], "cache": cache}


def _longer(cache: Sequence[Floats], key: Floats, value: Floats) -> Cache:
    """Return the cache with a token more at its end."""
    return np.concatenate([cache[0], key], axis=-2), np.concatenate([cache[1], value], axis=-2)


def _full_pass(query: Floats, key: Floats, value: Floats, cache: Cache) -> Floats:
    """Attend all at once, behind a causal mask: what decoding must agree with."""
    n_cached = cache[0].shape[-2]
    return attention(query, *_longer(cache, key, value), is_causal=True, offset=n_cached)


def _plain(query: Floats, keys: Floats, values: Floats) -> Floats:
    scores = products(query, keys) / np.sqrt(query.shape[-1])
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))  # stops where there are no keys
    output: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True) @ values
    return output


def _attending(attend: Callable[..., Any]) -> Callable[..., Any]:
    """Return a program with a right cache, and the output ``attend(query, keys, values)``."""

    def program(query: Floats, key: Floats, value: Floats, cache: Cache) -> Any:
        keys, values = _longer(cache, key, value)
        return attend(query, keys, values), (keys, values)

    return program


def _caching(keep: Callable[[Floats, Floats, Floats, Cache], Any]) -> Callable[..., Any]:
    """Return a program with a right output, and the cache ``keep(query, key, value, cache)``."""

    def program(query: Floats, key: Floats, value: Floats, cache: Cache) -> Any:
        return _plain(query, *_longer(cache, key, value)), keep(query, key, value, cache)

    return program


def _queries_cached(query: Floats, key: Floats, value: Floats, cache: Cache) -> Returned:
    keys, values = _longer(cache, query, value)
    return _plain(query, keys, values), (keys, values)


def _values_in_front(query: Floats, key: Floats, value: Floats, cache: Cache) -> Returned:
    keys, values = np.concatenate([cache[0], key], axis=-2), np.concatenate([value, cache[1]], axis=-2)
    return _plain(query, keys, values), (keys, values)


def _newest_in_front(query: Floats, key: Floats, value: Floats, cache: Cache) -> Returned:
    keys, values = np.concatenate([key, cache[0]], axis=-2), np.concatenate([value, cache[1]], axis=-2)
    return _plain(query, keys, values), (keys, values)


def _twice(query: Floats, key: Floats, value: Floats, cache: Cache) -> Returned:
    keys, values = _longer(_longer(cache, key, value), key, value)
    return _plain(query, keys, values), (keys, values)


def _every_query_again(query: Floats, keys: Floats, values: Floats) -> Floats:
    return _plain(np.repeat(query, keys.shape[-2], axis=-2), keys, values)[..., -1:, :]


_NEWEST_IN_FRONT = WrongProgram(
    "newest_in_front", None, _newest_in_front,
    "The outputs are right, since attention does not see the order of keys. But masks, windows and positions count the "
    "keys from the oldest on.",
    "the order in which old and new are joined.",
)  # fmt: skip
_EVERY_QUERY_AGAIN = WrongProgram(
    "every_query_again", "M27", _attending(_every_query_again),
    "The output is right, and it was picked from a whole table of scores. One new token has one query, and earlier "
    "queries are never needed again: that is why keys and values are cached, and no queries.",
    "the number of rows of your scores: one is enough.",
)  # fmt: skip

_PROGRAMS = (
    WrongProgram(
        "cache_as_before", "M27", _caching(lambda query, key, value, cache: cache),
        "The first output is right. But the cache came back as it was, so the next token does not know this one. Every "
        "later query needs the keys and values of all tokens before it.",
        "what is returned as the new cache.",
    ),
    WrongProgram(
        "only_the_newest_cached", "M27", _caching(lambda query, key, value, cache: (key, value)),
        "The new key and value took the place of all earlier ones, so the next token will know this one only. The "
        "cache grows by one token in each step.",
        "what is returned as the new cache.",
    ),
    WrongProgram(
        "queries_cached", "M27", _queries_cached,
        "The query went into the cache where the key belongs. A query asks once, when its token comes; what later "
        "tokens look for are keys.",
        "what is joined to the keys of the cache.",
    ),
    WrongProgram(
        "new_token_left_out", None,
        lambda query, key, value, cache: (_plain(query, *cache), _longer(cache, key, value)),
        "The new token attends to the earlier ones and not to itself. Its own key and value are among those it may "
        "attend to, and for the very first token they are the only ones.",
        "the order: first the cache grows, then the query meets it.",
    ),
    WrongProgram(
        "only_itself", None,
        lambda query, key, value, cache: (_plain(query, key, value), _longer(cache, key, value)),
        "The new token attends to itself alone: the output is its own value. Its query has to meet all keys of the "
        "cache.",
        "which keys and values the query meets.",
    ),
    WrongProgram(
        "values_in_front", None, _values_in_front,
        "New keys are joined at the end and new values in front, so a key's weight goes to another token's value. Row "
        "j of both has to be the same token.",
        "the order in which old and new are joined, for both.",
    ),
    WrongProgram(
        "joined_twice", None, _twice,
        "The new token stands in the cache twice, and so gets two shares of attention.",
        "how often the new key and value are joined.",
    ),
    WrongProgram(
        "causal_mask_without_offset", None,
        _attending(lambda query, keys, values: attention(query, keys, values, is_causal=True)),
        "Every output is the value of the very first token: the mask takes your one query for query 0, which may see "
        "key 0 only. It stands behind all cached keys, and may see every one of them.",
        "the mask: with everything in the past, is one needed?",
    ),
    WrongProgram(
        "key_asks", "M07", _attending(lambda query, keys, values: _plain(keys[..., -1:, :], keys, values)),
        "The new key was compared with all keys. It is the query that asks.",
        "which array stands on the left of the dot products.",
    ),
    *(
        WrongProgram(program.slug, program.confusion, _attending(program.program), program.why, program.look)
        for program in scale_programs(lambda scores, values: softmax(scores) @ values)
        if program.slug != "over_sqrt_n_queries"  # there is one query, and its square root changes nothing
    ),
    WrongProgram(
        "no_softmax", "M01",
        _attending(lambda query, keys, values: products(query, keys) / np.sqrt(query.shape[-1]) @ values),
        "The scores went straight into the sum. Softmax makes weights out of them, and the values are mixed by "
        "weights.",
        "between the scores and the sum: which step is missing?",
    ),
    *(
        WrongProgram(program.slug, program.confusion, _attending(program.program), program.why, program.look)
        for program in unstable_programs(
            lambda function, query, keys, values: function(products(query, keys) / np.sqrt(query.shape[-1])) @ values
        )
        if program.slug != "one_maximum_for_all"  # which is right where there is one row
    ),
    _NEWEST_IN_FRONT,
    _EVERY_QUERY_AGAIN,
)  # fmt: skip


def _example(rng: np.random.Generator, n_cached: int, seq_len: int) -> tuple[Arguments, Floats]:
    """Return the arguments of an example, and its keys and values side by side, in order."""
    arguments = _family("", n_cached, seq_len, 3, 2).make(rng)
    key, value, cache = (arguments[name] for name in ("key", "value", "cache"))
    assert isinstance(cache, tuple)
    parts = [np.concatenate([old, np.asarray(new)]) for old, new in zip(cache, (key, value), strict=True)]
    return arguments, np.concatenate(parts, axis=-1)


def _in_reverse(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    arguments, expected = _example(rng, 0, 4)
    found = call(**arguments)
    is_reversed = found.shape == expected.shape and np.allclose(found, expected[::-1], atol=1e-4)
    return "In an example with 4 tokens it begins with the last." if is_reversed else None


def _other_content(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    arguments, expected = _example(rng, 2, 4)
    found = call(**arguments)
    if found.shape == expected.shape and np.allclose(found, expected, atol=1e-4):
        return None
    return "In an example with 2 cached tokens and 4 new ones it holds something else."


def _more_than_one_row(call: Callable[..., Floats], rng: np.random.Generator) -> str | None:
    n_cached, seq_len = 16, 3
    arguments, _ = _example(rng, n_cached, seq_len)
    at_once = call(**arguments)
    if at_once.size == 0 or at_once[0] <= n_cached + seq_len:
        return None
    return (
        f"With {n_cached + seq_len} keys your function took the exponential of {at_once[0]:.0f} scores at once; one "
        f"row has {n_cached + seq_len}."
    )


_IN_ORDER = "After each call the new cache holds the keys and the values of all tokens, the oldest first."

DECODE_STEP = FunctionTask(
    name="decode_step",
    lesson=LESSON,
    title="A step with a cache",
    asked="`decode_step(query, key, value, cache)` takes one new token, (1, d_k), (1, d_k) and (1, d_v), and the keys "
    "and values of all tokens before, cache = (keys, values). It returns two things: output, (1, d_v), and the new "
    "cache. The check calls it once for each token; row t of outputs came from call t.",
    arguments=tuple(
        Named(name, axes) for name, axes in (
            ("query", ("seq_len", "d_k")), ("key", ("seq_len", "d_k")), ("value", ("seq_len", "d_v")), ("cache", ()),
        )
    ),
    result=Named("outputs", ("seq_len", "d_v")),
    reference=_full_pass,
    families=(
        _family("tokens after 2 that are cached", 2, 3, 5, 4),
        _family("an empty cache at first", 0, 4, 3, 5),
        _family("a single token after 4", 4, 1, 3, 2),
        _family("leading axes", 1, 4, 5, 6, leading=(2, 3), stage="batched"),
        _family("one leading axis", 0, 3, 5, 4, leading=(2,), stage="batched"),
        _family("float32", 2, 3, 4, 6, stage="precision", single=True),
        _family("scores around 1500 and -1500", 2, 3, 5, 4, stage="large", offset=1500.0),
        _family("rows from -1500 to 1500", 2, 3, 5, 4, stage="large", offset=1500.0, across=True),
    ),
    separators=(_family("a square", 2, 3, 3, 3), _family("a cube", 1, 3, 3, 3, leading=(3,))),
    programs=_PROGRAMS,
    properties=(
        Property(_IN_ORDER, _in_reverse, _NEWEST_IN_FRONT, decode_cache),
        Property(_IN_ORDER, _other_content, through=decode_cache),
        Property("One new token computes one row of scores.", _more_than_one_row, _EVERY_QUERY_AGAIN,
                 most_exponentials_decoding),
    ),
    hints=(
        "What does token t need of the tokens before it? Look at the formula of one row of the output: which of their "
        "vectors occur in it?",
        "First the cache grows by one token, keys and values alike; then the one query meets all keys. "
        "`np.concatenate` joins arrays along an axis: which one counts the tokens, from the end?",
        "Join old and new keys, join old and new values, let the query attend to both, and return the output "
        "together with the pair of joined arrays. All keys are in the past: no mask is needed.",
    ),
    points=2,
    through=decode,
    seen_as=", one call for each token",
)  # fmt: skip
