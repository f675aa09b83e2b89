# ---
# title: Positions
# minutes: 30
# ---
# %% [markdown] positions-title
# # 08 Positions
#
# **What you'll do:** shuffle a sentence and find that attention does not mind, give it three kinds of positions, and
# send each of them further than it has learned. About 30 minutes.
#
# **What you'll learn:** why order has to be put in, what sinusoids, rotation and ALiBi do, and which of them know only
# distances.
#
# **What you need:** [lesson 05](05_self_attention.ipynb): self-attention. Sine and cosine, and that a rotation keeps
# lengths.
# %% positions-imports
import numpy as np

from course_lib import plots
from course_lib.attention import (
    alibi_bias,
    attention_weights,
    rotate,
    self_attention,
    sinusoidal_positions,
)
from course_lib.checks import ask, check
from course_lib.models import WORDS, TrainingOptions, TrainingRun, TransformerConfig, draw_sentences
from course_lib.widgets import Positions, Shuffle

rng = np.random.default_rng(0)
np.set_printoptions(precision=2, suppress=True)
# %% [markdown] shuffle-title
# ## Does attention know the order?
#
# "Dog bites man" is news if you shuffle it. What does self-attention say?
# %% shuffle-predict
ask("predict_shuffled_tokens")
# %% shuffle-answer
answer = ...  # "a", "b" or "c"
check("predict_shuffled_tokens", answer)
# %% shuffle-measure
x = rng.standard_normal((5, 4))
matrices = rng.standard_normal((3, 4, 4))
order = [3, 0, 4, 1, 2]
np.allclose(self_attention(x[order], *matrices), self_attention(x, *matrices)[order])
# %% shuffle-widget
question = "Move a token, or shuffle. Do outputs change, or only their places? Now add positions."
shuffle = Shuffle(question=question)
shuffle
# %% [markdown] shuffle-text
# Each token takes its output along. This is called **equivariant**: shuffle what goes in, and what comes out is
# shuffled in the same way. (It is not *invariant*. That would mean that the table of outputs stays as it was.)
#
# So a word's output does not depend on the order of the others at all. Attention reads a *bag* of words. Is that so
# bad?
#
# ## A task that needs the order
#
# "The **keys** behind the dog near the cat ..." goes on with "are". The verb follows the subject, which is the *first*
# noun, whatever stands between. Here is such a sentence of 16 tokens, and another one: its first and its last noun
# have changed places, and with them the verb.
# %% task-sentences
sentences = draw_sentences(1000, agreement=0.5, rng=np.random.default_rng(1))
held_out = draw_sentences(500, agreement=0.5, rng=np.random.default_rng(2))
words = sentences.words(41)
print(" ".join(words), WORDS[sentences.targets[41, -1]])
nouns = np.flatnonzero(sentences.tokens[41] < 20)  # the first 20 words are nouns
# %% task-swapped
swapped = sentences.tokens[41].copy()
swapped[[nouns[0], nouns[-1]]] = swapped[[nouns[-1], nouns[0]]]
verb = "is" if swapped[nouns[0]] < 10 else "are"  # the first 10 nouns are singular
print(" ".join(WORDS[token] for token in swapped), verb)
# %% [markdown] task-model-text
# Now two small models learn from 1,000 sentences: one layer of attention, once without positions and once with.
# (Lesson 10 opens the model up. Here it is enough that it stands on `attention`.)
# %% task-train tags=["nbval-ignore-output"]
runs = {}
for positions in ("none", "sinusoidal"):
    config = TransformerConfig(len(WORDS), n_layers=1, positions=positions)
    options = TrainingOptions(n_steps=250, record_every=250)
    run = runs[positions] = TrainingRun(sentences, held_out, options, config)
    run.run()
    right = run.records[-1].held_out_accuracy
    print(f"positions {positions:10}  right in new sentences: {right:.0%}")
# %% task-same
pair = np.stack([sentences.tokens[41], swapped])
for positions, run in runs.items():
    logits = run.model.forward(pair).logits[:, -1]  # at the gap, for both sentences
    same = np.allclose(logits[0], logits[1], atol=1e-3)
    print(f"positions {positions:10}  {'the same answer' if same else 'other answers'} to the two")
