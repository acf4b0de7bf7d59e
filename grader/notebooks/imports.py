"""Name the modules that a notebook imports before it defines anything: what may be imported ahead, for all its runs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.notebooks.program import parse_or_empty
from grader.notebooks.reading import is_code, source
from grader.notebooks.slots import is_slot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from grader.notebooks.reading import Json


def imported_modules(notebook: Json, packages: Collection[str]) -> frozenset[str]:
    """Return the modules of `packages` that protected cells import outside functions, classes and branches, by full names.

    `from a.b import c` counts as `a.b`, whether `c` is a module of it or not.
    """
    cells = [cell for cell in notebook["cells"] if is_code(cell) and not is_slot(cell)]
    statements = (statement for cell in cells for statement in parse_or_empty(source(cell)).body)
    modules = (module for statement in statements for module in _modules(statement))
    return frozenset(module for module in modules if module.partition(".")[0] in packages)


def _modules(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
        yield statement.module
