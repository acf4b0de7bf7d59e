"""Build the data of the task: five episodes of digits, each with a crowd of annotators of its own.

On disk a split is a folder with one file for each episode, `episode1.npz` to `episode5.npz`:

    train/   features, annotations                        in public and in inputs
    val/     features, annotations                        in inputs; in public also the true labels
    test/    features                                     in inputs only; its labels are the answers
    annotators.json                                       in public only: what kind of annotator each one is

`features` are (n, D) uint8, `annotations` (n, A) int64 with -1 where an annotator was silent. Who annotates how,
what is labelled, which samples there are and the order of everything come from the seed. Sources are `embedded`
(scikit-learn's digits, 64 features), `npz:PATH` (MedMNIST format) and `torchvision:NAME[:ROOT]`, both of ten classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from parts.files import write_arrays, write_json
from parts.images import Split, read_source, take

CLASSES = 10
EPISODE_KINDS = ("lazy", "lazy", "mixed", "shifted", "shifted")  # their order is drawn anew every time
CROWDS = {  # who is in the crowd of an episode; a larger crowd has more of each
    "lazy": {"lazy": 6, "careful": 3, "slipped": 1},
    "mixed": {"lazy": 5, "careful": 3, "biased": 1, "slipped": 1},
    "shifted": {"careful": 4, "slipped": 6},
}
DILIGENCE = {  # share of the samples that an annotator labels, give or take a fifth of it
    "lazy": 0.8,
    "careful": 0.8,
    "biased": 0.8,
    "slipped": 0.95,
}
SHIFTED_DILIGENCE = {  # in shifted episodes another team did most of the validation samples
    "train": {"careful": 0.95, "slipped": 0.25},
    "val": {"careful": 0.4, "slipped": 0.4},
}
LOOK_ALIKES = {
    9: 4,
    7: 1,
    8: 3,
    6: 5,
}  # what a lazy annotator answers; the lower class, so that ties are no help
MIXED_UP = 0.2  # share of the lower class that a lazy annotator calls the higher one
CAREFUL_ACCURACY = (0.77, 0.93)
SLIPPED_ACCURACY = 0.97
BIASED_SHARE = 0.7  # of a biased annotator's answers are always the same class
SLIPS = (2, 3, 7, 8)  # rows by which a slipped annotator misses the right one
KEEP = {9: 0.6, 7: 0.6, 8: 0.6, 6: 0.6, 0: 0.25, 2: 0.25}  # share of a class that is in train and val
PUBLIC, SECRET, REHEARSAL, SPLIT = 1, 2, 3, 4  # streams of random numbers


class Size(NamedTuple):
    """How large an episode is, where the source has as much: samples of each split (None: all others), annotators."""

    train: int | None
    val: int
    test: int
    annotators: int


SIZES = {"default": Size(None, 400, 400, 10), "large": Size(6000, 2000, 5000, 30)}


class Crowd(NamedTuple):
    """The annotators of an episode: kinds, chances (A, K, K) of an answer given the class, diligence by split (A,)."""

    kinds: list[str]
    confusion: np.ndarray
    diligence: dict[str, np.ndarray]


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
    pools = load_source(source, np.random.default_rng([seed, SPLIT]))
    setting = {"size": size, "feature_max": 16 if source == "embedded" else 255, "classes": CLASSES}
    manifest: dict[str, Any] = {"source": source.split(":", 1)[0], "size": size}
    if public is not None:
        episodes = list(draw_episodes(pools, SIZES[size], np.random.default_rng([seed, PUBLIC])))
        manifest["public"] = {
            "train": _write_split(public / "train", [train for _, train, _, _ in episodes], labels=False),
            "val": _write_split(public / "val", [val for _, _, val, _ in episodes], labels=True),
        }
        write_json(public / "annotators.json", {f"episode{n}": e[0] for n, e in enumerate(episodes, 1)})
        write_json(public / "setting.json", setting)
    if inputs is None and answers is None:
        return manifest
    episodes = list(draw_episodes(pools, SIZES[size], np.random.default_rng([seed, SECRET])))
    if inputs is not None:
        manifest["inputs"] = {
            "train": _write_split(inputs / "train", [train for _, train, _, _ in episodes], labels=False),
            "val": _write_split(inputs / "val", [val for _, _, val, _ in episodes], labels=False),
            "test": _write_split(inputs / "test", [_features(test) for *_, test in episodes], labels=False),
        }
        write_json(inputs / "setting.json", setting)
    if answers is not None:
        manifest["answers"] = _write_answers(answers, [test["labels"] for *_, test in episodes])
    return manifest


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: its validation samples become the unlabelled test too.

    Their order is drawn from the seed; the annotations stay as they are. Raises ValueError or OSError with a
    sentence where the public folder is incomplete.
    """
    rng, splits = np.random.default_rng([seed, REHEARSAL]), {}
    for name in ("train", "val"):
        splits[name] = [read_episode(public / name, n) for n in range(1, len(EPISODE_KINDS) + 1)]
    if any("labels" not in val for val in splits["val"]):
        raise ValueError(f"the files in {public / 'val'} have no labels; a public folder has them")
    tests = [_pick(val, rng.permutation(len(val["labels"]))) for val in splits["val"]]
    facts = {
        "train": _write_split(inputs / "train", splits["train"], labels=False),
        "val": _write_split(inputs / "val", splits["val"], labels=False),
        "test": _write_split(inputs / "test", [_features(test) for test in tests], labels=False),
    }
    (inputs / "setting.json").write_bytes((public / "setting.json").read_bytes())
    manifest = {"source": "public", "inputs": facts}
    return {**manifest, "answers": _write_answers(answers, [test["labels"] for test in tests])}


