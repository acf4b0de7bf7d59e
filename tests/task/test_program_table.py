"""What the table [program] of task.toml may say, and what it decides."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import tomli_w
from toy_program import make_program_task

from grader.errors import UsageError
from grader.lint.task import lint_text, read_subject
from grader.task.handout import write_handout
from grader.task.spec import Spec, Task, read_task

if TYPE_CHECKING:
    from pathlib import Path

PLAIN: dict[str, Any] = {
    "title": "A program",
    "story": "It trains.",
    "version": "1",
    "kind": "program",
    "entries": ["solve"],
    "signature": "solve(train, test) -> labels",
    "score": {"floor": 0.5, "ceiling": 0.9},
}


def task_with(folder: Path, **values: Any) -> Task:
    """Return the task of `folder`, whose task.toml has these values, too."""
    folder.mkdir(exist_ok=True)
    (folder / "task.toml").write_text(tomli_w.dumps(PLAIN | values))
    for name in ("notebook.py", "data.py"):
        (folder / name).write_text("")
    return read_task(folder)


STAGES = [{"entries": ["solve"]}, {"entries": ["use"]}]
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a task of another kind": (
        {"kind": "function", "program": {"seconds": 3}},
        '[program] needs kind = "program"',
    ),
    "a whole notebook with two entries": (
        {"entries": ["solve", "other"], "program": {"form": "notebook"}},
        "takes one entry",
    ),
    "a clock beyond the run's": ({"program": {"seconds": 301}}, "more than limits.wall_seconds"),
    "a path for a folder": ({"program": {"mounts": ["../secret"]}}, "'../secret' cannot be mounted"),
    "the solutions": ({"program": {"mounts": ["strategies"]}}, "'strategies' cannot be mounted"),
    "two sizes of a folder": (
        {"program": {"scratch_mb": 8}, "limits": {"file_mb": 4}},
        "limits.file_mb is not program.scratch_mb",
    ),
    "a GPU of a function": (
        {"kind": "function", "limits": {"gpu": True}},
        'limits.gpu needs kind = "program"',
    ),
    "a GPU of several processes": ({"limits": {"gpu": True, "processes": 2}}, "one process and no stages"),
    "a GPU that would remember a stage": (
        {"limits": {"gpu": True}, "entries": ["solve", "use"], "stages": STAGES},
        "one process and no stages",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_table_that_means_nothing_is_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    values, sentence = WRONG[name]
    with pytest.raises(UsageError, match=r"task\.toml: ") as error:
        task_with(tmp_path / "mine", **values)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_scratch_folder_is_the_limit_of_files_and_needs_namespaces(tmp_path: Path) -> None:
    limits = task_with(tmp_path / "mine", program={"scratch_mb": 8}).spec.limits
    assert (limits.file_mb, limits.need_namespaces) == (8, "limits.file_mb")
    assert task_with(tmp_path / "mine").spec.limits.need_namespaces == ""


def test_a_gpu_decides_predictions(tmp_path: Path) -> None:
    without, with_gpu = (task_with(tmp_path / "mine", limits={"gpu": gpu}) for gpu in (False, True))
    assert (without.spec.limits.gpu, with_gpu.spec.limits.gpu) == (False, True)
    assert with_gpu.run_digest != without.run_digest


def test_what_is_mounted_decides_predictions(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    without = task_with(folder).run_digest
    (folder / "models").mkdir()
    (folder / "models" / "small.txt").write_text("1")
    first = task_with(folder, program={"mounts": ["models"]})
    marks = [without, first.run_digest, first.version]
    (folder / "models" / "small.txt").write_text("2")
    second = task_with(folder, program={"mounts": ["models"]})
    assert len({*marks, second.run_digest, second.version}) == 5
    assert first.mounts == (folder.resolve() / "models",)


def test_a_task_without_the_table_has_the_digest_that_is_on_record(toy_task: Task) -> None:
    values = tomllib.loads((toy_task.folder / "task.toml").read_text()) | {"program": {}}
    spec = Spec.model_validate(values)
    assert Task("toy_task", toy_task.folder, spec).run_digest == toy_task.run_digest


def spoilt_folder(folder: Path, how: str) -> None:
    models = folder / "models"
    if how != "missing":
        models.mkdir()
        (models / "small.txt").write_text("1")
    if how == "link":
        (models / "more.txt").symlink_to("/etc/passwd")
    if how == "closed":
        (models / "small.txt").chmod(0o600)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("missing", "models is not a folder; program.mounts names it"),
        ("link", "more.txt is neither a file nor a folder; a mount holds no links"),
        ("closed", "small.txt can be read by its owner only; run: chmod a+rX"),
    ],
)
def test_a_folder_that_cannot_be_mounted_is_refused_before_anything_runs(
    how: str, sentence: str, tmp_path: Path
) -> None:
    task = task_with(tmp_path / "mine", program={"mounts": ["models"]})
    spoilt_folder(task.folder, how)
    with pytest.raises(UsageError) as error:
        _ = task.run_digest
    assert sentence in str(error.value)


def test_students_get_a_copy_of_what_is_mounted_with_a_task_that_can_be_read(tmp_path: Path) -> None:
    task = make_program_task(tmp_path / "tasks" / "toy_program")
    copy = tmp_path / "pack" / "tasks" / "toy_program"
    write_handout(task, copy, size="default", data="toy_data")
    given = read_task(copy)
    assert (given.mounts[0] / "centre.txt").read_text() == "1.5 1.5 0 0 0 0 0 0\n"
    assert (given.spec.program, given.spec.limits) == (task.spec.program, task.spec.limits)
    assert (given.version, given.run_digest) == (task.version, task.run_digest)


def test_the_linter_understands_cells_that_set_the_predictions_themselves(tmp_path: Path) -> None:
    subject = read_subject(make_program_task(tmp_path / "tasks" / "toy_program"))
    wrong = {finding.name: finding.detail for finding in lint_text(subject) if not finding.ok}
    assert wrong == {}
