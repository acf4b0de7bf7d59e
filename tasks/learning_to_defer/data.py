"""Build the data of the task: images, their true classes, and the answers of three experts, of which most are missing.

On disk each split is a folder `data/` of grayscale PNGs (28x28) beside lists of labels, `[{"file", "label"}, ...]`:
`ground_truth.json` and `expert1.json` to `expert3.json`. A file that an expert's list does not name has no answer of theirs.

    public    setting.json, train/ (most answers missing) and val/ (all answers)        given to students
    inputs    setting.json, train/ (experts drawn anew), test/ (answers, no true classes) what a final evaluation uses
    answers   answers.npz and ground_truth.json                                         stays with the grader

Which classes an expert knows, how much of each class they saw in training, who has which cap, who is in which split, small
changes of the images and the order of the files come from the seed. The source of the notebook is `embedded` (5000
MNIST digits, no download). Organisers also have `npz:PATH` (MedMNIST format) and `torchvision:NAME[:ROOT]` (a data set in ROOT).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from parts.files import write_arrays, write_json
from parts.images import Split, embedded_digits, file_names, read_source, take, write_images
from parts.redraw import redrawn

VAL, TEST = 500, 2000  # images of the embedded digits; the other 2500 are for training
KNOWN = ((0.0, 0.7), (0.4, 0.8), (0.7, 1.1))  # part of the shuffled classes that each knows; 1.1 ends at 0.1
CAPS = (0.20, 0.35, 0.35)  # most of the images that each takes; who knows most has the least time
LOWER = (0.10, 0.10, 0.10)  # smallest share of the images that each of them should get
CLASSIFIER_CAP, CLASSIFIER_LOWER = 0.20, 0.05
RIGHT_KNOWN, RIGHT_OTHER = 0.95, 0.30  # chance of a right answer in a class that they know, and in another
SEEN_OFTEN = 0.4  # share of the classes of which an expert answered many training images; half of them known
MISSING_OFTEN, MISSING_RARELY = 0.30, 0.95  # share of missing answers in these classes, and in the others
LEAST_CLASSES = 4
SPLIT, PUBLIC, SECRET, REHEARSAL = range(4)  # streams of random numbers: no experts are drawn twice


@dataclass(frozen=True)
class Experts:
    """Chance of a right answer, share of missing answers in training (both (M, K)), and bounds of the load (M,)."""

    right: np.ndarray
    missing: np.ndarray
    upper: np.ndarray
    lower: np.ndarray


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

    Raises ValueError or OSError with a sentence where the source cannot be used, FileExistsError where a folder
    already holds a split.
    """
    rng = np.random.default_rng([seed, SPLIT])
    if source == "embedded":
        splits = embedded_splits(rng)
    if source != "embedded":  # apart, so that students, who build the embedded data, get no code for others
        splits = other_splits(source, rng)
    manifest: dict[str, Any] = {"source": source.split(":", 1)[0], "size": size}
    if public is not None:
        manifest["public"] = _write_public(public, splits, size, np.random.default_rng([seed, PUBLIC]))
    if inputs is not None or answers is not None:
        manifest |= _write_final(inputs, answers, splits, size, np.random.default_rng([seed, SECRET]))
    return manifest


def _write_public(
    folder: Path, splits: dict[str, Split], size: str, rng: np.random.Generator
) -> dict[str, Any]:
    experts = draw_experts(_classes(splits), rng)
    facts = {}
    for name in ("train", "val"):
        split = take(splits[name], rng.permutation(len(splits[name].labels)))
        given = draw_answers(split.labels, experts, rng, with_gaps=name == "train")
        facts[name] = write_answered(folder / name, split.images, given, split.labels)
    write_json(folder / "setting.json", _setting(size, _classes(splits), experts))
    return facts