def read_episode(folder: Path, number: int) -> dict[str, np.ndarray]:
    """Read the arrays of one episode back; raise ValueError where the file is missing or its arrays do not fit."""
    path = folder / f"episode{number}.npz"
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    with np.load(path, allow_pickle=False) as arrays:
        episode = {name: arrays[name] for name in arrays.files}
    if len({len(values) for values in episode.values()}) != 1 or "features" not in episode:
        raise ValueError(f"the arrays in {path} do not belong together")
    return episode


def load_source(source: str, rng: np.random.Generator) -> dict[str, Split]:
    """Return the pools to draw from: "test", and "rest" for training and validation; images as (n, D) uint8.

    Raises ValueError or OSError with a sentence where the source cannot be used.
    """
    if source == "embedded":
        from sklearn.datasets import load_digits  # noqa: PLC0415 -- only this source needs it

        pixels, digits = load_digits(return_X_y=True)
        pool = Split(pixels.astype(np.uint8), digits.astype(np.int64))
        return {"rest": pool, "test": pool}
    parts = read_source(source, rng)
    flat = {
        name: Split(part.images.reshape(len(part.images), -1), part.labels) for name, part in parts.items()
    }
    rest = Split(
        *(np.concatenate([getattr(flat[n], k) for n in ("train", "val")]) for k in ("images", "labels"))
    )
    for name, pool in (("training", rest), ("test", flat["test"])):
        if set(np.unique(pool.labels).tolist()) != set(range(CLASSES)):
            raise ValueError(
                f"the {name} images must be of the classes 0 to {CLASSES - 1}, and of each of them"
            )
    return {"rest": rest, "test": flat["test"]}


