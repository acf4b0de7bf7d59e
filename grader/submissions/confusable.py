"""Find ids of students that are easily taken for one another: by a blank, by case, by accents, by width or by alphabet.

The letters of other alphabets are those of Cyrillic and Greek that Unicode's confusables (UTS 39) draw like Latin ones; full
width, small capitals of mathematics and ligatures go by compatibility decomposition.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING

from grader.submissions.roster import folded
from grader.text import listed

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOKS = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝүΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυχ01Ι|",  # noqa: RUF001 -- it is about these
    "ABESIJKMHOPCTYXaesijopcyxhdqwyABEZHIKMNOPTYXaiKvopuxOlll",
)
_MOST = 20  # others that count
_NUMBERED = re.compile(r"(.+)-\d{1,9}")


def confusable(students: Iterable[str]) -> dict[str, list[str]]:
    """Return, for each id that is easily taken for others, those others in order, and of very many the first."""
    ids = sorted(set(students))
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    others: dict[str, set[str]] = defaultdict(set)
    for student in ids:
        for key in (("folded", folded(student)), ("looks", _looks(student))):
            alike[key].append(student)
    for group in alike.values():
        for student in group:
            others[student].update(other for other in group[:_MOST] if other != student)
    given = set(ids)
    for student in ids:  # as somebody is called whose id was taken
        numbered = _NUMBERED.fullmatch(student)
        if numbered and numbered[1] in given:
            others[student].add(numbered[1])
            others[numbered[1]].add(student)
    return {student: sorted(others[student])[:_MOST] for student in ids if others[student]}


def confused(students: Iterable[str]) -> dict[str, str]:
    """Return, for each id that is easily taken for others, a text that names some of those."""
    return {student: listed(list(map(spelled, others))) for student, others in confusable(students).items()}


def spelled(student: str) -> str:
    """Return an id with the code points of those of its characters that are not ASCII, which nobody can see."""
    points = ", ".join(dict.fromkeys(f"U+{ord(character):04X}" for character in student if character > "~"))
    return f"{student} ({points})" if points else student


def _looks(student: str) -> str:
    """Return an id in the Latin letters that it looks like, without blanks; case is looked at, and I, l and 1 are one."""
    apart = unicodedata.normalize("NFKD", student).translate(_LOOKS).replace("I", "l")
    return "".join(character for character in apart if character.isalnum() or character in "-_.@+")
