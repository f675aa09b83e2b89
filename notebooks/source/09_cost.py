# ---
# title: Cost
# minutes: 30
# ---
# %% [markdown] cost-title
# # 09 Cost
#
# **What you'll do:** measure what attention costs on your own computer, compute softmax in pieces, first by hand, and
# write the bill of a text of ten million tokens. About 30 minutes.
#
# **What you'll learn:** why the cost grows with the square of the length, which part of it can be saved without
# changing the result, and what a window, a cache and shared heads save.
#
# **What you need:** [lesson 06](06_masks.ipynb): masks, and [lesson 07](07_multi_head.ipynb): heads.
# %% cost-imports
import time
import tracemalloc

import numpy as np

from course_lib.attention import (
    KeyValueCache,
    attention,
    attention_weights,
    repeat_kv,
    sliding_window_mask,
    tiled_attention,
    weighted_sum,
)
from course_lib.checks import ask, check
from course_lib.widgets import Cost, OnlineSoftmax

rng = np.random.default_rng(0)
np.set_printoptions(precision=3, suppress=True)
# %% [markdown] longer-title
# ## A longer text
# %% longer-predict
ask("predict_longer_text")
# %% longer-answer
answer = ...  # "a", "b" or "c"
check("predict_longer_text", answer)
# %% [markdown] measure-text
# So much for counting. What does your computer say? Here is a stopwatch: it returns the best time of five, and the most
# memory that was in use. `tiled_attention` can do its work in blocks. With *one* block for all keys it is attention as
# you know it, the whole table of weights at once; and on one processor, so that nobody else's work disturbs the clock.
# %% measure-function
def measure(function, n_tokens):
    query, key, value = rng.standard_normal((3, n_tokens, 32), dtype=np.float32)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        function(query, key, value)
        seconds.append(time.perf_counter() - start)
    tracemalloc.start()
    function(query, key, value)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return min(seconds), most_bytes
# %% measure-run tags=["nbval-ignore-output", "output-not-stored"]
def all_at_once(query, key, value):
    return tiled_attention(query, key, value, block_size=len(key), n_threads=1)


sizes, seconds, most_bytes = [512, 1024, 2048, 4096], {}, {}
measured = [measure(all_at_once, n) for n in sizes]
seconds["all at once"], most_bytes["all at once"] = zip(*measured, strict=True)
for n, (t, held) in zip(sizes, measured, strict=True):
    print(f"{n:5,} tokens: {1000 * t:7.2f} ms, {held / 1e6:6.2f} MB")
# %% [markdown] exponent-text
# How fast do they grow? Say that the time is $c\, n^p$. Then twice the tokens take $2^p$ times as long: twice for
# $p = 1$, four times for $p = 2$. And since $\log t = \log c + p \log n$, the exponent $p$ is the slope of a straight
# line through the logarithms.
# %% exponent-fit tags=["nbval-ignore-output", "output-not-stored"]
for name, amounts in {"time": seconds, "memory": most_bytes}.items():
    exponent, _ = np.polyfit(np.log(sizes), np.log(amounts["all at once"]), 1)
    print(f"{name:6} grows as n to the power of {exponent:.2f}")
question = "Drag the mark along the lines. Where would your computer's memory be full?"
Cost(sizes, seconds, most_bytes, question=question)
# %% exponent-arrays
n = sizes[-1]  # and if in doubt, count: which array fills the memory?
shapes = {"query, key, value": (3, n, 32), "weights": (n, n), "output": (n, 32)}
for name, shape in shapes.items():
    print(f"{name:17}  {shape!s:13}  {4 * np.prod(shape) / 1e6:6.2f} MB")
