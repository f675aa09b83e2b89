# ---
# title: Masks
# minutes: 30
# ---
# %% [markdown] masks-title
# # 06 Masks
#
# **What you'll do:** forbid pairs on a board, forbid them in three ways of which two are wrong, and watch what becomes
# of a query that may attend to nothing. About 30 minutes.
#
# **What you'll learn:** why a model must not look ahead, how a batch of unequal sentences is padded, and why the mask
# comes *before* softmax.
#
# **What you need:** [lesson 03](03_softmax.ipynb): softmax, and [lesson 05](05_self_attention.ipynb): every token
# reads every other. Here we take some of that back.
# %% masks-imports
import numpy as np

from course_lib import plots
from course_lib.attention import (
    attention_backward,
    attention_weights,
    causal_mask,
    padding_mask,
    self_attention,
    softmax,
    softmax_backward,
)
from course_lib.checks import ask, check
from course_lib.widgets import MaskBoard

rng = np.random.default_rng(0)
np.set_printoptions(precision=2, suppress=True)
# %% [markdown] ahead-title
# ## Not looking ahead
#
# A language model learns to guess the next word. If token 2 could attend to token 3, it would not have to guess. So
# token $i$ may attend to the tokens 0 to $i$ only. The rule is written down as a table, the **causal mask**: a row for
# each query, a column for each key, and True where the pair *may* attend.
# %% ahead-mask
position = np.arange(4)
mask = position[np.newaxis, :] <= position[:, np.newaxis]  # key j <= query i
print("as the library has it:", np.array_equal(mask, causal_mask(4)))
mask.astype(int)  # 1 stands for True
# %% ahead-board
board = MaskBoard(
    controls=["causal"],
    question="Which query sees only itself, and which sees all? Turn the mask off, then on again.",
)
board
# %% [markdown] three-title
# ## Three ways to forbid, two of them wrong
#
# A forbidden key must end up with weight 0. There are three places where one could see to that. First idea: multiply
# its score by 0.
# %% three-zero-predict
ask("predict_zero_score")
# %% three-zero-answer
answer = ...  # "a", "b" or "c"
check("predict_zero_score", answer)
# %% three-zero-measure
scores = np.array([[2.0, -1.0, -3.0], [1.0, 0.0, 3.0]])
allowed = np.array([[True, True, False], [True, False, False]])
softmax(scores * allowed)
# %% [markdown] three-zero-text
# Key 2 is forbidden for both queries, and it gets 11 % of the first and 21 % of the second: $e^0$ is 1, not 0. In row 0
# it gets more than key 1, which is allowed. Second idea: set its *weight* to 0, after softmax.
# %% three-after-predict
ask("predict_mask_after_softmax")
# %% three-after-answer
answer = ...  # "a", "b" or "c"
check("predict_mask_after_softmax", answer)
# %% three-after-measure
weights = softmax(scores) * allowed
weights, weights.sum(axis=-1)
# %% [markdown] three-right-text
# The forbidden key has taken its share away before it was thrown out. Row 1 has a sum of 0.11: its output shrinks to
# almost nothing. What is needed is a score so low that softmax gives it weight 0 by itself, and the others share out
# all of 1. That score is $-\infty$, since $e^{-\infty} = 0$.
# %% three-right
masked_scores = np.where(allowed, scores, -np.inf)
softmax(masked_scores)
# %% three-board
board = MaskBoard(
    controls=["causal", "how"],
    question="Try the three ways. In which do the row sums stay 1, and the forbidden weights 0?",
)
board
# %% [markdown] three-constant-text
# A large negative number does nearly the same as $-\infty$, and is often seen. *How* large must it be? People have
# written `-1e-9` where they meant `-1e9`. Here is the weight of a forbidden key against the number in its place; the
# other two keys have scores 0 and 5.
# %% three-constant
for stand_in in (-1e-9, -1.0, -2.0, -5.0, -10.0, -20.0, -50.0):
    print(f"{stand_in:8.3g} in place of the score: weight {softmax([0.0, 5.0, stand_in])[2]:.1e}")
