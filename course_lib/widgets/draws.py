"""Dot products of random vectors at every d_k up to a largest one, as a table that the front end only looks up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.errors import OptionError
from course_lib.shapes import FloatArray, require_integer

N_DRAWS = 8  # draws of one query and its keys, so that a reader sees how little one of them says
SAMPLE_SIZES = (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)  # query-key pairs to measure the spread on
LARGEST_D_K = 1024  # at 8 keys the table then has 300 kB; beyond, a page that stores it would grow heavy


@dataclass(frozen=True)
class Draws:
    """What was drawn: the dot products of the first d_k components, for every d_k from 1 to the largest.

    Parameters
    ----------
    products : ndarray, shape (n_draws, n_keys, largest_d_k)
        Draw by draw, the dot products of one query with its keys.
    spreads : ndarray, shape (n_sizes, largest_d_k)
        The standard deviation of the dot products of as many further pairs as `SAMPLE_SIZES` says.
    """

    products: NDArray[np.float32]
    spreads: NDArray[np.float32]

    def table(self) -> bytes:
        """Return all rows, products first, as little-endian float32."""
        rows = np.concatenate([self.products.reshape(-1, self.products.shape[-1]), self.spreads])
        return rows.astype("<f4").tobytes()


def make_draws(n_keys: int, largest_d_k: int, rng: np.random.Generator) -> Draws:
    """Draw components from the standard normal distribution and add up their products, component by component.

    Parameters
    ----------
    n_keys : int
    largest_d_k : int
        2 to 1024.
    rng : numpy.random.Generator

    Returns
    -------
    Draws

    Raises
    ------
    OptionError
        If a size is out of range, or `rng` is no generator.
    """
    size = require_integer("largest_d_k", largest_d_k, minimum=2)
    if size > LARGEST_D_K:
        raise OptionError(f"largest_d_k must be at most {LARGEST_D_K}, but it is {size}.")
    if not isinstance(rng, np.random.Generator):
        raise OptionError(f"rng must be a numpy Generator such as np.random.default_rng(0), but it is {rng!r}.")
    query, key = rng.standard_normal((N_DRAWS, 1, size)), rng.standard_normal((N_DRAWS, n_keys, size))
    products = _growing_products(query, key)
    pairs = _growing_products(*rng.standard_normal((2, SAMPLE_SIZES[-1], size)))
    spreads = np.stack([pairs[:n_pairs].std(axis=0) for n_pairs in SAMPLE_SIZES])
    return Draws(products.astype(np.float32), spreads.astype(np.float32))


def _growing_products(query: FloatArray, key: FloatArray) -> FloatArray:
    """Return the dot products of the first 1, 2, 3, ... components along the last axis."""
    return np.cumsum(query * key, axis=-1)
