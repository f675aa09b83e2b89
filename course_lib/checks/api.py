"""What a notebook calls: check, hint, ask, show_lines, progress, its export. Each shows one thing, returns nothing."""

import html
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from course_lib.checks.engine import TASKS, close_names, evaluate, find_task
from course_lib.checks.judging.choices import committed_letter, is_unanswered
from course_lib.checks.judging.wording import unknown
from course_lib.checks.records import record, transfer
from course_lib.checks.records.sharing import share
from course_lib.checks.records.summary import progress_summary, render_progress
from course_lib.checks.result import Result
from course_lib.checks.showing import live
from course_lib.checks.showing.rendering import TABLE_ROW, Shown, frame, paragraph, render_result, show
from course_lib.checks.tasks import ChoiceTask, OrderTask, Task
from course_lib.errors import ProgressError


def check(name: str, answer: Any) -> None:
    """Check an answer: show what happened, and record it.

    Nothing is raised at the learner. While nbgrader runs a notebook (it sets NBGRADER_EXECUTION), an answer that has
    not passed raises AssertionError, so that nbgrader gives the points as it should.

    Parameters
    ----------
    name : str
        A task, such as ``"softmax"``.
    answer : object
        The function that you wrote; the letter of a prediction; the letters of lines in order. ``...`` means not yet.

    Raises
    ------
    AssertionError
        Under nbgrader only, where the answer has not passed.

    Examples
    --------
    >>> check("predict_longer_key", ...)
    ○ prediction: not started
    Commit first: answer = 'a', 'b' or 'c'. A guess is welcome, and costs nothing.
    """
    result = evaluate(name, answer)
    is_graded = bool(os.environ.get("NBGRADER_EXECUTION"))
    try:
        show(render_result(result) if is_graded else _recorded(result, answer))
    except Exception as error:  # ours; the verdict is worth more than its drawing
        print(f"{result.message}\n(Showing or recording this failed, which is our mistake: {type(error).__name__}.)")
    if is_graded and not result.passed:
        raise AssertionError(result.message)


def hint(name: str) -> None:
    """Show the next hint of a task; each call climbs one rung.

    Examples
    --------
    >>> hint("atention")
    There is no task called 'atention'. Did you mean 'attention', 'self_attention' or 'order_attention'?
    """
    task = find_task(name)
    if task is None:
        _say(_unknown_short(name))
        return
    if not task.hints:
        _say(f"A prediction needs no hint: any answer is welcome. ask({task.name!r}) shows the question.")
        return
    before, notes = record.update(task.name, lambda kept: kept.update(hints=_count(kept, "hints") + 1))
    rung = _count(before, "hints")
    _say("\n".join([*_rungs(task, rung), *notes]))


def ask(name: str) -> None:
    """Show the question of a prediction and its options; where a front end runs, it is answered there.

    To commit there is the same as ``check(name, letter)``: it is recorded, and the first answer stays.

    Examples
    --------
    >>> ask("predict_longer_key")
    A key gets twice as long, the angle to the query stays. The score ...
      a  stays
      b  halves
      c  doubles
    """
    task = find_task(name)
    if not isinstance(task, ChoiceTask):
        _say(
            _unknown_short(name)
            if task is None
            else f"{name} is no prediction; check({name!r}, ...) says what is asked."
        )
        return
    view = live.prediction(task, _committed(task), lambda letter: repr(_recorded(evaluate(name, letter), letter)))
    _show_options(task.asked, task.options, lambda option: html.escape(option), view)


def show_lines(name: str) -> None:
    """Show the lines that are to be put in order, with their letters; where a front end runs, they are ordered there.

    Its button checks as ``check(name, letters)`` does.
    """
    task = find_task(name)
    if not isinstance(task, OrderTask):
        _say(_unknown_short(name) if task is None else f"{name} has no lines to order.")
        return
    view = live.order(task, lambda letters: repr(_recorded(evaluate(name, letters), letters)))
    _show_options(task.asked, task.lines, lambda line: f"<code>{html.escape(line)}</code>", view)


def progress() -> None:
    """Show how far you are: a bar for each lesson and one for the whole course."""
    show(render_progress(progress_summary()))


