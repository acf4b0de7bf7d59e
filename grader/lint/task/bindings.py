"""Find the names of the notebook's namespace that a statement reads, binds, or will read later."""

from __future__ import annotations

import ast
import symtable
from dataclasses import dataclass, field

from grader.notebooks.program import parse

_AT_ONCE = {"listcomp", "setcomp", "dictcomp", "genexpr"}  # scopes that run where they stand
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass
class Names:
    """Names that a piece of code deals with. `later` are those that its functions read when they are called."""

    reads: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    any_name: bool = False  # it has a star import


def names_of(code: ast.stmt | ast.Module) -> Names:
    """Return the names of one statement, or of several as if they were one."""
    module = code if isinstance(code, ast.Module) else ast.Module([code], [])
    table = symtable.symtable(ast.unparse(module), "cell", "exec")
    names = Names()
    for symbol in table.get_symbols():
        if symbol.is_referenced():
            names.reads.add(symbol.get_name())
        if symbol.is_assigned() or symbol.is_imported():
            names.binds.add(symbol.get_name())
    for scope in table.get_children():
        _add_scope(scope, names, late=False)
    for node in _outside_functions(module):
        _correct(node, names)
    return names


def bound_by(text: str) -> frozenset[str]:
    """Return the names that a cell binds in the notebook's namespace, from within functions too."""
    return frozenset(names_of(parse(text)).binds)


def _add_scope(scope: symtable.SymbolTable, names: Names, *, late: bool) -> None:
    """Add the names of the notebook's namespace that an inner scope uses."""
    if scope.get_type() == "function" and scope.get_name() not in _AT_ONCE:
        late = True
    for symbol in scope.get_symbols():
        if symbol.is_global() and symbol.is_referenced():
            (names.later if late else names.reads).add(symbol.get_name())
        if symbol.is_declared_global() and symbol.is_assigned():
            names.binds.add(symbol.get_name())
    for inner in scope.get_children():
        _add_scope(inner, names, late=late)


def _correct(node: ast.AST, names: Names) -> None:
    """Correct the names where a symbol table differs from a run."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        names.reads.add(node.target.id)
    elif isinstance(node, ast.NamedExpr):
        names.binds.add(node.target.id)
        names.reads.discard(node.target.id)  # it depends which of the two comes first
    elif isinstance(node, ast.AnnAssign) and node.value is None and isinstance(node.target, ast.Name):
        names.binds.discard(node.target.id)
    elif isinstance(node, ast.Delete):
        gone = {target.id for target in node.targets if isinstance(target, ast.Name)}
        names.reads |= gone
    elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
        names.any_name = True


def _outside_functions(module: ast.Module) -> list[ast.AST]:
    nodes: list[ast.AST] = []
    left: list[ast.AST] = list(module.body)
    while left:
        node = left.pop()
        nodes.append(node)
        if not isinstance(node, _SCOPES):
            left.extend(ast.iter_child_nodes(node))
    return nodes
