"""Parse and hash the program in a cell, and list the names that it defines."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import re
import threading
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)
_QUIET = threading.Lock()  # the filters of warnings belong to all threads
DYNAMIC = {"globals", "locals", "vars", "exec", "eval", "__import__"}  # with these, names come from anywhere
_NO_DESCENT = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MOST_CHARACTERS = 200_000  # a longer one would hold the batch up, and nobody types it
# The parser joins the parts of an imported name in quadratic time: 160 KB of `import a.b.b` take it five seconds.
_IMPORTED = re.compile(r"\b(?:import|from)\b(?:[\w \t\f.,]|\\\n)*+")
_MOST_DOTS = 1_000


def parse(text: str) -> ast.Module:
    """Parse a cell, in silence; IPython's magics count as `pass`.

    Raises SyntaxError where the cell cannot be parsed, for whatever reason.
    """
    if _is_endless(text):
        raise SyntaxError("the cell imports a name of too many parts")
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's invalid escape is no news to the instructor
        try:
            return ast.parse(text)
        except SyntaxError:
            return _parse_without_magic(text)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError("the cell is too deeply nested, or holds a NUL") from error


def parse_or_empty(text: str) -> ast.Module:
    """Parse a cell as `parse` does; one that cannot be parsed counts as empty."""
    try:
        return parse(text)
    except SyntaxError:
        return ast.Module([], [])


def first_magic(text: str) -> str | None:
    """Return the first line of IPython's in a cell that is no Python with it; None where all is Python, or nothing is IPython's."""
    magic = _MAGIC.search(text)
    return magic[0].strip() if magic and not _is_python(text) else None


def _is_python(text: str) -> bool:
    if _is_endless(text):
        return False
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _is_endless(text: str) -> bool:
    return text.count(".") > _MOST_DOTS and any(
        match[0].count(".") > _MOST_DOTS for match in _IMPORTED.finditer(text)
    )


def _parse_without_magic(text: str) -> ast.Module:
    try:
        return ast.parse(_MAGIC.sub(r"\1pass", text))
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError("the cell is too deeply nested, or holds a NUL") from error


def syntax_error(text: str, name: str) -> SyntaxError | None:
    """Return the error with which `text` does not compile as the file `name`, in silence.

    None where it compiles, and where it is too long or too deep to be tried here.
    """
    if len(text) > _MOST_CHARACTERS or _is_endless(text):
        return None
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(
                text, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
            )  # as the slot's process does
        except SyntaxError as error:
            return error.with_traceback(None)
        except (ValueError, RecursionError, MemoryError):
            return None
    return None


def defined_names(text: str) -> frozenset[str]:
    """Return the names that a cell binds at top level; lines of IPython magic are skipped.

    Raises SyntaxError where the cell cannot be parsed, for whatever reason.
    """
    return frozenset(name for name, _ in definitions(parse(text)))


def definitions(code: ast.AST) -> list[tuple[str, ast.AST]]:
    """Return the names that some code binds at top level, each with the node that binds it."""
    bindings: list[tuple[str, ast.AST]] = []
    left: list[ast.AST] = [code]
    while left:
        node = left.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bindings.append((node.name, node))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = (alias.asname or alias.name.split(".")[0] for alias in node.names if alias.name != "*")
            bindings += [(name, node) for name in names]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bindings.append((node.id, node))
        elif not isinstance(node, _NO_DESCENT):
            left.extend(ast.iter_child_nodes(node))
    return bindings


def slot_key(source: str) -> str:
    """Return a hash of the program in `source`: the same whatever its comments, white space and line breaks.

    What cannot be parsed, or is very long, is the same only as itself. The names in it count: a renamed copy is another program.
    """
    form = f"text: {source}"
    if len(source) <= _MOST_CHARACTERS:
        # A ValueError is a number too long to be written in decimal.
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            form = ast.dump(parse(source))
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()


def text_digest(source: str) -> str:
    """Return the SHA-256 of a slot's text."""
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()


def binds_unseen(tree: ast.AST) -> bool:
    """Return whether names may be bound in ways that cannot be read off."""
    nodes = list(ast.walk(tree))
    stars = any(
        alias.name == "*" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    )
    return stars or any(isinstance(node, ast.Name) and node.id in DYNAMIC for node in nodes)


def statements_by_name(body: Sequence[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """Return the statements at top level that bind each name."""
    statements: dict[str, list[ast.stmt]] = {}
    for statement in body:
        for name, node in definitions(statement):
            statements.setdefault(name, []).append(
                node if isinstance(node, (ast.Import, ast.ImportFrom)) else statement
            )
    return statements
