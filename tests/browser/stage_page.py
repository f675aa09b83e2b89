"""Reading the stage's picture in a page: its handles, its vectors, and the numbers that it shows."""

import re
import time
from collections.abc import Callable
from typing import Any


def handle(root: Any, name: str) -> Any:
    return root.get_by_role("slider", name=name, exact=True)


def vector(root: Any, name: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[\d.]+", handle(root, name).get_attribute("aria-valuetext"))]


def numbers(root: Any, selector: str) -> list[float]:
    texts = root.locator(selector).all_inner_texts()
    if "" in texts:  # what has just been scrolled to is drawn with the next frame
        until(lambda: "" not in root.locator(selector).all_inner_texts())
        texts = root.locator(selector).all_inner_texts()
    plain = [text.replace("−", "-").replace("∞", "inf").replace("masked", "0").rstrip(" %") for text in texts]
    return [float(text) for text in plain]


def picture(root: Any) -> dict[str, list[float]]:
    """Return the numbers that the picture shows for the selected query."""
    return {
        "scores": numbers(root, ".cw-scores tbody td:last-child"),
        "percent": numbers(root, ".cw-weights tbody td:last-child"),
        "weights": numbers(root, ".cw-matrix .cw-selected td:not(.cw-sum)"),
        "output": [float(n) for n in re.findall(r"-?[\d.]+", formula(root, 3).replace("−", "-"))],
    }


def formula(root: Any, panel: int) -> str:
    return str(root.locator(".cw-formula").nth(panel).inner_text())


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds, and fail if it never does; a busy machine may take its time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
