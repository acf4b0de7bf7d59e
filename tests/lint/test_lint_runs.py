"""Each check of what is run notices what it is for: in results as they may be, and in runs of spoilt toy tasks."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from recorded import Quiet, result_named
from spoiling import spoil, the, wrong

from grader.errors import Verdict
from grader.gradebook.result import Metrics, Result, Seconds
from grader.lint.task import build_task_data, lint, lint_runs, read_subject, runs
from grader.lint.task.clean_room import check_starter_runs
from grader.task.score_table import Score
from grader.task.scoring import points

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

MAP = Score(floor=0.5, ceiling=0.8)
SOLUTION = """    counts = torch.bincount(targets, minlength=2).clamp(min=1)
    return (len(targets) / (2.0 * counts))[targets].float()
    ### END SOLUTION
    ### BEGIN BASELINE
    # return torch.ones(len(targets))  # every sample counts the same
"""
SWAPPED = """    return torch.ones(len(targets))
    ### END SOLUTION
    ### BEGIN BASELINE
    # counts = torch.bincount(targets, minlength=2).clamp(min=1)
    # return (len(targets) / (2.0 * counts))[targets].float()
"""
SETUP = "import json\n"  # the first line of that cell: what fails there does not wait for torch
ASK = "import urllib.request\nurllib.request.urlopen('http://data.example.org/', timeout=9)\n"


def scored(student: str, accuracies: list[float], **changes: Any) -> Result:
    mean = statistics.fmean(accuracies)
    spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
    result = result_named(student, Verdict.SCORED, points(mean, MAP))
    return replace(result, metrics=Metrics(mean, {"model": mean}, accuracies, spread), **changes)


@pytest.mark.parametrize(
    ("accuracies", "ok"),
    [([0.52, 0.53], True), ([0.62, 0.61], False), ([0.62], False), ([0.50, 0.62, 0.65], True)],
    ids=["near the floor", "too good", "too good, once", "by chance"],
)
def test_a_starter_that_gets_many_points_is_found(accuracies: list[float], *, ok: bool) -> None:
    finding = runs.near_floor(scored("starter", accuracies), MAP)
    assert finding.ok is ok
    assert ok or "the starter gets" in finding.detail


@pytest.mark.parametrize(
    ("accuracies", "ok"),
    [([0.74, 0.75], True), ([0.70, 0.71], False), ([0.75, 0.67, 0.72], True)],
    ids=["near the ceiling", "too weak", "by chance"],
)
def test_a_solution_that_gets_few_points_is_found(accuracies: list[float], *, ok: bool) -> None:
    finding = runs.near_ceiling(scored("solution", accuracies), MAP)
    assert finding.ok is ok
    assert ok or "at least 78 were expected" in finding.detail


def test_a_run_that_did_not_end_scored_or_with_a_penalty_is_found() -> None:
    failed = result_named("starter")
    assert "the starter ended as slot_error: m" in runs.near_floor(failed, MAP).detail
    fined = scored("solution", [0.8, 0.8], penalties=["round 3: 2 pairs are the same"])
    assert "the solution gets a penalty: round 3" in runs.near_ceiling(fined, MAP).detail


def test_a_run_that_leaves_no_margin_to_the_limit_is_found(tmp_path: Path) -> None:
    for number, seconds in enumerate((20.0, 45.0)):
        (tmp_path / f"repeat-{number}").mkdir()
        notebook = {"metadata": {"papermill": {"duration": seconds}}}
        (tmp_path / f"repeat-{number}" / "executed.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    result = scored("solution", [0.8, 0.8], run_folder=str(tmp_path), seconds=Seconds(total=70))
    assert runs.check_time([result], 70).ok
    assert "the slowest run of the solution took 45.0 s; times 1.5" in runs.check_time([result], 60).detail
    unknown = replace(result, run_folder=str(tmp_path / "none"))
    assert not runs.check_time([unknown], 100).ok


def mapped(task: Task, score: Score) -> Task:
    return replace(task, spec=task.spec.model_copy(update={"score": score}))


def test_predictions_that_get_points_for_shuffled_answers_are_found(toy_task: Task, tmp_path: Path) -> None:
    task = mapped(toy_task, MAP)
    answers, predictions = tmp_path / "answers.npz", tmp_path / "predictions.npz"
    labels = (np.arange(1000) % 10 < 3).astype(np.int64)
    np.savez(answers, labels=labels)
    np.savez(predictions, model1=labels, model2=1 - labels)
    assert runs.check_shuffled([predictions], [answers], task).ok
    low = runs.check_shuffled([predictions], [answers], mapped(toy_task, Score(floor=0.4, ceiling=0.8)))
    assert "against shuffled answers the predictions get 25 points" in low.detail
    assert "there are no predictions" in runs.check_shuffled([], [answers], task).detail


@pytest.mark.slow
@pytest.mark.usefixtures("lent_engine")
def test_nothing_is_wrong_with_the_toy_task(toy_task: Task, tmp_path: Path) -> None:
    findings = lint(toy_task, tmp_path, quick=False, seeds=3, watcher=Quiet())
    assert wrong(findings) == {}
    assert len({finding.name for finding in findings}) == len(findings)
    assert "network: none" in the(findings, "final mode").detail


@pytest.mark.slow
@pytest.mark.usefixtures("lent_engine")
def test_a_task_whose_baseline_is_its_solution_is_found(own_toy: Path, tmp_path: Path) -> None:
    spoil(own_toy, "notebook.py", SOLUTION, SWAPPED)
    task = spoil(own_toy, "task.toml", "floor = 0.5\nceiling = 0.84\n", "floor = 0.4\nceiling = 0.84\n")
    subject = read_subject(task)
    findings = lint_runs(subject, build_task_data(task, tmp_path / "d", seeds=2), tmp_path, Quiet())
    assert set(wrong(findings)) == {"starter near floor", "solution near ceiling", "shuffled answers"}


STUDENT_MODE = {
    "asks the network": (SETUP, SETUP + ASK, "Setup (cell 8): "),
    "needs a file": (SETUP, SETUP + "open('notes.txt')\n", "Setup (cell 8): FileNotFoundError"),
    "needs the grader": (SETUP, SETUP + "import grader\n", "Setup (cell 8): ModuleNotFoundError"),
    "shows no points": ('print("points on', 'print("score on', "prints no points"),
    "kills its kernel": (SETUP, SETUP + "import os\nos._exit(1)\n", "the run broke off"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new", "says"), STUDENT_MODE.values(), ids=STUDENT_MODE.keys())
def test_a_starter_that_does_not_run_by_itself_is_found(
    own_toy: Path, tmp_path: Path, old: str, new: str, says: str
) -> None:
    finding = check_starter_runs(spoil(own_toy, "notebook.py", old, new), tmp_path / "room")
    assert not finding.ok
    assert says in finding.detail


@pytest.mark.slow
def test_python_itself_refuses_the_network_where_there_is_no_bubblewrap(
    own_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.lint.task.clean_room.find_bwrap", lambda: None)
    finding = check_starter_runs(spoil(own_toy, "notebook.py", SETUP, SETUP + ASK), tmp_path / "room")
    assert "there is no network here; somebody asked for data.example.org" in finding.detail
    fine = check_starter_runs(spoil(own_toy, "notebook.py", ASK, ""), tmp_path / "again")
    assert fine.ok, fine.detail
    assert "an audit hook" in fine.detail


IN_FINAL_MODE = f"if FINAL_EVALUATION_MODE:\n    {ASK.strip().replace(chr(10), '; ')}\n"


@pytest.mark.slow
@pytest.mark.usefixtures("lent_engine", "no_pauses")
def test_a_final_evaluation_that_asks_the_network_is_found(own_toy: Path, tmp_path: Path) -> None:
    task = spoil(own_toy, "notebook.py", SETUP, SETUP + IN_FINAL_MODE)
    findings = lint_runs(
        read_subject(task), build_task_data(task, tmp_path / "d", seeds=2), tmp_path, Quiet()
    )
    assert the(findings, "student mode").ok
    assert "the starter ended as grader_error" in the(findings, "final mode").detail
    assert not the(findings, "shuffled answers").ok


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (SETUP, SETUP + IN_FINAL_MODE, "Setup (cell"),
        ("np.savez(PREDICTIONS_PATH, model=", "dict(model=", "saves no predictions"),
        ("import numpy as np", "import numpy as np", ""),
    ],
    ids=["asks the network", "saves nothing", "as it should be"],
)
def test_where_trainers_keep_the_network_a_final_evaluation_runs_in_the_clean_room(
    own_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, says: str
) -> None:
    task = spoil(own_toy, "notebook.py", old, new)
    (repeat, _) = build_task_data(task, tmp_path / "d", seeds=2).repeats
    monkeypatch.setattr(runs, "_PROBE", "raise SystemExit(1)")
    finding = runs.check_final_mode(read_subject(task), {}, repeat, tmp_path / "room")
    assert finding.ok is not bool(says), finding.detail
    assert says in finding.detail
