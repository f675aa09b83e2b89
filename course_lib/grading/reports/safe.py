"""Text that others wrote, made harmless for a terminal, a page and a spreadsheet."""

import html
import re
import unicodedata

# Escape sequences that move, colour or retitle a terminal; and those that are cut off.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])")
_KEPT = frozenset("\n\t\u200c\u200d")  # the last two are part of Persian words, and of faces
_MOST_MARKS = 3  # accents that one letter may carry
_FORMULA = re.compile(r"^[\s\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20|%].|^[\t\r\n]", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


def visible(text: str) -> str:
    """Return text without what a terminal would obey, and with what cannot be seen made visible.

    Control characters, those that turn the direction of writing, and those without width stand there by their numbers;
    letters carry three accents at most.

    Examples
    --------
    >>> visible("\\x1b[31mred\\x1b[0m \\u202eevil")
    'red ⟨U+202E⟩evil'
    """
    shown = []
    marks = 0
    for sign in _ANSI.sub("", text.replace("\r\n", "\n")):
        kind = unicodedata.category(sign)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if marks > _MOST_MARKS:
            continue
        hidden = kind in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") and sign not in _KEPT
        shown.append(f"⟨U+{ord(sign):04X}⟩" if hidden else sign)
    return "".join(shown)


def one_line(text: str, most: int) -> str:
    """Return a text as one line of `most` characters at most.

    Examples
    --------
    >>> one_line("two\\nlines of text", 12)
    'two lines o…'
    """
    line = " ".join(visible(text[: 20 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def shortened(text: str, most: int) -> str:
    """Return a text with its middle left out where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"


def escaped(text: str) -> str:
    """Return a text as it stands in a page: visible, and no part of it markup."""
    return html.escape(visible(text), quote=True)


def for_cell(text: str) -> str:
    """Return a text for a cell of a spreadsheet: one that would be a formula stands behind an apostrophe.

    Examples
    --------
    >>> for_cell("=HYPERLINK(1)"), for_cell("Ada")
    ("'=HYPERLINK(1)", 'Ada')
    """
    line = visible(text)
    return f"'{line}" if _FORMULA.match(line) and not _NUMBER.fullmatch(line) else line