def export_progress(path: str | Path | None = None) -> None:
    """Write your progress to a file, to go on with it on another machine.

    Parameters
    ----------
    path : str or Path, optional
        None means ``course-progress.json`` beside this notebook. Where the course runs in a browser only, it stands in
        the list of files then, and can be downloaded from there.
    """
    try:
        written, n_tasks = transfer.export_to(path)
    except ProgressError as error:
        _say(str(error))
        return
    _say(
        f"Your progress is in `{written}` ({transfer.counted(n_tasks)}). Take the file along; there, "
        f"`import_progress({written.name!r})` brings it together with what is there."
    )


def import_progress(source: str | Path | Mapping[str, Any]) -> None:
    """Bring progress from another machine together with what is here; nothing that is here is lost.

    Parameters
    ----------
    source : str, Path or dict
        A file that `export_progress` wrote, or its content.
    """
    try:
        _say(str(transfer.import_from(source)))
    except ProgressError as error:
        _say(str(error))


def _show_options(
    asked: str, options: Mapping[str, str], as_html: Callable[[str], str], view: Mapping[str, Any] | None
) -> None:
    text = "\n".join([asked, *(f"  {letter}  {option}" for letter, option in options.items())])
    rows = "".join(
        f'{TABLE_ROW}<td style="text-align:left;padding:2px 12px 2px 0"><b>{letter}</b></td>'
        f'<td style="text-align:left;padding:2px 0">{as_html(option)}</td></tr>'
        for letter, option in options.items()
    )
    table = f'<table style="border-collapse:collapse;margin:0;color:inherit;font-size:inherit">{rows}</table>'
    show(Shown(text, frame(paragraph(asked) + table, "var(--jp-info-color1, #0277bd)"), view))


def _say(text: str) -> None:
    body = "".join(paragraph(line) for line in text.split("\n"))
    show(Shown(text, frame(body, "var(--jp-info-color1, #0277bd)")))


def _unknown_short(name: object) -> str:
    return unknown(name, close_names(name), list(TASKS)).message.split(" The tasks are:")[0]


def _rungs(task: Task, rung: int) -> list[str]:
    total = len(task.hints)
    if rung < total:
        return [f"Hint {rung + 1} of {total}. {task.hints[rung]}"]
    again = [f"{count}. {text}" for count, text in enumerate(task.hints, start=1)]
    return [f"There are no more hints for {task.name}. Here they are once more:", *again]


def _recorded(result: Result, answer: Any) -> Shown:
    """Record a verdict and draw it; a prediction that was made where its question stands needs no second answer."""
    task = find_task(result.name)
    if task is None:
        return render_result(result)
    share(result)
    if isinstance(task, ChoiceTask) and is_unanswered(answer) and (letter := _committed(task)):
        note = f"You committed to {letter} where the question was asked; that is your prediction."
        return render_result(evaluate(task.name, letter), [note])
    return render_result(result, _record(task, result, answer))


def _committed(task: ChoiceTask) -> str:
    """Return the letter of the prediction that is on record, or ''."""
    return committed_letter(task, record.read().get(task.name, {}).get("first_answer")) or ""


def _record(task: Task, result: Result, answer: Any) -> list[str]:
    """Keep what happened; return what the learner should know about it."""
    if result.status in ("not_started", "broke"):
        return []
    letter = committed_letter(task, answer) if isinstance(task, ChoiceTask) else None

    def change(kept: dict[str, Any]) -> None:
        kept["attempts"] = _count(kept, "attempts") + 1
        kept["status"] = "passed" if "passed" in (kept.get("status"), result.status) else result.status
        if letter is not None:
            kept.setdefault("first_answer", letter)
        if result.confusion is not None and letter in (None, kept.get("first_answer")):
            seen = kept.get("confusions")
            kept["confusions"] = sorted({*(seen if isinstance(seen, list) else []), result.confusion})

    before, notes = record.update(task.name, change)
    first = before.get("first_answer")
    if letter is not None and first not in (None, letter):
        notes.append(
            f"Your first answer, {first}, stays in the record: looking again is for learning, not for the score."
        )
    return notes


def _count(kept: dict[str, Any], field: str) -> int:
    value = kept.get(field, 0)
    return value if isinstance(value, int) else 0
