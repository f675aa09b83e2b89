"""A page of its own for live widgets: one file that anybody can open, and that moves without a kernel.

The file holds everything: the front end's modules, the state, the style, and the still picture for where no script
runs. Nothing is fetched, and the page's own policy forbids it. What users wrote reaches the page as data and as escaped
text, never as markup or code.
"""

import base64
import html
import json
import math
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets  # type: ignore[import-untyped]

from course_lib.errors import DtypeError, OptionError
from course_lib.widgets.base import LiveWidget
from course_lib.widgets.modules import join_modules, stylesheet

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<header class="page-head"><h1>{title}</h1></header>
<main>
{places}
</main>
<script>globalThis.courseFronts = {{}};</script>
{fronts}
<script type="application/json" id="page-state">{state}</script>
<script type="module">
{script}
</script>
</body>
</html>
"""
_PLACE = """<section class="page-widget" aria-label="{label}">
<div id="widget-{place}"></div>
<noscript><img alt="{words}" width="{width}" height="{height}" src="data:image/png;base64,{picture}"></noscript>
</section>"""
_FRONT = '<script type="module">\n{code}\n</script>'
# What only a kernel or JupyterLab's widget manager needs.
LEFT_OUT = re.compile(r"_esm|_css|_anywidget_id|_(model|view)_\w+|_dom_classes|layout|tabbable|tooltip|comm")
SLIDER_STATE = ("value", "min", "max", "step", "description")


def save_html(path: str | os.PathLike[str], *widgets: LiveWidget, title: str = "") -> Path:
    """Write widgets in their present state as one HTML file that needs no kernel, no server and no network.

    Handles and controls work as in a notebook. Sliders made by `sliders()` come along below their widget. Light or dark
    follows the reader's system, with a button to change it; where no script runs, the still picture stands in.

    Parameters
    ----------
    path : str or path
        The file to write; one that is there already is replaced once the new one is complete.
    *widgets : LiveWidget
        In the order of the page; one that is given twice is shown twice and moves in both places.
    title : str
        Above the widgets, and on the browser's tab; where left out, the first widget's question or name.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        If there is no widget, the folder does not exist, or the path is a folder.
    DtypeError
        If something is not a live widget of the course, or the title is not text.
    """
    for widget in widgets:
        if not isinstance(widget, LiveWidget):
            raise DtypeError(f"save_html writes live widgets of the course, but one of them is {widget!r}.")
    if not widgets:
        raise OptionError("save_html needs at least one widget to write.")
    if not isinstance(title, str):
        raise DtypeError(f"title must be text, but it is {title!r}.")
    target = Path(path)
    if not target.parent.is_dir():
        raise OptionError(f"The folder {str(target.parent)!r} does not exist; make it first, or choose another path.")
    if target.is_dir():
        raise OptionError(f"{str(target)!r} is a folder; name a file in it, such as {str(target / 'page.html')!r}.")
    _write_whole(target, page(widgets, title))
    return target


def page(widgets: Iterable[LiveWidget], title: str = "") -> str:
    """Return the page that `save_html` writes."""
    shown = list(widgets)
    title = title or shown[0].question or _words(shown[0])
    fronts = {type(widget).__name__: str(widget._esm) for widget in shown}
    return _PAGE.format(
        policy=html.escape(_POLICY, quote=True),
        title=html.escape(title),
        style=_unbroken(_style(shown)),
        places="\n".join(_place(number, widget) for number, widget in enumerate(shown)),
        fronts="\n".join(_FRONT.format(code=registered(name, code)) for name, code in fronts.items()),
        state=as_json(state_of(shown)),
        script=_unbroken(join_modules("page.js")),
    )


def _style(widgets: list[LiveWidget]) -> str:
    """Return the shared style once, and after it each widget's own and the page's."""
    shared = stylesheet()
    own = dict.fromkeys(str(widget._css).removeprefix(shared) for widget in widgets)
    return "\n".join([shared, *own, stylesheet("page.css").removeprefix(shared)])


def _words(widget: LiveWidget) -> str:
    """Return the name of a widget's class in words: Attention stage."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(widget).__name__).capitalize()


def _place(number: int, widget: LiveWidget) -> str:
    figure = widget.figure()
    picture, size = figure._repr_png_()
    return _PLACE.format(
        place=number,
        label=html.escape(widget.question or _words(widget), quote=True),
        words=html.escape(f"{figure!r} {widget!r}", quote=True),
        picture=base64.b64encode(picture).decode("ascii"),
        **size,
    )


def registered(name: str, code: str) -> str:
    """Let a front end, which is a module of its own, be found by the page's script."""
    before, found, after = code.rpartition("\nexport default ")
    if not found:
        raise OptionError(f"The front end of {name} has no `export default` at the start of a line.")
    return _unbroken(f"{before}\nglobalThis.courseFronts[{json.dumps(name)}] = {after}")


def _unbroken(text: str) -> str:
    """Keep text of ours inside its element; in JavaScript the escapes mean the same characters."""
    return re.sub(r"<(?=/(?:script|style)|!--)", r"<\\", text, flags=re.IGNORECASE)


def state_of(widgets: Sequence[LiveWidget]) -> dict[str, Any]:
    models: dict[str, Any] = {}
    shown = []
    for widget in widgets:
        models[widget.model_id] = {
            name: value for name, value in widget.get_state().items() if not LEFT_OUT.fullmatch(name)
        }
        sliders = _sliders_of(widget)
        models |= {
            slider.model_id: {name: getattr(slider, name) for name in SLIDER_STATE} for slider in sliders.values()
        }
        shown.append({"front": type(widget).__name__, "model": widget.model_id, "sliders": list(sliders)})
    return {"models": models, "shown": shown}


def _sliders_of(widget: LiveWidget) -> dict[str, Any]:
    """Return the sliders linked to a widget, by the ids of their models; those that were closed are gone."""
    found = {}
    for reference, _ in widget.links:
        slider = ipywidgets.widget_serialization["from_json"](reference, None)
        if isinstance(slider, ipywidgets.Widget):
            found[slider.model_id] = slider
    return found


def as_json(state: dict[str, Any]) -> str:
    """Write data that a script element can hold: no `<` in it, so nothing in it can end the element."""
    return json.dumps(_plain(state), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    """Write bytes as ``{"$bytes": base64}`` and a number that JSON lacks as null."""
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(bytes(value)).decode("ascii")}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_whole(target: Path, text: str) -> None:
    """Write a file that is either there as a whole or as it was before."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
