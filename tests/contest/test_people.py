from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contests import RULES, result, small_contest

from grader.contest import queue
from grader.contest.desk import (
    ERASED,
    announce,
    announcements,
    answer_question,
    ask,
    choose_attempt,
    disqualify,
    extend,
    questions,
)
from grader.contest.events import EventKind, Happening, all_events
from grader.contest.people import (
    NewParticipant,
    Participant,
    enrol,
    join_teams,
    make_team,
    members,
    new_code,
    new_token,
    participant,
    participants,
    person_of_code,
    person_of_token,
    revoke_tokens,
    role_named,
    teams_called,
)
from grader.contest.privacy import erase_person
from grader.contest.rules import RefusalReason, Refused
from grader.contest.views import board_view, task_view, team_names
from grader.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from contests import SmallContest


def test_a_code_finds_its_person_however_it_is_typed_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        code = new_code(transaction, small.ada.id)
        assert person_of_code(transaction, code) == small.ada
        assert person_of_code(transaction, f" {code.lower().replace('-', ' ')} ") == small.ada
        wrong = code[:-1] + ("3" if code[-1] == "2" else "2")
        for other in (wrong, "ZZZZ-ZZZZ-ZZZZ"):
            assert person_of_code(transaction, other) is None
        again = new_code(transaction, small.ada.id)
        assert person_of_code(transaction, code) is None
        assert person_of_code(transaction, again) == small.ada
    content = b"".join(path.read_bytes() for path in small.store.folder.glob("contest.sqlite*"))
    assert again.replace("-", "")[4:].encode() not in content
    assert b"$argon2id$" in content


