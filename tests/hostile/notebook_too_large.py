# attack: notebook-too-large  expect: invalid_notebook
"""One byte more than a notebook may have, most of it a picture."""

import json


def submit(notebook, slot):
    notebook["metadata"]["picture"] = ""
    room = (20 << 20) + 1 - len(json.dumps(notebook))
    notebook["metadata"]["picture"] = "A" * room
    return notebook
