"""Rebuild a submission: our own starter notebook with the student's slots put in, and nothing else of theirs."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from grader.notebooks.slots import slot_cells, split

if TYPE_CHECKING:
    from grader.notebooks.reading import Json


def rebuild(starter: Json, program: str) -> Json:
    """Return a copy of `starter` with `program`, the text of its slots, put in and all outputs cleared.

    Raises GraderFault where the starter has no slot.
    """
    notebook = copy.deepcopy(starter)
    slots = slot_cells(notebook)
    for slot, text in zip(slots, split(slots, program), strict=True):
        slot.cell["source"] = text
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    return notebook
