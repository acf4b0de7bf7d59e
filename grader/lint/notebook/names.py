"""Find names in the slot that will be missing when it is graded, or will not be what the notebook made of them."""

from __future__ import annotations

import ast
import builtins
import difflib
from typing import TYPE_CHECKING

from grader.lint.notebook.diagnostic import Severity, Span, span_of
from grader.notebooks.elsewhere import OtherCell, explain_elsewhere
from grader.notebooks.program import defined_names, statements_by_name
from grader.notebooks.reading import source, tagged
from grader.notebooks.whole_program import given_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.lint.notebook.program import Program
    from grader.notebooks.reading import Json

Problem = tuple[Severity, str, Span, str, str]  # severity, kind, where, sentence, help
_OF_MODULES = {"__name__", "__doc__", "__package__", "__loader__", "__spec__", "__builtins__"}
_OF_NOTEBOOKS = {"display", "get_ipython", "In", "Out", "_"}


def missing_names(
    program: Program, starter: Json, others: list[OtherCell], bound: frozenset[str]
) -> Iterator[Problem]:
    """Find each name that the slot reads and that nothing defines when it is graded; other slots define `bound`."""
    given = {*dir(builtins), *_OF_MODULES, *given_names(starter)} - _OF_NOTEBOOKS | bound
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
            problem = explain_elsewhere(name, homes)
            yield Severity.WARNING, problem.kind, span, problem.sentence, problem.help
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


def _undefined(name: str, known: set[str]) -> tuple[str, str]:
    if name in _OF_NOTEBOOKS:
        return f"`{name}` exists only in notebooks", "remove it, or use print"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    hint = f"did you mean `{near[0]}`?" if near else "define it in this cell"
    return f"nothing defines `{name}`", hint
