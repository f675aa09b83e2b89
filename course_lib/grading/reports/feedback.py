"""A page for each learner: their points, what was found in each task and why, and the code that it was found in.

One file, without a script and without a request; its policy allows neither. It is as wide as a phone, and light or dark
as its reader's system is.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.engine import LESSONS, find_task
from course_lib.errors import GradingError
from course_lib.grading.assignments import find_assignment
from course_lib.grading.entries import Entry, best
from course_lib.grading.reports.pictures import picture_of
from course_lib.grading.reports.safe import escaped, one_line, shortened
from course_lib.grading.reports.table import points_in_words
from course_lib.grading.reports.wording import away_from_the_notebook
from course_lib.grading.submission import Mark, MarkStatus

_MOST_CODE = 8_000  # characters of a task's code in the page
_MOST_PRINTED = 4_000
_CODE, _AS_CODE = re.compile(r"`([^`]+)`"), r"<code>\1</code>"
_STATUS: dict[MarkStatus, tuple[str, str]] = {
    "passed": ("✔", "passed"),
    "not_yet": ("✎", "not yet"),
    "not_started": ("○", "not started"),
    "broke": ("⚠", "the check broke"),
    "stopped": ("◼", "stopped"),
}

# default-src 'none' forbids every script, request, frame and form; style and the page's own drawings are inside of it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #1f2328; --quiet: #57606a; --line: #d0d7de;
  --passed: #1a7f37; --not_yet: #9a6700; --not_started: #6e7781; --broke: #b3261e; --stopped: #b3261e; --code: #f6f8fa;
  --jp-content-font-color1: var(--text); --jp-border-color2: var(--line); }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --card: #161b22; --text: #e6edf3; --quiet: #9da7b3;
  --line: #3a424d; --passed: #4ac26b; --not_yet: #d9a520; --not_started: #9da7b3; --broke: #ff8a80; --stopped: #ff8a80;
  --code: #0d1117; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 1rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; }
h2 span, .points { color: var(--quiet); font-weight: 400; font-size: 1rem; font-variant-numeric: tabular-nums; }
.bar { height: .5rem; background: var(--line); border-radius: .25rem; overflow: hidden; }
.bar div { height: 100%; background: var(--passed); }
article { background: var(--card); border: 1px solid var(--line); border-left: .35rem solid var(--line);
  border-radius: .4rem; padding: .8rem 1rem; margin: .8rem 0; }
h3 { margin: 0; font-size: 1rem; display: flex; flex-wrap: wrap; gap: .1rem .8rem; align-items: baseline;
  overflow-wrap: anywhere; }
h3 .points { margin-left: auto; }
p { margin: .45rem 0; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .875em; }
p code { background: var(--code); border-radius: .2rem; padding: 0 .2em; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: .3rem; padding: .6rem .8rem;
  margin: .4rem 0; overflow-x: auto; tab-size: 4; line-height: 1.45; }
summary { cursor: pointer; padding: .35rem 0; color: var(--quiet); }
figure { margin: .6rem 0; overflow-x: auto; } figcaption { color: var(--quiet); font-size: .9rem; }
figure table { font-size: .875rem !important; } figure td { white-space: nowrap; }
.passed { border-left-color: var(--passed); } .passed .status { color: var(--passed); }
.not_yet { border-left-color: var(--not_yet); } .not_yet .status { color: var(--not_yet); }
.not_started { border-left-color: var(--not_started); } .not_started .status { color: var(--not_started); }
.broke, .stopped { border-left-color: var(--broke); } .broke .status, .stopped .status { color: var(--broke); }
footer { color: var(--quiet); font-size: .9rem; margin-top: 2.5rem; border-top: 1px solid var(--line); }
@media print { article { break-inside: avoid; } body { background: none; } }
""".strip()


def write_pages(
    entries: Iterable[Entry], folder: Path, *, advance: Callable[[], None] = lambda: None
) -> dict[str, Path]:
    """Write a page for each learner; return the pages by learner.

    Raises
    ------
    GradingError
        The folder cannot be written.
    """
    by_learner: dict[str, list[Entry]] = {}
    for entry in best(entries):
        by_learner.setdefault(entry.learner, []).append(entry)
    written: dict[str, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for learner, of_learner in by_learner.items():
            path = folder / file_name(learner, {one.name for one in written.values()})
            path.write_text(page(learner, of_learner), encoding="utf-8", newline="\n")
            written[learner] = path
            advance()
    except OSError as error:
        raise GradingError(f"{folder} cannot be written: {error.strerror}. Choose another with --to.") from error
    return written


def file_name(learner: str, taken: Iterable[str] = ()) -> str:
    """Return the name of a learner's page: letters, numbers and little else, so that no system minds it.

    Examples
    --------
    >>> file_name("Anna Müller (11)"), file_name("../../etc/passwd")
    ('Anna_Müller_11.html', 'etc_passwd.html')
    """
    plain = re.sub(r"[^\w]+", "_", one_line(learner, 80), flags=re.UNICODE).strip("_") or "learner"
    lower = {name.lower() for name in taken}
    if f"{plain}.html".lower() in lower or re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", plain):
        plain += "_" + hashlib.sha256(learner.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain}.html"


def page(learner: str, entries: Sequence[Entry]) -> str:
    """Return the page of a learner as HTML."""
    name = escaped(one_line(learner, 120))
    body = "".join(map(_exercise, entries))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
        f"<title>Feedback for {name}</title><style>{_STYLE}</style></head>\n<body><main>"
        f"<h1>Feedback for {name}</h1>{body}"
        "<footer><p>Marked by the checks that your notebook calls, with other inputs of the same kinds. "
        "A task is passed where its function is right for all of them, however it is written.</p></footer>"
        "</main></body></html>\n"
    )


