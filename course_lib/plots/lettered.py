"""A question and its lettered options or lines as a still picture: for slides, notes, and pages without a kernel."""

import textwrap
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from course_lib.errors import OptionError
from course_lib.plots.picture import COLOURS, INK, QUIET, Picture

_WIDTH = 7.2  # inches
_LINE = 0.25
_CHARACTERS = {"heading": 66, "text": 70, "code": 68, "note": 78}  # on one line, in its size of letters
_GREY = "#8a8a8a"


def lettered(
    question: str,
    texts: Mapping[str, str],
    *,
    marks: Mapping[str, str] | None = None,
    note: str = "",
    is_code: bool = False,
    caption: str = "",
) -> Picture:
    """Draw a question above its lettered options, with a mark beside some and a note below.

    Parameters
    ----------
    question : str
    texts : mapping of letter to str
        One row each, in this order.
    marks : mapping of letter to str, optional
        Words below a row, such as "your answer"; the row is framed.
    note : str
        Paragraphs below all rows, one a line.
    is_code : bool
        Whether the texts are lines of code.
    caption : str
        What the picture says in words; the question and the rows where left out.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    OptionError
        If a mark belongs to no row.
    """
    marks = dict(marks or {})
    if strangers := [letter for letter in marks if letter not in texts]:
        raise OptionError(
            f"marks must belong to {', '.join(texts) or 'no letter'}, but one belongs to {strangers[0]!r}."
        )
    heading = textwrap.wrap(question.replace("`", ""), _CHARACTERS["heading"])
    rows = [(letter, _wrapped(text, is_code), marks.get(letter, "")) for letter, text in texts.items()]
    below = [line for part in note.replace("`", "").split("\n") for line in textwrap.wrap(part, _CHARACTERS["note"])]
    heights = [_LINE * (len(lines) + bool(mark)) + 0.16 for _, lines, mark in rows]
    total = 0.3 + _LINE * (len(heading) + len(below)) + sum(heights) + (0.16 if below else 0)
    picture = Picture(figsize=(_WIDTH, total))
    ax = picture.add_axes((0, 0, 1, 1), xlim=(0, _WIDTH), ylim=(total, 0))
    ax.axis("off")
    top = _write(ax, heading, 0.16, weight="bold") + 0.08
    for (letter, lines, mark), height in zip(rows, heights, strict=True):
        _draw_row(ax, letter, lines, mark, top, height, family="monospace" if is_code else None)
        top += height
    _write(ax, below, top + 0.12)
    picture.caption = caption or f"{question} {'; '.join(f'{letter}: {text}' for letter, text in texts.items())}."
    return picture


def _wrapped(text: str, is_code: bool) -> list[str]:
    if not is_code:
        return textwrap.wrap(text.replace("`", ""), _CHARACTERS["text"])
    indent = text[: len(text) - len(text.lstrip())]
    return [
        indent + line
        for line in textwrap.wrap(text.strip(), _CHARACTERS["code"] - len(indent), subsequent_indent="    ")
    ]


def _write(ax: Axes, lines: list[str], top: float, **options: Any) -> float:
    """Write lines below `top`, and return where the last one ends."""
    for number, line in enumerate(lines):
        ax.text(
            0.2, top + _LINE * (number + 0.5), line, fontsize=11, color=INK, va="center", parse_math=False, **options
        )
    return top + _LINE * len(lines)


def _draw_row(
    ax: Axes, letter: str, lines: list[str], mark: str, top: float, height: float, *, family: str | None
) -> None:
    frame = COLOURS["query"] if mark else _GREY
    ax.add_patch(
        _box(0.2, top + 0.03, _WIDTH - 0.4, height - 0.06, edgecolor=frame, linewidth=1.6 if mark else 0.7)
    )  # fmt: skip
    first = top + 0.08 + _LINE / 2
    ax.text(0.38, first, letter, fontsize=11, weight="bold", color=INK, va="center")
    for number, line in enumerate(lines):
        ax.text(
            0.72, first + _LINE * number, line, fontsize=10.5, color=INK, va="center", family=family, parse_math=False
        )
    if mark:
        below = first + _LINE * len(lines)
        ax.text(0.72, below, f"← {mark}", fontsize=10, color=QUIET, va="center", weight="bold")


def _box(x: float, y: float, width: float, height: float, **style: Any) -> FancyBboxPatch:
    return FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.06", facecolor="none", **style)