print(f"measured: {most_bytes['all at once'][-1] / 1e6:.0f} MB")
# %% [markdown] three-title
# The memory's exponent is close to 2, and that of the time is somewhere around it: below, where small problems are over
# before the fixed costs are; above, where large tables no longer fit into the processor's own fast memory, or where it
# is busy.
#
# It is the weights that fill the memory, and hardly anything else. They are big, and only needed for a moment: what we
# want is the output. Can we do without the table?
#
# ## Softmax in pieces: three numbers by hand
#
# The obstacle is softmax. A weight is an exponential over the *sum* of all exponentials, with the largest score of
# *all* subtracted. So it seems that one must see the whole row first. Take a row of three scores, $\log 1$, $\log 2$,
# $\log 4$, with the values 14, 7 and 0. All at once, the exponentials are 1, 2 and 4 sevenths of their sum:
# %% three-at-once
scores, value = np.log([1.0, 2.0, 4.0]), np.array([14.0, 7.0, 0.0])
exponentials = np.exp(scores - scores.max())
print(exponentials, exponentials @ value / exponentials.sum())
# %% [markdown] three-first
# Now they come one after the other, and each is forgotten when the next one comes. We keep three numbers only: the
# **largest** score so far, the **total** of the exponentials, and the values **mixed** by them. After the first score
# that is easy, for $e^0 = 1$:
# %% three-step-one
largest, total, mixed = np.log(1.0), 1.0, 14.0
print(f"total {total}, mixed {mixed}: output so far {mixed / total}")
# %% [markdown] three-second
# The second score, $\log 2$, is larger. What we have summed was counted against the old maximum. But
# $e^{s - \text{new}} = e^{s - \text{old}} \cdot e^{\text{old} - \text{new}}$: one factor brings *everything old* to the
# new maximum. Here it is a half, and the new score itself counts $e^0 = 1$.
# %% three-step-two
fade = np.exp(largest - np.log(2.0))
largest, total, mixed = np.log(2.0), total * fade + 1, mixed * fade + 1 * 7.0
print(f"fade {fade:.3f}, total {total:.3f}, mixed {mixed:.3f}")
fade = np.exp(largest - np.log(4.0))  # the third score is larger again, by log 2 again
largest, total, mixed = np.log(4.0), total * fade + 1, mixed * fade + 1 * 0.0
print(f"fade {fade:.3f}, total {total:.3f}, mixed {mixed:.3f}: output {mixed / total:.3f}")
# %% [markdown] three-close
# The same 4, and we have divided once, at the end. This is the **online softmax**. (And if the new score is *not*
# larger? Then the maximum stays, the factor is $e^0 = 1$, and the new exponential is below 1.)
#
# Nothing changes if a *block* of scores comes at a time. Step through one.
# %% blocks-widget
question = "Which block makes the old fade? Does the last output depend on the size of the blocks?"
OnlineSoftmax(block_size=3, step=2, question=question)
# %% [markdown] tiled-text
# Do this for all queries, block by block, and you have attention without the table. Is it the same?
# %% tiled-same
query, key, value = rng.standard_normal((3, 200, 32))
expected = weighted_sum(attention_weights(query, key), value)
for size in (1, 7, 64, 500):
    output = tiled_attention(query, key, value, block_size=size, n_threads=1)
    print(f"blocks of {size:3}: {np.allclose(output, expected)}")
# %% tiled-measure tags=["nbval-ignore-output"]
def in_blocks(query, key, value):
    return tiled_attention(query, key, value, block_size=64, n_threads=1)


measured = [measure(in_blocks, n) for n in sizes]
seconds["in blocks"], most_bytes["in blocks"] = zip(*measured, strict=True)
for name, amounts in most_bytes.items():
    per_token = np.diff(amounts) / np.diff(sizes) / 1000
    print(f"{name:11} KB for each further token:", " ".join(f"{more:5.1f}" for more in per_token))
# %% [markdown] tiled-close
# All at once, a further token costs more and more. In blocks it costs the same at any length: hardly more than its own
# output, 32 numbers of 4 bytes. **Memory grows with $n$** (and the block's own few arrays are a fixed cost). On a
# graphics processor this also saves time, since moving a table to and from the memory takes longer than computing with
# it (*FlashAttention*). But the number of products stays $n^2$. To do less, one must leave something out.
#
# ## A window
#
# Let each token see only itself and the `window` tokens before it.
# %% window-count
for n in (500, 1000, 2000):
    pairs = sliding_window_mask(n, n, (100, 0)).sum()
    print(f"{n:5,} tokens: {pairs:7,} pairs in the window, {n * (n + 1) // 2:9,} in the whole past")
# %% window-measure tags=["nbval-ignore-output", "output-not-stored"]
def in_window(query, key, value):
    return tiled_attention(query, key, value, window=(100, 0), block_size=64, n_threads=1)


measured = [measure(in_window, n) for n in sizes]
seconds["in a window"], most_bytes["in a window"] = zip(*measured, strict=True)
question = "Three ways. Which lines run parallel, in time and in memory?"
Cost(sizes, seconds, most_bytes, question=question)
# %% [markdown] window-text
# Now time grows with $n$, too. (Memory seems to grow even more slowly than $n$ in blocks. That is the fixed cost, which
# hides the growth as long as $n$ is small.) But isn't the beginning of the text lost?
# %% window-predict
ask("predict_window_reach")
# %% window-answer
answer = ...  # "a", "b" or "c"
check("predict_window_reach", answer)
# %% [markdown] cache-title
# What is far can still be heard of, through others. It can't be *looked up* any more, though.
#
# ## Token by token: the cache
#
# A model that writes makes one token at a time, and each new token attends to all before it. Which of their vectors
# does it need?
# %% cache-predict
ask("predict_cache_reads")
# %% cache-answer
answer = ...  # "a", "b" or "c"
check("predict_cache_reads", answer)
# %% cache-spoil
query, key, value = rng.standard_normal((3, 6, 4))
tokens = {"queries": query, "keys": key, "values": value}
is_earlier = np.arange(6)[:, np.newaxis] < 5
for name, array in tokens.items():
    spoiled = {**tokens, name: np.where(is_earlier, np.nan, array)}
    output = attention(*spoiled.values(), is_causal=True)[-1]
    found = "lost" if np.isnan(output).any() else "as before"
    print(f"all earlier {name} destroyed: the last output is {found}")
