"""The badge of Colab: where it leads, that builds stay in step with it, and that no submission is blamed for it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.errors import UsageError
from grader.lint import task as linting
from grader.notebooks.changes import changed_cells
from grader.notebooks.colab_badge import badge, keep_url, kept_url, without_badge
from grader.notebooks.reading import Json, labels, read_notebook, source
from grader.notebooks.rebuild import rebuild
from grader.task.build import build, check, move, write
from grader.task.spec import Task, discover, read_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

OURS = "https://github.com/uni/course"
FORK = "https://github.com/other-uni/course-2026/tree/autumn/week_3"
TARGETS = {
    OURS: "uni/course/blob/main/x.ipynb",
    f"{OURS}/": "uni/course/blob/main/x.ipynb",
    f"{OURS}.git": "uni/course/blob/main/x.ipynb",
    f"{OURS}/tree/dev": "uni/course/blob/dev/x.ipynb",
    f"{OURS}/tree/dev/": "uni/course/blob/dev/x.ipynb",
    f"{OURS}/tree/dev/week%203/b": "uni/course/blob/dev/week%203/b/x.ipynb",
    FORK: "other-uni/course-2026/blob/autumn/week_3/x.ipynb",
    "https://github.com/a.b/c.d": "a.b/c.d/blob/main/x.ipynb",
}
UNUSABLE = [
    "https://gitlab.com/uni/course",
    "https://github.com.evil.example/uni/course",
    "http://github.com/uni/course",
    "github.com/uni/course",
    "git@github.com:uni/course.git",
    "https://github.com/uni",
    "https://github.com/uni/course/blob/main/x.ipynb",
    "https://github.com/uni/course/tree",
    "https://github.com/uni/course/tree/main/a//b",
    "https://github.com/uni/course/tree/main/../x",
    "https://github.com/uni/course/tree/main/a)b",
    "https://github.com/uni/course/tree/main/a b",
    "https://github.com/uni/course?tab=readme",
    "https://github.com/uni/course\n",
    "course",
]


def first_cell(task: Task) -> str:
    return source(load_starter(task)["cells"][0])


@pytest.mark.parametrize(("url", "target"), TARGETS.items())
def test_a_badge_opens_the_notebook_of_that_branch_and_folder(url: str, target: str) -> None:
    mark = badge(url, "x.ipynb")
    assert mark.startswith("[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]")
    assert mark.endswith(f"(https://colab.research.google.com/github/{target})")
    assert without_badge(f"{mark}\n\n# Title") == "# Title"


@pytest.mark.parametrize("url", UNUSABLE)
def test_another_address_is_one_line_and_writes_nothing(url: str, own_toy: Path) -> None:
    task = read_task(own_toy)
    write(task)
    before = task.starter.read_bytes()
    done = CliRunner().invoke(app, ["build", str(own_toy), "--repo-url", url])
    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith(
        f"--repo-url {url!r} is not of the form https://github.com/OWNER/REPO"
    )
    assert "\n" not in str(done.exception)
    assert task.starter.read_bytes() == before
    assert kept_url(own_toy.parent) == ""


def test_the_committed_notebooks_name_no_repository_that_nobody_gave() -> None:
    folders = {task.folder.parent for task in discover()}
    (url,) = {kept_url(folder) for folder in folders}
    for task in discover():
        assert ("colab-badge" in first_cell(task)) is bool(url)


def test_an_address_is_kept_and_building_is_in_step_with_it(own_toy: Path) -> None:
    task = read_task(own_toy)
    write(task)
    plain = build(task)
    done = CliRunner().invoke(app, ["build", str(own_toy), "--repo-url", FORK])
    assert done.exit_code == 0
    kept = own_toy.parent / "repository.toml"
    assert done.stdout.splitlines() == [f"wrote {path}" for path in (kept, task.starter, task.solution)]
    assert first_cell(task).startswith(f"{badge(FORK, 'starter_notebooks/toy_task.ipynb')}\n\n# Toy")
    assert check(task) == []
    assert write(task) == []
    assert move([task], FORK) == []
    assert build(task) == build(task) == build(task, FORK) != plain
    assert move([task], "") == [task.starter, task.solution]
    assert not kept.exists()
    assert build(task) == plain


def test_check_with_an_address_says_what_would_change_and_changes_nothing(own_toy: Path) -> None:
    task = read_task(own_toy)
    write(task)
    assert check(task, "") == []
    stale = check(task, OURS)
    assert len(stale) == 2
    assert stale[0].endswith(f"is not in step with its source; run: grader build --repo-url {OURS}")
    assert check(task) == []
    move([task], OURS)
    assert check(task, OURS) == []
    assert len(check(task, FORK)) == 2
    done = CliRunner().invoke(app, ["build", str(own_toy), "--check", "--repo-url", OURS])
    assert done.stdout == "every notebook is in step with its source\n"


def test_one_address_is_for_all_tasks_of_a_folder(own_toy: Path) -> None:
    other = own_toy.with_name("other_task")
    shutil.copytree(own_toy, other)
    done = CliRunner().invoke(app, ["build", str(own_toy), "--repo-url", OURS, "--json"])
    assert len(json.loads(done.stdout)["written"]) == 5
    for folder in (own_toy, other):
        assert check(read_task(folder)) == []
        assert f"/blob/main/starter_notebooks/{folder.name}.ipynb)" in first_cell(read_task(folder))


def test_the_badge_changes_no_name_of_a_cell_no_version_and_nothing_that_is_linted(own_toy: Path) -> None:
    task = read_task(own_toy)
    write(task)
    names, version, digest = labels(load_starter(task)), task.version, task.run_digest
    move([task], OURS)
    again = read_task(own_toy)
    assert (labels(load_starter(again)), again.version, again.run_digest) == (names, version, digest)
    findings = linting.lint_text(linting.read_subject(again))
    assert [finding for finding in findings if not finding.ok] == []


@pytest.mark.parametrize("task", discover(), ids=lambda task: task.id)
def test_every_task_can_carry_it(task: Task) -> None:
    cells = json.loads(build(task, OURS).starter)["cells"]
    assert source(cells[0]).startswith(badge(OURS, f"starter_notebooks/{task.id}.ipynb"))
    assert without_badge(source(cells[0])) == source(json.loads(build(task, "").starter)["cells"][0])


def test_no_student_is_blamed_for_a_badge_of_another_copy_of_the_task(own_toy: Path) -> None:
    task = read_task(own_toy)
    slot = "def your_weights(targets, losses):\n    return losses * 0 + 1\n"
    notebooks: dict[str, Json] = {}
    for url in ("", OURS, FORK):
        move([task], url)
        notebooks[url] = load_starter(task)
    for starter in notebooks.values():
        for other in notebooks.values():
            sent = read_notebook(json.dumps(rebuild(other, slot)).encode())
            assert changed_cells(sent, starter) == []
            sent["cells"][0]["source"] = f"{source(sent['cells'][0])}\nNew sentence."
            assert len(changed_cells(sent, starter)) == 1


def test_a_first_cell_of_code_cannot_carry_it(own_toy: Path) -> None:
    path = own_toy / "notebook.py"
    path.write_text("# %%\nx = 1\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    task = read_task(own_toy)
    write(task)
    with pytest.raises(UsageError, match="the first cell must be Markdown to carry the Colab badge"):
        move([task], OURS)
    assert check(task) == []


@pytest.mark.parametrize("text", ["repo_url = 3", "", 'repo_url = "a"\nbranch = "b"', "repo_url =", "\x80"])
def test_a_damaged_file_of_the_address_is_one_line_and_can_be_written_anew(own_toy: Path, text: str) -> None:
    (own_toy.parent / "repository.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"repository\.toml (cannot be read|must hold one line)") as caught:
        build(read_task(own_toy))
    assert "\n" not in str(caught.value)
    move([read_task(own_toy)], OURS)
    assert kept_url(own_toy.parent) == OURS


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"repository\.toml cannot be written: No such file"):
        keep_url(tmp_path / "missing", OURS)