def draw_episodes(
    pools: dict[str, Split], size: Size, rng: np.random.Generator
) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Yield for each episode who its annotators are, and its train, val and test arrays."""
    for kind in rng.permutation(EPISODE_KINDS).tolist():
        test = _stratified(pools["test"].labels, size.test, rng)
        taken = test if pools["rest"] is pools["test"] else np.empty(0, dtype=np.int64)
        rest = _unbalanced(pools["rest"].labels, taken, rng)
        val, train = np.split(rest, [min(size.val, len(rest) // 2)])
        crowd = draw_crowd(kind, size.annotators, rng)
        arrays = {}
        for name, index in (("train", train[: size.train]), ("val", val)):
            split = take(pools["rest"], index)
            arrays[name] = {
                "features": split.images,
                "annotations": annotate(split.labels, crowd, name, rng),
                "labels": split.labels,
            }
        split = take(pools["test"], test)
        facts = {"kind": kind, "annotators": crowd.kinds}
        yield facts, arrays["train"], arrays["val"], {"features": split.images, "labels": split.labels}


def draw_crowd(kind: str, annotators: int, rng: np.random.Generator) -> Crowd:
    """Draw who is in the crowd of an episode, in random order."""
    kinds = [name for name, count in CROWDS[kind].items() for _ in range(count * annotators // 10)]
    kinds = [kinds[place] for place in rng.permutation(len(kinds))]
    slip = int(rng.choice(SLIPS))  # of all slipped annotators: they were handed the same sheet
    confusion = np.stack([confusion_of(name, slip, rng) for name in kinds])
    spread = rng.uniform(0.8, 1.2, len(kinds))
    diligence = {}
    for split in ("train", "val"):
        shares = SHIFTED_DILIGENCE[split] if kind == "shifted" else DILIGENCE
        diligence[split] = np.minimum(spread * [shares[name] for name in kinds], 1.0)
    return Crowd(kinds, confusion, diligence)


def confusion_of(kind: str, slip: int, rng: np.random.Generator) -> np.ndarray:
    """Return the chances (K, K) of each answer (columns) given the true class (rows) of one annotator."""
    truth, anything = np.eye(CLASSES), np.full((CLASSES, CLASSES), 1 / CLASSES)
    if kind == "lazy":
        chances = 0.96 * truth + 0.04 * anything
        for label, alike in LOOK_ALIKES.items():
            chances[label] = truth[alike]
            chances[alike] = MIXED_UP * truth[label] + (1 - MIXED_UP) * truth[alike]
        return chances
    if kind == "careful":
        accuracy = rng.uniform(*CAREFUL_ACCURACY)
        return accuracy * truth + (1 - accuracy) * (1 - truth) / (CLASSES - 1)
    if kind == "biased":
        return BIASED_SHARE * truth[[rng.integers(CLASSES)] * CLASSES] + (1 - BIASED_SHARE) * anything
    shifted = np.roll(truth, slip, axis=1)
    return SLIPPED_ACCURACY * shifted + (1 - SLIPPED_ACCURACY) * (1 - shifted) / (CLASSES - 1)


def annotate(labels: np.ndarray, crowd: Crowd, split: str, rng: np.random.Generator) -> np.ndarray:
    """Return what the crowd answers (n, A) int64, -1 where somebody was silent; every sample has an answer."""
    shape = (len(labels), len(crowd.kinds))
    limits = crowd.confusion.cumsum(axis=2)[:, labels]  # (A, n, K)
    answers = (rng.random(shape).T[..., None] > limits).sum(axis=2).T  # (n, A)
    answers = np.minimum(answers, CLASSES - 1)
    silent = rng.random(shape) >= crowd.diligence[split]
    somebody = rng.integers(shape[1], size=shape[0])
    alone = silent.all(axis=1)
    silent[alone, somebody[alone]] = False
    return np.where(silent, -1, answers).astype(np.int64)


def _stratified(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the places of `count` samples, all classes equally often, in random order."""
    order = rng.permutation(len(labels))
    parts = [order[labels[order] == label][: count // CLASSES] for label in range(CLASSES)]
    return rng.permutation(np.concatenate(parts))


def _unbalanced(labels: np.ndarray, taken: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the places of the samples that are not taken, some classes thinned out, in random order."""
    order = rng.permutation(np.setdiff1d(np.arange(len(labels)), taken))
    parts = []
    for label in range(CLASSES):
        members = order[labels[order] == label]
        parts.append(members[: round(KEEP.get(label, 1) * len(members))])
    return rng.permutation(np.concatenate(parts))


def _features(episode: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"features": episode["features"]}


def _pick(episode: dict[str, np.ndarray], index: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[index] for name, values in episode.items()}


def _write_split(folder: Path, episodes: list[dict[str, np.ndarray]], *, labels: bool) -> dict[str, Any]:
    """Write one file for each episode, the true labels only where they are wanted; return the facts."""
    if folder.exists():
        raise FileExistsError(f"{folder} already holds data; remove it or choose another folder")
    digest = hashlib.sha256()
    for number, episode in enumerate(episodes, 1):
        arrays = {name: values for name, values in episode.items() if labels or name != "labels"}
        digest.update(write_arrays(folder / f"episode{number}.npz", **arrays))
    return {"samples": [len(e["features"]) for e in episodes], "sha256": digest.hexdigest()}


def _write_answers(folder: Path, labels: list[np.ndarray]) -> dict[str, Any]:
    """Write `answers.npz`: the true test labels of each episode."""
    content = write_arrays(
        folder / "answers.npz", **{f"episode{n}": values for n, values in enumerate(labels, 1)}
    )
    return {
        "test": {"samples": [len(values) for values in labels], "sha256": hashlib.sha256(content).hexdigest()}
    }
