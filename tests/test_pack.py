"""The zip for students: what they need to begin, and nothing that is not public."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grader.build import write
from grader.errors import UsageError
from grader.pack import pack
from grader.task import Task, discover, read_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TASKS = discover()
SAVES_PUBLIC = '        save(public / "val.npz", parts["val"])\n'


def packed(task: Task, folder: Path) -> Path:
    return pack(task, folder, data_source="embedded", size="default")


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
        "Hand in by: ____", "Jupyter", "VS Code", "Colab", "grader check toy_task.ipynb",
    ):  # fmt: skip
        assert words in page
    assert "$" not in page


def test_the_requirements_are_what_the_notebook_imports_in_our_ranges(toy_task: Task, tmp_path: Path) -> None:
    lines = members(packed(toy_task, tmp_path))["toy_task/requirements.txt"].decode().splitlines()
    assert [re.split("[<>=]", line)[0] for line in lines] == ["ipykernel", "jupyterlab", "numpy", "torch"]
    assert "numpy>=1.26" in lines


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_every_task_can_be_handed_out(task: Task, tmp_path: Path) -> None:
    files = members(packed(task, tmp_path))
    assert f"{task.id}/data/{task.id}/train/dataset_labels.csv" in files or len(files) > 3
    wanted = files[f"{task.id}/requirements.txt"].decode()
    assert "scikit-learn>=" in wanted
    assert "grader" not in wanted


LEAKS: dict[str, tuple[str, str]] = {
    "answers under their name": (
        '        save(public / "answers.npz", {"labels": parts["train"]["y"]})\n',
        "toy_data/answers.npz has the name",
    ),
    "a folder of inputs": (
        '        save(public / "inputs" / "x.npz", {"x": parts["train"]["x"]})\n',
        "toy_data/inputs/x.npz has the name",
    ),
    "answers under another name": (
        '        save(public / "extra.npz", {"labels": parts["test"]["y"]})\n',
        "toy_data/extra.npz is a file of the hidden data",
    ),
    "the hidden test inputs": (
        '        save(public / "more.npz", {"x": parts["test"]["x"]})\n',
        "toy_data/more.npz is a file of the hidden data",
    ),
}


@pytest.mark.parametrize(("line", "words"), LEAKS.values(), ids=LEAKS.keys())
def test_a_task_that_gives_hidden_data_away_is_not_packed(
    line: str, words: str, own_toy: Path, tmp_path: Path
) -> None:
    data = own_toy / "data.py"
    text = data.read_text(encoding="utf-8")
    assert SAVES_PUBLIC in text
    data.write_text(text.replace(SAVES_PUBLIC, SAVES_PUBLIC + line), encoding="utf-8")
    task = read_task(own_toy)
    write(task)
    with pytest.raises(UsageError, match=words):
        packed(task, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def spoil_starter(task: Task, change: Callable[[str], str]) -> None:
    task.starter.write_text(change(task.starter.read_text(encoding="utf-8")), encoding="utf-8")


def test_a_starter_with_the_solution_in_it_is_not_packed(own_toy: Path, tmp_path: Path) -> None:
    task = read_task(own_toy)
    write(task)
    spoil_starter(
        task,
        lambda text: text.replace('"    return torch', '"    ### BEGIN SOLUTION\\n",\n    "    return torch'),
    )
    with pytest.raises(
        UsageError, match=r"not in step with its source.*; the starter notebook shows a part of the solution"
    ):
        packed(task, tmp_path)


def test_a_notebook_that_looks_elsewhere_for_its_data_is_not_packed(own_toy: Path, tmp_path: Path) -> None:
    notebook = own_toy / "notebook.py"
    text = notebook.read_text(encoding="utf-8")
    notebook.write_text(text.replace('DATA_PATH = "toy_data"', 'DATA_PATH = "../toy_data"'), encoding="utf-8")
    task = read_task(own_toy)
    write(task)
    with pytest.raises(UsageError, match="DATA_PATH must be a folder below"):
        packed(task, tmp_path)


def test_data_that_cannot_be_built_are_one_line(toy_task: Task, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be built"):
        pack(toy_task, tmp_path, data_source="npz:nowhere.npz", size="default")


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
