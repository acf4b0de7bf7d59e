"""Find calls in the slot that the sandbox refuses, and those that do something else there than in a notebook."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.lint.notebook.calls import imports_of
from grader.lint.notebook.diagnostic import Severity, span_of
from grader.notebooks.calls import all_calls, argument, dotted, unguarded_calls
from grader.notebooks.refused import known_names, refusal
from grader.sandbox.inside.libraries import NO_WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.lint.notebook.names import Problem
    from grader.lint.notebook.program import Program
    from grader.notebooks.reading import Json

_NO_ACTION = "no action needed: what is returned is the same"
_JOBS = ("joblib.Parallel", "joblib.parallel_config", "joblib.parallel_backend")


def refused_calls(program: Program, starter: Json, granted: frozenset[str]) -> Iterator[Problem]:
    """Find each call that fails when it is graded, whatever its arguments hold; a task has `granted` some kinds."""
    known = known_names([*imports_of(starter), program.tree])
    for call in unguarded_calls(program.tree):
        needed = refusal(call, known, granted)
        if needed is not None:
            span = span_of(call, program.lines)
            yield Severity.WARNING, needed.kind, span, needed.sentence, needed.help


def changed_calls(program: Program, starter: Json) -> Iterator[Problem]:
    """Find what `grader.sandbox.inside.libraries` makes of workers and compilers; each sort is reported once."""
    known = known_names([*imports_of(starter), program.tree])
    reported: set[str] = set()
    for node in _calls_and_decorators(program.tree):
        kind, sentence = _change(node, known)
        if kind and kind not in reported:
            reported.add(kind)
            yield Severity.NOTE, kind, span_of(node, program.lines), sentence, _NO_ACTION


def _calls_and_decorators(tree: ast.Module) -> list[ast.expr]:
    calls = all_calls(tree)
    called = {id(call) for call in calls}
    decorators = [
        decorator
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        for decorator in node.decorator_list
        if id(decorator) not in called
    ]
    return sorted([*calls, *decorators], key=lambda node: (node.lineno, node.col_offset))


def _change(node: ast.expr, known: dict[str, str]) -> tuple[str, str]:
    """Return the kind and the sentence of what changes, both "" where nothing does."""
    call = node if isinstance(node, ast.Call) else None
    name = dotted(call.func if call else node, known)
    if name == "torch.compile":
        return "not-compiled", "torch.compile returns the function as it is when graded: there is no compiler"
    if call is None:
        return "", ""
    if name.startswith("torch.utils.data.") and name.endswith(".DataLoader"):
        given = _exceeds(argument(call, "num_workers", 5), 0)
        return ("workers", f"`num_workers` {NO_WORKERS}") if given else ("", "")
    if name.startswith("sklearn.") or name in _JOBS:
        given = _exceeds(argument(call, "n_jobs", 0 if name == "joblib.Parallel" else None), 1)
        return (
            ("jobs", "`n_jobs` starts threads when graded, never processes: they share what they change")
            if given
            else ("", "")
        )
    return "", ""


def _exceeds(count: ast.expr | None, most: int) -> bool:
    """Return whether a count of workers is surely another than `most` or fewer; a negative one stands for all cores."""
    match count:
        case ast.Constant(value=int() as number):
            return number > most
        case ast.UnaryOp(op=ast.USub()) | ast.Call() | ast.BinOp():
            return True
    return False
