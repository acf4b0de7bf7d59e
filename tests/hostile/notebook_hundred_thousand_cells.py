# attack: notebook-hundred-thousand-cells  expect: invalid_notebook
"""Has 100,000 cells, each small, the whole far below the largest file."""


def submit(notebook, slot):
    small = {"cell_type": "code", "metadata": {}, "source": "0", "outputs": [], "execution_count": None}
    notebook["cells"] = [small] * 100_000 + notebook["cells"]
    return notebook
