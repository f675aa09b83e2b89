"""The pages to print, printed by a real browser: the summary sheet is one page, and nothing is cut off."""

import re

import pytest

from conftest import ROOT

MOST_PAGES = {"summary_sheet": 1, "glossary": 3}


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("name", MOST_PAGES)
def test_a_page_prints_on_as_many_sheets_as_it_says(chromium, name, paper):
    page = chromium.new_page()
    try:
        page.goto((ROOT / "docs" / f"{name}.html").as_uri())
        printed = page.pdf(format=paper)
        assert 1 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= MOST_PAGES[name]
        page.set_viewport_size({"width": 703, "height": 1047})  # what A4 leaves between the margins, in CSS pixels
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= 703
        wide = "[...document.querySelectorAll('pre, td')].filter((part) => part.scrollWidth > part.clientWidth).length"
        assert page.evaluate(wide) == 0
    finally:
        page.close()
