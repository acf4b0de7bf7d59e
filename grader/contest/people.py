"""Know who takes part: teams, roles, codes on paper, tokens for programs; ids are drawn at random and tell nothing."""

from __future__ import annotations

import functools
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from grader.contest.events import EventKind, Happening
from grader.errors import UsageError, instead

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from grader.contest.store import Transaction

Role = Literal["student", "staff", "admin", "viewer"]
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that looks like another one
_HANDLE, _SECRET = 4, 8  # letters of a code: the first find the person, the others are secret (39 bits)
_GROUP_OF = 4
_hasher = PasswordHasher()  # argon2id, with the parameters that RFC 9106 recommends for little memory


@dataclass(frozen=True)
class Participant:
    """Somebody who takes part. What is personal is "" once it was erased."""

    id: str
    team: str
    role: Role
    group: str
    name: str
    email: str
    roster_id: str
    erased: bool = False

    @property
    def is_organiser(self) -> bool:
        """Whether this person may decide about others."""
        return self.role in ("staff", "admin")


@dataclass(frozen=True)
class NewParticipant:
    """Somebody to enrol; `team` is a name that members share, "" for somebody alone."""

    name: str
    roster_id: str = ""
    email: str = ""
    group: str = ""
    team: str = ""
    role: Role = "student"


def enrol(transaction: Transaction, people: Sequence[NewParticipant]) -> list[Participant]:
    """Add people, each with a new random id, and return them; who is known by the id of the roster stays as they are."""
    known = {person.roster_id: person for person in participants(transaction) if person.roster_id}
    teams = {
        row["name"]: str(row["id"])
        for row in transaction.connection.execute("SELECT * FROM teams WHERE name <> ''")
    }
    enrolled = []
    for person in people:
        if person.roster_id in known:
            enrolled.append(known[person.roster_id])
            continue
        team = teams.get(person.team, "") or _new_team(transaction, person.team)
        if person.team:
            teams[person.team] = team
        identity = f"p{secrets.token_hex(6)}"
        transaction.connection.execute(
            "INSERT INTO people (id, team, role, place, name, email, roster, enrolled) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (identity, team, person.role, person.group, person.name, person.email, person.roster_id, transaction.moment.text),
        )  # fmt: skip
        _record_enrolment(transaction, participant(transaction, identity))
        enrolled.append(participant(transaction, identity))
    return enrolled


def make_team(transaction: Transaction, name: str, people: Sequence[Participant]) -> str:
    """Put people into the team of this name, a new one if there is none; return its id.

    Raises UsageError where somebody's team has handed in already: attempts stay with the team that made them.
    """
    row = transaction.connection.execute("SELECT id FROM teams WHERE name = ?", (name,)).fetchone()
    team = str(row["id"]) if row else _new_team(transaction, name)
    for person in people:
        used = "SELECT 1 FROM submissions WHERE team = ? AND team <> ?"
        if transaction.connection.execute(used, (person.team, team)).fetchone():
            raise UsageError(
                f"{person.name or person.id} has handed in already, and can no longer change teams"
            )
        transaction.connection.execute("UPDATE people SET team = ? WHERE id = ?", (team, person.id))
        _record_enrolment(transaction, participant(transaction, person.id))
    return team


def join_teams(transaction: Transaction, people: Sequence[tuple[Participant, str]]) -> None:
    """Put each of some people into the team that a class list names beside them; who is in it, or has none, stays.

    Raises UsageError as `make_team` does.
    """
    names = dict(transaction.connection.execute("SELECT id, name FROM teams").fetchall())
    for person, name in people:
        if name and names.get(person.team) != name:
            make_team(transaction, name, [person])


def members(transaction: Transaction, team: str) -> list[Participant]:
    """Return who is in a team and was not erased, in the order in which they were enrolled."""
    return [person for person in participants(transaction) if person.team == team and not person.erased]


def teams_called(transaction: Transaction, name: str) -> list[str]:
    """Return the ids of the teams of this id or name that somebody is in."""
    query = (
        "SELECT id FROM teams WHERE ? IN (id, name) AND id IN (SELECT team FROM people WHERE erased IS NULL)"
    )
    return [str(row["id"]) for row in transaction.connection.execute(query, (name,))]


def participants(transaction: Transaction) -> list[Participant]:
    """Return everybody, in the order in which they were enrolled."""
    return [
        _participant(row) for row in transaction.connection.execute("SELECT * FROM people ORDER BY rowid")
    ]


