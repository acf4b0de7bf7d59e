"""A program of several cells: what belongs to it, in which order, and what is refused with a sentence."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from grader.errors import StudentFault, Verdict
from grader.grading.parsed import parse
from grader.lint.notebook import diagnose
from grader.notebooks.slot import find_slot
from grader.notebooks.whole_program import given_names, joined_cells
from grader.submissions.collect import Submission

if TYPE_CHECKING:
    from grader.notebooks.reading import Json


def cell(key: str, text: str, *tags: str, kind: str = "code") -> Json:
    about: dict[str, Any] = {"tags": [*tags], "grader": {"cell": key, "task": "mine"}}
    made: Json = {"cell_type": kind, "id": key, "metadata": about, "source": text}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


STARTER: Json = {
    "cells": [
        cell("mine-1", "# Title", "protected", kind="markdown"),
        cell("mine-2", "train, test = load()", "protected"),
        cell("mine-3", "import math", "protected", "slot-imports"),
        cell("mine-4", "predictions = [0 for _ in test]", "slot"),
        cell("mine-5", "save(solve(train=train, test=test))", "protected"),
    ],
    "metadata": {"grader": {"entries": ["solve"], "task": "mine", "version": "1", "form": "notebook"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def with_cells(*texts: str, below: str = "") -> Json:
    """Return the starter with these cells in place of its slot, of which the first has its identity, and one `below` all."""
    notebook = copy.deepcopy(STARTER)
    own = [cell("mine-4", texts[0], "slot"), *({**cell("x", text), "metadata": {}} for text in texts[1:])]
    notebook["cells"][3:4] = own
    if below:
        notebook["cells"].append({**cell("y", below), "metadata": {}})
    return notebook


def parsed(notebook: Json) -> Any:
    return parse(Submission("one.ipynb", "one", json.dumps(notebook).encode()), STARTER)


def test_the_cells_down_to_the_next_protected_one_are_joined_in_order() -> None:
    notebook = with_cells("a = 1", "b = a + 1", "predictions = b", below="predictions = 7")
    assert parsed(notebook).slot == "a = 1\n\nb = a + 1\n\npredictions = b"


def test_text_between_the_cells_is_no_program() -> None:
    notebook = with_cells("a = 1", "predictions = a")
    notebook["cells"].insert(4, cell("z", "predictions = 3", kind="markdown"))
    assert find_slot(notebook, STARTER) == "a = 1\n\npredictions = a"


def test_a_changed_protected_cell_still_ends_the_program() -> None:
    notebook = with_cells("predictions = 1")
    notebook["cells"][-1]["source"] = "save([1, 0, 1])"
    assert find_slot(notebook, STARTER) == "predictions = 1"


def test_a_protected_cell_is_recognised_by_its_text_where_all_identities_are_lost() -> None:
    notebook = with_cells("predictions = 1", "more = 2")
    for each in notebook["cells"]:
        each["metadata"], each["id"] = {}, f"new-{each['source'][:3]}"
    assert find_slot(notebook, STARTER) == "predictions = 1\n\nmore = 2"


def test_a_notebook_without_a_cell_of_the_students_says_so() -> None:
    notebook = copy.deepcopy(STARTER)
    del notebook["cells"][3]
    fault = parsed(notebook).fault
    assert (fault.verdict, str(fault.message)) == (
        Verdict.SLOT_MISSING,
        "There is no code cell of yours between the protected cells: that is your program.",
    )


@pytest.mark.parametrize("line", ["%matplotlib inline", "!pip install torch", "%%time\nx = 1", "?print"])
def test_a_command_of_ipython_is_refused_with_its_line(line: str) -> None:
    fault = parsed(with_cells("a = 1", f"{line}\npredictions = a")).fault
    assert isinstance(fault, StudentFault)
    assert fault.verdict is Verdict.SLOT_ERROR
    assert f"a command of IPython, {line.splitlines()[0]}; your cells run as plain Python" in fault.message


def test_a_percent_sign_within_python_is_no_command() -> None:
    assert parsed(with_cells("a = (7\n    % 4)\npredictions = a")).fault is None


def test_names_that_the_program_is_given_are_known_and_others_are_reported_in_their_cell() -> None:
    assert given_names(STARTER) == {"train", "test"}
    notebook = with_cells("a = len(train)", "b = 1\npredictions = [a] * len(test) + [missing]")
    (found,) = [one for one in diagnose(json.dumps(notebook).encode(), STARTER) if one.kind == "undefined"]
    assert (found.cell, found.line, found.text) == (5, 2, "nothing defines `missing`")


def test_a_line_of_the_joined_text_is_found_in_its_cell() -> None:
    program = joined_cells(with_cells("a = 1\nb = 2", "c = 3\n", "d = 4"), STARTER, 4)
    lines = program.text.split("\n")
    assert [program.locate(number) for number, line in enumerate(lines, 1) if line] == [
        (4, 1), (4, 2), (5, 1), (6, 1),
    ]  # fmt: skip
