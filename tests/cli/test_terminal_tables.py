"""Tables cut no value, drop columns without one, and list people by name."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recorded import result_named
from rich.text import Text

from grader.cli import console, output
from grader.cli.console import SafeConsole
from grader.cli.tables import TableColumn, table
from grader.errors import Verdict
from grader.gradebook.gradebook import Key, Recorded
from grader.gradebook.result import Metrics, Seconds

if TYPE_CHECKING:
    from grader.gradebook.result import Result

NAMES = {"1001": "Lovelace, Augusta Ada King, Countess of", "1002": "Hopper, Grace"}


def scored(student: str, points: int = 40) -> Result:
    metrics = Metrics(0.8123, {"model": 0.8123}, [0.8, 0.82], 0.0141)
    return replace(
        result_named(student, Verdict.SCORED, points), metrics=metrics, seconds=Seconds(total=123.4)
    )


def shown(columns: list[TableColumn], width: int) -> str:
    stream = io.StringIO()
    SafeConsole(file=stream, width=width, color_system=None).print(table(columns, width))
    return stream.getvalue()


def column(heading: str, *values: str, folds: bool = False) -> TableColumn:
    return TableColumn(heading, [Text(value) for value in values], folds=folds)


@pytest.mark.parametrize("width", [200, 80, 40, 20])
def test_every_character_of_every_value_is_there_at_any_width(width: int) -> None:
    values = [
        "a-student-whose-id-is-as-long-as-an-address@university.example",
        "invalid_notebook",
        "0.812 ± 0.034",
    ]
    columns = [column(f"h{number}", value, folds=number == 0) for number, value in enumerate(values)]
    lines = shown(columns, width).splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    letters = sorted("".join(lines[1:]).replace(" ", ""))
    assert letters == sorted("".join(values).replace(" ", ""))


def test_a_column_that_folds_spares_the_others() -> None:
    text = shown([column("student", "x" * 60, folds=True), column("verdict", "invalid_notebook")], 60)
    assert "invalid_notebook" in text
    assert text.count("x") == 60


def test_a_column_without_a_value_is_dropped() -> None:
    text = shown([column("student", "ada", "bob"), column("penalties", "", " ")], 80)
    assert text.splitlines()[0].split() == ["student"]


def test_a_pipe_gets_each_row_as_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    stream = io.StringIO()
    monkeypatch.setattr(output, "_out", SafeConsole(file=stream))
    long = {"1001": "L" * 150, "1002": "Hopper, Grace"}
    output.show_results([scored("1001"), scored("1002")], long)
    rows = [line for line in stream.getvalue().splitlines() if "scored" in line]
    assert len(rows) == 2
    assert "L" * 150 in rows[1]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is printed on a terminal of 80 columns."""
    stream = io.StringIO()
    monkeypatch.setattr(output, "_out", SafeConsole(file=stream, width=80, color_system=None))
    return stream


def test_results_are_listed_by_name_without_empty_columns(screen: io.StringIO) -> None:
    output.show_results([scored("1001"), scored("1002"), scored("kim")], NAMES)
    text = screen.getvalue()
    head, *rows = text.splitlines()
    assert head.split() == ["name", "student", "verdict", "BAC", "points", "seconds"]
    order = [match[0] for row in rows if (match := re.search(r"\b(kim|100\d)\b", row))]
    assert order == ["1002", "kim", "1001"], "whom no roster knows is sorted by id"
    assert "Hopper, Grace" in text
    assert "changed:" not in text


def test_what_somebody_changed_and_penalties_are_counted_and_explained(screen: io.StringIO) -> None:
    output.show_results([replace(scored("1001"), penalties=["p", "q"], changed_cells=["c"])], {})
    text = screen.getvalue()
    assert text.splitlines()[0].split()[-2:] == ["penalties", "changed"]
    assert "penalties: " in text
    assert "changed: " in text
    assert "name" not in text.splitlines()[0]


def test_ids_that_look_alike_are_marked_in_every_table(screen: io.StringIO) -> None:
    impostor = "\u0430nna"
    results = [scored("anna"), scored(impostor), scored("ben")]
    output.show_results(results, {})
    output.show_recorded(
        [Recorded(n, n, 1, 1, "2026-01-01", Key("", ""), None, result) for n, result in enumerate(results)],
        {},
        times=False,
    )
    text = screen.getvalue()
    assert text.count("easily taken for") == 2
    assert len(re.findall(rf"^anna +{impostor} \(U\+0430\)", text, re.MULTILINE)) == 2
    assert len(re.findall(rf"^{impostor} +anna ", text, re.MULTILINE)) == 2
    assert not re.search(r"^ben +(anna|\u0430nna)", text, re.MULTILINE)


def test_messages_end_where_nobody_would_read_on(screen: io.StringIO) -> None:
    output.show_results([result_named(f"s{number:02}", Verdict.SLOT_ERROR, 0) for number in range(25)], {})
    assert "and 5 more; the report has all of them" in screen.getvalue()


def test_recorded_results_are_listed_by_name_and_a_history_by_time(screen: io.StringIO) -> None:
    recorded = [
        Recorded(
            number, number, 1, 1, f"2026-01-01T10:0{number}:00.000+00:00", Key("", ""), None, scored(student)
        )
        for number, student in enumerate(["1001", "1002"])
    ]
    output.show_recorded(recorded, NAMES, times=False)
    by_name = screen.getvalue()
    assert by_name.index("Hopper") < by_name.index("Lovelace")
    screen.truncate(0)
    output.show_recorded(recorded, NAMES, times=True)
    history = screen.getvalue()
    assert history.index("Lovelace") < history.index("Hopper")
    assert "2026-01-01 10:00" in history
    assert history.endswith("2 results\n")


def test_the_summary_counts_verdicts() -> None:
    results = [scored("a"), scored("b"), result_named("c", Verdict.SLOT_ERROR, 0)]
    assert output.summary(results) == "3 submissions: 2 scored, 1 slot_error"
    assert output.summary(results[2:]) == "1 submission: 1 slot_error"


def test_a_terminal_keeps_its_own_width(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("COLUMNS", raising=False)
    assert console.SafeConsole(file=Terminal()).width < console.SafeConsole(file=io.StringIO()).width
