"""Write a notebook as each program leaves it after a student ran it there: the bytes of the file.

From files that these programs wrote: Colab (a copy in Drive, a file opened from GitHub), VS Code (now, and before it kept
cell ids), Kaggle (the editor's download, and the output of "Save & Run All"), JupyterLab 4, and the classic notebook 6.
"""

from __future__ import annotations

import copy
import json
import uuid
from typing import TYPE_CHECKING, Any

from grader.notebooks.reading import is_code, source

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.notebooks.reading import Json

    Save = Callable[[Json], bytes]

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\n"
PYTHON = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": "3.12.12",
}
WIDGET = {
    "model_module": "@jupyter-widgets/controls",
    "model_name": "HTMLModel",
    "model_module_version": "1.5.0",
    "state": {"_dom_classes": [], "value": " 23/23 [00:01&lt;00:00, 19.2it/s]"},
}
WIDGETS = "application/vnd.jupyter.widget-state+json"
PIP = "!pip install -q torch scikit-learn"
DRIVE = "from google.colab import drive\ndrive.mount('/content/drive')"
FORM = '# @title Settings { run: "auto" }\nkeep_share = 0.8  # @param {type: "slider", min: 0, max: 1, step: 0.1}\nnote = ""  # @param {type: "string"}'


def as_colab(notebook: Json) -> bytes:
    """Colab, "Save a copy in Drive": format 4.0, identity in metadata.id alone, a pip, a Drive and a form cell, widgets."""
    saved = _colab(notebook)
    for cell in saved["cells"]:
        cell.pop("id", None)
    return _text(_in_colabs_order(saved | {"nbformat_minor": 0}), indent=2)


def as_colab_from_github(notebook: Json) -> bytes:
    """Colab, a file opened from GitHub and saved there: cells keep both ids, a cell with Colab's own badge comes first."""
    saved = _colab(notebook)
    badge = _markdown(
        '<a href="https://colab.research.google.com/github/a/b/blob/main/x.ipynb">Open In Colab</a>'
    )
    badge["metadata"] = {"id": "view-in-github", "colab_type": "text"}
    badge["id"] = "view-in-github"
    saved["cells"].insert(0, badge)
    saved["metadata"]["colab"]["include_colab_link"] = True
    return _text(_in_colabs_order(saved), indent=2)


def as_vscode(notebook: Json) -> bytes:
    """VS Code: ids kept, the language of each cell, the interpreter's own kernel name, a `%pip` cell."""
    saved = _run(notebook, [_code("%pip install -q torch", "a1b2c3d4")])
    for cell in saved["cells"]:
        cell["metadata"]["vscode"] = {"languageId": "python" if is_code(cell) else "markdown"}
    saved["metadata"]["kernelspec"] = {
        "display_name": ".venv (3.12.12)",
        "language": "python",
        "name": "python3",
    }
    saved["metadata"]["language_info"] = PYTHON
    return _text(saved, indent=1) + b"\n"


def as_older_vscode(notebook: Json) -> bytes:
    """VS Code before it kept cell ids: format 4.2, `orig_nbformat`, the interpreter's hash."""
    saved = _run(notebook, [])
    for cell in saved["cells"]:
        del cell["id"]
    saved["metadata"]["language_info"] = PYTHON
    saved["metadata"] |= {"orig_nbformat": 4, "vscode": {"interpreter": {"hash": "b1677b440931f40d" * 4}}}
    return _text(saved | {"nbformat_minor": 2}, indent=1) + b"\n"


def as_kaggle(notebook: Json) -> bytes:
    """Kaggle's editor, "Download notebook": one line of JSON, each source one text, format 4.4 without ids."""
    saved = _run(notebook, [_code('import os\nprint(os.listdir("/kaggle/input"))', "")])
    for number, cell in enumerate(saved["cells"]):
        cell.pop("id", None)
        cell["source"] = source(cell)
        cell["metadata"] |= {
            "_uuid": _uuid(number).hex + "0" * 8,
            "_cell_guid": str(_uuid(number)),
            "trusted": True,
        }
        if is_code(cell):
            cell["metadata"]["execution"] = _times(number)
            for output in cell["outputs"]:
                if "text" in output:
                    output["text"] = "".join(output["text"])
    saved["metadata"] |= {"kaggle": _kaggle(), "language_info": PYTHON}
    order = ("metadata", "nbformat_minor", "nbformat", "cells")
    return _text({name: (saved | {"nbformat_minor": 4})[name] for name in order}, indent=None)


def as_kaggle_run(notebook: Json) -> bytes:
    """Kaggle, "Save & Run All": papermill ran it and gave every cell a fresh id."""
    saved = _run(notebook, [])
    for number, cell in enumerate(saved["cells"]):
        cell["id"] = _uuid(number).hex[:8]
        cell["metadata"]["papermill"] = {
            "duration": 0.0035,
            "end_time": "2026-05-07T05:07:41.635694+00:00",
            "exception": False,
            "start_time": "2026-05-07T05:07:41.632168+00:00",
            "status": "completed",
        }
        if is_code(cell):
            cell["metadata"] |= {"execution": _times(number), "_cell_guid": str(_uuid(number))}
    about = {
        "input_path": "__notebook__.ipynb",
        "output_path": "__notebook__.ipynb",
        "parameters": {},
        "version": "2.7.0",
    }
    saved["metadata"] |= {"kaggle": _kaggle(), "language_info": PYTHON, "papermill": about}
    return _text(saved, indent=1, sort_keys=True) + b"\n"


