# %% [markdown]
# # Letters to the Town Hall
#
# The town hall of Lindhaven gets many letters, and each complains about one thing: water, roads, waste, lights or parks.
# People are polite in Lindhaven. Before and after the complaint, they praise what was repaired last week and say where they live:
# "good morning, the old lamp works again, the pmup is a danger to children, i often walk to the hedge, regards".
# They write on their phones, and they misspell.
# Six volunteers sorted last year's letters, two for each letter. Some read to the end. Some stopped at the first thing that was mentioned. Somebody just guessed.
# Nobody wrote down who did what.
# Many data sets are labelled like this: by a crowd, in a hurry, with two opinions for each example.
# **You write the program that learns from these votes, and sorts next year's letters.**

# %% [markdown]
# ## At a glance
#
# | | |
# |---|---|
# | you write | a program: one function, `solve(train, test)`, which trains and predicts; it is called once in a run |
# | points | the untouched starter gets less than 20, the organisers' solution more than 80, and there is room above it |
# | time | the organisers' solution trains for some 3 seconds on one core; the final evaluation makes {{ repeats }} runs |
# | limits | {{ program.seconds }} seconds for your program in a run, {{ limits.memory_mb }} MB of memory, {{ limits.output_kb }} kB of printed text |
# | an answer of another form | the submission gets 0 points; the message says what to return instead |
# | an exception in your code | the submission gets 0 points, and your feedback shows where it happened |
# | a run over its time limit | the submission gets 0 points |
#
# **Contents:** [Task](#Task) · [Data](#Data) · [Scoring](#Scoring) · [Limits](#Limits) · [Setup](#Setup) · [Baseline](#Baseline) ·
# [**Your solution**](#Your-solution) · [Evaluation](#Evaluation)

# %% [markdown]
# ## Task
#
# Write one function. It trains whatever you like on the letters and votes of `train`, and returns the topic of the complaint for each letter of `test`.
#
# | argument | what |
# |---|---|
# | `train["letters"]` | list of 1500 texts |
# | `train["votes"]` | `(1500, 6)` int64: the topic that each volunteer chose, or -1 where the volunteer did not read the letter |
# | `test["letters"]` | list of texts |
#
# Return one number for each letter of `test`: 0 water, 1 roads, 2 waste, 3 lights, 4 parks.
# A letter is in lower case, and commas separate its clauses. Exactly one clause complains. Topics are not equally frequent.
#
# ### Data
#
# | file | letters | with |
# |---|---|---|
# | `train.npz` | 1500 | `votes` of two volunteers each |
# | `val.npz` | 500 | `labels` (n,), the right topics; for you to look at, never given to your function |
# | `test.npz` | 1000 | nothing; only the grader has the right topics |
#
# The final evaluation writes new letters, and the columns of the volunteers are in another order in each run.
#
# ### Scoring
#
# Macro F1 is the mean of the five topics' F1, so the rare topics count as much as the frequent ones. The final evaluation calls your program {{ repeats }} times,
# each time with other letters and votes, and the mean of macro F1 gives
#
# {{ score.rules }}
#
# ### Limits
#
# Your program runs alone in its own process, in one thread. It gets its arguments and nothing else: no internet, no files, no GPU, no ready-made language model.
# One call may take {{ program.seconds }} seconds. Your process may use {{ limits.memory_mb }} MB of memory and print {{ limits.output_kb }} kB.
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
DATA_PATH = "data/town_letters"  # folder with train.npz and val.npz (in the final evaluation train.npz and test.npz)
PREDICTIONS_PATH = "predictions.npz"  # where the final evaluation saves the topics
SEED = 0  # not used here: your process has a seed of its own
DEVICE = "auto"  # nothing here needs a GPU

# %% [markdown]
# All imports of the protected cells are here.

# %% tags=["protected"]
import hashlib, io, json, os, time, zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import f1_score

# %% [markdown]
# ## Data
#
# This long cell writes the letters if they are missing. You do not need to read it.

# %% tags=["protected", "data"]
# {{ data.py }}

# %% [markdown]
# An existing folder is used as it is.

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE and not (Path(DATA_PATH) / "train.npz").exists():
    make_data(Path(DATA_PATH), None, None, seed=0)
train = load(Path(DATA_PATH) / "train.npz", "votes")
if FINAL_EVALUATION_MODE:
    test = load(Path(DATA_PATH) / "test.npz")
else:
    test = load(Path(DATA_PATH) / "val.npz", "labels")
print(f"{len(train['letters'])} letters to learn from, {len(test['letters'])} to sort")

# %% [markdown]
# Read some letters, with the votes of those who read them.

# %% tags=["protected"]
if not FINAL_EVALUATION_MODE:
    for text, votes in zip(train["letters"][:6].tolist(), train["votes"]):
        said = ", ".join(f"volunteer {reader} {TOPICS[votes[reader]]}" for reader in np.flatnonzero(votes >= 0))
        print(f"{text}\n    {said}\n")

