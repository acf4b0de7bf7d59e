# %% [markdown]
# # {{ title }}
#
# A school scanned its old arithmetic books, and asked its first form to type the digits.
# The children got bored: of a hundred digits, forty-five were typed wrong, and nobody knows which.
# You train a network on what they typed. At first it learns what most labels agree on. Later it learns the mistakes by heart.
# **You decide, batch by batch, how much each label counts.**

# %% [markdown]
# ## Task
#
# Write one function, `your_weights(labels, losses, epoch)`. It is called for every batch of training images and returns the weight of each
# sample in the next step. Everything else is fixed: the data, the network, the optimiser and the number of epochs.
#
# ### Data
#
# | file | images | labels |
# |---|---|---|
# | `train/rows.npz` | 900 | `typed`, **noisy**: 45 % of them are wrong |
# | `val/rows.npz` | 300 | `labels`, clean; for you to look at, never used for training |
# | `test/rows.npz` | 597 | clean and hidden; only the grader has them |
#
# Images are `x` (n, 64) float32, 8 x 8 pixels from 0 to 1. Labels are (n,) int64, the digits 0 to 9.
#
# ### Scoring
#
# Balanced accuracy (BAC) is the mean of the ten digits' recalls. The final evaluation trains and tests {{ repeats }} times, each time with
# newly drawn images and wrong labels, averages BAC, and gives
#
# {{ score.rules }}
#
# ### Limits
#
# Your function runs alone in its own process. It gets its arguments and nothing else: no images, no internet, no files, no GPU.
# One training run may take {{ limits.wall_seconds }} seconds in all. Your process may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
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
DATA_PATH = "data/my_task"  # folder with train/ and val/ (in the final evaluation train/ and test/)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves its predictions
SEED = 0  # start of the network, order of the batches
DEVICE = "auto"  # "auto", "cpu" or "cuda"

# %% [markdown]
# This cell imports what the protected cells need, and chooses where they run.

# %% tags=["protected"]
import io, json, os, zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

# More threads would add numbers in another order. That alone can change the accuracy of such a small network.
torch.set_num_threads(1)
fastest = "cuda" if torch.cuda.is_available() else "cpu"
device = torch.device(fastest if DEVICE == "auto" else DEVICE)

# %% [markdown]
# All random numbers come from `SEED`, with all of its 63 bits. On a CPU, `torch.manual_seed` takes only 32 of them.

# %% tags=["protected"]
torch.manual_seed(SEED)
words = np.random.SeedSequence(SEED).generate_state(624).astype(np.int64)
state = torch.get_rng_state()  # its first 24 bytes say where it is, then come its 624 words
state.view(torch.int64)[3 : 3 + 624] = torch.from_numpy(words)
torch.set_rng_state(state)

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


def load_split(name):
    """Return images (n, 64) float32 and labels (n,) int64, or None, of a split on the device."""
    arrays = read_split(DATA_PATH, name)
    labels = arrays.get("typed", arrays.get("labels"))
    return torch.from_numpy(arrays["x"]).to(device), None if labels is None else torch.from_numpy(labels).to(device)


train_x, train_y = load_split("train")
test_x, test_y = load_split("test" if FINAL_EVALUATION_MODE else "val")
print(f"{len(train_x)} training images, {len(test_x)} to predict")

# %% [markdown]
# Look at the data: the number above each image is its label. Can you find the wrong ones?

# %% tags=["protected"]
def show_samples(images, labels, columns=12):
    """Draw the first images with their labels."""
    figure, axes = plt.subplots(2, columns, figsize=(11, 2.4))
    for axis, image, label in zip(axes.flat, images.cpu(), labels.tolist()):
        axis.imshow(image.reshape(8, 8), cmap="gray_r")
        axis.set_title(label)
        axis.axis("off")
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_samples(train_x, train_y)

# %% [markdown]
# ## Model
#
# The network has one hidden layer, large enough to learn 900 labels by heart, right or wrong.

# %% tags=["protected"]
def make_model():
    """Return a network: images (B, 64) -> logits (B, 10)."""
    return nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 10)).to(device)

# %% [markdown]
# ## Scoring
#
# This is the formula of the statement, as the grader applies it to the hidden labels. Both are written from `task.toml`.

# %% tags=["protected"]
# {{ score.py }}

# %% [markdown]
# The class with the largest output is the prediction.

# %% tags=["protected"]
@torch.no_grad()
def predict(model, images):
    """Return the predicted digits (n,) int64."""
    return model(images).argmax(dim=1).cpu().numpy()

# %% [markdown]
# ## Training
#
# What your function returns is checked before it is used. The message says what is wrong and what to return instead.

# %% tags=["protected"]
class InvalidOutput(ValueError):
    """What the function returned is not allowed; the message says why."""


