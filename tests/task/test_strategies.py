"""Files with a slot alone become notebooks: strategies with their roles and parts, and what an author names by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.errors import UsageError
from grader.notebooks.reading import read_notebook
from grader.notebooks.slot import find_slot
from grader.task.build import write
from grader.task.spec import Task, read_task
from grader.task.starter import load_starter
from grader.task.strategies import is_slot_file, notebook_of_slot, strategies

if TYPE_CHECKING:
    from pathlib import Path

    from grader.notebooks.reading import Json

SLOT = "def your_weights(targets, losses):\n    return losses\n"


@pytest.fixture
def task(own_toy: Path) -> Task:
    task = read_task(own_toy)
    write(task)
    (own_toy / "strategies" / "parts").mkdir(parents=True)
    return task


def test_every_answer_of_a_task_has_its_role_and_a_notebook(task: Task) -> None:
    folder = task.folder / "strategies"
    (folder / "b.py").write_text(f"# idea: the losses\n{SLOT}")
    (folder / "a.py").write_text(f"# trick: the losses\n# with: one, two\n{SLOT}")
    (folder / "parts" / "one.py").write_text("ONE = 1\n")
    (folder / "parts" / "two.py").write_text("TWO = 2\n")
    answers = strategies(task)
    assert [(answer.name, answer.role) for answer in answers] == [
        ("starter", "starter"),
        ("reference", "reference"),
        ("a", "trick"),
        ("b", "idea"),
    ]
    starter = load_starter(task)
    slots = [find_slot(read_notebook(answer.notebook), starter) for answer in answers]
    assert slots[2] == f"ONE = 1\n\n\nTWO = 2\n\n\n# trick: the losses\n# with: one, two\n{SLOT}"
    assert slots[3] == f"# idea: the losses\n{SLOT}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SLOT, "must begin with '# trick: ...'"),
        ("", "must begin with '# trick: ...'"),
        (f"# trick: a\n# with: nothing\n{SLOT}", "nothing.py cannot be read"),
    ],
    ids=["no role", "nothing", "a part that is missing"],
)
def test_a_strategy_that_cannot_be_used_is_one_line(text: str, message: str, task: Task) -> None:
    (task.folder / "strategies" / "a.py").write_text(text)
    with pytest.raises(UsageError, match=message):
        strategies(task)


@pytest.mark.parametrize(
    "data", [SLOT.encode(), b"\xef\xbb\xbf" + SLOT.replace("\n", "\r\n").encode()], ids=["unix", "windows"]
)
def test_a_slot_alone_is_put_into_the_starter(data: bytes, tmp_path: Path, starter: Json) -> None:
    path = tmp_path / "answer.py"
    path.write_bytes(data)
    assert is_slot_file(path)
    for given in (None, data):
        assert find_slot(read_notebook(notebook_of_slot(path, starter, given)), starter) == SLOT


def test_a_slot_that_is_no_text_is_one_line(tmp_path: Path, starter: Json) -> None:
    (tmp_path / "answer.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8 text"):
        notebook_of_slot(tmp_path / "answer.py", starter)


def test_a_folder_is_no_slot_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "class.py").mkdir()
    assert not is_slot_file(tmp_path / "class.py")
    assert not is_slot_file(tmp_path / "student.ipynb")
