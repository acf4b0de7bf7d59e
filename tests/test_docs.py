"""The pages of this repository fail the build when they lie: commands, output, tables, links and names are checked."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from grader.cli import app
from grader.errors import Verdict
from grader.result import Result
from grader.task import discover

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(page for pattern in ("*.md", "docs/*.md", "tasks/*/*.md") for page in ROOT.glob(pattern))
EXAMPLES = ROOT / "examples" / "noisy_labels"
WIDTH = "100"  # columns of the terminal in the pages
# Shown, and only looked at: what each would do is said beside it.
NOT_RUN = {
    "make demo": "continuous integration runs it",
    "make test": "runs these tests",
    "python3 -m venv .venv": "sets up what runs these tests",
    ". .venv/bin/activate": "sets up what runs these tests",
    "pip install -c constraints.txt -e .": "sets up what runs these tests",
    "grader check my_notebook.ipynb --repeats 3": "three times the check above it",
    "grader prepare noisy_labels --source torchvision:FashionMNIST": "needs a download",
    "grader prepare learning_to_defer --size large": "needs a download",
    "grader grade learning_to_defer submissions --size large --out results_large": "needs a download and a GPU",
}
SHELL = {"make", "python3", "pip", ".", "mkdir", "cp", "head", "chmod", "grader"}
WRITTEN_BY_RUNS = {
    "executed.ipynb",
    "submission.ipynb",
    "slot.py",
    "result.json",
    "predictions.npz",
    "manifest.json",
    "grader_error.txt",
    "answers.npz",
    "bands.json",
    "setting.json",
}


@dataclass(frozen=True)
class Command:
    """A line after `$` in a console block, and the output that is shown below it."""

    page: Path
    text: str
    shown: tuple[str, ...]


def commands_of(page: Path) -> list[Command]:
    found: list[Command] = []
    for block in re.findall(
        r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Command(page, line[2:], ()))
            else:
                last = found.pop()
                found.append(Command(page, last.text, (*last.shown, line)))
    return found


COMMANDS = [command for page in PAGES for command in commands_of(page)]


def script(name: str) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")  # scripts import each other
        return runpy.run_path(str(ROOT / "docs" / name))


def test_the_pages_show_commands() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page.name}: {command.text}")
def test_every_command_shown_exists_with_its_options(command: Command) -> None:
    words = shlex.split(command.text)
    assert words[0] in SHELL
    if words[0] == "grader":
        group = typer.main.get_command(app)
        group.commands[words[1]].make_context(words[1], words[2:])  # type: ignore[attr-defined]
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_command_that_is_only_looked_at_is_shown_somewhere() -> None:
    assert {command.text for command in COMMANDS} >= set(NOT_RUN)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like a clone to the commands, and what the pages take for granted."""
    for name in ("examples", "starter_notebooks", "LICENSE"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "canvas").mkdir()
    shutil.copy(EXAMPLES / "exception.ipynb", tmp_path / "canvas" / "lovelaceada_12345_67890_solution.ipynb")
    rng = np.random.default_rng(0)
    parts = {"train": 200, "val": 40, "test": 40}
    arrays = {
        f"{name}_images": rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        for name, count in parts.items()
    }
    arrays |= {
        f"{name}_labels": (np.arange(count) % 4 == 0).astype(np.uint8)[:, None]
        for name, count in parts.items()
    }
    np.savez(tmp_path / "my_images.npz", allow_pickle=False, **arrays)
    return tmp_path


def run(command: Command, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": WIDTH}
    return subprocess.run(
        ["bash", "-c", command.text], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def stable(line: str) -> str:
    """Return a line without what differs from run to run: numbers, hashes, the spaces that align them."""
    return re.sub(r"\s+", " ", re.sub(r"\b([0-9a-f]{64}|\d+(\.\d+)?)\b", "N", line)).strip()


def pattern(shown: tuple[str, ...]) -> str:
    """Return a regular expression for output of which `...` leaves out the rest of a line, or whole lines."""
    lines = [
        r"(.*\n)*?" if line == "..." else re.escape(stable(line)).replace(r"\.\.\.", ".*") + r"\n"
        for line in shown
    ]
    return "".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "docs/students.md", "docs/instructors.md"])
def test_the_commands_of_a_page_do_what_it_shows(name: str, clone: Path) -> None:
    if name == "README.md":  # it begins where a reader has submissions already
        shutil.copy(EXAMPLES / "exception.ipynb", clone / "my_notebook.ipynb")
        (clone / "submissions").mkdir()
        shutil.copy(EXAMPLES / "wrong_return.ipynb", clone / "submissions")
    for command in commands_of(ROOT / name):
        if command.text in NOT_RUN:
            continue
        done = run(command, clone)
        assert done.returncode == 0, f"{command.text}\n{done.stderr}"
        printed = "".join(f"{stable(line)}\n" for line in done.stdout.splitlines())
        if command.shown:
            assert re.fullmatch(pattern(command.shown), printed), f"{command.text}\n{done.stdout}"


def test_the_table_of_tasks_in_the_readme_is_in_step() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    made = script("make_readme.py")
    assert made["filled"](readme, made["TASKS"], made["table"](discover())) == readme


def test_the_page_and_the_pictures_of_tasks_are_in_step() -> None:
    made = script("make_bands.py")
    assert (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8") == made["page"](discover())
    for task in discover():
        picture = (task.folder / "bands.svg").read_text(encoding="utf-8")
        assert made["mark"](task) in picture, f"run docs/make_bands.py: {task.id}"
        readme = (task.folder / "README.md").read_text(encoding="utf-8")
        assert made["filled"](readme, made["BANDS"], made["table"](task)) == readme


def test_the_page_of_verdicts_is_in_step() -> None:
    assert (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8") == script("make_verdicts.py")["page"]()


@pytest.mark.parametrize("name", ["students.md", "instructors.md", "verdicts.md"])
def test_a_page_for_people_names_every_verdict(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert [verdict for verdict in Verdict if f"`{verdict}`" not in text] == []


def test_the_result_in_the_readme_has_every_field_and_each_is_explained() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```json\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    names = [field.name for field in fields(Result)]
    assert list(json.loads(found[1])) == names
    table = readme[found.end() :].partition("\n## ")[0]
    assert [name for name in names if f"`{name}`" not in table] == []


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_file_names_in_the_text_are_files_of_this_repository(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"`([\w./-]+\.(?:py|md|toml|ipynb|json|npz|txt))`", text):
        if Path(name).name in WRITTEN_BY_RUNS:
            continue
        places = [
            ROOT,
            page.parent,
            ROOT / "grader",
            ROOT / "grader" / "execute",
            *(ROOT / "tasks").glob("*"),
        ]
        assert any((place / name).is_file() for place in places), name


def test_every_test_and_every_slot_that_security_names_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named
    assert [name for name in sorted(named) if f"def {name}(" not in source] == []
    slots = {
        name for cell in re.findall(r"slots? (`\w+`(?:, `\w+`)*)", text) for name in re.findall(r"\w+", cell)
    }
    assert len(slots) > 10
    assert [name for name in sorted(slots) if not (ROOT / "tests" / "slots" / f"{name}.py").is_file()] == []


def test_the_picture_asks_no_other_host_for_anything() -> None:
    for picture in (ROOT / "docs" / "images").glob("*.svg"):
        assert not re.search(r"(url\(|href=|src=)[\"']?https?:", picture.read_text(encoding="utf-8"))
