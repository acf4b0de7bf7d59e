# %% [markdown]
# # Noise in Data Labels
#
# The harbour of Port Meridian paints a number on every crate, and salt water eats the paint.
# A **3**, a **5** or an **8** that loses one stroke turns into another digit, and a crate of fish ends up in the wrong port.
# So a camera should ring a bell at each of these *risky* digits, and somebody will repaint them.
# To train it, the night shift looked at pictures of digits and ticked "risky" or "safe". The workers were tired and afraid of blame.
# When in doubt they ticked "risky". Now more than half of the safe digits are called risky, and some risky ones slipped through as safe.
# How many exactly depends on the crew, and each night it is another one. Nobody has the time to look at all the pictures again.
# But we train two networks. They start differently and make different mistakes, so one can warn the other.
# **You decide, batch by batch, which labels each of them should believe.**

# %% [markdown]
# ## At a glance
#
# | | |
# |---|---|
# | you write | one function, `your_select_indices(targets, losses)`; it is called 184 times in a training run |
# | points | the untouched starter gets less than 20, the organisers' solution about 80, and there is room above it |
# | time | a run takes about 10 seconds on one core, and the final evaluation {{ repeats }} runs |
# | limits | {{ limits.wall_seconds }} seconds a run, {{ limits.memory_mb }} MB of memory, {{ limits.output_kb }} kB of printed text |
# | a return that is not allowed | the submission gets 0 points, and the message names the first wrong return |
# | an exception in your code | the submission gets 0 points, and your feedback shows where it happened |
# | a run over its time limit | the submission gets 0 points |
#
# **Contents:** [Task](#Task) · [Data](#Data) · [Scoring](#Scoring) · [Limits](#Limits) · [Setup](#Setup) · [Model](#Model) ·
# [Training](#Training) · [Baseline](#Baseline) · [**Your solution**](#Your-solution) · [Evaluation](#Evaluation)

# %% [markdown]
# ## Task
#
# Write one function, `your_select_indices(targets, losses)`. For every batch of training images it gets the labels and the losses
# of both networks. It returns the samples of the batch from which network 1 and network 2 learn. Everything else is
# fixed: the data, the networks, the optimiser and the number of epochs. Each of the 8 epochs has the same 23 batches: batch 1 always holds the same images.
#
# ### Data
#
# | split | images | class 1 by its labels | labels |
# |---|---|---|---|
# | `train` | 2880 | 54 to 67 % (in truth 500 images, 17 %) | **noisy**: some true 0s are labelled 1, and some true 1s are labelled 0 |
# | `val` | 600 | 30 % | clean; for you to look at, never used for training |
# | `test` | 1000 | 30 % | clean and hidden; only the grader has them |
#
# How many labels are wrong is drawn anew for every training set: between 50 % and 62 % of the true 0s, and between 10 % and 24 %
# of the true 1s. The two shares add up to between 66 % and 76 %.
# Your function is told no more than that. `manifest.json` in your folder has the shares of your copy.
# To try another draw, build it with `make_data(Path("other"), None, None, seed=1)` and set `DATA_PATH` to it.
#
# The images are grey, with 28 x 28 pixels. The digits 3, 5 and 8 are class 1, all others are class 0. Each image is turned and
# stretched a little, also drawn anew.
# A split is a folder `data/` of PNG files and a table `dataset_labels.csv` with the columns `file_name,label`.
#
# ### Scoring
#
# $$\text{BAC} = \tfrac12 \left(\frac{\text{hits in class 0}}{\text{images of class 0}} + \frac{\text{hits in class 1}}{\text{images of class 1}}\right), \qquad
# \text{points} = \text{round}\left(100 \cdot \frac{\text{BAC} - {{ score.floor }}}{{{ score.ceiling }} - {{ score.floor }}}\right)$$
#
# This balanced accuracy (BAC) is the mean of both networks. You get **0 points at BAC {{ score.floor }}** (guessing gets 0.5) and **100 points at BAC {{ score.ceiling }}**; points are clipped to 0 to 100.
# The final evaluation trains and tests {{ repeats }} times, each time with newly drawn images, noise and order. Points come from the mean BAC.
#
# ### Limits
#
# Your function runs alone in its own process. It gets its two arguments and nothing else: no images, no models, no files, no internet, no GPU.
# One training run may take {{ limits.wall_seconds }} seconds in all. Your process may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
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
DATA_PATH = "data/noisy_labels"  # folder with train/ and val/ (in the final evaluation train/ and test/)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves its predictions
SEED = 0  # start of the networks, order of the batches, dropout
DEVICE = "auto"  # "auto", "cpu" or "cuda"

