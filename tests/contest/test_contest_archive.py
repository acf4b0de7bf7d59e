from __future__ import annotations

import json
import shutil
import sqlite3
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from contests import SmallContest, result, small_contest

from grader.contest import queue
from grader.contest.archive import close_contest
from grader.contest.backup import back_up
from grader.contest.board import ranking
from grader.contest.counted import choose_what_counts
from grader.contest.desk import ask, disqualify, extend
from grader.contest.events import all_events, ranked_events
from grader.contest.folder import open_contest
from grader.contest.privacy import erase_person, export_person
from grader.contest.rejudge import discard_rejudge, start_rejudge
from grader.contest.rules import Refused
from grader.contest.verify import unsealed_secrets, verify_archive
from grader.errors import UsageError, Verdict
from grader.gradebook.gradebook import Key, SubmissionRecord, reading, writing
from grader.task.secret import secret_for

if TYPE_CHECKING:
    from pathlib import Path

    from grader.contest.receipts import Receipt
    from grader.task.spec import Task


def graded(small: SmallContest, receipt: Receipt, verdict: Verdict = Verdict.SCORED) -> None:
    """Record a verdict as a worker does: first in the gradebook of the task, then in the contest."""
    with small.store.writing() as transaction:
        queue.admit(transaction, receipt.number)
        (lease,) = queue.take(transaction, "w", tasks=["toy_task"], most=1)
        outcome = replace(
            result(verdict, 50 if verdict is Verdict.SCORED else 0),
            student=receipt.team,
            submission_sha256=receipt.sha256,
        )
        queue.record_result(transaction, lease, outcome)
    out = small.store.folder / "grading" / "toy_task"
    out.mkdir(parents=True, exist_ok=True)
    secret_for(out, None)
    with writing(out) as book:
        book.counts("toy_task", "best")
        (number,) = book.enter([SubmissionRecord("toy_task", receipt.team, "file", receipt.sha256)])
        run = book.begin_run("grade", {}, {}, {})
        book.record(run, number, outcome, Key("", ""))


@pytest.fixture
def played(tmp_path: Path) -> SmallContest:
    """A contest in which Ada scored, and Bob's file was broken."""
    small = small_contest(tmp_path / "contest")
    graded(small, small.hand_in(small.ada, b"ada's file"))
    graded(small, small.hand_in(small.bob, b"bob's file"), Verdict.INVALID_NOTEBOOK)
    return small


def closed(small: SmallContest, toy_task: Task, name: str = "contest.zip") -> Path:
    path = small.store.folder.parent / name
    close_contest(small.contest, {"toy_task": toy_task}, path, early=True)
    return path


def wrong(path: Path, receipt: Path | None = None) -> list[str]:
    return [finding.name for finding in verify_archive(path, receipt) if not finding.ok]


def test_a_closed_contest_takes_nothing_and_its_archive_is_verified_without_the_folder(
    played: SmallContest, toy_task: Task
) -> None:
    path = closed(played, toy_task)
    with pytest.raises(Refused, match="closed"):
        played.hand_in(played.ada)
    shutil.rmtree(played.store.folder)
    assert wrong(path) == []
    with zipfile.ZipFile(path) as archive:
        rows = json.loads(archive.read("ranking.json"))
        assert [(row["rank"], row["total"]) for row in rows] == [(1, 50.0), (2, 0.0)]
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Ada" not in content


def test_the_secrets_of_an_archive_open_with_its_key_alone(
    played: SmallContest, toy_task: Task, tmp_path: Path
) -> None:
    path = tmp_path / "contest.zip"
    ended = close_contest(played.contest, {"toy_task": toy_task}, path, early=True)
    secret = secret_for(played.store.folder / "grading" / "toy_task", None)
    assert unsealed_secrets(path, ended.key) == {"toy_task": secret.hex()}
    with pytest.raises(UsageError, match="another key"):
        unsealed_secrets(path, "A" * 43 + "=")
    with zipfile.ZipFile(path) as archive:
        assert secret not in b"".join(archive.read(name) for name in archive.namelist())


CHANGES = {
    "members": ("results/toy_task.jsonl", b'"points":50', b'"points":90'),
    "events": ("events.jsonl", b'"points":50', b'"points":90'),
    "submissions": ("submissions/1.ipynb", b"ada's", b"bob's"),
    "verdicts": ("results/toy_task.jsonl", b'"points":50', b'"points":90'),
    "ranking": ("ranking.json", b'"rank": 2', b'"rank": 1'),
}


