# %% [markdown]
# # Ask the Right Question
#
# For a hundred years the lighthouse of Port Meridian wrote every ship's number into its log, and now a network shall read the logs.
# It must learn from labelled digits, and labels cost money: the only person who can read that hand wants a coin for each digit.
# There are 1600 pictures and coins for 200. Hospitals know the problem: scans are plenty, the radiologist's hours are not.
# Worse, the captains believed in even numbers: a 1, 3, 5, 7 or 9 is in the logs only now and then, yet the network shall read it just as well.
# And the roof leaks. In the second volume three pages in ten are spoilt, covered with specks, and the reader, angry at being asked
# about those, calls them something wrong on purpose. What is worth a coin, and what only looks as if it were?
# The network itself can tell you how sure it is, and how it sees each picture.
# **You decide, round by round, which pictures to ask about.**

# %% [markdown]
# ## Task
#
# Write one function, `query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed)`. A network is trained on 40 random
# labelled images. Then, in each of 4 rounds, your function chooses 40 more images, their labels are bought, and a new network is trained on all
# that is labelled. It counts how well three last networks, trained on all 200, read together. Everything else is fixed: the data, the network, the optimiser, the number of steps.
# This is played in two **scenarios**: with the `clean` and with the `noisy` pool. Your function is not told which one it is in.
#
# ### Data
#
# | split | images | digits | labels |
# |---|---|---|---|
# | `train/clean` | 1620 | 300 of each even digit, 24 of each odd one | bought one by one, right |
# | `train/noisy` | 1620 | the same images in another order | 30 % of the images are spoilt by strong noise; **these labels are all wrong** |
# | `val` | 500 | 50 of each | clean; for you to look at, never trained on |
# | `test` | 1500 | 150 of each | clean and hidden; only the grader has them |
#
# Images are gray, 28 x 28 pixels. The noise has mean 0 and standard deviation 1 (black is 0, white is 1) and is added to each pixel.
# A malicious label is always the next class: a spoilt 4 is called 5, a spoilt 9 is called 0.
#
# ### Scoring
#
# $$\text{BAC} = \frac1{10} \sum_{k=0}^{9} \frac{\text{hits among the } k\text{s}}{\text{number of } k\text{s}}, \qquad
# \text{points} = \text{round}\left(100 \cdot \frac{\text{BAC} - {{ score.floor }}}{{{ score.ceiling }} - {{ score.floor }}}\right)$$
#
# BAC is the mean of both scenarios. The map reaches **0 points at BAC {{ score.floor }}** and **100 points at BAC {{ score.ceiling }}**; beyond, it stays there.
# The final evaluation runs {{ repeats }} times, each time with other images in the pool and in the test, other noise and another order, and averages BAC before the map.
#
# ### Limits
#
# Your function runs alone in a process of its own. It gets its arguments and nothing else: no images, no networks, no files, no hidden labels.
# One run may take {{ limits.wall_seconds }} seconds in all, your process {{ limits.memory_mb }} MB of memory and {{ limits.output_kb }} kB of prints.
# Return exactly `n_query` different positions. **For anything else the round's budget is lost**: no label is bought in that round, and the result shows why.
#
# ### What to submit
#
# This notebook, with your code in the cell under **Your solution**. The grader takes that one cell and puts it into its own copy of the notebook: whatever you change
# elsewhere is fine for trying things out, and does not count.

# %% [markdown]
# ## Setup
#
# The grader sets these values itself; `FINAL_EVALUATION_MODE = False` means that you see pictures and a score on `val`.

# %% tags=["parameters", "protected"]
FINAL_EVALUATION_MODE = False
DATA_PATH = "data/image_al"  # folder with train/ and val/ (in the final evaluation train/ and test/)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves its predictions
SEED = 0  # first labels, start of the networks, order of the batches, dropout
DEVICE = "auto"  # "auto", "cpu" or "cuda"

