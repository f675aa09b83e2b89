# ---
# title: Multi-head attention
# minutes: 30
# ---
# %% [markdown] heads-title
# # 07 Multi-head attention
#
# **What you'll do:** watch four heads read one sentence for four different reasons, cut arrays into heads the right
# and the wrong way, and let one sentence ask another. About 30 minutes.
#
# **What you'll learn:** why one attention is not enough, what splitting and merging really do to the numbers, and what
# the last matrix is for.
#
# **What you need:** [lesson 05](05_self_attention.ipynb): self-attention, and that you can read `reshape` and
# `swapaxes`.
# %% heads-imports
import numpy as np

from course_lib.attention import (
    attention,
    merge_heads,
    multi_head_attention,
    softmax,
    split_heads,
    weighted_sum,
)
from course_lib.checks import ask, check
from course_lib.widgets import Heads

rng = np.random.default_rng(0)
np.set_printoptions(precision=2, suppress=True)
# %% [markdown] why-title
# ## One mixture is too few
#
# "The cat ate the fish because **it** was hungry." To understand "it", a model needs two things: *who* is meant (the
# cat), and *what comes just before* ("because"). Let these be their values:
# %% why-values
cat, because = np.array([4.0, 0.0]), np.array([0.0, 2.0])
value = np.stack([cat, because])
# %% [markdown] why-mix-text
# One query has one row of weights. Whatever it is, the two are mixed into one vector:
# %% why-mix
for score in (-2.0, 0.0, 2.0):
    weights = softmax([score, 0.0])
    print(f"weights {weights}  output {weighted_sum(weights[np.newaxis], value)[0]}")
# %% [markdown] why-text
# More of the one is less of the other; that is what "sum 1" means. The way out is simple: do several attentions side
# by side, each with queries and keys of its own. Each is called a **head**.
#
# ## Four heads on one sentence
#
# These heads are made by hand, so that each looks for one thing. First predict, then point: pick a token on the left
# and see whom it reads.
# %% look-widget
heads = Heads(question="Pick “it”. Which head finds whom it means? At what do the others look?")
heads
# %% look-numbers
for head, name in enumerate(heads.names):
    row = heads.weights[head, heads.tokens.index("it")]
    print(f"{name:15} reads “{heads.tokens[row.argmax()]}” with weight {row.max():.2f}")
# %% [markdown] look-text
# Four rows of weights for one token, none of which had to make room for another. (In real models roles are rarely so
# clean. Lesson 10 measures heads, and lesson 11 finds some in a language model.)
#
# ## Where do the heads come from?
#
# Not from cutting up the tokens. Every head has its own columns of $W^Q$, $W^K$ and $W^V$, and these columns read the
# *whole* token.
# %% one-predict
ask("predict_one_coordinate")
# %% one-answer
answer = ...  # "a", "b" or "c"
check("predict_one_coordinate", answer)
# %% one-measure
x = rng.standard_normal((5, 6))  # 5 tokens, d_model = 6
w_query = rng.standard_normal((6, 8))  # 4 heads with d_k = 2, side by side
changed = x.copy()
changed[0, 3] += 1.0  # one coordinate of one token
difference = split_heads(changed @ w_query - x @ w_query, 4)  # (n_heads, seq_len, d_k)
np.abs(difference[:, 0]).max(axis=-1)  # of token 0, for each head
# %% [markdown] split-title
# All four moved. What *is* cut is the result, `x @ w_query`: its columns are dealt out to the heads.
#
# ## Splitting: reshape, then swap
#
# To see what happens to the numbers, name each of them: 11 is component 1 of token 1. There are 4 tokens with 6
# components, for 2 heads.
# %% split-names
names = 10 * np.arange(4)[:, np.newaxis] + np.arange(6)
names
# %% [markdown] split-ask
# Head 0 shall get components 0, 1, 2 of *every* token. The shape that we need is `(n_heads, seq_len, d_k)`, here
# `(2, 4, 3)`. There is a tempting short way: reshape to it at once.
# %% split-predict
ask("predict_split_at_once")
# %% split-answer
answer = ...  # "a", "b" or "c"
check("predict_split_at_once", answer)
# %% split-wrong
names.reshape(2, 4, 3)[0]
# %% [markdown] split-wrong-text
# Tokens 0 and 1, each cut in two, and nothing of tokens 2 and 3. Nothing complains: the shape is right, and a model
# even learns, badly. Reshape only renames the places of numbers that stay in a row; it never moves one past another.
# So first cut the last axis, which keeps tokens apart, then swap tokens and heads:
# %% split-right
names.reshape(4, 2, 3).swapaxes(0, 1)[0]
# %% split-library
np.array_equal(split_heads(names, 2), names.reshape(4, 2, 3).swapaxes(0, 1))
# %% [markdown] merge-text
# Merging is the same way back: swap, then reshape.
# %% merge-library
np.array_equal(merge_heads(split_heads(names, 2)), names)
# %% [markdown] count-title
# ## More heads, more numbers?
# %% count-predict
ask("predict_more_heads")
# %% count-answer
answer = ...  # "a", "b" or "c"
check("predict_more_heads", answer)
# %% count-measure
d_model = 64
for n_heads in (1, 2, 4, 8):
    d_k = d_model // n_heads
    n_learned = 3 * d_model * n_heads * d_k
    print(f"heads: {n_heads}  d_k: {d_k:2}  learned: {n_learned:,}  rows of weights: {n_heads}")
