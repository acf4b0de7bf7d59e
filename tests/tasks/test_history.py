"""The training histories that the tasks' notebooks save: what their cells write is what a feedback page reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from notebook_source import code_cells

from grader.report.training_curves import read_history
from grader.task.spec import discover

# Called once a run or an episode, or for single actions, or nothing is called: no protected loop trains step by step.
NO_STEPS = {"advice_bandit", "crowd_hpo", "night_birds", "seal_weights", "town_letters"}
# What the training loop of each task leaves behind after two steps.
RECORDS: dict[str, dict[str, Any]] = {
    "noisy_labels": {
        "history": [
            {"share": [0.9, 0.5], "losses": torch.tensor([[0.2, 0.4], [0.6, 0.8]])},
            {"share": [0.8, float("nan")], "losses": torch.tensor([[0.1, 0.1], [0.5, 0.5]])},
        ]
    },
    "learning_to_defer": {
        "AGENTS": ["expert 1", "classifier"],
        "history": [{"load": np.array([0.25, 0.75])}, {"load": np.full(2, np.nan)}],
    },
    "multi_annotator_al": {
        "history": [
            {"sure": np.float64(0.5), "asked": np.array([0, 0])},
            {"sure": np.float64(0.75), "asked": np.array([48, 16])},
        ]
    },
    "image_al": {
        "SCENARIOS": ("clean", "noisy"),
        "records": {"clean": {"odd": [0.25, 0.5]}, "noisy": {"odd": [float("nan"), 0.5]}},
    },
}
EXPECTED: dict[str, tuple[str, dict[str, tuple[float | None, ...]]]] = {
    "noisy_labels": (
        "epoch",
        {
            "share of label 0 kept": (0.9, 0.8),
            "share of label 1 kept": (0.5, None),
            "mean loss of model 1": (0.3, 0.1),
            "mean loss of model 2": (0.7, 0.5),
        },
    ),
    "learning_to_defer": (
        "epoch",
        {"mean q_z of expert 1": (0.25, None), "mean q_z of classifier": (0.75, None)},
    ),
    "multi_annotator_al": (
        "cycle",
        {
            "mean confidence of the network": (0.5, 0.75),
            "share of the answers from the busiest person": (0, 0.75),
        },
    ),
    "image_al": (
        "round",
        {
            "share of odd classes among the labels bought, clean": (0.25, 0.5),
            "share of odd classes among the labels bought, noisy": (None, 0.5),
        },
    ),
}


def test_every_task_saves_a_history_or_has_nothing_that_changes_step_by_step() -> None:
    saving = {task.id for task in discover() if any("save_history(" in text for text in code_cells(task.id))}
    assert saving == {task.id for task in discover()} - NO_STEPS == set(EXPECTED)


@pytest.mark.parametrize("task_id", sorted(EXPECTED))
def test_what_a_notebook_saves_is_what_the_report_reads(task_id: str, tmp_path: Path) -> None:
    names: dict[str, Any] = {
        "np": np, "json": json, "Path": Path, "PREDICTIONS_PATH": str(tmp_path / "predictions.npz"),
        "FINAL_EVALUATION_MODE": False, **RECORDS[task_id],
    }  # fmt: skip
    definition, use = [text for text in code_cells(task_id) if "save_history(" in text]
    exec(compile(definition, "notebook", "exec"), names)
    exec(compile(use, "notebook", "exec"), names)
    assert not (tmp_path / "history.json").exists()  # students see the pictures instead
    names["FINAL_EVALUATION_MODE"] = True
    exec(compile(use, "notebook", "exec"), names)
    history = read_history(tmp_path / "history.json")
    assert history is not None
    axis, series = EXPECTED[task_id]
    assert (history.x.name, history.x.values) == (axis, (1, 2))
    assert history.series.keys() == series.keys()
    for name, values in series.items():
        assert history.series[name] == pytest.approx(values)
