"""Derive a pseudonym for every student, and for every page a file name that cannot be guessed; both stay the same."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from typing import TYPE_CHECKING

from grader.files import MADE, reporting_os_errors
from grader.task.secret import secret_for

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FOLDER = "pseudonyms"  # in the folder of results; holds the secret that the names are made from
_SYLLABLES = [consonant + vowel for consonant in "bdlmnrtv" for vowel in "aeiou"]
_SHORT, _LONG = 5, 8  # syllables: 100 million names, and as many as nobody needs
_SLUG = 40  # characters of a student's id in the name of a file


def key_for(out: Path) -> bytes:
    """Return the secret of the pseudonyms of `out`; it is drawn once and kept there (mode 600).

    It is not the secret of the evaluation: what is published must tell nothing about seeds.
    Raises UsageError where it cannot be kept or read.
    """
    folder = out / FOLDER
    with reporting_os_errors(MADE, folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    return secret_for(folder, None)


def pseudonyms(key: bytes, students: Iterable[str]) -> dict[str, str]:
    """Return a name such as `tola-mirevu` for each student: a keyed hash of the id, said in syllables.

    Two students who would share a name both get a longer one.
    """
    ids = set(students)
    short = {student: _spoken(key, student, _SHORT) for student in ids}
    taken = Counter(short.values())
    return {
        student: name if taken[name] == 1 else _spoken(key, student, _LONG) for student, name in short.items()
    }


def page_name(key: bytes, task: str, student: str, attempt: int) -> str:
    """Return the file name of a feedback page: readable, and with 64 bits that only the key gives.

    So whoever is sent one page, or is given its address, cannot guess that of somebody else.
    """
    slug = re.sub(r"[^A-Za-z0-9]+", "-", student).strip("-")[:_SLUG] or "student"
    mark = _digest(key, "page", task, student, str(attempt)).hex()[:16]
    return f"{slug}-{attempt}-{mark}.html"


def _spoken(key: bytes, student: str, syllables: int) -> str:
    number = int.from_bytes(_digest(key, "name", student), "big")
    spoken = []
    for _ in range(syllables):
        number, index = divmod(number, len(_SYLLABLES))
        spoken.append(_SYLLABLES[index])
    return f"{''.join(spoken[:2])}-{''.join(spoken[2:])}"


def _digest(key: bytes, *words: str) -> bytes:
    text = b"\0".join(word.encode("utf-8", "surrogatepass") for word in words)
    return hmac.new(key, text, hashlib.sha256).digest()
