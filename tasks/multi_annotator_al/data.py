"""Build the data of the task: a pool of images, what each annotator would call each of them, and a test set.

    public    train/pool.npz (images, annotations, labels), val/images.npz (images, labels)   given to students
    inputs    train/pool.npz (images, annotations), test/images.npz (images)                  of a final evaluation
    answers   answers.npz (labels)                                                            stays with the grader

Images are (n, side, side) uint8, annotations (n, A) int64 and labels (n,) int64; `setting.json` beside the folders says
how to read them. Half of the images are the pool, half are for testing. Which half an image is in, how it is redrawn, the
order of the images and of the annotators, and each single mistake come from the seed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from parts.files import write_arrays, write_file, write_json
from parts.images import Split, read_source, shuffled, take

CROWDS = {"default": "eight", "tutorial": "five", "large": "eight"}  # who answers, for each size of the task
CLASSES = 10
BIASED_CLASS = 1  # what the biased annotator says too often
WHITE = 16  # of a digit's pixels
TURN, ZOOM, SHIFT = 0.06, 0.03, 0.2  # of a redrawn digit, at most: radians, share, pixels
PIXEL_NOISE = 0.5  # standard deviation
PUBLIC, SECRET, REHEARSAL = 1, 2, 3  # streams of random numbers: one seed never draws the same crowd twice


def make_data(
    public: Path | None,
    inputs: Path | None,
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Write the wanted folders and return a manifest of plain JSON values, `{folder: facts}`.

    The manifest of the public folder is also written there. Raises ValueError or OSError with a sentence where
    the source or the size cannot be used, FileExistsError where a folder already holds data.
    """
    if size not in CROWDS:
        raise ValueError(f"there is no size {size!r}; there are: {', '.join(CROWDS)}")
    manifest: dict[str, Any] = {"source": source.split(":", 1)[0], "size": size}
    if public is not None:
        pool, annotations, test, setting = _draw(source, size, "val", np.random.default_rng([seed, PUBLIC]))
        facts = _write_pool(public, pool, annotations, setting, labels=pool.labels)
        facts |= _write_images(public / "val", images=test.images, labels=test.labels)
        manifest["public"] = {**facts, "accuracy_of_annotators": _accuracies(annotations, pool.labels)}
        write_json(public / "manifest.json", manifest)
    if inputs is None and answers is None:
        return manifest
    pool, annotations, test, setting = _draw(source, size, "test", np.random.default_rng([seed, SECRET]))
    if inputs is not None:
        facts = _write_pool(inputs, pool, annotations, setting)
        manifest["inputs"] = {**facts, **_write_images(inputs / "test", images=test.images)}
    if answers is not None:
        accuracies = _accuracies(annotations, pool.labels)
        manifest["answers"] = {**_write_answers(answers, test.labels), "accuracy_of_annotators": accuracies}
    return manifest


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: its val images become the unlabelled test.

    The pool and the annotators are those of the public folder, in another order. Raises ValueError or OSError with
    a sentence where the public folder is incomplete.
    """
    rng = np.random.default_rng([seed, REHEARSAL])
    pool = _read_arrays(public / "train" / "pool.npz", ("images", "annotations", "labels"))
    val = _read_arrays(public / "val" / "images.npz", ("images", "labels"))
    setting = (public / "setting.json").read_bytes()
    order, people = (rng.permutation(count) for count in pool["annotations"].shape)
    test = shuffled(Split(val["images"], val["labels"]), rng)
    arrays = {"images": pool["images"][order], "annotations": pool["annotations"][order][:, people]}
    digest = write_arrays(inputs / "train" / "pool.npz", **arrays)
    write_file(inputs / "setting.json", setting)
    return {
        "source": "public",
        "inputs": {"pool": {"sha256": _sha256(digest)}, **_write_images(inputs / "test", images=test.images)},
        "answers": _write_answers(answers, test.labels),
    }


def confusion_matrices(crowd: str, classes: int) -> np.ndarray:
    """Return how the annotators answer, (A, K, K) float64: row = true class, column = what they say.

    The crowd "five" is that of scikit-activeml's tutorial on active learning with multiple annotators.
    """
    first = np.arange(classes) < classes // 2
    right, says = np.eye(classes), np.eye(classes)[BIASED_CLASS]
    if crowd == "five":
        hard = np.where(np.arange(classes) == classes - 1, 0.40, 0.85)
        matrices = [_hits(accuracy, classes) for accuracy in (0.95, 0.85, 0.70)]
        return np.stack([*matrices, _hits(hard, classes), 0.5 * right + 0.5 * says])
    return np.stack(
        [
            _hits(0.95, classes),  # expert
            _hits(0.80, classes),  # good
            _hits(np.where(first, 0.95, 0.25), classes),  # knows the first half of the classes
            _hits(np.where(first, 0.25, 0.95), classes),  # knows the others
            _hits(0.35, classes),  # noisy
            0.4 * right + 0.6 * says,  # biased: mostly one answer
            np.full((classes, classes), 1 / classes),  # spammer: any answer
            _hits(0.85, classes)[(np.arange(classes) + 1) % classes],  # malicious: the next class
        ]
    )


def _hits(accuracy: float | np.ndarray, classes: int) -> np.ndarray:
    """Return the matrix (K, K) of one who is right with `accuracy` (for each class), and else wrong in any way."""
    hits = np.broadcast_to(accuracy, classes)[:, None]
    return np.where(np.eye(classes, dtype=bool), hits, (1 - hits) / (classes - 1))


def annotate(labels: np.ndarray, matrices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw what each annotator calls each sample: labels (n,), matrices (A, K, K) -> (n, A) int64."""
    limits = matrices.cumsum(axis=2)[:, labels, :-1]  # (A, n, K-1)
    return (rng.random(limits.shape[:2])[..., None] >= limits).sum(axis=2).T.astype(np.int64)


