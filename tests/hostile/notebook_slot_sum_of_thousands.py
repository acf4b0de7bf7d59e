# attack: notebook-slot-sum-of-thousands  expect: slot_error|memory_limit|scored=honest
"""A sum of 60,000 terms: Python's parser takes it, and what walks the tree afterwards may not come back."""


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = f"{slot}\nif False:\n    total = {'1 + ' * 60_000}1\n"
    return notebook
