# attack: notebook-format-5  expect: invalid_notebook
"""Claims a format that does not exist yet, for which every reader has to guess."""


def submit(notebook, slot):
    return notebook | {"nbformat": 5, "nbformat_minor": 10**6}
