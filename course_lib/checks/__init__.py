"""Checks of the learner's work: the verdict, the mistake by its name, and where to look.

`check` and its companions show one thing each in a notebook; `evaluate` gives the same verdict as a value.
"""

from course_lib.checks.api import ask, check, export_progress, hint, import_progress, progress, show_lines
from course_lib.checks.engine import evaluate
from course_lib.checks.records.summary import progress_summary, progress_text
from course_lib.checks.result import Result

__all__ = [
    "Result",
    "ask",
    "check",
    "evaluate",
    "export_progress",
    "hint",
    "import_progress",
    "progress",
    "progress_summary",
    "progress_text",
    "show_lines",
]
