# attack: notebook-entry-twice-in-slot  expect: scored=honest
"""Defines each entry three times, the honest one last: as in Python that one counts, not one that a
search meets first.
"""

import ast


def submit(notebook, slot):
    names = [node.name for node in ast.parse(slot).body if isinstance(node, ast.FunctionDef)]
    first = "".join(f'def {name}(*arguments):\n    print("REACHED the first {name}")\n\n\n' for name in names)
    second = "".join(f'{name} = lambda *arguments: print("REACHED the second {name}")\n' for name in names)
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = first + second + slot
    return notebook
