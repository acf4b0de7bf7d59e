# %% [markdown]
# # Six Valleys, One Helicopter
#
# The mountain rescue of Lindhaven has one helicopter and six valleys to search. When somebody is missing, the phone rings eight times.
# The warden usually knows where people went. The shepherd guesses. The baker sees everybody who passes by day, the innkeeper everybody who comes in the dark.
# One caller enjoys sending you to the wrong valley. Another only spreads rumours, and two more repeat what they heard from her.
# They all sound equally sure, and they call under other names every season. The helicopter has fuel for one valley.
# If the hiker is there, you know who was right. If not, you only know who was wrong.
# Wherever people tell a program what to do, some know, some guess and some mislead: those who rate answers of a chatbot, or label scans.
# **You decide, alarm by alarm, whom to believe.**

# %% [markdown]
# ## At a glance
#
# | | |
# |---|---|
# | you write | one function, `choose_valley(observation)`; it is called {{ interactive.episodes }} × {{ interactive.steps }} times in a run |
# | points | the untouched starter gets less than 20, the organisers' solution about 80, and there is room above it |
# | time | a run takes about 3 seconds on one core, and the final evaluation {{ repeats }} runs |
# | limits | {{ limits.wall_seconds }} seconds a run, {{ limits.memory_mb }} MB of memory, {{ limits.output_kb }} kB of printed text |
# | an action that is not allowed | ends the run with 0 points; the message names the season and the alarm |
# | an exception in your code | the submission gets 0 points, and your feedback shows where it happened |
# | a run over its time limit | the submission gets 0 points |
#
# **Contents:** [Task](#Task) · [Data](#Data) · [Scoring](#Scoring) · [Limits](#Limits) · [Setup](#Setup) · [Judge](#Judge) ·
# [Baseline](#Baseline) · [**Your solution**](#Your-solution) · [Evaluation](#Evaluation)

# %% [markdown]
# ## Task
#
# Write one function. A **judge** plays {{ interactive.episodes }} seasons with it, one after the other. In each of the {{ interactive.steps }} alarms of a season your function gets an **observation** and returns
# an **action**: the valley that the helicopter searches, 0 to 5. Then you learn whether the hiker was there. Everything else is fixed.
#
# | `observation[...]` | what | in the first alarm of a season |
# |---|---|---|
# | `"calls"` | `(8,)` int64, the valley that each caller names now | |
# | `"night"` | `True` at night | |
# | `"past_calls"` | `(t, 8)` int64, what they named in the alarms of this season so far | `t` is 0 |
# | `"past_nights"` | `(t,)` bool, which of these were at night | |
# | `"searched"` | `(t,)` int64, where you searched | |
# | `"found"` | `(t,)` bool, whether the hiker was there | |
#
# The callers are the same eight people through a season. The next season has eight new ones of the same kinds, in another order.
#
# ### Data
#
# | file | what |
# |---|---|
# | `val.npz` | {{ interactive.episodes }} seasons: `valleys`, `nights` and `calls` of every alarm, to try your function and to look at |
# | `test.npz` | other seasons, hidden; only the judge of the final evaluation has them |
#
# The judge knows where everybody is. Your function never gets `valleys`, and no call can change what is drawn.
#
# ### Scoring
#
# A season earns one for each hiker that is found in time. The **normalised return** compares the mean over the seasons of a run with two players: 0 is what
# searching anywhere earns, 1 is what somebody earns who knows what each caller is like. The final evaluation plays {{ repeats }} runs, and their mean gives
#
# {{ score.rules }}
#
# ### Limits
#
# Your function runs alone in its own process. It gets its argument and nothing else: no seasons, no internet, no files, no GPU.
# One run may take {{ limits.wall_seconds }} seconds. Your process may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
#
# ### What to submit
#
# Submit this notebook, with your code in the cell under **Your solution**. The grader takes only that cell and puts it into its own copy of the notebook.
# You may change other cells to try things out, but the grader ignores those changes.

# %% [markdown]
# ## Setup
#
# You may change these values to try things out; the grader sets its own. With `FINAL_EVALUATION_MODE = False` you see plots and a score on `val`.

# %% tags=["parameters", "protected"]
FINAL_EVALUATION_MODE = False
DATA_PATH = "data/advice_bandit"  # folder with val.npz (in the final evaluation test.npz)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves what each season earned
SEED = 0  # nothing here is left to chance: the seasons are drawn with the data
DEVICE = "auto"  # nothing here needs a GPU

# %% [markdown]
# This cell imports what the protected cells need.

