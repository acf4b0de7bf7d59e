# attack: notebook-ids-stolen  expect: scored=honest
"""Gives the slot's identity, in all three forms, to a cell that speaks, and a protected cell's to the
slot.
"""

import copy


def submit(notebook, slot):
    cells = notebook["cells"]
    own = next(cell for cell in cells if "slot" in cell["metadata"]["tags"])
    last = [cell for cell in cells if cell["cell_type"] == "code" and cell is not own][-1]
    thief = copy.deepcopy(own)
    thief["metadata"]["id"] = thief["id"]
    thief["source"] = 'print("REACHED a cell with the id of the slot")'
    own["id"], own["metadata"]["grader"] = last["id"], dict(last["metadata"]["grader"])
    own["metadata"]["id"] = last["id"]
    cells.insert(0, thief)
    return notebook
