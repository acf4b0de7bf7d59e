"""Pages and exports of a task with another metric, or with parts, say what it measures and nothing of balanced accuracy."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recorded import result_named

from grader.errors import Verdict
from grader.export.gradescope import DisplayOptions, results_of
from grader.export.tables import as_json, read_standings
from grader.gradebook.gradebook import Key, SubmissionRecord, writing
from grader.gradebook.result import Metrics
from grader.report.advice import outlook
from grader.report.pages import write_report
from grader.task.scoring import points, value_of
from grader.task.spec import Spec

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from grader.gradebook.result import Result
    from grader.task.spec import Task

HEAD = 'schema = 2\ntitle = "t"\nstory = "s"\nversion = "1"\nentries = ["f"]\nsignature = "f() -> x"\n'
LOW = '[metric]\nscorer = "mse"\ndigits = 1\n[score]\nfloor = 64\nceiling = 0\n'
PARTS = (
    '[[score.parts]]\nmetric = "psnr"\npoints = 60\nfloor = 10\nceiling = 16\n'
    '[[score.parts]]\nmetric = "mse"\npoints = 40\nsteps = [{at_most = 0.2, points = 40}]\n'
    '[[score.gates]]\nmetric = "accuracy"\nat_least = 0.5\n'
)
REPEATS = {
    LOW: [{"model": 32.0}, {"model": 16.0}],
    PARTS: [{"psnr": 13.0, "mse": 0.1, "accuracy": 0.9}, {"psnr": 13.0, "mse": 0.1, "accuracy": 0.4}],
}


def task_of(text: str, task: Task) -> Task:
    return replace(task, id="t", spec=Spec.model_validate(tomllib.loads(HEAD + text)))


def result_of(task: Task, repeats: list[dict[str, float]]) -> Result:
    values = [value_of(measured, task.spec.score) for measured in repeats]
    metrics = Metrics.of(task.metric, values, repeats)
    earned = points(metrics.value, task.spec.score)
    return replace(result_named("ada", Verdict.SCORED, earned), metrics=metrics)


def recorded(out: Path, result: Result) -> None:
    with writing(out) as book:
        book.counts("t", "best")
        (identity,) = book.enter([SubmissionRecord("t", "ada", "ada.ipynb", "digest")])
        run = book.begin_run("grade", {"task": "t", "wall_seconds": 60.0}, {}, {})
        book.record(run, identity, result, Key("c", "s"))
        book.end_run(run)


def pages(out: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((out / "report").rglob("*.html")))


def test_a_page_shows_what_each_part_earned(toy_task: Task, tmp_path: Path) -> None:
    task = task_of(PARTS, toy_task)
    result = result_of(task, REPEATS[PARTS])
    assert result.points == 35, "30 + 40 in the first repeat, and nothing behind the gate in the second"
    recorded(tmp_path, result)
    write_report(tmp_path, {"t": task})
    text = pages(tmp_path)
    assert (
        '<th scope="row">psnr</th><td class="right">13</td><td class="right">30.0 of 60</td><td>0 at 10, 60 at 16</td>'
        in text
    )
    assert (
        '<th scope="row">mse</th><td class="right">0.1</td><td class="right">40.0 of 40</td><td>40 where ≤ 0.2</td>'
        in text
    )
    assert (
        '<th scope="row">accuracy</th><td class="right">0.65</td><td class="right">kept in 1 of 2</td>'
        in text
    )
    assert "The mean points before rounding of 2 complete evaluations" in text
    assert "alanced accuracy" not in text


def test_a_page_shows_no_parts_of_another_map_than_that_of_the_points(toy_task: Task, tmp_path: Path) -> None:
    recorded(tmp_path, result_of(task_of(PARTS, toy_task), REPEATS[PARTS]))
    swapped = PARTS.replace("points = 60", "points = 30").replace("points = 40", "points = 70")
    write_report(tmp_path, {"t": task_of(swapped, toy_task)})
    assert '<td class="right">13</td>' not in pages(tmp_path), "30 of these and 70 of those never gave 35"


def test_a_page_of_a_metric_that_falls_names_it_and_draws_its_map(toy_task: Task, tmp_path: Path) -> None:
    task = task_of(LOW, toy_task)
    recorded(tmp_path, result_of(task, REPEATS[LOW]))
    write_report(tmp_path, {"t": task})
    text = pages(tmp_path)
    assert "The mean MSE of 2 complete evaluations is <strong>24.0</strong>" in text
    assert "Points rise linearly from 0 at 64 to 100 at 0." in text
    assert "0 points at 64, 100 at 0. " in text
    assert 'data-sort="up" class="wide"><abbr title="MSE on hidden data' in text
    assert "alanced accuracy" not in text


def test_a_student_reads_how_much_lower_a_value_must_be(toy_task: Task) -> None:
    task = task_of(LOW, toy_task)
    sentences = outlook(result_of(task, REPEATS[LOW]), task.spec.score, 60.0, 1024)
    assert (
        "72 points need an MSE of 17.9, 6.1 less than now. Between 64 and 0, each 1 is 1.6 points."
        in sentences
    )


@pytest.mark.parametrize(
    ("text", "name", "order"),
    [(LOW, "MSE", "asc"), (PARTS, "points before rounding", "desc")],
    ids=["MSE", "parts"],
)
def test_exports_and_tables_have_the_metric_and_its_value(
    toy_task: Task, tmp_path: Path, run: Run, text: str, name: str, order: str
) -> None:
    result = result_of(task_of(text, toy_task), REPEATS[text])
    assert result.metrics
    recorded(tmp_path, result)
    (row,) = json.loads(as_json(read_standings(tmp_path, None, None)).content)
    assert (row["metric"], row["value"]) == (name, result.metrics.value)
    board = results_of(result, DisplayOptions())["leaderboard"]
    assert board[1] == {
        "name": name,
        "value": round(result.metrics.value, result.metrics.metric.digits + 1),
        "order": order,
    }
    code, table, _ = run("results", tmp_path)
    assert code == 0
    assert result.metrics.metric.heading in table
    assert result.metrics.text in table
