"""Build the data of the task: five episodes of digits, each with a crowd of annotators of its own.

On disk a split is a folder with one file for each episode, `episode1.npz` to `episode5.npz`:

    train/   features, annotations                        in public and in inputs
    val/     features, annotations                        in inputs; in public also the true labels
    test/    features                                     in inputs only; its labels are the answers
    annotators.json                                       in public only: what kind of annotator each one is

`features` are (n, D) uint8, `annotations` (n, A) int64 with -1 where an annotator was silent. Who annotates how,
what is labelled, which digit is which class, which classes are rare, which samples there are and the order of
everything come from the seed.
The source of the notebook is `embedded` (scikit-learn's digits, 64 features, each image redrawn a little in every
episode). Organisers also have `npz:PATH` (MedMNIST format) and `torchvision:NAME[:ROOT]`, both of ten classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from parts.files import write_arrays, write_json
from parts.images import Split, read_source, take
from parts.redraw import redrawn

CLASSES = 10
EPISODE_KINDS = ("lazy", "lazy", "mixed", "shifted", "shifted")  # their order is drawn anew every time
CROWDS = {  # who is in the crowd of an episode; a larger crowd has more of each
    "lazy": {"lazy": 6, "careful": 3, "slipped": 1},
    "mixed": {"lazy": 5, "careful": 3, "biased": 1, "slipped": 1},
    "shifted": {"careful": 4, "slipped": 6},
}
DILIGENCE = {
    "lazy": 0.75,
    "careful": 0.75,
    "biased": 0.75,
    "slipped": 1.0,
}  # share of the samples that are labelled
SHIFTED_DILIGENCE = {  # in shifted episodes another team did most of the validation samples
    "train": {"careful": 0.95, "slipped": 0.25},
    "val": {"careful": 0.4, "slipped": 0.42},
}
DILIGENCE_SPREAD = (0.9, 1.1)  # of a single annotator, times the share of the kind
LOOK_ALIKES = {9: 4, 7: 1, 8: 3, 6: 5}  # what a lazy annotator answers for a digit
MIXED_UP = 0.2  # share of a 4, 1, 3 or 5 that a lazy annotator calls the other one
CAREFUL_ACCURACY = (0.77, 0.93)
SLIPPED_ACCURACY = 0.97
BIASED_SHARE = 0.7  # of a biased annotator's answers are always the same class
SLIPS = (2, 3, 7, 8)  # rows by which a slipped annotator misses the right one
RARE, THINNED = 3, 3  # classes of each episode; which ones is drawn, and nobody is told
RARE_SHARE, THINNED_SHARE = (0.08, 0.2), (0.4, 0.7)  # of such a class that is in train and val
FEATURE_MAX = 255
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
    if source == "embedded":
        pools = embedded_pools()
    if source != "embedded":  # apart, so that students, who build the embedded data, get no code for others
        pools = read_pools(source, np.random.default_rng([seed, SPLIT]))
    setting = {"size": size, "feature_max": FEATURE_MAX, "classes": CLASSES}
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


def embedded_pools() -> dict[str, Split]:
    """Return scikit-learn's digits as both pools, "test" and "rest": images (n, 8, 8) uint8 up to 240."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 -- only this source needs it

    digits = load_digits()
    pool = Split((15 * digits.images).astype(np.uint8), digits.target.astype(np.int64))
    return {"rest": pool, "test": pool}


def read_pools(source: str, rng: np.random.Generator) -> dict[str, Split]:
    """Return the pools to draw from: "test", and "rest" for training and validation; images as (n, D) uint8.

    Raises ValueError or OSError with a sentence where the source cannot be used.
    """
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
        # The digits' classes are shuffled: what somebody knows of digits, say that a 4 looks like a 9, names no class.
        names = rng.permutation(CLASSES)
        rest_pool, test_pool = (Split(pools[n].images, names[pools[n].labels]) for n in ("rest", "test"))
        test = _stratified(test_pool.labels, size.test, rng)
        taken = test if pools["rest"] is pools["test"] else np.empty(0, dtype=np.int64)
        rest = _unbalanced(rest_pool.labels, taken, rng)
        val, train = np.split(rest, [min(size.val, len(rest) // 2)])
        crowd = draw_crowd(kind, size.annotators, names, rng)
        arrays = {}
        for name, index in (("train", train[: size.train]), ("val", val)):
            split = _new_samples(rest_pool, index, rng)
            answers = annotate(split["labels"], crowd, name, rng)
            arrays[name] = {**split, "annotations": answers}
        facts = {"kind": kind, "annotators": crowd.kinds}
        yield facts, arrays["train"], arrays["val"], _new_samples(test_pool, test, rng)


def draw_crowd(kind: str, annotators: int, names: np.ndarray, rng: np.random.Generator) -> Crowd:
    """Draw who is in the crowd of an episode, in random order; `names` (K,) are the classes of the digits."""
    kinds = [name for name, count in CROWDS[kind].items() for _ in range(count * annotators // 10)]
    kinds = [kinds[place] for place in rng.permutation(len(kinds))]
    slip = int(rng.choice(SLIPS))  # of all slipped annotators: they were handed the same sheet
    look_alikes = {int(names[digit]): int(names[alike]) for digit, alike in LOOK_ALIKES.items()}
    confusion = np.stack([confusion_of(name, look_alikes, slip, rng) for name in kinds])
    spread = rng.uniform(*DILIGENCE_SPREAD, len(kinds))
    diligence = {}
    for split in ("train", "val"):
        shares = SHIFTED_DILIGENCE[split] if kind == "shifted" else DILIGENCE
        diligence[split] = np.minimum(spread * [shares[name] for name in kinds], 1.0)
    return Crowd(kinds, confusion, diligence)


def confusion_of(kind: str, look_alikes: dict[int, int], slip: int, rng: np.random.Generator) -> np.ndarray:
    """Return the chances (K, K) of each answer (columns) given the true class (rows) of one annotator."""
    truth, anything = np.eye(CLASSES), np.full((CLASSES, CLASSES), 1 / CLASSES)
    if kind == "lazy":
        chances = 0.96 * truth + 0.04 * anything
        for label, alike in look_alikes.items():
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
    """Return the places of the samples that are not taken, some drawn classes thinned out, in random order."""
    thinned, keep = rng.permutation(CLASSES), np.ones(CLASSES)
    keep[thinned[:RARE]] = rng.uniform(*RARE_SHARE, RARE)
    keep[thinned[RARE : RARE + THINNED]] = rng.uniform(*THINNED_SHARE, THINNED)
    order = rng.permutation(np.setdiff1d(np.arange(len(labels)), taken))
    parts = []
    for label in range(CLASSES):
        members = order[labels[order] == label]
        parts.append(members[: max(2, round(keep[label] * len(members)))])
    return rng.permutation(np.concatenate(parts))


def _new_samples(pool: Split, index: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return features (n, D) and labels; pictures of scikit-learn are redrawn, so that nobody can look them up."""
    split = take(pool, index)
    images = split.images if split.images.ndim == 2 else redrawn(split.images, rng)
    return {"features": images.reshape(len(index), -1), "labels": split.labels}


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
