"""Softmax: scores become weights that are positive and sum to 1 (lesson 03)."""

import numpy as np
from numpy.typing import ArrayLike

from course_lib.errors import ShapeError
from course_lib.shapes import FloatArray, as_floats, compute_dtype, require_integer, require_number, to_dtype_of


def softmax(scores: ArrayLike, *, axis: int = -1, temperature: float = 1.0) -> FloatArray:
    """Turn scores into weights: ``exp(s_j / T) / sum_k exp(s_k / T)`` along `axis`.

    The largest score is subtracted first. It changes nothing in the result, since it cancels in the fraction, and
    keeps ``exp`` from overflowing. A score of ``-inf`` gets weight 0; where all are ``-inf``, all weights are 0.

    Parameters
    ----------
    scores : array_like, shape (..., n_keys)
    axis : int
        The axis that shall sum to 1; the keys' axis in attention.
    temperature : float
        Above 1 flattens the weights, below 1 sharpens them.

    Returns
    -------
    ndarray, the shape of `scores`
        Between 0 and 1, with sum 1 along `axis`.

    Raises
    ------
    ShapeError
        If `scores` has no axis `axis`.
    DtypeError
        If `scores` does not hold real numbers.
    OptionError
        If `temperature` is not a finite number above 0, or `axis` is no whole number.

    References
    ----------
    Bridle 1990, "Probabilistic Interpretation of Feedforward Classification Network Outputs"; the temperature
    as in Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", equation 1.

    Examples
    --------
    >>> softmax([[0, 0], [np.log(3), 0]])
    array([[0.5 , 0.5 ],
           [0.75, 0.25]])
    """
    scores = as_floats("scores", scores)
    axis = require_integer("axis", axis)
    if not -scores.ndim <= axis < scores.ndim:
        raise ShapeError(
            f"scores has shape {scores.shape} and no axis {axis}; softmax needs the axis of the keys, usually -1."
        )
    temperature = require_number("temperature", temperature, positive=True)
    exact = scores.astype(compute_dtype(scores), copy=False)
    return to_dtype_of(normalised_exponentials(exact, axis=axis, temperature=temperature), scores)


def normalised_exponentials(
    scores: FloatArray, *, axis: int = -1, temperature: float = 1.0, out: FloatArray | None = None
) -> FloatArray:
    """Return the softmax of float32 or float64 scores, computed in `out` if given (it may be `scores` itself)."""
    lowest = np.finfo(scores.dtype).min  # the maximum of all -inf; -inf - -inf would be NaN
    weights: FloatArray = np.subtract(scores, scores.max(axis=axis, keepdims=True, initial=lowest), out=out)
    if temperature != 1:
        weights /= temperature
    np.exp(weights, out=weights)
    # The largest score brings exp(0) = 1, so a sum below 1 is that of a row without any finite score: zeros over 1.
    weights /= np.maximum(weights.sum(axis=axis, keepdims=True), 1)
    return weights
