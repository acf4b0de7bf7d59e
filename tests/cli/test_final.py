"""The final round: what counts is graded once more, on the same new seeds for all, and on more seeds where noise decides."""

from __future__ import annotations

import json
import re
import statistics
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from recorded import QuickEngine

from grader.gradebook.gradebook import reading
from grader.gradebook.result import Metrics, Result
from grader.task.scoring import points

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from grader.grading.parsed import ParsedSubmission
    from grader.grading.plan import RunContext, Watcher
    from grader.task.spec import Task

    Run = Callable[..., tuple[int, str, str]]
    Submit = Callable[..., Path]

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "instructors.md"
CLASS = {
    "ada": 0.78,
    "ben": 0.724,
    "cy": 0.72,
    "dee": 0.6,
}  # balanced accuracies, before what the seeds do to them


class SeededEngine(QuickEngine):
    """A quick engine whose balanced accuracies move with the seeds: most of it for all alike, and a little for each."""

    def grade(
        self, context: RunContext, submissions: Sequence[ParsedSubmission], runs: Path, watcher: Watcher
    ) -> Generator[tuple[int, Result]]:
        """Give a result with a balanced accuracy for each repeat."""
        for index, result in super().grade(context, submissions, runs, watcher):
            if result.metrics is None:
                yield index, result
                continue
            values = [
                result.metrics.value
                + 0.04 * np.random.default_rng(repeat.number).normal()
                + 0.008 * np.random.default_rng([repeat.number, *result.student.encode()]).normal()
                for repeat in context.repeats
            ]
            mean, spread = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
            metrics = Metrics(mean, {"model": mean}, values, spread)
            yield index, replace(result, metrics=metrics, points=points(mean, context.task.spec.score))


@pytest.fixture
def results(
    run: Run, submit: Submit, toy_task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The results of a class, graded once, in the current folder; ada's first attempt is chosen, and dee's points adjusted."""
    monkeypatch.setattr("grader.grading.engine.LocalEngine", lambda *_, **__: SeededEngine())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for student, accuracy in CLASS.items():
        submit(
            f"# {accuracy}\ndef your_weights(targets, losses):\n    return losses * {accuracy}\n",
            f"class/{student}.ipynb",
        )
    (tmp_path / "roster.csv").write_text("id,name\nada,Ada Arden\nben,Ben Brook\ncy,Cy Chen\ndee,Dee Diaz\n")
    (tmp_path / "final_secret").write_text(SECRET)
    graded = run("grade", toy_task.folder, "class", "--out", "results", "--roster", "roster.csv", "--unsafe")
    assert graded[0] == 0
    submit("# 0.55\ndef your_weights(targets, losses):\n    return losses\n", "again/ada.ipynb")
    run("grade", toy_task.folder, "again", "--out", "results", "--roster", "roster.csv", "--unsafe")
    run("choose", "results", "ada", "--attempt", "1", "--because", "the second was a mistake")
    run("adjust", "results", "dee", "--points", "40", "--because", "ill")
    return tmp_path / "results"


def final(run: Run, toy_task: Task, *options: str) -> tuple[int, str, str]:
    return run(
        "final", "results", "--secret-file", "final_secret", "--task-folder", toy_task.folder, *options
    )


def test_neighbours_within_noise_get_the_same_further_seeds(run: Run, results: Path, toy_task: Task) -> None:
    code, printed, _ = final(run, toy_task, "--json")
    assert code == 0
    answer = json.loads(printed)
    assert answer["groups"] == [["ben", "cy"]] or answer["groups"] == [["cy", "ben"]]
    places = {place["student"]: place for place in answer["places"]}
    assert {student: place["seeds"] for student, place in places.items()} == {
        "ada": 3,
        "ben": 12,
        "cy": 12,
        "dee": 3,
    }
    assert (places["ada"]["rank"], places["ada"]["points"] > 60) == (1, True), (
        "by the attempt that was chosen"
    )
    assert places["dee"]["points"] == 40, "as adjusted before"
    assert 0 < min(places["ben"]["swap"] or 1, places["cy"]["swap"] or 1) <= 0.5
    with reading(results / "final") as book:
        rows = {row["student"]: row for row in book.leaderboard()}
    assert [rows[student]["name"] for student in ("ada", "dee")] == ["Ada Arden", "Dee Diaz"]
    assert {student: row["points"] for student, row in rows.items()} == {
        student: place["points"] for student, place in places.items()
    }
    again = json.loads(final(run, toy_task, "--json")[1])
    assert again == answer, "a second call grades nothing again"
    with reading(results) as book:
        assert len(book.history()) == 5, "the earlier results stay as they are"


def test_a_final_round_that_cannot_be_meant_is_one_line(run: Run, results: Path, toy_task: Task) -> None:
    assert "2 at least" in final(run, toy_task, "--repeats", "1")[2]
    assert "not below" in final(run, toy_task, "--repeats", "4", "--most-repeats", "3")[2]
    Path("final_secret").write_bytes((results / "secret").read_bytes())
    code, _, errors = final(run, toy_task)
    assert (code, "a final round needs a new one" in errors) == (2, True)
    Path("final_secret").write_text("olympiad-exam-2026")
    assert "easy to guess" in final(run, toy_task)[2]
    assert run("final", "results", "--secret-file", "final_secret", "--task", "other")[0] == 2
    assert (
        "the folder of the task toy_task is not known"
        in run("final", "results", "--secret-file", "final_secret")[2]
    )
    assert not (results / "final" / "gradebook.sqlite").exists()


@pytest.mark.usefixtures("results")
def test_the_page_shows_what_the_command_prints(run: Run, toy_task: Task) -> None:
    (shown,) = re.findall(
        r"```console\n\$ grader final results --secret-file final_secret\n(.*?)```",
        PAGE.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    code, printed, _ = final(run, toy_task)
    assert code == 0
    assert [line.rstrip() for line in printed.splitlines()] == shown.splitlines()
