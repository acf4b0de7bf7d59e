# attack: notebook-null-in-slot  expect: slot_error
"""A zero character in the slot, written as JSON may write it: some readers stop there, and Python
refuses it.
"""


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = slot + '\n# the end for a reader in C \0\nprint("REACHED code after a zero")\n'
    return notebook
