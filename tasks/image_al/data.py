"""Build the data of the task: a pool of images to buy labels for, clean and partly spoilt, and a test set.

    public    train/clean.npz, train/noisy.npz and val/images.npz       given to students
    inputs    both pools, and test/images.npz without labels            of a final evaluation
    answers   answers.npz (labels)                                      stays with the grader

The files hold images (n, 28, 28) uint8 and labels (n,) int64. Labels of a pool are what its annotator answers: in the
noisy pool some images are spoilt, and their labels are wrong on purpose (`spoilt`, (n,) int64, tells students which).
`setting.json` beside the folders names the size. Every second class is rare in the pool. Which image is where, how it is
redrawn, in which order, and what is spoilt come from the seed.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from parts.files import write_arrays, write_json
from parts.images import Split, embedded_digits, read_source, shuffled, take
from parts.redraw import redrawn

TEST_PER_CLASS, VAL_PER_CLASS = 150, 50  # of each of the embedded digits; the other 300 are for the pool
RARE_SHARE = 0.08  # of every second class, only this share of the images is in the pool
SPOILT_SHARE = 0.30  # share of the images of each class of the noisy pool that are spoilt
GAUSSIAN_SD = 1.0  # standard deviation of the noise added to each pixel; black is 0, white is 1
SALT_AND_PEPPER_SHARE = 0.40  # share of the pixels that salt-and-pepper noise turns black or white
POOLS = ("clean", "noisy")  # the two scenarios
NOISE = {"default": "gaussian", "large": "salt_and_pepper"}  # of each size
SPLIT, PUBLIC, SECRET, REHEARSAL = range(4)  # streams of random numbers: none is used twice


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
    the source or the size cannot be used, FileExistsError where a folder already holds data.
    """
    if size not in NOISE:
        raise ValueError(f"there is no size {size!r}; there are: {', '.join(NOISE)}")
    rng = np.random.default_rng([seed, SPLIT])
    if source == "embedded":
        splits = embedded_splits(rng)
    if source != "embedded":  # apart, so that students, who build the embedded data, get no code for others
        splits = gapless(read_source(source, rng))
    setting = {"size": size, "noise": NOISE[size], "classes": int(splits["train"].labels.max()) + 1}
    manifest: dict[str, Any] = {"source": source.split(":", 1)[0], **setting}
    if public is not None:
        rng = np.random.default_rng([seed, PUBLIC])
        pools = _pools(splits["train"], setting, rng)
        val = shuffled(splits["val"], rng)
        manifest["public"] = {
            **_write_pools(public, pools, setting),
            "val": _write(public / "val" / "images.npz", images=val.images, labels=val.labels),
        }
        write_json(public / "manifest.json", manifest)
    if inputs is None and answers is None:
        return manifest
    rng = np.random.default_rng([seed, SECRET])
    pools, test = _pools(splits["train"], setting, rng), shuffled(splits["test"], rng)
    if inputs is not None:
        manifest["inputs"] = {
            **_write_pools(inputs, pools, setting),
            "test": _write(inputs / "test" / "images.npz", images=test.images),
        }
    if answers is not None:
        manifest["answers"] = {"test": _write(answers / "answers.npz", labels=test.labels)}
    return manifest


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: its val images become the unlabelled test.

    The pools are those of the public folder, in another order. Raises ValueError or OSError with a sentence where
    the public folder is incomplete.
    """
    rng = np.random.default_rng([seed, REHEARSAL])
    facts: dict[str, Any] = {}
    for name in POOLS:
        pool = _read(public / "train" / f"{name}.npz", ("images", "labels", "spoilt"))
        order = rng.permutation(len(pool["labels"]))
        arrays = {key: values[order] for key, values in pool.items()}
        facts[name] = _write(inputs / "train" / f"{name}.npz", **arrays)
    val = _read(public / "val" / "images.npz", ("images", "labels"))
    test = shuffled(Split(val["images"], val["labels"]), rng)
    shutil.copyfile(public / "setting.json", inputs / "setting.json")
    return {
        "source": "public",
        "inputs": {**facts, "test": _write(inputs / "test" / "images.npz", images=test.images)},
        "answers": {"test": _write(answers / "answers.npz", labels=test.labels)},
    }


def gapless(splits: dict[str, Split]) -> dict[str, Split]:
    """Return the splits as they are; raise ValueError where the classes of "train" are not 0, 1, ... without gaps."""
    classes = len(np.unique(splits["train"].labels))
    if classes < 2 or set(splits["train"].labels.tolist()) != set(range(classes)):
        raise ValueError("the training images must have at least two classes 0, 1, ... without gaps")
    return splits


def embedded_splits(rng: np.random.Generator) -> dict[str, Split]:
    """Return the digits, redrawn a little, as "train", "val" and "test", as many of each class; `rng` draws which."""
    digits = embedded_digits()
    members: dict[str, list[np.ndarray]] = {"test": [], "val": [], "train": []}
    for label in range(10):
        order = rng.permutation(np.flatnonzero(digits.labels == label))
        parts = np.split(order, [TEST_PER_CLASS, TEST_PER_CLASS + VAL_PER_CLASS])
        for name, part in zip(members, parts, strict=True):
            members[name].append(part)
    chosen = {name: take(digits, np.concatenate(parts)) for name, parts in members.items()}
    return {name: Split(redrawn(split.images, rng), split.labels) for name, split in chosen.items()}


def thin_out(split: Split, rng: np.random.Generator) -> Split:
    """Keep every image of the even classes and `RARE_SHARE` of the odd ones, at least one of each."""
    kept = []
    for label in np.unique(split.labels):
        members = rng.permutation(np.flatnonzero(split.labels == label))
        kept.append(members[: max(1, round(RARE_SHARE * len(members)))] if label % 2 else members)
    return take(split, np.concatenate(kept))


def spoilt_of_each_class(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the positions of `SPOILT_SHARE` of the images of each class, chosen at random."""
    members = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    return np.concatenate([of_class[: round(SPOILT_SHARE * len(of_class))] for of_class in members])


