# attack: notebook-metadata-of-wrong-kinds  expect: scored=honest
"""Lists for dicts, dicts for texts, numbers for lists, in everything but the text of a cell."""

KINDS = (None, 0, "slot", [], {}, [["slot"]], {"a": []}, True, 1.5, [{"slot": "protected"}])


def submit(notebook, slot):
    for place, cell in enumerate(notebook["cells"]):
        odd = KINDS[place % len(KINDS)]
        cell |= {"id": odd, "outputs": odd, "execution_count": odd, "attachments": odd}
        cell["metadata"] = odd if place % 2 else {"tags": odd, "id": odd, "grader": odd, "jupyter": odd}
        if cell["cell_type"] != "code":
            cell["cell_type"] = odd
    notebook["metadata"] = {"grader": KINDS, "kernelspec": [], "language_info": 1, "widgets": None}
    return notebook
