# %% [markdown]
# # Ask the Right Question
#
# For a hundred years, the lighthouse of Port Meridian wrote the number of every ship into its log. Now a network has to read these logs.
# It learns from digits with labels, and labels cost money: only one person, the reader, still knows that handwriting, and she wants a coin for each digit.
# There are 1620 pictures, but only 200 coins. Hospitals know this problem: they have plenty of scans, but radiologists have little time.
# It gets harder. The captains believed in even numbers, so a 1, 3, 5, 7 or 9 is rare in the logs, but the network must read it just as well.
# And the roof leaks. In the second volume, three pictures in ten are spoilt and show little more than noise.
# The reader gets angry when you ask about these, and gives you a wrong label on purpose. What is worth a coin, and what only looks as if it were?
# The network itself can help: it can tell you how sure it is, and which pictures look alike to it.
# **You decide, round by round, which pictures to ask about.**

# %% [markdown]
# ## At a glance
#
# | | |
# |---|---|
# | you write | one function, `query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed)`; it is called 8 times in a run |
# | points | the untouched starter gets about 0, the organisers' solution about 85, and there is room up to 100 above it |
# | time | a run takes about 12 seconds on one core, and the final evaluation {{ repeats }} runs |
# | limits | {{ limits.wall_seconds }} seconds a run, {{ limits.memory_mb }} MB of memory, {{ limits.output_kb }} kB of printed text |
# | a return that is not allowed | the labels of its round are lost; the run goes on with fewer labels, and your result says why |
# | an exception in your code | the submission gets 0 points, and your feedback shows where it happened |
# | a run over its time limit | the submission gets 0 points |
#
# **Contents:** [Task](#Task) · [Data](#Data) · [Scoring](#Scoring) · [Limits](#Limits) · [Setup](#Setup) · [Model](#Model) ·
# [Training](#Training) · [Rounds](#Rounds) · [Baseline](#Baseline) · [**Your solution**](#Your-solution) · [Evaluation](#Evaluation)

# %% [markdown]
# ## Task
#
# Write one function, `query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed)`. The first 40 labels are bought for images drawn at random, in which odd digits and
# spoilt images have the same share as in the pool. A network is trained on them. Then come 4 rounds. In each round, your function chooses 40 more images, their labels are bought, and a new network is trained on all labels so far.
# So 160 of the 200 labels are your choice. At the end, three networks are trained on all 200 labels. They answer together, by the mean of their probabilities, and your score is how
# well they read. Everything else is fixed: the data, the network, the optimiser and the number of steps.
#
# All this is played in two **scenarios**, first with the `clean` and then with the `noisy` pool. Your function is not told which one it is in, but it may find out.
# A **pool** is the set of images whose labels you can buy. There is also a large size of the task for a GPU, with more images and a bigger network. It only counts if
# your organisers say so. This statement describes the default size.
#
# ### Data
#
# | split | images | digits | labels |
# |---|---|---|---|
# | `train/clean` | 1620 | 300 of each even digit, 24 of each odd one | bought one by one, all correct |
# | `train/noisy` | 1620 | the same images in another order, 30 % of each digit spoilt by strong noise | bought one by one; **those of spoilt images are all wrong** |
# | `val` | 500 | 50 of each | all correct; for you to look at, never used for training |
# | `test` | 1500 | 150 of each | hidden; only the grader has them |
#
# The images are grey, with 28 x 28 pixels from 0 (black) to 1 (white). Each is turned, stretched and shifted a little, with weak noise. Those of `val` and `test` are never spoilt.
# The strong noise of spoilt images has mean 0 and standard deviation 1 and is added to each pixel;
# values below 0 become 0, and values above 1 become 1. A wrong label is always the next class: a spoilt 4 is called 5, a spoilt 9 is called 0.
# To try another draw, build it with `make_data(Path("other"), None, None, seed=1)` and set `DATA_PATH` to it.
#
# ### Scoring
#
# $$\text{BAC} = \frac1{10} \sum_{k=0}^{9} \frac{\text{images of class } k \text{ that are read correctly}}{\text{images of class } k}, \qquad
# \text{points} = \text{round}\left(100 \cdot \frac{\text{BAC} - {{ score.floor }}}{{{ score.ceiling }} - {{ score.floor }}}\right)$$
#
# This balanced accuracy (BAC) is averaged over both scenarios. You get **0 points at BAC {{ score.floor }}** or less, and **100 points at BAC {{ score.ceiling }}** or more.
# The final evaluation plays both scenarios {{ repeats }} times, each time with other images in the pool and in the test, other noise and another order. Points come from the mean BAC of all of them.
#
# ### Limits
#
# Your function runs alone in a process of its own. It sees only its arguments: no images, no networks, no files, no hidden labels. Your cell may import the standard library, NumPy, SciPy
# and PyTorch, and variables outside the function keep their values from call to call.
# Each of the {{ repeats }} runs (both scenarios, training included) may take {{ limits.wall_seconds }} seconds in all. Your process may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
# Return exactly `n_query` different positions. **Any other return costs the labels of its round**: none are bought, and the run goes on with fewer labels. Your result says why.
# If your function stops with an error, or takes too much time or memory, the whole submission gets 0 points.
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
DATA_PATH = "data/image_al"  # folder with train/ and val/ (in the final evaluation train/ and test/)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves its predictions
SEED = 0  # first labels, start of the networks, order of the batches, dropout
DEVICE = "auto"  # "auto", "cpu" or "cuda"

