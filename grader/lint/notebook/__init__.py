"""Say what can be said of a notebook without running it: what will be missing, or different, when it is graded.

Silence is better than a false alarm: what may be meant, or may work, is not remarked on.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.errors import StudentFault
from grader.lint.notebook import calls, names, protected
from grader.lint.notebook.diagnostic import Place, Remark, Severity, place_of
from grader.lint.notebook.program import MAGIC, Program
from grader.notebooks.reading import read_notebook, source
from grader.notebooks.slot import entry_names, slot_cell, slot_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.lint.notebook.names import Said
    from grader.notebooks.reading import Json

__all__ = ["Remark", "Severity", "look"]


def look(data: bytes, starter: Json) -> list[Remark]:
    """Return the remarks on the notebook that `data` holds: on the whole of it, then in the order of its cells."""
    try:
        notebook = read_notebook(data)
    except StudentFault as fault:
        return [Remark(Severity.ERROR, "invalid-notebook", 0, 0, 0, 0, fault.message, "", "")]
    try:
        slot = slot_number(notebook, starter)
    except StudentFault as fault:
        found = [Remark(Severity.ERROR, "slot-missing", 0, 0, 0, 0, fault.message, "", "")]
        slot = 0
    else:
        text = source(notebook["cells"][slot - 1])
        lines = text.split("\n")
        found = [_remark(slot, lines, said) for said in _of_slot(text, notebook, starter, slot)]
    found += protected.changed_cells(notebook, starter)
    found += protected.moved_cells(notebook, starter, slot)
    return sorted(found, key=lambda remark: (remark.cell, remark.line, remark.column))


def _remark(slot: int, lines: list[str], said: Said) -> Remark:
    severity, kind, place, text, help_ = said
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    return Remark(severity, kind, slot, place.line, place.column, place.width, text, help_, line)


def _of_slot(text: str, notebook: Json, starter: Json, slot: int) -> Iterator[Said]:
    entries = entry_names(starter)
    try:
        program = Program(text, entries)
    except SyntaxError as error:
        if error.lineno is not None:  # else it is deeper than this process can go, and the run decides
            yield _syntax(error, text.split("\n"))
        return
    for number in program.magics:
        yield _magic(number, program.lines[number - 1])
    yield from _definitions(program, entries, starter)
    others = names.other_cells(notebook, starter, slot)
    yield from names.missing_names(program, starter, others)
    yield from names.rebound_names(program, entries, slot, others)
    yield from calls.missing_modules(program)
    yield from calls.gpu_calls(program, starter)
    yield from calls.chance_calls(program, starter)
    yield from calls.sleeping_calls(program, starter)


def _syntax(error: SyntaxError, lines: list[str]) -> Said:
    """Say what the compiler says; a line of IPython's own is called that."""
    number = error.lineno or 0
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    first, beginning = next(((at, text) for at, text in enumerate(lines, start=1) if text.strip()), (0, ""))
    if beginning.startswith("%%"):  # whatever follows is in another language
        return _magic(first, beginning)
    if MAGIC.search(line):
        return _magic(number, line)
    place = Place(number, error.offset or 1, max((error.end_offset or 0) - (error.offset or 0), 1))
    return (
        Severity.ERROR,
        "syntax",
        place,
        f"this is not Python: {error.msg}",
        "run the cell in your notebook to see it",
    )


def _magic(number: int, line: str) -> Said:
    place = Place(number, len(line) - len(line.lstrip()) + 1, len(line.strip()))
    text = "lines that begin with %, ! or ? are IPython's: when graded, the cell must be plain Python"
    return Severity.ERROR, "magic", place, text, "move the line into another cell"


def _definitions(program: Program, entries: tuple[str, ...], starter: Json) -> Iterator[Said]:
    """Say of entries that are defined twice, or take another number of arguments than they are called with."""
    wanted = _functions(ast.parse(source(slot_cell(starter))))
    own = _functions(program.whole)
    for entry in entries:
        found = own.get(entry, [])
        for earlier in found[:-1]:
            yield (
                Severity.WARNING, "defined-twice", _head(earlier, program.lines),
                f"`{entry}` is defined again in line {found[-1].lineno}: that one is used",
                "keep one of them",
            )  # fmt: skip
        calls_with = len(wanted[entry][-1].args.args) if entry in wanted else None
        if (
            found
            and calls_with is not None
            and not found[-1].decorator_list
            and not _takes(found[-1], calls_with)
        ):
            yield (
                Severity.ERROR, "signature", _head(found[-1], program.lines),
                f"`{entry}` is called with {calls_with} argument{'s' * (calls_with != 1)}",
                f"write it as the starter does: def {entry}({ast.unparse(wanted[entry][-1].args)})",
            )  # fmt: skip


def _functions(module: ast.Module) -> dict[str, list[ast.FunctionDef]]:
    found: dict[str, list[ast.FunctionDef]] = {}
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(node)
    return found


def _takes(function: ast.FunctionDef, count: int) -> bool:
    """Return whether a function can be called with so many positional arguments, and no others."""
    given = function.args
    positional = len(given.posonlyargs) + len(given.args)
    needs_names = any(default is None for default in given.kw_defaults)
    return (
        positional - len(given.defaults) <= count <= (count if given.vararg else positional)
        and not needs_names
    )


def _head(function: ast.FunctionDef, lines: list[str]) -> Place:
    place = place_of(function, lines)
    return Place(place.line, place.column, len(lines[place.line - 1].strip()))
