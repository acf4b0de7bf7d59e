"""What is left from the template is noticed once a task is another one, and so is a trick that gets too many points."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from spoiling import spoil, the

from grader.errors import UsageError
from grader.lint.task import lint_text, read_subject
from grader.task.build import write
from grader.task.scaffold import scaffold
from grader.task.spec import Task, read_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.lint.task import Finding


@pytest.fixture
def new_task(tmp_path: Path) -> Task:
    return scaffold("mine", tmp_path / "tasks")[0]


def finding_of(task: Task, name: str) -> Finding:
    return the(lint_text(read_subject(task)), name)


def test_the_template_itself_has_nothing_left_of_itself(new_task: Task) -> None:
    assert finding_of(new_task, "leftovers").ok
    assert finding_of(new_task, "tricks") == the(lint_text(read_subject(new_task)), "tricks")
    assert "grader bands mine" in finding_of(new_task, "tricks").detail


def test_advice_to_the_author_is_left_where_only_the_title_changed(new_task: Task) -> None:
    task = spoil(new_task.folder, "task.toml", "Whom to Believe", "Three Forms")
    finding = finding_of(task, "leftovers")
    assert not finding.ok
    assert "README.md, line 3, is left from the template: Start here, author" in finding.detail
    assert "digits" not in finding.detail, "the data are still those"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("README.md", "A small network learns digits from labels of which 45 % are wrong."),
        ("notebook.py", "# A school scanned its old arithmetic books"),
        ("data.py", "all 1797 digits together"),
        ("task.toml", "these digits come with scikit-learn"),
    ],
)
def test_what_the_template_says_of_its_data_is_left_where_the_data_are_others(
    file: str, line: str, new_task: Task
) -> None:
    for name in ("README.md", "notebook.py", "data.py", "task.toml"):  # but one line of one file
        path = new_task.folder / name
        lines = [
            text for text in path.read_text(encoding="utf-8").splitlines() if name == file and line in text
        ]
        if name == "README.md":
            path.write_text("\n".join(["# Mine", *lines]), encoding="utf-8")
            continue
        kept = path.read_text(encoding="utf-8").splitlines()
        path.write_text(
            "\n".join(text if text in lines or not about_digits(text) else mend(text) for text in kept)
            + "\n",
            encoding="utf-8",
        )
    data = new_task.folder / "data.py"
    data.write_text(data.read_text(encoding="utf-8") + "# other data\n", encoding="utf-8")
    task = read_task(new_task.folder)
    write(task)
    finding = finding_of(task, "leftovers")
    assert not finding.ok
    assert finding.detail.startswith(f"{file}, line ")
    assert finding.detail.count("is left from the template") == 1


def about_digits(text: str) -> bool:
    return any(
        word in text for word in ("digit", "8x8", "8 x 8", "45 %", "arithmetic", "1797", "over eight seeds")
    )


def mend(text: str) -> str:
    """Return a line about other data that is still what it was for Python."""
    code, sign, _ = text.partition("#")
    return f"{code}{sign} of mine" if sign else text.replace("digit", "letter").replace("8x8", "9x9")


def test_a_task_that_is_no_copy_of_the_template_has_nothing_left(toy_task: Task) -> None:
    assert finding_of(toy_task, "leftovers").ok
    assert finding_of(toy_task, "tricks").ok


def record(task: Task, **tricks: float) -> None:
    bands = {name: {"role": "trick", "value": {"mean": mean}, "points": 0} for name, mean in tricks.items()}
    bands["idea"] = {"role": "idea", "balanced_accuracy": {"mean": 0.99}, "points": 100}
    (task.folder / "bands.json").write_text(json.dumps({"strategies": bands}), encoding="utf-8")


def test_a_trick_above_75_points_is_found_by_the_map_of_today(new_task: Task) -> None:
    floor, ceiling = new_task.spec.score.floor, new_task.spec.score.ceiling
    record(new_task, fair=floor + 0.74 * (ceiling - floor), strong=floor + 0.77 * (ceiling - floor))
    finding = finding_of(new_task, "tricks")
    assert (finding.ok, finding.detail) == (
        False,
        "the trick strong gets 77 points; at most 75 were expected",
    )
    record(new_task, fair=floor + 0.74 * (ceiling - floor))
    assert finding_of(new_task, "tricks").detail == "the best of 1 gets 74 points (at most 75)"
    record(new_task)
    assert finding_of(new_task, "tricks").ok


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"strategies": {"a": 1}}', '{"strategies": {"a": {"role": "trick"}}}']
)
def test_a_damaged_record_is_one_line(text: str, new_task: Task) -> None:
    (new_task.folder / "bands.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="is damaged"):
        finding_of(new_task, "tricks")
