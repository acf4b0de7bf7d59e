"""Show how a batch is going: live in a terminal, one line for each result in a log, nothing where a program reads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from grader.cli.console import err, one_line
from grader.cli.output import STYLES, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from grader.gradebook.result import Result

_BAR = 24  # characters
_MOST_RUNNING = 12  # lines of running submissions
_SPEED_FROM = 3  # results, before a time left is worth saying


class Tally:
    """What is done, what runs and how fast. Safe to use from several threads; `clock` gives seconds."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.known = 0
        self.verdicts: Counter[str] = Counter()
        self.running: dict[str, tuple[float, int, float]] = {}  # student: begun, repeat, share
        self._clock = clock
        self._lock = threading.Lock()
        self._begun = clock()

    @property
    def done(self) -> int:
        """How many have a result, of now or of an earlier call."""
        return self.known + sum(self.verdicts.values())

    def start_or_move(self, student: str, repeat: int, share: float) -> None:
        """Note how far a running submission is."""
        with self._lock:
            begun = self.running.get(student, (self._clock(), 0, 0.0))[0]
            self.running[student] = (begun, repeat, share)

    def finish(self, result: Result) -> None:
        """Note a result."""
        with self._lock:
            self.running.pop(result.student, None)
            self.verdicts[result.verdict.value] += 1

    def per_minute(self) -> float:
        """Return the results of this call for each minute so far."""
        return 60 * sum(self.verdicts.values()) / max(self._clock() - self._begun, 1e-9)

    def seconds_left(self) -> float | None:
        """Return the seconds to the end at this speed; None where there is too little to tell."""
        if sum(self.verdicts.values()) < _SPEED_FROM:
            return None
        return 60 * (self.total - self.done) / self.per_minute()

    def elapsed(self) -> list[tuple[str, float, int, float]]:
        """Return student, seconds, repeat and share of each running submission, the longest first."""
        with self._lock:
            running = dict(self.running)
        now = self._clock()
        return sorted(
            ((student, now - begun, repeat, share) for student, (begun, repeat, share) in running.items()),
            key=lambda row: -row[1],
        )


def duration(seconds: float) -> str:
    """Return seconds as people say them: 42 s, 3 min, 2 h 05 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


class _Shown:
    """A watcher that keeps a tally."""

    def __init__(self, total: int) -> None:
        self.tally = Tally(total)

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Note how far a running submission is."""
        self.tally.start_or_move(student, repeat, share)

    def on_known(self, count: int) -> None:
        """Say what needs no run."""
        self.tally.known = count
        others = "; going on with the others" if count < self.tally.total else ""
        warn(f"{count} of {self.tally.total} graded already{others}")

    def on_notice(self, text: str) -> None:
        """Print the notice."""
        warn(text)


class _Lines(_Shown):
    """Progress where there is no terminal: one line for each finished submission."""

    def on_result(self, result: Result) -> None:
        """Print the verdict."""
        self.tally.finish(result)
        left = self.tally.seconds_left()
        end = f", {duration(left)} left" if left else ""
        head = f"[{self.tally.done}/{self.tally.total}] "
        err.print(
            Text(head) + _sentence(result) + Text(f", {result.seconds.total:.1f} s{end}"), soft_wrap=True
        )


class _Live(_Shown):
    """Progress in a terminal: counts, speed and time left, and what is running."""

    def on_result(self, result: Result) -> None:
        """Print the verdict above what is live."""
        self.tally.finish(result)
        err.print(_sentence(result))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tally = self.tally
        share = tally.done / max(tally.total, 1)
        filled = round(_BAR * share)
        left = tally.seconds_left()
        counts = ", ".join(f"{count} {verdict}" for verdict, count in tally.verdicts.most_common())
        speed = f"{tally.per_minute():.1f} a minute" if tally.verdicts else "starting"
        yield Text.assemble(
            ("#" * filled, "green"), ("-" * (_BAR - filled), "dim"), f" {tally.done}/{tally.total} done",
            f" - {speed}", f" - {duration(left)} left" if left is not None else "", f" - {counts}" if counts else "",
        )  # fmt: skip
        table = Table.grid(padding=(0, 2))
        running = tally.elapsed()
        for student, seconds, repeat, cells in running[:_MOST_RUNNING]:
            table.add_row(one_line(f"  {student}"), f"repeat {repeat + 1}", f"{cells:.0%}", duration(seconds))
        yield table
        if len(running) > _MOST_RUNNING:
            yield Text(f"  and {len(running) - _MOST_RUNNING} more")


class _Silent:
    """No progress at all, for answers that a program reads."""

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Say nothing."""

    def on_known(self, count: int) -> None:
        """Say nothing."""

    def on_result(self, result: Result) -> None:
        """Say nothing."""

    def on_notice(self, text: str) -> None:
        """Print the notice to standard error, which the program does not parse."""
        warn(text)


class _Bar(_Silent):
    """Progress of one submission in a terminal: a bar over all its repeats."""

    def __init__(self, progress: Progress, repeats: int) -> None:
        self._progress, self._repeats = progress, repeats
        self._bar = progress.add_task("starting", total=repeats)

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Move the bar."""
        del student
        said = f"repeat {repeat + 1} of {self._repeats}"
        self._progress.update(self._bar, completed=repeat + share, description=said)


def _sentence(result: Result) -> Text:
    points = "no points" if result.points is None else f"{result.points} points"
    same = f", the same program as {result.identical_to}" if result.identical_to else ""
    verdict = (result.verdict.value, STYLES.get(result.verdict, "red"))
    return one_line(f"{result.student}: ", "bold") + Text.assemble(verdict, one_line(f", {points}{same}"))


@contextmanager
def watcher(total: int, *, quiet: bool) -> Iterator[_Live | _Lines | _Silent]:
    """Give whoever shows the progress of `total` submissions."""
    if quiet:
        yield _Silent()
    elif err.watched:
        live = _Live(total)
        with Live(live, console=err, refresh_per_second=4, transient=True):
            yield live
    else:
        yield _Lines(total)


@contextmanager
def bar(repeats: int, *, quiet: bool) -> Iterator[_Silent]:
    """Give whoever shows the progress of one submission."""
    if quiet or not err.watched:
        yield _Silent()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as progress:
        yield _Bar(progress, repeats)
