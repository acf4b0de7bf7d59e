# %% [markdown]
# # Eight Voices, One Budget
#
# The cellar of the Lindhaven waterworks was flooded, and with it the meter books of forty years. Only photographs of single digits are left.
# A small network should read them, but nobody has written down what they say. So the waterworks hire a crowd: eight people on a web platform,
# a few cents for each answer, and money for **640 answers**. That is not even one for each picture.
# The platform says nothing about the eight. One of them used to read meters for a living. Two have good eyes, but each for a different half of the digits.
# One is right four times out of five, another about once in three.
# One clicks "1" to finish sooner, one clicks anywhere, and one enjoys naming the *next* digit every time.
# If you ask everybody the same and let them vote, half of the money pays for nonsense.
# **You decide whom to ask about which picture, and which answers to believe.**

# %% [markdown]
# ## At a glance
#
# | | |
# |---|---|
# | you write | two functions, `query_pairs(z, probs, n_queries, seed)` and `aggregate_labels(z, probs)`; each is called ten times in a run |
# | points | the untouched starter gets less than 20, the organisers' solution about 88, and there is room above it |
# | time | a run takes about 3 seconds on one core, and the final evaluation {{ repeats }} runs |
# | limits | {{ limits.wall_seconds }} seconds a run, {{ limits.memory_mb }} MB of memory, {{ limits.output_kb }} kB of printed text |
# | a return that is not allowed | wrong pairs lose the budget of that cycle, and after wrong weights no network is trained in it; the message names each |
# | an exception in your code | the submission gets 0 points, and your feedback shows where it happened |
# | a run over its time limit | the submission gets 0 points |
#
# **Contents:** [Task](#Task) · [Data](#Data) · [Scoring](#Scoring) · [Limits](#Limits) · [Setup](#Setup) · [Model](#Model) ·
# [Training](#Training) · [Baseline](#Baseline) · [**Your solution**](#Your-solution) · [Evaluation](#Evaluation)

# %% [markdown]
# ## Task
#
# Write two functions. In each of ten cycles, `query_pairs` spends 64 answers: it names 64 pairs of a picture and a person. Their answers are added to all
# earlier ones. `aggregate_labels` turns the answers into labels, and a new network learns from these. Everything else is fixed.
#
# | function | gets | returns |
# |---|---|---|
# | `query_pairs(z, probs, n_queries, seed)` | all answers so far; the last network's predictions | `(n_queries, 2)` whole numbers: picture, person |
# | `aggregate_labels(z, probs)` | the same, with the new answers | `(N, 10)` numbers >= 0: the belief in each digit; a row of zeros skips the picture |
#
# `z` is `(N, A)`: the answer of person `a` to picture `n`, or -1 where nobody asked. `probs` is `(N, 10)`, and `None` until a network has been trained. That network learnt your own earlier labels.
# Each row of weights is divided by its sum and used as a soft label. So a picture cannot count less than another; a flatter row is only more cautious.
# You may also give labels to pictures that nobody was asked about.
#
# ### Data
#
# | split | pictures | labels |
# |---|---|---|
# | `train` (the pool) | 898 | the answer that each of the 8 people would give, and, only in your copy, the truth |
# | `val` | 899 | true; for you to look at, never used for training |
# | `test` | 899 | true and hidden; only the grader has them |
#
# The pictures are grey, with 8 x 8 pixels, and each is turned, stretched and shifted a little. The final evaluation draws everything anew: the pictures
# of the pool, their order and their small changes, the order of the people, and every mistake.
# **The eight people are of the same kinds again, so you may use what you learn about them here.**
# To try another draw, build it with `make_data(Path("other"), None, None, seed=1)` and set `DATA_PATH` to it.
#
# ### Scoring
#
# $$\text{BAC} = \frac{1}{10} \sum_{k=0}^{9} \frac{\text{hits in class } k}{\text{pictures of class } k}, \qquad
# \text{points} = \text{round}\left(100 \cdot \frac{\text{BAC} - {{ score.floor }}}{{{ score.ceiling }} - {{ score.floor }}}\right)$$
#
# BAC is the balanced accuracy of the last cycle's network. You get **0 points at BAC {{ score.floor }}** (random questions and a vote get less) and **100 points at BAC {{ score.ceiling }}**; points are clipped to 0 to 100.
# The final evaluation runs {{ repeats }} times. Points come from the mean BAC.
#
# ### Limits
#
# Your functions run alone in their own process. They get their arguments and nothing else: no pictures, no internet, no files, no GPU.
# One run, training included, may take {{ limits.wall_seconds }} seconds. Your process may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
#
# **Penalties.** The pairs must be `n_queries` different ones, all still without an answer. Otherwise *the budget of that cycle is lost*, and nobody is asked.
# Weights must have the right shape, be finite and not negative, and not all be zero. Otherwise *no network is trained in that cycle*, and the last one is used again. If there is none yet, `probs` stays `None`.
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
DATA_PATH = "data/multi_annotator_al"  # folder with train/ and val/ (in the final evaluation train/ and test/)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves its predictions
SEED = 0  # start of the networks, order of the batches, the seeds that your function gets
DEVICE = "auto"  # "auto", "cpu" or "cuda"

