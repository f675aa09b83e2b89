"""Dropout: at random, some weights do not count, so that the model does not lean on a few of them (lesson 10)."""

import numpy as np
from numpy.typing import ArrayLike

from course_lib.errors import OptionError
from course_lib.shapes import FloatArray, as_floats, compute_dtype, require_number, to_dtype_of


def dropout(weights: ArrayLike, rate: float, rng: np.random.Generator) -> FloatArray:
    """Set each number to 0 with probability `rate` and divide the others by ``1 - rate``.

    The division keeps the mean over many draws as it was, so nothing needs to change when the model is used. A single
    row of attention weights then sums to more or less than 1, which is meant.

    Parameters
    ----------
    weights : array_like, any shape, in attention of shape (..., n_queries, n_keys)
    rate : float
        At least 0 and below 1; 0 keeps all.
    rng : numpy.random.Generator
        Where the draws come from: one for each number, row by row.

    Returns
    -------
    ndarray, the shape of `weights`

    Raises
    ------
    DtypeError
        If `weights` does not hold real numbers.
    OptionError
        If `rate` is not in [0, 1), or `rng` is no generator.

    References
    ----------
    Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", section 10 (scaled
    while training); on attention weights as in Vaswani et al. 2017, section 5.4.

    Examples
    --------
    >>> dropout([[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]], 0.5, np.random.default_rng(0))
    array([[0.5, 0. , 0. ],
           [0. , 0.5, 0.5]])
    """
    weights = as_floats("weights", weights)
    rate = require_number("rate", rate)
    if not 0 <= rate < 1:
        raise OptionError(f"rate must be at least 0 and below 1, the share of numbers to drop, but it is {rate!r}.")
    if not isinstance(rng, np.random.Generator):
        raise OptionError(
            f"rng must be a numpy.random.Generator, for example np.random.default_rng(0), but it is {rng!r}."
        )
    kept = rng.random(weights.shape) >= rate
    scaled = weights.astype(compute_dtype(weights), copy=False) / (1 - rate)
    return to_dtype_of(np.where(kept, scaled, scaled.dtype.type(0)), weights)
