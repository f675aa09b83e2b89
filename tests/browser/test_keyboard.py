"""Keys alone: whatever a hand can do to a widget, in a JupyterLab that has keys of its own.

`CONTROLS` names every control of every widget, with the keys that move it and what must change then. A control that is
not in the table fails, and so does anything that listens to a hand or looks as if it did without a control beside it.
"""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from examples import EXAMPLES
from gallery import Gallery
from stage_page import until

# Made with every control that they have.
WHOLE = {
    "AttentionStage": "AttentionStage(controls=['query', 'temperature', 'scale', 'causal'])",
    "MaskBoard": "MaskBoard(length=3, window=(2, 2), "
    "controls=['causal', 'padding', 'window', 'how', 'polarity', 'empty_row'])",
    "OrderLines": "(order := OrderLines(answer='AC'), order.on_check(str))[0]",
    "Positions": "Positions(controls=['position', 'd_model', 'head', 'base', 'learned'])",
    "SoftmaxBars of draws": "SoftmaxBars.from_draws(rng=np.random.default_rng(0), controls="
    "['temperature', 'd_k', 'scaling', 'n_pairs', 'draw'])",
}
# Of a control: the keys, and what must change: a name of Python's, or the text of a part of the picture.
Works = tuple[str, str]
CONTROLS: dict[str, dict[str, Works]] = {
    "AllHeads": {
        "radio sort by": ("ArrowRight", "sort_by"),
        "button Token that reads": ("ArrowLeft", "selected"),
        "button Heads, the highest score first": ("ArrowDown", "head"),
    },
    "AttentionStage": {
        "radio Query": ("ArrowRight", "selected"),
        "slider Temperature": ("PageUp", "temperature"),
        "checkbox Scale by 1/√dk": ("Space", "scale"),
        "checkbox Causal mask": ("Space", "is_causal"),
        "slider query *": ("ArrowLeft", "query"),
        "slider key *": ("Home", "key"),
        "slider value *": ("PageDown", "value"),
        "button query *": ("End", "selected"),
        "button Reset": ("Enter", "temperature"),
    },
    "Cost": {
        "slider Tokens": ("PageUp", "at"),
        "button 1,000": ("Enter", "at"),
        "button 100,000": ("Space", "at"),
        "button 10 million": ("Enter", "at"),
        "slider number of tokens": ("Home", "at"),
    },
    "Heads": {
        "radio Each head in small*": ("ArrowRight", "head"),
        "checkbox Lines of all heads": ("Space", "all_heads"),
        "checkbox Distance and entropy": ("Space", "measures"),
        "button Queries: whose output": ("ArrowUp", "selected"),
        "button Keys: what is read": ("ArrowDown", "selected_key"),
    },
    "MaskBoard": {
        "slider offset": ("ArrowRight", "offset"),
        "slider real keys": ("Home", "length"),
        "slider left": ("End", "window_left"),
        "slider right": ("End", "window_right"),
        "checkbox Causal": ("Space", "is_causal"),
        "checkbox Padding": ("Space", "is_padded"),
        "checkbox Window": ("Space", "is_windowed"),
        "radio A query without keys gets": ("ArrowDown", "empty_row"),
        "radio True means": ("ArrowRight", "polarity"),
        "radio Forbidden pairs get": ("ArrowRight", "how"),
        "gridcell query *": ("ArrowDown Enter", "blocked"),
        "button Reset": ("Space", "how"),
    },
    "OnlineSoftmax": {
        "button Read a block ▸": ("Enter Enter Enter Enter", "step"),
        "button ◂ Back": ("Space Space Space Space", "step"),
        "slider Blocks read": ("ArrowRight", "step"),
        "slider Block size": ("ArrowRight", "block_size"),
        "spinbutton score of key *": ("ArrowUp", "scores"),
    },
    "OrderLines": {
        "button line *": ("Enter ArrowDown Enter", "answer"),
        "button Move line ? up": ("Enter", "answer"),
        "button Move line ? down": ("Space", "answer"),
        "button Leave line ? out": ("Enter", "answer"),
        "button Check": ("Enter", "asked"),
    },
    "Positions": {
        "slider Query’s position": ("End", "position"),
        "slider d_model": ("ArrowLeft", "d_model"),
        "slider ALiBi’s head": ("ArrowRight", "head"),
        "slider Rotary base": ("Home", "base"),
        "checkbox A learned matrix between the sinusoids": ("Space", "learned"),
        "slider distance": ("PageUp", "distance"),
        "button Reset": ("Enter", "position"),
    },
    "Predict": {
        "radio *": ("ArrowDown", ".cw-main"),
        "button Commit*": ("Enter", "answer"),
    },
    "Projection": {
        "radio Token": ("ArrowRight", "selected"),
        "slider x *": ("Shift+ArrowUp", "x"),
        "spinbutton w_query, *": ("ArrowUp", "w_query"),
        "spinbutton w_key, *": ("ArrowDown", "w_key"),
        "spinbutton w_value, *": ("7 Tab", "w_value"),
        "button Reset": ("Enter", "w_value"),
    },
    "Score": {
        "radio Key": ("ArrowRight", "selected"),
        "slider query": ("ArrowUp", "query"),
        "slider key *": ("End", "key"),
        "radio Drag": ("ArrowRight", "drag"),
        "button Reset": ("Enter", "query"),
    },
    "Shuffle": {
        "radio Positions": ("ArrowRight", "positions"),
        "slider *": ("ArrowRight", "places"),
        "button Shuffle": ("Enter", "places"),
        "button Back to the first order": ("Enter", "places"),
    },
    "SoftmaxBars": {
        "slider Temperature": ("End", "temperature"),
        "slider Add to all": ("Home", "added"),
        "slider score *": ("End", "scores"),
        "button Double all": ("Enter Enter Enter Enter Enter Enter", "scores"),
        "button Reset": ("Enter", "scores"),
    },
    "SoftmaxBars of draws": {
        "slider Temperature": ("Home", "temperature"),
        "slider Components dₖ": ("End", "d_k"),
        "radio Scale": ("ArrowRight", "scaling"),
        "slider Pairs measured": ("ArrowLeft", "n_pairs"),
        "button Another draw": ("Enter", "draw"),
        "slider number of components": ("Shift+ArrowLeft", "d_k"),
        "button Reset": ("Enter", "d_k"),
    },
    "Training": {
        "button Play": ("Enter", "step"),
        "slider Step": ("Home", "step"),
        "checkbox Logarithmic losses": ("Space", "log_scale"),
        "img Head *": ("ArrowDown", ".cw-runreadout"),
    },
    "WeightedSum": {
        "slider weight *": ("ArrowDown", "weights"),
        "slider value *": ("Shift+ArrowLeft", "value"),
        "button Equal weights": ("Enter", "weights"),
        "checkbox Weights sum to 1": ("Space", "sum_to_one"),
        "checkbox Tip to tail": ("Space", "chain"),
        "button Reset": ("Enter", "value"),
    },
}  # fmt: skip
# What listens to a hand, and the control that does the same by keys.
INSTEAD = {
    "AllHeads": {".cw-all-cells": "button Heads, the highest score first"},
    "AttentionStage": {".cw-matrix tbody tr": "button query *"},
    "Cost": {".cw-floor": "slider number of tokens"},
    "Heads": {
        ".cw-heads-token": "button Queries: whose output",
        ".cw-heads-labelled .cw-heads-map": "button Keys: what is read",
    },
    "MaskBoard": {"table.cw-board": "gridcell query *"},
    "OrderLines": {".cw-codeline": "button line *", ".cw-root": "button line *"},
    "Positions": {".cw-floor": "slider distance"},
    "SoftmaxBars of draws": {".cw-floor": "slider number of components"},
    "Training": {".cw-floor": "slider Step"},
}
# What JupyterLab's command mode does with one key: new, cut, paste, kind, undo, delete, join, and away from the cell.
ITS_KEYS = ("a", "b", "x", "v", "m", "z", "d", "d", "Shift+M", "Shift+ArrowDown", "Escape", "k")

