"""Draw seasons of a mountain rescue: where each missing hiker is, whether it is night, and what eight callers say.

    public    val.npz (valleys, nights, calls, returns)   given to students
    inputs    test.npz (valleys, nights, calls)           what the judge of a final evaluation plays with
    answers   answers.npz (returns)                       stays with the grader

valleys (seasons, alarms) int64, nights (seasons, alarms) bool and calls (seasons, alarms, callers) int64 are for the judge: a player sees
the calls of an alarm and never its valley. returns (seasons, 2) float64 are how many hikers two players find: a weak one that searches
anywhere, on average, and a strong one that knows what each caller is like. Everything random comes from the seed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from parts.files import write_arrays

SEASONS, ALARMS = 40, 60  # as in task.toml
VALLEYS = 6
ECHO = 0.9  # how often somebody who repeats gossip does so
# How often each kind of caller names the right valley, by day and at night. The prankster's is the valley behind the right one.
RIGHT = {"warden": (0.75, 0.75), "shepherd": (0.5, 0.5), "baker": (0.85, 0.15), "innkeeper": (0.15, 0.85)}
PRANK = 0.8
PUBLIC, SECRET, REHEARSAL = 1, 2, 3  # streams of random numbers: one seed never draws the same season twice


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

    Raises ValueError for a source that is not there, FileExistsError where a folder already holds data.
    """
    if source != "embedded":
        raise ValueError(f"the data source {source!r} is not one of: embedded")
    manifest: dict[str, Any] = {"source": source, "size": size}
    if public is not None:
        seasons, returns = draw_seasons(np.random.default_rng([seed, PUBLIC]))
        manifest["public"] = save(public / "val.npz", **seasons, returns=returns)
    if inputs is None and answers is None:
        return manifest
    seasons, returns = draw_seasons(np.random.default_rng([seed, SECRET]))
    if inputs is not None:
        manifest["inputs"] = save(inputs / "test.npz", **seasons)
    if answers is not None:
        manifest["answers"] = save(answers / "answers.npz", returns=returns)
    return manifest


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: its seasons, with the callers in another order.

    Raises ValueError or OSError with a sentence where the public folder is incomplete.
    """
    rng = np.random.default_rng([seed, REHEARSAL])
    val = load(public / "val.npz")
    order, callers = rng.permutation(len(val["valleys"])), rng.permutation(val["calls"].shape[2])
    seasons = {"valleys": val["valleys"][order], "nights": val["nights"][order]}
    facts = save(inputs / "test.npz", **seasons, calls=val["calls"][order][:, :, callers])
    return {
        "source": "public",
        "inputs": facts,
        "answers": save(answers / "answers.npz", returns=val["returns"][order]),
    }


def draw_seasons(rng: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the arrays of all seasons by name, and what both players find in each, (seasons, 2) float64."""
    drawn = [_draw_season(rng) for _ in range(SEASONS)]
    valleys, nights, calls, found = (np.stack(part) for part in zip(*drawn, strict=True))
    returns = np.stack([np.full(SEASONS, ALARMS / VALLEYS), found.astype(np.float64)], axis=1)
    return {"valleys": valleys, "nights": nights, "calls": calls}, returns


def _draw_season(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return valleys (alarms,), nights (alarms,), calls (alarms, callers) and how many the strong player finds."""
    valleys, nights = rng.integers(0, VALLEYS, ALARMS), rng.random(ALARMS) < 0.5
    calls = [_witness(valleys, np.where(nights, *reversed(right)), rng) for right in RIGHT.values()]
    prank = (valleys + 1) % VALLEYS
    calls.append(np.where(rng.random(ALARMS) < PRANK, prank, rng.integers(0, VALLEYS, ALARMS)))
    gossip = rng.integers(0, VALLEYS, ALARMS)
    calls.append(gossip)
    calls += [np.where(rng.random(ALARMS) < ECHO, gossip, rng.integers(0, VALLEYS, ALARMS)) for _ in range(2)]
    found = (best_guess(np.stack(calls, axis=1), nights) == valleys).sum()
    order = rng.permutation(len(calls))
    return valleys, nights, np.stack(calls, axis=1)[:, order].astype(np.int64), found


def _witness(valleys: np.ndarray, right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what somebody says who is right with the probabilities (alarms,), and else names any other valley."""
    other = (valleys + rng.integers(1, VALLEYS, len(valleys))) % VALLEYS
    return np.where(rng.random(len(valleys)) < right, valleys, other)


def best_guess(calls: np.ndarray, nights: np.ndarray) -> np.ndarray:
    """Return the most probable valley of each alarm, (alarms,), for callers (alarms, 8) in the order in which they are drawn."""
    behind = (
        calls[:, :, None] - np.arange(VALLEYS)
    ) % VALLEYS  # (alarms, callers, valleys): how far a call is off
    logs = np.zeros((len(calls), VALLEYS))
    for number, (by_day, at_night) in enumerate(RIGHT.values()):
        right = np.where(nights, at_night, by_day)[:, None]
        logs += np.log(np.where(behind[:, number] == 0, right, (1 - right) / (VALLEYS - 1)))
    prank = (1 - PRANK) / VALLEYS
    logs += np.log(np.where(behind[:, len(RIGHT)] == 1, prank + PRANK, prank))
    return logs.argmax(axis=1)  # gossip tells nothing


def save(path: Path, **arrays: np.ndarray) -> dict[str, Any]:
    """Write the arrays to an npz file; return the number of seasons and the hash."""
    if path.exists():
        raise FileExistsError(f"{path} already holds data; remove it or choose another folder")
    content = write_arrays(path, **arrays)
    return {"seasons": len(next(iter(arrays.values()))), "sha256": hashlib.sha256(content).hexdigest()}


def load(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file. Raises ValueError with a sentence where one of the three for the judge is missing."""
    with np.load(path, allow_pickle=False) as arrays:
        lacking = sorted({"valleys", "nights", "calls"} - set(arrays.files))
        if lacking:
            raise ValueError(f"{path} has no array {lacking[0]!r}")
        return dict(arrays)
