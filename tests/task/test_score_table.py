"""A task says what it measures and how that becomes points, and its notebook computes the very same points."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError

from grader.errors import GraderFault
from grader.task.scoring import measure, points, value_of
from grader.task.scoring_text import scoring_code, scoring_rules
from grader.task.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from grader.task.spec import Task

HEAD = 'schema = 2\ntitle = "t"\nstory = "s"\nversion = "1"\nentries = ["f"]\nsignature = "f() -> x"\n'
LOW = '[metric]\nscorer = "mse"\n[score]\nfloor = 64\nceiling = 0\n'
AUC = '[metric]\nscorer = "roc_auc"\nname = "area"\ndigits = 2\n[score]\nfloor = 0.7\nceiling = 0.82\n'
PARTS = """
[[score.parts]]
metric = "psnr"
predictions = "pictures"
points = 25
floor = 10
ceiling = 16
[[score.parts]]
metric = "accuracy"
predictions = "kinds"
points = 50
floor = 0.5
ceiling = 1.0
[[score.parts]]
metric = "mse"
predictions = "means"
points = 25
steps = [{at_most = 0.05, points = 10}, {at_most = 0.005, points = 25}]
[[score.gates]]
metric = "accuracy"
predictions = "kinds"
at_least = 0.6
"""


def spec_of(text: str) -> Spec:
    return Spec.model_validate(tomllib.loads(HEAD + text))


def task_of(text: str, task: Task) -> Task:
    return replace(task, spec=spec_of(text))


def test_a_file_of_today_means_balanced_accuracy(toy_task: Task) -> None:
    metric = toy_task.metric
    assert (metric.name, metric.heading, metric.best, metric.scorer) == (
        "balanced accuracy", "BAC", "high", "balanced_accuracy",
    )  # fmt: skip
    assert toy_task.spec.schema_version == 1


def test_a_metric_has_its_usual_name_or_the_authors(toy_task: Task) -> None:
    assert task_of(LOW, toy_task).metric.heading == "MSE"
    area = task_of(AUC, toy_task).metric
    assert (area.name, area.digits, area.best, area.text(0.8123)) == ("area", 2, "high", "0.81")


def test_points_of_parts_have_the_digits_that_task_toml_gives() -> None:
    assert spec_of(PARTS).measured.digits == 1
    assert spec_of("[metric]\ndigits = 2\n" + PARTS).measured.digits == 2


@pytest.mark.parametrize(
    ("value", "expected"), [(70.0, 0), (64.0, 0), (32.0, 50), (0.0, 100), (-1.0, 100), (31.7, 50)]
)
def test_points_rise_as_a_value_falls_where_low_is_best(value: float, expected: int) -> None:
    assert points(value, spec_of(LOW).score) == expected


VALUES = {"psnr of pictures": 13.0, "accuracy of kinds": 0.75, "mse of means": 0.01}
EARNED: dict[str, tuple[Mapping[str, float], float]] = {
    "halves and a step": ({}, 12.5 + 25 + 10),
    "the higher step": ({"mse of means": 0.005}, 12.5 + 25 + 25),
    "no step": ({"mse of means": 0.051}, 37.5),
    "clipped above and below": ({"psnr of pictures": 99.0, "accuracy of kinds": 2.0}, 25 + 50 + 10),
    "a gate that is not kept": ({"accuracy of kinds": 0.59}, 0.0),
    "a gate that is just kept": ({"accuracy of kinds": 0.6}, 12.5 + 10 + 10),
}


@pytest.mark.parametrize(("changes", "expected"), EARNED.values(), ids=EARNED.keys())
def test_parts_earn_their_points(changes: Mapping[str, float], expected: float) -> None:
    assert value_of(VALUES | dict(changes), spec_of(PARTS).score) == pytest.approx(expected)


def test_a_part_that_was_not_measured_is_our_fault() -> None:
    with pytest.raises(GraderFault, match="'mse of means' was not measured"):
        value_of({name: value for name, value in VALUES.items() if "mse" not in name}, spec_of(PARTS).score)


WRONG = {
    "a metric that falls": (
        LOW.replace("floor = 64", "floor = -1"),
        "floor must be above score.ceiling where low",
    ),
    "a metric beyond its range": (AUC.replace("0.82", "1.2"), "values of ROC-AUC, from 0 to 1"),
    "an unknown metric": (AUC.replace("roc_auc", "roc_acu"), "did you mean 'roc_auc'"),
    "the other end": (AUC.replace("digits = 2", 'best = "low"'), "ROC-AUC is best when high"),
    "points that do not sum to 100": (PARTS.replace("points = 50", "points = 40"), "must sum to 100"),
    "a part twice": (
        PARTS.replace('"mse"\npredictions = "means"', '"psnr"\npredictions = "pictures"'),
        "measure the same",
    ),
    "a part without a map": (PARTS.replace("floor = 10\n", ""), "needs floor and ceiling, or steps"),
    "steps that miss the points": (PARTS.replace("points = 25}", "points = 24}"), "must give its 25 points"),
    "a bound with two ends": (PARTS.replace("at_least = 0.6", "at_least = 0.6\nat_most = 1"), "one of them"),
    "a gate without parts": (LOW + '[[score.gates]]\nmetric = "mse"\nat_most = 1\n', "need .*parts"),
    "parts beside a map": ("[score]\nfloor = 1\nceiling = 2\n" + PARTS, "the parts have floor and ceiling"),
    "a part that rewards errors": (
        PARTS.replace("floor = 0.5\nceiling = 1.0", "floor = 1.0\nceiling = 0.5"),
        "part accuracy of kinds rewards worse values: accuracy is best when high",
    ),
    "a step that rewards errors": (
        PARTS.replace("at_most = 0.005", "at_least = 0.005"),
        "part mse of means rewards worse values: MSE is best when low",
    ),
    "a part beyond the range of its metric": (
        PARTS.replace("ceiling = 1.0", "ceiling = 1.5"),
        "ends of the part accuracy of kinds must be values of accuracy, from 0 to 1",
    ),
    "a floor that is no number": (LOW.replace("floor = 64", "floor = nan"), "score.floor\n.*finite number"),
    "an infinite floor": (LOW.replace("floor = 64", "floor = inf"), "score.floor\n.*finite number"),
    "an unknown metric of a part": (PARTS.replace('"psnr"', '"pnsr"'), "did you mean 'psnr'"),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_table_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        spec_of(text)


def test_a_newer_table_needs_its_schema() -> None:
    with pytest.raises(ValidationError, match="need schema = 2; run: grader upgrade"):
        Spec.model_validate(tomllib.loads((HEAD + LOW).replace("schema = 2\n", "")))


def arrays_of(rng: np.random.Generator) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    pictures, kinds, means = rng.random((2, 4, 4)), rng.integers(0, 2, 20), rng.random(6)
    answers = {"pictures": pictures, "kinds": kinds, "means": means}
    given = {
        "pictures": np.clip(pictures + rng.normal(0, 0.2, pictures.shape), 0, 1),
        "kinds": np.where(rng.random(20) < 0.8, kinds, 1 - kinds),
        "means": means + rng.normal(0, 0.1, 6),
    }
    return given, answers


def labelled(rng: np.random.Generator) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    labels = rng.integers(0, 2, 40)
    return {"first": 0.9 * labels + rng.random(40), "second": rng.random(40)}, {"labels": labels}


def numbered(rng: np.random.Generator) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    labels = rng.random(10) * 8
    return {"model": labels + rng.normal(0, 5, 10)}, {"labels": labels}


@pytest.mark.parametrize(
    ("text", "draw"), [(AUC, labelled), (LOW, numbered), (PARTS, arrays_of)], ids=["ROC-AUC", "MSE", "parts"]
)
def test_the_notebooks_own_points_are_those_of_the_grader(
    text: str, draw: Any, toy_task: Task, tmp_path: Path
) -> None:
    task, rng = task_of(text, toy_task), np.random.default_rng(3)
    names: dict[str, Any] = {}
    exec(compile(scoring_code(task), "notebook", "exec"), names)
    seen = set()
    for _ in range(60):
        given, answers = draw(rng)
        np.savez(tmp_path / "predictions.npz", **given)
        np.savez(tmp_path / "answers.npz", **answers)
        value = measure(tmp_path / "predictions.npz", tmp_path / "answers.npz", task).value
        seen.add(points(value, task.spec.score))
        assert names["performance"](predictions=given, answers=answers) == points(value, task.spec.score)
    assert len(seen) > 3, "the draws do not try the map"


def test_the_statement_has_the_formula_or_the_table(toy_task: Task) -> None:
    falling = scoring_rules(task_of(LOW, toy_task))
    assert r"\frac{\text{MSE} - 64}{0 - 64}" in falling
    assert "**0 points at MSE 64** and above, **100 points at MSE 0** and below." in falling
    table = scoring_rules(task_of(PARTS, toy_task))
    assert "| psnr of pictures | 25 | 0 at 10, 25 at 16 |" in table
    assert "| mse of means | 25 | 10 where ≤ 0.05, 25 where ≤ 0.005 |" in table
    assert "| accuracy of kinds | | needs ≥ 0.6, or the evaluation earns 0 |" in table


def test_predictions_of_a_part_that_are_missing_are_our_fault(toy_task: Task, tmp_path: Path) -> None:
    given, answers = arrays_of(np.random.default_rng(0))
    np.savez(tmp_path / "answers.npz", **answers)  # type: ignore[arg-type]
    np.savez(tmp_path / "predictions.npz", kinds=given["kinds"])
    with pytest.raises(GraderFault, match=r"have the arrays \['kinds'\], not \['pictures'\]"):
        measure(tmp_path / "predictions.npz", tmp_path / "answers.npz", task_of(PARTS, toy_task))


def test_only_what_changes_predictions_changes_their_hash(toy_task: Task) -> None:
    plain = task_of("[score]\nfloor = 0.5\nceiling = 0.9\n", toy_task)
    assert plain.run_digest == task_of(LOW, toy_task).run_digest == task_of(PARTS, toy_task).run_digest
    assert plain.metric.scorer != task_of(PARTS, toy_task).metric.scorer
