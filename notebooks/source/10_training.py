# ---
# title: Training
# minutes: 30
# ---
# %% [markdown] training-title
# # 10 Training
#
# **What you'll do:** lead a gradient back through attention by hand, train a small transformer, catch it leaning on the
# nearest word, and try three cures. About 30 minutes.
#
# **What you'll learn:** why large scores stop learning, how a model can be right for the wrong reason, and how to
# measure what its heads do.
#
# **What you need:** [lesson 07](07_multi_head.ipynb): heads. [Lesson 08](08_positions.ipynb): positions. What a
# derivative is.
# %% training-imports
import tempfile
from pathlib import Path

import numpy as np

from course_lib import plots
from course_lib.attention import (
    attention,
    attention_backward,
    attention_entropy,
    multi_head_attention,
    sinusoidal_positions,
    softmax,
    softmax_backward,
)
from course_lib.checks import ask, check
from course_lib.models import (
    WORDS,
    ProgressBar,
    Regularization,
    TrainingOptions,
    TrainingRun,
    Transformer,
    TransformerConfig,
    draw_sentences,
    share_right,
)
from course_lib.widgets import AttentionStage, Training

rng = np.random.default_rng(0)
np.set_printoptions(precision=3, suppress=True)
# %% [markdown] gradient-title
# ## Back through softmax, by hand
#
# A model learns by small steps. A **loss** says how wrong it was. The **gradient** says, for each number in the model,
# how much the loss grows when that number grows a little. Then every number takes a small step the other way.
#
# The loss sees the output, so its gradient has to be led back: output, weights, scores. The step through softmax is
# the interesting one. Two scores, with weights 0.75 and 0.25, and say the loss grows by 16 for each unit of weight 0.
#
# Raise score 0 a little. Its own weight grows by $w_0 (1 - w_0)$ for each unit, and the other one shrinks by $w_0 w_1$,
# since they share out 1. Both are 3/16 here. So the loss grows by $16 \cdot 3/16 = 3$. Raise score 1, and weight 0
# shrinks by 3/16: the loss falls by 3.
#
# For any number of keys that is a matrix: $w_j (1 - w_j)$ on the diagonal, $-w_j w_k$ elsewhere. Multiply it out, and
# the matrix is gone. What is left takes one sum a row:
#
# $$\text{grad\_scores}_j = w_j \left(g_j - \sum_k w_k\, g_k\right)$$
# %% gradient-hand
weights, grad_weights = softmax([np.log(3), 0.0]), np.array([16.0, 0.0])
# %% gradient-matrix
derivative = np.diag(weights) - np.outer(weights, weights)
print(weights, derivative @ grad_weights)
softmax_backward([weights, [0.5, 0.5]], [grad_weights, [4.0, 0.0]])  # two rows
# %% [markdown] check-title
# Each row sums to 0: weights compete, and what one gains the others lose.
#
# The other steps are matrix products, whose gradients are matrix products, too. With the weights $W$, and $G$ for the
# gradient of the output, all of attention is as follows. $\text{grad}_S$ comes out of $\text{grad}_W$ by the formula
# above.
#
# $$\text{grad}_V = W^\top G \qquad \text{grad}_W = G\, V^\top$$
#
# $$\text{grad}_Q = \frac{\text{grad}_S\, K}{\sqrt{d_k}} \qquad
# \text{grad}_K = \frac{\text{grad}_S^\top\, Q}{\sqrt{d_k}}$$
#
# Never trust a gradient by hand that you have not checked. Move each number up and down a little, and see what the loss
# does.
# %% check-numeric
def numeric_gradient(loss, array, step=1e-6):
    grad = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        change = np.zeros_like(array)
        change[index] = step
        grad[index] = (loss(array + change) - loss(array - change)) / (2 * step)
    return grad
# %% check-measure
arrays = [rng.standard_normal(shape) for shape in [(2, 4), (3, 4), (3, 5)]]  # query, key, value
grad_output = rng.standard_normal((2, 5))
by_hand = attention_backward(*arrays, grad_output)
for place, name in enumerate(["query", "key", "value"]):

    def loss(changed, place=place):
        given = [*arrays[:place], changed, *arrays[place + 1 :]]
        return np.sum(attention(*given) * grad_output)

    difference = np.abs(by_hand[place] - numeric_gradient(loss, arrays[place])).max()
    print(f"{name}: largest difference below 1e-8 is {difference < 1e-8}")
