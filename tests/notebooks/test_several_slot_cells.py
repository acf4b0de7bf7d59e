"""A notebook with several slots: found, joined, split and put in again, each under its own name."""

from __future__ import annotations

import copy
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from conftest import TOY_TASK
from hypothesis import given
from hypothesis import strategies as st
from spoiling import as_slots

from grader.errors import StudentFault, UsageError, Verdict
from grader.lint.notebook import diagnose
from grader.lint.task.entries import check_entries
from grader.lint.task.final_mode import check_names
from grader.lint.task.in_step import check_only_slot_differs
from grader.lint.task.notebooks import read_subject
from grader.notebooks.changes import changed_cells
from grader.notebooks.reading import Json, read_notebook, source
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot, refuse_renamed, slot_numbers
from grader.notebooks.slots import is_slot, join, lines_above, slot_cells, split
from grader.report.highlight import FAILED, code_lines, marks_of
from grader.task.build import write
from grader.task.spec import Task, read_task
from grader.task.starter import load_starter
from grader.trainer.syntax import syntax_fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEIGHTS = (
    "def your_weights(targets, losses):\n    return losses * 0 + helper()\ndef helper():\n    return 1\n"
)
MEMORY = "def your_memory(parameters):\n    return helper()\n"


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("clone") / "tasks" / "toy_task"
    shutil.copytree(TOY_TASK, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return as_slots(folder)


@pytest.fixture(scope="module")
def two(task: Task) -> Json:
    """The starter of a task with the slots `weights` and `memory`."""
    return load_starter(task)


def filled(two: Json, weights: str = WEIGHTS, memory: str = MEMORY) -> Json:
    return rebuild(two, join(slot_cells(two), [weights, memory]))


def refusal(notebook: Json, two: Json) -> str:
    with pytest.raises(StudentFault) as caught:
        refuse_renamed(notebook, slot_numbers(notebook, two), two)
    assert caught.value.verdict is Verdict.SLOT_MISSING
    return caught.value.message


texts = st.one_of(
    st.text(max_size=80).map(lambda text: text.replace("\r", "\n")),
    st.just("x = 1\n# %% slot:memory, 3 lines\n# %% slot:weights\n"),
)


@given(weights=texts, memory=texts)
def test_what_is_joined_is_split_again_whatever_the_texts_look_like(
    two: Json, weights: str, memory: str
) -> None:
    slots = slot_cells(two)
    program = join(slots, [weights, memory])
    assert split(slots, program) == [weights, memory]
    assert find_slot(read_notebook(json.dumps(rebuild(two, program)).encode()), two) == program


def test_an_author_names_only_the_slots_that_a_program_changes(two: Json) -> None:
    slots = slot_cells(two)
    assert split(slots, f"# trick: one slot\n# %% slot:memory\n{MEMORY}") == [slots[0].source, MEMORY]
    both = f"# trick: a part above\nx = 1\n\n# %% slot:memory\n{MEMORY}# %% slot:weights\n{WEIGHTS}"
    assert split(slots, both) == [f"# trick: a part above\nx = 1\n\n{WEIGHTS}", MEMORY.removesuffix("\n")]


def without_keys(cell: Json, number: int) -> None:
    cell.update(id=f"other-{number}", metadata={})


def colab_only(cell: Json, _: int) -> None:
    cell.update(metadata={"id": cell.pop("id")})


@pytest.mark.parametrize("change", [without_keys, colab_only], ids=["by its entries", "by the id of Colab"])
def test_each_slot_is_found_by_its_own_identity(two: Json, change: Callable[[Json, int], None]) -> None:
    notebook = filled(two)
    for number, cell in enumerate(notebook["cells"]):
        change(cell, number)
    notebook["cells"].reverse()
    assert split(slot_cells(two), find_slot(notebook, two)) == [WEIGHTS, MEMORY]
    assert rebuild(two, find_slot(notebook, two)) == filled(two)


def test_a_slot_that_is_missing_is_named(two: Json) -> None:
    notebook = filled(two)
    notebook["cells"] = [cell for cell in notebook["cells"] if "your_memory(parameters)" not in source(cell)]
    assert refusal(notebook, two).startswith("The slot memory is missing or ambiguous. None of the ")
    renamed = filled(two, memory=MEMORY.replace("your_memory", "your_memroy"))
    assert refusal(renamed, two).endswith("does not define your_memory; rename your_memroy to your_memory.")


def test_an_entry_in_the_cell_of_another_slot_is_refused_with_both_names(two: Json) -> None:
    emptied = filled(two, WEIGHTS + MEMORY, "")
    assert "The slot memory" in refusal(emptied, two)
    assert "the cell of weights. Put it into a cell of its own." in refusal(emptied, two)
    untouched = filled(two, WEIGHTS + MEMORY, slot_cells(two)[1].source)
    assert "your_memory is defined in more than one cell" in refusal(untouched, two)


def test_the_other_slots_are_no_protected_cells(two: Json) -> None:
    assert changed_cells(filled(two), two) == []
    assert sum(map(is_slot, two["cells"])) == 2


def test_names_of_another_slot_of_the_same_process_are_known(two: Json) -> None:
    assert diagnose(json.dumps(filled(two)).encode(), two) == []
    staged = copy.deepcopy(two)
    for number, slot in enumerate(slot_cells(staged)):
        slot.cell["metadata"]["grader"]["stages"] = [number]
    (diagnostic,) = diagnose(json.dumps(filled(staged)).encode(), staged)
    assert diagnostic.text.startswith("`helper` is defined in another cell")
    assert diagnostic.cell == slot_numbers(staged, staged)[1]


def test_a_syntax_error_names_its_cell_and_the_line_in_it(two: Json) -> None:
    program = join(slot_cells(two), [WEIGHTS, "x = 1\ndef your_memory(:\n"])
    fault = syntax_fault(program, two)
    assert fault is not None
    assert "your solution (memory), line 2" in fault.traceback
    lines = code_lines(program, marks_of(fault.traceback, program))
    (failed,) = [line for line in lines if line.mark == FAILED]
    assert failed.number == 2
    assert "".join(text for _, text in failed.pieces) == "def your_memory(:"
    assert [line.number for line in lines][:3] == [0, 1, 2], "the line with the name has no number"
    assert lines_above(program) == {"weights": 1, "memory": 7}


def test_a_task_with_two_slots_passes_the_checks_of_its_notebooks(task: Task) -> None:
    subject = read_subject(task)
    for check in (check_entries, check_names, check_only_slot_differs):
        assert check(subject).ok, check(subject).detail


SPOILT = {
    "one slot": ('memory = ["your_memory"]\n', "", "slots: one slot needs no table"),
    "an entry of none": ('["your_memory"]\n\n', '["other"]\n\n', "belongs to exactly one slot"),
    "a name of a slot": ("memory = [", '"My slot" = [', "'My slot' must be lower-case letters"),
    "no entries": ('memory = ["your_memory"]', "memory = []", "slots: memory has no entries"),
}


@pytest.mark.parametrize(("old", "new", "message"), SPOILT.values(), ids=SPOILT.keys())
def test_a_wrong_table_of_slots_is_refused(own_toy: Path, old: str, new: str, message: str) -> None:
    toml = as_slots(own_toy).folder / "task.toml"
    text = toml.read_text(encoding="utf-8")
    assert old in text
    toml.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        read_task(own_toy)


MORE = """# %% tags=["slot:more"]
### BEGIN SOLUTION
### END SOLUTION
### BEGIN BASELINE
### END BASELINE
"""
OTHER_CELLS = {
    "no cell": ('tags=["slot:memory"]', "", "exactly one code cell tagged 'slot:memory', not 0"),
    "a slot of no table": (
        "# ## Evaluation",
        f"# ## More\n\n{MORE}\n# %% [markdown]\n# ## Evaluation",
        "no such slot",
    ),
    "an entry of the other": ("def your_memory(p", "your_weights = 1\ndef your_memory(p", "its own slot may"),
    "no entry": ("def your_memory(p", "def my_memory(p", r"slot .*\(cell \d+\) does not define your_memory"),
}


@pytest.mark.parametrize(("old", "new", "message"), OTHER_CELLS.values(), ids=OTHER_CELLS.keys())
def test_cells_that_do_not_fit_the_table_of_slots_are_refused(
    own_toy: Path, old: str, new: str, message: str
) -> None:
    task = as_slots(own_toy)
    path = own_toy / "notebook.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        write(task)
