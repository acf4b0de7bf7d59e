"""Collect submissions from notebooks, folders and zips; what cannot be one is named and costs the others nothing."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault, UsageError, Verdict
from grader.files import READ, reporting_os_errors
from grader.notebooks.reading import MAX_BYTES, too_large
from grader.submissions.archive import is_skipped, read_member, unpack
from grader.submissions.identify import Sender, Trace, by_name, by_pattern
from grader.submissions.platforms import MAX_METADATA_BYTES, METADATA
from grader.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.submissions.roster import Person, Roster

Fault = StudentFault | GraderFault


class Submission:
    """A file that a student sent: its path as given, the student's id, and the bytes or why there are none.

    `data` may be given as the file that holds it: it is read when asked for, so that a batch of thousands does
    not lie in memory. `submitted` (ISO 8601, UTC) and `late` are what the learning platform says, and `person` is
    who of the roster it is.
    """

    def __init__(
        self,
        path: str,
        student: str,
        data: bytes | Path | None,
        fault: Fault | None = None,
        *,
        submitted: str | None = None,
        late: bool = False,
        person: Person | None = None,
    ) -> None:
        self.path = path
        self.student = student
        self.fault = fault
        self.submitted = submitted
        self.late = late
        self.person = person
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
class _Candidate:
    """What may be a submission: where it was found, and the file or the fault."""

    trace: Trace
    file: Path | None
    fault: Fault | None


def collect(
    paths: list[Path],
    pattern: str | None,
    workdir: Path,
    roster: Roster | None = None,
    *,
    out: Path | None = None,
) -> list[Submission]:
    """Return every submission of `paths`, in their order and by name within folders and zips.

    `pattern` is a regular expression that is searched in the path relative to the folder or zip; its group
    `student`, else its first group, is the student's id. Without a pattern, what Canvas, Moodle and Gradescope write
    into their downloads tells the student. Else the id is the file's name, with its folder's where names repeat.
    Whom `roster` knows has the id it says. Submissions of one id are attempts of one student, the earliest first.
    Notebooks of zips are copied to `workdir`, which must live as long as the submissions.

    Raises UsageError for a path that is not there, a folder without notebooks, or a pattern that cannot work.
    """
    matcher = _compiled(pattern) if pattern is not None else None
    candidates = _without_repeats(
        [
            item
            for number, path in enumerate(paths)
            for item in _find(path, number, workdir / str(number), out)
        ]
    )
    traces = [item.trace for item in candidates]
    if matcher is None:
        senders = by_name(traces, lambda source, folder: _metadata(paths, source, folder), roster)
    elif any(matcher.search(trace.relative) for trace in traces):
        senders = by_pattern(traces, matcher, roster)
    else:
        raise UsageError(
            f"--student-id {pattern!r} matches none of the paths, such as {traces[0].relative!r}"
        )
    return [
        Submission(
            _shown(item.trace.path),
            sender.student,
            item.file,
            item.fault,
            submitted=_written(sender),
            late=sender.origin is not None and sender.origin.late,
            person=sender.person,
        )
        for item, sender in _by_attempt(list(zip(candidates, senders, strict=True)))
    ]


def strangers(submissions: list[Submission]) -> list[Submission]:
    """Return the submissions that fit nobody of the roster they were collected with, or fit several of it."""
    return [submission for submission in submissions if submission.person is None]


def _by_attempt(sent: list[tuple[_Candidate, Sender]]) -> list[tuple[_Candidate, Sender]]:
    """Put each student's attempts in the order the platform gives them, in the places they have among the others'."""
    indices = defaultdict(list)
    for index, (_, sender) in enumerate(sent):
        indices[sender.student].append(index)
    ordered = list(sent)
    for taken in indices.values():
        origins = [origin for index in taken if (origin := sent[index][1].origin) and origin.order]
        if len(origins) == len(taken) and len({origin.platform for origin in origins}) == 1:
            ranked = sorted(range(len(taken)), key=lambda rank: origins[rank].order)
            for index, rank in zip(taken, ranked, strict=True):
                ordered[index] = sent[taken[rank]]
    return ordered


def _written(sender: Sender) -> str | None:
    moment = sender.origin.submitted if sender.origin else None
    return moment.isoformat(timespec="milliseconds") if moment else None


def _metadata(paths: list[Path], source: int, folder: tuple[str, ...]) -> bytes | None:
    """Return Gradescope's table of a folder, if there is one; `folder` begins as the parts of a trace do."""
    if source >= 0 and not paths[source].is_dir():
        return (
            read_member(paths[source], "/".join((*folder[1:], METADATA)), MAX_METADATA_BYTES)
            if folder
            else None
        )
    file = (paths[source].absolute().parent if source >= 0 else Path("/")).joinpath(*folder, METADATA)
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return None
        with file.open("rb") as opened:
            return opened.read(MAX_METADATA_BYTES + 1)
    except OSError:
        return None


