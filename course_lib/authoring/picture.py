"""Make the pictures of the README from the live widgets, so that they always show what the course shows."""

import io
import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError

CHROMIUM_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
LARGEST_RECORDING = 2**20  # bytes; a README should open at once
N_STEPS, _MILLISECONDS = 24, 70
# The query's way, as (degrees, length): from near the key "cat" to near the key "sat", where the weights turn over.
_FROM, _TO = (11.3, 1.53), (128.0, 2.1)


class RecordingError(CourseError):
    """Something that recording needs is missing, or the recording is too large."""


def write_pictures(root: Path | None = None) -> list[Path]:
    """Write ``docs/stage.png``, the picture of the attention stage, and return what was written.

    Parameters
    ----------
    root : Path, optional
        The course folder; the present folder where left out.
    """
    from course_lib.widgets import AttentionStage

    target = _docs(root) / "stage.png"
    target.write_bytes(AttentionStage().figure().png())
    return [target]


def write_recording(root: Path | None = None, *, advance: Callable[[], None] = lambda: None) -> Path:
    """Write ``docs/stage_drag.gif``: a query of the attention stage is dragged in a real browser, there and back.

    Parameters
    ----------
    root : Path, optional
        The course folder; the present folder where left out.
    advance : callable
        Called after each of the steps.

    Raises
    ------
    RecordingError
        If Playwright or Chromium is missing, or the recording is larger than a README should carry.
    """
    from course_lib.widgets import AttentionStage, save_html

    with tempfile.TemporaryDirectory() as folder, _browser() as browser:
        stage = AttentionStage(question="Which key does the query “the” attend to?")
        page = browser.new_page(viewport={"width": 1040, "height": 600})
        page.goto(save_html(Path(folder) / "stage.html", stage).as_uri())
        frames = list(_drag(page, advance))
    data = _animated(frames + frames[-2:0:-1])
    if len(data) > LARGEST_RECORDING:
        raise RecordingError(
            f"The recording takes {len(data) / 2**20:.1f} MiB, more than {LARGEST_RECORDING / 2**20:.0f} MiB: "
            "record fewer steps or a smaller window."
        )
    target = _docs(root) / "stage_drag.gif"
    target.write_bytes(data)
    return target


def find_chromium() -> str | None:
    """Return the path of the machine's Chromium: `COURSE_CHROMIUM`, one on the path, or one where installers put it."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
    installed = (
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    )
    found = [path for name in names if (path := shutil.which(name))] + [
        path for path in installed if Path(path).is_file()
    ]
    return os.environ.get("COURSE_CHROMIUM") or next(iter(found), None)


def _docs(root: Path | None) -> Path:
    folder = (Path.cwd() if root is None else Path(root)) / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _browser() -> Iterator[Any]:
    """Run the machine's own Chromium, or say what is missing."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise RecordingError(
            "Playwright, which drives the browser, is not installed. It comes with the dev extra: "
            "pip install --editable '.[dev]'"
        ) from error
    path = find_chromium()
    if path is None:
        raise RecordingError("There is no Chromium on this machine. Install it, or name it in COURSE_CHROMIUM.")
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS), headless=True)
        except Error as error:
            raise RecordingError(f"Chromium at {path!r} did not start: {str(error).splitlines()[0]}") from error
        try:
            yield browser
        finally:
            browser.close()


def _drag(page: Any, advance: Callable[[], None]) -> Iterator[bytes]:
    """Drag the first query along its way and give a picture of every step."""
    page.add_style_tag(content=".page-head { display: none !important } body { padding: 4px }")
    plane = page.locator(".cw-plane").first
    plane.wait_for()
    unit = "(node) => node.querySelector('.cw-gridline').getBoundingClientRect().width / 2 / 2.5"
    box, per_unit = plane.bounding_box(), plane.evaluate(unit)
    picture = page.locator(".cw-root")
    for step in range(N_STEPS):
        eased = (1 - math.cos(math.pi * step / (N_STEPS - 1))) / 2
        degrees, length = (start + eased * (end - start) for start, end in zip(_FROM, _TO, strict=True))
        x = box["x"] + box["width"] / 2 + per_unit * length * math.cos(math.radians(degrees))
        y = box["y"] + box["height"] / 2 - per_unit * length * math.sin(math.radians(degrees))
        page.mouse.move(x, y)
        if step == 0:
            page.mouse.down()
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        yield picture.screenshot()
        advance()


def _animated(pictures: list[bytes]) -> bytes:
    """Join pictures into a GIF that goes round; all share one palette, the commonest colours, so that none flickers."""
    from PIL import Image

    images = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    counts: Counter[Any] = Counter()
    for image in images:
        counts.update({colour: count for count, colour in image.getcolors(image.width * image.height) or []})
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in _distinct(counts, 256) for channel in colour])
    frames = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, format="GIF", save_all=True, append_images=frames[1:], duration=_MILLISECONDS, loop=0, optimize=True
    )
    return buffer.getvalue()


def _distinct(counts: Counter[Any], most: int) -> list[tuple[int, int, int]]:
    """Return the commonest colours; of those that no eye tells apart, which Pillow would mix up, the commonest only."""
    kept: list[tuple[int, int, int]] = []
    for colour, _ in counts.most_common():
        if all(max(abs(a - b) for a, b in zip(colour, other, strict=True)) >= 8 for other in kept):
            kept.append(colour)
        if len(kept) == most:
            break
    return kept
