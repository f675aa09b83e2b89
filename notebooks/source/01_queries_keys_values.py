# ---
# title: Queries, keys, values
# minutes: 20
# ---
# %% [markdown] qkv-title
# # 01 Queries, keys, values
#
# **What you'll do:** turn every token of a sentence into three vectors, by hand, in NumPy, and with your mouse. About
# 20 minutes.
#
# **What you'll learn:** what the words *query*, *key* and *value* mean, and why a token needs three vectors and not
# one.
#
# **What you need:** the matrix product `@`.
# %% qkv-imports
import numpy as np

from course_lib import plots
from course_lib.attention import project
from course_lib.checks import ask, check
from course_lib.widgets import Projection

rng = np.random.default_rng(0)
np.set_printoptions(precision=2, suppress=True)
# %% [markdown] lookup-title
# ## Where the three names come from
#
# You know a look-up table: you come with a **query**, it is compared with the **keys**, and you get the **value** of
# the key that matches.
# %% lookup-dict
table = {"cat": "purrs", "dog": "barks", "cow": "moos"}
table["dog"]
# %% [markdown] lookup-as-numbers
# The same with numbers. One key matches, so its weight is 1 and all others are 0. The result is the sum of the
# values, each times its weight.
# %% lookup-hard
value = np.array([[5.0, 0.0], [0.0, 8.0], [2.0, 2.0]])  # one row for each key
weights = np.array([0.0, 1.0, 0.0])  # the query matched key 1
weights @ value
# %% [markdown] lookup-soft-text
# Attention is a look-up that needs no exact match. Every key matches *a little*, and the result is a mixture:
# %% lookup-soft
weights = np.array([0.1, 0.7, 0.2])
weights @ value
# %% [markdown] lookup-soft-close
# How the weights come about is the story of lessons 02 and 03. This lesson is about where the queries, keys and
# values come from.
#
# ## Tokens are vectors
#
# A model holds each token of its text as a vector, here with three numbers a token. In a real model they are learned
# and hard to name. Ours are made by hand, so that you can read them: how much is the token about something *alive*,
# an *action*, a *drink*?
# %% tokens-x
tokens = ["cats", "drink", "cold", "milk"]
x = np.array([
    [2, 0, 0],  # cats: alive
    [0, 2, 1],  # drink: an action, and about drinks
    [0, 0, 1],  # cold: often said of drinks
    [-1, 0, 2],  # milk: a drink, and not alive
])
x.shape
# %% [markdown] roles-text
# The shape is `(seq_len, d_model)`: 4 tokens, 3 numbers each.
#
# To understand "drink", a reader asks: *who* drinks, and *what*? So every token plays three roles at once:
#
# | role | the question it answers | name |
# |---|---|---|
# | it looks for something | what do I want to know? | **query** |
# | it can be found | what am I, for those who look? | **key** |
# | it hands something over | what do I tell those who find me? | **value** |
#
# ## One matrix for each role
#
# What a token looks for differs from what it is: "drink" looks for somebody alive, and isn't alive itself. So each
# role gets a vector of its own, made from `x` by a matrix of its own. In a real model the three matrices are what
# training finds.
#
# This one makes queries. Each row says what one feature of a token *asks for*, in two numbers: "somebody who acts"
# and "something to drink".
# %% query-weight
w_query = np.array([
    [0, 1],  # alive asks for something to drink
    [1, 1],  # an action asks for both
    [1, 0],  # a drink word asks for somebody who acts
])
w_query.shape
# %% [markdown] query-by-hand-text
# Take one token, "drink", whose vector is `[0, 2, 1]`. Its query has two components, each a sum over the three
# features:
# %% query-by-hand
first = 0 * 0 + 2 * 1 + 1 * 1
second = 0 * 1 + 2 * 1 + 1 * 0
first, second
# %% [markdown] query-by-matrix-text
# This is what `@` does, and with all tokens stacked as rows it does it for all of them at once:
# %% query-one
x[1] @ w_query
# %% query-all
query = x @ w_query
query
# %% [markdown] query-shapes-text
# Read the shapes from left to right: `(4, 3) @ (3, 2)` gives `(4, 2)`. The inner 3s meet and vanish: `d_model`, the
# features. The 4 tokens stay, and each now has `d_k = 2` numbers. The library calls this step `project`:
# %% query-project
project(x, w_query)
# %% [markdown] key-text
# A second matrix makes the keys. It says what each feature *offers* to those who look. A negative number says "I'm
# the opposite of that".
# %% key-project
w_key = np.array([
    [1, -1],  # alive: somebody who acts, nothing to drink
    [0, -1],  # an action: nothing to drink either
    [-1, 2],  # a drink word: something to drink, nobody who acts
])
key = project(x, w_key)
key
# %% [markdown] value-text
# And a third makes the values. Queries and keys will be compared, so they must have the same length `d_k`. Nothing is
# compared with a value, so its length `d_v` is free. Here it is 5.
# %% value-project
w_value = rng.integers(-2, 3, size=(3, 5))
value = project(x, w_value)
value.shape
# %% [markdown] picture-text
# Queries and keys live in the same plane, so we can draw them together. Look at the query of "milk" and the key of
# "cats": milk looks for somebody who acts.
# %% picture-query-key
ax = plots.vectors(query, labels=tokens, kind="query")
plots.vectors(key, labels=tokens, kind="key", ax=ax)
# %% [markdown] move-title
# ## Move a token
#
# Below, `x` has two numbers a token, so that it can be drawn, and so have its query, key and value. Before you drag,
# commit to an answer:
# %% move-predict
ask("predict_x_twice_as_long")
# %% move-answer
answer = ...  # "a", "b" or "c"
check("predict_x_twice_as_long", answer)
# %% move-projection
question = "Drag a token. Which of the three arrows turn with it, and which grow?"
projection = Projection(question=question)
projection
# %% [markdown] move-measure-text
# Now measure it. Twice the token, its query against the old one:
# %% move-measure
np.array_equal(project(2 * x, w_query), 2 * project(x, w_query))
# %% [markdown] linear-text
# That is what *linear* means: twice the input is twice the output, and the map of a sum is the sum of the maps. A
# matrix can turn, stretch, mirror and flatten; it cannot bend.
#
# ## Would one matrix do?
#
# Three matrices are three times the numbers to learn. Suppose we save one, and let the queries use the keys' matrix.
# To see what is lost, we compare each query with each key by their dot product: multiply the components, add them up.
# (Lesson 02 is all about this number.)
# %% shared-predict
ask("predict_shared_matrix")
# %% shared-answer
answer = ...  # "a", "b" or "c"
check("predict_shared_matrix", answer)
# %% shared-scores
names = {"row_labels": tokens, "column_labels": tokens}
plots.matrix(key @ key.T, **names, title="one matrix for both", kind="scores")
# %% [markdown] shared-text
# The table is symmetric: whatever "drink" sees in "cats", "cats" must see in "drink". Language is not like that. And
# worse, look at the diagonal: it is never negative, because there every token meets itself.
#
# With two matrices the two directions are free:
# %% two-scores
plots.matrix(query @ key.T, **names, title="a matrix each", kind="scores")
# %% two-directions
scores = query @ key.T
drink, cats = tokens.index("drink"), tokens.index("cats")
print(f"drink looks for cats: {scores[drink, cats]}, cats look for drink: {scores[cats, drink]}")
# %% [markdown] two-text
# "drink" looks for "cats" (somebody who acts) more than "cats" looks for "drink".
#
# ## Summary
#
# * A token `x` becomes a **query** (what it looks for), a **key** (how it is found) and a **value** (what it hands
#   over).
# * Each comes from a learned matrix: `x @ w_query`, `x @ w_key`, `x @ w_value`, shapes `(seq_len, d_model) @
#   (d_model, d_k)`.
# * Query and key need the same length, since they are compared. With one matrix for both, A would see in B exactly
#   what B sees in A.
#
# **On your own:** [exercise 01](../exercises/01_queries_keys_values.ipynb).
#
# ## In practice
#
# Since only `x @ w_query @ w_key.T @ x.T` enters the scores, couldn't one matrix `w_query @ w_key.T` replace the two?
# It could, and it would give the same scores. But count the numbers for sizes that are usual in practice:
# %% practice-merged
d_model, d_k = 512, 64
two_matrices, merged = 2 * d_model * d_k, d_model * d_model
two_matrices, merged
# %% [markdown] practice-close
# The two thin matrices hold a quarter of the numbers, and they keep the keys short, which matters when keys are
# stored (lesson 09). The merged matrix could not hold more either: it is a product of thin ones, so its rank is at
# most `d_k`. And merged or not, nothing makes it symmetric.
#
# PyTorch's `nn.Linear` stores its weight the other way round, as `(d_out, d_in)`, and computes `x @ weight.T`. Most
# shape errors start there.
#
# ## Further reading
#
# * Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.2: the three maps, there called $W^Q$, $W^K$, $W^V$.
# * Bahdanau, Cho and Bengio 2015, *Neural Machine Translation by Jointly Learning to Align and Translate*: a soft
#   look-up before it had that name.
#
# **Next:** [02 Scores](02_scores.ipynb)