# %% [markdown]
# Everything the protected cells use is imported here.

# %% tags=["protected"]
import hashlib
import json
import random
import shutil
import stat
import urllib.request
import zipfile
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
# This long cell builds the data if they can be neither found nor downloaded; you need not read it.

# %% tags=["protected", "data"]
# {{ data.py }}

# {{ cells/find_data.py }}

# %% [markdown]
# The size of the experiment belongs to the data. The large one is for a GPU, and gives your function 5000 random candidates in each round instead of the whole pool.

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
# All images together are a few MB: they are kept as one tensor on the device, their values shifted and scaled once.

# %% tags=["protected"]
class Images:
    """Images (n, 1, 28, 28) float32 on the device; `labels` (n,) int64 and `spoilt` (n,) bool, or None, on the CPU."""

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
print({name: len(pool) for name, pool in pools.items()}, "images in the pools")

# %% [markdown]
# Look at the pools: clean images, and spoilt ones with what the reader calls them. The last row shows salt-and-pepper noise, which the large size has.

# %% tags=["protected"]
def draw(axis, image, label, spoilt):
    """Draw one image with its label, in a red frame where it is spoilt."""
    axis.imshow(image, cmap="gray")
    axis.set_title(label, fontsize=9, pad=2)
    axis.set_xticks([]), axis.set_yticks([])
    for side in axis.spines.values():
        side.set(color="red" if spoilt else "black", linewidth=3 if spoilt else 1)


# %% [markdown]
# The large size spoils images with salt and pepper: half of the hit pixels turn white, half black.

# %% tags=["protected"]
def show_pools(columns=12):
    """Draw images of the clean pool and spoilt ones, with the labels that a coin buys."""
    figure, axes = plt.subplots(3, columns, figsize=(11, 3.3))
    raw = {name: np.load(data_folder / "train" / f"{name}.npz") for name in SCENARIOS}
    clean, spoilt = np.arange(columns), np.flatnonzero(raw["noisy"]["spoilt"])[:columns]
    salted = spoil(raw["clean"]["images"][clean], "salt_and_pepper", np.random.default_rng(0))
    rows = {"clean": (raw["clean"]["images"][clean], raw["clean"]["labels"][clean]),
            "spoilt": (raw["noisy"]["images"][spoilt], raw["noisy"]["labels"][spoilt]),
            "salt and\npepper": (salted, lie(raw["clean"]["labels"][clean], CLASSES))}  # fmt: skip
    for line, (name, (images, labels)) in zip(axes, rows.items()):
        for axis, image, label in zip(line, images, labels):
            draw(axis, image, label, spoilt=name != "clean")
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_pools()

# %% [markdown]
# ## Model
#
# LeNet-5 (LeCun et al., 1998) with dropout before each linear layer. The convolutions have none, so they need to run only once for any number of stochastic passes.

# %% tags=["protected"]
class LeNet5(nn.Module):
    """61,706 weights for ten classes: images (B, 1, 28, 28) -> features (B, 400) -> embeddings (B, 84) -> logits (B, K)."""

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
# The large size uses ResNet18 (He et al., 2016) made for small images: one channel, a first convolution of 3x3 without stride, and no max-pooling after it.

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
# Its dropout sits before the last layer, so that MC dropout works here as well.

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
# **MC dropout** (Gal & Ghahramani, 2016): dropout stays active while the net predicts, so that each pass asks another random part of it.

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

# %% [markdown]
# Predictions come from nets without dropout; several answer by the mean of their probabilities, for single small nets differ by luck.

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
#
# A new net is trained in each round, on all images that are labelled by then, each as often as the others.

# %% tags=["protected"]
def train_on(pool, labelled, seed):
    """Return a net trained on what is labelled of a pool, (L,) positions."""
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

# {{ cells/penalties.py }}

