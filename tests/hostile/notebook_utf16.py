# attack: notebook-utf16  expect: invalid_notebook
"""Is saved as UTF-16, in which a search for text finds nothing, behind a byte order mark of UTF-8."""

import json


def submit(notebook, slot):
    return b"\xef\xbb\xbf" + json.dumps(notebook).encode("utf-16")
