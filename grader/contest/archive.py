"""Close a contest: nothing is taken any more, and all that happened goes into one file.

    manifest.json     contest, public key, head of the events, SHA-256 of every other member, tasks and their hashes
    contest.toml      events.jsonl      ranking.json      results/TASK.jsonl
    submissions/      what was handed in, by number, with the ending of what the task asks for
    secrets.sealed    the secrets of the hidden data, encrypted (Fernet) with a key that is shown once

Members of teams have ids that tell nothing. A submission may be missing only if its sender was erased.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet

from grader.contest.board import ranking
from grader.contest.events import Event, EventKind, Happening, all_events, canonical
from grader.contest.intake import CONTEST_ID
from grader.contest.rejudge import proposals
from grader.contest.spec import parse_spec
from grader.contest.store import GRADING, exported_name, fact
from grader.errors import UsageError
from grader.files import WRITTEN, reporting_os_errors
from grader.gradebook.gradebook import FILE_NAME, reading
from grader.task.secret import kept_secret
from grader.text import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from grader.contest.folder import Contest
    from grader.contest.store import Transaction
    from grader.task.spec import Task

MANIFEST_MEMBER, SPEC_MEMBER, EVENTS_MEMBER = "manifest.json", "contest.toml", "events.jsonl"
RANKING_MEMBER, SEALED_MEMBER = "ranking.json", "secrets.sealed"
SUBMISSIONS = "submissions/"  # of which an archive may have many GB
_MAY_QUOTE_CODE = {"message", "traceback", "run_folder", "submission"}
_PENDING = "SELECT COUNT(*) FROM submissions WHERE state IN ('received', 'queued', 'running', 'held')"


@dataclass(frozen=True)
class ClosedContest:
    """A contest after its end: the key that opens the sealed secrets, the head of the events, and submissions archived."""

    key: str
    head: str
    submissions: int


def close_contest(
    contest: Contest, tasks: Mapping[str, Task], path: Path, *, early: bool = False
) -> ClosedContest:
    """Take no more files, and write all that happened to a new file at `path`.

    A contest that is closed already is archived as it is. Raises UsageError where the file exists, a window is still open
    and this is not meant to be `early`, or something still waits or is held, for its verdict or in a rejudge.
    """
    if path.exists():
        raise UsageError(f"{path} exists already; choose another file")
    with contest.store.writing() as transaction:
        events = list(all_events(transaction.connection))
        if not any(event.kind is EventKind.CLOSED for event in events):
            _refuse_unfinished(contest, transaction, events, early=early)
            transaction.record(Happening(EventKind.CLOSED))
    return _write_archive(contest, tasks, path)


def _refuse_unfinished(
    contest: Contest, transaction: Transaction, events: Iterable[Event], *, early: bool
) -> None:
    spec, now = contest.spec, transaction.moment.wall
    ends = [
        spec.instant(window.closes, group)
        for window in spec.windows
        for group in window.groups or ("", *spec.groups)
    ]
    ends += [
        datetime.fromisoformat(event.data["until"])
        for event in events
        if event.kind is EventKind.EXTENDED and event.data["until"]
    ]
    if max(ends) + spec.late_hours > now and not early:
        raise UsageError(
            f"files are taken until {max(ends) + spec.late_hours:%Y-%m-%d %H:%M} UTC; --early closes now"
        )
    (pending,) = transaction.connection.execute(_PENDING).fetchone()
    if pending:
        raise UsageError(
            f"{count(pending, 'submission')} without a verdict; let a worker finish, release what is held, or cancel them, and close again"
        )
    if proposals(transaction):
        raise UsageError("a rejudge is not finished; apply or discard it, and close again")


def _write_archive(contest: Contest, tasks: Mapping[str, Task], path: Path) -> ClosedContest:
    folders = {task: contest.store.folder / GRADING / task for task in tasks}
    secrets = {task: drawn.hex() for task, out in folders.items() if (drawn := kept_secret(out, None))}
    key = Fernet.generate_key()
    with contest.store.reading() as transaction:
        events = list(all_events(transaction.connection))
        rows = transaction.connection.execute(
            "SELECT number, file FROM submissions ORDER BY number"
        ).fetchall()
        identity = fact(transaction, CONTEST_ID)
    rules = contest.store.spec_file.read_text(encoding="utf-8")
    members = {
        SPEC_MEMBER: rules.encode(),
        EVENTS_MEMBER: _lines(event.as_json() for event in events),
        RANKING_MEMBER: ranking_text(rules, events),
        SEALED_MEMBER: Fernet(key).encrypt(canonical(secrets).encode()),
        **{
            f"results/{task}.jsonl": _results(out)
            for task, out in folders.items()
            if (out / FILE_NAME).is_file()
        },
    }
    manifest = {
        "contest": identity,
        "public_key": contest.signer.public_key,
        "head": events[-1].hash,
        "members": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
        "tasks": {task.id: _described(task, secrets.get(task.id)) for task in tasks.values()},
    }
    members = {MANIFEST_MEMBER: (json.dumps(manifest, indent=2) + "\n").encode(), **members}
    files = [(row["number"], contest.store.files / row["file"]) for row in rows]
    files = [(number, file) for number, file in files if file.is_file()]
    draft = path.with_name(f".{path.name}.new")
    with reporting_os_errors(WRITTEN, path, "make room and call again"):
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
            for number, file in files:
                archive.write(file, f"{SUBMISSIONS}{exported_name(number, file.name)}")
        draft.replace(path)
    return ClosedContest(key.decode(), events[-1].hash, len(files))


def _described(task: Task, secret: str | None) -> dict[str, str | None]:
    """Return the hashes of what decided scores of a task; that of its secret commits to it and tells nothing."""
    commitment = hashlib.sha256(bytes.fromhex(secret)).hexdigest() if secret else None
    return {"version": task.version, "run_digest": task.run_digest, "secret_sha256": commitment}


def _results(out: Path) -> bytes:
    """Return the results of a task, a line each, without what may quote somebody's code."""
    with reading(out) as book:
        records = [recorded.result.as_json() for recorded in book.history()]
    return _lines(
        {name: value for name, value in record.items() if name not in _MAY_QUOTE_CODE} for record in records
    )


def ranking_text(rules: str, events: Iterable[Event]) -> bytes:
    """Return the ranking that follows from the text of contest.toml and the events, as the archive holds it."""
    rows = [asdict(row) for row in ranking(parse_spec(rules, SPEC_MEMBER), events)]
    return (json.dumps(rows, indent=2, sort_keys=True) + "\n").encode()


def _lines(values: Iterable[Any]) -> bytes:
    return "".join(f"{canonical(value)}\n" for value in values).encode()
