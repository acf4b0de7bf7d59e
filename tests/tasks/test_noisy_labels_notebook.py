"""The protected cells of `noisy_labels`: which returns are allowed, what the slot gets, and the score map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from notebook_source import definitions

from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

TASK = load_task("noisy_labels")


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """The names of the notebook: its imports, definitions and constants, without data and without training."""
    names: dict[str, Any] = vars(definitions(TASK.id))
    return names


GOOD = torch.arange(4)


@pytest.mark.parametrize(
    "answer",
    [
        [GOOD, GOOD],
        (GOOD.int(), GOOD.numpy()),
        [[0, 1, 2, 3], (3, 2)],
        [GOOD.numpy().astype(np.uint8), [np.int32(2)]],
        [torch.zeros(128, dtype=torch.int64), torch.tensor([127])],
    ],
    ids=["tensors", "tuple of int32 and numpy", "lists", "uint8 and numpy scalar", "a position many times"],
)
def test_positions_in_a_usual_form_are_allowed(names: dict[str, Any], answer: Any) -> None:
    for indices, given in zip(names["check_indices"](answer, 128), answer, strict=True):
        assert indices.dtype == torch.int64
        assert indices.tolist() == [int(index) for index in given]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, "return a list of two index tensors, one for each model, not a NoneType"),
        (torch.zeros(2, 4).long(), "not a Tensor"),
        ({0: GOOD, 1: GOOD}, "not a dict"),
        ([GOOD], "this list has 1"),
        ([GOOD, GOOD, GOOD], "this list has 3"),
        ([GOOD, None], "the indices for model 2 are a NoneType"),
        ([3, 4], "the indices for model 1 are a int"),
        (["0123", GOOD], "the indices for model 1 are a str"),
        ([torch.zeros(2, 2).long(), GOOD], "for model 1 have 2 dimensions instead of one"),
        ([GOOD, torch.tensor(3)], "for model 2 have 0 dimensions instead of one"),
        ([GOOD.float(), GOOD], "have the type torch.float32, not whole numbers"),
        ([GOOD, np.array([1.0, np.nan])], "have the type float64, not whole numbers"),
        ([GOOD > 1, GOOD], r"torch.bool, not whole numbers; turn a mask into indices with mask.nonzero"),
        ([np.array(["a", "b"]), GOOD], "not whole numbers"),
        ([GOOD, []], "there are 0 indices for model 2; a batch of 128 allows 1 to 128"),
        ([torch.zeros(0).long(), GOOD], "there are 0 indices for model 1"),
        ([torch.zeros(129).long(), GOOD], "there are 129 indices for model 1"),
        ([GOOD, torch.zeros(10**7).long()], "there are 10000000 indices"),
        ([torch.tensor([3, 130]), GOOD], "index 130 for model 1 is out of range for a batch of 128"),
        ([GOOD, [0, -1]], "index -1 for model 2 is out of range"),
        ([GOOD, [10**40]], "is out of range for a batch of 128"),
        ([GOOD, np.array([2**64 - 1], np.uint64)], "index 18446744073709551615 for model 2 is out of range"),
        ([[0, 1.0], GOOD], "the list for model 1 holds a float; indices are whole numbers"),
        ([[0, float("nan")], GOOD], "holds a float"),
        ([[True, False], GOOD], "holds a bool"),
        ([[[0, 1]], GOOD], "holds a list"),
        ([[GOOD], GOOD], "holds a Tensor"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_an_invalid_output_with_a_sentence(
    names: dict[str, Any], answer: Any, sentence: str
) -> None:
    with pytest.raises(names["InvalidOutput"], match=sentence):
        names["check_indices"](answer, 128)


def test_the_slot_gets_detached_copies_and_cannot_change_the_training(names: dict[str, Any]) -> None:
    seen = []

    def meddle(targets: torch.Tensor, losses: list[torch.Tensor]) -> list[torch.Tensor]:
        seen.extend([targets, *losses])
        assert not any(loss.requires_grad for loss in losses)
        everything = torch.arange(len(targets))
        targets.zero_()
        losses[0].zero_()
        losses.clear()
        return [everything, everything]

    def one_step(function: Any) -> tuple[list[torch.Tensor], torch.Tensor]:
        names["seed_everything"](1)
        models = [names["SmallNet"]() for _ in range(2)]
        optimizers = [torch.optim.AdamW(model.parameters()) for model in models]
        images, targets = torch.randn(8, 1, 28, 28), torch.arange(8) % 2
        losses, _ = names["train_step"](models, optimizers, images, targets, function)
        assert targets.tolist() == [0, 1] * 4
        return losses, torch.cat([weights.flatten() for weights in models[0].parameters()])

    honest, hostile = one_step(names["default_select_indices"]), one_step(meddle)
    assert [value.dtype for value in seen] == [torch.int64, torch.float32, torch.float32]
    assert torch.equal(honest[1], hostile[1])
    assert torch.equal(torch.stack(honest[0]), torch.stack(hostile[0]))


def test_each_model_learns_from_its_own_set_only(names: dict[str, Any]) -> None:
    def after_a_step(second: list[int]) -> list[torch.Tensor]:
        names["seed_everything"](1)
        models = [names["SmallNet"]() for _ in range(2)]
        optimizers = [torch.optim.AdamW(model.parameters()) for model in models]
        images, targets = torch.randn(8, 1, 28, 28), torch.arange(8) % 2
        names["train_step"](models, optimizers, images, targets, lambda *_: [[0, 1, 2], second])
        return [torch.cat([weights.flatten() for weights in model.parameters()]) for model in models]

    one, other = after_a_step([3, 4]), after_a_step([5, 5, 5])
    assert torch.equal(one[0], other[0])
    assert not torch.equal(one[1], other[1])


@pytest.mark.parametrize(
    ("accuracies", "points"),
    [([0.605, 0.605], 0), ([0.9, 0.9], 100), ([0.3, 0.4], 0), ([0.95, 0.9], 100), ([0.7, 0.805], 50)],
)
def test_points_follow_the_map_of_the_task(
    names: dict[str, Any], accuracies: list[float], points: int
) -> None:
    assert names["performance"](accuracies) == points
    assert (names["FLOOR"], names["CEILING"]) == (TASK.spec.score.floor, TASK.spec.score.ceiling)


def test_the_table_of_contents_leads_to_headings() -> None:
    text = (TASK.folder / "notebook.py").read_text(encoding="utf-8")
    headings = {line.lstrip("# ").replace(" ", "-") for line in re.findall(r"^# ##+ .*$", text, re.MULTILINE)}
    shared = "Scoring"  # its cell comes from tasks/cells
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert len(links) == 10
    assert links <= headings | {shared}


def test_final_evaluate_gives_points_with_labels_and_saves_predictions_without(
    names: dict[str, Any], tmp_path: Path
) -> None:
    TASK.builder().make_data(tmp_path / "public", tmp_path / "inputs", None, 0)
    names["PREDICTIONS_PATH"] = str(tmp_path / "predictions.npz")
    names["seed_everything"](0)
    models = [names["SmallNet"]() for _ in range(2)]
    assert names["final_evaluate"](tmp_path / "public/val", *models) == 0
    assert not (tmp_path / "predictions.npz").exists()
    assert names["final_evaluate"](tmp_path / "inputs/test", *models) is None
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as arrays:
        assert {name: (values.shape, values.dtype) for name, values in arrays.items()} == {
            "model1": ((1000,), np.dtype("int64")),
            "model2": ((1000,), np.dtype("int64")),
        }
