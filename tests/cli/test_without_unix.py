"""A check where fork, fcntl, resource and descriptors for children are missing, as on Windows and partly on macOS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.export.student_zip import pack
from grader.notebooks.reading import read_notebook
from grader.notebooks.rebuild import rebuild

if TYPE_CHECKING:
    from grader.task.spec import Task

WITHOUT_UNIX = Path(__file__).resolve().parent.parent / "without_unix"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(toy_task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a student unpacks."""
    out = tmp_path_factory.mktemp("handout")
    toy_task.builder().make_data(out / "public", None, None, seed=0)
    with zipfile.ZipFile(pack(toy_task, out / "public", out, size="default")) as opened:
        opened.extractall(out)
    return out / "toy_task"


def grader(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(WITHOUT_UNIX)}
    command = [sys.executable, "-m", "grader", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_what_is_hidden_is_missing_for_the_grader_and_its_children() -> None:
    program = (
        "import os, subprocess, grader.files as f; print(hasattr(os, 'fork')); exec('import fcntl', vars(f))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(WITHOUT_UNIX)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "False\n"
    assert "No module named 'fcntl'" in done.stderr


def test_a_quick_check_and_a_rehearsal_work(folder: Path) -> None:
    quick = grader(folder, "check", "toy_task.ipynb", "--quick")
    assert (quick.returncode, quick.stderr) == (0, "")
    assert quick.stdout.startswith("toy_task.ipynb: no problems found\n")
    whole = grader(folder, "check", "toy_task.ipynb", "--json")
    answer = json.loads(whole.stdout)
    assert (whole.returncode, answer["verdict"]) == (0, "scored")
    assert "your function runs in a plain process" in whole.stderr


def test_a_failure_is_explained_as_elsewhere(folder: Path) -> None:
    starter = read_notebook((folder / "toy_task.ipynb").read_bytes())
    slot = "def your_weights(targets, losses):\n    print('here')\n    return torch.ones(len(targets)) / nothing\n"
    (folder / "failing.ipynb").write_text(json.dumps(rebuild(starter, slot)), encoding="utf-8")
    done = grader(folder, "check", "failing.ipynb")
    assert "slot_error: " in done.stdout
    assert "NameError: name 'nothing' is not defined" in done.stdout
    assert "your solution, line 3, in your_weights" in done.stdout


def test_other_commands_say_what_they_need(folder: Path) -> None:
    refused = grader(folder, "grade", "toy_task", "toy_task.ipynb", "--out", "r")
    assert refused.returncode == 2
    assert "no working sandbox here" in refused.stderr
    told = grader(folder, "doctor")
    assert told.returncode == 2
    assert "  - grade on Linux; `grader check` works here, in a plain process\n" in told.stdout
    assert told.stderr == ""
