"""Rule 7: rebuilding ignores everything but the slot, and is idempotent. The laws, with hypothesis."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.cells import changed_cells, find_slot, names_defined_elsewhere, read_notebook, slot_cell
from grader.errors import GraderFault, StudentFault, UsageError
from grader.rebuild import load_starter, rebuild
from grader.task import Task, read_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.notebook import Json

SLOT = "def your_weights(targets, losses):\n    return losses * 0 + 1\n"

any_text = st.text(max_size=200).map(lambda text: text.replace("\r", "\n"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
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
            if cell is not slot_cell(sent):
                cell["source"] = "performance = lambda *args: 100"
    sent["cells"] = [cell for cell in sent["cells"] if cell is slot_cell(sent) or rng.random() < 0.5] + more
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


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in inner for place in places(child, (*path, key)))]


@given(data=st.data(), value=json_values)
def test_any_mutation_of_a_notebook_is_read_or_is_the_students_fault(
    starter: Json, data: st.DataObject, value: Any
) -> None:
    sent = rebuild(starter, SLOT)
    *way, last = data.draw(st.sampled_from(places(sent)[1:]))
    place: Any = sent
    for key in way:
        place = place[key]
    place[last] = value
    survives(json.dumps(sent).encode(), starter)


@given(data=st.data())
def test_any_damage_to_the_bytes_is_read_or_is_the_students_fault(starter: Json, data: st.DataObject) -> None:
    whole = json.dumps(rebuild(starter, SLOT)).encode()
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(len(whole), start + 400)))
    survives(whole[:start] + data.draw(st.binary(max_size=20)) + whole[stop:], starter)


@given(value=json_values)
def test_any_json_is_read_or_is_the_students_fault(starter: Json, value: Any) -> None:
    survives(json.dumps(value).encode(), starter)
    survives(json.dumps({"nbformat": 4, "cells": value}).encode(), starter)


def survives(data: bytes, starter: Json) -> None:
    """Take the whole way of a submission up to its rebuilding; only StudentFault may end it."""
    try:
        notebook = read_notebook(data)
        changed = changed_cells(notebook, starter)
        found = find_slot(notebook, starter)
    except StudentFault as fault:
        message = fault.message
    else:
        names_defined_elsewhere(notebook, found)
        json.dumps([rebuild(starter, found), changed], ensure_ascii=False).encode("utf-8")
        return
    assert message.endswith(".")
    assert message.isprintable()


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
