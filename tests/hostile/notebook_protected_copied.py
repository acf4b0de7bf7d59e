# attack: notebook-protected-copied  expect: scored=honest
"""Doubles every protected cell under its own id, the first of the two changed: which one is believed?"""

import copy


def submit(notebook, slot):
    cells = []
    for cell in notebook["cells"]:
        if "protected" in cell["metadata"]["tags"]:
            double = copy.deepcopy(cell)
            double["source"] = 'print("REACHED a copied cell")\n' + "".join(double["source"])
            cells.append(double)
        cells.append(cell)
    notebook["cells"] = cells
    return notebook
