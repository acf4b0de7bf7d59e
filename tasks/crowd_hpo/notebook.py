# %% [markdown]
# # Whom to Believe: Choosing a Model by the Votes of a Crowd
#
# Ten assistants have labelled each set of scans, and nobody has paid a professor to check them.
# The clinic needs one model, so somebody trains sixteen, with other learning rates and other ways to turn many answers into one label.
# Then the meeting starts, and somebody asks the only question that counts: *which of the sixteen do we ship?*
# The usual answer is "the one with the lowest validation error". But the validation labels come from the same crowd.
# Here the scans are digits, so that you can see what happens. Some annotators are **lazy**: what looks alike is the same to them, so a 9 is a 4.
# Some have **slipped**: they read the class table a few rows too low, so nearly every answer is the class number plus the same shift. Some are careful, but they are a minority.
# A model that has learnt the crowd's mistakes agrees best with the crowd.
# **You decide whom to believe, and thus which model is chosen.**

# %% [markdown]
# ## At a glance
#
# | | |
# |---|---|
# | you write | one function, `select_candidate(val_probs, z_val, z_train)`; it is called five times in a run |
# | points | the untouched starter gets none, the organisers' solution about 84, and the best choice in every episode about 88 on average |
# | time | a run takes about 2 seconds on one core, and the final evaluation {{ repeats }} runs |
# | limits | {{ limits.wall_seconds }} seconds a run, {{ limits.memory_mb }} MB of memory, {{ limits.output_kb }} kB of printed text |
# | a return that is not allowed | costs its episode: all of its test samples count as class 0, which is a balanced accuracy of 0.1 |
# | an exception in your code | the submission gets 0 points, and your feedback shows where it happened |
# | a run over its time limit | the submission gets 0 points |
#
# **Contents:** [Task](#Task) · [Data](#Data) · [Scoring](#Scoring) · [Limits](#Limits) · [Setup](#Setup) · [Samples](#Samples) · [Baseline](#Baseline) · [**Your solution**](#Your-solution) ·
# [Candidates](#Candidates) · [Training](#Training) · [Evaluation](#Evaluation) · [Appendix: criteria of the paper](#Appendix:-criteria-of-the-paper)

# %% [markdown]
# ## Task
#
# Write one function, `select_candidate(val_probs, z_val, z_train)`. It is called once for each of five *episodes*, each with its own crowd, its own samples and
# its own sixteen candidate models. Your function gets the probabilities of all candidates on the validation samples, and the crowd's answers to
# the validation and the training samples. It returns one number for each candidate: your estimate of its risk. **The candidate with the lowest risk is chosen** (ties: the first). Only
# its balanced accuracy on a hidden test set with true labels counts. Data, networks and training are fixed.
#
# ### Data
#
# | split | samples | what there is |
# |---|---|---|
# | `train` | about 450 in each episode | 64 features (digits of 8 x 8 pixels), answers of 10 annotators, many missing |
# | `val` | 400 | the same; your folder also has the true labels, for you to look at and for the score here |
# | `test` | 400, all classes equally often | features; the true labels are hidden, only the grader has them |
#
# A digit is a class, but **which digit has which class number is drawn anew for every episode**: a 4 may be class 7. `train` and `val` are far from balanced. Some classes are rare and some are less frequent than the others.
# **Which ones, and how much, is drawn anew for every episode**, too. Your function is told nothing of this.
# There are five episodes in random order, with three kinds of crowds:
#
# | episodes | crowd | annotators |
# |---|---|---|
# | two | *lazy* | 6 lazy, 3 careful, 1 slipped |
# | one | *mixed* | 5 lazy, 3 careful, 1 slipped, 1 biased, who mostly gives one answer |
# | two | *shifted* | 4 careful, 6 slipped by the same number of rows |
#
# In shifted episodes some people did nearly all of `train` and the others a quarter, but each of them did less than half of `val`.
# The file `annotators.json` in your folder says which annotator is of which kind. Your function does not know.
# To try another draw, build it with `make_data(Path("other"), None, None, seed=1)` and set `DATA_PATH` to it.
#
# ### Scoring
#
# $$\text{BAC} = \frac1{10} \sum_{k=0}^{9} \frac{\text{hits in class } k}{\text{samples of class } k}, \qquad
# \text{points} = \text{round}\left(100 \cdot \frac{\text{BAC} - {{ score.floor }}}{{{ score.ceiling }} - {{ score.floor }}}\right)$$
#
# BAC is the mean over the chosen candidates. You get **0 points at BAC {{ score.floor }}** and **100 points at BAC {{ score.ceiling }}**; points are clipped to 0 to 100.
# Somebody who always chooses the best of the sixteen gets about 88 on average.
# The final evaluation draws samples and crowds and trains all candidates {{ repeats }} times. Points come from the mean BAC.
#
# ### Limits
#
# Your function runs alone in its own process. It gets its three arguments and nothing else: no images, no true labels, no models, no files, no internet, no GPU.
# One run of five episodes may take {{ limits.wall_seconds }} seconds in all. Your process may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
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
DATA_PATH = "data/crowd_hpo"  # folder with train/ and val/ (in the final evaluation also test/)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves its predictions
SEED = 0  # hyper-parameters, start of the networks, order of the batches
DEVICE = "auto"  # "auto", "cpu" or "cuda"