# %% [markdown]
# This cell imports what the protected cells need, and chooses where they run.

# %% tags=["protected"]
import hashlib, json, random, shutil, stat, urllib.request, zipfile
from pathlib import Path, PurePosixPath

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.nn import functional as F

# {{ cells/setup.py }}

# %% [markdown]
# ## Data
#
# This long cell builds the data if they are missing and cannot be downloaded. You do not need to read it.

# %% tags=["protected", "data"]
# {{ data.py }}

# {{ cells/find_data.py }}

# %% [markdown]
# These are all settings of the experiment, for both sizes. In the large one, your function gets 5000 random images in each round instead of the whole pool.

# %% tags=["protected"]
SCENARIOS = ("clean", "noisy")
KNOBS = {
    "default": {
        "network": "LeNet5", "dropout": 0.25, "passes": 20, "committee": 3,  # passes of MC dropout, last nets
        "start": 40, "rounds": 4, "n_query": 40, "candidates": None,  # labels
        "steps": 150, "batch_size": 32, "learning_rate": 2e-3, "weight_decay": 1e-4,
    },
    "large": {
        "network": "ResNet18", "dropout": 0.5, "passes": 20, "committee": 3,
        "start": 200, "rounds": 10, "n_query": 200, "candidates": 5000,
        "steps": 2000, "batch_size": 128, "learning_rate": 1e-3, "weight_decay": 5e-4,
    },
}  # fmt: skip
setting = json.loads((data_folder / "setting.json").read_text())
knobs = {**KNOBS[setting["size"]], **setting.get("knobs", {})}
CLASSES = setting["classes"]
print(f"{setting['size']} size, {setting['noise']} noise, {knobs['network']}: {knobs['start']} labels at the start,",
      f"then {knobs['rounds']} rounds of {knobs['n_query']}")

# %% [markdown]
# All images of a pool fit into one tensor on the device. Their values are shifted and scaled once.

# %% tags=["protected"]
class Images:
    """Images (n, 1, 28, 28) float32 on the device; `labels` (n,) int64 and `spoilt` (n,) bool on the CPU, or None."""

    def __init__(self, path):
        with np.load(path, allow_pickle=False) as arrays:
            pixels = torch.from_numpy(arrays["images"])[:, None].float() / 255
            self.labels = arrays["labels"] if "labels" in arrays else None
            self.spoilt = arrays["spoilt"].astype(bool) if "spoilt" in arrays else None
        images = ((pixels - 0.13) / 0.31).to(device)  # about mean 0 and standard deviation 1
        self.images = images.contiguous(memory_format=torch.channels_last)  # convolutions run faster on this layout

    def __len__(self):
        return len(self.images)


