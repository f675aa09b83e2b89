"""Every widget in light and dark, looked at by axe-core: nothing that keeps people out."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from examples import EXAMPLES
from jupyter_page import NotebookPage
from stage_page import until

axe = pytest.importorskip("axe_playwright_python.base", reason="needs the dev extra")
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
GRAVE = ("serious", "critical")
_LOOK = "(part) => axe.run({ include: [[part]] }, { resultTypes: ['violations'] }).then((result) => result.violations)"


def findings(page: Any, part: str) -> list[str]:
    """Return what axe-core finds grave in the part of a page that a selector names: the rule, and where."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe.AXE_SCRIPT)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in page.evaluate(_LOOK, part)
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_axe_finds_nothing_grave_in_a_widget(gallery: Any, name: str, theme: str) -> None:
    root = gallery.root(name)
    gallery.lab.change_theme(THEMES[theme])
    until(lambda: root.get_attribute("data-theme") == theme)
    gallery.lab.page.wait_for_timeout(300)  # until the theme's own colours have come
    root.evaluate("(node, name) => (node.id = `looked-at-${name}`)", name)
    assert findings(gallery.lab.page, f"#looked-at-{name}") == []


def test_axe_finds_nothing_grave_in_linked_sliders(gallery: Any) -> None:
    knobs = gallery.sliders.locator(".noUi-handle")
    until(lambda: knobs.count() == 3 and knobs.last.get_attribute("aria-label") is not None)
    assert findings(gallery.lab.page, ".widget-vbox") == []


@pytest.mark.parametrize(
    ("markup", "rule"),
    [
        ('<button style="width: 30px; height: 30px"></button>', "button-name"),
        ('<p style="color: #999; background: #fff">faint</p>', "color-contrast"),
        ('<div role="slider" tabindex="0">nameless</div>', "aria-input-field-name"),
    ],
)
def test_axe_finds_what_it_is_there_for(open_page: Callable[..., NotebookPage], markup: str, rule: str) -> None:
    page = open_page().page
    page.set_content(f"<!doctype html><html lang='en'><title>t</title><main>{markup}</main></html>")
    assert rule in json.dumps(findings(page, "main"))
