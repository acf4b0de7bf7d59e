"""Check that nobody finds the seeds of hidden data or networks: none is narrow, and the function gets none but its own."""

from __future__ import annotations

import ast
import random
import socket
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.findings import Finding, found
from grader.lint.task.entries import arguments_of
from grader.notebooks.program import parse
from grader.sandbox.inside import wire
from grader.sandbox.process import crossing_of
from grader.task.source import data_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from grader.lint.task.notebooks import Subject
    from grader.task.evaluation import Repeat
    from grader.task.limits import Limits

_PARAMETER = "SEED"  # as papermill sets it
_SEEDING = {"default_rng", "seed", "manual_seed", "RandomState", "Random", "SeedSequence", "seed_everything"}
_OF_32_BITS = {"seed", "RandomState"}  # of numpy; they refuse wider numbers
_STATES = {"set_rng_state", "set_state"}  # of a generator: they take all of its words
_DRAWING = {"integers", "randint", "randrange", "getrandbits", "random_integers"}
_WIDE_BITS = 62
_WIDE = 2**62
_LARGE = 2**24  # no count of anything in an argument
_DRAWS = 64  # the first ones of each generator are compared
_STREAMS = 8


def check_seeds(subject: Subject) -> Finding:
    """Check in the text that no seed is cut or drawn from a generator, and that functions get none that is not declared."""
    of_trainer = [cell for cell in subject.protected if "slot-imports" not in cell.tags]
    texts = [(cell.label, cell.text) for cell in of_trainer]
    texts.append(("data.py", data_source(subject.task.folder)))
    wrong = [sentence for label, text in texts for sentence in _of_text(label, parse(text))]
    wrong += [s for cell in subject.protected for s in _of_calls(cell.label, parse(cell.text), subject)]
    return found(
        "seeds", wrong, "wide, derived, and only those that the signature declares reach the function"
    )


def check_first_call(subject: Subject, repeat: Repeat) -> Finding:
    """Check in a run that no number that the function gets first is the trainer's seed, or a draw of its generators.

    The function could try all such seeds, and would know the networks and the order of everything.
    """
    frames = sorted(repeat.inputs.parent.glob("first_call-*.frame"))
    if not frames:
        return found("seeds in arguments", [], "no first call was kept; nothing was compared")
    wrong, count = [], 0
    for frame in frames[:1]:
        question = decoded(frame, subject.task.spec.limits)
        entry, values = question["entry"], question["args"]
        names = arguments_of(subject.task.spec.signature, entry.rpartition(".")[2]) or []
        more = [f"argument {position}" for position in range(len(names) + 1, len(values) + 1)]
        known = predictable(repeat.trainer_seed)
        for name, value in [*zip([*names, *more], values, strict=False), *question.get("kwargs", {}).items()]:
            if isinstance(value, int) and not isinstance(value, bool):
                count += 1
                wrong += [f"{entry} gets as {name} {reason}" for reason in _reasons(value, name, known)]
    return found(
        "seeds in arguments", wrong, f"{count} numbers of the first call, no seed of the run among them"
    )


def _of_text(label: str, tree: ast.Module) -> Iterator[str]:
    """Find seeds that are cut to few bits, and generators that are seeded by a draw of another."""
    in_lists = {
        id(part) for node in ast.walk(tree) if isinstance(node, (ast.List, ast.Tuple)) for part in node.elts
    }
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(operand, ast.Mod() | ast.BitAnd(), bound) if _names_seed(operand):
                if id(node) not in in_lists and _constant(bound) < _WIDE:
                    yield f"{label}: `{ast.unparse(node)}` leaves few enough seeds to try them all; keep all bits"
            case ast.Call(function, arguments) if _called(function) in _SEEDING and arguments:
                yield from _of_seeding(label, node, arguments[0])
            case ast.Assign([ast.Name(name)], value) if "seed" in name.lower() and _draws(value):
                yield f"{label}: `{name}` is drawn by a generator; derive it by a hash with a purpose of its own"
    yield from _of_narrow_generators(label, tree)


def _of_seeding(label: str, call: ast.Call, seed: ast.expr) -> Iterator[str]:
    if _draws(seed):
        yield f"{label}: `{ast.unparse(call)}` takes a draw as its seed; derive it by a hash with a purpose of its own"
    of_numpy = ast.unparse(call.func).startswith(("np.", "numpy."))
    if of_numpy and _called(call.func) in _OF_32_BITS and isinstance(seed, ast.Name) and _names_seed(seed):
        yield f"{label}: `{ast.unparse(call)}` takes 32 bits at most; use np.random.default_rng"
    bits = [part.value for part in ast.walk(seed) if isinstance(part, ast.keyword) and part.arg == "bits"]
    if any(_constant(count) < _WIDE_BITS for count in bits):
        yield f"{label}: `{ast.unparse(call)}` gets few enough bits to try them all; only the function's seeds are that short"


