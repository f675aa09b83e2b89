"""Results are kept once and for good, and the room is reckoned from them."""

import csv
import io
import sqlite3

import pytest

from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.engine import LESSONS, TASKS
from course_lib.workshop.classview import results as results_module
from course_lib.workshop.classview.results import Found, Results, read_result
from course_lib.workshop.classview.room import Room, catalogue
from course_lib.workshop.classview.sentences import SAY
from course_lib.workshop.classview.tables import as_csv

NOW = 1_800_000_000.0


def found(task="softmax", status="not_yet", confusion=None, at=0.0, name=None):
    return Found(name or f"{task}{status}{at}".encode().hex()[:40], task, status, confusion, NOW + at)


def content(**changes):
    return {"id": "ab" * 16, "task": "softmax", "status": "not_yet", "confusion": "M06", "at": NOW - 5} | changes


def test_a_result_is_read_as_it_was_sent():
    assert read_result(content(), now=NOW) == Found("ab" * 16, "softmax", "not_yet", "M06", NOW - 5)


@pytest.mark.parametrize(
    "bad",
    [
        None, 3, [], "x", {}, content(id=3), content(id="../x"), content(id="A" * 32), content(id="a" * 65),
        content(task="no_task"), content(task=None), content(status="broke"), content(status=["passed"]),
        content(confusion="M99"), content(confusion=6), content(at="now"), content(at=None), content(at=True),
    ],
)  # fmt: skip
def test_what_is_no_result_is_refused(bad):
    assert read_result(bad, now=NOW) is None


@pytest.mark.parametrize("at", [NOW + 3600, NOW - 90 * 86400, float("nan"), float("inf"), -1, 10**300, 10**400])
def test_a_clock_that_is_wrong_is_taken_for_now(at):
    assert read_result(content(at=at), now=NOW).at == NOW


def test_results_outlive_the_program_and_come_back_in_order(tmp_path):
    kept = Results(tmp_path / "results.sqlite")
    sent = [found(at=at) for at in range(5)]
    assert kept.keep("ada", sent) == sent
    kept.keep("bob", sent[:1])
    kept.close()
    again = Results(tmp_path / "results.sqlite")
    assert list(again.everything()) == [*(("ada", one) for one in sent), ("bob", sent[0])]
    again.close()


def test_a_result_that_comes_twice_is_kept_once(tmp_path):
    for _ in range(2):  # also after a restart
        kept = Results(tmp_path / "results.sqlite")
        kept.keep("ada", [found(at=1), found(at=1)])
        kept.close()
    kept = Results(tmp_path / "results.sqlite")
    assert len(list(kept.everything())) == 1
    assert kept.keep("bob", [found(at=1)]), "the same id from another learner is another result"
    kept.close()


def test_a_batch_is_kept_as_a_whole_or_not_at_all(tmp_path):
    kept = Results(tmp_path / "results.sqlite")
    with pytest.raises(sqlite3.Error):
        kept.keep("ada", [found(at=1), Found("id", "softmax", "passed", None, object())])
    assert list(kept.everything()) == []
    assert len(kept.keep("ada", [found(at=1)])) == 1
    kept.close()


def test_a_program_that_checks_in_a_loop_does_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(results_module, "MOST_FOR_A_LEARNER", 3)
    kept = Results(tmp_path / "results.sqlite")
    assert len(kept.keep("ada", [found(at=at) for at in range(5)])) == 3
    assert kept.keep("ada", [found(at=9)]) == []
    assert len(kept.keep("bob", [found(at=1)])) == 1
    kept.close()


def cell(room, learner, task="softmax"):
    return {(name, what): rest for name, what, *rest in room.since(0)["cells"]}[learner, task]


def test_a_cell_goes_from_untouched_to_trying_to_passed():
    room = Room()
    room.add("ada", [found(status="not_started", at=0)])
    assert cell(room, "ada") == ["not_started", 0, 0, None]
    room.add("ada", [found(confusion="M06", at=60), found(confusion="M02", at=90)])
    assert cell(room, "ada") == ["trying", 2, 2, "M02"]
    room.add("ada", [found(status="passed", at=240)])
    assert cell(room, "ada") == ["passed", 3, 4, None]


