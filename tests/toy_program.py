"""A tiny task of the kind `program`: all cells are the program, it may read a folder and write in another one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from grader.task.build import write
from grader.task.spec import read_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from grader.task.spec import Task

TOY_DATA = Path(__file__).parent / "toy_task" / "data.py"
SETTINGS = """
kind = "program"
title = "Toy: a program"
story = "Two clouds, and a folder with the centre of one."
version = "1"
entries = ["solve"]
signature = "solve(train, test) -> labels"
repeats = 1

[score]
floor = 0.5
ceiling = 1.0

[program]
form = "notebook"
mounts = ["models"]
scratch_mb = 2
seconds = 1.5

[limits]
wall_seconds = 60
memory_mb = 512
output_kb = 64
"""
NOTEBOOK = """
# %% [markdown]
# # {{ title }}
#
# Write `solve(train, test)`, or cells that set `predictions`.
#
# 0 points at a balanced accuracy of {{ score.floor }}, 100 points at {{ score.ceiling }}.

# %% tags=["parameters"]
FINAL_EVALUATION_MODE = False
DATA_PATH = "toy_data"
PREDICTIONS_PATH = "predictions.npz"
SEED = 0
DEVICE = "auto"

# %%
from pathlib import Path

import numpy as np

# %% tags=["data"]
# {{ data.py }}

# %%
if not FINAL_EVALUATION_MODE and not Path(DATA_PATH).is_dir():
    make_data(Path(DATA_PATH), None, None, seed=0)
train = load(Path(DATA_PATH) / "train.npz")
test = load(Path(DATA_PATH) / ("test.npz" if FINAL_EVALUATION_MODE else "val.npz"))["x"]

# %% tags=["slot-imports"]
import os
from pathlib import Path

import numpy as np

MODELS = Path(os.environ.get("GRADER_MOUNTS", "tasks/toy_program")) / "models"

# %% tags=["slot"]
### BEGIN SOLUTION
# centre = np.loadtxt(MODELS / "centre.txt")
# predictions = (test @ centre > centre @ centre / 2).astype(int)
### END SOLUTION
### BEGIN BASELINE
# predictions = np.zeros(len(test), int)
### END BASELINE

# %%
class InvalidOutput(Exception):
    pass


if FINAL_EVALUATION_MODE or "predictions" not in globals():
    predictions = solve(train=train, test=test)
predictions = np.asarray(predictions)
if predictions.shape != (len(test),) or predictions.dtype.kind != "i":
    raise InvalidOutput(f"the predictions have the shape {predictions.shape}; return one whole number for each sample")
if FINAL_EVALUATION_MODE:
    np.savez(PREDICTIONS_PATH, model=predictions)


# %%
def performance(balanced_accuracy):
    # The points of a balanced accuracy.
    share = (balanced_accuracy - {{ score.floor }}) / ({{ score.ceiling }} - {{ score.floor }})
    return int(round(100 * min(max(share, 0), 1)))
"""
# What a program of students' may consist of: it reads the folder, and then predicts.
MODEL = "centre = np.loadtxt(MODELS / 'centre.txt')"
PREDICT = "predictions = (test @ centre > centre @ centre / 2).astype(int)"


def make_program_task(folder: Path) -> Task:
    """Write the task as `folder`, and build its notebooks; users of their own find the way to it."""
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "centre.txt").write_text("1.5 1.5 0 0 0 0 0 0\n")
    for path in (folder, *folder.parents[:3]):
        path.chmod(0o755)
    (folder / "task.toml").write_text(SETTINGS)
    (folder / "notebook.py").write_text(
        NOTEBOOK.lstrip().replace("# centre =", "centre =").replace("# predictions = (", "predictions = (")
    )
    shutil.copy(TOY_DATA, folder / "data.py")
    task = read_task(folder)
    write(task)
    return task


def in_cells(task: Task, cells: list[str]) -> bytes:
    """Return the starter with the student's cells in place of its slot."""
    notebook = load_starter(task)
    place = next(n for n, cell in enumerate(notebook["cells"]) if "slot" in cell["metadata"].get("tags", []))
    first = notebook["cells"][place] | {"source": cells[0]}
    more = [first | {"id": f"more-{n}", "metadata": {}, "source": text} for n, text in enumerate(cells[1:])]
    notebook["cells"][place : place + 1] = [first, *more]
    return json.dumps(notebook).encode()
