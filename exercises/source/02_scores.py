# ---
# title: "Exercise 02: scores"
# minutes: 15
# difficulty: 1 of 5
# ---
# %% [markdown] scores-exercise-title
# # Exercise 02: scores
#
# **About 15 minutes, difficulty 1 of 5.** You compare every query with every key, first plainly, then on the right
# scale. It belongs to [lesson 02](../notebooks/02_scores.ipynb).
#
# Stuck? `hint("dot_product_scores")` and `hint("scaled_scores")`, as often as you like.
# %% scores-exercise-imports
import numpy as np

from course_lib.checks import check, hint, progress
# %% [markdown] dot-text
# ## `dot_product_scores(query, key)`
#
# `query` has shape `(n_queries, d_k)`, `key` has shape `(n_keys, d_k)`. Return the table of all dot products, shape
# `(n_queries, n_keys)`: row i belongs to query i, column j to key j. No scale yet.
#
# There may be leading axes, such as `(batch, n_queries, d_k)`. Then `key.T` would turn around *all* axes;
# `np.swapaxes(key, -1, -2)` exchanges the last two only.
# %% dot-exercise
def dot_product_scores(query, key):
    """Compare every query with every key: shapes (..., n_queries, d_k) and (..., n_keys, d_k)."""
    ### BEGIN SOLUTION stub: scores = ...  # one line: a matrix product, with the keys transposed
    scores = query @ np.swapaxes(key, -1, -2)
    ### END SOLUTION
    return scores
# %% dot-check points=1
check("dot_product_scores", dot_product_scores)
# %% [markdown] scaled-text
# ## `scaled_scores(query, key)`
#
# The same scores, but with a spread that does not depend on `d_k`. You may call your `dot_product_scores`. Before you
# write: which number is `d_k` in the shapes above, and what exactly do you divide by?
# %% scaled-exercise
def scaled_scores(query, key):
    """Compare every query with every key, divided by the square root of d_k."""
    ### BEGIN SOLUTION stub: d_k = ...  # the length of one query
    ### STUB scores = ...  # the dot products, scaled
    d_k = query.shape[-1]
    scores = dot_product_scores(query, key) / np.sqrt(d_k)
    ### END SOLUTION
    return scores
# %% scaled-check points=1
check("scaled_scores", scaled_scores)
# %% [markdown] scores-exercise-close
# ## Where you are
# %% scores-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] scores-exercise-next
# **Next:** [lesson 03, Softmax](../notebooks/03_softmax.ipynb)
