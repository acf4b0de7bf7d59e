# %% [markdown]
# # {{ title }}
#
# Every June the rescue station on Halligsand counts its seals. To weigh one takes four people, a tarpaulin and an offended seal.
# So most of them are never weighed. Volunteers with binoculars walk the beach instead, and write down what they think.
# Mrs Petersen has looked at seals for forty years. The school class has not. Some people round, some never dare to say a large number, and one sees
# giants everywhere. Nobody looks at all seals, and nobody says why.
# In the first week, the station weighs a hundred and fifty seals that the volunteers have guessed. Then the scale goes to the next island.
# **You learn what each guess is worth, write it on one page, and weigh the other seals with that page.**

# %% [markdown]
# ## At a glance
#
# | | |
# |---|---|
# | you write | two functions, `learn(guesses, weights)` and `weigh(notes, guesses)`; each is called once in a run |
# | points | the untouched starter gets none, the organisers' solution about 85, and there is room above it |
# | time | a run takes a second or two, and the final evaluation {{ repeats }} runs |
# | limits | notes of at most 100 numbers; {{ limits.wall_seconds }} seconds a run, {{ limits.memory_mb }} MB of memory, {{ limits.output_kb }} kB of printed text |
# | a return that is not allowed | the submission gets 0 points, and your feedback says what was wrong with it |
# | an exception in your code | the submission gets 0 points, and your feedback shows where it happened |
#
# **Contents:** [Task](#Task) · [Data](#Data) · [Scoring](#Scoring) · [Limits](#Limits) · [Setup](#Setup) · [Volunteers](#Volunteers) · [Baseline](#Baseline) ·
# [**Your solution**](#Your-solution) · [Evaluation](#Evaluation)

# %% [markdown]
# ## Task
#
# Write two functions:
#
# - `learn(guesses, weights)` sees the seals that were weighed. It returns your **notes**, a dictionary of numbers and arrays that fits on one page:
#   **at most 100 numbers in all**.
# - `weigh(notes, guesses)` gets that page and the guesses of seals that were not weighed. It returns the weight of each in kg.
#
# The two run in different processes. Nothing but the notes goes from one to the other: no variable, no file, no model. Both see the same ten volunteers, in the same columns.
#
# ### Data
#
# | split | seals | guesses | weights |
# |---|---|---|---|
# | `train` | 150 | yes | known: what `learn` gets |
# | `val` | 300 | yes | known; for you to look at and for the score here |
# | `test` | 600 | yes | hidden; only the grader has them |
#
# `guesses` is (n, 10) float32, one column for each volunteer, and **NaN** where a volunteer did not look at a seal, which is more than half of it.
# At least one of the ten has looked at each seal. `weights` is (n,) float64, in kg.
# Who the volunteers are, in which column, and what habits they have is **drawn anew for every evaluation**, and so are the seals. Your functions must find it out from `train`.
#
# ### Scoring
#
# The score is the mean absolute error (MAE), in kg: how far your weights are from those of the scale, on average. Lower is better.
#
# {{ score.rules }}
#
# The final evaluation draws a beach and ten volunteers {{ repeats }} times; points come from the mean MAE.
#
# ### Limits
#
# Your functions run alone in their own processes. They get their arguments and nothing else: no files, no internet, no GPU.
# One run may take {{ limits.wall_seconds }} seconds in all. Your processes may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
# The notes may have up to 20 names of at most 16 characters each, and 100 numbers in all; each element of an array counts as one.
#
# ### What to submit
#
# Submit this notebook, with your code in the cell under **Your solution**. The grader takes only that cell and puts it into its own copy of the notebook.
# You may change other cells to try things out, but the grader ignores those changes.

# %% [markdown]
# ## Setup
#
# The grader sets these values itself. With `FINAL_EVALUATION_MODE = False` you see plots and a score on `val`.

# %% tags=["parameters", "protected"]
FINAL_EVALUATION_MODE = False
DATA_PATH = "data/seal_weights"  # folder with train/ and val/ (in the final evaluation train/ and test/)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves its predictions
SEED = 0  # not used: nothing here is random
DEVICE = "auto"  # not used: everything runs on the CPU

# %% tags=["protected"]
import hashlib, io, json, os, shutil, stat, urllib.request, zipfile
from pathlib import Path, PurePosixPath

import matplotlib.pyplot as plt
import numpy as np

# %% [markdown]
# ## Volunteers
#
# This long cell builds the data if they are missing and cannot be downloaded. You do not need to read it.

# %% tags=["protected", "data"]
# {{ data.py }}

# {{ cells/find_data.py }}

# %% [markdown]
# A split is a dictionary of arrays. In the final evaluation, the second one has no weights.