# %% [markdown] task-text
# Without positions, both sentences are the same bag, and the answers are equal to rounding. No amount of training can
# help. (It is right in more than half of the sentences, since the subject is one of the nouns: it goes with the
# majority.) With positions the task is easy.
#
# ## First way: add a vector
#
# Give every position a vector of its own, and add it to the token. The first transformers used waves of sine and
# cosine, from fast to slow, like the hands of a clock with many hands:
#
# $$p_{i,\,2m} = \sin\!\left(i / 10000^{2m/d}\right) \qquad p_{i,\,2m+1} = \cos\!\left(i / 10000^{2m/d}\right)$$
# %% sine-hand
sinusoidal_positions(3, 4)
# %% [markdown] sine-hand-text
# Row 0 is easy: $\sin 0 = 0$ and $\cos 0 = 1$. The first two columns are the fast hand, sine and cosine of 0, 1, 2. The
# last two are slower by a factor of 100.
# %% sine-picture
table = sinusoidal_positions(16, 12)
labels = {"row_labels": [str(i) for i in range(16)], "column_labels": [str(c) for c in range(12)]}
plots.matrix(table, title="A row for each position", **labels)
# %% [markdown] sine-blur-text
# Blue is above 0, orange below. Read down a column: the first ones turn fast, the last ones hardly move.
#
# The vector is *added*. Doesn't that blur the word?
# %% sine-blur-predict
ask("predict_added_positions")
# %% sine-blur-answer
answer = ...  # "a", "b" or "c"
check("predict_added_positions", answer)
# %% sine-blur-measure
words, places = rng.standard_normal((50, 64)), sinusoidal_positions(20, 64)
sums = words[:, np.newaxis] + places  # every word at every place: (50, 20, 64)
fitted, unseen = sums[:, ::2], sums[:, 1::2]  # fitted at even places, tried at odd ones
wanted = np.repeat(np.eye(50), 10, axis=0)  # one output for each word, 1 where it is that word
reader = np.linalg.lstsq(fitted.reshape(500, 64), wanted, rcond=None)[0]
found = (unseen @ reader).argmax(axis=-1)
print(f"the right word at places it was not fitted to: {(np.arange(50) == found.T).mean():.0%}")
# %% [markdown] rotate-title
# In a space of 64 directions there is room for both: positions and words lie in directions that hardly touch, so a
# learned matrix can tell them apart.
#
# ## Second way: rotate
#
# The score of query $i$ and key $j$ is a dot product, and a dot product depends on the *angle* between the two. So turn
# each query and each key by an angle that grows with its position: **rotary** positions. In two dimensions, with an
# angle of 1 for each step:
# %% rotate-hand
query, key = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])
for i, j in [(5, 3), (6, 4), (105, 103), (5, 5)]:
    score = rotate(query, [i])[0] @ rotate(key, [j])[0]
    print(f"query at {i:3}, key at {j:3}: score {score:.4f}   cos({i - j}) = {np.cos(i - j):.4f}")
