# ---
# title: A real model
# minutes: 30
# ---
# %% [markdown] real-title
# # 11 A real model
#
# **What you'll do:** run a real language model, SmolLM2-135M, with the functions that you wrote, and find out what some
# of its 270 heads do. About 30 minutes.
#
# **What you'll learn:** that attention in a real model is made of the steps that you wrote and of nothing else, how
# heads are found by what they do, and what their weights do not tell.
#
# **What you need:** [lesson 08](08_positions.ipynb): positions. [Lesson 09](09_cost.ipynb): the cache.
# [Lesson 10](10_training.ipynb): leaving out a head. And the model: run `course model fetch` in a terminal, once. It
# downloads 93 MB and takes 640 MB on disk.
# %% real-imports
import numpy as np

from course_lib.attention import induction_score, previous_token_score
from course_lib.checks import ask, check
from course_lib.models import ProgressBar
from course_lib.models.language_model import (
    carried_sizes,
    effect_without,
    first_token_score,
    generate,
    head_weights,
    load_model,
    repeated_tokens,
    strongest_heads,
    token_losses,
    with_weights_of,
)
from course_lib.widgets import AllHeads

np.set_printoptions(precision=2, suppress=True)
# %% [markdown] load-title
# ## What is in the file
#
# SmolLM2 was made by Hugging Face in 2024. Its file has a list of tokens and the numbers that training found, nearly
# all squeezed into 4 or 8 bits each. The library turns them back into float32. The rest is arithmetic that you know.
# %% load-model tags=["nbval-ignore-output"]
model = load_model(or_stand_in=True, report=ProgressBar("Writing out the weights"))
model
# %% load-tokens tags=["nbval-ignore-output"]
tokens = model.tokenizer.encode("Attention in 2017: naïve 😀")
print(tokens)
print(*model.tokenizer.pieces(tokens), sep="|")
# %% [markdown] tokens-text
# Frequent words are one token, with the blank in front. Rare ones are several, a digit is always one, and the smiley is
# cut between its bytes. Each token has a vector, its row in one table:
# %% load-sizes tags=["nbval-ignore-output"]
config = model.config
for name in ["vocabulary_size", "d_model", "n_layers", "n_heads", "n_kv_heads", "d_k", "d_hidden"]:
    print(f"{name:16} {getattr(config, name):6,}")
# %% [markdown] layer-text
# Each of the 30 layers does what the model of lesson 10 did: `x + part(norm(x))`, for attention and then for the
# feed-forward part, which works on each token by itself. The differences are small:
#
# * positions are rotations of queries and keys (lesson 08), not something that is added to the tokens;
# * the norm divides by the size of the vector only: $x / \sqrt{\text{mean}(x^2)}$, times a learned gain;
# * the feed-forward part has a gate: $(\text{silu}(xW_\text{gate}) \cdot xW_\text{up})\,W_\text{down}$;
# * three query heads share one head of keys and values, so that the cache is a third as large.
#
# And how does a word come out? The vector that the last layer leaves for the last token is compared, by dot product,
# with the vector of every token in the table. That gives 49,152 scores for what comes next. The token with the highest
# one is written down, put behind the text, and the model runs again.
#
# ## Your functions
#
# Here are all steps of attention as the exercises ask for them. Paste your own over these.
#
# One remark on `rotate`: yours turns with the base 10,000, and this model was trained with 100,000. The first pair of
# components turns by its position itself, whatever the base. So the library hands your function one pair at a time, and
# as its position the angle that it shall turn by.
# %% functions-heads
def project(x, weight):
    return x @ weight


def split_heads(x, n_heads):
    return x.reshape(len(x), n_heads, -1).swapaxes(0, 1)


def merge_heads(x):
    return x.swapaxes(0, 1).reshape(x.shape[1], -1)


def repeat_kv(x, n_repeats):  # exercise 11
    return np.repeat(x, n_repeats, axis=-3)
# %% functions-positions
def rotate(x, positions):
    d_k = x.shape[-1]
    angles = np.asarray(positions)[:, np.newaxis] * 10_000.0 ** (-np.arange(0, d_k, 2) / d_k)
    turned = np.empty_like(x)
    turned[..., 0::2] = x[..., 0::2] * np.cos(angles) - x[..., 1::2] * np.sin(angles)
    turned[..., 1::2] = x[..., 0::2] * np.sin(angles) + x[..., 1::2] * np.cos(angles)
    return turned


def causal_mask(seq_len):
    return np.tri(seq_len, dtype=bool)
# %% functions-attention
def scaled_scores(query, key):
    return query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])


def softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def weighted_sum(weights, value):
    return weights @ value
