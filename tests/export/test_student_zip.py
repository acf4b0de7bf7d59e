"""The zip for students: what they need to begin, and nothing that is not public."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from spoiling import spoil, spoil_built
from turns import TASKS, in_turn

from grader.export.student_zip import pack
from grader.task.scaffold import scaffold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.task.spec import Task

    Run = Callable[..., tuple[int, str, str]]

SAVES_PUBLIC = '        save(public / "val.npz", parts["val"])\n'


@pytest.fixture
def run(run: Run) -> Run:
    """Give a function that packs a task by the command, and returns exit code, output and errors."""
    return partial(run, "pack")


def packed(task: Task, folder: Path) -> Path:
    """Pack without asking the linter."""
    public = folder / "public"
    task.builder().make_data(public, None, None, seed=0)
    return pack(task, public, folder / "out", size="default")


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {member.filename: opened.read(member) for member in opened.infolist()}


def test_the_zip_holds_a_folder_with_all_that_a_student_needs(toy_task: Task, tmp_path: Path) -> None:
    files = members(packed(toy_task, tmp_path / "out"))
    assert sorted(files) == [
        f"toy_task/{name}"
        for name in (
            "README.md",
            "requirements.txt",
            "tasks/toy_task/data.py",
            "tasks/toy_task/handout.json",
            "tasks/toy_task/starter.ipynb",
            "tasks/toy_task/task.toml",
            "toy_data/train.npz",
            "toy_data/val.npz",
            "toy_task.ipynb",
        )
    ]
    assert files["toy_task/toy_task.ipynb"] == toy_task.starter.read_bytes()


def test_equal_tasks_give_equal_bytes(toy_task: Task, tmp_path: Path) -> None:
    assert packed(toy_task, tmp_path / "a").read_bytes() == packed(toy_task, tmp_path / "b").read_bytes()


def test_the_page_says_what_counts_and_leaves_the_deadline_open(toy_task: Task, tmp_path: Path) -> None:
    page = members(packed(toy_task, tmp_path))["toy_task/README.md"].decode()
    for words in (
        toy_task.spec.title, toy_task.spec.signature, "3 runs", "0 points at 0.5, 100 at 0.84", "60 seconds", "1024 MB",
        "Hand in by: ____", "Jupyter", "VS Code", "Colab", "grader check toy_task.ipynb", "pip install notebook_olympiad-",
        f"graded in **Python {sys.version_info.major}.{sys.version_info.minor}**",
    ):  # fmt: skip
        assert words in page
    assert "$" not in page


def test_the_requirements_are_what_the_notebook_imports_in_our_ranges(toy_task: Task, tmp_path: Path) -> None:
    lines = members(packed(toy_task, tmp_path))["toy_task/requirements.txt"].decode().splitlines()
    assert [re.split("[<>=]", line)[0] for line in lines] == ["ipykernel", "jupyterlab", "numpy", "torch"]
    assert "numpy>=1.26" in lines


@pytest.mark.slow
@pytest.mark.parametrize("task", list(map(in_turn, TASKS)))
def test_every_task_can_be_handed_out(task: Task, run: Run, tmp_path: Path) -> None:
    code, said, err = run(task.folder, "--out", tmp_path / "out", "--json")
    assert (code, json.loads(said)["wrong"], err) == (0, [], "")
    files = members(tmp_path / "out" / f"{task.id}.zip")
    assert f"{task.id}/data/{task.id}/train/dataset_labels.csv" in files or len(files) > 3
    wanted = files[f"{task.id}/requirements.txt"].decode()
    assert "scikit-learn>=" in wanted
    assert "grader" not in wanted


LEAKS: dict[str, tuple[str, str]] = {
    "answers under their name": (
        'save(public / "answers.npz", {"labels": parts["train"]["y"]})', "answers.npz is called answers",
    ),
    "a folder of inputs": (
        'save(public / "inputs" / "x.npz", {"x": parts["train"]["x"]})', "public/inputs is called inputs",
    ),
    "a solution": ('(public / "my_solution.py").write_text("x = 1\\n")', "my_solution.py is called solution"),
    "answers under another name": (
        'save(public / "extra.npz", {"labels": parts["test"]["y"]})', "extra.npz is the hidden file answers/answers.npz",
    ),
    "the hidden test inputs": (
        'save(public / "more.npz", {"x": parts["test"]["x"]})', "more.npz is the hidden file inputs/test.npz",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "words"), LEAKS.values(), ids=LEAKS.keys())
def test_a_task_that_gives_hidden_data_away_is_not_packed(
    line: str, words: str, own_toy: Path, run: Run, tmp_path: Path
) -> None:
    spoil(own_toy, "data.py", SAVES_PUBLIC, f"{SAVES_PUBLIC}        {line}\n")
    code, said, err = run(own_toy, "--out", tmp_path / "out")
    assert code == 1
    assert [row.split()[1:3] for row in said.splitlines()[1:]] == [["student", "pack"]]
    assert words in said
    assert "toy_task is not packed" in err
    assert not (tmp_path / "out").exists()


def test_every_reason_not_to_pack_a_task_is_said_in_a_line_of_its_own(
    own_toy: Path, run: Run, tmp_path: Path
) -> None:
    task = spoil(own_toy, "task.toml", "floor = 0.5\n", "floor = 0.55\n")
    spoil_built(task.starter, "return torch.ones", "### BEGIN SOLUTION\n    return torch.ones")
    spoil_built(task.starter, "0.55", "0.5")
    code, said, err = run(own_toy, "--out", tmp_path / "out")
    assert code == 1
    assert [row[6:].split("  ")[0] for row in said.splitlines()[1:]] == ["built", "slot only", "score map"]
    assert err.count("\n") == 1
    code, said, _ = run(own_toy, "--out", tmp_path / "out", "--json")
    told = json.loads(said)
    assert (code, told["out"]) == (1, None)
    assert [finding["name"] for finding in told["wrong"]] == ["built", "slot only", "score map"]
    assert not (tmp_path / "out").exists()


def test_the_data_that_are_looked_at_are_those_of_the_source_that_is_named(
    toy_task: Task, run: Run, tmp_path: Path
) -> None:
    code, _, err = run(toy_task.folder, "--out", tmp_path / "out", "--source", "npz:nowhere.npz")
    assert code == 2
    assert "the data of toy_task cannot be built" in err
    assert not (tmp_path / "out").exists()


def test_a_notebook_that_looks_elsewhere_for_its_data_is_not_packed(
    own_toy: Path, run: Run, tmp_path: Path
) -> None:
    spoil(own_toy, "notebook.py", 'DATA_PATH = "toy_data"', 'DATA_PATH = "../toy_data"')
    code, _, err = run(own_toy, "--out", tmp_path / "out")
    assert code == 2
    assert "DATA_PATH must be a folder below" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_new_task_can_be_handed_out(run: Run, tmp_path: Path) -> None:
    task, _ = scaffold("first_try", tmp_path / "tasks")
    code, said, _ = run(task.folder, "--out", tmp_path / "out")
    assert (code, said.splitlines()[1]) == (0, f"wrote {tmp_path / 'out' / 'first_try.zip'}")


@pytest.mark.slow
def test_what_is_unpacked_is_checked_on_the_data_beside_the_notebook(toy_task: Task, tmp_path: Path) -> None:
    """The starter, in the folder that a student gets, finds the data there and builds none."""
    import nbclient
    import nbformat

    with zipfile.ZipFile(packed(toy_task, tmp_path)) as opened:
        opened.extractall(tmp_path / "student")
    folder = tmp_path / "student" / "toy_task"
    with np.load(folder / "toy_data" / "train.npz") as arrays:
        assert set(arrays.files) == {"x", "y", "y_noisy"}
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    notebook = nbformat.read(folder / "toy_task.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")} == before