pools = {name: Images(data_folder / "train" / f"{name}.npz") for name in SCENARIOS}
val_set = None if FINAL_EVALUATION_MODE else Images(data_folder / "val" / "images.npz")
print(f"{len(pools['clean'])} images in each pool")

# %% [markdown]
# This draws an image with a line of text above it. A spoilt image gets a thick red frame.

# %% tags=["protected"]
def draw(axis, image, title, spoilt):
    """Draw one image with a title, in a thick red frame where it is spoilt."""
    axis.imshow(image, cmap="gray")
    axis.set_title(title, fontsize=9, pad=5)  # points, clear of the frame
    axis.set_xticks([]), axis.set_yticks([])
    for side in axis.spines.values():
        side.set(color="red" if spoilt else "black", linewidth=3 if spoilt else 1)

# %% [markdown]
# Look at the images: one of each class, the same ones spoilt, and the first ones of the noisy pool.

# %% tags=["protected"]
def show_pools(columns=10):
    """Draw an image of each class, the same image spoilt, and the first images of the noisy pool."""
    figure, axes = plt.subplots(3, columns, figsize=(11, 4.4))
    clean, noisy = (dict(np.load(data_folder / "train" / f"{name}.npz")) for name in SCENARIOS)
    firsts = [np.flatnonzero(clean["labels"] == column % CLASSES)[0] for column in range(columns)]
    images, labels = clean["images"][firsts], clean["labels"][firsts]
    spoilt = spoil(images, setting["noise"], np.random.default_rng(0))
    for column, (first, second, third) in enumerate(axes.T):
        draw(first, images[column], f"{labels[column]}", spoilt=False)
        draw(second, spoilt[column], f"{labels[column]}, called {lie(labels[column], CLASSES)}", spoilt=True)
        draw(third, noisy["images"][column], f"called {noisy['labels'][column]}", noisy["spoilt"][column])
    for axis, name in zip(axes[:, 0], ("clean", "the same,\nspoilt", "noisy pool")):
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    figure.suptitle("Thick red frame: the image is spoilt, and its label is wrong")
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_pools()
# %% [markdown]
# ## Model
#
# LeNet-5 (LeCun et al., 1998) with dropout before each linear layer. The convolutions have none, so they run only once even for many passes with dropout.

# %% tags=["protected"]
class LeNet5(nn.Module):
    """61,706 weights: images (B, 1, 28, 28) -> features (B, 400) -> embeddings (B, 84) -> logits (B, K)."""

    def __init__(self, classes, dropout):
        super().__init__()
        self.features = nn.Sequential(  # (B, 1, 28, 28)
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),  # (B, 6, 14, 14)
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),  # (B, 16, 5, 5)
            nn.Flatten(),  # (B, 400)
        )  # fmt: skip
        self.embedding = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(400, 120), nn.ReLU(), nn.Dropout(dropout), nn.Linear(120, 84), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(84, classes))

    def forward(self, images):
        return self.head(self.embedding(self.features(images)))

# %% [markdown]
# Only the large size needs this and the next cell: ResNet18 (He et al., 2016) for small images. Its first convolution is 3x3, without stride or max-pooling.