# %% [markdown]
# This cell imports what the protected cells need, and chooses where they run.

# %% tags=["protected"]
import hashlib, json, math, random, shutil, stat, time, urllib.request, zipfile
from pathlib import Path, PurePosixPath

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.metrics import balanced_accuracy_score
from torch import nn

# {{ cells/setup.py }}

# %% [markdown]
# ## Samples
#
# This long cell builds the data if they are missing and cannot be downloaded. You need not read it, but you may: it holds the exact probabilities.

# %% tags=["protected", "data"]
# {{ data.py }}

# {{ cells/find_data.py }}

# %% [markdown]
# An episode is a dictionary of splits, and a split is a dictionary of arrays. Features become numbers from -1 to 1.

# %% tags=["protected"]
setting = json.loads((data_folder / "setting.json").read_text())
CLASSES = setting["classes"]


def load_split(folder, number):
    """Return features (n, D) float32 and, where there are any, annotations (n, A) int64 and labels (n,) int64."""
    with np.load(Path(folder) / f"episode{number}.npz", allow_pickle=False) as arrays:
        split = {name: arrays[name] for name in arrays.files}
    return {**split, "features": split["features"].astype(np.float32) * 2 / setting["feature_max"] - 1}


def load_episodes(folder):
    """Return the five episodes, in order; in the final evaluation each has the split test as well."""
    splits = ("train", "val", "test") if FINAL_EVALUATION_MODE else ("train", "val")
    count = len(list((Path(folder) / "train").glob("episode*.npz")))
    return [{split: load_split(folder / split, n) for split in splits} for n in range(1, count + 1)]


episodes = load_episodes(data_folder)
z = episodes[0]["train"]["annotations"]
print(f"{len(episodes)} episodes; the first: {z.shape[0]} training samples, {z.shape[1]} annotators,",
      f"{(z >= 0).mean():.0%} answered")

# %% [markdown]
# Look at the first episode: some digits, and the answers of the ten annotators (a dot means no answer). The class number of a digit holds for this episode only. Who is who?

# %% tags=["protected"]
def show_samples(split, columns=12):
    """Draw samples of a split with the true label above and the annotators' answers below."""
    figure, axes = plt.subplots(1, columns, figsize=(12, 2.6))
    side = math.isqrt(split["features"].shape[1])
    for axis, pixels, answers, label in zip(axes, split["features"], split["annotations"], split["labels"]):
        axis.imshow(pixels.reshape(side, side), cmap="gray_r")
        shown = ["·" if answer < 0 else str(answer) for answer in answers]
        lines = [" ".join(shown[start : start + 5]) for start in range(0, len(shown), 5)]
        axis.set(xticks=[], yticks=[], title=f"class {label}", xlabel="\n".join(lines))
    figure.tight_layout()
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_samples(episodes[0]["val"])

# %% [markdown]
# A confusion matrix shows an annotator's character: answers (columns) for each true label of `val` (rows). A lazy annotator hardly uses some columns at all.
# A slipped one has a perfect diagonal in the wrong place. Only a careful one deserves your trust, and your function will not have the true labels. The percentages are the shares of `train` and `val` that the annotator labelled.

