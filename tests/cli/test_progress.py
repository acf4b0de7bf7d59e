"""Progress says what is done, what runs, how fast, and how long it will take."""

from __future__ import annotations

import io

import pytest
from recorded import result_named

from grader.cli import progress
from grader.cli.console import SafeConsole
from grader.cli.progress import Tally, duration
from grader.errors import Verdict


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_speed_and_time_left_count_only_what_this_call_did() -> None:
    clock = Clock()
    tally = Tally(100, clock)
    tally.known = 40
    for number in range(20):
        clock.seconds += 6
        tally.finish(result_named(f"s{number}"))
    assert tally.done == 60
    assert tally.per_minute() == pytest.approx(10)
    assert tally.seconds_left() == pytest.approx(240)


def test_nothing_is_said_of_the_time_left_before_there_is_enough_to_tell() -> None:
    clock = Clock()
    tally = Tally(10, clock)
    clock.seconds = 5
    tally.finish(result_named("a"))
    assert tally.seconds_left() is None


def test_running_submissions_are_listed_the_longest_first() -> None:
    clock = Clock()
    tally = Tally(3, clock)
    tally.start_or_move("a", 0, 0.5)
    clock.seconds = 10
    tally.start_or_move("b", 0, 0.1)
    tally.start_or_move("a", 1, 0.2)
    clock.seconds = 12
    assert tally.elapsed() == [("a", 12, 1, 0.2), ("b", 2, 0, 0.1)]
    tally.finish(result_named("a"))
    assert [row[0] for row in tally.elapsed()] == ["b"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (150, "2 min"), (5400, "90 min"), (7500, "2 h 05 min")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Stream(io.StringIO):
    """A text that is a terminal, or is none."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def shown(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    stream = Stream(terminal)
    console = SafeConsole(
        file=stream, force_terminal=terminal, width=100, color_system=None, legacy_windows=False
    )
    monkeypatch.setattr(progress, "err", console)
    monkeypatch.setattr("grader.cli.output.err", console)
    with progress.watcher(6, quiet=False) as watch:
        watch.on_known(2)
        watch.on_progress("running[bold]", 1, 0.25)
        watch.on_line("running[bold]", "[red]epoch 3[/]")
        for number in range(3):
            watch.on_result(result_named(f"s{number}", Verdict.SCORED, 50))
        watch.on_notice("trainers start cold")
        if isinstance(watch, progress._Live):
            watch._progress.refresh()
    return stream.getvalue()


def test_a_terminal_shows_counts_speed_and_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(True, monkeypatch)
    assert "5/6 done" in text
    assert "3 scored" in text
    assert "a minute" in text
    assert "running[bold]" in text, "a student's name is no markup"
    assert "repeat 2" in text
    assert "[red]epoch 3[/]" in text, "nor is what a program prints"
    assert "25%" in text


def test_a_log_has_a_plain_line_for_each_result(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(False, monkeypatch).splitlines()
    assert lines[0] == "note: 2 of 6 graded already; going on with the others"
    assert lines[1] == "[3/6] s0: scored, 50 points, 0.0 s"
    assert lines[3].startswith("[5/6] s2: scored, 50 points, 0.0 s, ")
    assert lines[3].endswith(" s left")
    assert "\x1b" not in "".join(lines)


def test_the_bar_of_one_submission_shows_what_its_program_prints_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = Stream(terminal=True)
    console = SafeConsole(
        file=stream, force_terminal=True, width=100, color_system=None, legacy_windows=False
    )
    monkeypatch.setattr(progress, "err", console)
    with progress.bar(2, quiet=False) as watch:
        watch.on_line("mine", "loading")
        watch.on_progress("mine", 0, 0.5)
        watch.on_line("mine", "[red]epoch 3[/]")
        assert isinstance(watch, progress._Bar)
        watch._progress.refresh()
    assert "repeat 1 of 2  [red]epoch 3[/]" in stream.getvalue()
    assert "loading  [red]" not in stream.getvalue()
