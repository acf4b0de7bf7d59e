"""Build the data of the task: two classes of digits, far from balanced, and many wrong labels in training.

On disk each split is a folder `data/` of grayscale PNGs (28x28) beside `dataset_labels.csv` (file_name,label):

    public    train/ (wrong labels) and val/ (clean)                    given to students
    inputs    train/ (wrong labels drawn anew), val/, test/ (no labels) what a final evaluation trains on
    answers   answers.npz and test/dataset_labels.csv                   stays with the grader

Who is in which split, how many labels are wrong and which, small changes of the images, and the order of the files come
from the seed. The source of the notebook is `embedded` (5000 MNIST digits, no download). Organisers also have
`npz:PATH` (MedMNIST format) and `torchvision:NAME[:ROOT]` (a data set in ROOT).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from parts.files import write_arrays, write_file, write_json
from parts.images import (
    Split,
    embedded_digits,
    label_table,
    read_source,
    read_split,
    shuffled,
    write_images,
    write_split,
)
from parts.redraw import redrawn

POSITIVE_DIGITS = (3, 5, 8)  # class 1 of the embedded data: digits that are easy to confuse
VAL_COUNTS = (420, 180)  # images of class 0 and class 1; 30 % positives, as in all the digits
TEST_COUNTS = (700, 300)
TRAIN_COUNTS = (2380, 500)  # at most; the training set is far from balanced
# Shares of wrong labels, drawn for each training set: of the more frequent class, of the rarer class, and their sum,
# for the task is about equally hard where the sum is the same.
FLIP_FREQUENT = (0.50, 0.62)
FLIP_RARE = (0.10, 0.24)
FLIP_SUM = (0.66, 0.76)
RARE_SHARE = 0.15  # of several classes, the rarest that reach this share become class 1
SPLIT, PUBLIC, SECRET, REHEARSAL = range(
    4
)  # streams of random numbers: a seed never draws the same noise twice


def make_data(
    public: Path | None,
    inputs: Path | None,
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Write the wanted folders and return a manifest of plain JSON values, `{folder: {split: facts}}`.

    The manifest of the public folder is also written there. Raises ValueError or OSError with a sentence where
    the source cannot be used, FileExistsError where a folder already holds a split.
    """
    rng = np.random.default_rng([seed, SPLIT])
    if source == "embedded":
        splits = embedded_splits(rng)
    if source != "embedded":  # apart, so that students, who build the embedded data, get no code for others
        splits = two_classes(read_source(source, rng))
    manifest: dict[str, Any] = {"source": source.split(":", 1)[0], "size": size}
    if public is not None:
        rng = np.random.default_rng([seed, PUBLIC])
        manifest["public"] = {
            "train": _write_split(public / "train", *_with_noise(shuffled(splits["train"], rng), rng)),
            "val": _write_split(public / "val", shuffled(splits["val"], rng)),
        }
        write_json(
            public / "manifest.json", {"source": manifest["source"], "size": size, **manifest["public"]}
        )
    if inputs is None and answers is None:
        return manifest
    rng = np.random.default_rng([seed, SECRET])
    train, true_labels = _with_noise(shuffled(splits["train"], rng), rng)
    val, test = shuffled(splits["val"], rng), shuffled(splits["test"], rng)
    if inputs is not None:
        manifest["inputs"] = {
            "train": _write_split(inputs / "train", train, true_labels),
            "val": _write_split(inputs / "val", val),
            "test": write_images(inputs / "test", test.images),
        }
    if answers is not None:
        manifest["answers"] = {"test": _write_answers(answers, test.labels)}
    return manifest


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: its val images become the unlabelled test.

    The training set stays as it is, for nobody outside knows its true labels. Raises ValueError or OSError with
    a sentence where the public folder is incomplete.
    """
    rng = np.random.default_rng([seed, REHEARSAL])
    train, test = read_split(public / "train"), shuffled(read_split(public / "val"), rng)
    return {
        "source": "public",
        "inputs": {
            "train": _write_split(inputs / "train", train),
            "test": write_images(inputs / "test", test.images),
        },
        "answers": {"test": _write_answers(answers, test.labels)},
    }


def embedded_splits(rng: np.random.Generator) -> dict[str, Split]:
    """Return the splits "train", "val" and "test" of the digits, redrawn a little, all labels true."""
    digits = embedded_digits()
    labels = np.isin(digits.labels, POSITIVE_DIGITS).astype(np.int64)
    members: dict[str, list[np.ndarray]] = {"val": [], "test": [], "train": []}
    for label in (0, 1):
        order, start = rng.permutation(np.flatnonzero(labels == label)), 0
        counts = {"val": VAL_COUNTS[label], "test": TEST_COUNTS[label], "train": TRAIN_COUNTS[label]}
        for name, count in counts.items():
            members[name].append(order[start : start + count])
            start += count
    chosen = {name: np.concatenate(parts) for name, parts in members.items()}
    return {name: Split(redrawn(digits.images[index], rng), labels[index]) for name, index in chosen.items()}


def two_classes(splits: dict[str, Split]) -> dict[str, Split]:
    """Return the splits with labels 0 and 1: two classes as they are.

    Of several classes, the rarest ones that together reach 15 % of the training set become class 1.
    Raises ValueError with a sentence where there is only one.
    """
    classes, counts = np.unique(splits["train"].labels, return_counts=True)
    if len(classes) < 2:
        raise ValueError("the training images are all of one class")
    positive = [classes[1]]
    if len(classes) > 2:
        order = np.argsort(counts, kind="stable")
        wanted = int(np.searchsorted(np.cumsum(counts[order]), RARE_SHARE * counts.sum())) + 1
        positive = list(classes[order[:wanted]])
    merged = {name: np.isin(split.labels, positive).astype(np.int64) for name, split in splits.items()}
    return {name: Split(splits[name].images, labels) for name, labels in merged.items()}


def _with_noise(split: Split, rng: np.random.Generator) -> tuple[Split, np.ndarray]:
    """Return the split with wrong labels, a drawn share of each class, and its true labels (n,)."""
    true_labels, given = split.labels, split.labels.copy()
    rare = int(np.bincount(true_labels, minlength=2).argmin())
    flips = _draw_flips(rng)
    for label in (0, 1):
        members = np.flatnonzero(true_labels == label)
        count = round(len(members) * flips[int(label == rare)])
        given[rng.choice(members, count, replace=False)] = 1 - label
    return Split(split.images, given), true_labels


def _draw_flips(rng: np.random.Generator) -> tuple[float, float]:
    """Return the shares of wrong labels in the more frequent and in the rarer class."""
    while True:
        flips = rng.uniform(*FLIP_FREQUENT), rng.uniform(*FLIP_RARE)
        if FLIP_SUM[0] <= sum(flips) <= FLIP_SUM[1]:
            return flips


def _write_split(folder: Path, split: Split, true_labels: np.ndarray | None = None) -> dict[str, Any]:
    """Write a split; return its facts."""
    return {**write_split(folder, split), **_label_facts(split.labels, true_labels)}


def _write_answers(folder: Path, labels: np.ndarray) -> dict[str, Any]:
    """Write `answers.npz` (labels in the order of the sorted test files) and the same as a csv for people."""
    table = write_file(folder / "test" / "dataset_labels.csv", label_table(labels))
    write_arrays(folder / "answers.npz", labels=labels)
    return {"images": len(labels), **_label_facts(labels, None), "sha256": hashlib.sha256(table).hexdigest()}


def _label_facts(labels: np.ndarray, true_labels: np.ndarray | None) -> dict[str, Any]:
    """Return counts and the share of class 1, and the measured noise where the true labels are known."""
    counts = {str(label): int((labels == label).sum()) for label in (0, 1)}
    facts: dict[str, Any] = {"labels": counts, "share_of_class_1": round(float(labels.mean()), 4)}
    if true_labels is None:
        return facts
    wrong = {f"{a}->{1 - a}": round(float((labels[true_labels == a] != a).mean()), 4) for a in (0, 1)}
    return {**facts, "true_share_of_class_1": round(float(true_labels.mean()), 4), "wrong_labels": wrong}
