# attack: notebook-half-characters  expect: scored=honest
"""Halves of surrogate pairs in the slot, in ids and in headings, which no encoding can write down."""


def submit(notebook, slot):
    notebook["metadata"]["title"] = "\udfff\ud800"
    for cell in notebook["cells"]:
        cell["metadata"]["name"] = "\ud800"
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = slot + "\n# \ud800 \udfff\nhalf = '\ud83d'\n"
        elif cell["cell_type"] == "markdown":
            cell["source"] = "# \udc00\n" + "".join(cell["source"])
    return notebook
