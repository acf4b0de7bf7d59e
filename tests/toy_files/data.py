"""Data of the toy task of files: a reading of a thermometer, and the weather that it stands for."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 -- compiled without the future import
from typing import Any

import numpy as np

COUNTS = {"train": 60, "val": 40, "questions": 80}


def make_data(
    public: Path | None,
    inputs: Path | None,  # noqa: ARG001 -- every task has it
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Build what is handed out, and its answers."""
    if source != "embedded":
        raise ValueError(f"the data source {source!r} is not one of: embedded")
    rng = np.random.default_rng(seed)
    order = rng.permutation(sum(COUNTS.values())) + 100
    start, splits = 0, {}
    for name, count in COUNTS.items():
        degrees = rng.normal(0, 10, count)
        reading = degrees * 2 + rng.normal(0, 1, count)
        splits[name] = {"id": order[start : start + count], "reading": reading, "degrees": degrees}
        start += count
    if public is not None:
        for name, split in splits.items():
            hidden = {"degrees"} if name == "questions" else set()
            save(public / f"{name}.npz", {key: array for key, array in split.items() if key not in hidden})
    if answers is not None:
        save_answers(answers, splits["questions"], splits["val"]["id"])
    return {"source": source, "size": size}


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:  # noqa: ARG001 -- every task has them
    """Build the answers that everybody knows."""
    with np.load(public / "val.npz") as val, np.load(public / "questions.npz") as questions:
        save_answers(answers, dict(val), questions["id"])
    return {"source": "public"}


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **arrays)


def save_answers(folder: Path, split: dict[str, np.ndarray], others: np.ndarray) -> None:
    """Write the answers, and the ids that a file must have."""
    degrees = split["degrees"]
    save(folder / "answers.npz", {"warm": (degrees > 0).astype(np.int64), "degrees": degrees})
    ids = {"predictions.csv": {"scored": split["id"].tolist(), "unscored": others.tolist()}}
    (folder / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
