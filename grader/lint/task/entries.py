"""Check that the entry functions have the same names in task.toml, statement, slot and protected cells."""

from __future__ import annotations

import ast
import difflib
import re
from typing import TYPE_CHECKING

from grader.findings import Finding, found
from grader.notebooks.program import defined_names, parse
from grader.notebooks.whole_program import RESULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.lint.task.notebooks import Subject

_YOURS = re.compile(r"\byour_\w+")
_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\(")
_NEAR = 0.8  # of 1: how alike a misspelt name is


def check_entries(subject: Subject) -> Finding:
    """Check that every mention of an entry function is one of the entries, with the same arguments."""
    entries = subject.task.spec.entries
    wrong = [
        *_of_signature(subject),
        *_of_prose(subject),
        *_of_slots(subject),
        *_of_protected(subject),
    ]
    return found("entries", wrong, f"{', '.join(entries)}: the same in task.toml, statement, slot and calls")


def arguments_of(signature: str, entry: str) -> list[str] | None:
    """Return the names of the arguments of an entry in a signature in words, None where it is missing there.

    Text after a colon (a type, a shape) or an equals sign is not part of a name; `*` and `/`, which only divide, are no names.
    """
    start = re.search(rf"\b{re.escape(entry)}\(", signature)
    if start is None:
        return None
    depth, names, current = 1, [], ""
    for character in signature[start.end() :]:
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 or (depth == 1 and character == ","):
            names.append(re.split("[:=]", current)[0].strip())
            current = ""
        else:
            current += character
        if depth == 0:
            break
    return [name for name in names if name not in ("", "*", "/")]


def _of_signature(subject: Subject) -> Iterator[str]:
    spec = subject.task.spec
    named = set(_CALLED.findall(spec.signature)) - {name for names in spec.methods.values() for name in names}
    for name in sorted(named - set(spec.entries)):
        yield f"task.toml: the signature has {name}, which is not an entry ({', '.join(spec.entries)})"
    for name in spec.entries:
        if name not in named:
            yield f"task.toml: the signature does not have the entry {name}"


def _of_prose(subject: Subject) -> Iterator[str]:
    spec = subject.task.spec
    parts = [("task.toml: title", spec.title), ("task.toml: story", spec.story), *subject.prose()]
    known = {*spec.entries, *_names_in_code(subject)}
    mentioned: set[str] = set()
    for where, text in parts:
        for name in _YOURS.findall(text):
            if name not in spec.entries:
                yield f"{where}: mentions {name}; the entry is {_nearest(name, spec.entries)}"
        for span in (match[2] for match in _SPAN.finditer(text)):
            words = set(_NAME.findall(span))
            mentioned |= words & set(spec.entries)
            for word in sorted(words - known):
                if not _YOURS.fullmatch(word) and difflib.get_close_matches(word, spec.entries, cutoff=_NEAR):
                    yield f"{where}: mentions {word}; the entry is {_nearest(word, spec.entries)}"
            yield from _other_arguments(where, span, subject)
    for name in spec.entries:
        if name not in mentioned:
            yield f"the statement never names {name} (as code, in backticks)"


def _other_arguments(where: str, span: str, subject: Subject) -> Iterator[str]:
    """Find where the statement shows an entry with other arguments than its signature."""
    spec = subject.task.spec
    called = re.fullmatch(r"(\w+)\(\s*(\w+(?:\s*,\s*\w+)*)\s*\)", span)
    if called and called[1] in spec.entries:
        shown = re.findall(r"\w+", called[2])
        wanted = arguments_of(spec.signature, called[1])
        if wanted is not None and shown != wanted:
            yield f"{where}: {span} has other arguments than the signature in task.toml"


def _of_slots(subject: Subject) -> Iterator[str]:
    spec = subject.task.spec
    for face, text in subject.slots():
        for name in sorted({*_YOURS.findall(text)} - {*spec.entries}):
            yield f"{face}: the slot mentions {name}; the entry is {_nearest(name, spec.entries)}"
        body = parse(text).body
        functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
        for name in spec.entries:
            if name in spec.methods and name in classes:
                yield from _of_class(face, classes[name], subject)
            elif name in spec.methods:
                yield f"{face}: the slot does not define the class {name}"
            elif name not in functions:
                if spec.program.form != "notebook" or RESULT not in defined_names(text):
                    yield f"{face}: the slot does not define {name}"
            else:
                yield from _other_names(face, name, _names_of(functions[name]), spec.signature)


def _of_class(face: str, node: ast.ClassDef, subject: Subject) -> Iterator[str]:
    """Find methods that a class of the slot lacks, or has with other arguments; what it inherits cannot be seen."""
    spec = subject.task.spec
    methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
    for name in spec.methods[node.name]:
        if name in methods:
            yield from _other_names(face, name, _names_of(methods[name])[1:], spec.signature)
        elif not node.bases:
            yield f"{face}: the class {node.name} of the slot has no method {name}"
    if "__init__" in methods:
        yield from _other_names(face, node.name, _names_of(methods["__init__"])[1:], spec.signature)


def _names_of(function: ast.FunctionDef) -> list[str]:
    given = function.args
    return [argument.arg for argument in [*given.posonlyargs, *given.args, *given.kwonlyargs]]


def _other_names(face: str, name: str, given: list[str], signature: str) -> Iterator[str]:
    wanted = arguments_of(signature, name)
    if wanted is not None and given != wanted:
        yield f"{face}: the slot has {name}({', '.join(given)}), the signature ({', '.join(wanted)})"


def _of_protected(subject: Subject) -> Iterator[str]:
    entries = subject.task.spec.entries
    used: set[str] = set()
    for cell in subject.protected:
        for name in sorted({*_YOURS.findall(cell.text)} - {*entries}):
            yield f"{cell.label} mentions {name}; the entry is {_nearest(name, entries)}"
        used |= {node.id for node in ast.walk(parse(cell.text)) if isinstance(node, ast.Name)}
    for name in entries:
        if name not in used:
            yield f"no protected cell uses {name}"


def _names_in_code(subject: Subject) -> set[str]:
    cells = [cell for _, face in subject.faces for cell in face]
    return {name for cell in cells if cell.is_code for name in _NAME.findall(cell.text)}


def _nearest(name: str, entries: tuple[str, ...]) -> str:
    return (difflib.get_close_matches(name, entries, n=1, cutoff=0) or list(entries))[0]
