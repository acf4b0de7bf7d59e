# attack: notebook-duplicate-keys  expect: scored=honest
"""Gives `cells`, and the slot's `source`, twice: a reader of the first sees other code than a reader
of the last.
"""

import json


def submit(notebook, slot):
    evil = 'print("REACHED the first of two keys")\n' + slot
    text = json.dumps(notebook)
    whole = json.dumps(slot)
    assert whole in text
    text = text.replace(f'"source": {whole}', f'"source": {json.dumps(evil)}, "source": {whole}')
    cell = {"cell_type": "code", "id": "first", "metadata": {}, "source": evil, "outputs": []}
    first = json.dumps({"cells": [cell], "nbformat": 3, "metadata": {"kernelspec": {"name": "bash"}}})
    return f"{first[:-1]}, {text[1:]}".encode()
