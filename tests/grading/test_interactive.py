"""An interactive task from grading to published feedback: verdicts, cache, replay, a new map, pages and exports, by commands."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING

import pytest
from conftest import lend
from ponds import EPISODES, PLAYER, STEPS, few_ponds

from grader.cli.main import main
from grader.notebooks.rebuild import rebuild
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from grader.grading.engine import LocalEngine
    from grader.task.spec import Task

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("interactive")]
WRONG = PLAYER.replace("return int", "return 8 if observation['casts'].sum() == 5 else int")
PLAYERS = {
    "anna": PLAYER,
    "ben": f"{PLAYER}# the same player\n",
    "cara": WRONG,
    "dora": PLAYER.replace("return int", "return 1 / 0 or int"),
}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return few_ponds(tmp_path_factory.mktemp("author"))


@pytest.fixture(scope="module")
def graded(task: Task, tmp_path_factory: pytest.TempPathFactory, engine: LocalEngine) -> Path:
    """A folder of results of four players, graded once, on two repeats."""
    folder = tmp_path_factory.mktemp("class")
    for student, slot in PLAYERS.items():
        (folder / f"{student}.ipynb").write_text(json.dumps(rebuild(load_starter(task), slot)))
    words = ("grader", "grade", task.folder, folder, "--out", folder / "out", "--repeats", "2")
    with pytest.MonkeyPatch.context() as patch:
        lend(engine, patch)
        patch.setattr(sys, "argv", list(map(str, words)))
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code
    return folder / "out"


def test_each_player_gets_its_verdict_and_the_same_player_is_not_run_twice(run: Run, graded: Path) -> None:
    rows = {row["student"]: row for row in json.loads(run("results", graded, "--json")[1])}
    assert {student: row["verdict"] for student, row in rows.items()} == {
        "anna": "scored",
        "ben": "scored",
        "cara": "invalid_output",
        "dora": "slot_error",
    }
    assert rows["cara"]["message"] == "episode 1, step 6: the action is 8; return a whole number from 0 to 7"
    assert "ZeroDivisionError" in rows["dora"]["message"]
    assert rows["anna"]["points"] == rows["ben"]["points"]
    found = json.loads(run("results", graded, "--identical", "--json")[1])
    assert {row["student"] for row in found} == {"anna", "ben"}


def test_grading_again_takes_every_result_from_the_record(run: Run, task: Task, graded: Path) -> None:
    words = ("grade", task.folder, graded.parent / "cara.ipynb", "--out", graded, "--repeats", "2")
    code, shown, _ = run(*words)
    assert code == 0
    assert "invalid_output" in shown
    assert len(list((graded / "runs" / "cara").iterdir())) == 1


def test_a_replay_earns_the_same_in_every_episode(run: Run, task: Task, graded: Path) -> None:
    found = json.loads(run("replay", task.folder, "anna", "--out", graded, "--json")[1])
    assert (found["identical"], found["compared"], found["different"]) == (True, 2, [])


def test_feedback_shows_what_the_episodes_earned_and_how_long_they_were(run: Run, graded: Path) -> None:
    assert run("report", graded)[0] == 0
    (page,) = [path for path in graded.rglob("*.html") if path.stem.startswith("anna")]
    text = page.read_text(encoding="utf-8")
    for words in ("return of the episode", "actions in the episode", "normalised return"):
        assert words in text
    history = json.loads(next((graded / "runs" / "anna").rglob("history.json")).read_text())
    assert history["series"]["actions in the episode"] == [STEPS] * EPISODES


def test_grades_are_exported_with_the_metric_of_the_task(run: Run, graded: Path) -> None:
    with (graded / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert rows["anna"]["metric"] == "normalised return"
    code, _, errors = run("export", graded, "--format", "csv", "--out", graded / "grades.csv")
    assert code == 0, errors
    assert "anna" in (graded / "grades.csv").read_text(encoding="utf-8")


def test_a_student_checks_a_player_on_the_public_episodes(
    run: Run, task: Task, graded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown, _ = run("check", graded.parent / "anna.ipynb", "--task", task.folder)
    assert code == 0
    assert f"in {EPISODES * STEPS} calls" in shown
    assert "points on the public data, normalised return" in shown