def participant(transaction: Transaction, identity: str) -> Participant:
    """Return somebody by the id. Raises UsageError where there is nobody."""
    row = transaction.connection.execute("SELECT * FROM people WHERE id = ?", (identity,)).fetchone()
    if row is None:
        raise UsageError(f"nobody in the contest has the id {identity}")
    return _participant(row)


def role_named(name: str) -> Role:
    """Return the role of this name. Raises UsageError where there is none."""
    for role in get_args(Role):
        if role == name:
            return cast("Role", role)
    raise UsageError(f"there is no role {name!r}; {instead(name, get_args(Role))}")


def has_code(transaction: Transaction, person: str) -> bool:
    """Return whether a code was drawn for somebody."""
    query = "SELECT 1 FROM people WHERE id = ? AND code IS NOT NULL"
    return transaction.connection.execute(query, (person,)).fetchone() is not None


def new_code(transaction: Transaction, person: str) -> str:
    """Draw a code for somebody, such as K7QX-M2PD-9HRT, and return it. Only its hash is kept.

    It takes the place of the one before. The tokens of somebody who lost that one are revoked.
    """
    participant(transaction, person)
    revoke_tokens(transaction, person)
    handle = _drawn(_HANDLE)
    while transaction.connection.execute("SELECT 1 FROM people WHERE handle = ?", (handle,)).fetchone():
        handle = _drawn(_HANDLE)
    secret = _drawn(_SECRET)
    transaction.connection.execute(
        "UPDATE people SET handle = ?, code = ? WHERE id = ?", (handle, _hasher.hash(secret), person)
    )
    text = handle + secret
    return "-".join(text[start : start + _GROUP_OF] for start in range(0, len(text), _GROUP_OF))


def person_of_code(transaction: Transaction, code: str) -> Participant | None:
    """Return whose code this is; None where it is nobody's. It takes some 50 ms, also for what is wrong.

    Capitals, spaces and hyphens make no difference.
    """
    bare = "".join(character for character in code.upper() if character.isalnum())
    handle, secret = bare[:_HANDLE], bare[_HANDLE:]
    row = transaction.connection.execute(
        "SELECT * FROM people WHERE handle = ? AND erased IS NULL", (handle,)
    ).fetchone()
    try:
        _hasher.verify((row and row["code"]) or _code_of_nobody(), secret)
    except (Argon2Error, InvalidHashError):
        return None
    return _participant(row) if row else None


@functools.cache
def _code_of_nobody() -> str:
    """Return a hash that is verified where there is none, so that the time does not tell which handles there are."""
    return _hasher.hash(secrets.token_hex(16))


def new_token(transaction: Transaction, person: str, task: str = "") -> str:
    """Draw a token with which a program hands in for somebody, in one task or in all (""); only its hash is kept."""
    token = secrets.token_urlsafe(24)
    transaction.connection.execute(
        "INSERT INTO tokens (digest, person, task, made) VALUES (?, ?, ?, ?)",
        (_digest(token), participant(transaction, person).id, task, transaction.moment.text),
    )
    return token


def person_of_token(transaction: Transaction, token: str, task: str) -> Participant | None:
    """Return whose token this is, if it is good for `task` and was not revoked; else None."""
    row = transaction.connection.execute(
        "SELECT people.* FROM tokens JOIN people ON people.id = tokens.person WHERE digest = ? AND revoked IS NULL "
        "AND task IN ('', ?) AND erased IS NULL",
        (_digest(token), task),
    ).fetchone()
    return _participant(row) if row else None


def revoke_tokens(transaction: Transaction, person: str) -> int:
    """Revoke every token of somebody; return how many there were."""
    cursor = transaction.connection.execute(
        "UPDATE tokens SET revoked = ? WHERE person = ? AND revoked IS NULL",
        (transaction.moment.text, person),
    )
    return cursor.rowcount


def _participant(row: sqlite3.Row) -> Participant:
    return Participant(
        row["id"], row["team"], row["role"], row["place"], row["name"], row["email"], row["roster"], row["erased"] is not None
    )  # fmt: skip


def _record_enrolment(transaction: Transaction, person: Participant) -> None:
    data = {"person": person.id, "role": person.role, "group": person.group}
    transaction.record(Happening(EventKind.ENROLLED, person.team, data=data))


def _new_team(transaction: Transaction, name: str) -> str:
    identity = f"t{secrets.token_hex(6)}"
    transaction.connection.execute("INSERT INTO teams VALUES (?, ?)", (identity, name))
    return identity


def _drawn(letters: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(letters))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
