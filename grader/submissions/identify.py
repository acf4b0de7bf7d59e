"""Identify the student of each file: by the caller's pattern, by a platform's names, by the roster, else by file."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from grader.submissions.platforms import Origin, canvas_names, origins, shared_folders
from grader.submissions.roster import Person, Roster, folded
from grader.text import printable

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection, Mapping, Sequence

    from grader.submissions.platforms import Table

    Parts = tuple[str, ...]
    Key = tuple[str, object]
    ReadTable = Callable[[int, Parts, Collection[str]], Table | None]

_MAX_STUDENT = 100
_MIN_DIGITS = 5  # a shorter number is a week, a section or a year
_MIN_FILE_NUMBER = 10_000  # `hw_2024_11_all.zip` is nobody's, though it looks like Canvas's


@dataclass(frozen=True)
class Trace:
    """Where a file was found.

    `source` numbers the folder or zip that was given, -1 is a file given by itself; `parts` begin with the name of
    the folder or zip, or with the root of the file system; `relative` is the path that a pattern sees.
    """

    source: int
    path: str
    relative: str
    parts: Parts


@dataclass(frozen=True)
class Sender:
    """Who a file is from: the id, the person of the roster if it is one's, and what the platform says."""

    student: str
    person: Person | None
    origin: Origin | None


def by_pattern(traces: list[Trace], matcher: re.Pattern[str], roster: Roster | None) -> list[Sender]:
    """Take the id from a group of `matcher`; a file that it does not match is a student of its own."""
    texts = [_matched(trace.relative, matcher) for trace in traces]
    people: list[Person | None] = [roster.find(text) if roster and text else None for text in texts]
    keys: list[Key | None] = [("pattern", text) if text.strip() else None for text in texts]
    return _named(traces, [None for _ in traces], people, _Ids(keys, texts, roster))


def by_name(traces: list[Trace], read: ReadTable, roster: Roster | None) -> list[Sender]:
    """Take the id from what a platform wrote, or from the roster by the outermost name; else from the file's."""
    file_origins: list[Origin | None] = [None for _ in traces]
    people: list[Person | None] = [None for _ in traces]
    given = {t.source: _without_suffix(t.parts[0]) for t in traces if t.source >= 0}
    by_canvas, by_roster = _students_of_canvas(given), _students_of_roster(given, roster)
    sources = defaultdict(list)
    for number, trace in enumerate(traces):
        sources[trace.source].append(number)
    for source, numbers in sources.items():
        paths = [traces[number].parts for number in numbers]
        if source in by_canvas:
            source_origins: list[Origin | None] = [by_canvas[source] for _ in numbers]
        elif source in by_roster:
            source_origins = [None for _ in numbers]
        else:
            source_origins = origins(paths, partial(read, source))
        depth = 0 if source in by_roster else shared_folders(paths)
        for number, origin in zip(numbers, source_origins, strict=True):
            file_origins[number] = origin
            if roster and origin is None:
                alone = source >= 0 and len(numbers) == 1 and depth > 0
                people[number] = _of_names(traces[number].parts[1 if alone else depth :], roster, alone=alone)
    if roster:
        people = _of_origins(file_origins, people, roster)
    keys: list[Key | None] = [
        (origin.platform, origin.identity) if origin else None for origin in file_origins
    ]
    texts = [origin.student if origin else "" for origin in file_origins]
    return _named(traces, file_origins, people, _Ids(keys, texts, roster))


def roster_ids(people: Sequence[Person], senders: Mapping[Person, str]) -> dict[Person, str]:
    """Return an id for everybody of a roster: that of `senders` for whoever handed in, for the others as they would get it."""
    used = set(senders.values())
    ids = dict(senders)
    for person in people:
        if person not in ids:
            ids[person] = _unused(_clean(person.id or person.email or person.name), used, set())
    return ids


def _students_of_canvas(given: dict[int, str]) -> dict[int, Origin]:
    """Return the folders and zips that are named by Canvas, if they are several students': one may be by chance."""
    named = canvas_names({(name,) for name in given.values()})
    students = {
        source: named[(name,)]
        for source, name in given.items()
        if (name,) in named and named[(name,)].order[0] >= _MIN_FILE_NUMBER
    }
    return students if len({origin.identity for origin in students.values()}) > 1 else {}


def _students_of_roster(given: dict[int, str], roster: Roster | None) -> set[int]:
    """Return the folders and zips that are students' own: all, if two are named after people, and not weeks or years."""
    names = {name for name in given.values() if not (name.isdecimal() and len(name) < _MIN_DIGITS)}
    people = {person for name in names if roster and (person := roster.find(name))}
    return set(given) if len(people) > 1 else set()


def _of_names(parts: Parts, roster: Roster, *, alone: bool) -> Person | None:
    """Return whom the outermost name fits, if no name below it fits another; of a file alone every name may fit.

    A student's own folder outweighs what they put into it, and a section's number is no student's id.
    """
    names = [*map(_without_suffix, parts[:-1]), _file_stem(parts[-1])]
    return roster.find(*names) if alone or roster.find(names[0]) else None


