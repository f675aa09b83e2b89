"""What a check puts in a workshop's outbox: the verdict and nothing else, and never in the way of the check."""

import json

import numpy as np
import pytest

from course_lib.checks import check
from course_lib.checks.records import sharing


def wrong_axis(scores):
    print("what I printed")
    return np.exp(scores) / np.exp(scores).sum(axis=0)


@pytest.fixture
def outbox(tmp_path, monkeypatch):
    monkeypatch.setenv(sharing.FOLDER, str(tmp_path / "outbox"))
    return tmp_path / "outbox"


def contents(outbox):
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(outbox.glob("*.json"))]


def test_without_a_workshop_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv(sharing.FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    check("softmax", wrong_axis)
    assert {path.name for path in tmp_path.iterdir()} <= {"progress.json", "progress.json.lock"}


def test_a_verdict_is_shared_and_neither_code_nor_what_was_printed(outbox):
    check("softmax", wrong_axis)
    (content,) = contents(outbox)
    assert set(content) == {"id", "task", "status", "confusion", "at"}
    assert (content["task"], content["status"], content["confusion"]) == ("softmax", "not_yet", "M06")
    assert "printed" not in json.dumps(content)


def test_verdicts_stand_in_the_order_in_which_they_came(outbox):
    for answer in (..., wrong_axis, lambda scores: np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)):
        check("softmax", answer)
    assert [one["status"] for one in contents(outbox)][:2] == ["not_started", "not_yet"]
    assert len({one["id"] for one in contents(outbox)}) == 3
    assert not list(outbox.glob("*.part"))


def test_unknown_tasks_and_our_own_mistakes_are_not_shared(outbox, monkeypatch):
    check("no_such_task", wrong_axis)
    monkeypatch.setattr("course_lib.checks.engine._judge", lambda *_: 1 / 0)
    check("softmax", wrong_axis)
    assert not outbox.exists()


def test_an_outbox_that_cannot_be_written_does_not_show(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file" / "outbox", "\0"):
        if folder != "\0":
            monkeypatch.setenv(sharing.FOLDER, str(folder))
        else:
            monkeypatch.setattr(sharing.os, "environ", {sharing.FOLDER: folder, **sharing.os.environ})
        check("softmax", wrong_axis)
        assert "mistake" not in capsys.readouterr().out


def test_an_outbox_that_nobody_empties_does_not_fill_the_disk(outbox, monkeypatch):
    monkeypatch.setattr(sharing, "MOST_WAITING", 3)
    for _ in range(5):
        check("softmax", wrong_axis)
    assert len(contents(outbox)) == 3


def test_nothing_is_shared_while_nbgrader_runs_the_notebook(outbox, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError):
        check("softmax", wrong_axis)
    assert not outbox.exists()
