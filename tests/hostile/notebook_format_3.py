# attack: notebook-format-3  expect: invalid_notebook
"""Has the format of ten years ago, with worksheets and `input`, beside cells of today."""


def submit(notebook, slot):
    cells = [
        {"cell_type": "code", "language": "python", "input": "".join(cell["source"]), "outputs": []}
        for cell in notebook["cells"]
    ]
    notebook["worksheets"] = [{"cells": cells, "metadata": {}}]
    notebook |= {"nbformat": 3, "nbformat_minor": 0}
    return notebook
