# ---
# title: Softmax
# minutes: 25
# ---
# %% [markdown] softmax-title
# # 03 Softmax
#
# **What you'll do:** turn scores into weights, flatten and sharpen them with a slider, break the obvious formula with
# one large number, and repair it. About 25 minutes.
#
# **What you'll learn:** why it is the exponential, which way the sums run, and what temperature does.
#
# **What you need:** [lesson 02](02_scores.ipynb): a table of scores, one row for each query, one column for each key.
# %% softmax-imports
import numpy as np

from course_lib import plots
from course_lib.attention import softmax
from course_lib.checks import ask, check
from course_lib.widgets import SoftmaxBars

np.set_printoptions(precision=3, suppress=True)
# %% [markdown] wish-title
# ## What we want
#
# A query has a score for each key. We want to mix the values, so each key needs a **weight**: a share of the whole.
# That is,
#
# 1. no weight is negative, and the weights of a query sum to 1;
# 2. a larger score means a larger weight.
#
# A first idea: divide the scores by their sum.
# %% wish-first-idea
scores = np.array([2.0, 1.0, -1.0])
scores / scores.sum()
# %% [markdown] wish-fails
# They do sum to 1, but there is a negative share. And scores of `[1, -1]` would even divide by zero. So first make
# every score positive, and keep their order. The exponential does both: $e^s$ is never negative, and it grows with
# $s$.
# %% exp-values
exponentials = np.exp(scores)
exponentials
# %% exp-weights
weights = exponentials / exponentials.sum()
weights
# %% [markdown] exp-formula
# That is **softmax**:
#
# $$\text{weights}_{ij} = \frac{e^{s_{ij}}}{\sum_{k} e^{s_{ik}}}$$
#
# One that you can do in your head: $e^0 = 1$ and $e^{\log 3} = 3$, so the scores 0 and $\log 3$ become 1 and 3, and
# the weights a quarter and three quarters.
# %% exp-by-hand
softmax([[0, np.log(3)], [np.log(3), 0]])
# %% [markdown] rows-title
# ## Which way does the sum run?
#
# Now a whole table: two queries, three keys.
# %% rows-scores
scores = np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 3.0]])
scores.shape
# %% rows-predict
ask("predict_row_or_column")
# %% rows-answer
answer = ...  # "a", "b" or "c"
check("predict_row_or_column", answer)
# %% rows-picture
weights = softmax(scores)
sums = weights.sum(axis=-1)
plots.matrix(weights, title="softmax over the keys", kind="weights", row_sums=sums)
# %% [markdown] rows-text
# Each query shares out its own attention among all keys, so **each row sums to 1**. What comes down a column is how
# much attention one key gets in all, and that may be anything.
#
# In NumPy the row's axis is the last one, `axis=-1`. Over `axis=0` the keys' columns would sum to 1, and each query's
# total would depend on what the other queries do:
# %% rows-wrong
wrong = softmax(scores, axis=0)
sums = wrong.sum(axis=-1)
plots.matrix(wrong, title="softmax over the queries: wrong here", kind="weights", row_sums=sums)
# %% [markdown] keepdims-text
# The sum of each row must be divided out of the same row. Look at the shapes:
# %% keepdims-shapes
exponentials = np.exp(scores)
exponentials.sum(axis=-1).shape, exponentials.sum(axis=-1, keepdims=True).shape
# %% [markdown] keepdims-why
# With `keepdims=True` the sums stay a column, one for each row, and the division does what we mean. Without it, `(2,
# 3) / (2,)` is an error. It is worse with as many queries as keys: then NumPy divides *columns*, says nothing, and
# the rows no longer sum to 1.
# %% keepdims-silent
square = np.exp([[2.0, 1.0], [0.0, 3.0]])
(square / square.sum(axis=-1)).sum(axis=-1)
# %% [markdown] sharp-title
# ## Sharper and flatter
# %% sharp-predict
ask("predict_double_scores")
# %% sharp-answer
answer = ...  # "a", "b" or "c"
check("predict_double_scores", answer)
# %% [markdown] sharp-stage-text
# Move the temperature. The scores are divided by it before softmax: a low temperature makes them larger, a high one
# smaller.
# %% sharp-bars
bars = SoftmaxBars(
    controls=["temperature", "double"],
    question="Which temperature gives the best key 90 %? Which one makes all keys nearly equal?",
)
bars
# %% sharp-slider tags=["nbval-ignore-output"]
bars.sliders("temperature")
# %% [markdown] sharp-measure-text
# The same in numbers. Follow one column downwards.
# %% sharp-measure
temperatures = [0.1, 0.5, 1.0, 2.0, 10.0]
rows = np.array([softmax([2.0, 1.0, -1.0], temperature=t) for t in temperatures])
names = [f"T = {t}" for t in temperatures]
columns = ["score 2", "score 1", "score -1"]
plots.matrix(rows, row_labels=names, column_labels=columns, kind="weights")
# %% [markdown] sharp-text
# Towards temperature 0, softmax becomes the hard look-up of lesson 01: everything to the best key. Towards infinity
# it becomes the plain average. It has the name from physics, where hot means disorder. And the scale of lesson 02 is
# nothing but a temperature of $\sqrt{d_k}$.
#
# ## What softmax does not see
# %% shift-predict
ask("predict_add_constant")
# %% shift-answer
answer = ...  # "a", "b" or "c"
check("predict_add_constant", answer)
# %% shift-measure
np.stack([softmax([2.0, 1.0, -1.0]), softmax([12.0, 11.0, 9.0])])
# %% shift-bars
question = "Add any number to all scores. What grows, and what stays?"
SoftmaxBars(controls=["added"], question=question)
# %% [markdown] shift-text
# Only the *differences* of scores count: $e^{s + c} = e^s e^c$, and the factor $e^c$ is above and below the fraction
# line. So one score alone means nothing; it is the lead over the others that earns weight. A lead of 1 makes a weight
# $e$ times as large:
# %% shift-ratio
weights = softmax([2.0, 1.0, -1.0])
print(f"{weights[0] / weights[1]:.4f}, and e is {np.e:.4f}")
# %% [markdown] overflow-title
# ## One large number
#
# The formula as we wrote it has a trap. Try it on a row with a large score:
# %% overflow-break
with np.errstate(over="ignore", invalid="ignore"):
    exponentials = np.exp([1000.0, 999.0, 0.0])
    print(exponentials, exponentials / exponentials.sum())
