"""Combine a task's file and the code that tasks share into one source, for a notebook cannot import its own modules.

`from parts.NAME import ...` in data.py stands for the file `parts/NAME.py` beside the task folders, and a line
`# {{ cells/NAME.py }}` in notebook.py for the cells of `cells/NAME.py`. The line `# {{ judge.py }}` stands for the judge of an interactive
task, which comes with the grader.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors

if TYPE_CHECKING:
    from pathlib import Path

JUDGE_PLACEHOLDER = "# {{ judge.py }}"
_CELLS = re.compile(r"^# \{\{ (cells/\w+\.py) \}\}$", re.MULTILINE)
PARTS = "parts"  # the folder beside the task folders


def data_source(folder: Path) -> str:
    """Return the task's data.py with the parts that it imports, each once, before it.

    Raises UsageError where the code would behave differently in a notebook.
    """
    sources: dict[Path, str] = {}
    _gather(folder / "data.py", folder.parent, sources)
    return re.sub(r"\n{4,}", "\n\n\n", "\n\n\n".join(sources.values())).strip()


def notebook_source(folder: Path) -> str:
    """Return the task's notebook.py with the shared cells that it names.

    Raises UsageError where a file is missing or cannot be read.
    """
    text = _CELLS.sub(lambda match: _read(folder.parent / match[1]).strip(), _read(folder / "notebook.py"))
    if JUDGE_PLACEHOLDER not in text:
        return text
    from grader.task.judge import judge_code  # noqa: PLC0415 -- it loads numpy, and completions read specs without

    return text.replace(JUDGE_PLACEHOLDER, judge_code())


def _gather(path: Path, root: Path, sources: dict[Path, str]) -> None:
    """Add the source of `path`, and before it those of its parts."""
    text = _read(path)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UsageError(f"{path}: {error.msg} in line {error.lineno}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in {"__name__", "__file__"}:
            raise UsageError(f"{path}: {node.id} in line {node.lineno} means something else in a notebook")
    dropped: set[int] = set()
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom):
            continue
        package, _, name = (node.module or "").partition(".")
        if package == PARTS:
            if not name or any(alias.asname or alias.name == "*" for alias in node.names):
                raise UsageError(f"{path}: line {node.lineno} must be: from {PARTS}.NAME import NAMES")
            if root / PARTS / f"{name}.py" not in sources:
                _gather(root / PARTS / f"{name}.py", root, sources)
        if package in {PARTS, "__future__"}:
            dropped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    kept = [line for number, line in enumerate(text.splitlines(), start=1) if number not in dropped]
    sources[path] = "\n".join(kept).strip()


def _read(path: Path) -> str:
    with reporting_os_errors(READ, path):
        return path.read_text(encoding="utf-8")
