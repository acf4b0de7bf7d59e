"""Score predictions against answers: balanced accuracy, and its linear map to points, as pure functions of two files."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import GraderFault

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from grader.task.spec import Score

MAX_BYTES = 256 << 20
SHARED = "labels"  # the one array of answers that all arrays of predictions are compared with


def balanced_accuracy(labels: NDArray[np.integer[Any]], predictions: NDArray[np.integer[Any]]) -> float:
    """Return the mean recall over the classes that occur in `labels`, in [0, 1].

    labels, predictions: (n,) integers, n >= 1. A predicted class that no label has counts as wrong.

    Brodersen et al. 2010, "The balanced accuracy and its posterior distribution", equation 6, for any number of
    classes.
    """
    classes, index = np.unique(labels, return_inverse=True)
    hits = np.bincount(index, weights=predictions == labels, minlength=len(classes))
    return float(np.mean(hits / np.bincount(index, minlength=len(classes))))


def score(predictions: Path, answers: Path) -> dict[str, float]:
    """Return the balanced accuracy of each array of the npz file `predictions`, by its name.

    `answers` has an array of the same name for each, or one array `labels` for all of them. All arrays are (n,)
    integers.

    Raises GraderFault where a file is missing, damaged, too large or does not fit the other: both are written by
    our own trainer and data builder.
    """
    given, truth = _load(predictions), _load(answers)
    wanted = given.keys() if truth.keys() == {SHARED} else truth.keys()
    if not given or given.keys() != wanted:
        raise GraderFault(f"{predictions.name} has the arrays {sorted(given)}, not {sorted(wanted)}")
    return {name: _score_one(name, given[name], truth.get(name, truth.get(SHARED))) for name in sorted(given)}


def points(bac: float, score_map: Score) -> int:
    """Return 0 at the map's floor and below, 100 at its ceiling and above, and whole points in between.

    Raises GraderFault for a balanced accuracy that is not in [0, 1].
    """
    if not 0 <= bac <= 1:  # also true for NaN
        raise GraderFault(f"a balanced accuracy of {bac} is impossible")
    share = (bac - score_map.floor) / (score_map.ceiling - score_map.floor)
    return round(100 * min(max(share, 0.0), 1.0))


def _score_one(name: str, given: NDArray[Any], truth: NDArray[Any] | None) -> float:
    if truth is None or truth.ndim != 1 or not len(truth) or truth.dtype.kind not in "iu":
        raise GraderFault(f"the answers for {name!r} are not one-dimensional whole numbers")
    if given.dtype.kind not in "iu" or given.shape != truth.shape:
        raise GraderFault(
            f"the predictions {name!r} are {given.dtype} of shape {given.shape}; "
            f"whole numbers of shape {truth.shape} were expected"
        )
    return balanced_accuracy(truth, given)


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise GraderFault(f"{path.name} holds more than {MAX_BYTES >> 20} MB")
        with np.load(path, allow_pickle=False) as opened:
            arrays = dict(opened)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise GraderFault(f"{path.name} cannot be read: {error}") from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise GraderFault(f"{path.name} holds something else than arrays")
    return arrays
