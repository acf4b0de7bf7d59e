"""Draws of rows, with replacement: they spread as theory says, are the same for everybody, and a score.py measures them as metrics do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grader.errors import GraderFault
from grader.task.row_draws import DRAWS, draw_rows, values_of_draws
from grader.task.score_table import MetricTable, Score

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

ROWS = 400
OWN_MAE = "import numpy as np\n\ndef score(predictions, answers):\n    return {'mae': float(np.abs(predictions['degrees'] - answers['degrees']).mean())}\n"


def measured_by(task: Task, scorer: str, source: str = "") -> Task:
    """Return the task with another metric and, where it is score.py, with that text."""
    metric = MetricTable(scorer=scorer, best="low") if source else MetricTable(scorer=scorer)
    spec = task.spec.model_copy(update={"metric": metric, "score": Score(floor=9.0, ceiling=0.0)})
    changed = replace(task, spec=spec)
    vars(changed)["score_source"] = source  # as `read_ahead` leaves it
    return changed


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(3)
    degrees = rng.normal(0, 10, ROWS)
    np.savez(tmp_path / "answers.npz", degrees=degrees)
    np.savez(tmp_path / "predictions.npz", degrees=degrees + rng.normal(0, 2, ROWS))
    return tmp_path / "predictions.npz", tmp_path / "answers.npz"


def test_values_of_draws_spread_as_a_mean_over_rows_does(toy_task: Task, files: tuple[Path, Path]) -> None:
    predictions, answers = files
    draws = draw_rows(answers)
    values = values_of_draws(predictions, answers, draws, measured_by(toy_task, "mae"))
    with np.load(predictions) as given, np.load(answers) as truth:
        errors = np.abs(given["degrees"] - truth["degrees"])
    assert values.shape == (DRAWS,)
    assert values.mean() == pytest.approx(errors.mean(), abs=0.02)
    assert values.std() == pytest.approx(errors.std() / np.sqrt(ROWS), rel=0.2)
    assert (draw_rows(answers)[ROWS] == draws[ROWS]).all(), "the same draws for everybody"


def test_a_score_py_measures_each_draw(toy_task: Task, files: tuple[Path, Path]) -> None:
    draws = draw_rows(files[1])
    by_name = values_of_draws(*files, draws, measured_by(toy_task, "mae"))
    by_file = values_of_draws(*files, draws, measured_by(toy_task, "score.py", OWN_MAE))
    np.testing.assert_allclose(by_file, by_name)


def test_a_draw_that_cannot_be_measured_has_no_value(toy_task: Task, tmp_path: Path) -> None:
    """Of 8 answers one is of the other class, which a draw may lack."""
    np.savez(tmp_path / "answers.npz", kinds=np.array([1] + [0] * 7))
    np.savez(tmp_path / "predictions.npz", kinds=np.linspace(1, 0, 8))
    task = measured_by(toy_task, "roc_auc")
    draws = draw_rows(tmp_path / "answers.npz")
    values = values_of_draws(tmp_path / "predictions.npz", tmp_path / "answers.npz", draws, task)
    assert (np.isnan(values) == (draws[8] != 0).all(axis=1)).all()
    np.testing.assert_allclose(values[~np.isnan(values)], 1)


def test_rows_that_are_not_those_of_the_answers_are_our_fault(
    toy_task: Task, files: tuple[Path, Path]
) -> None:
    predictions, answers = files
    np.savez(predictions, degrees=np.zeros(3))
    with pytest.raises(GraderFault, match="other rows than the answers"):
        values_of_draws(predictions, answers, draw_rows(answers), measured_by(toy_task, "mae"))
