"""How soon a live picture follows the hand: `python benchmarks/widgets.py`.

A real JupyterLab with the course's settings in a real Chromium. Every widget, and beside them what most notebooks do:
`interact` with a new matplotlib figure, and ipympl where it is installed. They take turns, round by round: each alone
in a notebook of its own ("alone"), then all in one notebook ("together"). For each:

* press: from a key press until the picture that follows is painted; what the browser timed, median and p95
* drag: pictures painted per second while a mouse drags without a pause, 125 moves a second as a mouse sends them
* backlog: how long pictures still change after the mouse let go
* rest: from the last key press until the kernel has the number
* set: from an assignment in Python until its message is in the page, and from there until its picture is painted

Painted means: the page's own part of the frame is done, what follows is the compositor's. Then fifty widgets on one
page ("many"): memory, elements, and the same press and drag on one of them.

A full run takes about fifteen minutes and writes widgets_benchmark.md into docs/; `--quick` takes four and only prints.
`--keep FILE` adds what is measured to what the file holds, and reports all of it: a run can be made in parts. Leave the
machine alone meanwhile.
"""

import argparse
import importlib.metadata
import importlib.util
import itertools
import json
import math
import os
import platform
import random
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("browser", "widgets")]

from examples import EXAMPLES, call  # noqa: E402  (from tests/)
from jupyter_page import NotebookPage, Server, serve  # noqa: E402
from widgets_report import Results, report  # noqa: E402

from course_lib.authoring.picture import CHROMIUM_FLAGS, find_chromium  # noqa: E402

RECORDER = Path(__file__).with_name("widgets_page.js")
KEYS = ("ArrowRight", "ArrowLeft")
PARTS = ("alone", "together", "many")
IMPORTS = "import ipywidgets, numpy as np\nfrom course_lib import widgets\nglobals().update(vars(widgets))"
MOVES_A_SECOND = 125
HELD = 100  # milliseconds that a finger stays on a key
MATPLOTLIB = """
import numpy as np, ipywidgets, matplotlib.pyplot as plt
from course_lib.attention import attention, attention_weights
query = np.array([[1.5, 0.3], [0.5, 1.7], [-1.9, 0.4], [-0.7, -1.6]])
key = np.array([[-1.4, -0.7], [1.3, 1.2], [-0.6, 1.9], [1.0, -1.5]])
value = np.array([[-1.9, -0.9], [2.1, 1.3], [-1.0, 2.0], [1.2, -1.8]])
def scene(x):
    moved = query.copy()
    moved[0, 0] = x
    return np.vstack([moved, key, attention(moved, key, value)[:1]]), attention_weights(moved, key)
"""
INTERACT = """
%matplotlib inline
def draw(x=1.5):
    tips, weights = scene(x)
    figure, (plane, map_) = plt.subplots(1, 2, figsize=(6.4, 3.6))
    plane.quiver(*np.zeros((2, 9)), *tips.T, angles="xy", scale_units="xy", scale=1)
    plane.set(xlim=(-3, 3), ylim=(-3, 3))
    map_.imshow(weights, vmin=0, vmax=1)
    for (row, column), weight in np.ndenumerate(weights):
        map_.text(column, row, f"{weight:.2f}", ha="center")
    plt.show()
knob = ipywidgets.FloatSlider(value=1.5, min=-2.5, max=2.5, step=0.05)
ipywidgets.interact(draw, x=knob);
"""
# A canvas without pyplot, and back to inline: otherwise interact would draw with ipympl, too.
IPYMPL = """
from ipympl.backend_nbagg import Canvas, FigureManager
%matplotlib inline
figure = plt.matplotlib.figure.Figure(figsize=(6.4, 3.6))
FigureManager(Canvas(figure), 0)
plane, map_ = figure.subplots(1, 2)
tips, weights = scene(1.5)
arrows = plane.quiver(*np.zeros((2, 9)), *tips.T, angles="xy", scale_units="xy", scale=1)
plane.set(xlim=(-3, 3), ylim=(-3, 3))
image = map_.imshow(weights, vmin=0, vmax=1)
texts = [map_.text(column, row, f"{weight:.2f}", ha="center") for (row, column), weight in np.ndenumerate(weights)]
def redraw(change):
    tips, weights = scene(change.new)
    arrows.set_UVC(*tips.T)
    image.set_data(weights)
    for text, weight in zip(texts, weights.flat):
        text.set_text(f"{weight:.2f}")
    figure.canvas.draw_idle()
canvas_knob = ipywidgets.FloatSlider(value=1.5, min=-2.5, max=2.5, step=0.05)
canvas_knob.observe(redraw, "value")
ipywidgets.VBox([canvas_knob, figure.canvas])
"""


