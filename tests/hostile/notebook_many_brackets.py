# attack: notebook-many-brackets  expect: invalid_notebook
"""Two million empty lists in six megabytes, which take a hundred times that once they are read."""

import json


def submit(notebook, slot):
    many = b"[" + b"[],".join([b""] * 2_100_000) + b"0]"
    return json.dumps(notebook).encode()[:-1] + b', "many": ' + many + b"}"