# %% tags=["protected"]
train = read_split(data_folder, "train")
others = read_split(data_folder, "test" if FINAL_EVALUATION_MODE else "val")
print(f"{len(train['guesses'])} seals with weights, {len(others['guesses'])} to weigh; {np.isnan(train['guesses']).mean():.0%} of the guesses are missing")

# %% [markdown]
# Each picture shows one volunteer: what the scale said (horizontal) and what the volunteer said (vertical), for the seals of `val`. On the line a guess is right. Look closely: what do they do?

# %% tags=["protected"]
def show_volunteers(split):
    """Draw the guesses of each volunteer against the weights."""
    figure, axes = plt.subplots(2, 5, figsize=(12, 5), sharex=True, sharey=True)
    for number, (axis, said) in enumerate(zip(axes.flat, split["guesses"].T), start=1):
        axis.plot([0, 250], [0, 250], color="black", lw=0.5)
        axis.plot(split["weights"], said, ".", ms=4)
        axis.set(title=f"volunteer {number}:\n{np.isfinite(said).mean():.0%} of the seals", xlim=(0, 250), ylim=(0, 450))
    figure.supxlabel("weight (kg)")
    figure.supylabel("guess")
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_volunteers(others)

# %% [markdown]
# What your functions return is checked before it is used. The message says what is wrong and what to return instead.

# %% tags=["protected"]
class InvalidOutput(ValueError):
    """What a function returned is not allowed; the message says why."""


def check_notes(notes):
    """Return the notes, or raise InvalidOutput: names of up to 16 characters, and 100 numbers in all."""
    if not isinstance(notes, dict):
        raise InvalidOutput(f"learn returned a {type(notes).__name__}; return a dict of numbers and arrays")
    count = 0
    for name, value in notes.items():
        if not isinstance(name, str) or len(name) > 16 or not name.isascii():
            raise InvalidOutput(f"learn returned notes with the name {name!r:.40}; use texts of at most 16 ASCII characters")
        if not isinstance(value, (int, float, np.ndarray, np.number)) or np.asarray(value).dtype.kind not in "biuf":
            raise InvalidOutput(f"learn returned a {type(value).__name__} as {name!r}; notes are numbers and arrays of numbers")
        count += max(np.size(value), 1)
    if count > 100 or len(notes) > 20:
        raise InvalidOutput(f"learn returned {count} numbers under {len(notes)} names; at most 100 and 20 are allowed")
    return notes

# %% tags=["protected"]
def check_weights(weights, count):
    """Return the weights (count,) float64, or raise InvalidOutput."""
    if not isinstance(weights, (np.ndarray, list, tuple)):
        raise InvalidOutput(f"weigh returned a {type(weights).__name__}; return an array of {count} numbers")
    try:
        array = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidOutput(f"weigh returned something else than numbers; return an array of {count} numbers") from None
    if array.shape != (count,):
        raise InvalidOutput(f"weigh returned the shape {array.shape} for {count} seals; return ({count},)")
    if not np.isfinite(array).all():
        raise InvalidOutput(f"weigh returned NaN or infinity for {np.sum(~np.isfinite(array))} of {count} seals; return kg")
    return array.clip(0, 1000)

# %% [markdown]
# This is the formula of the statement. The grader applies it to the hidden weights.

# %% tags=["protected"]
# {{ score.py }}

# %% [markdown]
# ## Baseline
#
# The starter asks nobody: it notes the median of the 150 weights, and gives that to every seal. `middle_guess` asks everybody, and believes the middle one.
#
# Your functions may use these imports, and anything else that your own cell imports from the standard library or NumPy.

# %% tags=["protected", "slot-imports"]
import numpy as np


def middle_guess(guesses):
    """Return the median (n,) of the guesses of each seal, of those there are."""
    return np.nanmedian(guesses, axis=1)

# %% [markdown]
# ## Your solution
#
# Write your code in the next cell, the only one that the grader takes. Put helper functions there too. The cell runs once for `learn` and once more, in a new process, for `weigh`.

# %% tags=["slot"]
### BEGIN SOLUTION
POUND = 2.205  # pounds in a kg: three of the ten write pounds now and then, and never say so
GRID = np.exp(np.linspace(np.log(15), np.log(350), 300))  # kg, the weights that are tried


def bell(distance, spread):
    """Return the density of a normal distribution, without the constant factor."""
    return np.exp(-0.5 * (distance / spread) ** 2) / spread


