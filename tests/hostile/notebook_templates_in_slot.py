# attack: notebook-templates-in-slot  expect: scored=honest
"""What the notebook's builder, papermill, a shell or a format string would fill in, and the builder's
own markers.
"""

TEXT = """
# {{ data.py }} {{ score.ceiling }} {% raw %} {0.__class__} {PREDICTIONS_PATH} $(id) `id` ${HOME} %(x)s
### BEGIN SOLUTION
filled = "{{ id }} {DATA_PATH} %s" "{}"
if filled != "{" "{ id }} {DATA_PATH} %s{}":
    print("REACHED a template engine", filled)
### END SOLUTION
# Parameters
# In[ ]:
# coding: utf-7
"""


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = TEXT + slot + "\n### BEGIN BASELINE\n# {{ data.py }}\n### END BASELINE\n"
    return notebook
