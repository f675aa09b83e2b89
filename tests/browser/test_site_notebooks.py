"""The notebooks of the site in a browser: built, served from a sub-path, worked in, closed, opened again, offline.

Building needs a package registry (pip and npm) and the wheels of Pyodide's distribution; where one is missing, these
tests skip and say so. COURSE_SITE_CACHE names a folder that keeps what was fetched.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from site_server import file_server
from stage_page import handle, until, vector

pytest.importorskip("latex2mathml", reason="makes the formulas of the pages")
from course_lib.authoring.picture import CHROMIUM_FLAGS, find_chromium
from course_lib.site import Places, SiteError, build_site

pytestmark = pytest.mark.setup

ROOT = Path(__file__).parents[2]
# What pip and npm say where no registry answers; everything else that they say is a failure.
UNREACHED = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|E50\d|NewConnectionError|ConnectTimeout"
    r"|ReadTimeout|Temporary failure in name resolution|Could not find a version .*\(from versions: none\)"
)
START = 240_000  # milliseconds; Python starts in a quarter of a minute where nothing else runs
WRONG = """def softmax(scores):
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum(axis=0)"""
RIGHT = """def softmax(scores):
    exponentials = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)"""
_KERNEL = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel"
_RUN = """async (id) => {
  const { content } = window.jupyterapp.shell.currentWidget;
  content.activeCellIndex = content.widgets.findIndex((cell) => cell.model.id === id);
  await window.jupyterapp.commands.execute("notebook:run-cell");
  return content.activeCell.model.outputs.toJSON().map((output) => [output.ename, output.evalue, output.text,
    output.data?.["text/plain"]].flat().join(" ")).join(" ");
}"""
# Modules that the browser compiled itself, of all that are loaded.
_COMPILED_HERE = """import os, sys
specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
sources = [spec for spec in specs if spec and str(spec.origin).endswith(".py")]
print(len(sources) > 300, [spec.name for spec in sources if not os.path.exists(spec.cached or "")])"""
_ASK = """async (code) => {
  const future = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code });
  const said = [];
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream") said.push(content.text);
    if (header.msg_type === "error") said.push(`${content.ename}: ${content.evalue}`);
  };
  await future.done;
  return said.join("");
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, with one lesson to read, below a folder of its own."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: it fetches Python for the browser")
    named = os.environ.get("COURSE_SITE_CACHE")
    places = Places.of(ROOT, cache=Path(named) if named else tmp_path_factory.mktemp("cache"))
    if places.wheels is None or not list(places.wheels.glob("numpy-2.0.*.whl")):
        pytest.skip("no wheels of Pyodide 0.27.7: name their folder in COURSE_PYODIDE_WHEELS")
    folder = tmp_path_factory.mktemp("site")
    for last in (False, True):
        try:
            build_site(folder / "a" / "b", places, names=("00",))
            return folder
        except SiteError as error:
            if last and UNREACHED.search(str(error)):
                pytest.skip(f"the package registry is not reached: {str(error).splitlines()[-1][:200]}")
            if last:
                raise
    raise AssertionError("unreachable")


