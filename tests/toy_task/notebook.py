# %% [markdown]
# # {{ title }}
#
# {{ story }}
#
# **Task.** Fill in `{{ signature }}`: it is called for every batch, and what it returns weighs the losses of the
# samples of that batch.

# %% [markdown]
# ## Data
#
# | file | what | labels |
# |---|---|---|
# | `train.npz` | 1600 samples, `x` (n, 8) float32 | `y_noisy`: many of class 1 say 0; `y`: the truth, only in public data |
# | `val.npz` | 600 samples | clean |
# | `test.npz` | the samples of the final evaluation | hidden |

# %% [markdown]
# ## Scoring
#
# Balanced accuracy (BAC) on hidden data, the mean of {{ repeats }} runs, gives
# `round(100 * (BAC - {{ score.floor }}) / ({{ score.ceiling }} - {{ score.floor }}))` points: 0 at
# {{ score.floor }} and below, 100 at {{ score.ceiling }} and above.

# %% [markdown]
# ## Limits
#
# {{ limits.wall_seconds }} seconds for a run, {{ limits.memory_mb }} MB of memory for your code. Hand in this notebook.

# %% [markdown]
# ## Parameters
#
# The grader sets these; leave them as they are.

# %% tags=["parameters"]
FINAL_EVALUATION_MODE = False
DATA_PATH = "toy_data"
PREDICTIONS_PATH = "predictions.npz"
SEED = 0
DEVICE = "auto"

# %% [markdown]
# ## Setup

# %%
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)  # the points of small models move with the number of threads
torch.manual_seed(SEED)
words = np.random.SeedSequence(SEED).generate_state(624).astype(np.int64)
state = torch.get_rng_state()  # of the CPU; the seed alone gave it 32 bits
state.view(torch.int64)[3 : 3 + 624] = torch.from_numpy(words)
torch.set_rng_state(state)
device = ("cuda" if torch.cuda.is_available() else "cpu") if DEVICE == "auto" else DEVICE

# %% [markdown]
# ## How the data are made

# %% tags=["data"]
# {{ data.py }}

# %% [markdown]
# ## Loading
#
# In a final evaluation the folder is there already; otherwise it is built once.

# %%
if not FINAL_EVALUATION_MODE and not Path(DATA_PATH).is_dir():
    make_data(Path(DATA_PATH), None, None, seed=0)
train_data = load(Path(DATA_PATH) / "train.npz")
train_x = torch.from_numpy(train_data["x"]).to(device)  # (N, 8) float32
train_y = torch.from_numpy(train_data["y_noisy"]).to(device)  # (N,) int64

# %% [markdown]
# ## What your function may return
#
# One weight per sample, between 0 and 100.

# %%
class InvalidOutput(Exception):
    """The student's function returned something that the task does not allow."""


def check_weights(weights, targets):
    """Return the weights (B,) float32, or raise InvalidOutput with a sentence."""
    if not isinstance(weights, torch.Tensor):
        raise InvalidOutput(f"your_weights returned a {type(weights).__name__}; return a torch tensor.")
    if weights.shape != targets.shape:
        raise InvalidOutput(
            f"your_weights returned the shape {tuple(weights.shape)} for a batch of {len(targets)}; "
            f"return ({len(targets)},)."
        )
    if weights.dtype != torch.float32:
        raise InvalidOutput(f"your_weights returned {weights.dtype}; return torch.float32.")
    if not torch.isfinite(weights).all():
        raise InvalidOutput("your_weights returned a weight that is NaN or infinite.")
    if weights.min() < 0 or weights.max() > 100:
        raise InvalidOutput(
            f"your_weights returned weights from {weights.min():.3g} to {weights.max():.3g}; "
            "they must lie between 0 and 100."
        )
    return weights.detach()


# %% [markdown]
# ## Training

# %%
def train(weigh, epochs=5, batch_size=80):
    """Return a linear model trained on the noisy labels, and its mean loss in each epoch; `weigh` gets copies on the CPU."""
    model, history = nn.Linear(8, 2).to(device), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    criterion = nn.CrossEntropyLoss(reduction="none")
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(train_y)).split(batch_size):
            targets = train_y[batch]
            losses = criterion(model(train_x[batch]), targets)  # (B,) float32
            weights = weigh(targets.detach().cpu().clone(), losses.detach().cpu().clone())
            weights = check_weights(weights, targets.cpu()).to(device)
            optimizer.zero_grad()
            (weights * losses).mean().backward()
            optimizer.step()
            total += losses.sum().item()
        history.append(total / len(train_y))
    return model.eval(), history


# %% [markdown]
# ## Points

# %%
def predict(model, x):
    """Return the predicted class (n,) int64 of each sample x (n, 8) float32."""
    with torch.no_grad():
        return model(torch.from_numpy(x).to(device)).argmax(dim=1).cpu().numpy()


def performance(labels, predictions):
    """Return the points of `predictions` (n,) int64 for the true `labels` (n,) int64."""
    recalls = [(predictions[labels == label] == label).mean() for label in np.unique(labels)]
    share = (np.mean(recalls) - {{ score.floor }}) / ({{ score.ceiling }} - {{ score.floor }})
    return int(round(100 * min(max(share, 0), 1)))


# %% [markdown]
# ## What your solution may import

# %% tags=["slot-imports"]
import numpy as np
import torch

# %% [markdown]
# ## Your solution

# %% tags=["slot"]
# your_weights(targets, losses) -> weights
#   targets: (B,) int64, the possibly wrong labels of the batch
#   losses:  (B,) float32, the loss of each sample under the model as it is now
#   weights: (B,) float32, each between 0 and 100
def your_weights(targets, losses):
    ### BEGIN SOLUTION
    counts = torch.bincount(targets, minlength=2).clamp(min=1)
    return (len(targets) / (2.0 * counts))[targets].float()
    ### END SOLUTION
    ### BEGIN BASELINE
    # return torch.ones(len(targets))  # every sample counts the same
    ### END BASELINE


# %% [markdown]
# ## Evaluation

# %%
model, history = train(your_weights)
if FINAL_EVALUATION_MODE:
    test_data = load(Path(DATA_PATH) / "test.npz")
    np.savez(PREDICTIONS_PATH, model=predict(model, test_data["x"]).astype(np.int64))
    curves = {"x": {"name": "epoch", "values": list(range(1, 1 + len(history)))}, "series": {"mean loss": history}}
    Path(PREDICTIONS_PATH).with_name("history.json").write_text(json.dumps(curves))
else:
    val_data = load(Path(DATA_PATH) / "val.npz")
    print("points on the validation data:", performance(val_data["y"], predict(model, val_data["x"])))
