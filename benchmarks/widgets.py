"""How soon a live picture follows the hand: `python benchmarks/widgets.py`.

A real JupyterLab in a real Chromium. Every widget, and beside them what most notebooks do: `interact` with a new
matplotlib figure, and ipympl where it is installed. All take turns, round by round, on one notebook. For each:

* press: from a key press until the picture that follows is painted; what the browser timed, median and p95
* drag: pictures painted per second while the mouse drags without a pause
* backlog: how long pictures still change after the mouse let go
* rest: from the last key press until the kernel has the number
* set: from an assignment in Python until its picture is painted

Then fifty widgets on one page: memory, elements, and the same press and drag on one of them.

A full run takes about twenty minutes and writes widgets_benchmark.md into docs/; `--quick` takes two and only prints.
Leave the machine alone meanwhile.
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
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("browser", "widgets")]

from examples import EXAMPLES, call  # noqa: E402  (from tests/)
from jupyter_page import NotebookPage, serve  # noqa: E402
from widgets_report import Results, report  # noqa: E402

from course_lib.authoring.picture import CHROMIUM_FLAGS, find_chromium  # noqa: E402

RECORDER = Path(__file__).with_name("widgets_page.js")
KEYS = ("ArrowRight", "ArrowLeft")
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
    drag: tuple[int, int] = (60, 0)
    cell: int = 0


def variants(wanted: Sequence[str] = ()) -> list[Variant]:
    """Return every widget that a hand moves, a stage moved by an ipywidgets slider, and the peers that are there.

    Only those whose names begin with one of the wanted, where any is.
    """
    found = [
        Variant(
            name=name, source=f"shown_{name} = {call(name)}\nshown_{name}", hand=f".cw-root {example.hand}",
            picture=".cw-root", kind="elements", model=f"shown_{name}", trait=example.trait, values=example.values,
            keys=example.keys, drag=example.drag,
        )
        for name, example in EXAMPLES.items() if example.hand
    ]  # fmt: skip
    found.append(
        Variant(
            name="AttentionStage, ipywidgets slider",
            source="linked = AttentionStage()\nipywidgets.VBox([linked, linked.sliders('query', 0)])",
            hand=".noUi-handle >> nth=0", picture=".cw-root", kind="elements", model="linked", trait="query_0_x",
            values=(1.5, -1.0),
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


class Bench:
    """An open notebook that shows all variants, and the measurements that it allows."""

    def __init__(self, lab: NotebookPage) -> None:
        self.lab, self.page = lab, lab.page
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
        """Return milliseconds from key press to paint; a press that paints nothing counts for nothing."""
        self.hand(variant)
        found = []
        for key in itertools.islice(itertools.cycle(variant.keys), n_presses):
            self.page.wait_for_timeout(120 + self.rng.uniform(0, 17))  # at any moment of a frame
            self.page.evaluate("() => courseBench.forget()")
            self.page.keyboard.press(key)
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

    def drag(self, variant: Variant, seconds: float) -> tuple[float, float, float]:
        """Drag there and back without a pause; return pictures a second, mouse moves a second, backlog in ms."""
        hand = self.hand(variant)
        box = hand.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        if hand.get_attribute("type") == "range":  # its thumb is where its number is
            share = hand.evaluate("node => (node.value - node.min) / (node.max - node.min)")
            x = box["x"] + 8 + share * (box["width"] - 16)
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        self.page.evaluate("() => courseBench.forget()")
        begun, moves = time.monotonic(), 0
        while (gone := time.monotonic() - begun) < seconds:
            part = (1 - math.cos(2 * math.pi * gone / 1.2)) / 2
            mouse.move(x + part * variant.drag[0], y + part * variant.drag[1])
            moves += 1
        pictures = len(self.told()["paints"])
        mouse.up()
        released = self.told()["pressed"][-1]
        paints = self._until_quiet()
        return pictures / gone, moves / gone, max(0.0, max(paints, default=released) - released)

    def _until_quiet(self) -> list[float]:
        """Wait until nothing was painted for half a second, and return when something was."""
        told = self.told()
        while told["now"] - max(told["paints"], default=-math.inf) < 500:
            self.page.wait_for_timeout(50)
            told = self.told()
        self.page.wait_for_timeout(500)
        return list(self.told()["paints"])

    def set(self, variant: Variant) -> list[float]:
        """Return milliseconds from an assignment in Python until its picture is painted."""
        self.hand(variant)
        found = []
        for value in variant.values:
            self._until_quiet()
            self.page.evaluate("() => courseBench.forget()")
            begun = float(self.lab.ask(f"import time; print(time.time()); {variant.model}.{variant.trait} = {value!r}"))
            since = 1000 * begun - self.told()["origin"]
            painted = self._until_painted(since)
            if painted is not None:
                found.append(painted - since)
        return found


def measure(bench: Bench, chosen: list[Variant], rounds: int, presses: int, seconds: float) -> Results:
    """Let all variants take turns for some rounds; the order is drawn anew for each."""
    found: Results = {}
    order = list(chosen)
    for number in range(rounds):
        bench.rng.shuffle(order)
        for variant in order:
            row = found.setdefault(
                variant.name, {"press": [], "drag": [], "moves": [], "backlog": [], "rest": [], "set": []}
            )
            row["press"] += bench.press(variant, presses)
            pictures, moves, backlog = bench.drag(variant, seconds)
            row["drag"].append(pictures)
            row["moves"].append(moves)
            row["backlog"].append(backlog)
            rest = bench.rest(variant)
            row["rest"] += [] if rest is None else [rest]
            row["set"] += bench.set(variant)
            print(f"round {number + 1} of {rounds}: {variant.name}", file=sys.stderr)
    return {variant.name: found[variant.name] for variant in chosen}


def metrics(page: Any) -> dict[str, float]:
    """Return what the browser holds, after it has cleaned up."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    named = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return {"heap": named["JSHeapUsedSize"], "elements": named["Nodes"], "listeners": named["JSEventListeners"]}


