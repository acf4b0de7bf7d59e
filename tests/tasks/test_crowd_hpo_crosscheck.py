"""Dawid and Skene's algorithm as the reference of `crowd_hpo` has it, against crowd-kit's, on simulated crowds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crowd_kit import recorded_labels
from notebook_source import definitions

CROWDS = {
    "three classes, good annotators": (3, 120, 6, 0.8, 0.7),
    "two classes, few answers": (2, 150, 8, 0.75, 0.4),
    "ten classes, many annotators": (10, 300, 12, 0.7, 0.6),
    "five classes, half of them guess": (5, 200, 10, None, 0.8),
}


def simulate(classes: int, samples: int, annotators: int, accuracy: float | None, answered: float) -> Any:
    """Return answers (n, A) of annotators, -1 where one is silent; without accuracy every second one guesses."""
    rng = np.random.default_rng(classes)
    labels = rng.integers(classes, size=samples)
    right = np.full(annotators, accuracy or 0.9)
    if accuracy is None:
        right[::2] = 0
    guesses = rng.integers(classes, size=(samples, annotators))
    z = np.where(rng.random(guesses.shape) < right, labels[:, None], guesses)
    silent = rng.random(z.shape) >= answered
    silent[np.arange(samples), rng.integers(annotators, size=samples)] = False
    return np.where(silent, -1, z)


@pytest.mark.parametrize("name", CROWDS)
def test_dawid_skene_gives_the_labels_of_crowd_kit(name: str) -> None:
    crowd = CROWDS[name]
    z, notebook = simulate(*crowd), definitions("crowd_hpo", solution=True)
    labels, confusion = notebook.dawid_skene(z, crowd[0])
    assert (labels.argmax(axis=1) == recorded_labels(f"crowd_hpo: {name}", z)).all()
    assert np.allclose(confusion.sum(axis=2), 1)


def test_the_labels_that_candidates_train_on_are_those_of_the_reference() -> None:
    notebook = definitions("crowd_hpo", solution=True)
    z = simulate(*CROWDS["ten classes, many annotators"])
    notebook.CLASSES = 10
    assert np.array_equal(notebook.dawid_skene_labels(z), notebook.dawid_skene(z, 10)[0].argmax(axis=1))
