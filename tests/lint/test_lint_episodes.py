"""The linter plays twice more: a judge that overruns its budget, plays another game each time or tells a seed is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ponds import few_ponds
from recorded import Quiet, result_named
from spoiling import spoil, the, wrong

from grader.errors import Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.lint.task import build_task_data, read_subject
from grader.lint.task.episodes import CHANGES, around, check_episodes, play_again
from grader.submissions.collect import Submission
from grader.task.evaluation import Repeat

if TYPE_CHECKING:
    from pathlib import Path

    from grader.lint.task import Finding
    from grader.task.spec import Task

# Each is one mistake; they are made together, because each run takes a second.
SPOILT = (
    (
        "returns, lengths = play(",
        "play([Season(episodes['chances'][0], np.random)], your_pond, 1)\nreturns, lengths = play(",
    ),
    ("episode_rng(SEED, number)", "np.random.default_rng()"),
    ('"bites": self.bites.copy()}', '"bites": self.bites.copy(), "day": [SEED]}'),
)


def findings_of(task: Task, folder: Path) -> list[Finding]:
    subject, data = read_subject(task), build_task_data(task, folder / "d", seeds=1)
    settings, (repeat,) = RunSettings("cpu", 60, "any"), data.repeats
    starter = Submission("starter.ipynb", "starter", task.starter.read_bytes())
    (result,) = run_batch(Job(task, [starter], [repeat], settings, folder, 1), Quiet())
    players = play_again(subject, repeat, folder=folder / "again", settings=settings, watcher=Quiet())
    return check_episodes(task.spec, {"starter": result, **players}, repeat)


@pytest.mark.slow
@pytest.mark.usefixtures("lent_engine")
def test_a_sound_judge_has_no_findings(tmp_path: Path) -> None:
    findings = findings_of(few_ponds(tmp_path), tmp_path)
    assert wrong(findings) == {}
    assert "at most 72 calls in a run, of 72" in the(findings, "steps").detail
    assert "6 returns" in the(findings, "episodes").detail


@pytest.mark.slow
@pytest.mark.usefixtures("lent_engine")
def test_a_judge_that_overruns_plays_other_games_and_tells_its_seed_is_found(tmp_path: Path) -> None:
    few_ponds(tmp_path)
    for old, new in SPOILT:
        task = spoil(tmp_path / "tasks" / "ponds", "notebook.py", old, new)
    findings = wrong(findings_of(task, tmp_path))
    assert "the starter is called 73 times in a run, but [interactive] allows 72" in findings["steps"]
    assert "draw from episode_rng(SEED, number) alone" in findings["episodes"]
    assert "the run's SEED or a draw of a generator" in findings["observations"]


def test_a_stubborn_player_that_comes_to_no_end_is_found(tmp_path: Path) -> None:
    spec = few_ponds(tmp_path).spec
    results = {name: result_named(name, Verdict.SCORED) for name in ("starter", "solution", "noting")}
    results["stubborn"] = result_named("stubborn", Verdict.TIME_LIMIT)
    (steps, episodes, _) = check_episodes(spec, results, Repeat(0, tmp_path, tmp_path, 1, 1, "m"))
    assert "a player that repeats its first action ends as time_limit" in steps.detail
    assert "did not save what its episodes earned" in episodes.detail


CLASS = """class Player:
    def __init__(self, start):
        self.next = start

    def act(self, observation):
        self.next += 1
        return self.next
"""
FUNCTION = "count = []\ndef act(observation):\n    count.append(1)\n    return len(count)\n"


@pytest.mark.parametrize("methods", [{}, {"Player": ("act",)}], ids=["a function", "a class"])
def test_the_two_more_players_are_the_baseline_with_a_change(
    methods: dict[str, tuple[str, ...]], toy_task: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = tuple(methods) or ("act",)
    spec = toy_task.spec.model_copy(update={"entries": entries, "methods": methods})
    observation = {
        "seed": 2**40,
        "table": np.array([[1, 2**50]]),
        "text": "99999999",
        "none": None,
        "share": 0.5,
    }
    answers = {}
    for name, change in CHANGES.items():
        names: dict[str, Any] = {}
        exec((CLASS if methods else FUNCTION) + change + around(spec), names)
        act = names["Player"](0).act if methods else names["act"]
        answers[name] = [act(observation) for _ in range(3)]
    assert answers == {"noting": [1, 2, 3], "stubborn": [1, 1, 1]}
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == [f"large number seen: {2**40}", f"large number seen: {2**50}"]
