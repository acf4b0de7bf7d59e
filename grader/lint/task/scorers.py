"""Check a task's score.py by mutation: predictions that are spoilt in every usual way end with the verdict that they should."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import GraderFault, StudentFault
from grader.findings import Finding, found
from grader.lint.task.score_map import FUNCTION, needed
from grader.task.scoring import measure, points
from grader.task.scoring_text import SCORE_PLACEHOLDER
from grader.task.source import notebook_source
from grader.text import count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from grader.lint.task.notebooks import Subject
    from grader.task.spec import Task

    Arrays = dict[str, NDArray[Any]]


def check_scorer(task: Task, predictions: Path, answers: Path) -> Finding:
    """Check the score.py of `task` on the predictions of a good run; a metric by name needs no check.

    Predictions that no run may end with have to raise `InvalidOutput`. Others may be refused or scored. None may make score.py
    fail, and none that know nothing may get more than the good run.
    """
    if not task.score_source:
        return found("scorer", [], f"{task.metric.name} is a metric by name")
    with np.load(predictions, allow_pickle=False) as opened:
        good = dict(opened)
    with np.load(answers, allow_pickle=False) as opened:
        truth = dict(opened)
    wrong, tried = [], 0
    best = measure(predictions, answers, task).value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / predictions.name
        for name, spoilt, must_refuse in mutations(good, truth):
            np.savez(path, **spoilt)  # type: ignore[arg-type]
            tried += 1
            wrong += ending(name, path, answers, task=task, best=None if must_refuse else best)
    return found("scorer", wrong, f"{tried} kinds of spoilt predictions end as they should")


def mutations(good: Arrays, truth: Arrays) -> list[tuple[str, Arrays, bool]]:
    """Return (name, arrays, whether they must be refused) of every way of spoiling `good` that applies to it."""
    rng = np.random.default_rng(0)

    def every(change: Callable[[NDArray[Any]], NDArray[Any]]) -> Arrays:
        return {name: change(array) for name, array in good.items()}

    listed = [
        ("a missing row", every(lambda array: array[:-1]), True),
        ("an extra row", every(lambda array: np.concatenate([array, array[-1:]])), True),
        ("no rows", every(lambda array: array[:0]), True),
        ("texts", every(lambda array: np.full(array.shape, "x")), True),
        ("rows in another order", every(rng.permutation), False),
        ("one row for all", every(lambda array: np.repeat(array[:1], len(array), axis=0)), False),
        ("shuffled answers", {name: rng.permutation(array) for name, array in truth.items()}, False),
    ]
    if len(good) > 1:
        listed.append(("a missing array", dict(list(good.items())[1:]), True))
    if any(array.dtype.kind == "f" for array in good.values()):
        for name, value in (("NaN", np.nan), ("an infinity", np.inf)):
            listed.append((name, every(lambda array, value=value: _with(array, value)), True))  # type: ignore[misc]
    if any(array.dtype.kind in "iu" for array in good.values()):
        listed.append(("a huge integer", every(_with_largest), False))
    if set(truth) == set(good):
        return listed
    return [row for row in listed if row[0] != "shuffled answers"]


def _with(array: NDArray[Any], value: float) -> NDArray[Any]:
    """Return the array with `value` as its first number, unless it holds none of this kind."""
    changed = array.copy()
    if array.size and array.dtype.kind == "f":
        changed.flat[0] = value
    return changed


def _with_largest(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array with the largest integer of its kind as its first, unless it holds none."""
    changed = array.copy()
    if array.size and array.dtype.kind in "iu":
        changed.flat[0] = np.iinfo(array.dtype).max
    return changed


def ending(name: str, predictions: Path, answers: Path, *, task: Task, best: float | None) -> list[str]:
    """Return what is wrong with how predictions end; `best` is what they may reach, None where they must be refused."""
    try:
        value = measure(predictions, answers, task).value
    except StudentFault:
        return []
    except GraderFault as fault:
        return [f"{name}: {fault}; raise InvalidOutput with a sentence instead"]
    if best is None:
        return [
            f"{name}: score.py gives {task.metric.text(value)}; raise InvalidOutput with a sentence instead"
        ]
    if task.metric.merit(value) > task.metric.merit(best):
        return [
            f"{name}: score.py gives {task.metric.text(value)}, and {task.metric.text(best)} to a good run"
        ]
    return []


def check_notebook_points(subject: Subject, predictions: Sequence[Path], answers: Sequence[Path]) -> Finding:
    """Check on final evaluations that the notebook's own function gives the points of the grader.

    Only a function with the arguments `predictions` and `answers` can be asked; the score map is compared for others.
    """
    name, task = "notebook points", subject.task
    if SCORE_PLACEHOLDER not in notebook_source(task.folder):
        return found(name, [], f"{FUNCTION}() takes no predictions; its map was compared")
    names: dict[str, Any] = {}
    wrong, given = [], []
    try:
        exec(compile(ast.Module(needed(subject)[1], []), "notebook", "exec"), names)  # noqa: S102 -- the author's code
        for path, truth in zip(predictions, answers, strict=False):
            with np.load(path, allow_pickle=False) as mine, np.load(truth, allow_pickle=False) as theirs:
                given.append(names[FUNCTION](predictions=dict(mine), answers=dict(theirs)))
            earned = points(measure(path, truth, task).value, task.spec.score)
            if given[-1] != earned:
                wrong.append(f"{FUNCTION}() gives {given[-1]} points for a run that gets {earned}")
    except Exception as error:  # noqa: BLE001 -- the author's code
        wrong.append(f"{FUNCTION}() cannot be called: {type(error).__name__}: {error}")
    mean = sum(given) / max(len(given), 1)
    return found(name, wrong, f"the same as the grader's, {mean:.0f} points over {count(len(given), 'run')}")
