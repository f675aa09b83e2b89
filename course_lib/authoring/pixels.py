"""Compare pictures by what they show, so that another font renderer or compressor does not look like a change."""

import base64
import io

import matplotlib.image
import numpy as np
from numpy.typing import NDArray

SIZE_TOLERANCE = 4  # pixels a side: a tight bounding box follows the font renderer
REACH = 2  # pixels: how far another renderer moves the edge of a letter
COLOUR_TOLERANCE = 0.3  # of black to white: the grey of an antialiased edge
PIXELS_ALLOWED = 20  # without their like in the other picture; a changed letter has more


def same_picture(first: str, second: str) -> bool:
    """Say whether two base64 PNGs show the same picture.

    Parameters
    ----------
    first, second : str

    Returns
    -------
    bool
        True if the sizes agree within a few pixels and, but for a handful, every pixel of each has one like it
        close by in the other.
    """
    if first == second:
        return True
    a, b = _pixels(first), _pixels(second)
    if max(abs(a.shape[0] - b.shape[0]), abs(a.shape[1] - b.shape[1])) > SIZE_TOLERANCE:
        return False
    height, width = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
    a, b = a[:height, :width], b[:height, :width]
    return max(_n_without_their_like(a, b), _n_without_their_like(b, a)) <= PIXELS_ALLOWED


def _pixels(encoded: str) -> NDArray[np.float64]:
    """Decode to (height, width, 3) between 0 and 1, on white."""
    picture = np.asarray(matplotlib.image.imread(io.BytesIO(base64.b64decode(encoded)), format="png"), dtype=float)
    if picture.ndim == 2:
        picture = picture[..., None].repeat(3, axis=-1)
    colours, alpha = picture[..., :3], picture[..., 3:]
    return colours * alpha + (1 - alpha) if alpha.size else colours


def _n_without_their_like(picture: NDArray[np.float64], other: NDArray[np.float64]) -> int:
    """Count the pixels of `picture` that have no similar one within `REACH` in `other`, of the same size."""
    rows, columns = np.nonzero(np.abs(picture - other).max(axis=-1) > COLOUR_TOLERANCE)
    colours = picture[rows, columns]
    around = np.pad(other, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="edge")
    found = np.zeros(len(rows), dtype=bool)
    for down in range(2 * REACH + 1):
        for right in range(2 * REACH + 1):
            found |= np.abs(colours - around[rows + down, columns + right]).max(axis=-1) <= COLOUR_TOLERANCE
    return int(np.count_nonzero(~found))
