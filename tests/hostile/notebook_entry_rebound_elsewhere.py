# attack: notebook-entry-rebound-elsewhere  expect: scored=honest
"""Binds each entry anew in later cells, in every way there is: only the slot is run, whatever a
notebook would do.
"""

import ast


def submit(notebook, slot):
    names = [node.name for node in ast.parse(slot).body if isinstance(node, ast.FunctionDef)]
    ways = ["def {0}(*a):\n    print('REACHED')", "{0} = print", "global {0}\nfor {0} in [print]: pass"]
    ways += ["globals()['{0}'] = print", "import builtins as {0}", "exec('{0} = print')", "del {0}"]
    for number, way in enumerate(ways):
        text = 'print("REACHED a later cell")\n' + "\n".join(way.format(name) for name in names)
        cell = {"cell_type": "code", "id": f"later-{number}", "metadata": {}, "outputs": [], "source": text}
        notebook["cells"].append(cell | {"execution_count": None})
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"].get("tags", []):
            cell["source"] = "# changed, so that it is what the student means\n" + slot
    return notebook
