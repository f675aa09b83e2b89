# ---
# title: Self-attention
# minutes: 25
# ---
# %% [markdown] self-title
# # 05 Self-attention
#
# **What you'll do:** let the tokens of one sentence attend to each other, send a signal over 1 and over 1,000 tokens,
# and race attention against a loop. About 25 minutes.
#
# **What you'll learn:** why a word's output depends on its neighbours, why distance costs nothing, and why nobody has
# to wait for anybody.
#
# **What you need:** [lesson 01](01_queries_keys_values.ipynb): the three matrices, and
# [lesson 04](04_weighted_sum.ipynb): attention in four steps.
# %% self-imports
import timeit

import numpy as np

from course_lib import plots
from course_lib.attention import attention, attention_weights, dot_product_scores, self_attention
from course_lib.checks import ask, check
from course_lib.widgets import AttentionStage, Projection

rng = np.random.default_rng(0)
np.set_printoptions(precision=2, suppress=True)
# %% [markdown] own-title
# ## A sentence asks itself
#
# So far, queries, keys and values were three tables of their own. Where do they come from? In **self-attention** all
# three are made from the same tokens. Each token asks (its query), can be found (its key) and has something to hand
# over (its value). Here are two tokens with three numbers each, "bank" and "river":
# %% own-tokens
bank, river, money = np.eye(3)[[2, 0, 1]]
x = np.stack([bank, river])
x
# %% own-matrices
w_query = np.array([[1, 0], [0, 1], [1, 1]])
w_key = np.array([[0, 2], [1, 0], [1, 0]])
w_value = np.array([[2, 0], [0, 2], [1, 1]])
query, key, value = x @ w_query, x @ w_key, x @ w_value
# %% [markdown] own-attention-text
# From here on it is lesson 04, one line:
# %% own-attention
attention(query, key, value)
# %% own-library
self_attention(x, w_query, w_key, w_value)
# %% [markdown] own-formula
# `x` goes in with shape `(seq_len, d_model)`, here `(2, 3)`, and every token comes out as a mixture of values, shape
# `(seq_len, d_v)`, here `(2, 2)`.
#
# $$\text{output} = \text{softmax}\!\left(\frac{(x W^Q)(x W^K)^{\top}}{\sqrt{d_k}}\right) x W^V$$
#
# ## Move a token
#
# The first picture holds the tokens, the second what attention makes of them. Each time you let go of a token, its
# query, its key *and* its value move, and with them all outputs.
# %% move-projection
question = "Drag the token “sat”. In the second picture, whose output moves?"
projection = Projection(question=question)
projection
# %% move-stage
vectors = projection.query, projection.key, projection.value
stage = AttentionStage(*vectors, tokens=projection.tokens)


def follow(change):
    stage.query, stage.key, stage.value = projection.query, projection.key, projection.value


projection.observe(follow)
stage
# %% [markdown] move-text
# Everybody's: each token reads all others, and itself.
#
# ## One word, two meanings
#
# A bank by the river is not a bank with money. The vector that stands for "bank" is the same in both sentences, since
# it is looked up in a table of words.
# %% context-predict
ask("predict_same_token")
# %% context-answer
answer = ...  # "a", "b" or "c"
check("predict_same_token", answer)
# %% context-measure
for other, word in [(river, "river"), (money, "money")]:
    output = self_attention(np.stack([bank, other]), w_query, w_key, w_value)
    print(f"bank beside {word}: {output[0]}")
# %% [markdown] context-text
# The weights, too, are other ones: they are not learned numbers that stay as they are, they are computed anew from
# each sentence. What was learned is only *how to ask* and *how to be found*.
# %% context-weights
for other, word in [(river, "river"), (money, "money")]:
    x = np.stack([bank, other])
    print(f"bank beside {word}: {attention_weights(x @ w_query, x @ w_key)[0]}")
# %% [markdown] far-title
# ## Near and far
#
# Two tokens with the same vector, one next door, one 500 places away.
# %% far-predict
ask("predict_far_token")
# %% far-answer
answer = ...  # "a", "b" or "c"
check("predict_far_token", answer)
# %% [markdown] far-loop-text
# Before attention, sentences were read by **recurrent** networks: one token after another, with a state that each
# step overwrites a little. A plain one fits in three lines:
# %% far-loop
def read_in_order(x, w_in, w_state):
    """Return the state after the last token, shape (d_state,)."""
    state = np.zeros(len(w_state))
    for token in x:
        state = np.tanh(token @ w_in + state @ w_state)
    return state
# %% [markdown] far-way-text
# What the first token said must survive each step that follows. Say each step keeps 90 % of it.
# %% far-way-predict
ask("predict_long_way")
# %% far-way-answer
answer = ...  # "a", "b" or "c"
check("predict_long_way", answer)
# %% [markdown] far-measure-text
# Now we measure it. The sentence is 1,001 times the same word. We replace one of them by a signal, at a distance of
# 1, 2, 5, ... from the last token, and look how much the last output changes: once through self-attention, once
# through the loop.
# %% far-setup
d_model = 8
word, signal = rng.standard_normal((2, d_model))
matrices = rng.standard_normal((3, d_model, d_model)) / np.sqrt(d_model)
w_in = rng.standard_normal((d_model, d_model)) / np.sqrt(d_model)
w_state = 0.9 * np.linalg.qr(rng.standard_normal((d_model, d_model)))[0]  # keeps 90 % of any state
distances = np.array([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])
# %% far-change
def change_from(distance, last_output):
    """Return how much the last output changes by a signal `distance` tokens before it."""
    x = np.tile(word, (1001, 1))
    before = last_output(x)
    x[-1 - distance] = signal
    change = np.linalg.norm(last_output(x) - before)
    return change if change > 1e-12 else 0.0  # less is rounding
