# %% [markdown]
# # {{ title }}
#
# A post office wants to sort letters by itself, and asked a student to label scanned digits. They labelled four of each kind,
# checked three hundred more, and went home. The other images lie there without labels.
# Forty labels are few. But you have **all images**, also those that you are asked about: alike images are mostly the same digit.
# **You hand in a file with the digit of every image.**

# %% [markdown]
# ## Task
#
# Predict the digit of each image in `val.npz` and `questions.npz`, and write them to `{{ files.name }}`. How you do it is up to
# you: this notebook is yours, and you may change every cell, train anything, and use the images of the questions.
#
# ### Data
#
# | file | images | labels |
# |---|---|---|
# | `train.npz` | 40 | four of each digit |
# | `val.npz` | 300 | for you to measure yourself |
# | `questions.npz` | 1457 | hidden; only the grader has them |
#
# Images are `x` (n, 64) float32, 8 x 8 pixels from 0 to 1. Labels are `y` (n,) int64, the digits 0 to 9. `id` (n,) int64 names the
# images of `val` and `questions`.
#
# ### The file
#
# `{{ files.name }}` is text with commas. The first line is `id,digit`; then comes a line for each id of `val` and `questions`, in any order.
# The digit is a whole number from 0 to 9. A file with a missing, doubled or unknown id gets 0 points and a sentence with the line.
#
# ### Scoring
#
# Balanced accuracy (BAC) is the mean of the ten digits' recalls, here over the images of `questions`.
#
# {{ score.rules }}
#
# ### What to submit
#
# Submit `{{ files.name }}`, not this notebook. Test it first: `grader check {{ files.name }}` says what is wrong with it, or its points on `val`.

# %% [markdown]
# ## Setup

# %% tags=["parameters"]
DATA_PATH = "data/my_task"  # folder with train.npz, val.npz and questions.npz
PREDICTIONS_PATH = "predictions.csv"  # the file that you hand in

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

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
print(f"{len(train['x'])} images with labels, {len(val['x']) + len(questions['x'])} to predict")

# %% [markdown]
# These are all labels that you have.

# %%
figure, axes = plt.subplots(2, 20, figsize=(11, 1.6))
for axis, image, label in zip(axes.flat, train["x"], train["y"]):
    axis.imshow(image.reshape(8, 8), cmap="gray_r")
    axis.set_title(label, fontsize=8)
    axis.axis("off")
plt.show()

# %% [markdown]
# ## Scoring
#
# This is the formula of the statement. The grader applies it to the hidden labels.

# %%
# {{ score.py }}

# %% [markdown]
# ## Your solution
#
# Define `digits_of(images)`, or replace this cell and the next by your own: only the file counts.

# %% tags=["slot"]
# digits_of(images) -> digits
#   images:  (n, 64) float32, those of val and then those of questions
#   returns: (n,) int, from 0 to 9
def digits_of(images):
    ### BEGIN SOLUTION
    # Labels spread from image to image over the nearest neighbours, also through images without a label
    # (Zhou et al. 2004, "Learning with Local and Global Consistency").
    from sklearn.semi_supervised import LabelSpreading

    known = np.concatenate([train["y"], np.full(len(images), -1)])  # -1: not known
    model = LabelSpreading(kernel="knn", n_neighbors=7, alpha=0.2, max_iter=200)
    model.fit(np.concatenate([train["x"], images]), known)
    return model.transduction_[len(train["y"]) :]
    ### END SOLUTION
    ### BEGIN BASELINE
    # return np.full(len(images), train["y"][0])  # the same digit for every image
    ### END BASELINE

# %% [markdown]
# ## The file
#
# Your points on `val` tell you what to expect of `questions`.

# %%
ids = np.concatenate([val["id"], questions["id"]])
digits = np.asarray(digits_of(np.concatenate([val["x"], questions["x"]])))
pd.DataFrame({"id": ids, "digit": digits}).to_csv(PREDICTIONS_PATH, index=False)
earned = performance(predictions={"digit": digits[: len(val["id"])]}, answers={"digit": val["y"]})
print(f"{earned} points on val; wrote {len(ids)} rows to {PREDICTIONS_PATH}")
