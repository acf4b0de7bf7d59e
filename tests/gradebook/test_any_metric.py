"""A gradebook holds any metric, and one from before there were others is brought up to date without losing a number.

`gradebook_of_version_3.sqlite.xz` was written by the last version that knew balanced accuracy only: five submissions of a
task of which the best attempt counts, one of them a failure of the grader, and adjusted points for dana.
"""

from __future__ import annotations

import lzma
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from recorded import result_named

from grader.errors import Verdict
from grader.gradebook.gradebook import FILE_NAME, Key, SubmissionRecord, reading, writing
from grader.gradebook.metric import BALANCED_ACCURACY, Metric, heading_of, with_article
from grader.gradebook.result import Metrics, Result

OLDER = Path(__file__).with_name("gradebook_of_version_3.sqlite.xz")
ERROR = Metric("mean squared error", "mse", best="low", digits=1, short="MSE")


def unpacked(folder: Path) -> Path:
    (folder / FILE_NAME).write_bytes(lzma.decompress(OLDER.read_bytes()))
    return folder


def everything(path: Path, *names: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path / FILE_NAME)
    query = "SELECT student, results.{}, repeats.{} FROM results JOIN submissions ON submissions.id = submission LEFT JOIN repeats ON result = results.id ORDER BY 1, repeats.number"
    rows = connection.execute(query.format(*names)).fetchall()
    connection.close()
    return rows


def test_an_older_gradebook_keeps_every_number_and_gets_the_name_of_its_metric(tmp_path: Path) -> None:
    before = everything(unpacked(tmp_path), "balanced_accuracy", "balanced_accuracy")
    assert ("brook", 0.925, 0.95) in before
    with writing(tmp_path) as book:
        board = book.leaderboard()
        current = {row.result.student: row.result for row in book.current()}
    assert everything(tmp_path, "value", "value") == before
    assert [(row["student"], row["points"], row["metric"]) for row in board] == [
        ("brook", 100, "balanced accuracy"), ("chen", 100, "balanced accuracy"), ("ada", 83, "balanced accuracy"),
        ("dana", 40, None), ("eli", None, None),
    ]  # fmt: skip
    assert board[0]["value"] == pytest.approx(0.925)
    assert current["ada"].metrics == Metrics(0.75, {"model": 0.75}, [0.7, 0.8], 0.07, BALANCED_ACCURACY)
    assert current["eli"].metrics is None
    assert board[2]["name"] == "Ada Arden"


def test_an_older_gradebook_is_read_without_being_changed(tmp_path: Path) -> None:
    content = (unpacked(tmp_path) / FILE_NAME).read_bytes()
    with reading(tmp_path) as book:
        assert [row["rank"] for row in book.leaderboard()] == [1, 2, 3, 4, 5]
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_results_stay_append_only_after_the_migration(tmp_path: Path) -> None:
    with writing(unpacked(tmp_path)):
        pass
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    for change in ("UPDATE results SET metric = 'x'", "UPDATE repeats SET value = 1", "DELETE FROM results"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(change)
    connection.close()


def measured(student: str, points: int, values: list[float], metric: Metric = ERROR) -> Result:
    metrics = Metrics.of(metric, values, [{"model": value} for value in values])
    return replace(result_named(student, Verdict.SCORED, points), metrics=metrics)


@pytest.mark.parametrize("rule", ["best", "latest"])
def test_where_low_is_best_the_lower_of_equal_points_comes_first(tmp_path: Path, rule: str) -> None:
    with writing(tmp_path) as book:
        book.counts("t", rule)
        sent = [("a", 100, [9.0, 7.0]), ("b", 100, [3.0, 5.0]), ("c", 20, [1.0])]
        for hour, (student, points, values) in enumerate(sent):
            moment = f"2026-11-01T1{hour}:00:00.000+00:00"
            (identity,) = book.enter([SubmissionRecord("t", student, student, student, moment)])
            run = book.begin_run("grade", {}, {}, {})
            book.record(run, identity, measured(student, points, values), Key("c", student))
        board = book.leaderboard()
    assert [(row["student"], row["value"]) for row in board] == [("b", 4.0), ("a", 8.0), ("c", 1.0)]


def test_metrics_survive_their_json_and_older_json_is_balanced_accuracy() -> None:
    result = measured("a", 50, [3.0, 5.0])
    assert result.metrics
    assert Result.from_json(result.as_json()) == result
    assert (result.metrics.value, result.metrics.measured) == (4.0, {"model": [3.0, 5.0]})
    assert result.metrics.text == "4.0 ± 1.4"
    assert result.metrics.merit == -4.0
    later = result.as_json()
    for table in (later, later["metrics"], later["metrics"]["metric"], later["seconds"]):
        table["of a later version"] = 1
    assert Result.from_json(later) == result
    older = result.as_json() | {
        "metrics": {"balanced_accuracy": 0.7, "per_model": {"model": 0.7}, "per_repeat": [0.7], "spread": 0.0}
    }
    assert Result.from_json(older).metrics == Metrics(0.7, {"model": 0.7}, [0.7], 0.0)


@pytest.mark.parametrize(
    "name", ["an MSE", "an mIoU", "an R²", "an accuracy", "a ROC-AUC", "a PSNR", "a macro F1", "an nDCG@10"]
)
def test_a_metric_has_the_article_with_which_it_is_read(name: str) -> None:
    assert with_article(name.partition(" ")[2]) == name


def test_a_column_is_called_as_its_metric_unless_it_holds_several() -> None:
    assert heading_of({ERROR}) == "MSE"
    assert heading_of({ERROR, BALANCED_ACCURACY}) == "value"
    assert heading_of(set()) == "BAC"