@pytest.mark.parametrize("finding", CHANGES)
def test_what_was_changed_in_an_archive_is_found(
    played: SmallContest, toy_task: Task, tmp_path: Path, finding: str
) -> None:
    name, before, after = CHANGES[finding]
    path, changed = closed(played, toy_task), tmp_path / "changed.zip"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(changed, "w") as copy:
        for member in archive.namelist():
            content = archive.read(member)
            assert member != name or before in content
            copy.writestr(member, content.replace(before, after) if member == name else content)
    assert finding in wrong(changed)


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("manifest.json", b"{}"),
        ("manifest.json", b"[]"),
        ("events.jsonl", b'{"number": 1}'),
        ("results/toy_task.jsonl", b"[1]"),
        ("contest.toml", b"\xff"),
    ],
    ids=["no keys", "no object", "half an event", "no result", "no text"],
)
def test_an_archive_that_somebody_damaged_is_one_line(
    played: SmallContest, toy_task: Task, tmp_path: Path, member: str, content: bytes
) -> None:
    path, changed = closed(played, toy_task), tmp_path / "changed.zip"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(changed, "w") as copy:
        for name in archive.namelist():
            copy.writestr(name, content if name == member else archive.read(name))
    with pytest.raises(UsageError, match="is not the archive of a contest"):
        verify_archive(changed)


def test_a_file_that_the_manifest_does_not_name_is_found(played: SmallContest, toy_task: Task) -> None:
    path = closed(played, toy_task)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("results/another.jsonl", b"")
    assert wrong(path) == ["members"]


def test_a_submission_that_is_missing_is_found_unless_its_sender_was_erased(
    played: SmallContest, toy_task: Task
) -> None:
    (file,) = [path for path in played.store.files.iterdir() if path.read_bytes() == b"ada's file"]
    file.rename(played.store.folder / "elsewhere")
    assert wrong(closed(played, toy_task, "first.zip")) == ["submissions"]
    erase_person(played.store, played.ada.id)
    path = closed(played, toy_task, "second.zip")
    assert wrong(path) == []
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("ranking.json"))[0]["total"] == 50


def test_a_receipt_is_found_in_the_archive_and_a_forged_one_is_not(
    played: SmallContest, toy_task: Task, tmp_path: Path
) -> None:
    path, file = closed(played, toy_task), tmp_path / "receipt.json"
    with played.store.reading() as transaction:
        row = transaction.connection.execute("SELECT receipt FROM submissions WHERE number = 1").fetchone()
    file.write_text(row["receipt"], encoding="utf-8")
    assert wrong(path, file) == []
    forged = json.loads(row["receipt"]) | {"received": "2026-11-30T09:00:00.000+00:00"}
    file.write_text(json.dumps(forged), encoding="utf-8")
    assert wrong(path, file) == ["receipt 1"]
    broken = (b"[]", b"\xff\xfe", json.dumps(forged | {"signature": 5}).encode())
    for content in broken:
        file.write_bytes(content)
        with pytest.raises(UsageError, match="not a receipt"):
            verify_archive(path, file)


def test_a_contest_that_is_not_over_is_not_closed_by_mistake(tmp_path: Path, toy_task: Task) -> None:
    small = small_contest(tmp_path / "contest")
    path, tasks = tmp_path / "contest.zip", {"toy_task": toy_task}
    with pytest.raises(UsageError, match="files are taken until 2026-11-30 14:00 UTC; --early closes now"):
        close_contest(small.contest, tasks, path)
    later = small.clocks.wall.replace(hour=20)
    with small.store.writing() as transaction:
        extend(transaction, small.ada.team, later, task="toy_task", author="", reason="was ill")
    small.clocks.pass_seconds(6 * 3600)
    with pytest.raises(UsageError, match="until 2026-11-30 20:00 UTC"):
        close_contest(small.contest, tasks, path)
    small.hand_in(small.ada)
    small.clocks.pass_seconds(6 * 3600)
    with pytest.raises(UsageError, match="1 submission without a verdict"):
        close_contest(small.contest, tasks, path)
    with small.store.writing() as transaction:
        queue.hold(transaction, 1, "a moment")
    with pytest.raises(UsageError, match="1 submission without a verdict"):
        close_contest(small.contest, tasks, path)
    with small.store.writing() as transaction:
        queue.cancel(transaction, 1, "nobody waits for it")
    close_contest(small.contest, tasks, path)
    with pytest.raises(UsageError, match="exists already"):
        close_contest(small.contest, tasks, path)


