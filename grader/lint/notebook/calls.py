"""Find calls in the slot that behave differently when graded: they need a GPU, an unseeded generator, or time."""

from __future__ import annotations

import ast
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from grader.lint.notebook.diagnostic import Severity, span_of
from grader.notebooks.calls import dotted, imported_names, unguarded_calls
from grader.notebooks.program import parse
from grader.notebooks.reading import source, tagged
from grader.sandbox.process import site_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.lint.notebook.names import Problem
    from grader.lint.notebook.program import Program
    from grader.notebooks.reading import Json

_ASKS = {"is_available", "is_cuda", "device_count"}  # who asks first knows what to do without a GPU
# Of torch.cuda, what raises where there is none; the rest does nothing there.
_NEEDS_CARD = {
    "current_device", "current_stream", "device", "FloatTensor", "get_device_capability", "get_device_name",
    "get_device_properties", "get_rng_state", "init", "mem_get_info", "reset_peak_memory_stats", "set_device",
    "Stream", "synchronize",
}  # fmt: skip
_OF_DEVICES = {"torch.device", "torch.set_default_device", "torch.Generator"}
_SEEDED_BY_ARGUMENT = {
    "numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.SeedSequence", "numpy.random.seed",
    "random.Random", "random.seed",
}  # fmt: skip
_ALWAYS_NEW = {"os.urandom", "random.SystemRandom", "torch.seed", "torch.random.seed", "uuid.uuid4"}


def gpu_calls(program: Program, starter: Json) -> Iterator[Problem]:
    """Find each line that needs a GPU, unless the slot asks whether there is one."""
    if any(isinstance(node, ast.Attribute) and node.attr in _ASKS for node in ast.walk(program.tree)):
        return
    known, lines = _modules(program, starter), set()
    for call in unguarded_calls(program.tree):
        name = dotted(call.func, known)
        if call.lineno not in lines and _needs_gpu(call, name):
            lines.add(call.lineno)
            yield (
                Severity.WARNING,
                "gpu",
                span_of(call, program.lines),
                "this needs a GPU: your function has none when it is graded, even if the training uses one",
                "remove it: the arguments are on the CPU, and your return value must be too",
            )


def chance_calls(program: Program, starter: Json) -> Iterator[Problem]:
    """Find each source of random numbers that no seed governs."""
    known = _modules(program, starter)
    for call in unguarded_calls(program.tree):
        name = dotted(call.func, known)
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        unseeded = not given or (isinstance(given[0], ast.Constant) and given[0].value is None)
        if name in _ALWAYS_NEW or name.startswith("secrets.") or (name in _SEEDED_BY_ARGUMENT and unseeded):
            seeded = f"`{ast.unparse(call.func)}(0)`" if name in _SEEDED_BY_ARGUMENT else "a seeded generator"
            yield (
                Severity.WARNING,
                "unseeded",
                span_of(call, program.lines),
                "this draws different numbers in each run: the same function may get different points when it is graded again",
                f"use {seeded}, or plain `np.random`, `random` and `torch`: the grader seeds these",
            )


def sleeping_calls(program: Program, starter: Json) -> Iterator[Problem]:
    """Find each pause, which costs time."""
    known = _modules(program, starter)
    for call in unguarded_calls(program.tree):
        if dotted(call.func, known) == "time.sleep":
            text = "this waits, and counts towards the time limit"
            yield Severity.WARNING, "sleep", span_of(call, program.lines), text, "remove it"


def missing_modules(program: Program) -> Iterator[Problem]:
    """Find each import of a module that is not installed here, unless its failure is caught."""
    folders = [str(folder) for folder in site_folders()]
    for node in ast.walk(program.tree):
        if not isinstance(node, (ast.Import, ast.ImportFrom)) or _is_caught(node, program.tree):
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for name in names:
            top = name.partition(".")[0]
            relative = isinstance(node, ast.ImportFrom) and node.level > 0
            there = top in sys.stdlib_module_names or (top and PathFinder.find_spec(top, folders) is not None)
            if relative or not there or name.startswith("google.colab"):
                yield (
                    Severity.WARNING,
                    "no-module",
                    span_of(node, program.lines),
                    f"there is no module `{name}` where your function runs",
                    "files beside the notebook cannot be imported: copy what you need into this cell"
                    if not name.startswith("google")
                    else "it exists only in Colab: remove it",
                )


def _modules(program: Program, starter: Json) -> dict[str, str]:
    """Return the full name of each name that the slot's imports bind."""
    return imported_names([*imports_of(starter), program.tree])


def imports_of(starter: Json) -> list[ast.Module]:
    """Return the cells of a starter that run before the slot, parsed."""
    return [parse(source(cell)) for cell in tagged(starter, "slot-imports")]


def _needs_gpu(call: ast.Call, name: str) -> bool:
    first = call.args[0] if call.args else None
    method = call.func.attr if isinstance(call.func, ast.Attribute) and not name else ""
    last = name.removeprefix("torch.cuda.")
    return (
        method == "cuda"
        or (method in {"to", "new_tensor"} and _is_cuda(first))
        or (name in _OF_DEVICES and _is_cuda(first))
        or (last != name and last in _NEEDS_CARD)
        or any(keyword.arg == "device" and _is_cuda(keyword.value) for keyword in call.keywords)
    )


def _is_cuda(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("cuda")


def _is_caught(statement: ast.stmt, tree: ast.Module) -> bool:
    return any(
        statement in ast.walk(part)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Try, ast.TryStar))
        for part in node.body
    )
