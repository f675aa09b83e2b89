"""Widgets of a lesson for a page without a kernel: a run of the lesson tells what each cell shows, and its state."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict

from course_lib.authoring import run_with_widgets
from course_lib.widgets.base import LiveWidget
from course_lib.widgets.export import LEFT_OUT, SLIDER_STATE, as_json, registered, state_of
from course_lib.widgets.modules import join_modules, stylesheet

_VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass
class Live:
    """What moves on one page.

    Attributes
    ----------
    shown : list of dict
        In the order of the page, as page.js reads it: the front end's name, its model, its sliders.
    models : dict
        State by model id.
    places : dict
        For each cell that shows something live, the places of its outputs: the n-th is the element ``widget-<n>``.
    fronts : dict
        The code of each front end that the page needs, by name.
    styles : dict
        The style of each front end, by name.
    """

    shown: list[dict[str, Any]] = field(default_factory=list)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)
    fronts: dict[str, str] = field(default_factory=dict)
    styles: dict[str, str] = field(default_factory=dict)

    def state(self) -> str:
        """Return what page.js reads, as text that a script element can hold."""
        return as_json({"models": self.models, "shown": self.shown})


def live_parts(notebook: NotebookNode, folder: Path) -> Live:
    """Run a copy of a lesson, and return what is live in it.

    Raises
    ------
    BuildError
        If a cell raises.
    """
    ran: NotebookNode = from_dict(json.loads(json.dumps(notebook)))  # type: ignore[no-untyped-call]
    states = run_with_widgets(ran, folder)
    live = Live()
    for cell in ran.cells:
        for output in cell.get("outputs", []):
            model = output.get("data", {}).get(_VIEW, {}).get("model_id")
            if model in states and _add(live, model, states):
                live.places.setdefault(cell.id, []).append(len(live.shown) - 1)
    return live


def live_widgets(widgets: Sequence[LiveWidget]) -> Live:
    """Return widgets of this Python, in their present state, for a page."""
    state = state_of(widgets)
    live = Live(shown=state["shown"], models=state["models"])
    for widget in widgets:
        front = type(widget).__name__
        live.fronts[front] = registered(front, str(widget._esm))
        live.styles[front] = str(widget._css).removeprefix(stylesheet())
    return live


def _add(live: Live, model: str, states: dict[str, Any]) -> bool:
    """Add a widget or a box of sliders to what is shown; tell whether it is one of ours."""
    state = states[model]["state"]
    sliders = [child.removeprefix("IPY_MODEL_") for child in state.get("children", ())]
    if "_anywidget_id" in state:
        front = str(state["_anywidget_id"]).rpartition(".")[2]
        live.fronts[front] = registered(front, state["_esm"])
        live.styles[front] = str(state["_css"]).removeprefix(stylesheet())
        live.models[model] = _with_bytes(states[model])
        # A slider that moves the picture is shown where its own cell shows it, but its model belongs to the picture.
        linked = [link[0].removeprefix("IPY_MODEL_") for link in state.get("links", ())]
        live.models |= {slider: _slider(states[slider]) for slider in linked if slider in states}
        live.shown.append({"front": front, "model": model, "sliders": []})
        return True
    if sliders and all(slider in live.models for slider in sliders):
        live.shown.append({"front": "", "model": "", "sliders": sliders})
        return True
    return False


def _slider(kept: dict[str, Any]) -> dict[str, Any]:
    # nbformat leaves out what stands at its default.
    defaults = {"value": 0.0, "min": 0.0, "max": 10.0, "step": 0.1, "description": ""}
    return {name: kept["state"].get(name, defaults[name]) for name in SLIDER_STATE}


def _with_bytes(kept: dict[str, Any]) -> dict[str, Any]:
    state = {name: value for name, value in kept["state"].items() if not LEFT_OUT.fullmatch(name)}
    for buffer in kept.get("buffers", ()):
        at = state
        *way, last = buffer["path"]
        for step in way:
            at = at[step]
        at[last] = {"$bytes": buffer["data"]}
    return state


def widget_style(styles: dict[str, str]) -> str:
    """Return the style of all widgets of the pages: the shared part once, each widget's own after it."""
    return "\n".join([stylesheet(), *dict.fromkeys(styles.values())])


def page_script() -> str:
    """Return the script that puts widgets into their places."""
    return join_modules("page.js")
