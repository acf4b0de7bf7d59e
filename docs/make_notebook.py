"""Photograph the starter notebook of a task after "restart and run all", for the landing page.

    python docs/make_notebook.py    writes docs/images/notebook.png

It needs chromium and the extra `dev`, and trains for half a minute. Only what a reader should see first is in the picture: a look at the data, the cell
that is the student's, and what it got.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from traitlets.config import Config

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
STARTER = ROOT / "starter_notebooks" / "noisy_labels.ipynb"
PICTURE = ROOT / "docs" / "images" / "notebook.png"
WIDTH, SCALE = 960, 1.5  # CSS pixels, and pixels of the picture for each
HIDDEN = "hidden-code"  # a tag of cells of which only the output is shown
# What begins a cell of the picture, and whether its code is shown.
SHOWN = {
    "# Noise in Data Labels": True,
    "def show_samples": False,
    "Write your code in the next cell": True,
    "def your_select_indices": True,
    "def show_history": False,
    "points = final_": True,
}
STYLE = """<style>
body.jp-Notebook { padding: 12px 8px !important; }
.jp-Notebook h1 { font-size: 1.7rem; }
.jp-InputPrompt, .jp-OutputPrompt { display: none; }
.jp-RenderedImage img { width: 100%; }
</style>"""


def executed(path: Path) -> NotebookNode:
    """Return the notebook with the outputs of all cells, run in an empty folder."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
    return notebook


def excerpt(notebook: NotebookNode) -> NotebookNode:
    """Return the cells of the picture, in their order. Raises LookupError where one is not there."""
    cells = []
    for start, with_code in SHOWN.items():
        cell = next((cell for cell in notebook.cells if start in cell.source[:200]), None)
        if cell is None:
            raise LookupError(f"no cell begins with {start!r}")
        cell.source = shortened(cell)
        if not with_code:
            cell.metadata.setdefault("tags", []).append(HIDDEN)
        cells.append(cell)
    return nbformat.from_dict({**notebook, "cells": cells})


def shortened(cell: Any) -> str:
    """Return the source of a cell as it is, but of a text with a heading the first paragraph."""
    if cell.cell_type == "markdown" and cell.source.startswith("# "):
        return "\n\n".join(cell.source.split("\n\n")[:2])
    return str(cell.source)


def photograph(html: str, picture: Path) -> None:
    """Save a picture of a page, in few colours, because it is read over the net."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- the rest is of use without a browser

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "notebook.html"
        path.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"],
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": 400}, device_scale_factor=SCALE)
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        browser.close()
    shot.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)


def main() -> None:
    """Run, choose, photograph."""
    hiding = Config({"TagRemovePreprocessor": {"enabled": True, "remove_input_tags": {HIDDEN}}})
    exporter = HTMLExporter(template_name="lab", exclude_anchor_links=True, config=hiding)
    html, _ = exporter.from_notebook_node(excerpt(executed(STARTER)))
    photograph(html.replace("</head>", f"{STYLE}</head>"), PICTURE)


if __name__ == "__main__":
    main()
