"""Rule 7: rebuilding ignores everything but the slot, and is idempotent. The laws, with hypothesis."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from fuzzing import json_values
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import GraderFault, UsageError
from grader.notebooks.changes import changed_cells
from grader.notebooks.reading import read_notebook
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot
from grader.notebooks.slots import slot_cells
from grader.task.spec import Task, read_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from grader.notebooks.reading import Json

SLOT = "def your_weights(targets, losses):\n    return losses * 0 + 1\n"

any_text = st.text(max_size=200).map(lambda text: text.replace("\r", "\n"))
other_cells = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown", "raw"]),
        "metadata": st.dictionaries(st.sampled_from(["tags", "grader", "id", "x"]), json_values, max_size=3),
        "source": any_text.filter(lambda text: "your_weights" not in text),
        "id": st.text(max_size=8),
    }
)


def through_a_file(notebook: Json) -> Json:
    return read_notebook(json.dumps(notebook).encode())


@given(text=any_text)
def test_what_is_filled_in_is_extracted_again(starter: Json, text: str) -> None:
    assert find_slot(through_a_file(rebuild(starter, text)), starter) == text


@given(text=any_text)
def test_rebuilding_is_idempotent(starter: Json, text: str) -> None:
    once = rebuild(starter, text)
    assert rebuild(once, find_slot(once, starter)) == once


@given(more=st.lists(other_cells, max_size=5), seed=st.integers(), notebook_metadata=json_values)
def test_rebuilding_ignores_everything_but_the_slot(
    starter: Json, more: list[Json], seed: int, notebook_metadata: Any
) -> None:
    rng = random.Random(seed)
    sent = rebuild(starter, SLOT)
    for cell in sent["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "points: 100"}]
            cell["execution_count"] = rng.randrange(99)
            if cell is not slot_cells(sent)[0].cell:
                cell["source"] = "performance = lambda *args: 100"
    sent["cells"] = [
        cell for cell in sent["cells"] if cell is slot_cells(sent)[0].cell or rng.random() < 0.5
    ] + more
    rng.shuffle(sent["cells"])
    sent["metadata"] = {"x": notebook_metadata}
    assert rebuild(starter, find_slot(through_a_file(sent), starter)) == rebuild(starter, SLOT)


def test_outputs_of_the_starter_are_not_copied(starter: Json) -> None:
    run = rebuild(starter, SLOT)
    for cell in run["cells"]:
        if cell["cell_type"] == "code":
            cell |= {
                "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}],
                "execution_count": 3,
            }
    assert rebuild(run, SLOT) == rebuild(starter, SLOT)


def test_rebuilding_leaves_the_starter_as_it_was(starter: Json) -> None:
    before = copy.deepcopy(starter)
    rebuilt = rebuild(starter, SLOT)
    rebuilt["cells"][0]["metadata"]["tags"].append("changed")
    assert starter == before


def test_a_starter_that_was_not_built_is_a_usage_error(own_toy: Path) -> None:
    with pytest.raises(
        UsageError, match="starter notebook of toy_task is missing; run: grader build toy_task"
    ):
        load_starter(read_task(own_toy))


def test_a_damaged_starter_is_our_fault_and_not_a_students(own_toy: Path) -> None:
    task = read_task(own_toy)
    task.starter.parent.mkdir()
    task.starter.write_text("{}", encoding="utf-8")
    with pytest.raises(GraderFault, match="starter notebook of toy_task is damaged"):
        load_starter(task)


def test_the_starter_is_its_own_submission(toy_task: Task, starter: Json) -> None:
    sent = read_notebook(toy_task.starter.read_bytes())
    assert rebuild(starter, find_slot(sent, starter)) == rebuild(starter, find_slot(starter, starter))
    assert changed_cells(sent, starter) == []
