"""Check that order, file sizes, times and names of samples reveal nothing about their labels.

A small tree predicts the labels from each of these alone, on samples that it has not seen. Under chance its
balanced accuracy has the mean 1/K and, for n_k samples of class k of which it gives the share p_k of all answers, the
variance sum(p_k (1 - p_k) / n_k) / K^2, and somewhat more because folds share samples. Over seeds, the standardised
distances add up; over everything that was tried, the bound of three standard errors is corrected (Bonferroni).
"""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from grader.findings import Finding, found
from grader.lint.task.arrays import PICTURES
from grader.task.metrics import balanced_accuracy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from grader.lint.task.arrays import Column
    from grader.lint.task.data_sets import TaskData

_LABELS = {"label", "labels", "y", "target", "targets", "class", "classes"}
_LEAST = 50  # samples; fewer prove nothing
_MOST_CLASSES = 100
_CHARACTERS = 32  # of a file's name
_MODULI = range(2, 17)
_FOLDS, _DEPTH = 5, 4
_SHARED = 1.25  # by so much the standard error of five folds is larger, as drawing labels at random shows
_ONE_SIDED = 1 - NormalDist().cdf(3)  # the chance to lie three standard errors above the mean


@dataclass(frozen=True)
class Trial:
    """Labels (n,), and features (n, d) of each sample's surroundings: their `kind`, and the `source` of the samples."""

    source: str
    kind: str
    labels: NDArray[Any]
    features: NDArray[np.float64]


@dataclass(frozen=True)
class Predictability:
    """How well labels can be predicted: balanced accuracy, and its distance from chance in standard errors."""

    accuracy: float
    chance: float
    distance: float


def check_traces(data: TaskData) -> Finding:
    """Check that no label can be predicted from order, file size, modification time or file name."""
    outcomes: dict[tuple[str, str], list[Predictability]] = {}
    for trial in _trials(data):
        if (trial.features != trial.features[:1]).any():  # what is always the same says nothing
            outcomes.setdefault((trial.source, trial.kind), []).append(
                predictability(trial.labels, trial.features)
            )
    bound = NormalDist().inv_cdf(1 - _ONE_SIDED / max(len(outcomes), 1))
    wrong = []
    for (source, kind), seen in outcomes.items():
        distance = sum(outcome.distance for outcome in seen) / len(seen) ** 0.5
        if distance > bound:
            accuracy = float(np.mean([outcome.accuracy for outcome in seen]))
            wrong.append(
                f"{source}: the {kind} predicts the label with a balanced accuracy of {accuracy:.2f} "
                f"(chance {seen[0].chance:.2f}, {distance:.0f} standard errors above it)"
            )
    right = f"order, sizes, times and names of files predict no label ({len(outcomes)} tries, bound {bound:.1f} standard errors)"
    return found("traces", wrong, right)


