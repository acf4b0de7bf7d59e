"""A contest with a task of files: students get its data with the statement, and what they hand in is a file of predictions."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from conftest import TOY_FILES

from grader.contest.folder import open_contest
from grader.grading.file_answers import written_file
from grader.serve.public import public_files, public_tasks
from grader.serve.publish import DATA_ZIP, publish_tasks
from grader.task.spec import read_task

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def home(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(TOY_FILES, tmp_path / "tasks" / "toy_files")
    assert run("build", tmp_path / "tasks" / "toy_files")[0] == 0
    code, _, errors = run(
        "contest", "new", "ours", "--task", "tasks/toy_files", "--title", "Ours", "--zone", "UTC"
    )
    assert code == 0, errors
    return tmp_path


def test_its_rehearsal_hands_in_files(home: Path, run: Run) -> None:
    code, text, errors = run(
        "contest", "check", "ours", "--dry-run", "--device", "cpu", "--teams", "5", "--json"
    )
    assert code == 0, text + errors
    played = {
        finding["name"]: finding["detail"]
        for finding in json.loads(text)["findings"]
        if "," in finding["name"]
    }
    assert played["toy_files, starter"].startswith("scored, ")
    assert played["toy_files, reference"].startswith(("scored, 100", "scored, 9"))
    assert played["toy_files, broken file"].startswith("invalid_output")
    assert home.is_dir()


def test_its_page_asks_for_the_file_and_gives_the_data_that_are_graded(home: Path) -> None:
    contest = open_contest(home / "ours")
    publish_tasks(contest)
    folder = home / "ours"
    assert public_tasks(folder, contest.spec)["toy_files"].hand_in == "predictions.csv"
    assert public_tasks(folder, contest.spec)["toy_files"].ending == ".csv"
    whole = public_files(folder, "toy_files")[DATA_ZIP].read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert "data/toy_files/questions.npz" in archive.namelist()
        assert not any("answers" in name or "ids" in name for name in archive.namelist())
        archive.extractall(home / "student")
    task = read_task(home / "tasks" / "toy_files")
    data = written_file(
        task.solution.read_bytes(), task, home / "student" / "data" / "toy_files", home / "student" / "run"
    )
    assert data.startswith(b"id,warm,degrees\n")
