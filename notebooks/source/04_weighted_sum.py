# ---
# title: Weighted sum
# minutes: 25
# ---
# %% [markdown] sum-title
# # 04 Weighted sum
#
# **What you'll do:** mix values by weights, find out where an output can lie and where it never can, and put the four
# steps together. About 25 minutes.
#
# **What you'll learn:** what comes out of attention, and the whole formula, for one query and for all at once.
#
# **What you need:** [lesson 03](03_softmax.ipynb): weights, one row for each query, each row with sum 1.
# %% sum-imports
import numpy as np

from course_lib import plots
from course_lib.attention import (
    attention,
    attention_weights,
    causal_mask,
    dot_product_scores,
    scaled_scores,
    self_attention,
    softmax,
    weighted_sum,
)
from course_lib.checks import ask, check
from course_lib.widgets import AttentionStage, WeightedSum

rng = np.random.default_rng(0)
np.set_printoptions(precision=2, suppress=True)
# %% [markdown] mix-title
# ## Mixing values
#
# Every key brings a **value**: what it tells those who attend to it. Here are three values with two numbers each, and
# the weights of two queries.
# %% mix-arrays
value = np.array([[4.0, 2.0], [0.0, 4.0], [-4.0, -4.0]])
weights = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
# %% [markdown] mix-hand-text
# The output of a query is the sum of all values, each times its weight. For query 0:
# %% mix-hand
0.5 * value[0] + 0.25 * value[1] + 0.25 * value[2]
# %% [markdown] mix-matrix-text
# Query 1 put all its weight on key 1, so its output will be just `value[1]`. For all queries at once it is a matrix
# product again: `(2, 3) @ (3, 2)`, and the 3 keys vanish.
# %% mix-matrix
weights @ value
# %% mix-library
weighted_sum(weights, value)
# %% mix-picture
output = weighted_sum(weights, value)
plots.output(value, weights[0], output[0], labels=["key 0", "key 1", "key 2"])
# %% [markdown] mix-picture-text
# In the picture, thick lines are large weights. The output of query 0 is pulled towards value 0 most. Now take the
# weights into your own hand.
# %% mix-bars
question = "Drag a weight up. Which way does the output go, and who has to give?"
WeightedSum(value, weights[0], question=question)
# %% [markdown] mix-formula
# Each value is shortened to its share, and the shares are laid tip to tail.
#
# $$\text{output}_i = \sum_j \text{weights}_{ij} \, v_j$$
#
# ## Three words
#
# We now have three tables. Keep their names apart, then half of the confusion about attention is gone:
#
# | name | shape | what it is |
# |---|---|---|
# | `scores` | `(n_queries, n_keys)` | how well query i matches key j; any number |
# | `weights` | `(n_queries, n_keys)` | the share of key j in what query i gets |
# | `output` | `(n_queries, d_v)` | the mixture of values that query i gets |
# %% words-predict
ask("predict_sums_to_one")
# %% words-answer
answer = ...  # "a", "b" or "c"
check("predict_sums_to_one", answer)
# %% words-measure
query, key, value = (rng.standard_normal(shape) for shape in [(2, 4), (3, 4), (3, 5)])
scores = scaled_scores(query, key)
weights = softmax(scores)
output = weighted_sum(weights, value)
for name, table in {"scores": scores, "weights": weights, "output": output}.items():
    print(f"{name:7} {table.shape}  row sums {table.sum(axis=-1)}")
