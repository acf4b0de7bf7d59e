"""Rewrite a task.toml of an earlier form in the newest one, with every comment where it was."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from grader.errors import UsageError
from grader.files import READ, WRITTEN, reporting_os_errors, write_atomic
from grader.task.spec import Spec

if TYPE_CHECKING:
    from grader.task.spec import Task

_SCHEMA = re.compile(r"^schema[ \t]*=[ \t]*1\b", re.MULTILINE)
_FIRST_KEY = re.compile(r"^(?=[^#\s])", re.MULTILINE)
# The comment that belongs to [score] stays above it.
_SCORE = re.compile(r"^(?:#[^\n]*\n)*\[score\]", re.MULTILINE)


def upgrade(task: Task) -> bool:
    """Rewrite the task.toml of `task` where it is of an earlier form, and return whether it was.

    Raises UsageError where that cannot be done in place, and then leaves the file as it is.
    """
    path = task.folder / "task.toml"
    with reporting_os_errors(READ, path):
        text = path.read_text(encoding="utf-8")
    newest = upgraded(text)
    if newest == text:
        return False
    if task.handout or task.is_installed:
        raise UsageError(f"{path} belongs to a copy of the task; upgrade the author's folder")
    with reporting_os_errors(WRITTEN, path):
        write_atomic(path, newest.encode())
    return True


def upgraded(text: str) -> str:
    """Return a task.toml in the newest form; it means the same.

    Raises UsageError where the text has no place of its own for the new table.
    """
    before = Spec.model_validate(tomllib.loads(text))
    if before.schema_version == 2:
        return text
    table = f'[metric]\nscorer = "{before.metric.scorer}"\n\n'
    newest, tables = _SCORE.subn(lambda match: table + match[0], text, count=1)
    if not tables:
        raise UsageError("task.toml has no line [score]; write `schema = 2` above its first key yourself")
    newest, schemas = _SCHEMA.subn("schema = 2", newest, count=1)
    if not schemas:
        newest = _FIRST_KEY.sub("schema = 2\n", newest, count=1)
    if _meaning(newest) != before.model_dump(exclude={"schema_version"}):
        raise UsageError("task.toml would mean something else; write `schema = 2` into it yourself")
    return newest


def _meaning(text: str) -> dict[str, Any] | None:
    """Return what the text of a task.toml says besides its version; None where it cannot be read."""
    try:
        return Spec.model_validate(tomllib.loads(text)).model_dump(exclude={"schema_version"})
    except (tomllib.TOMLDecodeError, ValidationError):
        return None
