"""A notebook that is graded in an older Python than it was written in: said before it is handed in, both versions named."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

import pytest

from grader.lint.notebook import Severity, newer_python
from grader.notebooks.rebuild import rebuild
from grader.notebooks.versions import minor, series

if TYPE_CHECKING:
    from grader.notebooks.reading import Json

HERE = platform.python_version()
MATCHING = (
    "def your_weights(targets, losses):\n    match losses:\n        case _:\n            return losses\n"
)
PLAIN = "def your_weights(targets, losses):\n    return losses\n"


def notebook_of(starter: Json, slot: str, ran: str = "") -> bytes:
    notebook = json.loads(json.dumps(rebuild(starter, slot)))
    if ran:
        notebook["metadata"]["language_info"]["version"] = ran
    return json.dumps(notebook).encode()


@pytest.mark.parametrize(("ran", "notes"), [("3.99.1", 1), (HERE, 0), ("3.6.9", 0), ("", 0)])
def test_a_notebook_that_ran_a_newer_python_gets_a_note_with_both_versions(
    starter: Json, ran: str, notes: int
) -> None:
    found = newer_python(notebook_of(starter, PLAIN, ran), starter, HERE)
    assert [(one.severity, one.kind) for one in found] == [(Severity.NOTE, "python")] * notes
    for one in found:
        assert one.text.startswith(
            f"your notebook ran Python {series(ran)}, and it is graded in Python {series(HERE)}: "
        )


def test_a_check_in_a_newer_python_than_the_one_that_grades_says_so(starter: Json) -> None:
    (found,) = newer_python(notebook_of(starter, PLAIN), starter, "3.8.1")
    assert found.text.startswith(f"this check runs Python {series(HERE)}, and it is graded in Python 3.8: ")


def test_grammar_that_the_grading_python_lacks_is_an_error_at_its_line(starter: Json) -> None:
    *_, found = newer_python(notebook_of(starter, MATCHING), starter, "3.8.1")
    assert (found.severity, found.kind) == (Severity.ERROR, "syntax")
    assert found.source == MATCHING.split("\n")[found.line - 1]  # the line at which its parser notices
    assert found.text.startswith("this is not valid in Python 3.8, in which it is graded: ")
    assert newer_python(notebook_of(starter, MATCHING), starter, HERE) == []


@pytest.mark.parametrize(
    "data", [b"no notebook", b'{"cells": [], "metadata": {}, "nbformat": 4}'], ids=["bytes", "no slot"]
)
def test_what_cannot_be_read_is_left_to_the_other_diagnostics(starter: Json, data: bytes) -> None:
    assert newer_python(data, starter, HERE) == []


def test_what_is_no_python_here_either_is_reported_once(starter: Json) -> None:
    found = newer_python(notebook_of(starter, "def your_weights(targets, losses:\n"), starter, "3.8.1")
    assert [one.kind for one in found] == ["python"]


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("3.11.7", (3, 11)), ("3.13", (3, 13)), ("4", (4, 0)), ("3.14.0rc1", (3, 14)), ("", (0, 0))],
)
def test_two_numbers_of_a_version_decide(version: str, numbers: tuple[int, int]) -> None:
    assert minor(version) == numbers
