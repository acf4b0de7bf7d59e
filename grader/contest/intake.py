"""Take a file: streamed to the disk under a cap, forced there, and then, in one transaction, recorded with its receipt.

Nothing of it is parsed. Whoever has no receipt has handed in nothing, and an upload that is repeated under the same key
is the same submission, so that a client that lost the answer asks again without harm. Another file needs another key.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from grader.contest import queue
from grader.contest.events import EventKind, Happening, events_of
from grader.contest.people import participant
from grader.contest.receipts import Receipt
from grader.contest.rules import RefusalReason, Refused, check_may_submit
from grader.contest.store import NOTEBOOK_ENDING, fact
from grader.errors import GraderFault, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator
    from pathlib import Path

    from grader.contest.moments import Moment
    from grader.contest.receipts import Signer
    from grader.contest.spec import ContestSpec
    from grader.contest.store import Store, Transaction

CONTEST_ID = "contest"  # the fact that names a contest in receipts
_ROOM_BYTES = (
    64 << 20
)  # with less than this left on the disk, no upload is begun: the database needs room, too
_MB = 1 << 20
_PIECE_BYTES = 256 << 10  # that are written at once; as many of each upload are in memory
_STALE_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Ticket:
    """Who hands in which task, from where (page, api, notebook); `key` is the client's name of this upload.

    `ending` is that of what the task asks for, whatever the sender calls the file: it is kept under it.
    """

    person: str
    task: str
    origin: str = "api"
    key: str | None = None
    ending: str = NOTEBOOK_ENDING


class Intake:
    """Takes files into a contest. May be used by several threads and tasks at once."""

    def __init__(self, store: Store, spec: ContestSpec, signer: Signer) -> None:
        self.store, self.spec, self.signer = store, spec, signer

    def check(self, ticket: Ticket) -> Receipt | None:
        """Return the receipt of an upload that was taken already under this key; None where it may begin now.

        Raises Refused where the rules do not let it begin.
        """
        with self.store.reading() as transaction:
            if receipt := _known_receipt(transaction, ticket):
                return receipt
            _check_rules(transaction, self.spec, ticket)
        return None

    def admit(self, ticket: Ticket) -> Upload | Receipt:
        """Begin an upload, or return the receipt of one that was taken already under its key.

        Raises Refused where the rules do not let it begin, and GraderFault where there is no room for it.
        """
        return self.check(ticket) or self.begin(ticket)

    async def receive(self, ticket: Ticket, chunks: AsyncIterable[bytes]) -> Receipt:
        """Take the file that arrives in `chunks` and return its receipt; disk and database are waited for in threads.

        Raises Refused where the rules do not allow it, it is empty or too large, or its key was that of another file, and
        GraderFault where the disk is full or fails; nothing is left of it then.
        """
        return await self.receive_admitted(await asyncio.to_thread(self.admit, ticket), chunks)

    async def receive_admitted(self, admitted: Upload | Receipt, chunks: AsyncIterable[bytes]) -> Receipt:
        """Take the file of an upload that was admitted, as `receive` does.

        In a rush every change of threads waits for its turn at the processor, so a file of usual size needs one.
        """
        if isinstance(admitted, Receipt):
            return await _repeated(admitted, chunks)
        with admitted as upload:
            piece = b""
            async for chunk in chunks:
                piece += chunk
                if len(piece) >= _PIECE_BYTES:
                    await asyncio.to_thread(upload.write, piece)
                    piece = b""
            return await asyncio.to_thread(upload.finish, self.store.clocks(), piece)

    def take(self, ticket: Ticket, chunks: Iterable[bytes]) -> Receipt:
        """Take a file as `receive` does, from a caller that may wait."""
        admitted = self.admit(ticket)
        if isinstance(admitted, Receipt):
            return _of_same_file(admitted, hashlib.sha256(b"".join(chunks)).hexdigest())
        with admitted as upload:
            for chunk in chunks:
                upload.write(chunk)
            return upload.finish(self.store.clocks())

    def begin(self, ticket: Ticket) -> Upload:
        """Open a file for an upload. Raises GraderFault where there is no room for it."""
        cap = int(self.spec.task(ticket.task).max_mb * _MB)
        with _disk_faults():
            if shutil.disk_usage(self.store.incoming).free < _ROOM_BYTES + cap:
                raise GraderFault("the contest's disk is full; nothing was taken, so hand in again later")
            return Upload(self, ticket, cap)


class Upload:
    """A file that is arriving. Closing it removes what was not finished."""

    def __init__(self, intake: Intake, ticket: Ticket, cap: int) -> None:
        self._intake, self._ticket, self._cap = intake, ticket, cap
        self._name = f"{secrets.token_hex(16)}{ticket.ending}"
        self._path = intake.store.incoming / self._name
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb")
        self._digest = hashlib.sha256()
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # of a full disk, once more
            self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Append a chunk. Raises Refused beyond the cap, GraderFault where the disk fails."""
        self._bytes += len(chunk)
        if self._bytes > self._cap:
            raise too_large(self._ticket.ending, self._cap / _MB)
        self._digest.update(chunk)
        with _disk_faults():
            self._file.write(chunk)

    def finish(self, moment: Moment, piece: bytes = b"") -> Receipt:
        """Record what arrived, with a last `piece`, whose last byte came at `moment`, and return its receipt.

        Raises as `Intake.receive` does.
        """
        self.write(piece)
        if not self._bytes:
            raise Refused(RefusalReason.EMPTY, "the file is empty")
        kept = self._intake.store.files / self._name
        with _disk_faults():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._path.rename(kept)
            _flush_folder(kept.parent)
        try:
            return self._record(moment)
        except (
            UsageError
        ):  # nothing was recorded; after any other failure nobody knows, and `sweep` decides later
            kept.unlink(missing_ok=True)
            raise

    def _record(self, moment: Moment) -> Receipt:
        with self._intake.store.writing(moment) as transaction:
            if receipt := _known_receipt(transaction, self._ticket):
                same = _of_same_file(receipt, self._digest.hexdigest())
                (self._intake.store.files / self._name).unlink(missing_ok=True)
                return same
            group, team = _check_rules(transaction, self._intake.spec, self._ticket)
            replaced = queue.replace_waiting(transaction, team, self._ticket.task)
            turn, since = replaced or (queue.turn_for(transaction, team), None)
            row: dict[str, str | int | None] = {
                "team": team, "person": self._ticket.person, "task": self._ticket.task, "file": self._name,
                "bytes": self._bytes, "sha256": self._digest.hexdigest(), "received": moment.text,
                "origin": self._ticket.origin, "key": self._ticket.key, "state": "received", "turn": turn, "since": since,
            }  # fmt: skip
            return self._enter(transaction, row, group)

    def _enter(self, transaction: Transaction, row: dict[str, str | int | None], group: str) -> Receipt:
        """Insert the row of a submission, its event and its receipt."""
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        cursor = transaction.connection.execute(
            f"INSERT INTO submissions ({names}) VALUES ({marks})",  # noqa: S608 -- the names are those above
            tuple(row.values()),
        )
        number = int(cursor.lastrowid or 0)
        team, task = str(row["team"]), self._ticket.task
        data = {name: row[name] for name in ("person", "sha256", "bytes", "received", "origin")} | {
            "group": group
        }
        event = transaction.record(Happening(EventKind.RECEIVED, team, task, number, data))
        receipt = self._intake.signer.sign(
            Receipt(
                fact(transaction, CONTEST_ID) or "", number, task, team, self._ticket.person, str(row["sha256"]),
                self._bytes, str(row["received"]), event.hash,
            )
        )  # fmt: skip
        transaction.connection.execute(
            "UPDATE submissions SET receipt = ? WHERE number = ?", (json.dumps(receipt.as_json()), number)
        )
        return receipt


