"""Collect submissions from notebooks, folders and zips; what cannot be one is named and costs the others nothing."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault, UsageError
from grader.files import READ, is_skipped, reporting_os_errors
from grader.notebooks.reading import MAX_BYTES
from grader.submissions.archive import holds_members, unpack
from grader.submissions.identify import Sender, Trace, by_name, by_pattern
from grader.submissions.kinds import HEAD_BYTES, NOTEBOOK, Wanted, is_notebook
from grader.submissions.platforms import METADATA
from grader.submissions.roster import moment
from grader.submissions.tables import Tables
from grader.text import count, listed, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

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
    """What may be a submission: where it was found, and the file or the fault.

    What is no `notebook` is a submission only where somebody sent it who sent no notebook. `whole` is a zip that the
    caller gave and that holds no notebook: it is one if nothing in it is.
    """

    trace: Trace
    file: Path | None
    fault: Fault | None
    notebook: bool = True
    whole: bool = False


def collect(
    paths: list[Path],
    pattern: str | None,
    workdir: Path,
    roster: Roster | None = None,
    *,
    out: Path | None = None,
    on_note: Callable[[str], None] = lambda _: None,
    wanted: Wanted = NOTEBOOK,
) -> list[Submission]:
    """Return every submission of `paths`, in their order and by name within folders and zips.

    `pattern` is a regular expression that is searched in the path relative to the folder or zip; its group
    `student`, else its first group, is the student's id. Without a pattern, what Canvas, Moodle and Gradescope write
    into their downloads tells the student. Else the id is the file's name, with its folder's where names repeat.
    Whom `roster` knows has the id it says. Submissions of one id are attempts of one student, the earliest first.
    A notebook is one by its name or by its bytes, also in a zip; where files of predictions are `wanted`, these take its
    place. What else a platform, the roster or the pattern says
    that somebody sent is their submission if they sent no notebook; the rest is skipped, and `on_note` gets a sentence.
    Notebooks of zips are copied to `workdir`, which must live as long as the submissions.

    Raises UsageError for a path that is not there, a folder without submissions, or a pattern that cannot work.
    """
    matcher = _compiled(pattern) if pattern is not None else None
    search = _Search(out.resolve() if out else None, on_note, wanted)
    candidates = _without_repeats(
        [
            item
            for number, path in enumerate(paths)
            for item in search.find(path, number, workdir / str(number))
        ]
    )
    if (
        matcher is not None
        and candidates
        and not any(matcher.search(item.trace.relative) for item in candidates)
    ):
        raise UsageError(
            f"--student-id {pattern!r} matches none of the paths, such as {candidates[0].trace.relative!r}"
        )

    listed_tables = {
        (item.trace.source, item.trace.parts[:-1]) for item in candidates if item.trace.parts[-1] == METADATA
    }
    tables = Tables(paths, listed_tables, on_note)

    def identify(items: list[_Candidate]) -> list[Sender]:
        traces = [item.trace for item in items]
        if matcher is not None:
            return by_pattern(traces, matcher, roster)
        return by_name(traces, tables.read, roster)

    sent = _sent(candidates, identify, matcher, search)
    _refuse_empty(paths, sent, wanted)
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
        for item, sender in _by_attempt(sent)
    ]


def _sent(
    candidates: list[_Candidate],
    identify: Callable[[list[_Candidate]], list[Sender]],
    matcher: re.Pattern[str] | None,
    search: _Search,
) -> list[tuple[_Candidate, Sender]]:
    """Return the notebooks with their senders, and the other files of those who sent no notebook."""
    notebooks = [item for item in candidates if item.notebook]
    others = [item for item in candidates if not item.notebook]
    senders = identify(notebooks) if notebooks else []
    # Names are compared with each other: beside the other files, a notebook alone shows whose zip or folder it lies in.
    beside = identify([*notebooks, *others]) if others else []
    senders = [
        wide if (wide.origin or wide.person) and not (narrow.origin or narrow.person) else narrow
        for narrow, wide in zip(senders, beside or senders, strict=False)
    ]
    chosen = {id(item): sender for item, sender in zip(notebooks, senders, strict=True)}
    handed_in = {sender.person or sender.student for sender in senders}
    skipped, wholes = [], []
    for item, sender in zip(others, beside[len(notebooks) :], strict=True):
        if item.whole:
            wholes.append((item, sender))
            continue
        meant = sender.origin or sender.person or (matcher and matcher.search(item.trace.relative))
        if meant and (sender.person or sender.student) not in handed_in:
            handed_in.add(sender.person or sender.student)
            chosen[id(item)] = sender
        elif PurePosixPath(item.trace.relative).name != METADATA:
            skipped.append(item.trace.relative)
    sources = {item.trace.source for item in candidates if id(item) in chosen}
    chosen |= {id(item): sender for item, sender in wholes if item.trace.source not in sources}
    sent = [(item, chosen[id(item)]) for item in candidates if id(item) in chosen]
    _note_skipped(skipped, sent, search)
    return sent


def _note_skipped(names: list[str], sent: list[tuple[_Candidate, Sender]], search: _Search) -> None:
    """Name the files that were skipped, without a zip of which a file was taken."""
    opened = {str(parent) for item, _ in sent for parent in PurePosixPath(item.trace.relative).parents}
    if skipped := [name for name in names if name not in opened]:
        wanted = search.wanted
        kind = f"is not a {wanted.noun}" if len(skipped) == 1 else f"are not {wanted.plural}"
        search.on_note(f"skipped {count(len(skipped), 'file')} that {kind}: {listed(skipped)}")


def _refuse_empty(paths: list[Path], sent: list[tuple[_Candidate, Sender]], wanted: Wanted) -> None:
    sources = {item.trace.source for item, _ in sent}
    for number, path in enumerate(paths):
        if path.is_dir() and number not in sources:
            raise UsageError(f"{path} contains no {wanted.plural}")


def strangers(submissions: list[Submission]) -> list[Submission]:
    """Return the submissions that fit nobody of the roster they were collected with, or fit several of it."""
    return [submission for submission in submissions if submission.person is None]


def take_times(submissions: list[Submission], roster: Roster, zone: tzinfo | None) -> list[str]:
    """Set the time of each submission from the roster where the platform's download has none; return what cannot be read.

    The table has one time for each person, so somebody with several submissions keeps them as they are.
    """
    sent = Counter(submission.person for submission in submissions)
    unread = []
    for submission in submissions:
        text = roster.times.get(submission.person, "") if submission.person else ""
        if submission.submitted or not text or sent[submission.person] > 1:
            continue
        time = moment(text, zone)
        if time is None:
            unread.append(text)
        else:
            submission.submitted = time.isoformat(timespec="milliseconds")
    return unread


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


@dataclass(frozen=True)
class _Search:
    """What is looked for: the `wanted` files, but not in the folder of results `out`; `on_note` gets sentences."""

    out: Path | None
    on_note: Callable[[str], None]
    wanted: Wanted

    def find(self, path: Path, number: int, workdir: Path) -> list[_Candidate]:
        """Return the candidates of the path with this number. Raises UsageError where it is not there."""
        shown = str(path)
        with reporting_os_errors(READ, shown):
            try:
                is_link, is_folder = stat.S_ISLNK(path.lstat().st_mode), path.is_dir()
            except (FileNotFoundError, NotADirectoryError) as error:
                raise UsageError(f"{shown} does not exist") from error
        if (
            is_folder
        ):  # the caller's own link to a folder is followed; links to notebooks may be students' doing
            return [
                candidate
                for file in _walk(path, self.out, self.wanted)
                for candidate in self._in_folder(file, path, number, workdir)
            ]
        if path.suffix.lower() == ".zip" and not is_link and not holds_members(path, self.wanted):
            return self._in_archive(path, Trace(number, str(path), path.as_posix(), (path.name,)), workdir)
        trace = Trace(-1, shown, path.as_posix(), path.absolute().parts)
        return [_Candidate(trace, *_checked(path, self.wanted))]

    def _in_folder(self, file: Path, folder: Path, number: int, workdir: Path) -> list[_Candidate]:
        """Return what one file of a folder is: one of the wanted by its name or bytes, the files of a zip, or something else."""
        inside = file.relative_to(folder)
        trace = Trace(number, str(file), inside.as_posix(), (folder.absolute().name, *inside.parts))
        ending = file.suffix.lower()
        is_zip = ending == ".zip" and file.is_file() and not file.is_symlink()
        if is_zip and not holds_members(file, self.wanted):
            return self._in_archive(file, trace, workdir / inside)
        if ending == self.wanted.ending or file.is_symlink():
            return [_Candidate(trace, *_checked(file, self.wanted))]
        try:
            if not stat.S_ISREG(file.lstat().st_mode):
                return []
            with file.open("rb") as opened:
                head = opened.read(HEAD_BYTES)
                may_be = self.wanted.may_be(head)
                data = head + opened.read(MAX_BYTES + 1 - len(head)) if may_be else b""
        except OSError as error:
            fault = GraderFault(f"{file} cannot be read: {error.strerror}")
            return [_Candidate(trace, None, fault, notebook=False)]
        if data and is_notebook(data):
            return [_Candidate(trace, file, None)]
        return [_Candidate(trace, None, self.wanted.refuse(file.name, head), notebook=False)]

    def _in_archive(self, path: Path, trace: Trace, workdir: Path) -> list[_Candidate]:
        """Return the files of the zip `path`, which was found at `trace`; the zip itself where it holds nothing wanted."""
        given = trace.parts == (path.name,)  # by the caller; else it lies in a folder
        try:
            members = unpack(path, workdir, self.wanted)
        except StudentFault as fault:
            return [_Candidate(trace, None, self.wanted.fault(fault.message), notebook=given)]
        candidates, unclear = [], []
        for member in members:
            inside = PurePosixPath(member.name.replace("\\", "/")).parts
            relative = member.name if given else f"{trace.relative}/{member.name}"
            where = Trace(trace.source, f"{path}/{member.name}", relative, (*trace.parts, *inside))
            candidates.append(_Candidate(where, member.file, member.fault, notebook=member.notebook))
            unclear += [member.name] if member.unclear else []
        if unclear:
            self.on_note(
                f"{path}: {count(len(unclear), 'name')} may be garbled, since the zip does not say how they are written: "
                f"{listed(unclear)}"
            )
        if not any(candidate.notebook for candidate in candidates):
            empty = self.wanted.fault(f"The archive contains no {self.wanted.noun}.")
            candidates.append(_Candidate(trace, None, empty, notebook=False, whole=given))
        return candidates


def _walk(folder: Path, out: Path | None, wanted: Wanted) -> Iterator[Path]:
    """Yield the files below `folder`, and links to wanted files, zips and folders; links are not followed, nor is `out`."""

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error

    files = []
    for top, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [
            name for name in folders if not is_skipped((name,)) and Path(top, name).resolve() != out
        ]
        files += [Path(top, name) for name in folders if Path(top, name).is_symlink()]
        files += [Path(top, name) for name in names if not is_skipped((name,))]
    yield from sorted(
        file
        for file in files
        if not file.is_symlink() or file.suffix.lower() in {wanted.ending, ".zip"} or file.is_dir()
    )


def _checked(file: Path, wanted: Wanted) -> tuple[Path | None, Fault | None]:
    """Return the file, or the fault that speaks against reading it; it is not opened if it is not a file."""
    try:
        about = file.lstat()
        if stat.S_ISLNK(about.st_mode):
            return None, wanted.fault(
                "This is a symbolic link, which is not followed; hand in the file itself."
            )
        if not stat.S_ISREG(about.st_mode):
            return None, wanted.fault("This is not a regular file.")
        if about.st_size > wanted.max_bytes:
            return None, wanted.too_large(about.st_size)
        with file.open("rb"):
            return file, None
    except OSError as error:  # the rights of a file here are not the student's doing
        return None, GraderFault(f"{file} cannot be read: {error.strerror}")


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
