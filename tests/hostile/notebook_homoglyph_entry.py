# attack: notebook-homoglyph-entry  expect: slot_missing
"""Writes the entry with Cyrillic letters that look the same: another name, though nobody sees it."""

import ast

TWINS = str.maketrans("aceopxy", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443")


def submit(notebook, slot):
    names = [node.name for node in ast.parse(slot).body if isinstance(node, ast.FunctionDef)]
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = slot
            for name in names:
                cell["source"] = cell["source"].replace(name, name.translate(TWINS))
    return notebook
