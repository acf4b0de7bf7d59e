# attack: notebook-tags-stolen  expect: scored=honest
"""Tags the slot as protected and parameters, and other cells as the slot: tags of a submission decide
nothing.
"""


def submit(notebook, slot):
    cells = notebook["cells"]
    own = next(cell for cell in cells if "slot" in cell["metadata"]["tags"])
    for cell in cells:
        tags = cell["metadata"]["tags"]
        cell["metadata"]["tags"] = ["protected", "parameters"] if cell is own else [*tags, "slot"]
    for place, tags in ((0, ["slot"]), (len(cells), ["slot", "slot-imports"]), (1, ["slot", "protected"])):
        extra = {"cell_type": "code", "id": f"tagged-{place}", "metadata": {"tags": tags}, "outputs": []}
        extra |= {"execution_count": None, "source": f'print("REACHED a cell tagged {tags}")'}
        cells.insert(place, extra)
    return notebook
