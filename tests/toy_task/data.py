"""Draw two overlapping clouds in eight dimensions and spoil the labels of the training samples.

Every folder holds npz files of x (n, 8) float32 and y (n,) int64; the training file also has the wrong labels
`y_noisy` (n,) int64.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

DIMENSIONS = 8
DISTANCE = 2.2  # between the two centres, in standard deviations
COUNTS = {"train": 1600, "val": 600, "test": 1000}
POSITIVE_SHARE = 0.3
NOISE = {0: 0.10, 1: 0.55}  # the share of each class that gets the other label


def make_data(
    public: Path | None,
    inputs: Path | None,
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Build the wanted folders; everything comes from `seed`. Only the source "embedded" exists."""
    if source != "embedded":
        raise ValueError(f"the toy task has no data source {source!r}")
    rng = np.random.default_rng(seed)
    centre = np.zeros(DIMENSIONS, np.float32)
    centre[:2] = DISTANCE / np.sqrt(2)
    parts = {name: draw(rng, count, centre) for name, count in COUNTS.items()}
    parts["train"]["y_noisy"] = spoil(rng, parts["train"]["y"])
    if public is not None:
        save(public / "train.npz", parts["train"])
        save(public / "val.npz", parts["val"])
    if inputs is not None:
        save(inputs / "train.npz", {name: parts["train"][name] for name in ("x", "y_noisy")})
        save(inputs / "test.npz", {"x": parts["test"]["x"]})
    if answers is not None:
        save(answers / "answers.npz", {"labels": parts["test"]["y"]})
    return {"seed": seed, "size": size, "counts": COUNTS, "noise": [NOISE[0], NOISE[1]]}


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder: the noise is drawn again, val stands for test."""
    rng = np.random.default_rng(seed)
    train, val = load(public / "train.npz"), load(public / "val.npz")
    save(inputs / "train.npz", {"x": train["x"], "y_noisy": spoil(rng, train["y"])})
    save(inputs / "test.npz", {"x": val["x"]})
    save(answers / "answers.npz", {"labels": val["y"]})
    return {"seed": seed, "counts": {"train": len(train["y"]), "test": len(val["y"])}}


def draw(rng: np.random.Generator, count: int, centre: NDArray[np.float32]) -> Arrays:
    """Return x (count, 8) float32 and y (count,) int64; class 1 lies around `centre`, class 0 around zero."""
    y = (rng.random(count) < POSITIVE_SHARE).astype(np.int64)
    x = rng.standard_normal((count, DIMENSIONS)).astype(np.float32) + y[:, None] * centre
    return {"x": x.astype(np.float32), "y": y}


def spoil(rng: np.random.Generator, y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a copy of the labels y (n,) with the share `NOISE` of each class turned over."""
    wrong = rng.random(len(y)) < np.where(y == 1, NOISE[1], NOISE[0])
    return np.where(wrong, 1 - y, y)


def save(path: Path, arrays: Arrays) -> None:
    """Write `arrays` to the npz file `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **arrays)


def load(path: Path) -> Arrays:
    """Read the npz file `path`."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
