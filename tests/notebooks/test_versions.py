"""A notebook that ran a newer Python than grades it: the failure names both versions, where it may come from that."""

from __future__ import annotations

import json
import platform
import sys
from typing import TYPE_CHECKING

import pytest

from grader.grading.parsed import parse
from grader.lint.notebook import diagnose
from grader.notebooks.reading import python_version
from grader.notebooks.rebuild import rebuild
from grader.notebooks.versions import is_newer, version_hint
from grader.submissions.collect import Submission
from grader.trainer.syntax import syntax_fault

if TYPE_CHECKING:
    from grader.notebooks.reading import Json

# What a Python allows, and those before it do not: the version, and a line of it.
NEWER_SYNTAX = {
    "the same quotes inside an f-string": ((3, 12), "print(f'{'a'}')"),
    "a line break inside an f-string": ((3, 12), "print(f'{1 +\n1}')"),
    "a backslash inside an f-string": ((3, 12), "print(f'{\"\\n\".join([])}')"),
    "a type statement": ((3, 12), "type Weights = list[float]"),
    "type parameters": ((3, 12), "def first[T](values: list[T]) -> T:\n    return values[0]"),
    "default type parameters": ((3, 13), "def first[T = int](values: list[T]) -> T:\n    return values[0]"),
    "two exceptions without parentheses": ((3, 14), "try:\n    pass\nexcept ValueError, KeyError:\n    pass"),
    "a template string": ((3, 14), "text = t'{1}'"),
}
SLOT = "def your_weights(targets, losses):\n    return losses\n"
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


@pytest.mark.parametrize(("since", "line"), NEWER_SYNTAX.values(), ids=NEWER_SYNTAX.keys())
def test_a_program_of_a_newer_python_is_refused_with_both_versions_beforehand_and_when_graded(
    since: tuple[int, int], line: str, starter: Json
) -> None:
    if sys.version_info >= since:
        pytest.skip("this Python takes it")
    theirs = f"{since[0]}.{since[1]}.2"
    notebook = rebuild(starter, f"{line}\n{SLOT}")
    notebook["metadata"] = {**notebook["metadata"], "language_info": {"name": "python", "version": theirs}}
    (diagnostic,) = diagnose(json.dumps(notebook).encode(), starter)
    parsed = parse(Submission("n.ipynb", "n", json.dumps(notebook).encode()), starter)
    fault = syntax_fault(parsed.slot, starter)
    assert fault is not None
    graded = fault.message + version_hint(fault.message, parsed.python)
    for sentence in (diagnostic.text, graded):
        assert f"Your notebook ran Python {theirs}, and this is Python {OURS}" in sentence
    assert "run the cell in your notebook" not in diagnostic.help, "there it runs"


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("f raised ImportError: cannot import name 'batched' from 'itertools' (unknown location)", True),
        ("f raised AttributeError: module 'itertools' has no attribute 'batched'", True),
        ("f raised AttributeError: module 'os.path' has no attribute 'isreserved'", True),
        ("f raised ImportError: cannot import name 'batched' from 'torch.utils'", False),
        ("f raised AttributeError: 'list' object has no attribute 'shape'", False),
    ],
    ids=["an import", "an attribute", "a module in a module", "another library", "an object"],
)
def test_where_the_version_is_unknown_as_in_colab_what_python_lacks_names_ours(
    message: str, hint: bool
) -> None:
    assert version_hint(message, "") == (f" (this is Python {OURS})" if hint else "")
    assert version_hint(message, OURS) == ""


def test_colab_saves_no_version_so_the_check_names_that_possibility(starter: Json) -> None:
    notebook = rebuild(starter, f"print(f'{{'a'}}'\n{SLOT}")
    notebook["metadata"] = {**notebook["metadata"], "language_info": {"name": "python"}}
    (diagnostic,) = diagnose(json.dumps(notebook).encode(), starter)
    assert OURS in diagnostic.text
    assert "if it works there, your notebook runs a newer Python" in diagnostic.help


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