def _draw(
    source: str, size: str, test_name: str, rng: np.random.Generator
) -> tuple[Split, np.ndarray, Split, dict[str, Any]]:
    """Return the pool, its annotations (n, A), the test set and the content of setting.json."""
    pool, test, white = _load(source, test_name, rng)
    if (
        source == "embedded" and size != "tutorial"
    ):  # the tutorial's curves are those of the digits as they are
        pool, test = (Split(_redraw(half.images, rng), half.labels) for half in (pool, test))
    if set(pool.labels.tolist()) != set(range(CLASSES)):
        raise ValueError(f"the pool must have the classes 0 to {CLASSES - 1}, each at least once")
    matrices = confusion_matrices(CROWDS[size], CLASSES)
    annotations = annotate(pool.labels, matrices[rng.permutation(len(matrices))], rng)
    return pool, annotations, test, {"size": size, "crowd": CROWDS[size], "white": white}


def _load(source: str, test_name: str, rng: np.random.Generator) -> tuple[Split, Split, int]:
    """Return the pool and the test set in random order, and the value of a white pixel.

    A source with splits of its own gives students its "val" and the grader its "test"; the digits have one half for both.
    """
    if source != "embedded":
        splits = read_source(source, rng)
        return shuffled(splits["train"], rng), shuffled(splits[test_name], rng), 255
    from sklearn.datasets import load_digits  # noqa: PLC0415 -- only this source needs it

    digits = load_digits()
    split = Split(digits.images.astype(np.uint8), digits.target.astype(np.int64))
    halves: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    before = 0  # samples of the classes so far; odd ones give their extra image to either half by turns
    for label in np.unique(split.labels):
        members = rng.permutation(np.flatnonzero(split.labels == label))
        cut = (before + len(members)) // 2 - before // 2
        before += len(members)
        for half, part in zip(halves, np.split(members, [cut]), strict=True):
            half.append(part)
    pool, test = (take(split, rng.permutation(np.concatenate(half))) for half in halves)
    return pool, test, WHITE


def _redraw(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return digits (n, h, w) uint8, each turned, stretched and shifted a little, with noise in every pixel.

    Images of 28x28 pixels stand more than these of 8x8. Nobody who has the digits finds them here.
    """
    count, *sides = images.shape
    centre = np.array(sides) / 2
    moves = zip(
        images.astype(np.float32),
        rng.uniform(-TURN, TURN, count),
        rng.uniform(1 - ZOOM, 1 + ZOOM, count),
        rng.uniform(-SHIFT, SHIFT, (count, 2)),
        strict=True,
    )
    redrawn = []
    for image, turn, zoom, shift in moves:
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / zoom
        rows = np.column_stack([matrix, centre - matrix @ centre + shift]).ravel().tolist()
        picture = Image.fromarray(image)
        moved = picture.transform(picture.size, Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR)
        redrawn.append(np.asarray(moved))
    noisy = np.stack(redrawn) + rng.normal(0, PIXEL_NOISE, images.shape)
    return noisy.round().clip(0, WHITE).astype(np.uint8)


def _write_pool(
    folder: Path, pool: Split, annotations: np.ndarray, setting: dict[str, Any], **labels: np.ndarray
) -> dict[str, Any]:
    """Write `train/pool.npz` and `setting.json`."""
    if (folder / "train").exists():
        raise FileExistsError(f"{folder} already holds data; remove it or choose another folder")
    content = write_arrays(
        folder / "train" / "pool.npz", images=pool.images, annotations=annotations, **labels
    )
    write_json(folder / "setting.json", setting)
    facts = {"images": len(pool.images), "annotators": annotations.shape[1], "sha256": _sha256(content)}
    return {"pool": facts}


def _write_images(folder: Path, **arrays: np.ndarray) -> dict[str, Any]:
    content = write_arrays(folder / "images.npz", **arrays)
    return {folder.name: {"images": len(arrays["images"]), "sha256": _sha256(content)}}


def _write_answers(folder: Path, labels: np.ndarray) -> dict[str, Any]:
    content = write_arrays(folder / "answers.npz", labels=labels)
    return {"test": {"images": len(labels), "sha256": _sha256(content)}}


def _read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        lacking = sorted(set(names) - set(arrays.files))
        if lacking:
            raise ValueError(f"{path} has no array {lacking[0]!r}")
        found = {name: arrays[name] for name in names}
    if len({len(array) for array in found.values()}) != 1:
        raise ValueError(f"the arrays in {path} have different lengths")
    return found


def _accuracies(annotations: np.ndarray, labels: np.ndarray) -> list[float]:
    """Return how often each annotator is right."""
    return [round(float(share), 4) for share in (annotations == labels[:, None]).mean(axis=0)]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
