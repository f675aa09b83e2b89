# ---
# title: "Exercise 03: softmax"
# minutes: 25
# difficulty: 2 of 5
# ---
# %% [markdown] softmax-exercise-title
# # Exercise 03: softmax
#
# **About 25 minutes, difficulty 2 of 5.** You turn scores into weights, add a temperature, and hunt a bug that was
# really published. It belongs to [lesson 03](../notebooks/03_softmax.ipynb).
#
# Stuck? `hint("softmax")`, `hint("softmax_with_temperature")`, `hint("bug_hunt_softmax")`.
# %% softmax-exercise-imports
import numpy as np

from course_lib.checks import check, hint, progress
# %% [markdown] softmax-text
# ## `softmax(scores)`
#
# `scores` has shape `(..., n_queries, n_keys)`. Return weights of the same shape: never negative, each row (the last
# axis) with sum 1. It must also work for scores in the thousands, and it must not change the array that it was given.
# %% softmax-exercise
def softmax(scores):
    """Turn each row of scores into weights that sum to 1."""
    ### BEGIN SOLUTION stub: shifted = ...  # what keeps exp from overflowing?
    ### STUB exponentials = ...
    ### STUB weights = ...  # each row over its own sum
    shifted = scores - np.max(scores, axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    weights = exponentials / np.sum(exponentials, axis=-1, keepdims=True)
    ### END SOLUTION
    return weights
# %% softmax-check points=2
check("softmax", softmax)
# %% [markdown] temperature-text
# ## `softmax_with_temperature(scores, temperature)`
#
# Above 1 the weights get flatter, below 1 sharper; 1 changes nothing. Your `softmax` can do most of the work.
# %% temperature-exercise
def softmax_with_temperature(scores, temperature):
    """Softmax of the scores at a temperature above 0."""
    ### BEGIN SOLUTION stub: weights = ...  # one line
    weights = softmax(scores / temperature)
    ### END SOLUTION
    return weights
# %% temperature-check points=1
check("softmax_with_temperature", softmax_with_temperature)
# %% [markdown] hunt-text
# ## Bug hunt
#
# The function below is meant to return attention weights, shape `(..., n_queries, n_keys)`. It runs without an error,
# and the numbers look like weights. One small thing is wrong.
#
# This bug is real. It stood in the attention code of a much-read collection of annotated papers ([issue 146 of
# labmlai/annotated_deep_learning_paper_implementations](https://github.com/labmlai/annotated_deep_learning_paper_implementations/issues/146)),
# whose author called it a typo and a big bug. The model trained all the same, and its results hardly told the
# difference. That is why you look at row sums, and not at whether it runs.
#
# Change as little as you can.
# %% hunt-exercise
def attention_weights(query, key):
    """Softmax of the scaled scores. There is a bug in here."""
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    ### BEGIN SOLUTION stub: exponentials = np.exp(scores - scores.max(axis=-2, keepdims=True))
    ### STUB weights = exponentials / exponentials.sum(axis=-2, keepdims=True)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    ### END SOLUTION
    return weights
# %% hunt-check points=1
check("bug_hunt_softmax", attention_weights)
# %% [markdown] softmax-exercise-close
# ## Where you are
# %% softmax-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] softmax-exercise-next
# **Next:** [lesson 04, Weighted sum](../notebooks/04_weighted_sum.ipynb)