# %% [markdown]
# A list of positions may be an array, a tensor or a plain list; each must be a whole number from 0 to U-1, and none may come twice.

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
# One question: your function gets copies on the CPU, and a wrong return costs the round's budget.

# %% tags=["protected"]
def ask(query, model, pool, labelled, unlabelled, seed):
    """Return the positions in the pool that `query` chose from `unlabelled`; none where its return was not allowed."""
    seed_everything(seed)  # of the dropout
    embeddings, probs = look_at(model, pool.images[unlabelled], knobs["passes"])  # (U, D), (T, U, K)
    known, _ = look_at(model, pool.images[labelled])  # (L, D)
    arrays = [values.cpu().numpy().copy() for values in (probs, embeddings, known)]
    answer = query(*arrays, pool.labels[labelled].copy(), knobs["n_query"], seed)
    return unlabelled[check_positions(answer, len(unlabelled), knobs["n_query"])]

# %% [markdown]
# One scenario: train, ask, buy, and train again. Which labels come first and all other random numbers are drawn from `SEED`; the unlabelled images come in another order each time.

# %% tags=["protected"]
def play(name, query, val_set=None):
    """Return the last nets of a scenario, and the record {"bac": on val after each round, "labelled": positions}."""
    pool, bac, rng = pools[name], [], np.random.default_rng([SEED, SCENARIOS.index(name)])
    seeds = rng.integers(2**31, size=(knobs["rounds"] + knobs["committee"], 2)).tolist()
    labelled = rng.permutation(len(pool))[: knobs["start"]]
    for number, (model_seed, query_seed) in enumerate(seeds[: knobs["rounds"]], 1):
        model = train_on(pool, labelled, model_seed)
        bac.append(score([model], val_set))
        unlabelled = rng.permutation(np.setdiff1d(np.arange(len(pool)), labelled))[: knobs["candidates"]]
        try:
            bought = ask(query, model, pool, labelled, unlabelled, query_seed)
            labelled = np.concatenate([labelled, bought])
        except InvalidOutput as error:
            penalise(f"{name} pool, round {number}: {error}. The budget of this round is lost.")
    models = [train_on(pool, labelled, seed) for seed, _ in seeds[knobs["rounds"] :]]
    bac.append(score(models, val_set))
    print(f"{name}: {len(labelled)} labels", f"BAC on val {bac[-1]:.3f}" if val_set else "")
    return models, {"bac": bac, "labelled": labelled}

# %% [markdown]
# ## Baseline
#
# Your function, and the examples that follow, may use what is imported here, and anything else you import in your own cell from the standard library, NumPy or PyTorch.

# %% tags=["protected", "slot-imports"]
import math
import random

import numpy as np
import torch

# %% [markdown]
# Choosing at random is honest and wasteful: only one label in fourteen is one of an odd digit. Expect less than 25 points.

# %% tags=["protected", "slot-imports"]
def random_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    """Choose at random."""
    return np.random.default_rng(seed).choice(mc_probs.shape[1], n_query, replace=False)

# %% [markdown]
# Four classics of active learning follow, for you to read, to call and to take apart. First, three measures of doubt: the **entropy** of the mean of all passes (how uncertain is the answer?),
# its **margin** (how close is the second class?), and **BALD**, the mutual information between the answer and the net (how much do the passes contradict each other? Houlsby et al., 2011).

# %% tags=["protected", "slot-imports"]
def entropy(probs):
    """Return the entropy over the last axis, in nats: (..., K) -> (...)."""
    return -(probs * np.log(np.maximum(probs, 1e-12))).sum(axis=-1)


def margin(mc_probs):
    """Return how far the most probable class is ahead of the second, (T, U, K) -> (U,); small where in doubt."""
    ordered = np.sort(mc_probs.mean(axis=0), axis=1)  # (U, K)
    return ordered[:, -1] - ordered[:, -2]


