# attack: notebook-entry-rebound-in-slot  expect: slot_error
"""Binds each entry, once defined, to something that is no function, past what a look at the syntax
tree can tell.
"""

import ast


def submit(notebook, slot):
    names = [node.name for node in ast.parse(slot).body if isinstance(node, ast.FunctionDef)]
    rebound = "".join(f"\nglobals()[{name!r}] = globals()[{name!r}].__doc__, 1" for name in names)
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = slot + rebound
    return notebook
