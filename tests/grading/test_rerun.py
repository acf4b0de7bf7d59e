"""What is recorded can be listed, run again, given other points, and proved."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import lend

from grader.cli.main import main
from grader.gradebook.gradebook import reading
from grader.notebooks.rebuild import rebuild

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.grading.engine import LocalEngine
    from grader.notebooks.reading import Json
    from grader.task.spec import Task

    Run = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.slow

SLOTS = {
    "anna": "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n",
    "anna-copy": "def your_weights(targets,losses):  # mine\n\n    return torch.ones(len(targets))\n",
    "ben": "def your_weights(targets, losses):\n    return 1 / 0\n",
    "cara": "def your_weights(targets, losses):\n    return torch.rand(len(targets)) + 1\n",
}

# Drawn once: with some, a student gets 0 points, which no other map changes.
SECRET = "a3f1c05d7e924b6680d2b94e5c1f7a3890be64d7213c58af09e6d41b7c82f5ad"


@pytest.fixture(scope="module")
def own(toy_task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy task in a clone whose score map a test may change."""
    clone = tmp_path_factory.mktemp("own")
    shutil.copytree(toy_task.folder.parent.parent, clone, dirs_exist_ok=True)
    return clone / "tasks" / "toy_task"


@pytest.fixture(scope="module")
def graded(own: Path, starter: Json, tmp_path_factory: pytest.TempPathFactory, engine: LocalEngine) -> Path:
    """A folder of results of the four students and a roster, graded once."""
    folder = tmp_path_factory.mktemp("class")
    for student, slot in SLOTS.items():
        (folder / f"{student}.ipynb").write_text(json.dumps(rebuild(starter, slot)))
    (folder / "roster.csv").write_text(
        "id,name,email,section\nanna,Anna A,anna@x.org,1B\nben,Ben B,ben@x.org,1C\n"
    )
    (folder / "out").mkdir()
    (folder / "out" / "secret").write_text(f"{SECRET}\n")
    words = [
        "grader",
        "grade",
        own,
        folder,
        "--out",
        folder / "out",
        "--repeats",
        "2",
        "--roster",
        folder / "roster.csv",
    ]
    patched = pytest.MonkeyPatch()
    lend(engine, patched)
    patched.setattr(sys, "argv", list(map(str, words)))
    with pytest.raises(SystemExit) as ended:
        main()
    patched.undo()
    assert not ended.value.code
    return folder / "out"


def answer(run: Run, *words: str | Path, code: int = 0) -> Any:
    found, out, err = run(*words, "--json")
    assert found == code, err
    return json.loads(out)


def test_results_are_listed_and_filtered(run: Run, graded: Path) -> None:
    rows = answer(run, "results", graded)
    assert [(row["student"], row["attempt"]) for row in rows] == [(name, 1) for name in sorted(SLOTS)]
    assert [row["student"] for row in answer(run, "results", graded, "--verdict", "slot_error")] == ["ben"]
    assert [row["student"] for row in answer(run, "results", graded, "--student", "cara")] == ["cara"]
    assert {row["student"] for row in answer(run, "results", graded, "--identical")} == {"anna", "anna-copy"}
    code, out, _ = run("results", graded)
    assert code == 0
    assert out.count("anna-copy") == 2
    assert "4 results" in out


def test_the_leaderboard_knows_names_and_sections(run: Run, graded: Path) -> None:
    rows = {row["student"]: row for row in answer(run, "results", graded, "--leaderboard")}
    assert (rows["anna"]["name"], rows["anna"]["section"], rows["cara"]["name"]) == ("Anna A", "1B", "")
    assert rows["anna"]["rank"] == rows["anna-copy"]["rank"] < rows["ben"]["rank"] == 4, "at the same time"
    assert list(rows)[-1] == "ben"
    code, out, _ = run("results", graded, "--leaderboard")
    assert (code, "Anna A" in out) == (0, True)


def test_a_replay_gives_the_same_predictions_bit_for_bit(run: Run, own: Path, graded: Path) -> None:
    found = answer(run, "replay", own, "cara", "--out", graded)
    assert (found["identical"], found["compared"], found["different"], found["environment"]) == (
        True,
        2,
        [],
        {},
    )
    code, out, _ = run("replay", own, "anna", "--out", graded)
    assert code == 0
    assert "anna-copy: scored, 2 repeats the same bit for bit" in out, (
        "a copy leads to the run that was executed"
    )
    with reading(graded) as book:
        assert len(book.history()) == 4, "a replay records nothing"


