"""Rule 4: a failure of ours never becomes points. Verdicts, faults and results keep the two sides apart."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import Any

import pytest

from grader.errors import EXPLANATIONS, GraderFault, StudentFault, UsageError, Verdict
from grader.gradebook.result import Metrics, Result, Seconds, csv_row, neutralise

METRICS = Metrics(value=0.7, per_model={"model": 0.7}, per_repeat=[0.6, 0.8], spread=0.1)


def result(**changes: Any) -> Result:
    values: dict[str, Any] = {
        "submission": "inbox/anna.ipynb",
        "task": "toy_task",
        "task_version": "1+abc",
        "student": "anna",
        "submission_sha256": "0" * 64,
        "slot_sha256": "1" * 64,
        "verdict": Verdict.SCORED,
        "message": "done",
        "points": 67,
        "metrics": METRICS,
        "seconds": Seconds(total=1.23456),
        "slot_calls": 100,
        "penalties": [],
        "changed_cells": ["Setup (cell 8)"],
        "device": "cpu",
        "run_folder": "runs/anna/run-1",
    }
    return Result(**{**values, **changes})


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_explained_by_a_sentence_and_a_paragraph(verdict: Verdict) -> None:
    explanation = EXPLANATIONS[verdict]
    assert explanation.sentence.endswith(".")
    assert explanation.help.endswith(".")
    assert "\n" not in explanation.sentence


def test_the_three_kinds_of_failure_never_catch_each_other() -> None:
    kinds = (UsageError, StudentFault, GraderFault)
    assert not any(issubclass(one, other) for one in kinds for other in kinds if one is not other)


@pytest.mark.parametrize("verdict", [Verdict.SCORED, Verdict.GRADER_ERROR])
def test_a_students_fault_is_never_a_score_or_a_failure_of_ours(verdict: Verdict) -> None:
    with pytest.raises(ValueError, match="not a fault of a student"):
        StudentFault(verdict, "no")


def test_a_failure_of_ours_never_becomes_points() -> None:
    assert result(verdict=Verdict.GRADER_ERROR, points=None, metrics=None).points is None
    with pytest.raises(ValueError, match="points 0 do not go with verdict grader_error"):
        result(verdict=Verdict.GRADER_ERROR, points=0, metrics=None)


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.GRADER_ERROR])
def test_every_other_verdict_has_points(verdict: Verdict) -> None:
    metrics = METRICS if verdict is Verdict.SCORED else None
    assert result(verdict=verdict, points=0, metrics=metrics).points == 0
    with pytest.raises(ValueError, match="points None do not go with"):
        result(verdict=verdict, points=None, metrics=metrics)


def test_metrics_go_with_a_score_and_with_nothing_else() -> None:
    with pytest.raises(ValueError, match="metrics do not go with verdict scored"):
        result(metrics=None)
    with pytest.raises(ValueError, match="metrics do not go with verdict time_limit"):
        result(verdict=Verdict.TIME_LIMIT, points=0)


def test_a_result_is_frozen_and_plain_json() -> None:
    whole = result()
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole.points = 100  # type: ignore[misc]
    again = json.loads(json.dumps(whole.as_json()))
    assert again["verdict"] == "scored"
    assert again["metrics"]["per_repeat"] == [0.6, 0.8]


@pytest.mark.parametrize(
    ("key", "phrase"),
    [("2" * 64, "the same program as bob (bob.ipynb)"), ("0" * 64, "the same file as bob (bob.ipynb)")],
    ids=["of a notebook", "of the bytes of a file"],
)
def test_a_copy_is_that_of_a_program_or_of_a_file(key: str, phrase: str) -> None:
    assert result(slot_key=key, identical_to="bob (bob.ipynb)").same_as == phrase
    assert not result(slot_key=key).same_as


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.mark.parametrize("text", FORMULAS, ids=repr)
def test_no_text_is_a_formula_in_a_spreadsheet(text: str) -> None:
    assert neutralise(text) == "'" + text
    row = csv_row(result(student=text, message=text), 1, 7)
    assert row["student"] == row["message"] == "'" + text


def test_numbers_stay_numbers_in_a_spreadsheet() -> None:
    assert neutralise(-1.5) == -1.5
    row = csv_row(result(), 1, 67)
    assert (row["points"], row["value"], row["seconds"]) == (67, 0.7, 1.23456)
    assert row["changed_cells"] == 1


def test_memory_is_the_most_of_all_repeats_and_unknown_in_old_records() -> None:
    measured = result(memory_mb=[30.0, None, 41.5])
    assert measured.most_memory_mb == csv_row(measured, 1, 7)["memory_mb"] == 41.5
    assert Result.from_json(json.loads(json.dumps(measured.as_json()))) == measured
    old = {name: value for name, value in result().as_json().items() if name != "memory_mb"}
    assert Result.from_json(old).most_memory_mb is None
    assert csv_row(Result.from_json(old), 1, 7)["memory_mb"] == ""


def test_a_row_without_a_score_is_blank_where_numbers_would_be() -> None:
    row = csv_row(result(verdict=Verdict.GRADER_ERROR, points=None, metrics=None), 1, None)
    written = io.StringIO()
    csv.DictWriter(written, row).writerow(row)
    assert row["points"] == row["value"] == row["spread"] == ""
    assert "None" not in written.getvalue()


def test_the_spread_of_a_single_repeat_is_unknown() -> None:
    several = result()
    assert several.metrics is not None
    single = dataclasses.replace(
        several, metrics=dataclasses.replace(several.metrics, per_repeat=[0.7], spread=0.0)
    )
    assert csv_row(single, 1, 67)["spread"] == ""
    assert csv_row(several, 1, 67)["spread"] == several.metrics.spread
