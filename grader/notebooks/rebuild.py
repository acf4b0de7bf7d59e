"""Rebuild a submission: our own starter notebook with the student's slot put in, and nothing else of theirs."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from grader.notebooks.slot import slot_cell

if TYPE_CHECKING:
    from grader.notebooks.reading import Json


def rebuild(starter: Json, slot_source: str) -> Json:
    """Return a copy of `starter` with `slot_source` in its slot and all outputs cleared.

    Raises GraderFault where the starter has not exactly one slot.
    """
    notebook = copy.deepcopy(starter)
    slot_cell(notebook)["source"] = slot_source
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    return notebook
