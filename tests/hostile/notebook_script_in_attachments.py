# attack: notebook-script-in-attachments  expect: scored=honest
"""Attaches scripts as pictures to every cell, the slot and the protected ones too, under names that
are paths.
"""

import base64

SVG = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>").decode()


def submit(notebook, slot):
    for cell in notebook["cells"]:
        cell["attachments"] = {
            "x.svg": {"image/svg+xml": SVG},
            "../../../../tmp/evil-attachment.html": {"text/html": "<script>alert(1)</script>"},
            "/etc/cron.d/evil": {"text/plain": "REACHED"},
        }
        if cell["cell_type"] == "markdown":
            cell["source"] = "![x](attachment:x.svg) " + "".join(cell["source"])
    return notebook
