"""A hand that waits for the picture: after whatever it does in a page, the frame that answers.

Pictures are drawn once a frame, so what a test reads in the very moment after a click may still be the former picture.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

DEEDS = {
    "Locator": ("check", "click", "dblclick", "drag_to", "fill", "hover", "press", "select_option", "uncheck"),
    "Keyboard": ("press", "type"),
    "Mouse": ("click", "down", "move", "up"),
}
# A page that is hidden, or that has just been left, has no frames: nobody waits for them long.
FRAME = """() => Promise.race([
  new Promise((done) => requestAnimationFrame(() => setTimeout(done))),
  new Promise((done) => setTimeout(done, 200)),
])"""


def wait_for_frame(page: Any) -> None:
    """Wait until what was asked for up to now is drawn."""
    from playwright.sync_api import Error

    with suppress(Error):  # the deed led to another page, or closed this one
        page.evaluate(FRAME)


def _with_frame(deed: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(deed)
    def do(hand: Any, *args: Any, **options: Any) -> Any:
        done = deed(hand, *args, **options)
        wait_for_frame(hand.page)
        return done

    return do


def _knowing_page(part: property) -> property:
    def get(page: Any) -> Any:
        hand = part.fget(page)  # type: ignore[misc]
        hand.page = page
        return hand

    return property(get)


@contextmanager
def hands_wait_for_frames() -> Iterator[None]:
    """While this holds, every deed of Playwright's hands returns after the frame that follows it."""
    from playwright import sync_api

    with pytest.MonkeyPatch.context() as patch:
        for name, deeds in DEEDS.items():
            kind = getattr(sync_api, name)
            for deed in deeds:
                patch.setattr(kind, deed, _with_frame(getattr(kind, deed)))
        for part in ("keyboard", "mouse"):
            patch.setattr(sync_api.Page, part, _knowing_page(vars(sync_api.Page)[part]))
        yield
