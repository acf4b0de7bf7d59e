"""How each grader grades a batch: one function that runs its commands, times them and reads the scores it gave."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from measure import cpu_seconds, empty_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.task.spec import Task

USERS_OWN = ("XDG_", "JUPYTER", "IPYTHON", "MPL", "NBGRADER", "OTTER")  # settings that would slip into a run
CHECK = 'assert np.load("predictions.npz")["model"].tolist() == [0, 1, 0, 1]'
OTTER_TEST = f"""
import numpy as np
from otter.test_files import test_case

OK_FORMAT = False
name = "predictions"
points = 1

@test_case(points=1)
def test_predictions():
    {CHECK}
"""


Answer = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Kit:
    """What the runs share: our task, the peers' assignment and a home that no settings of the user reach."""

    task: Task
    scratch: Path  # the course is in `course`, otter's zip in `otter`
    environment: dict[str, str]

    def call(self, module: str, *arguments: str | Path, cwd: Path) -> Answer:
        """Run `python -m module` and wait for it; whether it did its work is read from its scores."""
        command = [sys.executable, "-m", module, *map(str, arguments)]
        return subprocess.run(
            command, cwd=cwd, env=self.environment, capture_output=True, text=True, check=False
        )


@dataclass(frozen=True)
class Run:
    """One batch of one tool: wall and CPU seconds of its commands, the share of its points each submission got."""

    seconds: float
    cpu_seconds: float
    scores: list[float]
    said: Answer  # of the last command


@contextlib.contextmanager
def open_kit() -> Iterator[Kit]:
    """Give a scratch folder with our task, the peers' assignment, and a home and a temporary folder of its own."""
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        scratch = Path(name)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(USERS_OWN)}
        home, temporary = scratch / "home", scratch / "tmp"
        home.mkdir()
        temporary.mkdir()
        programs = (
            f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader starts `alembic`
        )
        places = {"PATH": programs, "HOME": str(home), "TMPDIR": str(temporary)}
        yield Kit(empty_task(scratch), scratch, {**kept, **places})


def timed(commands: Callable[[], Answer]) -> tuple[float, float, Answer]:
    """Return the wall seconds and the CPU seconds of `commands`, and what the last of them answered."""
    begun, cpu = time.perf_counter(), cpu_seconds()
    last = commands()
    return time.perf_counter() - begun, cpu_seconds() - cpu, last


def submission(kit: Kit, slot: str) -> nbformat.NotebookNode:
    """Return the solution notebook with another slot."""
    notebook = nbformat.read(kit.task.solution, as_version=4)
    (cell,) = (cell for cell in notebook.cells if "slot" in cell.metadata.get("tags", []))
    cell.source = slot
    return notebook


# --- ours ---


def grade_with_ours(kit: Kit, folder: Path, slots: list[str]) -> Run:
    """Grade a folder of notebooks with `grader grade`, warm, one job."""
    inbox = folder / "submissions"
    inbox.mkdir(parents=True)
    for number, slot in enumerate(slots):
        nbformat.write(submission(kit, slot), inbox / f"s{number}.ipynb")
    options = ("--out", folder / "out", "--jobs", "1", "--repeats", "1", "--json")
    seconds, cpu, said = timed(
        lambda: kit.call("grader", "grade", kit.task.folder, inbox, *options, cwd=folder)
    )
    results = json.loads(said.stdout) if said.stdout else []  # nothing is printed where nothing was graded
    scores = [result["points"] / 100 if result["verdict"] == "scored" else 0.0 for result in results]
    return Run(seconds, cpu, scores, said)


# --- nbgrader ---


def nbgrader_cells(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Mark the slot as the student's, every other cell as read-only, and add a graded cell worth one point."""
    notebook.cells.append(nbformat.v4.new_code_cell(CHECK, id="check"))
    for cell in notebook.cells:
        slot, check = "slot" in cell.metadata.get("tags", []), cell.id == "check"
        cell.metadata["nbgrader"] = {
            "schema_version": 3, "grade_id": cell.id, "cell_type": cell.cell_type, "task": False,
            "solution": slot, "locked": not slot, "grade": check, **({"points": 1} if check else {}),
        }  # fmt: skip
    return notebook


def prepare_nbgrader(kit: Kit) -> None:
    """Make a course with one assignment, once; batches copy it."""
    course = kit.scratch / "course"
    source = course / "source" / "empty"
    source.mkdir(parents=True)
    (course / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.course_id = "peers"\n', encoding="utf-8"
    )
    nbformat.write(nbgrader_cells(nbformat.read(kit.task.solution, as_version=4)), source / "empty.ipynb")
    done = kit.call("nbgrader", "generate_assignment", "empty", cwd=course)
    assert done.returncode == 0, done.stderr


def grade_with_nbgrader(kit: Kit, folder: Path, slots: list[str]) -> Run:
    """Grade a course folder with one `nbgrader autograde`."""
    shutil.copytree(kit.scratch / "course", folder)
    for number, slot in enumerate(slots):
        place = folder / "submitted" / f"s{number}" / "empty"
        place.mkdir(parents=True)
        nbformat.write(nbgrader_cells(submission(kit, slot)), place / "empty.ipynb")
    seconds, cpu, said = timed(lambda: kit.call("nbgrader", "autograde", "empty", cwd=folder))
    kit.call("nbgrader", "export", cwd=folder)
    with (folder / "grades.csv").open(encoding="utf-8", newline="") as file:
        scores = [float(row["score"] or 0) / float(row["max_score"]) for row in csv.DictReader(file)]
    return Run(seconds, cpu, scores, said)


# --- otter ---


def prepare_otter(kit: Kit) -> None:
    """Make the autograder zip with one test worth one point."""
    folder = kit.scratch / "otter"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "predictions.py").write_text(OTTER_TEST, encoding="utf-8")
    done = kit.call("otter", "generate", "-t", "tests", "-o", "autograder.zip", cwd=folder)
    assert (folder / "autograder.zip").exists(), done.stderr


def grade_with_otter(kit: Kit, folder: Path, slots: list[str]) -> Run:
    """Grade notebooks with one `otter run` each."""
    archive = kit.scratch / "otter" / "autograder.zip"
    students = [f"s{number}" for number in range(len(slots))]
    for student, slot in zip(students, slots, strict=True):
        (folder / student).mkdir(parents=True)
        nbformat.write(submission(kit, slot), folder / f"{student}.ipynb")

    def commands() -> Answer:
        for student in students:
            last = kit.call("otter", "run", f"{student}.ipynb", "-a", archive, "-o", student, cwd=folder)
        return last

    seconds, cpu, said = timed(commands)
    scores = []
    for path in sorted(folder.glob("*/results.json")):
        tests = json.loads(path.read_text(encoding="utf-8"))["tests"]
        scores.append(sum(test.get("score", 0) for test in tests))
    return Run(seconds, cpu, scores, said)


PREPARE = {"nbgrader": prepare_nbgrader, "otter": prepare_otter}
GRADE = {"ours": grade_with_ours, "nbgrader": grade_with_nbgrader, "otter": grade_with_otter}
