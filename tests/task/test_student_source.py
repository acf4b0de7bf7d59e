"""What students get of data.py: what they call and what that needs, and never what makes hidden data."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from grader.errors import UsageError
from grader.task.source import data_source
from grader.task.spec import discover, load_task
from grader.task.student_source import student_source

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

TASKS = discover()
HEAD = "def make_data(public, inputs, answers, seed, source='embedded', *, size='default'):\n"
BRANCHES = {
    "an if for each folder": (
        "    if public is not None:\n        write(public)\n"
        "    if inputs is not None:\n        write_hidden(inputs)\n"
        "    if answers is not None:\n        write_hidden(answers)\n    return {}\n"
    ),
    "an early return": (
        "    write(public)\n    if inputs is None and answers is None:\n        return {}\n"
        "    write_hidden(inputs)\n    write_hidden(answers)\n    return {}\n"
    ),
    "one if for both": (
        "    write(public)\n    if inputs is not None or answers is not None:\n"
        "        write_hidden(inputs, answers)\n    return {}\n"
    ),
    "a negated test": (
        "    write(public)\n    if not (inputs is None and answers is None):\n"
        "        write_hidden(inputs, answers)\n    return {}\n"
    ),
}
ELSEWHERE = "    if source == 'embedded':\n        write(public)\n    if source != 'embedded':\n        write_hidden(source)\n    return {}\n"
REST = "\n\ndef write(folder):\n    return PUBLIC\n\n\n# The answers.\ndef write_hidden(*folders):\n    return SECRET\n"


def test_the_branch_for_another_source_is_cut_out_too() -> None:
    shown = student_source(f"PUBLIC = 0\n{HEAD}{ELSEWHERE}{REST}", ["make_data"])
    assert "hidden" not in shown
    assert "write(public)" in shown


@pytest.mark.parametrize("body", BRANCHES.values(), ids=BRANCHES.keys())
@pytest.mark.parametrize(
    "constants", ["PUBLIC, SECRET = range(2)\n", "PUBLIC = 0\nSECRET = 1\n"], ids=["tuple", "lines"]
)
def test_the_branch_that_makes_hidden_data_is_cut_out_with_all_that_only_it_needs(
    body: str, constants: str
) -> None:
    shown = student_source(f"{constants}\n\n{HEAD}{body}{REST}", ["make_data"])
    assert "hidden" not in shown
    assert "SECRET" not in shown
    assert "# The answers." not in shown
    namespace: dict[str, object] = {}
    exec(shown, namespace)
    assert namespace["PUBLIC"] == 0
    assert namespace["make_data"]("here", None, None, seed=0) == {}  # type: ignore[operator]


UNGUARDED = {
    "a call": "    write(public)\n    write_hidden(inputs)\n",
    "both of several": "    for folder in (public, inputs, answers):\n        write(folder)\n",
    "an else": "    if inputs is None:\n        write(public)\n    else:\n        write_hidden(inputs)\n",
    "a condition in an expression": "    write(public)\n    return write_hidden(answers) if answers is not None else {}\n",
}


@pytest.mark.parametrize("body", UNGUARDED.values(), ids=UNGUARDED.keys())
def test_a_builder_whose_hidden_branch_cannot_be_told_apart_is_refused_in_one_line(body: str) -> None:
    with pytest.raises(UsageError, match=r"make_data must not use '(inputs|answers)'") as caught:
        student_source(f"{HEAD}{body}{REST}", ["make_data"])
    assert "\n" not in str(caught.value)


def test_what_stays_keeps_its_text_its_comments_and_its_decorators() -> None:
    kept = (
        "import functools\n\n\n# Why it is cached.\n@functools.cache\ndef read():  # slow\n"
        "    return [\n        1,  # one\n    ]"
    )
    shown = student_source(f"import os\n{kept}\n\n\n# Gone.\ndef other():\n    return os.name\n", ["read"])
    assert shown == kept


def test_a_statement_that_defines_nothing_stays_with_what_it_needs() -> None:
    shown = student_source("import warnings\nwarnings.simplefilter('ignore')\nimport os\n", [])
    assert shown == "import warnings\nwarnings.simplefilter('ignore')"


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_no_constant_of_the_hidden_data_is_in_what_students_get(task: Task) -> None:
    whole = data_source(task.folder)
    for wanted in ("make_data", "rehearse"):
        names = {
            n.id for n in ast.walk(ast.parse(student_source(whole, [wanted]))) if isinstance(n, ast.Name)
        }
        assert "SECRET" not in names
    assert "make_data" not in student_source(whole, ["rehearse"])


@pytest.mark.parametrize(
    "task", [load_task("crowd_hpo"), load_task("multi_annotator_al")], ids=lambda task: task.id
)
def test_the_shorter_source_makes_the_same_public_data(task: Task, tmp_path: Path) -> None:
    namespace: dict[str, object] = {}
    exec(
        compile(student_source(data_source(task.folder), ["make_data"]), "data", "exec", dont_inherit=True),
        namespace,
    )
    namespace["make_data"](tmp_path / "short", None, None, seed=0)  # type: ignore[operator]
    task.builder().make_data(tmp_path / "whole", None, None, seed=0)
    assert contents(tmp_path / "short") == contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
