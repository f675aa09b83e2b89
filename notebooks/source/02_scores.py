# ---
# title: Scores
# minutes: 25
# ---
# %% [markdown] scores-title
# # 02 Scores
#
# **What you'll do:** compare queries with keys, pull a key longer and see what happens, and find out by experiment
# why everybody divides by $\sqrt{d_k}$. About 25 minutes.
#
# **What you'll learn:** what one score means, what its size depends on, and what the scale is for.
#
# **What you need:** [lesson 01](01_queries_keys_values.ipynb); mean and standard deviation.
# %% scores-imports
import numpy as np

from course_lib import plots
from course_lib.attention import dot_product_scores, scaled_scores, softmax
from course_lib.checks import ask, check
from course_lib.widgets import AttentionStage, Score, SoftmaxBars

rng = np.random.default_rng(0)
np.set_printoptions(precision=2, suppress=True)
# %% [markdown] one-title
# ## One query, one key
#
# The **score** of a query and a key is their dot product: multiply component by component, add up. It says how well
# the two match.
# %% one-score
q = np.array([1, 2])
k = np.array([3, 1])
print(q[0] * k[0] + q[1] * k[1])
# %% [markdown] all-text
# ## All queries, all keys
#
# Two queries and three keys make two times three scores. We keep them in a table: **row i belongs to query i, column
# j to key j.**
# %% all-loop
query = np.array([[1, 2], [2, 0]])
key = np.array([[3, 1], [0, 1], [-1, 1]])
scores = np.zeros((len(query), len(key)))
for i in range(len(query)):
    for j in range(len(key)):
        scores[i, j] = query[i] @ key[j]
scores
# %% [markdown] all-matrix-text
# Check one entry by hand: query 1 is `[2, 0]`, key 2 is `[-1, 1]`, and `2 * -1 + 0 * 1` is -2, in row 1, column 2.
#
# The two loops are a matrix product. The keys must be transposed, so that the components meet: `(2, 2) @ (2, 3)`
# gives `(2, 3)`.
# %% all-matrix
query @ key.T
# %% all-library
dot_product_scores(query, key)
# %% [markdown] transpose-text
# Which one is transposed matters. `key @ query.T` holds the same numbers with rows and columns swapped: row i would
# belong to *key* i. With as many queries as keys nobody would notice from the shape, which is why our examples have
# different numbers of them.
#
# ## Length and angle
#
# The dot product has a second face: $q \cdot k = |q| \, |k| \cos(\text{angle})$. It is positive when both point the
# same way, zero at a right angle, negative when they point apart. And it depends on the *lengths*, which people like
# to forget. Commit:
# %% length-predict
ask("predict_longer_key")
# %% length-answer
answer = ...  # "a", "b" or "c"
check("predict_longer_key", answer)
# %% [markdown] length-stage-text
# Now try it. Drag a key outwards along its own direction, and then around the origin without changing its length. The
# sliders below the picture move the key of "cat" too.
# %% length-stage
stage = AttentionStage(
    show=("vectors", "scores"),
    question="Can you double a score without turning anything? Can you make it zero?",
)
stage
# %% length-sliders tags=["nbval-ignore-output"]
stage.sliders("key", 1)
# %% [markdown] length-measure-text
# In numbers: the key twice as long, the angle as before.
# %% length-measure
q, k = np.array([1.0, 2.0]), np.array([3.0, 1.0])
for factor in (1, 2):
    score = q @ (factor * k)
    cosine = score / np.linalg.norm(q) / np.linalg.norm(factor * k)
    print(f"key times {factor}: score {score:.2f}, cosine of the angle {cosine:.2f}")
# %% [markdown] length-parts-text
# Here the score is taken apart into two lengths and an angle. "To turn" keeps the length of what you drag, "to stretch"
# keeps its direction. Key "near" points most nearly the way of the query. Why does it not win?
# %% length-parts
Score(question="Can you make “near” the best key by turning alone? And by stretching alone?")
# %% [markdown] length-close
# So a score is not just "similarity": a long key is heard by everybody who looks roughly its way. Models use that.
#
# ## How large do scores get?
#
# Real queries and keys have not two components but 64 or 128. Take the simplest model of them: all components random,
# independent, with mean 0 and variance 1. How far do their dot products spread when there are more components?
# %% spread-predict
ask("predict_spread")
# %% spread-answer
answer = ...  # "a", "b" or "c"
check("predict_spread", answer)
# %% spread-measure
def spread(d_k, n_pairs=10_000):
    """Standard deviation of the dot products of random query-key pairs."""
    query, key = rng.standard_normal((2, n_pairs, d_k))
    return (query * key).sum(axis=-1).std()

