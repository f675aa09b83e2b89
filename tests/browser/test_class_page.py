"""The class view in a browser: it follows the class, over a restart; text stays text; nobody is kept out."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from class_room import class_room, fill
from stage_page import until
from test_accessibility import findings

from course_lib.workshop.classview.results import Found
from course_lib.workshop.classview.room import catalogue
from course_lib.workshop.people import People

N_LEARNERS = 200
EVIL = "<img src=x onerror=alert(1)>"


def found(number: int, task: str = "softmax", status: str = "not_yet", confusion: str | None = "M06") -> Found:
    return Found(f"{number:032x}", task, status, confusion, time.time() - 60 + number)


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page that may ask this machine only, and must not complain."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.extend([request.url] * ("127.0.0.1" not in request.url)))
    page.on("dialog", lambda dialog: (complaints.append("a script ran"), dialog.dismiss()))
    page.set_default_timeout(60_000)
    yield page
    context.close()
    assert complaints == []


def cell(page: Any, row: int, column: int) -> str:
    place = page.locator("#grid tbody tr").nth(row).locator("td").nth(column)
    return str(place.locator("[aria-hidden]").inner_text())


def column_of(page: Any, title: str) -> int:
    return int(
        page.locator("#grid .task").evaluate_all("(all, title) => all.findIndex((one) => one.title === title)", title)
    )


def at_the_hub(folder: Path, what: str, *arguments: str) -> Any:
    """Do with the people of a workshop what the Hub does, which is another process."""
    hub = People(folder / "people.sqlite")
    try:
        return getattr(hub, what)(*arguments)
    finally:
        hub.close()


def test_the_page_follows_the_class_and_a_restart_of_the_service(page: Any, tmp_path: Any) -> None:
    with class_room(tmp_path) as room:
        at_the_hub(tmp_path, "join", "ada", EVIL)
        room._loop.call_soon_threadsafe(room.view.look_who_is_here)
        page.goto(room.url)
        page.wait_for_selector("#grid tbody tr")
        assert page.locator("#grid tbody button").inner_text() == EVIL
        column = column_of(page, "Softmax")
        room.keep("ada", found(1))
        page.wait_for_selector("#grid td.stuck")
        assert cell(page, 0, column) == "1!"
        assert "1 person is at M06: softmax over the wrong axis" in page.inner_text("#room")
        port = room.port
    page.wait_for_selector("#connection.lost")
    with class_room(tmp_path, port=port) as room:
        room.keep("ada", found(2), found(3, status="passed", confusion=None))
        page.wait_for_selector("#grid td.passed")
        until(lambda: page.inner_text("#connection") == "live")
        assert cell(page, 0, column) == "✔ 1"
        assert page.locator("#room li").count() == 0
        assert page.locator("#room-empty").is_visible()
        page.check("#hide")
        assert page.locator("#grid tbody button").inner_text() == "Learner 1"
        page.uncheck("#hide")
        page.locator("#grid tbody button").press("Enter")
        assert "passed, 3 attempts, 1 minute" in page.inner_text("#learner")
        page.get_by_text("Release this name").click()
        until(lambda: "without its PIN" in page.inner_text("#learner [role=status]"))
        assert at_the_hub(tmp_path, "take_up", "ada") is not None
        page.keyboard.press("Escape")
        assert page.locator("#learner").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_class_of_two_hundred_fits_a_projector_and_keeps_nobody_out(page: Any, tmp_path: Any, scheme: str) -> None:
    fill(tmp_path, N_LEARNERS, now=time.time())
    page.emulate_media(color_scheme=scheme)
    with class_room(tmp_path) as room:
        page.goto(room.url)
        page.wait_for_selector(f"#grid tbody tr:nth-child({N_LEARNERS})")
        n_exercises = sum(not task["isQuestion"] for task in catalogue()["tasks"])
        assert page.locator("#grid .task").count() == n_exercises > 30
        scroll = page.locator("#scroll")
        assert scroll.evaluate("(part) => part.scrollWidth <= part.clientWidth"), "all tasks are seen at once"
        scroll.evaluate("(part) => part.scrollTo(0, 1e6)")
        assert page.locator("#grid thead th.task").first.bounding_box()["y"] >= scroll.bounding_box()["y"] - 1
        page.select_option("#lesson", "3")
        assert page.locator("#grid .task").count() > 3, "a lesson shows its questions, too"
        page.select_option("#order", "help")
        assert findings(page, "body") == []


def test_a_learner_sees_their_row_and_what_is_shared(page: Any, tmp_path: Any) -> None:
    fill(tmp_path, 3, now=time.time())
    with class_room(tmp_path, account="ada", is_instructor=False) as room:
        room.keep("ada", found(1))
        page.goto(room.url)
        page.wait_for_selector("#grid tbody tr")
        assert page.locator("#grid tbody tr").count() == 1
        assert "trying, 1 attempt, under a minute; M06" in page.inner_text("#grid")
        assert "Not your code" in page.inner_text("main")
        assert findings(page, "body") == []
