"""Find the slots among the cells of a notebook, and refuse one that defines another function."""

from __future__ import annotations

import difflib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import StudentFault, Verdict
from grader.notebooks.identity import IDENTITIES, squeeze
from grader.notebooks.program import binds_unseen, defined_names, definitions, parse, slot_key
from grader.notebooks.reading import (
    Json,
    grader_metadata,
    is_code,
    labels,
    source,
    tags,
)
from grader.notebooks.slots import SlotCell, join, slot_cells
from grader.notebooks.whole_program import first_cell, is_whole, joined_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
    """Return the student's program, as `program_text` does.

    Raises StudentFault (`slot_missing`) as `slot_numbers` does.
    """
    return program_text(notebook, starter, slot_numbers(notebook, starter))


def program_text(notebook: Json, starter: Json, numbers: Sequence[int]) -> str:
    """Return the source of the student's slots, the cells `numbers`, or of all cells of their program where that is more."""
    texts = [joined_cells(notebook, starter, number).text for number in numbers]
    return join(slot_cells(starter), texts)


def slot_numbers(notebook: Json, starter: Json) -> tuple[int, ...]:
    """Return the numbers, counted from 1, of the cells that are the student's slots, in the order of the starter's.

    A slot is the cell with the identity of the starter's slot that defines its entries; failing that, the
    only code cell that defines them at top level; failing that, the cell with the identity, whatever it holds,
    so that running it shows the student their syntax error.

    Where the program is more than the slot, it is the first of its cells, whatever that defines.

    Raises StudentFault (`slot_missing`) for none or several, naming what was seen, and for two in one cell.
    """
    slots, numbers = slot_cells(starter), list[int]()
    for slot in slots:
        with _naming(slot):
            numbers.append(_number_of(slot, notebook, starter))
            if numbers[-1] in numbers[:-1]:
                other, label = slots[numbers.index(numbers[-1])].name, labels(notebook)[numbers[-1] - 1]
                names = _listed(frozenset(slot.entries))
                raise _missing(f"{names} is in {label}, the cell of {other}. Put it into a cell of its own.")
    return tuple(numbers)


@contextmanager
def _naming(slot: SlotCell) -> Iterator[None]:
    """Let what is missing name the slot, where a task has several."""
    try:
        yield
    except StudentFault as fault:
        if not slot.name:
            raise
        raise _missing(f"The slot {slot.name} is missing or ambiguous. {fault.message}") from None


def _number_of(slot: SlotCell, notebook: Json, starter: Json) -> int:
    if is_whole(starter):
        return first_cell(notebook, starter, slot.cell)
    key, wanted, names = slot.cell["id"], frozenset(slot.entries), labels(notebook)
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
            untouched = squeeze(usable[0].text) == squeeze(slot.source)
            # A starter's slot left as it was beside another definition: the student's intent is not ours to guess.
            return _the_only(defining if untouched else usable, wanted)
    if defining:
        return _the_only(defining, wanted)
    _refuse_scattered(seen, wanted)
    left = marked or [cell for cell in seen if cell.attempt]
    if left:
        return _the_only(left, wanted)
    raise _missing(_nothing_found(notebook, starter, slot))


def refuse_renamed(notebook: Json, numbers: Sequence[int], starter: Json) -> None:
    """Raise StudentFault (`slot_missing`) where a slot, of the cells `numbers`, can be read and does not define its entries.

    What it may define in ways that cannot be read off, or what cannot be parsed, is left to the run, and so is a program of
    several cells.
    """
    if is_whole(starter):
        return
    for slot, number in zip(slot_cells(starter), numbers, strict=True):
        with _naming(slot):
            _refuse_renamed(notebook, number, frozenset(slot.entries))


def _refuse_renamed(notebook: Json, number: int, wanted: frozenset[str]) -> None:
    try:
        tree = parse(source(notebook["cells"][number - 1]))
    except SyntaxError:
        return
    names = {name for name, _ in definitions(tree)}
    missing = sorted(wanted - names)
    if not missing or binds_unseen(tree):
        return
    near = (
        (name, match) for name in missing for match in difflib.get_close_matches(name, names - wanted, n=1)
    )
    hint = next((f"; rename {match} to {name}" for name, match in near), "")
    label = labels(notebook)[number - 1]
    raise _missing(f"{label} does not define {_listed(frozenset(missing))}{hint}.")


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


def _nothing_found(notebook: Json, starter: Json, slot: SlotCell) -> str:
    key, names = slot.cell["id"], _listed(frozenset(slot.entries))
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