def _exercise(entry: Entry) -> str:
    title = escaped(_title(entry))
    share = 100 * entry.points / entry.max_points if entry.max_points else 0.0
    head = f"<section><h2>{title} <span>{escaped(points_in_words(entry))}{' points' if entry.marks else ''}</span></h2>"
    if entry.kind != "marked":
        words = "could not be read" if entry.kind == "refused" else "could not be marked"
        status = f'<span class="status">⚠ {escaped(one_line(entry.name, 80))} {words}</span>'
        return f'{head}<article class="broke"><h3>{status}</h3>{_paragraphs(entry.reason)}</article></section>'
    bar = f'<div class="bar" role="img" aria-label="{share:.0f} percent"><div style="width:{share:.1f}%"></div></div>'
    assignment = find_assignment(entry.exercise)
    answers = {one.task: one.answer for one in assignment.asked} if assignment is not None else {}
    tasks = "".join(_task(mark, answers.get(mark.task, mark.task), entry.code) for mark in entry.marks)
    return f"{head}{bar}{tasks}{_notes(entry)}</section>"


def _title(entry: Entry) -> str:
    assignment = find_assignment(entry.exercise)
    if assignment is None:
        return one_line(entry.name, 80)
    return f"Exercise {assignment.lesson:02}: {LESSONS.get(assignment.lesson, entry.exercise)}"


def _task(mark: Mark, answer: str, cells: Sequence[str]) -> str:
    icon, words = _STATUS[mark.status]
    task = find_task(mark.task)
    points = f"{mark.points:g} of {mark.max_points:g}" if mark.max_points else "no points"
    is_prediction = not mark.max_points and mark.status == "passed"
    known = "" if is_prediction or mark.confusion not in CONFUSIONS else CONFUSIONS[mark.confusion]
    confusion = f"<p>Many meet it ({escaped(mark.confusion or '')}): {escaped(known)}.</p>" if known else ""
    title = f" {escaped(task.title)}" if task is not None and task.title else ""
    message = _paragraphs(away_from_the_notebook(mark.message))
    code = code_of(answer, cells)
    words = "your prediction" if is_prediction else words
    return (
        f'<article class="{mark.status}"><h3><span class="status">{icon} {words}</span>'
        f"<code>{escaped(mark.task)}</code>{title}"
        f'<span class="points">{points}</span></h3>{message}{confusion}{_picture(mark)}'
        + (f"<details><summary>Your code</summary><pre>{escaped(code)}</pre></details>" if code else "")
        + "</article>"
    )


def _picture(mark: Mark) -> str:
    drawn = picture_of(mark.task, mark.program) if mark.status == "not_yet" and mark.program else ""
    caption = "What this mistake does, on the example that the notebook shows"
    return f"<figure><figcaption>{caption}</figcaption>{drawn}</figure>" if drawn else ""


def _notes(entry: Entry) -> str:
    remarks = "".join(_paragraphs(one) for one in entry.remarks)
    printed = shortened(entry.printed.strip(), _MOST_PRINTED)
    parts = [
        f"<details><summary>What was noticed, and cost no points</summary>{remarks}</details>" if remarks else "",
        f"<details><summary>What your notebook printed</summary><pre>{escaped(printed)}</pre></details>"
        if printed
        else "",
    ]
    return "".join(parts)


def _paragraphs(text: str) -> str:
    lines = [line for line in shortened(text, _MOST_PRINTED).split("\n") if line.strip()]
    return "".join(f"<p>{_CODE.sub(_AS_CODE, escaped(line))}</p>" for line in lines)


def code_of(answer: str, cells: Sequence[str]) -> str:
    """Return the cells that make an answer: those that define its name, the last of which counts."""
    name = re.escape(answer)
    made = re.compile(rf"^(?:async )?(?:def|class) {name}\b|^{name}\s*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
    return shortened("\n\n".join(cell.strip("\n") for cell in cells if made.search(cell)), _MOST_CODE)
