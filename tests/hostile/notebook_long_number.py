# attack: notebook-long-number  expect: invalid_notebook
"""An integer of a million digits, which takes minutes to be read where nothing limits it."""

import json


def submit(notebook, slot):
    return json.dumps(notebook).encode()[:-1] + b', "long": ' + b"9" * 1_000_000 + b"}"