# %% tags=["protected"]
def confusion_matrix(answers, labels):
    """Return the share (K, K) of each answer given the true class, among the samples with an answer."""
    counts = np.zeros((CLASSES, CLASSES))
    np.add.at(counts, (labels[answers >= 0], answers[answers >= 0]), 1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def show_crowd(number):
    """Draw the confusion matrices of the annotators in an episode, and the shares of the splits that they labelled."""
    train, val = (episodes[number - 1][split] for split in ("train", "val"))
    crowd, answers = annotators[f"episode{number}"], zip(train["annotations"].T, val["annotations"].T)
    figure, axes = plt.subplots(1, 10, figsize=(12, 1.7))
    for axis, who, (z_train, z_val) in zip(axes, crowd["annotators"], answers):
        axis.imshow(confusion_matrix(z_val, val["labels"]), cmap="magma", vmin=0, vmax=1)
        title = f"{who}\ntrain {(z_train >= 0).mean():.0%}\nval {(z_val >= 0).mean():.0%}"
        axis.set(xticks=[], yticks=[], xlabel="answer", title=title)
    axes[0].set_ylabel(f"episode {number}\n({crowd['kind']})\ntrue label")
    plt.show()


if not FINAL_EVALUATION_MODE:
    annotators = json.loads((data_folder / "annotators.json").read_text())
    for number in range(1, len(episodes) + 1):
        show_crowd(number)

# %% [markdown]
# ## Baseline
#
# How do people choose? They take the error against the majority vote, which the paper of this task (Herde et al. 2025, arXiv 2504.09085) calls **AEU**. Its ten other criteria are in the appendix.
#
# Your function may use these imports and functions, and anything else that your own cell imports from the standard library, NumPy, SciPy or PyTorch.

# %% tags=["protected", "slot-imports"]
import math
import random

import numpy as np
import torch
import torch.nn.functional as F


def one_hot(z, n_classes):
    """Return one-hot answers (n, A, K); a missing answer (-1) is all zeros."""
    return np.eye(n_classes + 1)[z][..., :n_classes]


def vote_shares(z, n_classes, weights=1.0):
    """Return the weighted share (n, K) of each class in the answers (n, A) to each sample."""
    votes = (one_hot(z, n_classes) * np.broadcast_to(weights, z.shape)[..., None]).sum(axis=1)
    return votes / np.maximum(votes.sum(axis=1, keepdims=True), 1e-12)


def AEU(val_probs, z_val, z_train):
    """Return each candidate's error (C,) against the majority vote."""
    votes = vote_shares(z_val, val_probs.shape[2]).argmax(axis=1)  # (N,)
    return (val_probs.argmax(axis=2) != votes).mean(axis=1)

# %% [markdown]
# ## Your solution
#
# Write your code in the next cell, the only one that the grader takes. Put helper functions there too. The grader runs the cell anew for each repeat.

# %% tags=["slot"]
### BEGIN SOLUTION
def dawid_skene(z, n_classes, rounds=100):
    """Estimate labels (n, K) and confusion matrices (A, K, K) in turns, starting at the vote shares (Dawid and Skene 1979)."""
    answers = one_hot(z, n_classes)  # (n, A, K)
    labels = vote_shares(z, n_classes)  # (n, K)
    for _ in range(rounds):
        before = labels
        confusion = np.einsum("nk,nal->akl", labels, answers, optimize=True)  # how often annotator a answered l where the class is k
        confusion /= np.maximum(confusion.sum(axis=2, keepdims=True), 1e-12)
        prior = labels.mean(axis=0)
        scores = np.log(prior + 1e-12) + np.einsum("nal,akl->nk", answers, np.log(confusion + 1e-10), optimize=True)
        labels = np.exp(scores - scores.max(axis=1, keepdims=True))
        labels /= labels.sum(axis=1, keepdims=True)
        if np.abs(labels - before).max() < 1e-6:
            break
    return labels, confusion


### END SOLUTION
def select_candidate(val_probs, z_val, z_train):
    """Estimate the risk of each candidate; the one with the lowest is chosen (ties: the first).

    val_probs  (C, N, K) float64: the probabilities of C candidates for N validation samples and K classes
    z_val      (N, A) int64: the answers of A annotators to these samples, 0..K-1, or -1 for no answer
    z_train    (M, A) int64: the answers of the same annotators to the training samples
    returns    (C,) float64, lower is better

    The function is called once for each of the five episodes.
    """
    ### BEGIN SOLUTION
    n_classes = val_probs.shape[2]
    labels, _ = dawid_skene(np.concatenate([z_val, z_train]), n_classes)  # the annotators are the same: use all their answers
    labels = labels[: len(z_val)]  # (N, K)
    chosen = np.eye(n_classes)[val_probs.argmax(axis=2)]  # (C, N, K)
    return 1 - np.einsum("cnk,nk->c", chosen, labels) / len(z_val)  # expected error
    ### END SOLUTION
    ### BEGIN BASELINE
    # return AEU(val_probs, z_val, z_train)
    ### END BASELINE

# %% [markdown]
# ## Candidates
#
# You need not read the code from here to [Evaluation](#Evaluation) to solve the task. These are the candidates in each size of the task, counted by the *approach* that turns the crowd's answers into a model.
# Six approaches are only used in the size `large`, which is for a GPU.

# %% tags=["protected"]
KNOBS = {
    "default": {
        "candidates": {"majority-vote": 2, "dawid-skene": 6, "busiest": 5, "second-busiest": 1, "busiest-three": 2},
        "hidden": 32,  # units of the hidden layer
        "batch": 64,  # samples
        "epochs": (3, 4, 6),  # one of these
    },
    "large": {
        "candidates": {"majority-vote": 6, "dawid-skene": 6, "crowd-layer": 6, "trace-reg": 6, "geo-reg-f": 6,
                       "geo-reg-w": 6, "annot-mix": 6, "coin-net": 4, "busiest": 4, "second-busiest": 2, "busiest-three": 4},
        "hidden": 256,
        "batch": 256,
        "epochs": (3, 8, 20),
    },
}
knobs = {**KNOBS[setting["size"]], **setting.get("knobs", {})}

# %% [markdown]
# Every candidate is a small network with one hidden layer. All candidates of an episode are **one** module: the first dimension of its weights is the number of the candidate,
# and one batched matrix product serves them all.

# %% tags=["protected"]
class Candidates(nn.Module):
    """C networks side by side: (C, B, D) features -> (C, B, K) logits; samples (N, D) go to every candidate."""

    def __init__(self, candidates, features, hidden):
        super().__init__()
        self.weight1 = self.start(candidates, features, hidden, fan_in=features)
        self.bias1 = self.start(candidates, 1, hidden, fan_in=features)
        self.weight2 = self.start(candidates, hidden, CLASSES, fan_in=hidden)
        self.bias2 = self.start(candidates, 1, CLASSES, fan_in=hidden)

    @staticmethod
    def start(*shape, fan_in):
        """Return weights that start as in `nn.Linear`."""
        return nn.Parameter((2 * torch.rand(*shape) - 1) / math.sqrt(fan_in))

    def forward(self, features):
        hidden = torch.relu(features @ self.weight1 + self.bias1)  # (C, B, H)
        return hidden @ self.weight2 + self.bias2  # (C, B, K)

# %% [markdown]
# Some approaches aggregate the answers to `train` to one label for each sample. Either the most frequent answer counts, or that of Dawid and Skene (1979), who give each annotator a confusion matrix.

# %% tags=["protected"]
def majority_vote(annotations):
    """Return the most frequent answer (n,) of each sample (ties: the lowest), -1 where there is none."""
    counts = np.stack([(annotations == label).sum(axis=1) for label in range(CLASSES)], axis=1)  # (n, K)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def dawid_skene_labels(annotations, rounds=50):
    """Return the most probable label (n,) of each sample, by expectation maximisation from the vote shares."""
    answers = np.eye(CLASSES + 1)[annotations][..., :CLASSES]  # (n, A, K); a missing answer is all zeros
    labels = answers.sum(axis=1) / np.maximum(answers.sum(axis=(1, 2))[:, None], 1)  # (n, K)
    for _ in range(rounds):
        confusion = np.einsum("nk,nal->akl", labels, answers, optimize=True)  # (A, K, K)
        confusion /= np.maximum(confusion.sum(axis=2, keepdims=True), 1e-12)
        scores = np.log(labels.mean(axis=0) + 1e-12) + np.einsum("nal,akl->nk", answers, np.log(confusion + 1e-10), optimize=True)
        labels = np.exp(scores - scores.max(axis=1, keepdims=True))
        labels /= labels.sum(axis=1, keepdims=True)
    return labels.argmax(axis=1)

# %% [markdown]
# Others imitate the people who did most of the validation samples: one person, or the vote of three. They train on all answers of these
# people, validation samples included. (A sin? Nobody in the meeting will tell you.)

# %% tags=["protected"]
AGGREGATING = {"majority-vote": majority_vote, "dawid-skene": dawid_skene_labels}
IMITATING = {"busiest": (0,), "second-busiest": (1,), "busiest-three": (0, 1, 2)}  # places by diligence


def training_labels(approach, episode):
    """Return the labels (M + N,) of the samples of train and val that an approach trains on, -1 where it has none."""
    z_train, z_val = episode["train"]["annotations"], episode["val"]["annotations"]
    if approach in AGGREGATING:
        return np.concatenate([AGGREGATING[approach](z_train), np.full(len(z_val), -1)])
    order = np.argsort(-(z_val >= 0).sum(axis=0), kind="stable")
    return majority_vote(np.concatenate([z_train, z_val])[:, order[list(IMITATING[approach])]])


def label_loss(model, features, labels, rows):
    """Return the cross-entropy (C,) of labels (C, B), with classes weighted as in `importance`; -1 is no label."""
    classes = labels.clamp(min=0)
    weights = model.importance.gather(1, classes) * (labels >= 0)  # (C, B)
    picked = model(features).log_softmax(dim=-1).gather(-1, classes[..., None])[..., 0]
    return -(picked * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-6)

# %% [markdown]
# The approaches of the size `large` learn the annotators together with the network. The network predicts the class of a sample, a matrix for each annotator turns it into that annotator's answer,
# and the loss compares this with the given answers: the crowd layer (Rodrigues and Pereira 2018), trace-reg (Tanno et al. 2019), GeoCrowdNet (Ibrahim et al. 2023), Coin-Net (Nguyen et al. 2024) and
# Annot-Mix (Herde et al. 2024). Their four cells are folded.

# %% tags=["protected", "folded"]
class CrowdCandidates(Candidates):
    """Candidates with a matrix (K, K) for each of their annotators; `approach` decides how it starts."""

    def __init__(self, approach, candidates, features, hidden, annotations):
        super().__init__(candidates, features, hidden)
        eye = torch.eye(CLASSES)
        starts = {"trace-reg": 6 * eye - 5, "annot-mix": math.log(0.9 * (CLASSES - 1) / 0.1) * eye}
        shape = (candidates, annotations.shape[1], CLASSES, CLASSES)
        self.matrix = nn.Parameter(starts.get(approach, eye).expand(shape).clone())  # (C, A, K, K)
        if approach == "coin-net":  # room for single answers that are out of character
            self.outliers = nn.Parameter(torch.zeros(candidates, *annotations.shape, CLASSES))  # (C, M, A, K)

    def answers(self, logits):
        """Return the probabilities (C, B, A, K) of each annotator's answers."""
        return torch.einsum("cbk,cakl->cbal", logits.softmax(dim=-1), self.matrix.softmax(dim=-1))

# %% tags=["protected", "folded"]
def answer_loss(log_chances, annotations):
    """Return the mean cross-entropy (C,) of the given answers (C, B, A); -1 is no answer."""
    given = annotations >= 0
    picked = log_chances.gather(-1, annotations.clamp(min=0)[..., None])[..., 0]  # (C, B, A)
    return -(picked * given).sum(dim=(1, 2)) / given.sum(dim=(1, 2)).clamp(min=1)


def crowd_layer_loss(model, features, annotations, rows):
    """Crowd layer (Rodrigues and Pereira 2018): a linear layer for each annotator on top of the probabilities."""
    scores = torch.einsum("cbk,cakl->cbal", model(features).softmax(dim=-1), model.matrix)
    return answer_loss(scores.log_softmax(dim=-1), annotations)

# %% tags=["protected", "folded"]
STRENGTH = 0.01  # of a regularisation
OUTLIER_PRICE = 1.0  # of answers that are out of character


def spread(rows):
    """Return the log determinant (C,) of the Gram matrix of rows (C, n, K)."""
    return torch.logdet(rows.mT @ rows + 1e-4 * torch.eye(CLASSES, device=rows.device))


def trace_reg_loss(model, features, annotations, rows):
    trace = model.matrix.softmax(dim=-1).diagonal(dim1=-2, dim2=-1).sum(dim=-1).mean(dim=-1)  # (C,)
    return answer_loss(model.answers(model(features)).clamp(min=1e-10).log(), annotations) + STRENGTH * trace


def geo_reg_f_loss(model, features, annotations, rows):
    logits = model(features)
    loss = answer_loss(model.answers(logits).clamp(min=1e-10).log(), annotations)
    return loss - STRENGTH * spread(logits.softmax(dim=-1))


def geo_reg_w_loss(model, features, annotations, rows):
    loss = answer_loss(model.answers(model(features)).clamp(min=1e-10).log(), annotations)
    return loss - STRENGTH * spread(model.matrix.softmax(dim=-1).mT.flatten(1, 2))  # (C, A * K, K)

# %% tags=["protected", "folded"]
def coin_net_loss(model, features, annotations, rows):
    logits = model(features)
    outliers = model.outliers[torch.arange(len(rows), device=rows.device)[:, None], rows] / 10  # (C, B, A, K); learnt slowly
    outliers = (outliers - outliers.mean(dim=-1, keepdim=True)) * (annotations >= 0)[..., None]
    chances = (model.answers(logits) + outliers).clamp(1e-10, 1)
    price = OUTLIER_PRICE * ((outliers**2).sum(dim=(2, 3)) + 1e-10).pow(0.2).mean(dim=1)
    loss = answer_loss((chances / chances.sum(dim=-1, keepdim=True)).log(), annotations)
    return loss + price - STRENGTH * spread(logits.softmax(dim=-1))


def annot_mix_loss(model, features, annotations, rows):
    candidates = torch.arange(len(rows), device=rows.device)[:, None]
    luck = torch.rand(annotations.shape, device=rows.device) * (annotations >= 0)
    who = luck.argmax(dim=-1)  # (C, B)
    targets = F.one_hot(annotations.gather(-1, who[..., None])[..., 0].clamp(min=0), CLASSES).float()
    partner = torch.rand(rows.shape, device=rows.device).argsort(dim=1)  # (C, B)
    share = torch.rand(*rows.shape, 1, device=rows.device)  # Beta(1, 1)
    matrix = model.matrix[candidates, who]  # (C, B, K, K)
    matrix = share[..., None] * matrix + (1 - share[..., None]) * matrix[candidates, partner]
    logits = model(share * features + (1 - share) * features[candidates, partner])
    chances = torch.einsum("cbk,cbkl->cbl", logits.softmax(dim=-1), matrix.softmax(dim=-1))
    targets = share * targets + (1 - share) * targets[candidates, partner]
    return -(targets * chances.clamp(min=1e-10).log()).sum(dim=-1).mean(dim=-1)

# %% [markdown]
# ## Training

# {{ cells/seeds.py }}

# %% [markdown]
# The candidates of one approach differ in learning rate, weight decay, epochs, and how much more a rare class weighs. A Sobol sequence spreads them evenly over their ranges.

# %% tags=["protected"]
def draw_specs(counts, epochs, seed):
    """Return the approach and the hyper-parameters of each candidate."""
    seed_everything(seed)  # a seed of the engine's own would have 32 bits
    specs = []
    for approach, count in counts.items():
        points = torch.quasirandom.SobolEngine(4, scramble=True).draw(count).tolist()
        for rate, decay, length, balance in points:
            specs.append({
                "approach": approach,
                "rate": 10 ** (-1.8 + 0.6 * rate),  # 0.016 to 0.063
                "decay": 10 ** (-6 + 3 * decay),
                "epochs": epochs[min(int(length * len(epochs)), len(epochs) - 1)],
                "balance": balance,  # 0: all samples weigh the same; 1: all classes do
            })
    return specs

# %% [markdown]
# The optimiser is RAdam (Liu et al. 2020) for weights whose first dimension is the candidate. Each has its own learning rate and weight decay.

# %% tags=["protected"]
class BatchedRAdam:
    """RAdam with a weight decay for each candidate; `step` takes the current learning rates (C,)."""

    def __init__(self, parameters, decays):
        self.parameters, self.decays, self.steps = list(parameters), decays, 0
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]

    @torch.no_grad()
    def step(self, gradients, rates, beta1=0.9, beta2=0.98):
        self.steps += 1
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * self.steps * beta2**self.steps / (1 - beta2**self.steps)
        for weights, gradient, (first, second) in zip(self.parameters, gradients, self.moments):
            shape = (-1, *[1] * (weights.dim() - 1))
            gradient = gradient + self.decays.view(shape) * weights
            first.lerp_(gradient, 1 - beta1)
            second.lerp_(gradient**2, 1 - beta2)
            update = first / (1 - beta1**self.steps)
            if length > 5:  # enough steps for a reliable second moment
                warm = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
                update = update * math.sqrt(warm * (1 - beta2**self.steps)) / (second.sqrt() + 1e-8)
            weights.sub_(rates.view(shape) * update)

