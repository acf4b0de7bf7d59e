"""The toy task's protected code: what it says to a wrong return, and how far its two faces lie apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from grader.notebooks.reading import source, tagged, tags
from grader.report.training_curves import read_history
from grader.task.build import build
from grader.task.metrics import balanced_accuracy
from grader.task.scoring import points, score

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

BATCH = 4
TARGETS = torch.zeros(BATCH, dtype=torch.int64)


def run_protected(task: Task, changes: dict[str, Any], slot: str) -> dict[str, Any]:
    """Run the notebook's code in this process, as the trainer would; return its names."""
    names: dict[str, Any] = {}
    threads = torch.get_num_threads()
    for cell in json.loads(build(task).starter)["cells"]:
        if cell["cell_type"] == "code":
            exec(slot if "slot" in tags(cell) else source(cell), names)
        if "parameters" in tags(cell):
            names |= changes
    torch.set_num_threads(threads)
    return names


@pytest.fixture(scope="module")
def protected(toy_task: Task, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    changes = {"DATA_PATH": str(tmp_path_factory.mktemp("public") / "toy_data"), "DEVICE": "cpu"}
    return run_protected(toy_task, changes, "def your_weights(t, l): return torch.ones(len(t))")


WRONG: dict[str, tuple[Any, str]] = {
    "a list": ([1.0] * BATCH, "returned a list; return a torch tensor."),
    "nothing": (None, "returned a NoneType; return a torch tensor."),
    "an array": (np.ones(BATCH, np.float32), "returned a ndarray; return a torch tensor."),
    "too short": (torch.ones(3), "returned the shape (3,) for a batch of 4; return (4,)."),
    "empty": (torch.ones(0), "returned the shape (0,)"),
    "nested": (torch.ones(BATCH, 1), "returned the shape (4, 1)"),
    "doubles": (torch.ones(BATCH, dtype=torch.float64), "returned torch.float64; return torch.float32."),
    "integers": (torch.ones(BATCH, dtype=torch.int64), "returned torch.int64"),
    "NaN": (torch.tensor([1.0, float("nan"), 1.0, 1.0]), "NaN or infinite"),
    "infinite": (torch.tensor([1.0, float("inf"), 1.0, 1.0]), "NaN or infinite"),
    "negative": (-torch.ones(BATCH), "weights from -1 to -1; they must lie between 0 and 100."),
    "huge": (torch.ones(BATCH) * 1e6, "weights from 1e+06 to 1e+06"),
}


@pytest.mark.parametrize(("returned", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_return_gets_a_sentence(protected: dict[str, Any], returned: Any, says: str) -> None:
    with pytest.raises(protected["InvalidOutput"]) as caught:
        protected["check_weights"](returned, TARGETS)
    assert says in str(caught.value)
    assert str(caught.value).startswith("your_weights returned ")
    assert str(caught.value).endswith(".")


def test_right_weights_pass_without_their_history(protected: dict[str, Any]) -> None:
    weights = torch.linspace(0, 100, BATCH, requires_grad=True)
    checked = protected["check_weights"](weights, TARGETS)
    assert torch.equal(checked, weights)
    assert not checked.requires_grad


def test_the_slot_gets_copies_without_a_way_back_to_the_model(protected: dict[str, Any]) -> None:
    seen: list[torch.Tensor] = []

    def spy(targets: torch.Tensor, losses: torch.Tensor) -> torch.Tensor:
        seen.extend((targets, losses))
        losses.zero_()
        return torch.ones(len(targets))

    protected["train"](spy, epochs=1)
    assert len(seen) == 2 * 20
    assert all(tensor.grad_fn is None and not tensor.requires_grad for tensor in seen)


@pytest.mark.slow
def test_baseline_and_solution_lie_far_apart_in_final_evaluations(toy_task: Task, tmp_path: Path) -> None:
    means = []
    for face in ("starter", "solution"):
        slot = source(tagged(json.loads(getattr(build(toy_task), face)), "slot")[0])
        accuracies = []
        for seed in range(5):
            folder = tmp_path / f"{face}-{seed}"
            toy_task.builder().make_data(None, folder / "inputs", folder / "answers", seed=seed)
            changes = {
                "FINAL_EVALUATION_MODE": True,
                "DATA_PATH": str(folder / "inputs"),
                "PREDICTIONS_PATH": str(folder / "predictions.npz"),
                "SEED": seed,
                "DEVICE": "cpu",
            }
            run_protected(toy_task, changes, slot)
            history = read_history(folder / "history.json")
            assert history is not None
            losses = [loss for _, loss in history.line("mean loss")]
            assert len(losses) == 5
            assert losses[-1] < losses[0]
            accuracies.append(score(folder / "predictions.npz", folder / "answers" / "answers.npz")["model"])
        means.append(np.mean(accuracies))
    assert means[0] < 0.62
    assert means[1] > 0.82


def test_the_notebooks_points_are_the_graders_points(toy_task: Task, protected: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    for noise in np.linspace(0, 0.6, 25):
        labels = rng.integers(0, 2, 200)
        predictions = np.where(rng.random(200) < noise, 1 - labels, labels)
        expected = points(balanced_accuracy(labels, predictions), toy_task.spec.score)
        assert protected["performance"](labels, predictions) == expected
