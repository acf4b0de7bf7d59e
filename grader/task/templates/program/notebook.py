# %% [markdown]
# # {{ title }}
#
# A school scanned its old arithmetic books, and asked its first form to type the digits.
# The children got bored: of a hundred digits, forty-five were typed wrong, and nobody knows which.
# **You write the program that learns from what they typed, and reads new digits.**

# %% [markdown]
# ## Task
#
# Write one function, `solve(train_x, train_y, test_x)`. It is called once. It trains whatever you like on the images and labels of
# `train`, and returns a digit for each image of `test`.
#
# ### Data
#
# | file | images | labels |
# |---|---|---|
# | `train/rows.npz` | 900 | `typed`, **noisy**: 45 % of them are wrong |
# | `val/rows.npz` | 300 | `labels`, clean; for you to look at, never given to your function |
# | `test/rows.npz` | 597 | clean and hidden; only the grader has them |
#
# Images are `x` (n, 64) float32, 8 x 8 pixels from 0 to 1. Labels are (n,) int64, the digits 0 to 9.
#
# ### Scoring
#
# Balanced accuracy (BAC) is the mean of the ten digits' recalls. The final evaluation calls your function {{ repeats }} times, each time with
# newly drawn images and wrong labels, averages BAC, and gives
#
# $$\text{points} = \text{round}\left(100 \cdot \frac{\text{BAC} - {{ score.floor }}}{{{ score.ceiling }} - {{ score.floor }}}\right)$$
#
# **0 points at BAC {{ score.floor }}** and below, **100 points at BAC {{ score.ceiling }}**.
#
# ### Limits
#
# Your function runs alone in its own process, in one thread, with no internet, no files and no GPU.
# Each call may take {{ program.seconds }} seconds. Your process may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
#
# ### What to submit
#
# Submit this notebook, with your code in the cell under **Your solution**. The grader takes only that cell and puts it into its own copy of
# the notebook. You may change other cells to try things out, but the grader ignores those changes.

# %% [markdown]
# ## Setup
#
# You may change these values to try things out; the grader sets its own. With `FINAL_EVALUATION_MODE = False` you see pictures and a score on `val`.

# %% tags=["parameters", "protected"]
FINAL_EVALUATION_MODE = False
DATA_PATH = "data/my_task"  # folder with train/ and val/ (in the final evaluation train/ and test/)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves its predictions
SEED = 0  # not used here: your process has a seed of its own
DEVICE = "auto"  # "auto", "cpu" or "cuda"

# %% [markdown]
# This cell imports what the protected cells need.

# %% tags=["protected"]
import io, json, os, zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import balanced_accuracy_score

# %% [markdown]
# ## Data
#
# This long cell builds the data if they are missing. You do not need to read it.

# %% tags=["protected", "data"]
# {{ data.py }}

# %% [markdown]
# An existing folder is used as it is.

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE and not (Path(DATA_PATH) / "train").exists():
    make_data(Path(DATA_PATH), None, None, seed=0)
train = read_split(DATA_PATH, "train")
test = read_split(DATA_PATH, "test" if FINAL_EVALUATION_MODE else "val")
print(f"{len(train['x'])} training images, {len(test['x'])} to read")

# %% [markdown]
# Look at the data: the number above each image is its label. Can you find the wrong ones?

# %% tags=["protected"]
def show_samples(images, labels, columns=12):
    """Draw the first images with their labels."""
    figure, axes = plt.subplots(2, columns, figsize=(11, 2.4))
    for axis, image, label in zip(axes.flat, images, labels.tolist()):
        axis.imshow(image.reshape(8, 8), cmap="gray_r")
        axis.set_title(label)
        axis.axis("off")
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_samples(train["x"], train["typed"])

# %% [markdown]
# ## Scoring
#
# This is the formula of the statement. The grader applies it to the hidden labels.

# %% tags=["protected"]
FLOOR, CEILING = {{ score.floor }}, {{ score.ceiling }}  # balanced accuracy of 0 and of 100 points


def performance(balanced_accuracy):
    """Return the points (0..100) of a balanced accuracy."""
    share = (balanced_accuracy - FLOOR) / (CEILING - FLOOR)
    return int(round(100 * float(np.clip(share, 0, 1))))

# %% [markdown]
# What your function returns is checked before it is used. The message says what is wrong and what to return instead.

# %% tags=["protected"]
class InvalidOutput(ValueError):
    """What the function returned is not allowed; the message says why."""


def check_labels(labels, count):
    """Return the labels as int64 (count,), or raise InvalidOutput."""
    labels = np.asarray(labels)
    if labels.shape != (count,):
        raise InvalidOutput(f"solve returned the shape {labels.shape} for {count} images; return one label for each")
    if labels.dtype.kind not in "iu":
        raise InvalidOutput(f"solve returned the type {labels.dtype}; return whole numbers, with .astype(int)")
    if labels.min() < 0 or labels.max() > 9:
        raise InvalidOutput(f"solve returned labels from {labels.min()} to {labels.max()}; each is a digit from 0 to 9")
    return labels.astype(np.int64)

# %% [markdown]
# ## Baseline
#
# The obvious start is to copy the label of the most similar training image. It is wrong as often as the labels are.

# %% tags=["protected"]
def nearest_neighbour(train_x, train_y, test_x):
    """Return the label of the nearest training image for each image of test."""
    distances = (test_x**2).sum(axis=1)[:, None] - 2 * test_x @ train_x.T + (train_x**2).sum(axis=1)
    return train_y[distances.argmin(axis=1)]

# %% [markdown]
# ## Your solution
#
# Your function may use these imports, and anything else that your own cell imports from the standard library, NumPy, scikit-learn or PyTorch.
# What it prints is shown while it runs.

# %% tags=["protected", "slot-imports"]
import numpy as np

# %% [markdown]
# Write your code in the next cell, the only one that the grader takes. Put helper functions there too.

# %% tags=["slot"]
# solve(train_x, train_y, test_x) -> labels
#   train_x: (900, 64) float32, images
#   train_y: (900,) int64, their labels as typed: 45 % of them are wrong
#   test_x:  (n, 64) float32, images
#   returns: (n,) int64, the digit of each image of test
def solve(train_x, train_y, test_x):
    distances = (test_x**2).sum(axis=1)[:, None] - 2 * test_x @ train_x.T + (train_x**2).sum(axis=1)
    ### BEGIN SOLUTION
    # Wrong labels are spread over nine digits, the right ones agree: of 15 neighbours, most of those that agree are right.
    neighbours = train_y[np.argsort(distances, axis=1)[:, :15]]  # (n, 15)
    print(f"15 neighbours for each of {len(test_x)} images")
    return np.stack([np.bincount(row, minlength=10) for row in neighbours]).argmax(axis=1)
    ### END SOLUTION
    ### BEGIN BASELINE
    # return train_y[distances.argmin(axis=1)]
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Your function gets copies, and its answer is all that counts.

# %% tags=["protected"]
labels = check_labels(solve(train["x"].copy(), train["typed"].copy(), test["x"].copy()), len(test["x"]))

# %% [markdown]
# With labels, you get points. Without labels, the predictions are saved for the grader.
# The score on `val` comes from a single run. The final score is the mean of {{ repeats }} runs.

# %% tags=["protected"]
if FINAL_EVALUATION_MODE:
    np.savez(PREDICTIONS_PATH, model=labels)  # (n,) int64
    print("predictions saved")
else:
    accuracy = balanced_accuracy_score(test["labels"], labels)
    print(f"{performance(accuracy)} points, balanced accuracy {accuracy:.3f}")
