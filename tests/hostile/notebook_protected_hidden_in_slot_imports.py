# attack: notebook-protected-hidden-in-slot-imports  expect: scored=honest
"""Changes the one protected cell that is run before the slot: the grader takes that one from its own
notebook, too.
"""

CODE = """
print("REACHED the imports cell")
class np: pass
class torch: pass
import builtins
builtins.len = lambda thing: 0
"""


def submit(notebook, slot):
    extra = {
        "cell_type": "code",
        "id": "more-imports",
        "metadata": {"tags": ["slot-imports"]},
        "source": CODE,
    }
    extra |= {"outputs": [], "execution_count": None}
    for cell in notebook["cells"]:
        if "slot-imports" in cell["metadata"]["tags"]:
            cell["source"] = CODE
    notebook["cells"].insert(0, extra)
    return notebook
