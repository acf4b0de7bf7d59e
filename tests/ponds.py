"""A small interactive task for tests: the template of its kind, with few and short episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.task.build import write
from grader.task.scaffold import scaffold
from grader.task.spec import read_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

EPISODES, STEPS = 6, 12
PLAYER = "import numpy as np\ndef your_pond(observation):\n    return int((observation['bites'] / (observation['casts'] + 1)).argmax())\n"


def few_ponds(folder: Path) -> Task:
    """Make the template of interactive tasks below `folder`, with `EPISODES` of `STEPS` casts, and build its notebooks."""
    task, _ = scaffold("ponds", folder / "tasks", "interactive")
    texts = [
        ("data.py", "EPISODES, STEPS = 30, 100", f"EPISODES, STEPS = {EPISODES}, {STEPS}"),
        ("task.toml", "episodes = 30\nsteps = 100", f"episodes = {EPISODES}\nsteps = {STEPS}"),
        ("task.toml", "memory_mb = 1024", "memory_mb = 256"),  # of which an attack takes all
    ]
    for name, old, new in texts:
        path = task.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    task = read_task(task.folder)
    write(task)
    return task
