"""Start a contest in a folder, and open it: its rules, its store, the signer of its receipts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.contest.events import EventKind, Happening
from grader.contest.intake import CONTEST_ID, Intake
from grader.contest.receipts import Signer
from grader.contest.spec import ContestSpec, parse_spec, read_spec
from grader.contest.store import KEY_FILE, SPEC_FILE, Store, fact, keep_fact
from grader.errors import UsageError
from grader.files import MADE, reporting_os_errors, write_atomic

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ContestFolder:
    """A contest as those know it who take no files: its store and its rules."""

    store: Store
    spec: ContestSpec


@dataclass(frozen=True)
class Contest(ContestFolder):
    """A contest that takes files, because it has the key that signs receipts."""

    signer: Signer

    @property
    def intake(self) -> Intake:
        """What takes files into the contest."""
        return Intake(self.store, self.spec, self.signer)


def start_contest(folder: Path, rules: str) -> Contest:
    """Make the folder of a contest with the text `rules` as its contest.toml, and return it open.

    Raises UsageError where the rules are wrong, or the folder has a contest.
    """
    path = folder / SPEC_FILE
    if path.exists():
        raise UsageError(f"{path} exists already; choose another folder, or edit that file")
    parse_spec(rules, path)
    with reporting_os_errors(MADE, folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o770)
    write_atomic(path, rules.encode())
    return open_contest(folder)


def open_folder(folder: Path) -> ContestFolder:
    """Return the contest of `folder` without the key of its receipts, which its owner alone can read. Raises UsageError."""
    spec = read_spec(folder / SPEC_FILE)  # first: a folder without a contest stays as it is
    return ContestFolder(Store(folder), spec)


def open_contest(folder: Path) -> Contest:
    """Return the contest of `folder`; database and key are made where they are missing. Raises UsageError."""
    spec = read_spec(folder / SPEC_FILE)
    store = Store(folder)
    signer = Signer.of(folder / KEY_FILE)
    with store.writing() as transaction:
        if fact(transaction, CONTEST_ID) is None:
            identity = secrets.token_hex(8)
            keep_fact(transaction, CONTEST_ID, identity)
            data = {"contest": identity, "public_key": signer.public_key}
            transaction.record(Happening(EventKind.OPENED, data=data))
    return Contest(store, spec, signer)
