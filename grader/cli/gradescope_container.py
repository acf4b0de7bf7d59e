"""Grade the one submission that lies in Gradescope's layout, and write the results.json it is waiting for.

    python -m grader.cli.gradescope_container prepare ROOT    once, when the image is built: the hidden data
    python -m grader.cli.gradescope_container grade ROOT      for every submission

ROOT/source is the unpacked zip, ROOT/submission what the student sent. What is printed is shown to the staff alone.
Where no walls stand, nothing of a student's is run and nobody gets points, unless the zip was made with
`--unsafe`. Exit codes as in `grader grade`: 3 is a failure of ours.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import traceback
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.cli import output
from grader.cli.progress import watcher
from grader.cli.settings import local_engine
from grader.errors import GraderFault, StudentFault, UsageError
from grader.export import gradescope
from grader.export.gradescope_zip import KIT, SECRET, SETTINGS
from grader.files import READ, reporting_os_errors, write_atomic
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.file_predictions import wanted_of
from grader.sandbox.proof import find_walls
from grader.sandbox.remedies import look, remedies
from grader.submissions.collect import Submission, collect
from grader.submissions.kinds import NOTEBOOK, Wanted
from grader.task.evaluation import prepare_repeats, resolve_source
from grader.task.files_table import ZIP
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
    task = read_task(root / "source" / KIT / "tasks" / assignment.task)
    with tempfile.TemporaryDirectory(prefix="grader-gradescope-") as workdir:
        try:
            submission = submission_of(root / "submission", _student(root), Path(workdir), wanted_of(task))
        except StudentFault as fault:
            return gradescope.refused(fault, assignment.options)
        if task.spec.runs_code and not assignment.unsafe:
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
        _secret(source / SECRET, task),
        graded / "evaluation",
        repeats=assignment.repeats,
        source=resolve_source(assignment.source, source),
        size=assignment.size,
    )


def _secret(path: Path, task: Task) -> bytes:
    """Return the secret of the zip; "" in one of a task of files means the data that are handed out without a secret."""
    with reporting_os_errors(READ, f"the secret {path}"):
        is_empty = not path.read_bytes().strip()
    return b"" if is_empty and not task.spec.runs_code else secret_for(path.parent, path)


def submission_of(folder: Path, student: str, workdir: Path, wanted: Wanted = NOTEBOOK) -> Submission:
    """Return the one notebook, or file of predictions, that was handed in.

    Raises StudentFault (`invalid_notebook`, `invalid_file`) for none or several, naming what was seen; UsageError where the
    folder cannot be read.
    """
    names = [name for _, _, files in os.walk(folder) for name in files]
    if wanted.ending == ZIP and names and not any(name.lower().endswith(ZIP) for name in names):
        return Submission(wanted.name, student, _packed_again(folder, wanted))
    if folder.is_dir() and not any(name.lower().endswith(wanted.ending) for name in names):
        seen = ", ".join(sorted(names)[:5]).encode("utf-8", "replace").decode() or "nothing"
        raise wanted.fault(
            f"No {wanted.noun} was handed in, but {seen}. Hand in the file that ends in {wanted.ending}."
        )
    submissions = collect([folder], None, workdir, wanted=wanted)
    if len(submissions) > 1:
        seen = ", ".join(Path(submission.path).name for submission in submissions[:5])
        raise wanted.fault(f"{len(submissions)} {wanted.plural} were handed in ({seen}). Hand in one.")
    (submission,) = submissions
    data = None if submission.fault else submission.data
    return Submission(Path(submission.path).name, student, data, submission.fault)


def _packed_again(folder: Path, wanted: Wanted) -> bytes:
    """Return a zip of what lies in `folder`: Gradescope unpacks the zips that it takes. Raises StudentFault where it is too large."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    if (size := sum(path.stat().st_size for path in files)) > wanted.max_bytes:
        raise wanted.too_large(size)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.writestr(path.relative_to(folder).as_posix(), path.read_bytes())
    return packed.getvalue()


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