# %% [markdown]
# Each candidate sees the samples in its own order. Its learning rate follows half a cosine down to zero and stays there while others go on.

# %% tags=["protected"]
def train_together(model, loss_function, features, targets, specs):
    """Return the model with its C candidates trained on features (M, D) and targets (M, A), or (C, M) if each has its own."""
    rates, decays, epochs = (torch.tensor([spec[k] for spec in specs], device=device) for k in ("rate", "decay", "epochs"))
    optimizer, batch = BatchedRAdam(model.parameters(), decays), min(knobs["batch"], len(features))
    candidates, batches = torch.arange(len(specs), device=device)[:, None], len(features) // batch
    for epoch in range(int(epochs.max())):
        order = torch.rand(len(specs), len(features)).argsort(dim=1).to(device)  # (C, M)
        for number in range(batches):
            rows = order[:, number * batch : (number + 1) * batch]  # (C, B)
            answers = targets[candidates, rows] if loss_function is label_loss else targets[rows]
            losses = loss_function(model, features[rows], answers, rows)  # (C,)
            gradients = torch.autograd.grad(losses.sum(), list(model.parameters()))
            done = ((epoch * batches + number) / (epochs * batches)).clamp(max=1)  # (C,)
            optimizer.step(gradients, rates * 0.5 * (1 + torch.cos(math.pi * done)))
    return model

