"""The moving picture of the README: small, going round, and messages where something is missing."""

import io
import sys
from collections import Counter

import pytest
from PIL import Image

from course_lib.authoring import picture
from course_lib.authoring.picture import RecordingError, write_recording


def png(colour):
    image = Image.new("RGB", (40, 20), "white")
    image.paste(colour, (5, 5, 20, 15))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def test_animated_keeps_flat_colours_and_goes_round():
    colours = [(0, 104, 163), (179, 71, 0), (0, 107, 80)]
    made = Image.open(io.BytesIO(picture._animated([png(colour) for colour in colours])))
    assert (made.n_frames, made.size, made.info["loop"]) == (3, (40, 20), 0)
    for frame, colour in enumerate(colours):
        made.seek(frame)
        assert made.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        assert made.convert("RGB").getpixel((10, 10)) == colour


def test_distinct_leaves_out_what_nobody_tells_apart():
    counts = Counter({(255, 255, 255): 9, (252, 252, 252): 8, (0, 0, 0): 7, (0, 0, 9): 6, (90, 90, 90): 5})
    assert picture._distinct(counts, 3) == [(255, 255, 255), (0, 0, 0), (0, 0, 9)]


def test_recording_says_that_playwright_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(RecordingError, match="Playwright, which drives the browser, is not installed"):
        write_recording(tmp_path)
    assert not (tmp_path / "docs").exists()


def test_recording_says_that_chromium_is_missing(tmp_path, monkeypatch):
    pytest.importorskip("playwright.sync_api", reason="needs the dev extra")
    monkeypatch.setattr(picture, "find_chromium", lambda: None)
    with pytest.raises(RecordingError, match="no Chromium on this machine"):
        write_recording(tmp_path)
    monkeypatch.setattr(picture, "find_chromium", lambda: str(tmp_path / "nothing"))
    with pytest.raises(RecordingError, match="did not start"):
        write_recording(tmp_path)


def test_find_chromium_prefers_the_one_that_is_named(monkeypatch):
    monkeypatch.setenv("COURSE_CHROMIUM", "/somewhere/chromium")
    assert picture.find_chromium() == "/somewhere/chromium"
    monkeypatch.delenv("COURSE_CHROMIUM")
    monkeypatch.setattr(picture.shutil, "which", lambda name: None)
    monkeypatch.setattr(picture.Path, "is_file", lambda path: False)
    assert picture.find_chromium() is None
