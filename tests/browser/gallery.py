"""All widgets in one notebook, for tests that take them in turn."""

from collections.abc import Mapping
from typing import Any

from examples import EXAMPLES, call
from jupyter_page import NotebookPage


class Gallery:
    """A notebook that shows the example of every widget, each in a cell of its own, and a stage's sliders.

    `others` are made instead of an example, or besides: Python's expression by name.
    """

    def __init__(self, lab: NotebookPage, others: Mapping[str, str] | None = None) -> None:
        made = {**{name: call(name) for name in EXAMPLES}, **(others or {})}
        self.lab, self.names = lab, sorted(made)
        cells = [f"shown[{name!r}] = {made[name]}\nshown[{name!r}]" for name in self.names]
        start = "import numpy as np\nfrom course_lib import widgets\nglobals().update(vars(widgets))\nshown = {}"
        lab.open_cells(start, *cells, "AttentionStage().sliders('query', 0, 'temperature')")
        lab.run_all()

    def root(self, name: str) -> Any:
        """Return the locator of a widget's picture."""
        root = self.lab.cell(1 + self.names.index(name)).locator(".cw-root")
        root.wait_for()
        return root

    def fresh(self, name: str) -> Any:
        """Make a widget anew, make its cell the active one, and return the locator of its picture."""
        cell = 1 + self.names.index(name)
        pictures = self.lab.cell(cell).locator(".cw-root")
        pictures.evaluate_all("roots => roots.forEach((root) => root.setAttribute('data-former', ''))")
        self.lab.run_cell(cell)
        # The former picture goes when the new one comes, which may be a moment after the kernel is done.
        self.lab.cell(cell).locator(".cw-root[data-former]").first.wait_for(state="detached")
        return self.root(name)

    @property
    def sliders(self) -> Any:
        """The locator of the cell with the sliders."""
        return self.lab.cell(1 + len(self.names))
