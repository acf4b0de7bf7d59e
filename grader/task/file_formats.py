"""Read the bytes of a file of predictions: every format becomes rows, and nothing in it is ever unpickled or run."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import StudentFault, Verdict
from grader.files import is_skipped
from grader.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAX_ROWS = 1_000_000
_MOST_SHOWN = 60  # characters of a student's text in a sentence
_EXCERPT_LINES, _EXCERPT_BYTES, _EXCERPT_ARRAYS = 30, 1 << 16, 20 << 20
_MAX_HEADER = 10_000  # characters of the header of an array; as in NumPy
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_KINDS = "biufU"  # of dtypes: no objects, no records, no dates
_LAST_CHARACTER = 0x10FFFF
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, OverflowError, RuntimeError, NotImplementedError, ValueError)  # fmt: skip


@dataclass(frozen=True)
class Record:
    """A row of csv, json or jsonl: where it stands, and its values by column."""

    where: str
    values: Mapping[str, Any]


def shown(value: object) -> str:
    """Return a student's value as a sentence may quote it."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
    except RecursionError:  # the reader of JSON goes a little deeper than the writer
        text = "nested too deeply"
    text = printable(text[: _MOST_SHOWN + 1], "?")
    return f"{text[:_MOST_SHOWN]}..." if len(text) > _MOST_SHOWN else text


def unreadable(sentence: str) -> StudentFault:
    """Return the fault of a file that cannot be read."""
    return StudentFault(Verdict.INVALID_FILE, sentence)


def wrong_rows(sentence: str) -> StudentFault:
    """Return the fault of a file that can be read, and whose rows or columns are not those that are asked for."""
    return StudentFault(Verdict.INVALID_OUTPUT, sentence)


def read_records(name: str, data: bytes) -> list[Record]:
    """Return the rows of a file called `name` that ends in .csv, .json or .jsonl.

    Raises StudentFault: `invalid_file` where it is none, `invalid_output` where its rows have no form.
    """
    text = _text(name, data)
    read = {"csv": _csv, "json": _json, "jsonl": _jsonl}[name.rpartition(".")[2]]
    return read(name, text)


