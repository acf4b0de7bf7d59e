"""A new task in which students train works from the first minute, too; docs/programs.md grades one by its commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import test_contract as contract

from grader.notebooks.rebuild import rebuild
from grader.task.scaffold import scaffold
from grader.task.spec import read_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from grader.grading.engine import LocalEngine
    from grader.task.spec import Task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    made, _ = scaffold("first_program", tmp_path_factory.mktemp("author") / "tasks", "program")
    return made


def test_a_new_task_is_a_task_and_its_notebooks_are_in_step(task: Task) -> None:
    contract.test_the_linter_finds_nothing_wrong_with_what_is_written(task)
    contract.test_the_generated_notebooks_are_the_same_each_time(task)
    contract.test_no_notebook_of_the_task_needs_the_grader(task)
    assert (read_task(task.folder).spec.kind, task.spec.program.seconds) == ("program", 20)


def test_nothing_of_a_new_task_is_called_as_its_template(task: Task) -> None:
    for file in (*task.folder.rglob("*.*"), task.starter, task.solution):
        assert "my_task" not in file.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_trick_and_a_stronger_answer_are_worth_what_the_settings_say(
    task: Task, tmp_path: Path, engine: LocalEngine
) -> None:
    starter = load_starter(task)
    notebooks = {}
    for name in ("five_neighbours", "clean_first"):
        slot = (task.folder / "strategies" / f"{name}.py").read_text(encoding="utf-8")
        notebooks[name] = json.dumps(rebuild(starter, slot)).encode()
    results = contract.grade_all(task, notebooks, tmp_path, engine, seeds=1)
    points = {name: result.points or 0 for name, result in results.items()}
    assert 30 <= points["five_neighbours"] <= 75
    assert points["clean_first"] > points["five_neighbours"]