# Their hand has no places between its steps: they can paint no more often than it takes one.
IN_STEPS = ("Heads", "MaskBoard", "OnlineSoftmax", "Training")
# Over many steps, so that there is one for every frame.
FAR = {"Positions": (220, 0), "Cost": (-220, 0), "WeightedSum": (0, 60)}
# The same at their largest, and on a projector.
LARGEST = (
    (
        "AttentionStage", "on a projector", "AttentionStage()\nlarge_AttentionStage.projector = True",
        '[aria-label="query the"]', (1.5, -1.0),
    ),
    (
        "Shuffle", "6 tokens",
        "Shuffle(np.random.default_rng(0).normal(size=(6, 4)), w_value=np.eye(4), positions='rotary')",
        '[aria-label="0"]', ([2, 0, 1, 3, 4, 5], [0, 1, 2, 3, 5, 4]),
    ),
    ("Positions", "128 x 128", "Positions(d_model=128, n_distances=128)", '[aria-label="distance"]', (20, 4)),
)  # fmt: skip


@dataclass
class Variant:
    """One way to a live picture: its cell, what moves it, and what of it changes."""

    name: str
    source: str
    hand: str
    picture: str
    kind: str
    model: str
    trait: str
    values: tuple[Any, Any]
    keys: tuple[str, str] = KEYS
    drag: tuple[int, int] | None = (60, 0)  # None: there is nothing to drag, only to pick
    steps: bool = False
    cell: int = 0


def variants(wanted: Sequence[str] = ()) -> list[Variant]:
    """Return every widget that a hand moves, a stage moved by an ipywidgets slider, and the peers that are there.

    Only those whose names begin with one of the wanted, where any is.
    """
    found = [
        Variant(
            name=name, source=f"shown_{name} = {call(name)}\nshown_{name}", hand=f".cw-root {example.hand}",
            picture=".cw-root", kind="elements", model=f"shown_{name}", trait=example.trait, values=example.values,
            keys=example.keys, drag=FAR.get(name, example.drag), steps=name in IN_STEPS,
        )
        for name, example in EXAMPLES.items() if example.hand
    ]  # fmt: skip
    found += [
        replace(
            next(one for one in found if one.name == like), name=f"{like}, {what}", model=f"large_{like}",
            source=f"large_{like} = {code}\nlarge_{like}", hand=f".cw-root {hand}", values=values,
        )
        for like, what, code, hand, values in LARGEST
    ]  # fmt: skip
    found.append(
        Variant(
            name="AttentionStage, ipywidgets slider",
            source="linked = AttentionStage()\nipywidgets.VBox([linked, linked.sliders('query', 0)])",
            hand=".noUi-handle >> nth=0", picture=".cw-root", kind="elements", model="linked", trait="query_0_x",
            values=(1.5, -1.0), drag=(-100, 0),  # to the other side: it is near its end
        )
    )  # fmt: skip
    found.append(
        Variant(
            name="interact + plt.show", source=INTERACT, hand=".noUi-handle", picture=".jp-OutputArea", kind="images",
            model="knob", trait="value", values=(1.5, -1.0),
        )
    )  # fmt: skip
    if importlib.util.find_spec("ipympl") is not None:
        found.append(
            Variant(
                name="ipympl, draw_idle", source=IPYMPL, hand=".noUi-handle", picture=".jp-OutputArea", kind="canvas",
                model="canvas_knob", trait="value", values=(1.5, -1.0),
            )
        )  # fmt: skip
    chosen = [variant for variant in found if not wanted or variant.name.startswith(tuple(wanted))]
    for cell, variant in enumerate(chosen, start=1):
        variant.cell = cell
    return chosen


