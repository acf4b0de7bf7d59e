"""Show answers and progress in a terminal, in colour where there is one and plainly where there is not."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from grader.errors import EXPLANATIONS, Verdict
from grader.task import DEFAULT_SIZE, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.doctor import Finding
    from grader.result import Result

_SHOWN_PATHS = 20
_STYLES = {Verdict.SCORED: "green", Verdict.GRADER_ERROR: "bold magenta"}
_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def is_terminal() -> bool:
    """Return whether somebody watches."""
    return _err.is_terminal


def say(text: str) -> None:
    """Print one line."""
    _out.print(Text(text), soft_wrap=True)


def warn(text: str) -> None:
    """Print one line that the caller should not miss."""
    _err.print(Text(f"note: {text}", style="yellow"), soft_wrap=True)


def complain(text: str) -> None:
    """Print the one line that says why nothing was done."""
    _err.print(Text(f"grader: {text}", style="red"), soft_wrap=True)


def show_tasks(tasks: Sequence[Task]) -> None:
    """Print the table of tasks."""
    table = Table()
    for name in ("task", "you write", "0 points at", "100 at", "repeats", "limit", "sizes"):
        table.add_column(name, no_wrap=name in ("task", "you write"))
    for task in tasks:
        spec = task.spec
        table.add_row(
            task.id, "\n".join(spec.entries), f"{spec.score.floor:g}", f"{spec.score.ceiling:g}",
            str(spec.repeats), f"{spec.limits.wall_seconds:g} s", ", ".join([DEFAULT_SIZE, *spec.sizes]),
        )  # fmt: skip
    _out.print(table)
    for task in tasks:
        say(f"{task.id}: {task.spec.title}")
        say(f"  {task.spec.story}")


def show_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Print where the data are and what is in them."""
    say(f"public data  {folder / 'public'}")
    say(f"to hand out  {folder / 'public.zip'}  sha256 {manifest['zip_sha256']}")
    say(f"inputs       {folder / 'inputs'}")
    say(f"answers      {folder / 'answers'}  (keep these to yourself)")
    say(f"manifest     {folder / 'manifest.json'}")


def show_findings(findings: Sequence[Finding]) -> None:
    """Print what the doctor found."""
    for finding in findings:
        mark = Text("ok    ", style="green") if finding.ok else Text("WRONG ", style="bold red")
        _out.print(mark + Text(f"{finding.name:<42} {finding.detail.strip(' :')}", style=""), soft_wrap=True)


def show_results(results: Sequence[Result], out: Path) -> None:
    """Print the table of a batch and where everything is."""
    table = Table()
    table.add_column("student", overflow="fold")
    penalised = any(result.penalties for result in results)
    for name in ("verdict", "BAC", "points", "seconds", *(["penalties"] if penalised else []), "changed"):
        table.add_column(name, no_wrap=True)
    for result in results:
        table.add_row(
            Text(result.student),
            Text(result.verdict.value, style=_STYLES.get(result.verdict, "red")),
            accuracy(result),
            "-" if result.points is None else str(result.points),
            f"{result.seconds.total:.1f}",
            *([str(len(result.penalties) or "")] if penalised else []),
            str(len(result.changed_cells) or ""),
        )
    _out.print(table)
    say("BAC: balanced accuracy on hidden data, mean ± SD over repeats. changed: protected cells, ignored.")
    if penalised:
        say(
            "penalties: returns that were not allowed; the sentences are in the results and executed notebooks."
        )
    for result in results:
        if result.verdict is not Verdict.SCORED:
            _out.print(Text.assemble((result.student, "bold"), ": ", result.message), soft_wrap=True)
    executed = [folder for result in results for folder in _executed(result)]
    for path in executed[:_SHOWN_PATHS]:
        say(f"executed  {path}")
    if len(executed) > _SHOWN_PATHS:
        say(f"executed  and {len(executed) - _SHOWN_PATHS} more in {out / 'runs'}")
    say(f"results   {out / 'results.csv'}  {out / 'results.jsonl'}")


