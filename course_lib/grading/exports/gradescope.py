"""Gradescope's results.json: one for each submission, or the one that an autograder's container leaves."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_lib.errors import GradingError
from course_lib.grading.entries import Entry
from course_lib.grading.reports.feedback import file_name
from course_lib.grading.reports.safe import visible
from course_lib.grading.reports.wording import away_from_the_notebook

FILE = "results.json"


def write(entries: Sequence[Entry], path: Path, roster: Path | None) -> list[str]:
    """Write a folder of results, or the one result of the one submission where `path` is called results.json."""
    if path.name == FILE:
        if len(entries) != 1:
            raise GradingError(f"{FILE} holds the result of one submission, and there are {len(entries)}.")
        _write(entries[0], path)
        return []
    names: dict[str, str] = {}
    for entry in entries:
        if entry.learner not in names:
            names[entry.learner] = file_name(entry.learner, names.values())
        folder = names[entry.learner].removesuffix(".html")
        _write(entry, path / folder / (entry.exercise or "unknown") / FILE)
    return []


def _write(entry: Entry, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result_of(entry), indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def result_of(entry: Entry) -> dict[str, Any]:
    """Return a submission's result in Gradescope's words; every text of it is shown as text."""
    if entry.kind != "marked":
        return {"score": 0, "output": visible(entry.reason), "output_format": "text", "visibility": "visible"}
    return {
        "score": entry.points,
        "output": f"{entry.points:g} of {entry.max_points:g} points",
        "output_format": "text",
        "visibility": "visible",
        "tests": [
            {
                "name": mark.task, "number": str(number), "score": mark.points, "max_score": mark.max_points,
                "status": "passed" if mark.status == "passed" else "failed",
                "output": visible(away_from_the_notebook(mark.message)),
                "output_format": "text", "name_format": "text", "visibility": "visible",
                "extra_data": {"status": mark.status, "confusion": mark.confusion},
            }
            for number, mark in enumerate(entry.marks, start=1)
        ],
    }  # fmt: skip