def test_a_rejudge_is_finished_before_the_close(played: SmallContest, toy_task: Task) -> None:
    with played.store.writing() as transaction:
        start_rejudge(transaction, "toy_task", "the scorer was wrong")
        for lease in queue.take(transaction, "w", tasks=["toy_task"], most=2):
            queue.record_result(transaction, lease, result())
    with pytest.raises(UsageError, match="a rejudge is not finished"):
        closed(played, toy_task)
    with played.store.writing() as transaction:
        discard_rejudge(transaction, played.store)
    assert wrong(closed(played, toy_task)) == []


def test_the_gradebooks_learn_which_attempt_counts(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    graded(small, small.hand_in(small.ada, b"first"))
    graded(small, small.hand_in(small.ada, b"second"))
    with small.store.writing() as transaction:
        disqualify(transaction, 1, disqualified=True, author="", reason="copied")
    assert choose_what_counts(small.contest) == 1
    with reading(small.store.folder / "grading" / "toy_task") as book:
        (row,) = book.leaderboard()
    assert (row["student"], row["attempt"]) == (small.ada.team, 2)


def test_the_leaderboard_is_the_same_from_the_events_that_it_depends_on(played: SmallContest) -> None:
    with played.store.reading() as transaction:
        every, fewer = list(all_events(transaction.connection)), ranked_events(transaction.connection)
    assert len(fewer) < len(every)
    assert ranking(played.contest.spec, fewer) == ranking(played.contest.spec, every)


def test_what_is_no_archive_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "contest.zip"
    with pytest.raises(UsageError, match="cannot be read"):
        verify_archive(path)
    path.write_bytes(b"nothing")
    with pytest.raises(UsageError, match="is not the archive of a contest"):
        verify_archive(path)


def test_a_backup_is_a_contest_that_goes_on_from_there(played: SmallContest, tmp_path: Path) -> None:
    waits = played.hand_in(played.ada, b"another file")
    secret = secret_for(played.store.folder / "grading" / "toy_task", None)
    assert back_up(played.store, tmp_path / "copy") == 3
    with pytest.raises(UsageError, match="exists already"):
        back_up(played.store, tmp_path / "copy")
    shutil.rmtree(played.store.folder)
    restored = open_contest(tmp_path / "copy")
    assert restored.signer.public_key == played.contest.signer.public_key
    assert secret_for(tmp_path / "copy" / "grading" / "toy_task", None) == secret
    with restored.store.reading() as transaction:
        assert queue.state_of(transaction, waits.number) == "received"
        rows = transaction.connection.execute("SELECT file FROM submissions").fetchall()
    assert all((restored.store.files / row["file"]).is_file() for row in rows)
    with sqlite3.connect(tmp_path / "copy" / "grading" / "toy_task" / "gradebook.sqlite") as connection:
        assert connection.execute("SELECT COUNT(*) FROM results").fetchone() == (2,)


def test_a_backup_has_what_organisers_put_there_and_does_not_mind_what_goes_away_meanwhile(
    tmp_path: Path,
) -> None:
    small = small_contest(tmp_path / "contest")
    for name in ("public/toy_task/data.zip", "toy_task/task.toml"):
        path = small.store.folder / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"kept")
    for name in ("files/refused.ipynb", "grading/toy_task/runs/t/run-1/draft.json"):
        path = small.store.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(tmp_path / "gone")  # as a file that is there when the folder is read, and then is not
    assert back_up(small.store, tmp_path / "copy") == 0
    for name in ("public/toy_task/data.zip", "toy_task/task.toml"):
        assert (tmp_path / "copy" / name).read_bytes() == b"kept"


def test_the_export_of_a_person_has_all_of_theirs_and_nothing_of_others(
    played: SmallContest, tmp_path: Path
) -> None:
    with played.store.writing() as transaction:
        ask(transaction, played.ada.id, "Why?")
        ask(transaction, played.bob.id, "Where?")
    path = tmp_path / "ada.zip"
    assert export_person(played.store, played.ada.id, path) == 1
    with zipfile.ZipFile(path) as archive:
        assert archive.read("submissions/1.ipynb") == b"ada's file"
        text = archive.read("person.json").decode()
    record = json.loads(text)
    assert [row["text"] for row in record["texts"]] == ["Why?"]
    assert [row["verdict"] for row in record["verdicts"]] == ["scored"]
    assert {row["kind"] for row in record["events"]} >= {"enrolled", "received", "verdict", "asked"}
    assert "argon2" not in text
    assert played.bob.id not in text
    with pytest.raises(UsageError, match="nobody in the contest has the id p0"):
        export_person(played.store, "p0", path)
