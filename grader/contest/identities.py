"""Find whom a provider of identities means: by a claim at the first sign-in, and from then on by what it never gives to others.

A claim such as an address may change, and be given to somebody else later. The subject is locally unique and never
reassigned within its issuer (OpenID Connect Core 1.0, 2 and 5.7), so it is bound to the person whom the claim fits first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from grader.contest.events import EventKind, Happening
from grader.contest.people import participant, participants
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.contest.people import Participant
    from grader.contest.store import Transaction


@dataclass(frozen=True)
class ProviderIdentity:
    """Somebody as a provider knows them: `issuer` and `client` as in contest.toml, and the `subject` of its tokens."""

    issuer: str
    client: str
    subject: str


def person_bound(transaction: Transaction, identity: ProviderIdentity) -> Participant | None:
    """Return the person to whom an identity was bound at its first sign-in; None where there was none."""
    row = transaction.connection.execute(
        "SELECT person FROM identities WHERE issuer = ? AND subject = ?", (identity.issuer, identity.subject)
    ).fetchone()
    return participant(transaction, row["person"]) if row else None


def bind(transaction: Transaction, identity: ProviderIdentity, person: Participant) -> bool:
    """Bind an identity to a person at its first sign-in; return whether it is theirs now.

    It is not where the same client of the provider has brought this person under another subject before.
    """
    cursor = transaction.connection.execute(
        "INSERT INTO identities (issuer, subject, client, person, bound) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (identity.issuer, identity.subject, identity.client, person.id, transaction.moment.text),
    )
    if cursor.rowcount:
        data = {"person": person.id, "issuer": identity.issuer}
        transaction.record(Happening(EventKind.BOUND, person.team, data=data))
    known = person_bound(transaction, identity)
    return known is not None and known.id == person.id


def release_identities(transaction: Transaction, person: Participant, *, author: str, reason: str) -> int:
    """Release somebody from the providers' accounts that they signed in with; return how many there were.

    The next sign-in that fits them is bound anew. Raises UsageError where there is none, or no reason is given.
    """
    if not reason.strip():
        raise UsageError("give the reason; it is kept with the decision")
    cursor = transaction.connection.execute("DELETE FROM identities WHERE person = ?", (person.id,))
    if not cursor.rowcount:
        raise UsageError(f"{person.name or person.id} has signed in at no provider")
    data = {"person": person.id, "author": author, "reason": transaction.keep_text(reason, author, person.id)}
    transaction.record(Happening(EventKind.UNBOUND, person.team, data=data))
    return cursor.rowcount


def person_called(
    transaction: Transaction, value: str, *, matches: Literal["email", "id"]
) -> Participant | None:
    """Return the person whose address or roster id is `value`; None where it fits nobody, or several."""
    wanted = _folded(value)
    if not wanted:
        return None
    fitting = [
        person
        for person in participants(transaction)
        if not person.erased and _folded(person.email if matches == "email" else person.roster_id) == wanted
    ]
    return fitting[0] if len(fitting) == 1 else None


def _folded(value: str) -> str:
    """Return `value` without the case of its letters, if these are all ASCII: of others, two letters may have one lower form."""
    bare = value.strip()
    return bare.lower() if bare.isascii() else bare
