# attack: notebook-script-in-markdown  expect: slot_missing
"""Scripts in headings, links, pictures and titles of cells, two of them around two slots, whose places
are then named.
"""

import copy

SCRIPTS = """<script>alert(1)</script> <img src=x onerror="alert(1)"> [x](javascript:alert(1))
<svg onload=alert(1)> <iframe srcdoc="<script>parent.x=1</script>"></iframe> $$\\href{javascript:alert(1)}{x}$$
"""


def submit(notebook, slot):
    heading = {"cell_type": "markdown", "metadata": {}, "source": f"# {SCRIPTS}"}
    cells = notebook["cells"]
    own = next(cell for cell in cells if "slot" in cell["metadata"]["tags"])
    own["source"] = "# @title <script>alert(1)</script><img src=x onerror=alert(1)>\n" + slot
    double = copy.deepcopy(own)
    double["source"] += "\nanother = 1\n"  # the same program twice would be one slot
    cells += [heading | {"id": "h"}, double]
    cells.insert(0, heading | {"id": "g"})
    return notebook
