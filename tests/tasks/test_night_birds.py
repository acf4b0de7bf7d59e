"""The task of files of this repository holds what all tasks hold, as far as it goes with a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grader.grading.bands import LEAST_REFERENCE_POINTS, MOST_STARTER_POINTS, MOST_TRICK_POINTS
from grader.lint import task as linting
from grader.lint.task.files import check_notebook_runs
from grader.task import build
from grader.task.evaluation import prepare_repeats
from grader.task.file_check import read_expected
from grader.task.spec import Task, load_task

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_CELL = 40  # lines; the solution's is the longest


@pytest.fixture(scope="module")
def night_birds() -> Task:
    return load_task("night_birds")


def wrong(findings: list[linting.Finding]) -> dict[str, str]:
    return {finding.name: finding.detail for finding in findings if not finding.ok}


def test_the_linter_finds_nothing_wrong_with_text_and_data(night_birds: Task, tmp_path: Path) -> None:
    subject = linting.read_subject(night_birds)
    data = linting.build_task_data(night_birds, tmp_path, seeds=1)
    assert wrong(linting.lint_text(subject) + linting.lint_data(subject, data)) == {}
    assert build.check(night_birds) == []


def test_the_recorded_bands_hold(night_birds: Task) -> None:
    recorded = json.loads((night_birds.folder / "bands.json").read_text(encoding="utf-8"))["strategies"]
    points = {name: band["points"] for name, band in recorded.items()}
    tricks = [points[name] for name, band in recorded.items() if band["role"] == "trick"]
    assert points["starter"] <= MOST_STARTER_POINTS
    assert MOST_STARTER_POINTS < max(tricks) <= MOST_TRICK_POINTS
    assert LEAST_REFERENCE_POINTS <= points["reference"] < 100


def test_training_is_quiet_and_the_questions_are_windy_and_no_id_tells_anything(
    night_birds: Task, tmp_path: Path
) -> None:
    (repeat,) = prepare_repeats(
        night_birds, b"seeds of the test suite", tmp_path, repeats=1, source="embedded"
    )
    splits = {}
    for name in ("train", "val", "questions"):
        with np.load(repeat.inputs / f"{name}.npz", allow_pickle=False) as arrays:
            splits[name] = dict(arrays)
    assert {name: sorted(split) for name, split in splits.items()} == {
        "train": ["distance", "species", "x"], "val": ["distance", "id", "species", "x"], "questions": ["id", "x"],
    }  # fmt: skip
    deepest = {name: float(np.exp(split["x"][:, 0]).mean()) for name, split in splits.items()}
    assert deepest["questions"] > 3 * deepest["train"]
    assert deepest["val"] == pytest.approx(deepest["questions"], rel=0.3)
    expected = read_expected(repeat.answers)["predictions.csv"]
    assert expected.scored == tuple(map(str, splits["questions"]["id"].tolist()))
    assert set(expected.unscored) == {str(number) for number in splits["val"]["id"].tolist()}


def test_code_cells_stay_short_enough_to_be_read(night_birds: Task) -> None:
    notebook = json.loads(night_birds.starter.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code" and "def performance" not in text:
            assert len(text.splitlines()) <= LONGEST_CELL, text


@pytest.mark.slow
@pytest.mark.nightly
def test_the_starter_runs_clean_beside_its_data_and_writes_the_file(
    night_birds: Task, tmp_path: Path
) -> None:
    data = linting.build_task_data(night_birds, tmp_path / "data", seeds=1)
    finding = check_notebook_runs(night_birds, data, tmp_path / "student")
    assert finding.ok, finding.detail
