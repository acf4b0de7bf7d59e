"""Students' copy of a task: enough to check a notebook, under the name and version of the whole, and no secret."""

from __future__ import annotations

import json
import platform
import re
from typing import TYPE_CHECKING

import pytest
from spoiling import spoil

from grader.errors import UsageError
from grader.task.data import prepare
from grader.task.evaluation import prepare_rehearsal, prepare_repeats
from grader.task.handout import write_handout
from grader.task.spec import Task, discover, read_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

TASKS = discover()
# Numbers of random streams, and names that the statement gives in other words.
NO_SECRETS = ("REHEARSAL = ", "REHEARSAL_ROWS = ", "ANSWERS = ", "FILE = ")


def handed_out(task: Task, folder: Path, size: str = "default") -> Task:
    write_handout(task, folder / "tasks" / task.id, size=size, data="toy_data")
    return read_task(folder / "tasks" / task.id)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_a_copy_has_the_version_the_starter_and_the_rules_of_the_whole(task: Task, tmp_path: Path) -> None:
    copy = handed_out(task, tmp_path)
    assert (copy.id, copy.version, copy.run_digest) == (task.id, task.version, task.run_digest)
    assert load_starter(copy) == load_starter(task)
    assert copy.handout
    assert copy.handout.python == platform.python_version()
    kept = {"data", "sizes", "schema_version"}  # it is written in the newest form
    assert copy.spec.model_dump(exclude=kept) == task.spec.model_dump(exclude=kept)
    assert sorted(path.name for path in copy.folder.iterdir()) == [
        "data.py", "handout.json", "starter.ipynb", "task.toml",
    ]  # fmt: skip


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_a_copy_rehearses_and_knows_nothing_that_the_starter_does_not_tell(
    task: Task, tmp_path: Path
) -> None:
    copy = handed_out(task, tmp_path)
    text = (copy.folder / "data.py").read_text(encoding="utf-8")
    assert "def rehearse(" in text
    assert "make_data" not in text
    assert "torchvision.datasets" not in text
    told = "".join("".join(cell["source"]) for cell in load_starter(task)["cells"])
    constants = re.findall(r"^[A-Z_]+ = .*?(?=  #|$)", text, re.MULTILINE)
    assert [line for line in constants if line not in told and not line.startswith(NO_SECRETS)] == []


def test_an_organiser_s_own_source_is_kept_back_and_the_limit_is_that_of_the_size(
    own_toy: Path, tmp_path: Path
) -> None:
    text = (own_toy / "task.toml").read_text(encoding="utf-8")
    secret = '[data]\nsource = "npz:/home/prof/exam.npz"\n\n[sizes.huge]\nsource = "npz:exam2.npz"\nwall_seconds = 77\n'
    (own_toy / "task.toml").write_text(f"# the exam is on Monday\n{text}\n{secret}", encoding="utf-8")
    own = read_task(own_toy)
    own.starter.parent.mkdir()
    own.starter.write_text("{}", encoding="utf-8")
    copy = handed_out(own, tmp_path / "out", "huge")
    for path in copy.folder.iterdir():
        assert "exam" not in path.read_text(encoding="utf-8")
    assert copy.spec.limits.wall_seconds == 77


def test_a_copy_measures_what_the_whole_measures(own_toy: Path, tmp_path: Path) -> None:
    parts = (
        '[metric]\nscorer = "score.py"\n[[score.parts]]\nmetric = "error"\npoints = 60\nfloor = 3\nceiling = 0\n'
        '[[score.parts]]\nmetric = "worst"\npoints = 40\nsteps = [{at_most = 2, points = 40}]\n'
        '[[score.gates]]\nmetric = "worst"\nat_most = 9\n'
    )
    (own_toy / "score.py").write_text("def score(predictions, answers): ...\n", encoding="utf-8")
    spoil(own_toy, "task.toml", "title =", "schema = 2\ntitle =")
    task = spoil(own_toy, "task.toml", "[score]\nfloor = 0.5\nceiling = 0.84\n", parts)
    copy = handed_out(task, tmp_path / "out")
    assert (copy.metric, copy.spec.score, copy.score_source) == (
        task.metric, task.spec.score, task.score_source,
    )  # fmt: skip


def test_texts_survive_the_way_into_the_copy(own_toy: Path, tmp_path: Path) -> None:
    title = 'title = "Ärger \\"hier\\" \\\\ und\\tdort \U0001f433"\n'
    task = spoil(own_toy, "task.toml", 'title = "Toy: wrong labels in eight dimensions"\n', title)
    assert handed_out(task, tmp_path / "out").spec.title == 'Ärger "hier" \\ und\tdort \U0001f433'


def test_a_copy_rehearses_on_public_data_and_makes_none(toy_task: Task, tmp_path: Path) -> None:
    copy = handed_out(toy_task, tmp_path)
    toy_task.builder().make_data(tmp_path / "public", None, None, 0)
    (repeat,) = prepare_rehearsal(copy, tmp_path / "public", tmp_path / "rehearsal", repeats=1)
    assert repeat.answers.is_file()
    with pytest.raises(
        UsageError, match=r"is students' copy of the task, .* only the author's folder makes data"
    ):
        prepare_repeats(copy, b"0" * 16, tmp_path / "e", repeats=1, source="embedded")
    with pytest.raises(UsageError, match="students' copy"):
        prepare(copy, tmp_path / "d", seed=0, source="embedded")


def test_a_task_without_a_rehearsal_cannot_be_handed_out(own_toy: Path, tmp_path: Path) -> None:
    task = spoil(own_toy, "data.py", "def rehearse(", "def practise(")
    with pytest.raises(UsageError, match=r"data\.py must define rehearse"):
        handed_out(task, tmp_path / "out")


def test_a_damaged_note_is_one_line(toy_task: Task, tmp_path: Path) -> None:
    copy = handed_out(toy_task, tmp_path)
    note = copy.folder / "handout.json"
    values = json.loads(note.read_text(encoding="utf-8"))
    for text, says in (
        ("{", "handout.json: spec: Invalid JSON"),
        (json.dumps({**values, "python": 3}), "handout.json: python: Input should be a valid string"),
    ):
        note.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=says) as caught:
            read_task(copy.folder)
        assert "\n" not in str(caught.value)
