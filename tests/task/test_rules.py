"""The outline that every notebook keeps: what an author may get wrong, and the line that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.errors import UsageError
from grader.task.build import build
from grader.task.spec import read_task

if TYPE_CHECKING:
    from pathlib import Path

PARAMETERS_CELL = '# %% tags=["parameters"]\n'
SLOT_CELL = '# %% tags=["slot"]\n'

MISTAKES: dict[str, tuple[str, str, str]] = {
    "no parameters cell": (PARAMETERS_CELL, "# %%\n", "exactly one code cell tagged 'parameters', not 0"),
    "two parameters cells": (
        SLOT_CELL,
        PARAMETERS_CELL + "OTHER = 1\n\n" + SLOT_CELL,
        "exactly one code cell tagged 'parameters', not 2",
    ),
    "the flag is True": ("MODE = False", "MODE = True", "must hold FINAL_EVALUATION_MODE = False"),
    "the flag is a text": ("MODE = False", 'MODE = "no"', "must set FINAL_EVALUATION_MODE to a literal bool"),
    "no seed": ("SEED = 0", "", "must set SEED to a literal int"),
    "a computed path": ('"predictions.npz"', 'str("p")', "must set PREDICTIONS_PATH to a literal str"),
    "a magic among the parameters": ("SEED = 0", "SEED = 0\n# %time", "must be plain Python"),
    "a parameter set twice": ("from torch import nn", "from torch import nn\nSEED = 1", "sets SEED again"),
    "no slot": (SLOT_CELL, "# %%\n", "exactly one code cell tagged 'slot', not 0"),
    "no imports": ('tags=["slot-imports"]', "", "there must be a code cell tagged 'slot-imports'"),
    "imports after the slot": (
        "model, history = train(your_weights)",
        'model, history = train(your_weights)\n\n# %% tags=["slot-imports"]\nimport math',
        "comes after the slot, but would be run before it",
    ),
    "two data cells": (
        SLOT_CELL,
        '# %% tags=["data"]\nx = 1\n\n' + SLOT_CELL,
        "only one code cell tagged 'data'",
    ),
    "an unknown placeholder": ("{{ score.floor }} and below", "{{ score.flor }}", "no 'score.flor'"),
    "a table as a value": ("{{ score.floor }} and below", "{{ score }}", "'score' is a table"),
    "data.py in the wrong cell": ('# %% tags=["data"]', "# %%", "task.toml has no 'data.py'"),
    "the slot lacks the entry": ("def your_weights(", "def your_wheights(", "does not define your_weights"),
    "another cell defines the entry": (
        "model, history = train(your_weights)",
        "your_weights = 1\nmodel, history = train(your_weights)",
        "Evaluation (cell 24) defines your_weights, which only the slot may",
    ),
    "no solution": ("    ### END SOLUTION\n", "", "### BEGIN BASELINE in the wrong place"),
    "no baseline": ("    ### END BASELINE\n", "", "needs a SOLUTION and a BASELINE block"),
    "an end without a begin": ("    ### BEGIN SOLUTION\n", "", "### END SOLUTION in the wrong place"),
    "a baseline that is code": ("    # return torch", "    return torch", "not commented out: return torch"),
    "a marker outside of the slot": (
        "model, history = train(your_weights)",
        "### BEGIN SOLUTION\nmodel, history = train(your_weights)",
        "Evaluation (cell 24) has a SOLUTION or BASELINE marker",
    ),
    "a cell that is no Python": (
        "model, history = train(",
        "model, history = = train(",
        "Evaluation (cell 24): invalid syntax",
    ),
    "a baseline that is no Python": ("# return torch.ones(", "# return torch.ones((", "was never closed"),
    "a cell magic": (
        "model, history = train(",
        "%%time\nmodel, history = train(",
        "Evaluation (cell 24) starts with a cell magic",
    ),
}


@pytest.mark.parametrize(("old", "new", "says"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_of_the_author_is_one_line_that_names_it(
    own_toy: Path, old: str, new: str, says: str
) -> None:
    path = own_toy / "notebook.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        build(read_task(own_toy))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


DATA_MISTAKES = {
    "a main block": ("\nif __name__ == '__main__':\n    print(1)\n", "__name__ in line"),
    "its own path": ("\nHERE = Path(__file__)\n", "__file__ in line"),
    "no Python": ("\ndef broken(:\n", "invalid syntax in line"),
    "a parameter's name": ("\nSEED = 5\n", "How the data are made (cell 10) sets SEED again"),
}


@pytest.mark.parametrize(("added", "says"), DATA_MISTAKES.values(), ids=DATA_MISTAKES.keys())
def test_a_data_py_that_would_not_work_in_a_notebook_is_refused(own_toy: Path, added: str, says: str) -> None:
    path = own_toy / "data.py"
    path.write_text(path.read_text(encoding="utf-8") + added, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        build(read_task(own_toy))
    assert says in str(caught.value)


def test_a_folder_whose_name_makes_no_cell_ids_is_refused(own_toy: Path) -> None:
    folder = own_toy.rename(own_toy.with_name("toy task"))
    with pytest.raises(UsageError, match="'toy task' may only have letters"):
        build(read_task(folder))


def test_parameters_may_be_annotated(own_toy: Path) -> None:
    path = own_toy / "notebook.py"
    text = path.read_text(encoding="utf-8")
    annotated = text.replace("MODE = False", "MODE: bool = False").replace("SEED = 0", "SEED: int = 0")
    path.write_text(annotated, encoding="utf-8")
    assert "FINAL_EVALUATION_MODE: bool = False" in build(read_task(own_toy)).starter
