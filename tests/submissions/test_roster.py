"""Finding people in a roster: by any of their names, and never one who might be another."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from grader.errors import UsageError
from grader.submissions.roster import Person, Roster, moment

if TYPE_CHECKING:
    from pathlib import Path

ANNA = Person("1017", "Anna Müller", "anna.m@uni.example", "A")
BEN = Person("1018", "Łukasz Nowak", "ben@uni.example", "B")
COURSE = Roster([ANNA, BEN])


def read(tmp_path: Path, data: str | bytes) -> Roster:
    path = tmp_path / "roster.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return Roster.read(path)


# -- finding -----------------------------------------------------------------------------------------------------

KEYS = {
    "id": "1017",
    "name": "Anna Müller",
    "case": "ANNA MÜLLER",
    "accents": "anna muller",
    "decomposed": "Anna Mu\u0308ller",
    "last name first": "Müller, Anna",
    "canvas": "mülleranna",
    "canvas without accents": "mulleranna",
    "spaces": "  Anna   Müller ",
    "email": "Anna.M@uni.example",
    "email's front": "anna.m",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_a_person_is_found_by_any_of_their_names(key: str) -> None:
    assert COURSE.find(key) == ANNA


@pytest.mark.parametrize(
    "key", ["", " ", "anna", "müller", "017", "uni.example", "@uni.example", "mülleran", "?"]
)
def test_a_part_of_a_name_is_nobody(key: str) -> None:
    assert COURSE.find(key) is None


def test_letters_that_do_not_decompose_lose_their_strokes_too() -> None:
    assert COURSE.find("lukasz nowak") == BEN
    assert COURSE.find("nowakłukasz") == BEN


def test_a_name_of_several_words_is_found_wherever_the_family_name_begins() -> None:
    roster = Roster([Person("1", "Ana María García López")])
    for key in (
        "lópezanamaríagarcía",
        "garcialopezanamaria",
        "García López, Ana María",
        "anamariagarcialopez",
    ):
        assert roster.find(key), key


def test_a_key_that_fits_several_fits_nobody_and_another_key_still_decides() -> None:
    first, second = Person("1", "Jane Doe", "j1@x"), Person("2", "jane doe", "j2@x")
    roster = Roster([first, second])
    assert roster.find("Jane Doe") is None
    assert roster.find("doejane") is None
    assert roster.find("doejane", "2") == second
    assert roster.find("j1") == first


def test_keys_that_fit_different_people_fit_nobody() -> None:
    assert COURSE.find("1017", "Łukasz Nowak") is None
    assert COURSE.find("1017", "nobody") == ANNA


def test_an_id_that_is_another_s_name_is_nobody_s() -> None:
    roster = Roster([Person("anna", "Ben No"), Person("2", "Anna")])
    assert roster.find("anna") is None


def test_names_that_mirror_each_other_are_told_apart_as_written_only() -> None:
    first, second = Person("1", "Jan Tomas"), Person("2", "Tomas Jan")
    roster = Roster([first, second])
    assert roster.find("Jan Tomas") == first
    assert roster.find("Jan, Tomas") == second
    assert roster.find("jantomas") is None


def test_squeezing_merges_no_number_into_a_name() -> None:
    assert Roster([Person("1", "Test Student 2")]).find("teststudent2")
    assert COURSE.find("anna müller 2") is None


# -- reading -----------------------------------------------------------------------------------------------------

TABLES: dict[str, str | bytes] = {
    "plain": "id,name,email,section\n1017,Anna Müller,anna.m@uni.example,A\n",
    "byte order mark and CRLF": b"\xef\xbb\xbfID,Name,Email,Section\r\n"
    + "1017,Anna Müller,anna.m@uni.example,A\r\n".encode(),
    "semicolons": "SID;Full Name;E-Mail;Email Address;Section\n1017;Müller, Anna;;anna.m@uni.example;A\n",
    "tabs": "student_id\tSTUDENT\temail\tsection\n1017\tAnna Müller\tanna.m@uni.example\tA\n",
    "quotes, blank lines, other order": '\nSection,Notes,Email,"Student  ID",Name\n\nA,"a\nb",anna.m@uni.example, 1017 ,Anna Müller\n,,,,\n',
    "canvas": (
        "Student,ID,SIS User ID,SIS Login ID,Section,Email\n    Points Possible,,,,,\n"
        '"Müller, Anna",555,1017,am17,A,anna.m@uni.example\n'
    ),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_a_table_is_read_however_it_was_saved(tmp_path: Path, table: str | bytes) -> None:
    roster = read(tmp_path, table)
    (person,) = roster.people
    assert (person.id, person.email, person.section) == (ANNA.id, ANNA.email, ANNA.section)
    assert roster.find("Anna Müller") == person


@pytest.mark.parametrize("column", ["team", "Team name", "\u00c9quipe", "Dru\u017cyna"])
def test_a_table_may_name_teams(tmp_path: Path, column: str) -> None:
    roster = read(tmp_path, f"name,{column}\nAnna,Owls\nBen,\n")
    assert [(person.name, person.team) for person in roster.people] == [("Anna", "Owls"), ("Ben", "")]


def test_canvas_s_own_number_and_the_login_find_a_person_too(tmp_path: Path) -> None:
    roster = read(tmp_path, TABLES["canvas"])
    assert roster.find("555") == roster.find("am17") == roster.people[0]
    assert roster.people[0].id == "1017"


def test_what_a_table_does_not_tell_is_empty(tmp_path: Path) -> None:
    roster = read(tmp_path, "name\nAnna\nBen\n")
    assert roster.people == (Person("", "Anna", "", ""), Person("", "Ben", "", ""))


def test_two_people_may_share_a_name(tmp_path: Path) -> None:
    assert len(read(tmp_path, "id,name\n1,Jane Doe\n2,Jane Doe\n").people) == 2


WRONG: dict[str, tuple[str | bytes, str]] = {
    "no header": (
        "1017,Anna\n1018,Ben\n",
        "the header must name a column id, name or email; it has: 1017, Anna",
    ),
    "nothing": ("", "the header must name a column"),
    "only a header": ("id,name\n", "nobody is listed"),
    "an id twice": ("id,name\na1,Anna\n\nA1,Ben\n", "line 4: id 'A1' was already on line 2"),
    "an email twice": ("id,email\n1,a@x\n2,A@x\n", "line 3: email 'A@x' was already on line 2"),
    "latin-1": ("id,name\n1,Anna\n2,M\xfcller\n".encode("latin-1"), "line 3: not UTF-8"),
    "utf-16 without its mark": ("id,name\n1,Ännä\n".encode("utf-16-le"), "not UTF-8"),
    "a comma too many": ("id,name\n1,Müller, Anna\n", "line 2: 3 cells under a header of 2"),
    "nobody": ("id,name,section\n,,B\n", "nobody is listed"),
    "a workbook of Excel": (
        b"PK\x03\x04" + bytes(40),
        "is a workbook, not a table in CSV; save it as CSV UTF-8",
    ),
    "a workbook of an older Excel": (b"\xd0\xcf\x11\xe0" + bytes(40), "is a workbook"),
    "an open quote": ('id,name\n1,"Anna\n', "not a row of CSV"),
    "a cell without end": ("id,name\n1," + "x" * 200_000, "not a row of CSV"),
}


@pytest.mark.parametrize(("table", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_table_that_cannot_be_used_is_one_line(tmp_path: Path, table: str | bytes, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, table)
    assert says in str(caught.value)
    assert str(tmp_path / "roster.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        Roster.read(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        Roster.read(tmp_path)


ZOE, LUKASZ = "Zo\u00eb M\u00fcller", "\u0141ukasz \u017bak"
AS_WRITTEN: dict[str, str | bytes] = {
    "Moodle's grade export": (
        "First name,Last name,ID number,Institution,Department,Email address,Assignment: Toy (Real)\n"
        "Zo\u00eb,M\u00fcller,2001,,,zoe@uni.example,-\n\u0141ukasz,\u017bak,2002,,,lukasz@uni.example,-\n"
        "Overall average,,,,,,-\n"
    ),
    "Moodle in German": (
        "Vorname;Nachname;ID-Nummer;E-Mail-Adresse\n"
        "Zo\u00eb;M\u00fcller;2001;zoe@uni.example\n\u0141ukasz;\u017bak;2002;lukasz@uni.example\n"
    ),
    "Moodle in Polish": (
        "Imi\u0119,Nazwisko,Numer ID,Adres e-mail\n"
        "Zo\u00eb,M\u00fcller,2001,zoe@uni.example\n\u0141ukasz,\u017bak,2002,lukasz@uni.example\n"
    ),
    "Canvas with split names": (
        "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,Toy (5002),Final Score\n"
        "    Points Possible,,,,,,10.00,(read only)\n"
        "M\u00fcller,Zo\u00eb,71,2001,zoe@uni.example,A,,\n\u017bak,\u0141ukasz,72,2002,lukasz@uni.example,A,,\n"
    ),
    "Excel's own first line": f"\ufeffsep=;\r\nID;Name;Email\r\n2001;{ZOE};zoe@uni.example\r\n2002;{LUKASZ};lukasz@uni.example\r\n",
    "Excel's line with commas": f"sep=;,,\nID;Name;E-mail\n2001;{ZOE};zoe@uni.example\n2002;{LUKASZ};lukasz@uni.example\n",
    "Excel's Unicode text": (
        f"Student number\tFull name\tMail\r\n2001\t{ZOE}\tzoe@uni.example\r\n2002\t{LUKASZ}\tlukasz@uni.example\r\n"
    ).encode("utf-16"),
    "USOS": "Indeks;Nazwisko;Imi\u0119;Email\n2001;M\u00fcller;Zo\u00eb;zoe@uni.example\n2002;\u017bak;\u0141ukasz;lukasz@uni.example\n",
    "names family first in one column": (
        "Nr albumu;Nazwisko i imi\u0119;E-mail\n2001;M\u00fcller Zo\u00eb;zoe@uni.example\n2002;\u017bak \u0141ukasz;lukasz@uni.example\n"
    ),
    "a family name that is called the name": (
        "Matrikelnummer;Name;Vorname;Mail\n2001;M\u00fcller;Zo\u00eb;zoe@uni.example\n2002;\u017bak;\u0141ukasz;lukasz@uni.example\n"
    ),
    "Brightspace": (
        "OrgDefinedId,Username,Last Name,First Name,Email,End-of-Line Indicator\n"
        "#2001,#zoe,M\u00fcller,Zo\u00eb,zoe@uni.example,#\n#2002,#lukasz,\u017bak,\u0141ukasz,lukasz@uni.example,#\n"
    ),
    "numbers that Excel keeps as texts": f'ID,Name,Email\n="2001",{ZOE},zoe@uni.example\n="2002",{LUKASZ},lukasz@uni.example\n',
    "sums below": (
        f"id,name,email\n2001,{ZOE},zoe@uni.example\n2002,{LUKASZ},lukasz@uni.example\n\nTotal: 2\nNumber of students,2,\n"
    ),
    "a title above": f"Machine learning, autumn\n\nsid,name,email\n2001,{ZOE},zoe@uni.example\n2002,{LUKASZ},lukasz@uni.example\n",
    "a report's lines above": (
        "Report:;Enrolled students\nDate:;2026-11-28\n"
        "Surname;Given name;Matriculation number;E-mail address\nM\u00fcller;Zo\u00eb;2001;zoe@uni.example\n\u017bak;\u0141ukasz;2002;lukasz@uni.example\n"
    ),
}


@pytest.mark.parametrize("table", AS_WRITTEN.values(), ids=AS_WRITTEN.keys())
def test_a_class_list_is_read_as_platforms_and_excel_write_it(tmp_path: Path, table: str | bytes) -> None:
    roster = read(tmp_path, table)
    assert [person.id for person in roster.people] == ["2001", "2002"]
    for keys in (
        (ZOE, "M\u00fcller, Zo\u00eb", "zoe@uni.example"),
        (LUKASZ, "zak lukasz", "lukasz@uni.example"),
    ):
        assert len({roster.find(key) for key in keys} - {None}) == 1
    assert roster.find(ZOE) != roster.find(LUKASZ)


def test_rows_that_name_nobody_are_skipped_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("id,name,section\n1,Anna,A\n,,B\n,,C\n")
    notes: list[str] = []
    assert len(Roster.read(path, notes.append).people) == 1
    assert notes == [f"{path}: 2 rows without id, name and email, skipped: line 3, 4"]


def test_a_whole_name_counts_before_its_parts(tmp_path: Path) -> None:
    (person,) = read(tmp_path, "first name,last name,name,id\nAda,King,Ada Lovelace,1\n").people
    assert person.name == "Ada Lovelace"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-30T23:59+01:00", "2026-11-30T22:59:00+00:00"),
        ("2026-11-30 23:59", "2026-11-30T22:59:00+00:00"),
        ("Monday, 30 November 2026, 11:59 PM", "2026-11-30T22:59:00+00:00"),
        ("Monday, 30 November 2026, 23:59", "2026-11-30T22:59:00+00:00"),
        ("Montag, 30. November 2026, 23:59", None),
        ("yesterday", None),
    ],
)
def test_a_time_of_a_table_is_read_in_its_zone_or_the_given_one(text: str, expected: str | None) -> None:
    time = moment(text, timezone(timedelta(hours=1)))
    assert (time and time.isoformat()) == expected


def test_a_time_without_any_zone_is_no_time() -> None:
    assert moment("2026-11-30 23:59", None) is None


def test_moodles_worksheet_says_when_each_of_them_submitted(tmp_path: Path) -> None:
    table = tmp_path / "worksheet.csv"
    table.write_text(
        'Identifier,"Full name","Last modified (submission)","Last modified (grade)"\n'
        'Participant 15,"Ada Lovelace","Monday, 2 March 2026, 10:15 AM",-\nParticipant 16,"Grace Hopper",-,-\n',
        encoding="utf-8",
    )
    roster = Roster.read(table)
    assert list(roster.times.values()) == ["Monday, 2 March 2026, 10:15 AM"]
