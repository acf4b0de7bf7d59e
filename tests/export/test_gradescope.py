"""results.json: the fields that Gradescope documents, plain text, and no score where there are no points."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from course import RESULTS, failed, scored

from grader.errors import EXPLANATIONS, StudentFault, Verdict
from grader.export.gradescope import UNCONFINED, DisplayOptions, refused, results_of, without_points

if TYPE_CHECKING:
    from conftest import Golden

VISIBILITIES = {"visible", "after_due_date", "after_published", "hidden"}
TOP: dict[str, type | tuple[type, ...]] = {
    "score": (int, float), "execution_time": (int, float), "output": str, "output_format": str, "visibility": str,
    "stdout_visibility": str, "extra_data": dict, "tests": list, "leaderboard": list,
}  # fmt: skip
OF_A_TEST: dict[str, type | tuple[type, ...]] = {
    "score": (int, float), "max_score": (int, float), "status": str, "name": str, "output": str, "output_format": str,
    "visibility": str, "tags": list, "extra_data": dict,
}  # fmt: skip
FORMATS = {"text", "html", "simple_format", "md", "ansi"}


def check_schema(record: dict[str, Any]) -> None:
    """Hold a record to what Gradescope documents; unknown names are mistakes."""
    assert json.loads(json.dumps(record)) == record
    for values, fields in [(record, TOP), *((test, OF_A_TEST) for test in record["tests"])]:
        for name, value in values.items():
            assert isinstance(value, fields[name]), name
        assert values.get("visibility", "visible") in VISIBILITIES
        assert values.get("output_format", "text") == "text", "what students write is never rendered"
        assert values.get("status", "passed") in {"passed", "failed"}
    assert record["stdout_visibility"] == "hidden"
    for entry in record.get("leaderboard", []):
        assert entry.keys() == {"name", "value", "order"}
        assert entry["order"] in {"asc", "desc"}


@pytest.mark.parametrize("name", ["scored", "slot_error", "grader_error"])
def test_a_record_is_as_it_was(name: str, golden: Golden) -> None:
    result = next(result for _, result in RESULTS if result.verdict == name)
    record = results_of(result, DisplayOptions())
    check_schema(record)
    golden(f"gradescope_{name}.json", (json.dumps(record, indent=2) + "\n").encode())


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_keeps_to_the_schema(verdict: Verdict) -> None:
    result = scored("a", 40) if verdict is Verdict.SCORED else failed("a", verdict, "what happened")
    record = results_of(result, DisplayOptions(visibility="after_published"))
    check_schema(record)
    assert ("score" in record) == (verdict is not Verdict.GRADER_ERROR)
    if verdict not in (Verdict.SCORED, Verdict.GRADER_ERROR):
        assert record["score"] == 0
        assert EXPLANATIONS[verdict].help in record["tests"][0]["output"]
        assert record["leaderboard"] == [{"name": "points", "value": 0, "order": "desc"}]


def test_points_come_back_scaled_and_the_leaderboard_has_both_values() -> None:
    record = results_of(scored("a", 85), DisplayOptions(points=10))
    assert record["score"] == 8.5
    assert {entry["name"]: entry["value"] for entry in record["leaderboard"]} == {
        "points": 85,
        "balanced accuracy": 0.84,
    }


def test_the_memory_that_was_taken_is_told() -> None:
    from dataclasses import replace

    record = results_of(replace(scored("a", 85), memory_mb=[31.2, None, 64.4]), DisplayOptions())
    check_schema(record)
    assert "used up to 64 MB of memory" in record["output"]
    assert record["extra_data"]["memory_mb"] == 64.4


def test_each_run_is_a_test_with_its_own_value() -> None:
    tests = results_of(scored("a", 85), DisplayOptions())["tests"]
    assert [test["name"] for test in tests] == [
        "your submission", *(f"run {number} of 3 on hidden data" for number in (1, 2, 3)),
    ]  # fmt: skip
    assert [test["output"] for test in tests[1:]] == [
        f"balanced accuracy {0.83 + step / 100:.4f}" for step in range(3)
    ]
    assert not any("score" in test for test in tests), "the mean is mapped, not each run"


def test_a_failure_of_ours_has_no_score_and_its_reason_is_for_the_staff() -> None:
    record = without_points("/home/us: no space left", DisplayOptions(visibility="hidden"))
    check_schema(record)
    assert record.keys().isdisjoint({"score", "leaderboard"})
    assert "/home/us" not in record["output"]
    assert record["visibility"] == "visible", "the student is told that it was not their fault"
    assert [test["visibility"] for test in record["tests"]] == ["hidden"]
    assert not any("score" in test for test in record["tests"])


def test_nothing_to_run_is_0_points_and_says_why() -> None:
    record = refused(StudentFault(Verdict.INVALID_NOTEBOOK, "No notebook was handed in."), DisplayOptions())
    check_schema(record)
    assert record["score"] == 0
    assert "No notebook was handed in." in record["output"]


def test_a_result_without_a_sandbox_says_so() -> None:
    assert results_of(scored("a", 85), DisplayOptions(unsafe=True))["output"].startswith(UNCONFINED)


def test_nobody_learns_whose_program_is_the_same() -> None:
    from dataclasses import replace

    record = results_of(replace(scored("a", 85), identical_to="1002 (grace.ipynb)"), DisplayOptions())
    assert "1002" not in json.dumps(record)
