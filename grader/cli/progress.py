"""Show how a batch is going: live in a terminal, one line for each result in a log, nothing where a program reads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from grader.cli.console import err, one_line
from grader.cli.output import STYLES, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Task as ProgressTask
    from rich.progress import TaskID

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
        self.lines: dict[str, str] = {}  # student: what their program printed last
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
            self.lines.pop(result.student, None)
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

    def on_line(self, student: str, line: str) -> None:
        """Note what a running program printed last."""
        self.tally.lines[student] = line

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Note how far a running submission is."""
        self.tally.start_or_move(student, repeat, share)

    def on_known(self, count: int) -> None:
        """Print how many submissions need no run."""
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


class _TallyColumn(ProgressColumn):
    """The text right of a bar, made anew at each refresh."""

    max_refresh = 0.25

    def render(self, task: ProgressTask) -> Text:
        """Return the text that the bar's own function gives."""
        text: Text = task.fields["text"]()
        return text


class _Live(_Shown):
    """Progress in a terminal: a bar with counts, speed and time left, and one for each submission that runs."""

    def __init__(self, total: int, progress: Progress) -> None:
        super().__init__(total)
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self._batch = progress.add_task("", total=total, text=self._counts)

    def on_known(self, count: int) -> None:
        """Print how many submissions need no run, and move the bar."""
        super().on_known(count)
        self._progress.update(self._batch, completed=self.tally.done)

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Move the bar of a running submission."""
        super().on_progress(student, repeat, share)
        with self._lock:
            if student not in self._bars:
                self._bars[student] = self._progress.add_task(
                    student, total=1.0, text=lambda: self._running(student)
                )
            self._progress.update(self._bars[student], completed=share)
            self._show_longest()

    def on_result(self, result: Result) -> None:
        """Print the verdict above what is live."""
        self.tally.finish(result)
        with self._lock:
            bar = self._bars.pop(result.student, None)
            if bar is not None:
                self._progress.remove_task(bar)
            self._progress.update(self._batch, completed=self.tally.done)
            self._show_longest()
        err.print(_sentence(result))

    def _show_longest(self) -> None:
        for number, bar in enumerate(self._bars.values()):  # in the order in which they began
            self._progress.update(bar, visible=number < _MOST_RUNNING)

    def _counts(self) -> Text:
        tally = self.tally
        left = tally.seconds_left()
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in tally.verdicts.most_common())
        parts = (
            f"{tally.done}/{tally.total} done",
            f"{tally.per_minute():.1f} a minute" if tally.verdicts else "starting",
            f"{duration(left)} left" if left is not None else "",
            verdicts,
            f"{hidden} more running" if (hidden := len(self._bars) - _MOST_RUNNING) > 0 else "",
        )
        return Text(" - ".join(filter(None, parts)))

    def _running(self, student: str) -> Text:
        for name, seconds, repeat, share in self.tally.elapsed():
            if name == student:
                line = f"  {self.tally.lines[student]}" if student in self.tally.lines else ""
                return one_line(f"{student}  repeat {repeat + 1}  {share:.0%}  {duration(seconds)}{line}")
        return one_line(student)


class _Silent:
    """No progress at all, for answers that a program reads."""

    def on_line(self, student: str, line: str) -> None:
        """Do nothing."""

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Do nothing."""

    def on_known(self, count: int) -> None:
        """Do nothing."""

    def on_result(self, result: Result) -> None:
        """Do nothing."""

    def on_notice(self, text: str) -> None:
        """Print the notice to standard error, which the program does not parse."""
        warn(text)


class _Bar(_Silent):
    """Progress of one submission in a terminal: a bar over all its repeats."""

    def __init__(self, progress: Progress, repeats: int) -> None:
        self._progress, self._repeats = progress, repeats
        self._bar = progress.add_task("starting", total=repeats)
        self._line = ""

    def on_line(self, student: str, line: str) -> None:
        """Show it beside the bar from the next move on, and at once."""
        del student
        self._line = f"  {line}"
        caption = next(task.description for task in self._progress.tasks if task.id == self._bar)
        self._progress.update(self._bar, description=f"{caption.partition('  ')[0]}{self._line}")

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Move the bar."""
        del student
        caption = f"repeat {repeat + 1} of {self._repeats}{self._line}"
        self._progress.update(self._bar, completed=repeat + share, description=caption)


def _sentence(result: Result) -> Text:
    points = "no points" if result.points is None else f"{result.points} points"
    same = f", {result.same_as}" if result.same_as else ""
    verdict = (result.verdict.value, STYLES.get(result.verdict, "red"))
    return one_line(f"{result.student}: ", "bold") + Text.assemble(verdict, one_line(f", {points}{same}"))


@contextmanager
def watcher(total: int, *, quiet: bool) -> Iterator[_Live | _Lines | _Silent]:
    """Yield a watcher that shows the progress of `total` submissions."""
    if quiet:
        yield _Silent()
    elif err.watched:
        columns = (BarColumn(_BAR), _TallyColumn())
        with Progress(*columns, console=err, refresh_per_second=4, transient=True) as progress:
            yield _Live(total, progress)
    else:
        yield _Lines(total)


@contextmanager
def bar(repeats: int, *, quiet: bool) -> Iterator[_Silent]:
    """Yield a watcher that shows the progress of one submission."""
    if quiet or not err.watched:
        yield _Silent()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as progress:
        yield _Bar(progress, repeats)
