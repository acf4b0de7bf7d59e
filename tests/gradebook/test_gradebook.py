"""The gradebook only grows, has one writer, and says who leads."""

from __future__ import annotations

import sqlite3
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from recorded import result_named

from grader.errors import UsageError, Verdict
from grader.gradebook import gradebook, schema
from grader.gradebook.gradebook import Adjustment, Choice, Gradebook, Key, SubmissionRecord, reading, writing
from grader.gradebook.result import Metrics, Result

KEY = Key("context", "slot")


def enter(book: Gradebook, *students: str, digest: str = "d") -> list[int]:
    book.counts("t", "best")
    return book.enter([SubmissionRecord("t", student, f"{student}.ipynb", digest) for student in students])


def begin(book: Gradebook) -> int:
    return book.begin_run("grade", {"device": "cpu"}, {"python": "3"}, {"node": "here"})


def attempt(
    book: Gradebook, run: int, student: str, points: int, *, digest: str, submitted: str | None = None
) -> None:
    (identity,) = book.enter([SubmissionRecord("t", student, f"{student}.ipynb", digest, submitted)])
    book.record(run, identity, result_named(student, Verdict.SCORED, points), Key("c", digest))


def test_a_result_comes_back_as_it_was_recorded(tmp_path: Path) -> None:
    result = replace(result_named("a", Verdict.SCORED, 40), penalties=["one"], identical_to="b (b.ipynb)")
    with writing(tmp_path) as book:
        (identity,) = enter(book, "a")
        book.record(begin(book), identity, result, KEY)
    with reading(tmp_path) as book:
        (found,) = book.current()
    assert (found.result, found.key, found.attempt, found.submission) == (result, KEY, 1, identity)
    assert Result.from_json(result.as_json() | {"of a later version": 1}) == result


def test_what_is_recorded_cannot_be_changed_or_deleted(tmp_path: Path) -> None:
    with writing(tmp_path) as book:
        book.record(begin(book), enter(book, "a")[0], result_named("a", Verdict.SCORED, 1), KEY)
        book.adjust(Adjustment("t", "a", 7, "why"))
        book.choose(Choice("t", "a", 1, "why"))
    connection = sqlite3.connect(tmp_path / gradebook.FILE_NAME)
    for table in ("results", "repeats", "adjustments", "choices"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET rowid = 7"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
    connection.close()


def test_one_process_writes_and_others_read_meanwhile(tmp_path: Path) -> None:
    """Rule 6."""
    with writing(tmp_path) as book:
        with pytest.raises(UsageError, match="another grader"), writing(tmp_path):
            pass
        book.record(begin(book), enter(book, "a")[0], result_named("a"), KEY)
        with reading(tmp_path) as other:
            assert [one.result.student for one in other.current()] == ["a"]
    with writing(tmp_path):
        pass


def test_a_folder_without_a_gradebook_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no gradebook"), reading(tmp_path):
        pass


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to look at" * 40, b"\0" * 4096], ids=["text", "zeros"]
)
def test_a_file_that_is_no_database_is_one_line_and_stays(content: bytes, tmp_path: Path) -> None:
    (tmp_path / gradebook.FILE_NAME).write_bytes(content)
    with pytest.raises(UsageError, match="file is not a database"), writing(tmp_path):
        pass
    assert (tmp_path / gradebook.FILE_NAME).read_bytes() == content


