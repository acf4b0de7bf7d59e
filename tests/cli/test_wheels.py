"""The wheel for students and the zip that they get hold no solution; that of the tasks is for instructors and is never written to."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_commands import Outcome, run

from grader.cli.errors import complaint
from grader.export.student_zip import pack
from grader.notebooks.reading import source, tagged
from grader.task import spec
from grader.task.spec import Task, discover, load_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., Outcome]

__all__ = ["run"]  # the fixture
ROOT = Path(__file__).resolve().parent.parent.parent
TASKS = discover()
SHORTEST = 25  # characters of a line, without white space, that nobody writes by chance
TEXTS = {".py", ".md", ".toml", ".ipynb", ".json", ".txt", ".html", ".css", ".js", ".sql", ".sh"}


def settings_of(project: Path) -> dict[str, Any]:
    return tomllib.loads(project.read_text(encoding="utf-8"))


def wheel_of(project: Path) -> dict[str, Any]:
    return dict(settings_of(project)["tool"]["hatch"]["build"]["targets"]["wheel"])


def files_of_students_wheel() -> Iterator[Path]:
    settings = wheel_of(ROOT / "pyproject.toml")
    assert set(settings) == {"only-include", "exclude"}
    excluded = [ROOT / name for name in settings["exclude"]]
    for name in settings["only-include"]:
        for path in (ROOT / name).rglob("*"):
            if path.is_file() and path.suffix in TEXTS and not any(map(path.is_relative_to, excluded)):
                yield path


def handout_of(task: Task, folder: Path) -> dict[str, str]:
    """Return the texts of the zip for students by name; the data do not matter here."""
    (folder / "public").mkdir(parents=True)
    (folder / "public" / "train.txt").write_text("1\n", encoding="utf-8")
    with zipfile.ZipFile(pack(task, folder / "public", folder, size="default")) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


def lines_of(text: str) -> set[str]:
    """Return the lines that tell something, without white space and comments."""
    lines = (re.sub(r"\s+", "", line.partition("  # ")[0]) for line in text.splitlines())
    return {line for line in lines if len(line) >= SHORTEST and not line.startswith(("#", "import", "from"))}


def shown(text: str) -> str:
    """Return what somebody reads in a file: of a notebook, its cells."""
    if text.startswith('{\n "cells"'):
        return "\n".join(source(cell) for cell in json.loads(text)["cells"])
    return text


def secrets_of(task: Task) -> set[str]:
    """Return the lines of the reference solution and of every strategy that the starter does not show itself."""
    slot = source(tagged(json.loads(task.solution.read_text(encoding="utf-8")), "slot")[0])
    strategies = [path.read_text(encoding="utf-8") for path in (task.folder / "strategies").rglob("*.py")]
    starter = shown(task.starter.read_text(encoding="utf-8"))
    return set.union(*map(lines_of, [slot, *strategies])) - lines_of(starter)


@pytest.fixture(scope="module")
def secrets() -> dict[str, set[str]]:
    found = {task.id: secrets_of(task) for task in TASKS}
    assert all(len(lines) > 20 for lines in found.values()), "otherwise nothing is looked for"
    return found


def test_no_line_of_a_solution_or_strategy_is_in_the_wheel_for_students(secrets: dict[str, set[str]]) -> None:
    paths = list(files_of_students_wheel())
    assert len(paths) > 150
    known = set[str]().union(*secrets.values())
    for path in paths:
        assert lines_of(shown(path.read_text(encoding="utf-8"))) & known == set(), path


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_no_line_of_a_solution_or_strategy_is_in_the_zip_for_students(
    task: Task, secrets: dict[str, set[str]], tmp_path: Path
) -> None:
    texts, known = handout_of(task, tmp_path), set[str]().union(*secrets.values())
    assert f"{task.id}/tasks/{task.id}/data.py" in texts
    for name, text in texts.items():
        assert lines_of(shown(text)) & known == set(), name
        assert "SECRET" not in shown(text), name
        assert "bands" not in name
        assert "strategies" not in name


def test_a_line_that_gives_a_solution_away_would_be_noticed(secrets: dict[str, set[str]]) -> None:
    solution = shown(load_task("noisy_labels").solution.read_text(encoding="utf-8"))
    assert lines_of(solution) & secrets["noisy_labels"]


def test_the_wheel_for_instructors_holds_what_the_other_lacks_and_belongs_to_the_same_version() -> None:
    students, instructors = (
        settings_of(ROOT / name) for name in ("pyproject.toml", "packaging/pyproject.toml")
    )
    version = students["project"]["version"]
    assert instructors["project"]["version"] == version
    assert instructors["project"]["dependencies"] == [f"notebook-olympiad[grade]=={version}"]
    included = wheel_of(ROOT / "packaging" / "pyproject.toml")["force-include"]
    assert {target.removeprefix("grader/bundled/") for target in included.values()} == {
        "tasks", "starter_notebooks", "solutions", "hostile", "grader/task/templates",
    }  # fmt: skip
    assert all((ROOT / "packaging" / name).resolve().is_dir() for name in included)
    assert wheel_of(ROOT / "pyproject.toml")["exclude"] == ["grader/task/templates"]


def test_students_need_no_more_than_notebooks_and_the_check_import() -> None:
    about = settings_of(ROOT / "pyproject.toml")["project"]
    extra = {re.split("[><=]", wanted)[0] for wanted in about["optional-dependencies"]["grade"]}
    assert not extra & {re.split("[><=]", wanted)[0] for wanted in about["dependencies"]}
    for name in (package.replace("-", "_") for package in extra):
        missing = complaint(ModuleNotFoundError(f"No module named {name!r}", name=name))
        assert (missing.code, missing.line.split(":")[-1]) == (2, " pip install 'notebook-olympiad[grade]'")
    assert complaint(ModuleNotFoundError("No module named 'grader.nowhere'", name="grader.nowhere")).code == 3


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which both wheels seem to be installed, with one task; the program works in another one."""
    package = tmp_path / "site" / "grader"
    bundled = package / "bundled"
    bundled.mkdir(parents=True)
    for name in ("tasks", "starter_notebooks", "solutions"):
        (bundled / name).symlink_to(ROOT / name)
    monkeypatch.setattr(spec, "_PACKAGE", package)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_what_is_built_of_an_installed_task_is_written_here(installed: Path, run: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in ROOT.glob("*/*.ipynb")}
    outcome = run("build", "crowd_hpo")
    written = [installed / name / "crowd_hpo.ipynb" for name in ("starter_notebooks", "solutions")]
    assert outcome.out.splitlines() == [f"wrote {path}" for path in written]
    assert [path.read_bytes() for path in written] == [
        load_task("crowd_hpo").starter.read_bytes(), load_task("crowd_hpo").solution.read_bytes(),
    ]  # fmt: skip
    assert run("build", "crowd_hpo", "--check").out == "every notebook is in step with its source\n"
    assert {path: path.stat().st_mtime_ns for path in ROOT.glob("*/*.ipynb")} == before


