"""Write files whose bytes and times depend on their content only, so that nothing about them tells more."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

FIXED_TIME = 1_500_000_000  # seconds; modification time of every file, so that times tell nothing


def write_file(path: Path, content: bytes) -> bytes:
    """Write one file with the fixed modification time, and return its content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (FIXED_TIME, FIXED_TIME))
    return content


def write_json(path: Path, value: Any) -> bytes:
    """Write a value of plain JSON types, and return the bytes."""
    return write_file(path, json.dumps(value, indent=2).encode() + b"\n")


def write_arrays(path: Path, **arrays: np.ndarray) -> bytes:
    """Write an npz file of these arrays, equal bytes for equal arrays, and return the bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), stream.getvalue(), zipfile.ZIP_DEFLATED)
    return write_file(path, packed.getvalue())
