"""Find whom a provider of identities means: the one person of the class list whom a claim fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from grader.contest.people import participants

if TYPE_CHECKING:
    from grader.contest.people import Participant
    from grader.contest.store import Transaction


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
