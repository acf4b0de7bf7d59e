"""Follow the cells in one mode, without running them: a name that is read must have been bound in that mode.

The flag decides its own branches; every other branch may be taken. A function counts if code that runs names it, so
names that only plots use may be bound where plots are drawn.
"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from grader.findings import Finding, found
from grader.lint.task.bindings import bound_by, names_of
from grader.lint.task.parameters import FLAG
from grader.notebooks.program import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.lint.task.notebooks import Cell, Subject

_GIVEN = {*dir(builtins), "__name__", "__doc__", "get_ipython", "display", "In", "Out", "_"}
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_FORGIVING = {"NameError", "Exception", "BaseException"}


def check_names(subject: Subject) -> Finding:
    """Check that every name is bound where it is read: in the final evaluation, and as students run the notebook."""
    entries = frozenset(subject.task.spec.entries)
    wrong = _Walk(subject.starter, entries, final=True).run()
    # Cells may set the predictions themselves, and then nobody asks for the entry.
    given = entries if subject.task.spec.program.form == "notebook" else frozenset[str]()
    for _, cells in subject.faces:
        wrong += _Walk(cells, entries, final=False, given=given).run()
    return found("names", wrong, "every name is bound before it is read, with and without " + FLAG)


class _Walk:
    """One walk through the cells of a notebook, in one mode."""

    def __init__(
        self,
        cells: Sequence[Cell],
        entries: frozenset[str],
        *,
        final: bool,
        given: frozenset[str] = frozenset(),
    ) -> None:
        self._cells = [cell for cell in cells if cell.is_code]
        self._entries = entries
        self._final = final
        self._flags = {FLAG: final}
        self._bound = {*_GIVEN, *given}
        self._used: set[str] = set()
        self._later: dict[str, tuple[str, set[str]]] = {}  # function: where it is defined, what it reads
        self._missing: dict[str, str] = {}  # name: where it is read
        self._any_name = False
        self._label = ""

    def run(self) -> list[str]:
        """Return a sentence for each missing name."""
        for cell in self._cells:
            self._label = cell.label
            if self._final and (cell.is_slot or "slot-imports" in cell.tags):
                self._bound |= self._entries if cell.is_slot else set()
            else:
                self._block(parse(cell.text).body)
        self._call_functions()
        return [] if self._any_name else [self._sentence(name) for name in sorted(self._missing)]

    def _block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            for left in _pruned(statement, self._flags):
                self._statement(left)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.If() | ast.While():
                self._simple(ast.Expr(node.test))
                self._block([*node.body, *node.orelse])
            case ast.For() | ast.AsyncFor():
                self._simple(ast.Assign([node.target], node.iter, lineno=0))
                self._block([*node.body, *node.orelse])
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    given = item.optional_vars
                    context = item.context_expr
                    self._simple(ast.Assign([given], context, lineno=0) if given else ast.Expr(context))
                self._block(node.body)
            case ast.Try() | ast.TryStar():
                self._try(node)
            case ast.Match():
                self._simple(ast.Expr(node.subject))
                for case in node.cases:
                    self._bound |= {
                        name
                        for part in ast.walk(case.pattern)
                        for name in (getattr(part, "name", None), getattr(part, "rest", None))
                        if name
                    }
                    self._block([*([ast.Expr(case.guard)] if case.guard else []), *case.body])
            case _:
                self._simple(node)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        caught = {
            name.id
            for handler in node.handlers
            for name in (ast.walk(handler.type) if handler.type else [ast.Name("Exception")])
            if isinstance(name, ast.Name)
        }
        before = dict(self._missing)
        self._block(node.body)
        if caught & _FORGIVING:
            self._missing = before
        for handler in node.handlers:
            if handler.type:
                self._simple(ast.Expr(handler.type))
            self._bound |= {handler.name} if handler.name else set()
            self._block(handler.body)
        self._block([*node.orelse, *node.finalbody])

    def _simple(self, node: ast.stmt) -> None:
        """Follow a statement that has no blocks, or runs them later."""
        names = names_of(node)
        self._any_name |= names.any_name
        for name in names.reads - self._bound:
            self._missing.setdefault(name, self._label)
        self._used |= names.reads
        self._bound |= names.binds
        if isinstance(node, ast.Delete):
            self._bound -= names.binds
        nameless = (
            {f"lambda {len(self._later)}"} if not names.binds else set()
        )  # handed to somebody who calls it
        self._used |= nameless
        for name in names.binds | nameless:
            self._later[name] = (self._label, names.later)
        self._note_alias(node)

    def _note_alias(self, node: ast.stmt) -> None:
        """Remember `final = FINAL_EVALUATION_MODE`."""
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, truth(node.value, self._flags)
            if name != FLAG and value is not None and not isinstance(node.value, ast.Constant):
                self._flags[name] = value
            elif name != FLAG:
                self._flags.pop(name, None)

    def _call_functions(self) -> None:
        """Follow the functions that running code names; their names must be bound in the end."""
        left, seen = list(self._used), set(self._used)
        while left:
            label, reads = self._later.get(left.pop(), ("", set()))
            for name in reads:
                if name not in self._bound:
                    self._missing.setdefault(name, label)
                if name not in seen:
                    seen.add(name)
                    left.append(name)

    def _sentence(self, name: str) -> str:
        mode = f"with {FLAG} = {self._final}"
        where, others = self._missing[name], [cell for cell in self._cells if name in bound_by(cell.text)]
        if not others:
            return f"{where} reads {name}, which nothing defines"
        if all(cell.is_slot or "slot-imports" in cell.tags for cell in others):
            return f"{where} reads {name}, which only {others[0].label} defines: that runs in the sandbox, not in the trainer"
        if name in self._bound:
            return f"{where} reads {name} before {others[0].label} defines it, {mode}"
        return f"{where} reads {name}, which {others[0].label} does not define {mode}"


def truth(test: ast.expr, flags: dict[str, bool]) -> bool | None:
    """Return the value of a condition, None where the flags do not decide it."""
    value: bool | None = None
    match test:
        case ast.Constant():
            value = bool(test.value)
        case ast.Name():
            value = flags.get(test.id)
        case ast.UnaryOp(op=ast.Not()):
            inner = truth(test.operand, flags)
            value = None if inner is None else not inner
        case ast.BoolOp():
            decisive = isinstance(test.op, ast.Or)
            values = [truth(part, flags) for part in test.values]
            value = decisive if decisive in values else None if None in values else not decisive
        case ast.Compare(ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(value=bool() as wanted)]):
            inner = truth(test.left, flags)
            value = None if inner is None else inner is wanted
    return value


def _pruned(statement: ast.stmt, flags: dict[str, bool]) -> list[ast.stmt]:
    """Return the parts of a statement that can run, its functions included."""
    left = _Pruner(flags).visit(statement)
    return left if isinstance(left, list) else [left]


class _Pruner(ast.NodeTransformer):
    """Remove what the flags forbid, and what follows a return."""

    def __init__(self, flags: dict[str, bool]) -> None:
        self._flags = flags

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the parts, then close the gaps."""
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                ends = [index for index, part in enumerate(block) if isinstance(part, _ENDS)]
                kept = block[: ends[0] + 1] if ends else block
                setattr(node, name, kept or ([ast.Pass()] if name == "body" else []))
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Keep the branch that runs."""
        value = truth(node.test, self._flags)
        if value is None:
            return self.generic_visit(node)
        return [left for part in (node.body if value else node.orelse) for left in _pruned(part, self._flags)]

    def visit_While(self, node: ast.While) -> ast.AST | list[ast.stmt]:
        """Remove a loop that never starts."""
        if truth(node.test, self._flags) is False:
            return [left for part in node.orelse for left in _pruned(part, self._flags)]
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """Keep the value that is taken."""
        value = truth(node.test, self._flags)
        if value is None:
            return self.generic_visit(node)
        taken: ast.AST = self.visit(node.body if value else node.orelse)
        return taken

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Remove what follows the value that decides."""
        decisive = isinstance(node.op, ast.Or)
        for index, value in enumerate(node.values):
            if truth(value, self._flags) is decisive:
                node.values = node.values[: index + 1]
        if len(node.values) == 1:
            only: ast.AST = self.visit(node.values[0])
            return only
        return self.generic_visit(node)
