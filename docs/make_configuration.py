"""Write docs/configuration.md from the models of task.toml and contest.toml and the options of the commands.

    python docs/make_configuration.py

The page is committed, and a test fails while it is out of step.
"""

from __future__ import annotations

import inspect
import types
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from grader.cli.main import app
from grader.contest.provider_rules import LtiPlatform, OidcProvider
from grader.contest.spec import (
    AttemptRules,
    BoardRules,
    ContestGroup,
    ContestSpec,
    ContestTask,
    CoolDown,
    Lateness,
    Window,
)
from grader.errors import Verdict
from grader.task.spec import Spec

if TYPE_CHECKING:
    from pydantic import BaseModel

PAGE = Path(__file__).parent / "configuration.md"
HEAD = """# Configuration

This page lists every setting: a task's `task.toml`, a contest's `contest.toml`, the options of the commands, the environment. One more file, `repository.toml`, keeps the
address that `grader build --repo-url` was given.

This page is generated: `python docs/make_configuration.py`.
"""
TOML = """
## `task.toml`

The values that make a task. A field without a default is required, and an unknown one is an error. In `notebook.py`,
`{{ score.floor }}` stands for the value of that field, so each number is written once ([more](authors.md#what-a-task-is-made-of)).
`grader tasks --json` prints the values of every task.

A change of `title`, `story`, `version`, `signature`, `leaderboard`, `[metric]` or `[score]` runs nothing again: points follow a new map at once.
After any other change, submissions run again.
"""
CONTEST = """
## `contest.toml`

The rules of a contest, in its folder ([more](contest.md)). A field without a default is required, and an unknown one is an error.
"""
COMMANDS = """
## Options of the commands

The help of each command has the same texts. [For instructors](instructors.md) says when to use which.
"""
ENVIRONMENT = """
## Environment

| variable | what it does |
|---|---|
| `CUDA_VISIBLE_DEVICES` | the GPUs that `--gpus` and `--device` may use, as for any CUDA program |
| `TMPDIR` | the folder for temporary files of a command; `/tmp` by default |
| `GRADER_TOKEN` | the token of `grader submit` where `--token` gives none |
| `RAY_ADDRESS` | the cluster of `--engine ray` if `--ray-address` names none |
| `RAY_USAGE_STATS_ENABLED` | `1` lets Ray report its use to its makers; the grader sets `0` if it is not set |
| `COLUMNS` | the width of tables, in characters; by default the terminal's, and in a pipe each row is one line |
| `NO_COLOR` | any value: no colours in the terminal |
| `TERM` | `dumb`: also no colours in the terminal |
| `FORCE_COLOR` | any value: colours even if the output is not a terminal |
"""
TITLES = {
    "metric": "`[metric]`",
    "score": "`[score]`",
    "interactive": "`[interactive]`",
    "limits": "`[limits]`",
    "program": "`[program]`",
    "data": "`[data]`",
    "lint": "`[lint]`",
    "files": "`[files]`",
    "sizes": "`[sizes.NAME]`",
}
CONTEST_TITLES: dict[str, type[BaseModel]] = {
    "[[tasks]]": ContestTask,
    "[groups.NAME]": ContestGroup,
    "[[windows]]": Window,
    "[attempts]": AttemptRules,
    "[cooldown]": CoolDown,
    "[late]": Lateness,
    "[leaderboard]": BoardRules,
    "[oidc]": OidcProvider,
    "[[lti]]": LtiPlatform,
}
KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
PATTERNS = {"^([0-9a-f]{64})?$": "64 hexadecimal digits", r"^[\w.-]+\.[a-z]+$": "a name with its ending"}


def fields(schema: dict[str, Any]) -> str:
    """Return the table of a model's own fields, from its JSON schema; tables in it have tables of their own."""
    rows = ["| field | type | default | limits | meaning |", "|---|---|---|---|---|"]
    for name, field in schema["properties"].items():
        if not (_is_tables(field) or _table_of(field) or _has_sections(field)):
            default = f"`{_toml(field['default'])}`" if "default" in field else ""
            rows.append(
                f"| `{name}` | {_kind(field)} | {default} | {_limits(field)} | {field['description']} |"
            )
    return "\n".join(rows)


def _kind(field: dict[str, Any]) -> str:
    if "anyOf" in field:  # or nothing
        kinds = [option for option in field["anyOf"] if option["type"] != "null"]
        return _kind(kinds[0]) if len(kinds) == 1 else "any value"
    if "enum" in field:
        return " or ".join(f"`{_toml(value)}`" for value in field["enum"])
    if field["type"] == "object":
        return "list of texts for each name"
    if field["type"] == "array":
        return f"list of {_kinds(field['items'])}s"
    return KINDS[field["type"]]


def _kinds(items: dict[str, Any]) -> str:
    """Return what a list holds, in the singular."""
    return "s or ".join(KINDS[option["type"]] for option in items.get("anyOf", [items]))


def _is_tables(field: dict[str, Any]) -> bool:
    """Return whether a field is a list of tables, which have a section of their own."""
    return field.get("type") == "array" and "$ref" in field["items"]