def predictability(labels: NDArray[Any], features: NDArray[np.float64]) -> Predictability:
    """Return how well a small tree predicts labels (n,) of unseen samples from their features (n, d)."""
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    leaf = max(5, len(labels) // 100)
    tree = DecisionTreeClassifier(
        max_depth=_DEPTH, min_samples_leaf=leaf, class_weight="balanced", random_state=0
    )
    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    predictions = np.asarray(cross_val_predict(tree, features, index, cv=folds), dtype=np.int64)
    accuracy = balanced_accuracy(index, predictions)
    shares = np.bincount(predictions, minlength=len(classes)) / len(labels)
    error = _SHARED * float(np.sqrt((shares * (1 - shares) / counts).sum())) / len(classes)
    chance = 1 / len(classes)
    return Predictability(accuracy, chance, (accuracy - chance) / error if error else 0.0)


def _trials(data: TaskData) -> Iterator[Trial]:
    for hidden in data.hidden:
        for key, labels in hidden.truth.items():
            yield from _of_rows(f"answers: {key}", labels)
            for folder, files in _sample_files(hidden.test_files, len(labels)).items():
                yield from _of_files(f"inputs/{folder.relative_to(hidden.inputs).as_posix()}", labels, files)
    public_files = sorted(path for path in data.public.rglob("*") if path.is_file())
    for column in data.public_columns:
        table, _, name = column.name.rpartition(": ")
        if PurePosixPath(name).stem.lower() not in _LABELS or column.values.ndim != 1:
            continue
        yield from _of_rows(f"public/{column.name}", column.values)
        beside = [other for other in data.public_columns if table and other.name.startswith(f"{table}: ")]
        for folder, files in _sample_files(public_files, len(column.values)).items():
            names = _names_column(beside, files)
            if names is not None and folder.is_relative_to((data.public / table).parent):
                where = f"public/{folder.relative_to(data.public).as_posix()}"
                yield from _of_files(where, column.values[np.argsort(names)], files)


def _of_rows(source: str, labels: NDArray[Any]) -> Iterator[Trial]:
    """Yield what the order of samples may reveal: the position of each, and the labels before it."""
    if not _usable(labels):
        return
    positions = np.arange(len(labels), dtype=np.float64)
    moduli = [positions % modulus for modulus in _MODULI]
    yield Trial(source, "position", labels, np.stack([positions, *moduli], axis=1))
    _, index = np.unique(labels, return_inverse=True)
    before = np.stack([np.roll(index, 1), np.roll(index, 2)], axis=1)[2:].astype(np.float64)
    yield Trial(source, "label of the sample before", labels[2:], before)


def _of_files(source: str, labels: NDArray[Any], files: Sequence[Path]) -> Iterator[Trial]:
    """Yield what the files of samples may reveal, one file each, in the order of their names."""
    if not _usable(labels):
        return
    sizes = np.array([[_size_beyond_content(path)] for path in files], dtype=np.float64)
    times = np.array([[path.stat().st_mtime] for path in files])
    names = np.zeros((len(files), 1 + _CHARACTERS))
    for row, path in zip(names, files, strict=True):
        letters = [ord(letter) for letter in path.stem[:_CHARACTERS]]
        row[0], row[1 : 1 + len(letters)] = len(path.stem), letters
    for kind, features in (
        ("size of its file", sizes),
        ("time of its file", times),
        ("name of its file", names),
    ):
        yield Trial(source, kind, labels, features)


def _size_beyond_content(path: Path) -> float:
    """Return the size of a file; of a picture, the bytes beyond those that its pixels need.

    How well a picture compresses depends on what it shows, which anybody who has the picture can see.
    """
    size = path.stat().st_size
    try:
        with Image.open(path) as picture:
            how: dict[str, Any] = {"quality": "keep"} if picture.format == "JPEG" else {}
            sizes = []
            for optimize in (False, True):
                again = io.BytesIO()
                picture.save(again, format=picture.format, optimize=optimize, **how)
                sizes.append(size - len(again.getvalue()))
                if not sizes[-1]:
                    break
    except (UnidentifiedImageError, OSError, ValueError):  # no picture
        return float(size)
    return float(min(sizes, key=abs))


def _sample_files(files: Iterable[Path], count: int) -> dict[Path, list[Path]]:
    """Return the folders that hold one file, or one picture, for each of `count` samples; `files` are sorted."""
    folders: dict[Path, list[Path]] = {}
    for parent, group in itertools.groupby(files, key=lambda path: path.parent):
        members = list(group)
        shown = [path for path in members if path.suffix.lower() in PICTURES]
        for chosen in (members, shown):
            if len(chosen) == count:
                folders[parent] = chosen
    return folders


def _names_column(columns: Sequence[Column], files: Sequence[Path]) -> NDArray[Any] | None:
    """Return the column of a table that names these files, without their folders."""
    wanted = {path.name for path in files}
    for column in columns:
        if column.values.dtype.kind == "U" and column.values.ndim == 1:
            names = np.array([PurePosixPath(name).name for name in column.values.tolist()])
            if set(names.tolist()) == wanted:
                return names
    return None


def _usable(labels: NDArray[Any]) -> bool:
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        return False  # only a class can be guessed as one
    classes = len(np.unique(labels))
    return len(labels) >= _LEAST and 1 < classes <= _MOST_CLASSES
