from __future__ import annotations

import csv
import io
import json
import re
import time
from typing import TYPE_CHECKING

import pytest
from contests import RULES

from grader.cli.contest_commands import CONTEST_COMMANDS, CONTEST_SUMMARY
from grader.contest.folder import open_contest
from grader.contest.intake import Ticket
from grader.contest.people import new_token, participants, person_of_code, person_of_token
from grader.contest.rehearse import RehearsedAttempt, forecast
from grader.contest.spec import parse_spec
from grader.contest.views import task_view
from grader.gradebook.gradebook import writing
from grader.serve.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.cli.commands import CommandRow
    from grader.contest.people import Participant
    from grader.task.spec import Task

    Run = Callable[..., tuple[int, str, str]]

ROSTER = "id,name,email,section\n1,Ada Lovelace,ada@example.org,pl\n2,Bob,bob@example.org,\n"
ALWAYS = """[[windows]]
opens = 2020-01-01T00:00:00
closes = 2120-01-01T12:00:00
"""


def test_a_class_list_names_teams(run: Run, folder: Path, tmp_path: Path) -> None:
    roster = tmp_path / "teams.csv"
    roster.write_text("name,team\nAda,Owls\nBob,Owls\nCleo,\n", encoding="utf-8")
    assert run("contest", "codes", folder, "--roster", roster)[0] == 0
    with open_contest(folder).store.reading() as transaction:
        teams = [person.team for person in participants(transaction)]
    assert teams[0] == teams[1] != teams[2]


@pytest.fixture
def folder(run: Run, tmp_path: Path, toy_task: Task) -> Path:
    """A contest of the toy task, just started and open now."""
    path = tmp_path / "contest"
    assert run("contest", "new", path, "--task", f"{toy_task.folder}/", "--title", 'The "first"')[0] == 0
    rules = path / "contest.toml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(re.sub(r"\[\[windows]].*?\n\n", f"{ALWAYS}\n", text, flags=re.DOTALL), encoding="utf-8")
    return path


@pytest.mark.parametrize("row", CONTEST_COMMANDS, ids=lambda row: row.name)
def test_each_command_of_contests_has_its_help(run: Run, row: CommandRow) -> None:
    code, text, _ = run("contest", row.name, "--help")
    assert code == 0
    assert row.summary.split()[0] in text
    (annotation,) = (
        value for name, value in row.implementation().__annotations__.items() if name != "return"
    )
    assert annotation == f"commands.{row.options.__name__}"


def test_the_help_lists_contests_among_the_commands_of_instructors(run: Run) -> None:
    text = run("--help")[1]
    instructors = text[text.index("Instructors") : text.index("Authors")]
    assert CONTEST_SUMMARY in instructors


def test_the_rules_of_a_new_contest_work(run: Run, tmp_path: Path, toy_task: Task) -> None:
    path = tmp_path / "contest"
    code, text, _ = run("contest", "new", path, "--task", f"{toy_task.folder}/", "--zone", "Asia/Tokyo")
    assert code == 0
    assert f"grader contest check {path}" in text
    code, text, _ = run("contest", "check", path)
    assert code == 0
    assert "toy_task  everybody" in text
    assert "09:00 to" in text
    assert "JST" in text
    code, _, errors = run("contest", "new", path, "--task", f"{toy_task.folder}/")
    assert code == 2
    assert "exists already" in errors
    code, _, errors = run("contest", "new", tmp_path / "x", "--task", "nothing_like_it")
    assert (code, errors.count("\n")) == (2, 1)


def test_a_timetable_that_is_over_or_ends_at_night_is_named(run: Run, folder: Path) -> None:
    rules = folder / "contest.toml"
    rules.write_text(
        rules.read_text(encoding="utf-8").replace("2120-01-01T12", "2021-01-01T03"), encoding="utf-8"
    )
    code, text, _ = run("contest", "check", folder, "--json")
    wrong = [finding["name"] for finding in json.loads(text)["findings"] if not finding["ok"]]
    assert (code, wrong) == (1, ["over", "night"])


