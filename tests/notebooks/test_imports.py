"""What may be imported ahead of a trainer is what its protected cells import at their top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.notebooks.imports import imported_modules

if TYPE_CHECKING:
    from grader.notebooks.reading import Json


def notebook(*cells: tuple[str, list[str]]) -> Json:
    return {
        "cells": [
            {"cell_type": "code", "source": source, "metadata": {"tags": tags}} for source, tags in cells
        ]
    }


def test_modules_have_their_full_names_and_only_those_of_the_packages_count() -> None:
    read = notebook(
        ("import json, numpy as np\nfrom torch import nn\nimport torch.nn.functional as F", ["protected"]),
        ("%matplotlib inline\nimport matplotlib.pyplot as plt\nfrom . import near", []),
    )
    packages = {"numpy", "torch", "matplotlib", "near"}
    assert imported_modules(read, packages) == {"numpy", "torch", "torch.nn.functional", "matplotlib.pyplot"}


def test_imports_of_the_slot_of_functions_of_branches_and_of_broken_cells_do_not_count() -> None:
    read = notebook(
        ("import torch", ["slot"]),
        ("def later():\n    import torch\n\nif False:\n    import torch", ["protected"]),
        ("import torch\n)", ["protected"]),
    )
    assert imported_modules(read, {"torch"}) == set()