# %% [markdown] scale-title
# ## Large scores stop learning
# %% scale-predict
ask("predict_sharp_weights")
# %% scale-answer
answer = ...  # "a", "b" or "c"
check("predict_sharp_weights", answer)
# %% scale-stage
query = [[3.0, -0.5], [0.0, 2.0], [-2.0, 1.0]]
key = [[2.0, 0.0], [1.3, 1.0], [0.3, -1.0]]
value = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
question = "From which scale on does key 0 get more than 99 % of query 0?"
show, controls = ("scores", "weights"), ("query",)
stage = AttentionStage(query, key, value, show=show, controls=controls, question=question)
stage
# %% scale-slider tags=["nbval-ignore-output"]
stage.sliders("scale")
# %% scale-gradient tags=["nbval-ignore-output"]
print("weights of query 0:", stage.weights[0])  # move the scale, then run this cell again
print("gradient that reaches its scores:", softmax_backward(stage.weights[0], [1.0, 0.0, 0.0]))
# %% [markdown] scale-measure-text
# Does that happen with real sizes? Random queries and keys, 8 keys, and a random gradient of the weights. How large is
# what reaches the scores, without a scale and with $1/\sqrt{d_k}$?
# %% scale-measure
sizes = [4, 16, 64, 256, 1024]
reaching = {"no scale": [], "1 / sqrt(d_k)": []}
for d_k in sizes:
    query, key = rng.standard_normal((1000, 1, d_k)), rng.standard_normal((1000, 8, d_k))
    grad_weights = rng.standard_normal((1000, 1, 8))
    for name, scale in zip(reaching, [1, 1 / np.sqrt(d_k)], strict=True):
        weights = softmax(query @ key.swapaxes(-1, -2) * scale)
        reaching[name].append(np.linalg.norm(softmax_backward(weights, grad_weights), axis=-1))
for name, norms in reaching.items():
    shares = [f"{np.mean(norm < 1e-3):.0%}" for norm in norms]
    print(f"{name:14} less than 0.001 arrives, share of queries: {shares}")
means = {name: [np.mean(norm) for norm in norms] for name, norms in reaching.items()}
plots.lines(np.log2(sizes), means, xlabel="log2 of d_k", ylabel="mean size of the gradient")
# %% [markdown] scale-text
# Without the scale, weights become one-hot as $d_k$ grows. At 256 every second query gets next to no gradient any more:
# whatever it looks at, right or wrong, it can hardly change its mind. With the scale, $d_k$ makes no difference. This
# is the reason that the paper of 2017 gives for $1/\sqrt{d_k}$.
#
# ## A task with a trap
#
# "The **keys** behind the old dog near the **cats** ..." goes on with "are", because of the keys. In the sentences to
# learn from, the last noun has the subject's number 95 times in 100. In held-out ones, which the model never learns
# from, it says nothing.
# %% task-sentences
sentences = draw_sentences(600, agreement=0.95, rng=np.random.default_rng(0))
held_out = draw_sentences(500, agreement=0.5, rng=np.random.default_rng(100))
for index in (0, 1):
    print(" ".join(sentences.words(index)), "->", WORDS[sentences.targets[index, -1]])
# %% [markdown] model-text
# The model is what you have built: tokens and positions, one layer of 4 heads, a feed-forward layer, and layer norm
# (each token to mean 0 and spread 1) before each. Before training its biases are 0, and it is five lines, one
# for norm and four for the rest:
# %% model-five-lines
model = Transformer(TransformerConfig(len(WORDS), n_layers=1), np.random.default_rng(0))
p = {name.rpartition("layer_0.")[-1]: array for name, array in model.parameters.items()}
w_heads = [p[f"attention.w_{kind}"] for kind in ("query", "key", "value", "output")]


def norm(x):
    return (x - x.mean(axis=-1, keepdims=True)) / x.std(axis=-1, keepdims=True)


x = p["embedding"][held_out.tokens] + sinusoidal_positions(16, 32)
x = x + multi_head_attention(norm(x), *w_heads, n_heads=4)
x = x + np.maximum(norm(x) @ p["feed_forward.w_hidden"], 0) @ p["feed_forward.w_output"]
logits = norm(x) @ p["output.weight"] + p["output.bias"]
np.allclose(logits, model.forward(held_out.tokens).logits, atol=1e-3)
# %% [markdown] train-text
# Training repeats four things: draw 50 sentences, run them, lead the gradient of the loss back through every layer,
# take a step. All of it is NumPy, and the seed decides every number. This takes some seconds:
# %% train-run tags=["nbval-ignore-output", "output-varies"]
N_STEPS = 800
plain = TrainingRun(sentences, held_out, TrainingOptions(n_steps=N_STEPS))
plain.run(report=ProgressBar("Training"))
print("        right                    loss\nstep    training  held out    training  held out")
for record in plain.records[::2]:
    right = f"{record.training_accuracy:8.0%}  {record.held_out_accuracy:8.0%}"
    loss = f"{record.training_loss:8.3f}  {record.held_out_loss:8.3f}"
    print(f"{record.step:4}    {right}    {loss}")
