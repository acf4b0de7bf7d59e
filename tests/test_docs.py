"""The pages of this repository fail the build when they lie: commands, output, tables, links and names are checked."""

from __future__ import annotations

import ast
import functools
import json
import re
import runpy
import shlex
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import nbformat
import pytest
import typer
from page_commands import COMMANDS, NOT_RUN, PAGES, ROOT, Command

from grader.cli.main import app
from grader.errors import Verdict
from grader.gradebook.result import Result
from grader.task.interactive_table import InteractiveTable
from grader.task.limits import Limits
from grader.task.program_table import ProgramTable
from grader.task.score_table import Gate, MetricTable, Part, Score, Step
from grader.task.spec import Data, Size, Spec, Stage, discover

INSTRUCTORS = (
    "instructors.md",
    "first_class.md",
    "rosters.md",
    "publishing.md",
    "troubleshooting.md",
    "own_data.md",
)
SHELL = {
    "make",
    "python3",
    "pip",
    ".",
    "mkdir",
    "cp",
    "cat",
    "head",
    "chmod",
    "sed",
    "sqlite3",
    "unzip",
    "jupyter",
    "grader",
}
RECORDING = ("grade", "results", "regrade", "rescore", "replay", "report", "adjust", "explain", "similar")
HANDING_OVER = ("export", "gradescope", "pack", "new-task")
OF_RAY = {"--num-gpus"}
WRITTEN_BY_RUNS = {
    "predictions.csv",
    "ids.json",
    "score.py",  # that a task may have
    "executed.ipynb",
    "submission.ipynb",
    "slot.py",
    "result.json",
    "predictions.npz",
    "history.json",
    "manifest.json",
    "grader_error.txt",
    "answers.npz",
    "bands.json",
    "agreement.json",
    "setting.json",
    "gradebook.sqlite",
    "results.csv",
    "leaderboard.csv",
    "submission_metadata.yml",  # Gradescope writes it
    "results.json",  # Gradescope reads it
    "repository.toml",  # `grader build --repo-url` writes it
    "requirements.txt",  # in the zip for students
    "contest.toml",  # `grader contest new` writes it
}


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
        if words[1].startswith("--"):
            assert words[1] in options_of_all()
        else:
            group.commands[words[1]].make_context(words[1], words[2:])  # type: ignore[attr-defined]
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_landing_page_installs_as_the_readme_does() -> None:
    landing, readme = (
        [command.text for command in COMMANDS if command.page == ROOT / name]
        for name in ("docs/index.md", "README.md")
    )
    assert "grader doctor" in landing
    assert [command for command in readme if command in landing] == landing


@functools.cache
def options_of(*names: str) -> set[str]:
    """Return the long options of some commands; of all, if none are named."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    named = [commands[name] for name in names] if names else commands.values()
    chosen = [command for group in named for command in getattr(group, "commands", {"": group}).values()]
    return {option for command in chosen for parameter in command.params for option in parameter.opts} - {
        "--help"
    }


def options_of_all() -> set[str]:
    """Return the options that stand before a command."""
    group = typer.main.get_command(app)
    return {option for parameter in group.params for option in parameter.opts}


def in_code(page: Path) -> list[list[str]]:
    """Return the words of each piece of code that stands within the text of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [words for code in re.findall(r"`([^`]+)`", text) if (words := code.split())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_option_that_the_text_names_exists(page: Path) -> None:
    for words in in_code(page):
        options = {word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z][a-z-]*(=.*)?", word)}
        if words[0] == "grader" and options and words[1] in options:
            assert options <= options_of_all() | {"--help"}, " ".join(words)
        elif words[0] == "grader" and options:
            assert options <= options_of(words[1]), " ".join(words)
        elif words[0].startswith("--"):
            assert options <= options_of() | OF_RAY, " ".join(words)


def test_every_option_of_the_commands_of_instructors_is_explained() -> None:
    pages = [ROOT / "docs" / name for name in ("authors.md", "scaling.md", "where_it_runs.md", *INSTRUCTORS)]
    named = {word for page in pages for words in in_code(page) for word in words}
    shown = {word for command in COMMANDS if command.page in pages for word in command.text.split()}
    options = {option for option in options_of(*RECORDING, *HANDING_OVER) if option.startswith("--")}
    assert sorted(options - named - shown) == []


def test_the_tables_and_views_of_the_gradebook_are_those_that_the_page_lists() -> None:
    folder = ROOT / "grader" / "gradebook"
    schema = "".join((folder / name).read_text(encoding="utf-8") for name in ("schema.sql", "views.sql"))
    page = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)`(?: \(view\))? \|", page, re.MULTILINE)
    for name in re.findall(r"^CREATE (?:TABLE|VIEW) (\w+)", schema, re.MULTILINE):
        assert name in listed


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(settings["tool"]["importlinter"]["contracts"])


def test_the_layers_shown_are_those_that_are_checked() -> None:
    (layers,) = [contract for contract in contracts() if contract["type"] == "layers"]
    shown = "\n".join(layers["layers"])
    assert f"```\n{shown}\n```" in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_the_promises_about_imports_are_those_that_are_checked() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    promises = {contract["name"] for contract in contracts() if contract["type"] == "forbidden"}
    assert len(promises) >= 4
    assert {line.removeprefix("- ").rstrip(".") for line in text.splitlines()} >= promises


def libraries(room: Path) -> set[str]:
    """Return the outside libraries that a room imports, anywhere in a file."""
    names: set[str] = set()
    for path in room.rglob("*.py"):
        if "templates" in path.parts:
            continue  # a task, not the grader
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module))
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
                names |= {str(value.value) for value in node.args if isinstance(value, ast.Constant)}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"grader"}


def test_the_table_of_rooms_names_each_room_and_the_libraries_it_imports() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/` \|.*\|([\w, ]*)\|$", text, re.MULTILINE)
    shown = {room: set(re.findall(r"\w+", names)) for room, names in rows}
    rooms = [path.parent for path in (ROOT / "grader").glob("*/__init__.py")]
    assert shown == {room.name: libraries(room) for room in rooms}