# %% functions-use tags=["nbval-ignore-output"]
yours = model.use(
    project=project, split_heads=split_heads, rotate=rotate, repeat_kv=repeat_kv,
    causal_mask=causal_mask, scaled_scores=scaled_scores, softmax=softmax,
    weighted_sum=weighted_sum, merge_heads=merge_heads,
)  # fmt: skip
question = "What is the capital of France?"
answer = generate(yours, question)
# %% [markdown] functions-answer
# That was your attention, in every layer, for every token. If you doubt it, count the calls:
# %% functions-calls tags=["nbval-ignore-output"]
print(f"{len(answer.prompt)} tokens read, {len(answer.tokens)} written")
yours.calls
# %% [markdown] calls-text
# The whole question goes in at once, and then each new token by itself, with the keys and values of all before it in a
# cache. The reading counts as one run, and so does each token that was written: 8 runs through 30 layers are 240
# calls of softmax. (`repeat_kv` is called for keys and for values, `project` before the heads and after them: twice as
# often.)
#
# To see that a step matters, break it. The scale first, and then the order in which heads are shared:
# %% break-scale tags=["nbval-ignore-output"]
def without_scale(query, key):
    return query @ key.swapaxes(-1, -2)


def heads_in_turn(x, n_repeats):
    return np.concatenate([x] * n_repeats)


print("without the scale:")
generate(yours.use(scaled_scores=without_scale), question, n_tokens=15)
print("heads in turn, a b c a b c:")
answer = generate(yours.use(repeat_kv=heads_in_turn), question, n_tokens=15)
# %% [markdown] mask-title
# ## A question without the mask
#
# The question is all there before the answer begins. Does reading it need the causal mask?
# %% mask-predict
ask("predict_without_mask")
# %% mask-answer
answer = ...  # "a", "b" or "c"
check("predict_without_mask", answer)
# %% mask-measure tags=["nbval-ignore-output"]
def everything_allowed(seq_len):
    return np.ones((seq_len, seq_len), dtype=bool)


answer = generate(yours.use(causal_mask=everything_allowed), question, n_tokens=20)
# %% [markdown] induction-title
# ## Heads found by what they do
#
# No list says what a head is for. But you can make a text in which only one kind of head is of use, and see who
# responds. Fifty random tokens, and then the same fifty again: nothing but the first block says how the second goes on.
#
# A loss says how surprised the model is by a token: $-\ln p$, with $p$ the probability that it gave the token before it
# came. Its unit is the nat. Guess before you run the cell: is the second block less of a surprise than the first?
# %% induction-weights tags=["nbval-ignore-output"]
block = 50
tokens = repeated_tokens(model, block, rng=np.random.default_rng(0))
losses = token_losses(model, tokens)
print(f"first block: {losses[: block - 1].mean():.1f} nats a token, ", end="")
print(f"second block: {losses[block:].mean():.1f}")
print(f"equal shares for all tokens: {np.log(config.vocabulary_size):.1f}")
weights = head_weights(model, tokens)
weights.shape
# %% [markdown] induction-text
# The first block surprises it more than if it gave every token an equal share: it expects language, and meets none. By
# the second block it is far less surprised. No training taught it this block, so it has to look up, as it reads, what
# came next the last time. Where token A comes again, that is the key *after* the first A. A head that looks there is an
# **induction head**, and its score is the mean weight that it gives to that key. (You write it in the exercise.)
# %% induction-scores tags=["nbval-ignore-output"]
print("induction:     ", *strongest_heads(induction_score(weights, block), 3), sep="\n  ")
print("previous token:", *strongest_heads(previous_token_score(weights), 3), sep="\n  ")
# %% [markdown] circuit-text
# Two kinds of heads work hand in hand. In an earlier layer a **previous-token head** writes into each token which one
# stood before it. In a later layer an induction head asks "who came after a token like me?", and finds the key that
# says so. If that is so, the one should be lost without the other:
# %% circuit-measure tags=["nbval-ignore-output"]
for left_out in ([], [(16, 0)], [(11, 1)]):
    found = induction_score(head_weights(model, tokens, without_heads=left_out), block)
    who = [f"without layer {layer} head {head}" for layer, head in left_out]
    both = f"layer 18 head 6 {found[18, 6]:.2f}, layer 17 head 4 {found[17, 4]:.2f}"
    print(f"{''.join(who) or 'with all heads'}: {both}")