# %% [markdown] where-title
# ## Where can an output lie?
#
# With weights that are never negative and sum to 1, the output is a kind of average. Stretch a rubber band around the
# tips of the values: the region inside is called their **convex hull**.
# %% where-predict
ask("predict_outside_hull")
# %% where-answer
answer = ...  # "a", "b" or "c"
check("predict_outside_hull", answer)
# %% where-stage
question = "Drag the query as far as you can, then the values. Where does the output never go?"
stage = AttentionStage(question=question)
stage
# %% [markdown] where-measure-text
# Now with 10,000 random queries, some of them very long. An output outside of the hull would stick out in *some*
# direction further than every value. We look in 360 directions:
# %% where-measure
value = np.array([[2.0, 0.0], [-1.0, 1.5], [0.0, -2.0]])
key = rng.standard_normal((3, 2))
output = attention(rng.standard_normal((10_000, 2)) * 10, key, value)
angle = np.deg2rad(np.arange(360))
directions = np.stack([np.cos(angle), np.sin(angle)])
furthest_value = (value @ directions).max(axis=0)
furthest_output = (output @ directions).max(axis=0)
bool((furthest_output <= furthest_value + 1e-12).all())
# %% [markdown] where-text
# Never. Attention can *choose and mix* what the values say, but it cannot say anything beyond them. New things are
# made elsewhere: in the matrix that makes the values, and in the layers around.
#
# ## A query that matches nothing
# %% equal-predict
ask("predict_equal_scores")
# %% equal-answer
answer = ...  # "a", "b" or "c"
check("predict_equal_scores", answer)
# %% equal-measure
key = np.array([[1.0, 0.0], [3.0, 0.0], [-2.0, 0.0]])
query = np.array([[0.0, 5.0]])  # perpendicular to all keys
attention_weights(query, key), attention(query, key, value), value.mean(axis=0)
# %% [markdown] equal-text
# Equal scores give equal weights: the query gets the **average** of all values. There is no way for a query to say
# "nothing for me, thanks": its weights always sum to 1. (Real models find a way around it: they park the weight on a
# token whose value says little. You'll see that in lesson 11.)
#
# ## All steps together, for one query
# %% one-steps
query, key, value = (rng.standard_normal(shape) for shape in [(2, 4), (3, 4), (3, 5)])
q = query[0]
scores = key @ q / np.sqrt(4)
exponentials = np.exp(scores - scores.max())
weights = exponentials / exponentials.sum()
weights @ value
# %% [markdown] all-text
# ## And for all queries
#
# The same lines, with a row for each query:
# %% all-steps
scores = query @ key.T / np.sqrt(4)
exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
weights @ value
# %% [markdown] all-formula
# That is **scaled dot-product attention**, and you know every symbol of it:
#
# $$\text{Attention}(Q, K, V) = \text{softmax}\!\left(\frac{Q K^{\top}}{\sqrt{d_k}}\right) V$$
# %% all-library
attention(query, key, value)
# %% [markdown] all-shapes-text
# No query looks at another query's result, so all of them can be computed at the same time. And follow the shapes:
# what must agree, and what is free?
# %% all-shapes
print("query", query.shape, " key", key.shape, " value", value.shape)
print("scores", dot_product_scores(query, key).shape, " output", attention(query, key, value).shape)
# %% [markdown] sum-close
# `query` and `key` agree in `d_k`, since they are compared. `key` and `value` agree in their number, since every key
# brings one value. The output has a row for each query and the values' length `d_v`.
#
# ## From the tokens to the outputs
#
# Lesson 01 made queries, keys and values from tokens. Put before today's steps, that is **self-attention**: the
# tokens of one sentence attend to each other. Nothing new happens, and the library has a function for it:
# %% self-library
shapes = [(4, 3), (3, 2), (3, 2), (3, 5)]
x, w_query, w_key, w_value = (rng.standard_normal(shape) for shape in shapes)
by_hand = attention(x @ w_query, x @ w_key, x @ w_value)
np.allclose(self_attention(x, w_query, w_key, w_value), by_hand)
# %% [markdown] self-causal-text
# One more thing before you go. A model that writes must not look at words that it has not written yet. So a *mask*
# says which key each query may attend to, here 1 for yes. The first token sees only itself, so its output is its own
# value:
# %% self-causal
print(causal_mask(4).astype(int))
output = self_attention(x, w_query, w_key, w_value, mask=causal_mask(4))
np.allclose(output[0], x[0] @ w_value)
# %% [markdown] sum-summary
# Lessons 05 and 06 are about these two.
#
# ## Summary
#
# * The output of a query is the sum of the values, each times its weight: `weights @ value`.
# * It lies inside the hull of the values, always. With equal scores it is their average.
# * Attention is four steps: compare (scores), scale, share out (softmax), mix (weighted sum).
#
# **On your own:** [exercise 04](../exercises/04_weighted_sum.ipynb). You'll write `attention` yourself, and put its
# shuffled lines in order.
#
# ## In practice
#
# * The library's `attention` takes arrays with any leading axes, `(batch, n_heads, seq_len, d_k)` for instance, like
#   PyTorch's `scaled_dot_product_attention`.
# * A large weight does not mean that the token was *the reason* for a model's answer: a large weight on a value near
#   zero adds nothing. Drag a value to the origin in the stage above and see. Lesson 11 comes back to it.
#
# ## Further reading
#
# * Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.1 and equation 1.
# * Bahdanau, Cho and Bengio 2015, *Neural Machine Translation by Jointly Learning to Align and Translate*, equation
#   5: the weighted sum, in a translation model.
#
# **Next:** [lesson 05](05_self_attention.ipynb), self-attention.