# %% [markdown] overflow-why
# $e^{1000}$ is too large for any float: it becomes `inf`, and `inf / inf` is `nan`, not a number. How far
# can we go?
# %% overflow-limits
for dtype in (np.float16, np.float32, np.float64):
    print(f"{dtype.__name__}: exp overflows above {np.log(float(np.finfo(dtype).max)):.1f}")
# %% [markdown] overflow-cure
# In float32, which models use, a score of 89 is enough, and in float16 one of 12. But we have just learned the cure:
# adding the same number to all scores of a row changes nothing. So **subtract the row's largest score first**. Then
# the largest exponent is 0, and nothing can overflow.
# %% overflow-repair
scores = np.array([[1000.0, 999.0, 0.0], [2.0, 1.0, -1.0]])
shifted = scores - scores.max(axis=-1, keepdims=True)
exponentials = np.exp(shifted)
exponentials / exponentials.sum(axis=-1, keepdims=True)
# %% [markdown] overflow-close
# The other direction is harmless: $e^{-1000}$ is rounded to 0, which is right to hundreds of digits.
#
# ## Summary
#
# * Softmax: exponentials, divided by their sum. Weights are never negative and **each row** sums to 1, over the keys,
#   `axis=-1`, with `keepdims=True`.
# * Only differences of scores count. Large differences make it sharp, small ones flat; a temperature divides them.
# * Subtract each row's maximum before `exp`. It changes nothing but prevents overflow.
#
# **On your own:** [exercise 03](../exercises/03_softmax.ipynb), with a bug that was really published.
#
# ## In practice
#
# * Words matter: before softmax they are *scores* (in a classifier, logits), after it *weights*. Many texts call both
#   "attention scores". We don't.
# * A score of minus infinity gets weight 0 exactly. That is how keys are hidden from a query (lesson 06).
# * Since only the maximum and two sums are needed, softmax can be computed block by block, without ever holding a
#   whole row (lesson 09).
#
# ## Further reading
#
# * Bridle 1990, *Probabilistic Interpretation of Feedforward Classification Network Outputs*: where the name comes
#   from.
# * Hinton, Vinyals and Dean 2015, *Distilling the Knowledge in a Neural Network*, section 2: temperature.
#
# **Next:** [04 Weighted sum](04_weighted_sum.ipynb)
