"""What a layer does besides attention, and long texts shared out among processors."""

from collections.abc import Callable

import numpy as np

from course_lib.attention.threads import count_processors, share_out
from course_lib.shapes import FloatArray

_FEWEST_ROWS, _MOST_ROWS = 8, 256  # of a block: with fewer, a thread takes longer to begin than to work


def in_blocks(function: Callable[[FloatArray], FloatArray], x: FloatArray, d_out: int) -> FloatArray:
    """Return ``function(x)`` for a function that works on each row by itself, the rows shared out among processors."""
    n_threads = min(count_processors(), len(x) // _FEWEST_ROWS)
    if n_threads < 2:
        return function(x)
    size = min(-(-len(x) // n_threads), _MOST_ROWS)
    output = np.empty((len(x), d_out), x.dtype)

    def work(rows: slice) -> None:
        output[rows] = function(x[rows])

    share_out([slice(begin, begin + size) for begin in range(0, len(x), size)], lambda: work, n_threads)
    return output


def rms_norm(x: FloatArray, gain: FloatArray, epsilon: float) -> FloatArray:
    """Give every token components of mean square 1, then a learned gain.

    Parameters
    ----------
    x : ndarray, shape (..., d_model)
    gain : ndarray, shape (d_model,)
    epsilon : float
        Added to the mean square.

    Returns
    -------
    ndarray, shape (..., d_model)

    References
    ----------
    Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", equation 4.
    """
    mean_square = np.einsum("...d,...d->...", x, x)[..., np.newaxis] / x.shape[-1]
    normal: FloatArray = x / np.sqrt(mean_square + epsilon)
    normal *= gain
    return normal


def silu(x: FloatArray) -> FloatArray:
    """Return ``x / (1 + e^-x)``: next to nothing of negative numbers, and nearly all of positive ones.

    References
    ----------
    Elfwing et al. 2018, "Sigmoid-Weighted Linear Units"; as a gate in Shazeer 2020, "GLU Variants Improve
    Transformer", equation 6.
    """
    divisor = np.exp(-np.maximum(x, -80))  # e^80 is still a float32
    divisor += 1
    np.divide(x, divisor, out=divisor)
    return divisor