def fill_page(lab: NotebookPage, n_widgets: int, presses: int, seconds: float) -> Results:
    """Show many widgets of all kinds on one page; measure the page, and one stage in the middle of it."""
    names = list(itertools.islice(itertools.cycle(EXAMPLES), n_widgets))
    imports = "import ipywidgets, numpy as np\nfrom course_lib import widgets\nglobals().update(vars(widgets))"
    middle = next(place for place in range(n_widgets // 2, n_widgets) if names[place] == "AttentionStage")
    sources = [call(name) for name in names]
    sources[middle] = f"middle = {call('AttentionStage')}\nmiddle"
    lab.open_cells(imports, *sources)
    before = metrics(lab.page)
    begun = time.monotonic()
    lab.run_all()
    lab.page.wait_for_function(f"() => document.querySelectorAll('.cw-root').length === {n_widgets}", timeout=60_000)
    shown = time.monotonic() - begun
    after = metrics(lab.page)
    bench = Bench(lab)
    stage = next(variant for variant in variants() if variant.name == "AttentionStage")
    stage.cell, stage.model = middle + 1, "middle"
    pictures, _, backlog = bench.drag(stage, seconds)
    return {
        "n_widgets": n_widgets, "seconds_to_show": shown, "before": before, "after": after,
        "press": bench.press(stage, presses), "drag": pictures, "backlog": backlog,
    }  # fmt: skip


@contextmanager
def browser() -> Iterator[Any]:
    """Run the machine's Chromium."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        raise SystemExit("There is no Chromium on this machine: install it, or name it in COURSE_CHROMIUM.")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS), headless=True)
        try:
            yield found
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
    parser.add_argument("--json", type=Path, help="also write what was measured to this file")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="these variants; print and write nothing")
    parser.add_argument("--rounds", type=int, default=5, help="how often all take turns; 3 minutes each")
    options = parser.parse_args()
    chosen = variants(options.only)
    rounds, presses, seconds, n_widgets = (1, 6, 1.2, 20) if options.quick else (options.rounds, 12, 2.4, 50)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as home, browser() as found:
        folder = Path(home) / "notebooks"
        folder.mkdir()
        results: Results = {"machine": machine(found), "settings": {"rounds": rounds, "presses": presses}}
        with serve(Path(home), folder) as server:
            imports = "import ipywidgets, numpy as np\nfrom course_lib import widgets\nglobals().update(vars(widgets))"
            pages = [found.new_page(viewport={"width": 1280, "height": 900}) for _ in range(2)]
            for page in pages:
                page.add_init_script(RECORDER.read_text(encoding="utf-8"))
            lab = NotebookPage(pages[0], server).open_cells(imports + MATPLOTLIB, *(one.source for one in chosen))
            lab.run_all()
            results["variants"] = measure(Bench(lab), chosen, rounds, presses, seconds)
            pages[0].close()
            results["many"] = fill_page(NotebookPage(pages[1], server), n_widgets, presses, seconds)
        results["minutes"] = (time.monotonic() - begun) / 60
    text = report(results)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(results), encoding="utf-8")
    if not (options.quick or options.only):
        (ROOT / "docs" / "widgets_benchmark.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