def _write_final(
    inputs: Path | None, answers: Path | None, splits: dict[str, Split], size: str, rng: np.random.Generator
) -> dict[str, Any]:
    experts, facts = draw_experts(_classes(splits), rng), {}
    train, test = (
        take(splits[name], rng.permutation(len(splits[name].labels))) for name in ("train", "test")
    )
    train_answers = draw_answers(train.labels, experts, rng, with_gaps=True)
    test_answers = draw_answers(test.labels, experts, rng, with_gaps=False)
    if inputs is not None:
        facts["inputs"] = {
            "train": write_answered(inputs / "train", train.images, train_answers, train.labels),
            "test": write_answered(inputs / "test", test.images, test_answers, None),
        }
        write_json(inputs / "setting.json", _setting(size, _classes(splits), experts))
    if answers is not None:
        facts["answers"] = {"test": _write_truth(answers, test.labels)}
    return facts


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: val, without its true classes, becomes the test.

    The experts stay as they are, for nobody outside can ask them anew. Raises ValueError or OSError with a sentence
    where the public folder is incomplete.
    """
    rng = np.random.default_rng([seed, REHEARSAL])
    splits = {name: read_answered(public / name) for name in ("train", "val")}
    (train, train_answers), (val, val_answers) = splits["train"], splits["val"]
    order = rng.permutation(len(val.labels))
    facts = {
        "train": write_answered(inputs / "train", train.images, train_answers, train.labels),
        "test": write_answered(inputs / "test", val.images[order], val_answers[order], None),
    }
    write_json(inputs / "setting.json", json.loads((public / "setting.json").read_text(encoding="utf-8")))
    return {
        "source": "public",
        "inputs": facts,
        "answers": {"test": _write_truth(answers, val.labels[order])},
    }


def embedded_splits(rng: np.random.Generator) -> dict[str, Split]:
    """Return the splits "train", "val" and "test" of the digits, redrawn a little, all labels true."""
    digits = embedded_digits()
    order = rng.permutation(len(digits.labels))
    parts = {"val": order[:VAL], "test": order[VAL : VAL + TEST], "train": order[VAL + TEST :]}
    return {
        name: Split(redrawn(digits.images[index], rng), digits.labels[index]) for name, index in parts.items()
    }


def other_splits(source: str, rng: np.random.Generator) -> dict[str, Split]:
    """Return the splits of a source that is not embedded, with its classes numbered 0..K-1.

    Raises ValueError or OSError with a sentence where the source cannot be used.
    """
    splits = read_source(source, rng)
    classes = np.unique(np.concatenate([split.labels for split in splits.values()]))
    if len(classes) < LEAST_CLASSES:
        raise ValueError(f"the images have {len(classes)} classes; at least {LEAST_CLASSES} are needed")
    return {
        name: Split(split.images, np.searchsorted(classes, split.labels)) for name, split in splits.items()
    }


def draw_experts(classes: int, rng: np.random.Generator) -> Experts:
    """Draw who knows which classes, who answered which of them often, and the order of the experts."""
    shuffled = rng.permutation(classes)
    right = np.full((len(KNOWN), classes), RIGHT_OTHER)
    for expert, (start, end) in enumerate(KNOWN):
        known = np.arange(round(start * classes), round(end * classes)) % classes
        right[expert, shuffled[known]] = RIGHT_KNOWN
    order = rng.permutation(len(KNOWN))
    right = right[order]
    return Experts(right, _draw_gaps(right > RIGHT_OTHER, rng), np.array(CAPS)[order], np.array(LOWER)[order])


def _draw_gaps(knows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the share of missing answers (M, K), for experts who know these classes (M, K).

    Each expert saw as many known classes often as unknown ones, and classes that few have seen come first: otherwise one
    draw of experts would be far easier than another.
    """
    classes = knows.shape[1]
    often, seen = round(SEEN_OFTEN * classes), np.zeros(classes)
    missing = np.full(knows.shape, MISSING_RARELY)
    for expert in rng.permutation(len(knows)):
        for members, count in ((knows[expert], often // 2), (~knows[expert], often - often // 2)):
            candidates = rng.permutation(np.flatnonzero(members))
            picked = candidates[np.argsort(seen[candidates], kind="stable")][:count]
            missing[expert, picked] = MISSING_OFTEN
            seen[picked] += 1
    return missing


def draw_answers(
    labels: np.ndarray, experts: Experts, rng: np.random.Generator, *, with_gaps: bool
) -> np.ndarray:
    """Return the answers `(n, M)` int64 of all experts to images of these classes; -1 is a gap."""
    count, classes = experts.right.shape
    chance = rng.random((len(labels), count))
    wrong = (labels[:, None] + rng.integers(1, classes, (len(labels), count))) % classes
    answers = np.where(chance < experts.right[:, labels].T, labels[:, None], wrong)
    gaps = rng.random(answers.shape) < experts.missing[:, labels].T
    return np.where(gaps, -1, answers) if with_gaps else answers


def write_answered(
    folder: Path, images: np.ndarray, answers: np.ndarray, labels: np.ndarray | None
) -> dict[str, Any]:
    """Write images and a list of labels for each expert, and for the true classes where they are given."""
    facts = write_images(folder, images)
    digest = hashlib.sha256(facts["sha256"].encode())
    for expert, column in enumerate(answers.T, start=1):
        digest.update(write_json(folder / f"expert{expert}.json", _label_list(column)))
    if labels is not None:
        digest.update(write_json(folder / "ground_truth.json", _label_list(labels)))
    missing = [round(float(share), 4) for share in (answers < 0).mean(axis=0)]
    return {"images": len(images), "missing_answers": missing, "sha256": digest.hexdigest()}


def read_answered(folder: Path) -> tuple[Split, np.ndarray]:
    """Read a split with its true classes back, and the answers `(n, M)` int64, -1 where there is none.

    Raises ValueError where its images are not those of its ground_truth.json.
    """
    lists = [folder / "ground_truth.json", *sorted(folder.glob("expert*.json"))]
    truth, *experts = ({row["file"]: row["label"] for row in json.loads(path.read_text())} for path in lists)
    files = [f"data/{path.name}" for path in sorted((folder / "data").glob("*.png"))]
    if not files or set(files) != set(truth):
        raise ValueError(f"the images in {folder / 'data'} are not those of its ground_truth.json")
    answers = np.array([[expert.get(file, -1) for expert in experts] for file in files], dtype=np.int64)
    labels = np.array([truth[file] for file in files], dtype=np.int64)
    images = np.stack([np.asarray(Image.open(folder / file).convert("L")) for file in files])
    return Split(images, labels), answers


def _label_list(labels: np.ndarray) -> list[dict[str, Any]]:
    rows = zip(file_names(len(labels)), labels.tolist(), strict=True)
    return [{"file": f"data/{name}", "label": label} for name, label in rows if label >= 0]


def _write_truth(folder: Path, labels: np.ndarray) -> dict[str, Any]:
    """Write the true classes of the test, as an array and as a list for people."""
    write_json(folder / "ground_truth.json", _label_list(labels))
    content = write_arrays(folder / "answers.npz", labels=labels)
    return {"images": len(labels), "sha256": hashlib.sha256(content).hexdigest()}


def _classes(splits: dict[str, Split]) -> int:
    return 1 + max(int(split.labels.max()) for split in splits.values())


def _setting(size: str, classes: int, experts: Experts) -> dict[str, Any]:
    """Return what the notebook must know; the agents are the experts in their order, then the classifier."""
    return {
        "size": size,
        "classes": classes,
        "eps_lower": [*experts.lower.tolist(), CLASSIFIER_LOWER],
        "eps_upper": [*experts.upper.tolist(), CLASSIFIER_CAP],
    }