# %% tags=["protected"]
LOSSES = {"crowd-layer": crowd_layer_loss, "trace-reg": trace_reg_loss, "geo-reg-f": geo_reg_f_loss,
          "geo-reg-w": geo_reg_w_loss, "coin-net": coin_net_loss, "annot-mix": annot_mix_loss}


def train_on_labels(episode, specs):
    """Return a trained model of the candidates that aggregate or imitate."""
    features = np.concatenate([episode["train"]["features"], episode["val"]["features"]])
    labels = {approach: training_labels(approach, episode) for approach in {spec["approach"] for spec in specs}}
    labels = torch.from_numpy(np.stack([labels[spec["approach"]] for spec in specs]))  # (C, n)
    model = Candidates(len(specs), features.shape[1], knobs["hidden"])
    counts = (labels[..., None] == torch.arange(CLASSES)).sum(dim=1)  # (C, K)
    balance = torch.tensor([[spec["balance"]] for spec in specs])
    model.importance = ((counts.sum(dim=1, keepdim=True) / counts.clamp(min=1) / CLASSES) ** balance).to(device)  # (C, K)
    return train_together(model.to(device), label_loss, torch.from_numpy(features).to(device), labels.to(device), specs)


def train_on_answers(episode, specs):
    """Return a trained model of the candidates of one approach that learns the annotators."""
    features, answers = (torch.from_numpy(episode["train"][name]).to(device) for name in ("features", "annotations"))
    approach = specs[0]["approach"]
    model = CrowdCandidates(approach, len(specs), features.shape[1], knobs["hidden"], answers)
    return train_together(model.to(device), LOSSES[approach], features, answers, specs)