def too_large(ending: str, megabytes: float) -> Refused:
    """Return the refusal of a file with this ending that has more than so many MB."""
    return Refused(
        RefusalReason.TOO_LARGE,
        f"the file has more than {megabytes:g} MB; clear its outputs and hand in again"
        if ending == NOTEBOOK_ENDING
        else f"the file has more than {megabytes:g} MB; hand in a smaller one",
    )


def sweep(store: Store) -> int:
    """Remove what killed processes left: files a day old that are no submission's. Return how many there were."""
    with store.reading() as transaction:
        known = {row["file"] for row in transaction.connection.execute("SELECT file FROM submissions")}
    before = store.clocks().wall.timestamp() - _STALE_SECONDS
    stale = [
        path
        for folder in (store.incoming, store.files)
        for path in folder.iterdir()
        if path.name not in known and _is_older(path, before)
    ]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _is_older(path: Path, seconds: float) -> bool:
    with contextlib.suppress(FileNotFoundError):  # an upload that was finished meanwhile
        return path.stat().st_mtime < seconds
    return False


def _check_rules(transaction: Transaction, spec: ContestSpec, ticket: Ticket) -> tuple[str, str]:
    """Return the group and the team of a sender who may hand in now. Raises Refused."""
    person = participant(transaction, ticket.person)
    if person.role == "viewer" or person.erased:
        raise Refused(RefusalReason.NOT_ALLOWED, "you may look on, but not hand in")
    events = events_of(transaction.connection, person.team, ticket.task)
    check_may_submit(spec, person.group, ticket.task, events=events, now=transaction.moment.wall)
    return person.group, person.team


def _known_receipt(transaction: Transaction, ticket: Ticket) -> Receipt | None:
    if ticket.key is None:
        return None
    row = transaction.connection.execute(
        "SELECT receipt FROM submissions WHERE person = ? AND task = ? AND key = ?",
        (ticket.person, ticket.task, ticket.key),
    ).fetchone()
    return Receipt.from_json(row["receipt"]) if row else None


def _of_same_file(receipt: Receipt, digest: str) -> Receipt:
    """Return the receipt that a key has already. Raises Refused for another file, which would be lost unnoticed."""
    if receipt.sha256 == digest:
        return receipt
    raise Refused(
        RefusalReason.OTHER_FILE,
        f"another file was handed in under this key, as number {receipt.number}; hand in under a new key",
    )


async def _repeated(receipt: Receipt, chunks: AsyncIterable[bytes]) -> Receipt:
    """Return the receipt that a key has already, if the same file arrives again. Raises Refused."""
    digest, left = hashlib.sha256(), receipt.size
    async for chunk in chunks:
        digest.update(chunk)
        left -= len(chunk)
        if left < 0:
            break
    return _of_same_file(receipt, digest.hexdigest())


@contextlib.contextmanager
def _disk_faults() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GraderFault(
            f"the file could not be kept: {error.strerror or error}; hand in again later"
        ) from error


def _flush_folder(folder: Path) -> None:
    """Force to the disk which files a folder holds; where folders cannot be opened (Windows), the system does so itself."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