# %% [markdown] count-text
# The price is that each head compares less finely: its queries and keys have fewer components, so its table of scores
# has a lower rank.
# %% count-rank
for n_heads in (1, 2, 4, 8):
    query, key = (split_heads(rng.standard_normal((40, d_model)), n_heads) for _ in range(2))
    rank = np.linalg.matrix_rank(query[0] @ key[0].T)
    print(f"heads: {n_heads}  rank of the scores of 40 tokens: {rank}")
# %% [markdown] mix-title
# ## What the last matrix does
#
# Merged, the heads' outputs lie side by side: the first columns belong to head 0, the next ones to head 1. Then comes
# one more matrix, $W^O$.
# %% mix-predict
ask("predict_output_map")
# %% mix-answer
answer = ...  # "a", "b" or "c"
check("predict_output_map", answer)
# %% mix-measure
output = rng.standard_normal((2, 5, 3))  # 2 heads, 5 tokens, d_v = 3
w_output = rng.standard_normal((6, 4))
by_head = output[0] @ w_output[:3] + output[1] @ w_output[3:]
np.allclose(merge_heads(output) @ w_output, by_head)
# %% [markdown] mix-text
# So $W^O$ is not about sizes. Each head has its own block of rows in it: with it, a head *writes* what it found where
# the next layer can read it, and all heads' notes are added up.
#
# $$\text{MultiHead}(x) = \text{Concat}(\text{head}_1, \dots, \text{head}_h)\, W^O = \sum_i \text{head}_i\, W^O_i$$
#
# ## All together
# %% all-steps
x = rng.standard_normal((5, 8))
shapes = [(8, 6), (8, 6), (8, 6), (6, 7)]
w_query, w_key, w_value, w_output = (rng.standard_normal(shape) for shape in shapes)
query, key, value = (split_heads(x @ weight, 2) for weight in (w_query, w_key, w_value))
by_hand = merge_heads(attention(query, key, value)) @ w_output
np.allclose(multi_head_attention(x, w_query, w_key, w_value, w_output, 2), by_hand)
# %% [markdown] all-text
# `attention` needed no change: heads are just one more leading axis, and NumPy does all of them at once.
#
# ## One sentence asks another
#
# So far queries and keys came from the same tokens. In **cross-attention** they don't: the tokens of a translation ask
# those of the original.
# %% cross-predict
ask("predict_cross_attention")
# %% cross-answer
answer = ...  # "a", "b" or "c"
check("predict_cross_attention", answer)
# %% cross-widget
german, english = ["hier", "schläft", "die", "Katze"], ["the", "cat", "sleeps", "here", "."]
pairs = [("die", "the"), ("Katze", "cat"), ("schläft", "sleeps"), ("hier", "here")]
meaning = {word: number for number, pair in enumerate(pairs) for word in pair}
vectors = np.vstack([4 * np.eye(4), np.zeros(4)])  # one for each meaning, none for the full stop
asking, asked = (vectors[[meaning.get(word, 4) for word in words]] for words in (german, english))
weights = softmax(asking @ asked.T / np.sqrt(4))
named = {"tokens": german, "key_tokens": english, "names": ["same meaning"]}
Heads(weights[np.newaxis], **named, question="Who reads whom?")
# %% [markdown] heads-summary
# One row for each word that asks, one column for each word that is asked. Values come from the asked side, too.
#
# ## Summary
#
# * A head is an attention of its own: its columns of $W^Q$, $W^K$, $W^V$ read the whole token.
# * Split: `reshape` to `(seq_len, n_heads, d_k)`, *then* swap to `(n_heads, seq_len, d_k)`. Merge: the way back.
# * $W^O$ adds up what the heads found. The number of heads does not change the number of learned numbers.
#
# **On your own:** [exercise 07](../exercises/07_multi_head.ipynb): split, merge, the whole of it, lines to order, and a
# bug that was published.
#
# ## In practice
#
# * `multi_head_attention(x, ..., memory=other)` is cross-attention.
# * Many heads of a trained model can be left out with little loss; a few can't. Lesson 10 measures it.
#
# ## Further reading
#
# * Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.2.
# * Michel, Levy and Neubig 2019, *Are Sixteen Heads Really Better than One?*
# * Voita et al. 2019, *Analyzing Multi-Head Self-Attention: Specialized Heads Do the Heavy Lifting, the Rest Can Be
#   Pruned*.
#
# **Next:** [lesson 08](08_positions.ipynb), positions.