def bald(mc_probs):
    """Return the entropy of the mean minus the mean of the entropies, (T, U, K) -> (U,); at least 0."""
    return entropy(mc_probs.mean(axis=0)) - entropy(mc_probs).mean(axis=0)

# %% [markdown]
# Each of them becomes a strategy by taking the `n_query` images with the highest doubt.

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
    """Choose the most disagreement of the passes."""
    return highest(bald(mc_probs), n_query)

# %% [markdown]
# **BADGE** (Ash et al., 2020) also looks at the embeddings: it spreads its choice over images whose gradients of the last layer would be long and point into different directions.
# That gradient is the outer product of *probabilities minus predicted class* and the embedding, so distances need no products of that size.

# %% tags=["protected", "slot-imports"]
def badge_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    """Choose by k-means++ on the gradients of the last layer, if the predicted class were right."""
    rng, errors = np.random.default_rng(seed), mc_probs.mean(axis=0)  # (U, K)
    errors[np.arange(len(errors)), errors.argmax(axis=1)] -= 1
    lengths = (errors**2).sum(axis=1) * (embeddings**2).sum(axis=1)  # (U,) squared
    chosen, distances = [int(lengths.argmax())], np.full(len(errors), np.inf)
    while len(chosen) < n_query:
        last = chosen[-1]
        products = (errors @ errors[last]) * (embeddings @ embeddings[last])  # (U,)
        distances = np.minimum(distances, np.maximum(lengths + lengths[last] - 2 * products, 0))
        distances[chosen] = 0
        if distances.sum() == 0:  # nothing differs from what is chosen
            chosen += rng.permutation(np.setdiff1d(np.arange(len(errors)), chosen))[: n_query - len(chosen)].tolist()
            break
        chosen.append(int(rng.choice(len(errors), p=distances / distances.sum())))
    return np.array(chosen)

# %% [markdown]
# What would each of them buy first? After two random rounds in the noisy pool, spoilt images have a red frame; above each image is the label that the coin would buy.

# %% tags=["protected"]
def show_choices(name="noisy", columns=12):
    """Draw what each example would buy after training on as many random labels as after two rounds."""
    pool, rng = pools[name], np.random.default_rng([SEED, len(SCENARIOS)])
    labelled, unlabelled = np.split(rng.permutation(len(pool)), [knobs["start"] + 2 * knobs["n_query"]])
    model = train_on(pool, labelled, SEED)
    examples = (random_query, entropy_query, margin_query, bald_query, badge_query)
    figure, axes = plt.subplots(len(examples), columns, figsize=(11, 5.2))
    for line, example in zip(axes, examples):
        bought = ask(example, model, pool, labelled, unlabelled[:5000], SEED)
        for axis, position in zip(line, bought):
            draw(axis, pool.images[position, 0].cpu().numpy(), pool.labels[position], pool.spoilt[position])
        title = f"{example.__name__.removesuffix('_query')}\n{pool.spoilt[bought].sum()} of {len(bought)}\nspoilt"
        line[0].set_ylabel(title, rotation=0, ha="right", va="center")
    figure.tight_layout()
    plt.show()

# %% [markdown]
# Which example falls for the spoilt images, and which asks for digits that the net has hardly ever seen?

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE:
    show_choices()

# %% [markdown]
# ## Your solution
#
# Write your code in the next cell; it is the only one the grader takes. Helpers and variables that live from call to call belong in it, too,
# outside of the function. Each run of the grader starts the cell afresh and plays both scenarios; here, run it again before you run what follows.