HEAR = """(() => {
  const listen = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (this instanceof Element) (this.heard ??= new Set()).add(type);
    return listen.call(this, type, ...rest);
  };
  const roles = { radio: "radio", checkbox: "checkbox", range: "slider", number: "spinbutton" };
  window.nameOf = (node) => {
    const role = node.getAttribute("role") ?? roles[node.type] ?? node.localName;
    const group = node.type === "radio" ? node.closest("fieldset")?.querySelector("legend") : null;
    const label = node.closest("label")?.querySelector("span");
    const walked = node.localName === "button" && node.hasAttribute("tabindex") ? node.closest("[role=group]") : null;
    const line = node.matches(".cw-lineface") ? "line " : "";
    const called = (walked ?? node).getAttribute("aria-label");
    return `${role} ${line}${(called ?? (group ?? label ?? node).textContent).trim()}`;
  };
  // How a control and what belongs to it are framed: with the keys on it, that must not look the same.
  window.lookOf = (node) => [node, ...node.querySelectorAll("*"), node.nextElementSibling, node.closest("label")]
    .filter((part) => part !== null)
    .map((part) => getComputedStyle(part))
    .map((style) => (style.outlineStyle === "none" ? "" : `${style.outlineWidth} ${style.outlineColor}`) + style.stroke)
    .join();
  // Where Tab stops: once in a group of radio buttons.
  window.stopsOf = (root) => {
    const isStop = (node) => node.tabIndex >= 0 && !node.disabled && node.checkVisibility({ visibilityProperty: true });
    const all = [...root.querySelectorAll("*")].filter(isStop);
    const isFirst = (node) => all.find((other) => other.name === node.name) === node;
    const hasChoice = (node) => all.some((other) => other.name === node.name && other.checked);
    return all.filter((node) => node.type !== "radio" || (hasChoice(node) ? node.checked : isFirst(node)));
  };
})()"""
STOPS = """(root) => {
  const stops = window.stopsOf(root);
  for (const node of stops) node.plainLook = window.lookOf(node);
  return stops.map((node) => window.nameOf(node));
}"""
HERE = """(root) => {
  const node = document.activeElement;
  if (!root.contains(node)) return null;
  const { top, bottom, width } = node.getBoundingClientRect();
  return {
    name: window.nameOf(node),
    isSeen: width > 0 && bottom > 0 && top < innerHeight && node.checkVisibility(),
    isFramed: window.lookOf(node) !== node.plainLook,
  };
}"""
HANDS = """(root) => {
  const hand = /^(click|dblclick|contextmenu|wheel|(pointer|mouse|touch|drag)(down|move|over|enter|start))$/;
  const cursor = (node) => getComputedStyle(node).cursor;
  const isInHand = (node) => [...(node.heard ?? [])].some((type) => hand.test(type))
    || (/pointer|grab|resize|move/.test(cursor(node)) && cursor(node.parentElement) !== cursor(node));
  const found = [root, ...root.querySelectorAll("*")].filter((node) => isInHand(node));
  return found.map((node) => {
    const control = node.localName === "label" ? node.querySelector("input") : node;
    const isNative = control.matches("button, input, select, summary, a[href]");
    const listeners = [...root.querySelectorAll("*")].filter((other) => other.heard?.has("keydown"));
    const isInReach = control.hasAttribute("tabindex") && listeners.some((other) => other.contains(control));
    return [`<${node.localName} class="${node.getAttribute("class") ?? ""}">`, isNative || isInReach];
  }).filter(([, isWithKeys]) => !isWithKeys).map(([tag]) => tag);
}"""
NOTEBOOK = """() => {
  const { content } = window.jupyterapp.shell.currentWidget;
  return [content.activeCellIndex, content.mode, ...content.widgets.map((cell) => [
    cell.model.id, cell.model.type, cell.model.executionCount, cell.model.sharedModel.getSource(), cell.inputHidden,
    cell.outputHidden ?? false, cell.editor?.getOption("lineNumbers") ?? null,
  ])].map(String);
}"""


