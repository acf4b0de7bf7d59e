"""Downloads of learning platforms, made for tests as folders and as zips."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from grader.submissions.roster import Person, Roster

if TYPE_CHECKING:
    from grader.submissions.collect import Submission

    Files = dict[str, bytes]

GOOD = b'{"nbformat": 4, "cells": []}'
YML = "submission_metadata.yml"

ANNA = Person("1017", "Anna No", "anna@uni.example")
BEN = Person("1018", "Ben Ode", "ben@uni.example")
COURSE = Roster([ANNA, BEN])


def files(*names: str) -> Files:
    return dict.fromkeys(names, GOOD)


def as_folder(place: Path, content: Files) -> Path:
    for name, data in content.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def as_zip(place: Path, content: Files) -> Path:
    path = place.with_name(f"{place.name}.zip")
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in content.items():
            opened.writestr(name, data)
    return path


def told(submissions: list[Submission]) -> dict[str, list[str]]:
    """Return the file names of each student, in the order of their attempts."""
    found: dict[str, list[str]] = {}
    for submission in submissions:
        found.setdefault(submission.student, []).append(Path(submission.path).name)
    return found


def metadata(**submitters: str) -> str:
    """Return a table as Gradescope writes it, of "name/sid/email/time" for each submission."""
    lines = []
    for folder, text in submitters.items():
        name, sid, email, created = text.split("/")
        lines += [
            f"{folder}:",
            "  :submitters:",
            f"  - :name: {name}",
            f"    :sid: {sid}",
            f"    :email: {email}",
        ]
        lines += [f"  :created_at: {created}"] if created else []
    return "\n".join([*lines, ""])


EXPORT = metadata(
    submission_1="Anna No/'1017'/anna@uni.example/2026-03-01 10:00:00.250000000 -05:00",
    submission_2="Ben Ode/'1018'/ben@uni.example/2026-03-01 09:00:00 Z",
    submission_3="Anna No/'1017'/anna@uni.example/2026-03-01 11:00:00 Z",
)
FOLDERS = ("submission_1/x.ipynb", "submission_2/x.ipynb", "submission_3/y.ipynb")
