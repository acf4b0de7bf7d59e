# attack: notebook-cell-magic-in-slot  expect: slot_error
"""Makes the slot a cell of bash, javascript or html, with the entry in it for whoever searches the text."""


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = "%%bash\n: '\n%%javascript\n%%html\n" + slot + "\n'\necho REACHED a shell\n"
    return notebook