# %% tags=["slot"]
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    """Choose the images whose labels are bought in this round.

    mc_probs             (T, U, K) float64: class probabilities of the U unlabelled images in T = 20 passes with dropout
    embeddings           (U, D) float64: what the last hidden layer makes of them, without dropout; D = 84
    labelled_embeddings  (L, D) float64: the same of the labelled images, in the order in which they were bought
    labelled_y           (L,) int64: their labels as they were given; L = 40, 80, 120, 160
    n_query              how many to choose: 40
    seed                 a whole number, for random choices; another one in each round
    returns              (n_query,) int64: positions 0..U-1, all different

    The net is trained anew before each round, and the unlabelled images come in another order.
    """
    ### BEGIN SOLUTION
    doubt = bald(mc_probs)  # high where the net can learn, and not where an image is hopeless: there all passes are unsure alike
    distances = np.array([np.linalg.norm(embeddings - point, axis=1) for point in labelled_embeddings])  # (L, U)
    nearest, chosen = distances.min(axis=0), []  # how new is an image to the net?
    probs = mc_probs.mean(axis=0)  # (U, K)
    counts = np.bincount(labelled_y, minlength=probs.shape[1]).astype(float)  # (K,) which classes are short of labels?
    for _ in range(n_query):
        scores = doubt * nearest * (probs @ (1 / np.sqrt(counts + 1)))
        scores[chosen] = -1
        chosen.append(int(scores.argmax()))  # the next one shall not ask the same question again
        counts += probs[chosen[-1]]
        nearest = np.minimum(nearest, np.linalg.norm(embeddings - embeddings[chosen[-1]], axis=1))
    return np.array(chosen)
    ### END SOLUTION
    ### BEGIN BASELINE
    # return random_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed)
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Both scenarios, with your function. Nothing is shared between them.

# %% tags=["protected"]
models, records = {}, {}
for name in SCENARIOS:
    models[name], records[name] = play(name, query, val_set)

# %% [markdown]
# How fast does the net learn from your labels, and how fast from random ones? Right the labels that you bought, beside those of the pool.

# %% tags=["protected"]
def show_records(records, compared):
    """Draw balanced accuracy on val over the labels for each scenario, and the classes of what was bought."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4))
    labels = knobs["start"] + knobs["n_query"] * np.arange(knobs["rounds"] + 1)
    for axis, name in zip(axes.flat, SCENARIOS):
        axis.plot(labels, compared[name]["bac"], color="gray", marker=".", label="random")
        axis.plot(labels, records[name]["bac"], marker="o", label="your function")
        axis.axhspan(FLOOR, CEILING, color="green", alpha=0.08, label="0 to 100 points")
        axis.set(title=f"{name} pool", xlabel="labels", ylabel="balanced accuracy on val", ylim=(0.2, 1))
        axis.legend(loc="lower right", fontsize=8)
    last, pool = axes.flat[-1], np.bincount(pools["clean"].labels, minlength=CLASSES)
    last.bar(np.arange(CLASSES), pool / pool.sum(), 0.9, color="lightgray", label="clean pool")
    for shift, name in zip((-0.2, 0.2), SCENARIOS):
        bought, wrong = records[name]["labelled"], pools[name].spoilt[records[name]["labelled"]].sum()
        shares = np.bincount(pools[name].labels[bought], minlength=CLASSES) / len(bought)
        last.bar(np.arange(CLASSES) + shift, shares, 0.36, label=f"{name}: {wrong} of {len(bought)} spoilt")
    last.set(title="labels that were bought", xlabel="class as labelled", ylabel="share", xticks=range(CLASSES), ylim=(0, 0.4))
    last.legend(fontsize=8)
    figure.tight_layout()
    plt.show()

# %% [markdown]
# The random choice plays both scenarios as well, with the same first labels, so that you can compare.

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE:
    show_records(records, {name: play(name, random_query, val_set)[1] for name in SCENARIOS})

# %% [markdown]
# Where there are labels, you get points; where there are none, the predictions are saved for the grader.

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
# The score on `val` is one run only: the final one is the mean of {{ repeats }}, and single runs differ by about 10 points.

# %% tags=["protected"]
points = final_evaluate(data_folder / ("test" if FINAL_EVALUATION_MODE else "val") / "images.npz", models)
print("predictions saved" if points is None else f"{points} points")
