"""Say in words and numbers how an array differs from the expected one."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from course_lib.checks.result import Array, Evidence

# Of two names for one number, the one that stands first is the likelier.
_LIKELY = ("d_k", "d_head", "d_model", "n_heads", "n_keys", "n_queries", "d_v", "d_in", "d_out", "seq_len")
_CONSTANTS = {
    "1 / log(2)": 1 / np.log(2), "log(10)": np.log(10), "e": np.e, "pi": np.pi, "2 pi": 2 * np.pi,
    "sqrt(2)": np.sqrt(2),
}  # fmt: skip

Sizes = Mapping[str, float]
Cases = Sequence[tuple[Evidence, Sizes]]


def is_close(expected: Array, given: Array, tolerance: float) -> bool:
    """Say whether two arrays have one shape and the same numbers; NaN equals NaN in the same place."""
    if expected.shape != given.shape:
        return False
    is_finite, sizes = np.isfinite(expected), np.abs(expected)
    if expected.size and is_finite.all():  # as np.allclose does it, in a fifth of the time
        off, allowed = np.abs(given - expected), tolerance * min(float(sizes.max()), 1e6) + tolerance * sizes
        return bool((off <= allowed).all())
    finite = sizes[is_finite]
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


def describe_difference(case: Evidence, sizes: Sizes, others: Cases = ()) -> str:
    """Say what differs between what was expected and what came, the most telling thing first.

    Parameters
    ----------
    case : Evidence
    sizes : mapping of str to int
        The size of each named axis.
    others : sequence of (Evidence, mapping)
        Further cases of the same answer: a size that explains a factor must explain it there, too.
    """
    assert case.given is not None
    if case.expected.shape != case.given.shape:
        return _shapes(case, sizes)
    if case.is_truth:
        return _truth(case)
    for sentence in (
        _not_finite(case), _transposed(case), _ratio(case, sizes, others), _shift(case),
        _sharpness(case, sizes, others), _rounding(case),
    ):  # fmt: skip
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


def _shapes(case: Evidence, sizes: Sizes) -> str:
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
    return _in_brackets([*(str(size) for size in shape[:n_leading]), *named])


def _in_brackets(parts: Sequence[str]) -> str:
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _guess_axes(shape: Sequence[int], sizes: Sizes) -> str:
    """Name the axes of a shape by their sizes, where a size belongs to one name, and the name to one axis."""
    if not shape:
        return "none: it is a single number"
    names = {
        size: [name for name, known in sizes.items() if isinstance(known, int) and known == size] for size in shape
    }
    parts = [
        f"{names[size][0]}={size}" if len(names[size]) == 1 and _is_free(names[size][0], size, shape) else str(size)
        for size in shape
    ]
    return _in_brackets(parts)


def _is_free(name: str, size: int, shape: Sequence[int]) -> bool:
    """Say whether a name may stand at every axis of a size: tokens may meet tokens, heads never heads."""
    return name == "seq_len" or list(shape).count(size) == 1


def _swapped(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1], shape[-2]) if len(shape) >= 2 else shape


def _not_finite(case: Evidence) -> str:
    assert case.given is not None
    wrong = ~np.isfinite(case.given) & np.isfinite(case.expected)
    if not wrong.any():
        return ""
    found = (("NaN", np.isnan(case.given)), ("inf", np.isposinf(case.given)), ("-inf", np.isneginf(case.given)))
    kinds = " or ".join(word for word, where in found if (where & wrong).any())
    if wrong.all():
        return f"All your numbers are {kinds}." if wrong.size > 1 else f"Your number is {kinds}."
    return f"{wrong.sum()} of your {wrong.size} numbers {'is' if wrong.sum() == 1 else 'are'} {kinds}."


def _transposed(case: Evidence) -> str:
    assert case.given is not None
    if case.expected.ndim < 2 or case.expected.shape[-1] != case.expected.shape[-2]:
        return ""
    if is_close(np.swapaxes(case.expected, -1, -2), case.given, case.tolerance):
        return f"Your `{case.result}` is the transpose of the expected one."
    return ""


def _ratio(case: Evidence, sizes: Sizes, others: Cases) -> str:
    found = constant_ratio(case)
    if found is None:
        return ""
    if np.isclose(found, -1):
        return f"Your `{case.result}` has the opposite sign everywhere."
    sign = " and has the opposite sign" if found < 0 else ""
    return f"Every number of your `{case.result}` is {_times(found, sizes, others, constant_ratio)}{sign}."


def _times(found: float, sizes: Sizes, others: Cases, measure: Callable[[Evidence], float | None]) -> str:
    """Write a factor, and where it comes from, as in "2.65 = sqrt(7) = sqrt(d_k) times too large"."""
    direction = "large" if abs(found) > 1 else "small"
    elsewhere = [(measure(other), its_sizes) for other, its_sizes in others]
    name = name_factor(found, sizes, [(factor, its_sizes) for factor, its_sizes in elsewhere if factor is not None])
    return f"{number(max(abs(found), 1 / abs(found)))}{name} times too {direction}"


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


def name_factor(factor: float, sizes: Sizes, others: Sequence[tuple[float, Sizes]] = ()) -> str:
    """Name a factor, or 1 over it, by the axis sizes that it comes from.

    Parameters
    ----------
    factor : float
    sizes : mapping of str to int
    others : sequence of (float, mapping)
        The factor in further cases, whose sizes differ: the name must fit there, too. A name made of two sizes needs
        one such case at least, for among a few small numbers some two always fit.

    Examples
    --------
    >>> name_factor(7**0.5, {"n_keys": 5, "d_k": 7})
    ' = sqrt(7) = sqrt(d_k)'
    >>> name_factor(3.7, {"n_keys": 5, "d_k": 7})
    ''
    >>> name_factor(2.0, {"n_keys": 4}, [(2.0, {"n_keys": 9})])
    ''
    """
    cases = [(factor, sizes), *others]
    for name in _names(sizes, in_pairs=bool(others)):
        values = [_value(name, its_sizes) for _, its_sizes in cases]
        if all(value and _fits(found, value) for (found, _), value in zip(cases, values, strict=True)):
            return _written(name, sizes)
    for constant, value in _CONSTANTS.items():
        if all(_fits(found, value) for found, _ in cases):
            return f" = {constant}"
    return ""


Name = tuple[str, str, bool]  # a size, what it is divided by or '', and whether under a square root


def _names(sizes: Sizes, *, in_pairs: bool) -> Iterator[Name]:
    ordered = [name for name in _LIKELY if name in sizes] + [name for name in sizes if name not in _LIKELY]
    for is_root in (True, False):
        yield from ((name, "", is_root) for name in ordered if sizes[name] > 1)
    for is_root in (True, False) if in_pairs else ():
        yield from ((one, other, is_root) for one in ordered for other in ordered if sizes[one] > sizes[other] > 1)


def _value(name: Name, sizes: Sizes) -> float:
    one, other, is_root = name
    value = sizes.get(one, 0) / (sizes.get(other, 0) or 1 if other else 1)
    return float(np.sqrt(value)) if is_root else value


def _fits(factor: float, value: float) -> bool:
    return bool(np.isclose(abs(factor), value, rtol=1e-4) or np.isclose(1 / abs(factor), value, rtol=1e-4))


def _written(name: Name, sizes: Sizes) -> str:
    one, other, is_root = name
    words = f"{one} / {other}" if other else one
    if not is_root:
        return f" = {words}"
    return f" = sqrt({f'{sizes[one]} / {sizes[other]}' if other else sizes[one]}) = sqrt({words})"


def _sharpness(case: Evidence, sizes: Sizes, others: Cases) -> str:
    """Recognise weights that come from scores which are all too large or too small by one factor."""
    found = scores_ratio(case)
    if found is None:
        return ""
    return f"Your `{case.result}` are those of scores that are {_times(found, sizes, others, scores_ratio)}."


def scores_ratio(case: Evidence) -> float | None:
    """Return the factor on the scores that would explain wrong weights, where it is one number, positive and not 1."""
    if not _is_weights(case.expected) or case.given is None or case.given.shape != case.expected.shape:
        return None
    if not _is_weights(case.given):
        return None
    expected, given = (np.log(array) - np.log(array).mean(-1, keepdims=True) for array in (case.expected, case.given))
    ratio = float((expected * given).sum() / max(float((expected**2).sum()), 1e-12))
    if ratio <= 0 or np.isclose(ratio, 1, rtol=1e-3):
        return None
    return ratio if is_close(expected * ratio, given, 100 * case.tolerance) else None


def _is_weights(array: Array) -> bool:
    return bool(array.ndim >= 1 and array.size > 1 and (array > 0).all() and np.allclose(array.sum(-1), 1, atol=1e-4))


def _shift(case: Evidence) -> str:
    assert case.given is not None
    differences = case.given - case.expected
    shift = float(np.median(differences))
    if np.isclose(shift, 0, atol=1e-6) or not is_close(case.expected + shift, case.given, 10 * case.tolerance):
        return ""
    return f"Every number of your `{case.result}` is {number(abs(shift))} too {'large' if shift > 0 else 'small'}."


def _rounding(case: Evidence) -> str:
    assert case.given is not None
    if is_close(case.expected, case.given, 1e-2) and case.dtype == "float16":
        return "Your numbers are float16, which holds about three digits; float32 holds seven."
    if is_close(case.expected, case.given, 1e-2):
        return "Your numbers are close, but farther off than rounding goes. Is something rounded, or added to a sum?"
    return ""


def _sums(case: Evidence) -> str:
    """Report row sums where the rows must sum to 1 and yours don't; after dropout, for one, they need not."""
    assert case.given is not None
    if case.expected.ndim < 2 or case.result != "weights":
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