def spoil(images: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return images (n, h, w) uint8 with noise: "gaussian" is added to each pixel, "salt_and_pepper" replaces some.

    Of the replaced pixels, half turn black (pepper) and half white (salt), on average.
    """
    if kind == "gaussian":
        noisy = images / 255 + rng.normal(0, GAUSSIAN_SD, images.shape)
        return np.round(noisy.clip(0, 1) * 255).astype(np.uint8)
    if kind == "salt_and_pepper":
        hit = rng.random(images.shape) < SALT_AND_PEPPER_SHARE
        salt = rng.random(images.shape) < 0.5
        return np.where(hit, np.where(salt, 255, 0), images).astype(np.uint8)
    raise ValueError(f"there is no noise {kind!r}; there are gaussian and salt_and_pepper")


def lie(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return malicious labels (n,): never the right class, always the one after it."""
    return (labels + 1) % classes


def _pools(
    train: Split, setting: dict[str, Any], rng: np.random.Generator
) -> dict[str, tuple[Split, np.ndarray]]:
    """Return the same images as two pools, each in its own order, with a mask (n,) of what is spoilt."""
    pool = thin_out(train, rng)
    pools = {}
    for name in POOLS:
        images, labels = (values.copy() for values in vars(shuffled(pool, rng)).values())
        spoilt = np.zeros(len(labels), dtype=np.int64)
        if name != "clean":
            chosen = spoilt_of_each_class(labels, rng)
            spoilt[chosen] = 1
            images[chosen] = spoil(images[chosen], setting["noise"], rng)
            labels[chosen] = lie(labels[chosen], setting["classes"])
        pools[name] = Split(images, labels), spoilt
    return pools


def _write_pools(
    folder: Path, pools: dict[str, tuple[Split, np.ndarray]], setting: dict[str, Any]
) -> dict[str, Any]:
    """Write `setting.json` and the pools; return the facts of each pool."""
    facts = {}
    for name, (pool, spoilt) in pools.items():
        path = folder / "train" / f"{name}.npz"
        facts[name] = _write(path, images=pool.images, labels=pool.labels, spoilt=spoilt)
        facts[name]["spoilt"] = int(spoilt.sum())
    write_json(folder / "setting.json", setting)
    return facts


def _write(path: Path, **arrays: np.ndarray) -> dict[str, Any]:
    """Write one npz file and return its facts."""
    if path.exists():
        raise FileExistsError(f"{path.parent} already holds data; remove it or choose another folder")
    content = write_arrays(path, **arrays)
    facts: dict[str, Any] = {"images": len(next(iter(arrays.values())))}
    if "labels" in arrays:
        facts["labels"] = np.bincount(arrays["labels"]).tolist()
    return {**facts, "sha256": hashlib.sha256(content).hexdigest()}


def _read(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Read the arrays of one npz file; raise ValueError where it is missing or lacks one."""
    if not path.is_file():
        raise ValueError(f"there is no {path.name} in the folder {path.parent.name} of the public data")
    with np.load(path, allow_pickle=False) as arrays:
        missing = set(names) - set(arrays.files)
        if missing:
            raise ValueError(f"{path.name} has no array {min(missing)!r}")
        return {name: arrays[name] for name in names}