class Mouse:
    """A mouse that does not wait for the page: it moves at a rate of its own, as a hand does."""

    def __init__(self, port: int, page: Any) -> None:
        from websocket import create_connection  # what jupyter_server talks to kernels with

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
            addresses = {one["url"]: one["webSocketDebuggerUrl"] for one in json.load(answer)}
        self._line = create_connection(addresses[page.url], timeout=10, suppress_origin=True)

    def _send(self, kind: str, x: float, y: float, buttons: int) -> None:
        about = {"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1}
        self._line.send(json.dumps({"id": 1, "method": "Input.dispatchMouseEvent", "params": about}))

    def drag(self, x: float, y: float, way: tuple[int, int], seconds: float) -> None:
        """Grab what is at a place, drag it there and back again and again, and let go."""
        self._send("mouseMoved", x, y, 0)
        self._send("mousePressed", x, y, 1)
        begun, gone = time.monotonic(), 0.0
        for number in itertools.count(1):
            time.sleep(max(0.0, begun + number / MOVES_A_SECOND - time.monotonic()))
            gone = time.monotonic() - begun
            part = (1 - math.cos(2 * math.pi * gone / 1.2)) / 2
            if gone >= seconds:
                break
            self._send("mouseMoved", x + part * way[0], y + part * way[1], 1)
        self._send("mouseReleased", x + part * way[0], y + part * way[1], 0)
        self._line.close()


class Bench:
    """An open notebook that shows variants, and the measurements that it allows."""

    def __init__(self, lab: NotebookPage, port: int) -> None:
        self.lab, self.page, self.port = lab, lab.page, port
        self.rng = random.Random(0)

    def hand(self, variant: Variant) -> Any:
        """Focus what moves a variant, watch its picture, and return the hand."""
        cell = self.lab.cell(variant.cell)
        hand = cell.locator(variant.hand).first
        hand.scroll_into_view_if_needed()
        hand.focus()
        picture = cell.locator(variant.picture).first
        picture.evaluate("(root, kind) => courseBench.watch(root, kind)", variant.kind)
        self.page.wait_for_timeout(200)
        return hand

    def told(self) -> dict[str, Any]:
        return dict(self.page.evaluate("() => courseBench.told()"))

    def _until_painted(self, since: float, seconds: float = 5.0) -> float | None:
        """Wait for a paint after a moment of the page's clock and return its time."""
        return self.page.evaluate(  # type: ignore[no-any-return]
            "([since, patience]) => courseBench.painted(since, patience)", [since, 1000 * seconds]
        )

    def press(self, variant: Variant, n_presses: int) -> list[float]:
        """Return milliseconds from key press to paint; a press that paints nothing counts for nothing.

        Nothing is asked of the page while it draws.
        """
        self.hand(variant)
        found = []
        for key in itertools.islice(itertools.cycle(variant.keys), n_presses):
            self.page.evaluate("() => courseBench.forget()")
            self.page.wait_for_timeout(120 + self.rng.uniform(0, 17))  # at any moment of a frame
            self.page.keyboard.down(key)
            self.page.wait_for_timeout(HELD)
            self.page.keyboard.up(key)
            pressed = self.told()["pressed"][0]
            painted = self._until_painted(pressed)
            if painted is not None:
                found.append(painted - pressed)
        return found

    def rest(self, variant: Variant) -> float | None:
        """Return milliseconds from a key press until the kernel has its number."""
        self.hand(variant)
        note = "import time; arrived = []; note = lambda change: arrived.append(time.time())"
        self.lab.ask(f"{note}; {variant.model}.observe(note, {variant.trait!r})")
        self.page.evaluate("() => courseBench.forget()")
        self.page.keyboard.press(variant.keys[0])
        self.page.wait_for_timeout(600)
        self.page.keyboard.press(variant.keys[1])
        self.page.wait_for_timeout(1500)
        told = self.told()
        arrived = json.loads(
            self.lab.ask(f"print(arrived); {variant.model}.unobserve(note, {variant.trait!r})") or "[]"
        )
        return 1000 * arrived[-1] - told["origin"] - told["pressed"][-1] if arrived else None

    def drag(self, variant: Variant, way: tuple[int, int], seconds: float) -> dict[str, float]:
        """Drag there and back without a pause; return pictures and steps a second, and the backlog in milliseconds."""
        hand = self.hand(variant)
        box = hand.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        if hand.get_attribute("type") == "range":  # its thumb is where its number is
            share = hand.evaluate("node => (node.value - node.min) / (node.max - node.min)")
            x = box["x"] + 8 + share * (box["width"] - 16)
        self.page.evaluate("() => courseBench.forget()")
        mouse = threading.Thread(target=Mouse(self.port, self.page).drag, args=(x, y, way, seconds))
        mouse.start()
        self.page.wait_for_timeout(1000 * seconds + 50)
        mouse.join()
        told = self._until_quiet()
        let_go = told["released"][-1]
        during = [paint for paint in told["paints"] if paint <= let_go]
        return {
            "drag": len(during) / seconds, "steps": told["steps"] / seconds if variant.steps else 0.0,
            "backlog": max(0.0, max(told["paints"], default=let_go) - let_go),
        }  # fmt: skip

    def _until_quiet(self) -> dict[str, Any]:
        """Wait until nothing was painted for half a second, and return what the page noted."""
        told = self.told()
        while told["now"] - max(told["paints"], default=-math.inf) < 500:
            self.page.wait_for_timeout(100)
            told = self.told()
        self.page.wait_for_timeout(500)
        return self.told()

    def set(self, variant: Variant) -> list[tuple[float, float | None]]:
        """Return milliseconds from an assignment in Python until its message is there, and from there until its paint.

        A peer changes more than one widget, with messages of all kinds: for those there is the sum alone.
        """
        self.hand(variant)
        found: list[tuple[float, float | None]] = []
        for value in variant.values:
            self._until_quiet()
            self.page.evaluate("() => courseBench.forget()")
            begun = float(
                self.lab.ask(f"import time; now = time.time(); {variant.model}.{variant.trait} = {value!r}; print(now)")
            )
            told = self.told()
            since = 1000 * begun - told["origin"]
            painted = self._until_painted(since)
            if painted is None:
                continue
            came = [update for update in told["updates"] if since < update <= painted]
            if variant.kind == "elements" and came:
                found.append((came[0] - since, painted - came[0]))
            else:
                found.append((painted - since, None))
        return found


def measure(bench: Bench, variant: Variant, row: dict[str, list[Any]], presses: int, seconds: float) -> None:
    """Measure one variant once, and add to what is known of it."""
    row["press"] += bench.press(variant, presses)
    if variant.drag is not None:
        for name, number in bench.drag(variant, variant.drag, seconds).items():
            row[name].append(number)
    rest = bench.rest(variant)
    row["rest"] += [] if rest is None else [rest]
    row["set"] += bench.set(variant)


class Rounds:
    """Variants that take turns in a browser, in an order that is drawn anew for every round."""

    def __init__(self, found: Any, server: Server, port: int, options: tuple[int, float]) -> None:
        self.found, self.server, self.port, self.options = found, server, port, options
        self.rng = random.Random()

    def page(self, *sources: str) -> NotebookPage:
        """Open a notebook in a page of its own and run it."""
        page = self.found.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(RECORDER.read_text(encoding="utf-8"))
        lab = NotebookPage(page, self.server).open_cells(IMPORTS + MATPLOTLIB, *sources)
        lab.run_all()
        return lab

    def alone(self, chosen: list[Variant], rows: Results) -> None:
        """Measure each variant in a notebook of its own."""
        for variant in self.rng.sample(chosen, len(chosen)):
            lab = self.page(variant.source)
            measure(Bench(lab, self.port), replace(variant, cell=1), _row(rows, variant), *self.options)
            lab.stop_kernel()
            lab.page.close()
            print(f"alone: {variant.name}", file=sys.stderr)

    def together(self, chosen: list[Variant], rows: Results, rounds: int) -> None:
        """Measure all variants in one notebook."""
        lab = self.page(*(variant.source for variant in chosen))
        bench = Bench(lab, self.port)
        for number in range(rounds):
            for variant in self.rng.sample(chosen, len(chosen)):
                measure(bench, variant, _row(rows, variant), *self.options)
                print(f"together, round {number + 1}: {variant.name}", file=sys.stderr)
        lab.stop_kernel()
        lab.page.close()


def _row(rows: Results, variant: Variant) -> dict[str, list[Any]]:
    empty: dict[str, list[Any]] = {name: [] for name in ("press", "drag", "steps", "backlog", "rest", "set")}
    return rows.setdefault(variant.name, empty)  # type: ignore[no-any-return]


def metrics(page: Any) -> dict[str, float]:
    """Return what the browser holds, after it has cleaned up."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    named = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return {"heap": named["JSHeapUsedSize"], "elements": named["Nodes"], "listeners": named["JSEventListeners"]}


def fill_page(rounds: Rounds, n_widgets: int) -> Results:
    """Show many widgets of all kinds on one page; measure the page, and one stage in the middle of it."""
    names = list(itertools.islice(itertools.cycle(EXAMPLES), n_widgets))
    middle = next(place for place in range(n_widgets // 2, n_widgets) if names[place] == "AttentionStage")
    sources = [call(name) for name in names]
    sources[middle] = f"middle = {call('AttentionStage')}\nmiddle"
    page = rounds.found.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(RECORDER.read_text(encoding="utf-8"))
    lab = NotebookPage(page, rounds.server).open_cells(IMPORTS, *sources)
    before = metrics(page)
    begun = time.monotonic()
    lab.run_all()
    page.wait_for_function(f"() => document.querySelectorAll('.cw-root').length === {n_widgets}", timeout=60_000)
    shown = time.monotonic() - begun
    after = metrics(page)
    bench = Bench(lab, rounds.port)
    stage = next(variant for variant in variants() if variant.name == "AttentionStage")
    stage.cell, stage.model = middle + 1, "middle"
    presses, seconds = rounds.options
    dragged = bench.drag(stage, (60, -30), seconds)
    return {
        "n_widgets": n_widgets, "seconds_to_show": shown, "before": before, "after": after,
        "press": bench.press(stage, presses), "drag": dragged["drag"], "backlog": dragged["backlog"],
    }  # fmt: skip


@contextmanager
def browser() -> Iterator[tuple[Any, int]]:
    """Run the machine's Chromium; give it and the port at which a mouse can talk to it."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        raise SystemExit("There is no Chromium on this machine: install it, or name it in COURSE_CHROMIUM.")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    flags = [*CHROMIUM_FLAGS, f"--remote-debugging-port={port}"]
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=flags, headless=True)
        try:
            yield found, port
        finally:
            found.close()


