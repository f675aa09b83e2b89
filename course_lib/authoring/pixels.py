"""Compare pictures by what they show, so that another font renderer or compressor does not look like a change."""

import base64
import io

import matplotlib.image
import numpy as np
from numpy.typing import NDArray

SIZE_TOLERANCE = 4  # pixels a side: a tight bounding box follows the font renderer
BLOCK = 16  # pixels; smaller than a label, larger than the edge of a letter
BLOCK_TOLERANCE = 0.1  # of black to white, on the mean of a block


def same_picture(first: str, second: str) -> bool:
    """Say whether two base64 PNGs show the same picture.

    Parameters
    ----------
    first, second : str

    Returns
    -------
    bool
        True if the sizes agree within a few pixels and, block by block, the mean colours do.
    """
    if first == second:
        return True
    a, b = _pixels(first), _pixels(second)
    if max(abs(a.shape[0] - b.shape[0]), abs(a.shape[1] - b.shape[1])) > SIZE_TOLERANCE:
        return False
    return bool(np.abs(_block_means(a, b.shape) - _block_means(b, a.shape)).max(initial=0) <= BLOCK_TOLERANCE)


def _pixels(encoded: str) -> NDArray[np.float64]:
    """Decode to (height, width, 3) between 0 and 1, on white."""
    picture = np.asarray(matplotlib.image.imread(io.BytesIO(base64.b64decode(encoded)), format="png"), dtype=float)
    if picture.ndim == 2:
        picture = picture[..., None].repeat(3, axis=-1)
    colours, alpha = picture[..., :3], picture[..., 3:]
    return colours * alpha + (1 - alpha) if alpha.size else colours


def _block_means(picture: NDArray[np.float64], other: tuple[int, ...]) -> NDArray[np.float64]:
    """Return mean colours on the grid that both pictures share."""
    rows, columns = (max(1, min(picture.shape[axis], other[axis]) // BLOCK) for axis in (0, 1))
    cuts = [np.linspace(0, picture.shape[axis], n + 1).astype(int)[:-1] for axis, n in ((0, rows), (1, columns))]
    sums = np.add.reduceat(np.add.reduceat(picture, cuts[0], axis=0), cuts[1], axis=1)
    heights, widths = (np.diff([*cut, picture.shape[axis]]) for axis, cut in enumerate(cuts))
    return np.asarray(sums / (heights[:, None, None] * widths[None, :, None]))