def read_arrays(name: str, data: bytes, max_bytes: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file called `name`: those of npz and safetensors by name, that of npy as "".

    They have `max_bytes` together. Raises StudentFault (`invalid_file`) where the file is none, is too large or holds objects.
    """
    if name.endswith(".npy"):
        return {"": _npy(name, data)}
    if name.endswith(".npz"):
        members = read_zip(name, data, max_bytes)
        arrays = {key.removesuffix(".npy"): _npy(f"{key} in {name}", value) for key, value in members.items()}
        if len(arrays) < len(members):
            raise unreadable(f"{name} has an array twice, with .npy behind its name and without; keep one.")
        return arrays
    return _safetensors(name, data)


def read_zip(name: str, data: bytes, max_bytes: int) -> dict[str, bytes]:
    """Return the files of a zip by name; those of a Mac and folders are none.

    Raises StudentFault (`invalid_file`) where it is no zip, or holds more than `max_bytes`, whatever it says it holds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [
                info
                for info in archive.infolist()
                if not info.filename.endswith("/")  # is_dir() fails on an empty name
                and not is_skipped(info.filename.replace("\\", "/").split("/"))
            ]
            if sum(info.file_size for info in infos) > max_bytes or len(infos) > 1000:
                raise _too_large(name, max_bytes)
            members = {}
            for info in infos:
                if info.flag_bits & 1 or info.compress_type not in _METHODS:
                    raise unreadable(
                        f"{name} is encrypted or packed by an unusual method; pack it as a plain zip."
                    )
                if info.filename in members:
                    raise unreadable(f"{name} has {shown(info.filename)} twice; pack it once.")
                with archive.open(info) as packed:
                    members[info.filename] = packed.read(max_bytes + 1)
                if sum(map(len, members.values())) > max_bytes:
                    raise _too_large(name, max_bytes)
            return members
    except _DAMAGED as error:
        raise unreadable(f"{name} cannot be read as a zip: {shown(str(error))}.") from error


def excerpt(name: str, data: bytes) -> str:
    """Return the beginning of a file as text that may be shown; of arrays and zips, what they hold."""
    if name.endswith((".csv", ".json", ".jsonl")):
        lines = data[:_EXCERPT_BYTES].decode("utf-8", "replace").splitlines()
        return "".join(f"{shown(line)}\n" for line in lines[:_EXCERPT_LINES])
    try:
        if name.endswith(".zip"):
            members = read_zip(name, data, _EXCERPT_ARRAYS)
            return "".join(
                f"{shown(key)}: {len(value)} bytes\n" for key, value in list(members.items())[:_EXCERPT_LINES]
            )
        arrays = read_arrays(name, data, _EXCERPT_ARRAYS)
    except StudentFault as fault:
        return f"{fault.message}\n"
    lines = [f"{shown(key) or 'array'}: {array.dtype}, shape {array.shape}" for key, array in arrays.items()]
    return "".join(f"{line}\n" for line in lines[:_EXCERPT_LINES])


def _too_large(name: str, max_bytes: int) -> StudentFault:
    return unreadable(f"{name} holds more than the {max_bytes >> 10} kB that are allowed.")


def _text(name: str, data: bytes) -> str:
    if data.startswith(_BYTE_ORDER_MARKS):
        raise unreadable(f"{name} is saved as UTF-16; save it as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise unreadable(f"line {line} of {name} is not UTF-8 text; save the file as UTF-8.") from error


def _csv(name: str, text: str) -> list[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[Record] = []
    try:
        header = next(reader, None)
        if header is None:
            raise unreadable(f"{name} is empty; its first line holds the names of the columns.")
        names = [column.strip() for column in header]
        if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
            raise unreadable(f"the columns of {name} are not separated by commas; write commas.")
        if len(set(names)) < len(names):
            raise wrong_rows(f"line 1 of {name} names a column twice; keep one of them")
        for row in reader:
            where = f"line {reader.line_num} of {name}"
            if not row:
                continue
            if len(row) != len(names):
                raise wrong_rows(
                    f"{where} has {len(row)} values for {len(names)} columns; write one for each"
                )
            records.append(Record(where, dict(zip(names, row, strict=True))))
            _refuse_many(name, len(records))
    except csv.Error as error:
        raise unreadable(f"line {reader.line_num} of {name} cannot be read as csv: {error}.") from error
    return records


def _json(name: str, text: str) -> list[Record]:
    rows = _parsed(text, name)
    if isinstance(rows, dict):
        raise wrong_rows(f"{name} holds one table; write a list of rows, such as [{{...}}, {{...}}]")
    if not isinstance(rows, list):
        raise wrong_rows(f"{name} holds {shown(rows)}; write a list of rows, such as [{{...}}, {{...}}]")
    _refuse_many(name, len(rows))
    return [_record(row, f"row {number} of {name}") for number, row in enumerate(rows, 1)]


def _jsonl(name: str, text: str) -> list[Record]:
    lines = text.split("\n")
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    _refuse_many(name, len(numbered))
    return [
        _record(_parsed(line, where), where)
        for number, line in numbered
        for where in [f"line {number} of {name}"]
    ]


def _record(row: object, where: str) -> Record:
    if not isinstance(row, dict):
        raise wrong_rows(f'{where} is {shown(row)}; write a table such as {{"id": ...}}')
    return Record(where, row)


def _parsed(text: str, where: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            raise wrong_rows(f"{where} has a row that names a column twice; keep one of them")
        return table

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise unreadable(f"{where} is not JSON: {error.msg} in line {error.lineno}.") from error
    except (RecursionError, ValueError) as error:  # too deep, or a number of thousands of digits
        raise unreadable(
            f"{where} is not JSON that can be read: too deep, or with a number too long."
        ) from error


def _npy(name: str, data: bytes) -> NDArray[Any]:
    """Return the array of an npy file; its header is believed only where as many bytes follow."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
            version
        ]
        shape, in_columns, dtype = read(file, max_header_size=_MAX_HEADER)
    except (
        Exception
    ) as error:  # NumPy parses the header as Python, and damage leads to exceptions of many kinds
        raise unreadable(f"{name} is not an array that can be read.") from error
    if dtype.kind not in _KINDS or dtype.names or dtype.subdtype:
        raise unreadable(
            f"{name} holds {shown(str(dtype))}; save an array of numbers or texts, without pickle."
        )
    count, rest = math.prod(shape), len(data) - file.tell()
    if any(length < 0 for length in shape) or count * dtype.itemsize != rest or count > rest:
        raise unreadable(f"{name} is cut off or longer than its header says; save it again.")
    flat = np.frombuffer(data, dtype, count, file.tell()).astype(dtype.newbyteorder("="))
    if dtype.kind == "U" and count and flat.view(np.uint32).max() > _LAST_CHARACTER:
        raise unreadable(f"{name} holds texts with characters that do not exist.")
    try:
        return _plain_truths(flat).reshape(shape, order="F" if in_columns else "C")
    except (TypeError, ValueError) as error:  # one without values may claim any lengths
        raise unreadable(f"{name} has a shape that no array can have; save it again.") from error


def _safetensors(name: str, data: bytes) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError  # noqa: PLC0415 -- few tasks need it
    from safetensors.numpy import load  # noqa: PLC0415

    try:
        arrays = load(data)
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise unreadable(f"{name} cannot be read as safetensors: {shown(str(error))}.") from error
    return {key: _plain_truths(array) for key, array in arrays.items()}


def _plain_truths(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in which each boolean is 0 or 1: one that is read as a byte of 7 would count as seven in a sum."""
    return array.view(np.uint8) != 0 if array.dtype == np.bool_ else array


def _refuse_many(name: str, rows: int) -> None:
    if rows > MAX_ROWS:
        raise unreadable(f"{name} has more than {MAX_ROWS} rows.")