def machine(found: Any) -> dict[str, str]:
    """Say where this was measured."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    names = ("jupyterlab", "ipywidgets", "anywidget", "matplotlib", "ipympl")
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed: not measured"
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "processor": f"{model or platform.processor()} ({platform.machine()})", "processors": str(os.cpu_count()),
        "system": platform.system(), "load before the run": load, "Chromium": f"{found.version}, headless, 60 Hz",
        "Python": platform.python_version(), **versions,
    }  # fmt: skip


def main() -> None:
    """Measure, print, and unless quick write the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round; print and write nothing")
    parser.add_argument("--keep", type=Path, help="add what is measured to what this file holds, and report all of it")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="these variants; print and write nothing")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is measured; all by default")
    parser.add_argument("--rounds", type=int, default=1, help="how often all take turns; 5 minutes each, twice")
    options = parser.parse_args()
    chosen = variants(options.only)
    results: Results = {"minutes": 0.0, "alone": {}, "together": {}, "many": None}
    if options.keep and options.keep.exists():
        results = json.loads(options.keep.read_text(encoding="utf-8"))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as home, browser() as (found, port):
        folder = Path(home) / "notebooks"
        folder.mkdir()
        results.setdefault("machine", machine(found))
        with serve(Path(home), folder, windowing="contentVisibility") as server:
            turns = Rounds(found, server, port, (8, 1.2) if options.quick else (15, 2.4))
            for _ in range(options.rounds if "alone" in options.parts else 0):
                turns.alone(chosen, results["alone"])
            if "together" in options.parts:
                turns.together(chosen, results["together"], options.rounds)
            if "many" in options.parts:
                results["many"] = fill_page(turns, 20 if options.quick else 50)
    results["minutes"] += (time.monotonic() - begun) / 60
    if options.keep:
        options.keep.write_text(json.dumps(results), encoding="utf-8")
    text = report(results)
    print(text)
    whole = results["alone"] and results["together"] and results["many"]
    if whole and not (options.quick or options.only):
        (ROOT / "docs" / "widgets_benchmark.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
