"""Pages of their own: whole, valid, self-contained, and never broken by what users write."""

import json
import os
import re
import struct
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import traitlets
from examples import EXAMPLES, make

from course_lib.errors import DtypeError, OptionError
from course_lib.widgets import AttentionStage, Projection, save_html
from course_lib.widgets.export import page

VOID = {"meta", "link", "img", "br", "input"}
HOSTILE = "</script><script>alert(1)</script><!-- <b> \u2028 \" ' & ]]>"


class Reader(HTMLParser):
    """Read a page as a strict reader would: every element closed in order, every id once."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []
        ids = [given["id"] for _, given in self.elements if "id" in given]
        assert len(ids) == len(set(ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [given for name, given in self.elements if name == tag]


def state_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="page-state">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return dict(json.loads(found.group(1)))


@pytest.mark.parametrize("name", EXAMPLES)
def test_page_of_every_widget_is_whole_and_asks_nobody(name: str) -> None:
    widget = make(name)
    text = page([widget])
    read = Reader(text)
    addresses = set(re.findall(r"https?://[\w./-]+", text)) - {"http://www.w3.org/2000/svg"}
    assert addresses == set()
    assert len(read.all("h1")) == len(read.all("title")) == len(read.all("main")) == 1
    assert read.all("html")[0]["lang"] == "en"
    (image,) = read.all("img")
    assert image["alt"] == f"{widget.figure()!r} {widget!r}"
    (shown,) = state_of(text)["shown"]
    state = state_of(text)["models"][shown["model"]]
    assert not {"_esm", "_css", "layout"} & set(state)
    assert {key for key in widget.get_state() if not key.startswith("_")} - {"layout", "tabbable", "tooltip"} <= set(
        state
    )


def test_page_keeps_what_users_wrote_as_text() -> None:
    stage = AttentionStage([[1, 0]], [[1, 0]], [[1, 0]], tokens=[HOSTILE[:40]], question=HOSTILE)
    text = page([stage], title=HOSTILE)
    read = Reader(text)
    assert len(read.all("script")) == len(Reader(page([AttentionStage()])).all("script"))
    assert "".join(read.texts["h1"]) == HOSTILE
    assert "".join(read.texts["title"]) == HOSTILE
    assert read.all("b") == []
    (state,) = state_of(text)["models"].values()
    assert state["question"] == HOSTILE
    assert state["tokens"] == [HOSTILE[:40]]


def test_page_carries_bytes_and_numbers_that_json_lacks() -> None:
    class Measured(AttentionStage):
        times = traitlets.Bytes(struct.pack("<3f", 1, 2, 3)).tag(sync=True)
        list_of = traitlets.List([1.0, float("nan")]).tag(sync=True)

    (state,) = state_of(page([Measured()]))["models"].values()
    assert state["times"] == {"$bytes": "AACAPwAAAEAAAEBA"}
    assert state["list_of"] == [1.0, None]


def test_page_shows_the_present_state_and_one_widget_twice_as_one() -> None:
    stage = AttentionStage()
    stage.query = np.ones((4, 2))
    found = state_of(page([stage, Projection(), stage]))
    first, second, third = found["shown"]
    assert first == third
    assert first["front"] == "AttentionStage"
    assert second["front"] == "Projection"
    assert found["models"][first["model"]]["query_3_y"] == 1
    assert len(found["models"]) == 2


def test_page_brings_linked_sliders_along_but_not_closed_ones() -> None:
    stage = AttentionStage()
    kept, closed = stage.sliders("temperature"), stage.sliders("scale")
    closed.children[0].close()
    found = state_of(page([stage]))
    (slider,) = kept.children
    assert found["shown"][0]["sliders"] == [slider.model_id]
    assert found["models"][slider.model_id] == {
        "value": 1.0, "min": 0.1, "max": 5.0, "step": 0.05, "description": "temperature",
    }  # fmt: skip


def test_save_html_names_the_page_after_what_it_shows(tmp_path: Path) -> None:
    plain = save_html(tmp_path / "plain.html", AttentionStage())
    asked = AttentionStage(question="Which key?").save_html(tmp_path / "asked.html")
    named = save_html(str(tmp_path / "named.html"), AttentionStage(), Projection(), title="Two & one")
    for path, title in ((plain, "Attention stage"), (asked, "Which key?"), (named, "Two &amp; one")):
        assert f"<title>{title}</title>" in path.read_text(encoding="utf-8")
    assert sorted(os.listdir(tmp_path)) == ["asked.html", "named.html", "plain.html"]


def test_save_html_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"folder '.*absent' does not exist; make it first"):
        AttentionStage().save_html(tmp_path / "absent" / "page.html")
    with pytest.raises(OptionError, match=r"is a folder; name a file in it"):
        AttentionStage().save_html(tmp_path)
    with pytest.raises(OptionError, match="at least one widget"):
        save_html(tmp_path / "page.html")
    with pytest.raises(DtypeError, match="live widgets of the course, but one of them is 3"):
        save_html(tmp_path / "page.html", AttentionStage(), 3)  # type: ignore[arg-type]
    with pytest.raises(DtypeError, match="title must be text"):
        save_html(tmp_path / "page.html", AttentionStage(), title=3)  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []


def test_save_html_leaves_the_old_page_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"
    target.write_text("old", encoding="utf-8")

    def full(*paths: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        AttentionStage().save_html(target)
    assert target.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["page.html"]
