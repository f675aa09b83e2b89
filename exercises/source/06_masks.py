# ---
# title: "Exercise 06: masks"
# minutes: 35
# difficulty: 3 of 5
# ---
# %% [markdown] masks-exercise-title
# # Exercise 06: masks
#
# **About 35 minutes, difficulty 3 of 5.** You build two masks, put them into attention, and repair a mask that was
# really published. It belongs to [lesson 06](../notebooks/06_masks.ipynb).
#
# Stuck? `hint("causal_mask")`, `hint("padding_mask")`, `hint("masked_attention")`, `hint("bug_hunt_mask")`.
# %% masks-exercise-imports
import numpy as np

from course_lib.attention import softmax
from course_lib.checks import check, hint, progress
# %% [markdown] causal-text
# ## `causal_mask(seq_len)`
#
# Return a table of True and False, shape `(seq_len, seq_len)`. Row i says which keys query i may attend to: the keys 0
# to i, itself included. True = may attend.
# %% causal-exercise
def causal_mask(seq_len):
    """Say which key each query may attend to: those up to itself."""
    ### BEGIN SOLUTION stub: position = np.arange(seq_len)
    ### STUB mask = ...  # compare a column of positions with a row of them
    position = np.arange(seq_len)
    mask = position[np.newaxis, :] <= position[:, np.newaxis]
    ### END SOLUTION
    return mask
# %% causal-check points=1
check("causal_mask", causal_mask)
# %% [markdown] padding-text
# ## `padding_mask(lengths, n_keys)`
#
# `lengths` holds the number of real tokens of each sequence, shape `(batch,)`. All were filled up to `n_keys`. Return a
# table `(batch, n_keys)`: True where a key is a real token.
# %% padding-exercise
def padding_mask(lengths, n_keys):
    """Say which keys of each sequence are real tokens."""
    ### BEGIN SOLUTION stub: mask = ...
    mask = np.arange(n_keys) < np.asarray(lengths)[:, np.newaxis]
    ### END SOLUTION
    return mask
# %% padding-check points=1
check("padding_mask", padding_mask)
# %% [markdown] masked-text
# ## `masked_attention(query, key, value, mask)`
#
# Attention among the pairs that `mask` allows, with any leading axes. `mask` has shape `(n_queries, n_keys)` or more
# axes that fit the scores. A query that may attend to nothing gets an output of zeros, and no NaN anywhere. Large
# scores must not break it.
# %% masked-exercise
def masked_attention(query, key, value, mask):
    """Scaled dot-product attention where True in mask = may attend."""
    ### BEGIN SOLUTION stub: scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    ### STUB masked = ...  # before softmax
    ### STUB largest = ...  # what if a whole row is -inf?
    ### STUB exponentials = ...
    ### STUB total = ...  # what if it is 0?
    ### STUB output = ...
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    masked = np.where(mask, scores, -np.inf)
    largest = masked.max(axis=-1, keepdims=True)
    exponentials = np.exp(masked - np.where(np.isneginf(largest), 0, largest))
    total = exponentials.sum(axis=-1, keepdims=True)
    output = exponentials / np.where(total == 0, 1, total) @ value
    ### END SOLUTION
    return output
# %% masked-check points=3
check("masked_attention", masked_attention)
# %% [markdown] hunt-text
# ## Bug hunt
#
# The function below is meant to return attention weights under a mask. It runs, and its rows sum to 1.
#
# This bug is real. It stood in the code of a published paper on images of tissue, until a reader found it ([pull
# request 1 of georg-wolflein/good-features](https://github.com/georg-wolflein/good-features/pull/1)). The author
# thanked him and merged the repair on the same day. The results of the paper stood: its model had been trained with
# one image at a time, so that there was no padding to mask. With a larger batch, nobody would have noticed, either.
#
# Change as little as you can. (The library's `softmax` turns a row that is all $-\infty$ into zeros.)
# %% hunt-exercise
def attention_weights(query, key, mask):
    """Softmax of the scaled scores where mask is True. There is a bug in here."""
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    ### BEGIN SOLUTION stub: masked = scores * mask
    masked = np.where(mask, scores, -np.inf)
    ### END SOLUTION
    return softmax(masked)
# %% hunt-check points=1
check("bug_hunt_mask", attention_weights)
# %% [markdown] masks-exercise-close
# ## Where you are
# %% masks-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] masks-exercise-next
# **Next:** [lesson 07, Multi-head attention](../notebooks/07_multi_head.ipynb)