# %% [markdown] cache-text
# A query asks once, when its token comes. Keys and values are asked again by every later token, so *they* are kept: the
# **key-value cache**. Count what step $t + 1$ reads: one query, $t + 1$ keys, $t + 1$ values.
# %% cache-decode
cache, outputs = KeyValueCache(), []
for t in range(6):
    keys, values = cache.append(key[[t]], value[[t]])
    outputs.append(attention(query[[t]], keys, values))
    print(f"step {t + 1} reads 1 query, keys: {len(keys)}, values: {len(values)}")
np.allclose(np.vstack(outputs), attention(query, key, value, is_causal=True))
# %% [markdown] shared-title
# What does it save? Without it, every step would make all keys again from the tokens: 500,500 keys for a text of 1,000
# tokens, in place of 1,000.
#
# ## Heads that share
#
# The cache has its price: it must be held, and read *for every single token*. Most models of today make it smaller:
# groups of query heads share one head of keys and values.
# %% shared-predict
ask("predict_shared_heads")
# %% shared-answer
answer = ...  # "a", "b" or "c"
check("predict_shared_heads", answer)
# %% shared-measure
query = rng.standard_normal((8, 1, 16))  # 8 query heads, 1 new token
key, value = rng.standard_normal((2, 2, 100, 16))  # 2 heads of each, 100 tokens
output = attention(query, repeat_kv(key, 4), repeat_kv(value, 4))  # each serves 4
print(output.shape, np.allclose(output, attention(query, key, value)))
# %% [markdown] paper-title
# (`attention` finds the groups by itself, without copies.)
#
# ## On paper: up to ten million tokens
#
# Now write the bill of a middle-sized language model: 32 layers, 32 heads of 128 components, 8 of them for keys and
# values, 2 bytes for each number. A product of two matrices takes two operations for each pair and component, and
# attention has two such products. Let the processor do $10^{14}$ operations a second.
# %% paper-bill
n_layers, n_heads, n_kv_heads, d_k, window = 32, 32, 8, 128, 4096
for n in (1_000, 100_000, 10_000_000):
    table = 2 * n**2 / 1e9  # of one head, in GB
    cached = [2 * 2 * n_layers * heads * d_k * n / 1e9 for heads in (n_heads, n_kv_heads)]
    reach = min(window, n - 1)  # the first tokens have fewer before them
    pairs = [n * (n + 1) / 2, n * (reach + 1) - reach * (reach + 1) / 2]
    full, near = (4 * n_layers * n_heads * d_k * count / 1e14 for count in pairs)
    print(f"{n:,} tokens\n  one table of weights {table:11,.3f} GB")
    print(f"  cache                {cached[0]:11,.3f} GB, with shared heads {cached[1]:,.3f} GB")
    print(f"  attention, all pairs {full:11,.3f} s,  in a window of {window:,} {near:,.3f} s")
question = "One head, 4 bytes a number, counted. At 10 million: which line still fits into 16 GB?"
Cost(at=10_000_000, question=question)
# %% [markdown] cost-summary
# At 1,000 tokens, nothing of this matters. At 100,000 a single table would take 20 GB, and there are 32 heads in each
# layer: nobody holds tables any more. At ten million it would be 200,000 GB, the cache of one text is 1,311 GB even
# with shared heads, and reading the text once takes three days. A window makes four minutes of it, and gives up the
# direct links.
#
# ## Summary
#
# * All pairs: time and memory grow as $n^2$. The memory is the table of weights.
# * Online softmax keeps a maximum, a sum and a mixture for each query. The output is the same, memory grows with $n$,
#   time still with $n^2$.
# * A window makes time grow with $n$, and gives up direct links. A cache keeps keys and values, never queries; shared
#   heads make it smaller.
#
# **On your own:** [exercise 09](../exercises/09_cost.ipynb): a window, the online softmax and a cache.
#
# ## In practice
#
# * This course's `attention` goes over to blocks by itself where the table would be large.
# * On long texts, decoding waits for memory and not for arithmetic: every token reads the whole cache. That is why its
#   size counts twice.
#
# ## Further reading
#
# * Milakov and Gimelshein 2018, *Online normalizer calculation for softmax*.
# * Dao et al. 2022, *FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness*.
# * Ainslie et al. 2023, *GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints*.
# * Beltagy, Peters and Cohan 2020, *Longformer: The Long-Document Transformer*.
#
# **Next:** [lesson 10](10_training.ipynb), training.
