# attack: notebook-script-in-exception  expect: slot_error
"""Raises scripts: as the exception's text, its type's name, a note, a line of its source, and the
file's name.
"""

CODE = r"""
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\x1b]0;x\x07"
Evil = type(SCRIPT, (Exception,), {"_render_traceback_": lambda self: [SCRIPT], "_repr_html_": lambda self: SCRIPT})
error = Evil(SCRIPT, "=HYPERLINK(1)")
error.add_note(SCRIPT)
exec(compile("raise error  # <script>alert(1)</script>", SCRIPT, "exec"))
"""


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = slot + CODE
    return notebook