def test_another_database_and_a_later_version_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / gradebook.FILE_NAME
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    with pytest.raises(UsageError, match="not a gradebook"), writing(tmp_path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for opening in (writing, reading):
        with pytest.raises(UsageError, match="version 99"), opening(tmp_path):
            pass


def test_an_older_gradebook_is_brought_up_to_date_step_by_step(tmp_path: Path) -> None:
    with writing(tmp_path) as book:
        book.record(begin(book), enter(book, "a")[0], result_named("a"), KEY)
    steps = tmp_path / "migrations"
    steps.mkdir()
    now = schema.VERSION
    (steps / f"{now}.sql").write_text("ALTER TABLE students ADD COLUMN pronouns TEXT NOT NULL DEFAULT '';")
    (steps / f"{now + 1}.sql").write_text("UPDATE students SET pronouns = 'they';")
    connection = sqlite3.connect(tmp_path / gradebook.FILE_NAME, isolation_level=None)
    schema.prepare(connection, steps, now + 2)
    assert connection.execute("SELECT id, pronouns FROM students").fetchall() == [("a", "they")]
    assert connection.execute("PRAGMA user_version").fetchone() == (now + 2,)
    (steps / f"{now + 2}.sql").write_text("ALTER TABLE students ADD COLUMN b TEXT; SELECT nonsense;")
    with pytest.raises(sqlite3.Error, match="nonsense"):
        schema.prepare(connection, steps, now + 3)
    connection.close()
    connection = sqlite3.connect(tmp_path / gradebook.FILE_NAME)
    assert connection.execute("PRAGMA user_version").fetchone() == (now + 2,), (
        "a step is taken whole or not at all"
    )
    assert "b" not in [row[1] for row in connection.execute("PRAGMA table_info(students)")]
    connection.close()


def test_a_gradebook_that_was_brought_up_to_date_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    with tarfile.open(Path(__file__).with_name("results_of_0.1.0.tar.xz")) as packed:
        packed.extractall(tmp_path, filter="data")
    (tmp_path / "new").mkdir()
    for folder in ("new", "results"):
        with writing(tmp_path / folder):
            pass
    older, new = (sqlite3.connect(tmp_path / folder / gradebook.FILE_NAME) for folder in ("results", "new"))
    names = "SELECT type, name FROM sqlite_master ORDER BY type, name"
    assert older.execute(names).fetchall() == new.execute(names).fetchall()
    for kind, name in new.execute(names).fetchall():
        if kind in ("table", "view"):
            columns = f"SELECT name, type, dflt_value FROM pragma_table_info('{name}') ORDER BY name"
            assert older.execute(columns).fetchall() == new.execute(columns).fetchall()
    older.close()
    new.close()


def test_the_same_bytes_are_the_same_attempt_and_others_are_counted(tmp_path: Path) -> None:
    with writing(tmp_path) as book:
        first = enter(book, "a", "b", digest="1")
        again = enter(book, "a", digest="1")
        second = enter(book, "a", digest="2")
        assert again == first[:1]
        run = begin(book)
        for identity in (*second, *first):
            book.record(run, identity, result_named("x"), KEY)
        assert [(one.submission, one.attempt) for one in book.current()] == [
            (first[0], 1),
            (second[0], 2),
            (first[1], 1),
        ]


def test_a_failure_of_ours_never_hides_a_verdict(tmp_path: Path) -> None:
    """Rule 4, the other way round."""
    with writing(tmp_path) as book:
        run, (identity,) = begin(book), enter(book, "a")
        book.record(run, identity, result_named("a", Verdict.GRADER_ERROR), KEY)
        assert book.current()[0].result.verdict is Verdict.GRADER_ERROR
        assert book.latest(identity, "context") is None
        book.record(run, identity, result_named("a", Verdict.SCORED, 70), KEY)
        book.record(run, identity, result_named("a", Verdict.GRADER_ERROR), KEY)
        (one,) = book.current()
        assert (one.result.verdict, one.result.points) == (Verdict.SCORED, 70)
        assert [row["points"] for row in book.leaderboard()] == [70]
        assert len(book.history()) == 3


@pytest.mark.parametrize(
    ("counting", "expected"),
    [
        ("best", [("b", 1, 80, 1), ("a", 2, 80, 2), ("c", 3, 10, 1), ("d", 4, None, 1)]),
        ("latest", [("a", 1, 60, 3), ("b", 2, 40, 2), ("c", 3, 10, 1), ("d", 4, None, 1)]),
    ],
)
def test_the_leaderboard_takes_the_attempt_that_the_task_says_and_ties_go_to_the_earlier(
    counting: str, expected: list[tuple[str, int, int | None, int]], tmp_path: Path
) -> None:
    with writing(tmp_path) as book:
        book.counts("t", "best")
        run = begin(book)
        attempt(book, run, "a", 50, digest="1", submitted="2026-01-01T00:00:00+00:00")
        attempt(book, run, "a", 80, digest="2", submitted="2026-01-03T00:00:00+00:00")
        attempt(book, run, "a", 60, digest="3", submitted="2026-01-04T00:00:00+00:00")
        attempt(book, run, "b", 80, digest="1", submitted="2026-01-02T00:00:00+00:00")
        attempt(book, run, "b", 40, digest="2", submitted="2026-01-05T00:00:00+00:00")
        attempt(book, run, "c", 10, digest="1")
        book.record(run, enter(book, "d")[0], result_named("d", Verdict.GRADER_ERROR), KEY)
        book.counts("t", counting)
        rows = book.leaderboard()
    assert [(row["student"], row["rank"], row["points"], row["attempt"]) for row in rows] == expected
    assert {row["student"]: row["attempts"] for row in rows} == {"a": 3, "b": 2, "c": 1, "d": 1}


def test_the_attempt_that_was_chosen_counts_until_the_choice_is_withdrawn(tmp_path: Path) -> None:
    with writing(tmp_path) as book:
        book.counts("t", "latest")
        run = begin(book)
        attempt(book, run, "a", 80, digest="1", submitted="2026-01-01T00:00:00+00:00")
        attempt(book, run, "a", 60, digest="2", submitted="2026-01-02T00:00:00+00:00")
        for chosen, expected in ((1, (1, 80, 1, "the wrong file")), (None, (2, 60, None, ""))):
            book.choose(Choice("t", "a", chosen, "the wrong file"))
            (row,) = book.leaderboard()
            assert (row["attempt"], row["points"], row["chosen"], row["choice"]) == expected


def test_equal_points_are_ordered_by_the_accuracy_that_no_ceiling_cuts(tmp_path: Path) -> None:
    with writing(tmp_path) as book:
        book.counts("t", "latest")
        run = begin(book)
        for student, accuracy in (("a", 0.91), ("b", 0.97), ("c", 0.94)):
            (identity,) = book.enter([SubmissionRecord("t", student, f"{student}.ipynb", student)])
            measured = Metrics(accuracy, {"model": accuracy}, [accuracy], 0.0)
            result = replace(result_named(student, Verdict.SCORED, 100), metrics=measured)
            book.record(run, identity, result, Key("c", student))
        assert [(row["student"], row["rank"]) for row in book.leaderboard()] == [("b", 1), ("c", 2), ("a", 3)]


def test_the_roster_names_students_and_an_empty_field_takes_nothing_away(tmp_path: Path) -> None:
    with writing(tmp_path) as book:
        enter(book, "a")
        book.enrol([("a", "Anna", "anna@x.org", "")])
        book.enrol([("a", "", "", "2B")])
        book.record(begin(book), enter(book, "a")[0], result_named("a"), KEY)
        (row,) = book.leaderboard()
    assert (row["name"], row["email"], row["section"]) == ("Anna", "anna@x.org", "2B")


def test_points_without_a_verdict_that_earns_them_cannot_be_recorded(tmp_path: Path) -> None:
    """Rule 4."""
    with writing(tmp_path) as book:
        book.record(begin(book), enter(book, "a")[0], result_named("a"), KEY)
    connection = sqlite3.connect(tmp_path / gradebook.FILE_NAME)
    for verdict, points, accuracy in (
        ("grader_error", 0, None),
        ("scored", None, 0.5),
        ("scored", 7, None),
        ("scored", 101, 0.5),
    ):
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute(
                "INSERT INTO results (submission, run, recorded, context, slot, verdict, points, value, record)"
                " VALUES (1, 1, '', '', '', ?, ?, ?, '')",
                (verdict, points, accuracy),
            )
    connection.close()


def test_a_run_says_with_what_it_was_made_and_whether_it_ended(tmp_path: Path) -> None:
    with writing(tmp_path) as book:
        book.end_run(begin(book))
        begin(book)
        ended, killed = book.runs()
    assert (ended["settings"], ended["versions"], ended["machine"]) == (
        {"device": "cpu"},
        {"python": "3"},
        {"node": "here"},
    )
    assert ended["ended"] >= ended["began"]
    assert killed["ended"] is None


def test_the_latest_result_that_is_no_failure_of_ours_counts_as_known(tmp_path: Path) -> None:
    with writing(tmp_path) as book:
        run, (identity,) = begin(book), enter(book, "a")
        assert book.latest(identity, KEY.context) is None
        for verdict, points in ((Verdict.SCORED, 1), (Verdict.SCORED, 2), (Verdict.GRADER_ERROR, None)):
            book.record(run, identity, result_named("a", verdict, points), KEY)
        latest = book.latest(identity, KEY.context)
        assert latest is not None
        assert latest.result.points == 2
        assert book.latest(identity, "another context") is None
