"""An account at a provider is bound to one person at its first sign-in, and stays theirs until it is released."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

from contests import small_contest

from grader.contest.events import EventKind, all_events
from grader.contest.identities import ProviderIdentity, bind, person_bound, release_identities
from grader.contest.privacy import erase_person, export_person

if TYPE_CHECKING:
    from pathlib import Path

SCHOOL = "https://login.example.org"
ACCOUNT = ProviderIdentity(SCHOOL, "contest", "u1")


def test_an_account_is_bound_to_one_person_and_each_client_of_an_issuer_may_know_its_own(
    tmp_path: Path,
) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        assert person_bound(transaction, ACCOUNT) is None
        assert bind(transaction, ACCOUNT, small.ada)
        assert bind(transaction, ACCOUNT, small.ada), "she comes again"
        assert not bind(transaction, ACCOUNT, small.bob)
        assert not bind(transaction, ProviderIdentity(SCHOOL, "contest", "u2"), small.ada)
        assert bind(transaction, ProviderIdentity(SCHOOL, "another client", "u3"), small.ada)
        assert bind(transaction, ProviderIdentity("https://other.example.org", "contest", "u1"), small.bob)
        assert person_bound(transaction, ACCOUNT) == small.ada
        assert release_identities(transaction, small.ada, author="", reason="a new account") == 2
        assert bind(transaction, ACCOUNT, small.bob)
        events = [event for event in all_events(transaction.connection) if "u1" in str(event.data)]
        kinds = [event.kind for event in all_events(transaction.connection)][-5:]
    assert events == [], "what a provider calls people is personal"
    assert kinds == [EventKind.BOUND] * 3 + [EventKind.UNBOUND, EventKind.BOUND]


def test_accounts_are_exported_and_erased_with_their_person(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.store.writing() as transaction:
        bind(transaction, ACCOUNT, small.ada)
    export_person(small.store, small.ada.id, tmp_path / "ada.zip")
    with zipfile.ZipFile(tmp_path / "ada.zip") as archive:
        (row,) = json.loads(archive.read("person.json"))["identities"]
    assert (row["issuer"], row["subject"]) == (SCHOOL, "u1")
    erase_person(small.store, small.ada.id)
    with small.store.reading() as transaction:
        assert person_bound(transaction, ACCOUNT) is None