# %% [markdown] widget-text
# The induction heads live on what layer 16 head 0 writes. (And layer 11 head 1, with nearly the same score, is of no
# use to them: a score alone does not tell.)
#
# Below are all 270 heads on a text that repeats itself. The second Mary is picked. Pick others, and sort by what you
# look for:
# %% induction-widget tags=["nbval-ignore-output"]
text = "I met Mary Smith near a forest. Who else has met Mary Smith there?"
pieces = model.tokenizer.encode(text)
question_line = "Which heads look at what came after the first Mary?"
scores = {
    "induction": induction_score(weights, block),
    "previous token": previous_token_score(weights),
    "first token": first_token_score(weights),
}
AllHeads(
    head_weights(model, pieces), scores, selected=12, question=question_line,
    tokens=[word.strip() for word in model.tokenizer.pieces(pieces)],
)  # fmt: skip
# %% [markdown] without-title
# ## Without a head
#
# A score says where a head looks. Whether that matters, you see when the head is left out (an **ablation**).
# %% without-predict
ask("predict_without_one_head")
# %% without-answer
answer = ...  # "a", "b" or "c"
check("predict_without_one_head", answer)
# %% without-measure tags=["nbval-ignore-output"]
heads = [(18, 6), (18, 5), (18, 0), (16, 0), (11, 1)]
effect = effect_without(model, tokens, heads, first=block + 1, report=ProgressBar("Leaving out"))
for layer, head in heads:
    print(f"without layer {layer} head {head}: {effect[layer, head]:+z.2f} nats a token")
# %% [markdown] without-text
# One head of 270, and the loss on the second block rises clearly. Its neighbours are not missed at all here. Without
# the previous-token head of layer 16 it rises even more, since the induction heads lose what they look for.
#
# ## Nothing to look for
#
# Weights sum to 1, also where a head has found nothing. Where do they go then? Guess a number before you run the cell:
# how much of its weight does a head give to the first token of the text, the mean over all heads and all later tokens?
# %% sink-measure tags=["nbval-ignore-output"]
sinks = first_token_score(weights)
equal = np.mean(1 / np.arange(2, len(tokens) + 1))
print(f"mean weight on the first token: {sinks.mean():.0%} (equal shares: {equal:.0%})")
print(f"heads that give it more than half: {np.sum(sinks > 0.5)} of {sinks.size}")
# %% sink-carried tags=["nbval-ignore-output"]
sizes = carried_sizes(model, tokens)
share = (sizes / sizes.sum(axis=-1, keepdims=True))[:, :, 1:, 0].mean(axis=-1)
print(f"first token: {sinks.mean():.0%} of the weight, {share.mean():.0%} of what is carried away")
for layer, head in [(23, 3), (23, 1)]:
    both = f"{sinks[layer, head]:.0%} of the weight, {share[layer, head]:.0%} of what is carried"
    print(f"  in layer {layer} head {head}: {both}")
# %% [markdown] sink-text
# The first token is an **attention sink**: about half of all weight rests there, whatever the token is. What a key
# brings is its weight times its value, and its size is $|w_{ij}\, v_j W_O|$. The values at the sink are small in many
# heads, so it brings less than its weight says. A large weight on next to nothing is next to nothing.
#
# ## Weights are not the reason
#
# A last experiment: two texts, and the weights of one are used for the other, in all heads of all layers.
# %% borrowed-predict
ask("predict_borrowed_weights")
# %% borrowed-answer
answer = ...  # "a", "b" or "c"
check("predict_borrowed_weights", answer)
# %% borrowed-measure tags=["nbval-ignore-output"]
france = model.tokenizer.encode("The capital of France is")
italy = model.tokenizer.encode("The capital of Italy is")


def best_word(scores):
    return model.tokenizer.decode([int(scores.argmax())])


print("The capital of France is" + best_word(model.forward(france)[-1]))
print("The capital of Italy is" + best_word(model.forward(italy)[-1]))
print("Italy, with the weights of France:" + best_word(with_weights_of(model, italy, france)))
# %% [markdown] real-summary
# Not one weight of Italy's own, and still Rome. Weights say from where something is taken. What it is, the values say,
# and what becomes of it, the layers above.
#
# ## Summary
#
# * A real language model runs on the functions that you wrote. It is 30 times the layer that you know.
# * Heads are found by texts in which one kind is of use, and weighed by leaving them out.
# * A weight says where attention goes. The first token gets half of it and brings less, and two answers may differ with
#   the same weights.
#
# **On your own:** [exercise 11](../exercises/11_real_model.ipynb): shared heads, and two scores that find heads. Then
# your functions run the model.
#
# ## In practice
#
# * The scores of the next token are called logits elsewhere. They agree with those of Hugging Face's library
#   transformers on the same weights to 0.001; a test compares them.
# * Generation waits for memory: each token reads all 538 MB of weights once. That is why models are stored in few bits.
# * Sinks are relied on: whoever throws the first tokens out of a cache to save room breaks the model.
#
# ## Further reading
#
# * Allal et al. 2025, *SmolLM2: When Smol Goes Big*: the model.
# * Olsson et al. 2022, *In-context Learning and Induction Heads*.
# * Xiao et al. 2024, *Efficient Streaming Language Models with Attention Sinks*.
# * Kobayashi et al. 2020, *Attention is Not Only a Weight: Analyzing Transformers with Vector Norms*.
# * Jain and Wallace 2019, *Attention is not Explanation*; Wiegreffe and Pinter 2019, *Attention is not not
#   Explanation*.
#
# **Next:** that was the last lesson. You have built it all.