# %% [markdown]
# This cell imports what the protected cells need, and chooses where they run.

# %% tags=["protected"]
import hashlib, json, random, shutil, stat, time, urllib.request, zipfile
from pathlib import Path, PurePosixPath

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.utils.data import Dataset

# {{ cells/setup.py }}

# %% [markdown]
# ## Data
#
# This long cell builds the data if they are missing and cannot be downloaded. You need not read it, but you may: it says how everything is drawn.

# %% tags=["protected", "data"]
# {{ data.py }}

# {{ cells/find_data.py }}

# %% [markdown]
# The usual loader opens each PNG again in every epoch. With such small networks it would take longer to read files than to train.
# All images together take 9 MB, so we decode each **once**, keep them as a single tensor on the device, and cut batches out of it.

# %% tags=["protected"]
class TaskDataset(Dataset):
    """A split in memory: `images` (n, 1, 28, 28) float32 in [-1, 1], `labels` (n,) int64 or None, on the device."""

    def __init__(self, folder):
        folder = Path(folder)
        self.files = sorted(path.name for path in (folder / "data").glob("*.png"))
        pixels = np.stack([np.asarray(Image.open(folder / "data" / name)) for name in self.files])
        images = torch.from_numpy(pixels)[:, None].float() / 127.5 - 1
        self.images = images.to(device, memory_format=torch.channels_last)
        self.labels = None
        if (folder / "dataset_labels.csv").exists():
            table = pd.read_csv(folder / "dataset_labels.csv").set_index("file_name")
            self.labels = torch.tensor(table.loc[self.files, "label"].to_numpy(), device=device)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return self.images[index], None if self.labels is None else self.labels[index]

# %% [markdown]
# The final evaluation does not use `val`.

# %% tags=["protected"]
def load_data(data_path):
    """Return the training and the validation set (None in the final evaluation)."""
    folder = Path(data_path)
    return TaskDataset(folder / "train"), None if FINAL_EVALUATION_MODE else TaskDataset(folder / "val")


train_set, val_set = load_data(data_folder)
print(f"train: {len(train_set)} images, {(train_set.labels == 1).sum()} of them labelled 1")

# %% [markdown]
# Look at the data: the upper rows show digits as the night shift labelled them, the lower rows clean ones. Can you find the wrong labels?

# %% tags=["protected"]
def show_samples(columns=14):
    """Draw images of each label: two rows of noisy training labels, two rows of clean ones."""
    rows = [(split, name, label) for split, name in ((train_set, "train"), (val_set, "val")) for label in (0, 1)]
    figure, axes = plt.subplots(len(rows), columns, figsize=(11, 3.6))
    for line, (split, name, label) in zip(axes, rows):
        members = (split.labels == label).nonzero().flatten()[:columns].tolist()
        for axis, index in zip(line, members):
            axis.imshow(split.images[index, 0].cpu(), cmap="gray")
        for axis in line:
            axis.set_xticks([]), axis.set_yticks([])
        line[0].set_ylabel(f"{name}\nlabel {label}", rotation=0, ha="right", va="center")
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_samples()

# %% [markdown]
# ## Model
#
# We train two copies of this small network. They differ in their random start, and in the samples that you choose for them.

# %% tags=["protected"]
def block(channels_in, channels_out, size):
    """Return a convolution that halves the sides, with batch normalisation and ReLU."""
    convolution = nn.Conv2d(channels_in, channels_out, size, stride=2, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU6(inplace=True))


