"""Take the functions out of a task's notebook, so that tests can call them without data and without training."""

from __future__ import annotations

import ast
import contextlib
import json
from types import SimpleNamespace
from typing import Any

from grader.task.build import build
from grader.task.spec import load_task

_LIBRARIES = {"np", "torch", "nn"}  # an assignment may call these; what calls anything else needs the data


def code_cells(task_id: str, *, solution: bool = False) -> list[str]:
    """Return the sources of the code cells of the starter, or of the solution."""
    built = build(load_task(task_id))
    cells = json.loads(built.solution if solution else built.starter)["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def definitions(task_id: str, *, solution: bool = False) -> Any:
    """Return a namespace of the notebook's imports, functions, classes and constants; nothing else of it is run."""
    found = SimpleNamespace()
    names = vars(found)  # what a test sets as an attribute, the functions see
    for text in code_cells(task_id, solution=solution):
        for node in ast.parse(text).body:
            if _is_definition(node):
                with contextlib.suppress(NameError):  # it is made from the data, which are not here
                    exec(compile(ast.Module([node], []), "notebook", "exec"), names)
    return found


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
        return all(_root(function) in _LIBRARIES for function in calls)
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
