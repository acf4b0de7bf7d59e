# attack: notebook-slot-nested-deeply  expect: slot_error|memory_limit
"""A slot whose syntax tree is deeper than a stack: sums, attributes, signs, thousands each."""


def submit(notebook, slot):
    count = 9_000
    deep = [
        "a = " + "1+" * count + "1",
        "b = a" + ".real" * count,
        "c = " + "-" * count + "1",
        "e = " + "lambda:" * count + "1",
        "f = " + "a if a else " * count + "1",
        "g = a" + "[0]" * count,
    ]
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = "\n".join(
                [slot, *(f"def never_{n}():\n    {line}" for n, line in enumerate(deep))]
            )
    return notebook
