"""Show results in a notebook: HTML that follows JupyterLab's theme, with the same in plain text."""

import html
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.judging.differences import farthest_off, number, truth
from course_lib.checks.result import Array, Evidence, Result, Status

_STATUS: dict[Status, tuple[str, str, str]] = {
    "passed": ("✔", "passed", "var(--jp-success-color1, #2e7d32)"),
    "not_yet": ("✎", "not yet", "var(--jp-warn-color1, #b26a00)"),
    "not_started": ("○", "not started", "var(--jp-border-color1, #757575)"),
    "broke": ("⚠", "the check broke", "var(--jp-error-color1, #c62828)"),
}
_MOST_ROWS, _MOST_COLUMNS = 6, 8
TABLE_ROW = '<tr style="background:none">'  # JupyterLab shades every other row, as if it were chosen


class Shown:
    """Something with a plain and an HTML form, the same from run to run; and a live one, where a front end runs."""

    def __init__(self, text: str, html_text: str, live: Mapping[str, Any] | None = None) -> None:
        self._text, self._html, self._live = text, html_text, live or {}

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {"text/plain": self._text, "text/html": self._html, **self._live}


def show(shown: Shown) -> None:
    """Display in a notebook, print elsewhere."""
    if sys.modules.get("IPython") is not None:  # looked up, not imported: outside of notebooks it costs half a second
        from IPython import get_ipython

        if get_ipython() is not None:
            from IPython.display import display

            display(shown)  # type: ignore[no-untyped-call]
            return
    text = repr(shown)
    try:
        print(text)
    except UnicodeEncodeError:  # a console that knows fewer signs
        print(text.encode("ascii", "replace").decode())


def render_result(result: Result, notes: Sequence[str] = ()) -> Shown:
    """Draw a result: status, message, yours beside the target, what was printed, notes."""
    icon, words, colour = _STATUS[result.status]
    is_prediction = result.max_points == 0 and result.status == "passed"
    status = "your prediction" if is_prediction else words
    named = None if is_prediction else result.confusion  # a prediction is never held against anyone
    known = f" · {named}: {CONFUSIONS[named]}" if named in CONFUSIONS else ""
    points = f" · {result.points} of {result.max_points} points" if result.passed and result.max_points else ""
    name = "prediction" if result.name.startswith("predict_") else result.name
    head = f"{icon} {name + ': ' if name and not is_prediction else ''}{status}{points}{known}"
    text = [head, *result.message.split("\n")]
    body = [f'<div style="font-weight:600">{html.escape(head)}</div>', *map(paragraph, result.message.split("\n"))]
    for part in _evidence(result.evidence):
        text.append(part[0])
        body.append(part[1])
    if result.printed.strip():
        printed = result.printed.rstrip()
        text.append(f"Your function printed (first call):\n{printed}")
        body.append(f"{paragraph('Your function printed (first call):')}{_preformatted(printed)}")
    for note in notes:
        text.append(note)
        body.append(paragraph(note))
    return Shown("\n".join(text), frame("".join(body), colour))


def _evidence(evidence: Evidence | None) -> list[tuple[str, str]]:
    """Return the tables and the input of a case, each as text and as HTML."""
    if evidence is None:
        return []
    code = as_code(evidence)
    opened = f'<details><summary style="cursor:pointer">The input of this case</summary>{_preformatted(code)}</details>'
    drawn = comparison(evidence)
    return [*([drawn] if drawn else []), (f"The input of this case:\n{code}", opened)]


def as_code(evidence: Evidence) -> str:
    """Write the input of a case as lines that can be pasted into a cell."""
    return "\n".join(f"{name} = {_written(argument, len(name) + 3)}" for name, argument in evidence.arguments.items())


def _written(argument: object, indent: int) -> str:
    """Write an argument as the code that makes it, lines after the first `indent` to the right."""
    if isinstance(argument, np.ndarray):
        if argument.size == 0:  # an empty list would lose the other axes
            return f"np.empty({argument.shape}, dtype=np.{argument.dtype})"
        single = ", dtype=np.float32" if argument.dtype == np.float32 else ""
        lines = np.array2string(argument, separator=", ", threshold=10_000, floatmode="unique", max_line_width=110)
        return f"np.array({lines}{single})".replace("\n", "\n" + " " * (indent + len("np.array(")))
    if isinstance(argument, np.random.Generator):
        return f"np.random.default_rng({getattr(argument.bit_generator.seed_seq, 'entropy', '')})"
    if isinstance(argument, tuple):
        parts = [_written(part, indent + 1) for part in argument]
        return f"({(',' + chr(10) + ' ' * (indent + 1)).join(parts)})"
    return repr(argument)


def _preformatted(text: str) -> str:
    return f'<pre style="margin:4px 0;overflow-x:auto">{html.escape(text)}</pre>'


def frame(body: str, colour: str = "var(--jp-border-color1, #757575)") -> str:
    """Put a coloured bar beside the text; the text keeps the theme's own colour."""
    return (
        f'<div style="border-left:4px solid {colour};padding:2px 0 2px 10px;margin:2px 0;'
        f'color:var(--jp-content-font-color1, inherit);max-width:52em;line-height:1.5">{body}</div>'
    )


def paragraph(text: str) -> str:
    """Return an escaped paragraph, `code` between backticks."""
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
    return f'<div style="margin:4px 0">{escaped}</div>'


