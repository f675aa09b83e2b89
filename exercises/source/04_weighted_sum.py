# ---
# title: "Exercise 04: weighted sum"
# minutes: 25
# difficulty: 2 of 5
# ---
# %% [markdown] sum-exercise-title
# # Exercise 04: weighted sum
#
# **About 25 minutes, difficulty 2 of 5.** You mix the values, and then you write attention as a whole. It belongs to
# [lesson 04](../notebooks/04_weighted_sum.ipynb).
#
# Stuck? `hint("weighted_sum")`, `hint("order_attention")`, `hint("attention")`.
# %% sum-exercise-imports
import numpy as np

from course_lib.checks import check, hint, progress, show_lines
# %% [markdown] sum-text
# ## `weighted_sum(weights, value)`
#
# `weights` has shape `(..., n_queries, n_keys)`, `value` has shape `(..., n_keys, d_v)`. Return the outputs, shape
# `(..., n_queries, d_v)`.
# %% sum-exercise
def weighted_sum(weights, value):
    """Mix the values of all keys, by the weights of each query."""
    ### BEGIN SOLUTION stub: output = ...  # one line
    output = weights @ value
    ### END SOLUTION
    return output
# %% sum-check points=1
check("weighted_sum", weighted_sum)
# %% [markdown] order-text
# ## Put the lines in order
#
# These lines compute attention for a table of queries, but they are shuffled, and some of them are traps that don't
# belong. Which lines, in which order?
# %% order-lines
show_lines("order_attention")
# %% order-exercise
### BEGIN SOLUTION stub: order = ...  # the letters in order, for example "ABC"
order = "CFEAB"
### END SOLUTION
# %% order-check points=1
check("order_attention", order)
# %% [markdown] attention-text
# ## `attention(query, key, value)`
#
# Now the whole of it, with any leading axes: `query` is `(..., n_queries, d_k)`, `key` is `(..., n_keys, d_k)`,
# `value` is `(..., n_keys, d_v)`, and the output is `(..., n_queries, d_v)`. Four steps: compare, scale, share out,
# mix. Large scores must not break it.
# %% attention-exercise
def attention(query, key, value):
    """Scaled dot-product attention: softmax(Q K^T / sqrt(d_k)) V."""
    ### BEGIN SOLUTION stub: scores = ...
    ### STUB weights = ...
    ### STUB output = ...
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    output = weighted_sum(weights, value)
    ### END SOLUTION
    return output
# %% attention-check points=3
check("attention", attention)
# %% [markdown] sum-exercise-close
# You have written the mechanism that all large language models run on. In lesson 11 a real one will run on your
# function.
#
# ## Where you are
# %% sum-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] sum-exercise-next
# **Next:** [lesson 05, Self-attention](../notebooks/05_self_attention.ipynb)
