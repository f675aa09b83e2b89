"""Invented classes, to try the grader on: learners who are right, wrong in known ways, unfinished, or hostile.

`make` writes one, and beside it what each notebook is due.
"""

from course_lib.grading.synthetic.making import DUE, make

__all__ = ["DUE", "make"]
