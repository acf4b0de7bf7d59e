"""Collect submissions from notebooks, folders and zips; what cannot be one is named and costs the others nothing."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from grader.archive import is_skipped, unpack
from grader.errors import GraderFault, StudentFault, UsageError, Verdict
from grader.notebook import MAX_BYTES, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator

Fault = StudentFault | GraderFault

_MAX_STUDENT = 100


class Submission:
    """A file that a student sent: its path as given, the student's id, and the bytes or why there are none.

    `data` may be given as the file that holds it: it is read when asked for, so that a batch of thousands does
    not lie in memory.
    """

    def __init__(
        self, path: str, student: str, data: bytes | Path | None, fault: Fault | None = None
    ) -> None:
        self.path = path
        self.student = student
        self.fault = fault
        self._data = data

    @property
    def data(self) -> bytes | None:
        """The notebook's bytes, never many more than a notebook may have.

        Raises GraderFault where the file has gone since it was collected.
        """
        if not isinstance(self._data, Path):
            return self._data
        try:
            with self._data.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            raise GraderFault(f"{self.path} can no longer be read: {error.strerror}") from error


@dataclass(frozen=True)
class _Found:
    """A candidate: the path to show, the path that says who it is from, and the file or the fault."""

    path: str
    relative: str
    file: Path | None
    fault: Fault | None


def collect(paths: list[Path], pattern: str | None, workdir: Path) -> list[Submission]:
    """Return every submission of `paths`, in their order and by name within folders and zips.

    `pattern` is a regular expression that is searched in the path relative to the folder or zip; its group
    `student`, else its first group, is the student's id. Without it, or where it does not match, the id is the
    file's name, with its folder's where names repeat. Notebooks of zips are copied to `workdir`, which must live
    as long as the submissions.

    Raises UsageError for a path that is not there, a folder without notebooks, or a pattern that cannot work.
    """
    matcher = _compiled(pattern) if pattern is not None else None
    found = _without_repeats(
        [item for number, path in enumerate(paths) for item in _find(path, workdir / str(number))]
    )
    if matcher is not None and not any(matcher.search(item.relative) for item in found):
        raise UsageError(f"--student-id {pattern!r} matches none of the paths, such as {found[0].relative!r}")
    students = _students(found, matcher)
    return [
        Submission(_shown(item.path), student, item.file, item.fault)
        for item, student in zip(found, students, strict=True)
    ]


def _find(path: Path, workdir: Path) -> list[_Found]:
    shown = str(path)
    try:
        is_link, is_folder = stat.S_ISLNK(path.lstat().st_mode), path.is_dir()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{shown} does not exist") from error
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}") from error
    if is_folder:  # the caller's own link to a folder is followed; links to notebooks may be students' doing
        found = [
            _Found(str(file), file.relative_to(path).as_posix(), *_checked(file)) for file in _walk(path)
        ]
        if not found:
            raise UsageError(f"{shown} holds no notebooks")
        return found
    if path.suffix.lower() == ".zip" and not is_link:
        return _find_in_archive(path, workdir)
    return [_Found(shown, path.as_posix(), *_checked(path))]


def _walk(folder: Path) -> Iterator[Path]:
    """Give the notebooks below `folder`, and the links that may stand for some; links are not followed."""

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error

    files = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not is_skipped((name,))]
        files += [Path(place, name) for name in folders if Path(place, name).is_symlink()]
        files += [
            Path(place, name) for name in names if name.lower().endswith(".ipynb") and not is_skipped((name,))
        ]
    yield from sorted(files)


def _checked(file: Path) -> tuple[Path | None, Fault | None]:
    """Return the file, or the fault that speaks against reading it; it is not opened if it is not a file."""
    try:
        about = file.lstat()
        if stat.S_ISLNK(about.st_mode):
            return None, _invalid("This is a symbolic link, which is not followed; hand in the file itself.")
        if not stat.S_ISREG(about.st_mode):
            return None, _invalid("This is not a regular file.")
        if about.st_size > MAX_BYTES:
            return None, too_large(about.st_size)
        with file.open("rb"):
            return file, None
    except OSError as error:  # the rights of a file here are not the student's doing
        return None, GraderFault(f"{file} cannot be read: {error.strerror}")


def _find_in_archive(path: Path, workdir: Path) -> list[_Found]:
    try:
        members = unpack(path, workdir)
    except StudentFault as fault:
        return [_Found(str(path), path.as_posix(), None, fault)]
    return [_Found(f"{path}/{member.name}", member.name, member.file, member.fault) for member in members]


def _without_repeats(found: list[_Found]) -> list[_Found]:
    """Drop a file that two of the paths lead to."""
    seen: dict[object, _Found] = {}
    for item in found:
        seen.setdefault(item.file.resolve() if item.file else item.path, item)
    return list(seen.values())


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        matcher = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--student-id {pattern!r} is not a regular expression: {error}") from error
    if not matcher.groups:
        raise UsageError(f"--student-id {pattern!r} needs a group: the part in parentheses is the student")
    return matcher


def _students(found: list[_Found], matcher: re.Pattern[str] | None) -> list[str]:
    """Return one id per candidate; only a pattern may give the same id twice."""
    matched = [_matched(item.relative, matcher) for item in found]
    names = [_clean(student or _stem(item.relative)) for item, student in zip(found, matched, strict=True)]
    count = Counter(names)
    names = [
        name if match or count[name] == 1 else _clean(_with_folder(item.path, name))
        for item, name, match in zip(found, names, matched, strict=True)
    ]
    used = {name for name, match in zip(names, matched, strict=True) if match}
    told: list[str] = []
    for name, match in zip(names, matched, strict=True):
        told.append(name if match else _unused(name, used))
        used.add(told[-1])
    return told


def _unused(name: str, used: set[str]) -> str:
    """Return `name`, numbered where somebody else has it."""
    number, candidate = 1, name
    while candidate in used:
        number += 1
        suffix = f"-{number}"
        candidate = name[: _MAX_STUDENT - len(suffix)] + suffix
    return candidate


def _with_folder(path: str, name: str) -> str:
    parent = PurePosixPath(Path(path).as_posix()).parent.name
    return f"{parent}-{name}" if parent else name


def _matched(relative: str, matcher: re.Pattern[str] | None) -> str:
    match = matcher.search(relative) if matcher is not None else None
    if match is None or matcher is None:
        return ""
    return match["student" if "student" in matcher.groupindex else 1] or ""


def _stem(relative: str) -> str:
    return PurePosixPath(relative.replace("\\", "/")).stem


def _clean(student: str) -> str:
    """Return the id without what could act as a path or garble a terminal or a table."""
    kept = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in student)
    return kept.strip(" .")[:_MAX_STUDENT] or "unnamed"


def _shown(path: str) -> str:
    text = path.encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else "?" for character in text)


def _invalid(message: str) -> StudentFault:
    return StudentFault(Verdict.INVALID_NOTEBOOK, message)
