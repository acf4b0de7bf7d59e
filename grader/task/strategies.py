"""Read the typical answers of a task, each a slot in a file of its own, and make notebooks of them.

The first line of a strategy says what it is: `# trick: ...`, `# idea: ...` or `# stronger: ...`. A second line
`# with: NAME, NAME` puts the files `parts/NAME.py` beside it before it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors
from grader.notebooks.reading import MAX_BYTES
from grader.notebooks.rebuild import rebuild
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from grader.notebooks.reading import Json
    from grader.task.spec import Task

ROLES = ("trick", "idea", "stronger")
_WITH = "# with: "


@dataclass(frozen=True)
class Strategy:
    """A typical answer: its name, its role (one of `ROLES`, "starter" or "reference"), and the notebook that holds it."""

    name: str
    role: str
    notebook: bytes


def strategies(task: Task) -> list[Strategy]:
    """Return the starter, the reference and every strategy of a task, by name.

    Raises UsageError where a notebook is missing, or a strategy does not say what it is.
    """
    starter = load_starter(task)
    with reporting_os_errors(READ, task.solution, f"run: grader build {task.id}"):
        ends = [
            Strategy("starter", "starter", task.starter.read_bytes()),
            Strategy("reference", "reference", task.solution.read_bytes()),
        ]
    return ends + [_strategy(path, starter) for path in sorted((task.folder / "strategies").glob("*.py"))]


def is_slot_file(path: Path) -> bool:
    """Return whether a path that somebody names is a file with a slot's code instead of a notebook."""
    return path.suffix.lower() == ".py" and not path.is_dir()


def notebook_of_slot(path: Path, starter: Json, data: bytes | None = None) -> bytes:
    """Return the starter with the slot in the file `path`, as the notebook that a student would hand in.

    `data` is what the file holds, if that was read already. Raises UsageError where it cannot be read.
    """
    return _notebook(path, _text(path, data), starter)


def _strategy(path: Path, starter: Json) -> Strategy:
    text = _text(path)
    role = text.removeprefix("# ").partition(":")[0]
    if role not in ROLES:
        raise UsageError(f"{path} must begin with '# trick: ...', '# idea: ...' or '# stronger: ...'")
    return Strategy(path.stem, role, _notebook(path, text, starter))


def _notebook(path: Path, text: str, starter: Json) -> bytes:
    """Return the starter with `text`, which is that of the file `path`, and the parts that it names."""
    second = text.split("\n", 2)[1:2]
    names = second[0].removeprefix(_WITH).split(",") if second and second[0].startswith(_WITH) else []
    parts = [_text(path.parent / "parts" / f"{name.strip()}.py") for name in names]
    return json.dumps(rebuild(starter, "\n\n".join([*parts, text]))).encode()


def _text(path: Path, data: bytes | None = None) -> str:
    if data is None:
        with reporting_os_errors(READ, path), path.open("rb") as file:
            data = file.read(MAX_BYTES)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text") from error
