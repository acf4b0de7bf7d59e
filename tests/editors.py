"""What editors make of a notebook that they save, and which names its cells define afterwards."""

from __future__ import annotations

import copy

from grader.notebooks.elsewhere import other_cells
from grader.notebooks.reading import Json, source
from grader.notebooks.slots import is_slot, slot_cells


def colab(notebook: Json) -> Json:
    """A starter opened in Colab: both ids, the user's name, sources with CRLF, a cell of its own on top."""
    for cell in notebook["cells"]:
        cell["metadata"]["id"] = cell["id"]
        cell["source"] = source(cell).replace("\n", "\r\n") + "\r\n"
        if cell["cell_type"] == "code":
            user = {"displayName": "A Student", "userId": "0123"}
            cell["metadata"]["executionInfo"] = {"elapsed": 5, "status": "ok", "user": user}
    mount = "from google.colab import drive\ndrive.mount('/content/drive')"
    notebook["cells"].insert(0, {"cell_type": "code", "metadata": {"id": "qOc0b9"}, "source": [mount]})
    notebook["metadata"]["colab"] = {"provenance": []}
    notebook["metadata"]["kernelspec"].pop("language")
    return notebook


def colab_saved_as_new(notebook: Json) -> Json:
    """Colab's format 4.0: identity only in metadata.id."""
    for cell in colab(notebook)["cells"]:
        cell.pop("id", None)
        cell["metadata"].pop("grader", None)
    notebook["nbformat_minor"] = 0
    return notebook


def vscode(notebook: Json) -> Json:
    for cell in notebook["cells"]:
        cell["metadata"] = {"vscode": {"languageId": "python"}}
    notebook["cells"].append(copy.deepcopy(notebook["cells"][0]))
    return notebook | {"nbformat_minor": 2}


def without_ids(notebook: Json) -> Json:
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] = {}
    return notebook | {"nbformat_minor": 4, "metadata": {}}


def with_random_ids(notebook: Json) -> Json:
    """What validation by nbformat does to ids it does not like."""
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"{number:08x}"
    return notebook


def one_id_for_all(notebook: Json) -> Json:
    for cell in notebook["cells"]:
        cell["id"] = slot_cells(notebook)[0].cell["id"] if is_slot(cell) else "same"
        cell["metadata"] = {}
    return notebook


def turned_round(notebook: Json) -> Json:
    notebook["cells"].reverse()
    return notebook


def damaged_metadata(notebook: Json) -> Json:
    for cell in notebook["cells"]:
        cell["metadata"] = [1, 2]
    return notebook | {"metadata": "none"}


EDITORS = [
    colab,
    colab_saved_as_new,
    vscode,
    without_ids,
    with_random_ids,
    one_id_for_all,
    turned_round,
    damaged_metadata,
]


def names_elsewhere(notebook: Json, starter: Json, slots: tuple[int, ...]) -> dict[str, str]:
    """Return the names that cells other than the slot define, each with the first such cell."""
    names: dict[str, str] = {}
    for cell in other_cells(notebook, starter, slots):
        for name in cell.statements:
            names.setdefault(name, cell.label)
    return names
