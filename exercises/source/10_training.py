# ---
# title: "Exercise 10: training"
# minutes: 35
# difficulty: 4 of 5
# ---
# %% [markdown] training-exercise-title
# # Exercise 10: training
#
# **About 35 minutes, difficulty 4 of 5.** You lead a gradient back through softmax, measure what heads do, and drop
# weights at random. At the end your gradient trains a head. It belongs to [lesson 10](../notebooks/10_training.ipynb).
#
# Stuck? `hint("softmax_backward")`, `hint("attention_entropy")`, `hint("mean_attention_distance")`,
# `hint("dropout")`.
# %% training-exercise-imports
import numpy as np

from course_lib import plots
from course_lib.attention import softmax
from course_lib.checks import check, hint, progress

rng = np.random.default_rng(0)
np.set_printoptions(precision=3, suppress=True)
# %% [markdown] backward-text
# ## `softmax_backward(weights, grad_weights)`
#
# `weights` came out of softmax, `(..., n_queries, n_keys)`. `grad_weights`, of the same shape, says how much the loss
# grows with each weight. Return how much it grows with each *score*:
#
# $$\text{grad\_scores}_{ij} = w_{ij}\left(g_{ij} - \sum_k w_{ik}\, g_{ik}\right)$$
# %% backward-exercise
def softmax_backward(weights, grad_weights):
    """Lead the gradient of the weights back to the scores."""
    ### BEGIN SOLUTION stub: return ...
    mean = (weights * grad_weights).sum(axis=-1, keepdims=True)
    return weights * (grad_weights - mean)
    ### END SOLUTION
# %% backward-check points=2
check("softmax_backward", softmax_backward)
# %% [markdown] entropy-text
# ## `attention_entropy(weights)`
#
# How spread out is each query's attention? Return $-\sum_j w_{ij} \ln w_{ij}$ for each query,
# `(..., n_queries)`. A masked key has weight 0. What should it add?
# %% entropy-exercise
def attention_entropy(weights):
    """Say how spread out each query's attention is, in nats."""
    ### BEGIN SOLUTION stub: return ...
    logarithms = np.log(np.where(weights > 0, weights, 1))
    return -(weights * logarithms).sum(axis=-1)
    ### END SOLUTION
# %% entropy-check points=1
check("attention_entropy", attention_entropy)
# %% [markdown] distance-text
# ## `mean_attention_distance(weights)`
#
# How far does each head look? `weights` has shape `(..., n_heads, n_queries, n_keys)`. The distance of query $i$ and
# key $j$ is $|i - j|$. Return its mean over all queries and keys of a head, each pair as often as its weight says,
# shape `(..., n_heads)`. A query that may attend to nothing has no weights and does not count, and a head without any
# weight has distance 0.
# %% distance-exercise
def mean_attention_distance(weights):
    """Say how far each head looks, in tokens."""
    ### BEGIN SOLUTION stub: return ...
    n_queries, n_keys = weights.shape[-2:]
    distance = np.abs(np.arange(n_queries)[:, np.newaxis] - np.arange(n_keys))
    total = weights.sum(axis=(-2, -1))
    return (weights * distance).sum(axis=(-2, -1)) / np.where(total == 0, 1, total)
    ### END SOLUTION
# %% distance-check points=1
check("mean_attention_distance", mean_attention_distance)
# %% [markdown] dropout-text
# ## `dropout(weights, rate, rng)`
#
# Set each number of `weights`, of any shape, to 0 with probability `rate`, each for itself, and divide the others by
# `1 - rate`. All chance comes from `rng`, a NumPy generator. Leave the rows' sums as they come out.
# %% dropout-exercise
def dropout(weights, rate, rng):
    """Drop weights at random, so that a model does not lean on a few of them."""
    ### BEGIN SOLUTION stub: return ...
    kept = rng.random(weights.shape) >= rate
    return np.where(kept, weights / (1 - rate), 0)
    ### END SOLUTION
# %% dropout-check points=1
check("dropout", dropout)
# %% [markdown] train-text
# ## Your gradient learns
#
# One query, four keys. Its scores begin at random, and it shall learn to attend to key 2: the loss is
# $-\ln w_2$, whose gradient is $-1 / w_2$ at key 2 and 0 elsewhere. `softmax_backward` leads it to the scores, and the
# scores take steps against it.
# %% train-scores
scores = rng.standard_normal((1, 4))
history = []
for _ in range(30):
    weights = softmax(scores)
    history.append(weights[0])
    grad_weights = np.array([[0, 0, -1 / weights[0, 2], 0]])
    grad_scores = softmax_backward(weights, grad_weights)
    scores = scores if grad_scores is ... else scores - 0.5 * grad_scores
# %% train-picture
curves = {f"key {key}": [weights[key] for weights in history] for key in range(4)}
plots.lines(np.arange(30), curves, xlabel="step", ylabel="weight")
# %% [markdown] train-close
# With your gradient the weight of key 2 climbs towards 1. If all four curves are flat, `softmax_backward` is still to
# be written.
#
# ## Where you are
# %% training-progress tags=["nbval-ignore-output"]
progress()
# %% [markdown] training-exercise-next
# **Next:** [lesson 11, A real model](../notebooks/11_real_model.ipynb)