# %% tags=["protected"]
import hashlib, io, json, os, time, zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

# %% [markdown]
# ## Data
#
# This long cell builds the data if they are missing. You do not need to read it, but you may: it says what kinds of callers there are.

# %% tags=["protected", "data"]
# {{ data.py }}

# %% [markdown]
# An existing folder is used as it is.

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE and not (Path(DATA_PATH) / "val.npz").exists():
    make_data(Path(DATA_PATH), None, None, seed=0)
seasons = load(Path(DATA_PATH) / ("test.npz" if FINAL_EVALUATION_MODE else "val.npz"))
print(f"{len(seasons['valleys'])} seasons of {seasons['valleys'].shape[1]} alarms")

# %% [markdown]
# Look at the first season. Each row is a caller, and a dark square is a right call. Alarms at night have a black bar above. In your function you will not see this picture: you only learn
# what one search tells.

# %% tags=["protected"]
def show_season(number):
    """Draw who was right in each alarm of a season."""
    right = (seasons["calls"][number] == seasons["valleys"][number][:, None]).T  # (8, alarms)
    figure, axis = plt.subplots(figsize=(11, 2.6))
    axis.imshow(right, cmap="Blues", aspect="auto", vmax=1.3)
    axis.imshow(seasons["nights"][number][None], cmap="Greys", aspect="auto", extent=(-0.5, right.shape[1] - 0.5, -0.7, -1.5))
    axis.set(xlabel="alarm", ylabel="caller", ylim=(len(right) - 0.5, -1.5), yticks=range(len(right)))
    axis.set_title(f"season {number + 1}: who was right")
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_season(0)

# %% [markdown]
# How often is each caller of that season right, by day and at night?

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE:
    hits = seasons["calls"][0] == seasons["valleys"][0][:, None]  # (alarms, 8)
    figure, axis = plt.subplots(figsize=(8, 2.6))
    for place, when, mask in ((-0.2, "by day", ~seasons["nights"][0]), (0.2, "at night", seasons["nights"][0])):
        axis.bar(np.arange(hits.shape[1]) + place, hits[mask].mean(axis=0), width=0.4, label=when)
    axis.axhline(1 / VALLEYS, color="gray", linestyle=":", label="chance")
    axis.set(xlabel="caller", ylabel="share of right calls", ylim=(0, 1))
    axis.legend()
    plt.show()

# %% [markdown]
# ## Judge
#
# The judge plays the seasons with your function, checks each action, and notes what each season earned. It ends a season after its last alarm.

# %% tags=["protected", "folded"]
# {{ judge.py }}

# %% [markdown]
# This is the game of one season: what you observe, and what a search earns. Everything was drawn before the first alarm.

# %% tags=["protected"]
class Season:
    """The alarms of a season, and what was searched and found so far."""

    def __init__(self, valleys, nights, calls):
        self.valleys, self.nights, self.calls = valleys, nights, calls  # (alarms,), (alarms,), (alarms, 8)
        self.searched, self.found = [], []

    @property
    def is_over(self):
        return len(self.searched) == len(self.valleys)

    def observe(self):
        """Return what the player may know."""
        now = len(self.searched)
        past = {"past_calls": self.calls[:now].copy(), "past_nights": self.nights[:now].copy()}
        outcomes = {"searched": np.array(self.searched, dtype=np.int64), "found": np.array(self.found, dtype=bool)}
        return {"calls": self.calls[now].copy(), "night": bool(self.nights[now]), **past, **outcomes}

    def step(self, action):
        """Search a valley; return 1 if the hiker is there, else 0."""
        valley = whole_number(action, 0, VALLEYS - 1)
        self.found.append(valley == self.valleys[len(self.searched)])
        self.searched.append(valley)
        return int(self.found[-1])

# %% [markdown]
# ## Scoring
#
# This is the formula of the statement. The grader applies it to the hidden seasons.

# %% tags=["protected"]
# {{ score.py }}

# %% [markdown]
# ## Baseline
#
# Your code may use these imports and the examples below, and anything else that your own cell imports from the standard library, NumPy, SciPy or PyTorch.

# %% tags=["protected", "slot-imports"]
import math
import random

import numpy as np
import torch

VALLEYS = 6

# %% [markdown]
# The obvious start is a vote of all eight. Three of them say the same and know nothing: expect less than 20 points.

# %% tags=["protected", "slot-imports"]
def count_votes(calls, weights=None):
    """Return how much weight each valley gets from the callers, (6,); without weights, everybody counts the same."""
    return np.bincount(calls, weights, minlength=VALLEYS)