def test_a_token_is_good_for_its_task_until_it_is_revoked(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        token, every = new_token(transaction, small.ada.id, "toy_task"), new_token(transaction, small.ada.id)
        assert person_of_token(transaction, token, "toy_task") == small.ada
        assert person_of_token(transaction, token, "other") is None
        assert person_of_token(transaction, every, "other") == small.ada
        assert person_of_token(transaction, "guess", "toy_task") is None
        assert revoke_tokens(transaction, small.ada.id) == 2
        assert person_of_token(transaction, token, "toy_task") is None


def test_who_is_enrolled_again_stays_who_they_are(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        again = enrol(transaction, [NewParticipant("Ada Lovelace", "1"), NewParticipant("Cleo", "3")])
        assert again[0] == small.ada
        assert [person.name for person in participants(transaction)] == ["Ada", "Bob", "Cleo"]


def test_members_of_a_team_share_attempts_and_others_see_nothing_of_them(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        cleo, dan = enrol(
            transaction, [NewParticipant("Cleo", team="Owls"), NewParticipant("Dan", team="Owls")]
        )
    number = small.hand_in(cleo).number
    with small.store.writing() as transaction:
        for person, seen in ((dan, [number]), (small.ada, [])):
            view = task_view(transaction, small.contest.spec, person, "toy_task")
            assert [attempt.number for attempt in view.attempts] == seen
        choose_attempt(transaction, dan.id, number)
        with pytest.raises(UsageError, match="not one of your team's"):
            choose_attempt(transaction, small.ada.id, number)
        with pytest.raises(UsageError, match="not one of your team's"):
            ask(transaction, small.ada.id, "Why 0?", task="toy_task", appeal=number)
        transaction.record(Happening(EventKind.CLOSED))
        with pytest.raises(UsageError, match="can no longer be chosen"):
            choose_attempt(transaction, dan.id, number)
        assert team_names(transaction)[cleo.team] == "Owls"
        assert team_names(transaction)[small.ada.team] == "Ada"


def test_attempts_cool_down_and_turn_are_those_of_the_team(tmp_path: Path) -> None:
    rules = RULES.replace("minutes = 0", "minutes = 10\nburst = 2") + "\n[attempts]\nscored = 2\n"
    small = small_contest(tmp_path / "contest", rules)
    with small.store.writing() as transaction:
        make_team(transaction, "Owls", [small.ada, small.bob])
    first, second = small.hand_in(small.ada).number, small.hand_in(small.bob).number
    with small.store.reading() as transaction:
        states = dict(transaction.connection.execute("SELECT number, state FROM submissions").fetchall())
        (owls,) = teams_called(transaction, "Owls")
        turns = [queue.turn_for(transaction, team) for team in (owls, "another team")]
    assert states == {first: "replaced", second: "received"}  # it waited, and the mate's is newer
    assert turns == [2, 1]
    with pytest.raises(Refused) as refused:
        small.hand_in(small.ada)
    assert refused.value.reason is RefusalReason.TOO_SOON
    for points in (40, 60):
        with small.store.writing() as transaction:
            for lease in queue.received(transaction):
                queue.admit(transaction, lease.number)
            (lease,) = queue.take(transaction, "worker", tasks=["toy_task"], most=9)
            queue.record_result(transaction, lease, result(points=points))
        small.clocks.pass_seconds(1200)
        if points == 40:
            small.hand_in(small.ada)
    with pytest.raises(Refused) as refused:
        small.hand_in(small.bob)
    assert refused.value.reason is RefusalReason.NO_ATTEMPTS_LEFT
    with small.store.reading() as transaction:
        board = board_view(transaction, small.contest.spec)
    assert [(board.names[row.team], row.total) for row in board.rows] == [("Owls", 60.0)]


def test_teams_of_a_class_list_are_joined_also_later_and_once(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        for _ in range(2):
            ada, bob = (participant(transaction, person.id) for person in (small.ada, small.bob))
            join_teams(transaction, [(ada, "Owls"), (bob, "")])
        (owls,) = teams_called(transaction, "Owls")
        assert [person.name for person in members(transaction, owls)] == ["Ada"]
        joined = [event for event in all_events(transaction.connection) if event.team == owls]
    assert len(joined) == 1
    small.hand_in(participant_of(small, small.ada.id))
    with small.store.writing() as transaction, pytest.raises(UsageError, match="can no longer change teams"):
        join_teams(transaction, [(participant(transaction, small.ada.id), "Cats")])


def participant_of(small: SmallContest, identity: str) -> Participant:
    with small.store.reading() as transaction:
        return participant(transaction, identity)


def test_people_may_form_a_team_until_one_of_them_has_handed_in(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        team = make_team(transaction, "Owls", [small.ada])
        assert make_team(transaction, "Owls", [small.bob]) == team
        board = board_view(transaction, small.contest.spec)
        ada = participant(transaction, small.ada.id)
        assert [(row.team, board.names[row.team]) for row in board.rows] == [(team, "Owls")]
    small.hand_in(ada)
    with small.store.writing() as transaction:
        make_team(transaction, "Owls", [ada])
        with pytest.raises(UsageError, match="Ada has handed in already"):
            make_team(transaction, "Cats", [ada])


def test_a_viewer_hands_in_nothing(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        (guest,) = enrol(transaction, [NewParticipant("Guest", role="viewer")])
    with pytest.raises(Refused) as refused:
        small.hand_in(guest)
    assert refused.value.reason is RefusalReason.NOT_ALLOWED
    with pytest.raises(UsageError, match="there is no role 'judge'"):
        role_named("judge")


def test_a_question_is_seen_by_who_asked_and_its_answer_by_everybody_if_it_is_public(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        number = ask(transaction, small.ada.id, "May I use torch?", task="toy_task")
        assert [question.text for question in questions(transaction, small.ada.id)] == ["May I use torch?"]
        assert questions(transaction, small.bob.id) == []
        assert len(questions(transaction)) == 1
        answer_question(transaction, number, author=small.bob.id, text="Yes", public=False)
        assert questions(transaction, small.bob.id) == []
        answer_question(transaction, number, author=small.bob.id, text="Yes, all of it", public=True)
        assert [question.answer for question in questions(transaction, small.bob.id)] == ["Yes, all of it"]
        announce(transaction, small.bob.id, "Lunch is at noon")
        assert [announcement.text for announcement in announcements(transaction)] == ["Lunch is at noon"]
        for empty in (" ", "x" * 5000):
            with pytest.raises(UsageError, match="the text"):
                ask(transaction, small.ada.id, empty)


def test_decisions_are_events_and_their_reasons_are_kept_beside(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    number = small.hand_in(small.ada).number
    later = small.clocks.wall.replace(hour=20)
    with small.store.writing() as transaction:
        extend(transaction, small.ada.team, later, task="toy_task", author=small.bob.id, reason="was ill")
        disqualify(transaction, number, disqualified=True, author=small.bob.id, reason="copied")
        view = task_view(transaction, small.contest.spec, small.ada, "toy_task")
        assert view.periods[-1].closes == later
        assert [attempt.disqualified for attempt in view.attempts] == [True]
        with pytest.raises(UsageError, match="no submission 99"):
            disqualify(transaction, 99, disqualified=True, author=small.bob.id, reason="copied")
        events = list(all_events(transaction.connection))
    assert not any("was ill" in str(event.data) for event in events)


def test_nobody_is_erased_by_halves_where_the_runs_are_another_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small_contest(tmp_path / "contest")
    (small.store.folder / "grading").mkdir()
    monkeypatch.setattr("grader.contest.privacy.os.access", lambda *_: False)  # tests may run as root
    with pytest.raises(UsageError, match="nothing was erased"):
        erase_person(small.store, small.ada.id)
    with small.store.reading() as transaction:
        assert participant(transaction, small.ada.id).name == "Ada"


def test_an_erased_person_leaves_ids_and_verdicts_and_nothing_else(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    receipt = small.hand_in(small.ada, b"private thoughts")
    kept = small.hand_in(small.bob, b"other thoughts")
    with small.store.writing() as transaction:
        code, token = new_code(transaction, small.ada.id), new_token(transaction, small.ada.id)
        ask(transaction, small.ada.id, "A private question")
        extend(transaction, small.ada.team, small.clocks.wall, task="", author="", reason="a broken leg")
    run = small.store.folder / "grading" / "toy_task" / "runs" / small.ada.team / "run-1"
    run.mkdir(parents=True)
    (run / "submission.ipynb").write_bytes(b"private thoughts")
    assert erase_person(small.store, small.ada.id) == 1
    content = b"".join(path.read_bytes() for path in small.store.folder.rglob("*") if path.is_file())
    for text in (b"Ada", b"private", b"broken leg"):
        assert text not in content
    assert not run.exists()
    with small.store.reading() as transaction:
        assert person_of_code(transaction, code) is None
        assert person_of_token(transaction, token, "toy_task") is None
        assert participant(transaction, small.ada.id).erased
        assert questions(transaction)[0].text == ERASED
        erased = [event for event in all_events(transaction.connection) if event.kind is EventKind.CANCELLED]
        assert [event.submission for event in erased] == [receipt.number]
    assert [path.read_bytes() for path in small.store.files.iterdir()] == [b"other thoughts"]
    assert kept.number == 2
    with pytest.raises(Refused):
        small.hand_in(small.ada)
