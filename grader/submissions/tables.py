"""Find Gradescope's tables in the folders and zips that were given, of a size that their submissions explain."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from grader.submissions.archive import read_member
from grader.submissions.platforms import METADATA, gradescope
from grader.submissions.yaml_table import TableError
from grader.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from grader.submissions.platforms import Table

    Parts = tuple[str, ...]

MAX_BYTES_EACH = 256 << 10  # for a submission: the printed results of all its autograder runs are in there
_MAX_BYTES = 64 << 20


class Tables:
    """The tables in `paths`. One that cannot be read, or is too large, tells of nobody and is named in a note.

    `in_zips` are the folders that have one, each with the number of the zip in `paths`.
    """

    def __init__(
        self, paths: list[Path], in_zips: Collection[tuple[int, Parts]], on_note: Callable[[str], None]
    ) -> None:
        self._paths = paths
        self._in_zips = in_zips
        self._on_note = on_note
        self._ignored: set[Path] = set()

    def read(self, source: int, folder: Parts, names: Collection[str]) -> Table | None:
        """Return the table of a folder that has folders called `names`, or None; `folder` begins as a trace's parts do."""
        above = self._paths[source].absolute().parent if source >= 0 else Path("/")
        file = above.joinpath(*folder, METADATA)
        if source >= 0 and not self._paths[source].is_dir():
            most = _most_bytes(len(names))
            data = self._of_zip(source, folder, most)
        else:
            most, data = _of_folder(file)
        if data is None:
            return None
        try:
            _refuse_large(data, most)
            return gradescope(data, names)
        except TableError as error:
            if file not in self._ignored:
                self._ignored.add(file)
                self._on_note(f"{_shown(file)} is ignored, so file names tell whose the files are: {error}")
            return {}

    def _of_zip(self, source: int, folder: Parts, most: int) -> bytes | None:
        if (source, folder) not in self._in_zips:
            return None
        return read_member(self._paths[source], "/".join((*folder[1:], METADATA)), most)


def _of_folder(file: Path) -> tuple[int, bytes | None]:
    """Return how large a table may be, and its first bytes; perhaps only one of the folders beside it was given."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return 0, None
        most = _most_bytes(sum(1 for _ in file.parent.iterdir()))
        with file.open("rb") as opened:
            return most, opened.read(most + 1)
    except OSError:
        return 0, None


def _most_bytes(submissions: int) -> int:
    return min(MAX_BYTES_EACH * submissions, _MAX_BYTES)


def _refuse_large(data: bytes, most: int) -> None:
    if len(data) > most:
        raise TableError(f"it has more than {most >> 10} KB, which so few submissions do not explain")


def _shown(file: Path) -> str:
    return printable(str(file).encode("utf-8", "replace").decode("utf-8"), "?")
