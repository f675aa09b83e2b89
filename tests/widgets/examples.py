"""One example of every live widget, and how a hand moves it: for tests and measurements that take all widgets in turn.

A widget that `course_lib.widgets` exports needs a line in `EXAMPLES`; test_examples.py says so where one is missing.
"""

from dataclasses import dataclass
from typing import Any

from course_lib import widgets
from course_lib.widgets import LiveWidget


@dataclass(frozen=True)
class Example:
    """How to make a widget and how to move it.

    Parameters
    ----------
    code : str
        The arguments that it is made with, as Python writes them between the brackets.
    hand : str
        A CSS selector within the widget, of what arrow keys and the mouse move; "" where nothing moves.
    keys : tuple of str
        Two keys that move it there and back.
    drag : tuple of int, optional
        How far to drag it, in pixels to the right and down; None where it is picked and not dragged.
    trait : str
        The number that the hand moves.
    values : tuple of float or of list
        Two values that Python sets the trait to in turn.
    """

    code: str = ""
    hand: str = ""
    keys: tuple[str, str] = ("ArrowRight", "ArrowLeft")
    drag: tuple[int, int] | None = (60, -30)
    trait: str = ""
    values: tuple[Any, Any] = (0.0, 0.0)


EXAMPLES = {
    "AllHeads": Example(
        hand=".cw-all-tokens [aria-pressed=true]",
        keys=("ArrowLeft", "ArrowRight"),
        drag=None,
        trait="selected",
        values=(6, 2),
    ),
    "AttentionStage": Example(hand='[aria-label="query the"]', trait="query_0_x", values=(1.5, -1.0)),
    "Cost": Example(hand='[aria-label="number of tokens"]', drag=(-60, 0), trait="at", values=(1e6, 1e4)),
    "Heads": Example(
        hand=".cw-heads-left [aria-pressed=true]",
        keys=("ArrowDown", "ArrowUp"),
        drag=(0, -130),
        trait="selected",
        values=(6, 2),
    ),
    "MaskBoard": Example(
        hand=".cw-rule[aria-label^=causal] input[type=range]", drag=(40, 0), trait="offset", values=(1, -1)
    ),
    "OnlineSoftmax": Example(
        code="block_size=2, step=2", hand=".cw-slider input[type=range]", drag=(20, 0), trait="step", values=(1, 3)
    ),
    "OrderLines": Example(code='answer="CF"'),
    "Positions": Example(hand='[aria-label="distance"]', drag=(60, 0), trait="distance", values=(20, 4)),
    "Predict": Example(),
    "Projection": Example(hand='[aria-label="x the"]', trait="x_0_x", values=(0.6, -1.2)),
    "Score": Example(hand='[aria-label="query"]', trait="query_x", values=(1.5, -1.0)),
    "Shuffle": Example(hand='[aria-label="dog"]', drag=(200, 0), trait="places", values=([2, 0, 1, 3], [0, 1, 2, 3])),
    "SoftmaxBars": Example(
        hand='[aria-label="score the"]',
        keys=("ArrowUp", "ArrowDown"),
        drag=(0, -30),
        trait="scores_0",
        values=(1.5, -1.0),
    ),
    "Training": Example(
        code="step=40", hand=".cw-slider input[type=range]", drag=(40, 0), trait="step", values=(20, 80)
    ),
    "WeightedSum": Example(
        hand='[aria-label="weight 0"]',
        keys=("ArrowDown", "ArrowUp"),
        drag=(0, 30),
        trait="weights_0",
        values=(0.2, 0.9),
    ),
}


def exported() -> dict[str, type[LiveWidget]]:
    """Return every widget class that `course_lib.widgets` exports, by name; the base of them all is none."""
    found = {name: getattr(widgets, name) for name in widgets.__all__}
    return {
        name: kind
        for name, kind in sorted(found.items())
        if isinstance(kind, type) and issubclass(kind, LiveWidget) and kind is not LiveWidget
    }


def make(name: str) -> LiveWidget:
    """Return the example of a widget."""
    made: LiveWidget = eval(call(name), {**vars(widgets), "np": __import__("numpy")})
    return made


def call(name: str) -> str:
    """Return the example of a widget as a notebook writes it; `np` is NumPy, widgets go by their names."""
    return f"{name}({EXAMPLES[name].code})"