# %% [markdown]
# How often do two volunteers agree when they read the same letter? Dark squares are pairs that often agree.

# %% tags=["protected"]
def show_agreement(votes):
    """Draw how often each pair of volunteers chose the same topic."""
    voted = votes >= 0  # (n, 6)
    shares = np.full((votes.shape[1],) * 2, np.nan)
    for one, other in zip(*np.triu_indices(len(shares), 1)):
        both = voted[:, one] & voted[:, other]
        shares[one, other] = shares[other, one] = (votes[both, one] == votes[both, other]).mean()
    figure, axis = plt.subplots(figsize=(4.2, 3.4))
    picture = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set(xlabel="volunteer", ylabel="volunteer", title="share of equal votes")
    figure.colorbar(picture)
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_agreement(train["votes"])

# %% [markdown]
# ## Scoring
#
# This is the formula of the statement. The grader applies it to the hidden topics.

# %% tags=["protected"]
# {{ score.py }}

# %% [markdown]
# What your function returns is checked before it is used. The message says what is wrong and what to return instead.

# %% tags=["protected"]
class InvalidOutput(ValueError):
    """What the function returned is not allowed; the message says why."""


def check_labels(labels, count):
    """Return the topics as int64 (count,), or raise InvalidOutput."""
    try:
        labels = np.asarray(labels)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InvalidOutput(f"solve returned no array ({error}); return one topic for each letter") from None
    if labels.shape != (count,):
        raise InvalidOutput(f"solve returned the shape {labels.shape} for {count} letters; return one topic for each")
    if labels.dtype.kind not in "iu":
        raise InvalidOutput(f"solve returned the type {labels.dtype}; return whole numbers, with .astype(int)")
    if labels.min() < 0 or labels.max() >= len(TOPICS):
        raise InvalidOutput(f"solve returned topics from {labels.min()} to {labels.max()}; each is a number from 0 to 4")
    return labels.astype(np.int64)

# %% [markdown]
# ## Baseline
#
# Your code may use these imports and the examples below, and anything else that your own cell imports from the standard library, NumPy, scikit-learn or PyTorch.

# %% tags=["protected", "slot-imports"]
import zlib

import numpy as np
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from torch import nn

TOPIC_COUNT = 5

# %% [markdown]
# The obvious start is naive Bayes on words, with the first vote of each letter as its label. Expect less than 20 points.

# %% tags=["protected", "slot-imports"]
def first_votes(votes):
    """Return the first vote of each letter, (n,)."""
    return np.array([row[row >= 0][0] for row in votes])


def naive_bayes(train, test):
    """Count words, and learn from first votes."""
    counter = CountVectorizer()
    model = MultinomialNB().fit(counter.fit_transform(train["letters"]), first_votes(train["votes"]))
    return model.predict(counter.transform(test["letters"]))

# %% [markdown]
# A net wants numbers instead of words. This tokenizer cuts a text into words, three characters in a row, and pairs of words. Misspelt words share most of their pieces with
# the right ones. Each piece gets a number by a hash, so there is no vocabulary to learn.

# %% tags=["protected", "slot-imports"]
BUCKETS = 2048  # different numbers; 0 fills up the rows


def pieces(text):
    """Return the numbers of the pieces of a text."""
    words = text.replace(",", " ").split()
    threes = [word[i : i + 3] for word in (f"<{word}>" for word in words) for i in range(len(word) - 2)]
    pairs = [f"{left} {right}" for left, right in zip(words, words[1:])]
    return [zlib.crc32(piece.encode()) % BUCKETS + 1 for piece in (*words, *threes, *pairs)]


def encode(texts):
    """Return the pieces of texts as a tensor (n, longest), filled up with zeros."""
    rows = [torch.tensor(pieces(text), dtype=torch.int64) for text in texts]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)

# %% [markdown]
# A small net averages the vectors of all pieces. `fit_net` trains any net that returns logarithms of probabilities.

# %% tags=["protected", "slot-imports"]
class BagNet(nn.Module):
    """The mean of the pieces' vectors, and a linear layer."""

    def __init__(self, size=16):
        super().__init__()
        self.vectors = nn.EmbeddingBag(BUCKETS + 1, size, mode="mean", padding_idx=0)
        self.topic = nn.Linear(size, TOPIC_COUNT)

    def forward(self, inputs):  # (n, pieces)
        return torch.log_softmax(self.topic(self.vectors(inputs)), dim=1)  # (n, 5)


