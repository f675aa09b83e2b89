"""Feedback full of hostile text, in a real browser: no script runs, nothing is asked for, and it fits a phone."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "grading"))
from hostile_texts import HOSTILE, hostile_entry, refused_entry

from course_lib.checks.engine import evaluate, find_task
from course_lib.grading.entries import Entry
from course_lib.grading.reports.feedback import write_pages
from course_lib.grading.submission import Mark

SIZES = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 900}}


def wrong_entry():
    """An entry with a known mistake, whose page has a picture."""
    program = find_task("merge_heads").programs[0]
    result = evaluate("merge_heads", program.program)
    mark = Mark("merge_heads", "not_yet", result.confusion, result.message, 0.0, 1.0, program.slug)
    code = ("def merge_heads(x):\n    return x  # " + "a long line " * 30,)
    return Entry("ada", "x.ipynb", "d", "07_multi_head", "marked", marks=(mark,), code=code)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    entries = [hostile_entry(), refused_entry(HOSTILE), refused_entry("bo"), wrong_entry()]
    return list(write_pages(entries, tmp_path_factory.mktemp("feedback")).values())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_hostile_feedback_does_nothing_and_can_be_read(chromium, written, size, scheme):
    context = chromium.new_context(viewport=SIZES[size], color_scheme=scheme)
    try:
        for path in written:
            page = context.new_page()
            asked, said = [], []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("dialog", lambda dialog, said=said: (said.append(dialog.message), dialog.dismiss()))
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            page.goto(path.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            page.wait_for_timeout(200)  # what would run, would have
            assert asked == [path.as_uri()]
            assert said == []
            assert page.evaluate("window.owned") is None
            assert page.url == path.as_uri()
            assert page.locator("script, iframe, img, svg, a, link, base, form").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, background[4:-1].split(", "))) < 200) == (scheme == "dark")
            page.close()
    finally:
        context.close()


def test_a_script_that_stood_in_a_page_would_not_run(chromium, written, tmp_path):
    """The second wall: were something left unescaped, the page's policy would still stop it."""
    path = tmp_path / "page.html"
    text = written[0].read_text(encoding="utf-8")
    bad = "<script>window.owned=1</script><img src='x' onerror='window.owned=1'><img src='http://127.0.0.1:9/x.png'>"
    path.write_text(text.replace("<main>", f"<main>{bad}"), encoding="utf-8")
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_timeout(200)
        assert page.evaluate("window.owned") is None
        assert page.locator("script").count() == 1, "it stands there, and is stopped"
    finally:
        context.close()
