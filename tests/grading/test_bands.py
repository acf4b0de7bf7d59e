"""The suggested score map sets starter, tricks and reference apart, and says where it cannot."""

from __future__ import annotations

import json

import pytest

from grader.grading.bands import (
    LEAST_REFERENCE_POINTS,
    MOST_STARTER_POINTS,
    MOST_TRICK_POINTS,
    Accuracies,
    Band,
    MapSuggestion,
    record_of,
    suggest_map,
)
from grader.task.spec import Task, discover


def band(role: str, mean: float, sd: float = 0.02) -> Band:
    return Band(role, Accuracies(mean, sd, [mean] * 3), 0, [], 1.0)


def suggested(starter: float, reference: float, *tricks: float, sd: float = 0.02) -> MapSuggestion | None:
    bands = {f"trick {number}": band("trick", mean, sd) for number, mean in enumerate(tricks)}
    return suggest_map(
        {"starter": band("starter", starter, sd), "reference": band("reference", reference, sd)} | bands
    )


def test_a_map_begins_at_the_starter_and_ends_a_little_below_the_reference() -> None:
    suggestion = suggested(0.62, 0.9, 0.7)
    assert suggestion == MapSuggestion(0.62, 0.88, 0, 31, 100, [])


def test_a_good_trick_moves_the_end_up_as_long_as_the_reference_keeps_its_points() -> None:
    suggestion = suggested(0.6, 0.9, 0.84, 0.7)
    assert suggestion is not None
    assert suggestion.ceiling == 0.92
    assert suggestion.trick == MOST_TRICK_POINTS
    assert suggestion.reference >= LEAST_REFERENCE_POINTS
    assert suggestion.problems == []


def test_a_trick_as_good_as_the_reference_is_a_problem_of_the_task() -> None:
    suggestion = suggested(0.6, 0.9, 0.89)
    assert suggestion is not None
    assert suggestion.reference >= LEAST_REFERENCE_POINTS
    assert "would still get 88 points" in suggestion.problems[0]


def test_answers_within_their_spread_are_named() -> None:
    suggestion = suggested(0.6, 0.65, sd=0.05)
    assert suggestion is not None
    assert "closer than their spread" in suggestion.problems[0]


@pytest.mark.parametrize("reference", [0.5, 0.6, 0.609], ids=["worse", "the same", "hardly better"])
def test_without_a_better_reference_there_is_no_map(reference: float) -> None:
    assert suggested(0.6, reference) is None


def test_a_perfect_reference_ends_the_map_at_one() -> None:
    suggestion = suggested(0.6, 1.0, 0.95, sd=0.0)
    assert suggestion is not None
    assert suggestion.ceiling == 1.0


@pytest.mark.parametrize("task", discover(), ids=lambda task: task.id)
def test_the_maps_suggested_for_the_tasks_that_come_along_keep_what_theirs_keep(task: Task) -> None:
    recorded = json.loads((task.folder / "bands.json").read_text(encoding="utf-8"))["strategies"]
    bands = {
        name: Band(**{**values, "balanced_accuracy": Accuracies(**values["balanced_accuracy"])})
        for name, values in recorded.items()
    }
    suggestion = suggest_map(bands)
    assert suggestion is not None
    assert suggestion.starter <= MOST_STARTER_POINTS
    assert suggestion.trick <= MOST_TRICK_POINTS
    assert suggestion.reference >= LEAST_REFERENCE_POINTS


def test_a_record_says_what_it_was_measured_with(toy_task: Task) -> None:
    record = record_of(
        toy_task, {"starter": band("starter", 0.5)}, seeds=3, secret="a secret of the tests", device="cpu"
    )
    assert record["strategies"]["starter"]["balanced_accuracy"]["per_seed"] == [0.5] * 3
    assert set(record["machine"]) == {"cpu", "cores", "python", "date"}
    assert json.loads(json.dumps(record)) == record