def as_jupyterlab(notebook: Json) -> bytes:
    """JupyterLab 4: ids kept, times of execution, hidden outputs, the widgets' state."""
    saved = _run(notebook, [_code("%matplotlib inline", "0f0e0d0c")])
    for number, cell in enumerate(saved["cells"]):
        if is_code(cell):
            cell["metadata"] |= {"execution": _times(number), "scrolled": True}
            cell["metadata"].setdefault("jupyter", {})["outputs_hidden"] = False
    saved["metadata"] |= {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": PYTHON,
        "widgets": {WIDGETS: {"state": {_uuid(0).hex: WIDGET}, "version_major": 2, "version_minor": 0}},
    }
    return _text(saved, indent=1, sort_keys=True) + b"\n"


def as_classic_jupyter(notebook: Json) -> bytes:
    """The classic notebook 6 with its extensions: format 4.4 without ids, `ExecuteTime`, a table of contents."""
    saved = _run(notebook, [])
    for cell in saved["cells"]:
        del cell["id"]
        if is_code(cell):
            cell["metadata"]["ExecuteTime"] = {
                "end_time": "2026-05-07T05:07:41.6Z",
                "start_time": "2026-05-07T05:07:41.5Z",
            }
            cell["metadata"]["collapsed"] = True
    saved["metadata"] |= {
        "language_info": PYTHON,
        "toc": {"base_numbering": 1, "nav_menu": {}},
        "varInspector": {"cols": {}},
    }
    return _text(saved | {"nbformat_minor": 4}, indent=1, sort_keys=True) + b"\n"


SAVES: dict[str, Save] = {
    save.__name__.removeprefix("as_"): save
    for save in (
        as_colab, as_colab_from_github, as_vscode, as_older_vscode, as_kaggle, as_kaggle_run, as_jupyterlab, as_classic_jupyter,
    )
}  # fmt: skip


def without_our_metadata(save: Save) -> Save:
    """Return the same save by a program that keeps no metadata but its own: what `grader build` wrote is gone."""

    def plain(notebook: Json) -> bytes:
        bare = copy.deepcopy(notebook)
        bare["metadata"].pop("grader", None)
        for cell in bare["cells"]:
            cell["metadata"] = {}
        return save(bare)

    return plain


def _colab(notebook: Json) -> Json:
    saved = _run(
        notebook, [_code(text, f"aB3dE6gH9j{number}K") for number, text in enumerate((PIP, DRIVE, FORM))]
    )
    saved["cells"][2]["metadata"]["cellView"] = "form"
    for number, cell in enumerate(saved["cells"]):
        cell["metadata"]["id"] = cell["id"]
        if is_code(cell):
            cell["metadata"] |= {
                "colab": {"base_uri": "https://localhost:8080/", "height": 430},
                "outputId": str(_uuid(number)),
                "executionInfo": {
                    "status": "ok",
                    "timestamp": 1767950000000 + number,
                    "user_tz": -60,
                    "elapsed": 512,
                    "user": {"displayName": "A Student", "userId": "01234567890123456789"},
                },
            }
    saved["metadata"] |= {
        "accelerator": "GPU",
        "colab": {"provenance": [], "gpuType": "T4", "toc_visible": True, "collapsed_sections": []},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "widgets": {WIDGETS: {_uuid(0).hex: WIDGET}},  # Colab leaves out the level "state"
    }
    return saved


def _in_colabs_order(saved: Json) -> Json:
    cells = [
        {
            name: cell[name]
            for name in ("cell_type", "source", "metadata", "id", "execution_count", "outputs")
            if name in cell
        }
        for cell in saved["cells"]
    ]
    about = {name: saved[name] for name in ("nbformat", "nbformat_minor", "metadata")}
    return about | {"cells": cells}


def _run(notebook: Json, added: list[Json]) -> Json:
    """Return a copy with `added` before its cells, and with what running all cells leaves."""
    saved = copy.deepcopy(notebook)
    saved["cells"] = added + saved["cells"]
    for number, cell in enumerate(saved["cells"], start=1):
        cell["source"] = source(cell).splitlines(keepends=True)
        if is_code(cell):
            cell["execution_count"] = number
            cell["outputs"] = _outputs(number)
    return saved


def _outputs(number: int) -> list[Json]:
    printed: Json = {"output_type": "stream", "name": "stdout", "text": [f"epoch {number}\n", "0 points\n"]}
    shown = {"text/plain": ["<Figure size 1100x360 with 2 Axes>"], "image/png": PICTURE}
    drawn: Json = {"output_type": "display_data", "data": shown, "metadata": {}}
    value: Json = {
        "output_type": "execute_result",
        "execution_count": number,
        "data": {"text/plain": ["0.5"]},
        "metadata": {},
    }
    return [printed, drawn, value][: number % 4]


def _code(text: str, key: str) -> Json:
    return {
        "cell_type": "code",
        "id": key,
        "metadata": {},
        "source": text,
        "execution_count": None,
        "outputs": [],
    }


def _markdown(text: str) -> Json:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _kaggle() -> Json:
    return {
        "accelerator": "nvidiaTeslaT4",
        "dataSources": [],
        "dockerImageVersionId": 31328,
        "isGpuEnabled": True,
        "isInternetEnabled": False,
        "language": "python",
        "sourceType": "notebook",
    }


def _times(number: int) -> Json:
    return {
        f"iopub.{event}": f"2026-05-07T05:{number % 60:02d}:{seconds}.00Z"
        for event, seconds in (("execute_input", 14), ("status.busy", 14), ("status.idle", 22))
    }


def _uuid(number: int) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, str(number))


def _text(value: Any, *, indent: int | None, sort_keys: bool = False) -> bytes:
    separators = (",", ":") if indent is None else None
    return json.dumps(
        value, indent=indent, separators=separators, sort_keys=sort_keys, ensure_ascii=False
    ).encode()
