"""Make a task's folders from one function that draws rows: `draw(rng, n)`, which a task's data.py defines.

`draw` returns arrays by name, each with n rows. data.py also says what of them students and the trainer see: `SPLITS` has, for
train, val and test, the number of rows and the names of the arrays; `ANSWERS` are the arrays of test that stay with the
grader, and that val shows. The rows are cut in this order, so what `draw` chooses once, such as who has labelled, is the same in all splits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from parts.files import write_arrays

PUBLIC_ROWS, SECRET_ROWS, REHEARSAL_ROWS = range(
    3
)  # streams of random numbers: the same seed never draws the same rows twice


def make_data(
    public: Path | None,
    inputs: Path | None,
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Build the wanted folders and return a manifest. Raises ValueError for a source that is not there."""
    if source != "embedded":
        raise ValueError(f"the data source {source!r} is not one of: embedded")
    manifest: dict[str, Any] = {"source": source, "size": size}
    if public is not None:
        rows = draw_splits(np.random.default_rng([seed, PUBLIC_ROWS]))
        manifest["public"] = write_splits(public, rows, ("train", "val"))
    if inputs is None and answers is None:
        return manifest
    rows = draw_splits(np.random.default_rng([seed, SECRET_ROWS]))
    if inputs is not None:
        manifest["inputs"] = write_splits(inputs, rows, ("train", "test"))
    if answers is not None:
        manifest["answers"] = write_answers(answers, rows["test"])
    return manifest


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: its val, in another order, becomes the test."""
    rows = {name: read_split(public, name) for name in ("train", "val")}
    count = len(next(iter(rows["val"].values())))
    order = np.random.default_rng([seed, REHEARSAL_ROWS]).permutation(count)
    rows["test"] = {name: values[order] for name, values in rows["val"].items()}
    counts = write_splits(inputs, rows, ("train", "test"))
    return {"source": "public", "inputs": counts, "answers": write_answers(answers, rows["test"])}


def draw_splits(rng: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
    """Return every array of every split, cut from one draw."""
    arrays = draw(rng, sum(count for count, _ in SPLITS.values()))  # noqa: F821 -- data.py defines it
    splits, start = {}, 0
    for name, (count, _) in SPLITS.items():  # noqa: F821 -- and this
        splits[name] = {key: values[start : start + count] for key, values in arrays.items()}
        start += count
    return splits


def write_splits(
    folder: Path, rows: dict[str, dict[str, np.ndarray]], names: tuple[str, ...]
) -> dict[str, int]:
    """Write `folder`/NAME/rows.npz with the arrays that SPLITS names, and return the number of rows of each."""
    for name in names:
        shown = {key: rows[name][key] for key in SPLITS[name][1]}  # noqa: F821
        write_arrays(folder / name / "rows.npz", **shown)
    return {name: len(next(iter(rows[name].values()))) for name in names}


def write_answers(folder: Path, rows: dict[str, np.ndarray]) -> dict[str, int]:
    """Write answers.npz: the one array of ANSWERS as `labels`, whatever is predicted, or several by their names."""
    hidden = {key: rows[key] for key in ANSWERS}  # noqa: F821
    write_arrays(
        folder / "answers.npz", **(hidden if len(hidden) > 1 else {"labels": next(iter(hidden.values()))})
    )
    return {"test": len(next(iter(hidden.values())))}


def read_split(folder: Path, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of a split by name."""
    with np.load(Path(folder) / name / "rows.npz", allow_pickle=False) as arrays:
        return dict(arrays)