class SmallNet(nn.Module):
    """25,714 weights: images (B, 1, 28, 28) -> logits (B, 2)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(  # (B, 1, 28, 28)
            block(1, 16, 5),  # (B, 16, 14, 14)
            block(16, 32, 3),  # (B, 32, 7, 7)
            block(32, 64, 3),  # (B, 64, 4, 4)
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64 * 4 * 4, 2))

    def forward(self, images):
        return self.classifier(self.features(images))


assert sum(weights.numel() for weights in SmallNet().parameters()) == 25_714

# {{ cells/scoring.py }}

# {{ cells/history.py }}

# %% [markdown]
# Predictions are made in evaluation mode: without dropout, and with the learnt batch normalisation.

# %% tags=["protected"]
@torch.no_grad()
def predict_and_evaluate(model, dataset):
    """Return the predictions (n,) int64 and their balanced accuracy (None where there are no labels)."""
    model.eval()
    logits = torch.cat([model(images) for images in dataset.images.split(500)])  # (n, 2)
    model.train()
    predictions = logits.argmax(dim=1).cpu().numpy()  # (n,)
    if dataset.labels is None:
        return predictions, None
    return predictions, balanced_accuracy_score(dataset.labels.cpu().numpy(), predictions)

# %% [markdown]
# ## Training

# {{ cells/seeds.py }}

# %% [markdown]
# What your function returns is checked before it is used. It must be two sets of positions, each with 1 to B whole numbers from 0 to B-1.

# %% tags=["protected"]
class InvalidOutput(ValueError):
    """What the function returned is not allowed; the message says why."""


def check_indices(answer, batch_size):
    """Return what the function chose as two int64 tensors, or raise InvalidOutput."""
    if not isinstance(answer, (list, tuple)):
        raise InvalidOutput(f"return a list of two index tensors, one for each model, not a {type(answer).__name__}")
    if len(answer) != 2:
        raise InvalidOutput(f"return a list of two index tensors, one for each model; this list has {len(answer)}")
    return [check_set(indices, batch_size, f"for model {number}") for number, indices in enumerate(answer, 1)]

# %% [markdown]
# Each of the two sets may be a tensor, an array or a plain list. A position that appears twice counts twice.

# %% tags=["protected"]
def check_set(indices, batch_size, place):
    """Return one set of positions as an int64 tensor (n,), or raise InvalidOutput."""
    if not isinstance(indices, (list, tuple, np.ndarray, torch.Tensor)):
        raise InvalidOutput(f"the indices {place} are a {type(indices).__name__}, not a tensor, an array or a list")
    if not isinstance(indices, (list, tuple)):
        if indices.ndim != 1:
            raise InvalidOutput(f"the indices {place} have {indices.ndim} dimensions instead of one")
        if "int" not in str(indices.dtype):
            hint = "; turn a mask into indices with mask.nonzero().flatten()" if "bool" in str(indices.dtype) else ""
            raise InvalidOutput(f"the indices {place} have the type {indices.dtype}, not whole numbers{hint}")
    if not 1 <= len(indices) <= batch_size:
        raise InvalidOutput(f"there are {len(indices)} indices {place}; a batch of {batch_size} allows 1 to {batch_size}")
    for index in indices if isinstance(indices, (list, tuple)) else indices.tolist():
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
            raise InvalidOutput(f"the list {place} holds a {type(index).__name__}; indices are whole numbers")
        if not 0 <= index < batch_size:
            raise InvalidOutput(f"index {index} {place} is out of range for a batch of {batch_size}")
    return torch.as_tensor(np.asarray(indices, dtype=np.int64))

# %% [markdown]
# In each step, both networks see the batch, your function chooses, and each network learns from its part. Your function gets copies on the CPU, so it cannot change the networks.

# %% tags=["protected"]
criterion = nn.CrossEntropyLoss(reduction="none")  # one loss for each sample


def train_step(models, optimizers, images, targets, select_indices):
    """Take one optimiser step with each model; return the losses [(B,), (B,)] and the chosen indices."""
    losses = [criterion(model(images), targets) for model in models]  # [(B,), (B,)]
    copies = [loss.detach().cpu().clone() for loss in losses]
    chosen = check_indices(select_indices(targets.cpu().clone(), copies), len(targets))
    for loss, optimizer, indices in zip(losses, optimizers, chosen):
        optimizer.zero_grad()
        loss[indices.to(device)].mean().backward()
        optimizer.step()
    return [loss.detach().cpu() for loss in losses], chosen

# %% [markdown]
# The learning rate rises in the first half epoch, and then falls to zero along a cosine. So the last batches no longer decide the result.

# %% tags=["protected"]
EPOCHS, BATCH_SIZE, LEARNING_RATE, WEIGHT_DECAY = 8, 128, 1e-2, 1e-3


def make_optimizer(model, steps):
    """Return the optimiser of a model, and the schedule of its learning rate over all steps."""
    warm_up = steps // 16
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    falling = lambda step: 0.5 + 0.5 * np.cos(np.pi * (step - warm_up) / (steps - warm_up))
    share = lambda step: (step + 1) / warm_up if step < warm_up else falling(step)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, share)

# %% [markdown]
# The images are shuffled once, from `SEED`. Every epoch then has the same batches in the same order.

# %% tags=["protected"]
def train_epoch(models, optimizers, schedules, train_set, order, select_indices):
    """Train both models for one epoch; return losses (2, n) in this order, and how often labels were kept (2, 2)."""
    losses, kept = [], torch.zeros(2, 2)  # kept[model, label]
    for batch in order.split(BATCH_SIZE):
        images, targets = train_set[batch]  # (B, 1, 28, 28), (B,)
        step_losses, chosen = train_step(models, optimizers, images, targets, select_indices)
        for schedule in schedules:
            schedule.step()
        losses.append(torch.stack(step_losses))  # (2, B)
        kept += torch.stack([targets.cpu()[indices].bincount(minlength=2) for indices in chosen])
    return torch.cat(losses, dim=1), kept

# %% [markdown]
# After each epoch, the notebook notes how much of each label you kept, and tests both models on `val`. Repeated positions count again, so it can be above 100 %.

# %% tags=["protected"]
def train(model1, model2, train_set, select_indices, val_set=None):
    """Train both models; return one record for each epoch."""
    models, history, start = (model1, model2), [], time.perf_counter()
    order = torch.from_numpy(np.random.default_rng(derive_seed("batches")).permutation(len(train_set))).to(device)
    steps = EPOCHS * len(order.split(BATCH_SIZE))
    optimizers, schedules = zip(*(make_optimizer(model, steps) for model in models))
    labels = train_set.labels[order].cpu()
    for epoch in range(1, EPOCHS + 1):
        losses, kept = train_epoch(models, optimizers, schedules, train_set, order, select_indices)
        bac = [predict_and_evaluate(model, val_set)[1] for model in models] if val_set else []
        share = (kept.mean(dim=0) / labels.bincount(minlength=2)).tolist()  # of label 0, of label 1
        history.append({"losses": losses, "labels": labels, "share": share, "bac": bac})
        print(f"epoch {epoch}: kept {share[0]:.0%} of label 0 and {share[1]:.0%} of label 1,",
              f"BAC on val {bac[0]:.3f} and {bac[1]:.3f}," if bac else "", f"{time.perf_counter() - start:.1f} s")
    return history

# %% [markdown]
# ## Baseline
#
# The obvious start is to believe every label. That teaches the networks the noise as well: expect less than 20 points.

# %% tags=["protected"]
def default_select_indices(targets, losses):
    """Keep the whole batch for both models."""
    everything = torch.arange(len(targets))  # (B,)
    return [everything, everything]

# %% [markdown]
# ## Your solution
#
# Your function may use these imports, and anything else that your own cell imports from the standard library, NumPy, SciPy or PyTorch.

# %% tags=["protected", "slot-imports"]
import math
import random

import numpy as np
import torch
import torch.nn.functional as F

# %% [markdown]
# Write your code in the next cell, the only one that the grader takes. Put helper functions there too, and variables that should last from call to call.
# The grader runs the cell anew for each training run. Here, run it again before you train again.

# %% tags=["slot"]
### BEGIN SOLUTION
TRULY = 500 / 2880  # share of class 1 in truth
calls = 0  # of the function so far; 23 in each epoch
labels, remembered = {}, {}  # batch number -> its labels, and running means of both models' losses: batches come back


def shares_to_keep(labels):
    """Return which share of label 0 and of label 1 is right, from how many samples have label 1."""
    called = labels.float().mean()  # TRULY * (1 - wrong1) + (1 - TRULY) * wrong0, and wrong0 + wrong1 is about 0.71
    wrong0 = called - 0.29 * TRULY
    wrong1 = 0.71 - wrong0
    return 1 - TRULY * wrong1 / (1 - called), TRULY * (1 - wrong1) / called


### END SOLUTION
def your_select_indices(targets, losses):
    """Choose the samples of one batch that each model learns from.

    targets   (B,) int64: the labels as given, 0 or 1, many of them wrong; B is 128 (64 in the last batch)
    losses    [(B,) float32, (B,) float32]: the losses of model 1 and of model 2 on these samples
    returns   [(n1,) int64, (n2,) int64]: positions 0..B-1 that model 1 and model 2 learn from,
              1 to B of them each; a position that appears twice counts twice

    The function is called for each of the 23 batches in each of the 8 epochs, always in the same order.
    """
    ### BEGIN SOLUTION
    global calls
    epoch, batch = calls // 23 % 8, calls % 23  # 0..7, 0..22
    calls += 1
    losses = torch.stack(losses)  # (2, B)
    labels[batch] = targets
    # A single loss is noisy; the mean over the epochs is more reliable.
    remembered[batch] = losses if epoch == 0 else (remembered[batch] + losses) / 2
    all_labels, all_losses = torch.cat([*labels.values()]), torch.cat([*remembered.values()], dim=1)  # (n,), (2, n)
    right0, right1 = shares_to_keep(all_labels)
    keep = {0: right0, 1: 0.6 + (right1 - 0.6) * epoch / 7}  # be stricter as the networks learn
    chosen = []
    for peer in (1, 0):  # model 1 learns what model 2 finds easy, and vice versa
        easy = {}
        for label in (0, 1):  # separately, or the label with the higher losses would disappear
            # Batches differ in how many labels are wrong, so the limit comes from all of them.
            limit = all_losses[peer][all_labels == label].quantile(float(keep[label]))
            easy[label] = ((targets == label) & (remembered[batch][peer] <= limit)).nonzero().flatten()
        equal = max(1, len(easy[1]))  # of both labels as many, for both count the same in the score
        chosen.append(torch.cat([easy[0][torch.randperm(len(easy[0]))[:equal]], easy[1]]))
    return [indices if len(indices) else torch.arange(len(targets)) for indices in chosen]
    ### END SOLUTION
    ### BEGIN BASELINE
    # everything = torch.arange(len(targets))
    # return [everything, everything]
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Both networks start from `SEED` and train with your function.

# %% tags=["protected"]
seed_everything(SEED)
model1, model2 = (SmallNet().to(device, memory_format=torch.channels_last) for _ in range(2))
history = train(model1, model2, train_set, your_select_indices, val_set)

# %% [markdown]
# The final evaluation has no `val`. Your feedback page shows instead how much of each label you kept, and the losses.

# %% tags=["protected"]
if FINAL_EVALUATION_MODE:
    kept = {f"share of label {label} kept": [record["share"][label] for record in history] for label in (0, 1)}
    means = [record["losses"].mean(dim=1).tolist() for record in history]  # of model 1, of model 2
    save_history("epoch", {**kept, **{f"mean loss of model {m + 1}": [mean[m] for mean in means] for m in (0, 1)}})

# %% [markdown]
# Did it help? The left plot shows the balanced accuracy on the clean `val`, the right one the losses in the last epoch, for each label as it was given.
# A loss says how much the networks disagree with a label: high where they would have said the other one. Whether they or the label is right, you cannot see here.

# %% tags=["protected"]
def show_history(history):
    """Draw balanced accuracy over the epochs, and the losses of the last epoch by given label."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4))
    epochs = range(1, len(history) + 1)
    for model in (0, 1):
        left.plot(epochs, [record["bac"][model] for record in history], marker="os"[model], label=f"model {model + 1}")
    left.axhspan(FLOOR, CEILING, color="gray", alpha=0.15, label="0 to 100 points")
    left.set(xlabel="epoch", ylabel="balanced accuracy on val", ylim=(0.45, 1), xticks=epochs)
    left.legend(loc="upper left")
    losses, labels = history[-1]["losses"].mean(dim=0), history[-1]["labels"]  # (n,), (n,)
    bins = np.linspace(0, np.quantile(losses, 0.99), 50)
    for label in (0, 1):
        style = {"histtype": "step", "linewidth": 2} if label else {"alpha": 0.5}
        right.hist(losses[labels == label], bins, label=f"labelled {label}", **style)
    right.set(xlabel="loss, mean of both models", ylabel="training images")
    right.legend()
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_history(history)

# %% [markdown]
# With labels, you get points. Without labels, the predictions are saved for the grader.

# %% tags=["protected"]
def final_evaluate(evaluate_data_path, model1, model2):
    """Return the points on a labelled folder; save the predictions on an unlabelled one and return None."""
    dataset = TaskDataset(evaluate_data_path)
    predictions, accuracies = zip(*(predict_and_evaluate(model, dataset) for model in (model1, model2)))
    if dataset.labels is None:
        np.savez(PREDICTIONS_PATH, model1=predictions[0], model2=predictions[1])  # (n,) int64 each
        return None
    print(f"balanced accuracy: model 1 {accuracies[0]:.3f}, model 2 {accuracies[1]:.3f}")
    return performance(accuracies)

# %% [markdown]
# The score on `val` comes from a single run. The final score is the mean of {{ repeats }} runs, and single runs differ by about 10 points.

# %% tags=["protected"]
points = final_evaluate(data_folder / ("test" if FINAL_EVALUATION_MODE else "val"), model1, model2)
print("predictions saved" if points is None else f"{points} points")