def test_an_installed_task_keeps_no_address(installed: Path, run: Run) -> None:
    outcome = run("build", "crowd_hpo", "--repo-url", "https://github.com/somebody/something")
    assert outcome.code == 2
    assert "crowd_hpo came with the program; copy" in outcome.err
    assert list(installed.iterdir()) == []


def test_without_names_the_tasks_of_this_folder_are_built(installed: Path, run: Run) -> None:
    assert run("new-task", "mine").code == 0
    (installed / "solutions" / "mine.ipynb").unlink()
    assert run("build").out == f"wrote {installed / 'solutions' / 'mine.ipynb'}\n"


def test_a_starter_is_written_and_somebody_s_work_is_not_replaced(installed: Path, run: Run) -> None:
    assert run("starter", "crowd_hpo").out == "wrote crowd_hpo.ipynb\n"
    assert (installed / "crowd_hpo.ipynb").read_bytes() == load_task("crowd_hpo").starter.read_bytes()
    assert run("starter", "crowd_hpo").code == 0
    (installed / "crowd_hpo.ipynb").write_text("mine", encoding="utf-8")
    refused = run("starter", "crowd_hpo")
    assert refused.code == 2
    assert (
        "crowd_hpo.ipynb is there already, and may be somebody's work; choose another file: --out"
        in refused.err
    )
    assert (installed / "crowd_hpo.ipynb").read_text(encoding="utf-8") == "mine"
    (installed / "course").mkdir()
    answer = json.loads(run("starter", "crowd_hpo", "--out", "course", "--json").out)
    assert answer == {"out": "course/crowd_hpo.ipynb"}
    assert run("starter", "crowd_hop").code == 2


def test_with_the_wheel_for_students_alone_there_are_no_tasks_and_no_first_task_of_authors(
    installed: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spec, "_PACKAGE", installed / "nowhere")
    monkeypatch.setattr("grader.task.scaffold._TEMPLATES", installed / "nowhere")
    assert run("tasks").out.startswith("no tasks here; ")
    assert json.loads(run("tasks", "--json").out) == []
    assert "there is no task 'crowd_hpo'" in run("pack", "crowd_hpo", "--out", "x").err
    assert "pip install notebook-olympiad-tasks" in run("new-task", "mine").err
