# ---
# title: "Exercise 01: queries, keys, values"
# minutes: 10
# difficulty: 1 of 5
# ---
# %% [markdown] qkv-exercise-title
# # Exercise 01: queries, keys, values
#
# **About 10 minutes, difficulty 1 of 5.** You write the map that turns tokens into queries, keys and values. It
# belongs to [lesson 01](../notebooks/01_queries_keys_values.ipynb).
#
# How it works: fill in what is missing, run the cell, run the check below it. Wrong tries cost nothing.
# `hint("project")` helps in small steps.
# %% qkv-exercise-imports
import numpy as np

from course_lib.checks import ask, check, hint, progress
# %% [markdown] project-text
# ## `project(x, weight)`
#
# `x` has shape `(seq_len, d_in)`, one token a row. `weight` has shape `(d_in, d_out)`. The result has shape
# `(seq_len, d_out)`: every row of `x`, mapped by the matrix.
#
# One line is missing. Make it work for any leading axes too, such as `(batch, seq_len, d_in)`. The right operator
# does that by itself.
# %% project-exercise
def project(x, weight):
    """Map every token vector through one matrix: shapes (..., seq_len, d_in) and (d_in, d_out)."""
    ### BEGIN SOLUTION stub: projected = ...  # one line: every row of x meets every column of weight
    projected = x @ weight
    ### END SOLUTION
    return projected
# %% project-check points=1
check("project", project)
# %% [markdown] project-think
# ## To think about
#
# With `w_query` and `w_key` you now have queries and keys. If both were made by the *same* matrix, what would be
# lost? You may answer here if you haven't in the lesson. The first answer that you commit to is the one that's kept.
# %% shared-question
ask("predict_shared_matrix")
# %% shared-exercise
### BEGIN SOLUTION stub: answer = ...  # "a", "b" or "c"
answer = "a"
### END SOLUTION
check("predict_shared_matrix", answer)
# %% [markdown] qkv-exercise-close
# ## Where you are
# %% qkv-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] qkv-exercise-next
# **Next:** [lesson 02, Scores](../notebooks/02_scores.ipynb)