# %% [markdown] train-overfit
# The sentences it learns from are all right soon. The held-out ones are not. And their *loss* is higher at the end
# than after 100 steps: the model gets ever more certain, also where it is wrong. That is **overfitting**.
# %% train-widget tags=["nbval-ignore-output", "output-varies"]
kinds = {"training": "training", "held-out": "held_out"}
losses, accuracy = (
    {name: [getattr(r, f"{kind}_{what}") for r in plain.records] for name, kind in kinds.items()}
    for what in ("loss", "accuracy")
)
steps, maps, distance = (
    np.stack([measured(record) for record in plain.records])
    for measured in (lambda r: r.step, lambda r: r.weights[0], lambda r: r.attention_distance[0])
)
question = "When do the curves part? And the last row of each map, the gap: who attends to what?"
Training(
    steps, losses, maps, tokens=held_out.words(0), metrics={"distance at the gap": distance},
    accuracy=accuracy, step=N_STEPS, log_scale=True, question=question,
)
# %% [markdown] trap-title
# ## Right for the wrong reason
#
# What did it learn? Ask it about sentences whose last noun always agrees, then about some where it never does. And take
# held-out sentences, change nothing but the last noun's number, and count the answers that turn round. They should not.
# %% trap-measure tags=["nbval-ignore-output", "output-varies"]
def answers(run, tokens):
    verbs = [WORDS.index("is"), WORDS.index("are")]
    return run.model.forward(tokens).logits[:, -1, verbs].argmax(axis=-1)


turned = held_out.tokens.copy()
turned[:, -2] = (turned[:, -2] + 10) % 20  # words 0 to 9 are nouns, 10 to 19 their plurals
for name, agreement in {"last noun agrees": 1.0, "last noun disagrees": 0.0}.items():
    some = draw_sentences(500, agreement=agreement, rng=np.random.default_rng(100))
    print(f"{name}: {share_right(plain.model.forward(some.tokens).logits, some):.0%} right")
share = np.mean(answers(plain, held_out.tokens) != answers(plain, turned))
print(f"turned by the last noun: {share:.0%}")
# %% [markdown] trap-text
# It leans on the nearest noun: a **local shortcut**. Nothing in the training loss could tell. Can the heads? The mean
# attention distance says how far they look. But first:
# %% distance-predict
ask("predict_mean_distance")
# %% distance-answer
answer = ...  # "a", "b" or "c"
check("predict_mean_distance", answer)
# %% heads-measure tags=["nbval-ignore-output", "output-varies"]
weights = plain.model.forward(held_out.tokens).weights[0][:, :, -1]  # (sentence, head, key)
subject = (held_out.tokens < 20).argmax(axis=1)  # the first noun
for name, numbers in {
    "distance": plain.records[-1].attention_distance[0],
    "entropy": attention_entropy(weights).mean(axis=0),
    "on the subject": weights[np.arange(500), :, subject].mean(axis=0),
    "on the last noun": weights[:, :, -2].mean(axis=0),
}.items():
    print(f"{name:17} head 0 to 3: {numbers}")
print(f"diversity of the heads, 0 to 1: {plain.records[-1].diversity[0]:.2f}")
# %% [markdown] heads-text
# If a head looked at all 16 tokens alike, its distance would be 7.5. In the mean these look farther, and still the last
# noun gets more than its sixteenth of the weight. A mean distance alone would not have found the trap. And do large
# weights say who decides?
# %% large-predict
ask("predict_large_weight")
# %% large-answer
answer = ...  # "a", "b" or "c"
check("predict_large_weight", answer)
# %% ablate-measure tags=["nbval-ignore-output", "output-varies"]
for head in range(4):
    logits = plain.model.forward(held_out.tokens, without_heads=[(0, head)]).logits
    print(f"without head {head}: {share_right(logits, held_out):.0%} right in held-out sentences")
# %% [markdown] ablate-text
# To know what a head is *for*, take it out and look at the answers. That is called **ablation**. Here some
# heads are missed more than others, none does it all, and no table of weights would have told.
#
# ## Three cures
#
# * **Attention dropout**: in each step, drop weights at random, so that no single key can be relied on.
# * **Weight decay**: in each step, all matrices shrink a little. What the loss does not need fades.
# * **Head diversity**: subtract from the loss a bit for heads that attend differently.
# %% dropout-predict
ask("predict_dropped_row")
# %% dropout-answer
answer = ...  # "a", "b" or "c"
check("predict_dropped_row", answer)
# %% cures-run tags=["nbval-ignore-output", "output-varies"]
# The long one: four trainings, one for each cure and one for all. Same sentences, same seed.
cures = {
    "dropout 0.3": {"regularization": Regularization(attention_dropout=0.3)},
    "weight decay 1": {"weight_decay": 1.0},
    "head diversity 0.05": {"regularization": Regularization(head_diversity=0.05)},
    "all three": {"weight_decay": 1.0, "regularization": Regularization(0.3, 0.05)},
}
runs = {"plain": plain}
for name, options in cures.items():
    options = TrainingOptions(n_steps=N_STEPS, record_every=N_STEPS, **options)
    runs[name] = TrainingRun(sentences, held_out, options)
    runs[name].run(report=ProgressBar(name))
