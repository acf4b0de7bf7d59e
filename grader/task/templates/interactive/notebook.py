# %% [markdown]
# # {{ title }}
#
# There are eight ponds around the village, and you have a day for a hundred casts.
# Some ponds are full of fish, others nearly empty. Nobody will tell you which: you only see whether a fish bites.
# Each cast into a poor pond is lost, but who never tries a new pond may never find the best one.
# **You decide, cast by cast, where to fish next.**

# %% [markdown]
# ## Task
#
# Write one function, `your_pond(observation)`. It is called before every cast and returns the number of a pond. Everything else is fixed: the
# ponds, the luck, and the judge that plays the game with your function.
#
# One run plays {{ interactive.episodes }} **episodes**, one after the other. An episode is a day with eight new ponds and {{ interactive.steps }} casts.
#
# ### Data
#
# | file | holds |
# |---|---|
# | `val.npz` | the ponds of {{ interactive.episodes }} episodes, for you to try your function |
# | `test.npz` | other ponds, hidden; only the grader has them |
#
# `chances` (episodes, 8) are the chances of a bite. The judge knows them, and your function does not.
#
# ### Scoring
#
# An episode earns one for each fish. The **normalised return** of a run compares the mean over its episodes with two players: 0 is what
# casting anywhere earns, 1 is what somebody earns who knows the best pond of each day. The final evaluation plays {{ repeats }} runs with other ponds, and their mean gives
#
# {{ score.rules }}
#
# ### Limits
#
# Your function runs alone in its own process. It gets its argument and nothing else: no ponds, no internet, no files, no GPU.
# One run may take {{ limits.wall_seconds }} seconds in all. Your process may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
#
# ### What to submit
#
# Submit this notebook, with your code in the cell under **Your solution**. The grader takes only that cell and puts it into its own copy of
# the notebook. You may change other cells to try things out, but the grader ignores those changes.

# %% [markdown]
# ## Setup
#
# You may change these values to try things out; the grader sets its own. With `FINAL_EVALUATION_MODE = False` you see plots and a score on `val`.

# %% tags=["parameters", "protected"]
FINAL_EVALUATION_MODE = False
DATA_PATH = "data/my_task"  # folder with val.npz (in the final evaluation test.npz)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves what each episode earned
SEED = 0  # the luck of the casts
DEVICE = "auto"  # nothing here needs a GPU

# %% [markdown]
# This cell imports what the protected cells need.

# %% tags=["protected"]
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

# %% [markdown]
# ## Data
#
# This cell builds the data if they are missing. You do not need to read it.

# %% tags=["protected", "data"]
# {{ data.py }}

# %% [markdown]
# An existing folder is used as it is.

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE and not (Path(DATA_PATH) / "val.npz").exists():
    make_data(Path(DATA_PATH), None, None, seed=0)
episodes = load(Path(DATA_PATH) / ("test.npz" if FINAL_EVALUATION_MODE else "val.npz"))
print(f"{len(episodes['chances'])} episodes")

# %% [markdown]
# Look at the ponds of the first episodes: how much better is the best than the second?

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE:
    figure, axis = plt.subplots(figsize=(7, 2.4))
    picture = axis.imshow(episodes["chances"][:4], vmin=0, vmax=1, cmap="Blues")
    axis.set(xlabel="pond", ylabel="episode", yticks=range(4), yticklabels=range(1, 5))
    figure.colorbar(picture, ax=axis, label="chance of a bite")
    plt.show()

# %% [markdown]
# ## Judge
#
# The judge plays the episodes with your function, checks what it returns, and notes what each episode earned. It stops an episode after its last step.

# %% tags=["protected", "folded"]
# {{ judge.py }}

# %% [markdown]
# The game: what you observe, and what an action earns. The luck of every cast is drawn before the first one.

# %% tags=["protected"]
STEPS_OF_EPISODE = {{ interactive.steps }}


class Season:
    """One episode: eight ponds, and the luck of every cast."""

    is_over = False  # the judge ends it after its last step

    def __init__(self, chances, rng):
        self.chances, self.luck = chances, rng.random(STEPS_OF_EPISODE)
        self.casts = np.zeros(len(chances), dtype=np.int64)
        self.bites = np.zeros(len(chances), dtype=np.int64)

    def observe(self):
        """Return what the player may know."""
        return {"casts": self.casts.copy(), "bites": self.bites.copy()}

    def step(self, action):
        """Cast into a pond; return 1 for a fish, else 0."""
        pond = whole_number(action, 0, len(self.chances) - 1)
        fish = int(self.luck[self.casts.sum()] < self.chances[pond])
        self.casts[pond] += 1
        self.bites[pond] += fish
        return fish

# %% [markdown]
# ## Scoring
#
# This is the formula of the statement. The grader applies it to the hidden episodes.

# %% tags=["protected"]
# {{ score.py }}

# %% [markdown]
# ## Baseline
#
# The obvious start is to cast anywhere: expect less than 20 points. Your code may use these imports, and anything else that your own cell
# imports from the standard library or NumPy.

# %% tags=["protected", "slot-imports"]
import numpy as np

# %% [markdown]
# ## Your solution
#
# Write your code in the next cell, the only one that the grader takes. Put helper functions there too, and variables that should last from call to call.

# %% tags=["slot"]
# your_pond(observation) -> pond
#   observation["casts"]:  (8,) int64, how often you cast into each pond in this episode; all 0 when a new one begins
#   observation["bites"]:  (8,) int64, how many fish each pond gave
#   returns:               a whole number from 0 to 7, the pond of the next cast
def your_pond(observation):
    ### BEGIN SOLUTION
    # Be optimistic about ponds that you hardly know (Sutton and Barto 2018, section 2.6): imagine that each gave a fish before the first cast.
    return int(np.argmax((observation["bites"] + 1) / (observation["casts"] + 1)))
    ### END SOLUTION
    ### BEGIN BASELINE
    # return int(np.random.randint(8))  # any pond
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Play all episodes with your function.

# %% tags=["protected"]
games = [Season(chances, episode_rng(SEED, number)) for number, chances in enumerate(episodes["chances"])]
returns, lengths = play(games, your_pond, STEPS_OF_EPISODE)

# %% [markdown]
# Where did the casts go? Ponds are sorted from the best to the worst of their day.

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE:
    casts = [game.casts[np.argsort(-game.chances)] for game in games]
    figure, axis = plt.subplots(figsize=(7, 3))
    axis.bar(range(1, 1 + len(casts[0])), np.mean(casts, axis=0))
    axis.set(xlabel="pond, the best first", ylabel="casts in an episode")
    plt.show()

# %% [markdown]
# With the references of `val` you get points. In the final evaluation, what each episode earned is saved for the grader and your feedback page.
# The score on `val` comes from a single run. The final score is the mean of {{ repeats }} runs.

# %% tags=["protected"]
if FINAL_EVALUATION_MODE:
    save_episodes(PREDICTIONS_PATH, returns, lengths)
    print("returns saved")
else:
    earned = performance(predictions={"returns": returns}, answers={"returns": episodes["returns"]})
    print(f"{earned} points, {returns.mean():.1f} fish in an episode")
