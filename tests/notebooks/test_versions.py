"""A notebook that ran a newer Python than grades it: the failure names both versions, where it may come from that."""

from __future__ import annotations

import platform

import pytest

from grader.notebooks.reading import python_version
from grader.notebooks.versions import is_newer, version_hint

OURS = platform.python_version()
SYNTAX = "your solution cell raised SyntaxError: f-string: unmatched '['"


@pytest.mark.parametrize(
    "message",
    [
        SYNTAX,
        "your_weights raised ImportError: cannot import name 'batched' from 'itertools'",
        "your_weights raised ModuleNotFoundError: No module named 'compression'",
        "your_weights raised AttributeError: module 'itertools' has no attribute 'batched'",
        "your_weights raised TypeError: zip() takes no keyword argument 'strictly'",
        "your solution cell raised NameError: name 'PythonFinalizationError' is not defined",
    ],
)
def test_what_a_newer_python_added_is_named_with_both_versions(message: str) -> None:
    hint = version_hint(message, "3.99.1")
    assert "3.99.1" in hint
    assert OURS in hint


@pytest.mark.parametrize("theirs", ["", "3.9.18", OURS], ids=["unknown", "older", "the same"])
def test_only_a_syntax_error_names_our_version_elsewhere(theirs: str) -> None:
    assert version_hint(SYNTAX, theirs) == f" (this is Python {OURS})"
    assert version_hint("your_weights raised AttributeError: no attribute 'x'", theirs) == ""


def test_a_failure_of_the_program_alone_names_no_version() -> None:
    assert version_hint("your_weights raised IndexError: list index out of range", "3.99.1") == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("3.12.4", "3.12.4"),
        ("3.13.0rc2", "3.13.0rc2"),
        ("3.12", "3.12"),
        ("<b>3.12</b>", ""),
        ("3." + "9" * 50, ""),
        (3.12, ""),
        (None, ""),
    ],
)
def test_the_version_of_a_notebook_is_a_version_or_nothing(written: object, read: str) -> None:
    assert python_version({"metadata": {"language_info": {"name": "python", "version": written}}}) == read


@pytest.mark.parametrize("metadata", [{}, {"language_info": None}, {"language_info": []}, None])
def test_a_notebook_without_a_version_has_none(metadata: object) -> None:
    assert python_version({"metadata": metadata}) == ""


def test_versions_are_compared_as_numbers() -> None:
    assert is_newer("3.100.0")
    assert not is_newer("3.2.0")
    assert not is_newer("")
