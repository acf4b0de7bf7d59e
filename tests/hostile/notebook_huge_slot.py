# attack: notebook-huge-slot  expect: invalid_notebook
"""A slot of a megabyte, cheap to write, whose syntax tree would take a gigabyte."""


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = slot + "\nx = [" + "0," * 500_000 + "]\n"
    return notebook