def _executed(result: Result) -> list[Path]:
    """Return the executed notebook of the last repeat of a result, if it came that far."""
    return sorted(Path(result.run_folder).glob("repeat-*/executed.ipynb"))[-1:]


def show_check(result: Result) -> None:
    """Print what a student wants to know of a rehearsal."""
    style = _STYLES.get(result.verdict, "red")
    _out.print(Text.assemble((result.verdict.value, f"bold {style}"), ": ", result.message), soft_wrap=True)
    if result.traceback:
        _out.print(Text(result.traceback))
    if result.verdict is Verdict.SCORED:
        for sentence in result.penalties[1:]:
            say(f"penalty: {sentence}")
        say(f"{result.points} points on the public data, balanced accuracy {accuracy(result)}")
    else:
        say(EXPLANATIONS[result.verdict].help)
    if result.changed_cells:
        say(f"ignored changes in protected cells: {', '.join(result.changed_cells)}")
    seconds, plural = result.seconds, "" if result.slot_calls == 1 else "s"
    calls = f"{seconds.slot_calls:.1f} s in {result.slot_calls} call{plural}"
    say(f"{seconds.total:.1f} s, of which your function {calls}")
    say(f"executed notebooks: {result.run_folder}")


def accuracy(result: Result) -> str:
    """Return the balanced accuracy with its spread over repeats."""
    if result.metrics is None:
        return ""
    spread = f" ± {result.metrics.spread:.3f}" if len(result.metrics.per_repeat) > 1 else ""
    return f"{result.metrics.balanced_accuracy:.3f}{spread}"


class _Lines:
    """Progress where there is no terminal: one line for each finished submission."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Say nothing: a log is for what is done."""

    def on_result(self, result: Result) -> None:
        """Print the verdict."""
        self._done += 1
        points = "-" if result.points is None else result.points
        _err.print(
            Text(
                f"[{self._done}/{self._total}] {result.student}: {result.verdict.value}, {points} points, "
                f"{result.seconds.total:.1f} s"
            ),
            soft_wrap=True,
        )

    def on_notice(self, text: str) -> None:
        """Print the notice."""
        warn(text)


class _Bars:
    """Progress in a terminal: a bar for the batch and one for each running submission."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._batch = progress.add_task("graded", total=total, unit="")
        self._running: dict[str, TaskID] = {}

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Move the bar of a running submission."""
        with self._lock:
            if student not in self._running:
                self._running[student] = self._progress.add_task(student, total=1.0)
            name = Text(f"{student}, repeat {repeat + 1}").plain
            self._progress.update(self._running[student], description=name, completed=share)

    def on_result(self, result: Result) -> None:
        """Replace the submission's bar by its verdict."""
        with self._lock:
            running = self._running.pop(result.student, None)
            if running is not None:
                self._progress.remove_task(running)
            self._progress.advance(self._batch)
        points = "-" if result.points is None else result.points
        self._progress.console.print(
            Text.assemble(
                (f"{result.student}: ", "bold"),
                (result.verdict.value, _STYLES.get(result.verdict, "red")),
                f", {points} points",
            )
        )

    def on_notice(self, text: str) -> None:
        """Print the notice above the bars."""
        self._progress.console.print(Text(f"note: {text}", style="yellow"))


class _Silent:
    """No progress at all, for answers that a program reads."""

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Say nothing."""

    def on_result(self, result: Result) -> None:
        """Say nothing."""

    def on_notice(self, text: str) -> None:
        """Print the notice to standard error, which the program does not parse."""
        warn(text)


@contextmanager
def watcher(total: int, *, quiet: bool) -> Iterator[_Bars | _Lines | _Silent]:
    """Give whoever shows the progress of `total` submissions."""
    if quiet:
        yield _Silent()
    elif _err.is_terminal:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=_err, transient=True) as progress:
            yield _Bars(progress, total)
    else:
        yield _Lines(total)
