"""The program's own help: groups, summaries and examples that fit, -h and --version, and nothing imported for them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, get_type_hints

import pytest
import typer

from grader.cli import commands
from grader.cli.commands import COMMANDS, Audience, CommandRow
from grader.cli.main import EXAMPLES, app

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]


def row_id(row: CommandRow) -> str:
    return row.name


@pytest.mark.parametrize("row", COMMANDS, ids=row_id)
def test_a_row_names_a_function_that_takes_its_options(row: CommandRow) -> None:
    function = row.implementation()
    (annotation,) = (value for name, value in function.__annotations__.items() if name != "return")
    assert annotation == row.options.__name__


@pytest.mark.parametrize("row", COMMANDS, ids=row_id)
def test_a_command_has_a_parameter_for_each_field_of_its_options(row: CommandRow) -> None:
    group = typer.main.get_command(app)
    command = group.commands[row.name]  # type: ignore[attr-defined]
    assert [parameter.name for parameter in command.params] == list(get_type_hints(row.options))


def test_the_values_that_are_typed_arrive(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: list[object] = []
    monkeypatch.setattr(CommandRow, "implementation", lambda _: arrived.append)
    code, _, errors = run("grade", "noisy_labels", "a.ipynb", "b", "--out", "r", "--jobs", "3", "--unsafe")
    assert (code, errors) == (0, "")
    (options,) = arrived
    assert isinstance(options, commands.GradeOptions)
    assert (options.task_name, [path.name for path in options.paths]) == ("noisy_labels", ["a.ipynb", "b"])
    assert (options.jobs, options.unsafe, options.cold, options.repeats) == (3, True, False, None)


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "a terminal with colour"])
def test_the_help_has_groups_whole_summaries_and_examples_in_80_columns(colour: bool) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}
    }
    environment |= {"COLUMNS": "80", "TERM": "xterm"} | ({"FORCE_COLOR": "1"} if colour else {})
    command = [sys.executable, "-m", "grader", "--help"]
    text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()
    assert max(map(len, lines)) <= 80
    headings = [next(n for n, line in enumerate(lines) if audience in line) for audience in Audience]
    assert headings == sorted(headings)
    for row in COMMANDS:
        (line,) = [line for line in lines if line.strip("│ ").startswith(f"{row.name} ") and "  " in line]
        assert line.strip("│ ").endswith(row.summary), "a summary is one line"
    for example in EXAMPLES:
        assert any(line.strip() == example for line in lines)


@pytest.mark.parametrize("words", [["-h"], *([row.name, "-h"] for row in COMMANDS)], ids=" ".join)
def test_h_is_help_everywhere(run: Run, words: list[str]) -> None:
    short, full = run(*words), run(*words[:-1], "--help")
    assert short == full
    assert short[0] == 0
    assert "Usage: grader" in short[1]


def test_the_version_is_that_of_the_package(run: Run) -> None:
    code, text, _ = run("--version")
    assert code == 0
    assert text.startswith("grader 0.")
    assert text.count("\n") == 1


LOADED = """
import sys
sys.argv = ["grader", *sys.argv[1:]]
from grader.cli.main import main
try:
    main()
finally:
    from grader.cli.commands import COMMANDS
    modules = {row.function.partition(":")[0] for row in COMMANDS}
    sys.stderr.write(f"{sorted(modules & sys.modules.keys())}")
"""


@pytest.mark.parametrize(
    ("words", "loaded"),
    [("--help", []), ("--version", []), ("grade --help", []), ("tasks --json", ["grader.cli.tasks"])],
    ids=str,
)
def test_only_the_module_of_the_command_that_is_called_is_imported(words: str, loaded: list[str]) -> None:
    command = [sys.executable, "-c", LOADED, *words.split()]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stderr == str(loaded)
