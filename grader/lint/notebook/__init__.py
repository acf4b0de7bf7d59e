"""Find the problems of a notebook without running it: what will be missing, or different, when it is graded.

Silence is better than a false alarm: what may be intended, or may work, is not reported.
"""

from __future__ import annotations

import ast
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import StudentFault
from grader.lint.notebook import calls, confined, names, protected
from grader.lint.notebook.diagnostic import Diagnostic, Severity, Span, span_of
from grader.lint.notebook.newer_python import newer_python
from grader.lint.notebook.program import MAGIC, Program
from grader.notebooks.elsewhere import other_cells
from grader.notebooks.program import defined_names
from grader.notebooks.reading import python_version, read_notebook, source
from grader.notebooks.slot import refuse_renamed, slot_numbers
from grader.notebooks.slots import slot_cells
from grader.notebooks.versions import is_newer, version_hint
from grader.notebooks.whole_program import joined_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from grader.lint.notebook.names import Problem
    from grader.notebooks.elsewhere import OtherCell
    from grader.notebooks.reading import Json
    from grader.notebooks.slots import SlotCell
    from grader.notebooks.whole_program import JoinedCells

__all__ = ["Diagnostic", "Severity", "diagnose", "newer_python"]


def diagnose(data: bytes, starter: Json, granted: frozenset[str] = frozenset()) -> list[Diagnostic]:
    """Return the diagnostics of the notebook in `data`: those of the whole notebook, then in the order of its cells.

    `granted` are the kinds of problems that are none, because the task gives its slots what they take.
    """
    try:
        notebook = read_notebook(data)
    except StudentFault as fault:
        return [Diagnostic(Severity.ERROR, "invalid-notebook", 0, 0, 0, 0, fault.message, "", "")]
    try:
        numbers = slot_numbers(notebook, starter)
        refuse_renamed(notebook, numbers, starter)
    except StudentFault as fault:
        diagnostics = [Diagnostic(Severity.ERROR, "slot-missing", 0, 0, 0, 0, fault.message, "", "")]
        numbers = ()
    else:
        diagnostics = _of_slots(notebook, starter, numbers, granted)
    diagnostics += protected.changed_cells(notebook, starter)
    diagnostics += protected.moved_cells(notebook, starter, numbers)
    return sorted(diagnostics, key=lambda diagnostic: (diagnostic.cell, diagnostic.line, diagnostic.column))


def _of_slots(
    notebook: Json, starter: Json, numbers: Sequence[int], granted: frozenset[str]
) -> list[Diagnostic]:
    """Return the diagnostics of each slot; the names of those that always run with it are its own."""
    slots = list(zip(slot_cells(starter), numbers, strict=True))
    diagnostics = []
    for slot, number in slots:
        cells = joined_cells(notebook, starter, number)
        beside = {other: at for other, at in slots if other is slot or slot.runs_with(other)}
        bound = _bound(source(notebook["cells"][at - 1]) for other, at in beside.items() if other is not slot)
        others = other_cells(notebook, starter, {*beside.values(), *cells.numbers})
        view = _View(slot, cells, bound, others)
        problems = [*_of_slot(view, notebook, starter), *_refused(cells.text, slot, starter, granted)]
        diagnostics += [_diagnostic(cells, problem) for problem in problems if problem[1] not in granted]
    return diagnostics


@dataclass(frozen=True)
class _View:
    """A slot as the checks see it: its cells, names that other slots bind for it, and cells that do not."""

    slot: SlotCell
    cells: JoinedCells
    bound: frozenset[str]
    others: list[OtherCell]


def _bound(texts: Iterable[str]) -> frozenset[str]:
    """Return the names that the cells `texts` bind, of those that can be parsed."""
    names: set[str] = set()
    for text in texts:
        with contextlib.suppress(SyntaxError):  # which is reported of that cell
            names |= defined_names(text)
    return frozenset(names)


def _diagnostic(cells: JoinedCells, problem: Problem) -> Diagnostic:
    severity, kind, span, text, help_ = problem
    lines = cells.text.split("\n")
    line = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    cell, number = cells.locate(span.line)
    return Diagnostic(severity, kind, cell, number, span.column, span.width, text, help_, line)


