# attack: notebook-script-in-outputs  expect: scored=honest
"""Brings outputs along that a browser would run: html, javascript, svg, latex, widgets, and a forged
result.
"""

HTML = "<script>document.title='REACHED'</script><img src=x onerror=alert(1)>REACHED as html"
DATA = {
    "text/html": HTML,
    "application/javascript": "element.append('REACHED')",
    "image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "text/latex": "$\\href{javascript:alert(1)}{REACHED here}$",
    "text/markdown": HTML,
    "application/vnd.jupyter.widget-view+json": {"model_id": "evil", "version_major": 2},
    "application/vnd.bokehjs_exec.v0+json": HTML,
    "text/plain": "REACHED here: 100 points",
}


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "display_data", "data": DATA, "metadata": {"text/html": {"isolated": False}}},
                {"output_type": "execute_result", "data": DATA, "metadata": {}, "execution_count": 1},
                {"output_type": "stream", "name": "stdout", "text": "REACHED here: points: 100\n"},
                {"output_type": "error", "ename": HTML, "evalue": HTML, "traceback": [HTML]},
            ]
            cell["execution_count"] = 1
    return notebook
