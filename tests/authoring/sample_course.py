"""A small course in a folder of its own: one lesson and one exercise, as sources."""

from pathlib import Path

LESSON = """\
# ---
# title: Rows
# minutes: 15
# ---

# %% [markdown] rows-title
# # Rows
#
# Each row is a query's.

# %% rows-imports
import matplotlib.pyplot as plt
import numpy as np

# %% rows-print
print("first")
print("second")
np.array([[1, 2], [3, 4]])

# %% rows-table
display({"text/plain": "two rows", "text/html": "<b>two</b>\\n<i>rows</i>"}, raw=True)

# %% rows-plot tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(3, 2))
axes.plot([1, 2, 4])
axes.set_title("Rows")
plt.show()

# %% rows-wrong tags=["raises-exception"]
np.ones((2, 3)) @ np.ones((2, 3))
"""

EXERCISE = '''\
# ---
# title: Rows
# minutes: 10
# difficulty: 1 of 5
# ---

# %% [markdown] rows-title
# # Exercise: rows

# %% rows-exercise
def row_sums(x):
    """Add up each row."""
    ### BEGIN SOLUTION stub: sums = ...  # over the last axis
    sums = [sum(row) for row in x]
    ### END SOLUTION
    return sums


# %% rows-check points=2
row_sums([[1, 2], [3, 4]])
'''


def make_course(folder: Path, lesson: str = LESSON, exercise: str = EXERCISE) -> Path:
    """Write the sources into `folder`, and make it a course folder."""
    for name in ("notebooks/source", "exercises/source", "exercises/solutions"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").touch()
    (folder / "notebooks/source/03_rows.py").write_text(lesson, encoding="utf-8")
    (folder / "exercises/source/03_rows.py").write_text(exercise, encoding="utf-8")
    return folder
