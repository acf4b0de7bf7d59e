"""Find names in the slot that will be missing when it is graded, or will not be what the notebook made of them."""

from __future__ import annotations

import ast
import builtins
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.lint.notebook.diagnostic import Severity, Span, span_of
from grader.lint.notebook.program import statements_by_name
from grader.notebooks.changes import changes
from grader.notebooks.program import defined_names, parse
from grader.notebooks.reading import is_code, labels, source, tagged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.lint.notebook.program import Program
    from grader.notebooks.reading import Json

Problem = tuple[Severity, str, Span, str, str]  # severity, kind, where, sentence, help
_OF_MODULES = {"__name__", "__doc__", "__package__", "__loader__", "__spec__", "__builtins__"}
_OF_NOTEBOOKS = {"display", "get_ipython", "In", "Out", "_"}


@dataclass(frozen=True)
class OtherCell:
    """A code cell other than the slot: `ours` where it is protected, `as_it_was` where nobody changed it."""

    number: int
    label: str
    ours: bool
    as_it_was: bool
    statements: dict[str, list[ast.stmt]]


def other_cells(notebook: Json, starter: Json, slot: int) -> list[OtherCell]:
    """Return the other code cells that can be parsed."""
    known = {" ".join(source(cell).split()) for cell in starter["cells"] if is_code(cell)}
    changed = {change.number for change in changes(notebook, starter)}
    cells = []
    for number, (cell, label) in enumerate(zip(notebook["cells"], labels(notebook), strict=True), start=1):
        if is_code(cell) and number != slot:
            try:
                body = parse(source(cell)).body
            except SyntaxError:
                continue  # such a cell defines nothing
            as_it_was = " ".join(source(cell).split()) in known
            ours = as_it_was or number in changed
            cells.append(OtherCell(number, label, ours, as_it_was, statements_by_name(body)))
    return cells


def missing_names(program: Program, starter: Json, others: list[OtherCell]) -> Iterator[Problem]:
    """Find each name that the slot reads and that nothing defines when it is graded."""
    given = {*dir(builtins), *_OF_MODULES} - _OF_NOTEBOOKS
    for cell in tagged(starter, "slot-imports"):
        given |= defined_names(source(cell))
    reported: set[str] = set()
    for read in program.reads:
        name, line = read.name, read.node.lineno
        if name in given or name in program.binds or name in reported or program.dynamic:
            continue
        homes = [cell for cell in others if name in cell.statements]
        if program.tries(line, by_name=bool(homes)):
            continue
        reported.add(name)
        span = span_of(read.node, program.lines)
        if homes:
            yield Severity.WARNING, *_from_elsewhere(name, homes, span)
        else:
            yield Severity.WARNING, "undefined", span, *_undefined(name, given | program.words)


def rebound_names(
    program: Program, entries: tuple[str, ...], slot: int, others: list[OtherCell]
) -> Iterator[Problem]:
    """Find each name of the slot that a later cell of the student's defines differently."""
    definitions = statements_by_name(program.tree.body)
    used = {read.name for read in program.reads if read.late} | set(entries)
    for name, statements in definitions.items():
        if name not in used or any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in statements):
            continue
        meanings = {_meaning(node) for node in statements}
        for cell in others:
            again = {_meaning(node) for node in cell.statements.get(name, [])}
            if cell.number > slot and not cell.ours and again - meanings:
                yield (
                    Severity.WARNING,
                    "rebound",
                    span_of(statements[-1], program.lines),
                    f"{cell.label} defines `{name}` again: when graded, the definition of this cell is used",
                    f"what you see in your notebook may come from cell {cell.number}: keep one of the two",
                )
                break


def _meaning(statement: ast.stmt) -> str:
    """Return a text that is the same for the same statement."""
    try:
        return ast.dump(statement)
    except RecursionError:  # nobody has typed it twice
        return f"at {id(statement)}"


def _from_elsewhere(name: str, homes: list[OtherCell], span: Span) -> tuple[str, Span, str, str]:
    """Return the problem of a name that other cells of the notebook define."""
    theirs = [cell for cell in homes if not cell.ours]
    cell = (theirs or homes)[0]
    statement = cell.statements[name][0]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        fate = "of which the grader runs its own copy" if cell.ours else "which is not run for your function"
        where = cell.label if cell.as_it_was else f"{cell.label}, {fate}"
        return (
            "import-elsewhere",
            span,
            f"`{name}` is imported in another cell: {where}",
            f"add to this cell: {_import_of(name, statement)}",
        )
    if not cell.ours:
        return (
            "defined-elsewhere",
            span,
            f"`{name}` is defined in another cell, {cell.label}: when graded, only this cell is run",
            f"move `{name}` into this cell",
        )
    return (
        "protected-name",
        span,
        f"`{name}` belongs to the protected cell {cell.label}: your function sees only its arguments, not the notebook",
        "use the arguments, or copy a function or a constant into this cell",
    )


def _import_of(name: str, statement: ast.Import | ast.ImportFrom) -> str:
    """Return the import statement with this one name."""
    kept = [alias for alias in statement.names if (alias.asname or alias.name.split(".")[0]) == name]
    if isinstance(statement, ast.Import):
        return ast.unparse(ast.Import(kept))
    return ast.unparse(ast.ImportFrom(statement.module, kept, statement.level))


def _undefined(name: str, known: set[str]) -> tuple[str, str]:
    if name in _OF_NOTEBOOKS:
        return f"`{name}` exists only in notebooks", "remove it, or use print"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    hint = f"did you mean `{near[0]}`?" if near else "define it in this cell"
    return f"nothing defines `{name}`", hint
