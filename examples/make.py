"""Write the example submissions of a task as students hand them in: starter notebooks with a filled slot.

python examples/make.py
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from grader.notebooks.colab_badge import without_badge
from grader.notebooks.reading import tagged
from grader.notebooks.rebuild import rebuild
from grader.task.spec import Task, load_task
from grader.task.starter import load_starter

HERE = Path(__file__).resolve().parent
STRATEGIES = ("class_blind_coteaching", "random_class_balanced")


def examples(task: Task) -> dict[str, dict[str, Any]]:
    """Return every example notebook of `task` by its file's stem."""
    starter = plain(load_starter(task))
    solution = plain(json.loads(task.solution.read_text(encoding="utf-8")))
    found = {"baseline": starter, "solution": solution, "colab_saved": saved_by_colab(solution)}
    for name in STRATEGIES:
        text = (task.folder / "strategies" / f"{name}.py").read_text(encoding="utf-8")
        found[name] = rebuild(
            starter, text.partition("\n")[2].rstrip()
        )  # without the line that says its role
    for slot in sorted((HERE / task.id / "slots").glob("*.py")):
        found[slot.stem] = rebuild(starter, slot.read_text(encoding="utf-8").rstrip())
    return found


def plain(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook without a badge: the examples are the same in every fork."""
    first, *others = notebook["cells"]
    text = without_badge("".join(first["source"])).splitlines(keepends=True)
    return {**notebook, "cells": [{**first, "source": text}, *others]}


def saved_by_colab(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook as Colab writes it, by a student who also made the training longer and the map kinder."""
    saved = copy.deepcopy(notebook)
    saved["nbformat_minor"] = 0
    saved["metadata"] |= {
        "accelerator": "GPU",
        "colab": {"provenance": [], "gpuType": "T4", "toc_visible": True},
    }
    saved["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    for number, cell in enumerate(saved["cells"]):
        cell["metadata"] |= {"id": cell.pop("id"), "outputId": f"{number:012d}"}
        if cell["cell_type"] == "code":
            cell["execution_count"] = number + 1
            cell["metadata"]["executionInfo"] = {
                "status": "ok",
                "user": {"displayName": "A Student", "userId": "0"},
            }
    for cell in tagged(saved, "protected"):
        text = "".join(cell["source"])
        cell["source"] = text.replace("WEIGHT_DECAY = 8,", "WEIGHT_DECAY = 80,").replace(
            "return int(round(", "return 100 + int(round("
        )
    mount = "from google.colab import drive\ndrive.mount('/content/drive')\n!pip install -q torch"
    saved["cells"].insert(
        1,
        {
            "cell_type": "code",
            "metadata": {"id": "aB3dE6gH9jK2"},
            "source": mount,
            "outputs": [],
            "execution_count": 1,
        },
    )
    return saved


def text_of(notebook: dict[str, Any]) -> str:
    """Return the notebook as the text of its file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the examples of every task that has some."""
    for folder in sorted(path.parent for path in HERE.glob("*/slots")):
        for stem, notebook in examples(load_task(folder.name)).items():
            (folder / f"{stem}.ipynb").write_text(text_of(notebook), encoding="utf-8")
            print(folder / f"{stem}.ipynb")


if __name__ == "__main__":
    main()
