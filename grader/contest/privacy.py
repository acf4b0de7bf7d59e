"""Hand out what is known of one person, and erase it: the events stay whole, because they hold neither names nor texts."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

from grader.contest import queue
from grader.contest.events import EventKind, Happening, canonical
from grader.contest.people import participant
from grader.contest.store import GRADING, PAGES, exported_name
from grader.errors import UsageError
from grader.files import WRITTEN, reporting_os_errors
from grader.gradebook.run_folder import RunFolder
from grader.languages import LANGUAGES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from pathlib import Path

    from grader.contest.store import Store, Transaction

_HIDDEN = {"code"}  # a hash that is nobody's business


def export_person(store: Store, identity: str, path: Path) -> int:
    """Write all that a contest keeps of one person into a zip at `path`; return how many of their files are in it.

    Files of a team that somebody else handed in are not theirs. Raises UsageError where there is nobody of this id, or the
    zip cannot be written.
    """
    with store.reading() as transaction:
        tables = _records(transaction, identity)
    with reporting_os_errors(WRITTEN, path), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("person.json", json.dumps(tables, indent=2, ensure_ascii=False) + "\n")
        kept = [row for row in tables["submissions"] if (store.files / str(row["file"])).is_file()]
        for row in kept:
            archive.write(
                store.files / str(row["file"]), f"submissions/{exported_name(row['number'], row['file'])}"
            )
    return len(kept)


def erase_person(store: Store, identity: str, *, author: str = "") -> int:
    """Erase names, address, code, tokens, texts and files of one person; return how many files there were.

    Verdicts stay under ids that were drawn at random, so that ranks of others can be recomputed. Messages and tracebacks,
    which may quote the person's code, go, and so do run folders; what waits is cancelled. The gradebooks in `grading/` keep
    their rows, under the id of the team. Raises UsageError where there is nobody of this id, or the run folders are those of
    another user and cannot be seen.
    """
    grading = store.folder / GRADING
    if grading.is_dir() and not os.access(grading, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(
            f"{grading} belongs to another user, who has to erase the person; nothing was erased"
        )
    with store.writing() as transaction:
        person = participant(transaction, identity)
        connection = transaction.connection
        submissions = _rows(connection, "SELECT * FROM submissions WHERE person = ?", identity)
        for row in submissions:
            if row["state"] in ("received", "queued", "running", "held"):
                queue.cancel(transaction, int(row["number"]), "the person was erased")
            queue.forget_proposal(transaction, int(row["number"]))
        connection.execute(
            "UPDATE people SET name = '', email = '', roster = '', handle = NULL, code = NULL, erased = ? WHERE id = ?",
            (transaction.moment.text, identity),
        )
        connection.execute("DELETE FROM tokens WHERE person = ?", (identity,))
        connection.execute("DELETE FROM grade_lines WHERE person = ?", (identity,))
        connection.execute("DELETE FROM identities WHERE person = ?", (identity,))
        connection.execute(
            "UPDATE texts SET salt = NULL, text = NULL WHERE author = ? OR about = ?", (identity, identity)
        )
        connection.execute(
            "UPDATE verdicts SET message = '', traceback = '' WHERE submission IN "
            "(SELECT number FROM submissions WHERE person = ?)",
            (identity,),
        )
        if not _rows(connection, "SELECT id FROM people WHERE team = ? AND erased IS NULL", person.team):
            connection.execute("UPDATE teams SET name = '' WHERE id = ?", (person.team,))
            connection.execute("UPDATE texts SET salt = NULL, text = NULL WHERE about = ?", (person.team,))
        transaction.record(
            Happening(EventKind.ERASED, person.team, data={"person": identity, "author": author})
        )
    for row in submissions:
        (store.files / row["file"]).unlink(missing_ok=True)
        for language in LANGUAGES:
            store.feedback(int(row["number"]), language).unlink(missing_ok=True)
            store.proposed_feedback(int(row["number"]), language).unlink(missing_ok=True)
    for page in (store.folder / PAGES).glob("*.html"):
        page.unlink()  # it has names; the site makes it anew
    _remove_runs(grading, person.team, {row["sha256"] for row in submissions})
    store.compact()  # else erased bytes would stay in free pages
    return len(submissions)


def remove_late_run(store: Store, number: int) -> None:
    """Remove the run folder of a submission whose sender was erased while it was graded; of others, nothing."""
    query = (
        "SELECT submissions.team, sha256 FROM submissions JOIN people ON people.id = person "
        "WHERE number = ? AND erased IS NOT NULL"
    )
    with store.reading() as transaction:
        row = transaction.connection.execute(query, (number,)).fetchone()
    if row:
        _remove_runs(store.folder / GRADING, row["team"], {row["sha256"]})


def _remove_runs(grading: Path, team: str, digests: Collection[str]) -> None:
    """Remove the run folders of a team in which these files were graded, or run once more as evidence."""
    for folder in (*grading.glob(f"*/runs/{team}/run-*"), *grading.glob(f"*/replays/{team}/run-*")):
        kept = RunFolder(folder).submission
        if kept.is_file() and hashlib.sha256(kept.read_bytes()).hexdigest() in digests:
            shutil.rmtree(folder)


def _records(transaction: Transaction, identity: str) -> dict[str, list[dict[str, Any]]]:
    person = participant(transaction, identity)
    connection = transaction.connection
    submissions = _rows(connection, "SELECT * FROM submissions WHERE person = ? ORDER BY number", identity)
    verdicts = "SELECT verdicts.* FROM verdicts JOIN submissions ON number = submission WHERE person = ? ORDER BY verdicts.id"
    return {
        "people": _rows(connection, "SELECT * FROM people WHERE id = ?", identity),
        "teams": _rows(connection, "SELECT * FROM teams WHERE id = ?", person.team),
        "tokens": _rows(connection, "SELECT task, made, revoked FROM tokens WHERE person = ?", identity),
        "grade_lines": _rows(connection, "SELECT * FROM grade_lines WHERE person = ?", identity),
        "identities": _rows(connection, "SELECT * FROM identities WHERE person = ?", identity),
        "submissions": submissions,
        "verdicts": _rows(connection, verdicts, identity),
        "texts": _rows(
            connection,
            "SELECT digest, author, about, text FROM texts WHERE author = ? OR about = ?",
            identity,
            identity,
        ),
        "events": _rows(
            connection,
            "SELECT * FROM events WHERE instr(data, ?) > 0 OR submission IN "
            "(SELECT number FROM submissions WHERE person = ?) ORDER BY number",
            canonical(identity),
            identity,
        ),
    }


def _rows(connection: sqlite3.Connection, query: str, *values: object) -> list[dict[str, Any]]:
    names = [dict(row) for row in connection.execute(query, values)]
    return [{name: value for name, value in row.items() if name not in _HIDDEN} for row in names]