def fit_net(net, inputs, targets, epochs=10, batch=50, rate=0.03):
    """Train a net with the cross-entropy to targets (n, 5), the probabilities of topics; return the net."""
    steps = epochs * -(-len(inputs) // batch)
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for epoch in range(epochs):
        for chosen in torch.randperm(len(inputs)).split(batch):
            loss = -(targets[chosen] * net(inputs[chosen])).sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net

# %% [markdown]
# ## Your solution
#
# Write your code in the next cell, the only one that the grader takes. It may call the examples above. Put helper functions there too. What it prints is shown while it runs.

# %% tags=["slot"]
### BEGIN SOLUTION
class ClauseNet(nn.Module):
    """Weigh the clauses of a letter, and mix the topics that each of them is about."""

    def __init__(self, size=16):
        super().__init__()
        self.vectors = nn.EmbeddingBag(BUCKETS + 1, size, mode="mean", padding_idx=0)
        self.topic, self.weight = nn.Linear(size, TOPIC_COUNT), nn.Linear(size, 1)

    def forward(self, inputs):  # (n, clauses, pieces)
        vectors = self.vectors(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])  # (n, clauses, size)
        weights = self.weight(vectors).masked_fill(inputs[:, :, :1] == 0, -1e4)
        mixed = torch.log_softmax(weights, dim=1) + torch.log_softmax(self.topic(vectors), dim=2)
        return torch.logsumexp(mixed, dim=1)  # (n, 5)


def encode_clauses(letters):
    """Return the pieces of each clause, (n, clauses, pieces)."""
    split = [[encode([clause])[0] for clause in letter.split(", ")] for letter in letters]
    most, longest = max(map(len, split)), max(len(row) for rows in split for row in rows)
    inputs = torch.zeros(len(split), most, longest, dtype=torch.int64)
    for number, rows in enumerate(split):
        for place, row in enumerate(rows):
            inputs[number, place, : len(row)] = row
    return inputs


### END SOLUTION
def solve(train, test):
    """Learn from the votes, and sort the letters of test.

    train    "letters": list of texts, "votes": (n, 6) int64, -1 where a volunteer did not read the letter
    test     "letters": list of m texts
    returns  (m,) whole numbers, the topic of each letter of test, 0 to 4
    """
    ### BEGIN SOLUTION
    # A complaint is one clause among others, so a net that weighs clauses can tell it from praise. Where two votes differ, half of each is a
    # better target than either: whoever skims misleads in many directions, and the complaint is what most half votes have in common.
    votes = np.stack([(train["votes"] == topic).sum(axis=1) for topic in range(TOPIC_COUNT)], axis=1)  # (n, 5)
    targets = torch.tensor(votes / votes.sum(axis=1, keepdims=True), dtype=torch.float32)
    net = fit_net(ClauseNet(), encode_clauses(train["letters"]), targets)
    with torch.no_grad():
        return net(encode_clauses(test["letters"])).argmax(dim=1).numpy()
    ### END SOLUTION
    ### BEGIN BASELINE
    # return naive_bayes(train, test)
    ### END BASELINE

# %% [markdown]
# ## Evaluation
#
# Your program gets copies, and its answer is all that counts.

# %% tags=["protected"]
start = time.perf_counter()
given = {"letters": train["letters"].tolist(), "votes": train["votes"].copy()}
labels = check_labels(solve(given, {"letters": test["letters"].tolist()}), len(test["letters"]))
print(f"{len(labels)} letters sorted, {time.perf_counter() - start:.1f} s")

# %% [markdown]
# Which topics does your program mistake for others? A row is a right topic, a column an answer.

# %% tags=["protected"]
def show_mistakes(right, answers):
    """Draw how many letters of each topic were sorted where."""
    counts = np.zeros((len(TOPICS), len(TOPICS)), dtype=int)
    np.add.at(counts, (right, answers), 1)
    figure, axis = plt.subplots(figsize=(4.4, 3.6))
    shares = counts / counts.sum(axis=1, keepdims=True)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        axis.text(column, row, counts[row, column], ha="center", va="center", color="white" if share > 0.6 else "black")
    axis.set_xticks(range(len(TOPICS)), TOPICS)
    axis.set_yticks(range(len(TOPICS)), TOPICS)
    axis.set(xlabel="your answer", ylabel="right topic")
    plt.show()


if not FINAL_EVALUATION_MODE:
    show_mistakes(test["labels"], labels)

# %% [markdown]
# With the topics of `val`, you get points. Without them, the answer is saved for the grader.
# The score on `val` comes from a single run. The final score is the mean of {{ repeats }} runs with other letters.

# %% tags=["protected"]
if FINAL_EVALUATION_MODE:
    np.savez(PREDICTIONS_PATH, model=labels)  # (n,) int64
    print("predictions saved")
else:
    earned = performance(predictions={"model": labels}, answers={"labels": test["labels"]})
    print(f"{earned} points, macro F1 {f1_score(test['labels'], labels, average='macro'):.3f}")
