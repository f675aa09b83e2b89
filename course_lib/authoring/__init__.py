'''From sources to notebooks: one text file is authored and reviewed, every notebook is derived from it.

    notebooks/source/NN_name.py   ->  notebooks/NN_name.ipynb             a lesson, run
    exercises/source/NN_name.py   ->  exercises/NN_name.ipynb             the learner's version, not run
                                  ->  exercises/solutions/NN_name.ipynb   the solution, run

The format is the percent format of jupytext with a name for each cell; Python, editors and ruff read it as it is::

    # ---
    # title: Softmax
    # minutes: 20
    # difficulty: 1 of 5        (exercises only)
    # ---

    # %% [markdown] softmax-title
    # # Softmax
    # Text in Markdown, each line a comment.

    # %% softmax-imports
    import numpy as np

    # %% softmax-stage tags=["nbval-ignore-output"]
    stage

    # %% softmax-exercise
    def softmax(scores):
        """Turn scores into weights."""
        ### BEGIN SOLUTION stub: exponentials = ...  # of the scores
        ### STUB weights = ...  # each over the sum of its row
        exponentials = np.exp(scores)
        weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
        ### END SOLUTION
        return weights

    # %% softmax-check points=2
    check("softmax", softmax)

* A cell's name is kebab-case, at most 64 characters, and unique in the notebook; it becomes the cell's id.
* Options of a cell: ``tags=[...]`` and, in exercises, ``points=N``, which makes it a graded, locked cell for nbgrader.
* In the learner's version the lines between the two marks are replaced by the text after ``stub:`` and by the lines
  marked ``### STUB``, at the indentation of the mark; where there is neither, by ``...  # your code here``.
* Tags that the builder knows: ``raises-exception`` for a cell whose error is its point; ``output-not-stored`` for a
  cell whose output belongs to one machine or one day (the doctor's findings, a timing); ``output-varies`` for one
  whose numbers depend on the processor (what a long training comes to): of its output a check compares the words only.
  Others are only copied.

A run must show nothing that another machine or another day would not: a memory address or an absolute path in an
output, a warning on stderr or an exception is an error that names the cell. Widget views are dropped (their ids are
random); the picture and the text of the same output stay, so that a page without a kernel shows them.
'''

from course_lib.authoring.build import Outcome, Plan, build, cells_to_run, check, course_folder, plan
from course_lib.authoring.errors import BuildError
from course_lib.authoring.run import run_with_widgets

__all__ = [
    "BuildError", "Outcome", "Plan", "build", "cells_to_run", "check", "course_folder", "plan", "run_with_widgets",
]  # fmt: skip
