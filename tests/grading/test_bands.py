"""The suggested score map sets starter, tricks and reference apart, and says where it cannot."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recorded import result_named

from grader.errors import UsageError, Verdict
from grader.gradebook.metric import Metric
from grader.gradebook.result import Metrics
from grader.grading.bands import (
    LEAST_REFERENCE_POINTS,
    MOST_STARTER_POINTS,
    MOST_TRICK_POINTS,
    Band,
    MapSuggestion,
    SeedValues,
    Stability,
    bands_of,
    fall_of,
    problems_of,
    record_of,
    stability_of,
    suggest_map,
    with_speed,
)
from grader.grading.bands_file import read_bands, recorded_bands
from grader.task.score_table import Score
from grader.task.scoring import points
from grader.task.spec import Spec, Task, discover
from grader.task.strategies import Strategy

if TYPE_CHECKING:
    from grader.gradebook.result import Result


def band(role: str, mean: float, sd: float = 0.02) -> Band:
    return Band(role, SeedValues(mean, sd, [mean] * 3), 0, [], 1.0)


def suggested(starter: float, reference: float, *tricks: float, sd: float = 0.02) -> MapSuggestion | None:
    bands = {f"trick {number}": band("trick", mean, sd) for number, mean in enumerate(tricks)}
    return suggest_map(
        {"starter": band("starter", starter, sd), "reference": band("reference", reference, sd)} | bands
    )


def test_a_map_begins_at_the_starter_and_leaves_room_above_the_reference() -> None:
    suggestion = suggested(0.62, 0.9, 0.7)
    assert suggestion == MapSuggestion(0.62, 0.955, 0, 24, 84, [])


def test_a_good_trick_moves_the_end_up_as_long_as_the_reference_keeps_its_points() -> None:
    suggestion = suggested(0.6, 0.9, 0.875, 0.7)
    assert suggestion is not None
    assert suggestion.ceiling == 0.97
    assert suggestion.trick <= MOST_TRICK_POINTS
    assert suggestion.reference >= LEAST_REFERENCE_POINTS
    assert suggestion.problems == []


def test_a_trick_as_good_as_the_reference_is_a_problem_of_the_task() -> None:
    suggestion = suggested(0.6, 0.9, 0.89)
    assert suggestion is not None
    assert suggestion.reference >= LEAST_REFERENCE_POINTS
    assert "would still get 76 points" in suggestion.problems[0]


def test_answers_within_their_spread_are_named() -> None:
    suggestion = suggested(0.6, 0.65, sd=0.05)
    assert suggestion is not None
    assert "closer than their spread" in suggestion.problems[0]


@pytest.mark.parametrize("reference", [0.5, 0.6, 0.609], ids=["worse", "the same", "hardly better"])
def test_without_a_better_reference_there_is_no_map(reference: float) -> None:
    assert suggested(0.6, reference) is None


def test_a_perfect_reference_ends_the_map_at_one() -> None:
    suggestion = suggested(0.6, 1.0, 0.85, sd=0.0)
    assert suggestion is not None
    assert suggestion.ceiling == 1.0
    assert suggestion.problems == ["the reference is nearly perfect: no better answer could get more points"]


@pytest.mark.parametrize(
    "task", [task for task in discover() if not task.spec.score.parts], ids=lambda task: task.id
)
def test_the_maps_suggested_for_the_tasks_that_come_along_keep_what_theirs_keep(task: Task) -> None:
    suggestion = suggest_map(recorded_bands(read_bands(task.folder / "bands.json")), task.metric)
    assert suggestion is not None
    assert suggestion.starter <= MOST_STARTER_POINTS
    assert suggestion.trick <= MOST_TRICK_POINTS
    assert suggestion.reference >= LEAST_REFERENCE_POINTS


def test_a_record_says_what_it_was_measured_with(toy_task: Task) -> None:
    record = record_of(
        toy_task,
        {"starter": band("starter", 0.5), "reference": band("reference", 0.8)},
        seeds=3,
        secret="a secret of the tests",
        device="cpu",
    )
    assert record["strategies"]["starter"]["value"]["per_seed"] == [0.5] * 3
    assert record["stability"]["starter"]["wins"] == 0
    assert set(record["machine"]) == {"cpu", "cores", "python", "date"}
    assert json.loads(json.dumps(record)) == record


def test_seconds_that_were_not_measured_are_added_to_no_record() -> None:
    content = {"strategies": {"starter": {"points": 0}, "other": {"points": 5}}}
    known = replace(band("starter", 0.5), processor_seconds=2.5)
    added = with_speed(content, {"starter": known})
    assert added["strategies"] == {
        "starter": {"points": 0, "processor_seconds": 2.5},
        "other": {"points": 5},
    }
    assert added["speed"]["seeds"] == 3
    with pytest.raises(UsageError, match="no processor seconds are known of starter"):
        with_speed(content, {"starter": band("starter", 0.5)})


SCORE = Score(floor=0.5, ceiling=0.9)  # 2.5 points for each .01


def spec_of(toy_task: Task, *, repeats: int) -> Spec:
    return toy_task.spec.model_copy(update={"score": SCORE, "repeats": repeats})


def measured(role: str, runs: list[float]) -> Band:
    mean, sd = statistics.fmean(runs), statistics.stdev(runs)
    return Band(role, SeedValues(mean, sd, runs), points(mean, SCORE), [], 1.0)


def test_the_difference_to_the_reference_is_that_on_equal_seeds(toy_task: Task) -> None:
    """Seeds that are hard for everybody move both answers, and not their difference."""
    bands = {
        "reference": measured("reference", [0.80, 0.84, 0.88, 0.84]),
        "trick": measured("trick", [0.70, 0.74, 0.89, 0.73]),
    }
    rows = stability_of(bands, spec_of(toy_task, repeats=4))
    assert rows["reference"] == Stability(8.16, 4.08, 0.0, 0.0, 0.0, 0)
    trick = rows["trick"]
    assert (trick.difference, trick.wins) == (-18.75, 1)
    assert trick.difference_sd == pytest.approx(250 * statistics.stdev([-0.1, -0.1, 0.01, -0.11]), abs=0.01)
    assert trick.standard_error == pytest.approx(trick.sd / 2, abs=0.01)
    assert trick.difference_error == pytest.approx(trick.difference_sd / 2, abs=0.01)


def test_points_that_chance_moves_too_far_are_named_unless_clipping_hides_it(toy_task: Task) -> None:
    runs = {
        "reference": [0.80, 0.85, 0.85, 0.83],
        "idea": [0.6, 0.7, 0.8, 0.7],
        "starter": [0.4, 0.5, 0.5, 0.6],
    }
    bands = {name: measured(name, values) for name, values in runs.items()}
    (sentence,) = problems_of(bands, spec_of(toy_task, repeats=8))
    assert sentence.startswith("idea: the points have a standard error of 7.2")
    assert problems_of(bands, spec_of(toy_task, repeats=32)) == []


def test_a_reference_that_collapses_on_one_seed_is_named(toy_task: Task) -> None:
    bands = {"reference": measured("reference", [0.85] * 15 + [0.5])}
    spec = spec_of(toy_task, repeats=3)
    assert fall_of(bands["reference"], spec) > 20
    assert [sentence.partition(":")[0] for sentence in problems_of(bands, spec)] == [
        "reference",
        "1 of 100 groups of 3 runs of the reference lies 52.9 points or more below its mean; at most 8 were expected",
    ]
    assert fall_of(measured("reference", [0.85] * 16), spec) == 0


ERROR = Metric("MSE", "mse", best="low", digits=1)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-5, 1e4])
def test_values_of_any_size_get_a_map_and_a_record(scale: float, toy_task: Task) -> None:
    def answer(name: str, *errors: float) -> Result:
        values = [scale * error for error in errors]
        metrics = Metrics.of(ERROR, values, [{"model": value} for value in values])
        return replace(result_named(name, Verdict.SCORED, 50), metrics=metrics)

    results = [answer("starter", 0.6, 0.64), answer("reference", 0.11, 0.13)]
    roles = [Strategy(result.student, result.student, b"") for result in results]
    bands = bands_of(results, roles, toy_task)
    assert bands["reference"].value.per_seed == pytest.approx([0.11 * scale, 0.13 * scale])
    suggestion = suggest_map(bands, ERROR)
    assert suggestion is not None
    assert suggestion.floor == pytest.approx(0.62 * scale)
    assert 0 < suggestion.ceiling < 0.12 * scale
    assert suggestion.starter == 0
    assert 78 <= suggestion.reference <= 90


def test_where_low_is_best_the_map_falls_and_a_win_is_a_lower_value() -> None:
    bands = {
        "starter": Band("starter", SeedValues(60.0, 1.0, [59.0, 60.0, 61.0]), 0, [], 1.0),
        "trick": Band("trick", SeedValues(40.0, 1.0, [39.0, 40.0, 41.0]), 0, [], 1.0),
        "reference": Band("reference", SeedValues(10.0, 1.0, [9.0, 10.0, 41.5]), 0, [], 1.0),
    }
    suggestion = suggest_map(bands, ERROR)
    assert suggestion is not None
    assert (suggestion.floor, suggestion.starter, suggestion.reference) == (60.0, 0, 83)
    assert f"{suggestion.ceiling:g}" == "0", "no error is below it"
    assert suggest_map({**bands, "reference": bands["starter"], "starter": bands["reference"]}, ERROR) is None
    falling = Spec.model_construct(score=Score(floor=60, ceiling=0), repeats=3)
    rows = stability_of(bands, falling)
    assert (rows["trick"].wins, rows["starter"].wins) == (1, 0)
    assert rows["trick"].sd > 0
    assert rows["starter"].difference < rows["trick"].difference < 0
    assert fall_of(bands["reference"], falling) > 10, "one of its runs is bad"
