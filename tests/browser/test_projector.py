"""Projector mode: read from the last row of a room, at the resolution of an old projector."""

import re
from typing import Any

import pytest
from examples import EXAMPLES
from probes import CUT_TEXT, LOW_CONTRAST
from stage_page import handle, until, vector

# The height of capitals and figures counts, so the size of type as painted: the zoom included.
SMALLEST_TYPE = """(root) => Math.min(...[...root.querySelectorAll("*")]
  .filter((node) => !node.closest(".cw-unseen") && node.getClientRects().length > 0)
  .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.nodeValue.trim()))
  .map((node) => parseFloat(getComputedStyle(node).fontSize)
    * (root.getBoundingClientRect().width / root.offsetWidth)))"""
LOW_CONTRAST_IN_A_ROOM = LOW_CONTRAST.replace("contrast < 4.5", "contrast < 7")


def show(gallery: Any, projector: bool) -> None:
    gallery.lab.ask(f"for one in shown.values(): one.projector = {projector}")


@pytest.fixture(scope="module")
def large(gallery: Any) -> Any:
    show(gallery, True)
    return gallery


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_widget_is_large_and_whole_on_a_projector(large: Any, name: str) -> None:
    root = large.root(name)
    until(lambda: root.get_attribute("data-projector") is not None)
    root.scroll_into_view_if_needed()
    large.lab.page.wait_for_timeout(200)  # until planes have their new size
    assert root.evaluate(CUT_TEXT) == []
    assert root.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert root.evaluate(SMALLEST_TYPE) >= 15


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_stage_stands_out_on_a_projector(large: Any, theme: str) -> None:
    large.lab.change_theme(f"JupyterLab {theme}")
    for name in ("AttentionStage", "Projection"):
        root = large.root(name)
        until(lambda root=root: root.get_attribute("data-theme") == theme.lower())  # type: ignore[misc]
        large.lab.page.wait_for_timeout(300)
        faint = [line for line in root.evaluate(LOW_CONTRAST_IN_A_ROOM) if not re.match(r"0\.\d\d ", line)]
        assert faint == [], "cells of the matrix aside, whose colour is their number"


def test_a_handle_stays_under_the_pointer_on_a_projector(large: Any) -> None:
    root, lab = large.root("AttentionStage"), large.lab
    tip = handle(root, "query the")
    tip.scroll_into_view_if_needed()
    before, start = vector(root, "query the"), tip.bounding_box()
    lab.drag(tip, -60, 40)
    lab.release()
    until(lambda: vector(root, "query the") != before)
    end = tip.bounding_box()
    assert end["x"] - start["x"] == pytest.approx(-60, abs=2)
    assert end["y"] - start["y"] == pytest.approx(40, abs=2)


def test_projector_mode_goes_away_again(large: Any) -> None:
    root = large.root("Projection")
    width = root.evaluate("node => node.offsetWidth")
    show(large, False)
    until(lambda: root.get_attribute("data-projector") is None)
    assert root.evaluate("node => node.offsetWidth") == pytest.approx(1.5 * width, abs=3)
