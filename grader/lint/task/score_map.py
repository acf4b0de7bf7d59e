"""Check that task.toml, the statement and `performance()` describe the same metric and the same map to points.

A notebook has the map by `{{ score.rules }}` and `# {{ score.py }}`, which write both, or for balanced accuracy in words of its own.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.findings import Finding, found
from grader.gradebook.metric import BALANCED_ACCURACY
from grader.lint.task.bindings import names_of
from grader.notebooks.program import parse
from grader.task.metrics import balanced_accuracy
from grader.task.scoring import points
from grader.task.scoring_text import RULES_PLACEHOLDER, SCORE_PLACEHOLDER
from grader.task.source import notebook_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.lint.task.notebooks import Subject
    from grader.task.score_table import Score

FUNCTION = "performance"
_GRID = 201  # balanced accuracies from 0 to 1
_SAMPLES = 200  # of each class, for a function that compares labels with predictions
_NUMBER = r"(\d*\.\d+|\d+)"
_DECORATION = re.compile(r"[*$`{}\\]|\\?(?:text|left|right)\b")
_CLAIMS = {  # what a statement says of the map, and which end of it each number is
    re.compile(rf"(?<![\d.])0(?: points?)? (?:at|for|up to|below)\b[^.\d]{{0,40}}{_NUMBER}"): ("floor",),
    re.compile(rf"(?<![\d.])100(?: points?)? (?:at|for|from|above)\b[^.\d]{{0,40}}{_NUMBER}"): ("ceiling",),
    re.compile(rf"\bBAC\s+-\s+{_NUMBER}"): ("floor",),
    re.compile(rf"(?<![\d.]){_NUMBER}\s+-\s+{_NUMBER}"): ("ceiling", "floor"),
}


def check_score_map(subject: Subject) -> Finding:
    """Check that the map rises from 0 to 100, and that it is the same everywhere."""
    score = subject.task.spec.score
    text = notebook_source(subject.task.folder)
    is_written = [RULES_PLACEHOLDER in text, f"\n{SCORE_PLACEHOLDER}\n" in text]
    if all(is_written):
        return found(
            "score map",
            [],
            f"{subject.task.metric.name}: statement and {FUNCTION}() are written from task.toml",
        )
    if subject.task.metric.scorer != BALANCED_ACCURACY.scorer:
        return found("score map", _not_written(is_written), "")
    wrong = [*_not_rising(score), *_of_statement(subject), *_of_function(subject)]
    right = f"0 points at {score.floor:g}, 100 at {score.ceiling:g}: the same in task.toml, statement and {FUNCTION}()"
    return found("score map", wrong, right)


def _not_written(is_written: list[bool]) -> list[str]:
    """Return what is missing in the notebook of a task whose map only the grader's own text can be."""
    places = ((RULES_PLACEHOLDER, "in the statement"), (SCORE_PLACEHOLDER, "as a protected cell"))
    return [
        f"notebook.py needs {placeholder} {place}: statement and {FUNCTION}() of this metric come from task.toml"
        for (placeholder, place), there in zip(places, is_written, strict=True)
        if not there
    ]


def _not_rising(score: Score) -> Iterator[str]:
    if not 0 <= score.floor < score.ceiling <= 1:
        yield f"task.toml: the map must rise within [0, 1], not from {score.floor:g} to {score.ceiling:g}"
    grid = [points(accuracy, score) for accuracy in np.linspace(0, 1, _GRID)]
    if grid != sorted(grid) or (points(score.floor, score), points(score.ceiling, score)) != (0, 100):
        yield "task.toml: the map does not rise from 0 points at its floor to 100 at its ceiling"


def _of_statement(subject: Subject) -> Iterator[str]:
    """Find where the statement gives another number than task.toml, or none."""
    score = subject.task.spec.score
    parts = [part for part in subject.prose() if "scor" in part[0].lower()] or subject.prose()
    claimed: set[str] = set()
    for where, text in parts:
        plain = re.sub(r"\s+", " ", _DECORATION.sub(" ", text))
        for pattern, ends in _CLAIMS.items():
            for match in pattern.finditer(plain):
                if any(float(number) > 1 for number in match.groups()):
                    continue  # no balanced accuracy
                claimed.update(ends)
                for end, number in zip(ends, match.groups(), strict=True):
                    if float(number) != getattr(score, end):
                        yield f"{where}: {match[0].strip()!r}, but the {end} in task.toml is {getattr(score, end):g}"
    for end in ("floor", "ceiling"):
        if end not in claimed:
            yield f"the statement does not say that {0 if end == 'floor' else 100} points are reached at BAC {getattr(score, end):g}"


def _of_function(subject: Subject) -> Iterator[str]:
    """Compare the notebook's function with the grader's, or their numbers where it cannot be called alone."""
    where, statements = needed(subject)
    if not statements:
        yield f"no protected cell defines {FUNCTION}()"
        return
    score = subject.task.spec.score
    try:
        ask = _caller(statements)
        for accuracy, given in map(ask, np.linspace(0, 1, _GRID)):
            wanted = points(accuracy, score)
            if given != wanted:
                yield f"{where}: {FUNCTION}() gives {given} points for BAC {accuracy:.3f}, the grader {wanted}"
                return
    except Exception as error:  # noqa: BLE001 -- the author's code; whatever it raises, the numbers remain
        numbers = {node.value for node in _constants(statements)}
        for end in ("floor", "ceiling"):
            if getattr(score, end) not in numbers:
                yield (
                    f"{where}: {FUNCTION}() does not have the {end} of task.toml, {getattr(score, end):g} "
                    f"(and it cannot be called alone: {type(error).__name__}: {error})"
                )


def needed(subject: Subject) -> tuple[str, list[ast.stmt]]:
    """Return where `performance` is defined, and the statements of protected cells that it needs, in order."""
    lines = [(cell.label, node) for cell in subject.protected for node in parse(cell.text).body]
    where, wanted, kept = "", {FUNCTION}, set[int]()
    grown = True
    while grown:
        grown = False
        for index, (label, node) in enumerate(lines):
            names = names_of(node)
            if index in kept or not names.binds & wanted:
                continue
            where = label if FUNCTION in names.binds else where
            kept.add(index)
            wanted |= names.reads | names.later
            grown = True
    return where, [node for index, (_, node) in enumerate(lines) if index in kept] if where else []


def _caller(statements: list[ast.stmt]) -> Callable[[float], tuple[float, float]]:
    """Return a function of a balanced accuracy that returns a reachable one near it, and the notebook's points for that."""
    names: dict[str, Any] = {}
    exec(compile(ast.Module(statements, []), "notebook", "exec"), names)  # noqa: S102 -- the author's code
    function = names[FUNCTION]
    (definition,) = [
        node for node in statements if isinstance(node, ast.FunctionDef) and node.name == FUNCTION
    ]
    wanted = len(definition.args.args) - len(definition.args.defaults)
    if wanted == 1:
        return lambda accuracy: (float(accuracy), float(function([float(accuracy)])))

    labels = np.repeat([0, 1], _SAMPLES)

    def compare(accuracy: float) -> tuple[float, float]:
        missed = round((1 - accuracy) * _SAMPLES)
        predictions = np.where(np.tile(np.arange(_SAMPLES), 2) < missed, 1 - labels, labels)
        return balanced_accuracy(labels, predictions), float(function(labels, predictions))

    return compare


def _constants(statements: list[ast.stmt]) -> Iterator[ast.Constant]:
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Constant):
                yield node
