"""What a recorded training run must be to be shown, and how its numbers travel to the page."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.errors import DtypeError, OptionError, ShapeError
from course_lib.shapes import FloatArray, as_floats

MOST_STEPS = 10_000  # more than a screen has pixels across; as float32 a few hundred kB
MOST_CURVES = 4  # as many as differ by their lines alone
MOST_SNAPSHOTS, MOST_HEADS, MOST_TOKENS = 200, 8, 24  # a byte each: 1 MB at most
MOST_METRICS = 3  # lines below a map
LAST_STEP = 2.0**31 - 1
_SUM_TOLERANCE = 1e-3
_LONGEST_NAME = 30


class Packed:
    """Arrays as the page reads them: little endian, one after the other."""

    @staticmethod
    def integers(array: NDArray[np.int64]) -> bytes:
        """Pack as int32."""
        return array.astype("<i4").tobytes()

    @staticmethod
    def floats(arrays: Iterable[FloatArray]) -> bytes:
        """Pack as float32, relative error 6e-8."""
        return b"".join(array.astype("<f4").tobytes() for array in arrays)

    @staticmethod
    def shares(array: FloatArray) -> bytes:
        """Pack numbers from 0 to 1 as one byte each, off by at most 1/510."""
        return np.rint(255 * array).astype(np.uint8).tobytes()


def check_steps(name: str, steps: ArrayLike, *, fewest: int) -> NDArray[np.int64]:
    """Return the steps as rising whole numbers, shape (n,), or say what is wrong."""
    given = as_floats(name, steps)
    if given.ndim != 1 or len(given) < fewest:
        raise ShapeError(f"{name} must have shape (n,), with {fewest} or more steps, but it has {given.shape}.")
    if len(given) > MOST_STEPS:
        raise ShapeError(f"{name} may have {MOST_STEPS} steps, but it has {len(given)}. Keep every tenth, for example.")
    if not np.all(np.isfinite(given)) or np.any(given != np.rint(given)) or given[0] < 0 or given[-1] > LAST_STEP:
        raise OptionError(f"{name} must hold whole numbers from 0 to {LAST_STEP:.0f}.")
    if np.any(np.diff(given) <= 0):
        place = int(np.argmax(np.diff(given) <= 0))
        raise OptionError(f"{name} must rise, but {given[place + 1]:g} follows {given[place]:g}.")
    kept: NDArray[np.int64] = _frozen(given.astype(np.int64))
    return kept


def check_curves(
    name: str, curves: object, n_steps: int, *, most: int, within: tuple[float, float] = (-np.inf, np.inf)
) -> dict[str, FloatArray]:
    """Return curves by name, each of shape (n_steps,) and nan where it was not measured, or say what is wrong."""
    fewest = 0 if name == "accuracy" else 1
    checked = {}
    for label, curve in _named(name, curves, fewest, most).items():
        given = as_floats(f"{name} {label!r}", curve).astype(np.float64)
        if given.shape != (n_steps,):
            raise ShapeError(
                f"{name} {label!r} must have one number for each of the {n_steps} steps, nan where nothing was "
                f"measured, but it has shape {given.shape}."
            )
        known = given[~np.isnan(given)]
        if known.size == 0:
            raise OptionError(f"{name} {label!r} was never measured: all of it is nan.")
        if np.any(np.isinf(known)) or known.min() < within[0] or known.max() > within[1]:
            where = "finite" if np.isinf(within[0]) else f"between {within[0]:g} and {within[1]:g}"
            wrong = known[np.isinf(known) | (known < within[0]) | (known > within[1])][0]
            raise OptionError(f"{name} {label!r} must be {where}, but it holds {wrong:g}.")
        checked[label] = _frozen(given)
    return checked


def check_maps(weights: ArrayLike) -> FloatArray:
    """Return weights of shape (n_snapshots, n_heads, n_queries, n_keys), or say what is wrong."""
    given = as_floats("weights", weights)
    if given.ndim != 4 or given.size == 0:
        raise ShapeError(
            f"weights must have shape (n_snapshots, n_heads, n_queries, n_keys), but it has shape {given.shape}."
        )
    limits = (MOST_SNAPSHOTS, MOST_HEADS, MOST_TOKENS, MOST_TOKENS)
    for size, limit, of in zip(given.shape, limits, ("snapshots", "heads", "queries", "keys"), strict=True):
        if size > limit:
            raise ShapeError(
                f"weights may have {limit} {of} to be told apart on a page, but it has {size}. Take a part of them."
            )
    maps = given.astype(np.float64)
    if not np.all((maps >= 0) & (maps <= 1 + _SUM_TOLERANCE)):  # also finds nan
        wrong = maps[~((maps >= 0) & (maps <= 1 + _SUM_TOLERANCE))][0]
        raise OptionError(f"weights must be between 0 and 1, but one of them is {wrong:g}.")
    kept: FloatArray = _frozen(np.minimum(maps, 1.0))
    return kept


def check_metrics(metrics: object, shape: tuple[int, ...], *, most: int) -> dict[str, FloatArray]:
    """Return metrics by name, each of shape (n_snapshots, n_heads) and finite, or say what is wrong."""
    checked = {}
    for label, numbers in _named("metrics", metrics, 0, most).items():
        given = as_floats(f"metrics {label!r}", numbers).astype(np.float64)
        if given.shape != shape:
            raise ShapeError(
                f"metrics {label!r} must have shape (n_snapshots, n_heads) = {shape}, but it has {given.shape}."
            )
        if not np.all(np.isfinite(given)):
            raise OptionError(f"metrics {label!r} must hold finite numbers.")
        checked[label] = _frozen(given)
    return checked


def last_measured(curve: FloatArray, position: int) -> float:
    """Return the last number up to `position` that is one; nan where there is none."""
    known = np.flatnonzero(~np.isnan(curve[: position + 1]))
    return float(curve[known[-1]]) if len(known) else float("nan")


def _named(name: str, given: object, fewest: int, most: int) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise DtypeError(f"{name} must map names to arrays, as in {{'training': [...]}}, but it is {given!r:.60}.")
    if not fewest <= len(given) <= most:
        raise OptionError(f"{name} may name {fewest} to {most} arrays, but it names {len(given)}.")
    for label in given:
        if not isinstance(label, str) or not label.strip() or len(label) > _LONGEST_NAME:
            raise OptionError(f"A name in {name} must be 1 to {_LONGEST_NAME} characters, but one is {label!r:.60}.")
    return given


def _frozen(array: Any) -> Any:
    """Keep an array from being written into: that would look like changing the picture, and would not."""
    array.flags.writeable = False
    return array
