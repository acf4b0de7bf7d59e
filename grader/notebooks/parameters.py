"""Put the values of parameters behind the cell that sets them, as papermill does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.notebooks.reading import Json, tags

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_parameters(notebook: Json, parameters: Mapping[str, object]) -> Json:
    """Return the notebook with one more cell, which sets `parameters`, behind each that is tagged so."""
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell)
        if "parameters" in tags(cell):
            text = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
            cells.append({**cell, "id": "injected", "metadata": {}, "source": text})
    return {**notebook, "cells": cells}