@pytest.fixture(scope="module")
def desk(open_shared: Any) -> Gallery:
    """All widgets in one notebook; every listener is noted from the start."""
    lab = open_shared(viewport={"width": 1280, "height": 900})
    lab.page.add_init_script(HEAR)
    return Gallery(lab, WHOLE)


def to_cell(desk: Gallery, name: str) -> None:
    """Make a widget's cell the active one, in command mode, as the arrow keys of JupyterLab do."""
    desk.lab.page.evaluate(
        "(at) => { const { content } = window.jupyterapp.shell.currentWidget;"
        " content.activeCellIndex = at; content.mode = 'command'; content.activate(); }",
        1 + desk.names.index(name),
    )
    cell = desk.lab.cell(1 + desk.names.index(name))
    until(lambda: bool(cell.evaluate("(node) => node === document.activeElement")))


def control_of(widget: str, name: str) -> str:
    """Return the control of the table that has this name; one and no more."""
    found = [pattern for pattern in CONTROLS[widget] if fnmatchcase(name, pattern)]
    assert len(found) == 1, f"{widget} has a control that the table does not name once: {name!r} {found}"
    return found[0]


def test_the_table_names_every_widget() -> None:
    assert set(CONTROLS) == {*EXAMPLES, *WHOLE}
    for widget, hands in INSTEAD.items():
        assert set(hands.values()) <= set(CONTROLS[widget])


