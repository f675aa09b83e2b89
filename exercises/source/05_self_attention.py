# ---
# title: "Exercise 05: self-attention"
# minutes: 15
# difficulty: 2 of 5
# ---
# %% [markdown] self-exercise-title
# # Exercise 05: self-attention
#
# **About 15 minutes, difficulty 2 of 5.** You put together what you have: the projection of exercise 01 and the
# attention of exercise 04. It belongs to [lesson 05](../notebooks/05_self_attention.ipynb).
#
# Stuck? `hint("self_attention")`.
# %% self-exercise-imports
import numpy as np

from course_lib.attention import attention, project
from course_lib.checks import ask, check, hint, progress

rng = np.random.default_rng(0)
np.set_printoptions(precision=2, suppress=True)
# %% [markdown] merged-text
# ## First, a prediction
#
# In lesson 05 one matrix $M = W^Q (W^K)^\top$ gave the same scores as the two weights. So why do models keep two?
# %% merged-predict
ask("predict_merged_weights")
# %% merged-exercise
### BEGIN SOLUTION stub: answer = ...  # "a", "b" or "c"
answer = "b"
### END SOLUTION
check("predict_merged_weights", answer)
# %% [markdown] self-text
# ## `self_attention(x, w_query, w_key, w_value)`
#
# `x` has shape `(..., seq_len, d_model)`, `w_query` and `w_key` have `(d_model, d_k)`, `w_value` has `(d_model, d_v)`.
# Return the outputs of all tokens, `(..., seq_len, d_v)`.
#
# `project(x, weight)` and `attention(query, key, value)` are there for you: they are the library's versions of what
# you wrote in exercises 01 and 04. If you like, paste your own in their place.
# %% self-exercise
def self_attention(x, w_query, w_key, w_value):
    """Let the tokens of x attend to each other."""
    ### BEGIN SOLUTION stub: output = ...
    query, key, value = project(x, w_query), project(x, w_key), project(x, w_value)
    output = attention(query, key, value)
    ### END SOLUTION
    return output
# %% self-check points=2
check("self_attention", self_attention)
# %% [markdown] self-try-text
# ## Try it
#
# Two sentences at once, one of them twice as loud. Do the outputs become twice as large, too? Look before you read on.
# %% self-try
x = rng.standard_normal((4, 3))
w_query, w_key, w_value = (rng.standard_normal(shape) for shape in [(3, 2), (3, 2), (3, 5)])
output = self_attention(np.stack([x, 2 * x]), w_query, w_key, w_value)
output[1] / output[0] if output is not ... else "self_attention is not written yet"
# %% [markdown] self-exercise-close
# Not just twice: louder tokens have longer queries and keys, so their scores grow, and the weights get sharper. The
# weights depend on the tokens, too; that is what makes attention more than a matrix product.
#
# ## Where you are
# %% self-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] self-exercise-next
# **Next:** [lesson 06, Masks](../notebooks/06_masks.ipynb)
