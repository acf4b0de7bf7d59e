"""Collect programs that can be compared: those of a folder of results, and those that somebody published as files."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import StudentFault, UsageError
from grader.files import READ, reporting_os_errors
from grader.gradebook.gradebook import FILE_NAME, reading
from grader.gradebook.run_folder import RunFolder
from grader.gradebook.standings import labels_of
from grader.notebooks.program import defined_names, parse, slot_key
from grader.notebooks.reading import MAX_BYTES, is_code, read_notebook, source
from grader.notebooks.slot import find_slot
from grader.notebooks.slots import entry_names
from grader.report.run_files import slot_text, values_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from grader.gradebook.gradebook import Recorded
    from grader.notebooks.reading import Json

_ENDINGS = (".py", ".ipynb")


@dataclass(frozen=True)
class OwnedProgram:
    """A program, the key of its text, and whose it is.

    `origin` is the file or the other folder of results that it comes from, "" for the results that are looked at. `sent` is
    ISO 8601 in UTC, "" for what was published, which counts as earlier than anything. `is_file` says that it is no program but the
    beginning of a file of predictions, which is like another one by its key only: honest ones have the same ids and most values.
    """

    key: str
    source: str
    owner: str
    origin: str = ""
    sent: str = ""
    is_file: bool = False


def programs_of(
    out: Path, history: Sequence[Recorded], labels: Mapping[str, str], *, origin: str = ""
) -> list[OwnedProgram]:
    """Return the program of each submission in `history`, whose files are in `out`; one that is missing is skipped."""
    programs: dict[int, OwnedProgram] = {}
    for recorded in history:
        result = recorded.result
        folder = RunFolder.of(out, result)
        text = None if recorded.submission in programs else slot_text(folder)
        if result.slot_key and text is not None:
            sent = recorded.submitted or recorded.recorded
            owner = labels.get(result.student, result.student)
            programs[recorded.submission] = OwnedProgram(
                values_key(folder) or result.slot_key,
                text,
                owner,
                origin,
                sent,
                is_file=folder.excerpt.exists(),
            )
    return list(programs.values())


def programs_against(path: Path, task: str, starter: Json | None) -> list[OwnedProgram]:
    """Return the programs of another folder of results, of a folder of solutions (.py, .ipynb), or of one such file.

    Raises UsageError where there are none.
    """
    if (path / FILE_NAME).is_file():
        with reading(path) as book:
            names = {row["student"]: row["name"] for row in book.leaderboard()}
            history = [entry for entry in book.history() if entry.result.task == task]
        programs = programs_of(path, history, labels_of(names), origin=str(path))
        if not programs:
            raise UsageError(f"{path} holds no programs of {task}")
        return programs
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in _ENDINGS)
    programs = [program for file in files for program in _of_file(file, path, starter)]
    if not programs:
        raise UsageError(
            f"{path} holds neither results nor programs; give a folder of results, .py or .ipynb files"
        )
    return programs


def _of_file(file: Path, given: Path, starter: Json | None) -> Iterator[OwnedProgram]:
    """Yield the program of a file, and what of it defines the task's functions alone, which a slot is more like."""
    with reporting_os_errors(READ, file):
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            return
        data = file.read_bytes()
    owner = given.name if file == given else file.relative_to(given).as_posix()
    texts = _of_notebook(data, starter) if file.suffix == ".ipynb" else [data.decode("utf-8", "replace")]
    entries = frozenset(entry_names(starter)) if starter else frozenset[str]()
    for text in dict.fromkeys([*texts, *(_entries_alone(text, entries) for text in texts)]):
        if text.strip():
            yield OwnedProgram(slot_key(text), text, owner, origin=str(given))


def _of_notebook(data: bytes, starter: Json | None) -> list[str]:
    """Return the slot of a notebook, or, where it has another form, the cells that define functions of the task."""
    try:
        notebook = read_notebook(data)
    except StudentFault:
        return []
    if starter is not None:
        try:
            return [find_slot(notebook, starter)]
        except StudentFault:
            wanted = set(entry_names(starter))
            return [
                source(cell)
                for cell in notebook["cells"]
                if is_code(cell) and wanted & defined_names(source(cell))
            ]
    return [source(cell) for cell in notebook["cells"] if is_code(cell)]


def _entries_alone(text: str, entries: frozenset[str]) -> str:
    """Return the functions of the task in a program without what stands around them; "" where there are none."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    lines = text.splitlines()
    functions = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in entries
    ]
    return "\n".join("\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in functions)
