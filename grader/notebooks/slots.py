"""The slots of one of our notebooks: each a cell with entries of its own, and all together one program.

Most tasks have one slot, a cell tagged `slot`. Others have several, tagged `slot:NAME`; their texts are kept as one,
each below a line `# %% slot:NAME, 12 lines`, and each is run as a cell of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import GraderFault
from grader.notebooks.reading import Json, grader_metadata, source, tags

if TYPE_CHECKING:
    from collections.abc import Sequence

TAG = "slot"
SLOT_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_HEAD = re.compile(r"# %% slot:([a-z][a-z0-9_]{0,30})(?:, (\d{1,7}) lines?)?\s*")


@dataclass(frozen=True, eq=False)
class SlotCell:
    """A slot of a starter: its cell, its entries, and the stages whose processes run it, counted from 0.

    `name` is "" for the only slot of a task.
    """

    name: str
    cell: Json
    entries: tuple[str, ...]
    stages: frozenset[int] = frozenset()

    @property
    def source(self) -> str:
        """The text of the starter's cell."""
        return source(self.cell)

    def runs_with(self, other: SlotCell) -> bool:
        """Return whether every process that runs this slot runs the `other`, too."""
        return self.stages <= other.stages


def slot_tag(cell: Json) -> str | None:
    """Return the tag that makes a cell of one of our notebooks a slot: "slot" or "slot:NAME"; None where it is none."""
    return next(
        (
            name
            for name in tags(cell)
            if isinstance(name, str) and (name == TAG or name.startswith(f"{TAG}:"))
        ),
        None,
    )


def is_slot(cell: Json) -> bool:
    """Return whether a cell of one of our notebooks is a slot."""
    return slot_tag(cell) is not None


def slot_cells(starter: Json) -> tuple[SlotCell, ...]:
    """Return the slots of one of our notebooks, in order.

    Raises GraderFault where there is none, or where not each has an id, and entries of its own.
    """
    cells = [cell for cell in starter["cells"] if is_slot(cell)]
    named = [(str(slot_tag(cell)).partition(":")[2], cell) for cell in cells]
    if not cells or not all(isinstance(cell.get("id"), str) for cell in cells):
        raise GraderFault(f"the starter notebook has {len(cells)} slots; run: grader build")
    if len(cells) == 1:  # in a task of files nothing is called
        entries = () if grader_metadata(starter).get("hand_in") else entry_names(starter)
        return (SlotCell("", cells[0], entries),)
    slots = []
    for name, cell in named:
        about = grader_metadata(cell)
        called, stages = about.get("entries"), about.get("stages", [])
        if not name or not isinstance(called, list) or not called:
            raise GraderFault(f"the starter notebook has {len(cells)} slots; run: grader build")
        slots.append(SlotCell(name, cell, tuple(called), frozenset(stages)))
    return tuple(slots)


def entry_names(starter: Json) -> tuple[str, ...]:
    """Return the functions and classes that the slots of one of our notebooks must define."""
    names = grader_metadata(starter).get("entries")
    if not isinstance(names, list) or not names:
        raise GraderFault("the starter notebook names no entries; run: grader build")
    return tuple(names)


def join(slots: Sequence[SlotCell], texts: Sequence[str]) -> str:
    """Return the texts of all `slots` as one program: of the only slot as it is, of several each below a line with its name."""
    if len(slots) == 1:
        return texts[0]
    parts = []
    for slot, text in zip(slots, texts, strict=True):
        count = text.count("\n") + 1
        parts.append(f"# %% {TAG}:{slot.name}, {count} line{'s' * (count != 1)}\n{text}")
    return "\n".join(parts)


def split(slots: Sequence[SlotCell], program: str) -> list[str]:
    """Return the text of each of `slots` in a program, whoever wrote it: `split(slots, join(slots, texts)) == texts`.

    What stands above the first line with a name belongs to the first slot. A slot that has no such line keeps the
    starter's text.
    """
    if len(slots) == 1:
        return [program]
    names = {slot.name for slot in slots}
    above: list[str] = []
    texts: dict[str, list[str]] = {}
    lines, number, here = program.split("\n"), 0, above
    while number < len(lines):
        head = _HEAD.fullmatch(lines[number])
        if head and head[1] in names:
            here = texts.setdefault(head[1], [])
            count = int(head[2] or 0)  # of lines that are not looked at: they may look like such a line
            here += lines[number + 1 : number + 1 + count]
            number += 1 + count
        else:
            here.append(lines[number])
            number += 1
    first = slots[0].name
    if any(line.strip() and not line.startswith("#") for line in above) or (above and first in texts):
        texts[first] = [*above, *texts.get(first, [])]
    return ["\n".join(texts[slot.name]) if slot.name in texts else slot.source for slot in slots]


def lines_above(program: str) -> dict[str, int]:
    """Return how many lines of a program of several slots stand above the text of each; nothing for that of one slot."""
    lines, number, above = program.split("\n"), 0, dict[str, int]()
    while number < len(lines):
        head = _HEAD.fullmatch(lines[number])
        if head is None or head[2] is None or head[1] in above:
            break
        above[head[1]] = number + 1
        number += 1 + int(head[2])
    return above


def parts(slots: Sequence[SlotCell], program: str) -> list[tuple[SlotCell, str]]:
    """Return each slot with its text in `program`."""
    return list(zip(slots, split(slots, program), strict=True))
