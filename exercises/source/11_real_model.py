# ---
# title: "Exercise 11: a real model"
# minutes: 30
# difficulty: 3 of 5
# ---
# %% [markdown] real-exercise-title
# # Exercise 11: a real model
#
# **About 30 minutes, difficulty 3 of 5.** You write the step that lets query heads share keys and values, and two
# scores that find heads. Then they run on a real language model. It belongs to
# [lesson 11](../notebooks/11_real_model.ipynb).
#
# Stuck? `hint("repeat_kv")`, `hint("previous_token_score")`, `hint("induction_score")`.
# %% real-exercise-imports
import numpy as np

from course_lib.checks import check, evaluate, hint, progress
from course_lib.models.language_model import (
    generate,
    head_weights,
    load_model,
    repeated_tokens,
    strongest_heads,
)
# %% [markdown] repeat-text
# ## `repeat_kv(x, n_repeats)`
#
# `x` holds keys or values, `(..., n_kv_heads, seq_len, d_k)`. Each of its heads serves `n_repeats` query heads in a
# row. Return `(..., n_kv_heads * n_repeats, seq_len, d_k)`: head h of the result is head `h // n_repeats` of `x`.
# %% repeat-exercise
def repeat_kv(x, n_repeats):
    """Repeat each head for its group of query heads: a, b become a, a, b, b."""
    ### BEGIN SOLUTION stub: return ...
    return np.repeat(x, n_repeats, axis=-3)
    ### END SOLUTION
# %% repeat-check points=1
check("repeat_kv", repeat_kv)
# %% [markdown] previous-text
# ## `previous_token_score(weights)`
#
# How much does each head look at the token right before? `weights` has shape `(..., seq_len, seq_len)`, with any
# leading axes: layers, heads. Return one number for each head, `(...)`: the mean weight that query i gives to key
# i - 1, over all queries from 1 on.
# %% previous-exercise
def previous_token_score(weights):
    """Say how much each head looks at the token just before."""
    ### BEGIN SOLUTION stub: return ...
    i = np.arange(1, weights.shape[-1])
    return weights[..., i, i - 1].mean(axis=-1)
    ### END SOLUTION
# %% previous-check points=1
check("previous_token_score", previous_token_score)
# %% [markdown] induction-text
# ## `induction_score(weights, period)`
#
# The text is a block of `period` tokens, repeated. Token i stood at i - `period` as well, and key i - `period` + 1 is
# what came after it there. Return, for each head, the mean weight that query i gives to that key, over all queries from
# `period` on.
# %% induction-exercise
def induction_score(weights, period):
    """Say how much each head looks at what came next the last time."""
    ### BEGIN SOLUTION stub: return ...
    i = np.arange(period, weights.shape[-1])
    return weights[..., i, i - period + 1].mean(axis=-1)
    ### END SOLUTION
# %% induction-check points=1
check("induction_score", induction_score)
# %% [markdown] run-text
# ## Your functions in a real model
#
# If your `repeat_kv` passes its check, it now stands in all 30 layers. (Not fetched yet? Run `course model fetch` in a
# terminal, then these cells again.)
# %% run-model tags=["nbval-ignore-output"]
is_right = evaluate("repeat_kv", repeat_kv).status == "passed"
model = load_model(or_stand_in=True)
model = model.use(repeat_kv=repeat_kv) if is_right else model
print(model)
answer = generate(model, "What is the capital of Norway?", n_tokens=30)
# %% run-heads tags=["nbval-ignore-output"]
tokens = repeated_tokens(model, 40, rng=np.random.default_rng(7))
weights = head_weights(model, tokens)
for name, scores in {
    "previous token": previous_token_score(weights),
    "induction": induction_score(weights, 40),
}.items():
    found = strongest_heads(scores, 4) if isinstance(scores, np.ndarray) else ["to be written"]
    print(name, *found, sep="\n  ")
# %% [markdown] run-close
# Other random tokens than in the lesson, and the same heads come first. Try texts of your own, and the functions of the
# other exercises: `model.use(softmax=softmax)`.
#
# ## Where you are
# %% real-progress tags=["nbval-ignore-output"]
progress()
