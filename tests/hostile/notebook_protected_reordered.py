# attack: notebook-protected-reordered  expect: scored=honest
"""Turns the order of all cells round, so that the evaluation would come before the training, and the
slot before both.
"""


def submit(notebook, slot):
    notebook["cells"].reverse()
    return notebook