# %% [markdown]
# This cell imports what the protected cells need, and chooses where they run.

# %% tags=["protected"]
import hashlib, json, random, shutil, stat, time, urllib.request, zipfile
from pathlib import Path, PurePosixPath

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from torch import nn
from torch.nn import functional

# {{ cells/setup.py }}

# %% [markdown]
# ## Data
#
# This long cell builds the data if they are missing and cannot be downloaded. You need not read it, but you may: it holds the exact probabilities.

# %% tags=["protected", "data"]
# {{ data.py }}

# {{ cells/find_data.py }}

# %% [markdown]
# Organisers can set the task in another size, with other people or more pictures. These are the settings of each size.

# %% tags=["protected"]
KNOBS = {
    "default": {
        "cycles": 10, "n_queries": 64, "channels": 8,
        "optimizer": "AdamW", "learning_rate": 0.02, "epochs": 40, "batch_size": 64,
    },
    "tutorial": {
        "cycles": 10, "n_queries": 64, "channels": 8,
        "optimizer": "RAdam", "learning_rate": 0.01, "epochs": 100, "batch_size": 16,
    },
    "large": {
        "cycles": 10, "n_queries": 1024, "channels": 32,
        "optimizer": "RAdam", "learning_rate": 0.01, "epochs": 60, "batch_size": 64,
    },
}

setting = json.loads((data_folder / "setting.json").read_text())
knobs = {**KNOBS[setting["size"]], **setting.get("knobs", {})}
print(f"size {setting['size']}: {knobs}")

# %% [markdown]
# Here are the pool and its answers. The truth is there only outside the final evaluation.

# %% tags=["protected"]
def load_arrays(path):
    """Return the arrays of an npz file by name; images become (n, 1, side, side) float32 in [0, 1] on the device."""
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    pixels = torch.from_numpy(arrays["images"])[:, None].float() / setting["white"]
    return {**arrays, "images": pixels.to(device)}


pool = load_arrays(data_folder / "train" / "pool.npz")
val_set = None if FINAL_EVALUATION_MODE else load_arrays(data_folder / "val" / "images.npz")
N, A = pool["annotations"].shape
DIGITS = np.arange(10)
print(f"{N} pictures, {A} people, {N * A} possible questions, {knobs['cycles'] * knobs['n_queries']} of them paid")

# %% [markdown]
# These are some pictures of the pool with their truth, and the answers that each person would give. Wrong answers stand on a dark ground. Whom would you ask?

# %% tags=["protected"]
def show_pool(columns=16):
    """Draw the first pictures of the pool above a table of the answers that the people would give."""
    figure, (top, table) = plt.subplots(2, 1, figsize=(11, 4), height_ratios=[1, A / 2])
    top.imshow(torch.cat(list(pool["images"][:columns, 0]), dim=1).cpu(), cmap="gray_r", aspect="auto")
    for column in range(1, columns):  # the pictures stand apart
        top.axvline(column * pool["images"].shape[-1] - 0.5, color="tab:blue", linewidth=2)
    top.set(xticks=[], yticks=[], ylabel="picture")
    answers, labels = pool["annotations"][:columns], pool["labels"][:columns]  # (columns, A), (columns,)
    wrong = answers != labels[:, None]
    table.imshow(wrong.T, cmap="Blues", aspect="auto", vmin=0, vmax=1.4)
    for (sample, annotator), answer in np.ndenumerate(answers):
        color = "white" if wrong[sample, annotator] else "black"
        table.text(sample, annotator, str(answer), ha="center", va="center", color=color)
    table.set(xticks=range(columns), xticklabels=labels, yticks=range(A), xlabel="truth", ylabel="person")
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_pool()

