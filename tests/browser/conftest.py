"""Fixtures for tests in a real browser; one server and one browser at a time, whatever the number of test workers."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from frames import hands_wait_for_frames
from gallery import Gallery
from jupyter_page import NotebookPage, Server, serve

from course_lib.authoring.picture import CHROMIUM_FLAGS, find_chromium

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # A browser on a shared machine may miss its moment. One more try, which the run's last line counts.
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="module")
def one_at_a_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Wait until no other test worker drives a browser: two at once on a small machine disturb each other."""
    with FileLock(tmp_path_factory.getbasetemp().parent / "browser.lock", timeout=900):
        yield


@pytest.fixture(scope="module")
def chromium(one_at_a_time: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The machine's own Chromium, driven by Playwright; it ends with the tests of its module."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium on this machine: install it, or name it in COURSE_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the dev extra")
    with hands_wait_for_frames(), playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS), headless=True)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def jupyter(one_at_a_time: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab that serves a copy of the course's notebooks and exercises."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("notebooks", "exercises"):
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, root / folder)
    shutil.copy(ROOT / "pyproject.toml", root)
    with serve(tmp_path_factory.mktemp("jupyter"), root) as server:
        yield server


@contextmanager
def pages(chromium: Any, jupyter: Server) -> Iterator[Callable[..., NotebookPage]]:
    """Give a function that opens pages; at the end close them, and fail if one asked a host other than this machine."""
    opened: list[tuple[Any, NotebookPage]] = []

    def open_one(theme: str = "JupyterLab Light", **options: Any) -> NotebookPage:
        jupyter.theme(theme)
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        notebook = NotebookPage(context.new_page(), jupyter)
        opened.append((context, notebook))
        return notebook

    try:
        yield open_one
    finally:
        for context, _ in opened:
            context.close()
    strangers = [url for _, notebook in opened for url in notebook.strangers]
    assert strangers == [], f"the page asked other hosts: {strangers}"


@pytest.fixture
def open_page(chromium: Any, jupyter: Server) -> Iterator[Callable[..., NotebookPage]]:
    """Open pages: ``open_page(theme="JupyterLab Dark", viewport={"width": 800, "height": 900})``.

    Options are those of a browser context: `viewport`, `device_scale_factor`, `color_scheme`, `has_touch`;
    `theme` is the name of JupyterLab's theme.
    """
    with pages(chromium, jupyter) as open_one:
        yield open_one


@pytest.fixture
def lab(open_page: Callable[..., NotebookPage]) -> NotebookPage:
    """One page of its own: ``lab.open("notebooks/02_scores.ipynb")`` or ``lab.open_cells("1 + 1")``."""
    return open_page()


@pytest.fixture(scope="module")
def open_shared(chromium: Any, jupyter: Server) -> Iterator[Callable[..., NotebookPage]]:
    """Open pages as `open_page` does; they stay open for all tests of a module."""
    with pages(chromium, jupyter) as open_one:
        yield open_one


@pytest.fixture(scope="module")
def bench(open_shared: Callable[..., NotebookPage]) -> NotebookPage:
    """A page that the tests of a module share, to save its start: a notebook with five empty cells."""
    return open_shared().open_cells(*[""] * 5)


@pytest.fixture(scope="module")
def gallery(open_shared: Callable[..., NotebookPage]) -> Gallery:
    """All widgets in one notebook, which the tests of a module share."""
    return Gallery(open_shared(viewport={"width": 1280, "height": 720}))
