"""The submissions that ship with the repository are what their script makes, and show one of each kind."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.task.spec import load_task

if TYPE_CHECKING:
    from types import ModuleType

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples_make", REPOSITORY / "examples" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_notebooks_are_in_step_with_their_script(make: ModuleType) -> None:
    folder = REPOSITORY / "examples" / "noisy_labels"
    made = make.examples(load_task("noisy_labels"))
    assert {path.stem for path in folder.glob("*.ipynb")} == set(made)
    for stem, notebook in made.items():
        assert (folder / f"{stem}.ipynb").read_text(encoding="utf-8") == make.text_of(notebook), stem


def test_the_colab_copy_has_changed_protected_cells_and_no_cell_ids(make: ModuleType) -> None:
    from grader.notebooks.changes import changed_cells
    from grader.notebooks.slot import find_slot
    from grader.task.starter import load_starter

    task = load_task("noisy_labels")
    starter = load_starter(task)
    made = make.examples(task)
    saved = made["colab_saved"]
    assert not [cell for cell in saved["cells"] if "id" in cell]
    assert changed_cells(saved, starter)
    assert find_slot(saved, starter) == find_slot(made["solution"], starter)
