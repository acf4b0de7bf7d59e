# attack: notebook-import-of-no-end  expect: scored=honest
"""Puts an imported name of 80,000 parts beside the entry into another cell: a parser joins them in quadratic time."""

import ast


def submit(notebook, slot):
    name = next(node.name for node in ast.parse(slot).body if isinstance(node, ast.FunctionDef))
    text = f"{name} = 1\nimport a" + ".b" * 80_000 + "\n"
    cell = {"cell_type": "code", "id": "endless", "metadata": {}, "source": text, "outputs": []}
    for own in notebook["cells"]:
        if "slot" in own["metadata"]["tags"]:
            own["source"] = "# changed\n" + slot
    notebook["cells"].append(cell | {"execution_count": None})
    return notebook