# %% rotate-predict
ask("predict_shifted_rotation")
# %% rotate-answer
answer = ...  # "a", "b" or "c"
check("predict_shifted_rotation", answer)
# %% rotate-measure
query, key = rng.standard_normal((2, 6, 8))  # 6 positions, 4 pairs of components
near, far = np.arange(6), np.arange(6) + 100
scores = [rotate(query, where) @ rotate(key, where).T for where in (near, far)]
bool(np.allclose(scores[0], scores[1], atol=1e-9))
# %% [markdown] rotate-text
# The score knows *how far apart* the two are, and not where. Each pair of components turns at its own speed: fast pairs
# tell near positions apart, slow pairs far ones. Nothing is added, and lengths stay.
#
# ## Third way: a bias for distance
#
# **ALiBi** leaves the vectors alone and takes a little off each score, more for each token of distance. Every head
# has its own slope.
# %% alibi-hand
alibi_bias(8, 4, 4)[0]
# %% alibi-predict
ask("predict_farthest_head")
# %% alibi-answer
answer = ...  # "a", "b" or "c"
check("predict_farthest_head", answer)
# %% alibi-measure
alike = np.zeros((64, 2))  # all tokens match alike: only the bias tells them apart
weights = attention_weights(alike, alike, mask=alibi_bias(8, 64, 64), is_causal=True)
distance = 63 - np.arange(64)
print("mean distance, heads 0 to 7:", (weights[:, -1] * distance).sum(axis=-1))
# %% all-widget
question = "Slide the query along. Which curves change? Now put a learned matrix between."
Positions(question=question, controls=["position", "d_model", "head", "learned"])
# %% [markdown] all-text
# The plain product of two sinusoids depends on the distance only. But a model puts its learned matrices between, and
# then the place itself matters: it has to *learn* what the other two have built in. What if it then meets a text
# that is longer than all it has learned from?
#
# ## Further than learned
#
# A head shall look at the token just before. For sinusoids we fit the matrix between query and key, for rotation the
# query and the key, by least squares on 32 positions. ALiBi has nothing to fit. Then we look at 256 positions: for how
# many tokens is the one before the one with the highest score?
# %% beyond-fit
def fit(features, target):
    """Least squares, with a little shrinkage so that the solution is unique."""
    shrinkage = 1e-3 * np.eye(features.shape[1])
    return np.linalg.solve(features.T @ features + shrinkage, features.T @ target)


table = sinusoidal_positions(256, 16)
i, j = np.tril_indices(32, -1)  # all pairs with the key before the query
pairs = (table[i, :, np.newaxis] * table[j, np.newaxis, :]).reshape(len(i), -1)
matrix = fit(pairs, i - j == 1).reshape(16, 16)
# %% beyond-rotary
angles = np.arange(256)[:, np.newaxis] * 10_000.0 ** (-np.arange(0, 16, 2) / 16)
turned = np.hstack([np.cos(angles), np.sin(angles)])  # what a score is made of, at each distance
by_distance = turned @ fit(turned[1:32], np.arange(1, 32) == 1)
apart = np.arange(256)[:, np.newaxis] - np.arange(256)
rotary, bias = by_distance[np.abs(apart)], -np.abs(apart) / 2
scores = {"sinusoidal": table @ matrix @ table.T, "rotary": rotary, "ALiBi": bias}
# %% beyond-measure
for name, table in scores.items():
    found = np.where(apart > 0, table, -np.inf)[1:].argmax(axis=-1) == np.arange(255)
    parts = [found[:31], found[31:63], found[63:127], found[127:]]
    shares = "  ".join(f"{part.mean():4.0%}" for part in parts)
    print(f"{name:10}  up to 32, 64, 128, 256 positions: {shares}")
# %% [markdown] positions-summary
# Inside of what was fitted, all are right. Beyond, the learned matrix soon breaks. The rotation holds out up to 128
# positions, though it was fitted to distances below 32, and then breaks too. The bias goes on for ever, but it can do
# nothing else than look near.
#
# ## Summary
#
# * Without positions, attention reads a bag of words: outputs follow a shuffle (equivariance).
# * Sinusoids are added to tokens; rotation turns queries and keys; ALiBi takes distance off the scores.
# * Rotary and ALiBi know distances only, by construction. How a method behaves beyond the trained length has to be
#   measured.
#
# **On your own:** [exercise 08](../exercises/08_positions.ipynb): all three, and a bug that was published.
#
# ## In practice
#
# * Most language models of today use rotary positions. Two layouts are about: neighbouring components as pairs, and
#   first half with second half. Matrices trained with one give nonsense with the other: `rotate(..., interleaved=...)`.
# * A causal mask breaks the symmetry, too: a model with it can find out positions, though slowly.
#
# ## Further reading
#
# * Vaswani et al. 2017, *Attention Is All You Need*, section 3.5: sinusoids.
# * Su et al. 2021, *RoFormer: Enhanced Transformer with Rotary Position Embedding*.
# * Press, Smith and Lewis 2022, *Train Short, Test Long: Attention with Linear Biases Enables Input Length
#   Extrapolation*.
#
# **Next:** [lesson 09](09_cost.ipynb), cost.
