"""Recognise a file by its first bytes: a notebook under any name, or something that was handed in by mistake."""

from __future__ import annotations

from pathlib import PurePosixPath

from grader.errors import StudentFault, Verdict
from grader.notebooks.reading import MAX_BYTES, read_notebook

HEAD_BYTES = 512
_SIGNATURES = (
    (0, b"Rar!", "a rar archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"%PDF", "a PDF"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"\xd0\xcf\x11\xe0", "an Office document"),
)
_ENDINGS = {
    ".docx": "an Office document",
    ".odt": "an Office document",
    ".html": "a web page",
    ".htm": "a web page",
    ".py": "a Python program",
    ".zip": "a zip archive without a notebook",
}
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


def may_be_notebook(head: bytes) -> bool:
    """Return whether a file that begins with `head` may be a notebook: JSON, in whatever encoding."""
    return head.startswith(_BYTE_ORDER_MARKS) or head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def is_notebook(data: bytes) -> bool:
    """Return whether the bytes of a whole file are a notebook that can be read."""
    if len(data) > MAX_BYTES:
        return False
    try:
        read_notebook(data)
    except StudentFault:
        return False
    return True


def not_a_notebook(name: str, head: bytes) -> StudentFault:
    """Return the fault of a file called `name` that begins with `head` and is no notebook."""
    kind = next((kind for at, sign, kind in _SIGNATURES if head[at:].startswith(sign)), "")
    kind = kind or _ENDINGS.get(PurePosixPath(name.replace("\\", "/")).suffix.lower(), "")
    what = f"This is {kind}, not a notebook" if kind else "This file is not a notebook"
    return StudentFault(
        Verdict.INVALID_NOTEBOOK, f"{what}. Hand in the notebook itself, the file that ends in .ipynb."
    )
