# attack: notebook-protected-deleted  expect: scored=honest
"""Hands in the slot alone, so that no check, no loop and no metric of the task is there to be run."""


def submit(notebook, slot):
    notebook["cells"] = [cell for cell in notebook["cells"] if "slot" in cell["metadata"]["tags"]]
    return notebook
