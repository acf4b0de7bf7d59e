"""Build the data of the task: short spectrograms of calls, drawn from a formula; quiet ones with labels, windy ones without.

    public    train.npz (quiet, labels), val.npz (windy, labels), questions.npz (windy, none)   given to students
    answers   answers.npz (species and distance of each question), ids.json                     stays with the grader

Every file holds x (n, 16, 32) float32, the logarithm of the energy in 16 pitches and 32 moments; train and val also species
(n,) int64 and distance (n,) float32 in metres; val and questions also id (n,) int64.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = "predictions.csv"  # as task.toml names it
COUNTS = {"train": 300, "val": 100, "questions": 800}
PITCHES, MOMENTS = 16, 32
NEAREST, FARTHEST = 30.0, 300.0  # metres
QUIET = 0.03  # mean energy of the background without wind
FLOOR = 0.01  # energy that is added before the logarithm is taken


def make_data(
    public: Path | None,
    inputs: Path | None,  # noqa: ARG001 -- every task has it
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Build the wanted folders and return a manifest of plain JSON values.

    A file belongs to one draw, so the same seed makes what is handed out and its answers. Raises ValueError for a source
    that is not there.
    """
    if source != "embedded":
        raise ValueError(f"the data source {source!r} is not one of: embedded")
    splits = draw(np.random.default_rng(seed))
    if public is not None:
        for name, split in splits.items():
            hidden = {"train": {"id"}, "val": set(), "questions": {"species", "distance"}}[name]
            save(public / f"{name}.npz", **{key: split[key] for key in split if key not in hidden})
    if answers is not None:
        save_answers(answers, splits["questions"], splits["val"]["id"])
    return {"source": source, "size": size, "counts": COUNTS}


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:  # noqa: ARG001 -- as in every task
    """Build the answers that everybody knows, those of val; the rows of the questions must be there, and do not count."""
    val, questions = load(public / "val.npz"), load(public / "questions.npz")
    save_answers(answers, val, questions["id"])
    return {"source": "public", "counts": {"val": len(val["id"])}}


def draw(rng: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
    """Return x, species, distance and id of each split; of `train` no clip has wind."""
    ids, start, splits = rng.permutation(sum(COUNTS.values())) + 10_000, 0, {}
    for name, count in COUNTS.items():
        species = rng.integers(4, size=count)
        distance = rng.uniform(NEAREST, FARTHEST, count)
        energy = np.stack([call(kind, metres, rng) for kind, metres in zip(species, distance, strict=True)])
        energy += rng.exponential(QUIET, energy.shape)
        if name != "train":
            energy += wind(count, rng)
        splits[name] = {
            "id": ids[start : start + count],
            "x": np.log(energy + FLOOR).astype(np.float32),
            "species": species.astype(np.int64),
            "distance": distance.astype(np.float32),
        }
        start += count
    return splits


def call(kind: int, metres: float, rng: np.random.Generator) -> np.ndarray:
    """Return the energy (16, 32) of one call: far ones are fainter, the more so the higher they are."""
    length = int(rng.integers(14, 20))
    begin = int(rng.integers(1, MOMENTS - length))
    time = np.linspace(0, 1, length)
    tracks = (4 + 6 * time, 10 - 6 * time, 7 + 2.5 * np.sin(4 * np.pi * time), 5 + 3.9 * (2 * time - 1) ** 2)
    pitch = tracks[kind] + rng.normal()  # (length,)
    loudness = np.exp(-metres / 120 - pitch * metres / 6000)
    energy = np.zeros((PITCHES, MOMENTS))
    rows = np.arange(PITCHES)[:, None]
    energy[:, begin : begin + length] = loudness * np.exp(-0.5 * ((rows - pitch) / 0.7) ** 2)
    return energy


def wind(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the energy (n, 16, 32) of gusts: strong in the deep pitches, and as long as four moments."""
    gusts = np.repeat(rng.gamma(1.5, 0.25, (count, 1, MOMENTS // 4)), 4, axis=2)
    profile = np.exp(-np.arange(PITCHES) / 2.5)[None, :, None]
    return gusts * profile * rng.exponential(1, (count, PITCHES, MOMENTS))


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write a split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **arrays)


def save_answers(folder: Path, split: dict[str, np.ndarray], unscored: np.ndarray) -> None:
    """Write the answers in the order of the ids of `split`, and all ids that the file must have."""
    save(folder / "answers.npz", species=split["species"], distance=split["distance"].astype(np.float64))
    ids = {FILE: {"scored": split["id"].tolist(), "unscored": unscored.tolist()}}
    (folder / "ids.json").write_text(json.dumps(ids), encoding="utf-8")


def load(path: Path) -> dict[str, np.ndarray]:
    """Read a split."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