def test_codes_are_shown_once_and_belong_to_the_people_of_the_roster(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text(ROSTER, encoding="utf-8")
    code, text, _ = run("contest", "codes", folder, "--roster", roster)
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["name"], row["group"]) for row in rows] == [("Ada Lovelace", "pl"), ("Bob", "")]
    with open_contest(folder).store.reading() as transaction:
        owner = person_of_code(transaction, rows[0]["code"])
    assert owner is not None
    assert owner.name == "Ada Lovelace"
    assert run("contest", "codes", folder, "--roster", roster)[1] == "name,group,code\n"
    again = run("contest", "codes", folder, "--again", "--person", "Bob", "--out", tmp_path / "codes.csv")[1]
    assert again.startswith("1 code in ")
    assert "Bob," in (tmp_path / "codes.csv").read_text(encoding="utf-8")
    assert (tmp_path / "codes.csv").stat().st_mode & 0o077 == 0
    shown = run("contest", "codes", folder, "--again", "--person", "Bob", "--out", tmp_path)[1]
    assert shown.splitlines()[1].startswith("Bob,"), "codes that cannot be written are not lost"
    assert (
        run("contest", "team", folder, "Owls", "--person", "1", "--person", "Bob")[1]
        == "Owls: Ada Lovelace, Bob\n"
    )
    code, _, errors = run("contest", "codes", folder, "--person", "Bobb")
    assert (code, errors) == (2, "grader: nobody is called 'Bobb'; did you mean 'Bob'?\n")


