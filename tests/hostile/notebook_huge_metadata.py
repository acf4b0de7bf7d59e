# attack: notebook-huge-metadata  expect: scored=honest
"""Ten megabytes of metadata, some of it in 50,000 keys, none of which goes any further."""


def submit(notebook, slot):
    notebook["metadata"]["long"] = "REACHED here " * 600_000
    notebook["metadata"]["many"] = {f"key-{number}": {"tags": ["slot"]} for number in range(50_000)}
    for cell in notebook["cells"]:
        cell["metadata"]["note"] = "x" * 1_000
    return notebook
