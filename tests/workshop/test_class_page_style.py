"""The class view's scripts: the same lint and layout as the widgets', no request to another host, no markup from text.

Their types are checked with the widgets', by tests/widgets/test_frontend_style.py.
"""

import re
from pathlib import Path

import pytest
from test_frontend_style import needs_tools, run_tool

PAGE = Path(__file__).resolve().parents[2] / "course_lib/workshop/classview/page"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in PAGE.iterdir() if path.is_file()}


@needs_tools
@pytest.mark.parametrize("name", ["lint", "layout"])
def test_the_page_has_no_complaint(name):
    status, said = run_tool(name, "course_lib/workshop/**/*.js")
    assert status == 0, said


def test_the_types_of_the_page_are_checked_too():
    config = (PAGE.parents[3] / "tests/frontend/tsconfig.json").read_text(encoding="utf-8")
    assert "course_lib/workshop/**/*.js" in config


def test_the_page_loads_and_asks_its_own_host_only():
    for name, text in TEXTS.items():
        addresses = re.findall(r"(?:https?:)?//[\w.]+", re.sub(r"^\s*//.*$|[^:]// .*$", "", text, flags=re.MULTILINE))
        assert [address for address in addresses if "w3.org" not in address] == [], name


def test_the_page_needs_neither_inline_script_nor_inline_style():
    for name, text in TEXTS.items():
        if name.endswith(".html"):
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=", text), name
            assert text.count("$") == 1, "one place to fill in: the page's token"
