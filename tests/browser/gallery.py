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
        self.lab.run_cell(1 + self.names.index(name))
        return self.root(name)

    @property
    def sliders(self) -> Any:
        """The locator of the cell with the sliders."""
        return self.lab.cell(1 + len(self.names))
