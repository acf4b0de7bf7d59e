# attack: notebook-nested-deeply  expect: invalid_notebook
"""Lists within lists, 500,000 deep, where no program that reads recursively comes back from."""

import json


def submit(notebook, slot):
    deep = b"[" * 500_000 + b"]" * 500_000
    return json.dumps(notebook).encode()[:-1] + b', "deep": ' + deep + b"}"
