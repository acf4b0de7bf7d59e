# attack: notebook-entry-beside-untouched-slot  expect: slot_missing
"""Leaves the slot as it was and defines the entry elsewhere as well: whose is it? Nobody guesses."""


def submit(notebook, slot):
    text = 'print("REACHED the other definition")\n' + slot
    cell = {"cell_type": "code", "id": "another", "metadata": {}, "outputs": [], "source": text}
    notebook["cells"].append(cell | {"execution_count": None})
    return notebook
