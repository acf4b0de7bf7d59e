# attack: notebook-nested-just-above  expect: invalid_notebook
"""Nested a little deeper than is allowed, in the metadata of the slot: deep enough for what copies a
notebook later.
"""


def submit(notebook, slot):
    deep = {}
    for _ in range(120):
        deep = {"x": [deep]}
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["metadata"]["deep"] = deep
    return notebook