def _of_origins(
    file_origins: list[Origin | None], people: list[Person | None], roster: Roster
) -> list[Person | None]:
    """Add whom platforms mean; two accounts of one name are two people, so the name is neither's."""
    meant = [_of_origin(origin, roster) if origin else None for origin in file_origins]
    accounts, sure = defaultdict(set), set()
    for origin, person in zip(file_origins, meant, strict=True):
        if origin and person:
            accounts[origin.platform, person].add(origin.identity)
            if roster.find(*origin.numbers) == person:
                sure.add((origin.platform, origin.identity))
    corrected = list(people)
    for number, (origin, person) in enumerate(zip(file_origins, meant, strict=True)):
        if origin and person:
            single = len(accounts[origin.platform, person]) == 1
            corrected[number] = person if single or (origin.platform, origin.identity) in sure else None
    return corrected


def _of_origin(origin: Origin, roster: Roster) -> Person | None:
    """Return whom the platform means: a number of Canvas's may be somebody else's student id by accident."""
    numbered = roster.find(*origin.numbers)
    if numbered and origin.platform == "canvas" and not numbered.may_be_called(*origin.names):
        return roster.find(*origin.names)
    return roster.find(*origin.numbers, *origin.names)


@dataclass(frozen=True)
class _Ids:
    """What is known of each file's student: a key that is theirs alone, and a text to show; the roster's ids are taken."""

    keys: list[Key | None]
    texts: list[str]
    roster: Roster | None

    def reserved(self) -> set[str]:
        return (
            {folded(_clean(person.id)) for person in self.roster.people if person.id}
            if self.roster
            else set()
        )


def _named(
    traces: list[Trace], file_origins: list[Origin | None], people: list[Person | None], ids: _Ids
) -> list[Sender]:
    """Assign ids: the same to the same key or person, and never one to two of them or to two unknown files."""
    reserved, used = ids.reserved(), set[str]()
    ids_given: dict[Key, str] = {}
    for person in people:
        if person and ("person", person) not in ids_given:
            ids_given["person", person] = _unused(
                _clean(person.id or person.email or person.name), used, set()
            )
    unknown = [number for number, person in enumerate(people) if ids.keys[number] and not person]
    for number in _exact_first(unknown, ids.texts):
        if (key := ids.keys[number]) and key not in ids_given:
            ids_given[key] = _unused(_clean(ids.texts[number]), used, reserved)
    known = [
        ids_given["person", person] if person else ids_given[key] if key else None
        for key, person in zip(ids.keys, people, strict=True)
    ]
    given = {number: name for number, name in enumerate(known) if name}
    return [
        Sender(*sender)
        for sender in zip(_by_file(traces, given, used, reserved), people, file_origins, strict=True)
    ]


def _by_file(traces: list[Trace], given: dict[int, str], used: set[str], reserved: set[str]) -> list[str]:
    """Return all ids: those `given` by number, and for the others the file's name, with its folder's where names repeat.

    Of names that differ in what no id keeps, as blanks at their ends, the one that is an id as it stands remains it.
    """
    stems = [_stem(trace.relative) for trace in traces]
    names = [given.get(number) or _clean(stem) for number, stem in enumerate(stems)]
    count, exact = Counter(names), Counter(stems)
    taken = set(given.values())
    students = dict(given)
    for number in _exact_first([number for number in range(len(traces)) if number not in given], stems):
        name = names[number]
        repeated = count[name] > 1 and (exact[name] != 1 or name in taken)
        plain = _clean(_with_folder(traces[number].path, name)) if repeated else name
        students[number] = _unused(plain, used, reserved)
    return [students[number] for number in range(len(traces))]


def _exact_first(numbers: Sequence[int], texts: Sequence[str]) -> list[int]:
    """Return the numbers of those texts that are ids as they stand, then the others."""
    return sorted(numbers, key=lambda number: _clean(texts[number]) != texts[number])


def _unused(name: str, used: set[str], reserved: set[str]) -> str:
    """Return `name`, numbered where somebody else has it, and note it."""
    number, candidate = 1, name
    while candidate in used or folded(candidate) in reserved:
        number += 1
        suffix = f"-{number}"
        candidate = name[: _MAX_STUDENT - len(suffix)] + suffix
    used.add(candidate)
    return candidate


def _with_folder(path: str, name: str) -> str:
    parent = PurePosixPath(Path(path).as_posix()).parent.name
    return f"{parent}-{name}" if parent else name


def _matched(relative: str, matcher: re.Pattern[str]) -> str:
    match = matcher.search(relative)
    if match is None:
        return ""
    return match["student" if "student" in matcher.groupindex else 1] or ""


def _stem(relative: str) -> str:
    return PurePosixPath(relative.replace("\\", "/")).stem


def _file_stem(name: str) -> str:
    """Return a file's name without its ending, and without that of a notebook before it."""
    stem = _without_suffix(name)
    return stem if stem != name else _without_suffix(PurePosixPath(name).stem.removesuffix(".tar"))


def _without_suffix(name: str) -> str:
    """Return a file's name without the endings of a notebook and its zip (`x.ipynb.zip`); a folder's dots are its own."""
    while name.lower().endswith((".ipynb", ".zip")) and PurePosixPath(name).suffix:
        name = PurePosixPath(name).stem
    return name


def _clean(student: str) -> str:
    """Return the id without what could act as a path or garble a terminal or a table."""
    name = printable(student, "_", forbidden='/\\:*?"<>|')
    return name.strip(" .")[:_MAX_STUDENT] or "unnamed"
