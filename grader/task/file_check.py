"""Check a file of predictions against `[files]` and the rows that it must have; what is wrong becomes one sentence with its line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import GraderFault, StudentFault, nearest
from grader.task.file_formats import read_arrays, read_records, read_zip, shown, unreadable, wrong_rows
from grader.task.files_table import IDS_FILE, RECORDS
from grader.text import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from grader.task.file_formats import Record
    from grader.task.files_table import ColumnTable, FilesTable, FileTable

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0+)?")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")  # linear in the digits
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}
_KIND_OF = {"integer": "iu", "number": "iuf", "boolean": "b", "text": "U"}
_DTYPES: dict[str, type] = {"integer": np.int64, "number": np.float64, "boolean": np.bool_}
_LARGEST = 2**63
_COMPARED = 2000  # names that are searched for one that is near
_MAX_TEXT_BYTES = 256 << 20  # NumPy gives every text of an array the room of the longest


@dataclass(frozen=True)
class ExpectedRows:
    """The rows that one file must have: ids, in the order of the answers. Those `unscored` have no answers here."""

    scored: tuple[str, ...]
    unscored: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """All ids."""
        return (*self.scored, *self.unscored)


def read_expected(answers: Path) -> dict[str, ExpectedRows]:
    """Return the rows that each file must have, from the file `ids.json` beside `answers`.

    Raises GraderFault where it is missing or damaged: the task's data.py wrote it.
    """
    path = answers.parent / IDS_FILE
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
        expected = {
            name: ExpectedRows(tuple(map(str, rows["scored"])), tuple(map(str, rows.get("unscored", ()))))
            for name, rows in lists.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GraderFault(f"{IDS_FILE} beside the answers cannot be read: {error}") from error
    for name, rows in expected.items():
        if len(set(rows.all)) < len(rows.all):
            raise GraderFault(f"{IDS_FILE} has an id of {name} twice")
    return expected


def check_file(
    data: bytes, files: FilesTable, expected: Mapping[str, ExpectedRows]
) -> dict[str, NDArray[Any]]:
    """Return the predicted columns, their rows in the order of the scored ids.

    Raises StudentFault, `invalid_file` for a file that cannot be read and `invalid_output` for one with wrong rows, and
    GraderFault where `expected` lacks a file.
    """
    if len(data) > files.max_bytes:
        raise unreadable(
            f"The file has {len(data) >> 10} kB; {files.name} may have at most {files.max_kb} kB."
        )
    if not data.strip():
        raise unreadable(f"The file is empty; hand in {files.name} as your notebook writes it.")
    if missing := {table.name for table in files.tables} - expected.keys():
        raise GraderFault(f"{IDS_FILE} has no rows for {min(missing)}")
    columns: dict[str, NDArray[Any]] = {}
    for table, content in _contents(data, files):
        columns |= _columns(table, content, expected[table.name], files.max_bytes)
    return columns


def _contents(data: bytes, files: FilesTable) -> list[tuple[FileTable, bytes]]:
    """Return each table with the bytes of its file."""
    if not files.members:
        return [(files, data)]
    members = read_zip(files.name, data, files.max_bytes)
    names = [table.name for table in files.members]
    inside = {path.replace("\\", "/").rpartition("/")[2]: content for path, content in members.items()}
    if len(inside) < len(members):
        raise unreadable(
            f"{files.name} has files of the same name in several folders; pack {listed(names)} alone."
        )
    for name in names:
        if name not in inside:
            raise wrong_rows(f"{files.name} does not hold {name}; {_instead(name, inside, 'put it there')}")
    if extra := sorted(inside.keys() - set(names)):
        raise wrong_rows(f"{files.name} also holds {shown(extra[0])}; pack only {listed(names)}")
    return [(table, inside[table.name]) for table in files.members]


def _columns(table: FileTable, data: bytes, rows: ExpectedRows, max_bytes: int) -> dict[str, NDArray[Any]]:
    if table.ending in RECORDS:
        ids, columns = _of_records(table, read_records(table.name, data))
    else:
        ids, columns = _of_arrays(table, read_arrays(table.name, data, max_bytes), len(rows.all))
    if table.id:
        order = _order(table, ids, rows)
    elif len(ids) != len(rows.all):
        raise wrong_rows(f"{table.name} has {len(ids)} rows; write {len(rows.all)}, in the order of the data")
    else:
        order = np.arange(len(rows.scored))
    return {name: column[order] for name, column in columns.items()}


def _order(table: FileTable, ids: Sequence[tuple[str, str]], rows: ExpectedRows) -> NDArray[np.intp]:
    """Return where in the file each scored row is; `ids` are (where, id)."""
    places: dict[str, int] = {}
    known = set(rows.all)
    for number, (where, name) in enumerate(ids):
        if name not in known:
            question = (
                nearest(name[:100], rows.all[:_COMPARED])
                or f"write only the ids of the data, such as {shown(rows.all[0])}"
            )
            raise wrong_rows(f"{where}: there is no {table.id} {shown(name)!r}; {question}")
        if name in places:
            first = ids[places[name]][0].removesuffix(f" of {table.name}")
            raise wrong_rows(
                f"{where}: {table.id} {shown(name)!r} is there twice, first in {first}; keep one of them"
            )
        places[name] = number
    if missing := [name for name in rows.all if name not in places]:
        more = f", and those of {len(missing) - 1} more" if len(missing) > 1 else ""
        raise wrong_rows(
            f"{table.name}: the row of {table.id} {shown(missing[0])!r} is missing{more}; write one for each {table.id}"
        )
    return np.array([places[name] for name in rows.scored], np.intp)


def _of_records(
    table: FileTable, records: Sequence[Record]
) -> tuple[list[tuple[str, str]], dict[str, NDArray[Any]]]:
    """Return where each row is, with its id, and the columns in the order of the file."""
    for record in records:
        _check_names(
            table, record.values.keys(), record.where if table.ending != ".csv" else f"line 1 of {table.name}"
        )
    ids = [(record.where, _id_of(table, record)) for record in records]
    columns: dict[str, NDArray[Any]] = {}
    for column in table.columns:
        values = [
            _nested(
                record.values[column.name], column, column.shape, record.where, is_text=table.ending == ".csv"
            )
            for record in records
        ]
        _refuse_wide(values, column, table.name)
        dtype = _DTYPES.get(column.type, np.str_)
        columns[column.name] = np.array(values, dtype).reshape(len(values), *column.shape)
    return ids, columns


def _refuse_wide(values: Sequence[Any], column: ColumnTable, name: str) -> None:
    """Raise the fault of texts that would fill the memory: many, and one of them long."""
    if column.type == "text":
        for _ in column.shape:
            values = list(chain.from_iterable(values))
        longest = max(map(len, values), default=0)
        if 4 * longest * len(values) > _MAX_TEXT_BYTES:
            raise wrong_rows(f"{name}: a text of {column.name} has {longest} characters; write shorter ones")


def _id_of(table: FileTable, record: Record) -> str:
    if not table.id:
        return ""
    name = record.values[table.id]
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise wrong_rows(f"{record.where}: {table.id} is {shown(name)}; write an id of the data")
    return name.strip() if isinstance(name, str) else str(name) if abs(name) < _LARGEST else "a long number"


def _nested(value: Any, column: ColumnTable, shape: tuple[int, ...], where: str, *, is_text: bool) -> Any:
    """Return a value, or the lists of a value with a shape, as NumPy takes them."""
    if not shape:
        return _value(value, column, where, is_text=is_text)
    if not isinstance(value, list) or len(value) != shape[0]:
        raise _refused(where, column, value)
    return [_nested(item, column, shape[1:], where, is_text=is_text) for item in value]


def _value(value: Any, column: ColumnTable, where: str, *, is_text: bool) -> Any:
    """Return one value in the type of its column; `is_text` says that it stands in csv, where all values are texts."""
    parsed = _PARSERS[column.type](value.strip() if is_text and column.type != "text" else value, is_text)
    if parsed is None or not _is_allowed(parsed, column):
        raise _refused(where, column, value)
    return parsed


def _whole(value: Any, is_text: bool) -> int | None:
    if is_text:
        return int(value.partition(".")[0]) if _WHOLE.fullmatch(value) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST
    return value if is_whole else None


def _number(value: Any, is_text: bool) -> float | None:
    if is_text:
        value = float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e300:
        return None
    return float(value) if np.isfinite(float(value)) else None


def _truth(value: Any, is_text: bool) -> bool | None:
    if is_text:
        return _TRUTHS.get(value.lower())
    return value if isinstance(value, bool) else None


def _as_text(value: Any, is_text: bool) -> str | None:  # noqa: ARG001 -- as the others
    return value if isinstance(value, str) and "\0" not in value and _encodes(value) else None


def _encodes(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


_PARSERS: dict[str, Callable[[Any, bool], Any]] = {
    "integer": _whole, "number": _number, "boolean": _truth, "text": _as_text,
}  # fmt: skip


def _is_allowed(value: Any, column: ColumnTable) -> bool:
    if column.choices and value not in column.choices:
        return False
    if column.type == "text":
        return len(value) <= column.max_characters
    low_enough = column.high is None or value <= column.high
    return low_enough and (column.low is None or value >= column.low)


def _of_arrays(
    table: FileTable, arrays: Mapping[str, NDArray[Any]], count: int
) -> tuple[list[tuple[str, str]], dict[str, NDArray[Any]]]:
    """Return where each row is, with its id, and the columns in the order of the file."""
    if table.ending == ".npy":
        arrays = {table.columns[0].name: arrays[""]}
    _check_names(table, arrays.keys(), table.name)
    for name, array in arrays.items():
        if array.ndim < 1 or len(array) != count:
            shape = "x".join(map(str, array.shape)) or "no rows"
            raise wrong_rows(f"{table.name}: {name} has the shape {shape}; write {count} rows")
    columns = {column.name: _array(arrays[column.name], column, table.name) for column in table.columns}
    names = [""] * count
    if table.id:
        if arrays[table.id].ndim != 1 or arrays[table.id].dtype.kind not in "iuU":
            raise wrong_rows(f"{table.name}: {table.id} is not a list of ids; write the ids of the data")
        names = [str(name) for name in arrays[table.id].tolist()]
    return [(f"row {number} of {table.name}", name) for number, name in enumerate(names, 1)], columns


def _array(array: NDArray[Any], column: ColumnTable, name: str) -> NDArray[Any]:
    if array.shape[1:] != column.shape or array.dtype.kind not in _KIND_OF[column.type]:
        kind = f"{array.dtype} of the shape {'x'.join(map(str, array.shape))}"
        wanted = "x".join(map(str, (len(array), *column.shape)))
        raise wrong_rows(
            f"{name}: {column.name} is {kind}; write {column.wanted}, in an array of the shape {wanted}"
        )
    if column.type == "text":
        for number, text in enumerate(array.reshape(len(array), -1).tolist(), 1):
            for value in text:
                _value(value, column, f"row {number} of {name}", is_text=False)
        return array
    if column.type == "number":
        with np.errstate(over="ignore"):  # what a wider type holds may be infinite here
            array = array.astype(np.float64)
    wrong = _not_allowed(array, column)
    if wrong.any():
        place = np.argwhere(wrong)[0]
        raise _refused(f"row {place[0] + 1} of {name}", column, array[tuple(place)].item())
    return array.astype(_DTYPES[column.type])


def _not_allowed(array: NDArray[Any], column: ColumnTable) -> NDArray[np.bool_]:
    """Return where an array of numbers or booleans holds what its column may not."""
    wrong = np.zeros(array.shape, bool) if column.type != "number" else ~np.isfinite(array)
    if column.low is not None:
        wrong |= array < column.low
    if column.high is not None:
        wrong |= array > column.high
    if column.choices:
        wrong |= ~np.isin(array, column.choices)
    if column.type == "integer" and array.dtype.kind == "u":
        wrong |= array >= _LARGEST
    return wrong


def _check_names(table: FileTable, names: Iterable[str], where: str) -> None:
    """Raise the fault of a file whose columns are not those of the task."""
    given, wanted = list(names), table.names
    for name in wanted:
        if name not in given:
            extra = [other for other in given if other not in wanted][:_COMPARED]
            near = next((other for other in extra if other.strip().lower() == name.lower()), "") or next(
                (other for other in extra if nearest(other, [name])), ""
            )
            advice = f"rename {shown(near)!r} to {name!r}" if near else f"the columns are {', '.join(wanted)}"
            raise wrong_rows(f"{where}: the column {name!r} is missing; {advice}")
    if extra := [name for name in given if name not in wanted]:
        index = " (pandas writes none with index=False)" if extra[0] in ("", "Unnamed: 0") else ""
        raise wrong_rows(f"{where}: the column {shown(extra[0])!r} is too many; remove it{index}")


def _instead(name: str, names: Iterable[str], otherwise: str) -> str:
    near = next((other for other in list(names)[:_COMPARED] if nearest(other, [name])), "")
    return f"rename {shown(near)!r}" if near else otherwise


def _refused(where: str, column: ColumnTable, value: object) -> StudentFault:
    quoted = "empty" if value in ("", None) else shown(value)
    return wrong_rows(f"{where}: {column.name} is {quoted}; write {column.wanted}")
