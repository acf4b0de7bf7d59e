# attack: notebook-protected-changed  expect: scored=honest
"""Puts code of its own before, after and in place of every protected cell; only the slot is taken."""

SAYS = 'print("REACHED code of a protected cell")\n'
FORGES = "import numpy as np\nnp.savez(PREDICTIONS_PATH, model=np.zeros(10, int))\nraise SystemExit\n"


def submit(notebook, slot):
    changes = (lambda text: SAYS + text, lambda text: text + "\n" + SAYS, lambda text: SAYS + FORGES)
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code" and "protected" in cell["metadata"]["tags"]:
            cell["source"] = changes[number // 2 % 3]("".join(cell["source"]))
    return notebook
