"""A real JupyterLab and a real browser for tests: start, open a notebook, run cells, read outputs, stop.

Nothing is downloaded: the browser is the machine's own Chromium, and a page that asks any other host fails its test.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from course_lib.lab import PROMPT, SETTINGS

LOCAL = ("127.0.0.1", "localhost")
# The kernel runs the code, the page shows what came: both are asked through JupyterLab's own application object.
_RUN_CELL = """async (index) => {
  const { content, sessionContext } = window.jupyterapp.shell.currentWidget;
  content.activeCellIndex = index;
  const before = content.widgets[index].model.executionCount;
  await window.jupyterapp.commands.execute("notebook:run-cell");
  return before;
}"""
_ASK_KERNEL = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({ code, store_history: false });
  const said = [];
  future.onIOPub = (message) => {
    const { content } = message;
    if (message.header.msg_type === "stream") said.push(content.text);
    if (message.header.msg_type === "error") said.push(`${content.ename}: ${content.evalue}`);
  };
  await future.done;
  return said.join("");
}"""
_READY = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  return panel?.sessionContext?.session?.kernel?.status === "idle" && panel.content.widgets.length > 0;
}"""


class Server:
    """One JupyterLab with settings of its own, serving a folder."""

    def __init__(self, home: Path, root: Path, windowing: str = "none") -> None:
        self.root, self.token, self.port = root, secrets.token_hex(16), _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = home / "settings"
        self._log = home / "jupyter.log"
        self.theme("JupyterLab Light")
        self._write_settings("apputils-extension", "notification", fetchNews="false", checkForUpdates=False)
        self._write_settings("notebook-extension", "tracker", windowingMode=windowing)
        folders = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "RUNTIME")}
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", "--allow-root",
            f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={self.token}",
            f"--LabApp.user_settings_dir={self._settings}", f"--LabApp.workspaces_dir={home / 'workspaces'}",
            "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
            f"--LabApp.app_settings_dir={SETTINGS}", *PROMPT,
        ]  # fmt: skip
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=root,
                env={**os.environ, **folders, "IPYTHONDIR": str(home / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"},
            )  # fmt: skip

    def theme(self, name: str) -> None:
        """Set the theme of the pages that are opened from now on."""
        self._write_settings("apputils-extension", "themes", theme=name)

    def _write_settings(self, extension: str, plugin: str, **settings: Any) -> None:
        target = self._settings / "@jupyterlab" / extension / f"{plugin}.jupyterlab-settings"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(settings), encoding="utf-8")

    def wait(self, seconds: float = 90.0) -> None:
        """Wait until it answers; fail with its own log if it does not."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/api/status?token={self.token}", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError(f"JupyterLab did not start:\n{self._log.read_text(errors='replace')[-4000:]}")

    def stop(self) -> None:
        """End it and its kernels, by asking first."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serve(home: Path, root: Path, windowing: str = "none") -> Iterator[Server]:
    """Run a server while the block runs, and end it however the block ends.

    `windowing` is JupyterLab's way with the cells that are scrolled away: "none" shows them all, which tests rely on;
    what learners have is "contentVisibility".
    """
    server = Server(home, root, windowing)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


class NotebookPage:
    """An open notebook in JupyterLab. Cells are counted from 0."""

    def __init__(self, page: Any, server: Server) -> None:
        self.page, self.server = page, server
        self.strangers: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        page.on("websocket", lambda socket: self._note(socket.url))
        page.on("pageerror", self._note_error)

    def _note_error(self, error: Any) -> None:
        """Keep errors of widgets, whose modules come from blob: addresses; JupyterLab's own are not ours to mend."""
        stack = error.stack or ""
        if "blob:" in stack or "/static/lab/" not in stack:
            self.errors.append(f"{error}\n{stack}")

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL:
            self.strangers.append(url)

    def open(self, path: str) -> "NotebookPage":
        """Open a notebook of the server's folder and wait for its kernel."""
        self.page.goto(f"{self.server.url}/lab/tree/{path}?token={self.server.token}&reset")
        self.page.wait_for_function(_READY, timeout=90_000)
        return self

    def open_cells(self, *sources: str, name: str | None = None) -> "NotebookPage":
        """Open a new notebook with these code cells, and a kernel of its own."""
        name = name or f"test-{secrets.token_hex(4)}.ipynb"
        (self.server.root / name).write_text(json.dumps(new_notebook(sources)), encoding="utf-8")
        return self.open(name)

    def run_cell(self, index: int, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Run one cell and return its outputs."""
        self.page.evaluate(_RUN_CELL, index)
        self._wait_idle(seconds)
        return self.outputs(index)

    def run_all(self, seconds: float = 300.0) -> None:
        """Run every cell, stopping at an error as JupyterLab does."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        self._wait_idle(seconds)

    def _wait_idle(self, seconds: float) -> None:
        self.page.wait_for_function(_READY, timeout=1000 * seconds)

    def set_source(self, index: int, source: str) -> None:
        """Replace the source of a cell, as typing would."""
        self.page.evaluate(
            "([index, source]) => window.jupyterapp.shell.currentWidget.content.widgets[index]"
            ".model.sharedModel.setSource(source)",
            [index, source],
        )

    def run_sources(self, *sources: str) -> None:
        """Put sources into the first cells, and run them."""
        for index, source in enumerate(sources):
            self.set_source(index, source)
            self.run_cell(index)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return the outputs of a cell as nbformat has them."""
        return self.page.evaluate(  # type: ignore[no-any-return]
            "(index) => window.jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()", index
        )

    def cell_index(self, cell_id: str) -> int:
        """Return the place of the cell with this id."""
        ids = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.id)"
        )
        return int(ids.index(cell_id))

    def cell(self, index: int) -> Any:
        """Return the locator of a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def ask(self, code: str) -> str:
        """Run code in the kernel, outside of any cell, and return what it prints."""
        return str(self.page.evaluate(_ASK_KERNEL, code)).strip()

    def array(self, expression: str) -> list[Any]:
        """Return a kernel's array as nested lists."""
        printed = self.ask(f"import json, numpy as _np; print(json.dumps(_np.asarray({expression}).tolist()))")
        return json.loads(printed)  # type: ignore[no-any-return]

    def change_theme(self, name: str) -> None:
        """Change the theme of the open page: "JupyterLab Light", "JupyterLab Dark"."""
        self.page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name
        )  # fmt: skip

    def stop_kernel(self) -> None:
        """Shut the notebook's kernel down and leave the page open."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    def drag(self, locator: Any, right: float, down: float, steps: int = 8) -> None:
        """Drag the middle of something by so many pixels; the button stays down until `release`."""
        locator.scroll_into_view_if_needed()
        box = locator.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + right, y + down, steps=steps)

    def release(self) -> None:
        """Let go of what is dragged."""
        self.page.mouse.up()

    def screenshot(self, target: Path, locator: Any = None) -> Path:
        """Store a picture of the page, or of one part of it."""
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.page if locator is None else locator).screenshot(path=str(target))
        return target


def new_notebook(sources: Sequence[str]) -> dict[str, Any]:
    """Return a notebook of code cells, for the kernel of this environment."""
    cells = [
        {"cell_type": "code", "id": f"cell-{n}", "metadata": {}, "execution_count": None, "outputs": [], "source": text}
        for n, text in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
