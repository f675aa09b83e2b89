"""Large and small quantities as a person says them: 4 MB, 25 ms, 10 million."""

_BYTES = ((1.0, "B"), (1e3, "KB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB"), (1e15, "PB"), (1e18, "EB"))
_SECONDS = (
    (1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "days"),
    (31_557_600.0, "years"),
)  # fmt: skip


def bytes_text(n_bytes: float) -> str:
    """Write an amount of memory, 1 KB being 1,000 bytes.

    Examples
    --------
    >>> [bytes_text(n) for n in (12, 4e6, 1.234e9, 999.9e6)]
    ['12 B', '4 MB', '1.2 GB', '1 GB']
    """
    return _in_units(n_bytes, _BYTES)


def seconds_text(seconds: float) -> str:
    """Write a duration.

    Examples
    --------
    >>> [seconds_text(s) for s in (2.5e-6, 0.034, 90, 7200, 86_400, 1e6, 1e8)]
    ['2.5 µs', '34 ms', '1.5 min', '2 h', '1 day', '12 days', '3.2 years']
    """
    return _in_units(seconds, _SECONDS)


def count_text(number: float) -> str:
    """Write a number of things; millions in words.

    Examples
    --------
    >>> [count_text(n) for n in (512, 25_000, 1e6, 2.5e6)]
    ['512', '25,000', '1 million', '2.5 million']
    """
    return f"{float(f'{number / 1e6:.3g}'):g} million" if number >= 1e6 else f"{round(number):,}"


def _in_units(number: float, units: tuple[tuple[float, str], ...]) -> str:
    """Write a number in the largest unit that leaves at least 1, with two digits that count."""
    size, name = next((unit for unit in reversed(units) if number >= 0.995 * unit[0]), units[0])
    amount = number / size
    if amount >= 9.95:
        return f"{float(f'{amount:.2g}'):,.0f} {name}"
    text = f"{amount:.1f}".removesuffix(".0")
    return f"{text} {name.removesuffix('s') if text == '1' and len(name) > 2 else name}"
