"""Build the data of the task: 8x8 digits of scikit-learn, of which only forty have labels.

    public    train.npz (labels), val.npz (labels), questions.npz (none)   given to students
    answers   answers.npz (digit of each question), ids.json               stays with the grader

Every file holds x (n, 64) float32 in [0, 1]; train and val also y (n,) int64, val and questions also id (n,) int64. Which
image is where and the ids come from the seed. Students predict val and questions; val counts only in their own check.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = "predictions.csv"  # as task.toml names it
LABELLED, VAL = 4, 300  # of each digit, and in all


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

    A file belongs to one draw, so the same seed makes what is handed out and its answers; `inputs` is never asked for. The
    labels of the questions are in `answers` alone. Raises ValueError for a source that is not there.
    """
    if source != "embedded":
        raise ValueError(f"the data source {source!r} is not one of: embedded")
    splits = draw(np.random.default_rng(seed))
    train, val, questions = splits["train"], splits["val"], splits["questions"]
    if public is not None:
        save(public / "train.npz", x=train["x"], y=train["y"])
        save(public / "val.npz", id=val["id"], x=val["x"], y=val["y"])
        save(public / "questions.npz", id=questions["id"], x=questions["x"])
    if answers is not None:
        save_answers(answers, questions["y"], scored=questions["id"], unscored=val["id"])
    counts = {name: len(split["y"]) for name, split in splits.items()}
    return {"source": source, "size": size, "counts": counts}


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:  # noqa: ARG001 -- as in every task
    """Build the answers that everybody knows, those of val; the rows of the questions must be there, and do not count."""
    val, questions = load(public / "val.npz"), load(public / "questions.npz")
    save_answers(answers, val["y"], scored=val["id"], unscored=questions["id"])
    return {"source": "public", "counts": {"val": len(val["y"])}}


def draw(rng: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
    """Return x, y and id of each split; train has the same number of each digit."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 -- slow to import, and only needed to build

    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)  # (1797, 64), (1797,)
    order, ids = rng.permutation(len(y)), rng.permutation(len(y)) + 1000
    train = np.concatenate([order[y[order] == digit][:LABELLED] for digit in range(10)])
    rest = order[~np.isin(order, train)]
    chosen = {"train": rng.permutation(train), "val": rest[:VAL], "questions": rest[VAL:]}
    return {name: {"x": x[rows], "y": y[rows], "id": ids[rows]} for name, rows in chosen.items()}


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write a split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **arrays)


def save_answers(folder: Path, digits: np.ndarray, *, scored: np.ndarray, unscored: np.ndarray) -> None:
    """Write the true digits in the order of the `scored` ids, and all ids that the file must have."""
    save(folder / "answers.npz", digit=digits)
    ids = {FILE: {"scored": scored.tolist(), "unscored": unscored.tolist()}}
    (folder / "ids.json").write_text(json.dumps(ids), encoding="utf-8")


def load(path: Path) -> dict[str, np.ndarray]:
    """Read a split."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
