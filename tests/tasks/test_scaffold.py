"""A new task works from the first minute: it keeps the contract of all tasks but the bands, which are to be measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import test_contract as contract

from grader.errors import UsageError
from grader.grading.bands import LEAST_REFERENCE_POINTS, MOST_STARTER_POINTS, MOST_TRICK_POINTS
from grader.task import build
from grader.task.evaluation import prepare_repeats
from grader.task.scaffold import scaffold
from grader.task.spec import Task, discover, read_task, tasks_folder

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from grader.grading.engine import LocalEngine


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    made, _ = scaffold("first_try", tmp_path_factory.mktemp("author") / "tasks")
    return made


def test_a_new_task_is_a_task_and_its_notebooks_are_in_step(task: Task) -> None:
    contract.test_the_linter_finds_nothing_wrong_with_what_is_written(task)
    contract.test_the_generated_notebooks_are_the_same_each_time(task)
    contract.test_no_notebook_of_the_task_needs_the_grader(task)
    assert [task.id for task in discover(task.folder.parent)] == ["first_try"]
    assert read_task(task.folder).builder()


def test_nothing_of_a_new_task_is_called_as_its_template(task: Task) -> None:
    for file in (*task.folder.rglob("*.*"), task.starter, task.solution):
        assert "my_task" not in file.read_text(encoding="utf-8")
    assert 'DATA_PATH = "data/first_try"' in "\n".join(cells(task))


def test_code_cells_are_short_and_one_job_each(task: Task) -> None:
    for text in cells(task):
        if "def make_data" not in text and "def performance(predictions, answers)" not in text:  # generated
            assert (
                len([line for line in text.splitlines() if "PROTECTED" not in line]) <= contract.LONGEST_CELL
            ), text


def cells(task: Task) -> list[str]:
    notebook = json.loads(task.starter.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_outline_is_the_one_that_students_know(task: Task) -> None:
    notebook = json.loads(task.starter.read_text(encoding="utf-8"))
    text = "".join(
        "".join(cell["source"]) + "\n" for cell in notebook["cells"] if cell["cell_type"] == "markdown"
    )
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
    wanted = [
        task.spec.title, "Task", "Data", "Scoring", "Limits", "What to submit", "Setup", "Data", "Model", "Scoring",
        "Training", "Baseline", "Your solution", "Evaluation",
    ]  # fmt: skip
    assert headings == wanted


@pytest.mark.parametrize("name", ["", "1st", "with space", "../up", "cells", "parts", "x" * 51, "ünï"])
def test_a_name_that_no_task_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot name a task"):
        scaffold(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_makes_folders_of_rows_is_shared_by_tasks_and_never_overwritten(tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    _, written = scaffold("first", tasks)
    assert written[:2] == [tasks / "parts" / "files.py", tasks / "parts" / "rows.py"]
    assert [path.read_text() for path in written[:2]] == [
        (tasks_folder() / "parts" / name).read_text() for name in ("files.py", "rows.py")
    ]
    (tasks / "parts" / "rows.py").write_text(written[1].read_text() + "\nOF_MINE = 1\n")
    second, written = scaffold("second", tasks)
    assert [path for path in written if path.parent.name == "parts"] == []
    assert vars(second.builder())["OF_MINE"] == 1
    scaffold("third", tmp_path / "games", "interactive")
    assert not (tmp_path / "games" / "parts").exists()


def test_a_task_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    task, _ = scaffold("mine", tmp_path / "tasks")
    (task.folder / "data.py").write_text("# mine\n")
    with pytest.raises(UsageError, match="already exists"):
        scaffold("mine", tmp_path / "tasks")
    assert (task.folder / "data.py").read_text() == "# mine\n"


def test_data_of_the_same_seed_are_the_same_and_no_level_holds_the_next(task: Task, tmp_path: Path) -> None:
    import numpy as np

    for name in ("a", "b"):
        folder = tmp_path / name
        task.builder().make_data(folder / "public", folder / "inputs", folder / "answers", seed=3)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.npz"))
    assert [str(path) for path in files] == [
        "answers/answers.npz", "inputs/test/rows.npz", "inputs/train/rows.npz", "public/train/rows.npz", "public/val/rows.npz",
    ]  # fmt: skip
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    with np.load(tmp_path / "a" / "inputs" / "test" / "rows.npz") as test:
        assert test.files == ["x"]
    with np.load(tmp_path / "a" / "public" / "train" / "rows.npz") as train:
        assert train.files == ["x", "typed"]
    with pytest.raises(ValueError, match="not one of: embedded"):
        task.builder().make_data(tmp_path / "c", None, None, 0, "npz:mine.npz")


@pytest.mark.slow
def test_the_starter_runs_clean_and_shows_a_score_and_a_picture(task: Task, tmp_path: Path) -> None:
    contract.test_the_starter_runs_clean_from_top_to_bottom_without_the_grader_and_the_network(task, tmp_path)


@pytest.mark.slow
def test_data_and_rehearsals_keep_the_contract(task: Task, tmp_path: Path) -> None:
    contract.test_the_linter_finds_nothing_wrong_with_the_data(task, tmp_path / "a")
    contract.test_a_rehearsal_has_inputs_without_answers(task, tmp_path / "b")


@pytest.mark.slow
def test_a_wrong_return_is_explained(task: Task, tmp_path: Path, engine: LocalEngine) -> None:
    contract.test_a_wrong_return_is_an_invalid_output_or_a_penalty_with_a_sentence(task, tmp_path, engine)


@pytest.mark.slow
def test_starter_trick_and_reference_are_measured_into_their_bands(
    task: Task, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the commands that an author types."""
    record = tmp_path / "bands.json"
    monkeypatch.chdir(task.folder.parent.parent)
    assert run("build", "./tasks/first_try", "--check")[0] == 0
    words = ["bands", "./tasks/first_try", "--seeds", "3", "--out", tmp_path / "runs", "--record", record]
    words += ["--secret", "the same seeds in every run of the tests"]
    code, shown, _ = run(*words)
    assert code == 0
    measured = json.loads(record.read_text())["strategies"]
    assert {name: band["role"] for name, band in measured.items()} == {
        "starter": "starter",
        "reference": "reference",
        "fixed_share": "trick",
    }
    assert measured["starter"]["points"] <= MOST_STARTER_POINTS
    assert measured["fixed_share"]["points"] <= MOST_TRICK_POINTS
    assert measured["reference"]["points"] >= LEAST_REFERENCE_POINTS
    assert "suggestion for task.toml: floor = 0." in shown
    code, again, _ = run(*words, "--json")
    assert (code, json.loads(again)["strategies"]) == (0, measured), "what was measured is not run again"


def test_the_hidden_data_of_a_new_task_can_be_built(task: Task, tmp_path: Path) -> None:
    repeats = prepare_repeats(task, b"seeds of the test suite", tmp_path, repeats=2, source="embedded")
    assert [repeat.answers.is_file() for repeat in repeats] == [True, True]


def test_a_failed_build_says_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Task) -> list[Path]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build, "write", full)
    with pytest.raises(UsageError, match="No space left"):
        scaffold("mine", tmp_path / "tasks")
    assert not (tmp_path / "tasks" / "mine").exists()
