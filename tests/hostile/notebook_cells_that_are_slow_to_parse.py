# attack: notebook-cells-that-are-slow-to-parse  expect: scored=honest
"""As many cells as are allowed, each naming the entry, so that each is parsed, and none of them parses."""

import ast


def submit(notebook, slot):
    name = next(node.name for node in ast.parse(slot).body if isinstance(node, ast.FunctionDef))
    text = f"{name} = (" + "[" * 60
    cell = {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
    for own in notebook["cells"]:
        if "slot" in own["metadata"]["tags"]:
            own["source"] = "# changed\n" + slot
    notebook["cells"] += [cell | {"id": f"n{number}"} for number in range(4_900)]
    return notebook