def _table_of(field: dict[str, Any]) -> str:
    """Return the reference of a field that holds one table, or nothing; else ""."""
    references = [option["$ref"] for option in field.get("anyOf", [field]) if "$ref" in option]
    return references[0] if references else ""


def _has_sections(field: dict[str, Any]) -> bool:
    """Return whether a field holds tables with names of their own."""
    return "$ref" in field.get("additionalProperties", {})


def _limits(field: dict[str, Any]) -> str:
    signs = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
    limits = [f"{sign} {field[key]:g}" for key, sign in signs.items() if key in field]
    if "minItems" in field:
        limits.append(f"at least {field['minItems']}")
    if "maxLength" in field:
        limits.append(f"at most {field['maxLength']} characters")
    if "pattern" in field:
        limits.append(PATTERNS[field["pattern"]])
    return ", ".join(limits)


def _toml(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def tables() -> str:
    """Return a section for each table of task.toml, the top level first."""
    schema = Spec.model_json_schema()
    parts = [fields(schema)]
    for name, title in TITLES.items():
        field = schema["properties"][name]
        held = field.get("additionalProperties", field)
        model = schema["$defs"][_table_of(held).rpartition("/")[2]]
        may = "" if name in schema["required"] else " Optional."
        parts.append(f"### {title}\n\n{model['description']}{may}\n\n{fields(model)}")
        parts += _lists(f"{name}.", model, schema)
    parts += _lists("", schema, schema)
    return "\n\n".join(parts)


def _lists(path: str, model: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Return a section for each list of tables in the table at `path`, which ends in a dot or is empty."""
    parts = []
    for name, field in model["properties"].items():
        if _is_tables(field):
            held = schema["$defs"][field["items"]["$ref"].rpartition("/")[2]]
            text = f"### `[[{path}{name}]]`\n\n{field['description']} {held['description']} Optional."
            parts += [f"{text}\n\n{fields(held)}", *_lists(f"{path}{name}.", held, schema)]
    return parts


def contest_tables() -> str:
    """Return a section for each table of contest.toml, the top level first."""
    parts = [_contest_fields(ContestSpec)]
    for title, model in CONTEST_TITLES.items():
        parts.append(f"### `{title}`\n\n{inspect.getdoc(model)}\n\n{_contest_fields(model)}")
    return "\n\n".join(parts)


def _contest_fields(model: type[BaseModel]) -> str:
    rows = ["| field | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if isinstance(field.default, (*CONTEST_TITLES.values(), dict)) or (
            model is ContestSpec and {f"[[{name}]]", f"[{name}]"} & CONTEST_TITLES.keys()
        ):
            continue  # a table of its own
        is_plain = isinstance(field.default, (str, int, float)) and not isinstance(field.default, bool)
        default = f"`{_toml(field.default)}`" if is_plain else "`false`" if field.default is False else ""
        note = " Required." if field.is_required() else ""
        rows.append(f"| `{name}` | {default} | {field.description}{note} |")
    return "\n".join(rows)


def options(name: str, command: Any) -> str:
    """Return the section of one command."""
    hints = get_type_hints(inspect.unwrap(command.callback), include_extras=True)
    usage, rows = f"grader {name}", []
    for parameter in command.params:
        if not parameter.opts[0].startswith("--"):
            usage += f" {parameter.metavar or parameter.name.upper()}"
            continue
        if parameter.name not in hints:
            continue  # typer's own
        cells = (
            " ".join(f"`{option}`" for option in parameter.opts),
            _values(hints[parameter.name]),
            _default(parameter),
            parameter.help or "",
        )
        rows.append(f"| {' | '.join(cells)} |")
    head = ["| option | values | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"### `{usage}`", "", inspect.getdoc(command.callback) or "", "", *head, *rows])


def _values(hint: Any) -> str:
    """Return what an option takes, from an annotation such as `Annotated[int | None, typer.Option(min=1)]`."""
    kind, info = get_args(hint)
    if get_origin(kind) in {Union, types.UnionType}:
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is list:
        (kind,) = get_args(kind)
    if get_origin(kind) is Literal:
        text = ", ".join(f"`{value}`" for value in get_args(kind))
    elif kind is Verdict:
        text = "[a verdict](verdicts.md)"
    elif issubclass(kind, Enum):
        text = ", ".join(f"`{value.value}`" for value in kind)
    else:
        text = {bool: "", int: "whole number", float: "number", str: "text", Path: "path"}[kind]
    for sign, limit in (("at least", info.min), ("at most", info.max)):
        text += f", {sign} {limit:g}" if limit is not None else ""
    return text


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.default is None:
        return parameter.show_default if isinstance(parameter.show_default, str) else ""
    return "" if parameter.is_flag else f"`{parameter.default}`"


def page() -> str:
    """Return the text of docs/configuration.md."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    flat = [
        (f"{name} {inner}".strip(), one)
        for name, command in commands.items()
        for inner, one in getattr(command, "commands", {"": command}).items()
    ]
    sections = "\n\n".join(options(name, command) for name, command in flat)
    return f"{HEAD}{TOML}\n{tables()}\n{CONTEST}\n{contest_tables()}\n{COMMANDS}\n{sections}\n{ENVIRONMENT}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
