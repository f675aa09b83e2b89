"""Say in words and numbers how an array differs from the expected one."""

from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.checks.result import Array, Evidence

_SQUARE_ROOT_FIRST = ("d_k", "n_keys", "n_queries", "d_v", "d_in", "d_out", "seq_len")


def is_close(expected: Array, given: Array, tolerance: float) -> bool:
    """Say whether two arrays have one shape and the same numbers; NaN equals NaN in the same place."""
    if expected.shape != given.shape:
        return False
    finite = np.abs(expected[np.isfinite(expected)])
    largest = float(finite.max()) if finite.size else 1.0
    return bool(np.allclose(given, expected, rtol=tolerance, atol=tolerance * min(largest, 1e6), equal_nan=True))


def number(value: float) -> str:
    """Write a number as feedback does: three digits, no minus zero.

    Examples
    --------
    >>> number(2.6457), number(-0.0), number(float("nan")), number(1500.0)
    ('2.65', '0', 'NaN', '1500')
    """
    value = float(value)
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    if 1000 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}"


def truth(value: float) -> str:
    """Write 1 and 0 as what they stand for in a table of True and False."""
    return str(bool(value))


def describe_difference(case: Evidence, sizes: Mapping[str, int]) -> str:
    """Say what differs between what was expected and what came, the most telling thing first."""
    assert case.given is not None
    if case.expected.shape != case.given.shape:
        return _shapes(case, sizes)
    if case.is_truth:
        return _truth(case)
    for describe in (_not_finite, _transposed, _ratio, _shift, _rounding):
        sentence = describe(case, sizes)
        if sentence:
            return f"{sentence} {_sums(case)}{_where(case)}".strip()
    return f"{_sums(case)}{_where(case)}"


def _truth(case: Evidence) -> str:
    """Say what differs where True and False are expected."""
    assert case.given is not None
    if case.dtype != "bool":
        same = " The places are right." if np.array_equal(case.expected, case.given) else ""
        return f"`{case.result}` must hold True and False (dtype bool), and yours holds numbers ({case.dtype}).{same}"
    if case.given.size > 1 and np.array_equal(case.expected, 1 - case.given):
        return f"In your `{case.result}`, True and False have changed places everywhere."
    if np.array_equal(case.given, _turned(case.expected)):
        return f"Your `{case.result}` is the transpose of the expected one."
    return _where(case)


def _turned(array: Array) -> Array:
    return np.swapaxes(array, -1, -2) if array.ndim >= 2 else array


def _shapes(case: Evidence, sizes: Mapping[str, int]) -> str:
    assert case.given is not None
    expected = _named_shape(case.expected.shape, case.axes)
    given = _guess_axes(case.given.shape, sizes)
    sentence = f"`{case.result}` must have shape {expected}, and yours has {given}."
    if case.given.ndim >= 2 and case.given.shape == _swapped(case.expected.shape):
        sentence += " The last two axes have changed places."
    elif case.given.ndim < case.expected.ndim:
        missing = case.expected.ndim - case.given.ndim
        sentence += f" {'An axis is' if missing == 1 else f'{missing} axes are'} gone: summed away, or squeezed?"
    elif case.given.ndim > case.expected.ndim:
        sentence += " There is an axis too many."
    return sentence


def _named_shape(shape: Sequence[int], axes: Sequence[str]) -> str:
    n_leading = len(shape) - len(axes)
    named = [f"{axis}={size}" for axis, size in zip(axes, shape[n_leading:], strict=True)]
    return f"({', '.join([str(size) for size in shape[:n_leading]] + named)})"


def _guess_axes(shape: Sequence[int], sizes: Mapping[str, int]) -> str:
    """Name the axes of a shape by their sizes, where a size belongs to one name only."""
    names = {size: [name for name in sizes if sizes[name] == size] for size in shape}
    if not shape:
        return "none: it is a single number"
    parts = [f"{names[size][0]}={size}" if len(names[size]) == 1 else str(size) for size in shape]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _swapped(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1], shape[-2]) if len(shape) >= 2 else shape


def _not_finite(case: Evidence, sizes: Mapping[str, int]) -> str:
    assert case.given is not None
    wrong = ~np.isfinite(case.given) & np.isfinite(case.expected)
    if not wrong.any():
        return ""
    kinds = " and ".join(
        word for word, found in (("NaN", np.isnan(case.given)), ("inf", np.isinf(case.given))) if (found & wrong).any()
    )
    return f"{wrong.sum()} of your {wrong.size} numbers are {kinds}."


def _transposed(case: Evidence, sizes: Mapping[str, int]) -> str:
    assert case.given is not None
    if case.expected.ndim < 2 or case.expected.shape[-1] != case.expected.shape[-2]:
        return ""
    if is_close(np.swapaxes(case.expected, -1, -2), case.given, case.tolerance):
        return f"Your `{case.result}` is the transpose of the expected one."
    return ""


