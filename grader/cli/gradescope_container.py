"""Grade the one submission that lies in Gradescope's layout, and write the results.json it is waiting for.

    python -m grader.cli.gradescope_container prepare ROOT    once, when the image is built: the hidden data
    python -m grader.cli.gradescope_container grade ROOT      for every submission

ROOT/source is the unpacked zip, ROOT/submission what the student sent. What is printed is shown to the staff alone.
Where no walls stand, nothing of a student's is run and nobody gets points, unless the zip was made with
`--unsafe`. Exit codes as in `grader grade`: 3 is a failure of ours.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.cli import output
from grader.cli.progress import watcher
from grader.cli.settings import local_engine
from grader.errors import GraderFault, StudentFault, UsageError, Verdict
from grader.export import gradescope
from grader.export.gradescope_zip import KIT, SECRET, SETTINGS
from grader.files import write_atomic
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.sandbox.proof import find_walls
from grader.sandbox.remedies import look, remedies
from grader.submissions.collect import Submission, collect
from grader.task.evaluation import prepare_repeats, resolve_source
from grader.task.secret import secret_for
from grader.task.spec import Task, read_task

if TYPE_CHECKING:
    from grader.export.gradescope import Assignment
    from grader.task.evaluation import Repeat

GRADED = "graded"  # the folder of results beside Gradescope's own
NO_SANDBOX = (
    "No walls stand in this container, so the student's code was not run and nobody gets points. Grade on a machine of "
    "your own with `grader grade` and bring the points in with `grader export`. (A zip made with `--unsafe` would run "
    "students' code unconfined: it could read the hidden data and write its own points.)"
)
_OURS = 3  # exit code


def main(arguments: list[str]) -> int:
    """Prepare or grade; return the exit code."""
    if len(arguments) != 2 or arguments[0] not in {"prepare", "grade"}:
        output.complain("usage: python -m grader.cli.gradescope_container prepare|grade ROOT")
        return 2
    root = Path(arguments[1]).resolve()
    if arguments[0] == "prepare":
        assignment = _assignment(root)
        hidden_data(root, assignment, read_task(root / "source" / KIT / "tasks" / assignment.task))
        return 0
    record = _graded(root)
    write_atomic(root / "results" / "results.json", (json.dumps(record, indent=2) + "\n").encode())
    output.say(record["output"])
    for test in record["tests"]:
        output.say(f"{test['status']}: {test['name']}: {test['output']}")
    return 0 if "score" in record else _OURS


def _graded(root: Path) -> dict[str, Any]:
    """Return the results.json; whatever fails is ours and gives no points."""
    display = gradescope.DisplayOptions()
    try:
        assignment = _assignment(root)
        display = assignment.options
        return grade(root, assignment)
    except (UsageError, GraderFault) as error:
        return gradescope.without_points(str(error), display)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is ours
        traceback.print_exc()
        return gradescope.without_points(f"{type(error).__name__}: {error}", display)


def grade(root: Path, assignment: Assignment) -> dict[str, Any]:
    """Grade the submission of `root` and return its results.json.

    Raises UsageError or GraderFault for what is ours.
    """
    with tempfile.TemporaryDirectory(prefix="grader-gradescope-") as workdir:
        try:
            submission = submission_of(root / "submission", _student(root), Path(workdir))
        except StudentFault as fault:
            return gradescope.refused(fault, assignment.options)
        task = read_task(root / "source" / KIT / "tasks" / assignment.task)
        if not assignment.unsafe:
            walls, reasons = find_walls(task.spec.limits)
            if walls is None:
                return gradescope.without_points(_without_walls(reasons), assignment.options)
        repeats = hidden_data(root, assignment, task)
        settings = RunSettings(
            "cpu",
            assignment.wall_seconds,
            "plain" if assignment.unsafe else "any",
            assignment.repeats,
            source=resolve_source(assignment.source, root / "source"),
            size=assignment.size,
            secret_file=str(root / "source" / SECRET),
        )
        job = Job(
            task,
            [submission],
            repeats,
            settings,
            root / GRADED,
            1,
            command="gradescope",
            again=True,
        )
        with closing(local_engine()) as engine, watcher(1, quiet=True) as watch:
            (result,) = run_batch(replace(job, engine=engine), watch)
    return gradescope.results_of(result, assignment.options)


def _without_walls(reasons: str) -> str:
    """Return, for the staff, that nothing was run, why there are no walls, and what would let them stand."""
    return f"{NO_SANDBOX} Why: {reasons}. What would help: {'; '.join(remedies(look(reasons)))}."


def hidden_data(root: Path, assignment: Assignment, task: Task) -> list[Repeat]:
    """Return the repeats, with their data built from the zip's secret, once.

    Raises UsageError where they cannot be built.
    """
    source, graded = root / "source", root / GRADED
    graded.mkdir(mode=0o700, exist_ok=True)
    return prepare_repeats(
        task,
        secret_for(graded, source / SECRET),
        graded / "evaluation",
        repeats=assignment.repeats,
        source=resolve_source(assignment.source, source),
        size=assignment.size,
    )


def submission_of(folder: Path, student: str, workdir: Path) -> Submission:
    """Return the one notebook that was handed in.

    Raises StudentFault (`invalid_notebook`) for none or several, naming what was seen; UsageError where the folder
    cannot be read.
    """
    names = [name for _, _, files in os.walk(folder) for name in files]
    if folder.is_dir() and not any(name.lower().endswith(".ipynb") for name in names):
        seen = ", ".join(sorted(names)[:5]).encode("utf-8", "replace").decode() or "nothing"
        raise StudentFault(
            Verdict.INVALID_NOTEBOOK,
            f"No notebook was handed in, but {seen}. Hand in the file that ends in .ipynb.",
        )
    submissions = collect([folder], None, workdir)
    if len(submissions) > 1:
        seen = ", ".join(Path(submission.path).name for submission in submissions[:5])
        raise StudentFault(
            Verdict.INVALID_NOTEBOOK, f"{len(submissions)} notebooks were handed in ({seen}). Hand in one."
        )
    (submission,) = submissions
    data = None if submission.fault else submission.data
    return Submission(Path(submission.path).name, student, data, submission.fault)


def _assignment(root: Path) -> Assignment:
    try:
        values = json.loads((root / "source" / SETTINGS).read_text(encoding="utf-8"))
        return gradescope.Assignment(**values)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"the autograder's {SETTINGS} cannot be read: {error}") from error


def _student(root: Path) -> str:
    """Return who handed in, by Gradescope's metadata; it only names a folder, so anything will do."""
    try:
        users = json.loads((root / "submission_metadata.json").read_text(encoding="utf-8"))["users"]
        return "+".join(sorted(str(user["email"]) for user in users)) or "student"
    except (OSError, ValueError, KeyError, TypeError):
        return "student"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
