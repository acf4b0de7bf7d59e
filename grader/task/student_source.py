"""Cut out of a task's data.py what students get: what they call and what that needs, and nothing that makes hidden data."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.notebooks.program import definitions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_MAKER = "make_data"
_HIDDEN_FOLDERS = slice(1, 3)  # its second and third argument, `inputs` and `answers`


def student_source(source: str, wanted: Iterable[str]) -> str:
    """Return the statements of `source` that the names `wanted` need, with their comments, in their order.

    What `make_data` does for its folders `inputs` and `answers` is not among them, nor what a branch of it does for
    another `source` than the one that it has without an argument. Raises UsageError where that cannot
    be told apart from what it does for students.
    """
    source = _without_hidden_data(source)
    body = ast.parse(source).body
    needed = _needed(body, wanted)
    defined = [{name for name, _ in definitions(statement)} for statement in body]
    kept = [s for s, names in zip(body, defined, strict=True) if not names or names & needed]
    dropped = set(_lines(source, [s for s in body if s not in kept])) - set(_lines(source, kept))
    shorter = {s.lineno: text for s in kept if (text := _constants(s, needed))}
    for statement in kept:
        if statement.lineno in shorter:
            dropped.update(range(statement.lineno + 1, (statement.end_lineno or statement.lineno) + 1))
    lines = [
        shorter.get(number, line)
        for number, line in enumerate(source.split("\n"), start=1)
        if number not in dropped
    ]
    return _squeezed(lines)


def _without_hidden_data(source: str) -> str:
    """Return `source` without the statements of `make_data` that only run for a hidden folder or another source."""
    makers = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == _MAKER]
    for function in makers[:1]:
        hidden: dict[str, object] = {argument.arg: None for argument in function.args.args[_HIDDEN_FOLDERS]}
        never = list(_never_run(function.body, hidden | _defaults(function)))
        left = [statement for statement in function.body if statement not in never]
        if name := next(_uses(left, hidden), None):
            raise UsageError(
                f"data.py: {_MAKER} must not use {name.id!r} (line {name.lineno} of data.py with its parts) except below "
                f"`if {name.id} is not None:`, so that students get the rest without it"
            )
        dropped = set(_lines(source, never))
        return "\n".join(
            line for number, line in enumerate(source.split("\n"), start=1) if number not in dropped
        )
    return source


def _defaults(function: ast.FunctionDef) -> dict[str, object]:
    """Return the arguments that have a text as their default; students leave them out."""
    arguments = function.args.args[len(function.args.args) - len(function.args.defaults) :]
    return {
        argument.arg: default.value
        for argument, default in zip(arguments, function.args.defaults, strict=True)
        if isinstance(default, ast.Constant) and isinstance(default.value, str)
    }


def _never_run(body: list[ast.stmt], values: Mapping[str, object]) -> Iterator[ast.stmt]:
    """Yield the statements that are not reached where the arguments have these values."""
    for number, statement in enumerate(body):
        if not isinstance(statement, ast.If):
            continue
        outcome = _outcome(statement.test, values)
        if outcome is False and not statement.orelse:
            yield statement
        if outcome is True and isinstance(statement.body[-1], (ast.Return, ast.Raise)):
            yield from body[number + 1 :]
            return


def _outcome(test: ast.expr, values: Mapping[str, object]) -> bool | None:
    """Return what a test yields where the names have these values; None where that is open."""
    match test:
        case ast.Compare(ast.Name(name), [operator], [ast.Constant(value)]) if name in values:
            if isinstance(operator, ast.Is | ast.Eq):
                return values[name] == value
            return values[name] != value if isinstance(operator, ast.IsNot | ast.NotEq) else None
        case ast.UnaryOp(ast.Not(), operand):
            outcome = _outcome(operand, values)
            return None if outcome is None else not outcome
        case ast.BoolOp(operator, operands):
            outcomes = [_outcome(operand, values) for operand in operands]
            deciding = isinstance(operator, ast.Or)  # one such value decides
            if deciding in outcomes:
                return deciding
            return None if None in outcomes else not deciding
    return None


def _uses(body: list[ast.stmt], hidden: Mapping[str, object]) -> Iterator[ast.Name]:
    """Yield each use of a name of `hidden` that is more than a comparison with None."""
    left: list[ast.AST] = list(body)
    while left:
        node = left.pop()
        if isinstance(node, ast.expr) and _outcome(node, hidden) is not None:
            continue
        if isinstance(node, ast.Name) and node.id in hidden:
            yield node
        left.extend(ast.iter_child_nodes(node))


def _needed(body: list[ast.stmt], wanted: Iterable[str]) -> set[str]:
    """Return the names that `wanted`, and statements that define nothing, use at last."""
    uses: dict[str, set[str]] = {}
    left = set(wanted)
    for statement in body:
        used = {
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        names = {name for name, _ in definitions(statement)}
        left |= set() if names else used
        for name in names:
            uses.setdefault(name, set()).update(used)
    needed: set[str] = set()
    while left:
        name = left.pop()
        if name in uses and name not in needed:
            needed.add(name)
            left |= uses[name]
    return needed


def _constants(statement: ast.stmt, needed: Collection[str]) -> str:
    """Return the assignments of a line such as `A, B = range(2)` that are needed; "" for any other statement."""
    match statement:
        case ast.Assign([ast.Tuple(targets)], value) if all(isinstance(name, ast.Name) for name in targets):
            names = [ast.unparse(name) for name in targets]
        case _:
            return ""
    match value:
        case ast.Call(ast.Name("range"), [ast.Constant(int(count))], []):
            values = [str(number) for number in range(count)]
        case ast.Tuple(elements):
            values = [ast.unparse(element) for element in elements]
        case _:
            return ""
    if set(names) <= set(needed) or len(names) != len(values):
        return ""
    return "\n".join(f"{name} = {value}" for name, value in zip(names, values, strict=True) if name in needed)


def _lines(source: str, statements: Iterable[ast.stmt]) -> Iterator[int]:
    """Yield the numbers of the lines of statements, decorators and the comments above them included."""
    lines = source.split("\n")
    for statement in statements:
        decorators = getattr(statement, "decorator_list", [])
        first = min(node.lineno for node in (statement, *decorators))
        while first > 1 and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        yield from range(first, (statement.end_lineno or first) + 1)


def _squeezed(lines: Iterable[str]) -> str:
    """Return the lines as a text with at most two empty ones in a row."""
    kept: list[str] = []
    for line in lines:
        if line.strip() or any(earlier.strip() for earlier in kept[-2:]):
            kept.append(line)
    return "\n".join(kept).strip()
