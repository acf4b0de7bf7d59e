"""Find one array in another: as it is, as a run of rows, under other names of the classes, or in a file's bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST = 16  # fewer values are found anywhere by chance
_ROW = 8  # bytes that stand for a row
_KINDS: tuple[type[np.generic], ...] = (np.int64, np.int32, np.int16, np.uint8, np.float64, np.float32)
_FLOATS: tuple[type[np.generic], ...] = (np.float64, np.float32)
_BETWEEN = ("", ",", ", ", " ", "\n", "\r\n", ";", "\t")


def tells(values: NDArray[Any]) -> bool:
    """Return whether finding these values elsewhere is evidence: they are many, not all equal, and not a numbering."""
    if len(values) < _LEAST:
        return False
    if values.ndim > 1:
        return bool((values != values[:1]).any())
    return len(np.unique(values)) > 1 and not bool((values[1:] > values[:-1]).all())


def holds(values: NDArray[Any], part: NDArray[Any]) -> bool:
    """Return whether `part` (k, ...) is a run of the rows of `values` (n, ...), or of one column of a table (n, m)."""
    if len(values) < len(part) or (values.dtype.kind == "U") != (part.dtype.kind == "U"):
        return False
    if values.ndim == part.ndim + 1 == 2 and values.dtype.kind in "iu":
        return any(holds(column, part) for column in values.T)
    if values.shape[1:] != part.shape[1:]:
        return False
    whole, wanted = row_marks(values), row_marks(part)
    start = whole.find(wanted)
    while start > 0 and start % _ROW:
        start = whole.find(wanted, start + 1)
    return start >= 0


def same_classes(values: NDArray[Any], labels: NDArray[Any]) -> bool:
    """Return whether two columns are the same but for the names of the classes; values that are all different name none."""
    if values.shape != labels.shape or values.ndim != 1:
        return False
    if len(np.unique(labels)) > len(labels) / 2:
        return False
    (first, index), (other_first, other) = (
        np.unique(column, return_index=True, return_inverse=True)[1:] for column in (values, labels)
    )
    return bool(np.array_equal(first[index], other_first[other]))


def spellings(labels: NDArray[Any]) -> list[bytes]:
    """Return how answers appear in files of any format: as numbers of some size that holds them, or as text."""
    texts = [str(label) for label in labels.tolist()]
    kinds = _FLOATS if labels.dtype.kind == "f" else ()
    if labels.dtype.kind in "iu":
        kinds = tuple(kind for kind in _KINDS if _fit(labels, kind))
    return [
        *(labels.astype(kind).tobytes() for kind in kinds),
        *(between.join(texts).encode() for between in _BETWEEN),
    ]


def _fit(labels: NDArray[Any], kind: type[np.generic]) -> bool:
    """Return whether no label changes as a number of this size: cut to fewer bits, many different ones may all be 0."""
    return bool((labels.astype(kind) == labels).all())


def rows(values: NDArray[Any]) -> set[bytes]:
    """Return the marks of the different rows."""
    marks = row_marks(values)
    return {marks[start : start + _ROW] for start in range(0, len(marks), _ROW)}


def row_marks(values: NDArray[Any]) -> bytes:
    """Return eight bytes for each row, the same for equal rows whatever the type of their numbers."""
    if values.dtype.kind in "biu":
        values = values.astype(np.int64)
    elif values.dtype.kind == "f":
        values = values.astype(np.float64)
        if values.ndim == 1 and not (values % 1).any():
            values = values.astype(np.int64)  # labels that were saved as 1.0 and 0.0
    if values.ndim == 1 and values.dtype.kind != "U":
        return values.tobytes()
    return b"".join(hashlib.blake2b(row.tobytes(), digest_size=_ROW).digest() for row in values)