class Browser:
    """One browser with a profile on disk, as a reader's own."""

    def __init__(self, driver: Any, profile: Path, address: str) -> None:
        self.address, self.asked = address, []
        self.context = driver.chromium.launch_persistent_context(
            profile, executable_path=find_chromium(), args=list(CHROMIUM_FLAGS), headless=True,
            viewport={"width": 1280, "height": 900},
        )  # fmt: skip
        self.context.set_default_timeout(START)
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page = self.context.new_page()

    def open(self, notebook: str) -> None:
        """Open a notebook and wait until its Python is ready."""
        self.page.goto(f"{self.address}/a/b/lab/index.html?path={notebook}")
        self.wait_for_python()

    def wait_for_python(self) -> None:
        """Wait until Python is ready; a dialog that stands in the way says why it never will be."""
        dialog = "document.querySelector('.jp-Dialog')?.innerText"
        found = self.page.wait_for_function(f"() => {_KERNEL}?.status === 'idle' ? 'idle' : {dialog}")
        assert found.json_value() == "idle"

    def wait_until_kept(self, notebook: str) -> None:
        """Wait until the browser keeps a notebook that was not opened; what the page itself needs comes before it."""
        address = f"{self.address}/a/b/files/{notebook}"
        self.page.wait_for_function("async (address) => Boolean(await caches.match(address))", arg=address)

    def run(self, *ids: str) -> str:
        """Run cells and return the words of the last one's outputs."""
        said = [self.page.evaluate(_RUN, id) for id in ids]
        assert not any("Error" in one for one in said), said
        return said[-1]

    def write(self, cell: str, source: str) -> None:
        """Replace the source of a cell, as typing would."""
        self.page.evaluate(
            "([id, source]) => window.jupyterapp.shell.currentWidget.content.widgets"
            ".find((cell) => cell.model.id === id).model.sharedModel.setSource(source)",
            [cell, source],
        )

    def ask(self, code: str) -> str:
        """Run code that is in no cell, and return what it prints."""
        return str(self.page.evaluate(_ASK, code))


@pytest.fixture
def begin(one_at_a_time: None) -> Iterator[Callable[..., Any]]:
    """Start browsers: ``with begin(profile, address) as browser``; no page may have asked another host."""
    if find_chromium() is None:
        pytest.skip("no Chromium on this machine: install it, or name it in COURSE_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the dev extra")
    asked: list[tuple[str, str]] = []
    with playwright.sync_playwright() as driver:

        @contextmanager
        def begin_one(profile: Path, address: str) -> Iterator[Browser]:
            browser = Browser(driver, profile, address)
            try:
                yield browser
            finally:
                browser.context.close()
                asked.extend((address, url) for url in browser.asked)

        yield begin_one
    assert len(asked) > 50
    assert [url for address, url in asked if not url.startswith((f"{address}/", "data:", "blob:"))] == []


def test_a_learner_works_closes_the_browser_and_goes_on(site: Path, begin: Callable[..., Any], tmp_path: Path) -> None:
    notice = site / "a" / "b" / "files" / "exercises" / "notice.txt"
    notice.write_text("the first course")
    os.utime(notice, (1.7e9, 1.7e9))  # so old that a browser may take it as fresh for months
    with file_server(site) as address, begin(tmp_path / "profile", address) as browser:
        solve_exercise_03(browser)
        assert fetched(browser, notice.name) == "the first course"
        browser.wait_until_kept("exercises/09_cost.ipynb")
    # The server is gone, and so is what a browser keeps for a while by the dates of files: every notebook opens, and
    # Python starts, in one that was opened before and in another.
    shutil.rmtree(tmp_path / "profile" / "Default" / "Cache")
    with begin(tmp_path / "profile", address) as browser:
        browser.open("exercises/03_softmax.ipynb")
        assert progress_of(browser, "softmax") == ("passed", 2)
        assert "def softmax(scores):\n    exponentials" in browser.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"
            ".map((cell) => [cell.source].flat().join('')).join('')"
        ), "the notebook is as it was saved"
        carry_progress(browser)
        browser.page.close()
        browser.page = browser.context.new_page()
        drag_in_lesson_02(browser)
        letters = "[...document.fonts].filter(({ family }) => family.startsWith('MJX'))"
        assert "loaded" in browser.page.evaluate(f"() => {letters}.map(({{ status }}) => status)")
        assert "error" not in browser.page.evaluate(f"() => {letters}.map(({{ status }}) => status)")
        assert fetched(browser, notice.name) == "the first course"
        assert "online_attention" in fetched(browser, "09_cost.ipynb")
        # The server is back, with a newer course.
        notice.write_text("the course after an update")
        with file_server(site, port=int(address.rpartition(":")[2])):
            assert fetched(browser, notice.name) == "the course after an update"


def wait(holds: Callable[[], bool]) -> None:
    """Wait until something holds: beside a Python that runs in the page, for longer than elsewhere."""
    until(holds, START / 1000)