sizes = np.array([1, 4, 16, 36, 64, 100, 144, 196, 256])
spreads = np.array([spread(d_k) for d_k in sizes])
spreads
# %% spread-plot
lines = {"measured": spreads, "square root of d_k": np.sqrt(sizes)}
plots.lines(sizes, lines, xlabel="d_k", ylabel="spread of scores")
# %% [markdown] spread-why
# The two lines lie on each other. Why a square root? Each product of two such components has variance 1. The dot
# product adds up `d_k` of them, and variances of independent numbers add: the **variance** is `d_k`, and the standard
# deviation its square root.
#
# You need many pairs to see this. From a handful you get almost anything:
# %% spread-few
[float(round(spread(64, n_pairs=4), 1)) for _ in range(6)]
# %% [markdown] why-title
# ## Why large scores do harm
#
# Lesson 03 turns each row of scores into weights that sum to 1. We borrow its function `softmax` for one look. What
# we want to know: how much of the weight does the *best* of 10 keys get, on average, when everything is random and so
# no key deserves it?
# %% why-best-share
def best_share(d_k, scale):
    """Mean of the largest weight of a query among 10 keys, over 1,000 random draws."""
    query, key = rng.standard_normal((1000, 1, d_k)), rng.standard_normal((1000, 10, d_k))
    return softmax(dot_product_scores(query, key) * scale).max(axis=-1).mean()

unscaled = [best_share(d_k, 1) for d_k in sizes]
scaled = [best_share(d_k, 1 / np.sqrt(d_k)) for d_k in sizes]
# %% why-plot
lines = {"q . k": unscaled, "q . k / sqrt(d_k)": scaled}
plots.lines(sizes, lines, xlabel="d_k", ylabel="weight of the best key")
# %% [markdown] why-text
# Without the scale, long vectors turn attention into a look-up in which one key takes everything, for no better
# reason than chance. Then a small change of a query changes nothing, so training has nothing to follow (lesson 10
# measures that). **Dividing by** $\sqrt{d_k}$ **takes the spread back to 1, whatever** `d_k` **is.**
#
# $$\text{scores}_{ij} = \frac{q_i \cdot k_j}{\sqrt{d_k}}$$
# %% scaled-library
query, key = rng.standard_normal((2, 4)), rng.standard_normal((3, 4))
scaled_scores(query, key)
# %% scaled-same
dot_product_scores(query, key) / np.sqrt(4)
# %% [markdown] why-root-title
# ## Why not divide by d_k?
#
# It is a frequent mistake, and it looks harmless. Measure the spread after each of the three choices:
# %% why-root-table
print(" d_k   q.k   q.k/sqrt(d_k)   q.k/d_k")
for d_k, s in zip(sizes, spreads, strict=True):
    print(f"{d_k:4d} {s:5.1f} {s / np.sqrt(d_k):11.2f} {s / d_k:13.3f}")
# %% why-root-bars
question = "Which scale keeps the spread at 1 at any d_k? How many pairs do you need to see it?"
SoftmaxBars.from_draws(rng=np.random.default_rng(0), question=question)
# %% [markdown] why-root-text
# Only $1 / \sqrt{d_k}$ stays, the middle column of the table. With $1 / d_k$ the scores shrink towards zero: all keys
# look alike, and the weights become an average of everything.
#
# ## What the scale cannot do
#
# The scale knows `d_k` and nothing else. One more prediction:
# %% rescaled-predict
ask("predict_rescaled_keys")
# %% rescaled-answer
answer = ...  # "a", "b" or "c"
check("predict_rescaled_keys", answer)
# %% rescaled-measure
scaled_scores(query, 100 * key) / scaled_scores(query, key)
# %% [markdown] rescaled-text
# The scale corrects for the *number* of components, not for their size. Keeping their size in check is the job of
# other parts of a model (normalisation, and the start values of the weights).
#
# ## Summary
#
# * `scores[i, j]` is the dot product of query i and key j: `query @ key.T`, one row a query, one column a key.
# * It grows with both lengths and falls with the angle. It is not a pure similarity.
# * Random dot products spread by $\sqrt{d_k}$; dividing by $\sqrt{d_k}$ keeps the spread at 1. Dividing by $d_k$
#   overdoes it.
#
# **On your own:** [exercise 02](../exercises/02_scores.ipynb).
#
# ## In practice
#
# * `torch.nn.functional.scaled_dot_product_attention` divides by the square root of the last axis of the query unless
#   you pass `scale=`.
# * `d_k` is the length of *one head's* query, not of the token vector. Lesson 07 has many heads, and mixing the two
#   up is a classic.
#
# ## Further reading
#
# * Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.1, footnote 4: the argument by variance, in two
#   sentences.
#
# **Next:** [03 Softmax](03_softmax.ipynb)
