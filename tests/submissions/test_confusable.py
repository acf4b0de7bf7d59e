"""Ids that look alike: they are told apart, the exact name keeps its id, and everybody who may be confused is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from downloaded import as_folder, files

from grader.submissions.collect import collect
from grader.submissions.confusable import confusable, confused, spelled

if TYPE_CHECKING:
    from pathlib import Path

ALIKE = {
    "Cyrillic": ["anna", "\u0430nn\u0430"],
    "one letter of it": ["sophie", "s\u043ephie"],
    "Greek": ["ANNA", "\u0391\u039d\u039dA"],
    "full width": ["anna", "\uff41\uff4e\uff4e\uff41"],
    "mathematical letters": ["anna", "\U0001d41a\U0001d427\U0001d427\U0001d41a"],
    "an accent": ["jose", "jos\u00e9"],
    "an accent of its own": ["jos\u00e9", "jose\u0301"],
    "capitals": ["Anna", "anna"],
    "zero and O": ["1017", "1O17"],
    "one, l and I": ["anna1", "annal", "annaI"],
    "a blank": ["anna no", "annano"],
    "two blanks": ["anna  no", "anna no"],
    "a ligature": ["\ufb01ne", "fine"],
    "a number that was added": ["anna", "anna-2"],
}
APART = {
    "other names": ["anna", "ben", "anne"],
    "i and l": ["mai", "mal"],
    "files of one series": ["hw-1", "hw-2"],
    "numbers": ["1017", "1018"],
    "punctuation": ["a.b", "ab"],
    "two words of one alphabet": ["\u0430\u043d\u043d\u0430", "\u043e\u043b\u0433\u0430"],
}


@pytest.mark.parametrize("students", ALIKE.values(), ids=ALIKE.keys())
def test_ids_that_look_alike_are_each_other_s(students: list[str]) -> None:
    others = confusable([*students, "somebody else"])
    assert others == {student: sorted(set(students) - {student}) for student in students}


@pytest.mark.parametrize("students", APART.values(), ids=APART.keys())
def test_ids_that_anybody_tells_apart_are_not_marked(students: list[str]) -> None:
    assert confusable(students) == {}


def test_of_very_many_some_are_named() -> None:
    students = ["x", *(f"x-{number}" for number in range(2, 3000))]
    others = confusable(students)
    assert others["x-2999"] == ["x"]
    assert len(others["x"]) == 20
    assert confused(students)["x"] == "x-10, x-100, x-1000 and 17 more"


def test_what_nobody_sees_is_written_as_code_points() -> None:
    assert spelled("anna") == "anna"
    assert spelled("\u0430nn\u0430") == "\u0430nn\u0430 (U+0430)"


IMPOSTORS = {
    "a blank behind": "anna .ipynb",
    "a blank before": " anna.ipynb",
    "a dot": "anna..ipynb",
}


@pytest.mark.parametrize("name", IMPOSTORS.values(), ids=IMPOSTORS.keys())
@pytest.mark.parametrize("pattern", [None, r"([^/]+)\.ipynb$"], ids=["by name", "by pattern"])
def test_the_exact_name_keeps_its_id(tmp_path: Path, name: str, pattern: str | None) -> None:
    place = as_folder(tmp_path / "inbox", files("anna.ipynb", "1/" + name))
    students = {s.path: s.student for s in collect([place], pattern, tmp_path / "work")}
    assert students.pop(str(place / "anna.ipynb")) == "anna"
    (impostor,) = students.values()
    assert confusable(["anna", impostor]) == {"anna": [impostor], impostor: ["anna"]}


def test_of_two_exact_names_neither_is_the_id(tmp_path: Path) -> None:
    place = as_folder(tmp_path / "inbox", files("1/anna.ipynb", "2/anna.ipynb", "3/anna .ipynb"))
    students = sorted(s.student for s in collect([place], None, tmp_path / "work"))
    assert students == ["1-anna", "2-anna", "3-anna"]