# %% [markdown]
# Your function sees nothing of the candidates but the probabilities that `predict` returns.

# %% tags=["protected"]
def train_candidates(episode, specs, seed):
    """Return (numbers of the candidates, their trained model) for each group that trains together."""
    seed_everything(seed)
    groups = {name: [n for n, spec in enumerate(specs) if spec["approach"] == name] for name in LOSSES}
    groups["labels"] = [n for n, spec in enumerate(specs) if spec["approach"] not in LOSSES]
    trained = []
    for name, numbers in groups.items():
        train = train_on_answers if name in LOSSES else train_on_labels
        if numbers:
            trained.append((numbers, train(episode, [specs[n] for n in numbers])))
    return trained


@torch.no_grad()
def predict(trained, features, chunk=1000):
    """Return the probabilities (C, n, K) float64 of all candidates on samples (n, D)."""
    probabilities = np.zeros((sum(len(numbers) for numbers, _ in trained), len(features), CLASSES))
    for numbers, model in trained:
        for start in range(0, len(features), chunk):
            logits = model(torch.from_numpy(features[start : start + chunk]).to(device))  # (C, chunk, K)
            probabilities[numbers, start : start + chunk] = logits.double().softmax(dim=-1).cpu().numpy()
    return probabilities

# %% [markdown]
# Train everything. The order of the candidates is random too, so that their position says nothing.

# %% tags=["protected"]
seed_everything(SEED)
start = time.perf_counter()
for number, episode in enumerate(episodes):
    rng = np.random.default_rng([SEED, number])
    specs = draw_specs(knobs["candidates"], knobs["epochs"], derive_seed("hyper-parameters", number))
    episode["specs"] = [specs[place] for place in rng.permutation(len(specs))]
    trained = train_candidates(episode, episode["specs"], derive_seed("networks", number))
    episode["val_probs"] = predict(trained, episode["val"]["features"])  # (C, N, K)
    if FINAL_EVALUATION_MODE:
        episode["test_predictions"] = predict(trained, episode["test"]["features"]).argmax(axis=2)  # (C, n)
    print(f"episode {number + 1}: {len(specs)} candidates after {time.perf_counter() - start:.1f} s")

# {{ cells/scoring.py }}

# {{ cells/penalties.py }}

# %% [markdown]
# Your function must return one finite number for each candidate, in an array, a tensor or a list.

