"""Measure predictions on draws of their rows, with replacement: what other rows of the same kind could have given (Efron 1979)."""

from __future__ import annotations

import math
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import GraderFault, StudentFault
from grader.task.own_scorer import run_scorer_on_draws
from grader.task.scorers import SCORE_FILE
from grader.task.scoring import by_need, load_arrays, measured_arrays, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grader.task.spec import Task

DRAWS = 200


def draw_rows(answers: Path) -> dict[int, NDArray[np.int64]]:
    """Return the rows (draws, n) of each draw for each number of rows, n, that arrays of answers have; always the same ones.

    Arrays of the same length are drawn together. Raises GraderFault where the file cannot be read or has no rows.
    """
    lengths = {len(array) if array.ndim else 0 for array in load_arrays(answers).values()}
    if 0 in lengths:
        raise GraderFault("answers without rows cannot be drawn")
    rng = np.random.default_rng(0)  # the same results give the same page
    return {length: rng.integers(length, size=(DRAWS, length)) for length in sorted(lengths)}


def values_of_draws(
    predictions: Path, answers: Path, draws: Mapping[int, NDArray[np.int64]], task: Task
) -> NDArray[np.float64]:
    """Return the value (draws,) of each draw; NaN where none can be measured, such as the ROC-AUC of one class.

    Raises GraderFault where predictions have other numbers of rows than answers, and as `measure` does.
    """
    given, truth = load_arrays(predictions), load_arrays(answers)
    if any(array.ndim == 0 or len(array) not in draws for array in given.values()):
        raise GraderFault(
            f"{predictions.name} has other rows than the answers, which cannot be drawn with them"
        )
    if task.spec.metric.scorer == SCORE_FILE:
        measured = _by_score_file(predictions, answers, draws, task)
    else:
        measured = [
            _measured(_taken(given, draws, number), _taken(truth, draws, number), task)
            for number in range(DRAWS)
        ]
    return np.array([math.nan if each is None else value_of(each, task.spec.score) for each in measured])


def _taken(
    arrays: Mapping[str, NDArray[Any]], draws: Mapping[int, NDArray[np.int64]], number: int
) -> dict[str, NDArray[Any]]:
    return {name: array[draws[len(array)][number]] for name, array in arrays.items()}


def _measured(
    given: Mapping[str, NDArray[Any]], truth: Mapping[str, NDArray[Any]], task: Task
) -> dict[str, float] | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # of one class, once for each draw
            return measured_arrays(given, truth, task)
    except (GraderFault, StudentFault):  # all rows together were measured, these are not enough
        return None


def _by_score_file(
    predictions: Path, answers: Path, draws: Mapping[int, NDArray[np.int64]], task: Task
) -> list[dict[str, float] | None]:
    with tempfile.TemporaryDirectory(prefix="grader-draws-") as folder:
        path = Path(folder) / "draws.npz"
        np.savez(path, allow_pickle=False, **{str(length): rows for length, rows in draws.items()})
        measured = run_scorer_on_draws(task.score_source, predictions, answers, path)
    return [None if each is None else by_need(each, task) for each in measured]
