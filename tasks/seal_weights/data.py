"""Build the data of seal_weights: what ten volunteers guess, and what the scale says.

    public    train/rows.npz and val/rows.npz, with weights                  given to students
    inputs    train/rows.npz (another beach, other volunteers), test/rows.npz (guesses only)
    answers   answers.npz (the weights of test)                              stays with the grader

`guesses` are (n, 10) float32 in whatever unit was meant, NaN where nobody asked; `weights` (n,) float64 in kg. Which habit each
volunteer has, how strong it is, and everything else comes from the seed.
"""

from __future__ import annotations

import numpy as np

from parts.rows import draw_splits, make_data, read_split, rehearse  # noqa: F401 -- for students, too

SPLITS = {
    "train": (150, ["guesses", "weights"]),
    "val": (300, ["guesses", "weights"]),
    "test": (600, ["guesses"]),
}
ANSWERS = ["weights"]
MIDDLE, SPREAD = 4.35, 0.38  # of the logarithm of a seal's weight in kg
POUND = 2.205  # pounds in a kg
VOLUNTEERS = ["careful"] * 2 + ["rounding"] * 2 + ["timid"] * 2 + ["boasting"] + ["pounds"] * 3


def draw(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Return the guesses (n, 10) of one crowd on n seals, and the weights (n,) of these in kg."""
    weights = np.exp(rng.normal(MIDDLE, SPREAD, n))
    size = (np.log(weights) - MIDDLE) / SPREAD  # standard deviations above the middle
    said, asked = np.empty((n, len(VOLUNTEERS))), np.empty((n, len(VOLUNTEERS)), bool)
    for number, kind in enumerate(rng.permutation(VOLUNTEERS)):
        habit = draw_habit(kind, rng)
        said[:, number] = guess(weights, habit, rng)
        asked[:, number] = rng.random(n) < 1 / (1 + np.exp(-habit["asked"] - habit["asked_if_heavy"] * size))
    alone = ~asked.any(axis=1)
    asked[alone, rng.integers(0, len(VOLUNTEERS), alone.sum())] = True  # somebody has looked at every seal
    guesses = np.where(asked, said, np.nan).astype(np.float32)
    return {"guesses": guesses, "weights": weights.round(1)}


def draw_habit(kind: str, rng: np.random.Generator) -> dict[str, float]:
    """Return how a volunteer guesses: offset + slope * weight, in pounds at times, with noise, in steps."""
    habit = {"offset": 0.0, "slope": 1.0, "noise": 0.12, "pounds": 0.0, "step": 1.0, "asked_if_heavy": 0.0}
    habit["asked"] = rng.normal(-0.4, 0.15)  # log odds that the volunteer is asked about a seal of the middle
    if kind == "careful":
        habit |= {"slope": rng.uniform(0.95, 1.05), "noise": 0.10, "asked": -1.6, "asked_if_heavy": -1.2}
    elif kind == "rounding":
        habit |= {"slope": rng.uniform(0.8, 0.95), "noise": 0.15, "step": 20.0, "asked": 0.3}
    elif kind == "timid":
        slope = rng.uniform(0.3, 0.5)
        offset = 80 * (1 - slope) * rng.uniform(0.8, 1.1)
        habit |= {"offset": offset, "slope": slope, "noise": 0.07, "asked_if_heavy": -2.0}
    elif kind == "boasting":
        habit |= {"slope": rng.uniform(1.4, 1.6), "noise": 0.20, "asked": 0.3, "asked_if_heavy": 2.0}
    else:
        habit |= {"slope": rng.uniform(0.9, 1.1), "noise": 0.09, "pounds": rng.uniform(0.4, 0.55)}
    return habit


def guess(weights: np.ndarray, habit: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """Return what a volunteer with this habit says of seals of these weights (n,)."""
    meant = (habit["offset"] + habit["slope"] * weights) * np.exp(rng.normal(0, habit["noise"], len(weights)))
    meant = np.where(rng.random(len(weights)) < habit["pounds"], meant * POUND, meant)
    return np.maximum(np.round(meant / habit["step"]), 1) * habit["step"]
