"""Find the slot among the cells of a notebook, and refuse one that defines another function."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault, Verdict
from grader.notebooks.identity import IDENTITIES, squeeze
from grader.notebooks.program import binds_unseen, defined_names, definitions, parse, slot_key
from grader.notebooks.reading import (
    Json,
    grader_metadata,
    is_code,
    labels,
    source,
    tagged,
    tags,
)
from grader.notebooks.whole_program import first_cell, is_whole, joined_cells

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    """Return the source of the student's slot, or of all cells of their program where that is more than the slot.

    Raises StudentFault (`slot_missing`) as `slot_number` does.
    """
    return joined_cells(notebook, starter, slot_number(notebook, starter)).text


def slot_number(notebook: Json, starter: Json) -> int:
    """Return the number, counted from 1, of the cell that is the student's slot.

    The slot is the cell with the identity of the starter's slot that defines the entries; failing that, the
    only code cell that defines them at top level; failing that, the cell with the identity, whatever it holds,
    so that running it shows the student their syntax error.

    Where the program is more than the slot, it is the first of its cells, whatever that defines.

    Raises StudentFault (`slot_missing`) for none or several, naming what was seen.
    """
    if is_whole(starter):
        return first_cell(notebook, starter, slot_cell(starter))
    key, wanted, names = slot_cell(starter)["id"], frozenset(entry_names(starter)), labels(notebook)
    seen = [
        _look(number, cell, label, wanted)
        for number, (cell, label) in enumerate(zip(notebook["cells"], names, strict=True), start=1)
        if is_code(cell)
    ]
    defining = [cell for cell in seen if cell.entries == wanted]
    marked: list[_Seen] = []
    for identity in IDENTITIES:
        same = [cell for cell in seen if identity(cell.cell) == key and "protected" not in tags(cell.cell)]
        marked += [cell for cell in same if cell not in marked]
        usable = [cell for cell in same if cell in defining]
        if usable:
            untouched = squeeze(usable[0].text) == squeeze(source(slot_cell(starter)))
            # A starter's slot left as it was beside another definition: the student's intent is not ours to guess.
            return _the_only(defining if untouched else usable, wanted)
    if defining:
        return _the_only(defining, wanted)
    _refuse_scattered(seen, wanted)
    left = marked or [cell for cell in seen if cell.attempt]
    if left:
        return _the_only(left, wanted)
    raise _missing(_nothing_found(notebook, starter, wanted))


def refuse_renamed(notebook: Json, number: int, starter: Json) -> None:
    """Raise StudentFault (`slot_missing`) where the slot, the cell `number`, can be read and does not define the entries.

    What it may define in ways that cannot be read off, or what cannot be parsed, is left to the run, and so is a program of
    several cells.
    """
    if is_whole(starter):
        return
    try:
        tree = parse(source(notebook["cells"][number - 1]))
    except SyntaxError:
        return
    wanted, names = frozenset(entry_names(starter)), {name for name, _ in definitions(tree)}
    missing = sorted(wanted - names)
    if not missing or binds_unseen(tree):
        return
    near = (
        (name, match) for name in missing for match in difflib.get_close_matches(name, names - wanted, n=1)
    )
    hint = next((f"; rename {match} to {name}" for name, match in near), "")
    label = labels(notebook)[number - 1]
    raise _missing(f"{label} does not define {_listed(frozenset(missing))}{hint}.")


def slot_cell(starter: Json) -> Json:
    """Return the slot of one of our notebooks. Raises GraderFault where it has not exactly one."""
    slots = tagged(starter, "slot")
    if len(slots) != 1 or not isinstance(slots[0].get("id"), str):
        raise GraderFault(f"the starter notebook has {len(slots)} slots; run: grader build")
    return slots[0]


def entry_names(starter: Json) -> tuple[str, ...]:
    """Return the functions that the slot of one of our notebooks must define."""
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


def _the_only(cells: Sequence[_Seen], wanted: frozenset[str]) -> int:
    """Return the number of the first cell; the others must hold the same program, as in a document saved into itself."""
    if len({slot_key(cell.text) for cell in cells}) > 1:
        raise _missing(
            f"{_listed(wanted)} is defined in more than one cell: {_joined(cells)}. Keep one of them."
        )
    return cells[0].number


def _refuse_scattered(seen: Sequence[_Seen], wanted: frozenset[str]) -> None:
    parts = [cell for cell in seen if cell.entries]
    if len(parts) > 1 and frozenset[str]().union(*(cell.entries for cell in parts)) == wanted:
        places = " and ".join(f"{_listed(cell.entries)} in {cell.label}" for cell in parts)
        raise _missing(f"One cell must define {_listed(wanted)}; found {places}. Put them into one cell.")


def _nothing_found(notebook: Json, starter: Json, wanted: frozenset[str]) -> str:
    key = slot_cell(starter)["id"]
    names = _listed(wanted)
    for cell, label in zip(notebook["cells"], labels(notebook), strict=True):
        if not is_code(cell) and any(identity(cell) == key for identity in IDENTITIES):
            return f"The slot, {label}, is no longer a code cell. Turn it back into one."
    other = grader_metadata(notebook).get("task")
    if isinstance(other, str) and other != (ours := grader_metadata(starter).get("task")):
        return f"No code cell defines {names}: this is the notebook of another task, not of {ours}."
    count = sum(is_code(cell) for cell in notebook["cells"])
    return f"None of the {count} code cells defines {names} at top level."


def _listed(names: frozenset[str]) -> str:
    return " and ".join(sorted(names))


def _joined(cells: Sequence[_Seen]) -> str:
    shown = ", ".join(cell.label for cell in cells[:5])
    return shown if len(cells) <= 5 else f"{shown} and {len(cells) - 5} more"


def _missing(message: str) -> StudentFault:
    return StudentFault(Verdict.SLOT_MISSING, message)
