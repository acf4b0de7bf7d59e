# attack: notebook-id-on-two-definitions  expect: slot_missing
"""Two cells with the identity of the slot define the entry: a reader sees one, and the other might be run."""

import copy


def submit(notebook, slot):
    cells = notebook["cells"]
    own = next(cell for cell in cells if "slot" in cell["metadata"]["tags"])
    double = copy.deepcopy(own)
    double["source"] = 'print("REACHED the second slot")\n' + slot
    own["source"] = "# the one to be read\n" + slot
    cells.append(double)
    return notebook