# %% tags=["protected"]
class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: (B, c, h, w) -> (B, d, h / stride, w / stride)."""

    def __init__(self, channels_in, channels_out, stride):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels_out), nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out),
        )  # fmt: skip
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels_out:
            change = nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)
            self.shortcut = nn.Sequential(change, nn.BatchNorm2d(channels_out))

    def forward(self, images):
        return F.relu(self.convolutions(images) + self.shortcut(images))

# %% [markdown]
# ResNet18 has dropout before the last layer, so MC dropout works here too.

# %% tags=["protected"]
class ResNet18(nn.Module):
    """11 million weights: images (B, 1, 28, 28) -> features = embeddings (B, 512) -> logits (B, K)."""

    def __init__(self, classes, dropout):
        super().__init__()
        blocks, channels = [], 64
        for stage, width in enumerate((64, 128, 256, 512)):
            blocks += [ResidualBlock(channels, width, 2 if stage else 1), ResidualBlock(width, width, 1)]
            channels = width
        stem = [nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        self.features = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())  # (B, 512)
        self.embedding = nn.Identity()
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(512, classes))

    def forward(self, images):
        return self.head(self.embedding(self.features(images)))


NETWORKS = {"LeNet5": LeNet5, "ResNet18": ResNet18}

# %% [markdown]
# **MC dropout** (Gal & Ghahramani, 2016) keeps dropout on while the network predicts, so a different random part of it answers in each pass.

# %% tags=["protected"]
@torch.no_grad()
def look_at(model, images, passes=0):
    """Return the embeddings (n, D) without dropout and the class probabilities (passes, n, K) with it, float64."""
    model.eval()  # batch normalisation as it was learnt, no dropout
    features = torch.cat([model.features(part) for part in images.split(2000)])  # (n, F)
    embeddings = model.embedding(features).double()  # (n, D)
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.train()  # dropout alone is active again
    logits = [model.head(model.embedding(features)).double() for _ in range(passes)]
    model.eval()
    return embeddings, torch.stack([each.softmax(dim=1) for each in logits]) if passes else None

# {{ cells/scoring.py }}

# {{ cells/history.py }}

# %% [markdown]
# For the score, dropout is off, and three networks answer together by the mean of their probabilities. A single small network might just be lucky.

# %% tags=["protected"]
@torch.no_grad()
def predict(models, images):
    """Return the classes (n,) int64 that the models predict together."""
    probs = 0
    for model in models:
        model.eval()
        probs = probs + torch.cat([model(part).softmax(dim=1) for part in images.split(2000)])  # (n, K)
    return probs.argmax(dim=1).cpu().numpy()


def score(models, dataset):
    """Return the balanced accuracy on a labelled set; not a number where there is none."""
    return balanced_accuracy_score(dataset.labels, predict(models, dataset.images)) if dataset else float("nan")

# %% [markdown]
# ## Training

# {{ cells/seeds.py }}

# %% [markdown]
# In each round a new network starts from random weights and learns from all labels bought so far, correct or wrong. Each label is used equally often.

# %% tags=["protected"]
def train_on(pool, labelled, seed):
    """Return a network trained on the labelled images of a pool, (L,) positions."""
    images, labels = pool.images[labelled], torch.from_numpy(pool.labels[labelled]).to(device)
    seed_everything(seed)
    model = NETWORKS[knobs["network"]](CLASSES, knobs["dropout"])
    model = model.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=knobs["learning_rate"], weight_decay=knobs["weight_decay"], fused=True
    )
    wanted = knobs["steps"] * knobs["batch_size"]
    epochs = [torch.randperm(len(labels)) for _ in range(wanted // len(labels) + 1)]
    order = torch.cat(epochs)[:wanted].to(device)
    for batch in order.split(knobs["batch_size"]):
        optimizer.zero_grad()
        F.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    return model

# %% [markdown]
# ## Rounds
#
# This section checks what your function returns, and then plays the rounds with it.

# {{ cells/penalties.py }}

# %% [markdown]
# You may return an array, a tensor or a list. Each position must be a whole number from 0 to U-1, and none may appear twice.

# %% tags=["protected"]
def check_positions(answer, candidates, n_query):
    """Return the positions as an int64 array (n_query,), or raise InvalidOutput."""
    if not isinstance(answer, (list, tuple, np.ndarray, torch.Tensor)):
        raise InvalidOutput(f"return {n_query} positions as an array or a list, not a {type(answer).__name__}")
    if not isinstance(answer, (list, tuple)):
        if answer.ndim != 1:
            raise InvalidOutput(f"the positions have {answer.ndim} dimensions instead of one")
        if "int" not in str(answer.dtype):
            raise InvalidOutput(f"the positions have the type {answer.dtype}, not whole numbers")
    if len(answer) != n_query:
        raise InvalidOutput(f"{len(answer)} positions came back; the budget of a round is exactly {n_query}")
    for position in answer if isinstance(answer, (list, tuple)) else answer.tolist():
        if isinstance(position, bool) or not isinstance(position, (int, np.integer)):
            raise InvalidOutput(f"the list holds a {type(position).__name__}; positions are whole numbers")
        if not 0 <= position < candidates:
            raise InvalidOutput(f"position {position} is out of range for {candidates} unlabelled images")
    positions = np.asarray(answer, dtype=np.int64)
    if len(np.unique(positions)) < n_query:
        twice = np.bincount(positions).argmax()
        raise InvalidOutput(f"position {twice} came twice; a label is bought only once")
    return positions

# %% [markdown]
# Your function gets copies on the CPU, so it cannot change the run.

# %% tags=["protected"]
def ask(query, model, pool, labelled, unlabelled, moment):
    """Return the positions that `query` chose from `unlabelled`, or raise InvalidOutput; `moment` names the round."""
    seed_everything(derive_seed("dropout", moment))
    embeddings, probs = look_at(model, pool.images[unlabelled], knobs["passes"])  # (U, D), (T, U, K)
    known, _ = look_at(model, pool.images[labelled])  # (L, D)
    arrays = [values.cpu().numpy().copy() for values in (probs, embeddings, known)]
    answer = query(*arrays, pool.labels[labelled].copy(), knobs["n_query"], derive_seed("query", moment, bits=32))
    return unlabelled[check_positions(answer, len(unlabelled), knobs["n_query"])]

# %% [markdown]
# The first labels are drawn at random, but odd digits and spoilt images have the same share of them as of the pool, so luck decides less.

# %% tags=["protected"]
def first_positions(pool, rng):
    """Return the positions of the first labels, in random order: every so many images of the pool, sorted by spoilt and odd."""
    order = rng.permutation(len(pool))
    order = order[np.lexsort((pool.labels[order] % 2, pool.spoilt[order]))]
    places = (np.arange(knobs["start"]) + rng.random()) * len(pool) / knobs["start"]
    return rng.permutation(order[places.astype(int)])

# %% [markdown]
# A scenario trains, asks, buys and trains again. All random numbers come from `SEED`, and the unlabelled images are in another order in each round.

# %% tags=["protected"]
def play(name, query, val_set=None):
    """Return the last networks, and a record: BAC on val, labelled positions, and the share of odd labels bought."""
    pool, bac, odd, rng = pools[name], [], [], np.random.default_rng([SEED, SCENARIOS.index(name)])
    labelled = first_positions(pool, rng)
    for number in range(1, knobs["rounds"] + 1):
        model = train_on(pool, labelled, derive_seed(f"network {name}", number))
        bac.append(score([model], val_set))
        unlabelled = rng.permutation(np.setdiff1d(np.arange(len(pool)), labelled))[: knobs["candidates"]]
        try:
            bought = ask(query, model, pool, labelled, unlabelled, f"{name} {number}")
            labelled = np.concatenate([labelled, bought])
            odd.append((pool.labels[bought] % 2).mean())
        except InvalidOutput as error:
            penalise(f"{name} pool, round {number}: {error}. The budget of this round is lost.")
            odd.append(float("nan"))
    models = [
        train_on(pool, labelled, derive_seed(f"committee {name}", number)) for number in range(knobs["committee"])
    ]
    bac.append(score(models, val_set))
    print(f"{name}: {len(labelled)} labels", f"BAC on val {bac[-1]:.3f}" if val_set else "")
    return models, {"bac": bac, "labelled": labelled, "odd": odd}

# %% [markdown]
# ## Baseline
#
# The examples and your function may use these imports. Your own cell may import more from the standard library, NumPy, SciPy or PyTorch.

# %% tags=["protected", "slot-imports"]
import math
import random

import numpy as np
import torch

# %% [markdown]
# A random choice is fair but wasteful: only one image in fourteen shows an odd digit. Expect about 0 points.

# %% tags=["protected", "slot-imports"]
def random_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    """Choose at random."""
    return np.random.default_rng(seed).choice(mc_probs.shape[1], n_query, replace=False)

# %% [markdown]
# Here are four classics of active learning for you to read, use and take apart. The first three measure doubt: the **entropy** of the mean of all passes (how unsure is the answer?),
# its **margin** (how close is the second class?), and **BALD**, the mutual information of the answer and the network (how much do the passes disagree? Houlsby et al., 2011).

# %% tags=["protected", "slot-imports"]
def entropy(probs):
    """Return the entropy over the last axis, in nats: (..., K) -> (...)."""
    return -(probs * np.log(np.maximum(probs, 1e-12))).sum(axis=-1)


def margin(mc_probs):
    """Return how far the most probable class is ahead of the second, (T, U, K) -> (U,); small means doubt."""
    ordered = np.sort(mc_probs.mean(axis=0), axis=1)  # (U, K)
    return ordered[:, -1] - ordered[:, -2]


def bald(mc_probs):
    """Return the entropy of the mean minus the mean of the entropies, (T, U, K) -> (U,); at least 0."""
    return entropy(mc_probs.mean(axis=0)) - entropy(mc_probs).mean(axis=0)

# %% [markdown]
# Each measure becomes a strategy that takes the `n_query` images with the highest doubt.

# %% tags=["protected", "slot-imports"]
def highest(scores, n_query):
    """Return the positions of the highest scores."""
    return np.argsort(-scores, kind="stable")[:n_query]


def entropy_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    """Choose the highest entropy of the mean."""
    return highest(entropy(mc_probs.mean(axis=0)), n_query)


def margin_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    """Choose the smallest margin of the mean."""
    return highest(-margin(mc_probs), n_query)


def bald_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    """Choose the largest disagreement of the passes."""
    return highest(bald(mc_probs), n_query)

# %% [markdown]
# **BADGE** (Ash et al., 2020) looks at the embeddings as well: it chooses images whose gradients in the last layer are long and point in different directions.
# Such a gradient is the outer product of *probabilities minus predicted class* and the embedding. We can compute the distances without forming these large products.

# %% tags=["protected", "slot-imports"]
def badge_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    """Choose by k-means++ on the gradients of the last layer, as if the predicted class were correct."""
    rng, errors = np.random.default_rng(seed), mc_probs.mean(axis=0)  # (U, K)
    errors[np.arange(len(errors)), errors.argmax(axis=1)] -= 1
    lengths = (errors**2).sum(axis=1) * (embeddings**2).sum(axis=1)  # (U,) squared
    chosen, distances = [int(lengths.argmax())], np.full(len(errors), np.inf)
    while len(chosen) < n_query:
        last = chosen[-1]
        products = (errors @ errors[last]) * (embeddings @ embeddings[last])  # (U,)
        distances = np.minimum(distances, np.maximum(lengths + lengths[last] - 2 * products, 0))
        distances[chosen] = 0
        if distances.sum() == 0:  # all others equal a chosen one
            chosen += rng.permutation(np.setdiff1d(np.arange(len(errors)), chosen))[: n_query - len(chosen)].tolist()
            break
        chosen.append(int(rng.choice(len(errors), p=distances / distances.sum())))
    return np.array(chosen)

# %% [markdown]
# How many of the chosen images are spoilt, and how many show an odd digit and are clean?

# %% tags=["protected"]
def describe(pool, bought):
    """Return two lines about the images bought from a pool, (n,) positions."""
    spoilt = pool.spoilt[bought]
    odd = (pool.labels[bought] % 2 == 1) & ~spoilt
    return f"spoilt: {spoilt.sum()} of {len(bought)}\nclean and odd: {odd.sum()}"

# %% [markdown]
# Imagine that 120 labels of the noisy pool were bought at random: what would each example choose next?

# %% tags=["protected"]
def show_choices(name="noisy", columns=12):
    """Draw what each example would buy after two rounds of random labels."""
    pool, rng = pools[name], np.random.default_rng([SEED, len(SCENARIOS)])
    labelled, unlabelled = np.split(rng.permutation(len(pool)), [knobs["start"] + 2 * knobs["n_query"]])
    model = train_on(pool, labelled, derive_seed("network of the examples"))
    examples = (random_query, entropy_query, margin_query, bald_query, badge_query)
    figure, axes = plt.subplots(len(examples), columns, figsize=(11, 5.6))
    for line, example in zip(axes, examples):
        bought = ask(example, model, pool, labelled, unlabelled[:5000], "of the examples")
        for axis, position in zip(line, bought):
            draw(axis, pool.images[position, 0].cpu().numpy(), pool.labels[position], pool.spoilt[position])
        title = f"{example.__name__.removesuffix('_query')}\n{describe(pool, bought)}"
        line[0].set_ylabel(title, rotation=0, ha="right", va="center")
    first = f"The first {columns} of {knobs['n_query']} choices, and their labels."
    figure.suptitle(f"{first} Thick red frame: spoilt, and the label is wrong")
    figure.tight_layout()
    plt.show()

# %% [markdown]
# Which example falls for the spoilt images, and which finds digits that the network has hardly ever seen?

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE:
    show_choices()
# %% [markdown]
# ## Your solution
#
# Write your code in the next cell, the only one that the grader takes. Put helper functions there too. Variables outside the function keep their values from call to call,
# and from the clean to the noisy scenario. The grader runs the cell anew for each of its {{ repeats }} runs. Here, run it again before you run the cells below.

# %% tags=["slot"]
### BEGIN SOLUTION
def log_density(points, members):
    """Return the log density (n,) of points (n, D), up to a constant, under a Gaussian fitted to some of them."""
    mean, spread = members.mean(axis=0), np.cov(members.T) + 0.01 * np.eye(points.shape[1])
    away = points - mean
    return -0.5 * (away * np.linalg.solve(spread, away.T).T).sum(axis=1) - 0.5 * np.linalg.slogdet(spread)[1]


def find_noise(probs, embeddings, share=0.3, steps=10):
    """Return the positions of the images that look most like noise: all noise looks alike, and digits do not."""
    centred = embeddings - embeddings.mean(axis=0)
    view = centred @ np.linalg.svd(centred, full_matrices=False)[2][:10].T  # (U, 10) its main directions
    view /= view.std(axis=0).max()
    likeness = probs[:, 1::2].sum(axis=1)  # lies about even digits are odd labels, so the network calls noise odd
    for _ in range(steps):
        noise, digits = np.split(np.argsort(-likeness), [int(share * len(view))])
        likeness = log_density(view, view[noise]) - log_density(view, view[digits])
    return np.argsort(-likeness)[: int((share + 0.02) * len(view))]


### END SOLUTION
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    """Choose the images whose labels are bought in this round.

    mc_probs             (T, U, K) float64: class probabilities of the U unlabelled images, T = 20 passes
    embeddings           (U, D) float64: outputs of the last hidden layer for them, without dropout; D = 84
    labelled_embeddings  (L, D) float64: the same for the labelled images, in the order in which they were bought
    labelled_y           (L,) int64: their labels, correct or wrong; the first 40 are of the random images
    n_query              how many to choose: 40
    seed                 a whole number for random choices, different in each round
    returns              (n_query,) int64: positions 0..U-1, all different

    L is 40, 80, 120 and 160 in the four rounds, and less after a lost round. In each round the network is new,
    and the unlabelled images are in another order.
    """
    ### BEGIN SOLUTION
    probs, doubt, classes = mc_probs.mean(axis=0), 1.1 - margin(mc_probs), mc_probs.shape[2]  # (U, K), (U,)
    first = labelled_y[:40]
    odd = first[first % 2 == 1]  # of the random labels, 3 are odd in the clean pool and about 13 in the noisy one
    counts = np.bincount(labelled_y, minlength=classes).astype(float)  # (K,) which classes lack labels?
    allowed, chosen = np.ones(len(probs), dtype=bool), []
    if len(odd) >= 8:  # this is the noisy pool, and most of these labels are lies
        counts -= np.bincount(odd, minlength=classes)
        allowed[find_noise(probs, embeddings)] = False
    for _ in range(n_query):
        scores = doubt * (probs @ (1 / (1 + counts)))
        chosen.append(int(np.where(allowed, scores, -1).argmax()))
        allowed[chosen[-1]] = False
        counts += probs[chosen[-1]]
    return np.array(chosen)
    ### END SOLUTION
    ### BEGIN BASELINE
    # return random_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed)
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Your function plays both scenarios.

# %% tags=["protected"]
models, records = {}, {}
for name in SCENARIOS:
    models[name], records[name] = play(name, query, val_set)

# %% [markdown]
# The final evaluation has no `val`. Your feedback page shows instead how many of the labels you bought are odd, correct or wrong.

# %% tags=["protected"]
if FINAL_EVALUATION_MODE:
    odd = {f"share of odd classes among the labels bought, {name}": records[name]["odd"] for name in SCENARIOS}
    save_history("round", odd)

# %% [markdown]
# How fast does the network learn from the labels you chose, and how fast from random ones? The star at the end is the score of the three networks together.

# %% tags=["protected"]
def show_curves(axis, name, runs):
    """Draw balanced accuracy on val over the labels that were paid for; `runs` is {who: records of the scenarios}."""
    paid = knobs["start"] + knobs["n_query"] * np.arange(knobs["rounds"] + 1)
    axis.axhspan(FLOOR, CEILING, color="gray", alpha=0.15, label="0 to 100 points")
    for (who, records), color, style, marker in zip(runs.items(), ("C0", "black"), ("-", "--"), "os"):
        bac = records[name]["bac"]
        axis.plot(paid, bac, style, color=color, marker=marker, markersize=4, label=who)
        axis.plot(paid[-1], bac[-1], "*", color=color, markersize=11)
    axis.set(title=f"{name} pool", xlabel="labels paid for", xticks=paid, ylabel="balanced accuracy on val")
    axis.legend(loc="lower right", fontsize=8)

# %% [markdown]
# Which labels did your function buy (without the 40 random ones at the start), and which did the random choice buy?

# %% tags=["protected"]
def show_labels(axis, name, runs):
    """Draw how often each label was bought, correct or wrong."""
    classes, pool = np.arange(CLASSES), pools[name]
    for (who, records), shift in zip(runs.items(), (-0.2, 0.2)):
        bought = records[name]["labelled"][knobs["start"] :]
        right, wrong = (
            np.bincount(pool.labels[bought[pool.spoilt[bought] == spoilt]], minlength=CLASSES) for spoilt in (False, True)
        )
        axis.bar(classes + shift, right, 0.38, color="C0" if shift < 0 else "gray", label=who)
        lies, looks = np.flatnonzero(wrong), {"color": "white", "edgecolor": "red", "hatch": "////"}
        axis.bar(lies + shift, wrong[lies], 0.38, bottom=right[lies], **looks)
    axis.bar(0, np.nan, label="wrong labels", **looks)
    axis.set(title=f"{name} pool", xlabel="class, as labelled", xticks=classes, ylabel="labels bought in the rounds")
    axis.margins(y=0.25)
    axis.legend(loc="upper center", ncols=3, fontsize=8)

# %% [markdown]
# For comparison, the random choice plays both scenarios as well, with the same first labels. As long as your function is the untouched starter, both get the same.

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE:
    runs = {"your function": records, "random": {name: play(name, random_query, val_set)[1] for name in SCENARIOS}}
    figure, axes = plt.subplots(2, 2, figsize=(11, 6.5), sharey="col")
    for (left, right), name in zip(axes, SCENARIOS):
        show_curves(left, name, runs)
        show_labels(right, name, runs)
    figure.tight_layout()
    plt.show()
# %% [markdown]
# With labels, you get points. Without labels, the predictions are saved for the grader.

# %% tags=["protected"]
def final_evaluate(path, models):
    """Return the points on a labelled file of images; save the predictions on an unlabelled one and return None."""
    dataset = Images(path)
    predictions = {name: predict(nets, dataset.images) for name, nets in models.items()}
    if dataset.labels is None:
        save_predictions(**predictions)  # (n,) int64 each
        return None
    accuracies = {name: balanced_accuracy_score(dataset.labels, values) for name, values in predictions.items()}
    print("balanced accuracy:", ", ".join(f"{name} {value:.3f}" for name, value in accuracies.items()))
    return performance(list(accuracies.values()))

# %% [markdown]
# The score on `val` comes from a single run. The final score is the mean of {{ repeats }} runs, and two runs of the same function easily differ by 10 points, so do not trust small gains here.

# %% tags=["protected"]
points = final_evaluate(data_folder / ("test" if FINAL_EVALUATION_MODE else "val") / "images.npz", models)
print("predictions saved" if points is None else f"{points} points")