def farthest_off(case: Evidence) -> tuple[int, ...]:
    """Return the index of the entry that is farthest off, in arrays of one shape; of several, the first."""
    assert case.given is not None
    off = np.where(np.isfinite(case.given), np.abs(case.given - case.expected), np.inf)
    off = np.where(np.isnan(case.given) & np.isnan(case.expected), 0, off)
    as_far = off >= off.max() * (1 - 1e-9)  # which of two equal ones is larger, only rounding knows
    return tuple(int(position) for position in np.unravel_index(int(np.argmax(as_far)), off.shape))


def _where(case: Evidence) -> str:
    """Point at the entry that is farthest off."""
    assert case.given is not None
    index = farthest_off(case)
    place = f"{case.result}[{', '.join(str(position) for position in index)}]"
    if not np.isfinite(case.given).all():
        return f"At `{place}`, {number(case.expected[index])} was expected and {number(case.given[index])} came."
    n_wrong = int((~np.isclose(case.given, case.expected, rtol=1e-4, atol=1e-5, equal_nan=True)).sum())
    things = "entries" if case.is_truth else "numbers"
    differ = "differs" if n_wrong == 1 else "differ"
    size = case.given.size
    share = f"All {things} differ" if n_wrong == size > 1 else f"{n_wrong} of {size} {things} {differ}"
    expected, given = _apart(case.expected[index], case.given[index], truth if case.is_truth else number)
    return f"{share}; at `{place}`, {expected} was expected and {given} came."


def _apart(expected: float, given: float, write: Callable[[float], str]) -> tuple[str, str]:
    """Write two numbers that differ with as many digits as it takes to see it."""
    written = write(expected), write(given)
    for digits in range(4, 10):
        if written[0] != written[1]:
            break
        written = f"{expected:.{digits}g}", f"{given:.{digits}g}"
    return written
