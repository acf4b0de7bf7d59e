"""Read whom a learning platform says a file is from: what the platform wrote, never what the student wrote.

Three bulk downloads are known:

    Canvas      lastnamefirstname_[LATE_]<userid>_<fileid>_<original name>.ipynb
    Moodle      <Full name>_<id>_assignsubmission_file/<original name>.ipynb     or flat, with _ in place of /
    Gradescope  <submission>/<original name>.ipynb beside a submission_metadata.yml

The outermost name decides: what lies in a student's folder, and what follows a platform's prefix, is the student's.

What no rule can tell apart: a student's own zip that is given as if it were a download, or the folder of the only
student who handed in, may imitate any of this; so may the name of an account where students may change it.
Where files are named by students alone, so are the students.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from grader.gradebook.result import GROUP
from grader.submissions.yaml_table import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from grader.submissions.yaml_table import Value

    Parts = tuple[str, ...]
    Table = dict[str, "Origin"]
    ReadTable = Callable[[Parts, Collection[str]], Table | None]

METADATA = "submission_metadata.yml"
_GRADESCOPE = re.compile(r"submission_[0-9]{1,18}")
_MAX_VALUE = 300  # characters of a name, an address, a time
_CANVAS = re.compile(
    r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<user>[1-9]\d{0,18})_(?P<file>[1-9]\d{2,18})_(?P<rest>.+)"
)
_MOODLE = re.compile(r"(?P<name>[^_]+)_(?P<id>\d+)_assignsubmission_file(?:_.*)?", re.DOTALL)
_REPEAT = re.compile(r"-(\d{1,9})$")
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ]+(?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"\s*(?:Z|UTC|(?P<hours>[+-]\d\d):?(?P<minutes>\d\d))?"
)


@dataclass(frozen=True)
class Origin:
    """Whom a platform says a file is from, and when.

    Two files are the same student's where `platform` and `identity` agree. `student` is the id to show, `numbers`
    and `names` are keys for a roster: numbers and addresses are one person's, a name may be several people's.
    `order` tells the attempts of a student apart.
    """

    platform: str
    identity: str
    student: str
    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    order: tuple[int, ...] = ()
    submitted: datetime | None = None
    late: bool = False


def canvas(name: str) -> Origin | None:
    """Read Canvas's prefix of a file's or folder's name; it has two numbers, and a name in lower case before them.

    See `ContentZipper#get_filename` of canvas-lms: letters, digits and underscores are all it leaves of a name.
    """
    match = _CANVAS.fullmatch(unicodedata.normalize("NFC", name))
    if match is None or not _is_squeezed(match["name"]):
        return None
    repeat = _REPEAT.search(match["rest"].rpartition(".")[0])
    return Origin(
        platform="canvas",
        identity=match["user"],
        student=f"{match['name']}_{match['user']}",
        numbers=(match["user"],),
        names=(match["name"],),
        order=(int(match["file"]), int(repeat[1]) if repeat else 0),
        late=match["late"] is not None,
    )


def moodle(name: str) -> Origin | None:
    """Read Moodle's name of a student's folder; Moodle puts spaces for the underscores of names, so none can lie."""
    match = _MOODLE.fullmatch(unicodedata.normalize("NFC", name))
    if match is None or not match["name"].strip():
        return None
    student = f"{match['name'].strip()}_{match['id']}"
    return Origin(platform="moodle", identity=student, student=student, names=(match["name"].strip(),))


def gradescope(data: bytes, folders: Collection[str]) -> Table:
    """Read a `submission_metadata.yml`: the origin of those of `folders` that Gradescope could have named.

    Raises TableError where it cannot be read.
    """
    named = {folder for folder in folders if _GRADESCOPE.fullmatch(folder)}
    rows = read_table(data, named, {":submitters", ":created_at"})
    read = {folder: _submission(folder, row) for folder, row in rows.items()}
    return {folder: origin for folder, origin in read.items() if origin is not None}


def origins(paths: Sequence[Parts], read: ReadTable) -> list[Origin | None]:
    """Return whom each of the paths of one download is from, by its outermost telling name; None where none tells.

    `read` returns Gradescope's table of a folder with some folders in it, or None where there is none. Below the folders
    that all paths share, names count at the first level alone, unless all paths have one at the same deeper level, as in
    folders of sections. One table counts, the outermost that lies beside folders named by Gradescope.
    """
    shared = shared_folders(paths)
    table: Table | None = None
    for depth in range(shared + 1):
        folders = {parts[depth] for parts in paths if len(parts) > depth + 1}
        if table is None and any(map(_GRADESCOPE.fullmatch, folders)):
            table = read(paths[0][:depth], folders)
            named = [(table or {}).get(parts[depth]) for parts in paths]
            if any(named):
                return named
        if depth < shared and (origin := moodle(paths[0][depth])) is not None:
            return [origin for _ in paths]
    named = _named(paths, shared)
    depth = shared
    while not any(named) and all(len(parts) > depth + 1 for parts in paths):
        depth += 1
        named = _named(paths, depth)
        if not all(named):
            named = [None for _ in paths]
    return named


def shared_folders(paths: Sequence[Parts]) -> int:
    """Return how many folders all of the paths have in common."""
    shortest = min(len(parts) for parts in paths) - 1
    return next((n for n in range(shortest) if len({parts[n] for parts in paths}) > 1), shortest)


def _named(paths: Sequence[Parts], depth: int) -> list[Origin | None]:
    """Return what the names at one level tell."""
    names = {parts[: depth + 1] for parts in paths}
    by_canvas = canvas_names(names)
    return [by_canvas.get(parts[: depth + 1]) or moodle(parts[depth]) for parts in paths]


def canvas_names(names: set[Parts]) -> dict[Parts, Origin]:
    """Return those of Canvas's names that do not contradict others: `hw_1_100_anna` beside `hw_1_100_ben` does.

    In a folder of Canvas's every file has its own number, and every number of a user one name.
    """
    read = {parts: origin for parts in names if (origin := canvas(parts[-1])) is not None}
    files = Counter((parts[:-1], origin.order[0]) for parts, origin in read.items())
    called = defaultdict(set)
    for parts, origin in read.items():
        called[parts[:-1], origin.identity].add(origin.names)
    return {
        parts: origin
        for parts, origin in read.items()
        if files[parts[:-1], origin.order[0]] == 1 and len(called[parts[:-1], origin.identity]) == 1
    }


def _is_squeezed(name: str) -> bool:
    return (
        name == name.lower()
        and any(character.isalpha() for character in name)
        and all(c.isalnum() or unicodedata.category(c).startswith("M") for c in name)
    )


def _submission(folder: str, about: dict[str, Value]) -> Origin | None:
    listed = about.get(":submitters")
    people = [person for person in listed if isinstance(person, dict)] if isinstance(listed, list) else []
    submitted = _moment(about.get(":created_at"))
    order = (round(submitted.timestamp() * 1e6),) if submitted else ()
    if len(people) != 1:  # a group's work is nobody's alone
        names = [
            _value(person, ":sid") or _value(person, ":email") or _value(person, ":name") for person in people
        ]
        student = GROUP.join(sorted(filter(None, names)))
        return (
            Origin("gradescope", f"group {student}", student, (), (), order, submitted) if student else None
        )
    sid, email, name = (_value(people[0], key) for key in (":sid", ":email", ":name"))
    if not (sid or email or name):
        return None
    number = re.sub(r"\D", "", folder) or folder
    student = sid or email or f"{name}_{number}"  # a name alone may be two people's
    numbers = tuple(filter(None, (sid, email)))
    return Origin(
        "gradescope", student, student, numbers, (name,) if name else (), order=order, submitted=submitted
    )


def _value(mapping: dict[str, Value], key: str) -> str:
    value = mapping.get(key)
    text = value.strip() if isinstance(value, str) and len(value) <= _MAX_VALUE else ""
    return "" if text in {"null", "~"} else text


def _moment(value: object) -> datetime | None:
    """Return the time that YAML or Rails wrote; without a zone it is UTC, as YAML has it."""
    if isinstance(value, dict):
        value = value.get("utc")
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= _MAX_VALUE else None
    if match is None:
        return None
    sign = -1 if (match["hours"] or "").startswith("-") else 1
    offset = timedelta(hours=int(match["hours"] or 0), minutes=sign * int(match["minutes"] or 0))
    fraction = (match["fraction"] or "0")[:6].ljust(6, "0")
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['time']}.{fraction}")
        return moment.replace(tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
