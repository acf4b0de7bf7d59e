# attack: notebook-protected-converted  expect: scored=honest
"""Turns protected code into markdown and raw cells, and protected markdown into code that speaks."""


def submit(notebook, slot):
    code = 0
    for cell in notebook["cells"]:
        if "protected" not in cell["metadata"]["tags"]:
            continue
        if cell["cell_type"] == "code":
            code += 1
            cell["cell_type"] = ("markdown", "raw")[code % 2]
            cell.pop("outputs", None)
            cell.pop("execution_count", None)
        else:
            said = 'print("REACHED code where there was markdown")'
            cell.update(cell_type="code", source=said, outputs=[], execution_count=None)
    return notebook
