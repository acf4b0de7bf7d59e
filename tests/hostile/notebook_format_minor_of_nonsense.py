# attack: notebook-format-minor-of-nonsense  expect: scored=honest
"""Says format 4 as a fraction, with a minor version that no upgrade survives."""


def submit(notebook, slot):
    return notebook | {"nbformat": 4.0, "nbformat_minor": [{"$ref": "#"}], "orig_nbformat": "REACHED"}
