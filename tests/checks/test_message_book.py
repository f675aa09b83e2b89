"""All that the checks say stands in messages.md, word for word; people read it there."""

import re
from pathlib import Path

from typer.testing import CliRunner

import course_lib.cli as cli
from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.engine import TASKS
from course_lib.checks.judging import wording
from course_lib.checks.quality import messages, report
from course_lib.checks.quality.answers import ANSWERS
from course_lib.checks.tasks import FunctionTask, OrderTask

BOOK = (Path(__file__).parent / "messages.md").read_text(encoding="utf-8")
# Beliefs about what numbers mean: no function of the course comes to another result by them.
BY_PREDICTION_ONLY = {"M05", "M08", "M25", "M26"}


def test_every_sentence_is_the_one_that_was_read():
    """A difference is a sentence that changed: read it, then `course checks messages --write`."""
    assert messages.document().split("\n") == BOOK.split("\n")


def test_the_book_holds_every_explanation_promise_and_hint():
    for task in TASKS.values():
        assert task.asked in BOOK
        assert all(hint in BOOK for hint in task.hints)
        if isinstance(task, FunctionTask):
            assert all(f"> {program.why}" in BOOK for program in task.programs)
            assert all(f"> Where to look: {program.look}" in BOOK for program in task.programs)
            assert all(kept.promise in BOOK for kept in task.properties)
        if isinstance(task, OrderTask):
            assert all(known.why in BOOK for known in task.distractors.values())
            assert all(f"> {left_out}" in BOOK for _, left_out, _ in task.without.values())


def test_the_book_holds_every_general_sentence():
    """A rare input has words of its own in every task; test_arguments.py holds the general ones."""
    by_stage = [
        words[stage] for words in (wording._SO_FAR, wording._LOOK_AT_STAGE) for stage in words if stage != "edge"
    ]
    assert [text for text in (*wording._LOOK_AT_ERROR.values(), *by_stage) if text.strip() not in BOOK] == []
    assert len({answer.kind for answer in ANSWERS}) == len(ANSWERS)


def test_no_message_says_one_thing_twice():
    for message in re.findall(r"(?:^>.*\n)+", BOOK, re.M):
        sentences = re.findall(r"[A-Z`][^.?!]{25,}[.?!]", message.replace("> ", ""))
        assert len(sentences) == len(set(sentences)), message


def test_every_confusion_is_shown_by_a_program_or_a_prediction():
    found = report.coverage()
    assert list(found) == list(CONFUSIONS)
    assert all(any(places) for places in found.values())
    assert {name for name, (functions, _, _) in found.items() if not functions} == BY_PREDICTION_ONLY
    assert all(found[name][1] for name in BY_PREDICTION_ONLY)


def test_the_command_prints_the_book_and_writes_it(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "document", lambda: "# All of it\n")
    assert CliRunner().invoke(cli.app, ["checks", "messages"]).stdout.startswith("# All of it\n")
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(cli.app, ["checks", "messages", "--write"])
    assert ran.exit_code == 2
    monkeypatch.setattr("course_lib.authoring.course_folder", lambda: tmp_path)
    (tmp_path / "tests" / "checks").mkdir(parents=True)
    ran = CliRunner().invoke(cli.app, ["checks", "messages", "--write"])
    assert ran.exit_code == 0
    assert (tmp_path / "tests" / "checks" / "messages.md").read_text("utf-8") == "# All of it\n"
