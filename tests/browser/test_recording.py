"""`course picture --moving` in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from course_lib.authoring import picture


def test_write_recording_shows_a_drag_that_moves_the_weights(
    one_at_a_time: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if picture.find_chromium() is None:
        pytest.skip("no Chromium on this machine: install it, or name it in COURSE_CHROMIUM")
    pytest.importorskip("playwright.sync_api", reason="needs the dev extra")
    monkeypatch.setattr(picture, "N_STEPS", 4)
    steps: list[None] = []
    path = picture.write_recording(tmp_path, advance=lambda: steps.append(None))
    made: Any = Image.open(path)
    assert path == tmp_path / "docs" / "stage_drag.gif"
    assert len(steps) == 4
    assert made.n_frames == 6, "there, and back without the two ends"
    assert path.stat().st_size < picture.LARGEST_RECORDING
    frames = []
    for frame in (0, 3):
        made.seek(frame)
        frames.append(made.convert("RGB"))
    left, middle = (0, 0, made.width // 4, made.height), (made.width // 2, 0, 3 * made.width // 4, made.height)
    for part in (left, middle):
        assert frames[0].crop(part).tobytes() != frames[1].crop(part).tobytes()