def _of_narrow_generators(label: str, tree: ast.Module) -> Iterator[str]:
    """Find what uses 32 bits of any seed: PyTorch on the CPU, Sobol engines, scikit-learn."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    has_state = any(_called(call.func) in _STATES for call in calls)
    for call in calls:
        named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        seeds: list[ast.expr] = []
        if _called(call.func) == "manual_seed" and not has_state and "cuda" not in ast.unparse(call.func):
            seeds = [*call.args[:1], *named.values()]
        elif _called(call.func) == "SobolEngine":
            seeds = [*call.args[2:3], *(value for name, value in named.items() if name == "seed")]
        elif "random_state" in named and _names_seed(named["random_state"]):
            seeds = [named["random_state"]]
        if any(not isinstance(seed, ast.Constant) for seed in seeds):
            yield (
                f"{label}: `{ast.unparse(call)}` uses 32 bits of its seed; draw with np.random.default_rng, "
                "or seed all generators as tasks/cells/seeds.py does"
            )


def _of_calls(label: str, tree: ast.Module, subject: Subject) -> Iterator[str]:
    """Find calls of the entries and their methods with the trainer's own seed, or with a seed where the signature declares none."""
    spec = subject.task.spec
    callables = {*spec.entries, *(name for names in spec.methods.values() for name in names)}
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or _called(call.func) not in callables:
            continue
        entry = _called(call.func)
        names = arguments_of(spec.signature, entry) or []
        starred = any(isinstance(argument, ast.Starred) for argument in call.args)
        named = [(keyword.value, keyword.arg) for keyword in call.keywords if keyword.arg]
        for argument, name in [*_paired(call.args, names, from_end=starred), *named]:
            if isinstance(argument, ast.Name) and argument.id == _PARAMETER:
                yield f"{label}: {entry} gets {_PARAMETER} itself; derive its seed by a hash, below 2**32"
            elif _names_seed(argument) and "seed" not in name.lower():
                yield f"{label}: {entry} gets `{ast.unparse(argument)}` as {name}, which the signature does not call a seed"


def _paired(
    arguments: Sequence[ast.expr], names: Sequence[str], *, from_end: bool
) -> list[tuple[ast.expr, str]]:
    """Return arguments with the names of their parameters; behind `*arrays`, only the last ones can be told."""
    if not from_end:
        return list(zip(arguments, names, strict=False))
    plain = []
    for pair in zip(reversed(arguments), reversed(names), strict=False):
        if isinstance(pair[0], ast.Starred):
            break
        plain.append(pair)
    return plain


def _reasons(value: int, name: str, known: set[int]) -> Iterator[str]:
    if value in known:
        yield f"the trainer's {_PARAMETER} or a draw of a generator that starts from it; derive it by a hash"
    elif value >= _LARGE and "seed" not in name.lower():
        yield "a number as large as a seed, but the signature does not call it one"
    elif value >= 2**32:
        yield "a seed of more than 32 bits, which NumPy refuses"


def predictable(seed: int) -> set[int]:
    """Return what generators that start from a seed draw first, and the seed with its neighbours."""
    known = {*range(max(0, seed - _DRAWS), seed + _DRAWS)}
    for stream in ([seed], *([seed, number] for number in range(_STREAMS))):
        for bits in (31, 32, 63):
            known.update(np.random.default_rng(stream).integers(2**bits, size=_DRAWS).tolist())
    for bits in (31, 32, 63, 64):
        generator = random.Random(seed)  # noqa: S311 -- what a task may have used
        known.update(generator.getrandbits(bits) for _ in range(_DRAWS))
    return {number for number in known if number >= 2**16}


def decoded(path: Path, limits: Limits) -> dict[str, Any]:
    """Return the question in a file that a trainer left."""
    near, far = socket.socketpair()
    with near, far:
        sender = threading.Thread(target=near.sendall, args=(path.read_bytes(),), daemon=True)
        sender.start()
        question: dict[str, Any] = wire.receive(far, crossing_of(limits).arguments)
        sender.join()
    return question


def _called(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def _names_seed(node: ast.expr) -> bool:
    """Return whether an expression has a name of a seed, its functions' names included."""
    return any(
        "seed" in (getattr(part, "id", "") or getattr(part, "attr", "")).lower() for part in ast.walk(node)
    )


def _draws(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call) and _called(part.func) in _DRAWING for part in ast.walk(node))


def _constant(node: ast.expr) -> int:
    """Return the value of an expression of whole numbers such as 2**32, or one that is wide enough."""
    match node:
        case ast.Constant(int(value)):
            return value
        case ast.BinOp(left, operator, right):
            sides = _constant(left), _constant(right)
            if isinstance(operator, ast.Pow) and max(sides) < _LARGE:
                return min(int(sides[0] ** min(sides[1], 128)), _WIDE)
            if isinstance(operator, ast.Sub) and max(sides) <= _WIDE:
                return sides[0] - sides[1]
            if isinstance(operator, ast.LShift) and max(sides) < _LARGE:
                return min(sides[0] << min(sides[1], 128), _WIDE)
    return _WIDE
