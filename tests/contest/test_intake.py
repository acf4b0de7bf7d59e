from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from contests import small_contest

from grader.contest import queue
from grader.contest.events import all_events, broken_link
from grader.contest.intake import Ticket, sweep
from grader.contest.receipts import Receipt, is_genuine
from grader.contest.rules import RefusalReason, Refused
from grader.contest.views import board_view, queue_view, task_view
from grader.errors import GraderFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


def test_a_file_is_kept_and_its_receipt_is_genuine(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    receipt = small.hand_in(small.ada, b"a notebook")
    assert receipt.sha256 == hashlib.sha256(b"a notebook").hexdigest()
    assert receipt.received == small.clocks().text
    assert is_genuine(receipt, small.contest.signer.public_key)
    assert [path.read_bytes() for path in small.store.files.iterdir()] == [b"a notebook"]
    assert not list(small.store.incoming.iterdir())
    with small.store.reading() as transaction:
        view = task_view(transaction, small.contest.spec, small.ada, "toy_task")
        assert [attempt.number for attempt in view.attempts] == [receipt.number]
        assert Receipt.from_json(view.attempts[0].receipt) == receipt
        assert [row.name for row in queue_view(transaction)] == ["Ada"]
        assert [row.total for row in board_view(transaction, small.contest.spec).rows] == [0, 0]
        assert queue.place_of(transaction, receipt.number) == queue.QueuePlace(receipt.number, 0, None)
        assert broken_link(all_events(transaction.connection)) is None


def test_a_file_that_arrives_in_pieces_is_the_same(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"a note", b"", b"book"):
            yield piece

    receipt = asyncio.run(small.contest.intake.receive(Ticket(small.ada.id, "toy_task"), pieces()))
    assert receipt.sha256 == hashlib.sha256(b"a notebook").hexdigest()


def test_an_upload_repeated_under_its_key_is_one_submission(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    first = small.hand_in(small.ada, b"a", key="1")
    assert small.hand_in(small.ada, b"a", key="1") == first
    assert small.hand_in(small.bob, b"a", key="1").number == first.number + 1
    assert len(list(small.store.files.iterdir())) == 2


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", RefusalReason.EMPTY), (bytes(21 << 20), RefusalReason.TOO_LARGE)], ids=["empty", "large"]
)  # fmt: skip
def test_what_cannot_be_a_notebook_by_its_size_leaves_nothing(
    tmp_path: Path, content: bytes, reason: RefusalReason
) -> None:
    small = small_contest(tmp_path / "contest")
    with pytest.raises(Refused) as refused:
        small.hand_in(small.ada, content)
    assert refused.value.reason is reason
    assert not [*small.store.files.iterdir(), *small.store.incoming.iterdir()]


def test_an_upload_is_not_begun_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = small_contest(tmp_path / "contest")
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(GraderFault, match="disk is full; nothing was taken"):
        small.hand_in(small.ada)


def test_what_killed_uploads_left_is_swept_a_day_later_and_submissions_stay(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    small.hand_in(small.ada)
    for folder in (small.store.incoming, small.store.files):
        (folder / "left.ipynb").write_bytes(b"half a")
    for path in (*small.store.files.iterdir(), *small.store.incoming.iterdir()):
        os.utime(path, (0, small.clocks.wall.timestamp() - 3600))
    (small.store.incoming / "finished.ipynb").symlink_to(tmp_path / "gone")  # as what was renamed meanwhile
    assert sweep(small.store) == 0
    small.clocks.pass_seconds(24 * 3600)
    assert sweep(small.store) == 2
    assert [path.read_bytes() for path in small.store.files.iterdir()] == [b"{}"]


def test_the_deadline_is_the_arrival_of_the_last_byte(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with small.contest.intake.begin(Ticket(small.ada.id, "toy_task")) as upload:
        upload.write(b"a notebook")
        small.clocks.pass_seconds(4 * 3600)  # the window closes
        with pytest.raises(Refused) as refused:
            upload.finish(small.clocks())
    assert refused.value.reason is RefusalReason.CLOSED
    assert not [*small.store.files.iterdir(), *small.store.incoming.iterdir()]
