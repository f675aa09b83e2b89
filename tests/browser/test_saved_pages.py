"""A page that save_html wrote, in a browser of its own: no kernel, no JupyterLab, no request, no complaint."""

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import EXAMPLES, make
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import handle, numbers, picture, until, vector
from test_accessibility import findings

from course_lib.widgets import AttentionStage, Projection, Score, SoftmaxBars, save_html

Open = Callable[..., Any]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *given: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder and the address where a plain file server shows it."""
    folder = tmp_path_factory.mktemp("pages")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def open_saved(chromium: Any, shelf: tuple[Path, str]) -> Iterator[Open]:
    """Save widgets and open their page; in the end, no page may have asked for more than itself or complained."""
    folder, address = shelf
    contexts, asked, said = [], [], []

    def open_one(*widgets: Any, title: str = "", **options: Any) -> Any:
        path = save_html(folder / f"page-{len(list(folder.iterdir()))}.html", *widgets, title=title)
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{address}/{path.name}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith((f"{address}/page-", "data:"))] == []
    assert len([url for url in asked if url.startswith("http")]) == len(contexts)
    assert said == []


def stage_of(page: Any, place: int = 0) -> Any:
    root = page.locator(f"#widget-{place} .cw-root").first
    root.locator(".cw-plane").first.wait_for()
    return root


def drag(page: Any, locator: Any, right: float, down: float) -> None:
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=6)
    page.mouse.up()


def test_a_saved_page_drags_and_computes_without_a_kernel(open_saved: Open) -> None:
    stage = AttentionStage(question="Which key?")
    page = open_saved(stage)
    root = stage_of(page)
    drag(page, handle(root, "query the"), -70, -40)
    until(lambda: vector(root, "query the")[0] < 1)
    moved = stage.query.copy()
    moved[0] = vector(root, "query the")
    stage.query = moved
    shown = picture(root)
    np.testing.assert_allclose(shown["weights"], stage.weights[0], atol=0.0051)
    np.testing.assert_allclose(shown["output"], stage.output[0], atol=0.0051)
    handle(root, "query the").press("Escape")
    until(lambda: vector(root, "query the") == [1.5, 0.3])
    said = root.locator("[aria-live=polite]")
    until(lambda: said.inner_text().startswith("Query “the” now attends"))


def swipe(page: Any, x: float, y: float, up: float) -> None:
    """Put a finger down, move it up the screen by so many pixels, and lift it."""
    session = page.context.new_cdp_session(page)
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        at = [{"x": x, "y": y - share * up}]
        session.send("Input.dispatchTouchEvent", {"type": "touchMove" if share else "touchStart", "touchPoints": at})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


@pytest.mark.parametrize(
    ("kind", "name"), [(AttentionStage, "query the"), (Score, "query"), (SoftmaxBars, "score the")]
)
def test_a_finger_drags_a_handle_and_elsewhere_scrolls_the_page(open_saved: Open, kind: Any, name: str) -> None:
    page = open_saved(kind(), has_touch=True, viewport={"width": 420, "height": 360})
    root, way = stage_of(page) if kind is not SoftmaxBars else page.locator(".cw-root").first, 40
    tip = handle(root, name)
    tip.evaluate("node => node.scrollIntoView({ block: 'center' })")
    box, before, place = tip.bounding_box(), tip.get_attribute("aria-valuetext"), page.evaluate("() => scrollY")
    swipe(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, way)
    until(lambda: tip.get_attribute("aria-valuetext") != before)
    assert abs(box["y"] - tip.bounding_box()["y"] - way) < 3, "it followed the finger"
    assert page.evaluate("() => scrollY") == place, "the page stood still"
    ground = root.locator("svg").first.bounding_box()
    swipe(page, ground["x"] + 4, 300, 120)
    until(lambda: page.evaluate("() => scrollY") > place)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_widget_runs_on_a_page_of_its_own(open_saved: Open, name: str) -> None:
    example, widget = EXAMPLES[name], make(name)
    page = open_saved(widget)
    root = page.locator("#widget-0 .cw-root")
    root.wait_for()
    assert root.get_by_role("alert").count() == 0
    if example.hand:
        before = root.inner_text()
        root.locator(example.hand).first.press(example.keys[0])
        page.wait_for_timeout(100)
        if root.inner_text() == before:  # already at its end
            root.locator(example.hand).first.press(example.keys[1])
        until(lambda: root.inner_text() != before)


def test_two_widgets_and_linked_sliders_share_a_page(open_saved: Open) -> None:
    stage = AttentionStage()
    stage.sliders("query", 0, "temperature")
    page = open_saved(stage, Projection(), stage, title="Three")
    first, again = stage_of(page), stage_of(page, 2)
    assert page.locator("#widget-1 .cw-plane").count() == 4
    knob = page.locator("#widget-0").get_by_label("query the, x")
    assert knob.input_value() == "1.5"
    for _ in range(4):
        knob.press("ArrowLeft")
    until(lambda: vector(first, "query the") == [1.3, 0.3])
    until(lambda: picture(first) == picture(again))
    handle(again, "query the").press("End")
    until(lambda: knob.input_value() == "2.5")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_saved_page_follows_the_system_and_its_own_switch(open_saved: Open, scheme: str) -> None:
    page = open_saved(AttentionStage(), color_scheme=scheme)
    root = stage_of(page)
    other = {"light": "dark", "dark": "light"}[scheme]
    for theme in (scheme, other):
        until(lambda theme=theme: root.get_attribute("data-theme") == theme)  # type: ignore[misc]
        assert page.locator("body").evaluate(LOW_CONTRAST) == []
        assert findings(page, "body") == []
        page.get_by_role("button", name=f"{'Light' if theme == 'dark' else 'Dark'} page").click()


@pytest.mark.parametrize("width", [640, 1280])
def test_no_text_is_cut_on_a_saved_page(open_saved: Open, width: int) -> None:
    page = open_saved(AttentionStage(), viewport={"width": width, "height": 720})
    assert stage_of(page).evaluate(CUT_TEXT) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_words_of_users_stay_words(open_saved: Open) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    page = open_saved(AttentionStage([[1, 0]], [[1, 0]], [[1, 0]], tokens=[hostile], question=hostile), title=hostile)
    assert stage_of(page).locator(".cw-question").inner_text() == hostile
    assert page.locator("h1").inner_text() == hostile
    assert page.title() == hostile
    assert page.locator("main img").count() == 0


def test_without_scripts_the_picture_stands_in(open_saved: Open) -> None:
    page = open_saved(AttentionStage(), java_script_enabled=False)
    image = page.locator("noscript img")
    assert image.is_visible()
    assert image.bounding_box()["width"] > 300
    assert "attends" in image.get_attribute("alt")


def test_a_printed_page_is_light_and_whole(open_saved: Open, tmp_path: Path) -> None:
    page = open_saved(AttentionStage(), color_scheme="dark")
    root = stage_of(page)
    until(lambda: root.get_attribute("data-theme") == "dark")
    page.evaluate("() => { dispatchEvent(new Event('beforeprint')); }")
    until(lambda: root.get_attribute("data-theme") == "light")
    assert page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="print")
    assert not page.locator(".page-theme").is_visible()
    assert numbers(root, ".cw-sum") == [1.0] * 4
    page.evaluate("() => { dispatchEvent(new Event('afterprint')); }")
    until(lambda: root.get_attribute("data-theme") == "dark")
