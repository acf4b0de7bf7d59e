"""Read a folder of data as arrays, whatever the format of its files: one array for each kind of value."""

from __future__ import annotations

import csv
import io
import itertools
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
_TEXT = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class Column:
    """Values (n, ...) of n samples, numbers or texts, and their name: the file in the folder, and the array in it."""

    name: str
    values: NDArray[Any]


def columns(folder: Path) -> list[Column]:
    """Return every array, every column of a table, and the pictures of each folder as one array."""
    return [
        Column(name, values)
        for name, values in _all(folder)
        if values.ndim and len(values) and values.dtype.kind in "biufU"
    ]


def payloads(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, and those of its members where it is a zip (as npz files are)."""
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                yield archive.read(member)


def pictures(folder: Path) -> dict[Path, list[Path]]:
    """Return the folders that hold pictures, and these sorted by name."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURES]
    return {parent: list(group) for parent, group in itertools.groupby(files, key=lambda path: path.parent)}


def _all(folder: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in (".npz", ".npy"):
            yield from _of_arrays(path, name)
        elif path.suffix in _TEXT:
            yield from _of_text(path, name)
        elif path.suffix == ".json":
            yield from _of_json(_loaded(path), name)
    for parent, files in pictures(folder).items():
        try:
            stacked = np.stack([np.asarray(Image.open(file)) for file in files])
        except (ValueError, UnidentifiedImageError):  # of different sizes, or damaged
            continue
        yield f"{parent.relative_to(folder).as_posix()}/*{files[0].suffix}", stacked


def _of_arrays(path: Path, file_name: str) -> Iterator[tuple[str, NDArray[Any]]]:
    try:
        opened = np.load(path, allow_pickle=False)
        if isinstance(opened, np.ndarray):
            arrays = {"": opened}
        else:
            with opened:
                arrays = dict(opened)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile):  # pickled objects, or damaged
        return
    for name, values in arrays.items():
        yield f"{file_name}: {name}" if name else file_name, values


def _of_text(path: Path, file_name: str) -> Iterator[tuple[str, NDArray[Any]]]:
    text = io.StringIO(path.read_text(encoding="utf-8", errors="replace"), newline="")
    head, *rows = list(csv.reader(text, delimiter=_TEXT[path.suffix])) or [[]]
    for number, name in enumerate(head):
        yield f"{file_name}: {name}", _array([row[number] if number < len(row) else "" for row in rows])


def _of_json(value: Any, parent: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the lists of a JSON value; of a list of records, each field."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _of_json(part, f"{parent}: {name}")
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        for name in value[0]:
            yield f"{parent}: {name}", _array([str(row.get(name, "")) for row in value])
    elif isinstance(value, list) and value and all(isinstance(row, (str, int, float)) for row in value):
        yield parent, _array([str(row) for row in value])


def _loaded(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # no JSON, whatever it is called
        return None


def _array(texts: Sequence[str]) -> NDArray[Any]:
    """Return numbers where all are numbers, else texts."""
    for kind in (np.int64, np.float64):
        try:
            return np.array([kind(text) for text in texts])
        except (ValueError, OverflowError):
            continue
    return np.array(texts, dtype=np.str_)