def _ratio(case: Evidence, sizes: Mapping[str, int]) -> str:
    found = constant_ratio(case)
    if found is None:
        return ""
    if np.isclose(found, -1):
        return f"Your `{case.result}` has the opposite sign everywhere."
    size, direction = (abs(found), "large") if abs(found) > 1 else (1 / abs(found), "small")
    name = name_factor(size, sizes)
    sign = " and has the opposite sign" if found < 0 else ""
    return f"Every number of your `{case.result}` is {number(size)}{name} times too {direction}{sign}."


def constant_ratio(case: Evidence) -> float | None:
    """Return given / expected where it is one number for all entries, other than 0 and 1."""
    if case.given is None or case.given.shape != case.expected.shape or not np.isfinite(case.given).all():
        return None
    large = np.abs(case.expected) > 1e-3 * max(float(np.abs(case.expected).max(initial=0)), 1e-300)
    if large.sum() < 2:
        return None
    ratio = float(np.median(case.given[large] / case.expected[large]))
    if ratio == 0 or not np.isfinite(ratio) or np.isclose(ratio, 1, rtol=1e-3):
        return None
    return ratio if is_close(case.expected * ratio, case.given, 10 * case.tolerance) else None


def name_factor(factor: float, sizes: Mapping[str, int]) -> str:
    """Name a factor by the axis size that it comes from.

    Examples
    --------
    >>> name_factor(7**0.5, {"n_keys": 5, "d_k": 7})
    ' = sqrt(7) = sqrt(d_k)'
    >>> name_factor(3.7, {"n_keys": 5, "d_k": 7})
    ''
    """
    ordered = [name for name in _SQUARE_ROOT_FIRST if name in sizes] + [
        name for name in sizes if name not in _SQUARE_ROOT_FIRST
    ]
    for name in ordered:
        size = sizes[name]
        if size > 1 and np.isclose(factor, np.sqrt(size), rtol=1e-4):
            return f" = sqrt({size}) = sqrt({name})"
    for name in ordered:
        if sizes[name] > 1 and np.isclose(factor, sizes[name], rtol=1e-4):
            return f" = {name}"
    return ""


def _shift(case: Evidence, sizes: Mapping[str, int]) -> str:
    assert case.given is not None
    differences = case.given - case.expected
    shift = float(np.median(differences))
    if np.isclose(shift, 0, atol=1e-6) or not is_close(case.expected + shift, case.given, 10 * case.tolerance):
        return ""
    return f"Every number of your `{case.result}` is {number(abs(shift))} too {'large' if shift > 0 else 'small'}."


def _rounding(case: Evidence, sizes: Mapping[str, int]) -> str:
    assert case.given is not None
    if is_close(case.expected, case.given, 1e-2):
        return "Your numbers are close, but farther off than rounding goes. Is something rounded, or added to a sum?"
    return ""


def _sums(case: Evidence) -> str:
    """Report row sums where the rows of the expected array sum to 1 and yours don't."""
    assert case.given is not None
    if case.expected.ndim < 2 or case.axes[-1] != "n_keys":
        return ""
    if not np.allclose(case.expected.sum(axis=-1), 1) or np.allclose(case.given.sum(axis=-1), 1, atol=1e-3):
        return ""
    if not np.isfinite(case.given).all():
        return ""
    rows = _listed(case.given.sum(axis=-1).ravel())
    sentence = f"Your rows sum to {rows}; each must sum to 1. "
    if np.allclose(case.given.sum(axis=-2), 1, atol=1e-3):
        sentence += "It is your columns that sum to 1. "
    return sentence


def _listed(values: Array, most: int = 4) -> str:
    words = [number(value) for value in values[:most]]
    if len(values) > most:
        return ", ".join(words) + ", …"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _where(case: Evidence) -> str:
    """Point at the entry that is farthest off."""
    assert case.given is not None
    off = np.where(np.isfinite(case.given), np.abs(case.given - case.expected), np.inf)
    off = np.where(np.isnan(case.given) & np.isnan(case.expected), 0, off)
    index = np.unravel_index(int(np.argmax(off)), off.shape)
    place = f"{case.result}[{', '.join(str(position) for position in index)}]"
    if not np.isfinite(case.given).all():
        return f"At `{place}`, {number(case.expected[index])} was expected and {number(case.given[index])} came."
    n_wrong = int((~np.isclose(case.given, case.expected, rtol=1e-4, atol=1e-5, equal_nan=True)).sum())
    things = "entries" if case.is_truth else "numbers"
    differ = "differs" if n_wrong == 1 else "differ"
    share = f"All {things} differ" if n_wrong == off.size > 1 else f"{n_wrong} of {off.size} {things} {differ}"
    write = truth if case.is_truth else number
    return f"{share}; at `{place}`, {write(case.expected[index])} was expected and {write(case.given[index])} came."