def test_every_command_that_is_only_looked_at_is_shown_somewhere() -> None:
    assert {command.text for command in COMMANDS} >= set(NOT_RUN)


def test_the_table_of_tasks_in_the_readme_is_in_step() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    made = script("make_readme.py")
    assert made["filled"](readme, made["TASKS"], made["table"](discover())) == readme


def test_the_catalogue_is_in_step() -> None:
    text = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    assert text == script("make_catalogue.py")["page"](discover())


def test_the_catalogue_gives_no_idea_away() -> None:
    text = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    made = script("make_bands.py")
    described = {
        made["described"](task, name) for task in discover() for name in made["bands"](task)["strategies"]
    }
    assert len(described) > 40
    assert [idea for idea in described if idea in text] == []
    readmes = {f"tasks/{task.id}/README.md" for task in discover()}
    assert [readme for readme in readmes if readme in text] == []


def test_the_page_and_the_pictures_of_bands_are_in_step() -> None:
    made = script("make_bands.py")
    assert (ROOT / "docs" / "bands.md").read_text(encoding="utf-8") == made["page"](discover())
    for task in discover():
        picture = (task.folder / "bands.svg").read_text(encoding="utf-8")
        assert made["mark"](task) in picture, f"run docs/make_bands.py: {task.id}"
        readme = (task.folder / "README.md").read_text(encoding="utf-8")
        assert made["filled"](readme, made["BANDS"], made["table"](task)) == readme


def test_the_page_of_verdicts_is_in_step() -> None:
    assert (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8") == script("make_verdicts.py")["page"]()


def test_the_page_of_settings_is_in_step_and_says_what_each_of_them_is() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert text == script("make_configuration.py")["page"]()
    assert re.findall(r"^\|.*\|  \|$", text, re.MULTILINE) == []  # the last column is the meaning


def test_every_field_of_task_toml_is_on_the_page_of_settings_and_every_option_of_a_command() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    toml, _, commands = text.partition("\n## Options of the commands\n")
    models = (
        Spec,
        MetricTable,
        Score,
        Part,
        Step,
        Gate,
        Limits,
        ProgramTable,
        Data,
        Size,
        Stage,
        InteractiveTable,
    )
    for model in models:
        for field_name, field in model.model_fields.items():
            name = field.alias or field_name
            assert (
                f"| `{name}` |" in toml
                or f"### `[{name}" in toml
                or f"### `[[score.{name}]]`" in toml
                or f"### `[[{name}]]`" in toml
                or name == "steps"
            )
            assert field.description or name in {
                "metric",
                "score",
                "interactive",
                "limits",
                "program",
                "data",
                "lint",
                "files",
                "sizes",
            }, name
    shown = {
        option for cell in re.findall(r"^\| (`--.*?`) \|", commands, re.MULTILINE) for option in cell.split()
    }
    assert shown == {f"`{option}`" for option in options_of() if option.startswith("--")}


def test_every_variable_that_a_command_reads_is_on_the_page_of_settings() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8").partition("\n## Environment\n")[2]
    read = {
        name
        for path in (ROOT / "grader").rglob("*.py")
        for name in re.findall(
            r"environ(?:\[|\.(?:get|setdefault)\()\"(\w+)\"(?!\] = )", path.read_text(encoding="utf-8")
        )
    }
    assert "RAY_ADDRESS" in read
    assert [name for name in sorted(read) if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("name", ["students.md", "troubleshooting.md", "verdicts.md"])
def test_a_page_for_people_names_every_verdict(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert [verdict for verdict in Verdict if f"`{verdict}`" not in text] == []


def test_the_result_in_the_readme_has_every_field_and_each_is_explained() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```json\n(.*?)```", readme, re.DOTALL)
    assert example is not None
    names = [field.name for field in fields(Result)]
    assert list(json.loads(example[1])) == names
    table = readme[example.end() :].partition("\n## ")[0]
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
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_file_names_in_the_text_are_files_of_this_repository(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"`([\w./-]+\.(?:py|md|toml|ipynb|json|npz|txt|sql|sqlite|csv|yml))`", text):
        if Path(name).name in WRITTEN_BY_RUNS:
            continue
        folders = [
            ROOT,
            page.parent,
            ROOT / "grader",
            *(ROOT / "tasks").glob("*"),
        ]
        assert any((folder / name).is_file() for folder in folders), name


def test_every_test_and_every_slot_that_security_names_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named
    assert [name for name in sorted(named) if f"def {name}(" not in source] == []
    slots = {
        name for cell in re.findall(r"slots? (`\w+`(?:, `\w+`)*)", text) for name in re.findall(r"\w+", cell)
    }
    assert len(slots) > 10
    assert [name for name in sorted(slots) if not (ROOT / "tests" / "slots" / f"{name}.py").is_file()] == []


def test_the_cells_in_the_picture_of_a_notebook_are_cells_of_the_starter() -> None:
    made = script("make_notebook.py")
    notebook = nbformat.read(made["STARTER"], as_version=4)
    shown = made["excerpt"](notebook).cells
    assert [cell.metadata.tags for cell in shown if cell.metadata.tags == ["slot"]]
    assert len(shown) == len(made["SHOWN"])


def test_the_picture_asks_no_other_host_for_anything() -> None:
    for picture in (ROOT / "docs" / "images").glob("*.svg"):
        assert not re.search(r"(url\(|href=|src=)[\"']?https?:", picture.read_text(encoding="utf-8"))
