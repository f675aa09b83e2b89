"""How soon a page of the site can be used: `python benchmarks/site.py public`, for a site that `course site` has made.

A plain file server on this machine and a real Chromium; what a network adds is the size, divided by its speed.

* cold: a browser that was never here opens lesson 02: until the notebook is shown, until Python is ready, until the
  imports have run and the first cell has printed, counted from the first request
* warm: the same browser, closed and begun again
* with ``--beside``, another site in turns with the first, for the notebooks, and the ratio: what a change of the site,
  or compiling beforehand, is worth
* pages to read, each in a browser that was never here: the first paint, and the first live picture drawn

A full run takes about three minutes and prints JSON. Leave the machine alone meanwhile.
"""

import argparse
import functools
import http.server
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from course_lib.authoring.picture import CHROMIUM_FLAGS, find_chromium

NOTEBOOK, IMPORTS, FIRST = "notebooks/02_scores.ipynb", "scores-imports", "one-score"
PAGES = ("index.html", "read/index.html", "read/02_scores.html", "read/07_multi_head.html")
SHOWN = "() => window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length > 0"
READY = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
RUN = """async (id) => {
  const { content } = window.jupyterapp.shell.currentWidget;
  content.activeCellIndex = content.widgets.findIndex((cell) => cell.model.id === id);
  await window.jupyterapp.commands.execute("notebook:run-cell");
  const outputs = content.activeCell.model.outputs.toJSON();
  if (outputs.some(({ output_type }) => output_type === "error")) throw new Error(JSON.stringify(outputs));
  return outputs.length;
}"""
# A picture counts when the frame after the one that drew it begins: then it has been painted.
WATCH = """
addEventListener("DOMContentLoaded", () => {
  const look = () => {
    if (document.querySelector(".live .cw-root svg, .live .cw-root table")) {
      requestAnimationFrame(() => { window.pictureDrawn = performance.now(); });
    } else requestAnimationFrame(look);
  };
  look();
});
"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
BROWSER_SECONDS = 300


class Counter:
    """What the server has sent."""

    def __init__(self) -> None:
        self.n_bytes = self.n_files = 0

    def take(self) -> dict[str, float]:
        """Return what was sent since the last time, and begin anew."""
        sent = {"megabytes": round(self.n_bytes / 1e6, 2), "files": self.n_files}
        self.n_bytes = self.n_files = 0
        return sent


class _Server(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    counter: Counter

    def __init__(self, *given: Any, counter: Counter, **named: Any) -> None:
        self.counter = counter
        super().__init__(*given, **named)

    def copyfile(self, source: Any, outputfile: Any) -> None:
        data = source.read()
        self.counter.n_bytes += len(data)
        self.counter.n_files += 1
        outputfile.write(data)

    def log_message(self, *given: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path, counter: Counter) -> Iterator[str]:
    """Serve a folder while the block runs, and give its address."""
    handler = functools.partial(_Server, directory=str(folder), counter=counter)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def begin(driver: Any, profile: Path) -> Any:
    """Start a browser with a profile on disk, and return its context."""
    context = driver.chromium.launch_persistent_context(
        profile, executable_path=find_chromium(), args=list(CHROMIUM_FLAGS), headless=True,
        viewport={"width": 1280, "height": 900},
    )  # fmt: skip
    context.set_default_timeout(1000 * BROWSER_SECONDS)
    return context


def start_of_python(context: Any, address: str) -> dict[str, float]:
    """Open the notebook and run its first cells; return the seconds from the request to each step."""
    page = context.new_page()
    began = time.perf_counter()
    since = lambda: round(time.perf_counter() - began, 2)  # noqa: E731
    page.goto(f"{address}/lab/index.html?path={NOTEBOOK}", wait_until="commit")
    times = {}
    page.wait_for_function(SHOWN)
    times["notebook"] = since()
    page.wait_for_function(READY)
    times["ready"] = since()
    page.evaluate(RUN, IMPORTS)
    times["imports"] = since()
    if not page.evaluate(RUN, FIRST):
        raise SystemExit(f"The cell {FIRST} printed nothing.")
    times["output"] = since()
    # What the page keeps for later must be kept before the browser closes; it is no part of what was timed.
    page.wait_for_function("async () => (await caches.keys()).some((name) => name.startsWith('course-'))")
    page.wait_for_load_state("networkidle")
    return times


def notebooks(driver: Any, addresses: Sequence[str], counter: Counter, rounds: int) -> list[dict[str, Any]]:
    """Measure cold and warm starts, and the sites, in turns; return what each site takes."""
    found: list[dict[str, list[dict[str, float]]]] = [{"cold": [], "warm": []} for _ in addresses]
    for _ in range(rounds):
        for address, starts in zip(addresses, found, strict=True):
            profile = Path(tempfile.mkdtemp(prefix="course-site-profile-"))
            for which, rows in starts.items():
                counter.take()
                context = begin(driver, profile)
                rows.append(start_of_python(context, address))
                context.close()
                rows[-1] |= counter.take()
                print(address, which, rows[-1], file=sys.stderr, flush=True)
            shutil.rmtree(profile, ignore_errors=True)
    return [
        {which: {name: statistics.median(row[name] for row in rows) for name in rows[0]} for which, rows in one.items()}
        for one in found
    ]


def pages(driver: Any, address: str, counter: Counter, rounds: int) -> dict[str, Any]:
    """Measure pages to read, each time in a browser that has nothing of them."""
    browser = driver.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_FLAGS), headless=True)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in PAGES}
    for _ in range(rounds):
        for name, rows in found.items():
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.add_init_script(WATCH)
            counter.take()
            page.goto(f"{address}/{name}")
            row = {"first_paint": round(page.wait_for_function(PAINTED).json_value() / 1000, 3)}
            if page.locator(".live").count():
                drawn = page.wait_for_function("() => window.pictureDrawn").json_value()
                row["first_picture"] = round(drawn / 1000, 3)
            rows.append(row | counter.take())
            context.close()
    browser.close()
    return {name: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for name, rows in found.items()}


def main() -> None:
    """Measure a site and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path, help="the folder that `course site --out` has made")
    parser.add_argument("--beside", type=Path, help="another such folder, measured in turns with the first")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    files = [path for path in given.site.rglob("*") if path.is_file()]
    if not (given.site / "read" / "index.html").is_file():
        parser.error(f"{given.site} holds no site: make one with `course site --out {given.site}`")
    with_notebooks = [site for site in (given.site, given.beside) if site and (site / "lab" / "index.html").is_file()]
    if given.beside and len(with_notebooks) < 2:
        parser.error("--beside compares notebooks, and both sites must have them.")
    counter = Counter()
    measured: dict[str, Any] = {
        "processors": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "files": len(files),
        "megabytes": round(sum(path.stat().st_size for path in files) / 1e6, 1),
    }  # fmt: skip
    with ExitStack() as stack:
        driver = stack.enter_context(sync_playwright())
        measured["pages"] = pages(driver, stack.enter_context(served(given.site, counter)), counter, given.rounds)
        addresses = [stack.enter_context(served(site, counter)) for site in with_notebooks]
        found = notebooks(driver, addresses, counter, given.rounds)
        measured |= dict(zip(("notebooks", "beside"), found, strict=False))
    if given.beside:
        measured["ratio"] = {
            which: round(starts["output"] / measured["beside"][which]["output"], 2)
            for which, starts in measured["notebooks"].items()
        }
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
