# attack: notebook-fake-parameters-cells  expect: scored=honest
"""Looks as if papermill had run it before: cells of injected parameters, and the metadata that go with
them.
"""

CODE = """
print("REACHED a cell of parameters")
FINAL_EVALUATION_MODE = False
PREDICTIONS_PATH = "/tmp/predictions.npz"
SEED = 0
"""


def submit(notebook, slot):
    cells = notebook["cells"]
    for place in (len(cells), len(cells) // 2, 0):
        for tags in (["parameters"], ["injected-parameters"], ["parameters", "injected-parameters"]):
            extra = {"cell_type": "code", "id": f"given-{place}-{len(tags)}", "outputs": []}
            extra |= {"metadata": {"tags": tags}, "execution_count": None, "source": CODE}
            cells.insert(place, extra)
    notebook["metadata"]["papermill"] = {
        "parameters": {"FINAL_EVALUATION_MODE": False, "SEED": 0},
        "default_parameters": {"PREDICTIONS_PATH": "/tmp/predictions.npz"},
        "input_path": "/etc/passwd",
        "output_path": "/tmp/executed.ipynb",
        "environment_variables": {"LD_PRELOAD": "/tmp/evil.so"},
    }
    return notebook