def test_what_passed_stays_passed_and_its_minutes_stand():
    room = Room()
    room.add("ada", [found(at=0), found(status="passed", at=60), found(confusion="M06", at=6000)])
    assert cell(room, "ada") == ["passed", 3, 1, None]
    room.add("ada", [found(status="not_started", at=9000)])
    assert cell(room, "ada") == ["passed", 3, 1, None]


def test_a_page_gets_only_what_it_has_not_seen():
    room = Room()
    room.name("ada", "Ada")
    room.add("ada", [found()])
    seen = room.since(0)
    assert seen["learners"] == [["ada", "Ada"]]
    assert room.since(seen["change"]) | {"confusions": []} == {
        "change": seen["change"], "learners": [], "cells": [], "confusions": [],
    }  # fmt: skip
    room.add("bob", [found(task="project")])
    new = room.since(seen["change"])
    assert new["learners"] == [["bob", "bob"]]
    assert [row[:2] for row in new["cells"]] == [["bob", "project"]]
    room.name("bob", "Bob")
    assert room.since(new["change"])["learners"] == [["bob", "Bob"]]


def test_the_row_of_a_learner_holds_nothing_of_another():
    room = Room()
    room.add("ada", [found(confusion="M06")])
    room.add("bob", [found(task="project")])
    assert room.row("bob") == {"shown": "bob", "cells": [["project", "trying", 1, 0, None]]}
    assert room.row("nobody") == {"shown": "nobody", "cells": []}


def test_the_mistakes_of_the_room_count_people_and_not_tries():
    room = Room()
    for number in range(14):
        room.add(f"l{number}", [found(confusion="M06", at=at) for at in range(3)])
    room.add("m", [found(task="attention", confusion="M06"), found(confusion="M02", task="scaled_scores")])
    room.add("past", [found(confusion="M06", at=0), found(status="passed", at=9)])
    first, second = room.confusions()
    assert first == {"id": "M06", "now": 15, "past": 1, "tasks": [("softmax", 14), ("attention", 1)]}
    assert (second["id"], second["now"], second["past"]) == ("M02", 1, 0)


def test_a_mistake_leaves_the_room_when_its_task_passes_or_shows_another():
    room = Room()
    room.add("ada", [found(confusion="M06", at=0), found(confusion=None, at=5)])
    assert [(row["id"], row["now"], row["past"]) for row in room.confusions()] == [("M06", 0, 1)]


def test_every_documented_mistake_has_a_sentence_to_say_of_its_own():
    assert SAY.keys() == CONFUSIONS.keys()
    assert len(set(SAY.values())) == len(SAY)
    assert all(sentence[-1] in ".?" and 30 <= len(sentence) <= 140 for sentence in SAY.values())


def test_the_catalogue_holds_the_tasks_that_learners_can_get_to():
    names = {task["name"] for task in catalogue()["tasks"]}
    assert names == {task.name for task in TASKS.values() if task.lesson in LESSONS}
    hidden = next((task.name for task in TASKS.values() if task.lesson not in LESSONS), None)
    if hidden:
        room = Room()
        room.add("ada", [found(task=hidden)])
        assert room.since(0)["cells"] == []


def test_names_in_the_table_are_no_formulas():
    room = Room()
    for number, name in enumerate(("=cmd|'/c calc'!A1", "+1", "-1", "@x", 'Ada, "the" first\n')):
        room.name(f"l{number}", name)
        room.add(f"l{number}", [found(confusion="M06")])
    rows = list(csv.DictReader(io.StringIO(as_csv(room))))
    assert [row["name"][0] for row in rows] == ["'", "'", "'", "'", "A"]
    assert rows[0] | {"name": ""} == {
        "account": "l0", "name": "", "task": "softmax", "status": "trying", "attempts": "1", "minutes": "0",
        "confusion": "M06",
    }  # fmt: skip