def _find(path: Path, number: int, workdir: Path, out: Path | None) -> list[_Candidate]:
    shown = str(path)
    with reporting_os_errors(READ, shown):
        try:
            is_link, is_folder = stat.S_ISLNK(path.lstat().st_mode), path.is_dir()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UsageError(f"{shown} does not exist") from error
    if is_folder:  # the caller's own link to a folder is followed; links to notebooks may be students' doing
        candidates = []
        for file in _walk(path, out.resolve() if out else None):
            inside = file.relative_to(path)
            trace = Trace(number, str(file), inside.as_posix(), (path.absolute().name, *inside.parts))
            candidates.append(_Candidate(trace, *_checked(file)))
        if not candidates:
            raise UsageError(f"{shown} contains no notebooks")
        return candidates
    if path.suffix.lower() == ".zip" and not is_link:
        return _find_in_archive(path, number, workdir)
    return [_Candidate(Trace(-1, shown, path.as_posix(), path.absolute().parts), *_checked(path))]


def _walk(folder: Path, out: Path | None) -> Iterator[Path]:
    """Yield the notebooks below `folder`, and the links that may stand for some; links are not followed, nor is `out`."""

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error

    files = []
    for top, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [
            name for name in folders if not is_skipped((name,)) and Path(top, name).resolve() != out
        ]
        files += [Path(top, name) for name in folders if Path(top, name).is_symlink()]
        files += [
            Path(top, name) for name in names if name.lower().endswith(".ipynb") and not is_skipped((name,))
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


def _find_in_archive(path: Path, number: int, workdir: Path) -> list[_Candidate]:
    try:
        members = unpack(path, workdir)
    except StudentFault as fault:
        return [_Candidate(Trace(number, str(path), path.as_posix(), (path.name,)), None, fault)]
    candidates = []
    for member in members:
        inside = PurePosixPath(member.name.replace("\\", "/")).parts
        trace = Trace(number, f"{path}/{member.name}", member.name, (path.name, *inside))
        candidates.append(_Candidate(trace, member.file, member.fault))
    return candidates


def _without_repeats(candidates: list[_Candidate]) -> list[_Candidate]:
    """Drop a file that two of the paths lead to."""
    seen: dict[object, _Candidate] = {}
    for item in candidates:
        seen.setdefault(item.file.resolve() if item.file else item.trace.path, item)
    return list(seen.values())


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        matcher = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--student-id {pattern!r} is not a regular expression: {error}") from error
    if not matcher.groups:
        raise UsageError(f"--student-id {pattern!r} needs a group: the part in parentheses is the student")
    return matcher


def _shown(path: str) -> str:
    text = path.encode("utf-8", "replace").decode("utf-8")
    return printable(text, "?")


def _invalid(message: str) -> StudentFault:
    return StudentFault(Verdict.INVALID_NOTEBOOK, message)