def comparison(evidence: Evidence) -> tuple[str, str] | None:
    """Draw the expected table and the given one side by side, as text and as HTML; None for huge or odd shapes."""
    matrix = _matrix_to_draw(evidence)
    expected, given = _as_table(evidence.expected, matrix), _as_table(evidence.given, matrix)
    if expected is None or given is None:
        return None
    drawn = evidence.result + (f"[{', '.join(map(str, matrix))}]" if matrix else "")
    titles = (f"expected {drawn}", f"your {drawn}")
    wrong = _wrong_entries(expected, given, evidence.tolerance)
    rows = (
        _rows(expected, truth if evidence.is_truth else number),
        _rows(given, truth if evidence.is_truth and evidence.dtype == "bool" else number),
    )
    text = _side_by_side(_text_table(titles[0], rows[0], None), _text_table(titles[1], rows[1], wrong))
    cells = "".join(
        f'<div style="display:inline-block;vertical-align:top;margin:4px 20px 4px 0">{table}</div>'
        for table in (_html_table(titles[0], rows[0], None), _html_table(titles[1], rows[1], wrong))
    )
    return text, f"<div>{cells}</div>"


def _matrix_to_draw(evidence: Evidence) -> tuple[int, ...]:
    """Return the leading index of the matrix that is farthest off; nothing where there is one, or shapes differ."""
    if evidence.given is None or evidence.given.size == 0 or evidence.given.shape != evidence.expected.shape:
        return ()
    return farthest_off(evidence)[:-2]


def _as_table(array: Array | None, matrix: tuple[int, ...]) -> Array | None:
    """Return one matrix of an array, the first where `matrix` names none."""
    if array is None or array.ndim > 4 or array.size == 0:
        return None
    array = array[matrix]
    while array.ndim > 2:
        array = array[0]
    table = np.atleast_2d(array)
    return table if table.shape[0] <= 50 and table.shape[1] <= 50 else None


def _wrong_entries(expected: Array, given: Array, tolerance: float) -> np.ndarray:
    if expected.shape != given.shape:
        return np.zeros(given.shape, dtype=bool)
    largest = max(float(np.abs(expected[np.isfinite(expected)]).max(initial=0)), 1e-12)
    with np.errstate(invalid="ignore"):
        return ~np.isclose(given, expected, rtol=tolerance, atol=tolerance * largest, equal_nan=True)


def _rows(table: Array, write: Callable[[float], str]) -> list[list[str]]:
    rows = [[write(value) for value in row[:_MOST_COLUMNS]] for row in table[:_MOST_ROWS]]
    if table.shape[1] > _MOST_COLUMNS:
        rows = [[*row, "…"] for row in rows]
    return rows if table.shape[0] <= _MOST_ROWS else [*rows, ["…"] * len(rows[0])]


def _text_table(title: str, rows: list[list[str]], wrong: np.ndarray | None) -> list[str]:
    if wrong is not None:
        rows = [
            [cell + ("*" if is_wrong else "") for cell, is_wrong in zip(row, _marks(wrong, position, row), strict=True)]
            for position, row in enumerate(rows)
        ]
    width = max(len(cell) for row in rows for cell in row)
    lines = [title, *("  ".join(cell.rjust(width) for cell in row) for row in rows)]
    return lines if wrong is None or not wrong.any() else [*lines, "* differs"]


def _side_by_side(left: list[str], right: list[str]) -> str:
    width = max(map(len, left))
    height = max(len(left), len(right))
    left, right = left + [""] * (height - len(left)), right + [""] * (height - len(right))
    return "\n".join(f"{one.ljust(width)}   {other}".rstrip() for one, other in zip(left, right, strict=True))


def _marks(wrong: np.ndarray | None, position: int, row: list[str]) -> list[bool]:
    """Return for each cell of a drawn row whether it is wrong; the dots at the end of a cut table are not."""
    if wrong is None or position >= min(len(wrong), _MOST_ROWS):
        return [False] * len(row)
    return [place < min(wrong.shape[1], _MOST_COLUMNS) and bool(wrong[position, place]) for place in range(len(row))]


def _html_table(title: str, rows: list[list[str]], wrong: np.ndarray | None) -> str:
    border = "1px solid var(--jp-border-color2, #bbb)"
    drawn = []
    for position, row in enumerate(rows):
        marks = _marks(wrong, position, row)
        cells = [_html_cell(cell, is_wrong, border) for cell, is_wrong in zip(row, marks, strict=True)]
        drawn.append(f"{TABLE_ROW}{''.join(cells)}</tr>")
    caption = html.escape(title) + ("" if wrong is None or not wrong.any() else " (≠ where it differs)")
    table_style = "border-collapse:collapse;margin:0;color:inherit;font-size:inherit;font-variant-numeric:tabular-nums"
    title_style = "caption-side:top;text-align:left;color:inherit;white-space:nowrap"
    titled = f'<caption style="{title_style}">{caption}</caption>'
    return f'<table style="{table_style}">{titled}{"".join(drawn)}</table>'


def _html_cell(cell: str, is_wrong: bool, border: str) -> str:
    style = f"border:{border};padding:2px 8px;text-align:right"
    if is_wrong:
        return f'<td style="{style};font-weight:700">≠ {html.escape(cell)}</td>'
    return f'<td style="{style}">{html.escape(cell)}</td>'
