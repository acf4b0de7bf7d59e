"""Draw the hidden side of each episode: the chance of a bite in each of eight ponds.

    public    val.npz (chances, returns)   given to students
    inputs    test.npz (chances)           what the judge of a final evaluation plays with
    answers   answers.npz (returns)        stays with the grader

chances (episodes, ponds) float64 are only for the judge: no player sees them. returns (episodes, 2) float64 are what a weak and a
strong player earn: one that casts anywhere, and one that knows the best pond. The luck of each cast comes from the seed of the
run, in the notebook. Parts of this file are put into the notebook, so it imports only what students have, and knows no `__file__`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

EPISODES, STEPS = 30, 100  # as in task.toml
PONDS = 8
PUBLIC, SECRET, REHEARSAL = range(
    3
)  # streams of random numbers: the same seed never draws the same ponds twice


def make_data(
    public: Path | None,
    inputs: Path | None,
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Build the wanted folders and return a manifest of plain JSON values.

    Each folder is a level of trust: nothing of `answers` may be in `inputs`, under any name, and nothing of either
    in `public`. Raises ValueError for a source that is not there.
    """
    if source != "embedded":
        raise ValueError(f"the data source {source!r} is not one of: embedded")
    manifest: dict[str, Any] = {"source": source, "size": size}
    if public is not None:
        chances = draw_chances(np.random.default_rng([seed, PUBLIC]))
        save(public / "val.npz", chances=chances, returns=references(chances))
        manifest["public"] = {"episodes": len(chances)}
    if inputs is None and answers is None:
        return manifest
    chances = draw_chances(np.random.default_rng([seed, SECRET]))
    if inputs is not None:
        save(inputs / "test.npz", chances=chances)
        manifest["inputs"] = {"episodes": len(chances)}
    if answers is not None:
        save(answers / "answers.npz", returns=references(chances))
        manifest["answers"] = {"episodes": len(chances)}
    return manifest


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: its episodes in another order."""
    val = load(public / "val.npz")
    order = np.random.default_rng([seed, REHEARSAL]).permutation(len(val["chances"]))
    save(inputs / "test.npz", chances=val["chances"][order])
    save(answers / "answers.npz", returns=val["returns"][order])
    return {"source": "public", "inputs": {"episodes": len(order)}, "answers": {"episodes": len(order)}}


def draw_chances(rng: np.random.Generator) -> np.ndarray:
    """Return the chance of a bite in each pond of each episode, (episodes, ponds)."""
    return rng.uniform(0.1, 0.9, (EPISODES, PONDS))


def references(chances: np.ndarray) -> np.ndarray:
    """Return what a player who casts anywhere and one who knows the best pond earn on average, (episodes, 2)."""
    return STEPS * np.stack([chances.mean(axis=1), chances.max(axis=1)], axis=1)


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write the arrays to an npz file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **arrays)


def load(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