# %% far-measure
by_attention = [change_from(d, lambda x: self_attention(x, *matrices)[-1]) for d in distances]
by_loop = [change_from(d, lambda x: read_in_order(x, w_in, w_state)) for d in distances]
for distance, direct, passed_on in zip(distances, by_attention, by_loop, strict=True):
    print(f"distance {distance:5}   attention {direct:.1e}   loop {passed_on:.1e}")
# %% far-picture
changes = {"self-attention": by_attention, "recurrent loop": np.maximum(by_loop, 1e-13)}
labels = {"xlabel": "distance in tokens", "ylabel": "change of the last output"}
ax = plots.lines(distances, changes, **labels)
ax.set(xscale="log", yscale="log")
ax
# %% [markdown] far-text
# The line of attention is flat: every token reads every other *directly*, in one step, so the distance plays no part
# at all. Through the loop it fades by more than a tenth at each step (the $\tanh$ takes its part), and from distance
# 100 on nothing is left but rounding. (The picture draws these zeros at its lower edge.)
#
# Two honest remarks. Near the end of the sentence the loop hears *more* than attention, which here shares itself out
# among 1,001 equal words: a weight has to be learned to be large. And since distance plays no part, attention does
# not know it either. "Dog bites man" and "man bites dog" are the same to it; lesson 08 mends that.
#
# ## Nobody waits
#
# In attention no output needs another. Here is the output of the last of 500 tokens, computed by itself. The loop needs
# the state of the token before, and that one the state before it. What if we leave steps out?
# %% wait-count
x = rng.standard_normal((500, d_model))
query, key, value = (x @ matrix for matrix in matrices)
alone = attention(query[[499]], key, value)  # one row, and no other is computed
print("attention, only the last row:", np.allclose(alone, self_attention(x, *matrices)[[499]]))
whole = read_in_order(x, w_in, w_state)
for n in (1, 10, 500):
    found = np.allclose(read_in_order(x[-n:], w_in, w_state), whole)
    print(f"loop, only the last {n:3} steps: {found}")
# %% [markdown] wait-time-text
# One step for all tokens, against 500 steps, each after the other. Now on the clock of this computer, the best of 20
# runs. (Part of the difference is that Python is slow at loops. But processors have many units that compute at the same
# time, and only work that does not wait can use them.)
# %% wait-time tags=["nbval-ignore-output", "output-not-stored"]
ways = {
    "loop": lambda: read_in_order(x, w_in, w_state),
    "self-attention": lambda: self_attention(x, *matrices),
}
for n in (100, 1000):
    x = rng.standard_normal((n, d_model))
    for name, run in ways.items():
        seconds = min(timeit.repeat(run, number=1, repeat=20))
        print(f"{n:5} tokens  {name:15} {1000 * seconds:6.2f} ms")
# %% [markdown] wait-bill
# With 100 tokens attention is well ahead. With 1,000 the lead gets smaller, and that is the price: attention compares
# all pairs, 100 times as many as before. Lesson 09 writes that bill.
#
# ## Two ways between two tokens
#
# The scores are $x W^Q (x W^K)^\top$, which is $x M x^\top$ with one matrix $M = W^Q (W^K)^\top$.
# %% ways-predict
ask("predict_both_directions")
# %% ways-answer
answer = ...  # "a", "b" or "c"
check("predict_both_directions", answer)
# %% ways-measure
x = np.stack([bank, river, money])
merged = w_query @ w_key.T
print(np.array_equal(dot_product_scores(x @ w_query, x @ w_key), x @ merged @ x.T))
x @ merged @ x.T
# %% [markdown] self-summary
# Row 0, column 1 is what "bank" wants from "river"; row 1, column 0 is what "river" wants from "bank". An adjective
# needs its noun more than the noun needs its adjective, and with two matrices a model can say so.
#
# ## Summary
#
# * Self-attention makes queries, keys and values from the same tokens:
#   `attention(x @ w_query, x @ w_key, x @ w_value)`.
# * The weights are computed from each sentence, so the same word gets another output in another one.
# * Every pair of tokens is linked directly, at any distance, and all outputs can be computed at the same time.
#
# **On your own:** [exercise 05](../exercises/05_self_attention.ipynb). You'll write `self_attention` with what you
# have written before.
#
# ## In practice
#
# * Models stack dozens of such layers. The output of one is the `x` of the next, so a token can read what its
#   neighbours have read before.
# * Where the queries come from other tokens than the keys and values, it is called *cross-attention*: a translation
#   asks the original. Lesson 07 shows it.
#
# ## Further reading
#
# * Vaswani et al. 2017, *Attention Is All You Need*, section 4 and table 1: path lengths and steps in sequence.
# * Bengio, Simard and Frasconi 1994, *Learning Long-Term Dependencies with Gradient Descent is Difficult*.
#
# **Next:** [lesson 06](06_masks.ipynb), masks.
