"""Make hostile files of predictions for any task of files, each from a good one, with the verdict that it must end with."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import Verdict
from grader.task.file_formats import read_arrays, read_records, read_zip
from grader.task.files_table import RECORDS, ZIP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from grader.task.files_table import ColumnTable, FilesTable, FileTable

    Row = dict[str, Any]

_UNREADABLE, _WRONG = Verdict.INVALID_FILE, Verdict.INVALID_OUTPUT
_CLAIMED = 10**12  # values that a header promises and nobody sends
_DEPTH = 100_000
_PICKLE = b"\x80\x02cbuiltins\nexit\nK\x01\x85R."  # where somebody loads it, `exit(1)` is called
_TERMINAL = "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>"


@dataclass(frozen=True)
class HostileFile:
    """A file, what it tries, and the verdict that it must end with."""

    attack: str
    data: bytes
    expected: Verdict


def hostile_files(good: bytes, files: FilesTable) -> list[HostileFile]:
    """Return the hostile files of a task, whose `good` file is one that is scored."""
    attacks = [*_of_bytes(good, files)]
    if files.ending == ZIP:
        attacks += _of_zips(good, files)
        members = read_zip(files.name, good, files.max_bytes)
        for table in files.members:
            inside = next(name for name in members if name.rpartition("/")[2] == table.name)
            for attack in _of_table(table, members[inside], files.max_bytes):
                data = _zipped({**members, inside: attack.data})
                attacks.append(HostileFile(f"{table.name}: {attack.attack}", data, attack.expected))
    else:
        attacks += _of_table(files, good, files.max_bytes)
    return attacks


def _of_bytes(good: bytes, files: FilesTable) -> Iterator[HostileFile]:
    """Yield what is no such file at all."""
    cap = files.max_bytes + 1
    yield HostileFile("nothing", b"", _UNREADABLE)
    yield HostileFile("white space", b" \n" * 10, _UNREADABLE)
    yield HostileFile("random bytes", np.random.default_rng(0).bytes(2000), _UNREADABLE)
    yield HostileFile("a byte too many", (good + b" " * cap)[:cap], _UNREADABLE)
    yield HostileFile("a pickle that runs a program", _PICKLE, _UNREADABLE)
    yield HostileFile("packed with gzip", gzip.compress(good, mtime=0), _UNREADABLE)
    yield HostileFile("text of another encoding", b"\xff\xfe" + good.hex().encode("utf-16-le"), _UNREADABLE)


def _of_zips(good: bytes, files: FilesTable) -> Iterator[HostileFile]:
    members = read_zip(files.name, good, files.max_bytes)
    first = min(members)
    yield HostileFile("a zip bomb", _zipped({first: bytes(files.max_bytes + 1)}), _UNREADABLE)
    yield HostileFile("a path that climbs out", _zipped({**members, "../../evil.csv": b"x"}), _WRONG)
    yield HostileFile("a member is missing", _zipped({first + ".txt": b"x"}), _WRONG)
    yield HostileFile("one more member", _zipped({**members, "more.csv": b"x"}), _WRONG)
    yield HostileFile("cut off", good[: len(good) // 2], _UNREADABLE)


def _zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def _of_table(table: FileTable, good: bytes, max_bytes: int) -> Iterator[HostileFile]:
    if table.ending in RECORDS:
        yield from _of_records(table, good)
    else:
        yield from _of_arrays(table, good, max_bytes)


def _of_records(table: FileTable, good: bytes) -> Iterator[HostileFile]:
    """Yield files with spoilt rows, and texts that a careless reader chokes on."""
    rows = [dict(record.values) for record in read_records(table.name, good)]
    column = table.columns[0]
    yield from _of_values(table, rows, column)

    def changed(attack: str, other: list[Row], expected: Verdict = _WRONG) -> HostileFile:
        return HostileFile(attack, _written(table, other), expected)

    yield changed("a row is missing", rows[:-1])
    yield changed("a row twice", [*rows, rows[0]])
    yield changed("no rows", [])
    if table.id:
        yield changed("rows in another order", rows[::-1], Verdict.SCORED)
        yield changed("an id that nobody has", [{**rows[0], table.id: "nobody"}, *rows[1:]])
        yield changed("an id for terminals and pages", [{**rows[0], table.id: _TERMINAL}, *rows[1:]])
    yield changed("a column too many", [{**row, "more": 1} for row in rows])
    yield changed("a column is misnamed", [_renamed(row, column.name) for row in rows])
    if table.ending == ".csv":
        yield HostileFile("a field of a million characters", good + b"x" * 1_000_000, _UNREADABLE)
        yield HostileFile("a quote without its end", good + b'"', _UNREADABLE)
    else:
        yield HostileFile("brackets of no end", b"[" * _DEPTH, _UNREADABLE)
        yield HostileFile("a number of no end", b"[" + b"9" * _DEPTH + b"]", _UNREADABLE)


def _of_values(table: FileTable, rows: list[Row], column: ColumnTable) -> Iterator[HostileFile]:
    wrong: dict[str, Any] = {
        "a formula": "=1+1", "an empty value": "", "a text for terminals": _TERMINAL, "NaN": float("nan"),
        "an infinity": float("inf"), "a huge integer": 10**30,
    }  # fmt: skip
    for attack, value in wrong.items():
        if column.type == "text" and not column.choices:
            continue  # any text is allowed there
        spoilt = [{**rows[0], column.name: value}, *rows[1:]]
        yield HostileFile(attack, _written(table, spoilt), _WRONG)


def _renamed(row: Row, name: str) -> Row:
    return {f"{key} " * 2 if key == name else key: value for key, value in row.items()}


def _written(table: FileTable, rows: list[Row]) -> bytes:
    """Return rows as the bytes of a file."""
    if table.ending == ".json":
        return json.dumps(rows).encode()
    if table.ending == ".jsonl":
        return "".join(f"{json.dumps(row)}\n" for row in rows).encode() or b"\n{}"
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else list(table.names))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _of_arrays(table: FileTable, good: bytes, max_bytes: int) -> Iterator[HostileFile]:
    """Yield files with spoilt arrays, and headers that promise what is not there."""
    arrays = read_arrays(table.name, good, max_bytes)
    name = table.columns[0].name if table.ending != ".npy" else ""

    def changed(attack: str, other: NDArray[Any], expected: Verdict = _WRONG) -> HostileFile:
        return HostileFile(attack, _packed(table, {**arrays, name: other}), expected)

    array = arrays[name]
    yield changed("a row is missing", array[:-1])
    yield changed("a row twice", np.concatenate([array, array[:1]]))
    yield changed("no rows", array[:0])
    yield changed("one axis more", array[..., None])
    yield changed("a single number", np.array(1.0))
    if array.dtype.kind == "f":
        for attack, value in (("NaN", np.nan), ("an infinity", np.inf)):
            spoilt = array.copy()
            spoilt.flat[0] = value
            yield changed(attack, spoilt)
    yield HostileFile("cut off", good[: len(good) // 2], _UNREADABLE)
    if table.ending == ".safetensors":
        yield HostileFile("a header of no end", (2**62).to_bytes(8, "little") + b"{}", _UNREADABLE)
        return
    yield changed("complex numbers", np.ones(array.shape, complex), _UNREADABLE)
    yield changed("objects, which are pickled", np.array([{} for _ in array], object), _UNREADABLE)
    bomb = _npy(array)[:8] + _header(array.dtype.str)
    whole = bomb if table.ending == ".npy" else _zipped({f"{name}.npy": bomb})
    yield HostileFile("a header that promises a terabyte", whole, _UNREADABLE)
    if table.ending == ".npz":
        yield HostileFile("a zip bomb", _zipped({f"{name}.npy": bytes(max_bytes + 1)}), _UNREADABLE)


def _header(kind: str) -> bytes:
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': ({_CLAIMED},), }}\n".encode()
    return len(text).to_bytes(2, "little") + text


def _npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _packed(table: FileTable, arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return arrays as the bytes of a file."""
    if table.ending == ".npy":
        return _npy(arrays[""])
    if table.ending == ".npz":
        return _zipped({f"{key}.npy": _npy(array) for key, array in arrays.items()})
    from safetensors.numpy import save  # noqa: PLC0415 -- few tasks need it

    return save({key: np.ascontiguousarray(array) for key, array in arrays.items()})
