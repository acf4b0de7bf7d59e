from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from contests import small_contest

from grader.contest.desk import announce, answer_question
from grader.contest.events import START, Event, EventKind, all_events, broken_link, head
from grader.contest.folder import open_contest, open_folder, start_contest
from grader.contest.moments import read_clocks
from grader.contest.schema import VERSION, make_or_migrate
from grader.contest.store import Store
from grader.errors import GraderFault, UsageError
from grader.files import write_atomic
from grader.gradebook.migration import Migration
from grader.serve.board_file import BoardFile

if TYPE_CHECKING:
    from pathlib import Path

    from contests import SmallContest


def events_of(small: SmallContest) -> list[Event]:
    with small.store.reading() as transaction:
        return list(all_events(transaction.connection))


def announce_and_fail(small: SmallContest) -> None:
    with small.store.writing() as transaction:
        announce(transaction, "", "Good morning")
        answer_question(transaction, 7, author="", text="Yes", public=True)


def test_every_change_of_an_event_breaks_the_chain(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    for _ in range(3):
        small.hand_in(small.ada)
    events = events_of(small)
    assert broken_link(events) is None
    with small.store.reading() as transaction:
        assert head(transaction.connection) == events[-1].hash
    changes: tuple[dict[str, Any], ...] = (
        {"at": "2026-01-01T00:00:00.000+00:00"}, {"team": "t0"}, {"task": "other"}, {"submission": 99}, {"data": {}},
        {"previous": START}, {"hash": START}, {"kind": EventKind.HELD},
    )  # fmt: skip
    for change in changes:
        changed = replace(events[3], **change)
        assert broken_link([*events[:3], changed, *events[4:]]) == 4
    assert broken_link([*events[:2], *events[3:]]) == 3, "one is missing"
    assert broken_link([events[0], events[0], *events[1:]]) == 2, "one is there twice"
    assert broken_link([events[1], events[0], *events[2:]]) == 1, "two have changed places"


def test_the_database_itself_refuses_to_change_events(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    for statement in ("UPDATE events SET team = 'x'", "DELETE FROM events"):
        with pytest.raises(GraderFault, match="append-only"), small.store.writing() as transaction:
            transaction.connection.execute(statement)


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    before = events_of(small)
    with pytest.raises(UsageError, match="no question 7"):
        announce_and_fail(small)
    assert events_of(small) == before


@pytest.mark.parametrize(("hours", "noted"), [(0.0001, []), (5, [18000]), (-5, [-18000])])
def test_a_clock_that_somebody_moves_is_noted(tmp_path: Path, hours: float, noted: list[int]) -> None:
    small = small_contest(tmp_path / "contest")
    small.clocks.wall += timedelta(hours=hours)
    with small.store.writing():
        pass
    moved = [event.data["seconds"] for event in events_of(small) if event.kind is EventKind.CLOCK_MOVED]
    # The contest was started with the clocks of this machine, on another boot.
    assert moved == noted


def test_another_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "contest"
    folder.mkdir()
    with sqlite3.connect(folder / "contest.sqlite") as connection:
        connection.execute("CREATE TABLE notes (text)")
    with pytest.raises(UsageError, match="not that of a contest"):
        Store(folder)


def test_the_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    with sqlite3.connect(small.store.folder / "contest.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(
        UsageError, match=f"has version 99, but this grader reads only up to version {VERSION}"
    ):
        open_contest(small.store.folder)


def test_a_migration_leads_from_each_version_to_the_next(tmp_path: Path) -> None:
    small_contest(tmp_path / "contest")
    (tmp_path / f"{VERSION}.sql").write_text(
        "ALTER TABLE teams ADD COLUMN motto TEXT NOT NULL DEFAULT '';", encoding="utf-8"
    )
    connection = sqlite3.connect(tmp_path / "contest" / "contest.sqlite", isolation_level=None)
    make_or_migrate(connection, tmp_path, VERSION + 1)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)
    assert connection.execute("SELECT motto FROM teams").fetchall() == [("",), ("",)]
    connection.close()


def test_a_step_that_another_process_takes_meanwhile_is_taken_once(tmp_path: Path) -> None:
    small_contest(tmp_path / "contest")
    path = tmp_path / "contest" / "contest.sqlite"
    taken: list[bool] = []
    (tmp_path / "1.sql").write_text(
        "UPDATE teams SET name = name || '; x'; -- once; not twice\n", encoding="utf-8"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 1")

        def ending(_: int) -> str:
            """Be the other process, between the look at the version and the step."""
            if not taken:
                taken.append(True)
                with closing(sqlite3.connect(path, isolation_level=None)) as other:
                    Migration(path, tmp_path, 2, lambda _: "").take(other, 1)
            return ""

        Migration(path, tmp_path, 2, ending).take(connection, 1)
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT name FROM teams").fetchall() == [("; x",), ("; x",)]


def tables(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as connection:
        return connection.execute(
            "SELECT name, replace(sql, ' ', '') FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        ).fetchall()


def test_a_contest_of_the_first_version_gets_the_tables_of_today(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    path = small.store.folder / "contest.sqlite"
    today = tables(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE grade_lines")
        connection.execute("DROP TABLE identities")
        connection.execute("PRAGMA user_version = 1")
    assert tables(path) != today
    Store(small.store.folder)
    assert tables(path) == today


def test_a_folder_without_a_contest_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        open_contest(tmp_path / "nothing")
    with pytest.raises(UsageError, match="there is no folder"):
        Store(tmp_path / "nothing")
    small = small_contest(tmp_path / "contest")
    with pytest.raises(UsageError, match="exists already"):
        start_contest(small.store.folder, "")


def test_the_worker_may_be_another_user_of_the_same_group(tmp_path: Path) -> None:
    mask = os.umask(0o007)
    try:
        small = small_contest(tmp_path / "contest")
        small.hand_in(small.ada)
    finally:
        os.umask(mask)
    folder = small.store.folder
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (folder, *folder.iterdir())}
    wanted = {"contest": "0o770", "contest.sqlite": "0o660", "files": "0o770", "receipts.key": "0o600"}
    assert {name: modes[name] for name in wanted} == wanted
    assert [oct(path.stat().st_mode & 0o777) for path in small.store.files.iterdir()] == ["0o640"]
    (folder / "receipts.key").unlink()
    assert open_folder(folder).spec == small.contest.spec, "who grades needs no key"


def test_this_machines_clocks_go_forward() -> None:
    first, second = read_clocks(), read_clocks()
    assert first.ticks <= second.ticks
    assert first.boot == second.boot
    assert abs(first.offset - second.offset) < 1


def test_others_of_the_machine_see_nothing_of_people_even_in_a_folder_that_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "contest"
    folder.mkdir(mode=0o755)
    small = small_contest(folder)
    small.hand_in(small.ada)
    write_atomic(small.store.feedback(1), b"code of Ada")
    BoardFile(folder).table("en", lambda: "Ada")
    private = ("contest.sqlite", "receipts.key", "files", "incoming", "feedback", "pages")
    assert [name for name in private if (folder / name).stat().st_mode & 0o007] == []