# %% tags=["protected"]
def check_risks(answer, candidates):
    """Return the risks as a float64 array (C,), or raise InvalidOutput."""
    if not isinstance(answer, (list, tuple, np.ndarray, torch.Tensor)):
        raise InvalidOutput(f"return an array of {candidates} numbers, one for each candidate, not a {type(answer).__name__}")
    if isinstance(answer, (list, tuple)):
        for value in answer:
            if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
                raise InvalidOutput(f"the list holds a {type(value).__name__}; risks are plain numbers")
    elif not any(kind in str(answer.dtype) for kind in ("int", "float")):
        raise InvalidOutput(f"the risks have the type {answer.dtype}, not numbers")
    shape = (len(answer),) if isinstance(answer, (list, tuple)) else tuple(answer.shape)
    if shape != (candidates,):
        raise InvalidOutput(f"the risks have the shape {shape}; for {candidates} candidates it must be ({candidates},)")
    try:
        plain = answer.detach().cpu().double().numpy() if isinstance(answer, torch.Tensor) else answer
        risks = np.asarray(plain, dtype=np.float64)
    except OverflowError:
        raise InvalidOutput("a risk is too large for a float64") from None
    if not np.isfinite(risks).all():
        place = int(np.isfinite(risks).argmin())
        raise InvalidOutput(f"the risk of candidate {place} is {risks[place]}; all must be finite")
    return risks

# %% [markdown]
# ## Evaluation
#
# Your function chooses a candidate in each episode. It gets copies, so it cannot change the candidates.

# %% tags=["protected"]
def choose(episode, number, select):
    """Return the number of the candidate that a function chooses, or None if its return is not allowed."""
    copies = (episode["val_probs"], episode["val"]["annotations"], episode["train"]["annotations"])
    answer = select(*(values.copy() for values in copies))
    try:
        episode["risks"] = check_risks(answer, len(episode["val_probs"]))  # (C,), for the plot
        return int(episode["risks"].argmin())
    except InvalidOutput as error:
        penalise(f"episode {number}: {error}; all of its samples are predicted as class 0")
        return None


choices = [choose(episode, number, select_candidate) for number, episode in enumerate(episodes, 1)]
print("chosen candidates:", choices)

# %% [markdown]
# Does your estimated risk follow the true error? Each dot is a candidate, coloured by its approach, and the ring marks the chosen one. With a good estimate the dots lie on a rising line, and the ring is at the bottom.

# %% tags=["protected"]
def true_accuracies(episode):
    """Return the balanced accuracy (C,) of the candidates on the true labels of val."""
    labels = episode["val"]["labels"]
    return np.array([balanced_accuracy_score(labels, p.argmax(axis=1)) for p in episode["val_probs"]])


def show_choice(risks, axis, number):
    """Draw risks (C,) against the true balanced errors on val."""
    episode = episodes[number - 1]
    errors, best = 1 - true_accuracies(episode), risks.argmin()
    for place, approach in enumerate(knobs["candidates"]):
        members = [spec["approach"] == approach for spec in episode["specs"]]
        axis.scatter(risks[members], errors[members], color=f"C{place}", marker="osD^v"[place % 5], label=approach)
    axis.scatter(risks[best], errors[best], s=160, facecolors="none", edgecolors="black", linewidths=2)
    axis.set(title=f"episode {number} ({annotators[f'episode{number}']['kind']})", xlabel="your risk", ylim=(0, 1.02))

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE and None not in choices:
    figure, axes = plt.subplots(1, len(episodes), figsize=(12, 3.4), sharey=True)
    for number, (axis, episode) in enumerate(zip(axes, episodes), 1):
        show_choice(episode["risks"], axis, number)
    axes[0].set_ylabel("true balanced error on val")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=5, loc="lower center")
    figure.tight_layout(rect=(0, 0.1, 1, 1))
    plt.show()

# %% [markdown]
# With labels, you get points. Without labels, the predictions of the chosen candidates are saved for the grader.
# The score here comes from one run, and from `val`, where a rare class may have two samples: then one hit is half of its share.
# The final score is the mean of {{ repeats }} runs, on balanced test samples.

# %% tags=["protected"]
def final_evaluate(episodes, choices):
    """Return the points on labelled episodes; save the predictions on unlabelled ones and return None."""
    predictions, accuracies = {}, []
    for number, (episode, choice) in enumerate(zip(episodes, choices), 1):
        if FINAL_EVALUATION_MODE:
            every = episode["test_predictions"]  # (C, n)
            predictions[f"episode{number}"] = np.zeros_like(every[0]) if choice is None else every[choice]
        else:
            accuracies.append(1 / CLASSES if choice is None else true_accuracies(episode)[choice])
    if FINAL_EVALUATION_MODE:
        save_predictions(**predictions)
        return None
    print("balanced accuracy by episode:", ", ".join(f"{accuracy:.3f}" for accuracy in accuracies))
    return performance(accuracies)


points = final_evaluate(episodes, choices)
print("predictions saved" if points is None else f"{points} points")