def test_a_new_code_ends_the_sessions_and_tokens_of_whoever_has_the_old_one(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    run("contest", "codes", folder, "--roster", tmp_path / "roster.csv")
    store = open_contest(folder).store
    with store.writing() as transaction:
        ada = participants(transaction)[0].id
        token = new_token(transaction, ada)
    sessions = Sessions(folder, time.time)
    session = sessions.open(ada)
    run("contest", "codes", folder, "--again", "--person", "Bob")
    assert sessions.find(session)
    run("contest", "codes", folder, "--again", "--person", "Ada Lovelace")
    assert sessions.find(session) is None
    with store.reading() as transaction:
        assert person_of_token(transaction, token, "toy_task") is None


def test_an_extension_and_a_disqualification_need_a_reason_and_can_be_taken_back(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    run("contest", "codes", folder, "--roster", tmp_path / "roster.csv")
    contest = open_contest(folder)
    with contest.store.reading() as transaction:
        ada, bob = participants(transaction)
    contest.intake.take(Ticket(ada.id, "toy_task"), [b"a file"])

    def closes(person: Participant) -> str:
        with contest.store.reading() as transaction:
            view = task_view(transaction, contest.spec, person, "toy_task")
        return f"{view.periods[-1].closes:%Y-%m-%d %H:%M}"

    assert run("contest", "extend", folder, "Bob", "--until", "2120-01-02T15:00")[0] == 2
    why = ("--because", "was ill")
    code, text, _ = run("contest", "extend", folder, "Bob", "--until", "2120-01-02T15:00", *why)
    assert (code, text) == (0, "Bob: until 2120-01-02 15:00 +0000\n")
    assert (closes(ada), closes(bob)) == ("2120-01-01 12:00", "2120-01-02 15:00")
    assert (
        run("contest", "extend", folder, "--until", "2120-01-03T15:00+01:00", "--task", "toy_task", *why)[0]
        == 0
    )
    assert closes(ada) == "2120-01-03 14:00"
    assert run("contest", "extend", folder, "--withdraw", *why)[1] == "everybody: no extension\n"
    assert run("contest", "team", folder, "Owls", "--person", "Bob")[0] == 0
    text = run("contest", "extend", folder, "Owls", "--until", "2120-01-02T15:00", *why)[1]
    assert text.startswith("Owls: until 2120-01-02 15:00")
    assert closes(ada) == "2120-01-01 12:00"
    assert run("contest", "team", folder, ada.name, "--person", "Bob")[0] == 0  # not her own
    code, _, errors = run("contest", "extend", folder, ada.name, "--until", "2120-01-02T15:00", *why)
    assert code == 2
    assert f"a team and somebody of another one are called {ada.name!r}; give an id" in errors
    assert closes(ada) == "2120-01-01 12:00"
    assert run("contest", "extend", folder, ada.id, "--until", "2120-01-02T15:00", *why)[0] == 0
    assert closes(ada) == "2120-01-02 15:00"
    for words in (
        ("--until", "noon"),
        ("--until", "2120-01-03T15:00", "--withdraw"),
        ("--withdraw", "--task", "other"),
    ):
        code, _, errors = run("contest", "extend", folder, *words, *why)
        assert (code, errors.count("\n")) == (2, 1)
    assert run("contest", "disqualify", folder, "1", *why)[1] == "submission 1 counts 0 points\n"
    with contest.store.reading() as transaction:
        assert task_view(transaction, contest.spec, ada, "toy_task").attempts[0].disqualified
    assert run("contest", "disqualify", folder, "1", "--withdraw", *why)[1] == "submission 1 counts again\n"
    assert run("contest", "disqualify", folder, "2", *why)[0] == 2


@pytest.mark.slow
def test_a_whole_contest_is_played_by_its_commands(
    run: Run, folder: Path, tmp_path: Path, toy_task: Task
) -> None:
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    run("contest", "codes", folder, "--roster", tmp_path / "roster.csv")
    contest = open_contest(folder)
    with contest.store.reading() as transaction:
        ada, bob = participants(transaction)
    receipt = contest.intake.take(Ticket(ada.id, "toy_task"), [toy_task.solution.read_bytes()])
    contest.intake.take(Ticket(bob.id, "toy_task"), [b"no notebook"])
    assert "1  received  toy_task  Ada Lovelace" in run("contest", "queue", folder)[1]
    code, _, errors = run("contest", "queue", folder, "--force", "1")
    assert (code, errors) == (2, "grader: give the reason with --because\n")
    assert run("contest", "queue", folder, "--force", "1", "--because", "a test")[0] == 0
    code, _, errors = run("contest", "close", folder, "--out", tmp_path / "a.zip", "--early")
    assert code == 2
    assert "2 submissions without a verdict" in errors
    code, _, errors = run("contest", "worker", folder, "--until-idle", "--device", "cpu", "--repeats", "1")
    assert code == 0
    assert "submission 1 of toy_task: scored" in errors
    assert "nothing runs" in run("contest", "queue", folder)[1]
    code, text, _ = run("contest", "close", folder, "--out", tmp_path / "a.zip", "--early", "--json")
    assert (code, json.loads(text)["submissions"]) == (0, 2)
    (tmp_path / "receipt.json").write_text(json.dumps(receipt.as_json()), encoding="utf-8")
    code, text, _ = run("contest", "verify", tmp_path / "a.zip", "--receipt", tmp_path / "receipt.json")
    assert code == 0
    assert "receipt 1" in text
    assert run("contest", "backup", folder, tmp_path / "copy")[0] == 0
    assert "Ada Lovelace, 1 file" in run("contest", "export", folder, "1", "--out", tmp_path / "ada.zip")[1]
    assert "would erase" in run("contest", "erase", folder, "1")[1]
    assert "erased" in run("contest", "erase", folder, "1", "--yes")[1]
    assert run("contest", "erase", folder, "1", "--yes")[0] == 2


@pytest.mark.slow
def test_the_key_of_an_archive_is_shown_although_a_gradebook_is_in_use(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (folder / "grading" / "toy_task").mkdir(parents=True)
    with writing(folder / "grading" / "toy_task"):
        code, text, errors = run("contest", "close", folder, "--out", tmp_path / "a.zip", "--early")
    assert code == 2
    assert errors.startswith("grader: ")
    assert "key of the secrets" in text


def test_a_rehearsal_plays_starter_reference_and_a_broken_file_and_leaves_the_contest_as_it_was(
    run: Run, folder: Path
) -> None:
    code, text, errors = run(
        "contest", "check", folder, "--dry-run", "--device", "cpu", "--teams", "20", "--json"
    )
    assert code == 0, errors
    answer = json.loads(text)
    played = {finding["name"]: finding["detail"] for finding in answer["findings"] if "," in finding["name"]}
    assert list(played) == ["toy_task, starter", "toy_task, reference", "toy_task, broken file"]
    assert played["toy_task, broken file"].startswith("invalid_notebook")
    assert answer["forecast"]["attempts"] == 20 * 50
    assert answer["forecast"]["hours"] > 0
    with open_contest(folder).store.reading() as transaction:
        assert participants(transaction) == []
    assert not (folder / "grading").exists()


def test_the_forecast_is_that_of_all_attempts_of_all_teams() -> None:
    spec = parse_spec(RULES + "[attempts]\nscored = 5\n", "contest.toml")
    reference = RehearsedAttempt("toy_task", "reference", "done", "scored", 90, 36.0, 1_000_000)  # type: ignore[arg-type]
    needs = forecast(spec, [reference], teams=100, jobs=2)
    assert (needs.attempts, needs.hours, needs.disk_gb) == (500, 2.5, 1.5)