def test_an_explanation_replays_the_run_and_names_all_of_its_seeds(
    run: Run, own: Path, graded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cara.html"
    found = answer(run, "explain", graded, "cara", "--out", path, "--replay", "--task-folder", own)
    page = path.read_text(encoding="utf-8")
    assert f"<strong>{found['points']}</strong>" in page
    assert "the predictions of 2 repeats are the same, bit for bit" in page
    assert "torch" in page
    for seed in ("trainer", "data", "slot"):
        assert page.count(f"{seed} <code>") == 2, "one for each repeat"


def test_a_replay_says_what_differs(run: Run, own: Path, graded: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(graded, moved)
    path = moved / "runs" / "cara" / "run-1" / "repeat-1" / "predictions.npz"
    with np.load(path) as arrays:
        changed = {name: values.copy() for name, values in arrays.items()}
    changed["model"][0] ^= 1
    np.savez(path, **changed)
    found = answer(run, "replay", own, moved / "runs" / "cara" / "run-1", "--out", moved, code=1)
    assert (found["identical"], found["different"]) == (False, ["repeat 1: model"])
    path.write_bytes(path.read_bytes()[:-30])
    code, out, _ = run("replay", own, "cara", "--out", moved)
    assert (code, "differs from the record: repeat 1: predictions.npz cannot be read" in out) == (1, True)
    (moved / "secret").write_text("another secret, long enough\n")
    code, _, err = run("replay", own, "cara", "--out", moved)
    assert (code, "the secret are not those of the record" in err) == (2, True)


def test_regrade_runs_the_chosen_again_and_keeps_the_earlier_results(
    run: Run, own: Path, graded: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(graded, out)
    rows = answer(run, "regrade", own, "--out", out, "--verdict", "slot_error", "--student", "ben")
    assert [(row["student"], row["verdict"]) for row in rows] == [("ben", "slot_error")]
    with reading(out) as book:
        results = [one for one in book.history() if one.result.student == "ben"]
        assert [one.attempt for one in results] == [1, 1]
        assert len({one.result.run_folder for one in results}) == 2
        assert [run["command"] for run in book.runs()] == ["grade", "regrade"]
    for words, message in (
        ((), "choose submissions with --verdict or --student"),
        (("--student", "nobody"), "has no student 'nobody'"),
        (("--verdict", "time_limit"), "nothing in"),
    ):
        code, _, err = run("regrade", own, "--out", out, *words)
        assert (code, message in err) == (2, True), err


def test_rescore_gives_points_under_the_new_map_and_grade_runs_nothing_for_it(
    run: Run, own: Path, graded: Path, tmp_path: Path
) -> None:
    out, task = tmp_path / "out", tmp_path / "clone" / "tasks" / "toy_task"
    shutil.copytree(graded, out)
    shutil.copytree(own.parent.parent, tmp_path / "clone")
    spec = (task / "task.toml").read_text()
    (task / "task.toml").write_text(spec.replace("ceiling = ", "ceiling = 1.0 # "))
    before = {row["student"]: row for row in answer(run, "results", out)}
    changed = {row["student"]: row for row in answer(run, "rescore", task, "--out", out)}
    after = {row["student"]: row for row in answer(run, "results", out)}
    assert set(changed) == {"anna", "anna-copy", "cara"}
    for student, row in changed.items():
        assert (row["before"], row["points"]) == (before[student]["points"], after[student]["points"])
        assert after[student]["points"] < before[student]["points"]
        assert after[student]["metrics"] == before[student]["metrics"]
    assert after["ben"] == before["ben"]
    for student in ("cara", "anna-copy"):
        replayed = answer(run, "replay", task, student, "--out", out)
        assert (replayed["identical"], replayed["compared"]) == (True, 2)
    code, _, err = run("grade", task, *sorted(graded.parent.glob("*.ipynb")), "--out", out, "--repeats", "2")
    assert code == 0
    assert "4 of 4 graded already" in err
    assert len(list((out / "runs").glob("*/run-*"))) == len(list((graded / "runs").glob("*/run-*")))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("results", "nowhere"), "there is no gradebook in nowhere"),
        (
            ("grade", "TASK", "CLASS", "--out", "o", "--ray-address", "x"),
            "--ray-address and --shared go with --engine ray",
        ),
        (("grade", "TASK", "CLASS", "--out", "o", "--gpus", "all"), "--gpus: this machine has no GPU"),
        (("grade", "TASK", "CLASS", "--out", "o", "--per-gpu", "2"), "--per-gpu goes with --gpus"),
        (("rescore", "TASK", "--out", "nowhere"), "nowhere"),
        (("replay", "TASK", "nobody", "--out", "OUT"), "'nobody' has no result in"),
        (("grade", "TASK", "CLASS", "--out", "o", "--roster", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: tuple[str, ...],
    message: str,
    run: Run,
    own: Path,
    graded: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("grader.trainer.gpus.cards", lambda: 0)
    known = {"TASK": str(own), "CLASS": str(graded.parent), "OUT": str(graded)}
    code, _, err = run(*(known.get(word, word) for word in words))
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
