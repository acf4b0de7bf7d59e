"""Make the file of predictions that an author's own notebook writes: starter, reference and strategies of a task of files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors
from grader.notebooks.parameters import with_parameters
from grader.notebooks.reading import is_code, read_notebook, source
from grader.task.evaluation import prepare_repeats, resolve_source

if TYPE_CHECKING:
    from grader.task.spec import Task

_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT")
_MOST_CHARACTERS = 500


def written_file(notebook: bytes, task: Task, inputs: Path, folder: Path) -> bytes:
    """Return the file that a notebook of the author's writes from the data in `inputs`; it is run in the new `folder`.

    It is run as the author's own program, without walls: never pass a student's. Raises UsageError where it fails, takes
    longer than `limits.wall_seconds` or writes nothing.
    """
    files = task.spec.files
    if files is None:
        raise UsageError(f"{task.id} is no task of files")
    folder.mkdir(parents=True)
    target = folder / files.name
    parameters = {"DATA_PATH": str(inputs.resolve()), "PREDICTIONS_PATH": str(target.resolve())}
    (folder / "notebook.py").write_text(_script(notebook, parameters), encoding="utf-8")
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "notebook.py"],
            cwd=folder,
            env=environment | {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=task.spec.limits.wall_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        seconds = task.spec.limits.wall_seconds
        raise UsageError(
            f"a notebook of {task.id} took more than limits.wall_seconds = {seconds:g}"
        ) from error
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2][:_MOST_CHARACTERS]
        raise UsageError(f"a notebook of {task.id} failed: {last}")
    if not target.is_file():
        raise UsageError(f"a notebook of {task.id} does not write PREDICTIONS_PATH")
    return target.read_bytes()


def handed_in_by(task: Task, notebook: Path) -> bytes:
    """Return what somebody hands in who worked with a notebook of the author's: itself, or the file that it writes.

    It writes it from the data that everybody draws, without a secret. Raises UsageError where it cannot be read, and as
    `written_file` and `prepare_repeats` do.
    """
    with reporting_os_errors(READ, notebook):
        content = notebook.read_bytes()
    if task.spec.runs_code:
        return content
    source = resolve_source(task.spec.data.source, task.folder)
    with tempfile.TemporaryDirectory(prefix="grader-written-") as folder:
        (repeat,) = prepare_repeats(task, b"", Path(folder) / "data", repeats=1, source=source)
        return written_file(content, task, repeat.inputs, Path(folder) / "run")


def _script(notebook: bytes, parameters: dict[str, str]) -> str:
    """Return the code cells of a notebook, with the values of parameters behind the cell that sets them."""
    cells = with_parameters(read_notebook(notebook), parameters)["cells"]
    return "\n\n".join(source(cell) for cell in cells if is_code(cell)) + "\n"