# %% [markdown] padding-title
# ## Padding
#
# Sentences have unequal lengths, and arrays don't. So short sentences are filled up with a token that means nothing,
# the **padding**, and the padding mask keeps everybody from reading it. Here are three sentences in one batch, of 5, 2
# and 3 tokens:
# %% padding-mask
real = padding_mask([5, 2, 3], 5)
real.astype(int)
# %% [markdown] padding-shape-text
# One row for each *sentence*. Scores have the shape `(batch, n_queries, n_keys)`, and the same keys are forbidden for
# every query of a sentence. So the mask needs an axis in between. Without it, its rows would be taken for queries.
# %% padding-shape
x = rng.standard_normal((3, 5, 4))
weights = attention_weights(x, x, mask=real[:, np.newaxis, :])
sums = weights[1].sum(axis=-1)
plots.matrix(weights[1], kind="weights", title="Sentence 1: two real tokens", row_sums=sums)
# %% [markdown] padding-causal-text
# The rows 2 to 4 belong to padding itself. They are computed all the same, and nobody will read them.
#
# Padding mask and causal mask are two different things, though both are tables of True and False. Does one of them do
# for both?
# %% padding-predict
ask("predict_padding_in_front")
# %% padding-answer
answer = ...  # "a", "b" or "c"
check("predict_padding_in_front", answer)
# %% padding-combine
(causal_mask(5) & real[1]).astype(int)  # both must allow it
# %% padding-board
board = MaskBoard(
    length=4, controls=["causal", "padding", "window"],
    question="Which pairs does the causal mask forbid, which the padding, and which do both?",
)
board
# %% [markdown] polarity-title
# Masks combine: a pair may attend if *all* of them allow it. In NumPy that is `&`. The third switch of the board, the
# window, lets a query see its neighbourhood only; lesson 09 tells what for.
#
# ## True means yes. Or no?
#
# In this course, in PyTorch's `scaled_dot_product_attention` and in ONNX, True means *may attend*. In PyTorch's
# `nn.MultiheadAttention`, True means *blocked*. Mixing them up runs without an error. What would you look at to find
# out?
# %% polarity-board
question = "Read the same table the other way. Who sees whom now?"
board = MaskBoard(controls=["causal", "polarity"], question=question)
board
# %% polarity-measure
weights = attention_weights(x[0], x[0], mask=~causal_mask(5))
weights.round(2)
# %% [markdown] polarity-text
# Look at row 0: the first token sees everything but itself. And the last row is all zeros: it may see nothing at all,
# which brings us to the next question.
#
# ## Nothing allowed
# %% empty-predict
ask("predict_nothing_allowed")
# %% empty-answer
answer = ...  # "a", "b" or "c"
check("predict_nothing_allowed", answer)
# %% empty-measure
blocked = np.full(3, -np.inf)
with np.errstate(invalid="ignore"):
    exponentials = np.exp(blocked - blocked.max())
print("the formula:    ", exponentials / exponentials.sum())
print("-1e9 for -inf:  ", softmax(np.full(3, -1e9)))
print("this course:    ", softmax(blocked))
# %% empty-board
board = MaskBoard(
    length=0, is_causal=False, controls=["padding", "empty_row"],
    question="All keys are padding. What does each way make of it?",
)
board
# %% [markdown] empty-gradient-text
# Three answers. NaN spreads: one such row, and after one step of learning every number of the model is NaN. Equal
# weights look fine, and mix padding into the output. Zeros say what is meant: there was nothing to read.
#
# It goes on in the gradient, which tells the scores how they should change (lesson 10 derives it). Say the output
# should have been larger, so that the gradient of the weights is `[1, 2, 3]`:
# %% empty-gradient
for name, weights in {"NaN": [np.nan] * 3, "equal": [1 / 3] * 3, "zeros": [0.0] * 3}.items():
    print(f"{name:6} weights: gradient of the scores {softmax_backward(weights, [1.0, 2.0, 3.0])}")
nobody = np.zeros((5, 5), dtype=bool)
gradients = attention_backward(x[0], x[0], x[0], np.ones((5, 4)), mask=nobody)
print("query, key, value all 0 with zeros:", [bool((grad == 0).all()) for grad in gradients])
# %% [markdown] learn-title
# With equal weights the scores of forbidden pairs learn something, from nothing. With zeros, nothing flows.
#
# ## One pass, many lessons
#
# A model writes one word at a time. Does it have to *learn* one word at a time, too?
# %% learn-predict
ask("predict_training")
# %% learn-answer
answer = ...  # "a", "b" or "c"
check("predict_training", answer)
# %% learn-measure
x = rng.standard_normal((6, 4))
w_query, w_key, w_value = (rng.standard_normal(shape) for shape in [(4, 3), (4, 3), (4, 5)])
one_pass = self_attention(x, w_query, w_key, w_value, is_causal=True)
word_by_word = [self_attention(x[: n + 1], w_query, w_key, w_value)[-1] for n in range(6)]
np.allclose(one_pass, word_by_word)
# %% [markdown] masks-summary
# The outputs of one masked pass are those of six passes over growing texts. So in training, where the whole text is
# known, every position learns at the same time (this is called **teacher forcing**). When the model writes, it has to
# go word by word, since the next word is not there yet.
#
# ## Summary
#
# * A mask is a table `(n_queries, n_keys)`, True = may attend: causal for what comes later, padding for what is not
#   there; combined by `&`.
# * Forbid *before* softmax, with $-\infty$. Multiplying scores by 0 lets forbidden keys in; zeroing weights makes rows
#   sum to less than 1.
# * A query that may attend to nothing gets zeros here. Elsewhere look: it may be NaN.
#
# **On your own:** [exercise 06](../exercises/06_masks.ipynb): both masks, attention with a mask, and a bug that was
# published.
#
# ## In practice
#
# * Check a mask on a small example: row sums 1, zeros where you forbade, and the first output unchanged when you change
#   the last token.
# * `attention(..., is_causal=True)` does not build the table at all; with blocks (lesson 09) half of the work falls
#   away.
#
# ## Further reading
#
# * Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.3.
# * PyTorch's documentation of `scaled_dot_product_attention` and of `nn.MultiheadAttention`: compare what True means.
#
# **Next:** [lesson 07](07_multi_head.ipynb), multi-head attention.
