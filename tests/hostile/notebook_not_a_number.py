# attack: notebook-not-a-number  expect: scored=honest
"""NaN and Infinity, which JSON does not have, and numbers beyond all floats, wherever a number may stand."""

import json


def submit(notebook, slot):
    for place, cell in enumerate(notebook["cells"]):
        odd = (float("nan"), float("inf"), -float("inf"))[place % 3]
        cell["execution_count"] = odd
        cell["metadata"]["order"] = odd
        cell["metadata"]["collapsed"] = "HUGE"
    notebook["nbformat_minor"] = float("nan")
    return json.dumps(notebook).replace('"HUGE"', "-1e999999").encode()
