# attack: notebook-wide-letters-entry  expect: scored=honest
"""Defines the entry last in letters that Python takes for the same name (NFKC), and before that in
plain ones.
"""

import ast


def submit(notebook, slot):
    names = [node.name for node in ast.parse(slot).body if isinstance(node, ast.FunctionDef)]
    plain = "".join(f'def {name}(*arguments):\n    print("REACHED the plain one")\n\n\n' for name in names)
    wide = slot
    for name in names:
        letters = "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in name)
        wide = wide.replace(f"def {name}", f"def {letters}")
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = plain + wide
    return notebook