# %% cures-measure tags=["nbval-ignore-output", "output-varies"]
print(f"{'':20} training  held out  turned  diversity")
for name, run in runs.items():
    last, turns = run.records[-1], np.mean(answers(run, held_out.tokens) != answers(run, turned))
    right = f"{last.training_accuracy:8.0%}  {last.held_out_accuracy:8.0%}"
    print(f"{name:20} {right}  {turns:6.0%}  {last.diversity[0]:9.2f}")
# %% [markdown] cures-table
# One run is one roll of the dice, and not even the same on every machine: another processor adds in another order, and
# 800 steps make much of a last digit. So your table may name another winner than a neighbour's. Here are means over
# five seeds, each with its own 600 sentences, and in brackets the lowest and the highest seed. The last column pairs
# each run with the plain run of the same seed. (From the [benchmark](../docs/training_benchmark.md), which has more
# columns.)
#
# | setting | held-out accuracy | turned by the last noun | above plain |
# |---|---|---|---|
# | plain | 83 % (72 % to 92 %) | 29 % (13 % to 46 %) | |
# | dropout 0.3 | 88 % (80 % to 97 %) | 24 % (7 % to 38 %) | 4 of 5 |
# | weight decay 1 | 92 % (89 % to 95 %) | 15 % (8 % to 22 %) | 5 of 5 |
# | head diversity 0.05 | 82 % (73 % to 91 %) | 33 % (16 % to 48 %) | 1 of 5 |
# | all three | 96 % (82 % to 100 %) | 8 % (0 % to 34 %) | 5 of 5 |
#
# What may you say? What a seed happens to draw makes more of a difference, 72 % to 92 %, than most cures do.
# Weight decay helps with every seed. Dropout helps a little, not always. Head diversity does what it says, the heads do
# differ more (0.62 against 0.45), but the answers get no better: that is within the spread. All three together are best
# in the mean, and with one seed in five the shortcut still holds on.
#
# Weight decay even makes the heads *more* alike (0.20), and then one head carries much: without it, accuracy falls to
# 62 % in the mean. Diverse heads and good answers are two things.
#
# ## Stopped and resumed
#
# Long trainings get interrupted. Half of one, stored, loaded and finished, against one in a single go:
# %% resume-measure
options = TrainingOptions(n_steps=20, record_every=10, **cures["all three"])
whole, half = (TrainingRun(sentences, held_out, options) for _ in range(2))
whole.run()
half.run(10)
with tempfile.TemporaryDirectory() as folder:
    half.save(Path(folder) / "half.npz")
    resumed = TrainingRun.load(Path(folder) / "half.npz")
resumed.run()
again = resumed.model.parameters
all(np.array_equal(array, again[name]) for name, array in whole.model.parameters.items())
# %% [markdown] training-summary
# Equal in every bit, dropout and all: each step draws from a generator made of the seed and the number of the step.
#
# ## Summary
#
# * The gradient of the scores is $w_j (g_j - \sum_k w_k g_k)$. Where a weight is nearly 1, almost nothing arrives, so
#   scores are kept small.
# * A model can be right in all it learned from, and lean on a local shortcut. Test it where the shortcut fails.
# * Weights tell where a head looks, ablation what it is for. A difference counts when it is larger than the spread over
#   seeds.
#
# **On your own:** [exercise 10](../exercises/10_training.ipynb): the gradient, two measures of heads, and dropout.
#
# ## In practice
#
# * Libraries find gradients by themselves (automatic differentiation). Ours agree with PyTorch's; a test compares them.
# * Large language models of today often train without attention dropout, since they see each text about once. Weight
#   decay has stayed.
# * A shortcut is found by sentences that are made to break it, as here. Accuracy on more of the same finds none.
#
# ## Further reading
#
# * Linzen, Dupoux and Goldberg 2016, *Assessing the Ability of LSTMs to Learn Syntax-Sensitive Dependencies*: this
#   task, with real sentences.
# * Geirhos et al. 2020, *Shortcut Learning in Deep Neural Networks*.
# * Michel, Levy and Neubig 2019, *Are Sixteen Heads Really Better than One?*: ablation of heads.
# * Jain and Wallace 2019, *Attention is not Explanation*; Wiegreffe and Pinter 2019, *Attention is not not
#   Explanation*.
#
# **Next:** [lesson 11](11_real_model.ipynb): a real model, run by the functions that you wrote.
