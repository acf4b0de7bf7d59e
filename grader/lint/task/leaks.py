"""Check that no file, array or column that students or the trainer get holds hidden data."""

from __future__ import annotations

import hashlib
import re
import zipfile
from typing import TYPE_CHECKING

from grader.findings import Finding, found
from grader.lint.task.array_search import holds, rows, same_classes, spellings, tells
from grader.lint.task.arrays import PICTURES, payloads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from grader.lint.task.arrays import Column
    from grader.lint.task.data_sets import Hidden, TaskData

_HIDDEN_NAME = re.compile(r"answers?|solutions?|secrets?|inputs|(?<![a-z])(?:tests?|hidden)(?![a-z])")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def check_pack(data: TaskData) -> Finding:
    """Check that neither the public folder nor its zip holds hidden answers or test inputs."""
    wrong = [
        *differences_of_zip(data),
        *hidden_names(data.public, _HIDDEN_NAME),
        *_same_pictures(data.hidden[0], data.public),
    ]
    shares = [0.0]
    for hidden in data.hidden:
        if not hidden.test:
            wrong.append("nothing in inputs is called test, so the check cannot tell what is hidden there")
        wrong += same_files([*hidden.answer_files, *hidden.test_files], data.public)
        wrong += answers_in(data.public, data.public_columns, hidden, "public")
        for column in hidden.test:
            if tells(column.values):
                wrong += [
                    f"public/{mine.name} holds inputs/{column.name}"
                    for mine in data.public_columns
                    if holds(mine.values, column.values)
                ]
            if column.values.ndim > 1:
                shares.append(_share_of_rows(column, data.public_columns))
    right = "the public folder and its zip hold no hidden answers and no hidden array"
    if max(shares) > 0:
        right += (
            f"; but it holds up to {max(shares):.0%} of the hidden samples at other positions, as with a public source: "
            "no slot may see the samples"
        )
    return found("student pack", wrong, right)


def check_inputs(data: TaskData) -> Finding:
    """Check that what the trainer gets holds no answers."""
    wrong: list[str] = []
    for hidden in data.hidden:
        wrong += same_files(hidden.answer_files, hidden.inputs)
        wrong += answers_in(hidden.inputs, hidden.columns, hidden, "inputs")
    return found("inputs", wrong, "the trainer's folder holds no answers, under any name")


def check_zip(data: TaskData) -> Finding:
    """Check that order, times and flags of the zip reveal nothing: names in order, all else the same."""
    with zipfile.ZipFile(data.prepared / "public.zip") as archive:
        members, comment = archive.infolist(), archive.comment
    names = [member.filename for member in members]
    wrong = []
    if names != sorted(names):
        first = next(name for name, other in zip(names, sorted(names), strict=True) if name != other)
        wrong.append(f"the members of public.zip are not in the order of their names: {first}")
    if {member.date_time for member in members} - {_EPOCH}:
        wrong.append("the members of public.zip have times of their own")
    if len({(member.external_attr, member.create_system, member.extra) for member in members}) > 1:
        wrong.append("the members of public.zip have different flags")
    if comment or any(member.comment for member in members):
        wrong.append("public.zip has comments")
    return found("zip", wrong, "members in the order of their names, with the same times and flags")


def differences_of_zip(data: TaskData) -> Iterator[str]:
    """Find where the zip differs from the folder."""
    files = {
        path.relative_to(data.public).as_posix(): path for path in data.public.rglob("*") if path.is_file()
    }
    with zipfile.ZipFile(data.prepared / "public.zip") as archive:
        names = archive.namelist()
        if sorted(names) != sorted(files):
            differing = sorted(set(names) ^ set(files)) or sorted(names)
            yield f"public.zip and the public folder do not hold the same files: {differing[0]}"
        for name in sorted(set(names) & set(files)):
            if archive.read(name) != files[name].read_bytes():
                yield f"public.zip: {name} is not the file of the public folder"


def hidden_names(public: Path, pattern: re.Pattern[str]) -> Iterator[str]:
    """Find files and folders of the public folder whose names, in small letters, hold what hidden data are called."""
    for path in sorted(public.rglob("*")):
        hit = pattern.search(path.name.lower())
        if hit:
            yield f"public/{path.relative_to(public).as_posix()} is called {hit[0]}: hidden data do not belong there"


def same_files(hidden: Iterable[Path], folder: Path) -> Iterator[str]:
    """Yield a sentence for each hidden file in `folder`; single pictures are checked as rows of an array instead."""
    known = {
        _digest(path): f"{path.parent.name}/{path.name}"
        for path in hidden
        if path.stat().st_size and path.suffix.lower() not in PICTURES
    }
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() not in PICTURES and (other := known.get(_digest(path))):
            yield f"{folder.name}/{path.relative_to(folder).as_posix()} is the hidden file {other}"


def _same_pictures(prepared: Hidden, public: Path) -> Iterator[str]:
    """Find public pictures that are hidden ones of the same seed; other seeds draw from the same source."""
    known = {_digest(path): path for path in prepared.test_files if path.suffix.lower() in PICTURES}
    for path in sorted(public.rglob("*")):
        if path.suffix.lower() in PICTURES and (other := known.get(_digest(path))):
            yield (
                f"public/{path.relative_to(public).as_posix()} is the hidden picture "
                f"inputs/{other.relative_to(prepared.inputs).as_posix()}"
            )


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def answers_in(folder: Path, known: Iterable[Column], hidden: Hidden, name: str) -> Iterator[str]:
    """Yield a sentence for each column of `known`, and each file of `folder` in any format, that holds the answers; `name` is its own."""
    truth = {key: labels for key, labels in hidden.truth.items() if tells(labels)}
    for key, labels in truth.items():
        for column in known:
            if holds(column.values, labels) or same_classes(column.values, labels):
                yield f"{name}/{column.name} holds the answers {key!r}"
    patterns = [(key, spelling) for key, labels in truth.items() for spelling in spellings(labels)]
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix.lower() in PICTURES:
            continue
        contents = list(payloads(path))
        for key, spelling in patterns:
            if any(spelling in content for content in contents):
                yield f"{name}/{path.relative_to(folder).as_posix()} holds the answers {key!r}, byte for byte"


def _share_of_rows(column: Column, known: Iterable[Column]) -> float:
    """Return the share of a hidden array's samples that are anywhere in the known arrays."""
    mine = rows(column.values)
    seen = set().union(
        *(rows(other.values) for other in known if other.values.shape[1:] == column.values.shape[1:])
    )
    return len(mine & seen) / len(mine)