def fetched(browser: Browser, name: str) -> str:
    """Return a file beside the exercises as the page gets it."""
    address = f"{browser.address}/a/b/files/exercises/{name}"
    return str(browser.page.evaluate("async (address) => (await fetch(address)).text()", address))


def drag_in_lesson_02(browser: Browser) -> None:
    """Open the lesson, run to the stage, and drag a key."""
    page = browser.page
    browser.open("notebooks/02_scores.ipynb")
    assert browser.run("scores-imports") == "", "the first cell warns of nothing"
    browser.run("length-stage")
    root = page.locator(".jp-OutputArea .cw-root", has=page.locator(".cw-plane")).first
    tip = handle(root, "key cat")
    tip.hover()  # waits until the page around it rests
    scores = root.locator(".cw-scores tbody td")
    before, scored, box = vector(root, "key cat"), scores.all_inner_texts(), tip.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 30, box["y"] + 20, steps=5)
    page.mouse.up()
    wait(lambda: vector(root, "key cat") != before and scores.all_inner_texts() != scored)
    # Arrow keys belong to the picture, not to the notebook; Python knows what the hand did.
    dragged = vector(root, "key cat")
    tip.focus()
    page.keyboard.press("ArrowUp")
    wait(lambda: vector(root, "key cat")[1] > dragged[1])
    browser.run("length-sliders")
    slider = page.locator(".widget-slider .noUi-handle").first
    slider.focus()
    dragged = vector(root, "key cat")
    page.keyboard.press("ArrowUp")
    wait(lambda: vector(root, "key cat") != dragged)
    wait(lambda: browser.ask("print(stage.key[1].round(2).tolist())").strip() == str(vector(root, "key cat")))


def solve_exercise_03(browser: Browser) -> None:
    """See that Python starts and says so, solve the first task wrongly, then rightly, and save."""
    browser.page.goto(f"{browser.address}/a/b/lab/index.html?path=exercises/03_softmax.ipynb")
    note = browser.page.locator("#course-starting")
    note.wait_for()
    assert "Python is starting" in note.inner_text()
    browser.wait_for_python()
    note.wait_for(state="hidden")
    browser.run("softmax-exercise-imports")
    browser.write("softmax-exercise", WRONG)
    said = browser.run("softmax-exercise", "softmax-check")
    assert "not yet" in said
    assert "row" in said, "the feedback names the mistake"
    assert progress_of(browser, "softmax") == ("not_yet", 1)
    browser.write("softmax-exercise", RIGHT)
    assert "passed" in browser.run("softmax-exercise", "softmax-check")
    assert browser.ask(_COMPILED_HERE).strip() == "True []", "all that was imported came compiled"
    browser.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    wait(lambda: not browser.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty"))


def progress_of(browser: Browser, task: str) -> tuple[str, int]:
    """Return status and attempts of a task, as the progress file in the browser has them."""
    code = f"from course_lib.checks.records import record\nprint(record.read()[{task!r}])"
    said = browser.ask(code)
    status, attempts = re.search(r"'status': '(\w+)'", said), re.search(r"'attempts': (\d+)", said)
    assert status is not None, said
    assert attempts is not None, said
    return status[1], int(attempts[1])


def carry_progress(browser: Browser) -> None:
    """Export the progress to a file that the page's own file list has, lose it, and import it."""
    browser.ask("from course_lib.checks import export_progress, import_progress\nexport_progress()")
    browser.page.evaluate("() => window.jupyterapp.commands.execute('filebrowser:refresh')")
    assert browser.page.evaluate(
        "async () => (await window.jupyterapp.serviceManager.contents.get("
        "'exercises/course-progress.json', { content: true })).content"
    )
    browser.ask("import os\nos.remove(record.progress_path())")
    assert browser.ask("print(record.read())").strip() == "{}"
    browser.ask("import_progress('course-progress.json')")
    assert progress_of(browser, "softmax")[0] == "passed"
