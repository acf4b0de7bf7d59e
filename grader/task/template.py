"""Fill in an author notebook's text: placeholders from task.toml, the two faces of the slot."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.task.spec import Task

DATA_PLACEHOLDER = "# {{ data.py }}"
DATA_TITLE = "# @title How the data are made (those of the final evaluation are drawn anew)"

_PLACEHOLDER = re.compile(r"\{\{ ([A-Za-z_][\w.]*) \}\}")
_MARKER = re.compile(r"^\s*### (BEGIN|END) (SOLUTION|BASELINE)\s*$")
_COMMENTED = re.compile(r"^(\s*)# ?(.*)$")


def fill_code(text: str, task: Task) -> str:
    """Replace `{{ score.floor }}` and the like by Python literals.

    Raises UsageError for a path that task.toml does not have.
    """
    return _fill(text, task, _python_literal)


def fill_markdown(text: str, task: Task) -> str:
    """Replace `{{ score.floor }}` and the like by plain text, numbers without a needless `.0`.

    Raises UsageError for a path that task.toml does not have.
    """
    return _fill(text, task, _plain_text)


def starter_face(slot: str) -> str:
    """Return the slot without its solution, and with the baseline's lines uncommented.

    Raises UsageError where the markers do not pair, or a line of the baseline is not a comment.
    """
    return "\n".join(
        _uncommented(line) if block == "BASELINE" else line
        for block, line in _blocks(slot)
        if block != "SOLUTION"
    )


def solution_face(slot: str) -> str:
    """Return the slot without its baseline.

    Raises UsageError where the markers do not pair.
    """
    return "\n".join(line for block, line in _blocks(slot) if block != "BASELINE")


def has_marker(text: str) -> bool:
    """Return whether a line of `text` is a marker that only a slot may hold."""
    return any(_MARKER.match(line) for line in text.splitlines())


def _fill(text: str, task: Task, render: Callable[[Any], str]) -> str:
    spec = {"id": task.id, **task.spec.model_dump(mode="json")}

    def value(match: re.Match[str]) -> str:
        field: Any = spec
        for part in match[1].split("."):
            if not isinstance(field, dict) or part not in field:
                raise UsageError(f"{task.folder / 'notebook.py'}: task.toml has no {match[1]!r}")
            field = field[part]
        if isinstance(field, dict):
            raise UsageError(
                f"{task.folder / 'notebook.py'}: {match[1]!r} is a table; name one of its values"
            )
        return render(field)

    return _PLACEHOLDER.sub(value, text)


def _python_literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (str, list)) else repr(value)


def _plain_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain_text(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _blocks(slot: str) -> list[tuple[str, str]]:
    """Return (block, line) for each line of the slot except markers; block is "" outside all blocks."""
    inside, seen, lines = "", set(), []
    for line in slot.splitlines():
        marker = _MARKER.match(line)
        if not marker:
            lines.append((inside, line))
            continue
        edge, block = marker.groups()
        if inside != ("" if edge == "BEGIN" else block):
            raise UsageError(f"the slot has ### {edge} {block} in the wrong place")
        inside = block if edge == "BEGIN" else ""
        seen.add(block)
    if inside or seen != {"SOLUTION", "BASELINE"}:
        raise UsageError("the slot needs a SOLUTION and a BASELINE block, each with ### BEGIN and ### END")
    return lines


def _uncommented(line: str) -> str:
    match = _COMMENTED.match(line)
    if line.strip() and not match:
        raise UsageError(f"a line of the slot's BASELINE block is not commented out: {line.strip()}")
    return (match[1] + match[2]).rstrip() if match else ""