# %% [markdown]
# How does each person answer? A row is a true digit, a column an answer, and dark means often. An expert has a dark diagonal. Your functions never see these matrices, but they may estimate them.

# %% tags=["protected"]
def show_confusions():
    """Draw the confusion matrix of each person over the whole pool."""
    figure, axes = plt.subplots(2, (A + 1) // 2, figsize=(11, 5.6))
    for annotator, axis in enumerate(axes.flat):
        if annotator >= A:
            axis.axis("off")
            continue
        answers = pool["annotations"][:, annotator]  # (N,)
        matrix = confusion_matrix(pool["labels"], answers, labels=DIGITS, normalize="true")  # (10, 10)
        axis.imshow(matrix, cmap="Blues", vmin=0, vmax=1)
        right = np.mean(answers == pool["labels"])
        axis.set(title=f"person {annotator}: {right:.0%} right", xticks=DIGITS[::3], yticks=DIGITS[::3])
    for axis in axes[:, 0]:
        axis.set_ylabel("true digit")
    for axis in axes[-1]:
        axis.set_xlabel("answer")
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_confusions()

# %% [markdown]
# ## Model
#
# The network has one convolution, one pooling and one linear layer. It is small enough to train a new one in each cycle.

# %% tags=["protected"]
class SmallNet(nn.Module):
    """images (B, 1, S, S) -> logits (B, classes); 1370 weights for 8 x 8 pixels and 8 channels."""

    def __init__(self, side, channels, classes):
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 3, padding=1)
        self.fc = nn.Linear(channels * (side // 2) ** 2, classes)

    def forward(self, images):
        features = functional.max_pool2d(functional.relu(self.conv(images)), 2)  # (B, channels, S/2, S/2)
        return self.fc(features.flatten(start_dim=1))


def new_net():
    """Return an untrained network for the pictures of the pool."""
    return SmallNet(pool["images"].shape[-1], knobs["channels"], len(DIGITS)).to(device)

# {{ cells/scoring.py }}

# {{ cells/history.py }}

# %% [markdown]
# Predictions are probabilities of the ten digits.

# %% tags=["protected"]
@torch.no_grad()
def predict(net, images):
    """Return the probabilities (n, classes) float64."""
    logits = torch.cat([net(part) for part in images.split(8192)])  # (n, classes)
    return logits.double().softmax(dim=1).cpu().numpy()

# {{ cells/penalties.py }}

# %% [markdown]
# Lists, arrays and tensors are all accepted if they have the right shape and hold numbers.

# %% tags=["protected"]
def to_array(answer, shape):
    """Return the answer of a function as an array of this shape, or raise InvalidOutput."""
    if not isinstance(answer, (list, tuple, np.ndarray, torch.Tensor)):
        raise InvalidOutput(f"an array of shape {shape} was expected, not a {type(answer).__name__}")
    try:
        if isinstance(answer, torch.Tensor):
            answer = answer.detach().cpu()
            answer = (answer.double() if answer.is_floating_point() else answer).numpy()
        array = np.asarray(answer)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        raise InvalidOutput(f"an array of shape {shape} was expected, but this is not one: {error}") from error
    if array.shape != shape:
        raise InvalidOutput(f"an array of shape {shape} was expected, not {array.shape}")
    if array.dtype.kind not in "biuf":
        raise InvalidOutput(f"an array of numbers was expected, not of {array.dtype}")
    return array

# %% [markdown]
# A pair must be in range, without an answer so far, and appear only once.

# %% tags=["protected"]
def check_pairs(answer, z, n_queries):
    """Return the pairs (n_queries, 2) int64 that `query_pairs` chose, or raise InvalidOutput."""
    pairs = to_array(answer, (n_queries, 2))
    if pairs.dtype.kind not in "iu":
        raise InvalidOutput(f"the pairs have the type {pairs.dtype}, not whole numbers")
    for column, (name, count) in enumerate(zip(("picture", "person"), z.shape)):
        wrong = (pairs[:, column] < 0) | (pairs[:, column] >= count)
        if wrong.any():
            raise InvalidOutput(f"{name} {pairs[wrong, column][0]} does not exist; there are 0 to {count - 1}")
    pairs = pairs.astype(np.int64)
    known = z[pairs[:, 0], pairs[:, 1]] >= 0
    if known.any():
        sample, annotator = pairs[known][0]
        raise InvalidOutput(f"person {annotator} has already answered for picture {sample}")
    different = len(np.unique(pairs, axis=0))
    if different < n_queries:
        raise InvalidOutput(f"only {different} of the {n_queries} pairs are different")
    return pairs

# %% [markdown]
# Weights must be finite and not negative, and at least one must be positive. Rows are divided by their sum here.

# %% tags=["protected"]
def check_weights(answer, shape):
    """Return the label weights (N, classes) float64 with rows that sum to 1 or 0, or raise InvalidOutput."""
    weights = to_array(answer, shape).astype(np.float64)
    if not np.isfinite(weights).all():
        raise InvalidOutput(f"{np.sum(~np.isfinite(weights))} weights are infinite or not a number")
    if (weights < 0).any():
        raise InvalidOutput(f"the weights must not be negative; the least is {weights.min():.3g}")
    largest = weights.max(axis=1, keepdims=True)  # (N, 1)
    if not largest.any():
        raise InvalidOutput("all weights are zero, so there is nothing to learn from")
    weights = np.divide(weights, largest, out=np.zeros(shape), where=largest > 0)  # no sum overflows now
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)

# %% [markdown]
# ## Training

# {{ cells/seeds.py }}

# %% [markdown]
# A new network learns the soft labels by cross-entropy. Rows of zeros are skipped. A cosine takes the learning rate down to zero, so the last batches do not decide the result.

# %% tags=["protected"]
def train(weights, cycle):
    """Return a network trained on the rows of `weights` (N, classes) that are not zero."""
    seed_everything(derive_seed("network", cycle))
    used = torch.from_numpy(np.flatnonzero(weights.any(axis=1))).to(device)  # (n,)
    images = pool["images"][used]  # (n, 1, S, S)
    targets = torch.from_numpy(weights).float().to(device)[used]  # (n, classes)
    net = new_net()
    optimizer = getattr(torch.optim, knobs["optimizer"])(net.parameters(), lr=knobs["learning_rate"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, knobs["epochs"])
    for _ in range(knobs["epochs"]):
        for batch in torch.randperm(len(used)).to(device).split(knobs["batch_size"]):
            optimizer.zero_grad()
            functional.cross_entropy(net(images[batch]), targets[batch]).backward()
            optimizer.step()
        schedule.step()
    return net

# %% [markdown]
# Each cycle asks and then learns. Your functions get copies. What they return is checked, and a wrong return costs the penalty of the statement.

# %% tags=["protected"]
def ask(z, probs, query_pairs, cycle, seed):
    """Return the answers (N, A) with those of this cycle, or unchanged if the pairs are not allowed."""
    n_queries = knobs["n_queries"]
    try:
        pairs = check_pairs(query_pairs(z.copy(), None if probs is None else probs.copy(), n_queries, seed), z, n_queries)
    except InvalidOutput as error:
        penalise(f"cycle {cycle}, query_pairs: {error}; the budget of this cycle is lost")
        return z
    z = z.copy()
    z[pairs[:, 0], pairs[:, 1]] = pool["annotations"][pairs[:, 0], pairs[:, 1]]
    return z


def learn(net, z, probs, aggregate_labels, cycle):
    """Return a new network trained on the aggregated labels, or the old one if the weights are not allowed."""
    try:
        weights = check_weights(aggregate_labels(z.copy(), None if probs is None else probs.copy()), (N, len(DIGITS)))
    except InvalidOutput as error:
        penalise(f"cycle {cycle}, aggregate_labels: {error}; no net is trained in this cycle")
        return net
    return train(weights, cycle)

# %% [markdown]
# The run keeps a record of each cycle for the plots below.

# %% tags=["protected"]
def run_cycles(query_pairs, aggregate_labels):
    """Spend the whole budget; return the last network and one record for each cycle."""
    seed_everything(SEED)
    untrained = net = new_net()
    probs, history, start = None, [], time.perf_counter()
    z = np.full((N, A), -1, dtype=np.int64)  # (N, A)
    for cycle in range(1, knobs["cycles"] + 1):
        z = ask(z, probs, query_pairs, cycle, derive_seed("query_pairs", cycle, bits=32))
        net = learn(net, z, probs, aggregate_labels, cycle)
        if net is not untrained:  # what random weights answer would only tell these weights
            probs = predict(net, pool["images"])  # (N, classes)
        sure = 0.0 if probs is None else probs.max(axis=1).mean()
        record = {"asked": (z >= 0).sum(axis=0), "sure": sure}  # asked: (A,) answers of each person so far
        text = f"cycle {cycle}: {record['asked'].sum()} answers, the net is {record['sure']:.0%} sure"
        if val_set is not None:
            record["right"] = (z == pool["labels"][:, None]).sum(axis=0)  # (A,) of them right
            record["bac"] = balanced_accuracy_score(val_set["labels"], predict(net, val_set["images"]).argmax(axis=1))
            text += f", {record['right'].sum() / max(1, record['asked'].sum()):.0%} right, BAC on val {record['bac']:.3f}"
        history.append(record)
        print(f"{text}, {time.perf_counter() - start:.1f} s")
    return net, history

# %% [markdown]
# ## Baseline
#
# Your code may use these imports and the examples below, and anything else that your own cell imports from the standard library, NumPy, SciPy or PyTorch.

# %% tags=["protected", "slot-imports"]
import math
import random

import numpy as np
import torch

CLASSES = 10  # digits 0 to 9

# %% [markdown]
# The obvious start is to ask anybody about anything, and to let those who answered vote. It pays the spammer as much as the expert: expect less than 20 points.

# %% tags=["protected", "slot-imports"]
def random_pairs(z, n_queries, seed):
    """Choose pairs without an answer at random."""
    free = np.argwhere(z < 0)  # (pairs left, 2)
    return free[np.random.default_rng(seed).permutation(len(free))[:n_queries]]


def count_votes(z):
    """Return how many people gave each digit as their answer for each picture, (N, 10)."""
    return np.stack([(z == digit).sum(axis=1) for digit in range(CLASSES)], axis=1)


def majority_vote(z):
    """Believe the most frequent answers, equally in a tie; skip pictures without an answer."""
    votes = count_votes(z)  # (N, 10)
    return ((votes == votes.max(axis=1, keepdims=True)) & (votes > 0)).astype(np.float64)

# %% [markdown]
# Active learning with one perfect teacher asks where the network is least sure: where its two most probable digits are closest. Here anybody is the teacher.

# %% tags=["protected", "slot-imports"]
def margins(probs):
    """Return how far the most probable digit is ahead of the second, (N,)."""
    ordered = np.sort(probs, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def uncertain_pairs(z, probs, n_queries, seed):
    """Choose the pictures with the smallest margin, and for each somebody who has not seen it."""
    if probs is None:
        return random_pairs(z, n_queries, seed)
    rng = np.random.default_rng(seed)
    open_samples = np.flatnonzero((z < 0).any(axis=1))
    samples = open_samples[np.argsort(margins(probs)[open_samples])[:n_queries]]
    return np.array([(sample, rng.choice(np.flatnonzero(z[sample] < 0))) for sample in samples])

# %% [markdown]
# Someone who often agrees with the vote may know more. But with one answer per picture, everybody agrees with themselves. Try what happens.

# %% tags=["protected", "slot-imports"]
def agreement(z):
    """Return how often each person agrees with the most frequent answer, (A,)."""
    given, most = z >= 0, count_votes(z).argmax(axis=1)  # (N, A), (N,)
    return ((z == most[:, None]) & given).sum(axis=0) / np.maximum(given.sum(axis=0), 1)


def pairs_of_the_most_agreeing(z, n_queries, seed):
    """Ask the person who agrees most with the vote, about the pictures with the fewest answers."""
    if (z < 0).all():
        return random_pairs(z, n_queries, seed)
    chaos = np.random.default_rng(seed).random(len(z))  # (N,) breaks ties
    samples = np.argsort((z >= 0).sum(axis=1) + chaos)
    people = np.argsort(-agreement(z), kind="stable")
    pairs = ((sample, person) for person in people for sample in samples if z[sample, person] < 0)
    return np.array([pair for pair, _ in zip(pairs, range(n_queries))])

# %% [markdown]
# ## Your solution
#
# Write your code in the next cell, the only one that the grader takes. It may call the examples above. Put helper functions there too, and variables that should last from
# call to call. The grader runs the cell anew for each run. Here, run it again before you run the cycles again.

# %% tags=["slot"]
### BEGIN SOLUTION
WARM_CYCLES = 2  # in which everybody is asked about the same few pictures, to compare them
PRIOR = 3  # weight of a person's overall accuracy, in answers for each digit


def dawid_skene(z, iterations=50):
    """Estimate labels (N, 10), zero where nobody answered, and confusion matrices (A, 10, 10) in turns.

    Dawid and Skene 1979, "Maximum likelihood estimation of observer error-rates using the EM algorithm". With few
    answers, the rows of the matrices are shrunk towards those of a person who is equally good at every digit.
    """
    used = (z >= 0).any(axis=1)  # (N,)
    given = z[used][:, :, None] == np.arange(CLASSES)  # (n, A, 10)
    belief = given.sum(axis=1) / given.sum(axis=(1, 2))[:, None]  # (n, 10), the share of the votes
    for _ in range(iterations):
        counts = np.einsum("nk,nac->akc", belief, given)  # (A, 10, 10)
        right = (counts.trace(axis1=1, axis2=2) + 1) / (counts.sum(axis=(1, 2)) + 2)  # (A,)
        right = right[:, None, None]
        confusion = counts + PRIOR * np.where(np.eye(CLASSES) > 0, right, (1 - right) / (CLASSES - 1))
        confusion /= confusion.sum(axis=2, keepdims=True)
        logs = np.log(belief.mean(axis=0) + 0.01) + np.einsum("nac,akc->nk", given, np.log(confusion))
        belief = np.exp(logs - logs.max(axis=1, keepdims=True))
        belief /= belief.sum(axis=1, keepdims=True)
    labels = np.zeros((len(z), CLASSES))
    labels[used] = belief
    return labels, confusion


### END SOLUTION
def query_pairs(z, probs, n_queries, seed):
    """Choose whom to ask about which picture.

    z          (N, A) int64: the answer of person a to picture n, 0..9, or -1 where nobody asked
    probs      (N, 10) float64: the last network's prediction for each picture; None until one is trained
    n_queries  how many pairs to return, 64
    seed       for your random numbers, different in each cycle
    returns    (n_queries, 2) whole numbers: rows (picture, person), all different, all without an answer
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    answers = (z >= 0).sum(axis=1)  # (N,)
    order = np.argsort(answers + rng.random(len(z)))  # pictures with the fewest answers first
    if answers.sum() < WARM_CYCLES * n_queries:
        return np.array([(sample, person) for sample in order for person in range(z.shape[1])])[:n_queries]
    accuracy = dawid_skene(z)[1].diagonal(axis1=1, axis2=2)  # (A, 10)
    expected = np.where(z < 0, probs @ accuracy.T, -1)  # (N, A) probability of a correct answer
    open_samples = np.flatnonzero(answers < z.shape[1])
    samples = open_samples[np.argsort(margins(probs)[open_samples])[:n_queries]]  # where the network is least sure
    return np.stack([samples, expected[samples].argmax(axis=1)], axis=1)
    ### END SOLUTION
    ### BEGIN BASELINE
    # return random_pairs(z, n_queries, seed)
    ### END BASELINE


def aggregate_labels(z, probs):
    """Turn all answers so far into the labels to learn from.

    z        (N, A) int64 as above, with the answers of this cycle
    probs    (N, 10) float64 as above; None until a network is trained
    returns  (N, 10) numbers >= 0: the belief in each digit; a row of zeros skips the picture
    """
    ### BEGIN SOLUTION
    return dawid_skene(z)[0]
    ### END SOLUTION
    ### BEGIN BASELINE
    # return majority_vote(z)
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Run ten cycles with your functions.

# %% tags=["protected"]
net, history = run_cycles(query_pairs, aggregate_labels)

# %% [markdown]
# The final evaluation has no `val`. Your feedback page shows instead how sure the network is, and how much you rely on one person.

# %% tags=["protected"]
if FINAL_EVALUATION_MODE:
    asked = np.array([record["asked"] for record in history])  # (cycles, A)
    save_history("cycle", {
        "mean confidence of the network": [record["sure"] for record in history],
        "share of the answers from the busiest person": asked.max(axis=1) / np.maximum(asked.sum(axis=1), 1),
    })

# %% [markdown]
# Was the money well spent? The left plot shows the balanced accuracy on `val`, the middle one the share of correct answers among all paid ones (dotted: random questions), the right one who was paid.

# %% tags=["protected"]
def show_history(history):
    """Draw both learning curves over the answers, and the right and wrong answers of each person."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.6))
    paid = [record["asked"].sum() for record in history]
    left.plot(paid, [record["bac"] for record in history], marker="o")
    left.axhspan(FLOOR, CEILING, color="gray", alpha=0.2, label="0 to 100 points")
    left.set(xlabel="answers", ylabel="balanced accuracy on val", ylim=(0, 1))
    left.legend(loc="lower right")
    middle.plot(paid, [record["right"].sum() / max(1, record["asked"].sum()) for record in history], marker="o")
    middle.axhline(np.mean(pool["annotations"] == pool["labels"][:, None]), color="gray", linestyle=":")
    middle.set(xlabel="answers", ylabel="share of right answers", ylim=(0, 1))
    asked, hits = history[-1]["asked"], history[-1]["right"]  # (A,), (A,)
    right.bar(range(A), hits, color="tab:blue", label="right")
    right.bar(range(A), asked - hits, bottom=hits, color="tab:orange", hatch="//", label="wrong")
    right.set(xlabel="person", ylabel="answers", xticks=range(A), ylim=(0, 1.25 * max(asked.max(), 1)))
    right.legend(loc="upper right", ncols=2)
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_history(history)

# %% [markdown]
# What did the network learn to confuse? A malicious person who is believed darkens the cells to the right of the diagonal, a biased one the column of the 1.

# %% tags=["protected"]
def show_mistakes(net):
    """Draw the confusion matrix of the network on val."""
    predictions = predict(net, val_set["images"]).argmax(axis=1)
    figure, axis = plt.subplots(figsize=(4, 3.4))
    matrix = confusion_matrix(val_set["labels"], predictions, labels=DIGITS, normalize="true")
    figure.colorbar(axis.imshow(matrix, cmap="Blues", vmin=0, vmax=1), ax=axis)
    axis.set(xlabel="predicted", ylabel="true", xticks=DIGITS, yticks=DIGITS)
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_mistakes(net)

# %% [markdown]
# With labels, you get points. Without labels, the predictions are saved for the grader.

# %% tags=["protected"]
def final_evaluate(net, path):
    """Return the points on labelled images; save the predictions on unlabelled ones and return None."""
    images = load_arrays(path)
    predictions = predict(net, images["images"]).argmax(axis=1)  # (n,) int64
    if "labels" not in images:
        save_predictions(final=predictions)
        return None
    accuracy = balanced_accuracy_score(images["labels"], predictions)
    print(f"balanced accuracy: {accuracy:.3f}")
    return performance([accuracy])

# %% [markdown]
# The score on `val` comes from a single run. The final score is the mean of {{ repeats }} runs with other pictures in the pool, other mistakes and another order of the people.

# %% tags=["protected"]
points = final_evaluate(net, data_folder / ("test" if FINAL_EVALUATION_MODE else "val") / "images.npz")
print("predictions saved" if points is None else f"{points} points")