def majority_vote(observation):
    """Search where most callers say; in a tie, the valley with the lowest number."""
    return int(count_votes(observation["calls"]).argmax())

# %% [markdown]
# After a search you know a little more about those whose word you followed. A simple record counts how often each of them was right.

# %% tags=["protected", "slot-imports"]
def record_of_followed(observation):
    """Return how often you searched where each caller said, (8,), and how often the hiker was there, (8,)."""
    followed = observation["past_calls"] == observation["searched"][:, None]  # (t, 8)
    return followed.sum(axis=0), (followed & observation["found"][:, None]).sum(axis=0)


def follow_the_best(observation):
    """Follow the caller with the best record; those who were never followed count as half right."""
    times, hits = record_of_followed(observation)
    return int(observation["calls"][((hits + 1) / (times + 2)).argmax()])

# %% [markdown]
# ## Your solution
#
# Write your code in the next cell, the only one that the grader takes. It may call the examples above. Put helper functions there too. The observation holds the whole season so far, so you need
# no variables that last from call to call, but you may have them. The grader runs the cell anew for each run.

# %% tags=["slot"]
### BEGIN SOLUTION
def tally(observation, alarms):
    """Return how often each caller is known to have been right, and wrong, in the chosen alarms of the past, (8,) each.

    Also a search that was not for a caller's valley tells about them: if the hiker was there, they were wrong.
    """
    same = (observation["past_calls"] == observation["searched"][:, None])[alarms]
    found = observation["found"][alarms, None]
    return (same & found).sum(axis=0), ((same & ~found) | (~same & found)).sum(axis=0)


### END SOLUTION
def choose_valley(observation):
    """Choose where the helicopter searches.

    observation  "calls" (8,), "night", and of the season so far "past_calls" (t, 8), "past_nights" (t,), "searched" (t,), "found" (t,)
    returns      a whole number from 0 to 5
    """
    ### BEGIN SOLUTION
    # Log odds of being right are the best weights of independent voters (Nitzan and Paroush 1982, "Optimal decision rules in
    # uncertain dichotomous choice situations"). They differ by day and at night; the other time of day counts as one alarm.
    now = observation["past_nights"] == observation["night"]  # (t,)
    right, wrong = tally(observation, ~now)
    guess = (right + 1) / (right + wrong + 2.5)
    right, wrong = tally(observation, now)
    share = (right + 1 + guess) / (right + wrong + 3.5)  # (8,)
    odds = np.log(share * (VALLEYS - 1) / (1 - share))
    return int(count_votes(observation["calls"], odds).argmax())
    ### END SOLUTION
    ### BEGIN BASELINE
    # return majority_vote(observation)
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Play all seasons with your function.

# %% tags=["protected"]
start = time.perf_counter()
games = [Season(*parts) for parts in zip(seasons["valleys"], seasons["nights"], seasons["calls"])]
returns, lengths = play(games, choose_valley, {{ interactive.steps }})
print(f"{returns.sum():.0f} of {lengths.sum()} hikers found, {time.perf_counter() - start:.1f} s")

# %% [markdown]
# Do you learn whom to believe? The plot shows the share of hikers that are found in each alarm of a season, over five alarms.

# %% tags=["protected"]
def show_learning(games):
    """Draw the share of hikers found over the alarms of a season, with that of somebody who searches anywhere."""
    found = np.mean([game.found for game in games], axis=0)  # (alarms,)
    smooth = np.convolve(found, np.ones(5) / 5, mode="valid")
    figure, axis = plt.subplots(figsize=(7, 3))
    axis.plot(np.arange(len(smooth)) + 3, smooth, label="your function")
    axis.axhline(1 / VALLEYS, color="gray", linestyle=":", label="searching anywhere")
    axis.set(xlabel="alarm of the season", ylabel="share of hikers found", ylim=(0, 1))
    axis.legend(loc="upper left")
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_learning(games)

# %% [markdown]
# With the references of `val`, you get points. In the final evaluation, what each season earned is saved for the grader and your feedback page.
# The score on `val` comes from a single run. The final score is the mean of {{ repeats }} runs with other seasons.

# %% tags=["protected"]
if FINAL_EVALUATION_MODE:
    save_episodes(PREDICTIONS_PATH, returns, lengths)
    print("returns saved")
else:
    earned = performance(predictions={"returns": returns}, answers={"returns": seasons["returns"]})
    print(f"{earned} points, {returns.mean():.1f} hikers found in a season")
