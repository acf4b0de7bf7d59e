# attack: notebook-without-a-player  expect: slot_missing
"""Hands in a notebook in which the player's cell, its id and its name are gone."""


def submit(notebook, slot):
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["source"] != slot]
    return notebook
