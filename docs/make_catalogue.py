"""Write docs/tasks.md, the catalogue of tasks, from `task.toml`, `catalogue.toml` and `bands.json` of each.

    python docs/make_catalogue.py

The page is for students, too: it holds nothing that gives an idea away. A test fails while it is out of step.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from grader.grading.bands_file import read_bands, seconds_of
from grader.task.spec import Task, discover

PAGE = Path(__file__).parent / "tasks.md"
DIFFICULTIES = ("easy", "medium", "hard")


class CatalogueEntry(BaseModel):
    """The contents of `catalogue.toml`: what somebody who chooses a task wants to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str = Field(min_length=1)
    difficulty: Literal["easy", "medium", "hard"]
    minutes: int = Field(gt=0)
    prerequisites: str = Field(min_length=1)


HEAD = """# The tasks

In most tasks you write one or two functions, and the rest of the notebook is fixed; in one you hand in a file. In most of them, pictures of digits stand in for scans, logs and meters, so no task
needs a GPU or a download.

"""
FOOT = """
Minutes are the author's estimate of the time to read, try and write, for somebody who knows the prerequisites. *Easy* is a good first task for a class that has
trained a network once. *Hard* needs several ideas or some mathematics. The starter's points are those of the untouched notebook, the reference's those of the author's solution.

Instructors: [points of typical answers](bands.md) shows what tricks and ideas get. It gives the ideas away.
"""


def entry_of(task: Task) -> CatalogueEntry:
    """Return the entry of a task."""
    text = (task.folder / "catalogue.toml").read_text(encoding="utf-8")
    return CatalogueEntry.model_validate(tomllib.loads(text))


def table(tasks: list[Task]) -> str:
    """Return a row for each task."""
    head = ["| task | topic | difficulty | minutes | prerequisites |", "|---|---|---|---|---|"]
    rows = []
    for task in tasks:
        entry = entry_of(task)
        rows.append(
            f"| [{task.id}](#{task.id}) | {entry.topic} | {entry.difficulty} | {entry.minutes} | {entry.prerequisites} |"
        )
    return "\n".join([*head, *rows])


def section(task: Task) -> str:
    """Return the section of one task."""
    spec = task.spec
    recorded = read_bands(task.folder / "bands.json")
    starter, reference = (recorded["strategies"][name] for name in ("starter", "reference"))
    seconds = round(spec.repeats * seconds_of(recorded)["reference"])
    functions = " and ".join(f"`{entry}`" for entry in spec.entries)
    asked = (
        f"You hand in `{spec.files.name}`, and nothing of yours runs"
        if spec.files
        else f"You write {functions}"
    )
    facts = (
        f"{asked}. The untouched starter gets {starter['points']} points, the reference {reference['points']}. "
        f"Grading one submission takes {f'about {seconds} seconds' if seconds else 'less than a second'} on one core."
    )
    if spec.limits.need_namespaces:
        facts += " It is graded only on machines that give [namespaces](where_it_runs.md)."
    notebook = f"[Open the notebook](../starter_notebooks/{task.id}.ipynb)"
    return "\n\n".join([f"## {task.id}", f"**{spec.title}**", spec.story, facts, notebook])


def page(tasks: list[Task]) -> str:
    """Return the catalogue, the easiest tasks first."""

    def effort(task: Task) -> tuple[int, int, str]:
        entry = entry_of(task)
        return DIFFICULTIES.index(entry.difficulty), entry.minutes, task.id

    ordered = sorted(tasks, key=effort)
    return f"{HEAD}{table(ordered)}\n{FOOT}\n" + "\n\n".join(map(section, ordered)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(discover()), encoding="utf-8")
