"""How far a learner is: by task, by lesson, and in the whole course."""

import html
from typing import Any

from course_lib.checks.engine import LESSONS, TASKS
from course_lib.checks.records import record
from course_lib.checks.showing.rendering import TABLE_ROW, Shown, frame

_ICONS = {"passed": "✔", "not_yet": "✎", "not_started": "○"}
_WORDS = {"passed": "passed", "not_yet": "not yet", "not_started": "not started"}


def progress_summary() -> dict[str, Any]:
    """Return the progress as plain data, as `course progress --json` prints it.

    Returns
    -------
    dict
        ``percent``, ``done``, ``total`` and ``lessons``; each lesson has ``lesson``, ``title``, the same three, and
        ``tasks`` with ``name``, ``title``, ``status``, ``attempts`` and ``hints``.
    """
    records = record.read()
    lessons = [_lesson(number, title, records) for number, title in LESSONS.items()]
    done, total = sum(lesson["done"] for lesson in lessons), sum(lesson["total"] for lesson in lessons)
    return {"percent": _percent(done, total), "done": done, "total": total, "lessons": lessons}


def _lesson(number: int, title: str, records: dict[str, Any]) -> dict[str, Any]:
    tasks = [_task(name, records.get(name, {})) for name, task in TASKS.items() if task.lesson == number]
    done = sum(task["status"] == "passed" for task in tasks)
    counts = {"done": done, "total": len(tasks), "percent": _percent(done, len(tasks))}
    return {"lesson": number, "title": title, **counts, "tasks": tasks}


def _task(name: str, kept: dict[str, Any]) -> dict[str, Any]:
    status = kept.get("status")
    return {
        "name": name,
        "title": TASKS[name].title,
        "status": status if status in _ICONS else "not_started",
        "attempts": kept.get("attempts") if isinstance(kept.get("attempts"), int) else 0,
        "hints": kept.get("hints") if isinstance(kept.get("hints"), int) else 0,
    }


def _percent(done: int, total: int) -> int:
    """Round down, so that 100 % means all."""
    return 100 * done // total if total else 0


def progress_text(summary: dict[str, Any]) -> str:
    """Return the progress as text: a bar for each lesson, and its tasks."""
    lines = [f"The whole course  {_text_bar(summary)}"]
    for lesson in summary["lessons"]:
        lines.append(f"{lesson['lesson']:02d} {lesson['title']:<26} {_text_bar(lesson)}")
        lines.extend(
            f"   {_ICONS[task['status']]} {task['name']:<26} {_WORDS[task['status']]}{_tries(task)}"
            for task in lesson["tasks"]
        )
    return "\n".join(lines)


def _tries(task: dict[str, Any]) -> str:
    parts = [
        f"{task[field]} {word if task[field] == 1 else word + 's'}"
        for field, word in (("attempts", "attempt"), ("hints", "hint"))
        if task[field]
    ]
    return f", {', '.join(parts)}" if parts else ""


def _text_bar(counts: dict[str, Any]) -> str:
    filled = counts["percent"] // 5
    return f"[{'#' * filled}{'.' * (20 - filled)}] {counts['percent']:>3} %  {counts['done']} of {counts['total']}"


def render_progress(summary: dict[str, Any]) -> Shown:
    """Draw the progress."""
    whole = _html_title("The whole course", "font-weight:600")
    parts = [f'<div style="margin-left:1.2em">{whole}{_html_bar(summary, "the whole course")}</div>']
    for lesson in summary["lessons"]:
        title = html.escape(f"{lesson['lesson']:02d} {lesson['title']}")
        rows = "".join(_html_row(task) for task in lesson["tasks"])
        parts.append(
            f'<details style="margin:4px 0"{" open" if 0 < lesson["done"] < lesson["total"] else ""}>'
            # The triangle stands outside, in the margin: so all titles and all bars begin on one line.
            '<summary style="cursor:pointer;margin-left:1.2em;list-style-position:outside">'
            f"{_html_title(title)}{_html_bar(lesson, title)}</summary>"
            f'<table style="border-collapse:collapse;margin:0;color:inherit;font-size:inherit">{rows}</table></details>'
        )
    return Shown(progress_text(summary), frame("".join(parts), "var(--jp-info-color1, #0277bd)"))


def _html_title(title: str, style: str = "") -> str:
    """Return a title of fixed width, so that the bars of all lessons begin on one line."""
    return f'<span style="display:inline-block;box-sizing:border-box;width:16em;{style}">{title}</span>'


def _html_row(task: dict[str, Any]) -> str:
    cells = (task["title"], task["name"], f"{_ICONS[task['status']]} {_WORDS[task['status']]}{_tries(task)}")
    style = "text-align:left;padding:1px 12px 1px 0"
    return TABLE_ROW + "".join(f'<td style="{style}">{html.escape(cell)}</td>' for cell in cells) + "</tr>"


def _html_bar(counts: dict[str, Any], label: str) -> str:
    words = f"{counts['percent']} %, {counts['done']} of {counts['total']}"
    return (
        f'<span role="img" aria-label="{label}: {words}" style="display:inline-block;width:10em;height:0.8em;'
        'border:1px solid var(--jp-border-color1, #757575);vertical-align:middle">'
        f'<span style="display:block;height:100%;width:{counts["percent"]}%;'
        f'background:var(--jp-success-color1, #2e7d32)"></span></span> {words}'
    )
