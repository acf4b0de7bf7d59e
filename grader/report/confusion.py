"""Measure which classes were taken for which, as rounded shares over all repeats: never a label, a count or an image.

What it tells of the answers is what a balanced accuracy tells, by class: one rounded share for each pair of classes. It is
omitted where a class has so few images that a share could single some of them out.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import GraderFault
from grader.task.scoring import SHARED, score

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FEWEST = 20  # images of a class in each array of answers
MOST_CLASSES = 12  # that a table still shows readably

Counts = dict[tuple[int, int], int]


@dataclass(frozen=True)
class Confusion:
    """Of the images of class `classes[i]`, the share `shares[i][j]`, in whole percent, was taken for `classes[j]`."""

    classes: list[int]
    shares: list[list[int]]

    def named(self, names: Sequence[str]) -> list[str]:
        """Return how each class is shown: by its name of the story, or by its number where there is none."""
        return [names[label] if 0 <= label < len(names) else str(label) for label in self.classes]


def confusion(files: Sequence[tuple[Path, Path]], per_repeat: Sequence[float]) -> Confusion | None:
    """Return the shares over all repeats; `files` are the predictions and the answers of each.

    None where files are missing, classes are too many or too rare, or the balanced accuracy that follows from the files
    is not the recorded one: then they are not those that were scored.
    """
    if not files or len(files) != len(per_repeat):
        return None
    counts: Counts = {}
    for (predictions, answers), recorded in zip(files, per_repeat, strict=True):
        try:
            accuracy = statistics.fmean(score(predictions, answers).values())
        except GraderFault:
            return None
        if not math.isclose(accuracy, recorded, abs_tol=1e-9) or not _count(predictions, answers, counts):
            return None
    classes = sorted({label for pair in counts for label in pair})
    if len(classes) > MOST_CLASSES:
        return None
    totals = {label: sum(counts.get((label, other), 0) for other in classes) for label in classes}
    if not all(totals.values()):  # a class that only occurs among the predictions
        return None
    shares = [
        [round(100 * counts.get((label, other), 0) / totals[label]) for other in classes] for label in classes
    ]
    return Confusion(classes, shares)


def _count(predictions: Path, answers: Path, counts: Counts) -> bool:
    """Add the pairs of (label, prediction) of one repeat to `counts`; False where a class is too rare."""
    with np.load(predictions, allow_pickle=False) as given, np.load(answers, allow_pickle=False) as truth:
        for name in given.files:
            labels: NDArray[Any] = truth[name if name in truth.files else SHARED]
            if np.unique(labels, return_counts=True)[1].min() < FEWEST:
                return False
            pairs, numbers = np.unique(np.stack([labels, given[name]]), axis=1, return_counts=True)
            for label, prediction, number in zip(*pairs.tolist(), numbers.tolist(), strict=True):
                counts[label, prediction] = counts.get((label, prediction), 0) + number
    return True
