"""Find programs that are alike, whatever their comments, layout and the names of their variables.

A program becomes a sequence of tokens of its syntax tree written anew, without docstrings and with every name that the
program itself binds replaced by the same mark. Two sequences are as alike as their longest common subsequence is long:
the normalised indel similarity, 2 LCS / (n + m), computed bit-parallel by rapidfuzz (Hyyro 2004, "Bit-parallel LCS-length
computation revisited").
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from grader.notebooks.program import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

THRESHOLD = 0.9  # of the similarity, from which two programs are called alike
FEWEST = 60  # tokens; shorter programs are alike by chance
LONGEST = 20_000  # tokens that are compared

_TOKEN = re.compile(r"\w+|[^\w\s]")
_MARK = "_"  # replaces every name that a program binds
_SURROGATES = 0xD800, 0xE000


@dataclass(frozen=True)
class Alike:
    """Two programs, by the keys that they were given with, and their similarity from `THRESHOLD` to 1."""

    left: str
    right: str
    similarity: float


def alike(sources: Mapping[str, str], owners: Mapping[str, Collection[str]]) -> Iterator[Alike]:
    """Yield the pairs of programs that are alike and have no owner in common.

    `owners` are who handed in each program. What cannot be parsed is like nothing.
    """
    sequences = {key: taken for key, source in sources.items() if len(taken := tokens(source)) >= FEWEST}
    for pair in _pairs(sequences):
        if set(owners[pair.left]).isdisjoint(owners[pair.right]):
            yield pair


def similarity(left: str, right: str) -> float:
    """Return how alike two programs are, from 0 to 1; what cannot be parsed is like nothing."""
    both = [tokens(left), tokens(right)]
    return Indel.normalized_similarity(*_encoded(both)) if all(both) else 0.0


def _pairs(sequences: Mapping[str, Sequence[str]]) -> Iterator[Alike]:
    # By length, because only programs of about the same length can be alike: 2 min / (min + max) must reach the threshold.
    keys = sorted(sequences, key=lambda key: (len(sequences[key]), key))
    encoded = _encoded([sequences[key] for key in keys])
    lengths = [len(text) for text in encoded]
    for index, text in enumerate(encoded):
        end = index + 1
        while end < len(encoded) and 2 * lengths[index] >= THRESHOLD * (lengths[index] + lengths[end]):
            end += 1
        if end == index + 1:
            continue
        (row,) = cdist(
            [text], encoded[index + 1 : end], scorer=Indel.normalized_similarity, score_cutoff=THRESHOLD
        )
        for step in row.nonzero()[0]:
            left, right = sorted((keys[index], keys[index + 1 + step]))
            yield Alike(left, right, float(row[step]))


def tokens(source: str) -> list[str]:
    """Return the normalised tokens of a program, at most `LONGEST`; none where it cannot be parsed."""
    try:
        tree = parse(source)
        bound = _Bound()
        bound.visit(tree)
        text = ast.unparse(ast.fix_missing_locations(_Renamed(bound.names).visit(tree)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return _TOKEN.findall(text)[:LONGEST]


def _encoded(sequences: Sequence[Sequence[str]]) -> list[str]:
    """Return each sequence as a text with one character for each token, which is what is compared fastest."""
    numbers: dict[str, int] = {}
    for sequence in sequences:
        for token in sequence:
            numbers.setdefault(token, len(numbers))
    return ["".join(_character(numbers[token]) for token in sequence) for sequence in sequences]


def _character(number: int) -> str:
    """Return a character for a number, the same for numbers beyond all of Unicode; halves of pairs are skipped."""
    low, high = _SURROGATES
    return chr(min(number if number < low else number + high - low, 0x10FFFF))


class _Bound(ast.NodeVisitor):
    """Collects the names that a program binds: variables, arguments, functions, classes."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.names.add(node.id)

    def visit_arg(self, node: ast.arg) -> None:
        self.names.add(node.arg)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.names.add(node.name)
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.names.add(node.name)
        self.generic_visit(node)


class _Renamed(ast.NodeTransformer):
    """Writes one mark for each name that the program binds, and drops docstrings and other loose texts."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = _MARK if node.id in self._names else node.id
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = _MARK
        node.annotation = None
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        node.arg = _MARK if node.arg in self._names else node.arg
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = _MARK
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = _MARK
        self.generic_visit(node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        self.generic_visit(node)
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            vars(node)["body"] = [ast.Pass()]  # a text was all there was
        return node
