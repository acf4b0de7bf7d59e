# attack: notebook-of-moves  expect: invalid_notebook
"""Hands in a list of moves in place of a notebook that plays."""


def submit(notebook, slot):
    return b"0 1 2 3 4 5 6 7 " * 100
