# ---
# title: Start here
# minutes: 10
# ---
# %% [markdown] start-title
# # Start here
#
# **What you'll do:** move attention with your own hand, see how an answer is checked, and find your way around. About
# 10 minutes.
#
# **What you need:** Python and a little NumPy: arrays, shapes, `@`. No machine learning. The course brings the rest,
# one idea at a time.
#
# A cell runs with **Shift + Enter**. Run them from top to bottom.
# %% start-imports
import numpy as np

from course_lib.checks import evaluate, hint, progress
from course_lib.doctor import doctor
from course_lib.widgets import AttentionStage

np.set_printoptions(precision=2, suppress=True)
# %% [markdown] doctor-title
# ## Is everything in place?
#
# The doctor looks at your Python, the packages, and whether live pictures can run here. Every finding comes with its
# cure. You can ask again at any time, here or with `course doctor` on the command line.
# %% doctor-run tags=["output-not-stored"]
doctor()
# %% [markdown] drag-title
# ## A first drag
#
# Below is the whole mechanism of this course in one picture, with four tokens of a sentence. A token is a word, or a
# piece of one.
#
# 1. Take the tip of the highlighted **query** arrow and drag it towards one of the **key** arrows.
# 2. Watch the **scores**, then the **weights**, then the **output** arrow. All of them follow at once.
# 3. No mouse? Press Tab until a tip is outlined, then use the arrow keys (Shift for bigger steps, Escape to undo).
#
# Nothing here needs to make sense yet. Lessons 01 to 04 explain these four panels, one each.
# %% drag-stage
question = "Where must the query point so that “down” gets almost all of the weight?"
stage = AttentionStage(question=question)
stage
# %% [markdown] state-text
# The picture and Python share one state. These are the numbers of the picture as it is now: drag something, run the
# next cell again, and they will have changed.
# %% state-numbers
stage.weights
# %% [markdown] state-set-text
# It works in the other direction too. Run this and look at the picture above: the second query turns.
# %% state-set
query = stage.query.copy()
query[1] = [-1.5, 1.0]
stage.query = query
# %% [markdown] check-title
# ## How an exercise answers
#
# Each lesson NN has an exercise NN in the folder `exercises`. There you write the step that the lesson explained, and
# `check("name", your_function)` tells you at once whether it is right. If it isn't, the check says which well-known
# mistake it looks like.
#
# See it at work on somebody else's try. It should turn every *row* of scores into weights that sum to 1. (Don't worry
# about the formula, it is the topic of lesson 03.)
# %% check-wrong-try
def somebodys_softmax(scores):
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum(axis=0)
# %% check-wrong-result
evaluate("softmax", somebodys_softmax)
# %% [markdown] check-explained
# The answer always comes in the same order: what was asked and what came, then the likely mistake, then where to
# look. Trying costs nothing. You may check as often as you like, and a task that you have solved stays solved.
#
# Stuck? `hint` gives one small step at a time. Ask again for the next one. It never gives the whole solution away.
# %% hint-example tags=["nbval-ignore-output"]
hint("project")
# %% [markdown] predict-text
# You will also be asked to **predict** before something surprising happens. Commit to an answer first, even a wild
# guess: a wrong prediction is never punished, and people remember what surprised them.
#
# ## How far you are
#
# Your progress is kept in a small file in the course folder (`.course/progress.json`), on your machine and nowhere
# else.
# %% progress-example tags=["nbval-ignore-output"]
progress()
# %% [markdown] start-close
# ## Summary
#
# * Run cells from top to bottom; drag whatever has a handle; the next cell sees what you did.
# * `check` says whether an answer is right and names the mistake; `hint` helps in small steps; `progress` shows how
#   far you are.
# * Something odd? `doctor()` finds it and says the cure.
#
# **On your own:** bend the query of another token (pick it above the picture) until its weights are as equal as you
# can make them. Which length and direction did that take? Lesson 02 explains what you found.
#
# **Next:** [01 Queries, keys, values](01_queries_keys_values.ipynb)
