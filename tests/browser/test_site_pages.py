"""The reading edition in a browser: pictures drag with no kernel; search, themes, paper; no other host is asked."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from probes import LOW_CONTRAST
from site_server import file_server
from stage_page import handle, picture, until, vector
from test_accessibility import findings

pytest.importorskip("latex2mathml", reason="makes the formulas of the pages")
from course_lib.site.reading import Edition

ROOT = Path(__file__).parents[2]
PHONE = {"viewport": {"width": 390, "height": 844}}
READ = "a/b/read/"  # under a sub-path, as on many hosts
PAGES = ["a/b/index.html", *(f"{READ}{name}.html" for name in ("index", "02_scores", "glossary"))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two lessons of the reading edition, served from a sub-path."""
    folder = tmp_path_factory.mktemp("site")
    Edition(ROOT, folder / "a" / "b", lab=False).make(("02", "03"))
    with file_server(folder) as address:
        yield address


@pytest.fixture
def visit(chromium: Any, site: str) -> Iterator[Callable[..., Any]]:
    """Open a page of the site; in the end no page may have asked another host, missed a file or complained."""
    contexts, asked, wrong = [], [], []

    def open_one(path: str = f"{READ}02_scores.html", **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("response", lambda answer: answer.status >= 400 and wrong.append(answer.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{site}/{path}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith((f"{site}/a/b/", "data:"))] == []
    assert wrong == []


def drawn(page: Any) -> Any:
    """Return the lesson's stage, once it is drawn."""
    root = page.locator(".live .cw-root", has=page.locator(".cw-plane")).first
    root.locator(".cw-plane").first.wait_for(timeout=20_000)
    return root


def test_a_picture_of_a_lesson_drags_with_no_kernel_and_its_sliders_follow(visit: Callable[..., Any]) -> None:
    page = visit()
    root = drawn(page)
    knob = page.locator(".page-sliders input").first
    tip, before, shown = handle(root, "key cat"), picture_scores(root), knob.input_value()
    tip.scroll_into_view_if_needed()
    box = tip.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 40, box["y"] + 30, steps=5)
    page.mouse.up()
    until(lambda: picture_scores(root) != before and knob.input_value() != shown)
    assert float(knob.input_value()) == pytest.approx(vector(root, "key cat")[0], abs=0.0101)
    moved = vector(root, "key cat")
    knob.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: vector(root, "key cat") != moved)


def picture_scores(root: Any) -> list[str]:
    return list(root.locator(".cw-scores tbody td").all_inner_texts())


def test_a_prediction_is_answered_in_the_page(visit: Callable[..., Any]) -> None:
    page = visit()
    question = page.locator(".live", has=page.get_by_role("radio")).first
    question.get_by_role("radio").first.check()
    question.get_by_role("button", name="Commit").click()
    until(lambda: "your answer" in question.inner_text().lower())
    assert page.locator("pre.code", has_text=re.compile(r"^answer = \.\.\.")).count() == 0


def test_search_is_used_with_the_keyboard_alone(visit: Callable[..., Any]) -> None:
    page = visit(f"{READ}03_softmax.html")
    page.keyboard.press("/")
    page.keyboard.type("length angle")
    first = page.locator(".search-found a").first
    first.wait_for()
    assert first.locator("b").inner_text() == "Length and angle"
    page.keyboard.press("ArrowDown")
    assert first.evaluate("(link) => link === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_url("**/02_scores.html#length-and-angle")
    until(lambda: page.locator("#length-and-angle").evaluate("(node) => node.getBoundingClientRect().top < 200"))


@pytest.mark.parametrize("words", ["<img src=x onerror=alert(1)>", "zzzqqq", "  "])
def test_search_shows_words_as_words(visit: Callable[..., Any], words: str) -> None:
    page = visit()
    page.locator(".search-open").click()
    page.locator("#search-words").fill(words)
    until(lambda: page.locator(".search-said").inner_text() in (["", "Nothing found. Try one word less."]))
    assert page.locator(".search-found *").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", ["a/b/index.html", f"{READ}index.html", f"{READ}02_scores.html", f"{READ}glossary.html"]
)
def test_axe_finds_nothing_grave_in_a_page(visit: Callable[..., Any], path: str, scheme: str) -> None:
    page = visit(path, color_scheme=scheme, bypass_csp=True)  # axe itself is put into the page
    if "02" in path:
        drawn(page)
    assert page.evaluate("() => document.documentElement.dataset.theme") == scheme
    assert findings(page, "body") == []
    assert page.locator("main").evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize(
    "path", ["a/b/index.html", f"{READ}index.html", f"{READ}02_scores.html", f"{READ}glossary.html"]
)
def test_nothing_runs_out_of_a_phone(visit: Callable[..., Any], path: str) -> None:
    page = visit(path, **PHONE)
    if "02" in path:
        drawn(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    # What scrolls in its own box must be reachable without a mouse.
    until(
        lambda: page.evaluate("""() => [...document.querySelectorAll('pre, .table-box, .formula')]
        .every((box) => box.scrollWidth <= box.clientWidth + 1 || box.tabIndex === 0)""")
    )


def test_the_theme_is_chosen_once_for_all_pages(visit: Callable[..., Any]) -> None:
    page = visit(color_scheme="light")
    root = drawn(page)
    page.get_by_role("button", name="Dark page").click()
    until(lambda: root.get_attribute("data-theme") == "dark")
    page.get_by_role("link", name="Next").or_(page.locator("a.after")).first.click()
    page.wait_for_url("**/03_softmax.html")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    assert page.locator("a.before").inner_text().endswith("02 Scores")


def test_on_paper_there_is_the_lesson_and_nothing_to_press(visit: Callable[..., Any]) -> None:
    page = visit(color_scheme="dark")
    drawn(page)
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    for selector in (".top", ".inside", ".turn"):
        assert not page.locator(selector).is_visible(), selector
    assert page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("h1").is_visible()


def test_without_scripts_there_are_text_formulas_and_still_pictures(visit: Callable[..., Any]) -> None:
    page = visit(java_script_enabled=False)
    stills = page.locator("noscript img, .live img")
    assert stills.count() >= 3
    assert all(len(alt) > 30 for alt in stills.evaluate_all("(all) => all.map((image) => image.alt)"))
    assert page.locator("math").count() > 5
    assert page.locator("math mfrac, math msqrt").first.bounding_box()["height"] > 5


def test_a_drag_on_the_landing_page(visit: Callable[..., Any]) -> None:
    page = visit("a/b/index.html")
    root = drawn(page)
    before = picture(root)
    handle(root, "query the").focus()
    page.keyboard.press("Shift+ArrowLeft")
    until(lambda: picture(root) != before)
