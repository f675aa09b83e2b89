"""Multi-head attention: several attentions side by side, each with maps of its own, mixed at the end (lesson 07)."""

from numpy.typing import ArrayLike

from course_lib.attention.dot_product import attention
from course_lib.attention.heads import TOKEN_AXES, merge_heads, split_heads
from course_lib.attention.masks import Window
from course_lib.attention.projection import project
from course_lib.errors import ShapeError
from course_lib.shapes import FloatArray, as_floats, describe, require_axes, require_integer, require_same_size

MAP_AXES = ("d_model", "d_out")
OUTPUT_MAP_AXES = ("n_heads * d_v", "d_out")
MEMORY_AXES = ("n_keys", "d_model")


def multi_head_attention(
    x: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    w_value: ArrayLike,
    w_output: ArrayLike,
    n_heads: int,
    *,
    memory: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: Window | None = None,
    scale: float | None = None,
) -> FloatArray:
    """Attend in several heads at once and mix what they found: ``Concat(head_1, ..., head_h) W^O``.

    Every head's maps are a block of columns of `w_query`, `w_key` and `w_value`; every head reads all of x.

    Parameters
    ----------
    x : array_like, shape (..., seq_len, d_model)
        The tokens that ask.
    w_query : array_like, shape (d_model, n_heads * d_k)
    w_key : array_like, shape (d_model, n_kv_heads * d_k)
    w_value : array_like, shape (d_model, n_kv_heads * d_v)
        The width of `w_key` tells n_kv_heads, a divisor of `n_heads`: where it is smaller, groups of query heads
        share a key head and a value head.
    w_output : array_like, shape (n_heads * d_v, d_out)
    n_heads : int
    memory : array_like, shape (..., n_keys, d_model of the memory), optional
        The tokens that are asked, for cross-attention; None means `x` itself, self-attention.
    mask : array_like, shape (..., n_heads, seq_len, n_keys), optional
        As in `attention_weights`; a batch of masks without a head axis needs one: ``mask[:, np.newaxis]``.
    is_causal, offset, window, scale
        As in `attention_weights`.

    Returns
    -------
    ndarray, shape (..., seq_len, d_out)

    Raises
    ------
    ShapeError
        If a weight does not fit its tokens, or its width cannot be shared by the heads.
    DtypeError
        If an array does not hold real numbers, or the mask is neither bool nor float.
    OptionError
        If `n_heads` is no whole number above 0, or `offset`, `window` or `scale` is not as described.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", sections 3.2.2 and 3.2.3 (the memory is the encoder's output).
    Ainslie et al. 2023, "GQA: Training Generalized Multi-Query Transformer Models", section 2.2.

    Examples
    --------
    Both heads look at all tokens alike; the first reads x as it is, the second doubled, and W^O takes their sum.

    >>> nothing = [[0, 0, 0, 0], [0, 0, 0, 0]]
    >>> multi_head_attention([[2, 0], [0, 4]], nothing, nothing, [[1, 0, 2, 0], [0, 1, 0, 2]],
    ...                      [[1, 0], [0, 1], [1, 0], [0, 1]], 2)
    array([[3., 6.],
           [3., 6.]])
    """
    x, n_heads = as_floats("x", x), require_integer("n_heads", n_heads, minimum=1)
    asked, asked_name, asked_axes = (x, "x", TOKEN_AXES) if memory is None else (memory, "memory", MEMORY_AXES)
    memory = as_floats(asked_name, asked)
    w_query = _check_map("w_query", w_query, "x", x, TOKEN_AXES)
    w_key = _check_map("w_key", w_key, asked_name, memory, asked_axes)
    w_value = _check_map("w_value", w_value, asked_name, memory, asked_axes)
    n_kv_heads = _count_key_heads(w_query, w_key, w_value, n_heads)
    w_output = _check_output_map(w_output, w_value, n_heads, n_kv_heads)
    output = attention(
        split_heads(project(x, w_query), n_heads),
        split_heads(project(memory, w_key), n_kv_heads),
        split_heads(project(memory, w_value), n_kv_heads),
        mask=mask, is_causal=is_causal, offset=offset, window=window, scale=scale,
    )  # fmt: skip
    return project(merge_heads(output), w_output)


def _check_map(name: str, weight: ArrayLike, x_name: str, x: FloatArray, x_axes: tuple[str, ...]) -> FloatArray:
    """Return a weight that can be multiplied with the tokens from the right."""
    weight = as_floats(name, weight)
    require_axes(x_name, x, x_axes)
    require_axes(name, weight, MAP_AXES)
    require_same_size(
        "d_model", (x_name, x, x_axes), (name, weight, MAP_AXES),
        "Each token meets each column of the weight; a weight stored as (d_out, d_model) must be transposed first.",
    )  # fmt: skip
    return weight


def _count_key_heads(w_query: FloatArray, w_key: FloatArray, w_value: FloatArray, n_heads: int) -> int:
    """Return n_kv_heads, as the widths of the maps tell it."""
    d_k = _size_of_head("w_query", w_query, "n_heads", n_heads)
    n_kv_heads, rest = divmod(int(w_key.shape[-1]), d_k)
    if rest or n_kv_heads == 0 or n_heads % n_kv_heads:
        raise ShapeError(
            f"w_key must make keys of d_k={d_k} components for {n_heads} heads, or for a number of heads that divides "
            f"{n_heads}, but it makes {w_key.shape[-1]} components: {describe('w_key', w_key, MAP_AXES)} beside "
            f"{describe('w_query', w_query, MAP_AXES)}."
        )
    _size_of_head("w_value", w_value, "n_kv_heads", n_kv_heads)
    return n_kv_heads


def _size_of_head(name: str, weight: FloatArray, count_name: str, count: int) -> int:
    size, rest = divmod(int(weight.shape[-1]), count)
    if rest or size == 0:
        raise ShapeError(
            f"{name} makes {weight.shape[-1]} components, which {count_name}={count} heads cannot share equally: "
            f"you passed {describe(name, weight, MAP_AXES)}. Its last axis must be a multiple of {count}."
        )
    return size


def _check_output_map(w_output: ArrayLike, w_value: FloatArray, n_heads: int, n_kv_heads: int) -> FloatArray:
    weight = as_floats("w_output", w_output)
    require_axes("w_output", weight, OUTPUT_MAP_AXES)
    d_v = w_value.shape[-1] // n_kv_heads
    if weight.shape[-2] != n_heads * d_v:
        raise ShapeError(
            f"w_output must have n_heads * d_v = {n_heads} * {d_v} = {n_heads * d_v} rows, one for each component of "
            f"the merged heads, but it has shape {weight.shape}."
        )
    return weight
