"""A code cell and what came out of it, as HTML."""

import base64
import hashlib
import html
import re
import struct
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from course_lib.site.prose import code_block


class Pictures:
    """Writes pictures once, under a name that tells their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def img(self, data: str, words: str, size: dict[str, int]) -> str:
        """Write a PNG that came as base64 and return its element, `words` as its text."""
        raw = base64.b64decode(data)
        name = f"{hashlib.sha256(raw).hexdigest()[:16]}.png"
        if not (self._folder / name).exists():
            (self._folder / name).write_bytes(raw)
        width, height = size.get("width"), size.get("height")
        if not width or not height:
            width, height = struct.unpack(">II", raw[16:24])
        alt = html.escape(" ".join(words.split()), quote=True)
        return (
            f'<img src="assets/{name}" alt="{alt}" width="{width}" height="{height}" loading="lazy" decoding="async">'
        )


def show_cell(cell: NotebookNode, places: list[int], pictures: Pictures) -> str:
    """Return a code cell with its outputs.

    Parameters
    ----------
    cell : NotebookNode
    places : list of int
        Numbers of the live pictures that the cell shows, in their order.
    pictures : Pictures
    """
    waiting = list(places)
    shown = [_output(output, waiting, pictures) for output in cell.outputs]
    shown += [_live(place, "", "") for place in waiting]  # shown by a run, and nothing stored beside it
    code = code_block(cell.source) if cell.source.strip() else ""
    return f'<div class="cell" id="cell-{html.escape(cell.id)}">{code}{"".join(shown)}</div>\n'


def _output(output: NotebookNode, waiting: list[int], pictures: Pictures) -> str:
    if output.output_type == "stream":
        return _text(output.text)
    if output.output_type == "error":
        return _text(f"{output.ename}: {output.evalue}")
    data: dict[str, Any] = output.data
    words = str(data.get("text/plain", ""))
    if "image/png" in data:
        image = pictures.img(data["image/png"], words, dict(output.metadata.get("image/png", {})))
        return _live(waiting.pop(0), words, image) if waiting else f"<figure>{image}</figure>\n"
    if waiting and (_is_sliders(words) or "text/html" in data):
        return _live(waiting.pop(0), words, data.get("text/html", ""))
    if "text/html" in data:
        return f'<div class="html-output">{data["text/html"]}</div>\n'
    return _text(words)


def _is_sliders(words: str) -> bool:
    return re.match(r"[A-Z]\w*Box\(", words) is not None


def _live(place: int, words: str, without_script: str) -> str:
    """A place for a live picture; where no script runs, what the notebook stores stands in."""
    label = html.escape(" ".join(words.split())[:160] or "A picture that moves", quote=True)
    still = f"<noscript>{without_script}</noscript>" if without_script else ""
    return f'<div class="live" role="group" aria-label="{label}"><div id="widget-{place}"></div>{still}</div>\n'


def _text(text: str) -> str:
    return f'<pre class="output">{html.escape(text.rstrip())}</pre>\n' if text.strip() else ""