def _of_slot(view: _View, notebook: Json, starter: Json) -> Iterator[Problem]:
    text, entries = view.cells.text, view.slot.entries
    try:
        program = Program(text, entries)
    except SyntaxError as error:
        if error.lineno is not None:  # else it is deeper than this process can go, and the run decides
            yield _syntax(error, text.split("\n"), python_version(notebook))
        return
    for number in program.magics:
        yield _magic(number, program.lines[number - 1])
    yield from _definitions(program, view.slot)
    yield from names.missing_names(program, starter, view.others, view.bound)
    yield from names.rebound_names(program, entries, view.cells.starts[0][0], view.others)
    yield from calls.missing_modules(program)
    yield from calls.gpu_calls(program, starter)
    yield from calls.chance_calls(program, starter)
    yield from calls.sleeping_calls(program, starter)
    yield from confined.changed_calls(program, starter)


def _refused(text: str, slot: SlotCell, starter: Json, granted: frozenset[str]) -> Iterator[Problem]:
    try:
        program = Program(text, slot.entries)
    except SyntaxError:  # which is reported already
        return
    yield from confined.refused_calls(program, starter, granted)


def _syntax(error: SyntaxError, lines: list[str], theirs: str) -> Problem:
    """Return what the compiler reports; IPython's own lines are named as such."""
    number = error.lineno or 0
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    first, beginning = next(((at, text) for at, text in enumerate(lines, start=1) if text.strip()), (0, ""))
    if beginning.startswith("%%"):  # whatever follows is in another language
        return _magic(first, beginning)
    if MAGIC.search(line):
        return _magic(number, line)
    span = Span(number, error.offset or 1, max((error.end_offset or 0) - (error.offset or 0), 1))
    return (
        Severity.ERROR,
        "syntax",
        span,
        f"this is not valid Python: {error.msg}{version_hint('SyntaxError', theirs)}",
        _advice(theirs),
    )


def _advice(theirs: str) -> str:
    """Return what to do about a syntax error in a notebook that ran the version `theirs` of Python, "" where it is unknown."""
    if is_newer(theirs):
        return "write it in another way: your notebook runs a newer Python"
    advice = "run the cell in your notebook to see the error"
    return advice if theirs else f"{advice}; if it works there, your notebook runs a newer Python"


def _magic(number: int, line: str) -> Problem:
    span = Span(number, len(line) - len(line.lstrip()) + 1, len(line.strip()))
    text = "lines with %, ! or ? are IPython commands: when graded, the cell must be plain Python"
    return Severity.ERROR, "magic", span, text, "move the line into another cell"


def _definitions(program: Program, slot: SlotCell) -> Iterator[Problem]:
    """Find entries that are defined twice, or that take another number of arguments than they are called with."""
    wanted = _functions(ast.parse(slot.source))
    defined = _functions(program.whole)
    for entry in slot.entries:
        functions = defined.get(entry, [])
        for earlier in functions[:-1]:
            yield (
                Severity.WARNING, "defined-twice", _head(earlier, program.lines),
                f"`{entry}` is defined again in line {functions[-1].lineno}: only that definition is used",
                "keep one of them",
            )  # fmt: skip
        if entry not in wanted or not functions or functions[-1].decorator_list:
            continue
        shown = wanted[entry][-1].args
        if not _takes(functions[-1].args, shown):
            count = len(_positional(shown))
            named = "".join(f" and `{argument.arg}` by name" for argument in shown.kwonlyargs)
            yield (
                Severity.ERROR, "signature", _head(functions[-1], program.lines),
                f"`{entry}` is called with {count} argument{'s' * (count != 1)}{named}",
                f"write it as in the starter: def {entry}({ast.unparse(shown)})",
            )  # fmt: skip


def _functions(module: ast.Module) -> dict[str, list[ast.FunctionDef]]:
    functions: dict[str, list[ast.FunctionDef]] = {}
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            functions.setdefault(node.name, []).append(node)
    return functions


def _takes(given: ast.arguments, shown: ast.arguments) -> bool:
    """Return whether a function with the arguments `given` can be called as the starter shows: those behind `*` by name."""
    named = {argument.arg for argument in shown.kwonlyargs}
    count, positional = len(_positional(shown)), _positional(given)
    last = positional[max(count, len(given.posonlyargs)) :]
    by_name = {argument.arg for argument in [*last, *given.kwonlyargs]}
    needed = {argument.arg for argument in positional[count : len(positional) - len(given.defaults)]}
    needed |= {
        argument.arg
        for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if default is None
    }
    return (
        (len(positional) >= count or given.vararg is not None)
        and needed <= named
        and (named <= by_name or given.kwarg is not None)
    )


def _positional(arguments: ast.arguments) -> list[ast.arg]:
    return [*arguments.posonlyargs, *arguments.args]


def _head(function: ast.FunctionDef, lines: list[str]) -> Span:
    start = span_of(function, lines)
    return Span(start.line, start.column, len(lines[start.line - 1].strip()))