def check_weights(weights, count):
    """Return the weights as a float32 tensor (count,), or raise InvalidOutput."""
    if not isinstance(weights, (torch.Tensor, np.ndarray)):
        raise InvalidOutput(f"your_weights returned a {type(weights).__name__}; return a tensor of {count} numbers")
    weights = torch.as_tensor(weights)
    if weights.shape != (count,):
        raise InvalidOutput(f"your_weights returned the shape {tuple(weights.shape)} for a batch of {count} samples")
    if not weights.dtype.is_floating_point:
        raise InvalidOutput(f"your_weights returned the type {weights.dtype}; return floats, with weights.float()")
    if not torch.isfinite(weights).all():
        raise InvalidOutput("your_weights returned a weight that is NaN or infinite; each must lie between 0 and 1")
    if weights.min() < 0 or weights.max() > 1 or weights.max() == 0:
        low, high = weights.min(), weights.max()
        raise InvalidOutput(f"your_weights returned weights from {low:.3g} to {high:.3g}; each must lie between 0 and 1, one above 0")
    return weights.float()

# %% [markdown]
# Your function gets copies on the CPU, so it cannot change the network. The step follows the weighted mean of the losses.

# %% tags=["protected"]
EPOCHS, BATCH_SIZE, LEARNING_RATE = 60, 50, 5e-3


def train(weigh, evaluate=None):
    """Return a model trained on the noisy labels, and one record for each epoch."""
    model, history = make_model(), []
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    criterion = nn.CrossEntropyLoss(reduction="none")  # one loss for each sample
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in torch.randperm(len(train_x)).to(device).split(BATCH_SIZE):
            labels = train_y[batch]  # (B,)
            losses = criterion(model(train_x[batch]), labels)  # (B,)
            weights = weigh(labels.cpu().clone(), losses.detach().cpu().clone(), epoch)
            weights = check_weights(weights, len(batch)).to(device)
            optimizer.zero_grad()
            ((weights * losses).sum() / weights.sum()).backward()
            optimizer.step()
            total += losses.sum().item()
        history.append({"loss": total / len(train_x), "bac": evaluate(model) if evaluate else None})
    return model, history

# %% [markdown]
# ## Baseline
#
# The obvious start is to believe every label. The network then learns the mistakes as well: expect less than 20 points.

# %% tags=["protected"]
def default_weights(labels, losses, epoch):
    """Give every sample the same weight."""
    return torch.ones(len(labels))

# %% [markdown]
# ## Your solution
#
# Your function may use these imports, and anything else that your own cell imports from the standard library, NumPy, SciPy or PyTorch.

# %% tags=["protected", "slot-imports"]
import numpy as np
import torch

# %% [markdown]
# Write your code in the next cell, the only one that the grader takes. Put helper functions there too, and variables that should last from call to call.

# %% tags=["slot"]
# your_weights(labels, losses, epoch) -> weights
#   labels:  (B,) int64, the labels of the batch as typed: 45 % of them are wrong
#   losses:  (B,) float32, the current loss of each sample
#   epoch:   int, from 0 to 59
#   returns: (B,) float, a weight from 0 to 1 for each sample, at least one of them above 0
def your_weights(labels, losses, epoch):
    ### BEGIN SOLUTION
    # The network first learns what most labels agree on. So a label counts as much as the network believes it:
    # its probability p = exp(-loss), to the power of q. The step then follows the generalised cross entropy
    # (Zhang and Sabuncu 2018, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels").
    return torch.exp(-0.85 * losses)
    ### END SOLUTION
    ### BEGIN BASELINE
    # return torch.ones(len(labels))  # every sample counts the same
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Train with your function. Outside the final evaluation, plot the balanced accuracy on the clean `val` after each epoch.

# %% tags=["protected"]
def accuracy_on_val(model):
    """Return the balanced accuracy on val."""
    return score(predictions={"model": predict(model, test_x)}, answers={"labels": test_y.cpu().numpy()})["model"]


model, history = train(your_weights, None if FINAL_EVALUATION_MODE else accuracy_on_val)
if not FINAL_EVALUATION_MODE:
    figure, axis = plt.subplots(figsize=(7, 3))
    axis.plot(range(1, EPOCHS + 1), [record["bac"] for record in history])
    axis.axhspan({{ score.floor }}, {{ score.ceiling }}, color="green", alpha=0.08, label="0 to 100 points")
    axis.set(xlabel="epoch", ylabel="balanced accuracy on val", ylim=(0, 1))
    axis.legend()
    plt.show()

# %% [markdown]
# With labels, you get points. Without labels, the predictions are saved for the grader, and with them the curves that your feedback page
# plots. The score on `val` comes from a single run. The final score is the mean of {{ repeats }} runs.

# %% tags=["protected"]
if FINAL_EVALUATION_MODE:
    np.savez(PREDICTIONS_PATH, model=predict(model, test_x))  # (n,) int64
    curves = {"mean loss on the labels as given": [record["loss"] for record in history]}
    axis = {"name": "epoch", "values": list(range(1, EPOCHS + 1))}
    Path(PREDICTIONS_PATH).with_name("history.json").write_text(json.dumps({"x": axis, "series": curves}))
    print("predictions saved")
else:
    points = performance(predictions={"model": predict(model, test_x)}, answers={"labels": test_y.cpu().numpy()})
    print(f"{points} points, balanced accuracy {history[-1]['bac']:.3f}")