# %% [markdown]
# ## Appendix: criteria of the paper
#
# Nothing here counts, and your function cannot call it; copy what you want to try. The paper (Herde et al. 2025) has eleven criteria, named by three letters.
# The first letter says what is compared: the predicted class with one **A**ggregated label, or predicted answers with each answer of the **C**rowd.
# The second says how annotators are weighted: all **E**qual, or by what was **L**earnt about them. The third says how errors are weighted: **U**nweighted, or by **C**onfidence. (X means that nothing is weighted.)
# What is learnt comes from each candidate: take its probabilities as the truth, compute the annotators' confusion matrices, and see how likely each answer is right.

# %% tags=["protected"]
def confusion_seen_by(probs, z):
    """Return the annotators' confusion matrices (A, K, K), as if a candidate's probabilities (N, K) were the truth."""
    counts = np.einsum("nk,nal->akl", probs, one_hot(z, probs.shape[1])) + 1 / probs.shape[1]
    return counts / counts.sum(axis=2, keepdims=True)


def weighted_shares(probs, z):
    """Return vote shares (N, K); an answer weighs its log-odds, against guessing, of being right."""
    right = np.einsum("nk,akk->na", probs, confusion_seen_by(probs, z)).clip(1e-3, 1 - 1e-3)
    return vote_shares(z, probs.shape[1], np.log(right * (probs.shape[1] - 1) / (1 - right)).clip(1e-6))


def vote_error(probs, shares, confident):
    """Return the error against the vote, weighted by the share of the winning class if `confident`."""
    weights = shares.max(axis=1) if confident else np.ones(len(shares))
    return ((probs.argmax(axis=1) != shares.argmax(axis=1)) * weights).sum() / weights.sum()


def answer_error(probs, z, shares):
    """Return the share of answers that differ from the predicted ones, weighted by the share (N, K) of their class."""
    predicted = np.einsum("nk,akl->nal", probs, confusion_seen_by(probs, z)).argmax(axis=2)  # (N, A)
    weights = np.take_along_axis(shares, z.clip(0), axis=1) * (z >= 0)  # (N, A)
    return ((predicted != z) * weights).sum() / weights.sum()

# %% tags=["protected"]
def criteria(val_probs, z_val):
    """Return the risks (C,) of each of the paper's criteria, and those of ENS, the mean of their ranks."""
    equal, rows = vote_shares(z_val, val_probs.shape[2]), []
    for probs in val_probs:
        learnt = weighted_shares(probs, z_val)
        rows.append({
            "AEU": vote_error(probs, equal, False),
            "AEC": vote_error(probs, equal, True),
            "ALU": vote_error(probs, learnt, False),
            "ALC": vote_error(probs, learnt, True),
            "CXU": answer_error(probs, z_val, np.ones_like(probs)),
            "CEC": answer_error(probs, z_val, equal),
            "CLC": answer_error(probs, z_val, learnt),
        })
    table = pd.DataFrame(rows)
    return {**{name: table[name].to_numpy() for name in table}, "ENS": table.rank(method="min").mean(axis=1).to_numpy()}

# %% [markdown]
# That makes eight. The other three are bounds. **TRUE** knows the true labels of `val`. **DEF** and **DEF-DATA** choose nothing: they train a majority-vote model with
# the usual hyper-parameters, or with some that are known to suit these data. The table has **errors in per cent**, of the choices here and, on the right, from the paper (means over twelve approaches): for `reuters` with all its
# annotations, and for `dopanim` with only the worst annotation of each sample. With a decent crowd the majority vote is as good as the truth. With a bad one it misleads, there as here.

# %% tags=["protected"]
PAPER = pd.DataFrame({  # errors in per cent
    "reuters full": [11.4, 16.0, 18.5, 11.5, 11.7, 12.0, 13.1, 13.5, 11.6, 15.5, 11.2],
    "dopanim worst-1": [62.8, 69.1, 70.7, 70.3, 70.3, 70.0, 65.7, 66.9, 66.9, 64.8, 67.3],
}, index=["TRUE", "DEF-DATA", "DEF", "AEU", "AEC", "ALU", "ALC", "CXU", "CEC", "CLC", "ENS"])
DEFAULTS = {
    "DEF": {"approach": "majority-vote", "rate": 5e-3, "decay": 0.0, "epochs": knobs["epochs"][1], "balance": 0.0},
    "DEF-DATA": {"approach": "majority-vote", "rate": 3e-2, "decay": 1e-4, "epochs": knobs["epochs"][2], "balance": 0.5},
}


def errors_by_criterion(episode):
    """Return the true balanced error on val, in per cent, of what each criterion chooses."""
    errors = 100 * (1 - true_accuracies(episode))
    probs = predict(train_candidates(episode, list(DEFAULTS.values()), SEED), episode["val"]["features"])
    defaults = 100 * (1 - true_accuracies({**episode, "val_probs": probs}))
    bounds = {"TRUE": errors.min(), **dict(zip(DEFAULTS, defaults))}
    chosen = criteria(episode["val_probs"], episode["val"]["annotations"])
    return {**bounds, **{name: errors[risks.argmin()] for name, risks in chosen.items()}}


if not FINAL_EVALUATION_MODE:
    names = [f"{n} {annotators[f'episode{n}']['kind']}" for n in range(1, len(episodes) + 1)]
    table = pd.DataFrame([errors_by_criterion(episode) for episode in episodes], index=names).T
    display(table.assign(mean=table.mean(axis=1)).round(1).join(PAPER.add_prefix("paper: ")).loc[PAPER.index])
