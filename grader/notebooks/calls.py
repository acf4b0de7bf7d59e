"""List the calls of a program, and resolve the names of the functions that they call."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def imported_names(trees: Iterable[ast.Module]) -> dict[str, str]:
    """Return the full name of each name that the imports in `trees` bind."""
    full_names: dict[str, str] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                full_names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            full_names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return full_names


def dotted(node: ast.expr, known: dict[str, str]) -> str:
    """Return the full name of a function, "" where it does not belong to a module."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in known:
        return ""
    return ".".join([known[node.id], *reversed(parts)])


def all_calls(tree: ast.AST) -> list[ast.Call]:
    """Return every call in `tree`, in the order of the text."""
    return _in_order(node for node in ast.walk(tree) if isinstance(node, ast.Call))


def unguarded_calls(tree: ast.AST) -> list[ast.Call]:
    """Return the calls that no condition guards, in the order of the text."""
    calls: list[ast.Call] = []
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.Call):
            calls.append(node)
        match node:
            case ast.If() | ast.IfExp():
                left.append(node.test)
            case ast.BoolOp():
                left.append(node.values[0])
            case ast.Match():
                left.append(node.subject)
            case ast.Try() | ast.TryStar():
                left += node.finalbody
            case _:
                left += ast.iter_child_nodes(node)
    return _in_order(calls)


def argument(call: ast.Call, name: str, position: int | None = None) -> ast.expr | None:
    """Return the argument that a call gives by `name`, or at `position` from 0; None where it gives none."""
    by_name = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    if by_name is None and position is not None and position < len(call.args):
        return call.args[position]
    return by_name


def _in_order(calls: Iterable[ast.Call]) -> list[ast.Call]:
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))
