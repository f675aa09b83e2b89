# ---
# title: "Exercise 08: positions"
# minutes: 35
# difficulty: 4 of 5
# ---
# %% [markdown] positions-exercise-title
# # Exercise 08: positions
#
# **About 35 minutes, difficulty 4 of 5.** You write all three ways to tell a model where its tokens are, and repair one
# that was really published. You get the promise of each function, the rest is yours. It belongs to
# [lesson 08](../notebooks/08_positions.ipynb).
#
# Stuck? `hint("sinusoidal_positions")`, `hint("rotate")`, `hint("alibi_bias")`, `hint("bug_hunt_positions")`.
# %% positions-exercise-imports
import numpy as np

from course_lib.checks import check, hint, progress
# %% [markdown] sine-text
# ## `sinusoidal_positions(seq_len, d_model)`
#
# Return a table `(seq_len, d_model)`, one row for each position $p = 0, 1, 2, \dots$; `d_model` is even. Components
# $2i$ and $2i + 1$ are a pair:
#
# $$\sin\!\left(p / 10000^{2i/d}\right) \qquad \cos\!\left(p / 10000^{2i/d}\right)$$
# %% sine-exercise
def sinusoidal_positions(seq_len, d_model):
    """One row of sines and cosines, in turn, for each position."""
    ### BEGIN SOLUTION stub: return ...
    frequencies = 10000.0 ** (-np.arange(0, d_model, 2) / d_model)
    angles = np.arange(seq_len)[:, np.newaxis] * frequencies
    table = np.empty((seq_len, d_model))
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    return table
    ### END SOLUTION
# %% sine-check points=2
check("sinusoidal_positions", sinusoidal_positions)
# %% [markdown] rotate-text
# ## `rotate(x, positions)`
#
# `x` has shape `(..., seq_len, d_k)` with `d_k` even, `positions` has shape `(seq_len,)` and need not start at 0. Turn
# each pair of neighbours, components $2i$ and $2i + 1$, of the token at position $p$ by the angle
# $t = p / 10000^{2i/d_k}$, counter-clockwise: $(a, b)$ becomes $(a \cos t - b \sin t,\; a \sin t + b \cos t)$.
# %% rotate-exercise
def rotate(x, positions):
    """Turn each pair of neighbouring components by an angle that grows with the position."""
    ### BEGIN SOLUTION stub: return ...
    d_k = x.shape[-1]
    angles = np.asarray(positions)[:, np.newaxis] * 10000.0 ** (-np.arange(0, d_k, 2) / d_k)
    a, b = x[..., 0::2], x[..., 1::2]
    turned = np.empty_like(x)
    turned[..., 0::2] = a * np.cos(angles) - b * np.sin(angles)
    turned[..., 1::2] = a * np.sin(angles) + b * np.cos(angles)
    return turned
    ### END SOLUTION
# %% rotate-check points=2
check("rotate", rotate)
# %% [markdown] alibi-text
# ## `alibi_bias(n_heads, n_queries, n_keys)`
#
# Return what is added to the scores, `(n_heads, n_queries, n_keys)`: minus the slope of the head times the distance
# $|i - j|$ between query $i$ and key $j$. `n_heads` is a power of 2. The slopes fall from $2^{-8/n}$ (the first of $n$
# heads) to $2^{-8}$ (the last), always by the same factor. No mask: that is another step.
# %% alibi-exercise
def alibi_bias(n_heads, n_queries, n_keys):
    """A bias that takes off more for each token of distance, with a slope for each head."""
    ### BEGIN SOLUTION stub: return ...
    slopes = 2.0 ** (-8 * np.arange(1, n_heads + 1) / n_heads)
    distance = np.abs(np.arange(n_queries)[:, np.newaxis] - np.arange(n_keys))
    return -slopes[:, np.newaxis, np.newaxis] * distance
    ### END SOLUTION
# %% alibi-check points=1
check("alibi_bias", alibi_bias)
# %% [markdown] hunt-text
# ## Bug hunt
#
# The function below takes a batch of token vectors, `(batch, seq_len, d_model)`, and is meant to add to each token the
# vector of its position. It runs, the shape is right, and no number looks odd. (It uses your `sinusoidal_positions`.)
#
# This bug is real, and was published more than once. It stood in a transformer written in NumPy ([issue 1 of
# AkiRusProd/numpy-transformer](https://github.com/AkiRusProd/numpy-transformer/issues/1)): a reader wondered why the
# loss on new sentences went up after some ten epochs of training, and came upon this line. It also stood in the code of
# a university course ([issue 1 of
# cmu-l3/anlp-fall2025-code](https://github.com/cmu-l3/anlp-fall2025-code/issues/1)), whose teacher thanked for a "good
# catch". Both were repaired.
#
# Change as little as you can.
# %% hunt-exercise
def add_positions(x):
    """Add to each token the vector of its position in its sequence. There is a bug in here."""
    ### BEGIN SOLUTION stub: positions = sinusoidal_positions(x.shape[0], x.shape[-1])[:, np.newaxis, :]
    positions = sinusoidal_positions(x.shape[1], x.shape[-1])[np.newaxis, :, :]
    ### END SOLUTION
    return x + positions
# %% hunt-check points=1
check("bug_hunt_positions", add_positions)
# %% [markdown] positions-exercise-close
# ## Where you are
# %% positions-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] positions-exercise-next
# **Next:** [lesson 09, Cost](../notebooks/09_cost.ipynb)
