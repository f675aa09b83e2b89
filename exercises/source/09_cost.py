# ---
# title: "Exercise 09: cost"
# minutes: 40
# difficulty: 4 of 5
# ---
# %% [markdown] cost-exercise-title
# # Exercise 09: cost
#
# **About 40 minutes, difficulty 4 of 5.** You write a window, the online softmax, and a step of decoding with a cache.
# Here a right output is not enough: the checks also count what your functions hold and compute. It belongs to
# [lesson 09](../notebooks/09_cost.ipynb).
#
# Stuck? `hint("sliding_window_mask")`, `hint("order_online_softmax")`, `hint("online_attention")`,
# `hint("decode_step")`.
# %% cost-exercise-imports
import numpy as np

from course_lib.attention import attention
from course_lib.checks import check, hint, progress, show_lines
# %% [markdown] window-text
# ## `sliding_window_mask(seq_len, window)`
#
# Return a table of True and False, `(seq_len, seq_len)`. Query `i` may attend to the keys from `i - window` to
# `i + window`, both included. True = may attend.
# %% window-exercise
def sliding_window_mask(seq_len, window):
    """Say which keys are at most `window` tokens away from each query."""
    ### BEGIN SOLUTION stub: return ...
    position = np.arange(seq_len)
    return np.abs(position[:, np.newaxis] - position) <= window
    ### END SOLUTION
# %% window-check points=1
check("sliding_window_mask", sliding_window_mask)
# %% [markdown] order-text
# ## Put the lines in order
#
# One step of the online softmax, for all queries of a table at once. So far there are `largest` and `total`,
# `(n_queries, 1)`, and `mixed`, `(n_queries, d_v)`. Now a block comes with its `scores`, `(n_queries, block_size)`, and
# its `value`, `(block_size, d_v)`. Which lines, in which order, make the `output`? Some are traps.
# %% order-lines
show_lines("order_online_softmax")
# %% order-exercise
### BEGIN SOLUTION stub: order = ...  # the letters in order, for example "ABC"
order = "CGEAIB"
### END SOLUTION
# %% order-check points=1
check("order_online_softmax", order)
# %% [markdown] online-text
# ## `online_attention(query, key, value, block_size)`
#
# Return what `attention(query, key, value)` returns, with any leading axes. But go over the keys in blocks of
# `block_size` (the last one may be shorter), and never hold more than the scores of one block. Large scores must not
# break it.
# %% online-exercise
def online_attention(query, key, value, block_size):
    """Attention over blocks of keys, with one block's scores at a time."""
    ### BEGIN SOLUTION stub: return ...
    rows = query.shape[:-1]
    largest, total = np.full((*rows, 1), -np.inf), np.zeros((*rows, 1))
    mixed = np.zeros((*rows, value.shape[-1]))
    for begin in range(0, key.shape[-2], block_size):
        block = slice(begin, begin + block_size)
        scores = query @ np.swapaxes(key[..., block, :], -1, -2) / np.sqrt(query.shape[-1])
        risen = np.maximum(largest, scores.max(axis=-1, keepdims=True))
        fade, exponentials = np.exp(largest - risen), np.exp(scores - risen)
        total = total * fade + exponentials.sum(axis=-1, keepdims=True)
        mixed = mixed * fade + exponentials @ value[..., block, :]
        largest = risen
    return mixed / total
    ### END SOLUTION
# %% online-check points=3
check("online_attention", online_attention)
# %% [markdown] decode-text
# ## `decode_step(query, key, value, cache)`
#
# One new token comes, with its `query` and `key`, `(..., 1, d_k)`, and its `value`, `(..., 1, d_v)`. `cache` is a pair:
# the keys and the values of all tokens before, oldest first. (For the first token they have 0 rows.) Return a pair: the
# output of the new token, `(..., 1, d_v)`, and the new cache. The library's `attention` is there for you.
# %% decode-exercise
def decode_step(query, key, value, cache):
    """Let a new token attend to all up to itself; return its output and the longer cache."""
    ### BEGIN SOLUTION stub: return ...
    keys = np.concatenate([cache[0], key], axis=-2)
    values = np.concatenate([cache[1], value], axis=-2)
    return attention(query, keys, values), (keys, values)
    ### END SOLUTION
# %% decode-check points=2
check("decode_step", decode_step)
# %% [markdown] cost-exercise-close
# ## Where you are
# %% cost-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] cost-exercise-next
# **Next:** [lesson 10, Training](../notebooks/10_training.ipynb)
