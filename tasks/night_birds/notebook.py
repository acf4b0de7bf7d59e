# %% [markdown]
# # {{ title }}
#
# Millions of birds migrate at night, and nobody sees them. Microphones on roofs hear their calls: a few notes, far away.
# A student sat beside one on three quiet nights, noted which bird called, and measured how far away it was.
# Then came autumn, and with it the wind. Eight hundred calls were recorded, and nobody knows whose they are.
# **You say of each call which species it is, and how far away the bird was. You hand in a file.**

# %% [markdown]
# ## Task
#
# Predict `species` and `distance` of each clip in `val.npz` and `questions.npz`, and write them to `{{ files.name }}`. How you do it is
# up to you: this notebook is yours. Change every cell, train anything, and use whatever you find in the clips of the questions.
#
# ### Data
#
# | file | clips | nights | labels |
# |---|---|---|---|
# | `train.npz` | 300 | **quiet** | yes |
# | `val.npz` | 100 | **windy** | yes; for you to measure yourself, or to learn from |
# | `questions.npz` | 800 | **windy** | hidden; only the grader has them |
#
# A clip `x` (n, 16, 32) float32 is a spectrogram: 16 pitches from deep to high, 32 moments, and in each the logarithm of the energy
# plus 0.01. `species` (n,) int64 is 0 riser, 1 faller, 2 warbler or 3 hooter. `distance` (n,) float32 is in metres, from 30
# to 300. `id` (n,) int64 names the clips of `val` and `questions`.
#
# ### The file
#
# `{{ files.name }}` is text with commas. The first line is `id,species,distance`. Then comes a line for each id of `val` and `questions`,
# in any order. Species is a whole number from 0 to 3, distance a number from 0 to 1000. A file with a missing, doubled or unknown
# id, or with another value, gets 0 points and a sentence with the line.
#
# ### Scoring
#
# Two parts are measured on `questions`: macro-F1 of the species, the mean of F1 over the four, where high is best; and the mean absolute error
# (MAE) of the distance in metres, where low is best.
#
# {{ score.rules }}
#
# ### What to submit
#
# Submit `{{ files.name }}`, not this notebook. Test it first: `grader check {{ files.name }}` says what is wrong with it, or its points on `val`.

# %% [markdown]
# ## Setup

# %% tags=["parameters"]
DATA_PATH = "data/night_birds"  # folder with train.npz, val.npz and questions.npz
PREDICTIONS_PATH = "predictions.csv"  # the file that you hand in

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

# %% [markdown]
# ## Data
#
# The data come with this notebook: put the folder beside it.

# %%
def load_split(name):
    """Return the arrays of a split by name."""
    with np.load(Path(DATA_PATH) / f"{name}.npz", allow_pickle=False) as arrays:
        return dict(arrays)


train, val, questions = load_split("train"), load_split("val"), load_split("questions")
print({name: split["x"].shape for name, split in {"train": train, "val": val, "questions": questions}.items()})

# %% [markdown]
# Each column of pictures is a species: above on a quiet night, below in the wind. Deep pitches are at the bottom.

# %%
NAMES = ["riser", "faller", "warbler", "hooter"]
figure, axes = plt.subplots(2, 4, figsize=(10, 4), sharex=True, sharey=True)
for column, name in enumerate(NAMES):
    for row, split in enumerate([train, val]):
        clip = split["x"][split["species"] == column][0]
        axes[row, column].imshow(clip, origin="lower", aspect="auto", vmin=-4.6, vmax=0.5)
    axes[0, column].set_title(name)
    axes[1, column].set_xlabel("moment")
for axis, where in zip(axes[:, 0], ["quiet", "windy"]):
    axis.set_ylabel(f"{where}\npitch")
plt.show()

# %% [markdown]
# ## Scoring
#
# This is the formula of the statement. The grader applies it to the hidden answers.

# %%
# {{ score.py }}

# %% [markdown]
# ## Your solution
#
# Define `predict(clips)`, or replace this cell and the next by your own: only the file counts.

# %% tags=["slot"]
# predict(clips) -> species, distance
#   clips:   (n, 16, 32) float32, those of val and then those of questions
#   returns: (n,) int from 0 to 3, and (n,) float in metres
def predict(clips):
    ### BEGIN SOLUTION
    # Nobody labelled windy nights, but their wind is there to be heard. Its profile over the pitches is what the questions have
    # more than the quiet nights, and its gusts are in their deepest row. So the quiet calls are put into that wind, at
    # other moments, and the trees learn from what they will meet ("domain randomisation" in the literature).
    from scipy.ndimage import gaussian_filter

    windy, copies, rng = np.exp(clips) - 0.01, 6, np.random.default_rng(0)  # energy (n, 16, 32)
    profile = np.maximum((windy.mean(axis=(0, 2)) - (np.exp(train["x"]) - 0.01).mean(axis=(0, 2))), 0)
    gusts = gaussian_filter(windy[:, 0], (0, 2)) / profile[0]  # (n, 32): along the moments, not from clip to clip

    def moved(clip):
        return np.roll(clip, (rng.integers(-1, 2), rng.integers(-8, 9)), axis=(0, 1))

    calm = np.exp(np.stack([moved(clip) for _ in range(copies) for clip in train["x"]])) - 0.01
    gust = gusts[rng.integers(len(gusts), size=len(calm))][:, None, :]
    mixed = calm + gust * profile[:, None] * rng.exponential(1, calm.shape)
    flat = [np.log(gaussian_filter(energy, (0, 0.5, 1)) + 0.02).reshape(len(energy), -1) for energy in (mixed, windy)]
    trees = ExtraTreesClassifier(150, min_samples_leaf=2, random_state=0)
    metres = ExtraTreesRegressor(80, max_features=0.15, min_samples_leaf=3, random_state=0)
    trees.fit(flat[0], np.tile(train["species"], copies))
    metres.fit(flat[0], np.tile(train["distance"], copies))
    return trees.predict(flat[1]), metres.predict(flat[1])
    ### END SOLUTION
    ### BEGIN BASELINE
    # middle = np.median(train["distance"])
    # return np.zeros(len(clips), int), np.full(len(clips), middle)  # always the first species, at the middle distance
    ### END BASELINE

# %% [markdown]
# ## The file
#
# Your points on `val` tell you what to expect of `questions`.

# %%
ids = np.concatenate([val["id"], questions["id"]])
species, distance = predict(np.concatenate([val["x"], questions["x"]]))
pd.DataFrame({"id": ids, "species": species, "distance": distance}).to_csv(PREDICTIONS_PATH, index=False)
count = len(val["id"])
earned = performance(
    predictions={"species": species[:count], "distance": distance[:count]},
    answers={"species": val["species"], "distance": val["distance"].astype(float)},
)
print(f"{earned} points on val; wrote {len(ids)} rows to {PREDICTIONS_PATH}")

# %% [markdown]
# How far off are the distances, and which calls are taken for others?

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
left.scatter(val["distance"], distance[:count], s=8)
left.plot([30, 300], [30, 300], color="grey")
left.set(xlabel="true distance (m)", ylabel="predicted (m)")
table = pd.crosstab(val["species"], np.asarray(species[:count])).reindex(index=range(4), columns=range(4), fill_value=0)
right.imshow(table, cmap="Blues")
right.set(xticks=range(4), yticks=range(4), xlabel="predicted", ylabel="true", xticklabels=NAMES, yticklabels=NAMES)
plt.show()
