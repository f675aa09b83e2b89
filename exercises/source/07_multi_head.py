# ---
# title: "Exercise 07: multi-head attention"
# minutes: 40
# difficulty: 4 of 5
# ---
# %% [markdown] heads-exercise-title
# # Exercise 07: multi-head attention
#
# **About 40 minutes, difficulty 4 of 5.** You cut arrays into heads and put them together again, and write all of
# multi-head attention. From here on you get the promise of a function, and the rest is yours. It belongs to
# [lesson 07](../notebooks/07_multi_head.ipynb).
#
# Stuck? `hint("split_heads")`, `hint("merge_heads")`, `hint("order_multi_head")`, `hint("multi_head_attention")`,
# `hint("bug_hunt_heads")`.
# %% heads-exercise-imports
import numpy as np

from course_lib.attention import attention
from course_lib.checks import check, hint, progress, show_lines
# %% [markdown] split-text
# ## `split_heads(x, n_heads)`
#
# `x` has shape `(..., seq_len, d_model)`. Return `(..., n_heads, seq_len, d_k)` with `d_k = d_model / n_heads`: head 0
# gets the first `d_k` components of every token, head 1 the next ones, and so on.
# %% split-exercise
def split_heads(x, n_heads):
    """Give each head its block of every token's components."""
    ### BEGIN SOLUTION stub: return ...
    cut = x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads)
    return np.swapaxes(cut, -3, -2)
    ### END SOLUTION
# %% split-check points=1
check("split_heads", split_heads)
# %% [markdown] merge-text
# ## `merge_heads(x)`
#
# The way back: from `(..., n_heads, seq_len, d_v)` to `(..., seq_len, n_heads * d_v)`.
# %% merge-exercise
def merge_heads(x):
    """Lay the heads' components of each token side by side."""
    ### BEGIN SOLUTION stub: return ...
    n_heads, seq_len, d_v = x.shape[-3:]
    return np.swapaxes(x, -3, -2).reshape(*x.shape[:-3], seq_len, n_heads * d_v)
    ### END SOLUTION
# %% merge-check points=1
check("merge_heads", merge_heads)
# %% [markdown] order-text
# ## Put the lines in order
#
# Before you write the whole, put it together. Some lines are traps.
# %% order-lines
show_lines("order_multi_head")
# %% order-exercise
### BEGIN SOLUTION stub: order = ...  # the letters in order, for example "ABC"
order = "CFKHAIE"
### END SOLUTION
# %% order-check points=1
check("order_multi_head", order)
# %% [markdown] multi-text
# ## `multi_head_attention(x, w_query, w_key, w_value, w_output, n_heads)`
#
# `x` is `(..., seq_len, d_model)`; the heads' columns lie side by side in `w_query` and `w_key`,
# `(d_model, n_heads * d_k)`, and in `w_value`, `(d_model, n_heads * d_v)`; `w_output` is `(n_heads * d_v, d_out)`.
# Return `(..., seq_len, d_out)`. The library's `attention` is there for you, and takes any leading axes.
# %% multi-exercise
def multi_head_attention(x, w_query, w_key, w_value, w_output, n_heads):
    """Attend in n_heads heads, merge what they found, and mix it by w_output."""
    ### BEGIN SOLUTION stub: return ...
    query, key, value = (split_heads(x @ weight, n_heads) for weight in (w_query, w_key, w_value))
    return merge_heads(attention(query, key, value)) @ w_output
    ### END SOLUTION
# %% multi-check points=3
check("multi_head_attention", multi_head_attention)
# %% [markdown] hunt-text
# ## Bug hunt
#
# The function below does attention in heads and lays their outputs side by side. Queries, keys and values come with all
# heads side by side, as the projections make them.
#
# This bug is real. It stood in a transformer that was written for teaching ([issue 4 of
# jsbaan/transformer-from-scratch](https://github.com/jsbaan/transformer-from-scratch/issues/4)). When the author
# repaired it ([pull request 6](https://github.com/jsbaan/transformer-from-scratch/pull/6)), he asked himself why his
# test of the training had passed all the time. His answer: the task of the test, copying, was so easy that a large
# model learned it from scrambled tokens, too.
# %% hunt-exercise
def attend_in_heads(query, key, value, n_heads):
    """Heads' outputs side by side, (n_queries, n_heads * d_v). There is a bug in here."""
    heads = [split_heads(array, n_heads) for array in (query, key, value)]
    output = attention(*heads)
    ### BEGIN SOLUTION stub: return output.reshape(*query.shape[:-1], value.shape[-1])
    return np.swapaxes(output, -3, -2).reshape(*query.shape[:-1], value.shape[-1])
    ### END SOLUTION
# %% hunt-check points=1
check("bug_hunt_heads", attend_in_heads)
# %% [markdown] heads-exercise-close
# ## Where you are
# %% heads-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] heads-exercise-next
# **Next:** [lesson 08, Positions](../notebooks/08_positions.ipynb)
