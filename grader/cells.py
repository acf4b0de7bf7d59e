"""Tell the cells of a notebook apart: which one is the slot, which protected ones were changed, what defines a name."""

from __future__ import annotations

import ast
import re
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.badge import without_badge
from grader.errors import GraderFault, StudentFault, Verdict
from grader.notebook import (
    Json,
    grader_metadata,
    is_code,
    labels,
    metadata,
    read_notebook,
    source,
    tagged,
    tags,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Change",
    "Json",
    "changed_cells",
    "changes",
    "defined_names",
    "definitions",
    "entry_names",
    "find_slot",
    "names_defined_elsewhere",
    "read_notebook",
    "slot_cell",
    "slot_number",
    "source",
    "tagged",
]

# How a cell is recognised, the surest first: our own key, the id that Colab keeps, the id of nbformat 4.5.
_IDENTITIES: tuple[Callable[[Json], object], ...] = (
    lambda cell: grader_metadata(cell).get("cell"),
    lambda cell: metadata(cell).get("id"),
    lambda cell: cell.get("id"),
)
_MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)
_QUIET = threading.Lock()  # the filters of warnings belong to all threads
_NO_DESCENT = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A cell of a submission as the search for the slot sees it."""

    cell: Json
    number: int  # counted from 1
    label: str
    text: str
    entries: frozenset[str]  # of the task's, those that it defines at top level
    attempt: bool  # it cannot be parsed, and would define an entry if it could


def find_slot(notebook: Json, starter: Json) -> str:
    """Return the source of the student's slot.

    Raises StudentFault (`slot_missing`) as `slot_number` does.
    """
    return source(notebook["cells"][slot_number(notebook, starter) - 1])


def slot_number(notebook: Json, starter: Json) -> int:
    """Return the number, counted from 1, of the cell that is the student's slot.

    The slot is the cell with the identity of the starter's slot that defines the entries; failing that, the
    only code cell that defines them at top level; failing that, the cell with the identity, whatever it holds,
    so that running it shows the student their syntax error.

    Raises StudentFault (`slot_missing`) for none or several, naming what was seen.
    """
    key, wanted, names = slot_cell(starter)["id"], frozenset(entry_names(starter)), labels(notebook)
    seen = [
        _look(number, cell, label, wanted)
        for number, (cell, label) in enumerate(zip(notebook["cells"], names, strict=True), start=1)
        if is_code(cell)
    ]
    defining = [found for found in seen if found.entries == wanted]
    marked: list[_Seen] = []
    for identity in _IDENTITIES:
        same = [
            found for found in seen if identity(found.cell) == key and "protected" not in tags(found.cell)
        ]
        marked += [found for found in same if found not in marked]
        usable = [found for found in same if found in defining]
        if usable:
            untouched = _squeeze(usable[0].text) == _squeeze(source(slot_cell(starter)))
            # A starter's slot left as it was beside another definition: the student's intent is not ours to guess.
            return _the_only(defining if untouched else usable, wanted)
    if defining:
        return _the_only(defining, wanted)
    _refuse_scattered(seen, wanted)
    left = marked or [found for found in seen if found.attempt]
    if left:
        return _the_only(left, wanted)
    raise _missing(_nothing_found(notebook, starter, wanted))


@dataclass(frozen=True)
class Change:
    """A protected cell that a notebook does not hold as it was; `theirs` is None where it is missing.

    `label` is its name in our notebook, `number` that of the cell in theirs, counted from 1, 0 where it is missing.
    """

    label: str
    ours: str
    theirs: str | None
    number: int
    code: bool


def changed_cells(notebook: Json, starter: Json) -> list[str]:
    """Return the names of the starter's protected cells that the notebook does not hold as they were.

    White space, line ends and the badge of Colab are not compared. A protected cell that is nowhere in the notebook is called
    missing. This is only for reports: protected cells of a submission are never used.
    """
    return [
        change.label if change.theirs is not None else f"{change.label}, missing"
        for change in changes(notebook, starter)
    ]


def changes(notebook: Json, starter: Json) -> list[Change]:
    """Return the protected cells that `changed_cells` names, ours beside theirs."""
    cells = notebook["cells"]
    present = {_compared(cell) for cell in cells}
    known: dict[str, tuple[str | None, int]] = {
        str(identity(cell)): (source(cell), number)
        for number, cell in enumerate(cells, start=1)
        for identity in _IDENTITIES
    }
    slot = slot_cell(starter)
    return [
        Change(label, source(cell), *known.get(cell["id"], (None, 0)), code=is_code(cell))
        for cell, label in zip(starter["cells"], labels(starter), strict=True)
        if cell is not slot and _compared(cell) not in present
    ]


def names_defined_elsewhere(notebook: Json, slot_source: str) -> dict[str, str]:
    """Return the top-level names that code cells other than the slot define, with the name of that cell."""
    found: dict[str, str] = {}
    for cell, label in zip(notebook["cells"], labels(notebook), strict=True):
        text = source(cell)
        if is_code(cell) and text != slot_source:
            try:
                names = defined_names(text)
            except SyntaxError:
                continue  # such a cell defines nothing
            for name in names:
                found.setdefault(name, label)
    return found


def defined_names(text: str) -> frozenset[str]:
    """Return the names that a cell binds at top level; lines of IPython magic are passed over.

    Raises SyntaxError where the cell cannot be parsed, for whatever reason.
    """
    return frozenset(name for name, _ in definitions(parse(text)))


def definitions(code: ast.AST) -> list[tuple[str, ast.AST]]:
    """Return the names that some code binds at top level, each with the node that binds it."""
    found: list[tuple[str, ast.AST]] = []
    left: list[ast.AST] = [code]
    while left:
        node = left.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append((node.name, node))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = (alias.asname or alias.name.split(".")[0] for alias in node.names if alias.name != "*")
            found += [(name, node) for name in names]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append((node.id, node))
        elif not isinstance(node, _NO_DESCENT):
            left.extend(ast.iter_child_nodes(node))
    return found


def slot_cell(starter: Json) -> Json:
    """Return the slot of a notebook of ours. Raises GraderFault where it has not exactly one."""
    found = tagged(starter, "slot")
    if len(found) != 1 or not isinstance(found[0].get("id"), str):
        raise GraderFault(f"the starter notebook has {len(found)} slots; run: grader build")
    return found[0]


def entry_names(starter: Json) -> tuple[str, ...]:
    """Return the functions that the slot of a notebook of ours must define."""
    names = grader_metadata(starter).get("entries")
    if not isinstance(names, list) or not names:
        raise GraderFault("the starter notebook names no entries; run: grader build")
    return tuple(names)


def _look(number: int, cell: Json, label: str, wanted: frozenset[str]) -> _Seen:
    text = source(cell)
    entries: frozenset[str] = frozenset()
    attempt = False
    if any(name in text for name in wanted):
        try:
            entries = defined_names(text) & wanted
        except SyntaxError:
            attempt = all(
                re.search(rf"^[ \t]*(async )?(def|class) +{name}\b|^{name} *=", text, re.MULTILINE)
                for name in wanted
            )
    return _Seen(cell, number, label, text, entries, attempt)


def parse(text: str) -> ast.Module:
    """Parse a cell, in silence; IPython's magics count as `pass`.

    Raises SyntaxError where the cell cannot be parsed, for whatever reason.
    """
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's invalid escape is no news to the instructor
        try:
            return ast.parse(text)
        except SyntaxError:
            return _parse_without_magic(text)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError("the cell is too deeply nested, or holds a NUL") from error


def _parse_without_magic(text: str) -> ast.Module:
    try:
        return ast.parse(_MAGIC.sub(r"\1pass", text))
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError("the cell is too deeply nested, or holds a NUL") from error


def _the_only(found: Sequence[_Seen], wanted: frozenset[str]) -> int:
    if len(found) > 1:
        raise _missing(
            f"{_listed(wanted)} is defined in more than one cell: {_joined(found)}. Keep one of them."
        )
    return found[0].number


def _refuse_scattered(seen: Sequence[_Seen], wanted: frozenset[str]) -> None:
    parts = [found for found in seen if found.entries]
    if len(parts) > 1 and frozenset[str]().union(*(found.entries for found in parts)) == wanted:
        places = " and ".join(f"{_listed(found.entries)} in {found.label}" for found in parts)
        raise _missing(f"One cell must define {_listed(wanted)}; found {places}. Put them into one cell.")


def _nothing_found(notebook: Json, starter: Json, wanted: frozenset[str]) -> str:
    key = slot_cell(starter)["id"]
    names = _listed(wanted)
    for cell, label in zip(notebook["cells"], labels(notebook), strict=True):
        if not is_code(cell) and any(identity(cell) == key for identity in _IDENTITIES):
            return f"The slot, {label}, is no code cell any more. Turn it back into a code cell."
    other = grader_metadata(notebook).get("task")
    if isinstance(other, str) and other != (ours := grader_metadata(starter).get("task")):
        return f"No code cell defines {names}: this is the notebook of another task, not of {ours}."
    count = sum(is_code(cell) for cell in notebook["cells"])
    return f"None of the {count} code cells defines {names} at top level."


def _compared(cell: Json) -> tuple[bool, str]:
    return is_code(cell), _squeeze(without_badge(source(cell)))


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def _listed(names: frozenset[str]) -> str:
    return " and ".join(sorted(names))


def _joined(found: Sequence[_Seen]) -> str:
    shown = ", ".join(cell.label for cell in found[:5])
    return shown if len(found) <= 5 else f"{shown} and {len(found) - 5} more"


def _missing(message: str) -> StudentFault:
    return StudentFault(Verdict.SLOT_MISSING, message)
