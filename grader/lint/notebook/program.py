"""Parse a slot as it will be run: without IPython's lines and unused functions, and with its names resolved."""

from __future__ import annotations

import ast
import dis
import re
import warnings
from dataclasses import dataclass
from functools import cached_property
from types import CodeType
from typing import TYPE_CHECKING

from grader.notebooks.program import DYNAMIC, binds_unseen, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAGIC = re.compile(r"^[ \t]*[%!?]|^[ \t]*[\w.]+\?{1,2}[ \t]*$|=[ \t]*[!%]\w")
_READS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
_OPTIMIZED = 1  # CO_OPTIMIZED: a function, not a module or the body of a class
_FORGIVING = {"NameError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Read:
    """A name of the slot's namespace that is read, by code that runs, and where."""

    name: str
    node: ast.Name
    late: bool  # by a function, when it is called


class Program:
    """The parsed code of a slot. Raises SyntaxError where it is not Python even without IPython's lines."""

    def __init__(self, text: str, entries: Sequence[str]) -> None:
        self.lines = text.split("\n")
        self.whole = parse(text)
        self.tree = _alive(self.whole, set(entries))
        self._code = _compiled(self.tree)

    @cached_property
    def magics(self) -> list[int]:
        """The numbers of IPython's lines, which keep the cell from being plain Python."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ast.parse("\n".join(self.lines))
            except SyntaxError:
                return [number for number, line in enumerate(self.lines, start=1) if MAGIC.search(line)]
        return []

    @cached_property
    def dynamic(self) -> bool:
        """Whether names may be bound in ways that cannot be read off."""
        return binds_unseen(self.tree)

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names that it binds in its namespace, from within functions too."""
        return frozenset(
            instruction.argval
            for code, _ in _codes(self._code)
            for instruction in dis.get_instructions(code)
            if instruction.opname == "STORE_GLOBAL"
            or (instruction.opname == "STORE_NAME" and code is self._code)
        )

    @cached_property
    def reads(self) -> list[Read]:
        """The names that it reads from its namespace, in the order of the text: as the compiler resolves them."""
        nodes = {
            (node.lineno, node.col_offset, node.id): node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name)
        }
        reads = []
        for code, late in _codes(self._code):
            local = _bound_by_class(code) if code is not self._code else frozenset()
            for instruction in dis.get_instructions(code):
                at = instruction.positions
                if instruction.opname not in _READS or at is None or instruction.argval in local:
                    continue
                node = nodes.get((at.lineno or 0, at.col_offset or 0, instruction.argval))
                if node is not None:
                    reads.append(Read(instruction.argval, node, late))
        return sorted(reads, key=lambda read: (read.node.lineno, read.node.col_offset))

    @cached_property
    def words(self) -> frozenset[str]:
        """All names in it that are given a meaning somewhere, arguments and local names too."""
        return self.binds | {
            node.arg if isinstance(node, ast.arg) else node.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        }

    @cached_property
    def forgiven(self) -> list[tuple[int, int, bool]]:
        """First and last line of each block whose NameError is caught, and whether it is caught by that very name."""
        blocks = []
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.Try, ast.TryStar)):
                caught = {name for handler in node.handlers for name in _caught_by(handler)}
                if caught & _FORGIVING:
                    last = node.body[-1].end_lineno or node.body[-1].lineno
                    blocks.append((node.body[0].lineno, last, "NameError" in caught))
        return blocks

    def tries(self, line: int, *, by_name: bool) -> bool:
        """Return whether a missing name in this line is caught; `by_name`, by somebody who expects just that."""
        return any(first <= line <= last and (named or not by_name) for first, last, named in self.forgiven)


def _alive(module: ast.Module, named: set[str]) -> ast.Module:
    """Return the module without the bodies of top-level functions that nothing names: pasted leftovers never run.

    Their annotations and defaults are evaluated all the same.
    """
    idle = {
        id(node): node
        for node in module.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.decorator_list
    }
    new: list[ast.stmt] = [node for node in module.body if id(node) not in idle]
    while True:
        named |= {name.id for node in new for name in ast.walk(node) if isinstance(name, ast.Name)}
        new = [node for node in idle.values() if node.name in named or named & DYNAMIC]
        if not new:
            break
        for node in new:
            del idle[id(node)]
    return ast.Module(
        [_without_body(idle[id(node)]) if id(node) in idle else node for node in module.body], []
    )


def _without_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    nothing = ast.copy_location(ast.Pass(), function.body[0])
    empty = ast.FunctionDef(function.name, function.args, [nothing], [], function.returns)
    return ast.copy_location(empty, function)


def _compiled(tree: ast.Module) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # a notebook takes it, and so does the sandbox
            code: CodeType = compile(tree, "slot", "exec", flags=flags, dont_inherit=True)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError("the cell is too deeply nested, or holds a NUL") from error
    return code


def _codes(code: CodeType) -> Iterator[tuple[CodeType, bool]]:
    """Yield a code object and those in it, each with whether it is run later, by a call."""
    left = [(code, False)]
    while left:
        outer, late = left.pop()
        yield outer, late
        inner = (constant for constant in outer.co_consts if isinstance(constant, CodeType))
        left += [(constant, late or bool(constant.co_flags & _OPTIMIZED)) for constant in inner]


def _bound_by_class(code: CodeType) -> frozenset[str]:
    """Return the names that the body of a class has for itself."""
    return frozenset(
        instruction.argval for instruction in dis.get_instructions(code) if instruction.opname == "STORE_NAME"
    )


def _caught_by(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"BaseException"}
    return {name.id for name in ast.walk(handler.type) if isinstance(name, ast.Name)}
