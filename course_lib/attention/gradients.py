"""Gradients by hand: how the output's error goes back through each step of attention (lesson 10)."""

import numpy as np
from numpy.typing import ArrayLike

from course_lib.attention.dot_product import attention_weights, check_value
from course_lib.attention.masks import Window
from course_lib.attention.scores import check_query_and_key, scale_factor
from course_lib.errors import ShapeError
from course_lib.shapes import (
    FloatArray,
    as_floats,
    compute_dtype,
    matrix_product,
    require_axes,
    require_broadcastable,
    require_same_size,
    to_dtype_of,
)

ROW_AXES = ("n_keys",)


def softmax_backward(weights: ArrayLike, grad_weights: ArrayLike) -> FloatArray:
    """Lead the gradient back through softmax: ``grad_scores_j = w_j (g_j - sum_k w_k g_k)``, row by row.

    The weights compete: what raises all of them alike changes nothing, so every row of the result sums to 0. Where the
    weights are nearly one-hot, little gets through; this is why scores are kept small by ``1 / sqrt(d_k)``.

    Parameters
    ----------
    weights : array_like, shape (..., n_queries, n_keys)
        What softmax returned.
    grad_weights : array_like, shape (..., n_queries, n_keys)
        The gradient with respect to the weights. Leading axes broadcast.

    Returns
    -------
    ndarray, shape (..., n_queries, n_keys)
        The gradient with respect to the scores; 0 where the weight is 0.

    Raises
    ------
    ShapeError
        If the two arrays disagree on n_keys, or their other axes do not fit.
    DtypeError
        If an array does not hold real numbers.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.1 and footnote 4 (why large scores stop learning);
    the derivative as in Bridle 1990, "Probabilistic Interpretation of Feedforward Classification Network Outputs".

    Examples
    --------
    >>> softmax_backward([[0.5, 0.5], [0.75, 0.25]], [[4, 0], [16, 0]])
    array([[ 1., -1.],
           [ 3., -3.]])
    """
    weights, grad_weights = as_floats("weights", weights), as_floats("grad_weights", grad_weights)
    require_axes("weights", weights, ROW_AXES)
    require_axes("grad_weights", grad_weights, ROW_AXES)
    require_same_size(
        "n_keys", ("weights", weights, ROW_AXES), ("grad_weights", grad_weights, ROW_AXES),
        "Every weight has one gradient.",
    )  # fmt: skip
    require_broadcastable(
        "The axes of weights and grad_weights", weights.shape, grad_weights.shape, why="Make them equal or 1."
    )
    dtype = compute_dtype(weights, grad_weights)
    w, g = weights.astype(dtype, copy=False), grad_weights.astype(dtype, copy=False)
    return to_dtype_of(w * (g - (w * g).sum(axis=-1, keepdims=True)), weights, grad_weights)


def attention_backward(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    grad_output: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    offset: int = 0,
    window: Window | None = None,
    scale: float | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lead the gradient back through `attention`, to its query, key and value.

    With weights W and scores S: ``grad_V = W^T grad_O``, ``grad_W = grad_O V^T``, ``grad_S`` by `softmax_backward`,
    ``grad_Q = grad_S K scale``, ``grad_K = grad_S^T Q scale``. What was broadcast or shared by a group of heads gets
    the sum over its copies.

    Parameters
    ----------
    query : array_like, shape (..., n_heads, n_queries, d_k)
    key : array_like, shape (..., n_heads, n_keys, d_k)
    value : array_like, shape (..., n_heads, n_keys, d_v)
    grad_output : array_like, shape (..., n_heads, n_queries, d_v)
        The gradient with respect to what `attention` returned, of the same shape.
    mask, is_causal, offset, window, scale
        As they were passed to `attention`.

    Returns
    -------
    grad_query, grad_key, grad_value : ndarrays
        Each of the shape and dtype of its array. Masked pairs pass nothing on; a query that may attend to nothing
        has gradient 0.

    Raises
    ------
    ShapeError
        If two arrays disagree on an axis, the mask does not broadcast to the scores, or `grad_output` does not have
        the shape of the output.
    DtypeError
        If an array does not hold real numbers, or the mask is neither bool nor float.
    OptionError
        If `offset`, `window` or `scale` is not as described.

    References
    ----------
    Dao et al. 2022, "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness", appendix B
    (the backward pass).

    Examples
    --------
    Both keys match alike, so each value gets half of each output's gradient; the gradients of the two scores are
    those of their values' difference, 2 and 0, a quarter of it each way.

    >>> grad_query, grad_key, grad_value = attention_backward(
    ...     [[0, 0], [1, 0]], [[1, 0], [1, 4]], [[2], [0]], [[2], [4]], scale=1)
    >>> grad_value
    array([[3.],
           [3.]])
    >>> grad_query
    array([[ 0., -4.],
           [ 0., -8.]])
    >>> grad_key
    array([[ 2.,  0.],
           [-2.,  0.]])
    """
    given = [as_floats(name, array) for name, array in (("query", query), ("key", key), ("value", value))]
    grad_output = as_floats("grad_output", grad_output)
    dtype = compute_dtype(*given, grad_output)
    query, key, value = (array.astype(dtype, copy=False) for array in given)
    weights = attention_weights(
        query, key, mask=mask, is_causal=is_causal, offset=offset, window=window, scale=scale
    )  # fmt: skip
    query, key = check_query_and_key(query, key)
    value = check_value(weights, value)
    _check_grad_output(grad_output, weights, value)
    grad_output = grad_output.astype(dtype, copy=False)

    grad_value = matrix_product(weights.swapaxes(-1, -2), grad_output)
    grad_weights = matrix_product(grad_output, value.swapaxes(-1, -2))
    grad_scores = softmax_backward(weights, grad_weights) * scale_factor(query, scale)
    grad_query = matrix_product(grad_scores, key)
    grad_key = matrix_product(grad_scores.swapaxes(-1, -2), query)
    grads = (grad_query, grad_key, grad_value)
    grad_query, grad_key, grad_value = (
        to_dtype_of(_summed_over_copies(grad, array.shape), array) for grad, array in zip(grads, given, strict=True)
    )
    return grad_query, grad_key, grad_value


def _check_grad_output(grad_output: FloatArray, weights: FloatArray, value: FloatArray) -> None:
    expected = (*np.broadcast_shapes(weights.shape[:-2], value.shape[:-2]), weights.shape[-2], value.shape[-1])
    if grad_output.shape != expected:
        raise ShapeError(
            f"grad_output must have the shape of the output, {expected} = (..., n_queries, d_v), "
            f"but it has shape {grad_output.shape}."
        )


def _summed_over_copies(grad: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Sum `grad` over what an array of `shape` was copied along: new leading axes, axes of 1, groups of heads."""
    grad = grad.sum(axis=tuple(range(grad.ndim - len(shape))))
    for axis, size in enumerate(shape):
        if grad.shape[axis] != size:
            groups = (*grad.shape[:axis], size, grad.shape[axis] // size, *grad.shape[axis + 1 :])
            grad = grad.reshape(groups).sum(axis=axis + 1)
    return grad
