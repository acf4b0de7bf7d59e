"""What would prove the same of each real task is tried on one of them in each run, in turn by the day; at night on all.

A task that changed, or that was never measured with the torch and numpy that are installed, does not wait for its turn.
`TURN` in the environment is the id of the task in turn, "all", or "none".
"""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.task.spec import Task, discover

if TYPE_CHECKING:
    from datetime import date

TASKS = [
    task for task in discover() if task.spec.runs_code
]  # tests/tasks/test_night_birds.py has the rules of files
THIRDS = 3
# The conditions in which bands were last met again; `pytest --update-goldens` writes them when they are.
BANDS_CHECKED = Path(__file__).parent.parent / "benchmarks" / "bands_checked.json"


def task_of(day: date) -> str:
    """Return the id of the task whose turn it is on a day."""
    return TASKS[day.timetuple().tm_yday % len(TASKS)].id


def conditions_of(task: Task) -> dict[str, str]:
    """Return what decides whether a band would be the same if it were measured again."""
    return {"run_digest": task.run_digest} | {name: version(name) for name in ("torch", "numpy")}


def is_due(task: Task, checked: dict[str, dict[str, str]], *, turn: str) -> bool:
    """Return whether a task is tried in this run: it never was in these conditions, or it is its turn."""
    return turn in {"all", task.id} or checked.get(task.id) != conditions_of(task)


def is_in_turn(number: int, *, turn: str) -> bool:
    """Return whether the one of that number, of several that prove nearly the same, is tried in this run: a third of them is."""
    ids = [task.id for task in TASKS]
    return turn == "all" or (turn in ids and ids.index(turn) % THIRDS == number % THIRDS)


def in_its_group(task: Task) -> object:
    """Return a task as a parameter, in a group of its own, so that two workers share the tasks."""
    return pytest.param(task, marks=pytest.mark.xdist_group(f"contract of {task.id}"), id=task.id)


def marks_of(task: Task, *, turn: str) -> list[pytest.MarkDecorator]:
    """Return the marks of a test of a task: its group, and the night unless the task is due."""
    group = pytest.mark.xdist_group(f"contract of {task.id}")
    return [group] if is_due(task, conditions_checked(), turn=turn) else [group, pytest.mark.nightly]


def in_turn(task: Task) -> object:
    """Return a task as a parameter, for the night unless it is due."""
    return pytest.param(task, marks=marks_of(task, turn=os.environ["TURN"]), id=task.id)


def conditions_checked() -> dict[str, dict[str, str]]:
    """Return the conditions on record, by the ids of tasks."""
    return dict(json.loads(BANDS_CHECKED.read_text(encoding="utf-8")))
