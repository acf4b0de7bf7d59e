"""Check that statements in other languages say what the English one says now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.findings import Finding, found
from grader.task.build import statement
from grader.task.translation import drift, languages

if TYPE_CHECKING:
    from grader.lint.task.notebooks import Subject


def check_translations(subject: Subject) -> Finding:
    """Check each language for a story or Markdown cells that are missing, or were changed since they were translated."""
    task = subject.task
    names = languages(task.folder)
    try:
        wrong = [line for name in names for line in drift(task, name, statement(task))]
    except UsageError as error:
        wrong = [str(error)]
    return found("translations", wrong, f"in step with the English: {', '.join(names) or 'none is there'}")