def habit_of(said, weights, rounds=30):
    """Return offset, slope, relative spread and the share of pounds of one volunteer, by expectation maximisation.

    A guess is offset + slope * weight, times noise; in pounds it is the same times 2.205.
    """
    offset, slope, spread, share = 0.0, 1.0, 0.2, 0.3
    for _ in range(rounds):
        expected = np.maximum(offset + slope * weights, 5)
        kg = (1 - share) * bell(np.log(said / expected), spread)
        pounds = share * bell(np.log(said / POUND / expected), spread)
        in_pounds = pounds / (kg + pounds + 1e-12)  # (n,) the probability of each guess
        meant = said * (1 - in_pounds) + said / POUND * in_pounds
        design = np.stack([np.ones_like(weights), weights], axis=1) / expected[:, None]  # the noise grows with the weight
        offset, slope = np.linalg.solve(design.T @ design + np.diag([1e-4, 1e-4]), design.T @ (meant / expected) + [0, 1e-4])
        expected = np.maximum(offset + slope * weights, 5)
        errors = (1 - in_pounds) * np.log(said / expected) ** 2 + in_pounds * np.log(said / POUND / expected) ** 2
        spread = max(np.sqrt((np.minimum(errors, 0.5).sum() + 0.02) / (len(said) + 1)), 0.03)
        share = np.clip(in_pounds.mean(), 0.001, 0.9)
    return offset, slope, spread, share


### END SOLUTION
def learn(guesses, weights):
    """Learn from seals that were weighed what the guesses of each volunteer are worth.

    guesses  (150, 10) float32, NaN where a volunteer did not look
    weights  (150,) float64, kg
    returns  a dict of numbers and arrays, at most 100 numbers in all
    """
    ### BEGIN SOLUTION
    seen = np.isfinite(guesses)
    habits = [habit_of(said[rows].astype(float), weights[rows]) for said, rows in zip(guesses.T, seen.T)]
    return {"habits": np.array(habits), "middle": np.log(weights).mean(), "spread": np.log(weights).std()}
    ### END SOLUTION
    ### BEGIN BASELINE
    # return {"median": np.median(weights)}  # one number of the hundred
    ### END BASELINE


def weigh(notes, guesses):
    """Estimate weights with nothing but your notes.

    notes    what `learn` returned
    guesses  (n, 10) float32, NaN where a volunteer did not look; at least one has looked at each seal
    returns  (n,) kg
    """
    ### BEGIN SOLUTION
    beliefs = np.tile(-0.5 * ((np.log(GRID) - notes["middle"]) / notes["spread"]) ** 2, (len(guesses), 1))  # (n, 300)
    for (offset, slope, spread, share), said in zip(notes["habits"], guesses.T):
        expected = np.log(np.maximum(offset + slope * GRID, 1))
        seen = np.isfinite(said)
        distance = np.log(said[seen].astype(float))[:, None] - expected
        density = (1 - share) * bell(distance, spread) + share * bell(distance - np.log(POUND), spread)
        beliefs[seen] += np.log(0.98 * density + 0.02 * bell(distance, 1.0))  # 2 % of all guesses mean nothing
    chances = np.exp(beliefs - beliefs.max(axis=1, keepdims=True)).cumsum(axis=1)
    return GRID[(chances >= 0.5 * chances[:, -1:]).argmax(axis=1)]  # the median has the least absolute error
    ### END SOLUTION
    ### BEGIN BASELINE
    # return np.full(len(guesses), notes["median"])
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Learn, write the page, and weigh the others with it.

# %% tags=["protected"]
notes = check_notes(learn(train["guesses"], train["weights"]))
weights = check_weights(weigh(notes, others["guesses"]), len(others["guesses"]))
print(f"your notes hold {sum(max(np.size(value), 1) for value in notes.values())} numbers")


def show_result(true, estimated):
    """Draw the estimated weights against those of the scale."""
    figure, axis = plt.subplots(figsize=(5, 5))
    axis.plot([0, 250], [0, 250], color="black", lw=0.5)
    axis.plot(true, estimated, ".", ms=4)
    axis.set(xlabel="weight (kg)", ylabel="your estimate (kg)", xlim=(0, 250), ylim=(0, 250), title="val")
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_result(others["weights"], weights)

# %% [markdown]
# With the weights of the scale, you get points. Without them, your estimates are saved for the grader. The score on `val` comes from a single beach. Single runs differ by about
# 4 points, so do not trust small gains here.

# %% tags=["protected"]
if FINAL_EVALUATION_MODE:
    np.savez(PREDICTIONS_PATH, weights=weights)
    print("estimates saved")
else:
    print(f"mean absolute error: {np.abs(weights - others['weights']).mean():.2f} kg")
    print(f"{performance(predictions={'weights': weights}, answers={'weights': others['weights']})} points")
