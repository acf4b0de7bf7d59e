"""Draw the data of the task: 8x8 digits of scikit-learn, of which many were typed wrong.

    public    train/rows.npz (x, typed) and val/rows.npz (x, labels)             given to students
    inputs    train/rows.npz (drawn and spoilt anew), test/rows.npz (x alone)    what a final evaluation trains on
    answers   answers.npz (the labels of test)                                   stays with the grader

x (n, 64) float32 in [0, 1] are the images; typed and labels (n,) int64 are the digits as they were typed and as they are. `draw` and
the two tables are all that is yours: parts/rows.py makes the folders of them. Everything random comes from `rng`. Parts of this file
are put into the notebook, so it imports only what students have, and knows no `__file__`.
"""

from __future__ import annotations

import numpy as np

from parts.rows import draw_splits, make_data, read_split, rehearse  # noqa: F401 -- for students, too

# Rows of each split, all 1797 digits together, and which arrays are in its file: test shows no labels.
SPLITS = {"train": (900, ["x", "typed"]), "val": (300, ["x", "labels"]), "test": (597, ["x"])}
ANSWERS = ["labels"]  # of test, and only for the grader
WRONG_SHARE = 0.45  # of what was typed


def draw(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Return n images with their digits, as typed and as they are; every array has n rows."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 -- slow to import, and only needed to build

    digits = load_digits()
    chosen = rng.permutation(len(digits.target))[:n]
    images, labels = (digits.data[chosen] / 16).astype(np.float32), digits.target[chosen].astype(np.int64)
    return {"x": images, "typed": mistype(labels, rng), "labels": labels}


def mistype(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the labels (n,) with a share of them moved to another digit."""
    typed = labels.copy()
    wrong = rng.choice(len(labels), round(WRONG_SHARE * len(labels)), replace=False)
    typed[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return typed