@pytest.mark.parametrize("name", CONTROLS)
def test_tab_leads_to_every_control_and_out_again(desk: Gallery, name: str) -> None:
    root, press = desk.root(name), desk.lab.page.keyboard.press
    root.scroll_into_view_if_needed()
    stops = stops_of(root)
    assert {control_of(name, stop) for stop in stops} == set(CONTROLS[name]), "the table names what is not there"
    to_cell(desk, name)
    met: list[str] = []
    for _ in range(4):  # the cell has buttons of its own
        press("Tab")
        if root.evaluate(HERE) is not None:
            break
    while (here := root.evaluate(HERE)) is not None and len(met) < 99:
        assert here["isSeen"], f"{here['name']} is out of sight"
        assert here["isFramed"], f"nothing shows that the keys are on {here['name']}"
        met.append(here["name"])
        press("Tab")
    assert met == stops
    for _ in range(4):
        press("Shift+Tab")
        if root.evaluate(HERE) is not None:
            break
    assert root.evaluate(HERE)["name"] == stops[-1], "and back in"


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_works_by_keys_and_keeps_them(desk: Gallery, name: str) -> None:
    root, lab = desk.fresh(name), desk.lab

    def shown(what: str) -> str:
        if what.startswith("."):
            return str(root.locator(what).first.inner_text())
        return lab.ask(f"print(repr(shown[{name!r}].{what}))")

    root.scroll_into_view_if_needed()
    before = lab.page.evaluate(NOTEBOOK)
    for control, (keys, what) in CONTROLS[name].items():
        focus(root, control)
        value = shown(what)
        for key in keys.split():
            lab.page.keyboard.press(key)
        try:
            until(lambda: shown(what) != value, seconds=20)  # noqa: B023
        except AssertionError:
            pytest.fail(f"{control}: {keys} changes nothing of {what}, which is {value}")
        assert root.evaluate(HERE) is not None, f"{control} loses the keys"
        assert lab.page.evaluate(NOTEBOOK) == before, f"{control}: JupyterLab took a key"
        if control == "button Play":
            lab.page.keyboard.press("Enter")


def stops_of(root: Any) -> list[str]:
    """Return the names of a widget's tab stops, once all have one; a map gets its words at rest."""
    until(lambda: not any(stop.endswith(" ") for stop in root.evaluate(STOPS)))
    return list(root.evaluate(STOPS))


def focus(root: Any, control: str) -> None:
    """Put the keys on a control: on the first tab stop of that name."""
    stops = stops_of(root)
    place = next((at for at, stop in enumerate(stops) if fnmatchcase(stop, control)), None)
    assert place is not None, f"{control} is nowhere among {stops}"
    root.evaluate("(root, place) => window.stopsOf(root)[place].focus()", place)


@pytest.mark.parametrize("name", CONTROLS)
def test_jupyterlab_takes_no_key_from_a_control(desk: Gallery, name: str) -> None:
    root, lab = desk.fresh(name), desk.lab
    root.scroll_into_view_if_needed()
    before = lab.page.evaluate(NOTEBOOK)
    for control in CONTROLS[name]:
        focus(root, control)
        for key in ITS_KEYS:
            lab.page.keyboard.press(key)
        assert lab.page.evaluate(NOTEBOOK) == before, f"JupyterLab took a key from {control}"
        assert root.evaluate(HERE) is not None, f"{control} loses the keys"


@pytest.mark.parametrize("name", CONTROLS)
def test_nothing_is_for_the_hand_alone(desk: Gallery, name: str) -> None:
    root = desk.root(name)
    for part in INSTEAD.get(name, {}):
        marked = root.evaluate(
            "(root, part) => [root, ...root.querySelectorAll('*')].filter((node) => node.matches(part))"
            ".map((node) => (node.isNamed = true)).length", part,
        )  # fmt: skip
        assert marked > 0, f"{part} is not there any more"
    assert root.evaluate(HANDS.replace("isInHand(node)", "!node.isNamed && isInHand(node)", 1)) == []
