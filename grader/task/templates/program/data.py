"""Build the data of the task: 8x8 digits of scikit-learn, and many wrong labels in training.

    public    train.npz (wrong labels) and val.npz (clean)             given to students
    inputs    train.npz (drawn and spoilt anew), test.npz (no labels)  what a program gets in a final evaluation
    answers   answers.npz                                              stays with the grader

Every file holds x (n, 64) float32 in [0, 1]; train and val also y (n,) int64. Which image is where, which labels are
wrong and the order of the samples come from the seed. Parts of this file are put into the notebook, so it imports only what
students have, and knows no `__file__`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COUNTS = {"val": 300, "test": 597, "train": 900}  # all 1797 digits
WRONG_SHARE = 0.45  # of the training labels
PUBLIC, SECRET, REHEARSAL = range(
    3
)  # streams of random numbers: the same seed never draws the same noise twice


def make_data(
    public: Path | None,
    inputs: Path | None,
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Build the wanted folders and return a manifest of plain JSON values.

    Each folder is a level of trust: nothing of `answers` may be in `inputs`, under any name, and nothing of either
    in `public`. Raises ValueError for a source that is not there.
    """
    if source != "embedded":
        raise ValueError(f"the data source {source!r} is not one of: embedded")
    manifest: dict[str, Any] = {"source": source, "size": size}
    if public is not None:
        splits, wrong = draw(np.random.default_rng([seed, PUBLIC]))
        save(public / "train.npz", *splits["train"])
        save(public / "val.npz", *splits["val"])
        manifest["public"] = {
            "train": len(splits["train"][1]),
            "val": len(splits["val"][1]),
            "wrong_labels": wrong,
        }
    if inputs is None and answers is None:
        return manifest
    splits, wrong = draw(np.random.default_rng([seed, SECRET]))
    if inputs is not None:
        save(inputs / "train.npz", *splits["train"])
        save(inputs / "test.npz", splits["test"][0])
        manifest["inputs"] = {"train": len(splits["train"][1]), "wrong_labels": wrong}
    if answers is not None:
        save_answers(answers, splits["test"][1])
        manifest["answers"] = {"test": len(splits["test"][1])}
    return manifest


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: its val becomes the unlabelled test.

    The training set stays as it is, for nobody outside knows its true labels.
    """
    train, val = load(public / "train.npz"), load(public / "val.npz")
    order = np.random.default_rng([seed, REHEARSAL]).permutation(len(val["y"]))
    save(inputs / "train.npz", train["x"], train["y"])
    save(inputs / "test.npz", val["x"][order])
    save_answers(answers, val["y"][order])
    return {"source": "public", "inputs": {"train": len(train["y"])}, "answers": {"test": len(val["y"])}}


def draw(rng: np.random.Generator) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], int]:
    """Return (x, y) of each split, the labels of train spoilt, and how many of them are wrong."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 -- slow to import, and only needed to build

    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)  # (1797, 64), (1797,)
    order, splits, start = rng.permutation(len(y)), {}, 0
    for name, count in COUNTS.items():
        chosen = order[start : start + count]
        splits[name] = (x[chosen], y[chosen])
        start += count
    images, labels = splits["train"]
    spoilt = spoil(labels, rng)
    splits["train"] = (images, spoilt)
    return splits, int((spoilt != labels).sum())


def spoil(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the labels (n,) with an exact share of them moved to another digit: the same noise in every repeat."""
    given = labels.copy()
    wrong = rng.choice(len(labels), round(WRONG_SHARE * len(labels)), replace=False)
    given[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return given


def save(path: Path, x: np.ndarray, y: np.ndarray | None = None) -> None:
    """Write a split; without labels where there are none to be given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **({"x": x} if y is None else {"x": x, "y": y}))


def save_answers(folder: Path, labels: np.ndarray) -> None:
    """Write the true labels (n,) of test, in the order of its images: one array for all that the notebook predicts."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "answers.npz", allow_pickle=False, labels=labels)


def load(path: Path) -> dict[str, np.ndarray]:
    """Read a split."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
