# attack: notebook-byte-order-mark  expect: scored=honest
"""Begins with a byte order mark and ends every line as Windows does."""

import json


def submit(notebook, slot):
    text = json.dumps(notebook, indent=1).replace("\n", "\r\n")
    return b"\xef\xbb\xbf" + text.encode()
