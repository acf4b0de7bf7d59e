# attack: notebook-ids-that-are-paths  expect: scored=honest
"""Ids and names that are paths, formulas, templates and format strings, for whoever makes a file or a
page of them.
"""

ODD = (
    "../../../../etc/cron.d/evil",
    "/dev/zero",
    "=cmd|' /C calc'!A0",
    "{0.__class__}",
    "{{ 7*7 }}",
    "%s%n",
    "a\tb\nc",
    "",
)


def submit(notebook, slot):
    for place, cell in enumerate(notebook["cells"]):
        odd = ODD[place % len(ODD)]
        cell["id"] = odd
        cell["metadata"]["id"] = odd
        cell["metadata"]["grader"] = {"cell": odd, "task": odd}
        cell["metadata"]["name"] = odd
    notebook["metadata"]["grader"] = {"task": ODD[0], "version": ODD[2], "entries": [ODD[3]]}
    notebook["metadata"]["title"] = notebook["metadata"]["name"] = ODD[0]
    notebook["metadata"]["colab"] = {"name": ODD[0], "provenance": [{"file_id": ODD[1]}]}
    return notebook
