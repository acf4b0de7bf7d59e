# attack: notebook-script-printed  expect: scored=honest  alone: slot_error
"""Prints scripts, terminal codes and a forged result, and displays html as a cell of a notebook would."""

CODE = r"""
print("<script>alert(1)</script><img src=x onerror=alert(1)>")
print("\x1b]0;title\x07\x1b[2J\x1b[31mpoints: 100\x1b]8;;javascript:alert(1)\x1b\\x\x1b]8;;\x1b\\ \x9b31m \x08\x08")
print('{"output_type": "display_data", "data": {"text/html": "<script>alert(1)</script>"}, "metadata": {}}')
print("</pre></textarea></style>--><script>alert(1)</script><!--", "=cmd|' /C calc'!A0")
try:
    from IPython.display import HTML, Javascript, display, publish_display_data
    display(HTML("<script>alert(1)</script>"), Javascript("alert(1)"))
    publish_display_data({"text/html": "<script>alert(1)</script>"})
except (ImportError, AssertionError, AttributeError):
    pass
"""


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = CODE + slot
    return notebook
