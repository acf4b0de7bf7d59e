"""Recognise a file by its first bytes: a notebook under any name, or something that was handed in by mistake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.errors import StudentFault, Verdict
from grader.notebooks.reading import MAX_BYTES, read_notebook, too_large

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
    ".ipynb": "a notebook",
    ".pkl": "a pickle",
    ".xlsx": "a spreadsheet",
    ".ods": "a spreadsheet",
}
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Wanted:
    """What students hand in: a notebook, or a file of predictions called `name`.

    A zip of predictions is told from one that a platform made by the `members` that it holds.
    """

    name: str = "notebook.ipynb"
    max_bytes: int = MAX_BYTES
    members: frozenset[str] = frozenset()

    @property
    def ending(self) -> str:
        """The ending that such files have, in small letters."""
        return PurePosixPath(self.name).suffix

    @property
    def is_notebook(self) -> bool:
        """Whether it is a notebook, which is one under any name."""
        return self.ending == ".ipynb"

    @property
    def plural(self) -> str:
        """Several of them, in a sentence."""
        return "notebooks" if self.is_notebook else f"{self.ending} files"

    @property
    def noun(self) -> str:
        """One of them, in a sentence."""
        return "notebook" if self.is_notebook else f"{self.ending} file"

    def may_be(self, head: bytes) -> bool:
        """Return whether a file that begins with `head` may be one, whatever its name."""
        return self.is_notebook and may_be_notebook(head)

    def fault(self, sentence: str) -> StudentFault:
        """Return the fault of something that is none."""
        verdict = Verdict.INVALID_NOTEBOOK if self.is_notebook else Verdict.INVALID_FILE
        return StudentFault(verdict, sentence)

    def refuse(self, name: str, head: bytes) -> StudentFault:
        """Return the fault of a file called `name` that begins with `head` and is none."""
        if self.is_notebook:
            return not_a_notebook(name, head)
        kind = _kind_of(name, head) or "another file"
        return self.fault(f"This is {kind}, not {self.name}. Hand in the file that your notebook writes.")

    def too_large(self, size: int) -> StudentFault:
        """Return the fault of one of `size` bytes."""
        if self.is_notebook:
            return too_large(size)
        return self.fault(
            f"The file has {size >> 10} kB; {self.name} may have at most {self.max_bytes >> 10} kB."
        )


NOTEBOOK = Wanted()


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
    kind = _kind_of(name, head)
    what = f"This is {kind}, not a notebook" if kind else "This file is not a notebook"
    return StudentFault(
        Verdict.INVALID_NOTEBOOK, f"{what}. Hand in the notebook itself, the file that ends in .ipynb."
    )


def _kind_of(name: str, head: bytes) -> str:
    """Return what a file seems to be by its first bytes or its name, "" where it is unknown."""
    kind = next((kind for at, sign, kind in _SIGNATURES if head[at:].startswith(sign)), "")
    return kind or _ENDINGS.get(PurePosixPath(name.replace("\\", "/")).suffix.lower(), "")
